//! What each event changes. Runs inside the writer's transaction, so that a state is read and written in one piece.

use audit_log::{LogIndex, UnixMillis};
use pki::certificate::Certificate;
use sqlx::SqliteConnection;

use super::read;
use crate::{
    audit::Event,
    domain::{
        Device, DeviceId,
        change::{self, ChangeRefused, VoucherStock},
    },
    store::StoreError,
};

pub(super) async fn event(
    connection: &mut SqliteConnection,
    event: &Event,
    position: i64,
    now: UnixMillis,
) -> Result<(), StoreError> {
    if let Some(id) = event.device() {
        move_device(connection, id, event, position, now).await?;
    }
    match event {
        Event::ManufacturerAdded { manufacturer } => {
            let pem = |anchors: &[Certificate]| anchors.iter().map(Certificate::to_pem).collect::<String>();
            sqlx::query(
                "INSERT INTO manufacturer (name, anchors, voucher_anchors, serial_number_rule) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (name) DO UPDATE SET anchors = $2, voucher_anchors = $3, serial_number_rule = $4",
            )
            .bind(manufacturer.name.as_str())
            .bind(pem(&manufacturer.anchors))
            .bind(pem(&manufacturer.voucher_anchors))
            .bind(manufacturer.serial_number_rule.as_str())
            .execute(connection)
            .await?;
        }
        Event::ProfileApplied { profile } => {
            sqlx::query(
                "INSERT INTO profile (name, document) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET document = $2",
            )
            .bind(profile.name.as_str())
            .bind(profile.document())
            .execute(connection)
            .await?;
        }
        Event::VoucherStored { device, voucher } => {
            sqlx::query(
                "INSERT INTO voucher (manufacturer, serial_number, artifact) VALUES ($1, $2, $3)
                 ON CONFLICT (manufacturer, serial_number) DO UPDATE SET artifact = $3",
            )
            .bind(device.manufacturer.as_str())
            .bind(device.serial_number.as_str())
            .bind(voucher.der())
            .execute(connection)
            .await?;
        }
        Event::ProgressReported { device, report, keys, message, .. } => {
            sqlx::query(
                "INSERT INTO progress_report (leaf, manufacturer, serial_number, at, progress_type, message)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(position)
            .bind(device.manufacturer.as_str())
            .bind(device.serial_number.as_str())
            .bind(millis(now))
            .bind(report.as_str())
            .bind(message.as_deref())
            .execute(&mut *connection)
            .await?;
            for key in keys {
                sqlx::query("INSERT INTO reported_key (leaf, kind, data) VALUES ($1, $2, $3)")
                    .bind(position)
                    .bind(&key.kind)
                    .bind(&key.data)
                    .execute(&mut *connection)
                    .await?;
            }
        }
        _ => {}
    }
    Ok(())
}

async fn exists(connection: &mut SqliteConnection, query: &'static str, name: &str) -> Result<bool, StoreError> {
    let count: i64 = sqlx::query_scalar(query).bind(name).fetch_one(connection).await?;
    Ok(count > 0)
}

/// Changes a device's record as the event has it.
async fn move_device(
    connection: &mut SqliteConnection,
    id: &DeviceId,
    event: &Event,
    position: i64,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let (manufacturer, profile) =
        ("SELECT COUNT(*) FROM manufacturer WHERE name = $1", "SELECT COUNT(*) FROM profile WHERE name = $1");
    if !exists(connection, manufacturer, id.manufacturer.as_str()).await? {
        return Err(StoreError::NoManufacturer(id.manufacturer.to_string()));
    }
    let (before, voucher) = read::device_in(connection, id).await?;
    let voucher = if voucher { VoucherStock::Stored } else { VoucherStock::Missing };
    let position = LogIndex(u64::try_from(position).unwrap_or(u64::MAX));
    let after = change::after(before.clone(), voucher, event, now, position).map_err(|refused| match refused {
        ChangeRefused::AlreadyListed => StoreError::DeviceExists(id.clone()),
        ChangeRefused::NotListed => StoreError::NoDevice(id.clone()),
        refused => StoreError::Refused { device: id.clone(), refused },
    })?;
    let Some(device) = after.filter(|device| before.as_ref() != Some(device)) else { return Ok(()) };
    if let Some(name) = &device.profile
        && !exists(connection, profile, name.as_str()).await?
    {
        return Err(StoreError::NoProfile(name.to_string()));
    }
    write(connection, &device).await
}

async fn write(connection: &mut SqliteConnection, device: &Device) -> Result<(), StoreError> {
    let Device { id, particulars, proof, alarm, activation_code, .. } = device;
    let macs: Vec<_> = particulars.mac_addresses.iter().map(ToString::to_string).collect();
    sqlx::query(
        "INSERT OR REPLACE INTO device (manufacturer, serial_number, profile, state, detail, last_answer, since,
             attempt_since, version, model, mac_addresses, host, slot, rack, proof_at, proof_source, proof_certificate,
             alarm, alarm_at, activation_salt, activation_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
    )
    .bind(id.manufacturer.as_str())
    .bind(id.serial_number.as_str())
    .bind(device.profile.as_ref().map(|name| name.as_str()))
    .bind(device.state.as_str())
    .bind(device.state.detail())
    .bind(device.last_answer.map(|digest| digest.0.to_vec()))
    .bind(millis(device.since))
    .bind(device.attempt_since.map(millis))
    .bind(i64::try_from(device.version.0).unwrap_or(i64::MAX))
    .bind(particulars.model.as_deref())
    .bind(macs.join(" "))
    .bind(particulars.host.as_deref())
    .bind(particulars.slot.as_deref())
    .bind(particulars.rack.as_deref())
    .bind(proof.map(|proof| millis(proof.at)))
    .bind(proof.map(|proof| proof.source.to_string()))
    .bind(proof.map(|proof| proof.certificate.0.to_vec()))
    .bind(alarm.map(|alarm| alarm.reason.as_str()))
    .bind(alarm.map(|alarm| millis(alarm.at)))
    .bind(activation_code.as_ref().map(|code| code.salt.to_vec()))
    .bind(activation_code.as_ref().map(|code| code.hash.to_vec()))
    .execute(connection)
    .await?;
    Ok(())
}

fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}
