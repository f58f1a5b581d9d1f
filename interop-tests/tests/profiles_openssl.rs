//! Every kind of certificate, and revocation lists, as OpenSSL and rustls judge them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use authority::{CrlPlan, Kind, RevokedCertificate};
use interop_tests::{
    issued::{Issued, now, profile},
    need,
    openssl::Workshop,
    peer::PeerError,
};
use pki::{
    certificate::Certificate,
    key::KeySpec,
    revocation::{Crl, Reason, Revocation},
};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::WebPkiClientVerifier,
};

/// Keys of CAs that sign in every way that there is.
const CA_KEYS: [KeySpec; 4] = [KeySpec::P256, KeySpec::P384, KeySpec::Rsa2048, KeySpec::Ed25519];

/// What OpenSSL calls the use of a certificate.
const fn purpose(kind: Kind) -> &'static str {
    match kind {
        Kind::TlsServer => "sslserver",
        Kind::OcspResponder => "ocsphelper",
        Kind::Operator | Kind::Registrar | Kind::Station | Kind::Idevid | Kind::Ldevid => "sslclient",
        _ => "any",
    }
}

fn write(workshop: &Workshop, issued: &Issued) {
    workshop.write("ca.pem", issued.ca.chain()[0].to_pem().as_bytes()).unwrap();
    workshop.write("root.pem", issued.ca.chain()[1].to_pem().as_bytes()).unwrap();
}

fn verify(workshop: &Workshop, certificate: &Certificate, more: &[&str]) -> Result<Vec<u8>, PeerError> {
    workshop.write("end.pem", certificate.to_pem().as_bytes()).unwrap();
    let usual = ["verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "ca.pem"];
    workshop.openssl(&[&usual[..], more, &["end.pem"]].concat())
}

#[test]
fn openssl_accepts_each_kind_with_each_key() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    for ca_key in CA_KEYS {
        let issued = Issued::by(&workshop, ca_key).unwrap();
        write(&workshop, &issued);
        for (kind, key, certificate) in &issued.certificates {
            let judged = verify(&workshop, certificate, &["-purpose", purpose(*kind)]);
            assert!(judged.is_ok(), "{kind}, {key} by {ca_key}: {}", judged.unwrap_err());
        }
    }
}

#[test]
fn rustls_accepts_each_kind_that_speaks_tls() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let der = |certificate: &Certificate| CertificateDer::from(certificate.der().to_vec());
    for ca_key in CA_KEYS {
        let issued = Issued::by(&workshop, ca_key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(der(&issued.ca.chain()[1])).unwrap();
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build().unwrap();
        let servers = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build().unwrap();
        let (ca, at) = ([der(&issued.ca.chain()[0])], UnixTime::now());
        for (kind, key, certificate) in &issued.certificates {
            let end = der(certificate);
            let judged = match kind {
                Kind::TlsServer => {
                    let name = ServerName::try_from("bootstrap.example.com").unwrap();
                    servers.verify_server_cert(&end, &ca, &name, &[], at).map(drop)
                }
                Kind::Owner | Kind::VoucherSigner | Kind::OcspResponder => continue,
                _ => clients.verify_client_cert(&end, &ca, at).map(drop),
            };
            assert!(judged.is_ok(), "{kind}, {key} by {ca_key}: {judged:?}");
        }
    }
}

#[test]
fn openssl_reads_our_shards_and_hears_what_they_say() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    for ca_key in CA_KEYS {
        let issued = Issued::by(&workshop, ca_key).unwrap();
        write(&workshop, &issued);
        let profile = profile(Kind::Owner).unwrap();
        let location = profile.crl().unwrap();
        let (_, _, certificate) = issued.certificates.iter().find(|(kind, ..)| *kind == Kind::Owner).unwrap();
        let own = location.shards().of(certificate.certificate_serial());
        let revocation = Revocation { when: now().plus_seconds(-10), reason: Some(Reason::KeyCompromise) };
        let revoked = RevokedCertificate { serial: certificate.certificate_serial().to_vec(), revocation };
        let list = |shard, revoked: Option<&RevokedCertificate>| -> Crl {
            let (this_update, next_update) = (now().plus_seconds(-60), now().plus_seconds(3600));
            let plan = CrlPlan { place: Some((location, shard)), number: 7, this_update, next_update };
            issued.ca.revocation_list(&plan, revoked).unwrap()
        };
        let judge = |list: &Crl| {
            workshop.write("list.der", list.der()).unwrap();
            workshop.openssl(&["crl", "-inform", "DER", "-in", "list.der", "-CAfile", "ca.pem", "-noout"]).unwrap();
            workshop.openssl(&["crl", "-inform", "DER", "-in", "list.der", "-out", "list.pem"]).unwrap();
            verify(&workshop, certificate, &["-crl_check", "-CRLfile", "list.pem", "-extended_crl"])
        };
        judge(&list(own, None)).unwrap();
        let refused = judge(&list(own, Some(&revoked))).unwrap_err().to_string();
        assert!(refused.contains("certificate revoked"), "{refused}");
        // Another shard has nothing to say about it.
        let refused = judge(&list((own + 1) % 4, None)).unwrap_err().to_string();
        assert!(refused.contains("CRL") && !refused.contains("certificate revoked"), "{refused}");
    }
}
