//! The agent on a platform of one's own, step by step: `cargo run -p device-client --example embedded`.
//!
//! `platform.rs` is what an integrator writes: one type with [`Environment`]. This file drives the machine by hand, which is what
//! `env::drive` does, too; here a watchdog is fed between two actions. `docs/embedding.md` says what is expected of each part.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example shows, and may fail")]

mod owner;
mod platform;

use std::sync::Arc;

use device_client::{
    Outcome, OutcomeState,
    env::Environment,
    machine::{Action, Event, History, Machine, Moment, Policy, RunningImage, Situation},
};
use platform::{Card, Flash, Platform};
use verdict::{ReasonCode, Refusal};

/// One attempt, and what it wrote into the trace.
fn attempt(policy: &Arc<Policy>, card: &Card, flash: &mut Flash) -> (Outcome, Vec<String>) {
    let mut history = History::default();
    flash.facts.iter().for_each(|fact| history.add(*fact));
    let running = flash.slot.as_ref().map_or_else(RunningImage::default, |(names, _)| names.clone());
    let installed = running.sha256;
    let situation = Situation { running, installed, nonce: None, history, newest_voucher: flash.newest_voucher };
    let mut machine = Machine::new(Arc::clone(policy), situation);
    let serial_number = policy.serial_number.clone();
    let mut platform = Platform { serial_number, card, flash, ticks: 0, watchdog: 0, log: Vec::new() };

    let mut step = machine.start(now(&platform));
    loop {
        // What was decided is written down before anything follows from it.
        for record in &step.records {
            platform.trace(record);
        }
        platform.watchdog += 1;
        let result = match step.action {
            Action::Finish(outcome) => return (outcome, platform.log),
            Action::Discover(source) => platform.discover(source).map(Event::Discovered),
            Action::Resolve(server) => platform.resolve(&server).map(Event::Resolved),
            Action::Connect { server, address } => platform.connect(&server, address).map(Event::Connected),
            Action::Send(request) => platform.send(&request).map(Event::Answered),
            Action::Wait(pause) => {
                platform.wait(pause);
                Ok(Event::Done)
            }
            Action::Fetch(fetch) => platform.fetch(&fetch).map(Event::Fetched),
            Action::Download(download) => platform.download(&download).map(Event::Downloaded),
            Action::Work(work) => platform.work(work),
            other => Err(Refusal::new(ReasonCode::StorageFailed, format!("not done here: {other:?}"))),
        };
        // A failure is an event like any other: the machine knows where to go on.
        step = machine.on(now(&platform), result.unwrap_or_else(Event::Failed));
    }
}

fn now(platform: &Platform<'_>) -> Moment {
    Moment { clock: platform.clock(), monotonic: platform.monotonic() }
}

/// From the factory to an owner's configuration, over one reboot.
pub(crate) fn main() {
    let (policy, card) = owner::prepare();
    let policy = Arc::new(policy);
    let mut flash = Flash::default();
    for boot in 1..=2 {
        let (outcome, log) = attempt(&policy, &card, &mut flash);
        println!("boot {boot}: {:?}\n  {}", outcome.state, log.join("\n  "));
        let expected = if boot == 1 { OutcomeState::RebootWanted } else { OutcomeState::Bootstrapped };
        assert_eq!(outcome.state, expected);
    }
    assert_eq!(flash.slot.unwrap().1, owner::IMAGE);
    assert_eq!(flash.configuration, b"on");
    assert!(flash.done.is_some());
}
