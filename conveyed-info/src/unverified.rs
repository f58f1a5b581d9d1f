//! Verified-ness as a type.

use verdict::Trace;

use crate::{
    BootstrappingData, Encoding,
    rpc::{BootstrappingAnswer, ReportingLevel},
};

/// Something that arrived from outside and that nothing may act on yet. There is no way to look inside but a
/// verification, which consumes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified<T>(T);

impl<T> Unverified<T> {
    /// Marks `received` as not verified.
    pub const fn new(received: T) -> Self {
        Self(received)
    }

    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

impl Unverified<BootstrappingData> {
    /// The artifacts as they came, to be kept and read again by [`BootstrappingAnswer::decode`], which gives something unverified
    /// again: the body of a server's answer, in JSON.
    #[must_use]
    pub fn to_answer(&self) -> Vec<u8> {
        BootstrappingAnswer { reporting_level: ReportingLevel::Minimal, data: self.0.clone() }.encode(Encoding::Json)
    }
}

/// Something that passed every check, together with the trace of those checks. Only verifications make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    trace: Trace,
}

impl<T> Verified<T> {
    pub(crate) const fn new(value: T, trace: Trace) -> Self {
        Self { value, trace }
    }

    /// What was verified.
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// The checks it passed.
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Takes it apart.
    pub fn into_parts(self) -> (T, Trace) {
        (self.value, self.trace)
    }
}
