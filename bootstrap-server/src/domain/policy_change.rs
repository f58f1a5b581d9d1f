//! What changes between two sets of policies, and whether devices could get more by it (RFC 8572 §9.10; SRV-21).

use std::time::Duration;

use conveyed_info::rpc::Roles;
use operator_api::spelled_duration;
use pki::digest::{Digest, sha256};
use serde_json::Value;

use super::{Deadlines, ManufacturerName, Policies, ProfileName, Unregistered};

impl Policies {
    /// Whether these would let devices do what `accepted` does not: be onboarded by a server that redirected only, be taken
    /// in where they were held or turned away, become something else, come back for longer after they were bootstrapped; or
    /// would erase records sooner. Whoever got hold of `sztp.toml` alone must not bring that about. The other deadlines, and
    /// whatever makes a server stricter, do not count.
    #[must_use]
    pub fn loosen(&self, accepted: &Self) -> bool {
        if self.roles.onboards() && !accepted.roles.onboards() {
            return true;
        }
        // RFC 8572 §9.10: a bootstrapped device that asks again is held once its attempt is over. An attempt of ten years is
        // no holding at all.
        if self.deadlines.attempt > accepted.deadlines.attempt {
            return true;
        }
        // What is erased is gone: not by a file alone.
        let sooner = |new: Duration| accepted.retention.is_none_or(|old| new < old);
        if self.retention.is_some_and(sooner) {
            return true;
        }
        // Those that neither names are treated alike by each.
        let named = self.manufacturers.keys().chain(accepted.manufacturers.keys());
        let each = named.map(|name| (self.unregistered(name), accepted.unregistered(name)));
        std::iter::once((&self.unregistered, &accepted.unregistered)).chain(each).any(|(new, old)| new.loosens(old))
    }

    /// What differs, one line each: the member, what it was in `before`, and what it is here.
    #[must_use]
    pub fn differences(&self, before: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        differ("", &before.to_json(), &self.to_json(), &mut lines);
        lines
    }

    /// SHA-256 of [`Policies::to_json`], by which somebody who accepts policies says which.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        sha256(self.to_json().to_string().as_bytes())
    }

    /// Reads what [`Policies::to_json`] wrote, in this release or one before; `None` for anything else.
    #[must_use]
    pub fn from_json(json: &Value) -> Option<Self> {
        // Before there were roles, every server had both.
        let roles = match json.get("roles") {
            None => Roles::default(),
            Some(features) => {
                let features: Option<Vec<&str>> = features.as_array()?.iter().map(Value::as_str).collect();
                Roles::from_features(&features?)?
            }
        };
        let manufacturers = json.get("manufacturers")?.as_object()?.iter();
        let manufacturers = manufacturers
            .map(|(name, rule)| Some((ManufacturerName::new(name.as_str()).ok()?, Unregistered::from_json(rule)?)));
        let deadlines = json.get("deadlines")?;
        let deadline = |member: &str| deadlines.get(member)?.as_u64().map(Duration::from_secs);
        Some(Self {
            roles,
            unregistered: Unregistered::from_json(json.get("unregistered")?)?,
            manufacturers: manufacturers.collect::<Option<_>>()?,
            retention: match json.get("retention") {
                None => None,
                Some(seconds) => Some(Duration::from_secs(seconds.as_u64()?)),
            },
            unregistered_per_hour: u32::try_from(json.get("unregistered-per-hour")?.as_u64()?).ok()?,
            deadlines: Deadlines {
                first_contact: deadline("first-contact")?,
                seen: deadline("seen")?,
                redirected: deadline("redirected")?,
                progress: deadline("progress")?,
                attempt: deadline("attempt")?,
                held: deadline("held")?,
                failed: deadline("failed")?,
            },
        })
    }
}

impl Unregistered {
    fn loosens(&self, accepted: &Self) -> bool {
        match (self, accepted) {
            (Self::Refuse, _) | (Self::Hold, Self::Hold | Self::AdmitWithVoucher { .. }) => false,
            (Self::Hold, Self::Refuse) | (Self::AdmitWithVoucher { .. }, Self::Refuse | Self::Hold) => true,
            (Self::AdmitWithVoucher { profile }, Self::AdmitWithVoucher { profile: before }) => profile != before,
        }
    }

    fn from_json(json: &Value) -> Option<Self> {
        match json.as_str() {
            Some("refuse") => Some(Self::Refuse),
            Some("hold") => Some(Self::Hold),
            Some(_) => None,
            None => {
                let profile = ProfileName::new(json.get("admit")?.as_str()?).ok()?;
                Some(Self::AdmitWithVoucher { profile })
            }
        }
    }
}

/// Walks through both, and tells the leaves that differ.
fn differ(path: &str, before: &Value, after: &Value, lines: &mut Vec<String>) {
    if before == after {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        let is_duration = path.starts_with("deadlines.") || path == "retention";
        let shown = |value: &Value| match value.as_u64() {
            Some(seconds) if is_duration => spelled_duration(seconds),
            _ if value.is_null() => "nothing".to_owned(),
            _ => value.to_string(),
        };
        lines.push(format!("{path}: {} becomes {}", shown(before), shown(after)));
        return;
    };
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let of = |object: &serde_json::Map<String, Value>| object.get(name).cloned().unwrap_or_default();
        differ(&path, &of(old), &of(new), lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(profile: &str) -> Unregistered {
        Unregistered::AdmitWithVoucher { profile: ProfileName::new(profile).unwrap() }
    }

    fn acme(rule: Unregistered, others: Unregistered) -> Policies {
        let manufacturers = [(ManufacturerName::new("acme").unwrap(), rule)].into();
        Policies { unregistered: others, manufacturers, ..Policies::default() }
    }

    #[test]
    fn srv_21_what_lets_devices_do_more_is_told_from_what_does_not() {
        let redirecting = Policies { roles: Roles::RedirectOnly, ..Policies::default() };
        let usual = Policies::default();
        assert!(usual.loosen(&redirecting), "a redirect server begins to onboard");
        assert!(!redirecting.loosen(&usual));
        let slower = Deadlines { held: Duration::from_secs(9), ..Deadlines::default() };
        assert!(!Policies { deadlines: slower, ..usual.clone() }.loosen(&usual));
        let attempts_of =
            |attempt| Policies { deadlines: Deadlines { attempt, ..Deadlines::default() }, ..Policies::default() };
        let (hour, year) = (attempts_of(Duration::from_secs(3600)), attempts_of(Duration::from_secs(31_536_000)));
        assert!(year.loosen(&usual), "a device that was bootstrapped a year ago would not be held");
        assert!(!hour.loosen(&usual) && usual.loosen(&hour));
        let keeping = |days: u64| Policies { retention: Some(Duration::from_secs(days)), ..Policies::default() };
        assert!(keeping(9).loosen(&usual) && keeping(8).loosen(&keeping(9)), "records would be erased sooner");
        assert!(!keeping(9).loosen(&keeping(8)) && !usual.loosen(&keeping(8)));
        for (new, old, looser) in [
            (Unregistered::Refuse, admit("a"), false),
            (Unregistered::Hold, admit("a"), false),
            (Unregistered::Hold, Unregistered::Refuse, true),
            (admit("a"), Unregistered::Hold, true),
            (admit("a"), admit("a"), false),
            (admit("b"), admit("a"), true),
        ] {
            let general = |rule: &Unregistered| Policies { unregistered: rule.clone(), ..Policies::default() };
            assert_eq!(general(&new).loosen(&general(&old)), looser, "{new:?} after {old:?}");
            let one = acme(new.clone(), Unregistered::Refuse);
            assert_eq!(one.loosen(&acme(old.clone(), Unregistered::Refuse)), looser, "of one: {new:?} after {old:?}");
        }
        // An exception that was taken out, and what is left is less strict.
        assert!(usual.loosen(&acme(Unregistered::Refuse, Unregistered::Hold)));
        assert!(!usual.loosen(&acme(admit("a"), Unregistered::Hold)));
    }

    #[test]
    fn srv_21_policies_are_read_back_from_the_log_as_they_were() {
        let policies = Policies { roles: Roles::RedirectOnly, ..acme(admit("bmc"), Unregistered::Refuse) };
        let kept = Policies { retention: Some(Duration::from_secs(86_400)), ..Policies::default() };
        for policies in [policies, kept, Policies::default()] {
            assert_eq!(Policies::from_json(&policies.to_json()), Some(policies));
        }
        let mut before = Policies::default().to_json();
        before.as_object_mut().unwrap().remove("roles");
        assert_eq!(Policies::from_json(&before), Some(Policies::default()), "written before there were roles");
        assert_eq!(Policies::from_json(&serde_json::json!({})), None);
    }

    #[test]
    fn srv_21_differences_name_the_member_with_old_and_new() {
        let new = Policies { roles: Roles::RedirectOnly, ..acme(admit("bmc"), Unregistered::Hold) };
        let lines = new.differences(&Policies::default());
        assert_eq!(
            lines,
            [
                r#"manufacturers.acme: nothing becomes {"admit":"bmc"}"#,
                r#"roles: ["redirect-server","onboarding-server"] becomes ["redirect-server"]"#,
            ]
        );
        assert!(new.differences(&new).is_empty());
        let deadlines = Deadlines { attempt: Duration::from_secs(8 * 3600), ..Deadlines::default() };
        let kept = Policies { deadlines, retention: Some(Duration::from_secs(400 * 86_400)), ..Policies::default() };
        let lines = kept.differences(&Policies::default());
        assert_eq!(lines, ["deadlines.attempt: 4h becomes 8h", "retention: nothing becomes 400d"]);
    }
}
