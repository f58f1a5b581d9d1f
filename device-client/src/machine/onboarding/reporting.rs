//! Progress reports: which are sent, which must be acknowledged, and what happens when they are not.

use std::{collections::VecDeque, time::Duration};

use conveyed_info::{
    information::TrustAnchor,
    rpc::{ProgressReport, ProgressType, ReportingLevel, SshHostKey, TrustAnchorCert},
};
use verdict::{ReasonCode, Refusal};

use super::{Job, Next, Onboarding, fail};
use crate::{
    Decision, Record,
    machine::{Action, Event, Pause, Request, State, Transition, shared::Shared},
};

/// Longest message in a report, in octets of its JSON string (SEC-12).
const MAX_MESSAGE: usize = 16 * 1024;

/// What of a message is always left for the end of a program's output, however long the reason before it is.
const MIN_OUTPUT: usize = MAX_MESSAGE / 2;

/// How often a report that must be acknowledged is sent.
const MAX_TRIES: u32 = 8;

/// Pause before the second try; doubled each time: about a minute in all, which a server needs to start again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A report to be made.
#[derive(Debug)]
pub(super) struct Report {
    body: ProgressReport,
    demand: Demand,
    only_verbose: bool,
    /// How often it was tried in vain.
    failures: u32,
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
        Self {
            body: ProgressReport::new(progress_type),
            demand: Demand::Acknowledged,
            only_verbose: false,
            failures: 0,
        }
    }

    /// A report that servers of every level get.
    pub(super) const fn always(progress_type: ProgressType) -> Self {
        Self { body: ProgressReport::new(progress_type), demand: Demand::BestEffort, only_verbose: false, failures: 0 }
    }

    /// A report that only a server of level verbose gets (CLI-52).
    pub(super) const fn verbose(progress_type: ProgressType) -> Self {
        Self { body: ProgressReport::new(progress_type), demand: Demand::BestEffort, only_verbose: true, failures: 0 }
    }

    /// The same report with a message; an empty one is left out, of a long one the end is kept.
    pub(super) fn with_message(mut self, message: impl AsRef<str>) -> Self {
        let message = end_of(message.as_ref(), MAX_MESSAGE);
        self.body.message = (!message.is_empty()).then_some(message);
        self
    }

    /// The same report with the device's SSH host keys and trust anchors.
    pub(super) fn with_keys(mut self, host_keys: Vec<SshHostKey>, anchors: &[TrustAnchor]) -> Self {
        self.body.ssh_host_keys = host_keys;
        self.body.trust_anchor_certs = anchors.iter().cloned().map(TrustAnchorCert::Chain).collect();
        self
    }
}

/// What a report says about a refusal: reason code and detail, which hold no secrets, then the end of what the program
/// printed that failed.
pub(super) fn message_of(refusal: &Refusal, output: &str) -> String {
    let reason = format!("{}: {}", refusal.reason, refusal.detail);
    if output.is_empty() {
        return reason;
    }
    let output = end_of(output, MAX_MESSAGE.saturating_sub(json_length(&reason) + 2).max(MIN_OUTPUT));
    format!("{reason}\n{output}")
}

/// The end of a text, as long as a JSON string of `limit` octets holds, without control characters that no text needs.
fn end_of(text: &str, limit: usize) -> String {
    let is_text = |character: &char| matches!(character, '\t' | '\n' | '\r') || !character.is_control();
    let mut length = 0_usize;
    let fits = |character: &char| {
        length = length.saturating_add(json_octets(*character));
        length <= limit
    };
    let mut end: Vec<char> = text.chars().rev().filter(is_text).take_while(fits).collect();
    end.reverse();
    end.into_iter().collect()
}

fn json_length(text: &str) -> usize {
    text.chars().map(json_octets).sum()
}

/// Octets of a character in a JSON string (RFC 8259 §7), control characters but tab and line ends left out.
const fn json_octets(character: char) -> usize {
    match character {
        '"' | '\\' | '\t' | '\n' | '\r' => 2,
        other => other.len_utf8(),
    }
}

/// Reports that were tried and did not arrive, in their order. They live as long as the attempt does.
#[derive(Debug, Default)]
pub(super) struct Backlog(VecDeque<Report>);

/// Most reports that wait.
const MAX_BACKLOG: usize = 32;

/// How often a report is tried that need not be acknowledged: one that a server cannot digest must not stand before the others
/// for ever.
const MAX_VAIN: u32 = 3;

impl Backlog {
    fn add(&mut self, reports: impl IntoIterator<Item = Report>) {
        self.0.extend(reports);
        let surplus = self.0.len().saturating_sub(MAX_BACKLOG);
        self.0.drain(..surplus);
    }
}

/// Sends those of `reports` that the server wants, those before them that did not arrive, then goes to `next`.
pub(super) fn send(mut job: Job, reports: Vec<Report>, next: Next, shared: &mut Shared) -> Transition {
    let wanted = |report: &Report| match job.level {
        None => false,
        Some(ReportingLevel::Minimal) => !report.only_verbose,
        Some(ReportingLevel::Verbose) => true,
    };
    let wanted: Vec<_> = reports.into_iter().filter(wanted).collect();
    // What nobody sends now need not be tried: the next report takes it along.
    let earlier = if wanted.is_empty() { VecDeque::new() } else { std::mem::take(&mut job.backlog.0) };
    let queue = earlier.into_iter().chain(wanted).collect();
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
    let request = Request::Progress { api: pending.job.api.clone(), report: pending.report.body.clone() };
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
        let mut told = None;
        let mut later = true;
        let problem = match event {
            // RFC 8040 §3.6.2: an operation without output is answered with 204.
            Event::Answered(answer) if answer.status == 204 => None,
            Event::Answered(answer) => {
                told = answer.comes_later();
                // What a server refuses once it refuses again.
                later = answer.status >= 500 || answer.status == 429;
                Some(format!("status {} instead of 204", answer.status))
            }
            Event::Failed(refusal) => Some(refusal.detail),
            _ => Some("no answer".to_owned()),
        };
        let name = report.body.progress_type;
        let Some(problem) = problem else {
            shared.note("report-sent", &job.place, name.as_str());
            return send_next(job, queue, next, shared);
        };
        let detail = format!("{name}: {problem}");
        if report.demand == Demand::BestEffort {
            shared.record(Record::new("report-failed", Decision::Noted, detail).about(&job.place));
            return if later { put_off(job, report, queue, next, shared) } else { send_next(job, queue, next, shared) };
        }
        if tries < MAX_TRIES {
            shared.note("report-repeated", &job.place, detail);
            let pause = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(1));
            let pending = Pending { job, report, tries: tries.saturating_add(1), queue, next };
            let state = State::Onboarding(Box::new(Onboarding::BackingOff(BackingOff { pending })));
            return Transition { state, action: Action::Wait(longer(pause, told)) };
        }
        // RFC 8572 §5.6 (CLI-55): an error; `bootstrap-error` is tried, and the server left.
        fail(job, ProgressType::BootstrapError, Refusal::new(ReasonCode::ReportNotAcknowledged, detail))
    }
}

/// Keeps a report for later, and with it those that only a verbose server hears: a server that is gone is waited for once,
/// not once for each. What every server hears is tried all the same.
fn put_off(mut job: Job, mut report: Report, queue: VecDeque<Report>, next: Next, shared: &mut Shared) -> Transition {
    report.failures = report.failures.saturating_add(1);
    if report.failures >= MAX_VAIN {
        return send_next(job, queue, next, shared);
    }
    let (wait, go): (VecDeque<_>, VecDeque<_>) = queue.into_iter().partition(|report| report.only_verbose);
    job.backlog.add(std::iter::once(report).chain(wait));
    send_next(job, go, next, shared)
}

/// The longer of a pause of our own and that which the server asks for.
fn longer(own: Duration, told: Option<Duration>) -> Pause {
    match told {
        Some(told) if told > own => Pause::AtLeast(told),
        _ => Pause::About(own),
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
