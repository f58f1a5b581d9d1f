//! The state machine of RFC 8572 §5: events in, one action at a time out, no I/O.
//!
//! [`Machine::start`] gives the first action; whoever drives the machine carries it out and tells the result to
//! [`Machine::on`], which gives the next, until [`Action::Finish`]. A connection comes in two steps, so that the machine
//! judges the server's certificate chain before any request leaves the device (CLI-43): [`Action::Connect`] is answered
//! with the chain, and only then is there an [`Action::Send`].
//!
//! Trust is a value that belongs to one branch of the search: every server to be tried carries the anchor it must
//! validate to, and nothing a failed branch learned reaches the next (CLI-09, CLI-48).

mod action;
mod api;
mod asking;
mod budget;
mod coming_again;
mod connecting;
mod data;
mod discovering;
mod entry;
mod fetching;
mod history;
mod host_meta;
mod judgement;
mod locating;
mod onboarding;
mod policy;
mod reading;
mod resolving;
mod shared;
mod suspicion;
mod targets;
#[cfg(test)]
mod tests;
mod verifying;
mod vouchers;

pub use action::{
    Action, Answer, CommitFailure, Completion, Discovery, Download, Downloaded, Event, Fetch, ImageLocation,
    Installation, Offer, Pause, Request, ScriptEnd,
};
pub use action::{ScriptVerdict, SwitchPosition, Work};
pub use api::Api;
pub use entry::Origin;
pub use history::{Fact, History, OnboardingStep};
pub use policy::{FinalReport, ImageSignature, Policy, RunningImage, Situation, SourceIndex, Switch, WellKnownServer};
pub use targets::{AddressRange, AddressRangeInvalid, AllowedTargets};

use std::{sync::Arc, time::Duration};

use pki::time::Clock;

use crate::Record;
use asking::Asking;
use budget::Phase;
use coming_again::ComingAgain;
use connecting::Connecting;
use discovering::Discovering;
use fetching::Fetching;
use locating::Locating;
use onboarding::Onboarding;
use resolving::Resolving;
use shared::Shared;
use vouchers::RememberingVoucher;

/// One attempt to bootstrap: a walk over all sources, until one of them works or none is left (CLI-02).
#[derive(Debug)]
pub struct Machine {
    shared: Shared,
    state: State,
}

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What the clock says, and whether it may be believed: for dates.
    pub clock: Clock,
    /// Since some moment that stays the same, by a clock that never goes back: for deadlines.
    pub monotonic: Duration,
}

/// What the driver is to do next, and what was decided on the way there. The records come first: they are written
/// before the action is carried out.
#[derive(Debug)]
pub struct Step {
    /// The decisions since the previous step.
    pub records: Vec<Record>,
    /// The one thing to do now.
    pub action: Action,
}

/// The states. Each is a type of its own that knows which event it waits for.
#[derive(Debug)]
enum State {
    Discovering(Discovering),
    Resolving(Resolving),
    Connecting(Connecting),
    Locating(Locating),
    Asking(Asking),
    ComingAgain(ComingAgain),
    Fetching(Box<Fetching>),
    RememberingVoucher(Box<RememberingVoucher>),
    Onboarding(Box<Onboarding>),
    Finished,
}

/// A state, and the action whose result it waits for.
#[derive(Debug)]
struct Transition {
    state: State,
    action: Action,
}

impl Machine {
    /// A machine for one attempt.
    #[must_use]
    pub fn new(policy: Arc<Policy>, situation: Situation) -> Self {
        Self { shared: Shared::new(policy, situation), state: State::Finished }
    }

    /// The first action. RFC 8572 §5.3: nothing is trusted yet.
    pub fn start(&mut self, now: Moment) -> Step {
        self.shared.advance(now, Phase::Search);
        let transition = self.shared.next();
        self.take(transition)
    }

    /// The result of the last action, and what time it is now; gives the next action.
    pub fn on(&mut self, now: Moment, event: Event) -> Step {
        let phase = if matches!(self.state, State::Onboarding(_)) { Phase::Onboarding } else { Phase::Search };
        self.shared.advance(now, phase);
        let transition = match std::mem::replace(&mut self.state, State::Finished) {
            State::Discovering(state) => state.on(event, &mut self.shared),
            State::Resolving(state) => state.on(event, &mut self.shared),
            State::Connecting(state) => state.on(event, &mut self.shared),
            State::Locating(state) => state.on(event, &mut self.shared),
            State::Asking(state) => state.on(event, &mut self.shared),
            State::ComingAgain(state) => state.on(event, &self.shared),
            State::Fetching(state) => state.on(event, &mut self.shared),
            State::RememberingVoucher(state) => state.on(event, &mut self.shared),
            State::Onboarding(state) => state.on(event, &mut self.shared),
            State::Finished => self.shared.finish(),
        };
        self.take(transition)
    }

    fn take(&mut self, transition: Transition) -> Step {
        self.state = transition.state;
        Step { records: self.shared.take_records(), action: transition.action }
    }
}
