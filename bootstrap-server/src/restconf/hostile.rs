//! Whatever a device sends, it gets a clear answer: the router in process, under generated and mutated requests.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use authority::{ManufacturerParty, OwnerParty};
use axum::{Router, body::Body, http::Request};
use conveyed_info::{
    Encoding,
    information::{BootstrapServer, RedirectInformation},
    rpc::{ApiResource, BootstrappingAnswer, HOST_META, RestconfError, YANG_DATA_XML},
};
use http_body_util::BodyExt;
use pki::{digest::sha256, identity::SerialNumber, key::FileKey, time::Timestamp};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};
use tower::ServiceExt;

use super::*;
use crate::{
    admission::Limits,
    audit::{CheckpointKey, Event},
    domain::{DeviceId, Manufacturer, ManufacturerName, OnboardingProfile, ProfileName},
    metrics::Metrics,
    store::{Batch, Ledger, SqlStore},
    tls::DeviceIdentity,
};

const BODIES: [&str; 9] = [
    "",
    r#"{"ietf-sztp-bootstrap-server:input":{"ietf-sztp-csr:p10-csr":"MAA="}}"#,
    r#"{"ietf-sztp-bootstrap-server:input":{}}"#,
    r#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null],"hw-model":"m","os-name":"o","os-version":"1","nonce":"AAAAAAAAAAAAAAAAAAAAAA=="}}"#,
    r#"{"ietf-sztp-bootstrap-server:input":{"ietf-sztp-csr:csr-support":{"csr-generation":{"supported-formats":{"format-identifier":["ietf-ztp-types:p10-csr"]}}}}}"#,
    r#"{"ietf-sztp-bootstrap-server:input":{"progress-type":"bootstrap-complete","message":"m","ssh-host-keys":{"ssh-host-key":[{"algorithm":"ssh-ed25519","key-data":"AAAA"}]},"trust-anchor-certs":{"trust-anchor-cert":["AAAA"]}}}"#,
    r#"<input xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server"><hw-model>m</hw-model><nonce>AAAAAAAAAAAAAAAAAAAAAA==</nonce></input>"#,
    r#"<s:input xmlns:s="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server"><s:progress-type>config-error</s:progress-type><s:message>&lt;m&gt;</s:message></s:input>"#,
    r#"<input xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server"><progress-type>bootstrap-complete</progress-type><ssh-host-keys><ssh-host-key><algorithm>a</algorithm><key-data>AAAA</key-data></ssh-host-key></ssh-host-keys></input>"#,
];

/// What is written over a body, or into it.
const PIECES: [&str; 22] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "[null]",
    "<",
    ">",
    "</input>",
    "<!DOCTYPE a>",
    "<![CDATA[",
    "&#0;",
    "&a;",
    "\\u0000",
    "\\ud800",
    "ietf-sztp-csr:p10-csr",
    "xmlns=\"\"",
    "\u{0}",
    "\u{ffff}",
];

const HEADERS: [(&str, &str); 26] = [
    ("content-type", "application/yang-data+json"),
    ("content-type", "application/yang-data+xml"),
    ("content-type", "application/yang.data+json; charset=utf-8"),
    ("content-type", "text/plain"),
    ("content-type", "application/yang-data+xml; charset=\"utf-16\""),
    ("content-type", ";;;"),
    ("accept", "*/*"),
    ("accept", "application/yang-data+xml"),
    ("accept", "application/yang-data+json;q=0.1, application/yang-data+xml;q=0.2"),
    ("accept", "application/yang-data+json;q=999999999999999999999"),
    ("accept", ";q=,,;=;q"),
    ("accept", "text/html"),
    ("content-encoding", "gzip"),
    ("content-encoding", "identity"),
    ("content-length", "18446744073709551616"),
    ("content-length", "65537"),
    ("content-length", "-1"),
    ("transfer-encoding", "chunked"),
    ("transfer-encoding", "gzip"),
    ("authorization", "Basic U04tMTp4"),
    ("authorization", "Basic"),
    ("authorization", "Bearer x"),
    ("range", "bytes=5-"),
    ("if-match", "*"),
    ("expect", "100-continue"),
    ("x-serial-number", "SN-2"),
];

#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

fn sent() -> impl Strategy<Value = Sent> {
    let mut paths = vec![
        format!("{ROOT}/{GET_BOOTSTRAPPING_DATA}"),
        format!("{ROOT}/{REPORT_PROGRESS}"),
        HOST_META.to_owned(),
        format!("{HOST_META}.json"),
        "/images/x".to_owned(),
        "/%00/%ff".to_owned(),
    ];
    paths.extend(ApiResource::ALL.map(|resource| format!("{ROOT}{}", resource.path())));
    // The two operations are worth more than all the rest.
    let path = prop_oneof![6 => select(paths[..2].to_vec()), 1 => select(paths), 1 => "/[ -~]{0,40}"];
    let query = prop_oneof![8 => Just(String::new()), 1 => "\\?[a-z=&%0-9]{0,20}"];
    let method = prop_oneof![6 => Just("POST"), 1 => select(vec!["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "BREW"])];
    let known = select(HEADERS.to_vec()).prop_map(|(name, value)| (name, value.as_bytes().to_vec()));
    let wild =
        (select(vec!["content-type", "accept", "authorization", "content-encoding"]), vec(0x20_u8..=0xff, 0..40));
    let header = prop_oneof![6 => known, 1 => wild];
    let plain = select(vec![HEADERS[0], HEADERS[1]]).prop_map(|(name, value)| vec![(name, value.as_bytes().to_vec())]);
    let headers = prop_oneof![2 => plain, 1 => vec(header, 0..5)];
    let body = prop_oneof![
        6 => (select(BODIES.to_vec()), vec(change(), 0..4)).prop_map(|(body, changes)| mutated(body, &changes)),
        1 => vec(any::<u8>(), 0..200),
    ];
    (method, path, query, headers, body).prop_map(|(method, path, query, headers, body)| Sent {
        method,
        path: path + &query,
        headers,
        body,
    })
}

#[derive(Clone, Debug)]
enum Change {
    Put(Index, &'static str),
    Flip(Index, u8),
    Cut(Index),
    Twice(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), select(PIECES.to_vec())).prop_map(|(at, piece)| Change::Put(at, piece)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, bits)| Change::Flip(at, bits)),
        any::<Index>().prop_map(Change::Cut),
        any::<Index>().prop_map(Change::Twice),
    ]
}

fn mutated(body: &str, changes: &[Change]) -> Vec<u8> {
    let mut body = body.as_bytes().to_vec();
    for change in changes {
        if body.is_empty() {
            break;
        }
        match change {
            Change::Put(at, piece) => {
                let at = at.index(body.len());
                body.splice(at..at, piece.bytes());
            }
            Change::Flip(at, bits) => {
                let at = at.index(body.len());
                body[at] ^= bits;
            }
            Change::Cut(at) => body.truncate(at.index(body.len())),
            Change::Twice(at) => body.extend_from_within(at.index(body.len())..),
        }
    }
    body
}

/// A router whose device SN-1 has a voucher and a profile, and the connection of that device.
async fn served(folder: &std::path::Path) -> (Router, Connection) {
    let now = Timestamp::from_system(std::time::SystemTime::now());
    let maker = ManufacturerParty::new("Maker", now).unwrap();
    let owner = OwnerParty::new("Owner", &["127.0.0.1".to_owned()], now).unwrap();
    let key = CheckpointKey::new("test.example/log", Box::new(FileKey::generate_ed25519().unwrap())).unwrap();
    let store = SqlStore::create(&folder.join("sztp.sqlite3"), Arc::new(key)).await.unwrap();
    let device = DeviceId {
        manufacturer: ManufacturerName::new("maker").unwrap(),
        serial_number: SerialNumber::new("SN-1").unwrap(),
    };
    let manufacturer = Manufacturer {
        voucher_anchors: maker.voucher_anchors().to_vec(),
        ..Manufacturer::new(device.manufacturer.clone(), maker.device_anchors().to_vec())
    };
    let name = ProfileName::new("bmc").unwrap();
    let document = "wire-profile = 'opi-agent'\n[configuration]\nhandling = 'merge'\ncontent = '{}'\n";
    let profile = Box::new(OnboardingProfile::from_toml(name.clone(), document).unwrap());
    let voucher = maker.voucher(&device.serial_number, owner.pinned().unwrap(), now).unwrap();
    let registered = Event::DeviceRegistered { device: device.clone(), profile: name, particulars: Box::default() };
    let batch = Batch::from(Event::ManufacturerAdded { manufacturer })
        .and(Event::ProfileApplied { profile })
        .and(registered)
        .and(Event::VoucherStored { device: device.clone(), voucher });
    store.commit(batch).await.unwrap();
    let server = BootstrapServer { address: "127.0.0.1".to_owned(), port: 443, trust_anchor: None };
    let home = Arc::new(RedirectInformation::new(vec![server]).unwrap());
    let store = Arc::new(store);
    let (ledger, store): (Arc<dyn Ledger>, Arc<dyn Store>) = (store.clone(), store);
    let metrics = Metrics::default();
    let limits = Limits {
        requests: usize::MAX,
        requests_per_device: usize::MAX,
        requests_per_second_per_device: NonZeroU32::MAX,
        stored_octets_per_day_per_device: NonZeroU32::MAX,
        ..Limits::default()
    };
    let guard = Guard::new(&limits, Arc::clone(&store), metrics.clone());
    let service = Service {
        store,
        owner: Owner::new(Box::new(owner.key), owner.chain).unwrap(),
        enrolment: Enrolment::new(ledger, crate::authority::Authorities::default()),
        policies: Arc::new(crate::domain::Policies::default().into()),
        newcomers: Mutex::default(),
        fetcher: Fetcher::new(None),
        writes: Arc::new(Writes::new(&limits)),
        images: Images::new(None, 1),
        codes: Codes::new(),
        rejections: Rejections::channel(metrics).0,
        body_deadline: Duration::from_secs(20),
    };
    let identity = DeviceIdentity { device, certificate: sha256(b"certificate") };
    let source = IpAddr::from([192, 0, 2, 1]);
    (router(Arc::new(service), guard), Connection { source, identity: Some(Arc::new(identity)), idevid: None, home })
}

/// The statuses that came up.
#[derive(Debug, Default)]
struct Seen(Mutex<BTreeSet<u16>>);

/// What every answer must be.
async fn check(router: Router, connection: Connection, sent: &Sent, seen: &Seen) -> Result<(), TestCaseError> {
    let mut request = Request::builder().method(sent.method).uri(&sent.path);
    for (name, value) in &sent.headers {
        request = request.header(*name, value.as_slice());
    }
    // What is no request never gets past HTTP.
    let Ok(request) = request.extension(connection).body(Body::from(sent.body.clone())) else { return Ok(()) };
    let answer = router.oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let status = head.status.as_u16();
    seen.0.lock().unwrap().insert(status);
    prop_assert!(head.headers.contains_key(CACHE_CONTROL), "RCF-19");
    prop_assert!(status < 500 || status == 501, "{status}");
    let media_type = head.headers.get("content-type").map(|value| value.to_str().unwrap());
    let encoding = if media_type == Some(YANG_DATA_XML) { Encoding::Xml } else { Encoding::Json };
    if status >= 400 && sent.method != "HEAD" {
        // RCF-20, RCF-21: an errors body, whose tag may have this status.
        let error = RestconfError::decode(&body, encoding);
        prop_assert!(error.is_some(), "{status} {}", String::from_utf8_lossy(&body));
        let tag = error.unwrap().tag;
        prop_assert!(status == 415 || tag.statuses().contains(&status), "{status} {tag:?}");
    }
    if status == 200 && sent.method == "POST" {
        prop_assert!(BootstrappingAnswer::decode(&body, encoding).is_ok());
    }
    prop_assert!(status != 204 || body.is_empty(), "RCF-14");
    Ok(())
}

#[test]
fn rcf_20_rcf_23_whatever_is_sent_the_answer_is_clear_and_never_our_fault() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (router, connection) = runtime.block_on(served(folder.path()));
    let seen = Seen::default();
    let mut runner = TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() });
    let judged = runner.run(&sent(), |sent| runtime.block_on(check(router.clone(), connection.clone(), &sent, &seen)));
    judged.unwrap_or_else(|error| panic!("{error}"));
    // The requests were varied enough to mean something.
    for status in [200, 204, 400, 401, 404, 405, 406, 413, 415, 501] {
        assert!(seen.0.lock().unwrap().contains(&status), "{status} never came up: {seen:?}");
    }
}
