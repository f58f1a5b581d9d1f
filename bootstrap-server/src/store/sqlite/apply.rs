//! What each event changes. Runs inside the writer's transaction, so that a state is read and written in one piece.

use audit_log::UnixMillis;
use pki::digest::{Digest, sha256};
use sqlx::SqliteConnection;

use super::read;
use crate::{
    audit::Event,
    domain::{DeviceId, State},
    store::StoreError,
};

pub(super) async fn event(
    connection: &mut SqliteConnection,
    event: &Event,
    position: i64,
    now: UnixMillis,
) -> Result<(), StoreError> {
    match event {
        Event::ServerStarted { .. } | Event::ConnectionsRefused { .. } => Ok(()),
        Event::ManufacturerAdded { manufacturer } => {
            let anchors: String = manufacturer.anchors.iter().map(pki::certificate::Certificate::to_pem).collect();
            sqlx::query(
                "INSERT INTO manufacturer (name, anchors) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET anchors = $2",
            )
            .bind(manufacturer.name.as_str())
            .bind(anchors)
            .execute(connection)
            .await?;
            Ok(())
        }
        Event::ProfileApplied { profile } => {
            sqlx::query(
                "INSERT INTO profile (name, document) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET document = $2",
            )
            .bind(profile.name.as_str())
            .bind(profile.document())
            .execute(connection)
            .await?;
            Ok(())
        }
        Event::DeviceRegistered { device, profile } => register(connection, device, profile.as_str()).await,
        Event::VoucherStored { device, voucher } => {
            move_device(connection, device, event, None).await?;
            sqlx::query(
                "INSERT INTO voucher (manufacturer, serial_number, artifact) VALUES ($1, $2, $3)
                 ON CONFLICT (manufacturer, serial_number) DO UPDATE SET artifact = $3",
            )
            .bind(device.manufacturer.as_str())
            .bind(device.serial_number.as_str())
            .bind(voucher.der())
            .execute(connection)
            .await?;
            Ok(())
        }
        Event::DeviceHeld { device, reason, .. } => hold(connection, device, State::Held(*reason)).await,
        Event::Answered { device, .. } => move_device(connection, device, event, Some(sha256(&event.body()))).await,
        Event::ProgressReported { device, report, keys, message, .. } => {
            move_device(connection, device, event, None).await?;
            sqlx::query(
                "INSERT INTO progress_report (leaf, manufacturer, serial_number, at, progress_type, message)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(position)
            .bind(device.manufacturer.as_str())
            .bind(device.serial_number.as_str())
            .bind(i64::try_from(now.0).unwrap_or(i64::MAX))
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
            Ok(())
        }
    }
}

/// Puts a device on the list. A device that was held becomes a registered one.
async fn register(connection: &mut SqliteConnection, device: &DeviceId, profile: &str) -> Result<(), StoreError> {
    exists(connection, "SELECT COUNT(*) FROM manufacturer WHERE name = $1", device.manufacturer.as_str())
        .await?
        .then_some(())
        .ok_or_else(|| StoreError::NoManufacturer(device.manufacturer.to_string()))?;
    exists(connection, "SELECT COUNT(*) FROM profile WHERE name = $1", profile)
        .await?
        .then_some(())
        .ok_or_else(|| StoreError::NoProfile(profile.to_owned()))?;
    let added = sqlx::query(
        "INSERT INTO device (manufacturer, serial_number, profile, state) VALUES ($1, $2, $3, $4)
         ON CONFLICT (manufacturer, serial_number) DO UPDATE SET profile = $3, state = $4, detail = NULL
         WHERE device.profile IS NULL",
    )
    .bind(device.manufacturer.as_str())
    .bind(device.serial_number.as_str())
    .bind(profile)
    .bind(State::Registered.as_str())
    .execute(connection)
    .await?;
    if added.rows_affected() == 1 { Ok(()) } else { Err(StoreError::DeviceExists(device.clone())) }
}

async fn exists(connection: &mut SqliteConnection, query: &'static str, name: &str) -> Result<bool, StoreError> {
    let count: i64 = sqlx::query_scalar(query).bind(name).fetch_one(connection).await?;
    Ok(count > 0)
}

/// Lists a device that nobody registered. One that was registered meanwhile stays what it is.
async fn hold(connection: &mut SqliteConnection, device: &DeviceId, state: State) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO device (manufacturer, serial_number, state, detail) VALUES ($1, $2, $3, $4)
         ON CONFLICT (manufacturer, serial_number) DO NOTHING",
    )
    .bind(device.manufacturer.as_str())
    .bind(device.serial_number.as_str())
    .bind(state.as_str())
    .bind(state.detail())
    .execute(connection)
    .await?;
    Ok(())
}

/// Moves a device on the list to the state after `event`; `answer` names what it was answered, if it was.
async fn move_device(
    connection: &mut SqliteConnection,
    device: &DeviceId,
    event: &Event,
    answer: Option<Digest>,
) -> Result<(), StoreError> {
    let (state, last) = read::state(connection, device).await?.ok_or_else(|| StoreError::NoDevice(device.clone()))?;
    let state = state.after(event);
    sqlx::query(
        "UPDATE device SET state = $3, detail = $4, last_answer = $5 WHERE manufacturer = $1 AND serial_number = $2",
    )
    .bind(device.manufacturer.as_str())
    .bind(device.serial_number.as_str())
    .bind(state.as_str())
    .bind(state.detail())
    .bind(answer.or(last).map(|digest| digest.0.to_vec()))
    .execute(connection)
    .await?;
    Ok(())
}
