//! `get-bootstrapping-data` (RFC 8572 §7.1).

use std::{sync::Arc, time::SystemTime};

use axum::{Extension, extract::State, response::Response};
use conveyed_info::{
    BootstrappingData, Encoding,
    information::{Information, RedirectInformation},
    make,
    rpc::{BootstrappingAnswer, BootstrappingRequest, CsrInput, ReportingLevel},
};
use pki::time::Timestamp;
use verdict::ReasonCode;

use super::{
    Answering, Caller, Input, Problem, Service,
    manner::{Manner, Signing},
    sealed,
};
use crate::{
    audit::{Answer, Basis, Event},
    domain::{
        Departures, Dossier, Encryption, OnboardingProfile, Proof, change,
        vouching::{self, Choice},
    },
    tls::Connection,
};

pub(super) async fn handle(
    State(service): State<Arc<Service>>,
    Extension(connection): Extension<Connection>,
    caller: Caller,
    answering: Answering,
    input: Input,
) -> Result<Response, Problem> {
    let dossier = service.store.dossier(&caller.device).await?;
    let authentication = caller.prove(&service, &dossier).await?;
    let wire_profile = dossier.profile.as_ref().map(|profile| profile.wire_profile).unwrap_or_default();
    let manner = Manner::from(wire_profile);
    let read = BootstrappingRequest::decode_with(&input.body, input.encoding, manner.input)?;
    let departures = Departures { wire_profile, authentication, leniencies: read.leniencies };
    // RFC 9646 §2.2: what a device can do about CSRs is an offer, which a server may leave aside: it gets its onboarding
    // information without. A CSR that nobody asked for would be dropped in silence, so it is refused.
    if let Some(CsrInput::Csr(_)) = read.value.csr {
        return Err(Problem::csr_not_wanted());
    }
    let mut dossier = super::held::admit(&service, &caller, dossier).await?;
    let Some(profile) = dossier.profile.clone() else { return Err(super::held::unprofiled()) };
    if manner.signing != Signing::Never {
        let idevid = connection.idevid.as_ref().map(|certificate| certificate.as_ref().as_ref());
        super::fetched::add_nonced(&service, &caller, &mut dossier, read.value.nonce.as_ref(), idevid).await?;
    }
    let profile = profile.as_ref();
    let idevid = connection.idevid.as_ref().map(|certificate| certificate.as_ref().as_ref());
    let chosen = choose(&service, &connection.home, &read.value, &dossier, profile, answering.0)
        .and_then(|chosen| chosen.protected(profile.encryption, idevid));
    match chosen {
        Ok(Chosen { answer, basis, body }) => {
            record(&service, &caller, &dossier, answer, basis, departures).await?;
            Ok(answering.with(body.encode(answering.0)))
        }
        Err(Withheld::Nothing(reason)) => {
            // Nothing was given, and so nothing was encrypted.
            let basis = Basis { encryption: Encryption::None, ..Basis::of(profile) };
            let answer = Answer::Nothing { reason };
            record(&service, &caller, &dossier, answer, basis, departures).await?;
            Err(Problem::nothing(reason))
        }
        Err(Withheld::Failed(problem)) => Err(problem),
    }
}

/// What a device gets.
pub(super) struct Chosen {
    pub(super) answer: Answer,
    basis: Basis,
    pub(super) body: BootstrappingAnswer<BootstrappingData>,
}

/// Why a known device gets nothing.
pub(super) enum Withheld {
    Nothing(ReasonCode),
    Failed(Problem),
}

/// What a device gets that asks so, before anything is encrypted.
pub(super) fn choose(
    service: &Service,
    home: &RedirectInformation,
    request: &BootstrappingRequest,
    dossier: &Dossier,
    profile: &OnboardingProfile,
    around: Encoding,
) -> Result<Chosen, Withheld> {
    let manner = Manner::from(profile.wire_profile);
    let mut basis = Basis::of(profile);
    // RFC 8572 §7.3 (WKS-04): a server without the feature onboarding-server has redirects to others, or nothing.
    if profile.redirect.is_none() && !service.policies.now().roles.onboards() {
        return Err(Withheld::Nothing(ReasonCode::NotAnOnboardingServer));
    }
    let (information, reporting_level) = if let Some(elsewhere) = &profile.redirect {
        (Information::Redirect(elsewhere.clone()), ReportingLevel::Minimal)
    } else if request.signed_data_preferred {
        // RFC 8572 §9.6 and Appendix B (SRV-04): a device that cannot trust us yet is sent back to us with our anchor,
        // so that it can report to somebody it has authenticated.
        (Information::Redirect(home.clone()), ReportingLevel::Minimal)
    } else {
        let selected = profile.select(request);
        basis.variant = selected.variant.cloned();
        let information = manner.onboarding(selected.information);
        (Information::Onboarding(information), manner.reporting_level(selected.reporting_level))
    };
    let style = manner.style(around);
    let failed = |error: &dyn std::error::Error| Withheld::Failed(Problem::internal(error));
    let signing = match profile.encryption {
        // ENC-02: signed first, encrypted second.
        Encryption::ToDevice => Signing::Always,
        Encryption::None => manner.signing,
    };
    let present = Timestamp::from_system(SystemTime::now());
    let choice = vouching::choose(&dossier.vouchers, request.nonce.as_ref(), service.owner.chain(), present);
    let data = match (choice, signing) {
        // RFC 8366 §5.3 (SRV-08): a voucher with another nonce is of no use to this device, and none is made up or taken out.
        (Choice::NonceMismatch, Signing::WhenPossible | Signing::Always) => {
            return Err(Withheld::Nothing(ReasonCode::VoucherNonceMismatch));
        }
        (Choice::Serve(voucher), Signing::WhenPossible | Signing::Always) => {
            service.owner.signed(&information, style, voucher.clone()).map_err(|error| failed(&error))?
        }
        // RFC 8572 §7.3 (SRV-03): never unsigned onboarding information to a device that prefers signed data. An unsigned
        // redirect is allowed: to other servers it is worth something without its anchors, but back here it would lead to
        // the same question.
        _ if request.signed_data_preferred && profile.redirect.is_none() => {
            return Err(Withheld::Nothing(ReasonCode::SignedDataUnavailable));
        }
        (Choice::Nothing, Signing::Always) => return Err(Withheld::Nothing(ReasonCode::SignedDataUnavailable)),
        (Choice::Nothing, Signing::WhenPossible) | (_, Signing::Never) => {
            make::unsigned_conveyed_information(&information, style)
                .map(BootstrappingData::Unsigned)
                .map_err(|error| failed(&error))?
        }
    };
    let conveyed_information = data.conveyed_information().sha256();
    let answer = match information {
        Information::Redirect(_) if profile.redirect.is_some() => Answer::Referral { conveyed_information },
        Information::Redirect(_) => Answer::Redirect { conveyed_information },
        Information::Onboarding(_) => Answer::Onboarding { conveyed_information },
    };
    Ok(Chosen { answer, basis, body: BootstrappingAnswer { reporting_level, data } })
}

impl Chosen {
    /// The same, as its profile protects it on its way to the device with this certificate.
    fn protected(mut self, encryption: Encryption, idevid: Option<&[u8]>) -> Result<Self, Withheld> {
        if encryption == Encryption::ToDevice {
            self.body.data = sealed::to_device(&self.body.data, idevid).map_err(|unsealed| {
                tracing::warn!(%unsealed, "nothing can be encrypted");
                if unsealed.is_the_device() {
                    Withheld::Nothing(ReasonCode::DeviceCannotDecrypt)
                } else {
                    Withheld::Failed(Problem::internal(&unsealed))
                }
            })?;
        }
        Ok(self)
    }
}

/// Makes the answer durable before it leaves. The same answer to the same certificate at the same address, for a device
/// that is still where that answer left it, changes nothing and leaves no second leaf: polling does not grow the log.
async fn record(
    service: &Service,
    caller: &Caller,
    dossier: &Dossier,
    answer: Answer,
    basis: Basis,
    departures: Departures,
) -> Result<(), Problem> {
    tracing::info!(device = %caller.device, source = %caller.source, ?answer, ?basis, ?departures, "answered");
    let event = Event::Answered {
        device: caller.device.clone(),
        source: caller.source,
        certificate: caller.certificate,
        answer,
        basis,
        departures,
    };
    let repeated = dossier.device.as_ref().is_some_and(|device| change::is_repeated(device, &event));
    if repeated {
        let proof = Proof { at: super::held::now(), source: caller.source, certificate: caller.certificate };
        service.store.note_proof(&caller.device, proof);
        return Ok(());
    }
    super::held::commit(service, caller, dossier, event).await
}
