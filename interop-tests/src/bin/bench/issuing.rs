//! Certificates for devices in bulk: requests verified, certificates durable and in the audit log, against bare signatures of the
//! same library with the same kind of key on one core.

use std::{
    collections::BTreeMap,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use authority::{CertificateAuthority, CertificateSerial, Kind, Profile};
use bootstrap_server::{
    audit::CheckpointKey,
    authority::{Authorities, Authority, Desk},
    domain::{Actor, AuthorityName, CertificateProfile},
    store::SqlStore,
};
use operator_api::NewCertificate;
use pki::{
    identity::SerialNumber,
    key::{FileKey, Signer, random},
    new_request::{DeviceNames, sign, to_pem},
    time::Timestamp,
};

use crate::report::Report;

/// What [`measure`] measures.
pub(crate) const METRICS: &[&str] = &["idevid_bulk_ratio", "idevids_per_second", "bare_signatures_per_second"];

/// Devices of a full run.
const DEVICES: usize = 20_000;
/// Requests that are answered together, as the command does it.
const TOGETHER: usize = 1024;

pub(crate) fn measure(report: &mut Report) {
    let devices = report.devices(DEVICES);
    let requests: Vec<_> = (0..devices).map(request).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (issued, bare) = runtime.block_on(issue(requests));
    println!("{devices} IDevIDs: {issued:.0}/s, {:.3} of {bare:.0} bare signatures/s on one core", issued / bare);
    report.set("idevid_bulk_ratio", issued / bare);
    report.set("idevids_per_second", issued);
    report.set("bare_signatures_per_second", bare);
}

/// Time for so many bare signatures, over as many octets as a certificate has.
fn bare(key: &FileKey, count: usize) -> Duration {
    let mut message = [0x5a; 500];
    let begin = Instant::now();
    for number in 0..count {
        message[..8].copy_from_slice(&number.to_be_bytes());
        black_box(key.sign(&message).unwrap());
    }
    begin.elapsed()
}

fn request(number: usize) -> NewCertificate {
    let serial_number = format!("SN-{number:06}");
    let names = DeviceNames::new(SerialNumber::new(&serial_number).unwrap());
    let csr = to_pem(&sign(&names, &FileKey::generate_p256().unwrap()).unwrap());
    let (profile, serial_number) = (Some("idevid".to_owned()), Some(serial_number));
    NewCertificate { csr, profile, serial_number, ..NewCertificate::default() }
}

/// Certificates that are durable and on record, in a second; and bare signatures, in slices between them, because a machine's pace
/// changes from one second to the next.
async fn issue(requests: Vec<NewCertificate>) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let audit = CheckpointKey::new("bench.example/log", Box::new(FileKey::generate_ed25519().unwrap())).unwrap();
    let store =
        Arc::new(SqlStore::create(folder.path().join("sztp.sqlite3").as_path(), Arc::new(audit)).await.unwrap());
    let now = Timestamp::from_system(std::time::SystemTime::now());
    let serial = || CertificateSerial(random().unwrap());
    let (root, key) = (FileKey::generate_p256().unwrap(), FileKey::generate_p256().unwrap());
    let alone = FileKey::from_pkcs8_der(key.pkcs8_der()).unwrap();
    let root = CertificateAuthority::new_root("Root", Box::new(root), serial(), now).unwrap();
    let authority = Authority {
        name: AuthorityName::new("devices").unwrap(),
        ca: root.new_issuing_ca("Device CA", Box::new(key), serial(), now).unwrap(),
        profiles: BTreeMap::from([(CertificateProfile::new("idevid").unwrap(), Profile::of(Kind::Idevid))]),
        responder: None,
        fresh_for: Duration::from_secs(3600),
    };
    let mut authorities = Authorities::default();
    assert!(authorities.add(authority));
    let desk = Desk::new(authorities, store.clone());
    let count = f64::from(u32::try_from(requests.len()).unwrap());
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    for together in requests.chunks(TOGETHER) {
        theirs += bare(&alone, together.len());
        let begin = Instant::now();
        for issued in desk.issue_all(together.to_vec(), &Actor::Console).await {
            assert!(!issued.unwrap().issued_before);
        }
        ours += begin.elapsed();
    }
    drop(desk);
    Arc::into_inner(store).unwrap().close().await;
    (count / ours.as_secs_f64(), count / theirs.as_secs_f64())
}
