//! The loop that carries out what the machine wants.

use verdict::Refusal;

use super::Environment;
use crate::{
    Outcome,
    machine::{Action, Event, Machine, Moment},
};

/// Runs the machine to its end: records first, then the action, then the next step.
pub fn drive(mut machine: Machine, environment: &mut dyn Environment) -> Outcome {
    let mut steps = Vec::new();
    let begun = now(environment);
    environment.told(begun, None);
    let mut step = machine.start(begun);
    loop {
        environment.decided(&step);
        for record in &step.records {
            environment.trace(record);
        }
        let name = step.action.name();
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
        let event = result.unwrap_or_else(|refusal: Refusal| Event::Failed(refusal));
        let now = now(environment);
        environment.told(now, Some(&event));
        step = machine.on(now, event);
    }
}

fn now(environment: &dyn Environment) -> Moment {
    Moment { clock: environment.clock(), monotonic: environment.monotonic() }
}
