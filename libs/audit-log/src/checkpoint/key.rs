//! The names and keys that checkpoints are signed under: C2SP signed-note, type 0x01 (Ed25519).

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, UnparsedPublicKey};
use thiserror::Error;

use crate::sha256::sha256;

/// The signature type identifier of plain Ed25519 (C2SP signed-note, "Signature types").
const ED25519_TYPE: u8 = 0x01;

/// The name of a signing key, by recommendation a URL without scheme such as `log.example.com/audit`. It has neither
/// spaces, control characters nor `+`, and is 1 to 512 bytes long.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// The longest name accepted, in bytes.
    pub const MAX_LEN: usize = 512;

    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`KeyNameInvalid`] if it is empty, too long, or has a character that a key name may not have.
    pub fn new(name: impl Into<String>) -> Result<Self, KeyNameInvalid> {
        let name = name.into();
        if is_key_name(&name) && name.len() <= Self::MAX_LEN { Ok(Self(name)) } else { Err(KeyNameInvalid) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = KeyNameInvalid;

    fn from_str(name: &str) -> Result<Self, KeyNameInvalid> {
        Self::new(name)
    }
}

/// The text is not the name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key name is 1 to {max} bytes without spaces, control characters and `+`", max = KeyName::MAX_LEN)]
pub struct KeyNameInvalid;

/// The rule for any name in a signature line, whatever its length: C2SP signed-note, "Format".
pub(super) fn is_key_name(name: &str) -> bool {
    let forbidden = |character: char| character.is_whitespace() || character.is_control() || character == '+';
    !name.is_empty() && !name.contains(forbidden)
}

/// The first four bytes of SHA-256(name ‖ newline ‖ type ‖ public key): tells keys of one name apart. It proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The public half of a log's key, with its name. Its text form, the *vkey*, is `name+id+base64(0x01 ‖ public key)` and
/// comes and goes by [`FromStr`] and [`Display`](fmt::Display).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    public_key: [u8; 32],
}

impl VerifierKey {
    /// The key of this name with this raw Ed25519 public key (RFC 8032 §5.1.5).
    #[must_use]
    pub fn new(name: KeyName, public_key: [u8; 32]) -> Self {
        // C2SP signed-note, "Ed25519 signatures": the key ID commits to name, algorithm and key.
        let [a, b, c, d, ..] = sha256(&[name.as_str().as_bytes(), b"\n", &[ED25519_TYPE], &public_key]);
        Self { name, id: KeyId([a, b, c, d]), public_key }
    }

    /// The key's name, which is also the origin of every checkpoint that [`Checkpoint::prepare`] makes with it.
    ///
    /// [`Checkpoint::prepare`]: crate::Checkpoint::prepare
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The short identifier in signature lines.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The raw Ed25519 public key.
    #[must_use]
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Whether `signature` is this key's signature over `text` (RFC 8032 §5.1.7).
    pub(super) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public_key).verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed_key = [&[ED25519_TYPE], &self.public_key[..]].concat();
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(typed_key))
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyInvalid;

    /// Reads the one text form that [`Display`](fmt::Display) writes: lower-case hex, padded standard base64.
    fn from_str(vkey: &str) -> Result<Self, VerifierKeyInvalid> {
        let (name, rest) = vkey.split_once('+').ok_or(VerifierKeyInvalid::NotThreeParts)?;
        let (id, typed_key) = rest.split_once('+').ok_or(VerifierKeyInvalid::NotThreeParts)?;
        let name = KeyName::new(name)?;
        // Type and key are 33 bytes, hence 44 characters: anything longer need not be decoded to be refused.
        if typed_key.len() != 44 {
            return Err(VerifierKeyInvalid::KeyMalformed);
        }
        let typed_key = STANDARD.decode(typed_key).map_err(|_| VerifierKeyInvalid::KeyMalformed)?;
        let (&algorithm, key) = typed_key.split_first().ok_or(VerifierKeyInvalid::KeyMalformed)?;
        if algorithm != ED25519_TYPE {
            return Err(VerifierKeyInvalid::AlgorithmUnknown { found: algorithm });
        }
        let public_key = key.try_into().map_err(|_| VerifierKeyInvalid::KeyMalformed)?;
        let key = Self::new(name, public_key);
        if key.id.to_string() == id { Ok(key) } else { Err(VerifierKeyInvalid::IdMismatch { computed: key.id }) }
    }
}

/// The text is not a vkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifierKeyInvalid {
    /// Fewer than two `+`.
    #[error("a verifier key is `name+id+key`")]
    NotThreeParts,
    /// The part before the first `+` is not a key name.
    #[error(transparent)]
    Name(#[from] KeyNameInvalid),
    /// The last part is not the base64 of 33 bytes.
    #[error("the key is not the base64 of one type byte and 32 key bytes")]
    KeyMalformed,
    /// The key is for another algorithm than Ed25519.
    #[error("the key is of type {found}, not Ed25519 (1)")]
    AlgorithmUnknown {
        /// The type byte found.
        found: u8,
    },
    /// The middle part is not the ID of this name and key, in eight lower-case hex digits.
    #[error("the key ID does not belong to this name and key, which have {computed}")]
    IdMismatch {
        /// The ID that the name and key give.
        computed: KeyId,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The key of the Go checksum database, as built into the `go` command.
    const SUM_GOLANG_ORG: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

    fn name(text: &str) -> KeyName {
        KeyName::new(text).unwrap()
    }

    #[test]
    fn the_key_of_the_go_checksum_database_is_read_and_written_back() {
        let key: VerifierKey = SUM_GOLANG_ORG.parse().unwrap();
        assert_eq!(key.name().as_str(), "sum.golang.org");
        assert_eq!(key.id(), KeyId([0x03, 0x3d, 0xe0, 0xae]));
        assert_eq!(key.to_string(), SUM_GOLANG_ORG);
    }

    /// The signed text and key of the examples in the documentation of golang.org/x/mod/sumdb/note.
    #[test]
    fn a_signature_made_by_go_verifies() {
        let key: VerifierKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
        let text =
            "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let signature = STANDARD
            .decode("x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=")
            .unwrap();
        assert_eq!(signature[..4], key.id().0);
        assert!(key.verifies(text, &signature[4..]));
        assert!(!key.verifies(&text[1..], &signature[4..]));
        assert!(!key.verifies(text, &signature));
    }

    #[test]
    fn names_that_would_break_a_line_or_a_vkey_are_refused() {
        for bad in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{2003}b", "a\u{0}b", "\u{7f}"] {
            assert_eq!(KeyName::new(bad), Err(KeyNameInvalid), "{bad:?}");
        }
        assert_eq!(KeyName::new("x".repeat(513)), Err(KeyNameInvalid));
        assert!(KeyName::new("x".repeat(512)).is_ok());
        assert_eq!("größe.example/log".parse::<KeyName>().unwrap().to_string(), "größe.example/log");
    }

    #[test]
    fn every_part_of_a_vkey_is_checked() {
        use VerifierKeyInvalid as Invalid;
        let parse = |text: &str| text.parse::<VerifierKey>();
        assert_eq!(parse(""), Err(Invalid::NotThreeParts));
        assert_eq!(parse("name+00000000"), Err(Invalid::NotThreeParts));
        assert_eq!(parse(&SUM_GOLANG_ORG.replace("sum.", "")).unwrap_err(), {
            let real: VerifierKey = SUM_GOLANG_ORG.parse().unwrap();
            Invalid::IdMismatch { computed: VerifierKey::new(name("golang.org"), *real.public_key()).id() }
        });
        assert_eq!(
            parse(&SUM_GOLANG_ORG.replace("033de0ae", "033DE0AE")).unwrap_err(),
            Invalid::IdMismatch { computed: KeyId([0x03, 0x3d, 0xe0, 0xae]) }
        );
        assert_eq!(parse(&SUM_GOLANG_ORG.replace("sum.", "s m.")), Err(Invalid::Name(KeyNameInvalid)));
        assert_eq!(parse(&SUM_GOLANG_ORG.replace("+Ac4", "+Bc4")), Err(Invalid::AlgorithmUnknown { found: 5 }));
        assert_eq!(parse(&SUM_GOLANG_ORG.replace("OuAn8", "OuAn")), Err(Invalid::KeyMalformed));
        assert_eq!(parse(&SUM_GOLANG_ORG.replace("OuAn8", "OuA=8")), Err(Invalid::KeyMalformed));
        assert_eq!(parse(&format!("{SUM_GOLANG_ORG}AAAA")), Err(Invalid::KeyMalformed));
    }

    proptest! {
        #[test]
        fn parsing_undoes_display(label in "[a-z./]{1,20}", public_key: [u8; 32]) {
            let key = VerifierKey::new(name(&label), public_key);
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "\\PC{0,30}\\+[0-9a-f]{0,9}\\+[A-Za-z0-9+/=]{0,48}") {
            if let Ok(key) = text.parse::<VerifierKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}
