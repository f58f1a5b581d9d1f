//! What is wrong with a certificate that is to say which device it is, and with the rules to read it by.

use const_oid::ObjectIdentifier;
use verdict::ReasonCode;

use super::{Field, IdentityRules, SerialNumber, SerialNumberRule, Template};

/// Why a certificate does not say which device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is nothing in the place that the rule names; of a subject, no serialNumber attribute.
    #[error("the certificate has nothing in the place where the serial number must be")]
    SerialNumberMissing,
    /// There are several that differ, or an attribute that may stand once stands twice.
    #[error("the place of the serial number is there more than once")]
    SerialNumberAmbiguous,
    /// Its attribute shares a relative distinguished name with another one, which is a set and has no order.
    #[error("the serial number's attribute shares a relative distinguished name with another attribute")]
    MultiValued,
    /// It is empty, too long, or not text.
    #[error(
        "the serial number is empty, longer than {} octets, no text, or holds control characters",
        SerialNumber::MAX
    )]
    SerialNumberUnusable,
    /// People would read another text than is written.
    #[error("the serial number holds characters that cannot be seen, or that change in which direction text is read")]
    SerialNumberDeceptive,
    /// It has not the form that this manufacturer's have.
    #[error("what is in the place of the serial number has not the form that this manufacturer's must have")]
    SerialNumberForm,
    /// The pattern can be laid over the text in two ways.
    #[error("the pattern fits in more than one way, with different serial numbers")]
    PatternAmbiguous,
    /// Two rules of one manufacturer give different serial numbers.
    #[error("two rules of this manufacturer give different serial numbers")]
    RulesDisagree,
    /// Whoever holds the key of a CA can be any of its devices.
    #[error("it is a CA's certificate, which identifies no device")]
    IsCa,
    /// As a CA's, by its KeyUsage.
    #[error("its key may sign certificates (keyCertSign), which no device's may")]
    SignsCertificates,
    /// Its ExtendedKeyUsage names none of those that this manufacturer's devices have.
    #[error("its extended key usage is none of those that this manufacturer's devices have")]
    KeyPurpose,
}

impl IdentityError {
    /// The reason code that stands for it in refusals.
    #[must_use]
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::SerialNumberMissing | Self::SerialNumberForm | Self::SerialNumberUnusable => {
                ReasonCode::SerialNumberMissing
            }
            Self::SerialNumberAmbiguous
            | Self::MultiValued
            | Self::SerialNumberDeceptive
            | Self::PatternAmbiguous
            | Self::RulesDisagree => ReasonCode::IdentityAmbiguous,
            Self::IsCa | Self::SignsCertificates | Self::KeyPurpose => ReasonCode::IdevidUnfit,
        }
    }
}

/// A rule for serial numbers that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleInvalid {
    /// It is none of the forms.
    #[error(
        "no rule: takes `attribute`, `product-and-serial`, `hardware-module-name[:text|:hex][:OID]`, or a template such as \
         `CN=bmc-{{serial}}`"
    )]
    Unknown,
    /// Longer than [`SerialNumberRule::MAX`].
    #[error("a rule has at most {} octets", SerialNumberRule::MAX)]
    TooLong,
    /// The template's place is none that is known.
    #[error("`{field}` is no place for a serial number: takes {}, or an attribute type such as 2.5.4.3", Field::NAMES.join(", "))]
    Field {
        /// What was written.
        field: String,
    },
    /// The pattern has no `{serial}`, or several.
    #[error("the pattern has {{serial}} once")]
    Serial,
    /// More placeholders than can be matched in little time.
    #[error("the pattern has at most {} times {{any}}", Template::MAX_ANY)]
    TooMany,
    /// Between two placeholders without text nobody can tell where one ends.
    #[error("between two placeholders there must be text")]
    Adjacent,
    /// A brace that belongs to no placeholder.
    #[error("braces are for {{serial}} and {{any}} only")]
    Brace,
    /// Control characters, or what people cannot see.
    #[error("the pattern holds control characters, or characters that cannot be seen")]
    Characters,
    /// The hardware type is no object identifier.
    #[error("the hardware type is no object identifier")]
    Type,
}

/// Rules of one manufacturer that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesInvalid {
    /// None, or too many.
    #[error("takes 1 to {} rules for serial numbers, each once", IdentityRules::MAX_SERIAL_NUMBER_RULES)]
    SerialNumberRules,
    /// Too many critical extensions.
    #[error("takes at most {} critical extensions", IdentityRules::MAX_CRITICAL)]
    TooManyCritical,
    /// The path validation rests on this extension: whoever ignores it lets anybody issue.
    #[error("the extension {0} decides who may issue certificates, and is never ignored")]
    Critical(ObjectIdentifier),
    /// Too many key purposes.
    #[error("takes at most {} extended key usages", IdentityRules::MAX_KEY_PURPOSES)]
    TooManyKeyPurposes,
    /// Too many intermediates.
    #[error("takes at most {} intermediate certificates", IdentityRules::MAX_INTERMEDIATES)]
    TooManyIntermediates,
    /// An intermediate that can issue nothing.
    #[error("{subject} is no CA, and therefore no intermediate")]
    IntermediateNoCa {
        /// Its subject.
        subject: String,
    },
}
