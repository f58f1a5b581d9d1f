//! `[outbound]` in `sztp.toml`, and what the environment says where that is silent.

use std::{fmt, net::IpAddr, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::Uri;
use serde::Deserialize;
use zeroize::Zeroizing;

/// How the server reaches others.
///
/// ```toml
/// [outbound]
/// proxy = "http://proxy.example.net:3128"
/// credentials = "proxy.credentials"         # USER:PASSWORD, on one line
/// no-proxy = ["example.net", "10.0.0.0/8"]  # these names, those below them, and these addresses
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OutboundSection {
    /// The proxy, `http://HOST:PORT`; `direct` when there is to be none whatever the environment says. Unless said, what the
    /// environment has in `HTTPS_PROXY` or `https_proxy`.
    #[serde(default)]
    pub proxy: Option<String>,
    /// A file with the proxy's user and password, `USER:PASSWORD`.
    #[serde(default)]
    pub credentials: Option<std::path::PathBuf>,
    /// What is reached without it. Unless said, what the environment has in `NO_PROXY` or `no_proxy`, between commas.
    #[serde(default)]
    pub no_proxy: Option<Vec<String>>,
}

/// The way out. This machine itself is always reached directly.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    proxy: Option<Proxy>,
    except: Vec<Exception>,
}

/// A proxy.
#[derive(Clone)]
pub(super) struct Proxy {
    host: String,
    port: u16,
    /// The value of `Proxy-Authorization`.
    authorization: Option<Zeroizing<String>>,
}

/// What is reached directly.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    Everything,
    /// A name and those below it.
    Name(String),
    /// Addresses that begin with so many of these bits.
    Addresses(IpAddr, u32),
}

impl Outbound {
    /// Reads a section whose files lie in `folder`, and of the `environment` what it does not say.
    ///
    /// # Errors
    /// [`ProxyInvalid`] says what is wrong with which of them.
    pub fn load(
        section: &OutboundSection,
        folder: &Path,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ProxyInvalid> {
        let either = |upper: &str, lower: &str| environment(upper).or_else(|| environment(lower));
        let proxy = match section.proxy.as_deref() {
            Some("direct") => None,
            Some(address) => Some(Proxy::parse(address)?),
            None => {
                let address = either("HTTPS_PROXY", "https_proxy").filter(|address| !address.trim().is_empty());
                address.map(|address| Proxy::parse(address.trim())).transpose()?
            }
        };
        let proxy = match (proxy, &section.credentials) {
            (Some(proxy), Some(path)) => Some(proxy.known_by(&folder.join(path))?),
            (proxy, _) => proxy,
        };
        let except = match &section.no_proxy {
            Some(names) => names.iter().map(|name| Exception::parse(name)).collect::<Result<_, _>>()?,
            // Others read it too, each in a way of its own: what cannot be read is theirs.
            None => either("NO_PROXY", "no_proxy")
                .iter()
                .flat_map(|names| names.split(','))
                .filter_map(|name| Exception::parse(name).ok())
                .collect(),
        };
        Ok(Self { proxy, except })
    }

    /// The proxy through which this host is reached, if it is reached through one.
    pub(super) fn proxy_for(&self, host: &str) -> Option<&Proxy> {
        let address = host.parse::<IpAddr>().ok();
        let is_here = host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback());
        let excepted = || self.except.iter().any(|exception| exception.covers(host, address));
        self.proxy.as_ref().filter(|_| !is_here && !excepted())
    }
}

impl Proxy {
    fn parse(address: &str) -> Result<Self, ProxyInvalid> {
        let invalid = || ProxyInvalid::Address { address: without_password(address) };
        // As many write it in the environment.
        let whole = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let uri: Uri = whole.parse().map_err(|_| invalid())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(invalid)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(invalid());
        }
        let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
        let authorization = user.map(|user| basic(&percent_decoded(user)));
        Ok(Self { host, port: authority.port_u16().unwrap_or(80), authorization })
    }

    fn known_by(mut self, path: &Path) -> Result<Self, ProxyInvalid> {
        let wrap = |source| ProxyInvalid::Credentials { path: path.to_owned(), source };
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(wrap)?);
        if !text.contains(':') {
            return Err(wrap(std::io::Error::new(std::io::ErrorKind::InvalidData, "it holds no USER:PASSWORD")));
        }
        self.authorization = Some(basic(text.trim()));
        Ok(self)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_ref().map(|text| text.as_str())
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// RFC 7617 §2.
fn basic(user: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("Basic {}", STANDARD.encode(user)))
}

fn percent_decoded(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let escaped = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%');
        match escaped {
            Some(octet) => {
                octets.push(octet);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                octets.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

fn without_password(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => address.to_owned(),
    }
}

impl Exception {
    fn parse(text: &str) -> Result<Self, ProxyInvalid> {
        let invalid = || ProxyInvalid::Exception { text: text.to_owned() };
        let text = text.trim().trim_start_matches('[').trim_end_matches(']');
        if text == "*" {
            return Ok(Self::Everything);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| invalid())?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.parse().ok().filter(|bits| *bits <= most).ok_or_else(invalid)?;
            return Ok(Self::Addresses(address, bits));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Addresses(address, if address.is_ipv4() { 32 } else { 128 }));
        }
        let name = text.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
        if name.is_empty() || name.contains(|it: char| it.is_whitespace() || it == ':') {
            Err(invalid())
        } else {
            Ok(Self::Name(name))
        }
    }

    fn covers(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::Everything, _) => true,
            (Self::Name(name), None) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                host == *name || host.strip_suffix(name.as_str()).is_some_and(|below| below.ends_with('.'))
            }
            (Self::Addresses(IpAddr::V4(network), bits), Some(IpAddr::V4(address))) => {
                let shift = 32_u32.saturating_sub(*bits);
                let cut = |it: u32| it.checked_shr(shift).unwrap_or_default();
                cut(network.to_bits()) == cut(address.to_bits())
            }
            (Self::Addresses(IpAddr::V6(network), bits), Some(IpAddr::V6(address))) => {
                let shift = 128_u32.saturating_sub(*bits);
                let cut = |it: u128| it.checked_shr(shift).unwrap_or_default();
                cut(network.to_bits()) == cut(address.to_bits())
            }
            (Self::Name(_) | Self::Addresses(..), _) => false,
        }
    }
}

/// The way out cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyInvalid {
    /// The proxy's address is none.
    #[error(
        "{address:?} is no address of a proxy: it takes http://HOST:PORT, which is how it is spoken with; what is sent \
             through it is in TLS all the same"
    )]
    Address {
        /// What stands there, without a password.
        address: String,
    },
    /// The file with its user and password cannot be used.
    #[error("{}: {source}", path.display())]
    Credentials {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is to be reached directly cannot be read.
    #[error("no-proxy: {text:?} is neither a name, nor an address, nor addresses such as 10.0.0.0/8")]
    Exception {
        /// What stands there.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(section: &OutboundSection, environment: &[(&str, &str)]) -> Result<Outbound, ProxyInvalid> {
        let find = |name: &str| environment.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned());
        Outbound::load(section, Path::new("/nowhere"), find)
    }

    fn section(proxy: &str, no_proxy: &[&str]) -> OutboundSection {
        let no_proxy = Some(no_proxy.iter().map(|name| (*name).to_owned()).collect());
        OutboundSection { proxy: Some(proxy.to_owned()), credentials: None, no_proxy }
    }

    fn route(outbound: &Outbound, host: &str) -> Option<String> {
        outbound.proxy_for(host).map(ToString::to_string)
    }

    #[test]
    fn the_configuration_decides_and_where_it_is_silent_the_environment() {
        let environment = [("https_proxy", "proxy.env:8080"), ("NO_PROXY", "one.example, .two.example,")];
        let from_environment = load(&OutboundSection::default(), &environment).unwrap();
        assert_eq!(route(&from_environment, "masa.example").as_deref(), Some("proxy.env:8080"));
        assert_eq!(route(&from_environment, "a.two.example"), None);
        let own = load(&section("http://[2001:db8::1]:3128", &[]), &environment).unwrap();
        assert_eq!(route(&own, "one.example").as_deref(), Some("2001:db8::1:3128"));
        let direct = load(&section("direct", &[]), &environment).unwrap();
        assert_eq!(route(&direct, "masa.example"), None);
        assert_eq!(route(&load(&OutboundSection::default(), &[]).unwrap(), "masa.example"), None);
    }

    #[test]
    fn what_is_here_or_excepted_is_reached_directly() {
        let except = ["example.net", "10.0.0.0/8", "2001:db8::/32", "192.0.2.7"];
        let outbound = load(&section("http://proxy:3128", &except), &[]).unwrap();
        for direct in [
            "localhost",
            "127.0.0.9",
            "::1",
            "example.net",
            "A.Example.NET.",
            "10.255.0.1",
            "2001:db8:1::1",
            "192.0.2.7",
        ] {
            assert_eq!(route(&outbound, direct), None, "{direct}");
        }
        for through in ["badexample.net", "example.net.evil", "11.0.0.1", "2001:db9::1", "192.0.2.8", "localhost.evil"]
        {
            assert!(route(&outbound, through).is_some(), "{through}");
        }
        let none = load(&section("http://proxy:3128", &["*"]), &[]).unwrap();
        assert_eq!(route(&none, "masa.example"), None);
        let all_addresses = load(&section("http://proxy:3128", &["0.0.0.0/0"]), &[]).unwrap();
        assert_eq!((route(&all_addresses, "11.0.0.1"), route(&all_addresses, "a.b").is_some()), (None, true));
    }

    #[test]
    fn passwords_reach_the_proxy_and_nobody_else() {
        let environment = [("HTTPS_PROXY", "http://ada:se%3Acret@proxy.env:8080")];
        let outbound = load(&OutboundSection::default(), &environment).unwrap();
        assert!(!format!("{outbound:?}").contains("cret"));
        let proxy = outbound.proxy_for("masa.example").unwrap();
        assert_eq!(proxy.authorization(), Some(format!("Basic {}", STANDARD.encode("ada:se:cret")).as_str()));
        let wrong = load(&section("https://ada:secret@proxy", &[]), &[]).unwrap_err().to_string();
        assert!(wrong.contains("…@proxy") && !wrong.contains("secret"), "{wrong}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("user"), "ada:secret\n").unwrap();
        let credentials = |name: &str| OutboundSection { credentials: Some(name.into()), ..section("http://p:1", &[]) };
        let known = Outbound::load(&credentials("user"), folder.path(), |_| None).unwrap();
        let expected = format!("Basic {}", STANDARD.encode("ada:secret"));
        assert_eq!(known.proxy_for("x.example").unwrap().authorization(), Some(expected.as_str()));
        assert!(Outbound::load(&credentials("none"), folder.path(), |_| None).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for address in ["socks5://proxy:1080", "http://", "http://:3128", ""] {
            assert!(matches!(load(&section(address, &[]), &[]), Err(ProxyInvalid::Address { .. })), "{address}");
        }
        for text in ["10.0.0.0/33", "a b", "", "x/8"] {
            let loaded = load(&section("http://p:1", &[text]), &[]);
            assert!(matches!(loaded, Err(ProxyInvalid::Exception { .. })), "{text}");
        }
    }
}
