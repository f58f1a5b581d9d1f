//! What happened to a device, what it waits for, and what to do.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use conveyed_info::rpc::ProgressType;
use operator_api::{Step, Story, paths};

use super::{
    Api, answer, clock,
    fault::Fault,
    request::{DevicePath, NoParameters, Parameters},
    view,
};
use crate::{
    domain::story::{self, Case},
    restconf,
    serve::Onboarding,
};

/// Records that are told: the latest. A device that asks without end leaves few: repeats leave none.
const MAX_STEPS: u32 = 1000;

/// Explain a device
///
/// What happened to it, what it waits for, who has to act, what it would be told if it asked now, and whether it would
/// accept that.
#[utoipa::path(get, path = paths::STORY, tag = "devices",
    params(("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded.")),
    responses((status = 200, description = "Its story.", body = Story)))]
pub(super) async fn story(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
    DevicePath(device): DevicePath,
) -> Result<Response, Fault> {
    let dossier = api.store.dossier(&device).await?;
    let shown = view::of_dossier(&api, api.log.of(api.store.as_ref()).await?, &dossier);
    let shown = shown.ok_or_else(|| Fault::not_found().detail(format!("no device {device}")))?;
    let records = api.store.latest(&device, MAX_STEPS).await?;
    let manufacturers = api.store.manufacturers().await?;
    let Onboarding { service, home } = api.onboarding()?;
    let offers = restconf::offers(service, home, &dossier);
    let told = story::tell(&Case {
        dossier: &dossier,
        manufacturer: manufacturers.iter().find(|it| it.name == device.manufacturer),
        records: &records,
        policies: &api.policies.now(),
        offers: &offers,
        now: clock::now(),
    });
    let reports = api.store.reports(&device).await?;
    let bootstrapped = reports.iter().rfind(|report| report.progress_type == ProgressType::BootstrapComplete);
    let keys = bootstrapped.map(|report| report.keys.iter().map(view::reported_key).collect()).unwrap_or_default();
    let steps = told.steps.into_iter().map(|step| Step {
        leaf: step.leaf.0,
        at: clock::written(step.at),
        event: step.event,
        summary: step.summary,
        by: step.by,
    });
    let checks = serde_json::to_value(&told.trace).map_err(|error| Fault::internal(&error))?;
    let checks = match checks {
        serde_json::Value::Array(checks) => checks,
        other => vec![other],
    };
    Ok(answer::json(
        StatusCode::OK,
        &Story {
            device: shown,
            steps: steps.collect(),
            keys,
            next_answer: told.next_answer,
            would_be_refused: told.obstacle.map(|reason| reason.to_string()),
            remedy: told.remedy.map(str::to_owned),
            checks,
        },
    ))
}
