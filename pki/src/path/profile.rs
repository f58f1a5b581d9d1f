//! What RFC 5280 §4 forbids CAs to issue, and §6 does not ask a validator to look at.
//!
//! Judged under [`super::Strictness::Profile`] only: factories issue what they issue, and for thirty years.

use const_oid::{ObjectIdentifier, db::rfc5280 as oid};
use x509_cert::ext::pkix::name::GeneralName;

use super::PathError;
use crate::certificate::Certificate;

/// Most octets of a serial number (RFC 5280 §4.1.2.2).
const MAX_SERIAL: usize = 20;

/// Extensions that a CA must mark critical, and those that it must not.
const CRITICAL: [ObjectIdentifier; 3] =
    [oid::ID_CE_NAME_CONSTRAINTS, oid::ID_CE_POLICY_CONSTRAINTS, oid::ID_CE_INHIBIT_ANY_POLICY];
const NOT_CRITICAL: [ObjectIdentifier; 4] = [
    oid::ID_CE_AUTHORITY_KEY_IDENTIFIER,
    oid::ID_CE_SUBJECT_KEY_IDENTIFIER,
    oid::ID_PE_AUTHORITY_INFO_ACCESS,
    oid::ID_PE_SUBJECT_INFO_ACCESS,
];

/// A rule for those who issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileRule {
    /// The serial number is zero, negative, or longer than 20 octets.
    SerialNumber,
    /// There is no issuer's name, or no subject's in a CA's certificate.
    EmptyName,
    /// There is no subject's name, and no critical subjectAltName in its place.
    Nameless,
    /// subjectAltName holds nothing, or an empty name.
    AlternativeName,
    /// There is no authority key identifier, and the certificate is not self-signed.
    AuthorityKeyIdentifier,
    /// A CA's certificate without a subject key identifier.
    SubjectKeyIdentifier,
    /// A CA's BasicConstraints is not critical.
    BasicConstraints,
    /// KeyUsage and BasicConstraints contradict each other, or KeyUsage names nothing.
    KeyUsage,
    /// What only a CA's certificate may hold stands in another.
    OnlyForCas(ObjectIdentifier),
    /// An extension is critical and may not be, or must be and is not.
    Criticality(ObjectIdentifier),
    /// The same certificate policy twice.
    DuplicatePolicy(ObjectIdentifier),
}

impl ProfileRule {
    /// Where the rule stands.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::SerialNumber => "RFC 5280 §4.1.2.2",
            Self::EmptyName => "RFC 5280 §4.1.2.4, §4.1.2.6",
            Self::Nameless | Self::AlternativeName => "RFC 5280 §4.2.1.6",
            Self::AuthorityKeyIdentifier => "RFC 5280 §4.2.1.1",
            Self::SubjectKeyIdentifier => "RFC 5280 §4.2.1.2",
            Self::BasicConstraints => "RFC 5280 §4.2.1.9",
            Self::KeyUsage => "RFC 5280 §4.2.1.3, §4.2.1.9",
            Self::OnlyForCas(_) => "RFC 5280 §4.2.1.10, §4.2.1.11",
            Self::Criticality(_) => "RFC 5280 §4.2",
            Self::DuplicatePolicy(_) => "RFC 5280 §4.2.1.4",
        }
    }
}

impl std::fmt::Display for ProfileRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SerialNumber => write!(f, "its serial number is not a positive one of at most {MAX_SERIAL} octets"),
            Self::EmptyName => f.write_str("the name of an issuer or CA is empty"),
            Self::Nameless => f.write_str("it has no subject, and no critical alternative name"),
            Self::AlternativeName => f.write_str("it holds an alternative name that is empty"),
            Self::AuthorityKeyIdentifier => f.write_str("it does not identify the key that signed it"),
            Self::SubjectKeyIdentifier => f.write_str("it is a CA's and does not identify the CA's key"),
            Self::BasicConstraints => f.write_str("it is a CA's, and its basic constraints are not critical"),
            Self::KeyUsage => f.write_str("its key usage contradicts its basic constraints, or names nothing"),
            Self::OnlyForCas(id) => write!(f, "extension {id} belongs into a CA's certificate"),
            Self::Criticality(id) => write!(f, "extension {id} is critical and must not be, or the other way round"),
            Self::DuplicatePolicy(id) => write!(f, "the certificate policy {id} stands twice"),
        }
    }
}

/// Judges one certificate by itself.
pub(super) fn check(certificate: &Certificate) -> Result<(), PathError> {
    match broken(certificate) {
        None => Ok(()),
        Some(rule) => Err(PathError::Profile { subject: certificate.subject_text(), rule }),
    }
}

fn broken(certificate: &Certificate) -> Option<ProfileRule> {
    let extensions = certificate.extensions();
    let is_critical = |id: &ObjectIdentifier| extensions.critical.contains(id);
    let is_ca = extensions.is_ca();
    let serial = certificate.certificate_serial();
    let is_positive = serial.first().is_some_and(|first| first & 0x80 == 0) && serial.iter().any(|octet| *octet != 0);
    if !is_positive || serial.len() > MAX_SERIAL {
        return Some(ProfileRule::SerialNumber);
    }
    if certificate.issuer().is_empty() || (is_ca && certificate.subject().is_empty()) {
        return Some(ProfileRule::EmptyName);
    }
    if let Some(names) = &extensions.subject_alt_name
        && (names.0.is_empty() || names.0.iter().any(is_empty))
    {
        return Some(ProfileRule::AlternativeName);
    }
    if certificate.subject().is_empty() && !is_critical(&oid::ID_CE_SUBJECT_ALT_NAME) {
        return Some(ProfileRule::Nameless);
    }
    // One that is self-issued and not self-signed identifies another key, and then it has to say which.
    if extensions.authority_key_identifier.is_none()
        && !(certificate.is_self_issued() && certificate.verify_signature(certificate.public_key()).is_ok())
    {
        return Some(ProfileRule::AuthorityKeyIdentifier);
    }
    if let Some(id) = NOT_CRITICAL.iter().find(|id| is_critical(id)) {
        return Some(ProfileRule::Criticality(*id));
    }
    if let Some(id) = CRITICAL.iter().find(|id| certificate.holds(**id) && !is_critical(id)) {
        return Some(ProfileRule::Criticality(*id));
    }
    if let Some(id) = CRITICAL.iter().find(|id| !is_ca && certificate.holds(**id)) {
        return Some(ProfileRule::OnlyForCas(*id));
    }
    if is_ca && extensions.subject_key_identifier.is_none() {
        return Some(ProfileRule::SubjectKeyIdentifier);
    }
    if is_ca && !is_critical(&oid::ID_CE_BASIC_CONSTRAINTS) {
        return Some(ProfileRule::BasicConstraints);
    }
    let signs = extensions.key_usage.is_none_or(|usage| usage.key_cert_sign);
    let limited = extensions.basic_constraints.is_some_and(|(_, limit)| limit.is_some());
    if (extensions.key_usage.is_some() && signs && !is_ca) || (limited && !(is_ca && signs)) {
        return Some(ProfileRule::KeyUsage);
    }
    let policies = extensions.policies.as_deref().unwrap_or_default();
    let mut seen = std::collections::BTreeSet::new();
    policies.iter().find(|policy| !seen.insert(**policy)).map(|policy| ProfileRule::DuplicatePolicy(*policy))
}

fn is_empty(name: &GeneralName) -> bool {
    match name {
        GeneralName::DnsName(name) | GeneralName::Rfc822Name(name) | GeneralName::UniformResourceIdentifier(name) => {
            name.as_str().is_empty()
        }
        GeneralName::DirectoryName(name) => name.is_empty(),
        GeneralName::IpAddress(octets) => !matches!(octets.as_bytes().len(), 4 | 16),
        _ => false,
    }
}
