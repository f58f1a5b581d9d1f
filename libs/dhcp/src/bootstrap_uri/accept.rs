//! Reading options 143 and 136 in more forms than the standard's: only those that were named, and never in silence
//! (DHC-15).

use std::net::Ipv4Addr;

use thiserror::Error;
use verdict::ReasonCode;

use super::{
    BootstrapServerUri, DecodedList, FieldForm, Host, IgnoredEntry, NoUsableUri, UriError, UriList,
    uri::{SCHEME, parse_authority},
};

/// The forms that a reader takes. [`FieldForm::Rfc8572`] is always among them.
///
/// ```
/// use dhcp::bootstrap_uri::{AcceptedForms, FieldForm};
///
/// let value = b"sztp.example.net:9090";
/// let refused = AcceptedForms::STRICT.decode(value).unwrap_err();
/// assert_eq!(refused.recognised, Some(FieldForm::HostPort));
///
/// let lenient = AcceptedForms::STRICT.and(FieldForm::HostPort);
/// let read = lenient.decode(value)?;
/// assert_eq!(read.form, FieldForm::HostPort);
/// assert_eq!(read.list.uris.as_slice()[0].to_string(), "https://sztp.example.net:9090");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedForms([bool; FieldForm::ALL.len()]);

impl AcceptedForms {
    /// The standard's form alone.
    pub const STRICT: Self = Self([true, false, false, false, false, false, false, false, false]);

    /// Every form in which a server of RFC 8572 has been seen to be announced: all but the two of Bootz, behind which
    /// another protocol waits.
    #[must_use]
    pub fn every_sztp_form() -> Self {
        let forms = FieldForm::ALL.into_iter().filter(|form| !matches!(form, FieldForm::Bootz | FieldForm::BootzText));
        forms.fold(Self::STRICT, Self::and)
    }

    /// These forms and one more.
    #[must_use]
    pub fn and(mut self, form: FieldForm) -> Self {
        for (accepted, candidate) in self.0.iter_mut().zip(FieldForm::ALL) {
            *accepted |= candidate == form;
        }
        self
    }

    /// Whether the form is taken.
    #[must_use]
    pub fn contains(self, form: FieldForm) -> bool {
        self.0.into_iter().zip(FieldForm::ALL).any(|(accepted, candidate)| accepted && candidate == form)
    }

    /// Reads an option's value, all instances joined. The standard's form goes first: a value that is one is never
    /// taken for anything else. In the forms that are plain text, blanks and NULs at the end are not counted.
    ///
    /// # Errors
    /// [`Discarded`] when the value is in none of these forms: the option counts as absent (RFC 8572 §8.1, §8.2).
    pub fn decode(self, value: &[u8]) -> Result<FormRead, Discarded> {
        let accepted = FieldForm::ALL.into_iter().filter(|form| self.contains(*form));
        accepted.filter_map(|form| read(value, form)).next().ok_or_else(|| self.discarded(value))
    }

    fn discarded(self, value: &[u8]) -> Discarded {
        let strict = UriList::decode(value).err();
        Discarded {
            recognised: recognise(value).map(|read| read.form),
            ignored: strict.map(|NoUsableUri { ignored }| ignored).unwrap_or_default(),
        }
    }
}

impl Default for AcceptedForms {
    fn default() -> Self {
        Self::STRICT
    }
}

/// What a value is, whoever might accept it; `None` when it is in no form known here. For people who look for the cause
/// of a silent device.
///
/// ```
/// use dhcp::bootstrap_uri::{FieldForm, recognise};
///
/// let read = recognise(b"https://sztp.example.net/restconf").ok_or("unknown")?;
/// assert_eq!(read.form, FieldForm::Text);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn recognise(value: &[u8]) -> Option<FormRead> {
    FieldForm::ALL.into_iter().find_map(|form| read(value, form))
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormRead {
    /// The form it is in. Whatever is not [`FieldForm::Rfc8572`] deserves a line in the log.
    pub form: FieldForm,
    /// The servers, and what was left out.
    pub list: DecodedList,
}

impl FormRead {
    /// Whether the value is as RFC 8572 §8.3 wants it.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        self.form == FieldForm::Rfc8572
    }
}

/// An option in no form that is accepted here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the option holds no usable bootstrap server URI{}", because(*.recognised))]
pub struct Discarded {
    /// The form it would have in one that is not accepted here.
    pub recognised: Option<FieldForm>,
    /// The entries it has as a list of the standard's form, each with what is wrong with it.
    pub ignored: Vec<IgnoredEntry>,
}

impl Discarded {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        ReasonCode::DhcpUriInvalid
    }
}

fn because(recognised: Option<FieldForm>) -> String {
    recognised.map_or_else(String::new, |form| format!(": it is {} ({form}, not accepted here)", form.explanation()))
}

fn read(value: &[u8], form: FieldForm) -> Option<FormRead> {
    let list = match form {
        FieldForm::Rfc8572 => UriList::decode(value).ok()?,
        // On the wire it cannot be told from the form before.
        FieldForm::Rfc8572Single => return None,
        FieldForm::Rfc8572Path => UriList::decode_framed(value, https_with_path).ok()?,
        FieldForm::Bootz => UriList::decode_framed(value, bootz).ok()?,
        FieldForm::Text => one(https_with_path(text(value)?).ok()?),
        FieldForm::BootzText => one(bootz(text(value)?).ok()?),
        FieldForm::HostPort => one(host_port(text(value)?).ok()?),
        FieldForm::Ipv4Text => one(ipv4(text(value)?.parse().ok()?)?),
        FieldForm::Ipv4Octets => one(ipv4(Ipv4Addr::from_octets(value.try_into().ok()?))?),
    };
    Some(FormRead { form, list })
}

fn one(uri: BootstrapServerUri) -> DecodedList {
    DecodedList { uris: uri.into(), ignored: Vec::new() }
}

/// Plain text of bounded length, without the terminators that some servers add.
fn text(value: &[u8]) -> Option<&str> {
    let text = Some(value).filter(|value| value.len() <= MAXIMUM_TEXT).and_then(|value| str::from_utf8(value).ok())?;
    Some(text.trim_end_matches(['\0', ' ', '\t', '\r', '\n']))
}

/// `https://host[:port][/path]`; the path is dropped: host-meta says where RESTCONF is (RFC 8040 §3.1).
fn https_with_path(text: &str) -> Result<BootstrapServerUri, UriError> {
    let (host, port) = parse_authority(after(SCHEME, text).and_then(without_path)?)?;
    BootstrapServerUri::at(host, port.unwrap_or(BootstrapServerUri::DEFAULT_PORT)).ok_or(UriError::Port)
}

/// `bootz://host:port`; some servers add `/grpc`.
fn bootz(text: &str) -> Result<BootstrapServerUri, UriError> {
    host_port(after("bootz://", text).and_then(without_path)?)
}

fn host_port(text: &str) -> Result<BootstrapServerUri, UriError> {
    let (host, port) = parse_authority(text)?;
    port.and_then(|port| BootstrapServerUri::at(host, port)).ok_or(UriError::PortMissing)
}

/// An address at which a server can be; a multicast or the unspecified one is somebody's other four octets.
fn ipv4(address: Ipv4Addr) -> Option<BootstrapServerUri> {
    let [first, ..] = address.octets();
    let uri = BootstrapServerUri::at(Host::Address(address.into()), BootstrapServerUri::DEFAULT_PORT);
    uri.filter(|_| (1..224).contains(&first))
}

fn after<'a>(scheme: &str, text: &'a str) -> Result<&'a str, UriError> {
    match text.split_at_checked(scheme.len()) {
        Some((found, rest)) if found.eq_ignore_ascii_case(scheme) => Ok(rest),
        _ => Err(UriError::Scheme),
    }
}

fn without_path(rest: &str) -> Result<&str, UriError> {
    let Some((authority, path)) = rest.split_once('/') else { return Ok(rest) };
    // A query or fragment would say more than where the server is, and a blank means that this is no URI.
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\'));
    if plain { Ok(authority) } else { Err(UriError::Path) }
}

/// Longest plain text looked at, in bytes: a URI of the longest host, its port and a path.
const MAXIMUM_TEXT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> BootstrapServerUri {
        text.parse().unwrap()
    }

    /// DHC-15: with the flag off, such an option is discarded, and the reason says what it was.
    #[test]
    fn dhc_15_only_named_forms_are_read() {
        let server = UriList::from(uri("https://192.0.2.1"));
        for form in FieldForm::ALL {
            let value = form.encode(&server).unwrap();
            // A list of one is a list.
            let expected = if form == FieldForm::Rfc8572Single { FieldForm::Rfc8572 } else { form };
            assert_eq!(recognise(&value).unwrap().form, expected, "{form}");
            let read = AcceptedForms::STRICT.and(form).decode(&value).unwrap();
            assert_eq!((read.form, &read.list.uris), (expected, &server), "{form}");
            assert_eq!(read.is_standard(), expected == FieldForm::Rfc8572);

            let others = FieldForm::ALL.into_iter().filter(|other| *other != form);
            let others = others.fold(AcceptedForms::STRICT, AcceptedForms::and);
            match others.decode(&value) {
                Ok(read) => assert!(read.is_standard(), "{form}"),
                Err(discarded) => assert_eq!(discarded.recognised, Some(form)),
            }
        }
    }

    #[test]
    fn dhc_15_values_seen_in_the_field() {
        for (value, form, expected) in [
            (
                &b"https://bootstrap:9090/restconf/operations/ietf-sztp-bootstrap-server:get-bootstrapping-data"[..],
                FieldForm::Text,
                "https://bootstrap:9090",
            ),
            (b"https://bootstrap:9090\0", FieldForm::Text, "https://bootstrap:9090"),
            (b"10.127.1.7:9090", FieldForm::HostPort, "https://10.127.1.7:9090"),
            (b"[2001:db8:1::7]:9090\n", FieldForm::HostPort, "https://[2001:db8:1::7]:9090"),
            (b"bootz://192.0.2.9:15006/grpc", FieldForm::BootzText, "https://192.0.2.9:15006"),
            (b"10.1.1.3", FieldForm::Ipv4Text, "https://10.1.1.3"),
            (b"\x0a\x01\x01\x03", FieldForm::Ipv4Octets, "https://10.1.1.3"),
            (b"\x00\x1bhttps://10.1.1.3:9090/rests", FieldForm::Rfc8572Path, "https://10.1.1.3:9090"),
        ] {
            let read = recognise(value).unwrap();
            assert_eq!((read.form, read.list.uris.as_slice()), (form, &[uri(expected)][..]));
            assert!(UriList::decode(value).is_err());
        }
    }

    #[test]
    fn what_is_in_no_form_is_discarded_even_by_the_most_lenient() {
        for value in [
            &b""[..],
            b"http://192.0.2.1/demo.sh",
            b"https://user@192.0.2.1/",
            b"https://192.0.2.1/a?b",
            b"https://192.0.2.1/a b",
            b"sztp.example.net",
            b"2001:db8::1:9090",
            b"192.0.2.1:0",
            b"bootz://192.0.2.1",
            b"\x00\x00\x00\x00",
            b"\xe0\x00\x00\x01",
            b"\xff\xfe\xfd",
        ] {
            let lenient = FieldForm::ALL.into_iter().fold(AcceptedForms::STRICT, AcceptedForms::and);
            assert_eq!(lenient.decode(value).unwrap_err().recognised, None, "{value:02x?}");
        }
        let long = [b"https://a/".as_slice(), &[b'a'; MAXIMUM_TEXT]].concat();
        assert_eq!(recognise(&long), None);
    }

    /// A list with one good entry is the standard's, whatever else is accepted: its bad entries stay out.
    #[test]
    fn the_standards_form_goes_first() {
        let mut value = UriList::from(uri("https://a.example")).encode();
        value.extend(FieldForm::Rfc8572Path.encode(&uri("https://b.example").into()).unwrap());
        let read = AcceptedForms::every_sztp_form().decode(&value).unwrap();
        assert!(read.is_standard());
        assert_eq!(read.list.uris.as_slice(), [uri("https://a.example")]);
        assert_eq!(read.list.ignored.len(), 1);
    }

    #[test]
    fn bootz_is_no_form_of_sztp() {
        assert!(!AcceptedForms::every_sztp_form().contains(FieldForm::Bootz));
        assert!(AcceptedForms::every_sztp_form().contains(FieldForm::Text));
        let refused = AcceptedForms::every_sztp_form().decode(b"bootz://192.0.2.1:50052").unwrap_err();
        assert!(refused.to_string().contains("bootz-text"), "{refused}");
        assert_eq!(AcceptedForms::default(), AcceptedForms::STRICT);
        assert!(
            FieldForm::ALL.into_iter().filter(|form| AcceptedForms::STRICT.contains(*form)).eq([FieldForm::Rfc8572])
        );
    }
}
