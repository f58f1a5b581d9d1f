//! The two scripts (RFC 8572 §5.6): run, and judged by how they end (CLI-68 to CLI-71, CLI-76).

use conveyed_info::rpc::ProgressType;
use verdict::{ReasonCode, Refusal};

use super::{Failure, Job, Next, Onboarding, Report, ending, fail};
use crate::{
    Decision, Record,
    machine::{
        Action, Event, OnboardingStep, ScriptEnd, ScriptVerdict, State, Transition, Work,
        shared::{Shared, unexpected},
    },
};

/// What differs between the two.
struct Kind {
    complete: ProgressType,
    warning: ProgressType,
    error: ProgressType,
    reason: ReasonCode,
}

const fn kind(step: OnboardingStep) -> Kind {
    match step {
        OnboardingStep::PreScript | OnboardingStep::Configuration => Kind {
            complete: ProgressType::PreScriptComplete,
            warning: ProgressType::PreScriptWarning,
            error: ProgressType::PreScriptError,
            reason: ReasonCode::PreScriptFailed,
        },
        OnboardingStep::PostScript => Kind {
            complete: ProgressType::PostScriptComplete,
            warning: ProgressType::PostScriptWarning,
            error: ProgressType::PostScriptError,
            reason: ReasonCode::PostScriptFailed,
        },
    }
}

/// Runs the script of this step.
pub(super) fn run(mut job: Job, step: OnboardingStep, shared: &mut Shared) -> Transition {
    let script = match step {
        OnboardingStep::PreScript | OnboardingStep::Configuration => job.plan.pre_configuration_script.take(),
        OnboardingStep::PostScript => job.plan.post_configuration_script.take(),
    };
    let Some(script) = script else { return Next::After(step).enter(job, shared) };
    shared.note(step.as_str(), &job.place, format!("runs {} octets", script.0.len()));
    let state = State::Onboarding(Box::new(Onboarding::RunningScript(RunningScript { job, step })));
    Transition { state, action: Action::Work(Work::RunScript(step, script)) }
}

/// Waits for the end of a script.
#[derive(Debug)]
pub(in crate::machine) struct RunningScript {
    job: Job,
    step: OnboardingStep,
}

impl RunningScript {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        let Self { job, step } = self;
        let kind = kind(step);
        let ScriptEnd { verdict, output } = match event {
            Event::ScriptEnded(end) => end,
            Event::Failed(refusal) => return fail(job, kind.error, refusal),
            _ => return fail(job, kind.error, unexpected("run-script")),
        };
        // SEC-13: what the script printed stands in the report and nowhere else.
        match verdict {
            ScriptVerdict::Complete => {
                shared.record(Record::new(step.as_str(), Decision::Passed, verdict.to_string()).about(&job.place));
                let report = Report::verbose(kind.complete).with_message(output);
                ending::remember(job, step, report)
            }
            // RFC 8572 §6.3 (CLI-69): a soft error; bootstrapping goes on.
            ScriptVerdict::Warning => {
                shared.note(step.as_str(), &job.place, "exit code 99: a warning, going on");
                let report = Report::verbose(kind.warning).with_message(output);
                ending::remember(job, step, report)
            }
            ScriptVerdict::Failed(_) | ScriptVerdict::Killed | ScriptVerdict::TimedOut => {
                let refusal = Refusal::new(kind.reason, verdict.to_string());
                ending::forget(job, Failure { report: kind.error, refusal, output })
            }
        }
    }
}
