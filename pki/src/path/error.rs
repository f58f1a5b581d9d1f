//! Why no path was found.

use const_oid::ObjectIdentifier;
use verdict::ReasonCode;

use super::{
    budget::{COMPARISONS, SIGNATURES},
    names::NameRule,
    profile::ProfileRule,
};
use crate::{algorithm::AlgorithmError, time::Timestamp};

/// Why no path was found. Each says which certificate, and [`PathError::section`] which rule.
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
    /// The end entity, or a CA above it, may not be used for this.
    #[error("the key usage of {subject} does not allow this use")]
    WrongUsage {
        /// Whose certificate.
        subject: String,
    },
    /// A CA may not issue for a name that stands in a certificate below it.
    #[error("the certificate of {subject} holds {name}, and the CA {issuer} {rule}")]
    Name {
        /// Whose certificate.
        subject: String,
        /// The CA that is constrained.
        issuer: String,
        /// The name.
        name: String,
        /// What the constraint says of it.
        rule: NameRule,
    },
    /// A name constraint has a form that no CA may write, so that nobody can tell what it binds.
    #[error("the CA {subject} holds a name constraint that cannot be read: {constraint}")]
    NameConstraint {
        /// Whose certificate.
        subject: String,
        /// The constraint.
        constraint: String,
    },
    /// A certificate policy is demanded, and the path is valid for none that will do.
    #[error("the path to {subject} is valid for no certificate policy that is accepted, and one is demanded")]
    Policy {
        /// At which certificate none was left.
        subject: String,
    },
    /// A CA maps anyPolicy, or something to it.
    #[error("the CA {subject} maps a policy from or to anyPolicy")]
    AnyPolicyMapped {
        /// Whose certificate.
        subject: String,
    },
    /// A certificate that no CA may issue, under [`super::Strictness::Profile`].
    #[error("no CA may issue the certificate of {subject}: {rule}")]
    Profile {
        /// Whose certificate.
        subject: String,
        /// What is wrong with it.
        rule: ProfileRule,
    },
    /// The certificates at hand cross-certify each other, or constrain names, beyond reason.
    #[error("more than {SIGNATURES} signature checks or {COMPARISONS} comparisons of names were needed")]
    TooComplex,
}

impl PathError {
    /// What is wrong with a certificate of the path in itself, whoever it was to be validated for; `None` when it does not
    /// belong where it stands, which means something else to everybody who validates.
    #[must_use]
    pub const fn reason(&self) -> Option<ReasonCode> {
        use AlgorithmError::{Parameters, RsaTooShort, Unknown, Weak};
        match self {
            Self::OutsideValidity { .. } => Some(ReasonCode::CertificateExpired),
            Self::CriticalExtension { .. }
            | Self::NameConstraint { .. }
            | Self::AnyPolicyMapped { .. }
            | Self::Profile { .. } => Some(ReasonCode::CertificateMalformed),
            Self::Name { .. } | Self::Policy { .. } => Some(ReasonCode::CertificateOutOfBounds),
            // ART-30.
            Self::Signature { source: Unknown(_) | Weak(_) | Parameters(_) | RsaTooShort(_), .. } => {
                Some(ReasonCode::AlgorithmNotAllowed)
            }
            _ => None,
        }
    }

    /// Where the rule stands.
    #[must_use]
    pub const fn section(&self) -> &'static str {
        match self {
            Self::NoPath { .. } | Self::TooComplex => "RFC 5280 §6.1",
            Self::Signature { .. } | Self::OutsideValidity { .. } => "RFC 5280 §6.1.3 (a)",
            Self::NotACa { .. } => "RFC 5280 §6.1.4 (k), (n)",
            Self::PathLength { .. } => "RFC 5280 §6.1.4 (l), (m)",
            Self::CriticalExtension { .. } => "RFC 5280 §6.1.4 (o)",
            Self::WrongUsage { .. } => "RFC 5280 §4.2.1.3, §4.2.1.12",
            Self::Name { .. } => "RFC 5280 §6.1.3 (b), (c)",
            Self::NameConstraint { .. } => "RFC 5280 §4.2.1.10",
            Self::Policy { .. } => "RFC 5280 §6.1.3 (f), §6.1.5 (g)",
            Self::AnyPolicyMapped { .. } => "RFC 5280 §6.1.4 (a)",
            Self::Profile { rule, .. } => rule.section(),
        }
    }
}
