//! Onboarding profiles.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{ChangeQuery, NewProfile, Profile, ProfileList, ProfileSummary, paths};

use super::{
    Api, answer,
    change::{KeptBody, Turn},
    fault::Fault,
    request::{NamePath, NoParameters, Nothing, Parameters, Submission},
};
use crate::{
    audit::Event,
    domain::{OnboardingProfile, ProfileInvalid, ProfileName},
};

/// List profiles
///
/// Without what is in them: configurations and scripts hold secrets.
#[utoipa::path(get, path = paths::PROFILES, tag = "profiles",
    responses((status = 200, description = "All profiles, by name.", body = ProfileList)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    let profiles = api.store.profiles().await?;
    Ok(answer::json(StatusCode::OK, &ProfileList { profiles: profiles.iter().map(summary).collect() }))
}

/// Show a profile
#[utoipa::path(get, path = paths::PROFILE, tag = "profiles",
    params(("profile" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The profile.", body = Profile)))]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
    name: NamePath,
) -> Result<Response, Fault> {
    let name = name.of(ProfileName::new)?;
    let profile = api.store.profile(&name).await?;
    let profile = profile.ok_or_else(|| Fault::not_found().detail(format!("no profile {name}")))?;
    Ok(answer::json(StatusCode::OK, &shown(&profile)))
}

/// Apply a profile
///
/// Adds it, or replaces the one of that name: its devices get the new one from now on.
#[utoipa::path(put, path = paths::PROFILE, tag = "profiles", request_body = NewProfile,
    params(ChangeQuery, ("profile" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The profile as it is now.", body = Profile),
        (status = 204, description = "It would be applied.")))]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    name: NamePath,
    submission: Submission<NewProfile>,
) -> Result<Response, Fault> {
    let name = name.of(ProfileName::new)?;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => return Ok(answer::kept(kept)),
    };
    if submission.body.document.contains('\0') {
        return Err(Fault::body("document: holds the character U+0000"));
    }
    let invalid = |error: ProfileInvalid| Fault::body(format!("document: {error}"));
    let profile = OnboardingProfile::from_toml(name, &submission.body.document).map_err(invalid)?;
    profile.rehearse().map_err(invalid)?;
    let written = answer::written(&shown(&profile));
    let kept = KeptBody::whole(StatusCode::OK, written.clone());
    let done = change.carry_out(&api, Event::ProfileApplied { profile: Box::new(profile) }.into(), kept).await?;
    Ok(done.answer(|| answer::octets(StatusCode::OK, written)))
}

/// Remove a profile
///
/// One that devices still have cannot be removed.
#[utoipa::path(delete, path = paths::PROFILE, tag = "profiles",
    params(ChangeQuery, ("profile" = String, Path, description = "Its name.")),
    responses((status = 204, description = "It is removed, or would be.")))]
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    name: NamePath,
    submission: Submission<Nothing>,
) -> Result<Response, Fault> {
    let profile = name.of(ProfileName::new)?;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => return Ok(answer::kept(kept)),
    };
    if api.store.profile(&profile).await?.is_none() {
        return Err(Fault::not_found().detail(format!("no profile {profile}")));
    }
    let kept = KeptBody::afresh(StatusCode::NO_CONTENT);
    change.carry_out(&api, Event::ProfileRemoved { profile }.into(), kept).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

fn summary(profile: &OnboardingProfile) -> ProfileSummary {
    // What is stored was read before it was: it is TOML.
    let document: toml::Table = toml::from_str(profile.document()).unwrap_or_default();
    ProfileSummary {
        name: profile.name.to_string(),
        digest: profile.sha256().to_string(),
        members: document.keys().cloned().collect(),
    }
}

fn shown(profile: &OnboardingProfile) -> Profile {
    Profile { name: profile.name.to_string(), document: profile.document().to_owned() }
}
