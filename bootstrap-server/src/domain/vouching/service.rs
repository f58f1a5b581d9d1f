//! Where a manufacturer is asked for vouchers (RFC 8995 §2.3.2, §5.5).

use std::{fmt, str::FromStr};

use axum::http::Uri;
use conveyed_info::voucher::REQUEST_VOUCHER_PATH;
use pki::certificate::Certificate;

/// A manufacturer's MASA: its address, and what its server certificate is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasaService {
    /// Where it is.
    pub address: MasaAddress,
    /// What its server's certificate chains to.
    pub anchors: Vec<Certificate>,
}

/// The address of a MASA: `https://NAME[:PORT]`, and a path where its requests are not below the well-known one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasaAddress {
    at: Target,
    /// As it is shown.
    text: String,
}

/// A resource of an HTTPS server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The value of `Host`.
    pub authority: String,
    /// The path, and the query if there is one.
    pub path: String,
}

/// The port of HTTPS.
const HTTPS: u16 = 443;

impl MasaAddress {
    /// Longest address, in octets.
    pub const MAX: usize = 1024;

    /// Where vouchers are asked for (RFC 8995 §5.5; MAS-01).
    #[must_use]
    pub fn request_voucher(&self) -> Target {
        let path = match self.at.path.as_str() {
            "" => REQUEST_VOUCHER_PATH.to_owned(),
            own => format!("{own}/requestvoucher"),
        };
        Target { path, ..self.at.clone() }
    }
}

impl fmt::Display for MasaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for MasaAddress {
    type Err = MasaAddressInvalid;

    /// Takes what an IDevID's extension may hold (RFC 8995 §2.3.2; MAS-12): a URL, or a name with a port.
    fn from_str(text: &str) -> Result<Self, MasaAddressInvalid> {
        let text = text.trim();
        if text.len() > Self::MAX {
            return Err(MasaAddressInvalid);
        }
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let mut at = Target::parse(&whole).ok_or(MasaAddressInvalid)?;
        if at.path.contains('?') {
            return Err(MasaAddressInvalid);
        }
        at.path.truncate(at.path.trim_end_matches('/').len());
        let text = format!("https://{}{}", at.authority, at.path);
        Ok(Self { at, text })
    }
}

impl Target {
    /// Reads an absolute URL. Only https is one: requests and vouchers are for nobody else, and both sides authenticate.
    fn parse(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let authority = url.authority().filter(|_| url.scheme_str() == Some("https"))?;
        // A password in an address would stand in logs.
        if authority.as_str().contains('@') {
            return None;
        }
        // Read here: a port beyond 65535 counts as none there.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => HTTPS,
            behind => behind.strip_prefix(':')?.parse().ok()?,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty() && port != 0).then(|| Self {
            host: host.to_owned(),
            port,
            authority: authority.as_str().to_owned(),
            path: url.path_and_query().map_or("/", |it| it.as_str()).to_owned(),
        })
    }

    /// What answers here: scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> String {
        let host = self.host.to_ascii_lowercase();
        if host.contains(':') {
            format!("https://[{host}]:{}", self.port)
        } else {
            format!("https://{host}:{}", self.port)
        }
    }

    /// Where a `Location` leads from here (RFC 9110 §10.2.2): an absolute URL, or a path of the same server.
    #[must_use]
    pub fn redirected(&self, location: &str) -> Option<Self> {
        let whole = if location.starts_with('/') && !location.starts_with("//") {
            format!("https://{}{location}", self.authority)
        } else {
            location.to_owned()
        };
        Self::parse(&whole)
    }
}

/// The text is no address of a MASA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "takes https://NAME[:PORT], with a path where requests are not below /.well-known/brski, without user and query"
)]
pub struct MasaAddressInvalid;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<(String, String)> {
        let address: MasaAddress = text.parse().ok()?;
        let again: MasaAddress = address.to_string().parse().unwrap();
        assert_eq!(again, address, "what is shown can be read");
        let target = address.request_voucher();
        Some((target.origin(), target.path))
    }

    #[test]
    fn mas_12_addresses_as_certificates_have_them() {
        let usual = "/.well-known/brski/requestvoucher";
        for (text, origin, path) in [
            ("https://masa.example", "https://masa.example:443", usual),
            ("masa.example", "https://masa.example:443", usual),
            ("MASA.example:9443", "https://masa.example:9443", usual),
            (" https://masa.example/ ", "https://masa.example:443", usual),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443", usual),
            ("https://masa.example/brski/v2/", "https://masa.example:443", "/brski/v2/requestvoucher"),
        ] {
            assert_eq!(asked(text), Some((origin.to_owned(), path.to_owned())), "{text}");
        }
        for text in [
            "",
            "http://masa.example",
            "ftp://masa.example",
            "https://",
            "https://ada:secret@masa.example",
            "https://masa.example?x=1",
            "https://masa.example:0",
            "https://masa.example:99999",
            "https://masa.example:",
            "two words",
        ] {
            assert_eq!(asked(text), None, "{text}");
        }
        assert_eq!(asked(&"a".repeat(MasaAddress::MAX + 1)), None);
    }

    #[test]
    fn mas_11_where_redirects_lead() {
        let here = "https://masa.example:9443".parse::<MasaAddress>().unwrap().request_voucher();
        let leads = |location: &str| here.redirected(location).map(|it| (it.origin(), it.path));
        let owned = |origin: &str, path: &str| Some((origin.to_owned(), path.to_owned()));
        assert_eq!(leads("/two"), owned("https://masa.example:9443", "/two"));
        assert_eq!(leads("https://b.example/x?y"), owned("https://b.example:443", "/x?y"));
        for location in ["http://masa.example/", "//b.example/x", "three", "", "\u{7f}"] {
            assert_eq!(leads(location), None, "{location}");
        }
    }
}
