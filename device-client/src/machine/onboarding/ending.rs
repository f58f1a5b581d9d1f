//! Remembering what is done, and the ends: complete, reboot, failure.

use conveyed_info::{rpc::ProgressType, statement::Statement};

use super::{Failure, Job, Next, Onboarding, Report, configuration, fail, reporting};
use crate::{
    Decision, OutcomeState, Record,
    machine::{
        Action, Completion, Event, Fact, FinalReport, OnboardingStep, State, Switch, SwitchPosition, Transition, Work,
        shared::Shared,
    },
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

/// Everything is applied. Where the owner's configuration is expected to switch bootstrapping off, did it (CLI-77)?
/// Otherwise what switches it off is the marker, and there is nothing to warn of.
pub(super) fn complete(job: Job, shared: &mut Shared) -> Transition {
    match shared.policy.switch {
        Switch::Marker => swear(job, shared),
        Switch::Variable => go(Onboarding::ReadingSwitch(ReadingSwitch { job }), Work::ReadSwitch),
    }
}

/// Waits for the position of the switch.
#[derive(Debug)]
pub(in crate::machine) struct ReadingSwitch {
    job: Job,
}

impl ReadingSwitch {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        let warning = match event {
            Event::Switch(SwitchPosition::Off) => return swear(self.job, shared),
            Event::Failed(refusal) => refusal.detail,
            _ => "bootstrapping is still switched on: the configuration should switch it off".to_owned(),
        };
        shared.note("switch", &self.job.place, warning.clone());
        // RFC 8572 §5.6 (CLI-77): the device is bootstrapped all the same.
        let report = Report::always(ProgressType::BootstrapWarning).with_message(warning);
        reporting::send(self.job, vec![report], Next::Swear, shared)
    }
}

/// Has the device's key sign what was applied, for a server that hears of it.
pub(super) fn swear(job: Job, shared: &mut Shared) -> Transition {
    let artifact = job.artifact.filter(|_| job.level.is_some());
    let (Some(conveyed_information), FinalReport::Signed) = (artifact, shared.policy.final_report) else {
        return report_complete(job, None, shared);
    };
    let statement = Statement {
        serial_number: shared.policy.serial_number.clone(),
        conveyed_information,
        image: shared.situation.running.sha256,
    };
    go(Onboarding::Swearing(Swearing { job }), Work::Swear(statement))
}

/// Waits for the signature.
#[derive(Debug)]
pub(in crate::machine) struct Swearing {
    job: Job,
}

impl Swearing {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        let message = match event {
            Event::Sworn(message) => Some(message),
            Event::Failed(refusal) => {
                shared.record(Record::refused("statement", &refusal).about(&self.job.place));
                None
            }
            _ => None,
        };
        report_complete(self.job, message, shared)
    }
}

/// RFC 8572 §5.6 (CLI-78): the server must hear that everything is applied.
pub(super) fn report_complete(job: Job, statement: Option<String>, shared: &mut Shared) -> Transition {
    let report = Report::acknowledged(ProgressType::BootstrapComplete)
        .with_message(statement.unwrap_or_default())
        .with_keys(shared.policy.ssh_host_keys.clone(), &shared.policy.trust_anchors);
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
            // The journal may say that the configuration is committed, even where it said that it could not write that: the
            // next start will believe it, and it must stay true. That start goes on where this attempt failed, or rolls back
            // before it begins anew.
            to_roll_back = false;
            shared.record(Record::refused("journal", &problem).about(&job.place));
        } else {
            history.add(Fact::Abandoned { document: job.document });
        }
        if to_roll_back { configuration::roll_back(job, failure) } else { failure.tell(job, shared) }
    }
}
