//! Where a server is.

use std::{fmt, str::FromStr};

/// The port of the operator API, unless said.
const PORT: u16 = 8444;

/// The address of a server: `https://NAME[:PORT]`, where the scheme may be left out. Port 8444 unless said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    host: String,
    port: u16,
}

impl ServerUrl {
    /// The server at this name or address (IPv6 without brackets) and port.
    ///
    /// # Errors
    /// [`ServerUrlInvalid`] when the host is no DNS name or IP address.
    pub fn new(host: &str, port: u16) -> Result<Self, ServerUrlInvalid> {
        match rustls::pki_types::ServerName::try_from(host) {
            Ok(_) => Ok(Self { host: host.to_owned(), port }),
            Err(_) => Err(ServerUrlInvalid { text: host.to_owned() }),
        }
    }

    /// The DNS name or IP address, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Name and port as they stand in requests.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority())
    }
}

impl FromStr for ServerUrl {
    type Err = ServerUrlInvalid;

    fn from_str(text: &str) -> Result<Self, ServerUrlInvalid> {
        let invalid = || ServerUrlInvalid { text: text.to_owned() };
        let rest = text.strip_prefix("https://").unwrap_or(text);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(bracketed) => {
                let (host, port) = bracketed.split_once(']').ok_or_else(invalid)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| invalid())?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(invalid)?) })
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let digits = |port: &str| port.bytes().all(|octet| octet.is_ascii_digit());
        let port = match port {
            Some(port) if digits(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(invalid)?,
            Some(_) => return Err(invalid()),
            None => PORT,
        };
        Self::new(host, port).map_err(|_| invalid())
    }
}

/// The text is not the address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no server: write it as https://NAME:PORT, such as https://sztp.example.net:8444")]
pub struct ServerUrlInvalid {
    /// What was given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_with_or_without_scheme_and_port() {
        for (text, shown) in [
            ("https://sztp.example.net:9000", "https://sztp.example.net:9000"),
            ("https://sztp.example.net/", "https://sztp.example.net:8444"),
            ("localhost", "https://localhost:8444"),
            ("192.0.2.1:1", "https://192.0.2.1:1"),
            ("[2001:db8::1]", "https://[2001:db8::1]:8444"),
            ("https://[2001:db8::1]:443", "https://[2001:db8::1]:443"),
        ] {
            assert_eq!(text.parse::<ServerUrl>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_server_is_refused_with_an_example() {
        for text in ["", "http://a", "a b", "a:0", "a:70000", "a:+1", "a:", "2001:db8::1", "[1.2.3.4]", "[::1]x", "a/b"]
        {
            let error = text.parse::<ServerUrl>().unwrap_err();
            assert!(error.to_string().contains("https://NAME:PORT"), "{text}");
        }
    }
}
