//! The whole grouping: nothing is accepted but what owner and manufacturer signed.
#![no_main]

use std::{slice::from_ref, sync::LazyLock};

use authority::Validity;
use conveyed_info::{
    BootstrappingData, ConveyedInformation, OwnerCertificate, OwnershipVoucher, Unverified,
    cms::{AeadPolicy, ContentInfo, ContentType, KeyUsageRule, SealOptions},
    information::Information,
    make,
    profile::InputProfile,
    rpc::{BootstrappingAnswer, ReportingLevel},
    verify::{self, Accepted, Context, Decryption, Source},
    voucher::Assertion,
};
use fuzz::{
    Seed,
    agree::ENCODINGS,
    world::{FixedKey, Predictable, WORLD},
};
use pki::{revocation::Evidence, time::Clock};

fuzz::target!(seeds, check);

static DEVICE: LazyLock<FixedKey> = LazyLock::new(FixedKey::device);

fn seeds() -> Vec<Seed> {
    let nonce = || Validity::Nonce(WORLD.nonce.clone());
    [&WORLD.redirect, &WORLD.onboarding]
        .into_iter()
        .flat_map(|information| {
            let unsigned =
                make::unsigned_conveyed_information(information, make::Style::default()).expect("conveyed information");
            [
                WORLD.signed(information, nonce()),
                WORLD.signed(information, Validity::Until(None)),
                WORLD.signed(information, Validity::Unlimited),
                BootstrappingData::Unsigned(unsigned),
            ]
        })
        .flat_map(|data| [encrypted(&data), data])
        .map(|data| join(&data))
        .collect()
}

/// The same, every artifact encrypted to the device.
fn encrypted(data: &BootstrappingData) -> BootstrappingData {
    let (recipients, entropy) = (&WORLD.idevid[..1], &mut Predictable::default());
    let options = SealOptions { key_usage: KeyUsageRule::Ignore, ..SealOptions::default() };
    let conveyed_information = data.conveyed_information().encrypted_to(recipients, options, entropy).expect("sealed");
    match data {
        BootstrappingData::Unsigned(_) => BootstrappingData::Unsigned(conveyed_information),
        BootstrappingData::Signed { owner_certificate, ownership_voucher, .. } => BootstrappingData::Signed {
            conveyed_information,
            owner_certificate: owner_certificate.encrypted_to(recipients, options, entropy).expect("sealed"),
            ownership_voucher: ownership_voucher.encrypted_to(recipients, options, entropy).expect("sealed"),
        },
    }
}

/// Each artifact behind its length in two octets; no companions: unsigned.
fn join(data: &BootstrappingData) -> Seed {
    let artifacts: &[&[u8]] = match data {
        BootstrappingData::Unsigned(conveyed_information) => &[conveyed_information.der()],
        BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } => {
            &[conveyed_information.der(), owner_certificate.der(), ownership_voucher.der()]
        }
    };
    let length = |artifact: &[u8]| u16::try_from(artifact.len()).expect("a short artifact").to_be_bytes();
    artifacts.iter().flat_map(|artifact| [&length(artifact)[..], artifact].concat()).collect()
}

fn split(mut bytes: &[u8]) -> Option<BootstrappingData> {
    let mut next = || {
        let (length, rest) = bytes.split_first_chunk()?;
        let (artifact, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        bytes = rest;
        Some(artifact)
    };
    let conveyed_information = ConveyedInformation::from_der(next()?).ok()?;
    let Some(owner_certificate) = next() else { return Some(BootstrappingData::Unsigned(conveyed_information)) };
    Some(BootstrappingData::Signed {
        conveyed_information,
        owner_certificate: OwnerCertificate::from_der(owner_certificate).ok()?,
        ownership_voucher: OwnershipVoucher::from_der(next()?).ok()?,
    })
}

fn check(bytes: &[u8]) {
    let Some(data) = split(bytes) else { return };
    travel(&data);
    for source in [Source::Untrusted, Source::TrustedServer] {
        for clock in [Clock::Trusted(WORLD.now), Clock::Untrusted { at_least: WORLD.now }] {
            judge(&data, source, clock);
        }
    }
}

/// Any grouping arrives as it was sent, in either encoding.
fn travel(data: &BootstrappingData) {
    let answer = BootstrappingAnswer { reporting_level: ReportingLevel::Verbose, data: data.clone() };
    let expected =
        BootstrappingAnswer { reporting_level: ReportingLevel::Verbose, data: Unverified::new(data.clone()) };
    for encoding in ENCODINGS {
        let arrived = BootstrappingAnswer::decode(&answer.encode(encoding), encoding);
        assert_eq!(arrived.as_ref(), Ok(&expected), "{encoding}");
    }
}

fn judge(data: &BootstrappingData, source: Source, clock: Clock) {
    let context = Context {
        source,
        voucher_anchors: from_ref(&WORLD.voucher_root),
        serial_number: &WORLD.serial_number,
        idevid: Some(&WORLD.idevid[0]),
        nonce: Some(&WORLD.nonce),
        clock,
        assertions: &[Assertion::Verified],
        decryption: Some(Decryption { key: DEVICE.file(), certificate: None, aead: AeadPolicy::Allow }),
        profile: InputProfile::Survey,
        revocation: Evidence::none(),
    };
    let verified = match verify::verify(Unverified::new(data.clone()), &context) {
        Ok(verified) => verified,
        Err(refusal) => {
            assert!(!refusal.trace.checks().is_empty(), "a refusal that does not say what was checked");
            return;
        }
    };
    assert!(!verified.trace().checks().is_empty());
    if source == Source::TrustedServer && !is_signed(data) {
        // RFC 8572 §5.3: a trusted server's word is enough.
        return;
    }
    match verified.value() {
        // Unsigned and untrusted, a redirect without its anchors is all that is left.
        Accepted::ProvisionalRedirect(redirect) => {
            assert_eq!(source, Source::Untrusted);
            assert!(redirect.servers().iter().all(|server| server.trust_anchor.is_none()));
        }
        Accepted::TrustedRedirect(redirect) => {
            assert_eq!(Information::Redirect(redirect.clone()), WORLD.redirect, "the owner never signed this");
        }
        Accepted::Onboarding(onboarding) => {
            assert_eq!(Information::Onboarding(onboarding.clone()), WORLD.onboarding, "the owner never signed this");
        }
    }
}

/// Whether all three are there and the conveyed information is signed for everyone to see.
fn is_signed(data: &BootstrappingData) -> bool {
    let info = ContentInfo::from_ber(data.conveyed_information().der());
    let signed = info.is_ok_and(|(info, _)| info.content_type() == ContentType::SignedData);
    signed && matches!(data, BootstrappingData::Signed { .. })
}
