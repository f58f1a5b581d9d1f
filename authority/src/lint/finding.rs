//! What can be wrong with a certificate that is about to be signed.

use std::fmt;

use const_oid::ObjectIdentifier;
use pki::{key::KeySpec, time::Timestamp, weakness::Weakness};
use verdict::ReasonCode;

use super::TextFault;
use crate::{Kind, SubjectAttribute};

/// One rule that a certificate breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// What is to be signed is no TBSCertificate, or one of its extensions is not what its name says.
    #[error("it cannot be read again: {0}")]
    Unreadable(der::Error),
    /// Longer than anybody reads.
    #[error("it has more than {} octets", super::MAX_DER)]
    TooLarge,
    /// Extensions make it version 3.
    #[error("its version is not 3")]
    Version,
    /// The serial number is not a positive number of 9 to 20 octets, or its octets are not random.
    #[error("its serial number is not a positive random number of 9 to 20 octets")]
    SerialNumber,
    /// The signature algorithm is not that of the issuer's key.
    #[error("its signature algorithm is not that of the issuer's key")]
    SignatureAlgorithm,
    /// The issuer's name is not that of the issuer.
    #[error("its issuer's name is not that of the issuer")]
    IssuerName,
    /// A date that is written in the wrong form.
    #[error("its dates are not written as UTCTime through 2049 and GeneralizedTime afterwards")]
    DateForm,
    /// It ends before it begins.
    #[error("it ends before it begins")]
    DateOrder,
    /// It is valid when its issuer's certificate is not.
    #[error(
        "it is valid from {begins} until {ends}, beyond its issuer's certificate, which is so from {from} until {until}"
    )]
    BeyondIssuer {
        /// First moment.
        begins: Timestamp,
        /// Last moment.
        ends: Timestamp,
        /// The issuer's first moment.
        from: Timestamp,
        /// The issuer's last moment.
        until: Timestamp,
    },
    /// It lives for longer than its profile allows.
    #[error("it is valid until {0}, which its profile does not allow")]
    Lifetime(Timestamp),
    /// It has neither subject nor alternative name, or is a CA's without subject.
    #[error("it names nobody")]
    Nobody,
    /// An attribute that is not issued here.
    #[error("its subject has an attribute of type {0}, which is not issued here")]
    AttributeUnknown(ObjectIdentifier),
    /// An attribute stands twice.
    #[error("its subject has more than one {0}")]
    AttributeTwice(SubjectAttribute),
    /// An attribute is missing.
    #[error("its subject has no {0}")]
    AttributeMissing(SubjectAttribute),
    /// An attribute is not of the string type that it must have.
    #[error("the value of {0} is not of the string type that it must be")]
    StringType(SubjectAttribute),
    /// An attribute's value is not fit to stand in a name.
    #[error("the value of {attribute} {fault}")]
    Text {
        /// Which one.
        attribute: SubjectAttribute,
        /// What is wrong.
        fault: TextFault,
    },
    /// Too many names.
    #[error("it has more than {} names", super::MAX_NAMES)]
    TooManyNames,
    /// An alternative name of a kind that such certificates do not have.
    #[error("an alternative name is of a kind that certificates for use as {0} do not have")]
    NameKind(Kind),
    /// An alternative name that is not what it is said to be.
    #[error("the alternative name `{0}` is not well-formed")]
    NameForm(String),
    /// An alternative name stands twice.
    #[error("an alternative name stands twice")]
    NameTwice,
    /// The device's serial number and that of the hardware module differ.
    #[error("the serial number of the hardware module is not the device's")]
    HardwareModule,
    /// A TLS server without a name by which it is reached.
    #[error("a TLS server's certificate has DNS names or addresses, and this one has none")]
    NoServerName,
    /// A key of a kind that the profile does not allow.
    #[error("its profile does not allow its key: {}", shown(*.0))]
    KeyKind(Option<KeySpec>),
    /// A weak key.
    #[error("its key is weak: {0}")]
    WeakKey(Weakness),
    /// An extension that is not issued here, or not in such certificates.
    #[error("it has the extension {0}, which certificates of its profile do not have")]
    ExtensionForbidden(ObjectIdentifier),
    /// An extension is missing.
    #[error("it lacks the extension {0}")]
    ExtensionMissing(ObjectIdentifier),
    /// An extension stands twice.
    #[error("the extension {0} stands twice")]
    ExtensionTwice(ObjectIdentifier),
    /// An extension is critical and must not be, or the other way round.
    #[error("the extension {0} is critical where it must not be, or the other way round")]
    Criticality(ObjectIdentifier),
    /// An extension that says something else than its profile.
    #[error("the extension {0} does not say what its profile does")]
    ExtensionValue(ObjectIdentifier),
    /// The issuer may have no CA below it, or not so many.
    #[error("its issuer may not have such a CA below it")]
    PathLength,
}

fn shown(kind: Option<KeySpec>) -> &'static str {
    kind.map_or("RSA-PSS, or RSA of another length than 2048, 3072 and 4096 bits", KeySpec::name)
}

impl Finding {
    /// Where the rule stands.
    #[must_use]
    pub const fn section(&self) -> &'static str {
        match self {
            Self::Unreadable(_) | Self::TooLarge | Self::Version => "RFC 5280 §4.1",
            Self::SerialNumber => "RFC 5280 §4.1.2.2; CA/Browser Forum BR §7.1",
            Self::SignatureAlgorithm => "RFC 5280 §4.1.1.2",
            Self::IssuerName => "RFC 5280 §4.1.2.4",
            Self::DateForm | Self::DateOrder | Self::BeyondIssuer { .. } | Self::Lifetime(_) => "RFC 5280 §4.1.2.5",
            Self::Nobody
            | Self::AttributeUnknown(_)
            | Self::AttributeTwice(_)
            | Self::StringType(_)
            | Self::Text { .. } => "RFC 5280 §4.1.2.6; X.520",
            Self::AttributeMissing(_) => "IEEE 802.1AR §8.6; RFC 5280 §4.1.2.6",
            Self::TooManyNames | Self::NameKind(_) | Self::NameForm(_) | Self::NameTwice => "RFC 5280 §4.2.1.6",
            Self::HardwareModule => "IEEE 802.1AR §8.10.4; RFC 4108 §5",
            Self::NoServerName => "RFC 9525 §6.3",
            Self::KeyKind(_) | Self::WeakKey(_) => "RFC 5280 §4.1.2.7; CA/Browser Forum BR §6.1.6",
            Self::ExtensionForbidden(_)
            | Self::ExtensionMissing(_)
            | Self::ExtensionTwice(_)
            | Self::Criticality(_)
            | Self::ExtensionValue(_) => "RFC 5280 §4.2",
            Self::PathLength => "RFC 5280 §4.2.1.9",
        }
    }

    /// The reason code under which it is refused.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Nobody
            | Self::AttributeUnknown(_)
            | Self::AttributeTwice(_)
            | Self::AttributeMissing(_)
            | Self::StringType(_)
            | Self::Text { .. }
            | Self::TooManyNames
            | Self::NameKind(_)
            | Self::NameForm(_)
            | Self::NameTwice
            | Self::HardwareModule
            | Self::NoServerName => ReasonCode::NameUnfit,
            Self::KeyKind(_) => ReasonCode::KeyNotAllowed,
            Self::WeakKey(_) => ReasonCode::KeyWeak,
            _ => ReasonCode::CertificateUnfit,
        }
    }
}

/// Everything that is wrong with a certificate: one rule at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    first: Finding,
    others: Vec<Finding>,
}

impl Findings {
    /// `Ok` when there are none.
    pub(super) fn into_result(found: Vec<Finding>) -> Result<(), Self> {
        let mut found = found.into_iter();
        match found.next() {
            None => Ok(()),
            Some(first) => Err(Self { first, others: found.collect() }),
        }
    }

    /// The first one, which stands for all when there is room for one reason only.
    #[must_use]
    pub const fn first(&self) -> &Finding {
        &self.first
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl From<Finding> for Findings {
    fn from(first: Finding) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, finding) in self.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{finding} ({})", finding.section())?;
        }
        Ok(())
    }
}

impl std::error::Error for Findings {}
