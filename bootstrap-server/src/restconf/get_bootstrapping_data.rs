//! `get-bootstrapping-data` (RFC 8572 §7.1).

use std::{sync::Arc, time::SystemTime};

use authority::ldevid::CsrRefused;
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
    enrolment::{Attempt, Ready, Step, Ungiven},
    manner::{Manner, Signing},
    sealed,
};
use crate::{
    audit::{Answer, Basis, Event},
    domain::{
        Delivered, Departures, Dossier, Encryption, OnboardingProfile, Proof, change, filled,
        vouching::{self, Choice},
    },
    owner::Audience,
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
    let asks_for_csr = dossier.profile.as_ref().is_some_and(|profile| profile.ldevid.is_some());
    if matches!(read.value.csr, Some(CsrInput::Csr(_))) && (!asks_for_csr || read.value.signed_data_preferred) {
        return Err(Problem::csr_not_wanted());
    }
    let mut dossier = super::held::admit(&service, &caller, dossier).await?;
    let Some(profile) = dossier.profile.clone() else { return Err(super::held::unprofiled()) };
    let profile = profile.as_ref();
    let onboards = profile.redirect.is_none() && service.policies.now().roles.onboards();
    let step = match onboards {
        true => service.enrolment.step(&caller, &connection, &read.value, profile),
        false => Step::Without,
    };
    // A device that is asked for a CSR first gets no voucher yet, and so none is fetched for it.
    if manner.signing != Signing::Never && matches!(step, Step::Without | Step::Certify(_)) {
        let idevid = connection.idevid.as_ref().map(|certificate| certificate.as_ref().as_ref());
        super::fetched::add_nonced(&service, &caller, &mut dossier, read.value.nonce.as_ref(), idevid).await?;
    }
    let exchange = Exchange {
        service: &service,
        caller: &caller,
        connection: &connection,
        request: &read.value,
        answering,
        dossier: &dossier,
        profile,
        departures,
    };
    match (step, &profile.ldevid) {
        (Step::Certify(order), Some(ldevid)) => exchange.certify(Attempt::new(&order, ldevid)).await,
        (Step::Without | Step::Certify(_), _) => exchange.respond(None).await.map_err(Ungiven::into_problem),
        (Step::Ask(wanted, why), _) => {
            let reason = why.as_ref().map_or(ReasonCode::CsrWanted, CsrRefused::reason);
            let why = why.map_or_else(|| reason.summary().to_owned(), |why| why.to_string());
            Err(exchange.nothing(ReasonCode::CsrWanted, Problem::csr_wanted(*wanted, reason, &why)).await)
        }
        (Step::Refuse(reason, why), _) => {
            let problem = match reason {
                ReasonCode::CsrSupportMissing => Problem::nothing(reason),
                ReasonCode::LdevidUnavailable => Problem::unavailable(reason),
                reason => Problem::csr_refused(reason, &why),
            };
            tracing::info!(device = %caller.device, source = %caller.source, %reason, why, "no certificate");
            Err(exchange.nothing(reason, problem).await)
        }
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
    (dossier, profile): (&Dossier, &OnboardingProfile),
    delivered: Option<&Delivered>,
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
        let information = match &profile.ldevid {
            // CSR-13, CSR-15.
            Some(ldevid) => manner.onboarding(&filled(selected.information, ldevid.keystore.as_deref(), delivered)),
            None => manner.onboarding(selected.information),
        };
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
            let audience = if delivered.is_some() { Audience::Device } else { Audience::Class };
            service.owner.signed(&information, style, audience, voucher.clone()).map_err(|error| failed(&error))?
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

/// Who is being answered, and how it asked.
struct Exchange<'a> {
    service: &'a Service,
    caller: &'a Caller,
    connection: &'a Connection,
    request: &'a BootstrappingRequest,
    answering: Answering,
    dossier: &'a Dossier,
    profile: &'a OnboardingProfile,
    departures: Departures,
}

impl Exchange<'_> {
    /// Answers with a certificate, as soon as the ledger has nothing against it.
    async fn certify(&self, mut attempt: Attempt<'_>) -> Result<Response, Problem> {
        let enrolment = &self.service.enrolment;
        loop {
            let ready = enrolment.ready(&attempt, self.caller, self.dossier).await?;
            match self.respond(Some(ready)).await {
                Ok(response) => {
                    enrolment.given(self.caller);
                    return Ok(response);
                }
                Err(Ungiven::Problem(problem)) => return Err(problem),
                Err(Ungiven::Ledger(refused)) => attempt = attempt.again(refused)?,
            }
        }
    }

    /// Answers, with a certificate or without.
    async fn respond(&self, ready: Option<Ready>) -> Result<Response, Ungiven> {
        let Self { service, connection, request, dossier, profile, .. } = *self;
        let around = self.answering.0;
        let (delivered, issued) = ready.map(|it| (it.delivered, it.event)).unzip();
        let idevid = connection.idevid.as_ref().map(|certificate| certificate.as_ref().as_ref());
        let chosen = choose(service, &connection.home, request, (dossier, profile), delivered.as_ref(), around)
            .and_then(|chosen| chosen.protected(profile.encryption, idevid));
        match chosen {
            Ok(Chosen { answer, basis, body }) => {
                self.record(answer, basis, issued.flatten()).await?;
                Ok(self.answering.with(body.encode(around)))
            }
            // A certificate that is not given out was never issued: nothing is on record of it.
            Err(Withheld::Nothing(reason)) => Err(self.nothing(reason, Problem::nothing(reason)).await.into()),
            Err(Withheld::Failed(problem)) => Err(problem.into()),
        }
    }

    /// Makes the answer durable before it leaves, together with what was issued for it. The same answer to the same certificate
    /// at the same address, for a device that is still where that answer left it, changes nothing and leaves no second leaf:
    /// polling does not grow the log.
    async fn record(&self, answer: Answer, basis: Basis, issued: Option<Event>) -> Result<(), Ungiven> {
        let Self { service, caller, dossier, departures, .. } = self;
        tracing::info!(device = %caller.device, source = %caller.source, ?answer, ?basis, ?departures, "answered");
        let event = Event::Answered {
            device: caller.device.clone(),
            source: caller.source,
            certificate: caller.certificate,
            answer,
            basis,
            departures: departures.clone(),
        };
        let repeated = dossier.device.as_ref().is_some_and(|device| change::is_repeated(device, &event));
        if repeated && issued.is_none() {
            let proof = Proof { at: super::held::now(), source: caller.source, certificate: caller.certificate };
            service.store.note_proof(&caller.device, proof);
            return Ok(());
        }
        super::held::commit_with(service, caller, dossier, issued, event).await
    }

    /// Records that the device gets nothing; gives the answer that says so.
    async fn nothing(&self, reason: ReasonCode, problem: Problem) -> Problem {
        // Nothing was given, and so nothing was encrypted.
        let basis = Basis { encryption: Encryption::None, ..Basis::of(self.profile) };
        match self.record(Answer::Nothing { reason }, basis, None).await {
            Ok(()) => problem,
            Err(ungiven) => ungiven.into_problem(),
        }
    }
}
