//! The TOML document of a profile, as people write it.

use std::net::{Ipv4Addr, Ipv6Addr};

use conveyed_info::{
    information::{
        BootImage, Configuration, ConfigurationHandling, OnboardingInformation, RedirectInformation, Script,
    },
    rpc::ReportingLevel,
};
use netboot::policy::{GivingSettings, ProfileGiving};
use serde::Deserialize;

use super::{Condition, Encryption, ProfileInvalid, Variant, ldevid::DocumentLdevid, parse_sha256};
use crate::domain::{
    Authentication, DurationInvalid, Patience, VariantName,
    elsewhere::{DocumentRedirect, redirect},
    policy::parse_duration,
};

/// The whole document.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Document {
    pub(super) wire_profile: Option<String>,
    #[serde(default)]
    pub(super) authentication: Authentication,
    #[serde(default)]
    pub(super) stateless: bool,
    #[serde(default)]
    encrypt_to_device: bool,
    deadlines: Option<DocumentDeadlines>,
    reporting_level: Option<Level>,
    pre_configuration_script: Option<String>,
    post_configuration_script: Option<String>,
    boot_image: Option<DocumentImage>,
    configuration: Option<DocumentConfiguration>,
    #[serde(default)]
    redirect: Vec<DocumentRedirect>,
    pub(super) ldevid: Option<DocumentLdevid>,
    dhcp4: Option<GivingSettings>,
    dhcp6: Option<GivingSettings>,
    #[serde(default, rename = "variant")]
    variants: Vec<DocumentVariant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct DocumentDeadlines {
    progress: Option<String>,
    attempt: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Minimal,
    Verbose,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct DocumentImage {
    os_name: String,
    os_version: String,
    /// In the order in which devices try them.
    download_uris: Vec<String>,
    /// Of the file, hex.
    sha256: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct DocumentConfiguration {
    handling: Handling,
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Handling {
    Merge,
    Replace,
}

/// One `[[variant]]`: what it does not name stays as it is in the profile.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct DocumentVariant {
    name: String,
    when: DocumentCondition,
    #[serde(default)]
    without: Vec<Part>,
    reporting_level: Option<Level>,
    pre_configuration_script: Option<String>,
    post_configuration_script: Option<String>,
    boot_image: Option<DocumentImage>,
    configuration: Option<DocumentConfiguration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct DocumentCondition {
    hw_model: Option<String>,
    os_name: Option<String>,
    os_version: Option<String>,
}

/// A part of onboarding information, by the name that it has in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The boot image.
    BootImage,
    /// What runs before the configuration.
    PreConfigurationScript,
    /// The configuration.
    Configuration,
    /// What runs after the configuration.
    PostConfigurationScript,
}

impl Part {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BootImage => "boot-image",
            Self::PreConfigurationScript => "pre-configuration-script",
            Self::Configuration => "configuration",
            Self::PostConfigurationScript => "post-configuration-script",
        }
    }
}

/// Most variants of a profile.
pub(super) const MAX_VARIANTS: usize = 64;

impl Document {
    pub(super) fn patience(&self) -> Result<Patience, DurationInvalid> {
        let Some(DocumentDeadlines { progress, attempt }) = &self.deadlines else { return Ok(Patience::default()) };
        let parse = |text: &Option<String>| text.as_deref().map(parse_duration).transpose();
        Ok(Patience { progress: parse(progress)?, attempt: parse(attempt)? })
    }

    pub(super) const fn encryption(&self) -> Encryption {
        if self.encrypt_to_device { Encryption::ToDevice } else { Encryption::None }
    }

    /// What DHCP gives to devices, where the profile says anything about it.
    pub(super) fn giving(&mut self) -> Result<Option<ProfileGiving>, ProfileInvalid> {
        let (v4, v6) = (self.dhcp4.take(), self.dhcp6.take());
        if v4.is_none() && v6.is_none() {
            return Ok(None);
        }
        let refused = |table| move |because| ProfileInvalid::Dhcp { table, because };
        Ok(Some(ProfileGiving {
            v4: v4.unwrap_or_default().check::<Ipv4Addr>().map_err(refused("dhcp4"))?,
            v6: v6.unwrap_or_default().check::<Ipv6Addr>().map_err(refused("dhcp6"))?,
        }))
    }

    /// The servers that devices are sent to, in place of being onboarded here (RFC 8572 §6.1; WKS-04).
    pub(super) fn elsewhere(&self) -> Result<Option<RedirectInformation>, ProfileInvalid> {
        let redirect = redirect(&self.redirect)?;
        let onboards = self.boot_image.is_some()
            || self.configuration.is_some()
            || self.pre_configuration_script.is_some()
            || self.post_configuration_script.is_some()
            || self.reporting_level.is_some()
            || !self.variants.is_empty();
        // Conveyed information is one or the other.
        if redirect.is_some() && onboards { Err(ProfileInvalid::RedirectAndMore) } else { Ok(redirect) }
    }

    /// What devices get for whom there is no variant.
    pub(super) fn fare(&self) -> Result<(OnboardingInformation, ReportingLevel), ProfileInvalid> {
        let information = OnboardingInformation {
            boot_image: self.boot_image.as_ref().map(boot_image).transpose()?,
            pre_configuration_script: self.pre_configuration_script.as_deref().map(script),
            configuration: self.configuration.as_ref().map(configuration),
            post_configuration_script: self.post_configuration_script.as_deref().map(script),
        };
        // RFC 8572 §6.3: onboarding information without any member is none.
        if information == OnboardingInformation::default() {
            return Err(ProfileInvalid::NothingToDo);
        }
        Ok((information, self.reporting_level.map_or(ReportingLevel::Minimal, level)))
    }

    /// What the others get, in the order in which they are tried.
    pub(super) fn variants(
        self,
        information: &OnboardingInformation,
        reporting_level: ReportingLevel,
    ) -> Result<Vec<Variant>, ProfileInvalid> {
        if self.variants.len() > MAX_VARIANTS {
            return Err(ProfileInvalid::Variants { count: self.variants.len() });
        }
        let mut variants = Vec::<Variant>::with_capacity(self.variants.len());
        for document in self.variants {
            let variant = document.of(information.clone(), reporting_level)?;
            if variants.iter().any(|earlier| earlier.name == variant.name) {
                return Err(ProfileInvalid::VariantTwice { variant: variant.name });
            }
            variants.push(variant);
        }
        Ok(variants)
    }
}

impl DocumentVariant {
    fn of(
        self,
        mut information: OnboardingInformation,
        reporting_level: ReportingLevel,
    ) -> Result<Variant, ProfileInvalid> {
        let name = VariantName::new(self.name)?;
        let DocumentCondition { hw_model, os_name, os_version } = self.when;
        let when = Condition::new(&name, hw_model, os_name, os_version)?;
        for part in &self.without {
            let (there, replaced) = match part {
                Part::BootImage => (information.boot_image.take().is_some(), self.boot_image.is_some()),
                Part::PreConfigurationScript => {
                    (information.pre_configuration_script.take().is_some(), self.pre_configuration_script.is_some())
                }
                Part::Configuration => (information.configuration.take().is_some(), self.configuration.is_some()),
                Part::PostConfigurationScript => {
                    (information.post_configuration_script.take().is_some(), self.post_configuration_script.is_some())
                }
            };
            // Whoever wrote that meant something else.
            if !there || replaced {
                return Err(ProfileInvalid::Without { variant: name, part: *part });
            }
        }
        if let Some(image) = &self.boot_image {
            information.boot_image = Some(boot_image(image)?);
        }
        if let Some(text) = &self.pre_configuration_script {
            information.pre_configuration_script = Some(script(text));
        }
        if let Some(document) = &self.configuration {
            information.configuration = Some(configuration(document));
        }
        if let Some(text) = &self.post_configuration_script {
            information.post_configuration_script = Some(script(text));
        }
        // RFC 8572 §6.3, as for the profile itself.
        if information == OnboardingInformation::default() {
            return Err(ProfileInvalid::VariantEmpty { variant: name });
        }
        let reporting_level = self.reporting_level.map_or(reporting_level, level);
        Ok(Variant { name, when, information, reporting_level })
    }
}

const fn level(level: Level) -> ReportingLevel {
    match level {
        Level::Minimal => ReportingLevel::Minimal,
        Level::Verbose => ReportingLevel::Verbose,
    }
}

fn script(text: &str) -> Script {
    Script(text.as_bytes().to_vec())
}

fn configuration(document: &DocumentConfiguration) -> Configuration {
    let handling = match document.handling {
        Handling::Merge => ConfigurationHandling::Merge,
        Handling::Replace => ConfigurationHandling::Replace,
    };
    Configuration { handling, content: document.content.as_bytes().to_vec() }
}

fn boot_image(image: &DocumentImage) -> Result<BootImage, ProfileInvalid> {
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
