//! A lease as a row, and back.

use std::net::IpAddr;

use netboot::{
    lease::{Lease, Numbered, Standing, Version},
    moment::Moment,
};
use serde_json::{Value as Json, json};
use sqlx::any::AnyRow;

use super::super::decode::{corrupt, number, optional_text, value};
use crate::{domain::ledger::hex, store::StoreError};

/// The columns of a lease, in the order of [`lease`].
pub(super) const COLUMNS: &str = "address, client, mac, host_name, standing, since, expires, version";

const LENT: &str = "lent";
const CONFLICT: &str = "conflict";

/// An address as a key: what it belongs to first, so that the order of keys is that of addresses within each family.
pub(super) fn key(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => [&[4], address.octets().as_slice()].concat(),
        IpAddr::V6(address) => [&[6], address.octets().as_slice()].concat(),
    }
}

fn address(key: &[u8]) -> Option<IpAddr> {
    match key.split_first()? {
        (4, octets) => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        (6, octets) => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}

/// A moment as a number; the end of time is that of the database.
pub(super) fn seconds(moment: Moment) -> i64 {
    i64::try_from(moment.0).unwrap_or(i64::MAX)
}

fn moment(row: &AnyRow, column: &str) -> Result<Moment, StoreError> {
    let seconds = number(row, column)?;
    Ok(Moment(if seconds == i64::MAX.unsigned_abs() { u64::MAX } else { seconds }))
}

/// A lease as part of a statement's parameter: its columns but the last.
pub(super) fn parameter(lease: &Lease) -> Json {
    // No text of PostgreSQL holds NUL.
    let name = lease.host_name.as_ref().map(|name| name.replace('\0', "\u{fffd}"));
    let standing = match lease.standing {
        Standing::Lent => LENT,
        Standing::Conflict => CONFLICT,
    };
    json!([
        hex(&key(lease.address)),
        hex(lease.client.octets()),
        lease.mac.map(|mac| mac.to_string()),
        name,
        standing,
        seconds(lease.since),
        seconds(lease.expires),
    ])
}

pub(super) fn lease(row: &AnyRow) -> Result<Numbered, StoreError> {
    let mac = optional_text(row, "mac")?.map(|mac| mac.parse()).transpose();
    let lease = Lease {
        address: address(value(row, "address")?).ok_or_else(|| corrupt("the address of a lease"))?,
        client: value::<Vec<u8>>(row, "client")?.into(),
        mac: mac.map_err(|_| corrupt("a MAC address"))?,
        host_name: optional_text(row, "host_name")?.map(String::into_boxed_str),
        standing: match value(row, "standing")? {
            LENT => Standing::Lent,
            CONFLICT => Standing::Conflict,
            _ => return Err(corrupt("what a lease is at")),
        },
        since: moment(row, "since")?,
        expires: moment(row, "expires")?,
    };
    Ok(Numbered { version: Version(number(row, "version")?), lease })
}
