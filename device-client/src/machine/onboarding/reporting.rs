//! Progress reports: which are sent, which must be acknowledged, and what happens when they are not.

use std::{collections::VecDeque, time::Duration};

use conveyed_info::rpc::{ProgressReport, ProgressType, ReportingLevel};
use verdict::{ReasonCode, Refusal};

use super::{Job, Next, Onboarding, fail};
use crate::{
    Decision, Record,
    machine::{Action, Event, Request, State, Transition, shared::Shared},
};

/// Longest message in a report, in octets (SEC-12).
const MAX_MESSAGE: usize = 16 * 1024;

/// How often a report that must be acknowledged is sent.
const MAX_TRIES: u32 = 4;

/// Pause before the second try; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A report to be made.
#[derive(Debug)]
pub(super) struct Report {
    body: ProgressReport,
    demand: Demand,
    only_verbose: bool,
}

/// What must become of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// RFC 8572 §5.6: anything but 204 is an error (CLI-55).
    Acknowledged,
    /// The device tries, once (CLI-56).
    BestEffort,
}

impl Report {
    /// A report that servers of every level get, and that they must acknowledge.
    pub(super) const fn acknowledged(progress_type: ProgressType) -> Self {
        Self { body: ProgressReport::new(progress_type), demand: Demand::Acknowledged, only_verbose: false }
    }

    /// A report that servers of every level get.
    pub(super) const fn always(progress_type: ProgressType) -> Self {
        Self { body: ProgressReport::new(progress_type), demand: Demand::BestEffort, only_verbose: false }
    }

    /// A report that only a server of level verbose gets (CLI-52).
    pub(super) const fn verbose(progress_type: ProgressType) -> Self {
        Self { body: ProgressReport::new(progress_type), demand: Demand::BestEffort, only_verbose: true }
    }

    /// The same report with a message; an empty one is left out, a long one cut.
    pub(super) fn with_message(mut self, message: impl Into<String>) -> Self {
        let message = message.into();
        if !message.is_empty() {
            let cut = message.floor_char_boundary(MAX_MESSAGE);
            self.body.message = message.get(..cut).map(str::to_owned);
        }
        self
    }

    /// The same report with the device's SSH host keys.
    pub(super) fn with_host_keys(mut self, keys: Vec<conveyed_info::rpc::SshHostKey>) -> Self {
        self.body.ssh_host_keys = keys;
        self
    }
}

/// What a report says about a refusal: reason code and detail, which hold no secrets.
pub(super) fn message_of(refusal: &Refusal) -> String {
    format!("{}: {}", refusal.reason, refusal.detail)
}

/// Sends those of `reports` that the server wants, then goes to `next`.
pub(super) fn send(job: Job, reports: Vec<Report>, next: Next, shared: &mut Shared) -> Transition {
    let wanted = |report: &Report| match job.level {
        None => false,
        Some(ReportingLevel::Minimal) => !report.only_verbose,
        Some(ReportingLevel::Verbose) => true,
    };
    let queue: VecDeque<_> = reports.into_iter().filter(wanted).collect();
    send_next(job, queue, next, shared)
}

fn send_next(job: Job, mut queue: VecDeque<Report>, next: Next, shared: &mut Shared) -> Transition {
    match queue.pop_front() {
        Some(report) => transmit(Pending { job, report, tries: 1, queue, next }),
        None => next.enter(job, shared),
    }
}

/// A report under way, and what comes after it.
#[derive(Debug)]
struct Pending {
    job: Job,
    report: Report,
    tries: u32,
    queue: VecDeque<Report>,
    next: Next,
}

fn transmit(pending: Pending) -> Transition {
    let request = Request::Progress { root: pending.job.root.clone(), report: pending.report.body.clone() };
    let state = State::Onboarding(Box::new(Onboarding::Reporting(Reporting { pending })));
    Transition { state, action: Action::Send(request) }
}

/// Waits for the answer to a report.
#[derive(Debug)]
pub(in crate::machine) struct Reporting {
    pending: Pending,
}

impl Reporting {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        let Pending { job, report, tries, queue, next } = self.pending;
        let problem = match event {
            // RFC 8040 §3.6.2: an operation without output is answered with 204.
            Event::Answered(answer) if answer.status == 204 => None,
            Event::Answered(answer) => Some(format!("status {} instead of 204", answer.status)),
            Event::Failed(refusal) => Some(refusal.detail),
            _ => Some("no answer".to_owned()),
        };
        let name = report.body.progress_type;
        let Some(problem) = problem else {
            shared.note("report-sent", &job.server, name.as_str());
            return send_next(job, queue, next, shared);
        };
        let detail = format!("{name}: {problem}");
        if report.demand == Demand::BestEffort {
            shared.record(Record::new("report-failed", Decision::Noted, detail).about(&job.server));
            return send_next(job, queue, next, shared);
        }
        if tries < MAX_TRIES {
            shared.note("report-repeated", &job.server, detail);
            let pause = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(1));
            let pending = Pending { job, report, tries: tries.saturating_add(1), queue, next };
            let state = State::Onboarding(Box::new(Onboarding::BackingOff(BackingOff { pending })));
            return Transition { state, action: Action::Wait(pause) };
        }
        // RFC 8572 §5.6 (CLI-55): an error; `bootstrap-error` is tried, and the server left.
        fail(job, ProgressType::BootstrapError, Refusal::new(ReasonCode::ReportNotAcknowledged, detail), shared)
    }
}

/// Waits before a report is sent again.
#[derive(Debug)]
pub(in crate::machine) struct BackingOff {
    pending: Pending,
}

impl BackingOff {
    pub(super) fn on(self, _: Event, _: &mut Shared) -> Transition {
        transmit(self.pending)
    }
}
