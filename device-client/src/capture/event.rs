//! Events as they stand in a capture.

use std::{net::IpAddr, time::Duration};

use conveyed_info::{Encoding, rpc::BootstrappingAnswer};
use serde::{Deserialize, Serialize};
use verdict::{Check, Input, Outcome, ReasonCode, Refusal, Trace};

use super::{
    line::{CertificateText, Octets},
    names::lasting,
    policy::{MemberInvalid, ServerLine},
};
use crate::{
    Place,
    journal::line::digest,
    machine::{
        Answer, CommitFailure, Discovery, Downloaded, Event, Offer, Origin, ScriptEnd, ScriptVerdict, SwitchPosition,
    },
};

/// An event. What programs printed is left out (SEC-13): no decision depends on it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EventLine {
    Discovered { offers: Vec<OfferLine>, ignored: Vec<RefusalLine> },
    Resolved(Vec<IpAddr>),
    Connected(Vec<CertificateText>),
    Answered(AnswerLine),
    Fetched(Octets),
    Downloaded { sha256: String, length: u64, resumed_from: u64 },
    ImageVerified(Vec<CheckLine>),
    ScriptEnded(VerdictLine),
    CommitWarned,
    CommitFailed(RefusalLine),
    Switch { on: bool },
    Sworn(String),
    Done,
    Failed(RefusalLine),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OfferLine {
    Server(ServerLine, OriginLine),
    Data(PlaceLine, Octets),
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OriginLine {
    Factory,
    Trusted,
    Untrusted,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PlaceLine {
    Server(ServerLine),
    Folder(String),
    Name(String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AnswerLine {
    status: u16,
    media_type: Option<String>,
    retry_after: Option<u64>,
    body: Octets,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum VerdictLine {
    Complete,
    Warning,
    Failed(i32),
    Killed,
    TimedOut,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RefusalLine {
    reason: String,
    detail: String,
    checks: Vec<CheckLine>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CheckLine {
    check: String,
    section: String,
    outcome: OutcomeLine,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<(String, String)>,
    note: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OutcomeLine {
    Passed,
    Skipped,
    Refused(String),
}

impl From<&Event> for EventLine {
    fn from(event: &Event) -> Self {
        match event {
            Event::Discovered(discovery) => Self::Discovered {
                offers: discovery.offers.iter().map(OfferLine::from).collect(),
                ignored: discovery.ignored.iter().map(RefusalLine::from).collect(),
            },
            Event::Resolved(addresses) => Self::Resolved(addresses.clone()),
            Event::Connected(chain) => Self::Connected(CertificateText::all_of(chain)),
            Event::Answered(answer) => Self::Answered(AnswerLine {
                status: answer.status,
                media_type: answer.media_type.clone(),
                retry_after: answer.retry_after.map(|it| it.as_secs()),
                body: Octets(answer.body.clone()),
            }),
            Event::Fetched(octets) => Self::Fetched(Octets(octets.clone())),
            Event::Downloaded(Downloaded { sha256, length, resumed_from }) => {
                Self::Downloaded { sha256: sha256.to_string(), length: *length, resumed_from: *resumed_from }
            }
            Event::ImageVerified(trace) => Self::ImageVerified(checks(trace)),
            Event::ScriptEnded(end) => Self::ScriptEnded(match end.verdict {
                ScriptVerdict::Complete => VerdictLine::Complete,
                ScriptVerdict::Warning => VerdictLine::Warning,
                ScriptVerdict::Failed(code) => VerdictLine::Failed(code),
                ScriptVerdict::Killed => VerdictLine::Killed,
                ScriptVerdict::TimedOut => VerdictLine::TimedOut,
            }),
            Event::CommitWarned(_) => Self::CommitWarned,
            Event::CommitFailed(failure) => Self::CommitFailed((&failure.refusal).into()),
            Event::Switch(position) => Self::Switch { on: *position == SwitchPosition::On },
            Event::Sworn(message) => Self::Sworn(message.clone()),
            Event::Done => Self::Done,
            Event::Failed(refusal) => Self::Failed(refusal.into()),
        }
    }
}

impl EventLine {
    pub(super) fn read(self) -> Result<Event, MemberInvalid> {
        Ok(match self {
            Self::Discovered { offers, ignored } => Event::Discovered(Discovery {
                offers: offers.into_iter().map(OfferLine::read).collect::<Result<_, _>>()?,
                ignored: ignored.into_iter().map(RefusalLine::read).collect::<Result<_, _>>()?,
            }),
            Self::Resolved(addresses) => Event::Resolved(addresses),
            Self::Connected(chain) => Event::Connected(CertificateText::into_all(chain)),
            Self::Answered(line) => Event::Answered(Answer {
                status: line.status,
                media_type: line.media_type,
                retry_after: line.retry_after.map(Duration::from_secs),
                body: line.body.0,
            }),
            Self::Fetched(octets) => Event::Fetched(octets.0),
            Self::Downloaded { sha256, length, resumed_from } => {
                let sha256 = digest(&sha256).ok_or(MemberInvalid("sha256"))?;
                Event::Downloaded(Downloaded { sha256, length, resumed_from })
            }
            Self::ImageVerified(lines) => Event::ImageVerified(trace(lines)?),
            Self::ScriptEnded(line) => Event::ScriptEnded(ScriptEnd {
                verdict: match line {
                    VerdictLine::Complete => ScriptVerdict::Complete,
                    VerdictLine::Warning => ScriptVerdict::Warning,
                    VerdictLine::Failed(code) => ScriptVerdict::Failed(code),
                    VerdictLine::Killed => ScriptVerdict::Killed,
                    VerdictLine::TimedOut => ScriptVerdict::TimedOut,
                },
                output: String::new(),
            }),
            Self::CommitWarned => Event::CommitWarned(String::new()),
            Self::CommitFailed(line) => Event::CommitFailed(CommitFailure::from(line.read()?)),
            Self::Switch { on } => Event::Switch(if on { SwitchPosition::On } else { SwitchPosition::Off }),
            Self::Sworn(message) => Event::Sworn(message),
            Self::Done => Event::Done,
            Self::Failed(line) => Event::Failed(line.read()?),
        })
    }
}

impl From<&Offer> for OfferLine {
    fn from(offer: &Offer) -> Self {
        match offer {
            Offer::Server(server, origin) => Self::Server(
                server.into(),
                match origin {
                    Origin::Factory => OriginLine::Factory,
                    Origin::Trusted => OriginLine::Trusted,
                    Origin::Untrusted => OriginLine::Untrusted,
                },
            ),
            Offer::Data(place, data) => Self::Data(
                match place {
                    Place::Server(server) => PlaceLine::Server(server.into()),
                    Place::Folder(path) => PlaceLine::Folder(path.clone()),
                    Place::Name(name) => PlaceLine::Name(name.clone()),
                },
                Octets(data.to_answer()),
            ),
        }
    }
}

impl OfferLine {
    fn read(self) -> Result<Offer, MemberInvalid> {
        Ok(match self {
            Self::Server(server, origin) => Offer::Server(
                server.into(),
                match origin {
                    OriginLine::Factory => Origin::Factory,
                    OriginLine::Trusted => Origin::Trusted,
                    OriginLine::Untrusted => Origin::Untrusted,
                },
            ),
            Self::Data(place, answer) => {
                let answer = BootstrappingAnswer::decode(&answer.0, Encoding::Json);
                let place = match place {
                    PlaceLine::Server(server) => Place::Server(server.into()),
                    PlaceLine::Folder(path) => Place::Folder(path),
                    PlaceLine::Name(name) => Place::Name(name),
                };
                Offer::Data(place, answer.map_err(|_| MemberInvalid("data"))?.data)
            }
        })
    }
}

impl From<&Refusal> for RefusalLine {
    fn from(refusal: &Refusal) -> Self {
        Self { reason: refusal.reason.to_string(), detail: refusal.detail.clone(), checks: checks(&refusal.trace) }
    }
}

impl RefusalLine {
    fn read(self) -> Result<Refusal, MemberInvalid> {
        let trace = trace(self.checks)?;
        Ok(Refusal { reason: reason(&self.reason)?, detail: Trace::readable(&self.detail), trace })
    }
}

fn reason(code: &str) -> Result<ReasonCode, MemberInvalid> {
    code.parse().map_err(|_| MemberInvalid("reason"))
}

fn checks(trace: &Trace) -> Vec<CheckLine> {
    let line = |check: &Check| CheckLine {
        check: check.check.to_owned(),
        section: check.section.to_owned(),
        outcome: match check.outcome {
            Outcome::Passed => OutcomeLine::Passed,
            Outcome::Skipped => OutcomeLine::Skipped,
            Outcome::Refused(reason) => OutcomeLine::Refused(reason.to_string()),
        },
        inputs: check.inputs.iter().map(|input| (input.name.to_owned(), input.sha256.to_string())).collect(),
        note: check.note.clone(),
    };
    trace.checks().iter().map(line).collect()
}

fn trace(lines: Vec<CheckLine>) -> Result<Trace, MemberInvalid> {
    let mut trace = Trace::new();
    for line in lines {
        let (check, section) = (lasting(&line.check), lasting(&line.section));
        let input = |(name, hex): &(String, String)| {
            let sha256 = digest(hex).ok_or(MemberInvalid("inputs"))?;
            Ok(Input { name: lasting(name), sha256 })
        };
        let inputs = line.inputs.iter().map(input).collect::<Result<Vec<_>, _>>()?;
        match (line.outcome, line.note) {
            (OutcomeLine::Passed, None) => trace.passed(check, section, &inputs),
            (OutcomeLine::Passed, Some(note)) => trace.passed_with(check, section, &inputs, note),
            (OutcomeLine::Skipped, note) => trace.skipped(check, section, note.unwrap_or_default()),
            (OutcomeLine::Refused(code), note) => {
                trace = trace.refused(check, reason(&code)?, &inputs, note.unwrap_or_default()).trace;
            }
        }
    }
    Ok(trace)
}
