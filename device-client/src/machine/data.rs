//! Bootstrapping data, wherever it came from: verified, then followed or applied (RFC 8572 §5.3 to §5.6).

use conveyed_info::{
    BootstrappingData, Unverified, Verified,
    cms::AeadPolicy,
    information::{OnboardingInformation, RedirectInformation},
    profile::InputProfile,
    rpc::ReportingLevel,
    verify::{self, Accepted, Context, Decryption, Source},
};
use pki::revocation::Evidence;
use verdict::{Digest, ReasonCode, Refusal, Trace};

use super::{
    Origin, Transition,
    connecting::Attempt,
    entry::Entry,
    judgement::Trust,
    onboarding::{self, Job},
    shared::Shared,
};
use crate::{Decision, Place, Record};

/// Who gives the data, and what becomes of it where it fails.
#[derive(Debug)]
pub(super) enum Giver {
    /// A server that was asked.
    Server {
        attempt: Attempt,
        trust: Trust,
        /// The path of its RESTCONF root.
        root: String,
        level: ReportingLevel,
    },
    /// A place where the data lies, which nobody vouches for (RFC 8572 §4.1, §4.2; USB-01, DNS-01).
    Lying(Place),
}

impl Giver {
    fn place(&self) -> Place {
        match self {
            Self::Server { attempt, .. } => Place::Server(attempt.entry.server.clone()),
            Self::Lying(place) => place.clone(),
        }
    }

    const fn trust(&self) -> Trust {
        match self {
            Self::Server { trust, .. } => *trust,
            Self::Lying(_) => Trust::Provisional,
        }
    }
}

/// Verifies what was given and goes where it leads.
pub(super) fn take(giver: Giver, data: Unverified<BootstrappingData>, shared: &mut Shared) -> Transition {
    match verify(data, giver.trust(), shared) {
        Ok((accepted, trace)) => self::accepted(giver, accepted, trace, shared),
        Err(refusal) => refused(giver, refusal, shared),
    }
}

fn verify(data: Unverified<BootstrappingData>, trust: Trust, shared: &Shared) -> Result<(Accepted, Trace), Refusal> {
    let policy = &shared.policy;
    let context = Context {
        source: match trust {
            Trust::Trusted => Source::TrustedServer,
            Trust::Provisional => Source::Untrusted,
        },
        voucher_anchors: &policy.voucher_anchors,
        serial_number: &policy.serial_number,
        idevid: Some(&policy.idevid),
        nonce: shared.situation.nonce.as_ref(),
        clock: shared.clock,
        assertions: &policy.accepted_assertions,
        decryption: policy.decryption_key.as_deref().map(|key| Decryption {
            key,
            certificate: Some(&policy.idevid),
            // RFC 8572 §3.1 names EnvelopedData alone (ENC-09).
            aead: AeadPolicy::Refuse,
        }),
        profile: InputProfile::Strict,
        // RFC 8572 §5.4 (SEC-04): what is stapled must do until lists are fetched.
        revocation: Evidence::none(),
    };
    verify::verify(data, &context).map(Verified::into_parts)
}

fn accepted(giver: Giver, accepted: Accepted, trace: Trace, shared: &mut Shared) -> Transition {
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
    let (root, level) = match giver {
        // RFC 8572 §5.6 (CLI-54): signed data does not make an untrusted server a trusted one; it hears nothing.
        Giver::Server { trust, root, level, .. } => (root, (trust == Trust::Trusted).then_some(level)),
        Giver::Lying(_) => (String::new(), None),
    };
    onboarding::begin(Job::new(place, root, level, plan).made_from(artifact), shared)
}

fn refused(giver: Giver, refusal: Refusal, shared: &mut Shared) -> Transition {
    let unreadable = matches!(refusal.reason, ReasonCode::DocumentInvalid | ReasonCode::ArtifactMalformed);
    // RFC 8572 §9.14 (ENC-12): of what was encrypted, nobody hears how far it got.
    let was_encrypted = refusal.trace.checks().iter().any(|check| check.check.ends_with("-decryption"));
    match giver {
        // RFC 8572 §5.6 (CLI-57, CLI-40): an authenticated server is told that its document cannot be read.
        Giver::Server { attempt, trust: Trust::Trusted, root, .. } if unreadable && !was_encrypted => {
            onboarding::cannot_parse(Place::Server(attempt.entry.server), root, refusal, shared)
        }
        Giver::Server { attempt, .. } => attempt.failed(refusal, shared),
        Giver::Lying(place) => shared.pass_over(place, refusal),
    }
}
