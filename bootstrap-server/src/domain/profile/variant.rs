//! Variants: what some devices of a class are to become instead, by what they say about themselves (RFC 8572 §7.3; SRV-06).

use std::fmt;

use conveyed_info::{
    information::OnboardingInformation,
    rpc::{BootstrappingRequest, ReportingLevel},
};

use super::ProfileInvalid;
use crate::domain::VariantName;

/// What those devices of a profile get that fit a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name, which stands in the audit log with each answer made from it.
    pub name: VariantName,
    /// For whom it is.
    pub when: Condition,
    /// The onboarding information that they get: that of the profile with parts replaced or left out.
    pub information: OnboardingInformation,
    /// How much they report.
    pub reporting_level: ReportingLevel,
}

/// What a device must say about itself: each member that is given must match. A device that says nothing of a member does
/// not match it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    hw_model: Option<Pattern>,
    os_name: Option<Pattern>,
    os_version: Option<Pattern>,
}

impl Condition {
    /// Takes a pattern for each member that counts.
    ///
    /// # Errors
    /// [`ProfileInvalid::Unconditional`] when none does: what is for all devices is the profile itself.
    /// [`ProfileInvalid::PatternLength`].
    pub(super) fn new(
        variant: &VariantName,
        hw_model: Option<String>,
        os_name: Option<String>,
        os_version: Option<String>,
    ) -> Result<Self, ProfileInvalid> {
        let pattern = |text: Option<String>| text.map(|text| Pattern::new(variant, text)).transpose();
        let condition =
            Self { hw_model: pattern(hw_model)?, os_name: pattern(os_name)?, os_version: pattern(os_version)? };
        if condition.hw_model.is_none() && condition.os_name.is_none() && condition.os_version.is_none() {
            return Err(ProfileInvalid::Unconditional { variant: variant.clone() });
        }
        Ok(condition)
    }

    /// Whether a device that asks so is meant.
    #[must_use]
    pub fn fits(&self, request: &BootstrappingRequest) -> bool {
        let fits = |pattern: &Option<Pattern>, said: &Option<String>| {
            pattern.as_ref().is_none_or(|pattern| said.as_deref().is_some_and(|said| pattern.matches(said)))
        };
        fits(&self.hw_model, &request.hw_model)
            && fits(&self.os_name, &request.os_name)
            && fits(&self.os_version, &request.os_version)
    }
}

/// A text in which each `*` stands for any characters, or none. Everything else is meant to the letter, capitals included.
#[derive(Clone, PartialEq, Eq)]
struct Pattern(String);

impl Pattern {
    fn new(variant: &VariantName, text: String) -> Result<Self, ProfileInvalid> {
        if (1..=MAX_PATTERN).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(ProfileInvalid::PatternLength { variant: variant.clone() })
        }
    }

    fn matches(&self, text: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut text) = text.strip_prefix(start) else { return false };
        // The last part belongs to the end; those before it are taken as early as they come, which leaves most to the rest.
        let (between, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in between.split('*') {
            let Some((_, after)) = text.split_once(part) else { return false };
            text = after;
        }
        text.ends_with(end)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Longest pattern, in octets.
pub(super) const MAX_PATTERN: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> VariantName {
        VariantName::new("v").unwrap()
    }

    #[test]
    fn srv_06_a_star_stands_for_anything_and_the_rest_for_itself() {
        for (pattern, text, expected) in [
            ("2.0", "2.0", true),
            ("2.0", "2.0.1", false),
            ("2.0", "12.0", false),
            ("Acme", "acme", false),
            ("2.*", "2.0", true),
            ("2.*", "2.", true),
            ("2.*", "12.0", false),
            ("*", "", true),
            ("*.1", "2.0.1", true),
            ("*.1", "2.0.12", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "axxbxxbxxc", true),
            ("a*b*c", "acb", false),
            ("a*b*b", "ab", false),
            ("aa*aa", "aaa", false),
            ("a**c", "abc", true),
            ("*ü*", "Grünau", true),
        ] {
            let pattern = Pattern::new(&name(), pattern.to_owned()).unwrap();
            assert_eq!(pattern.matches(text), expected, "{pattern:?} {text:?}");
        }
        for length in [0, MAX_PATTERN + 1] {
            assert!(Pattern::new(&name(), "x".repeat(length)).is_err());
        }
    }

    #[test]
    fn srv_06_every_member_given_must_match_and_silence_matches_nothing() {
        let some = |text: &str| Some(text.to_owned());
        let condition = Condition::new(&name(), None, some("AcmeOS"), some("2.*")).unwrap();
        let says = |hw_model, os_name: Option<&str>, os_version: Option<&str>| BootstrappingRequest {
            hw_model,
            os_name: os_name.map(str::to_owned),
            os_version: os_version.map(str::to_owned),
            ..BootstrappingRequest::default()
        };
        assert!(condition.fits(&says(None, Some("AcmeOS"), Some("2.1"))));
        assert!(condition.fits(&says(some("any"), Some("AcmeOS"), Some("2.1"))));
        assert!(!condition.fits(&says(None, Some("AcmeOS"), Some("3.0"))));
        assert!(!condition.fits(&says(None, Some("OtherOS"), Some("2.1"))));
        assert!(!condition.fits(&says(None, Some("AcmeOS"), None)));
        assert!(!condition.fits(&BootstrappingRequest::default()));
        assert!(matches!(Condition::new(&name(), None, None, None), Err(ProfileInvalid::Unconditional { .. })));
    }
}
