//! What the certificates of a path may be used for, each by itself.

use const_oid::{ObjectIdentifier, db::rfc5280 as oid};

use super::{PathError, Policy, Purpose};
use crate::certificate::{Certificate, Extensions};

const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");

/// Critical extensions that are processed.
const UNDERSTOOD: &[ObjectIdentifier] = &[
    oid::ID_CE_BASIC_CONSTRAINTS,
    oid::ID_CE_KEY_USAGE,
    oid::ID_CE_EXT_KEY_USAGE,
    oid::ID_CE_SUBJECT_ALT_NAME,
    oid::ID_CE_NAME_CONSTRAINTS,
    oid::ID_CE_CERTIFICATE_POLICIES,
    oid::ID_CE_POLICY_MAPPINGS,
    oid::ID_CE_POLICY_CONSTRAINTS,
    oid::ID_CE_INHIBIT_ANY_POLICY,
];

/// RFC 5280 §6.1.4 (o), §6.1.5 (f).
pub(super) fn check_critical_extensions(certificate: &Certificate, policy: &Policy<'_>) -> Result<(), PathError> {
    let mut critical = certificate.extensions().critical.iter();
    // RFC 5280 §4.2: an unrecognized critical extension means refusal.
    match critical.find(|id| !UNDERSTOOD.contains(id) && !policy.accepted_critical.contains(id)) {
        None => Ok(()),
        Some(extension) => {
            Err(PathError::CriticalExtension { subject: certificate.subject_text(), extension: *extension })
        }
    }
}

/// Whether an end entity may do what it is going to do.
pub(super) fn check_end_entity(certificate: &Certificate, purpose: Purpose) -> Result<(), PathError> {
    let extensions = certificate.extensions();
    let usable = match purpose {
        Purpose::Signing => may_sign(certificate),
        Purpose::DeviceIdentity => true,
        // RFC 8446 §4.4.2.2 and §4.4.3: whatever the key exchange, the server's key signs.
        Purpose::TlsServer => {
            extensions.key_usage.is_none_or(|usage| usage.digital_signature) && allows_server_auth(extensions)
        }
        // RFC 5280 §6.3.3 (f).
        Purpose::RevocationLists => extensions.key_usage.is_none_or(|usage| usage.crl_sign),
    };
    if usable { Ok(()) } else { Err(PathError::WrongUsage { subject: certificate.subject_text() }) }
}

/// A CA that is confined to other uses by its extended key usage issues nobody for this one, as every browser has it.
pub(super) fn check_intermediate(certificate: &Certificate, purpose: Purpose) -> Result<(), PathError> {
    let extensions = certificate.extensions();
    let usable = match purpose {
        Purpose::Signing => !is_for_tls_only(extensions),
        Purpose::TlsServer => allows_server_auth(extensions),
        Purpose::DeviceIdentity | Purpose::RevocationLists => true,
    };
    if usable { Ok(()) } else { Err(PathError::WrongUsage { subject: certificate.subject_text() }) }
}

/// Whether a certificate may sign artifacts: no KeyUsage, or one with digitalSignature (RFC 8572 §3.2); and not for TLS
/// and nothing else (RFC 5280 §4.2.1.12), or the key of an online server could speak for the owner.
#[must_use]
pub fn may_sign(certificate: &Certificate) -> bool {
    let extensions = certificate.extensions();
    extensions.key_usage.is_none_or(|usage| usage.digital_signature) && !is_for_tls_only(extensions)
}

fn is_for_tls_only(extensions: &Extensions) -> bool {
    let tls_only = |usages: &Vec<_>| usages.iter().all(|usage| [SERVER_AUTH, CLIENT_AUTH].contains(usage));
    extensions.extended_key_usage.as_ref().is_some_and(tls_only)
}

fn allows_server_auth(extensions: &Extensions) -> bool {
    let allows = |usage: &ObjectIdentifier| [SERVER_AUTH, ANY_EXTENDED_KEY_USAGE].contains(usage);
    extensions.extended_key_usage.as_ref().is_none_or(|usages| usages.iter().any(allows))
}
