//! Vouchers in signed forms other than CMS, which RFC 8572 does not use: told apart so that a refusal can name them.

use std::fmt;

use crate::{Encoding, document::Members};

/// A signed form of voucher that this project does not read (BIS-09). RFC 8572 §3.3 wants CMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignForm {
    /// A JSON Web Signature (RFC 7515), in either serialization.
    Jws,
    /// CBOR signed with COSE (RFC 9052).
    Cose,
}

impl ForeignForm {
    /// Tells the form of an artifact that is no CMS by how it begins; `None` when it is neither, CMS included.
    #[must_use]
    pub fn detect(artifact: &[u8]) -> Option<Self> {
        match artifact {
            // Tag 18 or 98 (COSE_Sign1, COSE_Sign; RFC 9052 §2), or none, before an array of four whose first is a
            // byte string.
            [0xd2, 0x84, ..] | [0xd8, 0x62, 0x84, ..] | [0x84, 0x40..=0x5b, ..] => Some(Self::Cose),
            _ if is_compact_jws(artifact) || is_json_jws(artifact) => Some(Self::Jws),
            _ => None,
        }
    }
}

impl fmt::Display for ForeignForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jws => "a voucher signed as JWS; RFC 8572 wants CMS",
            Self::Cose => "a voucher signed with COSE; RFC 8572 wants CMS",
        })
    }
}

/// RFC 7515 §7.1: three parts in base64url, the first of which is an object in JSON.
fn is_compact_jws(artifact: &[u8]) -> bool {
    let is_part = |part: &[u8]| part.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let text = artifact.trim_ascii();
    let mut parts = text.split(|byte| *byte == b'.');
    text.starts_with(b"ey") && parts.clone().count() == 3 && parts.all(is_part)
}

/// RFC 7515 §7.2: an object with a payload, and one signature or several.
fn is_json_jws(artifact: &[u8]) -> bool {
    if Encoding::detect(artifact) != Some(Encoding::Json) {
        return false;
    }
    let Ok(mut members) = Members::of_document(artifact, Encoding::Json) else { return false };
    members.optional("payload").is_some()
        && (members.optional("signatures").is_some() || members.optional("signature").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bis_09_other_signed_forms_are_named() {
        for (artifact, expected) in [
            (&b"eyJhbGciOiJFUzI1NiJ9.eyJpZXRm.AbC-_\n"[..], Some(ForeignForm::Jws)),
            (br#"{"payload":"e30","signatures":[{"protected":"e30","signature":""}]}"#, Some(ForeignForm::Jws)),
            (br#"{"payload":"e30","protected":"e30","signature":""}"#, Some(ForeignForm::Jws)),
            (b"\xd2\x84\x43\xa1\x01\x26", Some(ForeignForm::Cose)),
            (b"\xd8\x62\x84\x40", Some(ForeignForm::Cose)),
            (b"\x84\x43\xa1\x01\x26\xa0", Some(ForeignForm::Cose)),
            (b"\x30\x82\x01\x00", None),
            (b"\x30\x80", None),
            (br#"{"ietf-voucher:voucher":{}}"#, None),
            (b"eyJ.eyJ", None),
            (b"", None),
        ] {
            assert_eq!(ForeignForm::detect(artifact), expected, "{}", String::from_utf8_lossy(artifact));
        }
    }
}
