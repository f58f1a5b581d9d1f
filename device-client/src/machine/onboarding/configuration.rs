//! Committing the configuration, and taking it back (RFC 8572 §5.6; CLI-72, CLI-75, CLI-81).

use conveyed_info::rpc::ProgressType;

use super::{Failure, Job, Next, Onboarding, Report, ending, fail};
use crate::{
    Decision, Record,
    machine::{
        Action, CommitFailure, Event, OnboardingStep, State, Transition, Work,
        shared::{Shared, unexpected},
    },
};

/// Commits the configuration.
pub(super) fn commit(mut job: Job, shared: &mut Shared) -> Transition {
    let Some(configuration) = job.plan.configuration.take() else {
        return Next::After(OnboardingStep::Configuration).enter(job, shared);
    };
    // From here on there may be something to take back, also where the commit fails half way.
    job.committed = true;
    let state = State::Onboarding(Box::new(Onboarding::Committing(Committing { job })));
    Transition { state, action: Action::Work(Work::Commit(configuration)) }
}

/// Waits for the commit.
#[derive(Debug)]
pub(in crate::machine) struct Committing {
    job: Job,
}

impl Committing {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        let CommitFailure { refusal, output } = match event {
            Event::Done => {
                shared.record(Record::new("config", Decision::Passed, "committed").about(&self.job.place));
                let report = Report::verbose(ProgressType::ConfigComplete);
                return ending::remember(self.job, OnboardingStep::Configuration, report);
            }
            Event::CommitWarned(output) => {
                shared.note("config", &self.job.place, "committed, with a warning");
                let report = Report::verbose(ProgressType::ConfigWarning).with_message(output);
                return ending::remember(self.job, OnboardingStep::Configuration, report);
            }
            Event::CommitFailed(failure) => failure,
            Event::Failed(refusal) => refusal.into(),
            _ => unexpected("commit").into(),
        };
        ending::forget(self.job, Failure { report: ProgressType::ConfigError, refusal, output })
    }
}

/// Where to go when the configuration is what it was before.
#[derive(Debug)]
enum After {
    Begin,
    Tell(Failure),
}

fn go(job: Job, after: After) -> Transition {
    let state = State::Onboarding(Box::new(Onboarding::RollingBack(RollingBack { job, after })));
    Transition { state, action: Action::Work(Work::RollBack) }
}

/// Restores the configuration from before the commit, then reports why.
pub(super) fn roll_back(job: Job, failure: Failure) -> Transition {
    go(job, After::Tell(failure))
}

/// Takes back what an earlier attempt left committed, then begins.
pub(super) fn take_back_earlier(job: Job) -> Transition {
    go(job, After::Begin)
}

/// Waits for the roll-back.
#[derive(Debug)]
pub(in crate::machine) struct RollingBack {
    job: Job,
    after: After,
}

impl RollingBack {
    pub(super) fn on(mut self, event: Event, shared: &mut Shared) -> Transition {
        let problem = match event {
            Event::Done => None,
            Event::Failed(refusal) => Some(refusal),
            _ => Some(unexpected("roll-back")),
        };
        self.job.committed = false;
        match (self.after, problem) {
            (After::Begin, None) => Next::Image.enter(self.job, shared),
            // What another document configured must not become a part of this one.
            (After::Begin, Some(refusal)) => fail(self.job, ProgressType::BootstrapError, refusal),
            (After::Tell(failure), problem) => {
                match problem {
                    None => {
                        let detail = "the configuration from before the commit";
                        shared.note("config-rolled-back", &self.job.place, detail);
                    }
                    // The next attempt tries again before it begins.
                    Some(refusal) => {
                        shared.record(Record::refused("config-rolled-back", &refusal).about(&self.job.place));
                    }
                }
                failure.tell(self.job, shared)
            }
        }
    }
}
