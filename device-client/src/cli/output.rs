//! What people see. The only module that prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the command line's own output")]

use device_client::{Decision, Outcome, Record};

/// Says something on standard output.
pub(super) fn say(text: &str) {
    println!("{text}");
}

/// Says something on standard error.
pub(super) fn complain(text: &str) {
    eprintln!("{text}");
}

/// One line for a decision; for a refusal also the check that failed, where the rule stands and what to do.
pub(super) fn show(record: &Record) {
    let mark = match record.decision {
        Decision::Noted => "  ",
        Decision::Passed => "ok",
        Decision::Skipped => "--",
        Decision::Refused => "NO",
    };
    let server = record.server.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
    eprintln!("{mark} {}{server}: {}", record.step, record.detail);
    if let Some(reason) = record.reason {
        let check = record.checks.checks().last().map_or("", |check| check.check);
        eprintln!("     {reason} (check {check}, {}): {}", reason.section(), reason.remedy());
    }
}

/// How an attempt ended.
pub(super) fn conclude(outcome: &Outcome) {
    let state = serde_json::to_value(outcome.state).unwrap_or_default();
    let reason = outcome.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    eprintln!("{}{reason}: {}", state.as_str().unwrap_or_default(), outcome.detail);
}
