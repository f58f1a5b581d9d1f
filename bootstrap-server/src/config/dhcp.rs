//! What the DHCP servers of a site tell devices when nobody wrote it down: that its own device listener is the bootstrap server.

use std::net::{IpAddr, Ipv6Addr};

use dhcp::bootstrap_uri::{BootstrapServerUri, UriList};
use netboot::policy::{Dhcp4Policy, Dhcp6Policy};

use super::{ConfigError, Document};

impl Document {
    /// The policy of the DHCPv4 server, complete: with the site's own bootstrap servers where `[dhcp4]` gives none to everybody.
    ///
    /// # Errors
    /// [`ConfigError::DhcpName`] and [`ConfigError::DhcpForm`].
    pub fn dhcp4_policy(&self) -> Result<Option<Dhcp4Policy>, ConfigError> {
        let Some(policy) = self.dhcp4.clone() else { return Ok(None) };
        let Some(uris) = own(self)? else { return Ok(Some(policy)) };
        let unsuited = |unsuited| ConfigError::DhcpForm { table: "dhcp4", unsuited };
        policy.with_bootstrap_servers(uris).map(Some).map_err(unsuited)
    }

    /// The same of the DHCPv6 server.
    ///
    /// # Errors
    /// As [`Self::dhcp4_policy`].
    pub fn dhcp6_policy(&self) -> Result<Option<Dhcp6Policy>, ConfigError> {
        let Some(policy) = self.dhcp6.clone() else { return Ok(None) };
        let Some(uris) = own(self)? else { return Ok(Some(policy)) };
        let unsuited = |unsuited| ConfigError::DhcpForm { table: "dhcp6", unsuited };
        policy.with_bootstrap_servers(uris).map(Some).map_err(unsuited)
    }
}

/// The names and the port of the device listener as bootstrap servers. A port that the system is to choose is none that anybody can be told.
fn own(document: &Document) -> Result<Option<UriList>, ConfigError> {
    let Some(listener) = &document.device_listener else { return Ok(None) };
    let port = listener.public_port.unwrap_or_else(|| listener.listen.port());
    if port == 0 {
        return Ok(None);
    }
    let uris = listener.names.iter().map(|name| uri(name, port)).collect::<Result<Vec<_>, _>>()?;
    // More names than a list takes: the first ones are those to be tried first.
    let first = uris.into_iter().take(UriList::MAXIMUM).collect();
    Ok(UriList::new(first).ok())
}

/// RFC 8572 §8.3 (DHC-05): scheme, host and port, and nothing else.
fn uri(name: &str, port: u16) -> Result<BootstrapServerUri, ConfigError> {
    let host = match name.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => bracketed(address),
        _ => name.to_owned(),
    };
    let invalid = |source| ConfigError::DhcpName { name: name.to_owned(), source };
    format!("https://{host}:{port}").parse().map_err(invalid)
}

fn bracketed(address: Ipv6Addr) -> String {
    format!("[{address}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "database = 'd'\n[audit]\norigin = 'o'\nkey = 'k'\n";

    fn document(listener: &str, dhcp: &str) -> Document {
        let listener = match listener {
            "" => String::new(),
            text => format!("[device-listener]\n{text}\ncertificate = 'c'\nkey = 'k'\ntrust-anchor = 'a'\n"),
        };
        toml::from_str(&format!("{SITE}{listener}{dhcp}")).unwrap()
    }

    fn given(document: &Document) -> Option<(Vec<String>, String)> {
        let policy = document.dhcp4_policy().unwrap().unwrap();
        let (client, directory) = (netboot::client::Client::default(), netboot::policy::Directory::default());
        let answer = policy.rules().answer(&client, None, &directory);
        let uris = answer.uris()?;
        Some((uris.value.as_slice().iter().map(ToString::to_string).collect(), uris.origin.to_string()))
    }

    #[test]
    fn dhc_05_the_device_listener_is_the_bootstrap_server_unless_another_is_named() {
        let listener = "listen = '0.0.0.0:8443'\nnames = ['sztp.example.net', '192.0.2.1', '2001:db8::1']";
        let own = ["https://sztp.example.net:8443", "https://192.0.2.1:8443", "https://[2001:db8::1]:8443"];
        let (uris, origin) = given(&document(listener, "[dhcp4]\n")).unwrap();
        assert_eq!((uris, origin.as_str()), (own.map(str::to_owned).to_vec(), "the device listener"));
        let public = format!("{listener}\npublic-port = 443");
        let (uris, _) = given(&document(&public, "[dhcp4]\n")).unwrap();
        assert!(uris[0].starts_with("https://sztp.example.net") && !uris[0].contains("8443"), "{uris:?}");
        let other = "[dhcp4.give]\nbootstrap-uris = ['https://other.example']\n";
        let (uris, origin) = given(&document(listener, other)).unwrap();
        assert_eq!((uris, origin.as_str()), (vec!["https://other.example".to_owned()], "everybody"));
        let six = document(listener, "[dhcp6]\n").dhcp6_policy().unwrap().unwrap();
        let (client, directory) = (netboot::client::Client::default(), netboot::policy::Directory::default());
        assert_eq!(six.rules().answer(&client, None, &directory).uris().unwrap().value.as_slice().len(), 3);
        // Nothing to name: no listener, or a port that is not known yet.
        assert_eq!(given(&document("", "[dhcp4]\n")), None);
        assert_eq!(given(&document("listen = '0.0.0.0:0'\nnames = ['a.example']", "[dhcp4]\n")), None);
    }

    #[test]
    fn dhc_05_what_no_uri_can_say_is_refused_by_name() {
        let odd = document("listen = '0.0.0.0:8443'\nnames = ['a b']", "[dhcp4]\n");
        assert!(matches!(odd.dhcp4_policy(), Err(ConfigError::DhcpName { name, .. }) if name == "a b"));
        let form = "[dhcp4.give]\nbootstrap-form = 'ipv4-text'\n";
        let unsuited = document("listen = '0.0.0.0:8443'\nnames = ['a.example']", form);
        let refused = unsuited.dhcp4_policy().unwrap_err().to_string();
        assert!(refused.starts_with("[dhcp4]") && refused.contains("IPv4 address only"), "{refused}");
    }
}
