//! What a server is and how it does.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// Its version.
    pub version: String,
    /// When it was started.
    pub started: String,
    /// Its clock.
    pub now: String,
    /// `sqlite` or `postgresql`.
    pub database: String,
    /// What it listens on.
    pub listeners: Vec<ListenerStatus>,
    /// How many devices are in each state.
    pub devices: Vec<StateCount>,
    /// Its audit log.
    pub log: LogStatus,
    /// What somebody ought to look at.
    #[serde(default)]
    pub alarms: Vec<ServerAlarm>,
    /// How many devices that are still to be onboarded have a voucher that expires within 30 days, and none after it.
    #[serde(default)]
    pub vouchers_ending: u64,
    /// Who is told of events.
    #[serde(default)]
    pub webhooks: Vec<WebhookStatus>,
}

/// Something about the server that somebody ought to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ServerAlarm {
    /// The reason code; `sztp explain` tells more of it.
    pub reason: String,
    /// What is so, in one sentence.
    pub summary: String,
    /// What to do.
    pub remedy: String,
}

/// Somebody who is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WebhookStatus {
    /// Its name.
    pub name: String,
    /// How many records of the log it has not been told of yet, or passed over.
    pub behind: u64,
    /// Since when it has been failing, if it is.
    pub failing_since: Option<String>,
    /// What went wrong last, while it is failing.
    pub error: Option<String>,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ListenerStatus {
    /// `devices`, `legacy-devices`, `operators` or `dhcp4`.
    pub name: String,
    /// Address and port.
    pub address: String,
    /// Connections that are open, where there are any.
    pub connections: Option<u64>,
    /// From when on its certificate is refused, where it has one.
    pub certificate_expires: Option<String>,
}

/// How many devices are in one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StateCount {
    /// The state.
    pub state: String,
    /// How many devices.
    pub devices: u64,
    /// How many of them are past a deadline.
    pub stuck: u64,
    /// How many of them have an alarm.
    pub alarmed: u64,
}

/// The audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LogStatus {
    /// Its name, which stands in every checkpoint.
    pub origin: String,
    /// How many leaves it has.
    pub leaves: u64,
}

/// Whether a server is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Health {
    /// `ok`, or what is wrong.
    pub status: String,
}
