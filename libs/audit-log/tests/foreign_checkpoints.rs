//! Checkpoints that other programs made.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap like the tests themselves")]

use audit_log::{Checkpoint, CompactRange, KeyName, LeafHash, Origin, TreeSize, UnverifiedCheckpoint, VerifierKey};
use ring::signature::{Ed25519KeyPair, KeyPair};
use verdict::ReasonCode;

/// A real checkpoint of the Go checksum database. Its text but for the origin, and its signature, stand as the example
/// in C2SP tlog-checkpoint, which shows another first line and key name; with the database's own ones it verifies.
const GO_CHECKSUM_DATABASE: &str = "go.sum database tree\n\
    20852163\n\
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
    \n\
    — sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

/// The key of that database, as built into the `go` command.
const SUM_GOLANG_ORG: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

/// The checkpoint of the eight leaves of Certificate Transparency's test vectors, made with Python 3, hashlib and
/// pyca/cryptography 48 (Ed25519 signatures are deterministic, so ours must be the same to the byte):
///
/// ```text
/// key = Ed25519PrivateKey.from_private_bytes(b'\x42' * 32)
/// id = hashlib.sha256(name + b'\n\x01' + public).digest()[:4]
/// text = f'{name}\n8\n{base64.b64encode(root).decode()}\n'
/// note = text + '\n— ' + name + ' ' + base64.b64encode(id + key.sign(text.encode())).decode() + '\n'
/// ```
const MADE_WITH_PYTHON: &str = "log.example.com/audit\n\
    8\n\
    XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\
    \n\
    — log.example.com/audit HyMD+RVNiJaqmJIWNCpL18xAKGIQCjLYYCudQAMmDhj8w+RjJfxBYtxfe50zaSdHjlo9fqv0IPDjIwsRJL00/Al1pgo=\n";

const PYTHON_KEY: &str = "log.example.com/audit+1f2303f9+ASFS+NGbeR0kRTJC4V8uq2y3z/p7al7TAJeWDgaYgdsS";

fn parse(note: &str) -> UnverifiedCheckpoint {
    UnverifiedCheckpoint::parse(note.as_bytes()).unwrap()
}

#[test]
fn a_checkpoint_of_the_go_checksum_database_verifies() {
    let key: VerifierKey = SUM_GOLANG_ORG.parse().unwrap();
    let origin = Origin::new("go.sum database tree").unwrap();
    let checkpoint = parse(GO_CHECKSUM_DATABASE).verify_of(&origin, &key).unwrap();
    assert_eq!(checkpoint.head().size, TreeSize(20_852_163));
    assert_eq!(checkpoint.origin(), &origin);
    assert_eq!(checkpoint.signed_note(), GO_CHECKSUM_DATABASE);
}

#[test]
fn the_same_checkpoint_is_refused_where_the_origin_must_be_the_name_of_the_key() {
    let key: VerifierKey = SUM_GOLANG_ORG.parse().unwrap();
    let refusal = parse(GO_CHECKSUM_DATABASE).verify(&key).unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::CheckpointSignatureInvalid);
    assert_eq!(refusal.detail, "the checkpoint is of the log go.sum database tree, not of sum.golang.org");
}

#[test]
fn the_same_checkpoint_under_another_origin_has_a_wrong_signature() {
    let key: VerifierKey = SUM_GOLANG_ORG.parse().unwrap();
    let renamed = GO_CHECKSUM_DATABASE.replacen("go.sum database tree", "sum.golang.org", 1);
    let refusal = parse(&renamed).verify(&key).unwrap_err();
    assert_eq!(refusal.trace.checks().last().unwrap().check, "checkpoint-signature");
}

#[test]
fn a_checkpoint_made_with_python_verifies_and_is_the_one_made_here() {
    let inputs: [&[u8]; 8] =
        [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43", b"PQRSTUVW", b"`abcdefghijklmno"];
    let tree: CompactRange = inputs.into_iter().map(LeafHash::of).collect();

    let pair = Ed25519KeyPair::from_seed_unchecked(&[0x42; 32]).unwrap();
    let name = KeyName::new("log.example.com/audit").unwrap();
    let key = VerifierKey::new(name, pair.public_key().as_ref().try_into().unwrap());
    assert_eq!(key.to_string(), PYTHON_KEY);

    let (draft, to_be_signed) = Checkpoint::prepare(&key, tree.head());
    let ours = draft.finish(pair.sign(&to_be_signed).as_ref()).unwrap();
    assert_eq!(ours.signed_note(), MADE_WITH_PYTHON);
    assert_eq!(parse(MADE_WITH_PYTHON).verify(&PYTHON_KEY.parse().unwrap()), Ok(ours));
}
