//! What varies from row to row: algorithm, how the signer is named, form.

use conveyed_info::{
    Encoding,
    cms::{CertificateNaming, ContentType},
};
use interop_tests::{
    matrix::{Direction, Form},
    openssl::KeyKind,
    parties::{ID_DATA, JSON_TYPE, VOUCHER_TYPE, XML_TYPE},
};
use pki::{
    algorithm::{PssParameters, SignatureAlgorithm},
    digest::HashAlgorithm,
};

/// A way to sign.
pub(crate) struct Algorithm {
    pub(crate) words: &'static str,
    pub(crate) key: KeyKind,
    pub(crate) signature: SignatureAlgorithm,
}

const fn algorithm(words: &'static str, key: KeyKind, signature: SignatureAlgorithm) -> Algorithm {
    Algorithm { words, key, signature }
}

const fn pss(hash: HashAlgorithm, salt_length: u16) -> SignatureAlgorithm {
    SignatureAlgorithm::RsaPss(PssParameters { hash, salt_length })
}

/// Those of one kind of key in a row: parties are made once for them. The longest salt is what OpenSSL makes when it is
/// not told a length.
pub(crate) const ALGORITHMS: &[Algorithm] = &[
    algorithm("ECDSA P-256 with SHA-256", KeyKind::P256, SignatureAlgorithm::EcdsaSha256),
    algorithm("ECDSA P-256 with SHA-384", KeyKind::P256, SignatureAlgorithm::EcdsaSha384),
    algorithm("ECDSA P-256 with SHA-512", KeyKind::P256, SignatureAlgorithm::EcdsaSha512),
    algorithm("ECDSA P-384 with SHA-256", KeyKind::P384, SignatureAlgorithm::EcdsaSha256),
    algorithm("ECDSA P-384 with SHA-384", KeyKind::P384, SignatureAlgorithm::EcdsaSha384),
    algorithm("ECDSA P-384 with SHA-512", KeyKind::P384, SignatureAlgorithm::EcdsaSha512),
    algorithm("ECDSA P-521 with SHA-256", KeyKind::P521, SignatureAlgorithm::EcdsaSha256),
    algorithm("ECDSA P-521 with SHA-384", KeyKind::P521, SignatureAlgorithm::EcdsaSha384),
    algorithm("ECDSA P-521 with SHA-512", KeyKind::P521, SignatureAlgorithm::EcdsaSha512),
    algorithm("RSA PKCS#1 with SHA-256", KeyKind::Rsa2048, SignatureAlgorithm::RsaPkcs1Sha256),
    algorithm("RSA PKCS#1 with SHA-384", KeyKind::Rsa2048, SignatureAlgorithm::RsaPkcs1Sha384),
    algorithm("RSA PKCS#1 with SHA-512", KeyKind::Rsa2048, SignatureAlgorithm::RsaPkcs1Sha512),
    algorithm("RSA PSS with SHA-256, salt of 32 octets", KeyKind::Rsa2048, pss(HashAlgorithm::Sha256, 32)),
    algorithm("RSA PSS with SHA-256, longest salt", KeyKind::Rsa2048, pss(HashAlgorithm::Sha256, 222)),
    algorithm("RSA PSS with SHA-384, salt of 48 octets", KeyKind::Rsa2048, pss(HashAlgorithm::Sha384, 48)),
    algorithm("RSA PSS with SHA-384, longest salt", KeyKind::Rsa2048, pss(HashAlgorithm::Sha384, 206)),
    algorithm("RSA PSS with SHA-512, salt of 64 octets", KeyKind::Rsa2048, pss(HashAlgorithm::Sha512, 64)),
    algorithm("RSA PSS with SHA-512, longest salt", KeyKind::Rsa2048, pss(HashAlgorithm::Sha512, 190)),
    algorithm("RSA PSS with SHA-256, key for PSS alone", KeyKind::RsaPss, pss(HashAlgorithm::Sha256, 32)),
    algorithm("Ed25519 (signature alone)", KeyKind::Ed25519, SignatureAlgorithm::Ed25519),
];

impl Algorithm {
    /// The options that ask `openssl cms` for it; `None` where it has no way to: in OpenSSL 3.0 it knows no Ed25519.
    pub(crate) fn openssl(&self) -> Option<Vec<String>> {
        let digest = ["-md", self.printed().0].map(str::to_owned);
        match self.signature {
            SignatureAlgorithm::Ed25519 => None,
            SignatureAlgorithm::RsaPss(parameters) => {
                let salt = format!("rsa_pss_saltlen:{}", parameters.salt_length);
                let padding = ["-keyopt", "rsa_padding_mode:pss", "-keyopt", &salt].map(str::to_owned);
                Some([&digest[..], &padding].concat())
            }
            _ => Some(digest.to_vec()),
        }
    }

    /// Digest and signature as OpenSSL prints their names. It writes `rsaEncryption` where we name the digest too.
    pub(crate) fn printed(&self) -> (&'static str, &'static str) {
        match (self.signature, self.signature.hash()) {
            (SignatureAlgorithm::EcdsaSha256, _) => ("sha256", "ecdsa-with-SHA256"),
            (SignatureAlgorithm::EcdsaSha384, _) => ("sha384", "ecdsa-with-SHA384"),
            (SignatureAlgorithm::EcdsaSha512, _) => ("sha512", "ecdsa-with-SHA512"),
            (SignatureAlgorithm::RsaPkcs1Sha256, _) => ("sha256", "RSAEncryption"),
            (SignatureAlgorithm::RsaPkcs1Sha384, _) => ("sha384", "RSAEncryption"),
            (SignatureAlgorithm::RsaPkcs1Sha512, _) => ("sha512", "RSAEncryption"),
            (SignatureAlgorithm::RsaPss(_), HashAlgorithm::Sha256) => ("sha256", "rsassaPss"),
            (SignatureAlgorithm::RsaPss(_), HashAlgorithm::Sha384) => ("sha384", "rsassaPss"),
            (SignatureAlgorithm::RsaPss(_), HashAlgorithm::Sha512) => ("sha512", "rsassaPss"),
            (SignatureAlgorithm::Ed25519, _) => ("sha512", "ED25519"),
            other => panic!("{other:?} has no name here"),
        }
    }
}

/// How the signer is named.
pub(crate) struct Naming {
    pub(crate) words: &'static str,
    pub(crate) ours: CertificateNaming,
    pub(crate) openssl: &'static [&'static str],
    pub(crate) printed: &'static str,
}

pub(crate) const ISSUER_AND_SERIAL: Naming = Naming {
    words: "issuer and serial number",
    ours: CertificateNaming::IssuerAndSerialNumber,
    openssl: &[],
    printed: "d.issuerAndSerialNumber",
};
pub(crate) const KEY_IDENTIFIER: Naming = Naming {
    words: "key identifier",
    ours: CertificateNaming::SubjectKeyIdentifier,
    openssl: &["-keyid"],
    printed: "d.subjectKeyIdentifier",
};

/// A document under a content type.
pub(crate) struct SignedForm {
    pub(crate) form: Form,
    /// What the rows of the form's table begin with.
    pub(crate) prefix: &'static str,
    pub(crate) content_type: ContentType,
    pub(crate) openssl: &'static [&'static str],
    pub(crate) encoding: Encoding,
}

/// Conveyed information in either encoding.
pub(crate) const INFORMATION: &[SignedForm] = &[
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

/// The encodings that OpenSSL writes structures in.
pub(crate) const STREAMS: &[(Direction, &[&str])] =
    &[(Direction::OpensslToUs, &[]), (Direction::OpensslToUsAsBer, &["-stream"])];

pub(crate) fn row(form: &SignedForm, algorithm: &Algorithm, naming: &Naming) -> String {
    format!("{}{}, {}", form.prefix, algorithm.words, naming.words)
}
