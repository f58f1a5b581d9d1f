//! How one attempt to bootstrap ended.

use std::time::Duration;

use serde::Serialize;
use verdict::ReasonCode;

use crate::Place;

/// How an attempt ended, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OutcomeState {
    /// Bootstrapping data was applied and its server told so.
    Bootstrapped,
    /// An earlier attempt did it; nothing was sent.
    AlreadyDone,
    /// Bootstrapping is switched off; nothing was sent (RFC 8572 §5.2).
    SwitchedOff,
    /// Servers answered, and what they gave was refused.
    Refused,
    /// No server could be reached, or no source named one.
    Unreachable,
    /// Bootstrapping data was good, applying it failed.
    ApplyFailed,
    /// An image was installed; the device must boot it and start again.
    RebootWanted,
}

impl OutcomeState {
    /// The exit code of `sztp-device run --once`.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Bootstrapped | Self::AlreadyDone | Self::SwitchedOff => 0,
            Self::ApplyFailed => 1,
            Self::Refused => 3,
            Self::Unreachable => 5,
            Self::RebootWanted => 75,
        }
    }

    /// Whether another attempt makes sense.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Bootstrapped | Self::AlreadyDone | Self::SwitchedOff | Self::RebootWanted)
    }
}

/// A server that was tried without success, and why it was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Which server.
    pub place: Place,
    /// Why.
    pub reason: ReasonCode,
    /// What exactly was wrong.
    pub detail: String,
}

/// The result of one attempt: one walk over all sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// How it ended.
    pub state: OutcomeState,
    /// When nothing worked: why data that was good could not be applied; else why the last server was passed over, or
    /// [`ReasonCode::NoSource`] when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// What a person should know beyond that; empty when there is nothing.
    pub detail: String,
    /// Every server that was passed over, in the order of the attempt.
    pub passed_over: Vec<PassedOver>,
    /// What was done and how long it took in milliseconds, in order; a step that ran twice stands twice.
    pub steps: Vec<(String, u64)>,
    /// The shortest time after which a server that had no room wants to be asked again, as far as it is believed.
    #[serde(skip)]
    pub come_back: Option<Duration>,
}

impl Outcome {
    /// An outcome without servers passed over.
    #[must_use]
    pub fn new(state: OutcomeState, detail: impl Into<String>) -> Self {
        Self { state, reason: None, detail: detail.into(), passed_over: Vec::new(), steps: Vec::new(), come_back: None }
    }
}
