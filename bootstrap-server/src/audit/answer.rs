//! What a device was answered, and what that was made from.

use pki::digest::Digest;
use serde_json::{Value, json};
use verdict::ReasonCode;

use crate::domain::{Encryption, OnboardingProfile, ProfileName, VariantName};

/// What a device was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A redirect to a server that it can authenticate.
    Redirect {
        /// SHA-256 of the conveyed information artifact in its clear form: each envelope around it is another one.
        conveyed_information: Digest,
    },
    /// Its onboarding information.
    Onboarding {
        /// SHA-256 of the conveyed information artifact in its clear form.
        conveyed_information: Digest,
    },
    /// Nothing.
    Nothing {
        /// Why.
        reason: ReasonCode,
    },
}

impl Answer {
    /// SHA-256 of the conveyed information given, if any.
    #[must_use]
    pub const fn conveyed_information(self) -> Option<Digest> {
        match self {
            Self::Redirect { conveyed_information } | Self::Onboarding { conveyed_information } => {
                Some(conveyed_information)
            }
            Self::Nothing { .. } => None,
        }
    }

    pub(super) fn to_json(self) -> Value {
        match self {
            Self::Redirect { conveyed_information } => json!({"redirect": conveyed_information.to_string()}),
            Self::Onboarding { conveyed_information } => json!({"onboarding": conveyed_information.to_string()}),
            Self::Nothing { reason } => json!({"nothing": reason}),
        }
    }
}

/// What an answer was made from: the rule that was chosen (SEC-21).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The device's profile.
    pub profile: ProfileName,
    /// SHA-256 of the profile's document, as it stands in the record of when it was applied.
    pub document: Digest,
    /// The variant that fitted what the device said about itself, if one did and it was given that.
    pub variant: Option<VariantName>,
    /// Whether what it was given was encrypted to the device (ENC-13).
    pub encryption: Encryption,
}

impl Basis {
    /// This profile, without a variant, encrypted as it says.
    #[must_use]
    pub fn of(profile: &OnboardingProfile) -> Self {
        let (name, encryption) = (profile.name.clone(), profile.encryption);
        Self { profile: name, document: profile.sha256(), variant: None, encryption }
    }

    /// What is absent is the default.
    pub(super) fn to_json(&self) -> Value {
        let Self { profile, document, variant, encryption } = self;
        let mut json = json!({"profile": profile.as_str(), "document": document.to_string()});
        if let Some(variant) = variant {
            json["variant"] = json!(variant.as_str());
        }
        if *encryption == Encryption::ToDevice {
            json["encrypted"] = json!(true);
        }
        json
    }
}
