//! What is read of a MASA's records.

use audit_log::{LogIndex, UnixMillis};
use authority::masa::{
    Approval, ClaimId, LineName, Owner, OwnerName, Ownership, Person, ProductLine, Proposer, Record,
};
use conveyed_info::{
    OwnershipVoucher,
    voucher::{Assertion, AuditEvent, DomainId},
};
use pki::{identity::SerialNumber, time::Timestamp};
use sqlx::{AnyPool, any::AnyRow};

use super::{
    super::{
        conditions::Conditions,
        decode::{corrupt, digest, log_number, number, optional_octets, optional_text, text, value},
        statement::{bound, select_each},
    },
    DEVICES,
};
use crate::{
    domain::masa::{Claim, MadeDevice, MadeEntry, VoucherEntry, read_deed, read_line, read_owner},
    store::{Page, SqlStore, StoreError, masa::OwnersVersion},
};

pub(super) fn owner(row: &AnyRow) -> Result<Owner, StoreError> {
    let name = owner_name(text(row, "name")?)?;
    read_owner(name, &text(row, "document")?).ok_or_else(|| corrupt("an owner"))
}

pub(super) fn line(row: &AnyRow) -> Result<ProductLine, StoreError> {
    let name = line_name(text(row, "name")?)?;
    read_line(name, &text(row, "document")?).ok_or_else(|| corrupt("a product line"))
}

fn owner_name(text: String) -> Result<OwnerName, StoreError> {
    OwnerName::new(text).map_err(|_| corrupt("an owner's name"))
}

fn line_name(text: String) -> Result<LineName, StoreError> {
    LineName::new(text).map_err(|_| corrupt("a product line's name"))
}

fn serial_number(row: &AnyRow) -> Result<SerialNumber, StoreError> {
    SerialNumber::new(text(row, "serial_number")?).map_err(|_| corrupt("a serial number"))
}

fn seconds(row: &AnyRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(value::<Option<i64>>(row, column)?.map(Timestamp::from_unix))
}

/// Whole seconds of what leaves have.
fn moment(at: UnixMillis) -> Timestamp {
    Timestamp::from_unix(i64::try_from(at.0 / 1000).unwrap_or(i64::MAX))
}

pub(super) fn entry(row: &AnyRow) -> Result<MadeEntry, StoreError> {
    let unfit = || corrupt("whose a device is");
    let owner = optional_text(row, "owner")?.map(owner_name).transpose()?;
    let recipient = optional_text(row, "recipient")?.map(owner_name).transpose()?;
    let ownership = match (text(row, "ownership")?.as_str(), owner, recipient, seconds(row, "since")?) {
        ("unsold", None, None, None) => Ownership::Unsold,
        ("owned", Some(by), None, Some(since)) => Ownership::Owned { by, since },
        ("released", Some(from), Some(to), Some(at)) => Ownership::Released { from, to, at },
        _ => return Err(unfit()),
    };
    let device = MadeDevice { serial_number: serial_number(row)?, line: line_name(text(row, "line")?)? };
    Ok(MadeEntry { device, ownership })
}

pub(super) fn claim_in(row: &AnyRow) -> Result<Claim, StoreError> {
    let id = ClaimId(digest(value(row, "claim")?)?);
    let unfit = |_| corrupt("a person's name");
    let asked_by = text(row, "asked_by")?;
    let by = match number(row, "is_registrar")? {
        0 => Proposer::Person(Person::new(asked_by).map_err(unfit)?),
        _ => Proposer::Registrar(owner_name(asked_by)?),
    };
    let approval = match (optional_text(row, "approved_by")?, seconds(row, "approved_at")?) {
        (Some(by), Some(at)) => Some(Approval { claim: id, by: Person::new(by).map_err(unfit)?, at }),
        _ => None,
    };
    Ok(Claim {
        id,
        serial_number: serial_number(row)?,
        pinned: digest(value(row, "pinned")?)?,
        by,
        at: seconds(row, "asked_at")?.ok_or_else(|| corrupt("a claim"))?,
        approval,
    })
}

fn voucher(row: &AnyRow) -> Result<VoucherEntry, StoreError> {
    let at = UnixMillis(number(row, "at")?);
    let assertion = Assertion::named(text(row, "assertion")?).ok_or_else(|| corrupt("an assertion"))?;
    let domain_id = DomainId::from_octets(value(row, "domain_id")?).ok_or_else(|| corrupt("a domain"))?;
    let event =
        AuditEvent { date: moment(at), domain_id, nonce: optional_text(row, "nonce")?, assertion, truncated: 0 };
    Ok(VoucherEntry {
        artifact: OwnershipVoucher::from_der(value::<Vec<u8>>(row, "artifact")?).map_err(|_| corrupt("a voucher"))?,
        serial_number: serial_number(row)?,
        line: optional_text(row, "line")?.map(line_name).transpose()?,
        claim: ClaimId(digest(value(row, "claim")?)?),
        request: optional_octets(row, "request")?.map(digest).transpose()?,
        owner: optional_text(row, "owner")?.map(owner_name).transpose()?,
        expires_on: seconds(row, "expires_on")?,
        at,
        leaf: LogIndex(number(row, "leaf")?),
        event,
    })
}

pub(in crate::store) async fn all_owners(pool: &AnyPool) -> Result<Vec<Owner>, StoreError> {
    let rows = sqlx::query("SELECT name, document FROM masa_owner ORDER BY name").fetch_all(pool).await?;
    rows.iter().map(owner).collect()
}

pub(in crate::store) async fn owners_version(pool: &AnyPool) -> Result<OwnersVersion, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM masa_owner").fetch_one(pool).await?;
    let latest = sqlx::query("SELECT log, leaf FROM masa_owner ORDER BY log DESC, leaf DESC LIMIT 1");
    let latest = latest.fetch_optional(pool).await?;
    let latest = latest.map(|row| Ok::<_, StoreError>((log_number(&row, "log")?, number(&row, "leaf")?)));
    Ok(OwnersVersion { count: u64::try_from(count).unwrap_or_default(), latest: latest.transpose()? })
}

pub(in crate::store) async fn all_lines(pool: &AnyPool) -> Result<Vec<ProductLine>, StoreError> {
    let rows = sqlx::query("SELECT name, document FROM masa_line ORDER BY name").fetch_all(pool).await?;
    rows.iter().map(line).collect()
}

pub(in crate::store) async fn made(
    store: &SqlStore,
    serial_numbers: &[SerialNumber],
) -> Result<Vec<MadeEntry>, StoreError> {
    let keys = serial_numbers.iter().map(|serial| vec![serial.as_str().into()]).collect();
    let mut connection = store.readers().acquire().await?;
    let rows = select_each(&mut connection, store.dialect(), &["serial_number"], DEVICES, keys).await?;
    rows.iter().map(entry).collect()
}

pub(in crate::store) async fn made_page(
    pool: &AnyPool,
    owner: Option<&OwnerName>,
    page: &Page<MadeDevice>,
) -> Result<Vec<MadeEntry>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.equal("owner", owner.map(OwnerName::as_str));
    if let Some(after) = &page.after {
        let serial = conditions.value(after.serial_number.as_str());
        let line = conditions.value(after.line.as_str());
        conditions.holds(format!("(serial_number, line) > ({serial}, {line})"));
    }
    let limit = conditions.value(i64::from(page.limit));
    let (all, values) = conditions.all();
    let text = format!("SELECT * FROM made_device {all}ORDER BY serial_number, line LIMIT {limit}");
    let rows = bound(text, values).fetch_all(pool).await?;
    rows.iter().map(entry).collect()
}

pub(in crate::store) async fn deeds(pool: &AnyPool, device: &MadeDevice) -> Result<Vec<Record>, StoreError> {
    let rows =
        sqlx::query("SELECT at, deed FROM made_device_deed WHERE serial_number = $1 AND line = $2 ORDER BY log, leaf")
            .bind(device.serial_number.as_str())
            .bind(device.line.as_str())
            .fetch_all(pool)
            .await?;
    let records = rows.iter().map(|row| {
        let deed = serde_json::from_str(&text(row, "deed")?).ok().as_ref().and_then(read_deed);
        let deed = deed.ok_or_else(|| corrupt("a deed"))?;
        Ok(Record { at: moment(UnixMillis(number(row, "at")?)), deed })
    });
    records.collect()
}

pub(in crate::store) async fn issued_vouchers(
    store: &SqlStore,
    serial_numbers: &[SerialNumber],
) -> Result<Vec<VoucherEntry>, StoreError> {
    const VOUCHERS: &str = "SELECT issued_voucher.*
        FROM wanted JOIN issued_voucher ON issued_voucher.serial_number = wanted.serial_number
        ORDER BY issued_voucher.serial_number, issued_voucher.log, issued_voucher.leaf";
    let keys = serial_numbers.iter().map(|serial| vec![serial.as_str().into()]).collect();
    let mut connection = store.readers().acquire().await?;
    let rows = select_each(&mut connection, store.dialect(), &["serial_number"], VOUCHERS, keys).await?;
    rows.iter().map(voucher).collect()
}

pub(in crate::store) async fn claim(pool: &AnyPool, id: &ClaimId) -> Result<Option<Claim>, StoreError> {
    let row = sqlx::query("SELECT * FROM voucher_claim WHERE claim = $1").bind(id.0.0.as_slice());
    row.fetch_optional(pool).await?.as_ref().map(claim_in).transpose()
}

pub(in crate::store) async fn waiting(pool: &AnyPool, limit: u32) -> Result<Vec<Claim>, StoreError> {
    let rows = sqlx::query("SELECT * FROM voucher_claim WHERE approved_by IS NULL ORDER BY asked_at, claim LIMIT $1")
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(claim_in).collect()
}

pub(in crate::store) async fn claims_of(
    store: &SqlStore,
    serial_numbers: &[SerialNumber],
) -> Result<Vec<Claim>, StoreError> {
    const CLAIMS: &str = "SELECT voucher_claim.*
        FROM wanted JOIN voucher_claim ON voucher_claim.serial_number = wanted.serial_number";
    let keys = serial_numbers.iter().map(|serial| vec![serial.as_str().into()]).collect();
    let mut connection = store.readers().acquire().await?;
    let rows = select_each(&mut connection, store.dialect(), &["serial_number"], CLAIMS, keys).await?;
    rows.iter().map(claim_in).collect()
}
