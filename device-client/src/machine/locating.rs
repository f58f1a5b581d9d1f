//! Finding the RESTCONF root (RFC 8040 §3.1).

use verdict::{ReasonCode, Refusal};

use super::{
    Action, Event, Request, State, Transition, asking,
    coming_again::{self, Question},
    connecting::Attempt,
    host_meta,
    judgement::Trust,
    shared::{Shared, unexpected},
};

/// Where the root is when a server has no host-meta document.
const DEFAULT_ROOT: &str = "/restconf";

/// Waits for the host-meta document.
#[derive(Debug)]
pub(super) struct Locating {
    attempt: Attempt,
    trust: Trust,
}

pub(super) fn begin(attempt: Attempt, trust: Trust) -> Transition {
    ask(Locating { attempt, trust })
}

/// Sends the question, for the first time or again.
pub(super) const fn ask(locating: Locating) -> Transition {
    Transition { state: State::Locating(locating), action: Action::Send(Request::HostMeta) }
}

impl Locating {
    pub(super) const fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    pub(super) fn on(mut self, event: Event, shared: &mut Shared) -> Transition {
        let root = match event {
            Event::Answered(answer) => match answer.status {
                200 => host_meta::restconf_root(&answer.body),
                // CLI-25: the usual place only when there is no host-meta document at all.
                404 | 410 => Some(DEFAULT_ROOT.to_owned()),
                // RFC 8040 §3.1 leaves open who may read it. Where it is guarded, the usual place is as likely as anything.
                401 | 403 => {
                    let detail =
                        format!("lenient: host-meta is guarded (status {}), the usual root is tried", answer.status);
                    shared.note("root-guessed", &self.attempt.entry.server, detail);
                    Some(DEFAULT_ROOT.to_owned())
                }
                status => {
                    if let Some(pause) = self.attempt.turned_away(&answer, shared) {
                        return coming_again::begin(Question::Root(self), pause, shared);
                    }
                    let detail = format!("host-meta was answered with status {status}");
                    let refusal = Refusal::new(ReasonCode::ServerAnswerInvalid, detail);
                    return self.attempt.failed(refusal, shared);
                }
            },
            Event::Failed(refusal) => return self.attempt.failed(refusal, shared),
            _ => return self.attempt.failed(unexpected("host-meta"), shared),
        };
        match root {
            Some(root) => asking::begin(self.attempt, self.trust, root, shared),
            None => {
                let detail = "the host-meta document has no link to a RESTCONF root on this server";
                self.attempt.failed(Refusal::new(ReasonCode::ServerAnswerInvalid, detail), shared)
            }
        }
    }
}
