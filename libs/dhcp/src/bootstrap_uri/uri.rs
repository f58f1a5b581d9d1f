//! One bootstrap server URI.

use std::{fmt, str::FromStr};

use thiserror::Error;
use verdict::ReasonCode;

use super::{Host, HostError};

/// The URI of a bootstrap server: `https://host[:port]` and nothing more (RFC 8572 §8.3, DHC-05).
///
/// Scheme and host are compared without regard to case and kept in lower case; port 443 is the default and not written
/// (RFC 8572 §5.5, DHC-13). Two URIs are equal when they name the same server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BootstrapServerUri {
    host: Host,
    port: u16,
}

impl BootstrapServerUri {
    /// The port when the URI names none.
    pub const DEFAULT_PORT: u16 = 443;

    /// The server at this place; `None` when the port is 0.
    pub(super) fn at(host: Host, port: u16) -> Option<Self> {
        (port != 0).then_some(Self { host, port })
    }

    /// The server's name or address.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The server's TCP port, never 0.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for BootstrapServerUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.host)?;
        if self.port == Self::DEFAULT_PORT { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for BootstrapServerUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // RFC 8572 §8.3: the scheme must be https.
        let authority = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, authority)) if scheme.eq_ignore_ascii_case(SCHEME) => authority,
            _ => return Err(UriError::Scheme),
        };
        // RFC 8572 §8.3: host and port only; a lone slash is a path too.
        let (host, port) = parse_authority(authority)?;
        Ok(Self { host, port: port.unwrap_or(Self::DEFAULT_PORT) })
    }
}

/// The text is not a bootstrap server URI. Always the fault of whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UriError {
    /// The URI does not begin with `https://`.
    #[error("the URI does not begin with https://")]
    Scheme,
    /// Something follows host and port: a path (a single slash is one), a query or a fragment.
    #[error("the URI has a path, query or fragment; only https://host[:port] is allowed")]
    Path,
    /// The URI names no port, in a form that must.
    #[error("the port is missing")]
    PortMissing,
    /// A user name or password stands before the host.
    #[error("the URI has user information")]
    UserInformation,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// The host is neither a name nor an address.
    #[error("the host is invalid: {0}")]
    Host(#[from] HostError),
}

impl UriError {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        ReasonCode::DhcpUriInvalid
    }
}

/// Reads `host[:port]`; anything before or after that is refused.
pub(super) fn parse_authority(authority: &str) -> Result<(Host, Option<u16>), UriError> {
    if authority.contains(['/', '?', '#', '\\']) {
        return Err(UriError::Path);
    }
    if authority.contains('@') {
        return Err(UriError::UserInformation);
    }
    let (host, port) = split_port(authority);
    let port = port.map(parse_port).transpose()?;
    Ok((host.parse()?, port))
}

/// Cuts at the colon of the port, which is never inside the brackets of an IPv6 address.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn parse_port(text: &str) -> Result<u16, UriError> {
    // Digits only: the number parser alone would also take a sign.
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).filter(|port| *port != 0).ok_or(UriError::Port)
}

pub(super) const SCHEME: &str = "https://";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_kept_in_one_form() {
        for (text, form, port) in [
            ("https://sztp1.example.net:8443", "https://sztp1.example.net:8443", 8443),
            ("HTTPS://SZTP1.Example.net:443", "https://sztp1.example.net", 443),
            ("https://192.0.2.1", "https://192.0.2.1", 443),
            ("https://[2001:db8::1]", "https://[2001:db8::1]", 443),
            ("https://[2001:db8:0::1]:65535", "https://[2001:db8::1]:65535", 65535),
        ] {
            let uri: BootstrapServerUri = text.parse().unwrap();
            assert_eq!((uri.to_string().as_str(), uri.port()), (form, port), "{text}");
            assert_eq!(uri.to_string().parse(), Ok(uri));
        }
    }

    /// DHC-05: any other scheme and any path is refused.
    #[test]
    fn dhc_05_everything_but_https_host_port_is_refused() {
        for (text, expected) in [
            ("", UriError::Scheme),
            ("sztp.example.net", UriError::Scheme),
            ("http://sztp.example.net", UriError::Scheme),
            ("httpsß//a", UriError::Scheme),
            ("https://sztp.example.net/", UriError::Path),
            ("https://sztp.example.net/restconf", UriError::Path),
            ("https://sztp.example.net?x", UriError::Path),
            ("https://sztp.example.net#x", UriError::Path),
            ("https://user@sztp.example.net", UriError::UserInformation),
            ("https://sztp.example.net:", UriError::Port),
            ("https://sztp.example.net:0", UriError::Port),
            ("https://sztp.example.net:+443", UriError::Port),
            ("https://sztp.example.net:65536", UriError::Port),
            ("https://", UriError::Host(HostError::Name)),
            ("https://:443", UriError::Host(HostError::Name)),
            ("https://2001:db8::1", UriError::Host(HostError::Name)),
            ("https://sztp.example.net ", UriError::Host(HostError::Name)),
            ("https://sztp\0.example.net", UriError::Host(HostError::Name)),
        ] {
            assert_eq!(text.parse::<BootstrapServerUri>(), Err(expected), "{text:?}");
        }
    }
}
