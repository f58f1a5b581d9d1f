//! Bootstrapping data, wherever it came from: verified, then followed or applied (RFC 8572 §5.3 to §5.6).

use conveyed_info::{
    BootstrappingData, Unverified, Verified,
    information::{OnboardingInformation, RedirectInformation},
    rpc::ReportingLevel,
    verify::{self, Accepted, Findings, VoucherFacts},
};
use pki::revocation::Evidence;
use verdict::{Digest, ReasonCode, Refusal, Trace};

use super::{
    Api, Origin, Transition,
    connecting::Attempt,
    entry::Entry,
    fetching,
    judgement::Trust,
    onboarding::{self, Job},
    shared::Shared,
    verifying, vouchers,
};
use crate::{Decision, Place, Record};

/// Who gives the data, and what becomes of it where it fails.
#[derive(Debug)]
pub(super) enum Giver {
    /// A server that was asked.
    Server { attempt: Box<Attempt>, trust: Trust, api: Api, level: ReportingLevel },
    /// A place where the data lies, which nobody vouches for (RFC 8572 §4.1, §4.2; USB-01, DNS-01).
    Lying(Place),
}

impl Giver {
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Server { attempt, .. } => Place::Server(attempt.entry.server.clone()),
            Self::Lying(place) => place.clone(),
        }
    }

    pub(super) const fn trust(&self) -> Trust {
        match self {
            Self::Server { trust, .. } => *trust,
            Self::Lying(_) => Trust::Provisional,
        }
    }

    /// Who named it.
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::Server { attempt, .. } => attempt.entry.origin,
            Self::Lying(_) => Origin::Untrusted,
        }
    }
}

/// Verifies what was given and goes where it leads.
pub(super) fn take(giver: Giver, data: Unverified<BootstrappingData>, shared: &mut Shared) -> Transition {
    let mut findings = Findings::default();
    let result = verifying::verify(data.clone(), giver.trust(), Evidence::none(), shared, &mut findings);
    match result {
        Ok(verified) => self::verified(giver, verified, findings.voucher, shared),
        // RFC 8572 §5.4 (SEC-04): what came along does not do; the network may know more.
        Err(refusal) if !findings.wanted.is_empty() => fetching::begin(giver, data, refusal, findings.wanted, shared),
        Err(refusal) => refused(giver, refusal, shared),
    }
}

/// Goes where verified data leads, unless its voucher is a former owner's.
pub(super) fn verified(
    giver: Giver,
    verified: Verified<Accepted>,
    voucher: Option<VoucherFacts>,
    shared: &mut Shared,
) -> Transition {
    let (accepted, trace) = verified.into_parts();
    let Some(voucher) = voucher else { return self::accepted(giver, accepted, trace, shared) };
    let newest = shared.situation.newest_voucher;
    match vouchers::judge(voucher, newest, trace) {
        Err(refusal) => refused(giver, refusal, shared),
        Ok(trace) if vouchers::is_newer(voucher, newest) => vouchers::remember(giver, accepted, trace, voucher),
        Ok(trace) => self::accepted(giver, accepted, trace, shared),
    }
}

pub(super) fn accepted(giver: Giver, accepted: Accepted, trace: Trace, shared: &mut Shared) -> Transition {
    let what = match &accepted {
        Accepted::TrustedRedirect(_) => "a redirect that counts",
        Accepted::ProvisionalRedirect(_) => "a redirect that nobody vouches for",
        Accepted::Onboarding(_) => "onboarding information",
    };
    let artifact = verify::conveyed_information(&trace);
    shared.record(Record::new("data-accepted", Decision::Passed, what).about(giver.place()).with_checks(trace));
    match accepted {
        Accepted::TrustedRedirect(redirect) => follow(&giver, &redirect, Origin::Trusted, shared),
        Accepted::ProvisionalRedirect(redirect) => follow(&giver, &redirect, Origin::Untrusted, shared),
        Accepted::Onboarding(plan) => onboard(giver, plan, artifact, shared),
    }
}

/// RFC 8572 §5.5: the servers in list order; no report is made of it (CLI-41, CLI-47).
fn follow(giver: &Giver, redirect: &RedirectInformation, origin: Origin, shared: &mut Shared) -> Transition {
    let names: Vec<_> = redirect.servers().iter().map(|it| format!("{}:{}", it.address, it.port)).collect();
    shared.note("redirect-followed", giver.place(), names.join(", "));
    let entry = |target| match giver {
        Giver::Server { attempt, .. } => attempt.entry.redirected_to(target, origin).into(),
        Giver::Lying(_) => Entry::named_by_data(target, origin).into(),
    };
    shared.push(redirect.servers().iter().map(entry).collect());
    shared.next()
}

fn onboard(giver: Giver, plan: OnboardingInformation, artifact: Option<Digest>, shared: &mut Shared) -> Transition {
    let place = giver.place();
    let (api, level) = match giver {
        // RFC 8572 §5.6 (CLI-54): signed data does not make an untrusted server a trusted one; it hears nothing.
        Giver::Server { trust, api, level, .. } => (api, (trust == Trust::Trusted).then_some(level)),
        Giver::Lying(_) => (Api::none(), None),
    };
    onboarding::begin(Job::new(place, api, level, plan).made_from(artifact), shared)
}

pub(super) fn refused(giver: Giver, refusal: Refusal, shared: &mut Shared) -> Transition {
    let unreadable = matches!(refusal.reason, ReasonCode::DocumentInvalid | ReasonCode::ArtifactMalformed);
    // RFC 8572 §9.14 (ENC-12): of what was encrypted, nobody hears how far it got.
    let was_encrypted = refusal.trace.checks().iter().any(|check| check.check.ends_with("-decryption"));
    match giver {
        // RFC 8572 §5.6 (CLI-57, CLI-40): an authenticated server is told that its document cannot be read.
        Giver::Server { attempt, trust: Trust::Trusted, api, .. } if unreadable && !was_encrypted => {
            onboarding::cannot_parse(Place::Server(attempt.entry.server), api, refusal, shared)
        }
        Giver::Server { attempt, .. } => attempt.failed(refusal, shared),
        Giver::Lying(place) => shared.pass_over(place, refusal),
    }
}
