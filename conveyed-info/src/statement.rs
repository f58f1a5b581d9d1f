//! What a device swears to when it has onboarded: which conveyed information it applied, under its own key.
//!
//! RFC 8572 leaves the message of `bootstrap-complete` to the device. Ours ends with a statement: JSON in SignedData
//! (RFC 5652), signed by the key of the IDevID. Whoever holds the message and the manufacturer's anchors can tell that this
//! device said so; whoever runs the server, or writes to its database, cannot invent it.
//!
//! ```text
//! onboarded: conveyed information 9f2c…, image 03ab…
//! onboarding-statement: MIIC…
//! ```
//!
//! The octets behind the second colon are base64 of the DER structure: `openssl cms -verify -inform der` reads them.

use base64::{Engine, engine::general_purpose::STANDARD};
use pki::{certificate::Certificate, identity::SerialNumber, key::Signer};
use serde::{Deserialize, Serialize};
use verdict::Digest;

use crate::cms::{CmsError, ContentType, Draft, SignCmsError, SignedData};

/// What the line begins with.
const LABEL: &str = "onboarding-statement: ";

/// What tells this document from anything else the key may ever sign.
const KIND: &str = "sztp-onboarding-statement-1";

/// Longest statement that is read, in octets of DER: a chain of RSA-4096 certificates fits.
const MAX_DER: usize = 12 * 1024;

/// What was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Which device this is.
    pub serial_number: SerialNumber,
    /// SHA-256 over the conveyed information artifact (DER), in its clear form where it came encrypted.
    pub conveyed_information: Digest,
    /// SHA-256 over the image file that runs, where it is known.
    pub image: Option<Digest>,
}

/// A statement as it is signed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    kind: String,
    serial_number: String,
    conveyed_information: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<String>,
}

impl Statement {
    /// The text of a message that ends with this statement, signed by the key of `chain`'s first certificate. The chain
    /// goes with it, so that the message is enough beside an anchor.
    ///
    /// # Errors
    /// [`SignCmsError`] when the key does not sign, or is not that of the certificate.
    pub fn message(&self, signer: &dyn Signer, chain: &[Certificate]) -> Result<String, SignCmsError> {
        let document = Document {
            kind: KIND.to_owned(),
            serial_number: self.serial_number.as_str().to_owned(),
            conveyed_information: self.conveyed_information.to_string(),
            image: self.image.map(|digest| digest.to_string()),
        };
        let json = serde_json::to_vec(&document).unwrap_or_default();
        let der = Draft::sign(ContentType::Data, &json, signer, chain)?;
        let image = self.image.map(|digest| format!(", image {digest}")).unwrap_or_default();
        let told = format!("onboarded: conveyed information {}{image}", self.conveyed_information);
        Ok(format!("{told}\n{LABEL}{}", STANDARD.encode(der)))
    }
}

/// A statement, and the certificate whose key signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sworn {
    /// What was said.
    pub statement: Statement,
    /// By whom. Not validated to any anchor here: whoever reads it holds it against the device that it knows.
    pub certificate: Certificate,
}

/// The statement of a message, if it has one.
///
/// The signature is verified with the certificate inside. Whose certificate that is, the caller decides: a server compares it
/// with that of the connection, anybody else validates it to the manufacturer's anchors.
#[must_use]
pub fn of_message(message: &str) -> Option<Result<Sworn, StatementError>> {
    let text = message.lines().rev().find_map(|line| line.strip_prefix(LABEL))?;
    Some(read(text.trim()))
}

fn read(text: &str) -> Result<Sworn, StatementError> {
    let der = STANDARD.decode(text).map_err(|_| StatementError::Unreadable)?;
    if der.len() > MAX_DER {
        return Err(StatementError::TooLong { octets: der.len() });
    }
    let signed = SignedData::from_der(&der)?;
    let signer = signed.verify_signer()?;
    let document: Document = serde_json::from_slice(signer.content).map_err(|_| StatementError::Unreadable)?;
    if document.kind != KIND {
        return Err(StatementError::Unreadable);
    }
    let serial_number = SerialNumber::new(&document.serial_number).map_err(|_| StatementError::Unreadable)?;
    let digest = |text: &str| digest(text).ok_or(StatementError::Unreadable);
    let statement = Statement {
        serial_number,
        conveyed_information: digest(&document.conveyed_information)?,
        image: document.image.as_deref().map(digest).transpose()?,
    };
    Ok(Sworn { statement, certificate: signer.certificate.clone() })
}

/// A digest from its 64 hex digits, in lower case as they are written.
fn digest(text: &str) -> Option<Digest> {
    let octets: [u8; 64] = text.as_bytes().try_into().ok()?;
    let mut digest = [0; 32];
    for (octet, pair) in digest.iter_mut().zip(octets.chunks_exact(2)) {
        let both = pair.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let text = std::str::from_utf8(pair).ok().filter(|_| both)?;
        *octet = u8::from_str_radix(text, 16).ok()?;
    }
    Some(Digest(digest))
}

/// A statement that proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// It is no statement of ours.
    #[error("the onboarding statement cannot be read")]
    Unreadable,
    /// It is longer than any statement is.
    #[error("the onboarding statement has {octets} octets, more than {MAX_DER}")]
    TooLong {
        /// How long it is.
        octets: usize,
    },
    /// Its signature does not hold.
    #[error("the signature of the onboarding statement: {0}")]
    Signature(#[from] CmsError),
}

#[cfg(test)]
mod tests {
    use pki::key::FileKey;
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn device() -> (FileKey, Certificate) {
        let key = FileKey::generate_p256().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), "SN-1");
        let pair = KeyPair::try_from(key.pkcs8_der()).unwrap();
        let certificate = Certificate::from_der(params.self_signed(&pair).unwrap().der()).unwrap();
        (key, certificate)
    }

    fn statement() -> Statement {
        Statement {
            serial_number: SerialNumber::new("SN-1").unwrap(),
            conveyed_information: Digest([7; 32]),
            image: Some(Digest([0xab; 32])),
        }
    }

    #[test]
    fn what_a_device_swore_is_read_back_from_its_message() {
        let (key, certificate) = device();
        let message = statement().message(&key, std::slice::from_ref(&certificate)).unwrap();
        let sworn = of_message(&message).unwrap().unwrap();
        assert_eq!(sworn, Sworn { statement: statement(), certificate });
        // A server keeps the end of a long message.
        let (_, end) = message.split_once('\n').unwrap();
        assert!(of_message(&format!("cut off\n{end}\n")).unwrap().is_ok());
        assert_eq!(of_message("done"), None);
        let without = Statement { image: None, ..statement() };
        let message = without.message(&key, &[sworn.certificate]).unwrap();
        assert_eq!(of_message(&message).unwrap().unwrap().statement, without);
    }

    #[test]
    fn nothing_that_was_changed_or_made_by_another_key_is_a_statement() {
        let (key, certificate) = device();
        let (other, _) = device();
        assert!(statement().message(&other, std::slice::from_ref(&certificate)).is_err());
        let message = statement().message(&key, &[certificate]).unwrap();
        let (head, text) = message.split_once(LABEL).unwrap();
        let der = STANDARD.decode(text).unwrap();
        let mut accepted = 0;
        for index in 0..der.len() {
            let mut changed = der.clone();
            changed[index] ^= 1;
            let read = of_message(&format!("{head}{LABEL}{}", STANDARD.encode(changed))).unwrap();
            // What is not signed, the certificate's own signature for one, is another certificate to whoever compares.
            accepted += usize::from(read.is_ok_and(|sworn| sworn.statement != statement()));
        }
        assert_eq!(accepted, 0);
        for text in ["", "!", "MAA=", &STANDARD.encode(vec![0x30; MAX_DER + 1])] {
            assert!(of_message(&format!("{LABEL}{text}")).unwrap().is_err(), "{text:.9}");
        }
    }

    #[test]
    fn another_document_under_the_same_key_is_no_statement() {
        let (key, certificate) = device();
        for document in [&b"{}"[..], b"{\"kind\":\"other\",\"serial-number\":\"a\",\"conveyed-information\":\"\"}"] {
            let der = Draft::sign(ContentType::Data, document, &key, std::slice::from_ref(&certificate)).unwrap();
            let message = format!("{LABEL}{}", STANDARD.encode(der));
            assert_eq!(of_message(&message).unwrap(), Err(StatementError::Unreadable));
        }
    }
}
