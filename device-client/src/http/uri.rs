//! Where an `http` or `https` URI leads.

use http::Uri;

/// A URI of one of the two schemes, with a host and a port that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUri {
    secure: bool,
    host: String,
    port: u16,
    path: String,
    authority: String,
}

impl HttpUri {
    /// Reads a URI; none when it is of another scheme, has no host or names a user, or a port that is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return None,
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return None;
        }
        // RFC 3986 §3.2.3: an empty port is the default one; one that is no port leads nowhere.
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" | ":" => Some(if secure { 443 } else { 80 }),
            _ => authority.port_u16().filter(|port| *port != 0),
        };
        let path = uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        Some(Self { secure, host, port: port?, path, authority: authority.as_str().to_owned() })
    }

    /// Whether it is `https`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The name or address, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Host and port as they were written: the `Host` field of a request.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_none_is_not_replaced_by_the_default() {
        for (uri, port) in [
            ("http://h/", Some(80)),
            ("https://h:/", Some(443)),
            ("https://[2001:db8::1]:8443/x", Some(8443)),
            ("http://h:65535/", Some(65535)),
            ("http://h:65536/", None),
            ("http://h:0/", None),
            ("https://[::1]:99999999/", None),
        ] {
            assert_eq!(HttpUri::parse(uri).map(|uri| uri.port()), port, "{uri}");
        }
    }

    #[test]
    fn sec_11_other_schemes_and_users_are_refused() {
        for uri in
            ["file:///etc/passwd", "gopher://x/", "ftp://x/y", "/relative", "https://user@host/", "http:///x", ""]
        {
            assert_eq!(HttpUri::parse(uri), None, "{uri}");
        }
        let uri = HttpUri::parse("http://[::1]:8080/a?b=c").unwrap();
        assert_eq!((uri.host(), uri.path(), uri.authority()), ("::1", "/a?b=c", "[::1]:8080"));
        assert!(!uri.is_secure());
    }
}
