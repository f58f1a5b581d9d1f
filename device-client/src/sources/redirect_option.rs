//! What options 143 and 136 say, whoever asked for them (RFC 8572 §8.3).

use dhcp::bootstrap_uri::{AcceptedForms, FieldForm, Host};
use serde::{Deserialize, Deserializer, de::Error};
use verdict::{ReasonCode, Refusal};

use super::Learned;
use crate::{
    Server,
    machine::{Discovery, Offer, Origin},
};

/// Most servers taken from all answers together: those of one list that is as long as a list may be.
const MAXIMUM: usize = 64;

/// One option that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    /// What it is called and who sent it, such as `option 143 of 192.0.2.1`.
    pub(super) whence: String,
    /// Its value, all instances joined.
    pub(super) value: Vec<u8>,
}

/// Keeps these options as they came, for whoever looks for what is wrong with them.
pub(super) fn keep(options: &[Received], learned: &mut Learned) {
    options.iter().for_each(|it| learned.receive(&it.whence, &it.value));
}

/// The servers of all these options, in order, each once. Nobody who answers can keep another's list from being tried.
/// What was read although the standard would not has a line in `notes`.
///
/// # Errors
/// [`ReasonCode::NoSource`] when there is no option, and [`ReasonCode::DhcpUriInvalid`] when nothing in any of them can be
/// used (RFC 8572 §8.1, §8.2; DHC-09).
pub(super) fn read(options: &[Received], accept: AcceptedForms, notes: &mut Vec<String>) -> Result<Discovery, Refusal> {
    let mut discovery = Discovery { offers: Vec::new(), ignored: Vec::new() };
    for Received { whence, value } in options {
        let (uris, ignored) = match accept.decode(value) {
            Ok(read) => {
                // DHC-15: leniency is never silent.
                if !read.is_standard() {
                    notes.push(format!("{whence} is {}; accepted as `{}`", read.form.explanation(), read.form));
                }
                (read.list.uris.as_slice().to_vec(), read.list.ignored)
            }
            Err(discarded) => {
                discovery.ignored.push(Refusal::new(discarded.reason(), format!("{whence}: {discarded}")));
                (Vec::new(), discarded.ignored)
            }
        };
        for entry in ignored {
            let detail = format!("entry {} of {whence}: {}", entry.index, entry.because);
            discovery.ignored.push(Refusal::new(entry.because.reason(), detail));
        }
        for uri in uris {
            let host = match uri.host() {
                Host::Name(name) => name.to_string(),
                Host::Address(address) => address.to_string(),
            };
            // DHC-01: what DHCP says is believed by nobody.
            let offer = Offer::Server(Server::new(&host, uri.port()), Origin::Untrusted);
            if !discovery.offers.contains(&offer) && discovery.offers.len() < MAXIMUM {
                discovery.offers.push(offer);
            }
        }
    }
    if !discovery.offers.is_empty() {
        return Ok(discovery);
    }
    let nothing = || Refusal::new(ReasonCode::NoSource, "nobody sent the option");
    Err(discovery.ignored.into_iter().next().unwrap_or_else(nothing))
}

/// Reads the member `accept` of a table: names of forms. The standard's is always among them.
pub(super) fn read_forms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AcceptedForms, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    names.iter().try_fold(AcceptedForms::STRICT, |forms, name| {
        let known = || FieldForm::ALL.map(FieldForm::as_str).join(", ");
        let form = name.parse().map_err(|_| D::Error::custom(format!("`{name}` is none of {}", known())))?;
        Ok(forms.and(form))
    })
}

#[cfg(test)]
mod tests {
    use dhcp::bootstrap_uri::UriList;

    use super::*;

    fn option(whence: &str, value: &[u8]) -> Received {
        Received { whence: whence.to_owned(), value: value.to_vec() }
    }

    fn list(uris: &[&str]) -> Vec<u8> {
        UriList::new(uris.iter().map(|uri| uri.parse().unwrap()).collect()).unwrap().encode()
    }

    fn names(discovery: &Discovery) -> Vec<String> {
        let name = |offer: &Offer| match offer {
            Offer::Server(server, Origin::Untrusted) => server.to_string(),
            other => panic!("{other:?}"),
        };
        discovery.offers.iter().map(name).collect()
    }

    #[test]
    fn dhc_01_the_lists_of_all_servers_are_tried_each_entry_once() {
        let rogue = option("a", &list(&["https://rogue.example", "https://b.example"]));
        let good = option("b", &list(&["https://b.example", "https://[2001:db8::1]:8443"]));
        let broken = option("c", b"\xff\xff");
        let mut notes = Vec::new();
        let found = read(&[rogue, broken, good], AcceptedForms::STRICT, &mut notes).unwrap();
        assert_eq!(names(&found), ["rogue.example:443", "b.example:443", "[2001:db8::1]:8443"]);
        assert!(found.ignored.iter().any(|it| it.detail.starts_with("c: ")), "{:?}", found.ignored);
        assert_eq!(notes, Vec::<String>::new());
    }

    #[test]
    fn dhc_15_a_form_counts_only_where_it_is_named_and_leaves_a_note() {
        let server = UriList::from("https://192.0.2.1".parse::<dhcp::bootstrap_uri::BootstrapServerUri>().unwrap());
        for form in FieldForm::ALL.into_iter().skip(2) {
            let received = [option("option 143 of a", &form.encode(&server).unwrap())];
            let mut notes = Vec::new();
            let refusal = read(&received, AcceptedForms::STRICT, &mut notes).unwrap_err();
            assert_eq!(refusal.reason, ReasonCode::DhcpUriInvalid);
            assert!(refusal.detail.contains(&format!("({form}, not accepted here)")), "{}", refusal.detail);
            let found = read(&received, AcceptedForms::STRICT.and(form), &mut notes).unwrap();
            assert_eq!(names(&found), ["192.0.2.1:443"], "{form}");
            assert_eq!(notes.len(), 1);
            assert!(notes[0].ends_with(&format!("accepted as `{form}`")), "{notes:?}");
        }
    }

    #[test]
    fn dhc_09_without_a_usable_entry_there_is_no_source() {
        let mut notes = Vec::new();
        assert_eq!(read(&[], AcceptedForms::STRICT, &mut notes).unwrap_err().reason, ReasonCode::NoSource);
        let bad = [option("a", b"\x00\x11http://no.example"), option("b", b"")];
        let refusal = read(&bad, AcceptedForms::STRICT, &mut notes).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::DhcpUriInvalid);
    }

    #[test]
    fn the_number_of_servers_is_bounded() {
        let many = |from: usize| {
            let uris: Vec<_> = (from..from + 60).map(|number| format!("https://s{number}.example")).collect();
            option("a", &list(&uris.iter().map(String::as_str).collect::<Vec<_>>()))
        };
        let found = read(&[many(0), many(60)], AcceptedForms::STRICT, &mut Vec::new()).unwrap();
        assert_eq!(found.offers.len(), MAXIMUM);
    }
}
