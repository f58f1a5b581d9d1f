//! What a value of option 143 or 136 is, and everything that is wrong with it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dhcp::bootstrap_uri::{
    AcceptedForms, BootstrapServerUri, FieldForm, IgnoredBecause, IgnoredEntry, UriError, UriList, recognise,
};
use serde::Serialize;
use verdict::ReasonCode;

use super::{octets, syntax::Unsendable, uris::mend};

/// A value that was looked at.
#[derive(Debug)]
pub(super) struct Judged {
    /// Its form; `None` when it has none that is known.
    pub(super) form: Option<FieldForm>,
    /// The servers that a reader of that form finds.
    pub(super) servers: Vec<BootstrapServerUri>,
    /// What is wrong.
    pub(super) faults: Vec<Fault>,
    /// The list that was probably meant.
    pub(super) meant: Option<UriList>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    /// What is wrong here.
    pub(super) what: String,
    /// Which rule it breaks.
    pub(super) reason: ReasonCode,
    /// What to do.
    pub(super) remedy: String,
}

impl Fault {
    /// A fault whose remedy is that of its reason.
    pub(super) fn new(reason: ReasonCode, what: impl Into<String>) -> Self {
        Self { what: what.into(), reason, remedy: reason.remedy().to_owned() }
    }

    /// The server cannot send what would be right.
    pub(super) fn unsendable(why: Unsendable) -> Self {
        let fault = Self::new(ReasonCode::DhcpOptionNotSent, why.to_string());
        Self { remedy: "Name fewer or shorter servers, or use another DHCP server.".to_owned(), ..fault }
    }

    fn form(what: impl Into<String>) -> Self {
        Self::new(ReasonCode::DhcpUriForm, what)
    }

    fn uri(what: impl Into<String>, text: &str) -> Self {
        let fault = Self::new(ReasonCode::DhcpUriInvalid, what);
        match mend(text) {
            Some(meant) => Self { remedy: format!("Write {meant}; see that a server listens there."), ..fault },
            None => fault,
        }
    }
}

/// Judges a value. Forms that are `wanted` are no fault: somebody has devices that need them.
pub(super) fn judge(value: &[u8], wanted: &[FieldForm]) -> Judged {
    let read = recognise(value);
    let form = read.as_ref().map(|read| read.form);
    let servers = read.as_ref().map(|read| read.list.uris.as_slice().to_vec()).unwrap_or_default();
    let faults = match form {
        Some(FieldForm::Rfc8572 | FieldForm::Rfc8572Single) => {
            framed_faults(value, read.map(|read| read.list.ignored).unwrap_or_default())
        }
        Some(form) if wanted.contains(&form) => after_the_end(value, form),
        Some(FieldForm::Rfc8572Path) => framed_faults(value, ignored(value)),
        Some(form) => {
            let used = form.used_by().map(|by| format!("; known from {by}")).unwrap_or_default();
            let mut fault = Fault::form(format!("{}{used}", form.explanation()));
            fault.remedy = format!("{} If your devices want this one, say `--form {form}`.", fault.remedy);
            let path =
                printable(value).filter(|_| form == FieldForm::Text).and_then(|text| entry_fault(text, "the text"));
            [fault].into_iter().chain(path).chain(after_the_end(value, form)).collect()
        }
        None => unknown(value),
    };
    Judged { form, servers, faults, meant: meant(value) }
}

/// What is wrong with a value that is in no known form.
fn unknown(value: &[u8]) -> Vec<Fault> {
    if value.is_empty() {
        return vec![Fault::form("the value is empty")];
    }
    if let [length, text @ ..] = value
        && usize::from(*length) == text.len()
        && let Some(text) = printable(text)
    {
        return vec![Fault::form(format!("the length of {text:?} stands in one octet; RFC 8572 §8.3 wants two"))];
    }
    let Some(text) = printable(value) else {
        return match addresses(value) {
            Some(addresses) => {
                let what = format!(
                    "{} octets that may be {} addresses; RFC 8572 §8.3 wants framed https URIs",
                    value.len(),
                    addresses.len()
                );
                vec![Fault::form(what)]
            }
            None => framed_faults(value, ignored(value)),
        };
    };
    if octets::read(text).is_ok_and(|octets| octets.len() > 4) {
        return vec![Fault::form("hexadecimal digits are sent as a text, not as the octets that they stand for")];
    }
    let bare = text.parse::<IpAddr>().is_ok() || !text.contains("://") && mend(text).is_some();
    let what = if bare {
        format!("{text:?} is a bare address or name; RFC 8572 §8.3 wants an https URI behind its length in two octets")
    } else {
        format!("{text:?} is plain text, without the length that RFC 8572 §8.3 puts before each URI")
    };
    let several: Vec<_> = pieces(text).collect();
    let uris = several.iter().filter(|_| !bare).filter_map(|piece| entry_fault(piece, "the text"));
    let mut faults = vec![Fault::form(what)];
    faults.extend(uris);
    faults.extend(terminator(value));
    faults
}

/// What is wrong with the entries of a value that has the standard's frames.
fn framed_faults(value: &[u8], ignored: Vec<IgnoredEntry>) -> Vec<Fault> {
    let entries: Vec<_> = Entries(value).collect();
    let fault = |entry: IgnoredEntry| {
        let number = entry.index.saturating_add(1);
        let text = entries.get(entry.index).and_then(|octets| str::from_utf8(octets).ok());
        match (entry.because, text) {
            (IgnoredBecause::Uri(_), Some(text)) => {
                Fault::uri(format!("entry {number}, {text:?}: {}", entry.because), text)
            }
            (IgnoredBecause::OddTail, _) if value.ends_with(&[0]) => {
                Fault::form("an octet 00 follows the list: a terminator, which the option does not have")
            }
            (IgnoredBecause::Uri(_) | IgnoredBecause::NotText, _) => {
                Fault::new(entry.because.reason(), format!("entry {number}: {}", entry.because))
            }
            _ => Fault::form(format!("entry {number}: {}", entry.because)),
        }
    };
    ignored.into_iter().map(fault).collect()
}

/// What the strict reader leaves out.
fn ignored(value: &[u8]) -> Vec<IgnoredEntry> {
    AcceptedForms::STRICT.decode(value).err().map(|discarded| discarded.ignored).unwrap_or_default()
}

/// What is wrong with one URI, if it is.
fn entry_fault(text: &str, which: &str) -> Option<Fault> {
    let fault: UriError = text.parse::<BootstrapServerUri>().err()?;
    Some(Fault::uri(format!("{which}, {text:?}: {fault}"), text))
}

/// What stands behind a value of plain text.
fn after_the_end(value: &[u8], form: FieldForm) -> Vec<Fault> {
    let is_text = matches!(form, FieldForm::Text | FieldForm::BootzText | FieldForm::HostPort | FieldForm::Ipv4Text);
    terminator(value).filter(|_| is_text).into_iter().collect()
}

fn terminator(value: &[u8]) -> Option<Fault> {
    let last = value.last().filter(|last| last.is_ascii_whitespace() || **last == 0)?;
    Some(Fault::form(format!("the text ends in an octet {last:02x}, which a reader takes for a part of it")))
}

/// The addresses that these octets may be, as a server sends an option that is declared so; `None` where they are hardly any.
fn addresses(value: &[u8]) -> Option<Vec<IpAddr>> {
    if let Ok(octets) = <[u8; 16]>::try_from(value)
        && matches!(octets, [0x20..=0x3f | 0xfc..=0xfe, ..])
    {
        return Some(vec![Ipv6Addr::from_octets(octets).into()]);
    }
    let (addresses, rest) = value.as_chunks::<4>();
    let is_likely = rest.is_empty()
        && (1..=16).contains(&addresses.len())
        && addresses.iter().all(|it| matches!(it, [1..=223, ..]));
    is_likely.then(|| addresses.iter().map(|octets| Ipv4Addr::from_octets(*octets).into()).collect())
}

/// The value as a text without what ends it; `None` when it is none.
fn printable(value: &[u8]) -> Option<&str> {
    let text = str::from_utf8(value).ok()?.trim_end_matches(['\0', ' ', '\t', '\r', '\n']);
    (!text.is_empty() && text.bytes().all(|octet| (b' '..=b'~').contains(&octet))).then_some(text)
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', ';']).filter(|piece| !piece.is_empty())
}

/// The list that was probably meant: good URIs as they are, the others mended; nothing where nothing can be guessed.
fn meant(value: &[u8]) -> Option<UriList> {
    let read = |text: &str| text.parse().ok().or_else(|| mend(text));
    let servers: Vec<_> = match printable(value).or_else(|| value.get(1..).and_then(printable)) {
        // A framed list has zeros in it.
        Some(text) => pieces(text).filter_map(read).collect(),
        None => match addresses(value) {
            Some(addresses) => addresses.iter().filter_map(|address| mend(&address.to_string())).collect(),
            None => {
                let mut entries = Entries(value);
                let whole: Vec<_> = entries.by_ref().collect();
                // Behind a length that is wrong there may be a URI all the same.
                let rest = entries.0.get(2..).and_then(printable);
                whole.into_iter().filter_map(|entry| str::from_utf8(entry).ok()).chain(rest).filter_map(read).collect()
            }
        },
    };
    UriList::new(servers).ok()
}

/// The entries of a framed value, up to the first that is not whole.
struct Entries<'a>(&'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let [high, low, behind @ ..] = self.0 else { return None };
        let (entry, rest) = behind.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        self.0 = rest;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(texts: &[&str]) -> Vec<u8> {
        let frame = |text: &&str| [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat();
        texts.iter().flat_map(frame).collect()
    }

    fn shown(value: &[u8]) -> (Vec<ReasonCode>, String, Vec<String>) {
        let judged = judge(value, &[]);
        let meant = judged.meant.map(|list| list.as_slice().iter().map(ToString::to_string).collect());
        let what: Vec<_> = judged.faults.iter().map(|it| it.what.clone()).collect();
        (judged.faults.iter().map(|it| it.reason).collect(), what.join("; "), meant.unwrap_or_default())
    }

    #[test]
    fn dhc_04_a_good_list_has_no_fault() {
        let judged = judge(&framed(&["https://a.example", "https://192.0.2.1:8443"]), &[]);
        assert_eq!((judged.form, judged.servers.len()), (Some(FieldForm::Rfc8572), 2));
        assert!(judged.faults.is_empty());
    }

    /// Every fault that the issue names, and those beside them: its reason, what is said, and what is offered instead.
    #[test]
    fn dhc_16_each_fault_is_named_with_what_was_meant() {
        use ReasonCode::{DhcpUriForm as Layout, DhcpUriInvalid as Uri};
        let good = framed(&["https://a.example"]);
        let cases = [
            (b"\0\xffhttps://a.example/x".to_vec(), &[Layout][..], "announces 255", &["https://a.example"][..]),
            (framed(&["https://a.example/restconf"]), &[Uri], "path", &["https://a.example"]),
            (
                framed(&["https://a.example", "http://b.example"]),
                &[Uri],
                "entry 2",
                &["https://a.example", "https://b.example"],
            ),
            (b"https://a.example".to_vec(), &[Layout], "without the length", &["https://a.example"]),
            (b"https://a.example/x".to_vec(), &[Layout, Uri], "path", &["https://a.example"]),
            (b"https://a.example\0".to_vec(), &[Layout, Layout], "octet 00", &["https://a.example"]),
            (
                b"https://a.example,https://b.example".to_vec(),
                &[Layout],
                "plain text",
                &["https://a.example", "https://b.example"],
            ),
            (b"http://a.example".to_vec(), &[Layout, Uri], "https://", &["https://a.example"]),
            (b"192.0.2.1".to_vec(), &[Layout], "IPv4 address as plain text", &["https://192.0.2.1"]),
            (vec![192, 0, 2, 1], &[Layout], "four octets", &["https://192.0.2.1"]),
            (vec![192, 0, 2, 1, 192, 0, 2, 2], &[Layout], "2 addresses", &["https://192.0.2.1", "https://192.0.2.2"]),
            (
                "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets().to_vec(),
                &[Layout],
                "1 addresses",
                &["https://[2001:db8::1]"],
            ),
            (b"2001:db8::1".to_vec(), &[Layout], "bare address", &["https://[2001:db8::1]"]),
            (b"sztp.example".to_vec(), &[Layout], "bare address or name", &["https://sztp.example"]),
            (b"a.example:9090".to_vec(), &[Layout], "fl-sztp", &["https://a.example:9090"]),
            (b"bootz://a.example:9".to_vec(), &[Layout], "Bootz", &["https://a.example:9"]),
            ([b"\x11".as_slice(), b"https://a.example"].concat(), &[Layout], "one octet", &["https://a.example"]),
            ([good.as_slice(), &[0]].concat(), &[Layout], "terminator", &["https://a.example"]),
            ([good.as_slice(), &[0, 9, b'x']].concat(), &[Layout], "announces 9", &["https://a.example"]),
            (b"0011687474703a2f2f".to_vec(), &[Layout], "hexadecimal digits", &[]),
            (Vec::new(), &[Layout], "empty", &[]),
            (vec![0, 0], &[Layout], "empty", &[]),
            (vec![0xff; 9], &[Layout], "announces", &[]),
        ];
        for (value, reasons, says, offers) in cases {
            let (found, what, meant) = shown(&value);
            assert_eq!(
                (found.as_slice(), meant),
                (reasons, offers.iter().map(ToString::to_string).collect()),
                "{what}"
            );
            assert!(what.contains(says), "{what}: {says}");
        }
    }

    #[test]
    fn dhc_15_a_form_that_is_wanted_is_no_fault() {
        assert!(judge(b"a.example:9090", &[FieldForm::HostPort]).faults.is_empty());
        assert!(judge(b"https://a.example/x", &[FieldForm::Text]).faults.is_empty());
        assert_eq!(judge(b"https://a.example\0", &[FieldForm::Text]).faults.len(), 1);
        assert_eq!(judge(b"a.example:9090", &[FieldForm::Text]).faults.len(), 1);
    }

    /// Nothing that a network or a file may hold stops the judge, and whatever is not a good list has a fault.
    #[test]
    fn dhc_16_every_beginning_of_a_list_and_every_changed_octet_is_judged() {
        let good = framed(&["https://a.example", "https://[2001:db8::1]:8443"]);
        for end in 0..good.len() {
            let is_list = end == framed(&["https://a.example"]).len();
            assert_eq!(judge(&good[..end], &[]).faults.is_empty(), is_list, "{end}");
        }
        for at in 0..good.len() {
            for octet in [0, 1, b'/', 0x80, 0xff] {
                let mut changed = good.clone();
                changed[at] = octet;
                let judged = judge(&changed, &[]);
                assert!(!judged.faults.is_empty() || judged.form == Some(FieldForm::Rfc8572));
            }
        }
    }
}
