//! Reading leases.

use std::{collections::BTreeSet, net::IpAddr};

use netboot::lease::{ClientKey, Lease, Numbered, Version};
use serde_json::Value as Json;
use sqlx::{AnyConnection, AnyPool};

use super::{
    super::{
        conditions::Conditions,
        encode::integer,
        statement::{bound, select_each},
        target::Dialect,
    },
    row,
};
use crate::{
    domain::ledger::hex,
    store::{Ended, LeaseFilter, Page, StoreError},
};

/// What was written above a version, in order.
pub(super) async fn after(readers: &AnyPool, seen: Version, limit: u32) -> Result<Vec<Numbered>, StoreError> {
    let text = format!("SELECT {} FROM dhcp_lease WHERE version > $1 ORDER BY version LIMIT $2", row::COLUMNS);
    let values = [integer(seen.0)?.into(), i64::from(limit).into()];
    let rows = bound(text, values).fetch_all(readers).await?;
    rows.iter().map(row::lease).collect()
}

/// A page of leases, by address.
pub(in crate::store) async fn page(
    readers: &AnyPool,
    filter: &LeaseFilter,
    page: &Page<IpAddr>,
) -> Result<Vec<Lease>, StoreError> {
    let LeaseFilter { mac, duid, within, at } = filter;
    let mut wanted = Conditions::default();
    wanted.equal("mac", mac.map(|mac| mac.to_string()).as_deref());
    if let Some(duid) = duid {
        // What stands before it in a client's key: its kind, and in IPv6 the association.
        let duid = wanted.value(duid.clone());
        wanted.holds(format!("(substr(client, 6) = {duid} OR substr(client, 2) = {duid})"));
    }
    if let Some((first, last)) = within {
        let (first, last) = (wanted.value(row::key(*first)), wanted.value(row::key(*last)));
        wanted.holds(format!("address >= {first} AND address <= {last}"));
    }
    if let Some((now, ended)) = at {
        let now = wanted.value(row::seconds(*now));
        wanted.holds(match ended {
            Ended::Yes => format!("expires <= {now}"),
            Ended::No => format!("expires > {now}"),
        });
    }
    if let Some(after) = page.after {
        let after = wanted.value(row::key(after));
        wanted.holds(format!("address > {after}"));
    }
    let limit = wanted.value(i64::from(page.limit));
    let (wherever, values) = wanted.all();
    let text = format!("SELECT {} FROM dhcp_lease {wherever}ORDER BY address LIMIT {limit}", row::COLUMNS);
    let rows = bound(text, values).fetch_all(readers).await?;
    rows.iter().map(|row| row::lease(row).map(|found| found.lease)).collect()
}

/// What is on record of these addresses.
pub(super) async fn records(
    connection: &mut AnyConnection,
    dialect: Dialect,
    addresses: impl IntoIterator<Item = IpAddr>,
) -> Result<Vec<Lease>, StoreError> {
    let addresses: BTreeSet<_> = addresses.into_iter().collect();
    let keys = addresses.into_iter().map(|address| vec![row::key(address).into()]).collect();
    let select = format!("SELECT {} FROM dhcp_lease WHERE address IN (SELECT wanted FROM wanted)", row::COLUMNS);
    let rows = select_each(connection, dialect, &["wanted"], &select, keys).await?;
    rows.iter().map(|row| row::lease(row).map(|found| found.lease)).collect()
}

/// What is on record of these clients. There is no index of clients, which each renewal would write a page of: however many are asked for,
/// the database goes through its leases once.
pub(super) async fn records_of(
    connection: &mut AnyConnection,
    dialect: Dialect,
    clients: &[ClientKey],
) -> Result<Vec<Lease>, StoreError> {
    let wanted = match dialect {
        Dialect::Sqlite => "SELECT unhex(value) FROM json_each($1)",
        Dialect::Postgres => "SELECT decode(value, 'hex') FROM json_array_elements_text(CAST($1 AS JSON))",
    };
    let text = format!("SELECT {} FROM dhcp_lease WHERE client IN ({wanted})", row::COLUMNS);
    let clients: Vec<_> = clients.iter().map(|client| hex(client.octets())).collect();
    let rows = bound(text, [Json::from(clients).to_string().into()]).fetch_all(connection).await?;
    rows.iter().map(|row| row::lease(row).map(|found| found.lease)).collect()
}
