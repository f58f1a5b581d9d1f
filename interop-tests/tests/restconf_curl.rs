//! curl speaks RESTCONF with our server as a device would, and yanglint judges every answer.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the modules of yanglint are shared with another program")]

#[path = "yang/modules.rs"]
mod modules;

use std::fs;

use bootstrap_server::{
    RunningServer,
    audit::Event,
    domain::{ActivationCode, OnboardingProfile},
    store::Batch,
};
use conveyed_info::{
    Encoding,
    rpc::{ApiResource, ProgressType, RestconfError, YANG_DATA_JSON, YANG_DATA_XML},
};
use interop_tests::{
    need,
    peer::Peer,
    site::{DATA, REPORT, Site, device_id, pem, profile},
    skip,
};
use modules::{Kind, Yang, published};

const BOTH: [(Encoding, &str); 2] = [(Encoding::Json, YANG_DATA_JSON), (Encoding::Xml, YANG_DATA_XML)];

/// A server, a device's certificate in files, and curl.
struct Bench {
    curl: Peer,
    site: Site,
    server: RunningServer,
}

/// What curl says about an answer.
#[derive(Debug)]
struct Answer {
    status: String,
    version: String,
    head: String,
    body: Vec<u8>,
}

impl Bench {
    async fn new(curl: Peer) -> Self {
        let site = Site::new();
        let server = site.start(&["SN-1"]).await;
        let (key, chain) = site.device("SN-1");
        site.write("device.key", key.to_pem().as_bytes());
        site.write("device.pem", pem(&chain).as_bytes());
        Self { curl, site, server }
    }

    /// One request with the device's certificate.
    fn ask(&self, path: &str, arguments: &[&str]) -> Answer {
        self.bare(path, &[&["--cert", "device.pem", "--key", "device.key"], arguments].concat())
    }

    /// One request without a certificate.
    fn bare(&self, path: &str, arguments: &[&str]) -> Answer {
        let url = format!("https://{}{path}", self.server.device_address().unwrap());
        let run = tempfile::tempdir_in(self.site.folder.path()).unwrap();
        let file = |name: &str| run.path().join(name).to_str().unwrap().to_owned();
        let (head, body) = (file("head"), file("body"));
        let common = ["--silent", "--show-error", "--cacert", "anchor.pem", "--dump-header", &head, "--output", &body];
        let said = ["--write-out", "%{http_code} %{http_version}", &url];
        let said = self.curl.run(self.site.folder.path(), &[&common[..], arguments, &said[..]].concat()).unwrap();
        let said = String::from_utf8(said).unwrap();
        let (status, version) = said.split_once(' ').unwrap();
        let read = |path: &str| fs::read(path).unwrap_or_default();
        let head = String::from_utf8(read(&head)).unwrap().to_ascii_lowercase();
        Answer { status: status.to_owned(), version: version.to_owned(), head, body: read(&body) }
    }
}

fn header(name: &str, value: &str) -> String {
    format!("{name}: {value}")
}

fn input(encoding: Encoding, json: &str, xml: &str) -> String {
    let module = "ietf-sztp-bootstrap-server";
    match encoding {
        Encoding::Json => format!(r#"{{"{module}:input":{{{json}}}}}"#),
        Encoding::Xml => format!(r#"<input xmlns="urn:ietf:params:xml:ns:yang:{module}">{xml}</input>"#),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rcf_01_rcf_15_both_operations_over_both_versions_of_http_and_of_tls_in_both_encodings() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let bench = Bench::new(need!("curl")).await;
    for (http, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        for tls in [&["--tlsv1.2", "--tls-max", "1.2"][..], &["--tlsv1.3"]] {
            for (encoding, media_type) in BOTH {
                let (content_type, accept) = (header("Content-Type", media_type), header("Accept", media_type));
                let how = [tls, &[http, "-H", &content_type, "-H", &accept, "--data-binary"]].concat();
                let body = input(encoding, r#""hw-model":"m""#, "<hw-model>m</hw-model>");
                let answer = bench.ask(DATA, &[&how[..], &[&body]].concat());
                assert_eq!((answer.status.as_str(), answer.version.as_str()), ("200", version), "{answer:?}");
                assert!(answer.head.contains(&format!("content-type: {media_type}\r\n")), "{}", answer.head);
                assert_eq!(yang.validate(Kind::Answer, &answer.body, encoding), Ok(()));
                let (json, xml) =
                    (r#""progress-type":"bootstrap-initiated""#, "<progress-type>bootstrap-initiated</progress-type>");
                let answer = bench.ask(REPORT, &[&how[..], &[&input(encoding, json, xml)]].concat());
                assert_eq!((answer.status.as_str(), answer.body.len()), ("204", 0), "{answer:?}");
                assert!(answer.head.contains("cache-control: no-store"), "RCF-19: {}", answer.head);
            }
        }
    }
    let reports = bench.server.store().reports(&device_id("SN-1")).await.unwrap();
    assert_eq!(reports.len(), 8);
    assert!(reports.iter().all(|report| report.progress_type == ProgressType::BootstrapInitiated));
    bench.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rcf_06_rcf_08_rcf_11_rcf_28_what_is_read_conforms_and_head_and_options_work() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let bench = Bench::new(need!("curl")).await;
    let xrd = bench.bare("/.well-known/host-meta", &["-H", "Accept: application/xrd+xml"]);
    assert_eq!(xrd.status, "200");
    assert_eq!(String::from_utf8_lossy(&xrd.body).matches("rel='restconf' href='/restconf'").count(), 1);
    for http in ["--http1.1", "--http2"] {
        for resource in ApiResource::ALL {
            let path = format!("/restconf{}", resource.path());
            for (encoding, media_type) in BOTH {
                let accept = header("Accept", media_type);
                let answer = bench.ask(&path, &[http, "-H", &accept]);
                assert_eq!(answer.status, "200", "{path}");
                let kind = match resource {
                    ApiResource::Root => Some(Kind::Api),
                    ApiResource::Data => Some(Kind::Data),
                    // Parts of these two, told by themselves.
                    _ => None,
                };
                if let Some(kind) = kind {
                    assert_eq!(yang.validate(kind, &answer.body, encoding), Ok(()), "{path}");
                }
                let head = bench.ask(&path, &[http, "--head", "-H", &accept]);
                assert_eq!(head.status, "200", "{path}");
                assert!(head.head.contains(&format!("content-length: {}\r\n", answer.body.len())), "{}", head.head);
            }
            let options = bench.ask(&path, &[http, "-X", "OPTIONS"]);
            assert_eq!(options.status, "200");
            assert!(options.head.contains("allow: get, head, options"), "{}", options.head);
        }
    }
    bench.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rcf_20_every_body_of_an_error_conforms() {
    let Some(modules) = published() else { skip!("SZTP_YANG_DIR names no folder of YANG modules") };
    let yang = Yang::new(need!("yanglint"), modules);
    let bench = Bench::new(need!("curl")).await;
    let large = format!("@{}", {
        bench.site.write("large", &vec![b' '; 64 * 1024 + 1]);
        "large"
    });
    let (json, xml) = (header("Content-Type", YANG_DATA_JSON), header("Content-Type", YANG_DATA_XML));
    for (http, (encoding, media_type)) in
        ["--http1.1", "--http2"].into_iter().flat_map(|http| BOTH.map(|it| (http, it)))
    {
        let accept = header("Accept", media_type);
        let unknown = input(Encoding::Json, r#""colour":"red""#, "");
        let nonce = input(Encoding::Xml, "", "<nonce>AAAA</nonce>");
        for (path, arguments, status) in [
            ("/restconf/nowhere", &[][..], "404"),
            (DATA, &["-X", "GET"], "405"),
            (DATA, &["-H", "Content-Type: text/plain", "--data-binary", "x"], "415"),
            (DATA, &["-H", &json, "-H", "Content-Encoding: gzip", "--data-binary", "x"], "415"),
            (DATA, &["-H", &json, "--data-binary", &large], "413"),
            (DATA, &["-H", &json, "--data-binary", "{"], "400"),
            (DATA, &["-H", &json, "--data-binary", &unknown], "400"),
            (DATA, &["-H", &xml, "--data-binary", &nonce], "400"),
            (DATA, &["-H", &xml, "--data-binary", "<!DOCTYPE a><a/>"], "400"),
            (REPORT, &["-X", "POST"], "400"),
            ("/restconf?depth=1", &[], "400"),
        ] {
            let answer = bench.ask(path, &[arguments, &[http, "-H", &accept]].concat());
            assert_eq!(answer.status, status, "{path} {arguments:?}");
            assert!(answer.head.contains(&format!("content-type: {media_type}\r\n")), "{}", answer.head);
            assert!(answer.head.contains("cache-control: no-store\r\n"), "{}", answer.head);
            let shown = String::from_utf8_lossy(&answer.body);
            assert_eq!(yang.validate(Kind::Errors, &answer.body, encoding), Ok(()), "{shown}");
            assert!(RestconfError::decode(&answer.body, encoding).is_some(), "{shown}");
        }
        let answer = bench.bare("/restconf", &[http, "-H", &accept]);
        assert_eq!(answer.status, "401", "RCF-02");
        assert_eq!(yang.validate(Kind::Errors, &answer.body, encoding), Ok(()));
    }
    let answer = bench.ask(DATA, &["-X", "POST", "-H", "Accept: text/html"]);
    assert_eq!(answer.status, "406");
    assert_eq!(yang.validate(Kind::Errors, &answer.body, Encoding::Json), Ok(()));
    bench.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rcf_03_curl_authenticates_with_certificate_and_user_or_with_user_alone() {
    let bench = Bench::new(need!("curl")).await;
    let code = Event::ActivationCodeSet { device: device_id("SN-1"), code: ActivationCode::of("s3:cret", [1; 16]) };
    bench.server.store().commit(Batch::from(code)).await.unwrap();
    for (authentication, with, without) in [("certificate-and-basic", "200", "401"), ("basic", "200", "200")] {
        let document = format!("authentication = '{authentication}'\n{}", profile().document());
        let profile = Box::new(OnboardingProfile::from_toml(profile().name, &document).unwrap());
        bench.server.store().commit(Batch::from(Event::ProfileApplied { profile })).await.unwrap();
        let right = ["-X", "POST", "--user", "SN-1:s3:cret"];
        assert_eq!(bench.ask(DATA, &right).status, with, "{authentication}");
        assert_eq!(bench.bare(DATA, &right).status, without, "{authentication}");
        // Asked for a way to authenticate, curl finds the one that the answer names.
        let answer = bench.ask(DATA, &["-X", "POST", "--anyauth", "--user", "SN-1:s3:cret"]);
        assert_eq!(answer.status, "200", "{authentication}");
        for wrong in ["SN-1:wrong", "SN-2:s3:cret"] {
            assert_eq!(bench.ask(DATA, &["-X", "POST", "--user", wrong]).status, "401", "{authentication}");
        }
    }
    bench.server.stop().await;
}
