//! How a device shows who it is (RFC 8572 §5.3, §9.6; CLI-10 to CLI-13, DEV-04).

use std::{
    fs,
    sync::{Arc, Mutex},
};

use conveyed_info::Encoding;
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{ring, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use crate::{
    onboard, onboard_trusted,
    support::{
        bench::Bench,
        parties::{SERIAL, body, host, onboarding, redirect, unsigned},
        server::{Peer, Server, config_asking, give, respond},
    },
};

/// `open sesame` for SN-1, as RFC 7617 §2 writes it.
const BASIC: &str = "Basic U04tMTpvcGVuIHNlc2FtZQ==";

fn with_password() -> Bench {
    let bench = Bench::with_settings("http-password-file = 'password'", "");
    fs::write(bench.path("password"), "open sesame\n").unwrap();
    bench
}

#[test]
fn dev_04_cli_11_a_server_that_knows_devices_by_password_alone_lets_the_device_in() {
    let bench = with_password();
    let answer = body(unsigned(onboarding()), Encoding::Json);
    let server = Server::start(&bench.parties.tls, move |asked, peer, _| match asked.field("Authorization") {
        Some(BASIC) => give(asked, peer, &answer),
        // Host-meta too is for those who are known.
        _ => respond(peer, "401 Unauthorized", "text/plain", b"who are you?"),
    });
    let attempt = onboard_trusted(&bench, &server);
    assert!(server.log.reports().len() >= 2);
    // SEC-13: no word of it in the trace.
    let trace = serde_json::to_string(&attempt.records).unwrap();
    assert!(!trace.contains("sesame") && !trace.contains(&BASIC[6..]));
}

#[test]
fn cli_13_sec_06_a_stranger_sees_neither_password_nor_anything_else_that_it_need_not() {
    let bench = with_password();
    let server = Server::honest(&bench.parties.tls, bench.parties.signed(onboarding()));
    onboard(&bench, &server);
    for asked in server.log.requests() {
        assert_eq!(asked.field("Authorization"), None);
        let body = String::from_utf8(asked.body).unwrap();
        assert!(
            body.is_empty() || body == r#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null]}}"#,
            "{body}"
        );
        assert!(!asked.fields.contains(SERIAL) && !asked.target.contains(SERIAL), "{}", asked.fields);
    }
    assert_eq!(server.log.reports(), [""; 0], "CLI-54");
}

#[test]
fn cli_13_the_password_is_for_the_connection_on_which_the_server_is_known() {
    let bench = with_password();
    let promoted = Arc::new(Mutex::new(Vec::new()));
    let answer = body(unsigned(onboarding()), Encoding::Json);
    let first = Arc::clone(&promoted);
    let server = Server::start(&bench.parties.tls, move |asked, peer, _| {
        let prefers_signed = String::from_utf8_lossy(&asked.body).contains("signed-data-preferred");
        give(asked, peer, if prefers_signed { first.lock().unwrap().clone() } else { answer.clone() }.as_slice())
    });
    let to_itself = redirect("127.0.0.1", server.port(), Some(bench.parties.anchor()));
    *promoted.lock().unwrap() = body(bench.parties.signed(to_itself), Encoding::Json);
    onboard(&bench, &server);
    let asked = server.log.requests();
    let questions: Vec<_> = asked.iter().filter(|it| it.is(":get-bootstrapping-data")).collect();
    assert_eq!(questions.iter().map(|it| it.field("Authorization")).collect::<Vec<_>>(), [None, Some(BASIC)]);
    // CLI-47: nothing is reported of the redirect; all reports come from the trusted connection.
    let reports: Vec<_> = asked.iter().filter(|it| it.is(":report-progress")).collect();
    assert!(reports.len() >= 2 && reports.iter().all(|it| it.field("Authorization") == Some(BASIC)));
    assert_eq!(server.log.reports()[0], "bootstrap-initiated");
}

/// Takes every device certificate, and keeps the chain.
#[derive(Debug, Default)]
struct Watching {
    chains: Mutex<Vec<Vec<Vec<u8>>>>,
}

impl ClientCertVerifier for Watching {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).map(|it| it.to_vec()).collect();
        self.chains.lock().unwrap().push(chain);
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 was not expected".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &ring::default_provider().signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[test]
fn cli_10_cli_12_every_server_sees_the_whole_chain_trusted_or_not() {
    let bench = Bench::new();
    let pem = [&bench.parties.device, &bench.parties.manufacturer].map(|it| it.certificate.to_pem()).concat();
    fs::write(bench.path("idevid.pem"), pem).unwrap();
    let expected: Vec<_> =
        [&bench.parties.device, &bench.parties.manufacturer].map(|it| it.certificate.der().to_vec()).to_vec();
    let watching = Arc::new(Watching::default());
    let verifier: Arc<dyn ClientCertVerifier> = Arc::<Watching>::clone(&watching);
    let config = config_asking(&bench.parties.tls.issue(host("127.0.0.1")), verifier);
    let answer = body(bench.parties.signed(onboarding()), Encoding::Json);
    let server = Server::with_config(Arc::new(config), move |asked, peer: &mut Peer, _| give(asked, peer, &answer));
    onboard(&bench, &server);
    let chains = watching.chains.lock().unwrap();
    assert!(!chains.is_empty() && chains.iter().all(|chain| *chain == expected));
}
