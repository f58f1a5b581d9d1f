//! What the owner has decided for all devices.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{ManufacturerName, ProfileName};

/// The owner's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// What becomes of genuine devices that nobody registered.
    pub unregistered: Unregistered,
    /// The same for the devices of single manufacturers, where that differs.
    pub manufacturers: BTreeMap<ManufacturerName, Unregistered>,
    /// Unregistered devices of one manufacturer of which a server takes note in an hour. Of those beyond, only their number
    /// is kept, for whoever holds one manufacturer's key could otherwise fill the database.
    pub unregistered_per_hour: u32,
    /// How long each kind of waiting may last.
    pub deadlines: Deadlines,
    /// How long what the log says of retired devices and of strangers is kept (SEC-22); `None` is for ever.
    pub retention: Option<Duration>,
}

impl Policies {
    /// Unregistered devices of one manufacturer of which a server takes note in an hour, unless configured otherwise.
    pub const UNREGISTERED_PER_HOUR: u32 = 1000;

    /// What becomes of this manufacturer's devices that nobody registered.
    #[must_use]
    pub fn unregistered(&self, manufacturer: &ManufacturerName) -> &Unregistered {
        self.manufacturers.get(manufacturer).unwrap_or(&self.unregistered)
    }

    /// Every profile that they name. Each must exist, or nobody can be admitted.
    pub fn profiles(&self) -> impl Iterator<Item = &ProfileName> {
        let all = std::iter::once(&self.unregistered).chain(self.manufacturers.values());
        all.filter_map(|unregistered| match unregistered {
            Unregistered::AdmitWithVoucher { profile } => Some(profile),
            Unregistered::Refuse | Unregistered::Hold => None,
        })
    }

    /// As they stand in the audit log. Durations are in seconds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let manufacturers = self.manufacturers.iter().map(|(name, it)| (name.to_string(), it.to_json()));
        let Deadlines { first_contact, seen, redirected, progress, attempt, held, failed } = self.deadlines;
        let mut policies = json!({
            "unregistered": self.unregistered.to_json(),
            "manufacturers": manufacturers.collect::<serde_json::Map<_, _>>(),
            "unregistered-per-hour": self.unregistered_per_hour,
            "deadlines": {
                "first-contact": first_contact.as_secs(), "seen": seen.as_secs(), "redirected": redirected.as_secs(),
                "progress": progress.as_secs(), "attempt": attempt.as_secs(), "held": held.as_secs(),
                "failed": failed.as_secs(),
            },
        });
        if let Some(retention) = self.retention {
            policies["retention"] = json!(retention.as_secs());
        }
        policies
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            unregistered: Unregistered::default(),
            manufacturers: BTreeMap::new(),
            unregistered_per_hour: Self::UNREGISTERED_PER_HOUR,
            deadlines: Deadlines::default(),
            retention: None,
        }
    }
}

/// What becomes of genuine devices that nobody registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unregistered {
    /// They are turned away.
    Refuse,
    /// They wait for a person.
    #[default]
    Hold,
    /// They are taken in when a voucher for them is stored, and wait otherwise.
    AdmitWithVoucher {
        /// What they are to become.
        profile: ProfileName,
    },
}

impl Unregistered {
    fn to_json(&self) -> Value {
        match self {
            Self::Refuse => json!("refuse"),
            Self::Hold => json!("hold"),
            Self::AdmitWithVoucher { profile } => json!({"admit": profile.as_str()}),
        }
    }
}

/// How long a device may wait in each state before it is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For a first contact.
    pub first_contact: Duration,
    /// For the operator, to give a device what it asked for.
    pub seen: Duration,
    /// For the device, to follow a redirect.
    pub redirected: Duration,
    /// For the device, between two reports of an onboarding.
    pub progress: Duration,
    /// For the device, from its first onboarding information to the end: within it, it may come back as often as it likes.
    pub attempt: Duration,
    /// For the operator, to approve or retire a held device.
    pub held: Duration,
    /// For the device or the operator, to try again after a failure.
    pub failed: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(86_400));
        Self {
            first_contact: day * 30,
            seen: hour,
            redirected: Duration::from_secs(600),
            progress: hour,
            attempt: hour * 4,
            held: day,
            failed: hour,
        }
    }
}

impl Deadlines {
    /// The same, with what a profile says instead.
    #[must_use]
    pub fn with(self, patience: Patience) -> Self {
        Self {
            progress: patience.progress.unwrap_or(self.progress),
            attempt: patience.attempt.unwrap_or(self.attempt),
            ..self
        }
    }
}

/// How much longer, or shorter, than others the devices of a profile may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// Instead of [`Deadlines::progress`].
    pub progress: Option<Duration>,
    /// Instead of [`Deadlines::attempt`].
    pub attempt: Option<Duration>,
}

/// Reads a duration as people write it: `45s`, `10m`, `4h`, `30d`.
///
/// # Errors
/// [`DurationInvalid`] for anything else, and for nothing at all: a deadline of zero is always past.
pub fn parse_duration(text: &str) -> Result<Duration, DurationInvalid> {
    let invalid = || DurationInvalid { text: text.to_owned() };
    let digits = text.find(|character: char| !character.is_ascii_digit()).ok_or_else(invalid)?;
    let (number, unit) = text.split_at_checked(digits).ok_or_else(invalid)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(invalid()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    // A hundred years are for ever, and still far from where numbers end.
    let seconds = seconds.filter(|seconds| (1..=100 * 366 * 86_400).contains(seconds)).ok_or_else(invalid)?;
    Ok(Duration::from_secs(seconds))
}

/// The text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no duration: write a number and s, m, h or d, such as 45s, 10m, 4h or 30d")]
pub struct DurationInvalid {
    /// What was given.
    pub text: String,
}

/// Who has to move next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responsible {
    /// The device.
    Device,
    /// The operator.
    Operator,
}

impl Responsible {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Operator => "operator",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, seconds) in [("45s", 45), ("10m", 600), ("4h", 14_400), ("30d", 2_592_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "s", "10", "0m", "-1h", "1.5h", "4 h", "4w", "99999999999999999999d", "36601d", "٣h"] {
            assert!(parse_duration(text).unwrap_err().to_string().contains("such as"), "{text}");
        }
    }

    #[test]
    fn a_manufacturer_may_have_a_rule_of_its_own() {
        let maker = |name: &str| ManufacturerName::new(name).unwrap();
        let profile = ProfileName::new("bmc").unwrap();
        let own = Unregistered::AdmitWithVoucher { profile: profile.clone() };
        let policies = Policies { manufacturers: [(maker("own"), own.clone())].into(), ..Policies::default() };
        assert_eq!(policies.unregistered(&maker("own")), &own);
        assert_eq!(policies.unregistered(&maker("other")), &Unregistered::Hold);
        assert_eq!(policies.profiles().collect::<Vec<_>>(), [&profile]);
        assert_eq!(policies.to_json()["manufacturers"]["own"]["admit"], "bmc");
    }
}
