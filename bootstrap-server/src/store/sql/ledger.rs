//! The ledger's rows: written, loaded for the plan, and read.

use audit_log::{LogIndex, UnixMillis};
use pki::{certificate::Certificate, digest::Digest, identity::SerialNumber, revocation::Reason, time::Timestamp};
use sqlx::{AnyConnection, AnyPool, any::AnyRow};

use super::{
    conditions::Conditions,
    decode::{corrupt, digest, number, optional_number, optional_octets, optional_text, text, value},
    encode::{integer, millis},
    statement::{bound, select_each},
    table::Value,
    target::Dialect,
};
use crate::{
    domain::{
        AuthorityName, CertificateProfile, DeviceId, ManufacturerName,
        ledger::{
            Brief, CertificateId, Holder, Index, IssuedCertificate, LedgerEntry, LedgerFilter, LedgerStanding, Revoked,
            RevokedEntry,
        },
    },
    store::{
        Page, StoreError,
        plan::{IssuedRow, LedgerNeeds, RevokedRow},
    },
};

/// The row of a certificate.
pub(super) fn certificate(row: &IssuedRow) -> Result<Vec<Value>, StoreError> {
    let Brief { id, holder, key, request, not_after, .. } = row.issued.brief();
    Ok(vec![
        id.authority.as_str().into(),
        id.serial.into(),
        row.issued.profile.as_str().into(),
        holder.device().map(|device| device.manufacturer.as_str()).into(),
        holder.serial_number().map(SerialNumber::as_str).into(),
        key.0.as_slice().into(),
        Value::Octets(request.map(|request| request.0.to_vec())),
        not_after.unix().into(),
        millis(row.at).into(),
        integer(row.leaf.0)?.into(),
        row.issued.certificate.der().into(),
    ])
}

/// The row of a revocation.
pub(super) fn revocation(row: &RevokedRow) -> Vec<Value> {
    vec![
        row.certificate.authority.as_str().into(),
        row.certificate.serial.clone().into(),
        millis(row.revoked.at).into(),
        row.revoked.reason.as_str().into(),
        row.not_after.unix().into(),
    ]
}

macro_rules! brief {
    ($rest:literal) => {
        concat!(
            "SELECT certificate.authority AS authority, certificate.serial AS serial,
                    certificate.manufacturer AS manufacturer, certificate.serial_number AS serial_number,
                    certificate.key_sha256 AS key_sha256, certificate.request AS request,
                    certificate.not_after AS not_after, revocation.at AS revoked_at, revocation.reason AS reason ",
            $rest,
            " LEFT JOIN revocation ON revocation.authority = certificate.authority
                                  AND revocation.serial = certificate.serial"
        )
    };
}

const BY_ID: &str = brief!(
    "FROM wanted JOIN certificate ON certificate.authority = wanted.authority AND certificate.serial = wanted.serial"
);
const BY_REQUEST: &str = brief!(
    "FROM wanted JOIN certificate ON certificate.request = wanted.request AND certificate.authority = wanted.authority"
);
const BY_KEY: &str = brief!("FROM wanted JOIN certificate ON certificate.key_sha256 = wanted.key_sha256");
const BY_HOLDER: &str = brief!(
    "FROM wanted JOIN certificate ON certificate.serial_number = wanted.serial_number
                                 AND certificate.authority = wanted.authority
                                 AND COALESCE(certificate.manufacturer, '') = wanted.manufacturer"
);

/// Loads what `needs` names.
pub(super) async fn needs(
    connection: &mut AnyConnection,
    dialect: Dialect,
    needs: &LedgerNeeds,
) -> Result<Index, StoreError> {
    let LedgerNeeds { certificates, requests, keys, holders } = needs;
    let ids = certificates.iter().map(|id| vec![id.authority.as_str().into(), id.serial.as_slice().into()]);
    let requests = requests.iter().map(|(name, request)| vec![name.as_str().into(), request.0.as_slice().into()]);
    let keys = keys.iter().map(|key| vec![key.0.as_slice().into()]);
    let holders = holders.iter().map(|(name, holder)| {
        let maker = holder.device().map_or("", |device| device.manufacturer.as_str());
        let serial = holder.serial_number().map_or("", SerialNumber::as_str);
        vec![name.as_str().into(), maker.into(), serial.into()]
    });
    let mut index = Index::default();
    for (columns, select, keys) in [
        (&["authority", "serial"][..], BY_ID, ids.collect::<Vec<_>>()),
        (&["authority", "request"], BY_REQUEST, requests.collect()),
        (&["key_sha256"], BY_KEY, keys.collect()),
        (&["authority", "manufacturer", "serial_number"], BY_HOLDER, holders.collect()),
    ] {
        for row in select_each(connection, dialect, columns, select, keys).await? {
            index.put(read_brief(&row)?);
        }
    }
    Ok(index)
}

fn read_brief(row: &AnyRow) -> Result<Brief, StoreError> {
    Ok(Brief {
        id: id(row)?,
        holder: holder(row)?,
        key: digest(value(row, "key_sha256")?)?,
        request: optional_octets(row, "request")?.map(digest).transpose()?,
        not_after: Timestamp::from_unix(value(row, "not_after")?),
        revoked: revoked(row)?,
    })
}

fn id(row: &AnyRow) -> Result<CertificateId, StoreError> {
    Ok(CertificateId { authority: authority(row)?, serial: value(row, "serial")? })
}

fn authority(row: &AnyRow) -> Result<AuthorityName, StoreError> {
    AuthorityName::new(text(row, "authority")?).map_err(|_| corrupt("an authority's name"))
}

fn holder(row: &AnyRow) -> Result<Holder, StoreError> {
    let Some(serial_number) = optional_text(row, "serial_number")? else { return Ok(Holder::NoDevice) };
    let serial_number = SerialNumber::new(serial_number).map_err(|_| corrupt("a serial number"))?;
    Ok(match optional_text(row, "manufacturer")? {
        None => Holder::Made(serial_number),
        Some(maker) => {
            let manufacturer = ManufacturerName::new(maker).map_err(|_| corrupt("a manufacturer's name"))?;
            Holder::Owned(DeviceId { manufacturer, serial_number })
        }
    })
}

fn revoked(row: &AnyRow) -> Result<Option<Revoked>, StoreError> {
    let (Some(at), Some(reason)) = (optional_number(row, "revoked_at")?, optional_text(row, "reason")?) else {
        return Ok(None);
    };
    let reason = reason.parse::<Reason>().map_err(|_| corrupt("a reason of revocation"))?;
    Ok(Some(Revoked { at: UnixMillis(at), reason }))
}

fn entry(row: &AnyRow) -> Result<LedgerEntry, StoreError> {
    let certificate = Certificate::from_der(value(row, "der")?).map_err(|_| corrupt("a certificate"))?;
    Ok(LedgerEntry {
        issued: IssuedCertificate {
            authority: authority(row)?,
            profile: CertificateProfile::new(text(row, "profile")?).map_err(|_| corrupt("a certificate's profile"))?,
            holder: holder(row)?,
            request: optional_octets(row, "request")?.map(digest).transpose()?,
            certificate,
        },
        at: UnixMillis(number(row, "at")?),
        leaf: LogIndex(number(row, "leaf")?),
        revoked: revoked(row)?,
    })
}

macro_rules! entries {
    ($rest:literal) => {
        concat!(
            "SELECT certificate.*, revocation.at AS revoked_at, revocation.reason AS reason
             FROM certificate
             LEFT JOIN revocation ON revocation.authority = certificate.authority
                                 AND revocation.serial = certificate.serial ",
            $rest
        )
    };
}

pub(in crate::store) async fn issued(pool: &AnyPool, id: &CertificateId) -> Result<Option<LedgerEntry>, StoreError> {
    let row = sqlx::query(entries!("WHERE certificate.authority = $1 AND certificate.serial = $2"))
        .bind(id.authority.as_str())
        .bind(id.serial.as_slice())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(entry).transpose()
}

/// The latest answer to a request.
pub(in crate::store) async fn answering(
    pool: &AnyPool,
    authority: &AuthorityName,
    request: Digest,
) -> Result<Option<LedgerEntry>, StoreError> {
    let row = sqlx::query(entries!(
        "WHERE certificate.request = $1 AND certificate.authority = $2 ORDER BY certificate.at DESC LIMIT 1"
    ))
    .bind(request.0.as_slice())
    .bind(authority.as_str())
    .fetch_optional(pool)
    .await?;
    row.as_ref().map(entry).transpose()
}

/// A page, by authority and serial number.
pub(in crate::store) async fn page(
    pool: &AnyPool,
    filter: &LedgerFilter,
    page: &Page<CertificateId>,
) -> Result<Vec<LedgerEntry>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.equal("certificate.authority", filter.authority.as_ref().map(AuthorityName::as_str));
    conditions.equal("certificate.profile", filter.profile.as_ref().map(CertificateProfile::as_str));
    conditions.equal("certificate.serial_number", filter.serial_number.as_ref().map(SerialNumber::as_str));
    conditions.prefix("certificate.serial_number", filter.serial_prefix.as_deref());
    if let Some(key) = filter.key {
        let number = conditions.value(key.0.as_slice());
        conditions.holds(format!("certificate.key_sha256 = {number}"));
    }
    if let Some(before) = filter.expiring_before {
        let number = conditions.value(before.unix());
        conditions.holds(format!("certificate.not_after < {number}"));
    }
    match filter.standing {
        Some(LedgerStanding::Standing) => conditions.holds("revocation.at IS NULL".to_owned()),
        Some(LedgerStanding::Revoked) => conditions.holds("revocation.at IS NOT NULL".to_owned()),
        None => {}
    }
    if let Some(after) = &page.after {
        let authority = conditions.value(after.authority.as_str());
        let serial = conditions.value(after.serial.as_slice());
        conditions.holds(format!("(certificate.authority, certificate.serial) > ({authority}, {serial})"));
    }
    let limit = conditions.value(i64::from(page.limit));
    let (all, values) = conditions.all();
    let order = format!("ORDER BY certificate.authority, certificate.serial LIMIT {limit}");
    let rows = bound(format!("{}{all}{order}", entries!("")), values).fetch_all(pool).await?;
    rows.iter().map(entry).collect()
}

/// What revocation lists of this authority name: a page, by serial number. Those that expired before `since` are left out.
pub(in crate::store) async fn revocations(
    pool: &AnyPool,
    authority: &AuthorityName,
    since: Timestamp,
    page: &Page<Vec<u8>>,
) -> Result<Vec<RevokedEntry>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.equal("authority", Some(authority.as_str()));
    let since = conditions.value(since.unix());
    conditions.holds(format!("not_after >= {since}"));
    if let Some(after) = &page.after {
        let serial = conditions.value(after.as_slice());
        conditions.holds(format!("serial > {serial}"));
    }
    let limit = conditions.value(i64::from(page.limit));
    let (all, values) = conditions.all();
    let select = "SELECT serial, at AS revoked_at, reason, not_after FROM revocation ";
    let rows = bound(format!("{select}{all}ORDER BY serial LIMIT {limit}"), values).fetch_all(pool).await?;
    let entries = rows.iter().map(|row| {
        Ok(RevokedEntry {
            serial: value(row, "serial")?,
            revoked: revoked(row)?.ok_or_else(|| corrupt("a revocation"))?,
            not_after: Timestamp::from_unix(value(row, "not_after")?),
        })
    });
    entries.collect()
}
