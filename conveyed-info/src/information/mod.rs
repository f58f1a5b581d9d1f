//! Conveyed information: what a device is told (RFC 8572 §6).

mod onboarding;
mod redirect;

pub use onboarding::{BootImage, Configuration, ConfigurationHandling, OnboardingInformation, Script};
pub use redirect::{BootstrapServer, RedirectInformation, TrustAnchor};

use crate::{
    DocumentError,
    json::{Json, Members},
};

const REDIRECT: &str = "ietf-sztp-conveyed-info:redirect-information";
const ONBOARDING: &str = "ietf-sztp-conveyed-info:onboarding-information";

/// Exactly one of the two kinds of conveyed information (RFC 8572 §6.3; ART-02).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Information {
    /// Which bootstrap servers to ask.
    Redirect(RedirectInformation),
    /// What to install and configure.
    Onboarding(OnboardingInformation),
}

impl Information {
    /// Reads the JSON encoding (RFC 7951).
    ///
    /// # Errors
    /// [`DocumentError`] for anything the YANG module does not allow.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DocumentError> {
        let mut top = Members::new("", Json::parse(bytes)?)?;
        let information = match (top.optional(REDIRECT), top.optional(ONBOARDING)) {
            (Some(node), None) => Self::Redirect(RedirectInformation::decode(node.members()?)?),
            (None, Some(node)) => Self::Onboarding(OnboardingInformation::decode(node.members()?)?),
            (Some(_), Some(_)) => return Err(DocumentError::Conflict { path: ONBOARDING.to_owned() }),
            (None, None) => return Err(DocumentError::MissingMember { path: ONBOARDING.to_owned() }),
        };
        top.finish()?;
        Ok(information)
    }

    /// Writes the JSON encoding.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let (name, body) = match self {
            Self::Redirect(redirect) => (REDIRECT, redirect.encode()),
            Self::Onboarding(onboarding) => (ONBOARDING, onboarding.encode()),
        };
        let mut top = serde_json::Map::new();
        top.insert(name.to_owned(), body);
        serde_json::Value::Object(top).to_string().into_bytes()
    }
}

impl From<RedirectInformation> for Information {
    fn from(redirect: RedirectInformation) -> Self {
        Self::Redirect(redirect)
    }
}

impl From<OnboardingInformation> for Information {
    fn from(onboarding: OnboardingInformation) -> Self {
        Self::Onboarding(onboarding)
    }
}
