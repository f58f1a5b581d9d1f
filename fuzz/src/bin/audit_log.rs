//! Checkpoints, keys, leaves and proofs of the audit log: only what the log's key signed is believed.
#![no_main]

use std::sync::LazyLock;

use audit_log::{
    Checkpoint, CompactRange, ConsistencyProof, InclusionProof, KeyName, Kind, Leaf, LeafHash, LogIndex, NodeHash,
    Salt, TreeHead, TreeSize, UnixMillis, UnverifiedCheckpoint, VerifierKey,
};
use fuzz::Seed;
use pki::key::{FileKey, Signer};

fuzz::target!(seeds, check);

const LEAVES: u8 = 13;
const OLD: u64 = 6;

struct Log {
    key: VerifierKey,
    leaves: Vec<LeafHash>,
    old: TreeHead,
    head: TreeHead,
    checkpoint: Checkpoint,
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    pkcs8.extend([7; 32]);
    let signer = FileKey::from_pkcs8_der(&pkcs8).expect("an Ed25519 key");
    let public = signer.public_key().subject_public_key().try_into().expect("32 octets");
    let key = VerifierKey::new(KeyName::new("log.example.com/audit").expect("a name"), public);
    let leaves: Vec<_> = (0..LEAVES).map(|number| leaf(number).hash()).collect();
    let head = |size| leaves.iter().copied().take(size).collect::<CompactRange>().head();
    let (old, head) = (head(6), head(LEAVES.into()));
    let (draft, to_be_signed) = Checkpoint::prepare(&key, head);
    let checkpoint = draft.finish(&signer.sign(&to_be_signed).expect("a signature")).expect("a checkpoint");
    Log { key, leaves, old, head, checkpoint }
});

fn leaf(number: u8) -> Leaf {
    Leaf::commit_to(UnixMillis(1_767_225_600_000), Kind(number.into()), &Salt::new([number; 32]), &[number; 9])
}

fn seeds() -> Vec<Seed> {
    let inclusion = InclusionProof::generate(&LOG.leaves[..], LogIndex(5), LOG.head.size).expect("a proof");
    let consistency = ConsistencyProof::generate(&LOG.leaves[..], TreeSize(OLD), LOG.head.size).expect("a proof");
    let path = |first, path: &[NodeHash]| {
        std::iter::once(first).chain(path.iter().flat_map(|node| node.0)).collect::<Vec<u8>>()
    };
    vec![
        LOG.checkpoint.signed_note().as_bytes().to_vec(),
        LOG.key.to_string().into_bytes(),
        leaf(3).encode().to_vec(),
        path(5, inclusion.path()),
        path(0, consistency.path()),
    ]
}

fn check(bytes: &[u8]) {
    if let Ok(checkpoint) = UnverifiedCheckpoint::parse(bytes)
        && let Ok(checkpoint) = checkpoint.verify(&LOG.key)
    {
        assert_eq!(checkpoint.head(), LOG.checkpoint.head(), "the log never signed this");
        assert_eq!(checkpoint.origin(), LOG.checkpoint.origin());
    }
    if let Ok(key) = String::from_utf8_lossy(bytes).parse::<VerifierKey>() {
        assert_eq!(key.to_string().parse::<VerifierKey>().as_ref(), Ok(&key));
    }
    if let Ok(leaf) = Leaf::decode(bytes) {
        assert_eq!(leaf.encode(), bytes);
    }
    proofs(bytes);
}

/// The first octet says for which leaf, the others are the path.
fn proofs(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let (nodes, _) = rest.as_chunks::<32>();
    let path: Vec<_> = nodes.iter().copied().map(NodeHash).collect();
    let index = LogIndex(first.into());
    let proof = InclusionProof::new(index, path.clone());
    for (number, leaf) in LOG.leaves.iter().enumerate() {
        if proof.verify(*leaf, &LOG.head).is_ok() {
            assert_eq!(u64::try_from(number).ok(), Some(index.0), "a leaf proved at another's place");
            let genuine = InclusionProof::generate(&LOG.leaves[..], index, LOG.head.size).expect("a proof");
            assert_eq!(genuine.path(), path);
        }
    }
    if ConsistencyProof::new(path.clone()).verify(&LOG.old, &LOG.head).is_ok() {
        let genuine = ConsistencyProof::generate(&LOG.leaves[..], LOG.old.size, LOG.head.size).expect("a proof");
        assert_eq!(genuine.path(), path);
    }
}
