//! Onboarding profiles: what a class of devices is to become.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    pub profiles: Vec<Profile>,
}

/// What a profile is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewProfile {
    /// The TOML document.
    pub document: String,
}
