//! `[policy]` and `[deadlines]`: what the owner has decided for all devices.

use std::{collections::BTreeMap, time::Duration};

use conveyed_info::rpc::Roles;
use serde::Deserialize;

use crate::{
    domain::{
        Deadlines, DurationInvalid, ManufacturerName, NameInvalid, Policies, ProfileName, Unregistered, parse_duration,
    },
    retention::LEASES,
};

/// The section `[policy]`.
///
/// ```toml
/// [policy]
/// unregistered = "admit"            # refuse, hold (the default) or admit
/// profile = "bmc"                   # with admit: what they are to become
/// unregistered-per-hour = 1000      # of one manufacturer; of those beyond, only their number is kept
///
/// [policy.manufacturer.acme]        # where a manufacturer's devices are treated otherwise
/// unregistered = "refuse"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PolicySection {
    /// What becomes of genuine devices that nobody registered.
    #[serde(default)]
    pub unregistered: Option<UnregisteredRule>,
    /// What those that are admitted are to become.
    #[serde(default)]
    pub profile: Option<String>,
    /// Unregistered devices of one manufacturer of which the server takes note in an hour.
    #[serde(default)]
    pub unregistered_per_hour: Option<u32>,
    /// Manufacturers whose devices are treated otherwise, by name.
    #[serde(default)]
    pub manufacturer: BTreeMap<String, ManufacturerRule>,
}

/// What becomes of one manufacturer's devices that nobody registered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ManufacturerRule {
    /// As in [`PolicySection`].
    pub unregistered: UnregisteredRule,
    /// As in [`PolicySection`].
    #[serde(default)]
    pub profile: Option<String>,
}

/// The three ways to treat a genuine device that nobody registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnregisteredRule {
    /// It is turned away.
    Refuse,
    /// It waits for a person.
    Hold,
    /// It is taken in when a voucher for it is stored, and waits otherwise.
    Admit,
}

/// The section `[deadlines]`: how long each kind of waiting may last, such as `45s`, `10m`, `4h` or `30d`. What is left out
/// keeps its default ([`Deadlines`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeadlinesSection {
    /// For a first contact: 30 days.
    #[serde(default)]
    pub first_contact: Option<String>,
    /// For the operator, to give a device what it asked for: an hour.
    #[serde(default)]
    pub seen: Option<String>,
    /// For the device, to follow a redirect: ten minutes.
    #[serde(default)]
    pub redirected: Option<String>,
    /// For the device, between two reports: an hour. A profile may say otherwise.
    #[serde(default)]
    pub progress: Option<String>,
    /// For the device, to finish; within it, it may come back: four hours. A profile may say otherwise.
    #[serde(default)]
    pub attempt: Option<String>,
    /// For the operator, to decide about a held device: a day.
    #[serde(default)]
    pub held: Option<String>,
    /// For the device, to try again after a failure: an hour.
    #[serde(default)]
    pub failed: Option<String>,
}

/// The section `[retention]`: how long what could be tied to a person is kept (SEC-22).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RetentionSection {
    /// Devices that were retired longer ago, such as `400d`, are erased with all their records, and so are records of
    /// refused connections that are older. For ever, unless said.
    #[serde(default)]
    pub records: Option<String>,
    /// Leases of DHCP that ended longer ago are removed. Until then a client that comes back finds the address that it had.
    /// `30d`, unless said.
    #[serde(default)]
    pub dhcp_leases: Option<String>,
}

impl RetentionSection {
    /// How long leases are kept that have ended.
    pub(super) fn dhcp_leases(&self) -> Result<Duration, PolicyInvalid> {
        let leases = self.dhcp_leases.as_deref().map(parse_duration).transpose();
        leases.map(|leases| leases.unwrap_or(LEASES)).map_err(|source| PolicyInvalid::Leases { source })
    }

    fn read(&self) -> Result<Option<Duration>, PolicyInvalid> {
        let records = self.records.as_deref().map(parse_duration).transpose();
        records.map_err(|source| PolicyInvalid::Retention { source })
    }
}

/// Reads the sections, and `roles`.
///
/// # Errors
/// [`PolicyInvalid`] names the member.
pub(super) fn policies(
    roles: Option<&[String]>,
    policy: &PolicySection,
    deadlines: &DeadlinesSection,
    retention: &RetentionSection,
) -> Result<Policies, PolicyInvalid> {
    let manufacturers = policy.manufacturer.iter().map(|(name, rule)| {
        let section = format!("policy.manufacturer.{name}");
        let invalid = |source| PolicyInvalid::Name { member: section.clone(), source };
        let manufacturer = ManufacturerName::new(name.as_str()).map_err(invalid)?;
        Ok((manufacturer, unregistered(&section, rule.unregistered, rule.profile.as_deref())?))
    });
    let roles = roles.map_or_else(|| Some(Roles::default()), Roles::from_features);
    Ok(Policies {
        roles: roles.ok_or(PolicyInvalid::Roles)?,
        unregistered: unregistered(
            "policy",
            policy.unregistered.unwrap_or(UnregisteredRule::Hold),
            policy.profile.as_deref(),
        )?,
        manufacturers: manufacturers.collect::<Result<_, PolicyInvalid>>()?,
        unregistered_per_hour: policy.unregistered_per_hour.unwrap_or(Policies::UNREGISTERED_PER_HOUR),
        deadlines: deadlines.read()?,
        retention: retention.read()?,
    })
}

fn unregistered(section: &str, rule: UnregisteredRule, profile: Option<&str>) -> Result<Unregistered, PolicyInvalid> {
    let member = || format!("{section}.profile");
    match (rule, profile) {
        (UnregisteredRule::Refuse, None) => Ok(Unregistered::Refuse),
        (UnregisteredRule::Hold, None) => Ok(Unregistered::Hold),
        (UnregisteredRule::Admit, Some(profile)) => ProfileName::new(profile)
            .map(|profile| Unregistered::AdmitWithVoucher { profile })
            .map_err(|source| PolicyInvalid::Name { member: member(), source }),
        (UnregisteredRule::Admit, None) => Err(PolicyInvalid::NoProfile { member: member() }),
        (UnregisteredRule::Refuse | UnregisteredRule::Hold, Some(_)) => {
            Err(PolicyInvalid::ProfileForNobody { member: member() })
        }
    }
}

impl DeadlinesSection {
    fn read(&self) -> Result<Deadlines, PolicyInvalid> {
        let read = |member: &'static str, text: &Option<String>, default: Duration| match text {
            None => Ok(default),
            Some(text) => parse_duration(text).map_err(|source| PolicyInvalid::Deadline { member, source }),
        };
        let usual = Deadlines::default();
        Ok(Deadlines {
            first_contact: read("first-contact", &self.first_contact, usual.first_contact)?,
            seen: read("seen", &self.seen, usual.seen)?,
            redirected: read("redirected", &self.redirected, usual.redirected)?,
            progress: read("progress", &self.progress, usual.progress)?,
            attempt: read("attempt", &self.attempt, usual.attempt)?,
            held: read("held", &self.held, usual.held)?,
            failed: read("failed", &self.failed, usual.failed)?,
        })
    }
}

/// A policy cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyInvalid {
    /// No such kind of server.
    #[error(
        "roles: takes \"redirect-server\", alone or with \"onboarding-server\"; a server that onboards sends devices that do \
         not trust it yet back to itself, so it redirects too"
    )]
    Roles,
    /// Not a name.
    #[error("{member}: {source}")]
    Name {
        /// Where it stands.
        member: String,
        /// Why.
        source: NameInvalid,
    },
    /// Devices are admitted to become nothing.
    #[error("{member}: is missing; say what devices are to become that are admitted")]
    NoProfile {
        /// Where it belongs.
        member: String,
    },
    /// A profile, and nobody is admitted.
    #[error(
        "{member}: is for `unregistered = \"admit\"`, and devices are not admitted here; take it out, or admit them"
    )]
    ProfileForNobody {
        /// Where it stands.
        member: String,
    },
    /// Not a duration.
    #[error("retention.records: {source}")]
    Retention {
        /// Why.
        source: DurationInvalid,
    },
    /// Not a duration.
    #[error("retention.dhcp-leases: {source}")]
    Leases {
        /// Why.
        source: DurationInvalid,
    },
    /// Not a duration.
    #[error("deadlines.{member}: {source}")]
    Deadline {
        /// Which deadline.
        member: &'static str,
        /// Why.
        source: DurationInvalid,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Both {
        #[serde(default)]
        policy: PolicySection,
        #[serde(default)]
        deadlines: DeadlinesSection,
        #[serde(default)]
        retention: RetentionSection,
    }

    fn read(text: &str) -> Result<Policies, String> {
        let both: Both = toml::from_str(text).map_err(|error| error.to_string())?;
        policies(None, &both.policy, &both.deadlines, &both.retention).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_a_safe_default() {
        assert_eq!(read(""), Ok(Policies::default()));
        assert_eq!(Policies::default().unregistered, Unregistered::Hold);
    }

    #[test]
    fn a_whole_policy() {
        let read = read(
            "[policy]\nunregistered = 'admit'\nprofile = 'bmc'\nunregistered-per-hour = 10\n\
             [policy.manufacturer.acme]\nunregistered = 'refuse'\n[deadlines]\nattempt = '8h'\n\
             [retention]\nrecords = '400d'\n",
        )
        .unwrap();
        let profile = ProfileName::new("bmc").unwrap();
        assert_eq!(read.unregistered, Unregistered::AdmitWithVoucher { profile });
        assert_eq!(read.unregistered(&ManufacturerName::new("acme").unwrap()), &Unregistered::Refuse);
        assert_eq!(read.unregistered_per_hour, 10);
        assert_eq!(read.retention, Some(Duration::from_secs(400 * 86_400)));
        assert_eq!(read.deadlines, Deadlines { attempt: Duration::from_secs(8 * 3600), ..Deadlines::default() });
    }

    #[test]
    fn leases_are_kept_for_a_month_unless_said() {
        let leases = |text: &str| toml::from_str::<RetentionSection>(text).unwrap().dhcp_leases();
        assert_eq!(leases(""), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(leases("dhcp-leases = '1h'"), Ok(Duration::from_secs(3600)));
        let invalid = leases("dhcp-leases = 'a month'").unwrap_err().to_string();
        assert!(invalid.starts_with("retention.dhcp-leases: \"a month\" is no duration"), "{invalid}");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, said) in [
            ("[policy]\nunregistered = 'admit'\n", "policy.profile: is missing"),
            ("[policy]\nprofile = 'bmc'\n", "policy.profile: is for"),
            ("[policy]\nunregistered = 'maybe'\n", "expected one of `refuse`, `hold`, `admit`"),
            ("[policy]\nunregistered = 'admit'\nprofile = 'a b'\n", "policy.profile: \"a b\" cannot be a name"),
            ("[policy.manufacturer.'a b']\nunregistered = 'hold'\n", "policy.manufacturer.a b: "),
            ("[policy.manufacturer.acme]\nunregistered = 'admit'\n", "policy.manufacturer.acme.profile: is missing"),
            ("[deadlines]\nheld = 'long'\n", "deadlines.held: \"long\" is no duration"),
            ("[retention]\nrecords = 'always'\n", "retention.records: \"always\" is no duration"),
            ("[deadlines]\nhold = '1h'\n", "unknown field `hold`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
