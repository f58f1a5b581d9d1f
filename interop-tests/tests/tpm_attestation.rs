//! That a key lives in a certain TPM: proved with swtpm, and compared with what tpm2-tools make and open.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use interop_tests::{need_tpm, swtpm::SwTpm};
use pki::{
    key::{SystemEntropy, TpmHandle},
    tpm::{
        EndorsementKind, Fault, Hierarchy, Secret, Template, Tpm, TpmAlgorithm,
        attestation::{AttestationError, Certification, Challenge, Claim, Credential, make_credential},
    },
};

const NONCE: &[u8] = b"the challenge of the station";

/// How tpm2-tools begin a file with a credential.
const TOOLS_HEADER: [u8; 8] = [0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1];

fn open(emulator: &SwTpm) -> Tpm {
    Tpm::open(&emulator.address()).unwrap()
}

fn certify(emulator: &SwTpm, algorithm: TpmAlgorithm, attestor: TpmAlgorithm) -> Certification {
    let (mut tpm, no) = (open(emulator), Secret::empty());
    tpm.evict(TpmHandle::IDEVID, &no).unwrap();
    let template = Template::idevid(algorithm);
    tpm.keep_primary(Hierarchy::Endorsement, &template, TpmHandle::IDEVID, &no, &no).unwrap();
    tpm.certify(TpmHandle::IDEVID, &no, &Template::attestation(attestor), NONCE).unwrap()
}

#[test]
fn a_key_is_proved_to_live_in_the_tpm_with_an_endorsement_key() {
    let emulator = need_tpm!();
    for (algorithm, attestor, kind) in [
        (TpmAlgorithm::P256, TpmAlgorithm::P256, EndorsementKind::P256),
        (TpmAlgorithm::P384, TpmAlgorithm::Rsa2048, EndorsementKind::Rsa2048),
        (TpmAlgorithm::Rsa2048, TpmAlgorithm::P384, EndorsementKind::P256),
        (TpmAlgorithm::P256, TpmAlgorithm::P256, EndorsementKind::Rsa2048),
    ] {
        let certification = certify(&emulator, algorithm, attestor);
        let claim = Claim::check(&certification, NONCE).unwrap();
        let endorsement = open(&emulator).endorsement_key(kind).unwrap();
        let (challenge, credential) = Challenge::make(claim, &endorsement, &mut SystemEntropy).unwrap();
        // It went over a wire.
        let credential = Credential::from_parts(credential.id_object(), credential.encrypted_secret()).unwrap();
        let answer = open(&emulator).activate(kind, &Template::attestation(attestor), &credential).unwrap();
        let mut wrong = answer.clone();
        wrong[31] ^= 1;
        assert_eq!(challenge.clone().accept(&wrong), Err(AttestationError::WrongAnswer));
        assert_eq!(challenge.clone().accept(&answer[..31]), Err(AttestationError::WrongAnswer));
        let proved = challenge.accept(&answer).unwrap();
        assert_eq!(proved.ek_digest(), endorsement.key().spki_sha256());
        assert_eq!(TpmAlgorithm::of(proved.key()), Some(algorithm));
        assert_eq!(proved.public_area(), &certification.key);
    }
}

#[test]
fn another_tpm_and_another_key_cannot_open_the_credential() {
    let (emulator, other) = (need_tpm!(), need_tpm!());
    let certification = certify(&emulator, TpmAlgorithm::P256, TpmAlgorithm::P256);
    for kind in EndorsementKind::ALL {
        let claim = Claim::check(&certification, NONCE).unwrap();
        let (template, different) = (Template::attestation(TpmAlgorithm::P256), Template::idevid(TpmAlgorithm::P256));
        // The device names the endorsement key of another board.
        let foreign = open(&other).endorsement_key(*kind).unwrap();
        let (_, credential) = Challenge::make(claim.clone(), &foreign, &mut SystemEntropy).unwrap();
        open(&emulator).activate(*kind, &template, &credential).unwrap_err();
        // The other board has the endorsement key and not the key.
        let refused = open(&other).activate(*kind, &template, &credential).unwrap_err();
        assert_eq!(refused.fault(), Some(Fault::Integrity), "{refused}");
        // The right TPM, asked with another key.
        let own = open(&emulator).endorsement_key(*kind).unwrap();
        let (_, credential) = Challenge::make(claim, &own, &mut SystemEntropy).unwrap();
        let refused = open(&emulator).activate(*kind, &different, &credential).unwrap_err();
        assert_eq!(refused.fault(), Some(Fault::Integrity), "{refused}");
    }
    let left = emulator.ask(&["tpm2_getcap", "handles-transient"]).unwrap();
    let sessions = emulator.ask(&["tpm2_getcap", "handles-loaded-session"]).unwrap();
    assert_eq!((left.trim(), sessions.trim()), ("", ""), "failures leave nothing behind");
}

#[test]
fn what_a_tpm_says_of_another_key_or_to_another_challenge_is_refused() {
    let emulator = need_tpm!();
    let good = certify(&emulator, TpmAlgorithm::P256, TpmAlgorithm::P256);
    assert_eq!(Claim::check(&good, b"of yesterday"), Err(AttestationError::OtherChallenge));
    let other = certify(&emulator, TpmAlgorithm::P384, TpmAlgorithm::P256);
    let swapped = Certification { key: other.key.clone(), ..good.clone() };
    assert_eq!(Claim::check(&swapped, NONCE), Err(AttestationError::OtherKey));
    let swapped = Certification { attestor: good.key.clone(), ..good.clone() };
    assert_eq!(Claim::check(&swapped, NONCE), Err(AttestationError::NotAnAttestor));
    let swapped = Certification { statement: other.statement, ..good.clone() };
    assert_eq!(Claim::check(&swapped, NONCE), Err(AttestationError::Signature));
    for at in 0..good.statement.len() {
        let mut damaged = good.clone();
        damaged.statement[at] ^= 0x10;
        assert_eq!(Claim::check(&damaged, NONCE), Err(AttestationError::Signature), "octet {at}");
    }
    for end in 0..good.signature.len() {
        let cut = Certification { signature: good.signature[..end].to_vec(), ..good.clone() };
        assert_eq!(Claim::check(&cut, NONCE), Err(AttestationError::Malformed), "{end} octets");
    }
}

#[test]
fn the_tools_open_our_credentials_and_we_open_theirs() {
    let emulator = need_tpm!();
    for (kind, name) in [(EndorsementKind::Rsa2048, "rsa"), (EndorsementKind::P256, "ecc")] {
        let certification = certify(&emulator, TpmAlgorithm::P256, TpmAlgorithm::P256);
        let endorsement = open(&emulator).endorsement_key(kind).unwrap();
        emulator.tool(&["tpm2_createek", "-G", name, "-c", "0x810100aa", "-u", "ek.pub"]).unwrap();

        // Ours, for the key at the persistent handle.
        let secret = b"a secret of thirty-two octets...";
        let credential = make_credential(&endorsement, &certification.key.name(), secret, &mut SystemEntropy).unwrap();
        let file = [&TOOLS_HEADER, credential.id_object(), credential.encrypted_secret()].concat();
        emulator.write("credential", &file).unwrap();
        emulator.tool(&["tpm2_startauthsession", "--policy-session", "-S", "session"]).unwrap();
        emulator.tool(&["tpm2_policysecret", "-S", "session", "-c", "e"]).unwrap();
        let activate = ["tpm2_activatecredential", "-c", "0x81020000", "-C", "0x810100aa", "-i", "credential"];
        emulator.tool(&[&activate[..], &["-o", "opened", "-P", "session:session"]].concat()).unwrap();
        emulator.tool(&["tpm2_flushcontext", "session"]).unwrap();
        assert_eq!(emulator.read("opened").unwrap(), secret);

        // Theirs, for the key that attests.
        emulator.write("theirs", secret).unwrap();
        let name: String = certification.attestor.name().iter().map(|octet| format!("{octet:02x}")).collect();
        let make = ["tpm2_makecredential", "-u", "ek.pub", "-s", "theirs", "-n", &name, "-o", "made"];
        emulator.tool(&make).unwrap();
        let made = emulator.read("made").unwrap();
        let rest = made.strip_prefix(&TOOLS_HEADER).unwrap();
        let end = 2 + usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        let credential = Credential::from_parts(&rest[..end], &rest[end..]).unwrap();
        let template = Template::attestation(TpmAlgorithm::P256);
        assert_eq!(**open(&emulator).activate(kind, &template, &credential).unwrap(), *secret);
        emulator.tool(&["tpm2_evictcontrol", "-c", "0x810100aa"]).unwrap();
    }
}
