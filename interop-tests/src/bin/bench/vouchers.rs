//! Vouchers by the hundred thousand, on record and durable before anybody has them, against the same key that signs the same octets
//! and does nothing else, on one core.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use authority::{
    CertificateAuthority, CertificateSerial, Kind, Masa, OwnerParty, Profile, Subject, Validity,
    masa::{MasaPolicy, Person},
};
use bootstrap_server::{
    authority::masa::{Found, Office, Order},
    domain::Actor,
    store::Store,
};
use conveyed_info::verify::RegistrarUsage;
use interop_tests::site::Site;
use pki::{
    identity::SerialNumber,
    key::{FileKey, Signer, random},
    revocation::{Demand, Evidence},
    time::Timestamp,
};

use crate::{
    connections::runtime,
    report::{Report, number},
};

pub(crate) const METRICS: &[&str] = &["bulk_voucher_ratio", "bulk_vouchers_per_second"];

const VOUCHERS: usize = 100_000;
const CHUNK: usize = 512;
const REFERENCE: Duration = Duration::from_secs(2);

pub(crate) fn measure(report: &mut Report) {
    let count = report.devices(VOUCHERS);
    let now = Timestamp::from_system(std::time::SystemTime::now());
    let serial = || CertificateSerial(random().unwrap());
    let root = CertificateAuthority::new_root("MASA", Box::new(FileKey::generate_p256().unwrap()), serial(), now);
    let (root, key) = (root.unwrap(), FileKey::generate_p256().unwrap());
    let subject = Subject::named("MASA");
    let own = root.issue(&Profile::of(Kind::VoucherSigner), &subject, key.public_key(), serial(), now).unwrap();
    let chain = [vec![own], root.chain().to_vec()].concat();
    let same = FileKey::from_pkcs8_der(key.pkcs8_der()).unwrap();
    let office = Arc::new(Office {
        masa: Masa::new(Box::new(key), chain).unwrap(),
        policy: MasaPolicy::default(),
        device_anchors: Vec::new(),
        usage: RegistrarUsage::CmcRa,
        revocation: Evidence::new(),
        demand: Demand::WhenAvailable,
    });
    let owner = OwnerParty::new("Owner", &[], now).unwrap();
    let order = Arc::new(Order {
        pinned: owner.pinned().unwrap().clone(),
        validity: Validity::Until(None),
        line: None,
        idevid: None,
        person: Person::new("bench").unwrap(),
        by: Actor::Console,
    });
    let before = bare(&same);
    let seconds = runtime().block_on(async {
        let site = Site::new();
        let store = Arc::new(site.store().await);
        let serials: Vec<_> = (0..count).map(|it| SerialNumber::new(format!("SN-{it:07}")).unwrap()).collect();
        let begin = Instant::now();
        let mut under_way = tokio::task::JoinSet::new();
        for piece in serials.chunks(CHUNK) {
            let (piece, store) = (piece.to_vec(), Arc::clone(&store));
            let (office, order) = (Arc::clone(&office), Arc::clone(&order));
            under_way.spawn(async move {
                for ordered in office.issue_all(store.as_ref(), &piece, &order, now).await {
                    assert_eq!(ordered.outcome.unwrap().1, Found::Made);
                }
            });
            if under_way.len() >= 2 {
                under_way.join_next().await.unwrap().unwrap();
            }
        }
        under_way.join_all().await;
        let seconds = begin.elapsed().as_secs_f64();
        assert_eq!(store.growth().borrow().0, u64::try_from(count).unwrap());
        seconds
    });
    let bare = f64::midpoint(before, bare(&same));
    let rate = number(count) / seconds;
    println!("{count} vouchers: {rate:.0}/s durable and on record, {:.2} of {bare:.0} bare signatures/s", rate / bare);
    report.set("bulk_vouchers_per_second", rate);
    report.set("bulk_voucher_ratio", rate / bare);
}

/// Signatures per second of this key, over what a voucher's signer signs.
fn bare(key: &FileKey) -> f64 {
    let message = [7; 200];
    let (begin, mut made) = (Instant::now(), 0);
    while begin.elapsed() < REFERENCE {
        for _ in 0..100 {
            black_box(key.sign(black_box(&message)).unwrap());
        }
        made += 100;
    }
    number(made) / begin.elapsed().as_secs_f64()
}
