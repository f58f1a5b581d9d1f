//! Leases of the DHCP servers: what is lent, and what of another server is to be gone on with.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ImportFault;

/// Which leases are wanted. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DhcpLeaseQuery {
    /// Of clients with this MAC address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Of addresses in this subnet, such as `192.0.2.0/24` or `2001:db8::/64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// Whether they have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<bool>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Most on a page: 1 to 1000, 100 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of leases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpLeasePage {
    /// By address, IPv4 first.
    pub leases: Vec<DhcpLease>,
    /// What `after` takes for the next page; absent on the last.
    pub next: Option<String>,
    /// The DUID by which DHCPv6 clients know this server (RFC 8415 §11), where it is one.
    #[serde(default)]
    pub server_duid: Option<String>,
}

/// What is on record of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpLease {
    /// The address.
    pub address: String,
    /// `lent`, `ended` or `conflict`: another host uses it, and nobody is given it until then.
    pub standing: String,
    /// The client's MAC address, where it was told.
    pub mac: Option<String>,
    /// The client identifier (RFC 2132 §9.14) or DUID (RFC 8415 §11) in hex; absent for a client that is known by its MAC address alone.
    pub identifier: Option<String>,
    /// The number of the identity association (RFC 8415 §12), for IPv6.
    pub iaid: Option<u32>,
    /// The name that the client gives itself.
    pub host_name: Option<String>,
    /// When this was written down.
    pub since: String,
    /// When it ends; absent when it does not.
    pub expires: Option<String>,
    /// The client as the server knows it, in hex: what tells it from all others.
    pub client: String,
}

/// One line of the answer to an import of leases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum DhcpLeaseUpdate {
    /// How far it has come.
    Progress(DhcpLeasesDone),
    /// A line that was not taken.
    Fault(ImportFault),
    /// A lease whose address another client has here.
    Taken(DhcpLeaseTaken),
    /// A lease of a client of which newer things are known here.
    Outdated(DhcpLeaseOutdated),
    /// The last line.
    Done(DhcpLeasesDone),
}

/// A lease that was not taken: another client has its address here. That one stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpLeaseTaken {
    /// The line, from 1.
    pub line: u64,
    /// What is on record here.
    pub lease: DhcpLease,
}

/// A lease that was not taken: what is on record here of the same client is newer. That stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpLeaseOutdated {
    /// The line, from 1.
    pub line: u64,
    /// The address on that line.
    pub address: String,
    /// What is on record here.
    pub lease: DhcpLease,
}

/// How an import of leases is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DhcpLeaseImportQuery {
    /// Whether it is only to be judged: the answer says what would be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// When the file was written (RFC 3339): what is on record here of a later time is not replaced. Now, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

/// How far an import of leases came. What is counted as written is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DhcpLeasesDone {
    /// Lines with leases that were read.
    pub read: u64,
    /// Leases that were written, or would be.
    pub written: u64,
    /// Leases of addresses that other clients have here.
    pub taken: u64,
    /// Leases of clients of which newer things are known here.
    pub outdated: u64,
    /// Lines that cannot be taken.
    pub faults: u64,
}
