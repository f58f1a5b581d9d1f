//! What a certificate is for, and what follows from that whatever a profile says.

use const_oid::{ObjectIdentifier, db::rfc5280 as oid};
use pki::key::KeySpec;
use serde::{Deserialize, Serialize};
use x509_cert::ext::pkix::KeyUsages;

use super::{Lifetime, RequestedNames, SubjectAttribute};

/// id-kp-cmcRA (RFC 6402 §2.10): registrars that ask a MASA (RFC 8995 §5.5.4; MAS-04) or an EST server (RFC 7030 §3.7) for others.
pub(crate) const ID_KP_CMC_RA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.28");
/// id-kp-OCSPSigning (RFC 6960 §4.2.2.2).
pub(crate) const ID_KP_OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");

/// What everybody reads.
const WITHOUT_ED25519: &[KeySpec] =
    &[KeySpec::P256, KeySpec::P384, KeySpec::Rsa2048, KeySpec::Rsa3072, KeySpec::Rsa4096];
const WITH_ED25519: &[KeySpec] =
    &[KeySpec::P256, KeySpec::P384, KeySpec::Rsa2048, KeySpec::Rsa3072, KeySpec::Rsa4096, KeySpec::Ed25519];

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A self-signed root.
    Root,
    /// A CA below a root.
    IssuingCa,
    /// A device's initial identity, made by its manufacturer (IEEE 802.1AR §6.3).
    Idevid,
    /// A device's identity at its owner (IEEE 802.1AR §6.4; RFC 9646).
    Ldevid,
    /// Signs conveyed information (RFC 8572 §3.2).
    Owner,
    /// A TLS server.
    TlsServer,
    /// A person or program that operates a server.
    Operator,
    /// A registrar, which asks a MASA for vouchers and an EST server for certificates, on behalf of devices.
    Registrar,
    /// Signs vouchers (RFC 8366 §5.4).
    VoucherSigner,
    /// Signs OCSP responses for the CA that issued it (RFC 6960 §4.2.2.2).
    OcspResponder,
    /// A station on a factory line that enrols devices.
    Station,
}

/// Kinds of names that a subjectAltName may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameKind {
    Dns,
    Address,
    Mail,
    Uri,
    HardwareModule,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Root,
        Self::IssuingCa,
        Self::Idevid,
        Self::Ldevid,
        Self::Owner,
        Self::TlsServer,
        Self::Operator,
        Self::Registrar,
        Self::VoucherSigner,
        Self::OcspResponder,
        Self::Station,
    ];

    /// Its name, as it stands in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::IssuingCa => "issuing-ca",
            Self::Idevid => "idevid",
            Self::Ldevid => "ldevid",
            Self::Owner => "owner",
            Self::TlsServer => "tls-server",
            Self::Operator => "operator",
            Self::Registrar => "registrar",
            Self::VoucherSigner => "voucher-signer",
            Self::OcspResponder => "ocsp-responder",
            Self::Station => "station",
        }
    }

    /// Whether it issues certificates itself.
    #[must_use]
    pub const fn is_ca(self) -> bool {
        matches!(self, Self::Root | Self::IssuingCa)
    }

    /// The keys that a profile of this kind may allow.
    ///
    /// Ed25519 is missing where others would have to read it and cannot: IEEE 802.1AR-2018 §7.3 knows RSA, P-256 and P-384
    /// for DevIDs, TPM 2.0 has no such keys, and nothing can be encrypted to one (ENC-07); what owners, registrars and voucher
    /// signers sign is CMS, which OpenSSL 3.0 does not verify with Ed25519. P-521 is left out everywhere: browsers, TPMs and many
    /// HSMs lack it.
    #[must_use]
    pub const fn permitted_keys(self) -> &'static [KeySpec] {
        match self {
            Self::Idevid | Self::Ldevid | Self::Owner | Self::Registrar | Self::VoucherSigner => WITHOUT_ED25519,
            Self::Root | Self::IssuingCa | Self::TlsServer | Self::Operator | Self::OcspResponder | Self::Station => {
                WITH_ED25519
            }
        }
    }

    /// How long a certificate lives when its profile does not say.
    #[must_use]
    pub const fn default_lifetime(self) -> Lifetime {
        match self {
            Self::Root => Lifetime::Days(30 * 365),
            Self::IssuingCa => Lifetime::Days(10 * 365),
            // IEEE 802.1AR §8.7; RFC 5280 §4.1.2.5.
            Self::Idevid => Lifetime::Unlimited,
            Self::Ldevid | Self::Operator | Self::Registrar | Self::Station => Lifetime::Days(365),
            Self::Owner => Lifetime::Days(2 * 365),
            Self::VoucherSigner => Lifetime::Days(5 * 365),
            Self::TlsServer => Lifetime::Days(90),
            // Nobody asks whether it is revoked (id-pkix-ocsp-nocheck), so that it must not live long (RFC 6960 §4.2.2.2.1).
            Self::OcspResponder => Lifetime::Days(30),
        }
    }

    /// The longest that a certificate of this kind may live.
    #[must_use]
    pub const fn longest_lifetime(self) -> Lifetime {
        match self {
            // A CA of devices that never expire may go without expiration too.
            Self::Root | Self::IssuingCa | Self::Idevid => Lifetime::Unlimited,
            Self::VoucherSigner | Self::Owner | Self::Ldevid => Lifetime::Days(20 * 365),
            Self::OcspResponder => Lifetime::Days(90),
            Self::TlsServer | Self::Operator | Self::Registrar | Self::Station => Lifetime::Days(825),
        }
    }

    /// What the key may do (RFC 5280 §4.2.1.3).
    pub(crate) fn key_usages(self, key: KeySpec) -> Vec<KeyUsages> {
        if self.is_ca() {
            return vec![KeyUsages::KeyCertSign, KeyUsages::CRLSign];
        }
        // ENC-06, ENC-07; RFC 5652 §6.2.1, §6.2.2: lets artifacts be encrypted to a device. Its TLS key may open them too
        // (RFC 8572 §9.13).
        let receives = matches!(self, Self::Idevid | Self::Ldevid);
        let receiving = match key {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => Some(KeyUsages::KeyEncipherment),
            KeySpec::P256 | KeySpec::P384 | KeySpec::P521 => Some(KeyUsages::KeyAgreement),
            KeySpec::Ed25519 => None,
        };
        std::iter::once(KeyUsages::DigitalSignature).chain(receiving.filter(|_| receives)).collect()
    }

    /// What the key is for (RFC 5280 §4.2.1.12); empty means that the extension is left out.
    pub(crate) const fn extended_key_usages(self) -> &'static [ObjectIdentifier] {
        match self {
            // A DevID serves for TLS in both roles and for decryption: IEEE 802.1AR §8.10 asks for none.
            Self::Root | Self::IssuingCa | Self::Idevid | Self::Ldevid | Self::Owner | Self::VoucherSigner => &[],
            Self::TlsServer => &[oid::ID_KP_SERVER_AUTH],
            Self::Operator | Self::Station => &[oid::ID_KP_CLIENT_AUTH],
            Self::Registrar => &[oid::ID_KP_CLIENT_AUTH, ID_KP_CMC_RA],
            Self::OcspResponder => &[ID_KP_OCSP_SIGNING],
        }
    }

    /// What the subjectAltName may hold.
    pub(crate) const fn alternative_names(self) -> &'static [NameKind] {
        match self {
            Self::Root | Self::IssuingCa | Self::Owner | Self::VoucherSigner | Self::OcspResponder => &[],
            Self::Idevid => &[NameKind::HardwareModule],
            Self::Ldevid => &[NameKind::HardwareModule, NameKind::Dns, NameKind::Address, NameKind::Uri],
            Self::TlsServer | Self::Registrar | Self::Station => &[NameKind::Dns, NameKind::Address],
            Self::Operator => &[NameKind::Mail, NameKind::Uri, NameKind::Dns],
        }
    }

    /// What becomes of alternative names in a request when the profile does not say.
    pub(crate) const fn requested_names(self) -> RequestedNames {
        match self {
            // A server without names is none.
            Self::TlsServer => RequestedNames::Take,
            _ => RequestedNames::Refuse,
        }
    }

    /// What the subject must say.
    pub(crate) const fn required_attributes(self) -> &'static [SubjectAttribute] {
        match self {
            // IEEE 802.1AR §8.6; RFC 8995 §2.3.1.
            Self::Idevid | Self::Ldevid => &[SubjectAttribute::SerialNumber],
            // Whoever accepts a TLS server looks at its alternative names alone (RFC 9525 §6.3).
            Self::TlsServer => &[],
            _ => &[SubjectAttribute::CommonName],
        }
    }

    /// What is taken from a request when the profile does not say.
    pub(crate) const fn requestable_attributes(self) -> &'static [SubjectAttribute] {
        match self {
            Self::Idevid | Self::Ldevid => &[SubjectAttribute::CommonName, SubjectAttribute::SerialNumber],
            _ => &[SubjectAttribute::CommonName],
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
