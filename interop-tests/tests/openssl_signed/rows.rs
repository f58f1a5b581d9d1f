//! What varies from row to row: algorithm, how the signer is named, form.

use conveyed_info::{Encoding, cms::ContentType};
use interop_tests::{
    matrix::{Direction, Form},
    openssl::KeyKind,
    parties::{ID_DATA, JSON_TYPE, VOUCHER_TYPE, XML_TYPE},
};
use pki::algorithm::SignatureAlgorithm;

/// A way to sign.
pub(crate) struct Algorithm {
    pub(crate) words: &'static str,
    pub(crate) key: KeyKind,
    /// Which it is among ours.
    pub(crate) ours: SignatureAlgorithm,
    /// How OpenSSL is asked for it.
    pub(crate) openssl: By,
    /// Digest and signature as OpenSSL prints their names.
    pub(crate) printed: [&'static str; 2],
}

/// What of OpenSSL does the work.
#[derive(Clone, Copy)]
pub(crate) enum By {
    /// `openssl cms` with these options makes and verifies whole structures.
    Cms(&'static [&'static str]),
    /// `openssl pkeyutl` makes and verifies signatures; the structure around them is ours, since the `cms` of
    /// OpenSSL 3.0 has no Ed25519.
    Pkeyutl,
}

pub(crate) const ALGORITHMS: &[Algorithm] = &[
    Algorithm {
        words: "ECDSA P-256 with SHA-256",
        key: KeyKind::P256,
        ours: SignatureAlgorithm::EcdsaSha256,
        openssl: By::Cms(&["-md", "sha256"]),
        printed: ["sha256", "ecdsa-with-SHA256"],
    },
    Algorithm {
        words: "ECDSA P-256 with SHA-384",
        key: KeyKind::P256,
        ours: SignatureAlgorithm::EcdsaSha384,
        openssl: By::Cms(&["-md", "sha384"]),
        printed: ["sha384", "ecdsa-with-SHA384"],
    },
    Algorithm {
        words: "ECDSA P-384 with SHA-256",
        key: KeyKind::P384,
        ours: SignatureAlgorithm::EcdsaSha256,
        openssl: By::Cms(&["-md", "sha256"]),
        printed: ["sha256", "ecdsa-with-SHA256"],
    },
    Algorithm {
        words: "ECDSA P-384 with SHA-384",
        key: KeyKind::P384,
        ours: SignatureAlgorithm::EcdsaSha384,
        openssl: By::Cms(&["-md", "sha384"]),
        printed: ["sha384", "ecdsa-with-SHA384"],
    },
    Algorithm {
        words: "RSA PKCS#1 with SHA-256",
        key: KeyKind::Rsa2048,
        ours: SignatureAlgorithm::RsaPkcs1Sha256,
        openssl: By::Cms(&["-md", "sha256"]),
        printed: ["sha256", "RSAEncryption"],
    },
    Algorithm {
        words: "RSA PKCS#1 with SHA-384",
        key: KeyKind::Rsa2048,
        ours: SignatureAlgorithm::RsaPkcs1Sha384,
        openssl: By::Cms(&["-md", "sha384"]),
        printed: ["sha384", "RSAEncryption"],
    },
    Algorithm {
        words: "RSA PKCS#1 with SHA-512",
        key: KeyKind::Rsa2048,
        ours: SignatureAlgorithm::RsaPkcs1Sha512,
        openssl: By::Cms(&["-md", "sha512"]),
        printed: ["sha512", "RSAEncryption"],
    },
    Algorithm {
        words: "Ed25519 (signature alone)",
        key: KeyKind::Ed25519,
        ours: SignatureAlgorithm::Ed25519,
        openssl: By::Pkeyutl,
        printed: ["sha512", "ED25519"],
    },
];

/// How the signer is named.
pub(crate) struct Naming {
    pub(crate) words: &'static str,
    pub(crate) openssl: &'static [&'static str],
    pub(crate) printed: &'static str,
}

pub(crate) const ISSUER_AND_SERIAL: Naming =
    Naming { words: "issuer and serial number", openssl: &[], printed: "d.issuerAndSerialNumber" };
pub(crate) const KEY_IDENTIFIER: Naming =
    Naming { words: "key identifier", openssl: &["-keyid"], printed: "d.subjectKeyIdentifier" };

/// A document under a content type.
pub(crate) struct SignedForm {
    pub(crate) form: Form,
    /// What the rows of the form's table begin with.
    pub(crate) prefix: &'static str,
    pub(crate) content_type: ContentType,
    pub(crate) openssl: &'static [&'static str],
    pub(crate) encoding: Encoding,
}

/// Conveyed information in JSON.
pub(crate) const INFORMATION_JSON: &[SignedForm] = &[
    SignedForm {
        form: Form::SignedJson,
        prefix: "",
        content_type: ContentType::ConveyedInfoJson,
        openssl: JSON_TYPE,
        encoding: Encoding::Json,
    },
    SignedForm {
        form: Form::SignedData,
        prefix: "JSON: ",
        content_type: ContentType::Data,
        openssl: ID_DATA,
        encoding: Encoding::Json,
    },
];

/// Conveyed information in XML.
pub(crate) const INFORMATION_XML: &[SignedForm] = &[
    SignedForm {
        form: Form::SignedXml,
        prefix: "",
        content_type: ContentType::ConveyedInfoXml,
        openssl: XML_TYPE,
        encoding: Encoding::Xml,
    },
    SignedForm {
        form: Form::SignedData,
        prefix: "XML: ",
        content_type: ContentType::Data,
        openssl: ID_DATA,
        encoding: Encoding::Xml,
    },
];

/// Vouchers, which are JSON always.
pub(crate) const VOUCHERS: &[SignedForm] = &[
    SignedForm {
        form: Form::Voucher,
        prefix: "",
        content_type: ContentType::AnimaJsonVoucher,
        openssl: VOUCHER_TYPE,
        encoding: Encoding::Json,
    },
    SignedForm {
        form: Form::VoucherData,
        prefix: "",
        content_type: ContentType::Data,
        openssl: ID_DATA,
        encoding: Encoding::Json,
    },
];

/// The structures that OpenSSL writes.
pub(crate) const STREAMS: &[(Direction, &[&str])] = &[(Direction::OpensslToUs, &[])];

pub(crate) fn row(form: &SignedForm, algorithm: &Algorithm, naming: &Naming) -> String {
    format!("{}{}, {}", form.prefix, algorithm.words, naming.words)
}
