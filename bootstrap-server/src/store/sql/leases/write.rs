//! Writing leases: a group of them in one message, whoever is the database.
//!
//! The database judges by the rule of [`Lease::gives_way_to`], in the transaction that writes, since several servers may share it. Versions
//! come from one row that stays locked until the transaction ends: whoever sees a version has seen all before it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use netboot::{
    lease::{Lease, Written},
    moment::Moment,
};
use serde_json::Value as Json;
use sqlx::{AnyConnection, Executor as _};

use super::{
    super::{
        decode::{corrupt, number},
        encode::integer,
        statement::{bound, select_each},
        table::Value,
        target::Dialect,
    },
    row,
};
use crate::store::{DatabaseFault, StoreError};

/// How often leases are tried again that were in somebody's way when they were judged and no longer when they were looked at.
const TRIES: usize = 4;

/// What is written when the address is on record already: what [`Lease::gives_way_to`] says.
const OVER: &str = "ON CONFLICT (address) DO UPDATE SET client = excluded.client, mac = excluded.mac, \
     host_name = excluded.host_name, standing = excluded.standing, since = excluded.since, \
     expires = excluded.expires, version = excluded.version \
     WHERE dhcp_lease.client = excluded.client OR dhcp_lease.expires <= excluded.since \
     OR excluded.standing = 'conflict'";

/// Writes leases, in order. Says what became of each. After an error nothing of them was written, or nobody knows.
pub(super) async fn write(
    connection: &mut AnyConnection,
    dialect: Dialect,
    leases: &[&Lease],
) -> Result<Vec<Written>, StoreError> {
    let mut outcomes = vec![Written::Yes; leases.len()];
    let mut open: Vec<usize> = (0..leases.len()).collect();
    for _ in 0..TRIES {
        let rounds = rounds(leases, std::mem::take(&mut open));
        let ends = if rounds.len() == 1 { Ends::Here } else { Ends::Elsewhere };
        if ends == Ends::Elsewhere {
            connection.execute(dialect.begin_write()).await?;
        }
        for round in &rounds {
            let refused = send(connection, dialect, leases, round, ends).await?;
            // By whom, as long as nothing else of this group was written.
            let records = records(connection, dialect, leases, &refused).await?;
            for place in refused {
                let (Some(lease), Some(outcome)) = (leases.get(place), outcomes.get_mut(place)) else { continue };
                match records.get(&lease.address) {
                    Some(record) if !record.gives_way_to(lease) => *outcome = Written::Taken(Box::new(record.clone())),
                    // Another server has freed it meanwhile.
                    _ => open.push(place),
                }
            }
        }
        if ends == Ends::Elsewhere {
            connection.execute("COMMIT").await?;
        }
        if open.is_empty() {
            return Ok(outcomes);
        }
    }
    let detail = "other servers write the same leases all the time".to_owned();
    Err(StoreError::Database { fault: DatabaseFault::Busy, detail })
}

/// Parts in each of which an address stands once: a statement cannot write a row twice.
fn rounds(leases: &[&Lease], places: Vec<usize>) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut left = places;
    while !left.is_empty() {
        let mut seen = BTreeSet::new();
        let first = |place: &usize| leases.get(*place).is_some_and(|lease| seen.insert(lease.address));
        let (round, rest) = left.into_iter().partition(first);
        rounds.push(round);
        left = rest;
    }
    rounds
}

/// Whether a message is a whole transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Here,
    Elsewhere,
}

async fn send(
    connection: &mut AnyConnection,
    dialect: Dialect,
    leases: &[&Lease],
    round: &[usize],
    ends: Ends,
) -> Result<Vec<usize>, StoreError> {
    let rows: Vec<Json> = round.iter().filter_map(|place| leases.get(*place)).map(|it| row::parameter(it)).collect();
    let count = Value::from(integer(u64::try_from(rows.len()).unwrap_or(u64::MAX))?);
    let rows = Value::from(Json::Array(rows).to_string());
    let (text, values) = match dialect {
        Dialect::Sqlite => sqlite(ends, rows, count),
        Dialect::Postgres => (postgres(), vec![rows, count]),
    };
    let refused = bound(text, values).fetch_all(&mut *connection).await?;
    let places = refused.iter().map(|row| {
        let number = usize::try_from(number(row, "place")?).ok().and_then(|number| number.checked_sub(1));
        let place = number.and_then(|number| round.get(number)).copied();
        place.ok_or_else(|| corrupt("the place of a lease"))
    });
    places.collect()
}

/// SQLite gets the transaction as one text. Nobody else writes within it, so what it says of refusals is the end of it.
fn sqlite(ends: Ends, rows: Value, count: Value) -> (String, Vec<Value>) {
    let (begin, commit) = match ends {
        Ends::Here => ("BEGIN IMMEDIATE; ", "; COMMIT"),
        Ends::Elsewhere => ("", ""),
    };
    let columns = row::COLUMNS;
    let text = format!(
        "{begin}INSERT INTO dhcp_lease_head (number, version) VALUES (1, ?) \
         ON CONFLICT (number) DO UPDATE SET version = version + excluded.version; \
         INSERT INTO dhcp_lease ({columns}) SELECT unhex(lease.value ->> 0), unhex(lease.value ->> 1), \
         lease.value ->> 2, lease.value ->> 3, lease.value ->> 4, lease.value ->> 5, lease.value ->> 6, \
         (SELECT version FROM dhcp_lease_head) - ? + lease.key + 1 FROM json_each(?) AS lease WHERE TRUE {OVER}; \
         SELECT lease.key + 1 AS place FROM json_each(?) AS lease \
         JOIN dhcp_lease ON dhcp_lease.address = unhex(lease.value ->> 0) \
         WHERE dhcp_lease.version <= (SELECT version FROM dhcp_lease_head) - ?{commit}"
    );
    (text, vec![count.clone(), count.clone(), rows.clone(), rows, count])
}

/// PostgreSQL gets one statement, which is a transaction if nobody began one. Nothing is inserted before the row of the versions is locked:
/// each row to be inserted is made of it. Whether an address gives way is judged by what is committed then.
fn postgres() -> String {
    let columns = row::COLUMNS;
    format!(
        "WITH wanted AS (SELECT CAST(each.place AS BIGINT) AS place, decode(each.lease ->> 0, 'hex') AS address, \
         decode(each.lease ->> 1, 'hex') AS client, each.lease ->> 2 AS mac, each.lease ->> 3 AS host_name, \
         each.lease ->> 4 AS standing, CAST(each.lease ->> 5 AS BIGINT) AS since, \
         CAST(each.lease ->> 6 AS BIGINT) AS expires \
         FROM json_array_elements(CAST($1 AS JSON)) WITH ORDINALITY AS each (lease, place)), \
         head AS (INSERT INTO dhcp_lease_head AS head (number, version) VALUES (1, $2) \
         ON CONFLICT (number) DO UPDATE SET version = head.version + excluded.version \
         RETURNING version - $2 AS before), \
         written AS (INSERT INTO dhcp_lease ({columns}) SELECT address, client, mac, host_name, standing, since, expires, \
         before + place FROM head CROSS JOIN wanted {OVER} RETURNING version) \
         SELECT place FROM wanted \
         WHERE place NOT IN (SELECT version - before FROM written CROSS JOIN head) ORDER BY place"
    )
}

/// What is on record of the addresses of these leases.
async fn records(
    connection: &mut AnyConnection,
    dialect: Dialect,
    leases: &[&Lease],
    places: &[usize],
) -> Result<BTreeMap<IpAddr, Lease>, StoreError> {
    if places.is_empty() {
        return Ok(BTreeMap::new());
    }
    let addresses: BTreeSet<_> = places.iter().filter_map(|place| leases.get(*place)).map(|it| it.address).collect();
    let keys = addresses.into_iter().map(|address| vec![row::key(address).into()]).collect();
    let select = format!("SELECT {} FROM dhcp_lease WHERE address IN (SELECT wanted FROM wanted)", row::COLUMNS);
    let rows = select_each(connection, dialect, &["wanted"], &select, keys).await?;
    let found = rows.iter().map(|row| row::lease(row).map(|found| (found.lease.address, found.lease)));
    found.collect()
}

/// Removes records that ended before a moment. Those that somebody writes at this moment stay.
pub(super) async fn forget(
    connection: &mut AnyConnection,
    dialect: Dialect,
    before: Moment,
    limit: u32,
) -> Result<u64, StoreError> {
    let passed_by = match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let text = format!(
        "DELETE FROM dhcp_lease WHERE address IN \
         (SELECT address FROM dhcp_lease WHERE expires < $1 ORDER BY expires LIMIT $2{passed_by})"
    );
    let removed = bound(text, [row::seconds(before).into(), i64::from(limit).into()]).execute(connection).await?;
    Ok(removed.rows_affected())
}
