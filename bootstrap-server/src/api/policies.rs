//! The owner's policies: which are in force, and which wait for an admin (RFC 8572 §9.10; SRV-21).

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{AcceptPolicies, ChangeQuery, Policies, ProposedPolicies, paths};

use super::{
    Api, answer,
    change::{Done, KeptBody, Turn},
    fault::Fault,
    request::{NoParameters, Parameters, Submission},
};
use crate::audit::Event;

/// Show the policies in force
///
/// And what `sztp.toml` says instead, where that waits to be accepted.
#[utoipa::path(get, path = paths::POLICIES, tag = "server",
    responses((status = 200, description = "The policies.", body = Policies)))]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    Ok(answer::json(StatusCode::OK, &shown(&api)))
}

/// Accept the policies that `sztp.toml` proposes
///
/// They let devices do more than those in force. They are in force with the answer.
#[utoipa::path(post, path = paths::ACCEPT_POLICIES, tag = "server", request_body = AcceptPolicies,
    params(ChangeQuery),
    responses((status = 200, description = "They are in force.", body = Policies),
        (status = 204, description = "They would be.")))]
pub(super) async fn accept(
    State(api): State<Arc<Api>>,
    submission: Submission<AcceptPolicies>,
) -> Result<Response, Fault> {
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(_) => return Ok(answer::json(StatusCode::OK, &shown(&api))),
    };
    let proposed = api.policies.proposed();
    let Some(policies) = proposed.filter(|policies| policies.sha256().to_string() == submission.body.sha256) else {
        return Err(
            Fault::not_found().detail("no such policies wait to be accepted; look again, they may have changed")
        );
    };
    // Devices would be admitted with a profile that is not there, which is to nobody's profit.
    let known = api.store.profiles().await?;
    if let Some(missing) = policies.profiles().find(|name| known.iter().all(|profile| profile.name != **name)) {
        return Err(Fault::reference(format!("they admit devices with the profile {missing}, and there is none")));
    }
    let before = Some(Box::new(api.policies.now().as_ref().clone()));
    let event = Event::PoliciesApplied { policies: Box::new(policies.as_ref().clone()), before };
    match change.carry_out(&api, event.into(), KeptBody::afresh(StatusCode::OK)).await? {
        Done::Rehearsed => Ok(answer::empty(StatusCode::NO_CONTENT)),
        Done::Made => {
            tracing::warn!("policies were accepted that let devices do more than before");
            api.policies.put(policies);
            Ok(answer::json(StatusCode::OK, &shown(&api)))
        }
    }
}

fn shown(api: &Api) -> Policies {
    let in_force = api.policies.now();
    let proposed = api.policies.proposed().map(|policies| ProposedPolicies {
        policies: policies.to_json(),
        sha256: policies.sha256().to_string(),
        differences: policies.differences(&in_force),
    });
    Policies { in_force: in_force.to_json(), proposed }
}
