//! What people do about leases of DHCP, as events. What the DHCP servers themselves do with them leaves no leaf: they are lent and taken back
//! by the thousand, and mean nothing once they have ended.

use std::net::IpAddr;

use audit_log::Kind;
use netboot::lease::ClientKey;
use serde_json::{Value, json};

/// Something that a person did about leases. Kinds 66 and 67.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseEvent {
    /// A lease is ended before its time.
    Released {
        /// Of this address.
        address: IpAddr,
        /// Whose it was.
        client: ClientKey,
        /// Why, in that person's words.
        because: String,
    },
    /// Leases of another server are taken over, as far as their addresses are free: a part of a file.
    Imported {
        /// How many.
        leases: u64,
        /// The first of their lines in the file, from 1.
        first_line: u64,
    },
}

impl LeaseEvent {
    /// The number that stands in the leaf.
    pub(super) const fn kind(&self) -> Kind {
        Kind(match self {
            Self::Released { .. } => 66,
            Self::Imported { .. } => 67,
        })
    }

    /// Its name, as its body has it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Released { .. } => "dhcp-lease-released",
            Self::Imported { .. } => "dhcp-leases-imported",
        }
    }

    /// What the leaf commits to, but for what all bodies have.
    pub(super) fn body(&self) -> Value {
        match self {
            Self::Released { address, client, because } => {
                json!({"address": address, "client": client.to_string(), "because": because})
            }
            Self::Imported { leases, first_line } => json!({"leases": leases, "first-line": first_line}),
        }
    }
}
