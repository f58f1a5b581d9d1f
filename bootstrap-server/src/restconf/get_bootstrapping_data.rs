//! `get-bootstrapping-data` (RFC 8572 §7.1).

use std::sync::Arc;

use axum::{
    extract::State,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use conveyed_info::{
    BootstrappingData, Encoding,
    information::Information,
    make,
    rpc::{BootstrappingAnswer, BootstrappingRequest, ReportingLevel, YANG_DATA_JSON},
};
use verdict::ReasonCode;

use super::{Caller, JsonBody, Problem, Service};
use crate::{
    audit::{Answer, Event},
    domain::{Dossier, OnboardingProfile, Proof, change},
};

pub(super) async fn handle(
    State(service): State<Arc<Service>>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let request = BootstrappingRequest::decode(&body, Encoding::Json)?;
    let dossier = super::held::admit(&service, &caller).await?;
    if dossier.profile.is_none() {
        return Err(super::held::unprofiled());
    }
    match choose(&service, &request, &dossier) {
        Ok((answer, body)) => {
            record(&service, &caller, &dossier, answer).await?;
            Ok(([(CONTENT_TYPE, YANG_DATA_JSON), (CACHE_CONTROL, "no-store")], body.encode(Encoding::Json))
                .into_response())
        }
        Err(Withheld::Nothing(reason)) => {
            record(&service, &caller, &dossier, Answer::Nothing { reason }).await?;
            Err(Problem::nothing(reason))
        }
        Err(Withheld::Failed(problem)) => Err(problem),
    }
}

/// Why a known device gets nothing.
enum Withheld {
    Nothing(ReasonCode),
    Failed(Problem),
}

fn choose(
    service: &Service,
    request: &BootstrappingRequest,
    dossier: &Dossier,
) -> Result<(Answer, BootstrappingAnswer<BootstrappingData>), Withheld> {
    let Some(profile) = &dossier.profile else { return Err(Withheld::Nothing(ReasonCode::DeviceUnknown)) };
    let (information, reporting_level) = if request.signed_data_preferred {
        // RFC 8572 §9.6 and Appendix B (SRV-04): a device that cannot trust us yet is sent back to us with our anchor,
        // so that it can report to somebody it has authenticated.
        (Information::Redirect(service.redirect.clone()), ReportingLevel::Minimal)
    } else {
        onboarding(profile)
    };
    let data = match &dossier.voucher {
        Some(voucher) => service
            .owner
            .signed(&information, voucher.clone())
            .map_err(|error| Withheld::Failed(Problem::internal(&error)))?,
        // RFC 8572 §7.3 (SRV-03): never unsigned onboarding information to a device that prefers signed data.
        None if request.signed_data_preferred => {
            return Err(Withheld::Nothing(ReasonCode::SignedDataUnavailable));
        }
        None => make::unsigned_conveyed_information(&information, make::Style::default())
            .map(BootstrappingData::Unsigned)
            .map_err(|error| Withheld::Failed(Problem::internal(&error)))?,
    };
    let conveyed_information = data.conveyed_information().sha256();
    let answer = match information {
        Information::Redirect(_) => Answer::Redirect { conveyed_information },
        Information::Onboarding(_) => Answer::Onboarding { conveyed_information },
    };
    Ok((answer, BootstrappingAnswer { reporting_level, data }))
}

fn onboarding(profile: &OnboardingProfile) -> (Information, ReportingLevel) {
    (Information::Onboarding(profile.information.clone()), profile.reporting_level)
}

/// Makes the answer durable before it leaves. The same answer to the same certificate at the same address, for a device
/// that is still where that answer left it, changes nothing and leaves no second leaf: polling does not grow the log.
async fn record(service: &Service, caller: &Caller, dossier: &Dossier, answer: Answer) -> Result<(), Problem> {
    let event = Event::Answered {
        device: caller.device.clone(),
        source: caller.source,
        certificate: caller.certificate,
        answer,
    };
    let repeated = dossier.device.as_ref().is_some_and(|device| change::is_repeated(device, &event));
    tracing::info!(device = %caller.device, source = %caller.source, ?answer, repeated, "answered");
    if repeated {
        let proof = Proof { at: super::held::now(), source: caller.source, certificate: caller.certificate };
        service.store.note_proof(&caller.device, proof);
        return Ok(());
    }
    super::held::commit(service, caller, dossier, event).await
}
