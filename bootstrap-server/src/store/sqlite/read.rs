//! Reading. Rows become checked types here and nowhere else.

use audit_log::{LogIndex, Salt, UnixMillis};
use conveyed_info::OwnershipVoucher;
use pki::{
    certificate::Certificate,
    digest::Digest,
    identity::{SerialNumber, SerialNumberRule},
};
use sqlx::{Row, SqliteConnection, SqliteExecutor, SqlitePool, sqlite::SqliteRow};

use crate::{
    audit::ReportedKey,
    domain::{
        ActivationCode, Alarm, Device, DeviceId, Dossier, Manufacturer, ManufacturerName, OnboardingProfile,
        Particulars, ProfileName, Proof, State,
    },
    store::{RecordDamage, StoreError, StoredRecord, StoredReport},
};

const fn corrupt(what: &'static str) -> StoreError {
    StoreError::Corrupt { what }
}

pub(super) async fn manufacturers(pool: &SqlitePool) -> Result<Vec<Manufacturer>, StoreError> {
    let rows: Vec<(String, String, String, String)> =
        sqlx::query_as("SELECT name, anchors, voucher_anchors, serial_number_rule FROM manufacturer ORDER BY name")
            .fetch_all(pool)
            .await?;
    let chain = |pem: String| match pem.is_empty() {
        true => Ok(Vec::new()),
        false => Certificate::chain_from_pem(pem.as_bytes()).map_err(|_| corrupt("an anchor")),
    };
    rows.into_iter()
        .map(|(name, anchors, voucher_anchors, rule)| {
            let rule = SerialNumberRule::ALL.iter().copied().find(|known| known.as_str() == rule);
            Ok(Manufacturer {
                name: ManufacturerName::new(name).map_err(|_| corrupt("a manufacturer's name"))?,
                anchors: chain(anchors)?,
                voucher_anchors: chain(voucher_anchors)?,
                serial_number_rule: rule.ok_or(corrupt("a rule for serial numbers"))?,
            })
        })
        .collect()
}

pub(super) async fn profiles(pool: &SqlitePool) -> Result<Vec<OnboardingProfile>, StoreError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, document FROM profile ORDER BY name").fetch_all(pool).await?;
    rows.into_iter().map(|(name, document)| profile(name, &document)).collect()
}

fn profile(name: String, document: &str) -> Result<OnboardingProfile, StoreError> {
    let name = ProfileName::new(name).map_err(|_| corrupt("a profile's name"))?;
    OnboardingProfile::from_toml(name, document).map_err(|_| corrupt("a profile's document"))
}

pub(super) async fn dossier(pool: &SqlitePool, id: &DeviceId) -> Result<Dossier, StoreError> {
    let mut connection = pool.acquire().await?;
    let (device, _) = device_in(&mut connection, id).await?;
    let artifact: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT artifact FROM voucher WHERE manufacturer = $1 AND serial_number = $2")
            .bind(id.manufacturer.as_str())
            .bind(id.serial_number.as_str())
            .fetch_optional(&mut *connection)
            .await?;
    let voucher = artifact.map(OwnershipVoucher::from_der).transpose().map_err(|_| corrupt("a voucher"))?;
    let name = device.as_ref().and_then(|device| device.profile.clone());
    let document: Option<String> = match &name {
        Some(name) => {
            sqlx::query_scalar("SELECT document FROM profile WHERE name = $1")
                .bind(name.as_str())
                .fetch_optional(&mut *connection)
                .await?
        }
        None => None,
    };
    let profile = match (name, document) {
        (Some(name), Some(document)) => {
            Some(OnboardingProfile::from_toml(name, &document).map_err(|_| corrupt("a profile's document"))?)
        }
        _ => None,
    };
    Ok(Dossier { id: id.clone(), device, voucher, profile })
}

pub(super) async fn devices(pool: &SqlitePool) -> Result<Vec<Device>, StoreError> {
    let rows = sqlx::query("SELECT * FROM device ORDER BY manufacturer, serial_number").fetch_all(pool).await?;
    rows.iter().map(device).collect()
}

fn device(row: &SqliteRow) -> Result<Device, StoreError> {
    let text = |name: &str| row.try_get::<Option<String>, _>(name);
    let number = |name: &str| -> Result<Option<u64>, StoreError> {
        let number: Option<i64> = row.try_get(name)?;
        number.map(u64::try_from).transpose().map_err(|_| corrupt("a number"))
    };
    let octets = |name: &str| row.try_get::<Option<Vec<u8>>, _>(name);
    let id = DeviceId {
        manufacturer: ManufacturerName::new(text("manufacturer")?.unwrap_or_default())
            .map_err(|_| corrupt("a manufacturer's name"))?,
        serial_number: SerialNumber::new(text("serial_number")?.unwrap_or_default())
            .map_err(|_| corrupt("a serial number"))?,
    };
    let state = State::parse(&text("state")?.unwrap_or_default(), text("detail")?.as_deref());
    let macs = text("mac_addresses")?.unwrap_or_default();
    let proof = match (number("proof_at")?, text("proof_source")?, octets("proof_certificate")?) {
        (Some(at), Some(source), Some(certificate)) => Some(Proof {
            at: UnixMillis(at),
            source: source.parse().map_err(|_| corrupt("an address"))?,
            certificate: digest(certificate)?,
        }),
        _ => None,
    };
    let alarm = match (text("alarm")?, number("alarm_at")?) {
        (Some(reason), Some(at)) => {
            Some(Alarm { reason: reason.parse().map_err(|_| corrupt("an alarm"))?, at: UnixMillis(at) })
        }
        _ => None,
    };
    let activation_code = match (octets("activation_salt")?, octets("activation_hash")?) {
        (Some(salt), Some(hash)) => Some(ActivationCode {
            salt: salt.try_into().map_err(|_| corrupt("an activation code"))?,
            hash: hash.try_into().map_err(|_| corrupt("an activation code"))?,
        }),
        _ => None,
    };
    Ok(Device {
        id,
        profile: text("profile")?.map(ProfileName::new).transpose().map_err(|_| corrupt("a profile's name"))?,
        particulars: Particulars {
            model: text("model")?,
            mac_addresses: macs
                .split_whitespace()
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|_| corrupt("a hardware address"))?,
            host: text("host")?,
            slot: text("slot")?,
            rack: text("rack")?,
        },
        state: state.ok_or(corrupt("a device's state"))?,
        since: UnixMillis(number("since")?.unwrap_or_default()),
        attempt_since: number("attempt_since")?.map(UnixMillis),
        last_answer: octets("last_answer")?.map(digest).transpose()?,
        proof,
        alarm,
        activation_code,
        version: LogIndex(number("version")?.unwrap_or_default()),
    })
}

fn digest(octets: Vec<u8>) -> Result<Digest, StoreError> {
    octets.try_into().map(Digest).map_err(|_| corrupt("a digest"))
}

/// A device, and whether a voucher is stored for it.
pub(super) async fn device_in(
    connection: &mut SqliteConnection,
    id: &DeviceId,
) -> Result<(Option<Device>, bool), StoreError> {
    let row = sqlx::query("SELECT * FROM device WHERE manufacturer = $1 AND serial_number = $2")
        .bind(id.manufacturer.as_str())
        .bind(id.serial_number.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    let vouchers: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM voucher WHERE manufacturer = $1 AND serial_number = $2")
            .bind(id.manufacturer.as_str())
            .bind(id.serial_number.as_str())
            .fetch_one(connection)
            .await?;
    Ok((row.as_ref().map(device).transpose()?, vouchers > 0))
}

pub(super) async fn reports(pool: &SqlitePool, id: &DeviceId) -> Result<Vec<StoredReport>, StoreError> {
    let rows: Vec<(i64, i64, String, Option<String>)> = sqlx::query_as(
        "SELECT leaf, at, progress_type, message FROM progress_report
         WHERE manufacturer = $1 AND serial_number = $2 ORDER BY leaf",
    )
    .bind(id.manufacturer.as_str())
    .bind(id.serial_number.as_str())
    .fetch_all(pool)
    .await?;
    let keys: Vec<(i64, String, Vec<u8>)> = sqlx::query_as(
        "SELECT leaf, kind, data FROM reported_key JOIN progress_report USING (leaf)
         WHERE manufacturer = $1 AND serial_number = $2 ORDER BY reported_key.rowid",
    )
    .bind(id.manufacturer.as_str())
    .bind(id.serial_number.as_str())
    .fetch_all(pool)
    .await?;
    let keys_of = |leaf| {
        let own = keys.iter().filter(move |(at, ..)| *at == leaf);
        own.map(|(_, kind, data)| ReportedKey { kind: kind.clone(), data: data.clone() }).collect()
    };
    rows.into_iter()
        .map(|(leaf, at, progress_type, message)| {
            Ok(StoredReport {
                leaf: LogIndex(u64::try_from(leaf).map_err(|_| corrupt("a position in the audit log"))?),
                keys: keys_of(leaf),
                at: u64::try_from(at).map_err(|_| corrupt("a date"))?,
                progress_type: progress_type.parse().map_err(|_| corrupt("a progress type"))?,
                message,
            })
        })
        .collect()
}

pub(super) async fn records(
    executor: impl SqliteExecutor<'_>,
    first: LogIndex,
    limit: u32,
) -> Result<Vec<StoredRecord>, StoreError> {
    let first = i64::try_from(first.0).map_err(|_| corrupt("a position in the audit log"))?;
    type Row = (i64, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);
    let rows: Vec<Row> =
        sqlx::query_as("SELECT position, leaf, salt, body FROM leaf WHERE position >= $1 ORDER BY position LIMIT $2")
            .bind(first)
            .bind(i64::from(limit))
            .fetch_all(executor)
            .await?;
    rows.into_iter()
        .map(|(position, leaf, salt, body)| {
            let position = LogIndex(u64::try_from(position).map_err(|_| corrupt("a position in the audit log"))?);
            let (opening, damage) = match opening(salt, body) {
                Ok(opening) => (opening, None),
                Err(damage) => (None, Some(damage)),
            };
            Ok(StoredRecord { position, leaf, opening, damage })
        })
        .collect()
}

/// Salt and body go together: both are there, or both were erased.
fn opening(salt: Option<Vec<u8>>, body: Option<Vec<u8>>) -> Result<Option<(Salt, Vec<u8>)>, RecordDamage> {
    match (salt, body) {
        (Some(salt), Some(body)) => match salt.try_into() {
            Ok(salt) => Ok(Some((Salt::new(salt), body))),
            Err(salt) => Err(RecordDamage::SaltLength(salt.len())),
        },
        (None, None) => Ok(None),
        (Some(_), None) => Err(RecordDamage::BodyMissing),
        (None, Some(_)) => Err(RecordDamage::SaltMissing),
    }
}

pub(super) async fn checkpoint(executor: impl SqliteExecutor<'_>) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT note FROM checkpoint").fetch_optional(executor).await?)
}
