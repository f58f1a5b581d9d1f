//! Which policies a server starts with: those that were accepted, until somebody accepts others (RFC 8572 §9.10; SRV-21).

use crate::{audit::Event, config::Acceptance, domain::Policies, in_force::InForce, serve::ServeError, store::Store};

/// What the server starts with, and what the log is to say about it.
pub(super) struct Start {
    pub(super) in_force: InForce,
    pub(super) event: Option<Event>,
}

/// Compares what the configuration says with what was accepted last. What lets devices do no more than before is in force at
/// once, and on record; anything else waits for a person, so that whoever can write `sztp.toml` cannot make a redirect
/// server onboard by that alone, and a service that is started again does what it did.
pub(super) async fn starting(
    configured: Policies,
    acceptance: Acceptance,
    store: &dyn Store,
) -> Result<Start, ServeError> {
    let start = decide(configured, acceptance, store.policies().await?);
    // A policy that names a profile which is not there would admit nobody, and say so to devices only.
    let known = store.profiles().await?;
    let in_force = start.in_force.now();
    let missing = in_force.profiles().find(|name| known.iter().all(|profile| profile.name != **name));
    missing.map_or(Ok(()), |profile| Err(ServeError::NoSuchProfile { profile: profile.clone() }))?;
    Ok(start)
}

fn decide(configured: Policies, acceptance: Acceptance, accepted: Option<Policies>) -> Start {
    let policies = Box::new(configured.clone());
    let Some(accepted) = accepted else {
        return Start { in_force: configured.into(), event: Some(Event::PoliciesApplied { policies, before: None }) };
    };
    if accepted == configured {
        return Start { in_force: configured.into(), event: None };
    }
    let differences = configured.differences(&accepted);
    let before = Box::new(accepted.clone());
    if acceptance == Acceptance::Later && configured.loosen(&accepted) {
        tracing::warn!(
            ?differences,
            "sztp.toml would let devices do more than was accepted, so the policies that were accepted stay in force: look \
             with `sztp policy show`, accept with `sztp policy accept`"
        );
        let event = Event::PoliciesProposed { policies, before };
        return Start { in_force: InForce::new(accepted, Some(configured)), event: Some(event) };
    }
    tracing::info!(?differences, "policies changed");
    let event = Event::PoliciesApplied { policies, before: Some(before) };
    Start { in_force: configured.into(), event: Some(event) }
}

#[cfg(test)]
mod tests {
    use conveyed_info::rpc::Roles;

    use super::*;

    fn redirecting() -> Policies {
        Policies { roles: Roles::RedirectOnly, ..Policies::default() }
    }

    #[test]
    fn srv_21_a_redirect_server_does_not_begin_to_onboard_because_a_file_says_so() {
        let start = decide(Policies::default(), Acceptance::Later, Some(redirecting()));
        assert_eq!(*start.in_force.now(), redirecting());
        assert_eq!(start.in_force.proposed().as_deref(), Some(&Policies::default()));
        assert!(matches!(start.event, Some(Event::PoliciesProposed { .. })));

        let start = decide(Policies::default(), Acceptance::AtStart, Some(redirecting()));
        assert_eq!((start.in_force.now().roles, start.in_force.proposed()), (Roles::default(), None));
        let Some(Event::PoliciesApplied { before: Some(before), .. }) = start.event else { panic!("not on record") };
        assert_eq!(*before, redirecting());
    }

    #[test]
    fn srv_21_what_is_stricter_is_in_force_at_once_and_what_is_the_same_leaves_no_leaf() {
        let start = decide(redirecting(), Acceptance::Later, Some(Policies::default()));
        assert_eq!((start.in_force.now().roles, start.in_force.proposed()), (Roles::RedirectOnly, None));
        assert!(matches!(start.event, Some(Event::PoliciesApplied { before: Some(_), .. })));
        assert!(decide(redirecting(), Acceptance::Later, Some(redirecting())).event.is_none());
        let first = decide(redirecting(), Acceptance::Later, None);
        assert!(matches!(first.event, Some(Event::PoliciesApplied { before: None, .. })));
    }
}
