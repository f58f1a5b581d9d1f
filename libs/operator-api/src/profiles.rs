//! Onboarding profiles: what a class of devices is to become.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What may be known of a profile by whoever may not see what is in it: configurations and scripts hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProfileSummary {
    /// Its name.
    pub name: String,
    /// SHA-256 of its document, as the audit log names it.
    pub digest: String,
    /// What it says something about: the members at the top of its document, by name.
    pub members: Vec<String>,
}

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// The TOML document.
    pub document: String,
}

/// All profiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProfileList {
    /// By name.
    pub profiles: Vec<ProfileSummary>,
}

/// What a profile is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewProfile {
    /// The TOML document.
    pub document: String,
}
