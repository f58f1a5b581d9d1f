//! What all states of one attempt share: the servers still to be tried, and what was decided so far.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use conveyed_info::{BootstrappingData, Unverified};
use pki::time::{Clock, Timestamp};
use verdict::{ReasonCode, Refusal};

use super::{
    Action, Moment, Offer, Origin, Policy, Situation, SourceIndex, State, Transition,
    budget::{Budget, Phase, SEARCH},
    data::{self, Giver},
    discovering::Discovering,
    entry::{Entry, Key},
    resolving,
};
use crate::{Decision, Outcome, OutcomeState, PassedOver, Place, Record};

/// RFC 8572 §5.3: the recursion has a limit, and the limit should be at most ten (CLI-14).
const MAX_REDIRECTS: usize = 10;

/// Servers that one source may make the device try, however its redirects branch (SEC-09).
const MAX_TRIES: usize = 128;

/// Servers that are taken from one list that nobody vouches for (SEC-09).
const MAX_UNTRUSTED_LIST: usize = 16;

/// What is still to be tried.
#[derive(Debug)]
pub(super) enum Pending {
    Server(Box<Entry>),
    Data(Place, Unverified<BootstrappingData>),
}

impl Pending {
    fn origin(&self) -> Origin {
        match self {
            Self::Server(entry) => entry.origin,
            Self::Data(..) => Origin::Untrusted,
        }
    }
}

impl From<Entry> for Pending {
    fn from(entry: Entry) -> Self {
        Self::Server(Box::new(entry))
    }
}

impl From<Offer> for Pending {
    fn from(offer: Offer) -> Self {
        match offer {
            Offer::Server(server, origin) => Entry::from_source(server, origin).into(),
            Offer::Data(place, data) => Self::Data(place, data),
        }
    }
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) policy: Arc<Policy>,
    pub(super) situation: Situation,
    pub(super) clock: Clock,
    records: Vec<Record>,
    passed_over: Vec<PassedOver>,
    /// The last server whose data was good and could not be applied, and why.
    apply_failed: Option<PassedOver>,
    /// The shortest time that a server asked for which was not waited for.
    come_back: Option<Duration>,
    /// A stack: the servers of an inner list stand above those of the list around it, so that an error leads back to
    /// the enclosing loop and not to the start (CLI-17).
    pending: Vec<Pending>,
    /// What was tried through this source. Who named a server decides where it may lead (SEC-10), so one that was
    /// blocked for a stranger is not tried already when the owner names it (CLI-09).
    tried: BTreeSet<(Key, Origin)>,
    budget: Budget,
    next_source: usize,
}

impl Shared {
    pub(super) fn new(policy: Arc<Policy>, situation: Situation) -> Self {
        Self {
            policy,
            situation,
            clock: Clock::Untrusted { at_least: Timestamp::from_unix(0) },
            records: Vec::new(),
            passed_over: Vec::new(),
            apply_failed: None,
            come_back: None,
            pending: Vec::new(),
            tried: BTreeSet::new(),
            budget: Budget::default(),
            next_source: 0,
        }
    }

    pub(super) fn advance(&mut self, now: Moment, phase: Phase) {
        self.clock = now.clock;
        self.budget.advance(now.monotonic, phase);
    }

    pub(super) fn record(&mut self, mut record: Record) {
        record.time = self.clock.now().map(|now| now.to_string());
        self.records.push(record);
    }

    pub(super) fn note(&mut self, step: &'static str, place: impl Into<Place>, detail: impl Into<String>) {
        self.record(Record::new(step, Decision::Noted, detail).about(place));
    }

    pub(super) fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// What a source is called.
    pub(super) fn name_of(&self, source: SourceIndex) -> String {
        self.policy.sources.get(source.0).cloned().unwrap_or_else(|| format!("source {}", source.0))
    }

    /// Puts what a list offers before all else, in its order.
    pub(super) fn push(&mut self, mut entries: Vec<Pending>) {
        let untrusted = entries.iter().any(|entry| entry.origin() == Origin::Untrusted);
        if untrusted && entries.len() > MAX_UNTRUSTED_LIST {
            let surplus = entries.len().saturating_sub(MAX_UNTRUSTED_LIST);
            let detail = format!("{surplus} more servers: no more than {MAX_UNTRUSTED_LIST} are taken from this list");
            self.record(Record::new("servers-ignored", Decision::Skipped, detail));
            entries.truncate(MAX_UNTRUSTED_LIST);
        }
        self.pending.extend(entries.into_iter().rev());
    }

    /// SEC-09: whether a server that `origin` named has had all the time that it may cost. Those that the factory or
    /// the owner named are few, and each costs a bounded time; strangers can name new ones for ever.
    pub(super) fn is_too_late_for(&self, origin: Origin) -> bool {
        origin == Origin::Untrusted && self.budget.is_over()
    }

    /// Whether `pause` fits into that time.
    pub(super) fn has_time_for(&self, origin: Origin, pause: Duration) -> bool {
        origin != Origin::Untrusted || self.budget.has(pause)
    }

    /// Whether other servers are still to be tried.
    pub(super) fn has_others(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Leaves untried what strangers named, once their time is over.
    fn drop_late(&mut self) {
        let before = self.pending.len();
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain(|entry| !self.is_too_late_for(entry.origin()));
        self.pending = pending;
        let dropped = before.saturating_sub(self.pending.len());
        if dropped > 0 {
            let detail = format!("{dropped} servers that nobody vouches for: {} seconds are over", SEARCH.as_secs());
            self.record(Record::new("servers-left-untried", Decision::Skipped, detail));
        }
    }

    /// A server that had no room asked for this time, and was not waited for.
    pub(super) fn comes_back(&mut self, after: Duration) {
        self.come_back = Some(self.come_back.map_or(after, |earlier| earlier.min(after)));
    }

    /// Leaves a server, or data that lies somewhere, for good.
    pub(super) fn pass_over(&mut self, place: impl Into<Place>, refusal: Refusal) -> Transition {
        self.count_out(place.into(), refusal);
        self.next()
    }

    fn count_out(&mut self, place: Place, refusal: Refusal) {
        self.record(Record::refused("server-passed-over", &refusal).about(&place));
        let Refusal { reason, detail, .. } = refusal;
        self.passed_over.push(PassedOver { place, reason, detail });
    }

    /// Leaves a server whose data was good and could not be applied.
    pub(super) fn apply_failed(&mut self, place: Place, refusal: Refusal) -> Transition {
        let detail = refusal.detail.clone();
        self.apply_failed = Some(PassedOver { place: place.clone(), reason: refusal.reason, detail });
        self.pass_over(place, refusal)
    }

    /// The next server, or the next source, or the end.
    pub(super) fn next(&mut self) -> Transition {
        self.drop_late();
        while let Some(pending) = self.pending.pop() {
            let entry = match pending {
                Pending::Server(entry) => *entry,
                Pending::Data(place, given) => return data::take(Giver::Lying(place), given, self),
            };
            let key = entry.key();
            let refusal = if entry.redirects() > MAX_REDIRECTS {
                let detail = format!("more than {MAX_REDIRECTS} redirects led here");
                Some(Refusal::new(ReasonCode::RedirectLimit, detail))
            } else if entry.ancestors.contains(&key) {
                Some(Refusal::new(ReasonCode::RedirectLoop, "this server redirected here itself"))
            } else if self.tried.len() >= MAX_TRIES {
                let detail = format!("this source led to more than {MAX_TRIES} servers");
                Some(Refusal::new(ReasonCode::RedirectLimit, detail))
            } else {
                None
            };
            if let Some(refusal) = refusal {
                self.count_out(entry.server.into(), refusal);
                continue;
            }
            if !self.tried.insert((key, entry.origin)) {
                let record = Record::new("server-skipped", Decision::Skipped, "tried already through this source");
                self.record(record.about(&entry.server));
                continue;
            }
            return resolving::begin(entry, self);
        }
        if self.next_source < self.policy.sources.len() {
            let source = SourceIndex(self.next_source);
            self.next_source = self.next_source.saturating_add(1);
            self.tried.clear();
            self.budget.begin();
            return Transition { state: State::Discovering(Discovering { source }), action: Action::Discover(source) };
        }
        self.finish()
    }

    /// The attempt is over without success.
    pub(super) fn finish(&mut self) -> Transition {
        let unreachable = |it: &PassedOver| matches!(it.reason, ReasonCode::ServerUnreachable | ReasonCode::NoSource);
        let state = if self.apply_failed.is_some() {
            OutcomeState::ApplyFailed
        } else if self.passed_over.iter().all(unreachable) {
            OutcomeState::Unreachable
        } else {
            OutcomeState::Refused
        };
        let (reason, detail) = match self.apply_failed.as_ref().or_else(|| self.passed_over.last()) {
            Some(last) => (last.reason, format!("{}: {}", last.place, last.detail)),
            None => (ReasonCode::NoSource, "no source named a server".to_owned()),
        };
        let mut outcome = self.outcome(state, detail.clone());
        outcome.reason = Some(reason);
        self.record(Record::refused("attempt-ended", &Refusal::new(reason, detail)));
        self.end(outcome)
    }

    /// The attempt is over with this outcome.
    pub(super) fn end(&self, outcome: Outcome) -> Transition {
        Transition { state: State::Finished, action: Action::Finish(outcome) }
    }

    pub(super) fn outcome(&self, state: OutcomeState, detail: impl Into<String>) -> Outcome {
        let mut outcome = Outcome::new(state, detail);
        outcome.passed_over.clone_from(&self.passed_over);
        outcome.come_back = self.come_back;
        outcome
    }
}

/// What to tell when an event does not answer the action that was asked for: a mistake of the environment, which costs
/// this server and no more.
pub(super) fn unexpected(action: &'static str) -> Refusal {
    Refusal::new(ReasonCode::ServerAnswerInvalid, format!("no usable result of the action `{action}`"))
}
