//! Checkpoints: a log's signed statement of its size and root (C2SP tlog-checkpoint).

mod body;
mod error;
mod key;
mod note;

use verdict::{Digest, Input, ReasonCode, Refusal, Trace};

pub use body::Origin;
pub use error::{CheckpointMalformed, SignatureRejected};
pub use key::{KeyId, KeyName, KeyNameInvalid, VerifierKey, VerifierKeyInvalid};

use crate::{sha256::sha256, tree::TreeHead};
use body::Body;
use note::{Note, NoteSignature, sign_text, signature_line};

/// Where the rules of [`UnverifiedCheckpoint::verify`] stand.
const TLOG_CHECKPOINT: &str = "C2SP tlog-checkpoint";
const SIGNED_NOTE: &str = "C2SP signed-note";

/// A checkpoint as it was received. It says nothing before its signature has been verified.
#[derive(Clone, Debug)]
pub struct UnverifiedCheckpoint {
    signed_note: String,
    text: String,
    body: Body,
    signatures: Vec<NoteSignature>,
}

impl UnverifiedCheckpoint {
    /// Reads a signed note whose text is a checkpoint, of at most 128 KiB and 64 signatures.
    ///
    /// # Errors
    ///
    /// [`CheckpointMalformed`] if the bytes are anything else. There is one way to write a checkpoint: no leading
    /// zeros, no unpadded base64, no line too many.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointMalformed> {
        let Note { text, signatures } = Note::parse(bytes)?;
        let body = Body::parse(text)?;
        let signed_note = str::from_utf8(bytes).map_err(|_| CheckpointMalformed::NotText)?;
        Ok(Self { signed_note: signed_note.to_owned(), text: text.to_owned(), body, signatures })
    }

    /// The IDs of the keys by which its signatures claim to be, under whatever name. They prove nothing before
    /// [`verify`](UnverifiedCheckpoint::verify).
    pub fn signers(&self) -> impl Iterator<Item = KeyId> {
        self.signatures.iter().map(NoteSignature::id)
    }

    /// Accepts the checkpoint if it is of the log that `key` is named after, and `key` signed it. Signatures by other
    /// keys, such as those of witnesses, are ignored.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with [`ReasonCode::CheckpointSignatureInvalid`] if the origin is another one, no signature claims
    /// to be by `key`, or one that does is wrong.
    pub fn verify(self, key: &VerifierKey) -> Result<Checkpoint, Refusal> {
        let origin = Origin::from(key.name());
        self.verify_of(&origin, key)
    }

    /// Like [`verify`](UnverifiedCheckpoint::verify), for a log whose origin is not the name of its key.
    ///
    /// # Errors
    ///
    /// As for [`verify`](UnverifiedCheckpoint::verify).
    pub fn verify_of(self, origin: &Origin, key: &VerifierKey) -> Result<Checkpoint, Refusal> {
        let refused = |trace: Trace, check, input, detail: String| {
            Err(trace.refused(check, ReasonCode::CheckpointSignatureInvalid, &[input], detail))
        };
        let input = Input { name: "checkpoint", sha256: Digest(sha256(&[self.signed_note.as_bytes()])) };
        let mut trace = Trace::new();
        // A key may sign for several logs: the origin tells which one this checkpoint is of.
        if self.body.origin != *origin {
            let detail = format!("the checkpoint is of the log {}, not of {origin}", self.body.origin);
            return refused(trace, "checkpoint-origin", input, detail);
        }
        trace.passed("checkpoint-origin", TLOG_CHECKPOINT, &[input]);
        // C2SP signed-note: signatures by unknown keys MUST be ignored; those by a known key MUST be verified, and one
        // that fails SHOULD reject the note. Without any by a known key the note MUST be rejected.
        let mut ours = self.signatures.iter().filter(|signature| signature.claims(key)).peekable();
        if ours.peek().is_none() {
            let detail = format!("no signature is by {} with key ID {}", key.name(), key.id());
            return refused(trace, "checkpoint-signature-present", input, detail);
        }
        trace.passed("checkpoint-signature-present", SIGNED_NOTE, &[input]);
        if !ours.all(|signature| key.verifies(&self.text, signature.bytes())) {
            let detail = format!("the signature by {} with key ID {} is wrong", key.name(), key.id());
            return refused(trace, "checkpoint-signature", input, detail);
        }
        Ok(Checkpoint { signed_note: self.signed_note, body: self.body })
    }
}

/// A checkpoint that the log's key signed: the log had this size and this root. Comes from
/// [`UnverifiedCheckpoint::verify`] and [`Draft::finish`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    signed_note: String,
    body: Body,
}

impl Checkpoint {
    /// Prepares the checkpoint of `head` for the log that `key` is named after. Have the bytes signed with the private
    /// half of `key`, wherever it lives, and give the signature to [`Draft::finish`].
    ///
    /// A log must never sign two checkpoints that are not consistent (C2SP tlog-checkpoint, "Signatures"): take `head`
    /// from the one [`CompactRange`](crate::CompactRange) that only ever grows, after its leaves are durable.
    pub fn prepare(key: &VerifierKey, head: TreeHead) -> (Draft, Vec<u8>) {
        Self::prepare_of(Origin::from(key.name()), key, head)
    }

    /// Like [`prepare`](Checkpoint::prepare), for a log whose origin is not the name of its key: one that follows a log
    /// which was restored from a backup, and must not be taken for it.
    pub fn prepare_of(origin: Origin, key: &VerifierKey, head: TreeHead) -> (Draft, Vec<u8>) {
        let body = Body { origin, head, extensions: Vec::new() };
        let to_be_signed = body.to_string().into_bytes();
        (Draft { key: key.clone(), body }, to_be_signed)
    }

    /// Which log this is a checkpoint of.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.body.origin
    }

    /// The size and root that the log vouched for.
    #[must_use]
    pub const fn head(&self) -> &TreeHead {
        &self.body.head
    }

    /// Lines that the log added after the root hash, opaque to this crate.
    pub fn extensions(&self) -> impl Iterator<Item = &str> {
        self.body.extensions.iter().map(String::as_str)
    }

    /// The same checkpoint with the signature of another key beside those it has: raw Ed25519, 64 bytes, over the bytes that
    /// [`Checkpoint::prepare`] gave. Whoever knows one of the keys can verify it (C2SP signed-note, "Signatures"), which is
    /// how a log comes to another key.
    ///
    /// # Errors
    ///
    /// [`SignatureRejected`] if it does not verify.
    pub fn signed_also(mut self, key: &VerifierKey, signature: &[u8]) -> Result<Self, SignatureRejected> {
        if !key.verifies(&self.body.to_string(), signature) {
            return Err(SignatureRejected);
        }
        self.signed_note.push_str(&signature_line(key, signature));
        Ok(self)
    }

    /// The whole signed note, to be stored and published: what [`UnverifiedCheckpoint::parse`] reads.
    #[must_use]
    pub fn signed_note(&self) -> &str {
        &self.signed_note
    }
}

/// A checkpoint that waits for its signature.
#[derive(Clone, Debug)]
#[must_use = "a draft is no checkpoint before it is finished"]
pub struct Draft {
    key: VerifierKey,
    body: Body,
}

impl Draft {
    /// Completes the checkpoint with the raw Ed25519 signature, 64 bytes, over the bytes that
    /// [`Checkpoint::prepare`] gave.
    ///
    /// # Errors
    ///
    /// [`SignatureRejected`] if it does not verify. A checkpoint that nobody could verify never leaves here, whatever
    /// key a misconfigured signer used.
    pub fn finish(self, signature: &[u8]) -> Result<Checkpoint, SignatureRejected> {
        let text = self.body.to_string();
        if !self.key.verifies(&text, signature) {
            return Err(SignatureRejected);
        }
        Ok(Checkpoint { signed_note: sign_text(&text, &self.key, signature), body: self.body })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;
    use crate::tree::{RootHash, TreeSize};

    const HEAD: TreeHead = TreeHead { size: TreeSize(42), root: RootHash([7; 32]) };

    fn key_pair(seed: u8, name: &str) -> (Ed25519KeyPair, VerifierKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public_key = pair.public_key().as_ref().try_into().unwrap();
        let key = VerifierKey::new(KeyName::new(name).unwrap(), public_key);
        (pair, key)
    }

    fn signed(seed: u8, name: &str) -> (Checkpoint, VerifierKey) {
        let (pair, key) = key_pair(seed, name);
        let (draft, to_be_signed) = Checkpoint::prepare(&key, HEAD);
        (draft.finish(pair.sign(&to_be_signed).as_ref()).unwrap(), key)
    }

    fn verify(note: &str, key: &VerifierKey) -> Result<Checkpoint, Refusal> {
        UnverifiedCheckpoint::parse(note.as_bytes()).unwrap().verify(key)
    }

    fn last_check(refusal: &Refusal) -> &'static str {
        assert_eq!(refusal.reason, ReasonCode::CheckpointSignatureInvalid);
        refusal.trace.checks().last().unwrap().check
    }

    #[test]
    fn what_is_signed_here_verifies_here() {
        let (checkpoint, key) = signed(1, "log.example/audit");
        assert_eq!(verify(checkpoint.signed_note(), &key), Ok(checkpoint.clone()));
        assert_eq!((checkpoint.head(), checkpoint.origin().as_str()), (&HEAD, "log.example/audit"));
        assert_eq!(checkpoint.extensions().count(), 0);
    }

    #[test]
    fn a_log_of_another_origin_is_verified_as_such() {
        let (pair, key) = key_pair(1, "log.example");
        let origin = Origin::new("log.example/2").unwrap();
        let (draft, to_be_signed) = Checkpoint::prepare_of(origin.clone(), &key, HEAD);
        let checkpoint = draft.finish(pair.sign(&to_be_signed).as_ref()).unwrap();
        let parsed = UnverifiedCheckpoint::parse(checkpoint.signed_note().as_bytes()).unwrap();
        assert_eq!(parsed.clone().verify_of(&origin, &key).unwrap(), checkpoint);
        assert_eq!(last_check(&parsed.verify(&key).unwrap_err()), "checkpoint-origin");
    }

    #[test]
    fn whoever_knows_one_of_the_keys_can_verify() {
        let ((old, old_key), (new, new_key)) = (key_pair(1, "log.example"), key_pair(2, "log.example"));
        let (draft, to_be_signed) = Checkpoint::prepare(&old_key, HEAD);
        let one = draft.finish(old.sign(&to_be_signed).as_ref()).unwrap();
        assert_eq!(one.clone().signed_also(&new_key, old.sign(&to_be_signed).as_ref()), Err(SignatureRejected));
        let both = one.signed_also(&new_key, new.sign(&to_be_signed).as_ref()).unwrap();
        for key in [&old_key, &new_key] {
            assert_eq!(verify(both.signed_note(), key), Ok(both.clone()));
        }
        let (_, other) = key_pair(3, "log.example");
        assert_eq!(last_check(&verify(both.signed_note(), &other).unwrap_err()), "checkpoint-signature-present");
    }

    #[test]
    fn a_draft_takes_no_signature_but_its_own() {
        let (pair, key) = key_pair(1, "log.example");
        let (other, _) = key_pair(2, "log.example");
        let (draft, to_be_signed) = Checkpoint::prepare(&key, HEAD);
        let good = pair.sign(&to_be_signed);
        for bad in [other.sign(&to_be_signed).as_ref(), pair.sign(b"else").as_ref(), &good.as_ref()[1..], b""] {
            assert_eq!(draft.clone().finish(bad), Err(SignatureRejected));
        }
        assert!(draft.finish(good.as_ref()).is_ok());
    }

    #[test]
    fn signatures_of_witnesses_and_of_namesakes_are_ignored() {
        let (checkpoint, key) = signed(1, "log.example");
        let text = checkpoint.signed_note();
        // Another name with our ID, and our name with another ID: both are unknown keys, whatever they signed.
        let id = key.id().0;
        let encode =
            |id: [u8; 4]| base64::Engine::encode(&base64::prelude::BASE64_STANDARD, [&id[..], &[0; 72]].concat());
        let witnessed = format!("{text}— witness.example {}\n— log.example {}\n", encode(id), encode([0; 4]));
        assert_eq!(verify(&witnessed, &key).unwrap().head(), &HEAD);
        assert_eq!(verify(&witnessed, &key).unwrap().signed_note(), witnessed);
    }

    #[test]
    fn one_wrong_signature_by_our_key_spoils_the_note() {
        let (checkpoint, key) = signed(1, "log.example");
        let forged = sign_text("", &key, &[0; 64]);
        let both = format!("{}{}", checkpoint.signed_note(), forged.trim_start());
        assert_eq!(last_check(&verify(&both, &key).unwrap_err()), "checkpoint-signature");
    }

    #[test]
    fn a_changed_size_breaks_the_signature() {
        let (checkpoint, key) = signed(1, "log.example");
        let tampered = checkpoint.signed_note().replacen("\n42\n", "\n41\n", 1);
        let refusal = verify(&tampered, &key).unwrap_err();
        assert_eq!(last_check(&refusal), "checkpoint-signature");
        assert_eq!(refusal.trace.checks().len(), 3);
        assert_eq!(refusal.trace.checks()[0].inputs[0].name, "checkpoint");
    }

    #[test]
    fn another_key_or_another_log_is_refused() {
        let (checkpoint, _) = signed(1, "log.example");
        let (_, rotated) = key_pair(2, "log.example");
        let refusal = verify(checkpoint.signed_note(), &rotated).unwrap_err();
        assert_eq!(last_check(&refusal), "checkpoint-signature-present");
        assert!(refusal.detail.contains(&rotated.id().to_string()), "{}", refusal.detail);
        let (_, elsewhere) = key_pair(1, "other.example");
        let refusal = verify(checkpoint.signed_note(), &elsewhere).unwrap_err();
        assert_eq!(last_check(&refusal), "checkpoint-origin");
    }

    #[test]
    fn a_note_that_is_no_checkpoint_is_malformed() {
        let (_, key) = key_pair(1, "log.example");
        let poem = sign_text("roses are red\n", &key, &[0; 64]);
        assert_eq!(UnverifiedCheckpoint::parse(poem.as_bytes()).unwrap_err(), CheckpointMalformed::Lines);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Every byte counts: whatever single byte is changed, the result is malformed or refused.
        #[test]
        fn no_changed_byte_goes_unnoticed(position: prop::sample::Index, change in 1_u8..) {
            let (checkpoint, key) = signed(1, "log.example");
            let mut bytes = checkpoint.signed_note().as_bytes().to_vec();
            let position = position.index(bytes.len());
            bytes[position] ^= change;
            let accepted = UnverifiedCheckpoint::parse(&bytes).is_ok_and(|parsed| parsed.verify(&key).is_ok());
            prop_assert!(!accepted, "byte {}", position);
        }

        #[test]
        fn any_bytes_parse_or_are_refused(bytes: Vec<u8>) {
            if let Ok(parsed) = UnverifiedCheckpoint::parse(&bytes) {
                prop_assert_eq!(parsed.signed_note.into_bytes(), bytes);
            }
        }
    }
}
