//! A service in a folder of its own, asked in process: for tests of what becomes of many devices at once. What they begin
//! with is committed to the store by the events that the operator API commits; there is no listener for operators here.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use audit_log::LogIndex;
use authority::OwnerParty;
use axum::{
    body::Body,
    extract::Request,
    http::{Method, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use conveyed_info::information::{BootstrapServer, RedirectInformation};
use http_body_util::BodyExt;
use pki::{certificate::Certificate, digest::sha256, identity::SerialNumber, key::FileKey, time::Timestamp};
use tower::ServiceExt;

use super::{Codes, Enrolment, Fetcher, Service, Tally, router};
use crate::{
    Owner,
    admission::{self, Guard, Limits, Shed, Writes},
    audit::{Answer, Basis, CheckpointKey, Event},
    domain::{
        Departures, DeviceId, Manufacturer, ManufacturerName, OnboardingProfile, Particulars, Policies, ProfileName,
        State,
    },
    images::Images,
    metrics::Metrics,
    store::{Batch, Ledger, SqlStore, Store},
    tls::{Connection, DeviceIdentity, RejectedQueue, Rejections},
};

pub(super) const DATA: &str = "/restconf/operations/ietf-sztp-bootstrap-server:get-bootstrapping-data";
pub(super) const REPORT: &str = "/restconf/operations/ietf-sztp-bootstrap-server:report-progress";
const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

pub(super) struct Lab {
    pub(super) store: Arc<SqlStore>,
    pub(super) rejected: RejectedQueue,
    pub(super) metrics: Metrics,
    /// The owner's certificates.
    pub(super) owner: Vec<Certificate>,
    router: axum::Router,
    _folder: tempfile::TempDir,
}

pub(super) fn id(serial: &str) -> DeviceId {
    let manufacturer = ManufacturerName::new("maker").unwrap();
    DeviceId { manufacturer, serial_number: SerialNumber::new(serial).unwrap() }
}

pub(super) fn profile(more: &str) -> OnboardingProfile {
    let document = format!("{more}post-configuration-script = 'x'\n");
    OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), &document).unwrap()
}

/// What the device of this name has done once it has come `as_far_as` this report.
pub(super) fn onboarded(serial: &str, as_far_as: conveyed_info::rpc::ProgressType) -> [Event; 3] {
    let (device, source) = (id(serial), SOURCE);
    let departures = Departures::default();
    let answer = Answer::Onboarding { conveyed_information: sha256(b"information") };
    [
        registered(serial),
        Event::Answered {
            device: device.clone(),
            source,
            certificate: sha256(serial.as_bytes()),
            answer,
            basis: Basis::of(&profile("")),
            departures: departures.clone(),
        },
        Event::ProgressReported { device, source, report: as_far_as, keys: Vec::new(), message: None, departures },
    ]
}

pub(super) fn registered(serial: &str) -> Event {
    let particulars = Box::new(Particulars::default());
    Event::DeviceRegistered { device: id(serial), profile: profile("").name, particulars }
}

pub(super) fn batch(events: impl IntoIterator<Item = Event>) -> Batch {
    let mut events = events.into_iter();
    let first = Batch::from(events.next().unwrap());
    events.fold(first, Batch::and)
}

impl Lab {
    pub(super) async fn new(policies: Policies, profile: OnboardingProfile) -> Self {
        Self::with_fetcher(policies, profile, Fetcher::new(None)).await
    }

    /// As [`Lab::new`], where fresh vouchers can be had.
    pub(super) async fn with_fetcher(policies: Policies, profile: OnboardingProfile, fetcher: Fetcher) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let owner =
            OwnerParty::new("Owner", &["127.0.0.1".to_owned()], Timestamp::from_system(std::time::SystemTime::now()));
        let owner = owner.unwrap();
        let key = FileKey::generate_ed25519().unwrap().to_pem();
        let key = Arc::new(CheckpointKey::from_pem("test.example/log", key.as_bytes()).unwrap());
        let store = Arc::new(SqlStore::create(&folder.path().join("sztp.sqlite3"), key).await.unwrap());
        let manufacturer = Manufacturer::new(id("x").manufacturer, Vec::new());
        let profile = Box::new(profile);
        let first = [Event::ManufacturerAdded { manufacturer }, Event::ProfileApplied { profile }];
        store.commit(batch(first)).await.unwrap();
        let metrics = Metrics::default();
        // What is tested here is what becomes of devices, not who has to come again.
        let limits = Limits {
            requests: 1_000_000,
            requests_per_device: 1000,
            requests_per_second_per_device: NonZeroU32::MIN.saturating_add(999_999),
            ..Limits::default()
        };
        let (rejections, rejected) = Rejections::channel(metrics.clone());
        let shared: Arc<dyn Store> = store.clone();
        let guard = Guard::new(&limits, Arc::clone(&shared), metrics.clone());
        let ledger: Arc<dyn Ledger> = store.clone();
        let service = Service {
            store: shared,
            owner: Owner::new(Box::new(owner.key), owner.chain).unwrap(),
            enrolment: Enrolment::new(ledger, crate::authority::Authorities::default()),
            policies: Arc::new(policies.into()),
            newcomers: Mutex::default(),
            fetcher,
            writes: Arc::new(Writes::new(&limits)),
            images: Images::new([], 1),
            codes: Codes::new(),
            rejections,
            body_deadline: Duration::from_secs(60),
        };
        let owner = service.owner.chain().to_vec();
        let router = router(Arc::new(service), guard);
        let router = router.layer(axum::middleware::from_fn_with_state(metrics.clone(), admission::measure));
        Self { store, rejected, metrics, owner, router, _folder: folder }
    }

    /// One request of the device; status, and body as text.
    pub(super) async fn ask(&self, serial: &str, path: &str, input: &str) -> (StatusCode, String) {
        read(respond(self.router.clone(), serial, asking(path, input)).await).await
    }

    /// What the device reads at `path`; or which methods are said to be there.
    pub(super) async fn read(&self, serial: &str, method: Method, path: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        read(respond(self.router.clone(), serial, request).await).await
    }

    /// All of these devices at once, `times` each: how many got which answer, by status.
    pub(super) async fn ask_at_once(&self, serials: &[String], times: usize) -> Vec<(StatusCode, String)> {
        let mut requests = tokio::task::JoinSet::new();
        for serial in serials.iter().cycle().take(serials.len() * times) {
            requests.spawn(ask_until_there_is_room(self.router.clone(), serial.clone()));
        }
        requests.join_all().await
    }

    /// The number of leaves.
    pub(super) async fn leaves(&self) -> u64 {
        let note = self.store.checkpoint().await.unwrap().unwrap();
        note.lines().nth(1).unwrap().parse().unwrap()
    }

    pub(super) async fn state(&self, serial: &str) -> Option<State> {
        self.store.dossier(&id(serial)).await.unwrap().device.map(|device| device.state)
    }

    /// The bodies of the leaves from `first` on.
    pub(super) async fn bodies(&self, first: u64) -> Vec<String> {
        let records = self.store.records(LogIndex(first), u32::MAX).await.unwrap();
        records.into_iter().map(|it| String::from_utf8(it.opening.unwrap().1).unwrap()).collect()
    }
}

/// What a device does whom a slow machine tells to come again: so many ask at once that some find no reader of the database.
/// Who is told so for any other reason was answered.
async fn ask_until_there_is_room(router: axum::Router, serial: String) -> (StatusCode, String) {
    for _ in 0..20 {
        let response = respond(router.clone(), &serial, asking(DATA, "{}")).await;
        if response.extensions().get() != Some(&Tally::Shed(Shed::Database)) {
            return read(response).await;
        }
    }
    panic!("{serial} never found room");
}

fn asking(path: &str, input: &str) -> Request {
    Request::post(path)
        .header(CONTENT_TYPE, "application/yang-data+json")
        .body(Body::from(format!("{{\"ietf-sztp-bootstrap-server:input\":{input}}}")))
        .unwrap()
}

async fn respond(router: axum::Router, serial: &str, mut request: Request) -> Response {
    let identity = DeviceIdentity { device: id(serial), certificate: sha256(serial.as_bytes()) };
    let here = BootstrapServer { address: "127.0.0.1".to_owned(), port: 443, trust_anchor: None };
    let home = Arc::new(RedirectInformation::new(vec![here]).unwrap());
    let identity = Some(Arc::new(identity));
    request.extensions_mut().insert(Connection { source: SOURCE, identity, idevid: None, home });
    router.oneshot(request).await.unwrap()
}

/// Status, and body as text.
async fn read(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
