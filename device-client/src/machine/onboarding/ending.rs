//! Remembering what is done, and the ends: complete, reboot, failure.

use conveyed_info::rpc::ProgressType;

use super::{Failure, Job, Next, Onboarding, Report, configuration, fail, reporting};
use crate::{
    Decision, OutcomeState, Record,
    machine::{Action, Completion, Event, Fact, OnboardingStep, State, Transition, Work, shared::Shared},
};

fn go(state: Onboarding, work: Work) -> Transition {
    Transition { state: State::Onboarding(Box::new(state)), action: Action::Work(work) }
}

/// Writes to the journal that this document is applied now, and no other.
pub(super) fn remember_beginning(job: Job) -> Transition {
    let fact = Fact::Begun { document: job.document };
    go(Onboarding::Beginning(Beginning { job }), Work::Remember(fact))
}

/// Waits until the journal knows which document is applied.
#[derive(Debug)]
pub(in crate::machine) struct Beginning {
    job: Job,
}

impl Beginning {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        if let Event::Failed(refusal) = event {
            return fail(self.job, ProgressType::BootstrapError, refusal);
        }
        shared.situation.history.add(Fact::Begun { document: self.job.document });
        configuration::take_back_earlier(self.job)
    }
}

/// Writes to the journal that a step is complete, then reports it and goes on.
pub(super) fn remember(job: Job, step: OnboardingStep, report: Report) -> Transition {
    let fact = Fact::Applied { document: job.document, step };
    go(Onboarding::Remembering(Remembering { job, step, report }), Work::Remember(fact))
}

/// Waits until the journal knows that a step is complete.
#[derive(Debug)]
pub(in crate::machine) struct Remembering {
    job: Job,
    step: OnboardingStep,
    report: Report,
}

impl Remembering {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        if let Event::Failed(refusal) = event {
            let report = match self.step {
                OnboardingStep::PreScript => ProgressType::PreScriptError,
                OnboardingStep::Configuration => ProgressType::ConfigError,
                OnboardingStep::PostScript => ProgressType::PostScriptError,
            };
            return fail(self.job, report, refusal);
        }
        shared.situation.history.add(Fact::Applied { document: self.job.document, step: self.step });
        reporting::send(self.job, vec![self.report], Next::After(self.step), shared)
    }
}

/// RFC 8572 §5.6 (CLI-78): everything is applied; the server must hear it. What switches bootstrapping off is the
/// marker written right after, so no `bootstrap-warning` is due (CLI-77).
pub(super) fn complete(job: Job, shared: &mut Shared) -> Transition {
    let report =
        Report::acknowledged(ProgressType::BootstrapComplete).with_host_keys(shared.policy.ssh_host_keys.clone());
    reporting::send(job, vec![report], Next::WriteDone, shared)
}

/// Writes the marker that ends bootstrapping: the last thing of all.
pub(super) fn write_done(job: Job) -> Transition {
    let completion = Completion { place: job.place.clone(), document: job.document };
    go(Onboarding::WritingDone(WritingDone { job }), Work::WriteDone(completion))
}

/// Waits for the marker.
#[derive(Debug)]
pub(in crate::machine) struct WritingDone {
    job: Job,
}

impl WritingDone {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        if let Event::Failed(refusal) = event {
            // Everything is applied and acknowledged; the next start repeats what costs nothing to repeat.
            return shared.apply_failed(self.job.place, refusal);
        }
        let record = Record::new("bootstrapped", Decision::Passed, format!("document {}", self.job.document));
        shared.record(record.about(&self.job.place));
        let outcome = shared.outcome(OutcomeState::Bootstrapped, self.job.place.to_string());
        shared.end(outcome)
    }
}

/// Boots the installed image.
pub(super) fn reboot(job: Job, shared: &mut Shared) -> Transition {
    shared.note("rebooting", &job.place, "into the installed image");
    go(Onboarding::Rebooting(Rebooting { job }), Work::Reboot)
}

/// Waits until the reboot is arranged.
#[derive(Debug)]
pub(in crate::machine) struct Rebooting {
    job: Job,
}

impl Rebooting {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        // RFC 8572 §5.6 (CLI-65): nothing more goes to this server in this attempt, not even that the reboot failed.
        if let Event::Failed(refusal) = event {
            return shared.apply_failed(self.job.place, refusal);
        }
        let outcome = shared.outcome(OutcomeState::RebootWanted, "the installed image must be booted");
        shared.end(outcome)
    }
}

/// Leaves a document that could not be applied: the next attempt starts from its first step.
pub(super) fn forget(job: Job, failure: Failure) -> Transition {
    let fact = Fact::Abandoned { document: job.document };
    go(Onboarding::Forgetting(Forgetting { job, failure }), Work::Remember(fact))
}

/// Waits until the journal knows that the attempt failed.
#[derive(Debug)]
pub(in crate::machine) struct Forgetting {
    job: Job,
    failure: Failure,
}

impl Forgetting {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        let Self { job, failure } = self;
        let history = &mut shared.situation.history;
        let mut to_roll_back = job.committed;
        if let Event::Failed(problem) = event {
            // The journal still says that the configuration is committed, and the next start will believe it: it must
            // stay true. That start goes on where this attempt failed, or rolls back before another document begins.
            to_roll_back &= !history.is_applied(&job.document, OnboardingStep::Configuration);
            shared.record(Record::refused("journal", &problem).about(&job.place));
        } else {
            history.add(Fact::Abandoned { document: job.document });
        }
        if to_roll_back { configuration::roll_back(job, failure) } else { failure.tell(job, shared) }
    }
}
