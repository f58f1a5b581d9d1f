//! Conveyed information: what a device is told (RFC 8572 §6).

mod onboarding;
mod redirect;

pub use onboarding::{BootImage, Configuration, ConfigurationHandling, OnboardingInformation, Script};
pub use redirect::{BootstrapServer, RedirectInformation, TrustAnchor};

use crate::{DocumentError, Encoding, document::Members};

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
    /// Reads a document.
    ///
    /// # Errors
    /// [`DocumentError`] for anything the YANG module does not allow.
    pub fn decode(bytes: &[u8], encoding: Encoding) -> Result<Self, DocumentError> {
        let mut top = Members::of_document(bytes, encoding)?;
        let information = match (top.optional(REDIRECT), top.optional(ONBOARDING)) {
            (Some(node), None) => Self::Redirect(RedirectInformation::decode(node.members()?)?),
            (None, Some(node)) => Self::Onboarding(OnboardingInformation::decode(node.members()?)?),
            (Some(_), Some(_)) => return Err(DocumentError::Conflict { path: ONBOARDING.to_owned() }),
            (None, None) => return Err(DocumentError::MissingMember { path: ONBOARDING.to_owned() }),
        };
        top.finish()?;
        Ok(information)
    }

    /// Writes the document.
    #[must_use]
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        let (name, body) = match self {
            Self::Redirect(redirect) => (REDIRECT, redirect.encode()),
            Self::Onboarding(onboarding) => (ONBOARDING, onboarding.encode()),
        };
        body.into_document(name, encoding)
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
