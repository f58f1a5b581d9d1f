//! Asking a server for bootstrapping data (RFC 8572 §5.3, §7.3).

use conveyed_info::{Encoding, rpc::BootstrappingRequest};

use super::{
    Action, Api, Event, Request, State, Transition,
    coming_again::{self, Question},
    connecting::Attempt,
    data::{self, Giver},
    judgement::Trust,
    reading,
    shared::{Shared, unexpected},
};
use crate::{Decision, Record};

/// Waits for bootstrapping data.
#[derive(Debug)]
pub(super) struct Asking {
    attempt: Attempt,
    trust: Trust,
    api: Api,
}

pub(super) fn begin(attempt: Attempt, trust: Trust, root: String, shared: &mut Shared) -> Transition {
    shared.note("asking", &attempt.entry.server, format!("over a {} connection", trust.as_str()));
    let api = Api::new(root, trust, shared.policy.credentials.as_ref());
    ask(Asking { attempt, trust, api }, shared)
}

/// Sends the question, for the first time or again.
pub(super) fn ask(asking: Asking, shared: &Shared) -> Transition {
    let input = input(asking.trust, shared);
    let action = Action::Send(Request::BootstrappingData { api: asking.api.clone(), input });
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
        // RFC 8040 §5.2 (CLI-26): a server need not speak both encodings. The same question once more, in the other one.
        if self.api.encoding == Encoding::Json && answer.prefers_xml() {
            let detail = format!("status {} to a request in JSON: from now on in XML", answer.status);
            shared.note("asking-in-xml", &self.attempt.entry.server, detail);
            self.api.encoding = Encoding::Xml;
            return ask(self, shared);
        }
        if answer.status != 200 {
            return self.attempt.failed(reading::refusal_of_server(&answer, self.api.encoding), shared);
        }
        let body = answer.body_as(self.api.encoding);
        let answer = match reading::bootstrapping_data(&answer, body.as_ref()) {
            Ok(answer) => answer,
            Err(refusal) => return self.attempt.failed(refusal, shared),
        };
        if let Some(leniency) = body.and_then(|body| body.leniency) {
            let record = Record::new("answer-read", Decision::Noted, format!("lenient: {leniency}"));
            shared.record(record.about(&self.attempt.entry.server));
        }
        let giver = Giver::Server {
            attempt: Box::new(self.attempt),
            trust: self.trust,
            api: self.api,
            level: answer.reporting_level,
        };
        data::take(giver, answer.data, shared)
    }

    pub(super) const fn attempt(&self) -> &Attempt {
        &self.attempt
    }
}
