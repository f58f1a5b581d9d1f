//! The tables and their columns: the same in every database. Statements and exports are made from these descriptions.

use Kind::{Integer, Octets, Text};

use crate::store::ExportedValue;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number.
    Integer,
    /// A text.
    Text,
    /// Octets.
    Octets,
}

/// A table. Its first columns are its primary key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: usize,
    pub(super) columns: &'static [(&'static str, Kind)],
}

/// A value to be written, with its type even where there is none: PostgreSQL asks for it.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
    Octets(Option<Vec<u8>>),
}

impl Value {
    /// What was exported from a column of this kind; None when it does not fit.
    pub(super) fn imported(kind: Kind, value: ExportedValue) -> Option<Self> {
        Some(match (kind, value) {
            (Integer, ExportedValue::Nothing) => Self::Integer(None),
            (Text, ExportedValue::Nothing) => Self::Text(None),
            (Octets, ExportedValue::Nothing) => Self::Octets(None),
            (Integer, ExportedValue::Integer(number)) => Self::Integer(Some(number)),
            (Text, ExportedValue::Text(text)) => Self::Text(Some(text)),
            (Octets, ExportedValue::Octets(octets)) => Self::Octets(Some(octets)),
            _ => return None,
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<Vec<u8>> for Value {
    fn from(octets: Vec<u8>) -> Self {
        Self::Octets(Some(octets))
    }
}

impl From<&[u8]> for Value {
    fn from(octets: &[u8]) -> Self {
        Self::Octets(Some(octets.to_vec()))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

pub(super) const MANUFACTURER: Table = Table {
    name: "manufacturer",
    key: 1,
    columns: &[
        ("name", Text),
        ("anchors", Text),
        ("voucher_anchors", Text),
        ("serial_number_rule", Text),
        ("identity", Text),
    ],
};

pub(super) const REVOCATION_LIST: Table =
    Table { name: "revocation_list", key: 1, columns: &[("manufacturer", Text), ("digest", Octets), ("lists", Text)] };

pub(super) const PROFILE: Table = Table { name: "profile", key: 1, columns: &[("name", Text), ("document", Text)] };

pub(super) const DEVICE: Table = Table {
    name: "device",
    key: 2,
    columns: &[
        ("manufacturer", Text),
        ("serial_number", Text),
        ("profile", Text),
        ("state", Text),
        ("detail", Text),
        ("since", Integer),
        ("attempt_since", Integer),
        ("last_answer", Octets),
        ("proof_at", Integer),
        ("proof_source", Text),
        ("proof_certificate", Octets),
        ("alarm", Text),
        ("alarm_at", Integer),
        ("activation_salt", Octets),
        ("activation_hash", Octets),
        ("model", Text),
        ("mac_addresses", Text),
        ("host", Text),
        ("slot", Text),
        ("rack", Text),
        ("version", Integer),
    ],
};

/// The columns of [`DEVICE`] beside its key that an index is over, or says which rows are in one.
pub(super) const DEVICE_INDEXED: &[&str] = &["profile", "state", "since", "alarm", "host", "rack"];

pub(super) const VOUCHER: Table = Table {
    name: "voucher",
    key: 3,
    columns: &[
        ("manufacturer", Text),
        ("serial_number", Text),
        ("sha256", Octets),
        ("artifact", Octets),
        ("log", Integer),
        ("leaf", Integer),
        ("created_on", Integer),
        ("expires_on", Integer),
        ("nonce", Octets),
        ("pinned", Octets),
    ],
};

pub(super) const PROGRESS_REPORT: Table = Table {
    name: "progress_report",
    key: 2,
    columns: &[
        ("log", Integer),
        ("leaf", Integer),
        ("manufacturer", Text),
        ("serial_number", Text),
        ("at", Integer),
        ("progress_type", Text),
        ("message", Text),
    ],
};

pub(super) const REPORTED_KEY: Table = Table {
    name: "reported_key",
    key: 3,
    columns: &[("log", Integer), ("leaf", Integer), ("number", Integer), ("kind", Text), ("data", Octets)],
};

pub(super) const OPERATOR: Table = Table { name: "operator", key: 1, columns: &[("name", Text), ("role", Text)] };

pub(super) const TOKEN: Table = Table {
    name: "token",
    key: 1,
    columns: &[("id", Text), ("operator", Text), ("digest", Octets), ("created", Integer), ("expires", Integer)],
};

pub(super) const KEPT_ANSWER: Table = Table {
    name: "kept_answer",
    key: 2,
    columns: &[
        ("operator", Text),
        ("idempotency_key", Text),
        ("at", Integer),
        ("request", Octets),
        ("status", Integer),
        ("body", Octets),
    ],
};

pub(super) const LEAF: Table = Table {
    name: "leaf",
    key: 1,
    columns: &[("position", Integer), ("leaf", Octets), ("salt", Octets), ("body", Octets)],
};

pub(super) const DEVICE_EVENT: Table = Table {
    name: "device_event",
    key: 4,
    columns: &[("manufacturer", Text), ("serial_number", Text), ("log", Integer), ("position", Integer)],
};

/// The policies in force. One row.
pub(super) const POLICY: Table = Table { name: "policy", key: 1, columns: &[("number", Integer), ("document", Text)] };

/// The next leaf that each webhook is to be told of.
pub(super) const DELIVERY: Table =
    Table { name: "delivery", key: 1, columns: &[("webhook", Text), ("log", Integer), ("position", Integer)] };

/// The latest signed checkpoint, and the right edge of the tree it signs. One row, which writers lock.
pub(super) const CHECKPOINT: Table = Table {
    name: "checkpoint",
    key: 1,
    columns: &[("number", Integer), ("size", Integer), ("frontier", Octets), ("note", Text)],
};

pub(super) const ARCHIVED_LOG: Table =
    Table { name: "archived_log", key: 1, columns: &[("log", Integer), ("note", Text)] };

pub(super) const ARCHIVED_LEAF: Table = Table {
    name: "archived_leaf",
    key: 2,
    columns: &[("log", Integer), ("position", Integer), ("leaf", Octets), ("salt", Octets), ("body", Octets)],
};

pub(super) const CERTIFICATE: Table = Table {
    name: "certificate",
    key: 2,
    columns: &[
        ("authority", Text),
        ("serial", Octets),
        ("profile", Text),
        ("manufacturer", Text),
        ("serial_number", Text),
        ("key_sha256", Octets),
        ("request", Octets),
        ("not_after", Integer),
        ("at", Integer),
        ("leaf", Integer),
        ("der", Octets),
    ],
};

pub(super) const REVOCATION: Table = Table {
    name: "revocation",
    key: 2,
    columns: &[("authority", Text), ("serial", Octets), ("at", Integer), ("reason", Text), ("not_after", Integer)],
};

pub(super) const MASA_OWNER: Table = Table {
    name: "masa_owner",
    key: 1,
    columns: &[("name", Text), ("log", Integer), ("leaf", Integer), ("document", Text)],
};

pub(super) const MASA_LINE: Table = Table { name: "masa_line", key: 1, columns: &[("name", Text), ("document", Text)] };

pub(super) const MADE_DEVICE: Table = Table {
    name: "made_device",
    key: 2,
    columns: &[
        ("serial_number", Text),
        ("line", Text),
        ("ownership", Text),
        ("owner", Text),
        ("recipient", Text),
        ("since", Integer),
    ],
};

pub(super) const MADE_DEVICE_DEED: Table = Table {
    name: "made_device_deed",
    key: 4,
    columns: &[
        ("serial_number", Text),
        ("line", Text),
        ("log", Integer),
        ("leaf", Integer),
        ("at", Integer),
        ("deed", Text),
    ],
};

pub(super) const ISSUED_VOUCHER: Table = Table {
    name: "issued_voucher",
    key: 2,
    columns: &[
        ("serial_number", Text),
        ("sha256", Octets),
        ("line", Text),
        ("claim", Octets),
        ("request", Octets),
        ("owner", Text),
        ("expires_on", Integer),
        ("domain_id", Octets),
        ("nonce", Text),
        ("assertion", Text),
        ("at", Integer),
        ("log", Integer),
        ("leaf", Integer),
        ("artifact", Octets),
    ],
};

pub(super) const VOUCHER_CLAIM: Table = Table {
    name: "voucher_claim",
    key: 1,
    columns: &[
        ("claim", Octets),
        ("serial_number", Text),
        ("pinned", Octets),
        ("asked_by", Text),
        ("is_registrar", Integer),
        ("asked_at", Integer),
        ("approved_by", Text),
        ("approved_at", Integer),
    ],
};

pub(super) const PRODUCTION_ORDER: Table =
    Table { name: "production_order", key: 1, columns: &[("name", Text), ("document", Text), ("closed", Text)] };

pub(super) const PRODUCTION_UNIT: Table = Table {
    name: "production_unit",
    key: 2,
    columns: &[
        ("production_order", Text),
        ("serial_number", Text),
        ("endorsement_key", Octets),
        ("certificate", Octets),
        ("station", Text),
        ("rework", Text),
    ],
};

/// What DHCP has lent.
pub(super) const DHCP_LEASE: Table = Table {
    name: "dhcp_lease",
    key: 1,
    columns: &[
        ("address", Octets),
        ("client", Octets),
        ("mac", Text),
        ("host_name", Text),
        ("standing", Text),
        ("since", Integer),
        ("expires", Integer),
        ("version", Integer),
    ],
};

/// The newest version of any lease. One row, which writers of leases lock.
pub(super) const DHCP_LEASE_HEAD: Table =
    Table { name: "dhcp_lease_head", key: 1, columns: &[("number", Integer), ("version", Integer)] };

/// Every table, in the order of an export. Answers kept for a day are no part of it.
pub(super) const EXPORTED: &[&Table] = &[
    &MANUFACTURER,
    &REVOCATION_LIST,
    &PROFILE,
    &OPERATOR,
    &TOKEN,
    &DEVICE,
    &VOUCHER,
    &PROGRESS_REPORT,
    &REPORTED_KEY,
    &DEVICE_EVENT,
    &POLICY,
    &DELIVERY,
    &CERTIFICATE,
    &REVOCATION,
    &MASA_OWNER,
    &MASA_LINE,
    &MADE_DEVICE,
    &MADE_DEVICE_DEED,
    &ISSUED_VOUCHER,
    &VOUCHER_CLAIM,
    &PRODUCTION_ORDER,
    &PRODUCTION_UNIT,
    &DHCP_LEASE,
    &DHCP_LEASE_HEAD,
    &ARCHIVED_LOG,
    &ARCHIVED_LEAF,
    &CHECKPOINT,
    &LEAF,
];

impl Table {
    /// The names of its columns, separated by commas.
    pub(super) fn column_list(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// The names of its key's columns, separated by commas.
    pub(super) fn key_list(&self) -> String {
        let names: Vec<_> = self.columns.iter().take(self.key).map(|(name, _)| *name).collect();
        names.join(", ")
    }
}
