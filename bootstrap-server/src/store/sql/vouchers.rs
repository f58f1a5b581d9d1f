//! Vouchers: their rows, and finding them by index.

use std::collections::{BTreeMap, BTreeSet};

use audit_log::LogIndex;
use conveyed_info::{OwnershipVoucher, voucher::Nonce};
use pki::{digest::Digest, identity::SerialNumber, time::Timestamp};
use sqlx::{AnyConnection, AnyPool, any::AnyRow};

use super::{
    decode::{corrupt, device_id, digest, log_number, number, profile_name, value},
    encode::{Rows, integer},
    statement::{self, Existing, bound, select_each},
    table::{self, Value},
    target::Dialect,
};
use crate::{
    domain::{
        DeviceId, State,
        vouching::{Bound, Summary},
    },
    store::{
        LastOnes, Listed, LogNumber, Page, Stock, StockListed, StoreError, StoredVoucher, VoucherFilter, VoucherKey,
    },
};

/// The row of a voucher that was stored with this leaf.
pub(super) fn row(
    device: &DeviceId,
    artifact: &OwnershipVoucher,
    log: i64,
    leaf: LogIndex,
) -> Result<Vec<Value>, StoreError> {
    let Summary { sha256, created_on, bound, pinned } = Summary::of(artifact);
    let moment = |at: Option<Timestamp>| Value::Integer(at.map(Timestamp::unix));
    Ok(vec![
        device.manufacturer.as_str().into(),
        device.serial_number.as_str().into(),
        sha256.0.as_slice().into(),
        artifact.der().into(),
        log.into(),
        integer(leaf.0)?.into(),
        moment(created_on),
        moment(bound.expires_on()),
        Value::Octets(bound.nonce().map(|nonce| nonce.octets().to_vec())),
        Value::Octets(pinned.map(|digest| digest.0.to_vec())),
    ])
}

/// Which vouchers these devices have.
pub(super) async fn shelves(
    connection: &mut AnyConnection,
    dialect: Dialect,
    devices: &BTreeSet<DeviceId>,
) -> Result<BTreeMap<DeviceId, BTreeSet<Digest>>, StoreError> {
    const HELD: &str = "SELECT voucher.manufacturer, voucher.serial_number, voucher.sha256 FROM wanted
        JOIN voucher ON voucher.manufacturer = wanted.maker AND voucher.serial_number = wanted.serial";
    let keys = devices.iter().map(|id| vec![id.manufacturer.as_str().into(), id.serial_number.as_str().into()]);
    let mut shelves = BTreeMap::<_, BTreeSet<_>>::new();
    for row in select_each(connection, dialect, &["maker", "serial"], HELD, keys.collect()).await? {
        shelves.entry(device_id(&row)?).or_default().insert(digest(value(&row, "sha256")?)?);
    }
    Ok(shelves)
}

/// A page of vouchers, by device and digest.
pub(super) async fn page(
    pool: &AnyPool,
    filter: &VoucherFilter,
    page: &Page<VoucherKey>,
) -> Result<Vec<StoredVoucher>, StoreError> {
    let mut asked = Asked::of(filter);
    if let Some(VoucherKey { device, sha256 }) = &page.after {
        let maker = asked.value(device.manufacturer.as_str());
        let serial = asked.value(device.serial_number.as_str());
        let digest = asked.value(sha256.0.as_slice());
        asked.conditions.push(format!(
            "(voucher.manufacturer, voucher.serial_number, voucher.sha256) > ({maker}, {serial}, {digest})"
        ));
    }
    let limit = asked.value(i64::from(page.limit));
    let statement = format!(
        "SELECT voucher.*, device.state, device.detail FROM voucher {LISTED} {}
         ORDER BY voucher.manufacturer, voucher.serial_number, voucher.sha256 LIMIT {limit}",
        asked.wherever()
    );
    let rows = bound(statement, asked.values).fetch_all(pool).await?;
    rows.iter().map(stored).collect()
}

/// How many devices will be without a voucher that lasts until `moment`, which have one that does not: those that were not
/// onboarded yet, and those on no list.
pub(super) async fn ending(pool: &AnyPool, moment: Timestamp) -> Result<u64, StoreError> {
    let filter = VoucherFilter { expires_before: Some(moment), last: Some(LastOnes), ..VoucherFilter::default() };
    let mut asked = Asked::of(&filter);
    asked.conditions.push("(device.state IS NULL OR device.state NOT IN ('bootstrapped', 'retired'))".to_owned());
    let statement = format!(
        "SELECT COUNT(*) AS number FROM (SELECT DISTINCT voucher.manufacturer, voucher.serial_number FROM voucher
         {LISTED} {}) AS ending",
        asked.wherever()
    );
    let row = bound(statement, asked.values).fetch_one(pool).await?;
    number(&row, "number")
}

const LISTED: &str = "LEFT JOIN device ON device.manufacturer = voucher.manufacturer
    AND device.serial_number = voucher.serial_number";

/// Conditions and their values, numbered as they come.
struct Asked {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Asked {
    fn of(filter: &VoucherFilter) -> Self {
        let mut asked = Self { conditions: Vec::new(), values: Vec::new() };
        asked.equal("voucher.manufacturer", filter.manufacturer.as_ref().map(|name| name.as_str().into()));
        asked.equal("voucher.serial_number", filter.serial_number.as_ref().map(|number| number.as_str().into()));
        asked.equal("voucher.pinned", filter.pins.map(|digest| digest.0.as_slice().into()));
        if let Some(prefix) = &filter.serial_prefix {
            let first = asked.value(prefix.as_str());
            let last = asked.value(format!("{prefix}\u{10ffff}"));
            asked.conditions.push(format!("voucher.serial_number >= {first} AND voucher.serial_number < {last}"));
        }
        if let Some(moment) = filter.expires_before {
            let before = asked.value(moment.unix());
            asked.conditions.push(format!("voucher.expires_on < {before}"));
            if filter.last.is_some() {
                let until = asked.value(moment.unix());
                asked.conditions.push(format!(
                    "NOT EXISTS (SELECT 1 FROM voucher AS other WHERE other.manufacturer = voucher.manufacturer
                     AND other.serial_number = voucher.serial_number AND other.nonce IS NULL
                     AND (other.expires_on IS NULL OR other.expires_on >= {until}))"
                ));
            }
        }
        match filter.listed {
            Some(Listed::Yes) => asked.conditions.push("device.state IS NOT NULL".to_owned()),
            Some(Listed::No) => asked.conditions.push("device.state IS NULL".to_owned()),
            None => {}
        }
        asked
    }

    fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn equal(&mut self, column: &str, wanted: Option<Value>) {
        if let Some(wanted) = wanted {
            let number = self.value(wanted);
            self.conditions.push(format!("{column} = {number}"));
        }
    }

    fn wherever(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!("WHERE {}", self.conditions.join(" AND ")) }
    }
}

/// What is in stock under each of these serial numbers, whoever made the devices.
pub(super) async fn stock(
    pool: &AnyPool,
    dialect: Dialect,
    serials: &BTreeSet<SerialNumber>,
) -> Result<Vec<Stock>, StoreError> {
    const VOUCHERS: &str = "SELECT voucher.manufacturer, voucher.serial_number, voucher.sha256, voucher.created_on,
        voucher.expires_on, voucher.nonce, voucher.pinned FROM wanted
        JOIN voucher ON voucher.serial_number = wanted.serial";
    const DEVICES: &str =
        "SELECT device.manufacturer, device.serial_number, device.profile, device.state, device.detail
        FROM wanted JOIN device ON device.serial_number = wanted.serial";
    let keys = || serials.iter().map(|serial| vec![serial.as_str().into()]).collect::<Vec<Vec<Value>>>();
    let mut connection = pool.acquire().await?;
    let mut found = BTreeMap::<DeviceId, Stock>::new();
    for row in select_each(&mut connection, dialect, &["serial"], VOUCHERS, keys()).await? {
        stock_of(&mut found, device_id(&row)?).vouchers.push(summary(&row)?);
    }
    for row in select_each(&mut connection, dialect, &["serial"], DEVICES, keys()).await? {
        let profile: Option<String> = value(&row, "profile")?;
        let state = state(&row)?.ok_or_else(|| corrupt("a device's state"))?;
        stock_of(&mut found, device_id(&row)?).listed =
            Some(StockListed { state, profile: profile.map(profile_name).transpose()? });
    }
    Ok(found.into_values().collect())
}

fn stock_of(found: &mut BTreeMap<DeviceId, Stock>, device: DeviceId) -> &mut Stock {
    let empty = Stock { device: device.clone(), listed: None, vouchers: Vec::new() };
    found.entry(device).or_insert(empty)
}

fn stored(row: &AnyRow) -> Result<StoredVoucher, StoreError> {
    let artifact = OwnershipVoucher::from_der(value::<Vec<u8>>(row, "artifact")?).map_err(|_| corrupt("a voucher"))?;
    Ok(StoredVoucher {
        device: device_id(row)?,
        artifact,
        summary: summary(row)?,
        stored: (log_number(row, "log")?, LogIndex(number(row, "leaf")?)),
        state: state(row)?,
    })
}

fn state(row: &AnyRow) -> Result<Option<State>, StoreError> {
    let (state, detail): (Option<String>, Option<String>) = (value(row, "state")?, value(row, "detail")?);
    let parsed = |state: String| State::parse(&state, detail.as_deref()).ok_or_else(|| corrupt("a device's state"));
    state.map(parsed).transpose()
}

fn summary(row: &AnyRow) -> Result<Summary, StoreError> {
    let moment = |column| Ok::<_, StoreError>(value::<Option<i64>>(row, column)?.map(Timestamp::from_unix));
    let pinned: Option<Vec<u8>> = value(row, "pinned")?;
    let nonce: Option<Vec<u8>> = value(row, "nonce")?;
    let nonce = nonce.map(|octets| Nonce::for_voucher(octets).ok_or_else(|| corrupt("a nonce"))).transpose()?;
    let bound = match (nonce, moment("expires_on")?, &pinned) {
        (Some(nonce), _, _) => Bound::Nonce(nonce),
        (None, Some(at), _) => Bound::Until(at),
        (None, None, Some(_)) => Bound::Never,
        (None, None, None) => Bound::Unknown,
    };
    Ok(Summary {
        sha256: digest(value(row, "sha256")?)?,
        created_on: moment("created_on")?,
        bound,
        pinned: pinned.map(digest).transpose()?,
    })
}

/// Vouchers read at a time while a database is brought forward.
const PIECE: i64 = 256;

/// Moves the vouchers that a release before schema 4 stored, one for each device, to where they have a summary.
pub(super) async fn bring_forward(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), StoreError> {
    let mut after = (String::new(), String::new());
    loop {
        let rows = sqlx::query(
            "SELECT manufacturer, serial_number, artifact FROM old_voucher
             WHERE (manufacturer, serial_number) > ($1, $2) ORDER BY manufacturer, serial_number LIMIT $3",
        )
        .bind(after.0.clone())
        .bind(after.1.clone())
        .bind(PIECE)
        .fetch_all(&mut *connection)
        .await?;
        let Some(last) = rows.last() else { break };
        after = (value(last, "manufacturer")?, value(last, "serial_number")?);
        let rows = rows.iter().map(|old| {
            let artifact = OwnershipVoucher::from_der(value::<Vec<u8>>(old, "artifact")?);
            row(&device_id(old)?, &artifact.map_err(|_| corrupt("a voucher"))?, i64::from(LogNumber(0).0), LogIndex(0))
        });
        let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
        let rows = Rows { table: &table::VOUCHER, existing: Existing::Refused, rows };
        statement::insert(connection, dialect, rows).await?;
    }
    sqlx::query("DROP TABLE old_voucher").execute(connection).await?;
    Ok(())
}
