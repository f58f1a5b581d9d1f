//! Whole paths: certificates that are really signed, with extensions that are not ours. Reading a single certificate is the
//! target `certificate`; here every rule that needs a path is reached.
#![no_main]

use std::{slice::from_ref, sync::LazyLock};

use fuzz::{
    Seed,
    der::{element, sequence},
    world::{FixedKey, WORLD},
};
use pki::{
    certificate::Certificate,
    key::Signer,
    path::{self, PathError, Policy, PolicyRules, Purpose, Strictness},
    time::Clock,
};

fuzz::target!(seeds, check);

const ECDSA_WITH_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const CA: &[u8] = b"\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff";
const VALIDITY: &[u8] = b"\x30\x1e\x17\x0d200101000000Z\x17\x0d490101000000Z";
/// Longest part of an input: what is beyond would only be slow.
const MAX_PART: usize = 4096;

/// The keys of the root, the CA below it and the end entity.
static KEYS: LazyLock<[FixedKey; 3]> = LazyLock::new(|| [21, 22, 23].map(FixedKey::new));

static NAMES: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| ["root", "CA", "end entity"].map(name));

/// One common name.
fn name(text: &str) -> Vec<u8> {
    let attribute = sequence(&[b"\x06\x03\x55\x04\x03", &element(0x0c, text.as_bytes())]);
    sequence(&[&element(0x31, &attribute)])
}

/// What the input gives: extensions of the root, of the CA and of the end entity, and the end entity's name. Each begins with
/// its length in two octets.
fn parts(mut bytes: &[u8]) -> [&[u8]; 4] {
    [(); 4].map(|()| {
        let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return Default::default() };
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len()).min(MAX_PART);
        let (part, rest) = rest.split_at(length);
        bytes = rest;
        part
    })
}

fn joined(parts: [&[u8]; 4]) -> Seed {
    let prefixed = parts.map(|part| [&u16::try_from(part.len()).expect("a short part").to_be_bytes(), part].concat());
    prefixed.concat()
}

/// The certificate of `place`, signed by the one above it; `None` when nothing can be read of it.
fn certificate(place: usize, subject: &[u8], extensions: &[u8]) -> Option<Certificate> {
    let above = place.saturating_sub(1);
    let basics = if place < 2 { CA } else { &[] };
    let tbs = sequence(&[
        b"\xa0\x03\x02\x01\x02\x02\x01\x07",
        ECDSA_WITH_SHA256,
        &NAMES[above],
        VALIDITY,
        subject,
        KEYS[place].public_key().spki_der(),
        &element(0xa3, &sequence(&[basics, extensions])),
    ]);
    let signature = KEYS[above].sign(&tbs).expect("a signature");
    let bits = element(0x03, &[&[0], &signature[..]].concat());
    Certificate::from_der(&sequence(&[&tbs, ECDSA_WITH_SHA256, &bits])).ok()
}

/// An extension of the family 2.5.29.
fn extension(number: u8, value: &[u8]) -> Vec<u8> {
    sequence(&[&[0x06, 0x03, 0x55, 0x1d, number], b"\x01\x01\xff", &element(0x04, value)])
}

fn seeds() -> Vec<Seed> {
    let mut seeds = vec![joined([&[], &[], &[], &NAMES[2]])];
    let forms: [(u8, &[u8], &[u8]); 5] = [
        (0x82, b"example.com", b"a.example.com"),
        (0x81, b".example.com", b"me@a.example.com"),
        (0x86, b"example.com", b"https://example.com/"),
        (0x87, &[192, 0, 2, 0, 255, 255, 255, 0], &[192, 0, 2, 1]),
        (0xa4, &NAMES[2], &NAMES[2]),
    ];
    for (form, base, name) in forms {
        let subtree = sequence(&[&element(form, base)]);
        let alternative = extension(17, &sequence(&[&element(form, name)]));
        for kind in [0xa0, 0xa1] {
            let constraints = extension(30, &sequence(&[&element(kind, &subtree)]));
            seeds.push(joined([&constraints, &constraints, &alternative, &NAMES[2]]));
        }
    }
    let (any, own) = (&b"\x06\x04\x55\x1d\x20\x00"[..], &b"\x06\x03\x2a\x03\x04"[..]);
    let policies = |id: &[u8]| extension(32, &sequence(&[&sequence(&[id])]));
    let mapping = extension(33, &sequence(&[&sequence(&[own, b"\x06\x03\x2a\x03\x05"])]));
    let constraints = [extension(36, &sequence(&[b"\x80\x01\x00", b"\x81\x01\x00"])), extension(54, b"\x02\x01\x00")];
    seeds.push(joined([&constraints.concat(), &[policies(own), mapping].concat(), &policies(own), &NAMES[2]]));
    seeds.push(joined([&[], &policies(any), &policies(own), &NAMES[2]]));
    seeds
}

fn check(bytes: &[u8]) {
    let [of_root, of_ca, of_end_entity, subject] = parts(bytes);
    let root = certificate(0, &NAMES[0], of_root);
    let ca = certificate(1, &NAMES[1], of_ca);
    let end_entity = certificate(2, subject, of_end_entity);
    let (Some(root), Some(ca), Some(end_entity)) = (root, ca, end_entity) else { return };
    for purpose in [Purpose::DeviceIdentity, Purpose::Signing, Purpose::TlsServer, Purpose::RevocationLists] {
        let plain = Policy::new(Clock::Trusted(WORLD.now), purpose);
        let judge = |policy: &Policy<'_>| path::validate(&end_entity, from_ref(&ca), from_ref(&root), policy);
        let accepted = judge(&plain);
        match &accepted {
            Ok(path) => {
                assert_eq!(path.certificates(), [end_entity.clone(), ca.clone(), root.clone()]);
            }
            Err(error) => assert!(!error.to_string().is_empty() && error.section().starts_with("RFC")),
        }
        // Whoever demands more gets less.
        let acceptable = [der::asn1::ObjectIdentifier::new_unwrap("1.2.3.4")];
        let rules = |acceptable, inhibit_any| PolicyRules {
            acceptable,
            require_explicit: true,
            inhibit_mapping: inhibit_any,
            inhibit_any,
        };
        let explicit = judge(&Policy { policies: rules(&[], false), ..plain.clone() });
        let stricter = [
            judge(&Policy { strictness: Strictness::Profile, ..plain.clone() }),
            judge(&Policy { policies: rules(&acceptable, false), ..plain.clone() }),
            judge(&Policy { policies: rules(&[], true), ..plain.clone() }),
        ];
        assert!(accepted.is_ok() || explicit.is_err(), "more was accepted with a policy demanded");
        assert!(stricter.iter().all(|it| accepted.is_ok() || it.is_err()), "more was accepted by stricter rules");
        assert!(explicit.is_ok() || stricter[1..].iter().all(Result::is_err), "more was accepted for one policy");
        assert!(explicit.as_ref().map_or(true, |path| !path.policies().is_empty()), "valid for nothing");
        assert!(!matches!(accepted, Err(PathError::Signature { .. })), "a good signature failed");
    }
}
