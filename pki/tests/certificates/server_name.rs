//! Names of TLS servers (RFC 9525): subject alternative names, and nothing else.

use pki::{certificate::Certificate, server_name};

use crate::support::{Issued, leaf};

fn server(names: &[&str]) -> Certificate {
    let mut params = leaf("sztp.example.net");
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    params.subject_alt_names = rcgen::CertificateParams::new(names).unwrap().subject_alt_names;
    Issued::root(params).certificate
}

#[test]
fn dns_names_match_without_regard_to_case() {
    let certificate = server(&["sztp.example.net", "*.lab.example.net"]);
    for name in ["sztp.example.net", "SZTP.Example.NET", "one.lab.example.net"] {
        server_name::verify(&certificate, name).unwrap();
    }
    for name in ["other.example.net", "example.net", "a.b.lab.example.net", "lab.example.net", "sztp.example.net.evil"]
    {
        assert_eq!(server_name::verify(&certificate, name).unwrap_err().name, name);
    }
}

#[test]
fn an_address_matches_an_address_entry_only() {
    // RFC 8572 §6.3 with RFC 9525 §6.5: a redirect to an address needs an iPAddress entry.
    let certificate = server(&["192.0.2.7", "2001:db8::7"]);
    server_name::verify(&certificate, "192.0.2.7").unwrap();
    server_name::verify(&certificate, "2001:db8::7").unwrap();
    server_name::verify(&certificate, "2001:0db8:0::7").unwrap();
    server_name::verify(&certificate, "192.0.2.8").unwrap_err();
    server_name::verify(&server(&["sztp.example.net"]), "192.0.2.7").unwrap_err();
}

#[test]
fn the_common_name_is_not_a_server_name() {
    server_name::verify(&server(&[]), "sztp.example.net").unwrap_err();
    server_name::verify(&server(&["other.example.net"]), "sztp.example.net").unwrap_err();
}

#[test]
fn what_is_no_name_matches_nothing() {
    let certificate = server(&["sztp.example.net"]);
    for name in ["", " ", "https://sztp.example.net", "sztp.example.net:443", "[2001:db8::7]", "a b"] {
        server_name::verify(&certificate, name).unwrap_err();
    }
}
