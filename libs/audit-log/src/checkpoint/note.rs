//! The envelope of a checkpoint: a C2SP signed note, which is text, a blank line, and signature lines.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    error::CheckpointMalformed,
    key::{KeyId, VerifierKey, is_key_name},
};

/// The longest note that is looked at, in bytes. C2SP signed-note demands room for 16 signatures of up to 5 kB.
pub(super) const MAX_NOTE_LEN: usize = 128 * 1024;

/// The most signatures that are looked at: far more than witnesses a log has, at least 16 by C2SP signed-note.
const MAX_SIGNATURES: usize = 64;

/// What begins every signature line: an em dash and a space.
const SIGNATURE_MARK: &str = "— ";

/// A note taken apart; not verified. It borrows from the bytes received.
#[derive(Debug)]
pub(super) struct Note<'a> {
    /// What is signed, its final newline included.
    pub(super) text: &'a str,
    /// At least one.
    pub(super) signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoteSignature {
    name: String,
    id: KeyId,
    signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Takes a note apart by the rules of C2SP signed-note, "Format".
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, CheckpointMalformed> {
        if bytes.len() > MAX_NOTE_LEN {
            return Err(CheckpointMalformed::TooLong { found: bytes.len() });
        }
        // MUST be valid UTF-8 without ASCII control characters other than newline.
        let note = str::from_utf8(bytes).map_err(|_| CheckpointMalformed::NotText)?;
        if note.contains(|character: char| character < ' ' && character != '\n') {
            return Err(CheckpointMalformed::NotText);
        }
        // The last empty line separates text and signatures; the text keeps its own final newline.
        let blank = note.rfind("\n\n").ok_or(CheckpointMalformed::NoSignatures)?;
        let (text, rest) = note.split_at(blank + 1);
        let lines = rest.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines = lines.ok_or(CheckpointMalformed::NoSignatures)?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(CheckpointMalformed::TooManySignatures);
        }
        let signatures = (1..)
            .zip(lines.split('\n'))
            .map(|(number, line)| NoteSignature::parse(line).ok_or(CheckpointMalformed::SignatureLine { number }))
            .collect::<Result<_, _>>()?;
        Ok(Self { text, signatures })
    }
}

impl NoteSignature {
    /// Whether this line claims to be by `key`. Both name and ID decide (C2SP signed-note, "Signatures").
    pub(super) fn claims(&self, key: &VerifierKey) -> bool {
        self.name == key.name().as_str() && self.id == key.id()
    }

    /// The ID of the key that it claims to be by.
    pub(super) const fn id(&self) -> KeyId {
        self.id
    }

    /// The signature itself, without the key ID.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.signature
    }

    /// em dash, space, key name, space, base64 of four bytes of key ID and the signature.
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
        if !is_key_name(name) {
            return None;
        }
        let decoded = STANDARD.decode(encoded).ok()?;
        let (id, signature) = decoded.split_first_chunk()?;
        (!signature.is_empty()).then(|| Self { name: name.to_owned(), id: KeyId(*id), signature: signature.to_vec() })
    }
}

/// Appends the blank line and the line of one signature to a text.
pub(super) fn sign_text(text: &str, key: &VerifierKey, signature: &[u8]) -> String {
    format!("{text}\n{}", signature_line(key, signature))
}

/// The line of one signature.
pub(super) fn signature_line(key: &VerifierKey, signature: &[u8]) -> String {
    let encoded = STANDARD.encode([&key.id().0, signature].concat());
    format!("{SIGNATURE_MARK}{} {encoded}\n", key.name())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::KeyName;

    /// The example of C2SP signed-note: a poem with an empty line of its own.
    const POEM: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
        — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

    fn refused(note: &str) -> CheckpointMalformed {
        Note::parse(note.as_bytes()).unwrap_err()
    }

    #[test]
    fn the_example_of_the_specification_is_taken_apart() {
        let note = Note::parse(POEM.as_bytes()).unwrap();
        assert!(note.text.starts_with("Ognuno") && note.text.ends_with("sole:\n\ned è subito sera.\n"));
        let [signature] = &note.signatures[..] else { panic!("one signature") };
        assert_eq!(signature.name, "quasimodo.example/salvatore");
        assert_eq!(signature.id, KeyId([0x36, 0x7b, 0xa0, 0x4b]));
        assert_eq!(signature.bytes().len(), 64);
    }

    #[test]
    fn a_signature_line_is_read_strictly() {
        for bad in [
            "",
            "-",
            "- name AAAAAAA=",
            "—name AAAAAAA=",
            "— name",
            "— name AAAAAA==",  // a key ID without a signature
            "— name AAAAAAA",   // no padding
            "— name AAAAAAB=",  // bits after the last byte
            "— name AAAA-AA=",  // the URL alphabet
            "— name  AAAAAAA=", // two spaces
            "— na+me AAAAAAA=",
            "—  AAAAAAA=",
            "— name AAAAAAA= ",
        ] {
            let note = format!("text\n\n— a AAAAAAA=\n{bad}\n");
            let expected = if bad.is_empty() {
                // An empty line is the separator, whatever stands before it.
                CheckpointMalformed::NoSignatures
            } else {
                CheckpointMalformed::SignatureLine { number: 2 }
            };
            assert_eq!(refused(&note), expected, "{bad:?}");
        }
    }

    #[test]
    fn a_note_needs_text_a_blank_line_and_signatures() {
        for bad in ["", "\n", "text\n", "text\n\n", "text\n— a AAAAAAA=\n", "text\n\n— a AAAAAAA="] {
            assert_eq!(refused(bad), CheckpointMalformed::NoSignatures, "{bad:?}");
        }
        for bad in ["te\txt\n\n— a AAAAAAA=\n", "text\r\n\r\n— a AAAAAAA=\r\n", "te\0xt\n\n— a AAAAAAA=\n"] {
            assert_eq!(refused(bad), CheckpointMalformed::NotText, "{bad:?}");
        }
        assert_eq!(Note::parse(b"te\xffxt\n\n").unwrap_err(), CheckpointMalformed::NotText);
    }

    #[test]
    fn size_and_number_of_signatures_are_bounded() {
        let with = |count: usize| format!("text\n\n{}", "— a AAAAAAA=\n".repeat(count));
        assert_eq!(Note::parse(with(16).as_bytes()).unwrap().signatures.len(), 16);
        assert_eq!(Note::parse(with(64).as_bytes()).unwrap().signatures.len(), 64);
        assert_eq!(refused(&with(65)), CheckpointMalformed::TooManySignatures);
        let found = MAX_NOTE_LEN + 1;
        assert_eq!(refused(&"x".repeat(found)), CheckpointMalformed::TooLong { found });
    }

    #[test]
    fn sixteen_large_signatures_fit() {
        let large = format!("— witness.example {}\n", STANDARD.encode([0; 5000]));
        let note = format!("text\n\n{}", large.repeat(16));
        assert_eq!(Note::parse(note.as_bytes()).unwrap().signatures.len(), 16);
    }

    proptest! {
        #[test]
        fn what_is_signed_is_taken_apart_again(text in "([a-z ]{0,9}\n){1,5}", signature in prop::collection::vec(any::<u8>(), 1..80)) {
            let key = VerifierKey::new(KeyName::new("log.example").unwrap(), [3; 32]);
            let signed = sign_text(&text, &key, &signature);
            let note = Note::parse(signed.as_bytes()).unwrap();
            prop_assert_eq!(note.text, text);
            prop_assert!(note.signatures[0].claims(&key));
            prop_assert_eq!(note.signatures[0].bytes(), signature);
        }

        #[test]
        fn any_bytes_are_taken_apart_or_refused(bytes: Vec<u8>, text in "[a\n — =A]{0,60}") {
            drop(Note::parse(&bytes));
            drop(Note::parse(text.as_bytes()));
        }
    }
}
