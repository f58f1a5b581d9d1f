//! Onboarding profiles: what a class of devices is to become.

mod delivery;
mod document;
mod ldevid;
mod variant;

pub use delivery::{Delivered, filled};
pub use document::Part;
pub use ldevid::{Ldevid, LdevidDemand};
pub use variant::{Condition, Variant};

use std::sync::Arc;

use conveyed_info::{
    Encoding,
    information::{Information, OnboardingInformation, RedirectInformation},
    make::{self, MakeError, Style},
    rpc::{BootstrappingRequest, ReportingLevel},
};
use netboot::policy::{ProfileGiving, RulesError};
use pki::digest::{Digest, sha256};

use self::{
    delivery::{Places, places, takes_keystore},
    document::{Document, MAX_VARIANTS},
    ldevid::DocumentLdevid,
};
use super::{
    Authentication, NameInvalid, Patience, ProfileName, TomlFault, VariantName, WireProfile, WireProfileUnknown,
    elsewhere::RedirectInvalid, policy::DurationInvalid,
};

/// What a class of devices is to become. Kept and exchanged as a TOML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnboardingProfile {
    /// Its name.
    pub name: ProfileName,
    /// The servers that its devices are sent to. They get no onboarding information here then (RFC 8572 §7.3; WKS-04).
    pub redirect: Option<RedirectInformation>,
    /// The onboarding information that its devices get for whom there is no variant.
    pub information: OnboardingInformation,
    /// How much those devices report.
    pub reporting_level: ReportingLevel,
    /// What other devices get, by what they say about themselves: the first that fits is for them.
    pub variants: Vec<Variant>,
    /// How its devices depart from the RFCs on the wire.
    pub wire_profile: WireProfile,
    /// How its devices show who they are.
    pub authentication: Authentication,
    /// Whether what its devices get is for their eyes only.
    pub encryption: Encryption,
    /// Whether its devices keep nothing over a reboot, and so come back in factory state as a matter of course.
    pub stateless: bool,
    /// How much longer, or shorter, than others its devices may take.
    pub patience: Patience,
    /// The certificate of their owner's that its devices get.
    pub ldevid: Option<Ldevid>,
    /// What DHCP gives to its devices: options, what to boot, bootstrap servers.
    pub dhcp: Option<Arc<ProfileGiving>>,
    document: String,
    sha256: Digest,
}

/// Whether what devices get is encrypted to each of them (RFC 8572 §3.4, §9.10; ENC-13, SEC-16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// It is not: TLS protects it on its way.
    #[default]
    None,
    /// It is signed, and then encrypted to the certificate that the device shows in TLS.
    ToDevice,
}

/// What of a profile one device gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection<'a> {
    /// The variant that it is from; `None` for the profile itself.
    pub variant: Option<&'a VariantName>,
    /// The onboarding information.
    pub information: &'a OnboardingInformation,
    /// How much the device reports.
    pub reporting_level: ReportingLevel,
}

impl OnboardingProfile {
    /// Reads a profile's TOML document.
    ///
    /// # Errors
    /// [`ProfileInvalid`] with the line and what is wrong there.
    pub fn from_toml(name: ProfileName, document: &str) -> Result<Self, ProfileInvalid> {
        let mut parsed: Document = toml::from_str(document).map_err(|error| TomlFault::new(&error, document))?;
        let redirect = parsed.elsewhere()?;
        let (information, reporting_level) = match &redirect {
            Some(_) => (OnboardingInformation::default(), ReportingLevel::Minimal),
            None => parsed.fare()?,
        };
        let wire_profile = match &parsed.wire_profile {
            Some(name) => name.parse()?,
            None => WireProfile::default(),
        };
        let (authentication, encryption, stateless) = (parsed.authentication, parsed.encryption(), parsed.stateless);
        // RFC 8572 §3.4 (ENC-02): what is encrypted was signed before, and is encrypted to a certificate.
        if encryption == Encryption::ToDevice {
            if !wire_profile.reads_signed_data() {
                return Err(ProfileInvalid::EncryptionUnsigned { wire_profile });
            }
            if authentication == Authentication::Basic {
                return Err(ProfileInvalid::EncryptionWithoutCertificate);
            }
        }
        let patience = parsed.patience()?;
        let dhcp = parsed.giving()?.map(Arc::new);
        let ldevid = parsed.ldevid.take().map(DocumentLdevid::read).transpose()?;
        if redirect.is_some() && ldevid.is_some() {
            return Err(ProfileInvalid::RedirectAndMore);
        }
        let variants = parsed.variants(&information, reporting_level)?;
        check_delivery(ldevid.as_ref(), None, &information)?;
        for variant in &variants {
            check_delivery(ldevid.as_ref(), Some(&variant.name), &variant.information)?;
        }
        let sha256 = sha256(document.as_bytes());
        let document = document.to_owned();
        Ok(Self {
            name,
            redirect,
            information,
            reporting_level,
            variants,
            wire_profile,
            authentication,
            encryption,
            stateless,
            patience,
            ldevid,
            dhcp,
            document,
            sha256,
        })
    }

    /// The document it was read from.
    #[must_use]
    pub fn document(&self) -> &str {
        &self.document
    }

    /// SHA-256 of the document, by which the audit log names what was applied and what an answer was made from.
    #[must_use]
    pub const fn sha256(&self) -> Digest {
        self.sha256
    }

    /// What a device gets that asks so (RFC 8572 §7.3; SRV-06).
    #[must_use]
    pub fn select(&self, request: &BootstrappingRequest) -> Selection<'_> {
        match self.variants.iter().find(|variant| variant.when.fits(request)) {
            Some(variant) => Selection {
                variant: Some(&variant.name),
                information: &variant.information,
                reporting_level: variant.reporting_level,
            },
            None => self.without_variant(),
        }
    }

    /// Makes everything that its devices may get, in both encodings: what cannot be made is known before a device asks.
    ///
    /// # Errors
    /// [`ProfileInvalid::Unmakeable`].
    pub fn rehearse(&self) -> Result<(), ProfileInvalid> {
        let onboarding = |information: &OnboardingInformation| Information::Onboarding(information.clone());
        let named = self.variants.iter().map(|variant| (Some(&variant.name), onboarding(&variant.information)));
        let own = match &self.redirect {
            Some(redirect) => Information::Redirect(redirect.clone()),
            None => onboarding(&self.information),
        };
        for (variant, information) in std::iter::once((None, own)).chain(named) {
            for encoding in [Encoding::Json, Encoding::Xml] {
                make::unsigned_conveyed_information(&information, Style { encoding, ..Style::default() })
                    .map_err(|source| ProfileInvalid::Unmakeable { variant: variant.cloned(), source })?;
            }
        }
        Ok(())
    }

    const fn without_variant(&self) -> Selection<'_> {
        Selection { variant: None, information: &self.information, reporting_level: self.reporting_level }
    }
}

/// A certificate that is issued is found by the device, and a placeholder is one that is filled (CSR-15).
fn check_delivery(
    ldevid: Option<&Ldevid>,
    variant: Option<&VariantName>,
    information: &OnboardingInformation,
) -> Result<(), ProfileInvalid> {
    let variant = || variant.cloned();
    match (places(information), ldevid) {
        (Places::Unknown, _) | (Places::Placeholders, None) => {
            Err(ProfileInvalid::LdevidPlaceholder { variant: variant() })
        }
        (_, Some(Ldevid { keystore: Some(_), .. })) if !takes_keystore(information) => {
            Err(ProfileInvalid::KeystoreNotJson { variant: variant() })
        }
        (Places::None, Some(Ldevid { keystore: None, demand: LdevidDemand::Required, .. })) => {
            Err(ProfileInvalid::LdevidNowhere { variant: variant() })
        }
        _ => Ok(()),
    }
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
    /// Not TOML, or a member that profiles do not have.
    #[error(transparent)]
    Toml(#[from] TomlFault),
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
    /// Devices are to be onboarded and sent elsewhere.
    #[error(
        "a profile onboards its devices or sends them to other servers, not both: take out [[redirect]], or what is for \
         onboarding"
    )]
    RedirectAndMore,
    /// A redirect that leads nowhere.
    #[error("redirect: {0}")]
    Redirect(#[from] RedirectInvalid),
    /// The hash is not one.
    #[error("boot-image.sha256 must be 64 hex digits")]
    Sha256,
    /// A variant's name is none.
    #[error("variant.name: {0}")]
    VariantName(#[from] NameInvalid),
    /// More variants than a profile has.
    #[error("{count} variants; at most {MAX_VARIANTS}")]
    Variants {
        /// How many.
        count: usize,
    },
    /// Two variants of one name, which stands in the audit log.
    #[error("there are two variants called {variant}")]
    VariantTwice {
        /// Its name.
        variant: VariantName,
    },
    /// A variant for all devices.
    #[error(
        "the variant {variant} is for all devices: say in `when` what hw-model, os-name or os-version they report, or \
         make it the profile itself"
    )]
    Unconditional {
        /// Its name.
        variant: VariantName,
    },
    /// A pattern of no characters, or of too many.
    #[error("the variant {variant}: a pattern in `when` has 1 to {} octets", variant::MAX_PATTERN)]
    PatternLength {
        /// Its name.
        variant: VariantName,
    },
    /// A variant leaves out what is not there, or what it has itself.
    #[error(
        "the variant {variant} is `without` {}, which the profile has not, or which it names twice or replaces as well",
        part.as_str()
    )]
    Without {
        /// Its name.
        variant: VariantName,
        /// What is left out.
        part: Part,
    },
    /// A variant leaves nothing that a device could do.
    #[error("the variant {variant} leaves nothing: it needs a boot image, a configuration or a script")]
    VariantEmpty {
        /// Its name.
        variant: VariantName,
    },
    /// Encryption for devices that read nothing signed.
    #[error(
        "encrypt-to-device: what is encrypted is signed first, and devices of the wire profile {wire_profile} read \
         nothing signed"
    )]
    EncryptionUnsigned {
        /// The wire profile.
        wire_profile: WireProfile,
    },
    /// Encryption for devices that have no certificate.
    #[error("encrypt-to-device: devices that authenticate by `basic` alone show no certificate to encrypt to")]
    EncryptionWithoutCertificate,
    /// The name of an authority is none.
    #[error("ldevid.authority: {0}")]
    LdevidAuthority(NameInvalid),
    /// A CSR that nobody could make.
    #[error(
        "ldevid: name at least one of the algorithms (p256, p384, rsa) and one of the formats (p10-csr, cmc-csr, cmp-csr)"
    )]
    LdevidWish,
    /// Too many names, or one that is none.
    #[error(
        "ldevid.names: at most 16, each a DNS name or an IP address of at most 255 characters; `{{serial-number}}` may stand in it"
    )]
    LdevidNames,
    /// A key in a keystore has a name.
    #[error("ldevid.keystore is empty: give the key a name")]
    LdevidKeystore,
    /// A placeholder that is never filled.
    #[error(
        "{}: `{{{{ldevid.certificate}}}}` and `{{{{ldevid.chain}}}}` are all the placeholders there are, and they need [ldevid]",
        part_of(variant.as_ref())
    )]
    LdevidPlaceholder {
        /// The variant; `None` for the profile itself.
        variant: Option<VariantName>,
    },
    /// A certificate that no device would find.
    #[error(
        "{}: the certificate of [ldevid] goes nowhere: put `{{{{ldevid.certificate}}}}` into a script or the configuration, or say \
         `keystore = \"ldevid\"`",
        part_of(variant.as_ref())
    )]
    LdevidNowhere {
        /// The variant; `None` for the profile itself.
        variant: Option<VariantName>,
    },
    /// A keystore in what is no JSON.
    #[error("{}: ldevid.keystore needs a configuration that is a JSON object, or none", part_of(variant.as_ref()))]
    KeystoreNotJson {
        /// The variant; `None` for the profile itself.
        variant: Option<VariantName>,
    },
    /// What DHCP is to give cannot be given.
    #[error("{table}: {because}")]
    Dhcp {
        /// The table.
        table: &'static str,
        /// Why.
        #[source]
        because: RulesError,
    },
    /// What no device could be given.
    #[error("what {} gives cannot be made: {source}", variant.as_ref().map_or("the profile", VariantName::as_str))]
    Unmakeable {
        /// The variant; `None` for the profile itself.
        variant: Option<VariantName>,
        /// Why.
        source: MakeError,
    },
}

fn part_of(variant: Option<&VariantName>) -> String {
    variant.map_or_else(|| "the profile".to_owned(), |name| format!("the variant {name}"))
}

/// The names of all wire profiles.
fn names() -> String {
    let names: Vec<_> = WireProfile::ALL.iter().map(|profile| profile.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
