//! Artifacts: verified, made and opened, against the bare operations of the same crypto library.

use std::{collections::BTreeMap, hint::black_box, time::Instant};

use authority::{ManufacturerParty, OwnerParty};
use conveyed_info::{
    BootstrappingData, Unverified,
    cms::{AeadPolicy, ContentInfo, Enveloped, KeyUsageRule, SealOptions},
    information::{BootImage, Information, OnboardingInformation, Script},
    make,
    verify::{self, Context},
};
use p256::pkcs8::DecodePrivateKey;
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::{FileKey, Signer, SystemEntropy},
    time::{Clock, Timestamp},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use crate::median;

/// What [`measure`] measures.
pub(crate) const METRICS: &[&str] =
    &["verify_ratio", "make_ratio", "open_ratio", "verify_allocations", "verify_allocated_octets"];

/// Operations in one round of one side.
const OPERATIONS: u32 = 400;
const ROUNDS: usize = 7;

/// Signatures in a full signed grouping: on the voucher, on the MASA's certificate, on the owner's certificate, on the conveyed
/// information.
const SIGNATURES: u32 = 4;

pub(crate) fn measure() -> BTreeMap<&'static str, f64> {
    let now = Timestamp::from_system(std::time::SystemTime::now());
    let serial_number = SerialNumber::new("BENCH-0001").unwrap();
    let maker = ManufacturerParty::new("Acme", now).unwrap();
    let owner = OwnerParty::new("Owner", &["127.0.0.1".to_owned()], now).unwrap();
    let pinned = owner.chain.last().unwrap();
    let (device, idevid) = maker.device("bench", &serial_number, now).unwrap();
    let information = Information::from(plan());
    let data = BootstrappingData::Signed {
        conveyed_information: make::signed_conveyed_information(
            &information,
            make::Style::default(),
            &owner.key,
            &owner.chain[..1],
        )
        .unwrap(),
        owner_certificate: make::owner_certificate(&owner.chain).unwrap(),
        ownership_voucher: maker.voucher(&serial_number, pinned, now).unwrap(),
    };
    let context = Context {
        idevid: idevid.first(),
        ..Context::new(maker.voucher_anchors(), &serial_number, Clock::Trusted(now))
    };
    let judge = || verify::verify(Unverified::new(data.clone()), &context).unwrap();

    let key = FileKey::generate_p256().unwrap();
    let message = [7; 256];
    let signature = key.sign(&message).unwrap();
    let bare_verify = || key.algorithm().verify(key.public_key(), &message, &signature).unwrap();
    let verified = compare(
        || {
            black_box(judge());
        },
        || (0..SIGNATURES).for_each(|_| bare_verify()),
    );
    let made = compare(
        || {
            black_box(
                make::signed_conveyed_information(&information, make::Style::default(), &owner.key, &owner.chain[..1])
                    .unwrap(),
            );
        },
        || {
            black_box(key.sign(&message).unwrap());
            // Whatever is made is verified before it is given out, so that a wrong key is noticed here.
            bare_verify();
        },
    );
    let opened = open(&data, &device, &idevid[0]);

    let region = Region::new(&INSTRUMENTED_SYSTEM);
    black_box(judge());
    let change = region.change();
    let allocations = count(change.allocations + change.reallocations);
    let octets = count(change.bytes_allocated);

    println!(
        "verify a signed grouping: {:.0}/s, {:.2} of {SIGNATURES} bare verifications",
        verified.rate, verified.ratio
    );
    println!(
        "make signed conveyed information: {:.0}/s, {:.2} of a bare signature and its check",
        made.rate, made.ratio
    );
    println!("open it encrypted: {:.0}/s, {:.2} of a bare key agreement", opened.rate, opened.ratio);
    println!("one verification: {allocations} allocations, {octets} octets");
    BTreeMap::from([
        ("verify_per_second", verified.rate),
        ("verify_ratio", verified.ratio),
        ("make_per_second", made.rate),
        ("make_ratio", made.ratio),
        ("open_per_second", opened.rate),
        ("open_ratio", opened.ratio),
        ("verify_allocations", allocations),
        ("verify_allocated_octets", octets),
    ])
}

/// Opens the signed conveyed information encrypted to a P-256 key; the reference is one key agreement with keys that are
/// parsed already.
fn open(data: &BootstrappingData, device: &FileKey, certificate: &Certificate) -> Comparison {
    let options = SealOptions { key_usage: KeyUsageRule::Ignore, ..SealOptions::default() };
    let clear = data.conveyed_information();
    let recipients = std::slice::from_ref(certificate);
    let sealed = clear.encrypted_to(recipients, options, &mut SystemEntropy).unwrap();
    let secret = p256::SecretKey::from_pkcs8_der(device.pkcs8_der()).unwrap();
    let peer = p256::PublicKey::from_sec1_bytes(device.public_key().subject_public_key()).unwrap();
    compare(
        || {
            let (info, _) = ContentInfo::from_ber(sealed.der()).unwrap();
            let envelope = Enveloped::from_content_info(&info).unwrap();
            black_box(envelope.open(device, Some(certificate), AeadPolicy::Refuse).unwrap());
        },
        || {
            black_box(secret.diffie_hellman(&peer));
        },
    )
}

/// What devices usually get: an image and two short scripts.
fn plan() -> OnboardingInformation {
    OnboardingInformation {
        boot_image: Some(BootImage {
            os_name: Some("AcmeOS".to_owned()),
            os_version: Some("2.1.0".to_owned()),
            download_uris: vec!["https://images.example.net/acmeos-2.1.0.itb".to_owned()],
            sha256: Some(pki::digest::sha256(b"image")),
        }),
        pre_configuration_script: Some(Script(vec![b'#'; 1024])),
        post_configuration_script: Some(Script(vec![b'#'; 1024])),
        ..OnboardingInformation::default()
    }
}

struct Comparison {
    /// Operations of ours a second.
    rate: f64,
    /// Time of the reference divided by our time: 1 when nothing is added to the bare operations.
    ratio: f64,
}

/// Runs both in turns and takes the medians.
fn compare(ours: impl Fn(), reference: impl Fn()) -> Comparison {
    let (mut rates, mut ratios) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let [our_time, reference_time] = [time(&ours), time(&reference)];
        // The first round warms caches.
        if round > 0 {
            rates.push(f64::from(OPERATIONS) / our_time);
            ratios.push(reference_time / our_time);
        }
    }
    Comparison { rate: median(rates), ratio: median(ratios) }
}

fn time(operation: &impl Fn()) -> f64 {
    let started = Instant::now();
    (0..OPERATIONS).for_each(|_| operation());
    started.elapsed().as_secs_f64()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}
