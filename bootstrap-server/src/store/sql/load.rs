//! Loads what a group of batches needs to be planned: one statement for any number of devices.

use audit_log::UnixMillis;
use pki::identity::SerialNumber;
use sqlx::AnyConnection;

use super::{
    decode::{corrupt, optional_device, profile_name, user, user_name, value},
    encode::millis,
    statement::select_each,
    target::Dialect,
};
use crate::{
    domain::{DeviceId, ManufacturerName, TokenId, change::VoucherStock},
    store::{
        LogNumber, StoreError,
        plan::{Directory, KnownDevice, Loaded, Needs},
    },
};

const DEVICES: &str = "SELECT wanted.maker AS manufacturer, wanted.serial AS serial_number,
       CASE WHEN EXISTS (
           SELECT 1 FROM voucher WHERE voucher.manufacturer = wanted.maker AND voucher.serial_number = wanted.serial
       ) THEN 1 ELSE 0 END AS vouchers,
       profile, state, detail, since, attempt_since, last_answer, proof_at, proof_source, proof_certificate, alarm,
       alarm_at, activation_salt, activation_hash, model, mac_addresses, host, slot, rack, uuid, version
FROM wanted LEFT JOIN device ON device.manufacturer = wanted.maker AND device.serial_number = wanted.serial";

/// Loads what `needs` names, where `log` is the one that is written. Answers that were kept before `kept_since` are as
/// good as gone.
pub(super) async fn needs(
    connection: &mut AnyConnection,
    dialect: Dialect,
    needs: &Needs,
    log: LogNumber,
    kept_since: UnixMillis,
) -> Result<Loaded, StoreError> {
    let mut loaded = Loaded::default();
    if !needs.devices.is_empty() {
        let keys = needs.devices.iter();
        let keys = keys.map(|id| vec![id.manufacturer.as_str().into(), id.serial_number.as_str().into()]).collect();
        for row in select_each(connection, dialect, &["maker", "serial"], DEVICES, keys).await? {
            let id = DeviceId {
                manufacturer: ManufacturerName::new(value::<String>(&row, "manufacturer")?)
                    .map_err(|_| corrupt("a manufacturer's name"))?,
                serial_number: SerialNumber::new(value::<String>(&row, "serial_number")?)
                    .map_err(|_| corrupt("a serial number"))?,
            };
            let vouchers: i64 = value(&row, "vouchers")?;
            let voucher = if vouchers > 0 { VoucherStock::Stored } else { VoucherStock::Missing };
            let device = optional_device(&row, id.clone())?;
            loaded.devices.insert(id, KnownDevice { device, voucher });
        }
    }
    loaded.shelves = super::vouchers::shelves(connection, dialect, &needs.shelves).await?;
    loaded.erasable = super::erase::erasable(connection, dialect, log, &needs.erasing).await?;
    loaded.ledger = super::ledger::needs(connection, dialect, &needs.ledger).await?;
    loaded.masa = super::masa::needs(connection, dialect, &needs.masa).await?;
    loaded.production = super::factory::needs(connection, dialect, &needs.factory).await?;
    for profile in &needs.leaving {
        let devices: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM device WHERE profile = $1")
            .bind(profile.as_str())
            .fetch_one(&mut *connection)
            .await?;
        loaded.with_profile.insert(profile.clone(), u64::try_from(devices).unwrap_or_default());
    }
    for (user, key) in &needs.answers {
        let known = sqlx::query("SELECT at FROM kept_answer WHERE operator = $1 AND idempotency_key = $2 AND at >= $3")
            .bind(user.as_str())
            .bind(key.as_str())
            .bind(millis(kept_since))
            .fetch_optional(&mut *connection)
            .await?;
        loaded.answers.extend(known.map(|_| (user.clone(), key.clone())));
    }
    Ok(loaded)
}

/// Loads the keys of the small tables.
pub(super) async fn directory(connection: &mut AnyConnection) -> Result<Directory, StoreError> {
    let mut directory = Directory::default();
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM manufacturer").fetch_all(&mut *connection).await?;
    for name in names {
        directory.manufacturers.insert(ManufacturerName::new(name).map_err(|_| corrupt("a manufacturer's name"))?);
    }
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM profile").fetch_all(&mut *connection).await?;
    for name in names {
        directory.profiles.insert(profile_name(name)?);
    }
    for row in sqlx::query("SELECT name, role FROM operator").fetch_all(&mut *connection).await? {
        let user = user(&row)?;
        directory.users.insert(user.name, user.role);
    }
    let tokens: Vec<(String, String)> = sqlx::query_as("SELECT id, operator FROM token").fetch_all(connection).await?;
    for (id, user) in tokens {
        directory.tokens.insert(TokenId::new(id).map_err(|_| corrupt("a token's name"))?, user_name(user)?);
    }
    Ok(directory)
}
