//! Asking a server for bootstrapping data (RFC 8572 §5.3, §7.3).

use conveyed_info::{
    DocumentError, Encoding,
    rpc::{BootstrappingAnswer, BootstrappingRequest, RestconfError, YANG_DATA_JSON},
};
use verdict::{ReasonCode, Refusal};

use super::{
    Action, Answer, Event, Request, State, Transition,
    coming_again::{self, Question},
    connecting::Attempt,
    data::{self, Giver},
    judgement::Trust,
    shared::{Shared, unexpected},
};

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
        let giver =
            Giver::Server { attempt: self.attempt, trust: self.trust, root: self.root, level: answer.reporting_level };
        data::take(giver, answer.data, shared)
    }

    pub(super) const fn attempt(&self) -> &Attempt {
        &self.attempt
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
