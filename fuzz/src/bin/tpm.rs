//! What a device says of its TPM: public areas are kept as they came, and nothing is proved that no TPM has said.
#![no_main]

use fuzz::Seed;
use pki::{
    key::SystemEntropy,
    tpm::{
        PublicArea,
        attestation::{Certification, Challenge, Claim, Credential, make_credential},
    },
};

fuzz::target!(seeds, check);

/// The generator of P-256: a point that everybody has.
const POINT: [[u8; 32]; 2] = [
    [
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03,
        0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    ],
    [
        0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce,
        0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
    ],
];

/// A key on P-256 with these attributes, between kind and scheme.
fn area(attributes: u32, middle: &[u8]) -> Vec<u8> {
    let (kind, tail) = ([0, 0x23, 0, 0x0b], [0, 3, 0, 0x10, 0, 32]);
    [&kind[..], &attributes.to_be_bytes(), &[0, 0], middle, &tail, &POINT[0], &[0, 32], &POINT[1]].concat()
}

fn sized(octets: &[u8]) -> Vec<u8> {
    [&u16::try_from(octets.len()).unwrap_or(0).to_be_bytes()[..], octets].concat()
}

fn seeds() -> Vec<Seed> {
    let attestor = area(0x0005_0072, &[0, 0x10, 0, 0x18, 0, 0x0b]);
    let endorsement = area(0x0003_0072, &[0, 6, 0, 128, 0, 0x43, 0, 0x10]);
    let key = area(0x0006_0472, &[0, 0x10, 0, 0x10]);
    let said = [&[0xff, 0x54, 0x43, 0x47, 0x80, 0x17, 0, 1, 7, 0, 0][..], &[0; 25], &[0, 1, 9, 0, 0]].concat();
    let signature = [&[0, 0x18, 0, 0x0b, 0, 32][..], &[1; 32], &[0, 32], &[1; 32]].concat();
    let whole = [sized(&attestor), sized(&key), sized(&said), signature].concat();
    vec![attestor, endorsement, key, whole]
}

fn split(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn check(bytes: &[u8]) {
    if let Ok(area) = PublicArea::from_octets(bytes) {
        assert_eq!(area.octets(), bytes);
        assert_eq!(PublicArea::from_sized(&sized(bytes)).as_ref(), Ok(&area));
        assert!(matches!(area.name().len(), 34 | 50 | 66));
        // Shown to people.
        drop(format!("{area:?}"));
        if let Ok(credential) = make_credential(&area, b"name", &[7; 32], &mut SystemEntropy) {
            let parts = (credential.id_object(), credential.encrypted_secret());
            assert_eq!(Credential::from_parts(parts.0, parts.1), Ok(credential.clone()));
        }
    }
    let Some((attestor, rest)) = split(bytes) else { return };
    let Some((key, rest)) = split(rest) else { return };
    let Some((statement, signature)) = split(rest) else { return };
    let (Ok(attestor), Ok(key)) = (PublicArea::from_octets(attestor), PublicArea::from_octets(key)) else { return };
    let (statement, signature) = (statement.to_vec(), signature.to_vec());
    let certification = Certification { key, attestor, statement, signature };
    let Ok(claim) = Claim::check(&certification, &[]) else { return };
    // Whoever has a key may claim what he likes; without a TPM nobody answers.
    assert_eq!(claim.key(), &certification.key);
    if let Ok((challenge, _)) = Challenge::make(claim, &certification.attestor, &mut SystemEntropy) {
        challenge.accept(bytes).unwrap_err();
    }
}
