//! How far a MASA checked who owns a device.

use std::fmt;

use crate::{DocumentError, document::Node};

/// `assertion` (RFC 8366 §5.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Assertion {
    /// The MASA verified ownership.
    Verified,
    /// The MASA only logged the claim.
    Logged,
    /// The device was near the owner's registrar.
    Proximity,
    /// Something that RFC 8366 does not define, such as its successor's `agent-proximity` (BIS-02). No policy accepts
    /// what it cannot name; the voucher can be read all the same, and the refusal says what it claims.
    Other(UnknownAssertion),
}

impl Assertion {
    /// Those that RFC 8366 defines.
    pub const KNOWN: [Self; 3] = [Self::Verified, Self::Logged, Self::Proximity];

    /// As the YANG module spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Verified => "verified",
            Self::Logged => "logged",
            Self::Proximity => "proximity",
            Self::Other(UnknownAssertion(name)) => name,
        }
    }

    pub(super) fn decode(node: Node) -> Result<Self, DocumentError> {
        let invalid = node.invalid("the name of an assertion");
        Self::named(node.text()?).ok_or(invalid)
    }

    /// The assertion of this name, if it can be one.
    #[must_use]
    pub fn named(text: String) -> Option<Self> {
        let known = Self::KNOWN.into_iter().find(|known| known.as_str() == text);
        known.or_else(|| UnknownAssertion::new(text).map(Self::Other))
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of an assertion that RFC 8366 does not define. Only reading a voucher makes one, so that nobody can write a
/// policy that accepts it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnknownAssertion(String);

impl UnknownAssertion {
    /// Longest name, in octets.
    const MAX: usize = 64;

    fn new(name: String) -> Option<Self> {
        let fits = !name.is_empty() && name.len() <= Self::MAX;
        (fits && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'))
            .then_some(Self(name))
    }
}
