//! A MASA (RFC 8995 §5.5, §5.8) asked by curl, with requests that OpenSSL signs and vouchers that it verifies: a registrar that shares no
//! line with ours.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::RunningServer;
use interop_tests::{
    need,
    peer::Peer,
    site::{
        Site,
        masa::{Party, masa_site},
        now, pem,
    },
};
use serde_json::Value;

const MEDIA_TYPE: &str = "application/voucher-cms+json";

struct Bench {
    curl: Peer,
    openssl: Peer,
    site: Site,
    server: RunningServer,
}

/// What curl says about an answer.
#[derive(Debug)]
struct Answer {
    status: String,
    media_type: String,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn refused(&self, status: &str, code: &str) {
        let text = String::from_utf8_lossy(&self.body);
        assert!(self.status == status && text.starts_with(code), "{} {text}", self.status);
        assert!(self.media_type.starts_with("text/plain"), "{}", self.media_type);
    }
}

impl Bench {
    /// *one* owns SN-1, nobody SN-2.
    async fn new(curl: Peer, openssl: Peer) -> Self {
        let (masa, one) = (Party::new("MASA", Vec::new()), Party::registrar("one"));
        let site = masa_site(&masa, "", vec![one.owner("one")], &[("SN-1", Some("one")), ("SN-2", None)]).await;
        site.write("masa-root.pem", masa.root.to_pem().as_bytes());
        for (name, party) in [("one", one), ("stranger", Party::registrar("stranger"))] {
            site.write(&format!("{name}.pem"), pem(&party.chain).as_bytes());
            site.write(&format!("{name}-root.pem"), party.root.to_pem().as_bytes());
            site.write(&format!("{name}.key"), party.key.to_pem().as_bytes());
        }
        let server = site.start(&[]).await;
        Self { curl, openssl, site, server }
    }

    /// A request of `registrar` in the file `request`, as OpenSSL signs it.
    fn sign(&self, registrar: &str, serial: &str, nonce: Option<&str>) {
        let nonce = nonce.map(|nonce| format!(r#","nonce":"{nonce}""#)).unwrap_or_default();
        let text = format!(
            r#"{{"ietf-voucher-request:voucher":{{"created-on":"{}","serial-number":"{serial}"{nonce}}}}}"#,
            now()
        );
        self.site.write("request.json", text.as_bytes());
        let (certificate, key) = (format!("{registrar}.pem"), format!("{registrar}.key"));
        let above = format!("{registrar}-root.pem");
        let sign = ["cms", "-sign", "-binary", "-nodetach", "-econtent_type", "1.2.840.113549.1.9.16.1.40"];
        let with = ["-signer", &certificate, "-inkey", &key, "-certfile", &above, "-md", "sha256"];
        let files = ["-in", "request.json", "-outform", "DER", "-out", "request"];
        self.openssl.run(self.site.folder.path(), &[&sign[..], &with, &files].concat()).unwrap();
    }

    /// Sends it, by whoever has the named certificate.
    fn ask(&self, shown: Option<&str>, operation: &str, media_type: &str) -> Answer {
        let url = format!("https://{}/.well-known/brski/{operation}", self.server.authority_address().unwrap());
        let (certificate, key) = (shown.map(|it| format!("{it}.pem")), shown.map(|it| format!("{it}.key")));
        let identity: Vec<&str> = match (&certificate, &key) {
            (Some(certificate), Some(key)) => vec!["--cert", certificate, "--key", key],
            _ => Vec::new(),
        };
        let header = format!("Content-Type: {media_type}");
        let common = ["--silent", "--show-error", "--cacert", "anchor.pem", "--output", "body", "-H", &header];
        let rest = ["--data-binary", "@request", "--write-out", "%{http_code} %{content_type}", &url];
        let folder = self.site.folder.path();
        let told = self.curl.run(folder, &[&common[..], &identity, &rest].concat()).unwrap();
        let told = String::from_utf8(told).unwrap();
        let (status, media_type) = told.split_once(' ').unwrap();
        let body = fs::read(folder.join("body")).unwrap();
        Answer { status: status.to_owned(), media_type: media_type.to_owned(), body }
    }

    /// What a voucher says, which OpenSSL verifies.
    #[track_caller]
    fn voucher(&self, answer: &Answer) -> Value {
        assert_eq!((answer.status.as_str(), answer.media_type.as_str()), ("200", MEDIA_TYPE), "{answer:?}");
        self.site.write("voucher", &answer.body);
        let verify = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "voucher", "-purpose", "any"];
        let with = ["-CAfile", "masa-root.pem", "-out", "voucher.json"];
        self.openssl.run(self.site.folder.path(), &[&verify[..], &with].concat()).unwrap();
        let text = fs::read(self.site.path("voucher.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["ietf-voucher:voucher"].take()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mas_01_mas_05_mas_07_mas_09_vch_20_a_registrar_of_openssl_and_curl_gets_what_it_may_have() {
    let (curl, openssl) = (need!("curl"), need!("openssl"));
    let bench = Bench::new(curl, openssl).await;
    let nonce = STANDARD.encode([7; 16]);
    bench.sign("one", "SN-1", Some(&nonce));
    let answer = bench.ask(None, "requestvoucher", MEDIA_TYPE);
    let voucher = bench.voucher(&answer);
    assert_eq!((&voucher["serial-number"], &voucher["nonce"]), (&"SN-1".into(), &nonce.into()));
    // The pinned certificate is the owner's, octet for octet.
    let one = pki::certificate::Certificate::chain_from_file(&fs::read(bench.site.path("one.pem")).unwrap()).unwrap();
    assert_eq!(voucher["pinned-domain-cert"], STANDARD.encode(one[1].der()));
    let log = bench.ask(Some("one"), "requestauditlog", MEDIA_TYPE);
    let log: Value = serde_json::from_slice(&log.body).unwrap();
    assert_eq!(log["events"].as_array().unwrap().len(), 1);

    // MAS-05: without a nonce only with the registrar's own TLS.
    bench.sign("one", "SN-1", None);
    bench.ask(None, "requestvoucher", MEDIA_TYPE).refused("403", "registrar-unauthenticated");
    let nonceless = bench.voucher(&bench.ask(Some("one"), "requestvoucher", MEDIA_TYPE));
    assert!(nonceless["nonce"].is_null() && nonceless["expires-on"].is_string(), "{nonceless}");

    // MAS-07.
    bench.ask(None, "requestvoucher", "application/json").refused("415", "media-type");
    for (registrar, serial, status, code) in [
        ("one", "SN-2", "403", "ownership-unrecorded"),
        ("one", "SN-9", "404", "serial-number-unknown"),
        ("stranger", "SN-1", "403", "registrar-untrusted"),
    ] {
        bench.sign(registrar, serial, Some(&STANDARD.encode([8; 16])));
        bench.ask(Some(registrar), "requestvoucher", MEDIA_TYPE).refused(status, code);
    }
    fs::write(bench.site.path("request"), b"{}").unwrap();
    bench.ask(Some("one"), "requestvoucher", MEDIA_TYPE).refused("400", "voucher-request-malformed");
    bench.server.stop().await;
}
