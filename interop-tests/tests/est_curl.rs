//! Enrolment over Secure Transport (RFC 7030), asked by curl, with requests that OpenSSL makes and answers that it reads.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;

use bootstrap_server::{
    RunningServer,
    audit::{Event, LedgerEvent},
    store::Batch,
};
use interop_tests::{
    enrolling::Enrolling,
    need,
    peer::Peer,
    site::{device_id, pem},
};

/// A server, the files of the device SN-1, and those who ask.
struct Bench {
    curl: Peer,
    openssl: Peer,
    at: Enrolling,
    server: RunningServer,
}

/// What curl says about an answer.
#[derive(Debug)]
struct Answer {
    status: String,
    head: String,
    body: String,
}

impl Answer {
    /// RFC 7030 §4.2.3: a refusal says why, in words.
    #[track_caller]
    fn refused(&self, status: &str, code: &str) {
        assert!(self.status == status && self.body.starts_with(code), "{self:?}");
        assert!(self.head.contains("content-type: text/plain"), "{}", self.head);
    }
}

/// A certificate and its key in files, by the name that they share.
const IDEVID: &str = "device";

impl Bench {
    async fn new(curl: Peer, openssl: Peer) -> Self {
        let at = Enrolling::new();
        at.register(&["SN-1"]).await;
        let server = bootstrap_server::start(at.site.config()).await.unwrap();
        let bench = Self { curl, openssl, at, server };
        bench.identity(IDEVID, "SN-1");
        bench
    }

    /// Writes a device's key and certificate.
    fn identity(&self, name: &str, serial: &str) {
        let (key, chain) = self.at.site.device(serial);
        self.at.site.write(&format!("{name}.key"), key.to_pem().as_bytes());
        self.at.site.write(&format!("{name}.pem"), pem(&chain).as_bytes());
    }

    fn openssl(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.openssl.run(self.at.site.folder.path(), arguments).unwrap()).unwrap()
    }

    /// One operation, by whoever has the named certificate.
    fn ask(&self, shown: Option<&str>, operation: &str, arguments: &[&str]) -> Answer {
        let url = format!("https://{}/.well-known/est/{operation}", self.server.authority_address().unwrap());
        let (certificate, key) = (shown.map(|it| format!("{it}.pem")), shown.map(|it| format!("{it}.key")));
        let identity: Vec<&str> = match (&certificate, &key) {
            (Some(certificate), Some(key)) => vec!["--cert", certificate, "--key", key],
            _ => Vec::new(),
        };
        let common =
            ["--silent", "--show-error", "--cacert", "anchor.pem", "--dump-header", "head", "--output", "body"];
        let folder = self.at.site.folder.path();
        fs::write(folder.join("body"), "").unwrap();
        let all = [&common[..], &identity, arguments, &["--write-out", "%{http_code}", &url]].concat();
        let status = String::from_utf8(self.curl.run(folder, &all).unwrap()).unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        Answer { status, head: read("head").to_ascii_lowercase(), body: read("body") }
    }

    /// A new key and a request for it, in base64 as OpenSSL breaks its lines.
    fn request(&self, name: &str, subject: &str, names: &str) {
        let (key, pem, der) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.der"));
        let make = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject];
        let names = format!("subjectAltName={names}");
        let named: &[&str] = if names.ends_with('=') { &[] } else { &["-addext", &names] };
        self.openssl(&[&make[..], &["-keyout", &key, "-out", &pem], named].concat());
        self.openssl(&["req", "-in", &pem, "-outform", "DER", "-out", &der]);
        self.openssl(&["base64", "-in", &der, "-out", &format!("{name}.b64")]);
    }

    /// Sends what [`Self::request`] made.
    fn enroll(&self, shown: Option<&str>, operation: &str, request: &str) -> Answer {
        let body = format!("@{request}.b64");
        let headers = ["-H", "Content-Type: application/pkcs10", "-H", "Content-Transfer-Encoding: base64"];
        self.ask(shown, operation, &[&headers[..], &["--data-binary", &body]].concat())
    }

    /// RFC 7030 §4.2.3: certificates and nothing else; OpenSSL takes them out and writes them as `name.pem`.
    #[track_caller]
    fn certificates(&self, answer: &Answer, name: &str) -> usize {
        assert_eq!(answer.status, "200", "{answer:?}");
        assert!(answer.head.contains("content-type: application/pkcs7-mime; smime-type=certs-only"), "{}", answer.head);
        fs::write(self.at.site.path("answer.b64"), &answer.body).unwrap();
        self.openssl(&["base64", "-d", "-A", "-in", "answer.b64", "-out", "answer.p7"]);
        let shown = self.openssl(&["pkcs7", "-inform", "DER", "-in", "answer.p7", "-print_certs"]);
        fs::write(self.at.site.path(&format!("{name}.pem")), &shown).unwrap();
        shown.matches("BEGIN CERTIFICATE").count()
    }

    /// What OpenSSL says of a certificate that chains to the owner's root.
    fn verified(&self, name: &str) -> String {
        let file = format!("{name}.pem");
        self.openssl(&[
            "verify",
            "-CAfile",
            "ldevid-root.pem",
            "-untrusted",
            "ldevid.pem",
            "-purpose",
            "sslclient",
            &file,
        ]);
        let said = ["-subject", "-ext", "subjectAltName,crlDistributionPoints,authorityInfoAccess"];
        self.openssl(&[&["x509", "-in", &file, "-noout"], &said[..]].concat())
    }
}

const NAME: &str = "sn-1.bmc.example.com";
const SUBJECT: &str = "/CN=SN-1/serialNumber=SN-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn est_01_est_02_est_05_curl_and_openssl_enrol_and_renew() {
    let bench = Bench::new(need!("curl"), need!("openssl")).await;
    // For whoever comes: the CA, and what is above it.
    for operation in ["cacerts", "devices/cacerts"] {
        assert_eq!(bench.certificates(&bench.ask(None, operation, &[]), "cacerts"), 2, "{operation}");
        let chained = ["verify", "-CAfile", "ldevid-root.pem", "cacerts.pem"];
        assert_eq!(bench.openssl(&chained), "cacerts.pem: OK\n", "{operation}");
    }
    // What the device may ask for: an id-ecPublicKey with its curve among it (RFC 7030 §4.5.2).
    let attributes = bench.ask(Some(IDEVID), "csrattrs", &[]);
    assert!(attributes.head.contains("content-type: application/csrattrs"), "{attributes:?}");
    fs::write(bench.at.site.path("attributes.b64"), &attributes.body).unwrap();
    bench.openssl(&["base64", "-d", "-A", "-in", "attributes.b64", "-out", "attributes.der"]);
    let shown = bench.openssl(&["asn1parse", "-inform", "DER", "-in", "attributes.der"]);
    assert!(shown.contains("id-ecPublicKey") && shown.contains("secp384r1"), "{shown}");

    bench.request("first", SUBJECT, "");
    assert_eq!(bench.certificates(&bench.enroll(Some(IDEVID), "simpleenroll", "first"), "first"), 1);
    let first = bench.verified("first");
    // What the authority's profile says, among it where to ask whether it was revoked.
    for part in ["serialNumber = SN-1", "O = Example Owner", NAME, "/crl/devices/0.crl", "/ocsp/devices"] {
        assert!(first.contains(part), "{part}: {first}");
    }
    // The answer was lost, and curl asks again: nothing new.
    let before = fs::read(bench.at.site.path("first.pem")).unwrap();
    bench.certificates(&bench.enroll(Some(IDEVID), "devices/simpleenroll", "first"), "again");
    assert_eq!(fs::read(bench.at.site.path("again.pem")).unwrap(), before);

    // By the certificate itself. Its subject and its names stay (EST-05).
    bench.request("second", &rfc2253(&bench, "first"), &format!("DNS:{NAME}"));
    assert_eq!(bench.certificates(&bench.enroll(Some("first"), "simplereenroll", "second"), "second"), 1);
    assert_eq!(bench.verified("second"), first);
    for (subject, names) in [(SUBJECT, "DNS:other.example.com"), ("/CN=SN-2/serialNumber=SN-2", &format!("DNS:{NAME}"))]
    {
        bench.request("other", subject, names);
        bench.enroll(Some("first"), "simplereenroll", "other").refused("400", "renewal-differs");
    }
    assert_eq!(bench.at.issued("SN-1").await.len(), 2);
    bench.server.stop().await;
}

/// The subject of a certificate, as `openssl req -subj` takes it.
fn rfc2253(bench: &Bench, name: &str) -> String {
    let shown = bench.openssl(&["x509", "-in", &format!("{name}.pem"), "-noout", "-subject", "-nameopt", "RFC2253"]);
    let mut parts = shown.trim().trim_start_matches("subject=").split(',').collect::<Vec<_>>();
    // RFC 4514 §2.1 begins with the last.
    parts.reverse();
    format!("/{}", parts.join("/"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn est_02_est_03_est_04_curl_is_told_why_it_gets_nothing() {
    let bench = Bench::new(need!("curl"), need!("openssl")).await;
    bench.request("first", SUBJECT, "");
    bench.enroll(None, "simpleenroll", "first").refused("403", "idevid-missing");
    bench.enroll(Some(IDEVID), "simplereenroll", "first").refused("403", "csr-origin-unproved");
    // Self-signed, and nobody's.
    bench.openssl(&["req", "-x509", "-key", "first.key", "-subj", SUBJECT, "-out", "self.pem", "-days", "1"]);
    fs::copy(bench.at.site.path("first.key"), bench.at.site.path("self.key")).unwrap();
    bench.enroll(Some("self"), "simpleenroll", "first").refused("403", "idevid-untrusted");
    // As curl sends what it is given no type for; the same path asked for, not posted to.
    let untyped = bench.ask(Some(IDEVID), "simpleenroll", &["--data-binary", "@first.b64"]);
    untyped.refused("415", "");
    assert_eq!(bench.ask(Some(IDEVID), "simpleenroll", &[]).status, "405");
    for operation in ["serverkeygen", "fullcmc", "nobody/cacerts"] {
        assert_eq!(bench.ask(Some(IDEVID), operation, &[]).status, "404", "{operation}");
    }
    // A signature that a changed octet broke (the last of the DER).
    let mut der = fs::read(bench.at.site.path("first.der")).unwrap();
    *der.last_mut().unwrap() ^= 1;
    fs::write(bench.at.site.path("first.der"), der).unwrap();
    bench.openssl(&["base64", "-in", "first.der", "-out", "broken.b64"]);
    bench.enroll(Some(IDEVID), "simpleenroll", "broken").refused("400", "csr-invalid");

    // A person decides about this one first (RFC 7030 §4.2.3).
    bench.identity("held", "SN-9");
    bench.request("held-request", "/CN=SN-9/serialNumber=SN-9", "");
    let source = [127, 0, 0, 1].into();
    let held = Event::DeviceHeld { device: device_id("SN-9"), source, reason: verdict::ReasonCode::DeviceUnknown };
    bench.server.store().commit(Batch::from(held)).await.unwrap();
    let pending = bench.enroll(Some("held"), "simpleenroll", "held-request");
    pending.refused("202", "device-unknown");
    assert!(pending.head.contains("\r\nretry-after: "), "{pending:?}");
    assert!(bench.at.issued("SN-1").await.is_empty() && bench.at.issued("SN-9").await.is_empty());
    bench.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn est_04_a_revoked_certificate_renews_nothing() {
    let bench = Bench::new(need!("curl"), need!("openssl")).await;
    bench.request("first", SUBJECT, "");
    bench.certificates(&bench.enroll(Some(IDEVID), "simpleenroll", "first"), "first");
    bench.request("second", &rfc2253(&bench, "first"), &format!("DNS:{NAME}"));
    let entry = bench.at.issued("SN-1").await.remove(0);
    let revoked = LedgerEvent::CertificateRevoked {
        certificate: entry.issued.id(),
        reason: pki::revocation::Reason::KeyCompromise,
        because: "found on a bench".to_owned(),
    };
    bench.server.store().commit(Batch::from(Event::Ledger(revoked))).await.unwrap();
    bench.enroll(Some("first"), "simplereenroll", "second").refused("403", "certificate-revoked");
    // The request that it answered gives it back no more.
    let again = bench.enroll(Some(IDEVID), "simpleenroll", "first");
    assert_ne!(again.status, "200", "{again:?}");
    assert_eq!(bench.at.issued("SN-1").await.len(), 1);
    bench.server.stop().await;
}
