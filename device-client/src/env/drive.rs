//! The loop that carries out what the machine wants.

use verdict::Refusal;

use super::Environment;
use crate::{
    Outcome,
    machine::{Action, Event, Machine, Moment, Request, Work},
};

/// Runs the machine to its end: records first, then the action, then the next step.
pub fn drive(mut machine: Machine, environment: &mut dyn Environment) -> Outcome {
    let mut steps = Vec::new();
    let mut step = machine.start(now(environment));
    loop {
        for record in &step.records {
            environment.trace(record);
        }
        let name = name_of(&step.action);
        let begun = environment.monotonic();
        let result = match step.action {
            Action::Finish(mut outcome) => {
                outcome.steps = steps;
                return outcome;
            }
            Action::Discover(source) => environment.discover(source).map(Event::Discovered),
            Action::Resolve(server) => environment.resolve(&server).map(Event::Resolved),
            Action::Connect { server, address } => environment.connect(&server, address).map(Event::Connected),
            Action::Send(request) => environment.send(&request).map(Event::Answered),
            Action::Wait(pause) => {
                environment.wait(pause);
                Ok(Event::Done)
            }
            Action::Fetch(fetch) => environment.fetch(&fetch).map(Event::Fetched),
            Action::Download(download) => environment.download(&download).map(Event::Downloaded),
            Action::Work(work) => environment.work(work),
        };
        let took = environment.monotonic().saturating_sub(begun);
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        steps.push((name.to_owned(), milliseconds));
        step = machine.on(now(environment), result.unwrap_or_else(|refusal: Refusal| Event::Failed(refusal)));
    }
}

fn now(environment: &dyn Environment) -> Moment {
    Moment { clock: environment.clock(), monotonic: environment.monotonic() }
}

fn name_of(action: &Action) -> &'static str {
    match action {
        Action::Discover(_) => "discover",
        Action::Resolve(_) => "resolve",
        Action::Connect { .. } => "connect",
        Action::Send(Request::HostMeta) => "host-meta",
        Action::Send(Request::BootstrappingData { .. }) => "get-bootstrapping-data",
        Action::Send(Request::Progress { report, .. }) => report.progress_type.as_str(),
        Action::Wait(_) => "wait",
        Action::Fetch(_) => "fetch-revocation",
        Action::Download(_) => "download-image",
        Action::Work(work) => match work {
            Work::DiscardImage => "discard-image",
            Work::VerifyImage => "verify-image",
            Work::InstallImage(_) => "install-image",
            Work::RunScript(step, _) => step.as_str(),
            Work::Commit(_) => "commit-configuration",
            Work::RollBack => "roll-back-configuration",
            Work::Remember(_) => "journal",
            Work::ReadSwitch => "read-switch",
            Work::Swear(_) => "sign-statement",
            Work::RememberVoucher(_) => "remember-voucher",
            Work::WriteDone(_) => "write-done",
            Work::Reboot => "reboot",
        },
        Action::Finish(_) => "finish",
    }
}
