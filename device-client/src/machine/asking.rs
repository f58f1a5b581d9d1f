//! Asking a server for bootstrapping data, and judging what it gives (RFC 8572 §5.3 to §5.5).

use conveyed_info::{
    DocumentError, Encoding,
    cms::AeadPolicy,
    information::{OnboardingInformation, RedirectInformation},
    profile::InputProfile,
    rpc::{BootstrappingAnswer, BootstrappingRequest, ReportingLevel, RestconfError, YANG_DATA_JSON},
    verify::{self, Accepted, Context, Decryption, Source},
};
use pki::revocation::Evidence;
use verdict::{ReasonCode, Refusal, Trace};

use super::{
    Action, Answer, Event, Origin, Request, State, Transition,
    coming_again::{self, Question},
    connecting::Attempt,
    judgement::Trust,
    onboarding::{self, Job},
    shared::{Shared, unexpected},
};
use crate::{Decision, Record};

/// Longest part of a server's own words that is repeated in a detail.
const MAX_QUOTE: usize = 300;

/// Waits for bootstrapping data.
#[derive(Debug)]
pub(super) struct Asking {
    attempt: Attempt,
    trust: Trust,
    root: String,
}

pub(super) fn begin(attempt: Attempt, trust: Trust, root: String, shared: &mut Shared) -> Transition {
    shared.note("asking", &attempt.entry.server, format!("over a {} connection", trust.as_str()));
    ask(Asking { attempt, trust, root }, shared)
}

/// Sends the question, for the first time or again.
pub(super) fn ask(asking: Asking, shared: &Shared) -> Transition {
    let input = input(asking.trust, shared);
    let action = Action::Send(Request::BootstrappingData { root: asking.root.clone(), input });
    Transition { state: State::Asking(asking), action }
}

fn input(trust: Trust, shared: &Shared) -> BootstrappingRequest {
    let nonce = shared.situation.nonce.clone();
    match trust {
        // RFC 8572 §9.6 (CLI-20, CLI-21): this and nothing else, but the nonce that the voucher must answer.
        Trust::Provisional => {
            BootstrappingRequest { signed_data_preferred: true, nonce, ..BootstrappingRequest::default() }
        }
        // RFC 8572 §7.3 (CLI-22).
        Trust::Trusted => {
            let running = &shared.situation.running;
            BootstrappingRequest {
                signed_data_preferred: false,
                hw_model: shared.policy.hw_model.clone(),
                os_name: running.os_name.clone(),
                os_version: running.os_version.clone(),
                nonce,
                csr: None,
            }
        }
    }
}

impl Asking {
    pub(super) fn on(mut self, event: Event, shared: &mut Shared) -> Transition {
        let answer = match event {
            Event::Answered(answer) => answer,
            Event::Failed(refusal) => return self.attempt.failed(refusal, shared),
            _ => return self.attempt.failed(unexpected("get-bootstrapping-data"), shared),
        };
        if let Some(pause) = self.attempt.turned_away(&answer, shared) {
            return coming_again::begin(Question::Data(self), pause, shared);
        }
        if answer.status != 200 {
            return self.attempt.failed(refusal_of_server(&answer), shared);
        }
        let answer = match read(&answer) {
            Ok(answer) => answer,
            Err(refusal) => return self.attempt.failed(refusal, shared),
        };
        let verified = {
            let context = Context {
                source: match self.trust {
                    Trust::Trusted => Source::TrustedServer,
                    Trust::Provisional => Source::Untrusted,
                },
                voucher_anchors: &shared.policy.voucher_anchors,
                serial_number: &shared.policy.serial_number,
                idevid: Some(&shared.policy.idevid),
                nonce: shared.situation.nonce.as_ref(),
                clock: shared.clock,
                assertions: &shared.policy.accepted_assertions,
                // RFC 8572 §5.4 (SEC-04): what is stapled must do until lists are fetched.
                decryption: shared.policy.decryption_key.as_deref().map(|key| Decryption {
                    key,
                    certificate: Some(&shared.policy.idevid),
                    // RFC 8572 §3.1 names EnvelopedData alone (ENC-09).
                    aead: AeadPolicy::Refuse,
                }),
                profile: InputProfile::Strict,
                revocation: Evidence::none(),
            };
            verify::verify(answer.data, &context)
        };
        match verified {
            Ok(verified) => {
                let (accepted, trace) = verified.into_parts();
                self.accepted(accepted, trace, answer.reporting_level, shared)
            }
            Err(refusal) => self.refused(refusal, shared),
        }
    }

    pub(super) const fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    fn accepted(self, accepted: Accepted, trace: Trace, level: ReportingLevel, shared: &mut Shared) -> Transition {
        let server = &self.attempt.entry.server;
        let what = match &accepted {
            Accepted::TrustedRedirect(_) => "a redirect that counts",
            Accepted::ProvisionalRedirect(_) => "a redirect that nobody vouches for",
            Accepted::Onboarding(_) => "onboarding information",
        };
        shared.record(Record::new("data-accepted", Decision::Passed, what).about(server).with_checks(trace));
        match accepted {
            Accepted::TrustedRedirect(redirect) => self.follow(&redirect, Origin::Trusted, shared),
            Accepted::ProvisionalRedirect(redirect) => self.follow(&redirect, Origin::Untrusted, shared),
            Accepted::Onboarding(plan) => self.onboard(plan, level, shared),
        }
    }

    /// RFC 8572 §5.5: the servers in list order; no report is made of it (CLI-41, CLI-47).
    fn follow(self, redirect: &RedirectInformation, origin: Origin, shared: &mut Shared) -> Transition {
        let entry = &self.attempt.entry;
        let names: Vec<_> = redirect.servers().iter().map(|it| format!("{}:{}", it.address, it.port)).collect();
        shared.note("redirect-followed", &entry.server, names.join(", "));
        shared.push(redirect.servers().iter().map(|target| entry.redirected_to(target, origin)).collect());
        shared.next()
    }

    fn onboard(self, plan: OnboardingInformation, level: ReportingLevel, shared: &mut Shared) -> Transition {
        // RFC 8572 §5.6 (CLI-54): signed data does not make an untrusted server a trusted one; it hears nothing.
        let level = (self.trust == Trust::Trusted).then_some(level);
        onboarding::begin(Job::new(self.attempt.entry.server, self.root, level, plan), shared)
    }

    fn refused(self, refusal: Refusal, shared: &mut Shared) -> Transition {
        let unreadable = matches!(refusal.reason, ReasonCode::DocumentInvalid | ReasonCode::ArtifactMalformed);
        // RFC 8572 §9.14 (ENC-12): of what was encrypted, nobody hears how far it got.
        let was_encrypted = refusal.trace.checks().iter().any(|check| check.check.ends_with("-decryption"));
        // RFC 8572 §5.6 (CLI-57, CLI-40): an authenticated server is told that its document cannot be read.
        if self.trust == Trust::Trusted && unreadable && !was_encrypted {
            return onboarding::cannot_parse(self.attempt.entry.server, self.root, refusal, shared);
        }
        self.attempt.failed(refusal, shared)
    }
}

fn read(
    answer: &Answer,
) -> Result<BootstrappingAnswer<conveyed_info::Unverified<conveyed_info::BootstrappingData>>, Refusal> {
    if answer.media_type.as_deref() != Some(YANG_DATA_JSON) {
        let detail = format!("an answer of type {}", answer.media_type.as_deref().unwrap_or("unknown"));
        return Err(Refusal::new(ReasonCode::ServerAnswerInvalid, detail));
    }
    BootstrappingAnswer::decode(&answer.body, Encoding::Json).map_err(|error| {
        let reason = match &error {
            // RFC 8572 §7.3 (ART-23): the companions come together.
            DocumentError::MissingMember { path }
                if path.ends_with("ownership-voucher") || path.ends_with("owner-certificate") =>
            {
                ReasonCode::GroupingIllegal
            }
            _ => ReasonCode::ServerAnswerInvalid,
        };
        Refusal::new(reason, error.to_string())
    })
}

/// RFC 8040 §7: any other status means that this server has nothing for the device (CLI-28).
fn refusal_of_server(answer: &Answer) -> Refusal {
    let status = answer.status;
    match RestconfError::decode(&answer.body, Encoding::Json) {
        Some(error) => {
            let reason = if status == 404 { ReasonCode::NothingForThisDevice } else { ReasonCode::ServerRefused };
            let said: String = error.message.chars().filter(|it| !it.is_control()).take(MAX_QUOTE).collect();
            Refusal::new(reason, format!("status {status}, {}: {said}", error.tag.as_str()))
        }
        None if (400..500).contains(&status) && status != 404 => {
            Refusal::new(ReasonCode::ServerRefused, format!("status {status}"))
        }
        None => Refusal::new(ReasonCode::ServerAnswerInvalid, format!("status {status} without a RESTCONF error")),
    }
}
