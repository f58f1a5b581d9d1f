//! Certification path validation (RFC 5280 §6), as bootstrapping needs it.
//!
//! Differs from a web browser's in what real devices demand: anchors may be any certificate (a voucher pins a CA or an
//! end entity, RFC 8366 §5.3), the clock may not be trusted (RFC 8572 §9.1), extended key usage counts only where a
//! TLS server is judged, and a configured set of unknown critical extensions may be let pass. Name constraints
//! are not processed, so a path that holds them is refused rather than half-checked; policies are accepted as any.

use const_oid::{ObjectIdentifier, db::rfc5280 as oid};

use crate::{
    algorithm::AlgorithmError,
    certificate::{Certificate, Extensions},
    time::{Clock, Timestamp},
};

const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");

/// Signature checks that one validation may cost, however the certificates cross-certify each other.
const SIGNATURE_BUDGET: u32 = 64;

/// What the end-entity certificate is going to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It signs artifacts: KeyUsage, if present, must include digitalSignature (RFC 8572 §3.2), and extended key usage,
    /// if present, must name more than TLS.
    Signing,
    /// It identifies a device in TLS: extended key usage is ignored, since IDevIDs carry odd ones.
    DeviceIdentity,
    /// It identifies a TLS server: extended key usage, if present, must include serverAuth (RFC 5280 §4.2.1.12).
    TlsServer,
}

/// How strict a validation is.
#[derive(Clone, Debug)]
pub struct Policy<'a> {
    /// Against which clock validity periods are judged.
    pub clock: Clock,
    /// What the end entity is going to do.
    pub purpose: Purpose,
    /// Critical extensions that are let pass although nobody here understands them.
    pub accepted_critical: &'a [ObjectIdentifier],
    /// Which signatures on certificates count.
    pub signatures: Signatures,
}

impl Policy<'_> {
    /// The strict one: no unknown critical extension passes, and no signature that is weak.
    #[must_use]
    pub const fn new(clock: Clock, purpose: Purpose) -> Self {
        Self { clock, purpose, accepted_critical: &[], signatures: Signatures::Strong }
    }
}

/// Which signatures on certificates count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signatures {
    /// Those of [`crate::algorithm::SignatureAlgorithm`].
    #[default]
    Strong,
    /// RSA with SHA-1 as well, for devices whose factory certificates were made before anything better. Collisions of
    /// SHA-1 can be made: a manufacturer that still issues so can be led to sign for somebody else's device.
    AlsoSha1,
}

/// A validated path: end entity first, the anchor last.
#[derive(Clone, Debug)]
pub struct Path {
    certificates: Vec<Certificate>,
}

impl Path {
    /// Longest path, anchor and end entity included.
    pub const MAX_LENGTH: usize = 8;

    /// The certificates, end entity first, anchor last. An end entity that is itself the anchor gives a path of one.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }
}

/// Finds and validates a path from `end_entity` over `intermediates` (in any order) to one of `anchors`.
///
/// # Errors
/// [`PathError`]: of all paths tried, the error of the one that came furthest, or [`PathError::NoPath`].
pub fn validate(
    end_entity: &Certificate,
    intermediates: &[Certificate],
    anchors: &[Certificate],
    policy: &Policy<'_>,
) -> Result<Path, PathError> {
    check_end_entity(end_entity, policy)?;
    // RFC 8366 §5.3: the pinned certificate may be the end entity's own. Dates of an anchor are not judged, those of
    // an end entity are.
    if anchors.contains(end_entity) {
        check_dates(end_entity, policy.clock)?;
        return Ok(Path { certificates: vec![end_entity.clone()] });
    }
    let mut search =
        Search { intermediates, anchors, policy, budget: SIGNATURE_BUDGET, furthest: None, path: vec![end_entity] };
    if search.extend()? {
        let certificates = search.path.into_iter().cloned().collect();
        return Ok(Path { certificates });
    }
    let no_path =
        || PathError::NoPath { subject: end_entity.subject().to_string(), issuer: end_entity.issuer().to_string() };
    Err(search.furthest.map_or_else(no_path, |(_, error)| error))
}

/// A depth-first search for issuers.
struct Search<'a> {
    intermediates: &'a [Certificate],
    anchors: &'a [Certificate],
    policy: &'a Policy<'a>,
    budget: u32,
    /// The error met on the longest path, and that path's length: it says most about what is wrong.
    furthest: Option<(usize, PathError)>,
    path: Vec<&'a Certificate>,
}

impl<'a> Search<'a> {
    /// Tries to reach an anchor from the last certificate of the path; on success the path ends with the anchor.
    fn extend(&mut self) -> Result<bool, PathError> {
        let Some(&child) = self.path.last() else { return Ok(false) };
        if !self.note(check_dates(child, self.policy.clock)) {
            return Ok(false);
        }
        if self.path.len() >= Path::MAX_LENGTH {
            return Ok(false);
        }
        for anchor in self.anchors {
            if self.issued(anchor, child)? && self.note(check_issuer(anchor, &self.path, IssuerRole::Anchor)) {
                self.path.push(anchor);
                return Ok(true);
            }
        }
        for candidate in self.intermediates {
            if self.path.contains(&candidate) || !self.issued(candidate, child)? {
                continue;
            }
            let fit = check_issuer(candidate, &self.path, IssuerRole::Intermediate)
                .and_then(|()| check_critical_extensions(candidate, self.policy))
                .and_then(|()| check_intermediate_usage(candidate, self.policy));
            if self.note(fit) {
                self.path.push(candidate);
                if self.extend()? {
                    return Ok(true);
                }
                self.path.pop();
            }
        }
        Ok(false)
    }

    /// Whether `issuer` signed `child`, by name and by signature.
    fn issued(&mut self, issuer: &Certificate, child: &Certificate) -> Result<bool, PathError> {
        // RFC 5280 §6.1.3 (a)(4): name chaining; key identifiers are a hint that spares a signature check.
        if issuer.subject() != child.issuer() {
            return Ok(false);
        }
        let identifiers = (&issuer.extensions().subject_key_identifier, &child.extensions().authority_key_identifier);
        if let (Some(subject), Some(authority)) = identifiers
            && subject != authority
        {
            return Ok(false);
        }
        self.budget = self.budget.checked_sub(1).ok_or(PathError::TooComplex)?;
        let verified = match self.policy.signatures {
            Signatures::Strong => child.verify_signature(issuer.public_key()),
            Signatures::AlsoSha1 => child.verify_signature_or_sha1(issuer.public_key()),
        };
        match verified {
            Ok(()) => Ok(true),
            Err(error) => {
                self.note(Err(PathError::Signature { subject: child.subject().to_string(), source: error }));
                Ok(false)
            }
        }
    }

    fn note(&mut self, result: Result<(), PathError>) -> bool {
        match result {
            Ok(()) => true,
            Err(error) => {
                let length = self.path.len();
                if self.furthest.as_ref().is_none_or(|(furthest, _)| length > *furthest) {
                    self.furthest = Some((length, error));
                }
                false
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IssuerRole {
    Anchor,
    Intermediate,
}

fn check_end_entity(certificate: &Certificate, policy: &Policy<'_>) -> Result<(), PathError> {
    check_critical_extensions(certificate, policy)?;
    let extensions = certificate.extensions();
    let usable = match policy.purpose {
        Purpose::Signing => may_sign(certificate),
        Purpose::DeviceIdentity => true,
        // RFC 8446 §4.4.2.2 and §4.4.3: whatever the key exchange, the server's key signs.
        Purpose::TlsServer => {
            extensions.key_usage.is_none_or(|usage| usage.digital_signature) && allows_server_auth(extensions)
        }
    };
    if usable { Ok(()) } else { Err(PathError::WrongUsage { subject: certificate.subject().to_string() }) }
}

/// Whether a certificate may sign artifacts: no KeyUsage, or one with digitalSignature (RFC 8572 §3.2); and not for TLS
/// and nothing else (RFC 5280 §4.2.1.12), or the key of an online server could speak for the owner.
#[must_use]
pub fn may_sign(certificate: &Certificate) -> bool {
    let extensions = certificate.extensions();
    let tls_only = |usages: &Vec<_>| usages.iter().all(|usage| [SERVER_AUTH, CLIENT_AUTH].contains(usage));
    extensions.key_usage.is_none_or(|usage| usage.digital_signature)
        && !extensions.extended_key_usage.as_ref().is_some_and(tls_only)
}

fn allows_server_auth(extensions: &Extensions) -> bool {
    let allows = |usage: &ObjectIdentifier| [SERVER_AUTH, ANY_EXTENDED_KEY_USAGE].contains(usage);
    extensions.extended_key_usage.as_ref().is_none_or(|usages| usages.iter().any(allows))
}

/// RFC 5280 §6.1.4 (k) to (n): may `issuer` have issued the last certificate of `path`?
fn check_issuer(issuer: &Certificate, path: &[&Certificate], role: IssuerRole) -> Result<(), PathError> {
    let extensions = issuer.extensions();
    // A v1 root has no extensions; as an anchor it is trusted by configuration.
    if !extensions.any && role == IssuerRole::Anchor {
        return Ok(());
    }
    let subject = || issuer.subject().to_string();
    if !extensions.is_ca() || extensions.key_usage.is_some_and(|usage| !usage.key_cert_sign) {
        return Err(PathError::NotACa { subject: subject() });
    }
    if extensions.name_constraints {
        return Err(PathError::CriticalExtension { subject: subject(), extension: oid::ID_CE_NAME_CONSTRAINTS });
    }
    // RFC 5280 §4.2.1.9: the limit counts intermediates below the issuer that are not self-issued.
    let below = path.iter().skip(1).filter(|certificate| !certificate.is_self_issued()).count();
    match extensions.basic_constraints {
        Some((_, Some(limit))) if below > usize::from(limit) => Err(PathError::PathLength { subject: subject() }),
        _ => Ok(()),
    }
}

/// A CA that is confined to other uses issues no TLS servers, as every browser has it.
fn check_intermediate_usage(certificate: &Certificate, policy: &Policy<'_>) -> Result<(), PathError> {
    if policy.purpose == Purpose::TlsServer && !allows_server_auth(certificate.extensions()) {
        return Err(PathError::WrongUsage { subject: certificate.subject().to_string() });
    }
    Ok(())
}

fn check_critical_extensions(certificate: &Certificate, policy: &Policy<'_>) -> Result<(), PathError> {
    const UNDERSTOOD: &[ObjectIdentifier] = &[
        oid::ID_CE_BASIC_CONSTRAINTS,
        oid::ID_CE_KEY_USAGE,
        oid::ID_CE_EXT_KEY_USAGE,
        oid::ID_CE_SUBJECT_ALT_NAME,
        // Understood in the sense of RFC 5280 §6.1.1 (d): no explicit policy is required here, so any policy will do.
        oid::ID_CE_CERTIFICATE_POLICIES,
    ];
    let mut critical = certificate.extensions().critical.iter();
    // RFC 5280 §4.2: an unrecognized critical extension means refusal.
    match critical.find(|id| !UNDERSTOOD.contains(id) && !policy.accepted_critical.contains(id)) {
        None => Ok(()),
        Some(extension) => {
            Err(PathError::CriticalExtension { subject: certificate.subject().to_string(), extension: *extension })
        }
    }
}

fn check_dates(certificate: &Certificate, clock: Clock) -> Result<(), PathError> {
    // RFC 8572 §9.1 (DEV-14): without a trusted clock expiry is not judged.
    let Some(now) = clock.now() else { return Ok(()) };
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if (not_before..=not_after).contains(&now) {
        return Ok(());
    }
    Err(PathError::OutsideValidity { subject: certificate.subject().to_string(), not_before, not_after, now })
}

/// Why no path was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// No certificate at hand issued this one.
    #[error("no path from {subject} to an anchor: nothing at hand issued it under the name {issuer}")]
    NoPath {
        /// The end entity's subject.
        subject: String,
        /// The issuer name that was looked for.
        issuer: String,
    },
    /// A signature in the path does not verify.
    #[error("the signature on the certificate of {subject} fails: {source}")]
    Signature {
        /// Whose certificate.
        subject: String,
        /// What is wrong with it.
        source: AlgorithmError,
    },
    /// A certificate is not valid yet or no longer.
    #[error("the certificate of {subject} is valid from {not_before} to {not_after}, the clock says {now}")]
    OutsideValidity {
        /// Whose certificate.
        subject: String,
        /// First moment of validity.
        not_before: Timestamp,
        /// Last moment of validity.
        not_after: Timestamp,
        /// The trusted clock.
        now: Timestamp,
    },
    /// A certificate in the path issued another one without being a CA.
    #[error("{subject} is not a CA")]
    NotACa {
        /// Whose certificate.
        subject: String,
    },
    /// The path is longer than one of its CAs allows.
    #[error("the path below {subject} is longer than that certificate allows")]
    PathLength {
        /// Whose certificate.
        subject: String,
    },
    /// A critical extension is not understood.
    #[error("the certificate of {subject} holds the critical extension {extension}, which is not understood")]
    CriticalExtension {
        /// Whose certificate.
        subject: String,
        /// The extension.
        extension: ObjectIdentifier,
    },
    /// The end entity may not be used for this.
    #[error("the key usage of {subject} does not allow this use")]
    WrongUsage {
        /// Whose certificate.
        subject: String,
    },
    /// The certificates at hand cross-certify each other beyond reason.
    #[error("more than {SIGNATURE_BUDGET} signature checks were needed")]
    TooComplex,
}
