//! The forms in which options 143 and 136 are found in the field, and how each is written.

use std::{fmt, net::IpAddr, str::FromStr};

use thiserror::Error;

use super::{BootstrapServerUri, Host, UriList, list::frame};

/// How the value of option 143 or 136 is laid out.
///
/// RFC 8572 §8.3 knows one form, [`FieldForm::Rfc8572`]; everything else is what some device or server does instead, and
/// is neither written nor read unless somebody names it (DHC-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FieldForm {
    /// The standard's: each URI `https://host[:port]` behind its length in two bytes.
    Rfc8572,
    /// The same with exactly one URI, for readers that take no list (the samples of the O-RAN M-plane). Such a value is
    /// recognised as [`FieldForm::Rfc8572`], because it is that.
    Rfc8572Single,
    /// Framed as the standard has it, but the URI carries the path of the RPC; read, the path is dropped (DHC-05).
    Rfc8572Path,
    /// One URI as plain text, unframed, port always written, with the path of the RPC: the OPI agent.
    Text,
    /// `host:port` as plain text, an IPv6 address in brackets: the agent `fl-sztp`.
    HostPort,
    /// An IPv4 address in dotted text and nothing else; the port is 443. Huawei's guides show an address without saying
    /// how it is written.
    Ipv4Text,
    /// An IPv4 address in its four octets, what a server makes of an option that is declared as an address.
    Ipv4Octets,
    /// `bootz://host:port`, framed as the standard has it: what OpenConfig Bootz specifies for these options.
    Bootz,
    /// `bootz://host:port` as plain text, unframed: what the DHCP server of OpenConfig Bootz sends.
    BootzText,
}

impl FieldForm {
    /// Every form, in the order in which a value is tried on them.
    pub const ALL: [Self; 9] = [
        Self::Rfc8572,
        Self::Rfc8572Single,
        Self::Rfc8572Path,
        Self::Bootz,
        Self::Text,
        Self::BootzText,
        Self::Ipv4Text,
        Self::HostPort,
        Self::Ipv4Octets,
    ];

    /// The name in configuration files and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rfc8572 => "rfc8572",
            Self::Rfc8572Single => "rfc8572-single",
            Self::Rfc8572Path => "rfc8572-path",
            Self::Text => "text",
            Self::HostPort => "host-port",
            Self::Ipv4Text => "ipv4-text",
            Self::Ipv4Octets => "ipv4-octets",
            Self::Bootz => "bootz",
            Self::BootzText => "bootz-text",
        }
    }

    /// How many servers a value of this form can name.
    #[must_use]
    pub const fn capacity(self) -> usize {
        match self {
            Self::Rfc8572 | Self::Rfc8572Path | Self::Bootz => UriList::MAXIMUM,
            Self::Rfc8572Single | Self::Text | Self::HostPort | Self::Ipv4Text | Self::Ipv4Octets | Self::BootzText => {
                1
            }
        }
    }

    /// What a person should know about a value of this form: one sentence without a full stop.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Rfc8572 | Self::Rfc8572Single => "a list of URIs as RFC 8572 §8.3 has it",
            Self::Rfc8572Path => {
                "a list of URIs framed after RFC 8572 §8.3, but with a path, which the RFC does not allow"
            }
            Self::Text => "a URI as plain text, without the length that RFC 8572 §8.3 puts before it",
            Self::HostPort => "a host and a port as plain text; RFC 8572 §8.3 wants a framed https URI",
            Self::Ipv4Text => "an IPv4 address as plain text; RFC 8572 §8.3 wants a framed https URI",
            Self::Ipv4Octets => "four octets that may be an IPv4 address; RFC 8572 §8.3 wants a framed https URI",
            Self::Bootz => "a list for OpenConfig Bootz, which is another protocol in the same option",
            Self::BootzText => "a URI of OpenConfig Bootz as plain text, which is another protocol in the same option",
        }
    }

    /// Which devices or servers use the form instead of the standard's, as far as is known; `None` for the standard's own.
    #[must_use]
    pub const fn used_by(self) -> Option<&'static str> {
        match self {
            Self::Rfc8572 | Self::Rfc8572Single => None,
            Self::Rfc8572Path => {
                Some("samples that show the path of the RPC, which devices that follow the RFC ignore")
            }
            Self::Text => Some("the agent of the Open Programmable Infrastructure project"),
            Self::HostPort => Some("the agent fl-sztp"),
            Self::Ipv4Text | Self::Ipv4Octets => Some("guides of Huawei"),
            Self::Bootz | Self::BootzText => Some("OpenConfig Bootz"),
        }
    }

    /// Writes the option's value in this form.
    ///
    /// # Errors
    /// [`FormUnsuited`] when this form cannot say what the list says; nothing is left out in silence.
    pub fn encode(self, list: &UriList) -> Result<Vec<u8>, FormUnsuited> {
        let uris = list.as_slice();
        if uris.len() > self.capacity() {
            return Err(FormUnsuited::TooManyServers { form: self, count: uris.len() });
        }
        if matches!(self, Self::Rfc8572 | Self::Rfc8572Single) {
            return Ok(list.encode());
        }
        let mut value = Vec::new();
        for uri in uris {
            let place = format!("{}:{}", uri.host(), uri.port());
            match self {
                Self::Rfc8572 | Self::Rfc8572Single => {}
                Self::Rfc8572Path => frame(&format!("https://{place}{RPC_PATH}"), &mut value),
                Self::Bootz => frame(&format!("bootz://{place}"), &mut value),
                Self::Text => value.extend(format!("https://{place}{RPC_PATH}").bytes()),
                Self::BootzText => value.extend(format!("bootz://{place}").bytes()),
                Self::HostPort => value.extend(place.bytes()),
                Self::Ipv4Text | Self::Ipv4Octets => {
                    let Host::Address(IpAddr::V4(address)) = uri.host() else {
                        return Err(FormUnsuited::NotIpv4 { form: self });
                    };
                    if uri.port() != BootstrapServerUri::DEFAULT_PORT {
                        return Err(FormUnsuited::PortLost { form: self, port: uri.port() });
                    }
                    match self {
                        Self::Ipv4Octets => value.extend(address.octets()),
                        _ => value.extend(address.to_string().bytes()),
                    }
                }
            }
        }
        Ok(value)
    }
}

impl fmt::Display for FieldForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FieldForm {
    type Err = FieldFormUnknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|form| form.as_str() == text).ok_or(FieldFormUnknown)
    }
}

/// The text is not the name of a [`FieldForm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a form of options 143 and 136; `rfc8572` is the standard's")]
pub struct FieldFormUnknown;

/// The form cannot carry what it was given. The fault is with whoever configured it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormUnsuited {
    /// More servers than the form has room for.
    #[error("the form {form} names one server, not {count}")]
    TooManyServers {
        /// The form asked for.
        form: FieldForm,
        /// Servers in the list.
        count: usize,
    },
    /// The form carries an IPv4 address and nothing else.
    #[error("the form {form} carries an IPv4 address only")]
    NotIpv4 {
        /// The form asked for.
        form: FieldForm,
    },
    /// The form carries no port, and the server's is not 443.
    #[error("the form {form} has no place for port {port}")]
    PortLost {
        /// The form asked for.
        form: FieldForm,
        /// The server's port.
        port: u16,
    },
}

/// Where the RPC lies under the usual RESTCONF root (RFC 8572 §7.2).
const RPC_PATH: &str = "/restconf/operations/ietf-sztp-bootstrap-server:get-bootstrapping-data";

#[cfg(test)]
mod tests {
    use super::*;

    fn list(uris: &[&str]) -> UriList {
        UriList::new(uris.iter().map(|uri| uri.parse().unwrap()).collect()).unwrap()
    }

    /// DHC-15: the bytes of every form, written out.
    #[test]
    fn dhc_15_each_form_has_its_bytes() {
        let server = list(&["https://192.0.2.1"]);
        let path = "/restconf/operations/ietf-sztp-bootstrap-server:get-bootstrapping-data";
        for (form, expected) in [
            (FieldForm::Rfc8572, b"\x00\x11https://192.0.2.1".to_vec()),
            (FieldForm::Rfc8572Single, b"\x00\x11https://192.0.2.1".to_vec()),
            (FieldForm::Rfc8572Path, format!("\0\x5bhttps://192.0.2.1:443{path}").into_bytes()),
            (FieldForm::Text, format!("https://192.0.2.1:443{path}").into_bytes()),
            (FieldForm::HostPort, b"192.0.2.1:443".to_vec()),
            (FieldForm::Ipv4Text, b"192.0.2.1".to_vec()),
            (FieldForm::Ipv4Octets, vec![192, 0, 2, 1]),
            (FieldForm::Bootz, b"\x00\x15bootz://192.0.2.1:443".to_vec()),
            (FieldForm::BootzText, b"bootz://192.0.2.1:443".to_vec()),
        ] {
            assert_eq!(form.encode(&server), Ok(expected), "{form}");
            assert_eq!(form.as_str().parse(), Ok(form));
        }
        assert_eq!(FieldForm::HostPort.encode(&list(&["https://[2001:db8::7]:9090"])).unwrap(), b"[2001:db8::7]:9090");
        assert_eq!("RFC8572".parse::<FieldForm>(), Err(FieldFormUnknown));
    }

    #[test]
    fn what_a_form_cannot_say_is_refused() {
        let two = list(&["https://a.example", "https://b.example"]);
        for form in FieldForm::ALL {
            let expected = FormUnsuited::TooManyServers { form, count: 2 };
            assert_eq!(form.encode(&two).err(), (form.capacity() == 1).then_some(expected), "{form}");
        }
        for form in [FieldForm::Ipv4Text, FieldForm::Ipv4Octets] {
            assert_eq!(form.encode(&list(&["https://a.example"])), Err(FormUnsuited::NotIpv4 { form }));
            assert_eq!(form.encode(&list(&["https://[::1]"])), Err(FormUnsuited::NotIpv4 { form }));
            let other_port = list(&["https://192.0.2.1:8443"]);
            assert_eq!(form.encode(&other_port), Err(FormUnsuited::PortLost { form, port: 8443 }));
        }
    }
}
