//! The leaf: what the log commits to for each record, in 43 bytes that can never change.
//!
//! ```text
//! offset  length  field
//!      0       1  version, always 1
//!      1       8  time, milliseconds since the Unix epoch, big-endian
//!      9       2  kind, big-endian
//!     11      32  commitment = SHA-256(salt ‖ body), the salt being 32 bytes long
//! ```

use std::fmt;

use thiserror::Error;

use crate::{Salt, sha256::sha256, tree::LeafHash};

/// When a record was made: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// What sort of record a leaf stands for. The log gives the number no meaning; whoever writes the log does, and must
/// never give one number two meanings: kinds are part of what is signed and outlive an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(pub u16);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One entry of the log: a time, a kind, and a commitment to a body that is stored elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    time: UnixMillis,
    kind: Kind,
    commitment: [u8; 32],
}

impl Leaf {
    /// The length of every encoded leaf, in bytes.
    pub const LEN: usize = 43;

    /// The value of the first byte. A second layout would get another number; this one stays readable for ever.
    pub const VERSION: u8 = 1;

    /// The leaf for `body`, hidden behind `salt`. Store both beside the log: [`Leaf::opens_with`] needs them.
    #[must_use]
    pub fn commit_to(time: UnixMillis, kind: Kind, salt: &Salt, body: &[u8]) -> Self {
        Self { time, kind, commitment: commitment(salt, body) }
    }

    /// Whether this leaf was made from exactly this salt and this body.
    #[must_use]
    pub fn opens_with(&self, salt: &Salt, body: &[u8]) -> bool {
        self.commitment == commitment(salt, body)
    }

    /// When the record was made, by the clock of whoever wrote the log.
    #[must_use]
    pub const fn time(&self) -> UnixMillis {
        self.time
    }

    /// What sort of record it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The 43 bytes of the leaf, in the order version, time, kind, commitment; numbers are big-endian.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let fields =
            [&[Self::VERSION][..], &self.time.0.to_be_bytes(), &self.kind.0.to_be_bytes(), &self.commitment].concat();
        bytes.copy_from_slice(&fields);
        bytes
    }

    /// Reads a leaf back from exactly 43 bytes.
    ///
    /// # Errors
    ///
    /// [`LeafError::UnknownVersion`] if the first byte is not 1, else [`LeafError::Length`] if there are fewer or more
    /// bytes than 43.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        // The version comes first: a leaf of another version may well have another length.
        if let Some(&found) = bytes.first().filter(|&&version| version != Self::VERSION) {
            return Err(LeafError::UnknownVersion { found });
        }
        fields(bytes).ok_or(LeafError::Length { found: bytes.len() })
    }

    /// The hash that enters the Merkle tree for this leaf (RFC 6962 §2.1).
    #[must_use]
    pub fn hash(&self) -> LeafHash {
        LeafHash::of(&self.encode())
    }
}

/// The bytes are not a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LeafError {
    /// Not exactly [`Leaf::LEN`] bytes.
    #[error("a leaf has {len} bytes, this one {found}", len = Leaf::LEN)]
    Length {
        /// How many bytes there were.
        found: usize,
    },
    /// The first byte is not [`Leaf::VERSION`].
    #[error("leaf version {found} is unknown")]
    UnknownVersion {
        /// The first byte.
        found: u8,
    },
}

/// The salt has a fixed length, so no other pair of salt and body gives the same string to hash.
fn commitment(salt: &Salt, body: &[u8]) -> [u8; 32] {
    sha256(&[salt.as_bytes(), body])
}

/// Splits the bytes into fields; `None` if they are too few or too many. The version was looked at before.
fn fields(bytes: &[u8]) -> Option<Leaf> {
    let ([_version], rest) = bytes.split_first_chunk()?;
    let (time, rest) = rest.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    let commitment = rest.try_into().ok()?;
    Some(Leaf { time: UnixMillis(u64::from_be_bytes(*time)), kind: Kind(u16::from_be_bytes(*kind)), commitment })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use verdict::Digest;

    use super::*;

    const TIME: UnixMillis = UnixMillis(1_767_225_600_000);
    const KIND: Kind = Kind(0x0102);
    const BODY: &[u8] = br#"{"serial":"SN-0001"}"#;

    fn salt() -> Salt {
        Salt::new(std::array::from_fn(|position| u8::try_from(position).unwrap()))
    }

    /// Freezes the format. Computed apart from this crate, with Python 3 and its hashlib:
    ///
    /// ```text
    /// salt = bytes(range(32)); body = b'{"serial":"SN-0001"}'
    /// leaf = bytes([1]) + (1767225600000).to_bytes(8, 'big') + (0x0102).to_bytes(2, 'big') \
    ///      + hashlib.sha256(salt + body).digest()
    /// leaf.hex(); hashlib.sha256(b'\x00' + leaf).hexdigest()
    /// ```
    #[test]
    fn golden_leaf() {
        let leaf = Leaf::commit_to(TIME, KIND, &salt(), BODY);
        let hex: String = leaf.encode().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "010000019b76daa80001025ffff1e59053b442361f93d2a9de555b138b09a6f8218463d354452845c4d7a0");
        let hash = leaf.hash().0;
        assert_eq!(Digest(hash).to_string(), "4ef8b0ab463232ef6916c9367a795294f0dbc7e5598b592f46763862edcc236c");
    }

    #[test]
    fn only_the_very_salt_and_body_open_a_leaf() {
        let leaf = Leaf::commit_to(TIME, KIND, &salt(), BODY);
        assert!(leaf.opens_with(&salt(), BODY));
        assert!(!leaf.opens_with(&salt(), b""));
        assert!(!leaf.opens_with(&salt(), br#"{"serial":"SN-0002"}"#));
        assert!(!leaf.opens_with(&Salt::new([0; 32]), BODY));
        // The boundary between salt and body is fixed: moving a byte across it opens nothing.
        let longer = [&[31], BODY].concat();
        assert!(!leaf.opens_with(&salt(), &longer));
    }

    #[test]
    fn a_leaf_of_another_length_or_version_is_refused() {
        let bytes = Leaf::commit_to(TIME, KIND, &salt(), BODY).encode();
        assert_eq!(Leaf::decode(&[]), Err(LeafError::Length { found: 0 }));
        assert_eq!(Leaf::decode(&bytes[..42]), Err(LeafError::Length { found: 42 }));
        assert_eq!(Leaf::decode(&[&bytes[..], &[0]].concat()), Err(LeafError::Length { found: 44 }));
        for version in [0, 2, 255] {
            let mut other = bytes;
            other[0] = version;
            assert_eq!(Leaf::decode(&other), Err(LeafError::UnknownVersion { found: version }));
        }
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(time: u64, kind: u16, salt: [u8; 32], body: Vec<u8>) {
            let leaf = Leaf::commit_to(UnixMillis(time), Kind(kind), &Salt::new(salt), &body);
            prop_assert_eq!(Leaf::decode(&leaf.encode()), Ok(leaf));
            prop_assert_eq!((leaf.time(), leaf.kind()), (UnixMillis(time), Kind(kind)));
        }

        #[test]
        fn encode_undoes_decode(tail: [u8; 42]) {
            let bytes = [&[Leaf::VERSION], &tail[..]].concat();
            prop_assert_eq!(Leaf::decode(&bytes).unwrap().encode().to_vec(), bytes);
        }

        #[test]
        fn any_bytes_decode_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(leaf) = Leaf::decode(&bytes) {
                prop_assert_eq!(leaf.encode().to_vec(), bytes);
            }
        }

        /// Time and kind stand outside the commitment, so it is the leaf hash that must tell them apart.
        #[test]
        fn every_field_enters_the_leaf_hash(time: u64, kind: u16, bit in 0_u32..64) {
            let leaf = Leaf::commit_to(UnixMillis(time), Kind(kind), &salt(), BODY);
            let later = Leaf::commit_to(UnixMillis(time ^ (1 << bit)), Kind(kind), &salt(), BODY);
            let other = Leaf::commit_to(UnixMillis(time), Kind(kind ^ (1 << (bit % 16))), &salt(), BODY);
            prop_assert_ne!(leaf.hash(), later.hash());
            prop_assert_ne!(leaf.hash(), other.hash());
        }
    }
}
