//! Registering many devices in one request. The body is CSV (`text/csv`, with a header line), a JSON array
//! (`application/json`) or one JSON object a line (`application/x-ndjson`); the answer comes while the body is still
//! being read, one [`ImportUpdate`] a line.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ImportUpdate {
    /// How far it has come.
    Progress(ImportProgress),
    /// A row that was not taken.
    Fault(ImportFault),
    /// The last line.
    Done(ImportDone),
}

/// How far an import has come. What is counted is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ImportProgress {
    /// Rows read.
    pub read: u64,
    /// Devices registered.
    pub registered: u64,
}

/// A row that was not taken. The others are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ImportFault {
    /// The line, from 1.
    pub line: u64,
    /// The reason code.
    pub reason: String,
    /// What is wrong.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

/// How an import ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ImportDone {
    /// Rows read.
    pub read: u64,
    /// Devices registered.
    pub registered: u64,
    /// Rows that were on the list already, with the same profile: nothing was done.
    pub unchanged: u64,
    /// Rows that were not taken.
    pub faults: u64,
}
