//! What comes before every check: the clear form of an artifact (RFC 8572 §5.3: "decrypt first"; ENC-04).

use pki::{certificate::Certificate, digest::sha256 as sha256_of, key::Decryptor};
use verdict::{Digest, Input, ReasonCode, Refusal, Trace};

use super::artifact;
use crate::cms::{AeadPolicy, CmsError, ContentInfo, ContentType, Enveloped, Form, OpenError, SignedData};

/// The key that opens what was encrypted to this device.
#[derive(Clone, Copy, Debug)]
pub struct Decryption<'a> {
    /// The key, which may live in a TPM or an HSM.
    pub key: &'a dyn Decryptor,
    /// The certificate that names this device among the recipients; without one, every recipient whose kind fits the key is
    /// tried.
    pub certificate: Option<&'a Certificate>,
    /// Whether AuthEnvelopedData is opened too, which RFC 8572 does not name (ENC-09).
    pub aead: AeadPolicy,
}

/// Which artifact, for the trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// In the vocabulary of RFC 8572.
    pub(super) name: &'static str,
    /// The name of its clear form, where it came encrypted.
    pub(super) clear: &'static str,
    /// The names of its checks.
    pub(super) form: &'static str,
    pub(super) decryption: &'static str,
    /// Where its form is described.
    pub(super) section: &'static str,
    /// Whether this may be what was encrypted.
    is_clear_form: fn(&ContentInfo) -> bool,
}

fn is_signed(info: &ContentInfo) -> bool {
    info.content_type() == ContentType::SignedData
}

pub(super) const CONVEYED_INFORMATION: Kind = Kind {
    name: "conveyed-information",
    clear: "clear-conveyed-information",
    form: "conveyed-information-form",
    decryption: "conveyed-information-decryption",
    section: "RFC 8572 §3.1",
    is_clear_form: |info| is_signed(info) || artifact::is_document(info),
};

pub(super) const OWNER_CERTIFICATE: Kind = Kind {
    name: "owner-certificate",
    clear: "clear-owner-certificate",
    form: "owner-certificate-form",
    decryption: "owner-certificate-decryption",
    section: "RFC 8572 §3.2",
    is_clear_form: is_signed,
};

pub(super) const OWNERSHIP_VOUCHER: Kind = Kind {
    name: "ownership-voucher",
    clear: "clear-ownership-voucher",
    form: "voucher-form",
    decryption: "voucher-decryption",
    section: "RFC 8572 §3.3",
    is_clear_form: is_signed,
};

/// An artifact in its clear form. As unverified as it came.
#[derive(Debug)]
pub(super) struct Clear {
    kind: Kind,
    input: Input,
    info: ContentInfo,
}

impl Clear {
    /// Reads an artifact and decrypts it, if it is encrypted.
    pub(super) fn read(
        kind: Kind,
        received: &[u8],
        sha256: Digest,
        decryption: Option<Decryption<'_>>,
        trace: &mut Trace,
    ) -> Result<Self, Refusal> {
        let input = Input { name: kind.name, sha256 };
        let inputs = [input];
        let (info, form) = ContentInfo::from_ber(received).map_err(|error| malformed(kind, &error, input, trace))?;
        // ART-01: DER is what the RFC has; what `openssl cms -stream` writes is normalised.
        if form == Form::Ber {
            trace.passed_with(kind.form, kind.section, &inputs, "lenient: BER in place of DER");
        }
        if !matches!(info.content_type(), ContentType::EnvelopedData | ContentType::AuthEnvelopedData) {
            return Ok(Self { kind, input, info });
        }
        let refuse = |error: &OpenError, trace: &mut Trace| {
            let detail = format!("{}: {error}", kind.name);
            std::mem::take(trace).refused(kind.decryption, reason(error), &inputs, detail)
        };
        let envelope = Enveloped::from_content_info(&info).map_err(|error| refuse(&error, trace))?;
        let Some(decryption) = decryption else {
            let detail = format!("{}: encrypted, and there is no key here", kind.name);
            let trace = std::mem::take(trace);
            return Err(trace.refused(kind.decryption, ReasonCode::DecryptionKeyMissing, &inputs, detail));
        };
        let opened = envelope.open(decryption.key, decryption.certificate, decryption.aead);
        let opened = opened.map_err(|error| refuse(&error, trace))?;
        // RFC 8572 §9.14 (ENC-12): nothing authenticates ciphertext, nor what it is said to hold. What comes of it is read
        // before anything is recorded: whoever changes it cannot tell a wrong plaintext from a wrong padding.
        let info = ContentInfo::from_der(opened.clear_form()).ok().filter(kind.is_clear_form);
        let info = info.ok_or_else(|| refuse(&OpenError::Failed, trace))?;
        let clear = Input { name: kind.clear, sha256: sha256_of(opened.clear_form()) };
        let inputs = [input, clear];
        let lenient: Vec<_> = opened.leniencies().iter().map(|it| it.summary()).collect();
        if lenient.is_empty() {
            trace.passed(kind.decryption, "RFC 8572 §3.4", &inputs);
        } else {
            trace.passed_with(kind.decryption, "RFC 8572 §3.4", &inputs, format!("lenient: {}", lenient.join("; ")));
        }
        Ok(Self { kind, input, info })
    }

    /// What a check of this artifact looked at: the bytes as they were received.
    pub(super) const fn input(&self) -> Input {
        self.input
    }

    /// Whether it carries a signature, or a bag of certificates.
    pub(super) fn is_signed(&self) -> bool {
        is_signed(&self.info)
    }

    /// Its SignedData.
    pub(super) fn signed_data(&self, mut trace: Trace) -> Result<(SignedData, Trace), Refusal> {
        match SignedData::from_content_info(&self.info) {
            Ok(signed) => Ok((signed, trace)),
            Err(error) => Err(malformed(self.kind, &error, self.input, &mut trace)),
        }
    }

    /// Its document, of an artifact without a signature: the type that it is said to have, and its octets.
    pub(super) fn document(&self, mut trace: Trace) -> Result<(ContentType, &[u8], Trace), Refusal> {
        match self.info.octets() {
            Ok(octets) => Ok((self.info.content_type(), octets, trace)),
            Err(error) => Err(malformed(self.kind, &error, self.input, &mut trace)),
        }
    }
}

fn malformed(kind: Kind, error: &CmsError, input: Input, trace: &mut Trace) -> Refusal {
    let reason = match error {
        CmsError::ContentType(_) => ReasonCode::ContentTypeUnexpected,
        _ => ReasonCode::ArtifactMalformed,
    };
    let detail = format!("{}, {}: {error}", kind.name, kind.section);
    std::mem::take(trace).refused(kind.form, reason, &[input], detail)
}

/// What is wrong with the envelope is told; which step of opening it failed is not (RFC 8572 §9.14; ENC-12).
fn reason(error: &OpenError) -> ReasonCode {
    match error {
        OpenError::Failed => ReasonCode::DecryptionFailed,
        OpenError::NotARecipient | OpenError::KeyIsNotTheCertificates => ReasonCode::NotARecipient,
        OpenError::AeadNotAllowed
        | OpenError::ContentCipher(_)
        | OpenError::CipherParameters
        | OpenError::ShortTag(_)
        | OpenError::KeyEncryption(_)
        | OpenError::KeyEncryptionParameters => ReasonCode::EncryptionNotAllowed,
        OpenError::Cms(CmsError::ContentType(_)) | OpenError::Nested => ReasonCode::ContentTypeUnexpected,
        _ => ReasonCode::ArtifactMalformed,
    }
}
