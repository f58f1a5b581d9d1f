//! What people see. The only module that prints.

use std::io::{Write, stderr, stdout};

use device_client::{Decision, Outcome, Record};

/// Says something on standard output. Nobody there to read it must not end an onboarding.
pub(super) fn say(text: &str) {
    let _nobody_reads = writeln!(stdout(), "{text}");
}

/// Says something on standard error.
pub(super) fn complain(text: &str) {
    let _nobody_reads = writeln!(stderr(), "{text}");
}

/// One line for a decision; for a refusal also the check that failed, where the rule stands and what to do.
pub(super) fn show(record: &Record) {
    show_by(record, complain);
}

/// The same by another way out.
pub(super) fn show_by(record: &Record, write: fn(&str)) {
    let mark = match record.decision {
        Decision::Noted => "  ",
        Decision::Passed => "ok",
        Decision::Skipped => "--",
        Decision::Refused => "NO",
    };
    let server = record.place.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
    // A server that was named by its address would be named twice.
    let own = record.place.as_ref().map(|it| format!("{it}: ")).unwrap_or_default();
    let detail = record.detail.strip_prefix(&own).unwrap_or(&record.detail);
    write(&format!("{mark} {}{server}: {detail}", record.step));
    if let Some(reason) = record.reason {
        let check = record.checks.checks().last().map_or("", |check| check.check);
        write(&format!("     {reason} (check {check}, {}): {}", reason.section(), reason.remedy()));
    }
}

/// How an attempt ended.
pub(super) fn conclude(outcome: &Outcome) {
    let state = serde_json::to_value(outcome.state).unwrap_or_default();
    let reason = outcome.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    complain(&format!("{}{reason}: {}", state.as_str().unwrap_or_default(), outcome.detail));
}
