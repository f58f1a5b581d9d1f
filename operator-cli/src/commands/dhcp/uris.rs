//! Bootstrap server URIs that people give, and what they probably meant where these are wrong.

use std::net::Ipv6Addr;

use dhcp::bootstrap_uri::{BootstrapServerUri, FieldForm, Host, UriList};

/// Reads a URI from the command line; a fault is told with its remedy (RFC 8572 §8.3, DHC-05).
pub(super) fn uri(text: &str) -> Result<BootstrapServerUri, String> {
    text.parse().map_err(|fault| match mend(text) {
        Some(meant) => format!("{fault}; write {meant}"),
        None => format!("{fault}; write https://HOST or https://HOST:PORT, an IPv6 address in brackets"),
    })
}

/// Reads the name of a form from the command line.
pub(super) fn form(text: &str) -> Result<FieldForm, String> {
    let names = FieldForm::ALL.map(FieldForm::as_str).join(", ");
    text.parse().map_err(|_| format!("there is no such form; there are {names}"))
}

/// The list of these URIs.
pub(super) fn list(uris: &[BootstrapServerUri]) -> Result<UriList, &'static str> {
    UriList::new(uris.to_vec()).map_err(|_| "a list has 1 to 64 URIs (--uri, or the names in sztp.toml)")
}

/// The server that a text means which is no bootstrap server URI, as far as can be guessed: a path goes, `http` becomes `https`,
/// an address gets its brackets.
pub(super) fn mend(text: &str) -> Option<BootstrapServerUri> {
    let text = text.trim_matches(|it: char| it.is_whitespace() || it == '\0' || it == '"' || it == '\'');
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("https".to_owned(), text),
    };
    if !matches!(scheme.as_str(), "https" | "http" | "bootz") {
        return None;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default().trim_end_matches(['.', ':']);
    // The port of plain HTTP is nobody's for TLS.
    let authority = if scheme == "http" { authority.strip_suffix(":80").unwrap_or(authority) } else { authority };
    let authority = match authority.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => authority.to_owned(),
    };
    let uri: BootstrapServerUri = format!("https://{authority}").parse().ok()?;
    let is_named = matches!(uri.host(), Host::Address(_)) || text.contains(['.', '/', ':']);
    is_named.then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dhc_05_a_wrong_uri_is_told_with_the_right_one() {
        for (text, meant) in [
            ("https://a.example/restconf", Some("https://a.example")),
            ("https://a.example:8443/", Some("https://a.example:8443")),
            ("http://a.example:80/x", Some("https://a.example")),
            ("http://a.example:8080", Some("https://a.example:8080")),
            ("bootz://a.example:15006/grpc", Some("https://a.example:15006")),
            ("https://user@a.example", Some("https://a.example")),
            ("https://2001:db8::1", Some("https://[2001:db8::1]")),
            ("192.0.2.1", Some("https://192.0.2.1")),
            ("a.example:9090\0", Some("https://a.example:9090")),
            ("tftp://a.example", None),
            ("https://", None),
            ("001d6874", None),
        ] {
            assert_eq!(mend(text).map(|uri| uri.to_string()).as_deref(), meant, "{text:?}");
        }
        let told = uri("https://a.example/restconf").unwrap_err();
        assert!(told.contains("path") && told.ends_with("; write https://a.example"), "{told}");
        assert!(uri("ftp://x").unwrap_err().contains("write https://HOST"));
        assert!(form("rfc").unwrap_err().contains("rfc8572-single"));
        assert!(list(&[]).is_err());
    }
}
