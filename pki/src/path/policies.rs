//! Certificate policies (RFC 5280 §6.1, with the graph of RFC 9618 in place of the tree, which could grow without bounds).
//!
//! Each certificate gives one level: the policies that hold there, and for each the policies of the level above that led
//! to it. No parents means that it came of anyPolicy. A level has at most as many nodes as its certificate, and those
//! of its mappings, name; nothing is ever multiplied.

use std::collections::{BTreeMap, BTreeSet};

use const_oid::ObjectIdentifier;

use super::PathError;
use crate::certificate::Certificate;

/// anyPolicy (RFC 5280 §4.2.1.4).
pub(super) const ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32.0");

/// Which policies are demanded (the inputs (c), (e), (f) and (g) of RFC 5280 §6.1.1). The default demands none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyRules<'a> {
    /// The policies that will do. None given means that any will.
    pub acceptable: &'a [ObjectIdentifier],
    /// Whether the path must be valid for one of them. CAs may demand it too, whatever stands here.
    pub require_explicit: bool,
    /// Whether CAs may not map policies.
    pub inhibit_mapping: bool,
    /// Whether anyPolicy stands for none.
    pub inhibit_any: bool,
}

/// What holds below one certificate.
#[derive(Debug, Default)]
struct Level {
    /// Whether anyPolicy itself still holds.
    any: bool,
    /// Each policy, and whence it came: policies of the level above, or anyPolicy when there are none.
    nodes: BTreeMap<ObjectIdentifier, Vec<ObjectIdentifier>>,
}

/// The state variables (RFC 5280 §6.1.2).
struct State {
    levels: Vec<Level>,
    explicit_policy: usize,
    policy_mapping: usize,
    inhibit_any: usize,
}

/// Processes the policies of `certificates`, end entity first and without the anchor; gives those the path is valid for,
/// among those that will do. `anchor` may begin with demands of its own.
pub(super) fn process(
    certificates: &[&Certificate],
    anchor: Option<&Certificate>,
    rules: PolicyRules<'_>,
) -> Result<Vec<ObjectIdentifier>, PathError> {
    let length = certificates.len();
    let start = |inhibited: bool| if inhibited { 0 } else { length.saturating_add(1) };
    // RFC 5280 §6.1.2 (a), (d), (e), (f).
    let mut state = State {
        levels: vec![Level { any: true, nodes: BTreeMap::new() }],
        explicit_policy: start(rules.require_explicit),
        policy_mapping: start(rules.inhibit_mapping),
        inhibit_any: start(rules.inhibit_any),
    };
    if let Some(anchor) = anchor {
        state.constrain(anchor);
    }
    for (depth, certificate) in certificates.iter().enumerate().rev() {
        let is_last = depth == 0;
        let self_issued = certificate.is_self_issued();
        state.narrow(certificate, is_last, self_issued);
        // RFC 5280 §6.1.3 (f).
        if state.explicit_policy == 0 && state.is_empty() {
            return Err(PathError::Policy { subject: certificate.subject_text() });
        }
        if is_last {
            break;
        }
        state.map(certificate)?;
        // RFC 5280 §6.1.4 (h).
        if !self_issued {
            for counter in [&mut state.explicit_policy, &mut state.policy_mapping, &mut state.inhibit_any] {
                *counter = counter.saturating_sub(1);
            }
        }
        state.constrain(certificate);
    }
    // RFC 5280 §6.1.5 (a), (b).
    state.explicit_policy = state.explicit_policy.saturating_sub(1);
    if certificates.first().is_some_and(|it| it.extensions().require_explicit_policy == Some(0)) {
        state.explicit_policy = 0;
    }
    let valid = state.constrained(rules.acceptable);
    match certificates.first() {
        // RFC 5280 §6.1.5 (g), §6.1.6.
        Some(last) if valid.is_empty() && state.explicit_policy == 0 => {
            Err(PathError::Policy { subject: last.subject_text() })
        }
        _ => Ok(valid),
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.levels.last().is_none_or(|level| !level.any && level.nodes.is_empty())
    }

    /// RFC 5280 §6.1.3 (d), (e): what the certificate does not name holds no longer.
    fn narrow(&mut self, certificate: &Certificate, is_last: bool, self_issued: bool) {
        let Some(level) = self.levels.last_mut() else { return };
        let Some(policies) = &certificate.extensions().policies else {
            *level = Level::default();
            return;
        };
        let named: BTreeSet<_> = policies.iter().copied().filter(|policy| *policy != ANY_POLICY).collect();
        let any = policies.contains(&ANY_POLICY) && (self.inhibit_any > 0 || (!is_last && self_issued));
        if !any {
            level.nodes.retain(|policy, _| named.contains(policy));
        }
        if level.any {
            for policy in named {
                level.nodes.entry(policy).or_default();
            }
        }
        level.any &= any;
    }

    /// RFC 5280 §6.1.4 (a), (b): what holds under which name below this certificate.
    fn map(&mut self, certificate: &Certificate) -> Result<(), PathError> {
        let mappings = &certificate.extensions().policy_mappings;
        if mappings.iter().any(|&(issuer, subject)| issuer == ANY_POLICY || subject == ANY_POLICY) {
            return Err(PathError::AnyPolicyMapped { subject: certificate.subject_text() });
        }
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let mut next = Level { any: level.any, nodes: BTreeMap::new() };
        let mapped: BTreeSet<_> = mappings.iter().map(|(issuer, _)| *issuer).collect();
        if self.policy_mapping > 0 {
            if level.any {
                for policy in &mapped {
                    level.nodes.entry(*policy).or_default();
                }
            }
            for (issuer, subject) in mappings {
                if level.nodes.contains_key(issuer) {
                    next.nodes.entry(*subject).or_default().push(*issuer);
                }
            }
        } else {
            level.nodes.retain(|policy, _| !mapped.contains(policy));
        }
        for policy in level.nodes.keys().filter(|&policy| !mapped.contains(policy)) {
            next.nodes.entry(*policy).or_default().push(*policy);
        }
        self.levels.push(next);
        Ok(())
    }

    /// RFC 5280 §6.1.4 (i), (j): constraints only ever tighten.
    fn constrain(&mut self, certificate: &Certificate) {
        let extensions = certificate.extensions();
        for (counter, limit) in [
            (&mut self.explicit_policy, extensions.require_explicit_policy),
            (&mut self.policy_mapping, extensions.inhibit_policy_mapping),
            (&mut self.inhibit_any, extensions.inhibit_any_policy),
        ] {
            if let Some(limit) = limit {
                *counter = (*counter).min(usize::try_from(limit).unwrap_or(usize::MAX));
            }
        }
    }

    /// RFC 9618 §5.3: the policies of the anchor's own naming that the path is valid for, cut down to those that will do.
    fn constrained(&self, acceptable: &[ObjectIdentifier]) -> Vec<ObjectIdentifier> {
        let Some(last) = self.levels.last() else { return Vec::new() };
        let any_will_do = acceptable.is_empty() || acceptable.contains(&ANY_POLICY);
        let mut valid = BTreeSet::new();
        match (last.any, any_will_do) {
            (true, true) => valid.extend([ANY_POLICY]),
            (true, false) => valid.extend(acceptable),
            (false, _) => {}
        }
        let mut wanted: BTreeSet<_> = last.nodes.keys().copied().collect();
        for level in self.levels.iter().rev() {
            let mut above = BTreeSet::new();
            for (policy, parents) in level.nodes.iter().filter(|&(policy, _)| wanted.contains(policy)) {
                if parents.is_empty() && (any_will_do || acceptable.contains(policy)) {
                    valid.insert(*policy);
                }
                above.extend(parents);
            }
            wanted = above;
        }
        valid.into_iter().collect()
    }
}
