//! What each wire profile means: how a class of devices is read, and what it is sent.

use conveyed_info::{
    Encoding,
    information::{BootImage, OnboardingInformation},
    make::{Label, Style},
    profile::InputProfile,
    rpc::ReportingLevel,
};

use crate::domain::WireProfile;

/// How to speak with a class of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    /// What is passed over in what they send.
    pub(super) input: InputProfile,
    /// Whether what they are sent is signed.
    pub(super) signing: Signing,
    inside: Inside,
    label: Label,
    members: Members,
}

/// Whether conveyed information is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signing {
    /// Where there is a voucher.
    WhenPossible,
    /// Always: without a voucher there is nothing for the device.
    Always,
    /// Never: the device can read nothing else, and has to trust this server by its TLS certificate.
    Never,
}

/// The encoding of conveyed information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// That of the answer around it (SRV-10).
    AsAround,
    /// JSON, whatever is around it.
    Json,
}

/// Which members are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Members {
    /// All that there are.
    All,
    /// None that the device may do without: it refuses members that it does not know.
    Mandatory,
}

impl From<WireProfile> for Manner {
    fn from(profile: WireProfile) -> Self {
        let letter = Self {
            input: InputProfile::Strict,
            signing: Signing::WhenPossible,
            inside: Inside::AsAround,
            label: Label::Encoding,
            members: Members::All,
        };
        match profile {
            WireProfile::Rfc8572 => letter,
            WireProfile::OpiAgent => Self {
                input: InputProfile::OpiAgent,
                signing: Signing::Never,
                inside: Inside::Json,
                members: Members::Mandatory,
                ..letter
            },
            WireProfile::CiscoIosXe => Self { signing: Signing::Always, inside: Inside::Json, ..letter },
            WireProfile::IdData => Self { label: Label::Data, ..letter },
        }
    }
}

impl Manner {
    /// How conveyed information is written, in an answer in this encoding.
    pub(super) fn style(self, around: Encoding) -> Style {
        let encoding = match self.inside {
            Inside::AsAround => around,
            Inside::Json => Encoding::Json,
        };
        Style { encoding, label: self.label, ..Style::default() }
    }

    /// The level that is asked for; the default one is not written.
    pub(super) const fn reporting_level(self, wanted: ReportingLevel) -> ReportingLevel {
        match self.members {
            Members::All => wanted,
            Members::Mandatory => ReportingLevel::Minimal,
        }
    }

    /// What of a profile's onboarding information is written.
    pub(super) fn onboarding(self, information: &OnboardingInformation) -> OnboardingInformation {
        let mut information = information.clone();
        if let (Members::Mandatory, Some(image)) = (self.members, &mut information.boot_image) {
            *image = BootImage { os_name: None, os_version: None, ..std::mem::take(image) };
        }
        information
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srv_10_what_is_inside_follows_what_is_around_unless_the_device_reads_json_only() {
        for profile in WireProfile::ALL {
            let manner = Manner::from(*profile);
            assert_eq!(manner.style(Encoding::Json).encoding, Encoding::Json);
            let fixed = matches!(profile, WireProfile::OpiAgent | WireProfile::CiscoIosXe);
            let expected = if fixed { Encoding::Json } else { Encoding::Xml };
            assert_eq!(manner.style(Encoding::Xml).encoding, expected, "{profile}");
        }
    }

    #[test]
    fn leniency_is_for_the_one_that_needs_it() {
        for profile in WireProfile::ALL {
            let strict = Manner::from(*profile).input == InputProfile::Strict;
            assert_eq!(strict, *profile != WireProfile::OpiAgent, "{profile}");
        }
    }
}
