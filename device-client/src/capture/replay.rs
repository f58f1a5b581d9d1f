//! Running a machine again on what a capture says. No I/O but reading the capture, no clock, no randomness.

use std::{
    io::{self, BufRead, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pki::{
    certificate::Certificate,
    key::{DecryptError, Decryptor, PublicKey, RsaPadding},
    time::{Clock, Timestamp},
};
use serde_json::Value;
use verdict::Trace;
use zeroize::Zeroizing;

use super::{MAX_LINE, MAX_READ, VERSION, describe::describe, line::Line, policy::MemberInvalid};
use crate::{
    Record,
    machine::{Action, Event, Machine, Moment, Policy, Step, Work},
};

/// What is to be other than it was: the answer to *what if*.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// A clock that may be believed, and stands at this moment.
    pub at: Option<Timestamp>,
    /// Voucher anchors that the device had besides.
    pub voucher_anchors: Vec<Certificate>,
    /// The key that opens what is encrypted to the device: a capture never has it.
    pub decryption_key: Option<Arc<dyn Decryptor>>,
}

impl Changes {
    /// Whether decisions may be other ones than those of the capture.
    const fn are_none(&self) -> bool {
        self.at.is_none() && self.voucher_anchors.is_empty()
    }
}

/// How a replay went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// Decisions made: the records given to the sink.
    pub decisions: usize,
    /// Attempts begun.
    pub attempts: usize,
    /// How it compares.
    pub end: End,
}

/// How the decisions of a replay compare with those of the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// They are the same, to the end of the capture.
    Same,
    /// They are the same as far as the capture goes: it ends in the middle of an attempt. Why is what the capture says.
    CutShort(String),
    /// One is another. What follows from an action that the capture does not know nobody can tell: the replay ends there.
    Different {
        /// The first decision that differs, from 1.
        decision: usize,
        /// What the capture says.
        captured: String,
        /// What was decided now.
        replayed: String,
    },
    /// This decision, from 1, needs the device's key, which was not given.
    KeyNeeded {
        /// The decision.
        decision: usize,
    },
}

/// A file that is no capture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It cannot be read.
    #[error("the capture cannot be read")]
    Io(#[from] io::Error),
    /// It, or one of its lines, is longer than any capture.
    #[error("line {line}: longer than a capture can be")]
    TooLong {
        /// Which line, from 1.
        line: usize,
    },
    /// A line is not what it must be.
    #[error("line {line} is none of a capture")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// A member of a line is not what it must be.
    #[error("line {line} is none of a capture")]
    Member {
        /// Which line, from 1.
        line: usize,
        /// Why.
        source: MemberInvalid,
    },
    /// A line stands where it has no meaning.
    #[error("line {line} stands in the wrong place")]
    Order {
        /// Which line, from 1.
        line: usize,
    },
    /// Another version of the format.
    #[error("the capture is of version {version}; this program reads version {VERSION}")]
    Version {
        /// Which.
        version: u32,
    },
}

/// Runs a capture. `sink` gets each decision as it is made, as the sink of [`crate::Device::run_once`] does.
///
/// With [`Changes`], decisions count as the same when step, place, decision and reason are.
///
/// # Errors
/// [`ReplayError`] when the file is no capture. A capture that ends early is none.
pub fn replay(
    capture: impl BufRead,
    changes: &Changes,
    sink: &mut dyn FnMut(&Record),
) -> Result<Replayed, ReplayError> {
    let mut lines = Lines { source: capture.take(MAX_READ), number: 0 };
    match lines.next()? {
        Some(Line::Header { version: VERSION, .. }) => {}
        Some(Line::Header { version, .. }) => return Err(ReplayError::Version { version }),
        _ => return Err(lines.order()),
    }
    let Some(Line::Policy(policy)) = lines.next()? else { return Err(lines.order()) };
    let key_needed = Arc::new(AtomicBool::new(false));
    let absent = || -> Arc<dyn Decryptor> {
        Arc::new(AbsentKey { key_needed: Arc::clone(&key_needed), public: policy.idevid.0.public_key().clone() })
    };
    let key = policy.decrypts.then(|| changes.decryption_key.clone().unwrap_or_else(absent));
    let mut policy = policy.read(key).map_err(|source| lines.member(source))?;
    policy.voucher_anchors.extend_from_slice(&changes.voucher_anchors);
    let last = Moment { clock: Clock::Untrusted { at_least: Timestamp::from_unix(0) }, monotonic: Duration::ZERO };
    let run = Run {
        last,
        changes,
        policy: Arc::new(policy),
        key_needed: &key_needed,
        decisions: 0,
        attempts: 0,
        end: End::Same,
    };
    run.on(&mut lines, sink)
}

struct Run<'a> {
    changes: &'a Changes,
    policy: Arc<Policy>,
    key_needed: &'a AtomicBool,
    decisions: usize,
    attempts: usize,
    end: End,
    /// The moment of the last event.
    last: Moment,
}

/// Where a replay is.
enum Stage {
    /// No attempt has begun, or the last one is over.
    Between,
    /// The machine waits to be told something.
    Waiting(Box<Machine>),
    /// The machine decided, and what the capture says of it comes next.
    Decided(Box<(Machine, Step)>),
}

impl Run<'_> {
    fn on(mut self, lines: &mut Lines<impl BufRead>, sink: &mut dyn FnMut(&Record)) -> Result<Replayed, ReplayError> {
        let mut stage = Stage::Between;
        while let Some(line) = lines.next()? {
            stage = match (line, stage) {
                (Line::Attempt(situation), Stage::Between) => {
                    let situation = situation.read().map_err(|source| lines.member(source))?;
                    self.attempts = self.attempts.saturating_add(1);
                    Stage::Waiting(Box::new(Machine::new(Arc::clone(&self.policy), situation)))
                }
                (Line::Told { now, event }, Stage::Waiting(mut machine)) => {
                    let now = self.moment(now.into());
                    self.last = now;
                    let step = match event {
                        None => machine.start(now),
                        Some(event) => machine.on(now, event.read().map_err(|source| lines.member(source))?),
                    };
                    if self.key_needed.load(Ordering::Relaxed) {
                        let decision = self.decisions.saturating_add(1);
                        return Ok(self.ended(End::KeyNeeded { decision }));
                    }
                    step.records.iter().for_each(&mut *sink);
                    Stage::Decided(Box::new((*machine, step)))
                }
                (Line::Decided { records, action }, Stage::Decided(decided)) => {
                    let (machine, step) = *decided;
                    let is_over = matches!(step.action, Action::Finish(_));
                    if self.compare(&records, &action, &step) == Comparison::OtherAction {
                        self.go_on(machine, step, sink);
                        return Ok(self.done());
                    }
                    if is_over { Stage::Between } else { Stage::Waiting(Box::new(machine)) }
                }
                (Line::Cut { why }, _) => return Ok(self.cut_short(Trace::readable(&why))),
                _ => return Err(lines.order()),
            };
        }
        Ok(match stage {
            Stage::Between if self.attempts > 0 => self.done(),
            _ => self.cut_short("the file ends here".to_owned()),
        })
    }

    /// Behind the end of the capture: what a device only writes down can be taken for written, so that the decision is seen
    /// which that belongs to.
    fn go_on(&mut self, mut machine: Machine, mut step: Step, sink: &mut dyn FnMut(&Record)) {
        while matches!(step.action, Action::Work(Work::Remember(_) | Work::RememberVoucher(_))) {
            step = machine.on(self.last, Event::Done);
            step.records.iter().for_each(&mut *sink);
            self.decisions = self.decisions.saturating_add(step.records.len());
        }
    }

    fn moment(&self, captured: Moment) -> Moment {
        self.changes.at.map_or(captured, |at| Moment { clock: Clock::Trusted(at), ..captured })
    }

    /// Counts the decisions of a step, and notes the first that differs.
    fn compare(&mut self, captured: &[Value], captured_action: &str, step: &Step) -> Comparison {
        let replayed: Vec<_> =
            step.records.iter().map(|record| serde_json::to_value(record).unwrap_or_default()).collect();
        for number in 0..captured.len().max(replayed.len()) {
            let (was, is) = (captured.get(number), replayed.get(number));
            if self.in_question(was) != self.in_question(is) {
                self.differs(
                    self.decisions.saturating_add(number).saturating_add(1),
                    &told_apart(was, is),
                    &told_apart(is, was),
                );
                break;
            }
        }
        self.decisions = self.decisions.saturating_add(replayed.len());
        let action = describe(&step.action);
        if action == captured_action {
            return Comparison::SameAction;
        }
        self.differs(self.decisions, &format!("then {captured_action}"), &format!("then {action}"));
        Comparison::OtherAction
    }

    /// What must be the same of a record. What was changed stands in times, notes and details.
    fn in_question(&self, record: Option<&Value>) -> Option<Value> {
        let record = record?;
        if self.changes.are_none() {
            return Some(record.clone());
        }
        let member = |name: &str| record.get(name).cloned().unwrap_or_default();
        Some(Value::Array(["step", "place", "decision", "reason"].map(member).to_vec()))
    }

    fn differs(&mut self, decision: usize, captured: &str, replayed: &str) {
        if self.end == End::Same {
            let (captured, replayed) = (Trace::readable(captured), Trace::readable(replayed));
            self.end = End::Different { decision, captured, replayed };
        }
    }

    fn cut_short(self, why: String) -> Replayed {
        if self.end == End::Same { self.ended(End::CutShort(why)) } else { self.done() }
    }

    fn ended(mut self, end: End) -> Replayed {
        if self.end == End::Same {
            self.end = end;
        }
        self.done()
    }

    fn done(self) -> Replayed {
        Replayed { decisions: self.decisions, attempts: self.attempts, end: self.end }
    }
}

/// Whether a replay can go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    SameAction,
    OtherAction,
}

/// A record in as many words as it takes to tell it from another one: its step, and the members that differ.
fn told_apart(record: Option<&Value>, other: Option<&Value>) -> String {
    let Some(Value::Object(members)) = record else { return "no decision".to_owned() };
    let mut words = vec![members.get("step").and_then(Value::as_str).unwrap_or("unknown").to_owned()];
    for (name, value) in members {
        let same = other.and_then(|other| other.get(name));
        match (value, same) {
            (value, Some(same)) if value == same => {}
            // A dozen checks, of which one differs.
            (Value::Array(checks), Some(Value::Array(others))) => {
                let differs = |(number, check): &(usize, &Value)| others.get(*number) != Some(*check);
                let first = checks.iter().enumerate().find(differs).map(|(_, check)| check.to_string());
                words.push(format!("{name}: {}", first.unwrap_or_else(|| "fewer".to_owned())));
            }
            _ => words.push(format!("{name}: {value}")),
        }
    }
    words.join(", ")
}

/// The lines of a file, of bounded length and number.
struct Lines<R> {
    source: io::Take<R>,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Line>, ReplayError> {
        let mut octets = Vec::new();
        self.number = self.number.saturating_add(1);
        let line = self.number;
        let length = self.source.by_ref().take(MAX_LINE).read_until(b'\n', &mut octets)?;
        match octets.pop() {
            None if self.source.limit() == 0 => Err(ReplayError::TooLong { line }),
            None => Ok(None),
            Some(b'\n') => {
                serde_json::from_slice(&octets).map(Some).map_err(|source| ReplayError::Line { line, source })
            }
            Some(_) if u64::try_from(length).is_ok_and(|length| length >= MAX_LINE) || self.source.limit() == 0 => {
                Err(ReplayError::TooLong { line })
            }
            // The last line, whose end a cut of power took: what is there of it says nothing.
            Some(_) => Ok(None),
        }
    }

    const fn order(&self) -> ReplayError {
        ReplayError::Order { line: self.number }
    }

    const fn member(&self, source: MemberInvalid) -> ReplayError {
        ReplayError::Member { line: self.number, source }
    }
}

/// Stands for a key that is not there, and remembers that it was needed.
#[derive(Debug)]
struct AbsentKey {
    key_needed: Arc<AtomicBool>,
    public: PublicKey,
}

impl Decryptor for AbsentKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn decrypt_rsa(&self, _: RsaPadding, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        self.key_needed.store(true, Ordering::Relaxed);
        Err(DecryptError::Failed)
    }

    fn agree(&self, _: &PublicKey) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        self.key_needed.store(true, Ordering::Relaxed);
        Err(DecryptError::Failed)
    }
}
