//! Registering many devices in one request. The body is CSV (`text/csv`, with a header line), a JSON array
//! (`application/json`) or one JSON object a line (`application/x-ndjson`); the answer comes while the body is still
//! being read, one [`ImportUpdate`] a line.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How an import is to be carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Whether it is only to be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// Whether devices that are on the list already are changed to what their rows say; they are left alone unless said.
    /// What a row is silent about stays either way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<bool>,
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ImportUpdate {
    /// How far it has come.
    Progress(ImportProgress),
    /// A row that was not taken.
    Fault(ImportFault),
    /// A row that says otherwise than the list does.
    Difference(ImportDifference),
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

/// A row about a device that is on the list with something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ImportDifference {
    /// The line, from 1.
    pub line: u64,
    /// Who made the device.
    pub manufacturer: String,
    /// Its serial number.
    pub serial_number: String,
    /// What differs.
    pub members: Vec<DifferingMember>,
}

/// Something that a row says and the list has otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DifferingMember {
    /// Its name.
    pub name: String,
    /// What the list has.
    pub listed: Option<String>,
    /// What the row says.
    pub row: String,
}

/// How an import ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ImportDone {
    /// Rows read.
    pub read: u64,
    /// Devices registered.
    pub registered: u64,
    /// Rows that say what the list says already: nothing was done.
    pub unchanged: u64,
    /// Devices that were changed to what their rows say.
    pub updated: u64,
    /// Rows that say otherwise than the list does, which was left as it is.
    pub different: u64,
    /// Rows that were not taken.
    pub faults: u64,
}
