//! Waiting for a server that has no room now, and says when it will (RFC 9110 §10.2.3).

use std::time::Duration;

use super::{
    Action, Answer, Event, Pause, State, Transition,
    asking::{self, Asking},
    connecting::Attempt,
    locating::{self, Locating},
    shared::Shared,
};

/// How often one server is waited for.
const MAX_TURNED_AWAY: u32 = 8;
/// Longest time for which a server is believed.
const LONGEST: Duration = Duration::from_secs(180);

/// What is asked again.
#[derive(Debug)]
pub(super) enum Question {
    Root(Locating),
    Data(Asking),
}

/// Waits until the server has room.
#[derive(Debug)]
pub(super) struct ComingAgain {
    question: Question,
}

impl Answer {
    /// When a server that has no room is to be asked again, as far as it is believed. What a server says with other
    /// answers is about something else.
    pub(super) fn comes_later(&self) -> Option<Duration> {
        // RFC 9110 §15.6.4, RFC 6585 §4.
        self.retry_after.filter(|_| matches!(self.status, 429 | 503)).map(|told| told.min(LONGEST))
    }
}

impl Attempt {
    /// How long to wait for this server, if `answer` says that it has no room and waiting is worth it. As long as another
    /// one can be asked, that is sooner done; and what strangers say costs no more than the time that they have (SEC-09).
    pub(super) fn turned_away(&mut self, answer: &Answer, shared: &mut Shared) -> Option<Duration> {
        let pause = answer.comes_later()?;
        let only = self.remaining.is_empty() && !shared.has_others();
        let worth = only && self.times_turned_away < MAX_TURNED_AWAY && shared.has_time_for(self.entry.origin, pause);
        self.times_turned_away = self.times_turned_away.saturating_add(1);
        if !worth {
            // CLI-05: the next attempt comes no sooner.
            shared.comes_back(pause);
        }
        worth.then_some(pause)
    }
}

pub(super) fn begin(question: Question, pause: Duration, shared: &mut Shared) -> Transition {
    let attempt = match &question {
        Question::Root(locating) => locating.attempt(),
        Question::Data(asking) => asking.attempt(),
    };
    let detail = format!("no room now: to be asked again in {} s", pause.as_secs());
    shared.note("turned-away", &attempt.entry.server, detail);
    let state = State::ComingAgain(ComingAgain { question });
    Transition { state, action: Action::Wait(Pause::AtLeast(pause)) }
}

impl ComingAgain {
    pub(super) fn on(self, _: Event, shared: &Shared) -> Transition {
        match self.question {
            Question::Root(locating) => locating::ask(locating),
            Question::Data(asking) => asking::ask(asking, shared),
        }
    }
}
