//! Committing the configuration, and taking it back (RFC 8572 §5.6; CLI-72, CLI-75, CLI-81).

use conveyed_info::rpc::ProgressType;
use verdict::{ReasonCode, Refusal};

use super::{Job, Next, Onboarding, Report, ending, fail, reporting};
use crate::{
    Decision, Record,
    machine::{
        Action, Event, OnboardingStep, State, Transition, Work,
        shared::{Shared, unexpected},
    },
};

/// Commits the configuration.
pub(super) fn commit(mut job: Job) -> Transition {
    let Some(configuration) = job.plan.configuration.take() else {
        // Begun only when there is one; without one there is nothing to wait for but the roll-back of nothing.
        let refusal = Refusal::new(ReasonCode::ConfigurationFailed, "no configuration");
        return ending::forget(job, refusal);
    };
    let state = State::Onboarding(Box::new(Onboarding::Committing(Committing { job })));
    Transition { state, action: Action::Work(Work::Commit(configuration)) }
}

/// Waits for the commit.
#[derive(Debug)]
pub(in crate::machine) struct Committing {
    job: Job,
}

impl Committing {
    pub(super) fn on(mut self, event: Event, shared: &mut Shared) -> Transition {
        let refusal = match event {
            Event::Done => {
                self.job.committed = true;
                shared.record(Record::new("config", Decision::Passed, "committed").about(&self.job.server));
                let report = Report::verbose(ProgressType::ConfigComplete);
                return ending::remember(self.job, OnboardingStep::Configuration, report, shared);
            }
            Event::Failed(refusal) => refusal,
            _ => unexpected("commit"),
        };
        fail(self.job, ProgressType::ConfigError, refusal, shared)
    }
}

/// Restores the configuration from before the commit, then reports why.
pub(super) fn roll_back(job: Job, report: ProgressType, refusal: Refusal) -> Transition {
    let state = State::Onboarding(Box::new(Onboarding::RollingBack(RollingBack { job, report, refusal })));
    Transition { state, action: Action::Work(Work::RollBack) }
}

/// Waits for the roll-back.
#[derive(Debug)]
pub(in crate::machine) struct RollingBack {
    job: Job,
    report: ProgressType,
    refusal: Refusal,
}

impl RollingBack {
    pub(super) fn on(mut self, event: Event, shared: &mut Shared) -> Transition {
        let server = &self.job.server;
        match event {
            Event::Done => shared.note("config-rolled-back", server, "the configuration from before the commit"),
            Event::Failed(refusal) => shared.record(Record::refused("config-rolled-back", &refusal).about(server)),
            _ => shared.record(Record::refused("config-rolled-back", &unexpected("roll-back")).about(server)),
        }
        self.job.committed = false;
        let report = Report::always(self.report).with_message(reporting::message_of(&self.refusal));
        reporting::send(self.job, vec![report], Next::Leave(self.refusal), shared)
    }
}
