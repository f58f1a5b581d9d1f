//! Onboarding profiles: what a class of devices is to become.

use conveyed_info::{
    information::{
        BootImage, Configuration, ConfigurationHandling, OnboardingInformation, RedirectInformation, Script,
    },
    rpc::ReportingLevel,
};
use pki::digest::Digest;
use serde::{Deserialize, Serialize};

use super::{
    Authentication, Patience, ProfileName, WireProfile, WireProfileUnknown,
    elsewhere::{DocumentRedirect, RedirectInvalid, redirect},
    policy::{DurationInvalid, parse_duration},
};

/// What a class of devices is to become. Kept and exchanged as a TOML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnboardingProfile {
    /// Its name.
    pub name: ProfileName,
    /// The servers that its devices are sent to; they get no onboarding information here then (RFC 8572 §7.3; WKS-04).
    pub redirect: Option<RedirectInformation>,
    /// The onboarding information that its devices get.
    pub information: OnboardingInformation,
    /// How much its devices report.
    pub reporting_level: ReportingLevel,
    /// How its devices depart from the RFCs on the wire.
    pub wire_profile: WireProfile,
    /// How its devices show who they are.
    pub authentication: Authentication,
    /// Whether its devices keep nothing over a reboot, and so come back in factory state as a matter of course.
    pub stateless: bool,
    /// How much longer, or shorter, than others its devices may take.
    pub patience: Patience,
    document: String,
}

/// The boot image of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProfileImage {
    /// Name of the operating system.
    pub os_name: String,
    /// Its version.
    pub os_version: String,
    /// Where devices download it, in order.
    pub download_uris: Vec<String>,
    /// SHA-256 of the file, hex.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Document {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wire_profile: Option<String>,
    #[serde(default)]
    authentication: Authentication,
    #[serde(default)]
    stateless: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadlines: Option<DocumentDeadlines>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reporting_level: Option<Level>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pre_configuration_script: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    post_configuration_script: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boot_image: Option<ProfileImage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configuration: Option<DocumentConfiguration>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redirect: Vec<DocumentRedirect>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct DocumentDeadlines {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    progress: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<String>,
}

impl DocumentDeadlines {
    fn patience(&self) -> Result<Patience, DurationInvalid> {
        let parse = |text: &Option<String>| text.as_deref().map(parse_duration).transpose();
        Ok(Patience { progress: parse(&self.progress)?, attempt: parse(&self.attempt)? })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Minimal,
    Verbose,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct DocumentConfiguration {
    handling: Handling,
    content: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Handling {
    Merge,
    Replace,
}

impl OnboardingProfile {
    /// Reads a profile's TOML document.
    ///
    /// # Errors
    /// [`ProfileInvalid`] with the line and what is wrong there.
    pub fn from_toml(name: ProfileName, document: &str) -> Result<Self, ProfileInvalid> {
        let parsed: Document = toml::from_str(document)?;
        let information = OnboardingInformation {
            boot_image: parsed.boot_image.as_ref().map(boot_image).transpose()?,
            pre_configuration_script: parsed.pre_configuration_script.map(|text| Script(text.into_bytes())),
            configuration: parsed.configuration.map(|configuration| Configuration {
                handling: match configuration.handling {
                    Handling::Merge => ConfigurationHandling::Merge,
                    Handling::Replace => ConfigurationHandling::Replace,
                },
                content: configuration.content.into_bytes(),
            }),
            post_configuration_script: parsed.post_configuration_script.map(|text| Script(text.into_bytes())),
        };
        let redirect = redirect(&parsed.redirect)?;
        let onboards = information != OnboardingInformation::default();
        match (&redirect, onboards || parsed.reporting_level.is_some()) {
            // RFC 8572 §6.3: onboarding information without any member is none.
            (None, _) if !onboards => return Err(ProfileInvalid::NothingToDo),
            // RFC 8572 §6.1: conveyed information is one or the other.
            (Some(_), true) => return Err(ProfileInvalid::RedirectAndMore),
            (None, _) | (Some(_), false) => {}
        }
        let reporting_level = match parsed.reporting_level {
            Some(Level::Verbose) => ReportingLevel::Verbose,
            Some(Level::Minimal) | None => ReportingLevel::Minimal,
        };
        let wire_profile = parsed.wire_profile.map_or_else(|| Ok(WireProfile::default()), |name| name.parse())?;
        let patience = parsed.deadlines.as_ref().map(DocumentDeadlines::patience).transpose()?.unwrap_or_default();
        let (authentication, stateless, document) = (parsed.authentication, parsed.stateless, document.to_owned());
        Ok(Self {
            name,
            redirect,
            information,
            reporting_level,
            wire_profile,
            authentication,
            stateless,
            patience,
            document,
        })
    }

    /// The document it was read from.
    #[must_use]
    pub fn document(&self) -> &str {
        &self.document
    }
}

fn boot_image(image: &ProfileImage) -> Result<BootImage, ProfileInvalid> {
    // RFC 8572 §6.3: image-verification needs download-uri, and without it a device could verify by nothing.
    if image.download_uris.is_empty() {
        return Err(ProfileInvalid::NoDownloadUri);
    }
    Ok(BootImage {
        os_name: Some(image.os_name.clone()),
        os_version: Some(image.os_version.clone()),
        download_uris: image.download_uris.clone(),
        sha256: Some(parse_sha256(&image.sha256).ok_or(ProfileInvalid::Sha256)?),
    })
}

/// Reads a SHA-256 digest from 64 hex digits.
pub(crate) fn parse_sha256(text: &str) -> Option<Digest> {
    let mut octets = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (octet, pair) in octets.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        if pair.starts_with('+') {
            return None;
        }
        *octet = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(Digest(octets))
}

/// A profile's document cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileInvalid {
    /// Nothing that a device could do.
    #[error("a profile needs a boot image, a configuration or a script, or [[redirect]] entries")]
    NothingToDo,
    /// Devices are to be onboarded and sent elsewhere.
    #[error(
        "a profile onboards its devices or sends them to other servers, not both: take out [[redirect]], or what is for \
         onboarding"
    )]
    RedirectAndMore,
    /// A redirect that leads nowhere.
    #[error("redirect: {0}")]
    Redirect(#[from] RedirectInvalid),
    /// Not TOML, or a member that profiles do not have.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// Not a wire profile.
    #[error("wire-profile: {source}; there are {}", names())]
    WireProfile {
        /// Why.
        #[from]
        source: WireProfileUnknown,
    },
    /// A deadline that is none.
    #[error("deadlines: {0}")]
    Deadline(#[from] DurationInvalid),
    /// A boot image without a place to get it from.
    #[error("boot-image.download-uris is empty: name at least one URI")]
    NoDownloadUri,
    /// The hash is not one.
    #[error("boot-image.sha256 must be 64 hex digits")]
    Sha256,
}

/// The names of all wire profiles.
fn names() -> String {
    let names: Vec<_> = WireProfile::ALL.iter().map(|profile| profile.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(document: &str) -> Result<OnboardingProfile, ProfileInvalid> {
        OnboardingProfile::from_toml(ProfileName::new("rack").unwrap(), document)
    }

    #[test]
    fn a_whole_profile() {
        let sha256 = "ab".repeat(32);
        let profile = parse(&format!(
            "reporting-level = 'verbose'\npre-configuration-script = '''#!/bin/sh\n'''\n\
             [configuration]\nhandling = 'merge'\ncontent = '{{}}'\n\
             [boot-image]\nos-name = 'A'\nos-version = '1'\ndownload-uris = ['https://h/i']\nsha256 = '{sha256}'\n"
        ))
        .unwrap();
        assert_eq!(profile.reporting_level, ReportingLevel::Verbose);
        assert_eq!(profile.information.boot_image.unwrap().sha256, Some(Digest([0xab; 32])));
        assert_eq!(profile.information.configuration.unwrap().content, b"{}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let impatient = parse("post-configuration-script = 'x'\n[deadlines]\nattempt = 'soon'");
        assert!(impatient.unwrap_err().to_string().contains("deadlines: \"soon\""));
        assert!(parse("colour = 'red'").unwrap_err().to_string().contains("colour"));
        let image = "[boot-image]\nos-name = 'A'\nos-version = '1'\nsha256 = 'zz'\ndownload-uris = ";
        assert!(matches!(parse(&format!("{image}[]")), Err(ProfileInvalid::NoDownloadUri)));
        assert!(matches!(parse(&format!("{image}['https://h/i']")), Err(ProfileInvalid::Sha256)));
    }
}
