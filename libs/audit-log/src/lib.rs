//! A Merkle audit log: what happened, in an order that nobody can change later without being found out.
//!
//! This crate is the pure core: it does no I/O, reads no clock and draws no randomness. Whoever uses it brings the time,
//! the entropy, the storage and the private key.
//!
//! # What a leaf commits to
//!
//! Each record becomes a [`Leaf`] of 43 bytes: version, time, kind, and SHA-256(salt ‖ body). The leaf, not the body, is
//! what enters the tree. Time and kind can be read from the leaf itself; the body is only *committed to*: given the salt
//! and a body, anyone can check with [`Leaf::opens_with`] that this is the body that was logged, and nobody can produce
//! another one that fits.
//!
//! Leaves are hashed into the tree of [RFC 6962 §2.1], whose root depends on every leaf and on their order. The log's
//! key signs size and root as a [`Checkpoint`] in the text format of C2SP `tlog-checkpoint`. Whoever keeps one
//! checkpoint can later hold the log to it: a leaf that was changed, removed or reordered gives another root
//! ([`Verifier`], [`InclusionProof`]), and a log that was rewritten cannot prove to be the continuation of what it was
//! ([`ConsistencyProof`]).
//!
//! [RFC 6962 §2.1]: https://www.rfc-editor.org/rfc/rfc6962#section-2.1
//!
//! # Why body and salt live beside the log
//!
//! Bodies name people, addresses and serial numbers, and laws or contracts may demand that these disappear. A log from
//! which nothing may ever be removed must therefore not contain them. Only the leaf is permanent.
//!
//! The hash alone would not hide a body: there are few enough serial numbers to try them all. The [`Salt`], 32 random
//! bytes for each record, makes such guessing hopeless for everyone who has not been given it. It also lets a receipt
//! reveal one record, by handing out one salt and one body, and nothing about its neighbours.
//!
//! # How erasure works
//!
//! Delete body *and* salt. The leaf stays, every root stays, every checkpoint and proof stays valid; [`Verifier`] counts
//! the record as erased and goes on. What remains says that at this time something of this kind happened. Deleting the
//! body alone is not enough: with the salt, a body could still be guessed and confirmed. Since time and kind remain, a
//! [`Kind`] must never say anything about a person.
//!
//! # From a record to a verified log
//!
//! ```
//! use audit_log::{
//!     Checkpoint, CompactRange, InclusionProof, KeyName, Kind, Leaf, LogIndex, Opening, Record, Salt, UnixMillis,
//!     UnverifiedCheckpoint, Verifier, VerifierKey,
//! };
//! use ring::signature::{Ed25519KeyPair, KeyPair};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Log two records. In earnest, every salt comes from a random number generator.
//! let (salts, bodies) = ([Salt::new([1; 32]), Salt::new([2; 32])], [b"device registered", b"voucher imported!"]);
//! let leaves = [0, 1].map(|i| Leaf::commit_to(UnixMillis(1_767_225_600_000), Kind(7), &salts[i], bodies[i]));
//! let hashes = leaves.map(|leaf| leaf.hash());
//! let tree: CompactRange = hashes.into_iter().collect();
//!
//! // Sign a checkpoint in two steps: the key may live anywhere.
//! let private = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).map_err(|_| "not a seed")?;
//! let key = VerifierKey::new(KeyName::new("log.example.com/audit")?, private.public_key().as_ref().try_into()?);
//! let (draft, to_be_signed) = Checkpoint::prepare(&key, tree.head());
//! let published = draft.finish(private.sign(&to_be_signed).as_ref())?.signed_note().to_owned();
//!
//! // Somebody else, who holds the public key, reads the checkpoint and checks that record 1 is in the log.
//! let checkpoint = UnverifiedCheckpoint::parse(published.as_bytes())?.verify(&key)?;
//! let proof = InclusionProof::generate(&hashes[..], LogIndex(1), tree.size())?;
//! assert!(leaves[1].opens_with(&salts[1], bodies[1]));
//! proof.verify(leaves[1].hash(), checkpoint.head())?;
//!
//! // Record 0 is erased: its body and salt are gone, and the whole log still verifies.
//! let (first, second) = (leaves[0].encode(), leaves[1].encode());
//! let report = Verifier::new([checkpoint])
//!     .feed(Record { leaf: &first, opening: None })?
//!     .feed(Record { leaf: &second, opening: Some(Opening { salt: &salts[1], body: bodies[1] }) })?
//!     .finish()?;
//! assert_eq!((report.leaves, report.erased, report.checkpoints_checked), (2, 1, 1));
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod leaf;
mod reason;
mod salt;
mod sha256;
mod tree;
mod verify;

pub use checkpoint::{
    Checkpoint, CheckpointMalformed, Draft, KeyId, KeyName, KeyNameInvalid, Origin, SignatureRejected,
    UnverifiedCheckpoint, VerifierKey, VerifierKeyInvalid,
};
pub use leaf::{Kind, Leaf, LeafError, UnixMillis};
pub use reason::Reason;
pub use salt::Salt;
pub use tree::{
    CompactRange, ConsistencyProof, FrontierError, InclusionProof, LeafHash, LeafHashes, LogIndex, MissingLeaf,
    NodeHash, ProofError, ProofInvalid, RootHash, TreeHead, TreeSize,
};
pub use verify::{Opening, Record, Report, Verifier};
