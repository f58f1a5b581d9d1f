//! Artifacts: verified, made and opened, against the bare operations of the same crypto library.

use std::{collections::BTreeMap, hint::black_box, process::Command, time::Instant};

use conveyed_info::{
    cms::{AeadPolicy, ContentInfo, Enveloped, SealOptions},
    make::{self, Style},
};
use interop_tests::lab::program;
use p256::pkcs8::DecodePrivateKey;
use pki::key::{FileKey, Signer, SystemEntropy};

use crate::{
    grouping::{Grouping, SIGNATURES},
    report::median,
};

/// What [`measure`] measures.
pub(crate) const METRICS: &[&str] =
    &["verify_ratio", "make_ratio", "open_ratio", "verify_allocations", "verify_allocated_octets"];

/// Operations in one round of one side.
const OPERATIONS: u32 = 400;
const ROUNDS: usize = 7;

pub(crate) fn measure() -> BTreeMap<&'static str, f64> {
    let grouping = Grouping::new();
    let key = FileKey::generate_p256().unwrap();
    let message = [7; 256];
    let signature = key.sign(&message).unwrap();
    let bare_verify = || key.algorithm().verify(Signer::public_key(&key), &message, &signature).unwrap();
    let verified = compare(
        || {
            black_box(grouping.judge());
        },
        || (0..SIGNATURES).for_each(|_| bare_verify()),
    );
    let (owner, information) = (&grouping.owner, &grouping.information);
    let make = || make::signed_conveyed_information(information, Style::default(), &owner.key, &owner.chain[..1]);
    let made = compare(
        || {
            black_box(make().unwrap());
        },
        || {
            black_box(key.sign(&message).unwrap());
            // Whatever is made is verified before it is given out, so that a wrong key is noticed here.
            bare_verify();
        },
    );
    let opened = open(&grouping);
    let [allocations, octets] = allocated();

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
fn open(grouping: &Grouping) -> Comparison {
    let (device, certificate) = (&grouping.device, &grouping.idevid[0]);
    let clear = grouping.data.conveyed_information();
    let recipients = std::slice::from_ref(certificate);
    let sealed = clear.encrypted_to(recipients, SealOptions::default(), &mut SystemEntropy).unwrap();
    let secret = p256::SecretKey::from_pkcs8_der(device.pkcs8_der()).unwrap();
    let peer = p256::PublicKey::from_sec1_bytes(Signer::public_key(device).subject_public_key()).unwrap();
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

/// Allocations of one verification, and their octets, as another program counts them.
fn allocated() -> [f64; 2] {
    let output = Command::new(program("allocations")).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.split_whitespace().map(|word| word.parse().unwrap());
    [numbers.next().unwrap(), numbers.next().unwrap()]
}

pub(crate) struct Comparison {
    /// Operations of ours a second.
    pub(crate) rate: f64,
    /// Time of the reference divided by our time: 1 when nothing is added to the bare operations.
    pub(crate) ratio: f64,
}

/// Runs both in turns and takes the medians.
pub(crate) fn compare(ours: impl Fn(), reference: impl Fn()) -> Comparison {
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
