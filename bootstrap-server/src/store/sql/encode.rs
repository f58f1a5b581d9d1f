//! What a planned group changes, as rows.

use audit_log::UnixMillis;
use pki::certificate::Certificate;

use super::table::{self, Table, Value};
use crate::{
    domain::{Device, DeviceId, Manufacturer, OnboardingProfile, Token, User},
    store::{LogNumber, StoreError, plan::Changes},
};

/// Rows for one table.
pub(super) struct Rows {
    pub(super) table: &'static Table,
    pub(super) rows: Vec<Vec<Value>>,
}

/// Rows to be written.
pub(super) fn written(changes: Changes, log: LogNumber, first: u64) -> Result<Vec<Rows>, StoreError> {
    let log = i64::from(log.0);
    let mut all = Vec::new();
    let mut add = |table, rows: Vec<Vec<Value>>| {
        if !rows.is_empty() {
            all.push(Rows { table, rows });
        }
    };
    let leaves = (first..).zip(changes.leaves).map(|(position, row)| {
        Ok(vec![
            integer(position)?.into(),
            row.leaf.encode().as_slice().into(),
            row.salt.as_bytes().as_slice().into(),
            row.body.into(),
        ])
    });
    add(&table::LEAF, leaves.collect::<Result<_, StoreError>>()?);
    let events = changes.events.iter().map(|row| {
        let (maker, serial) = (row.device.manufacturer.as_str(), row.device.serial_number.as_str());
        Ok(vec![maker.into(), serial.into(), log.into(), integer(row.position.0)?.into()])
    });
    add(&table::DEVICE_EVENT, events.collect::<Result<_, StoreError>>()?);
    add(&table::DEVICE, changes.devices.values().flatten().map(device).collect());
    let vouchers = changes.vouchers.iter().filter_map(|(id, voucher)| {
        let [maker, serial] = key(id);
        Some(vec![maker, serial, voucher.as_ref()?.der().into()])
    });
    add(&table::VOUCHER, vouchers.collect());
    let mut keys = Vec::new();
    let mut reports = Vec::new();
    for row in changes.reports {
        let leaf = integer(row.leaf.0)?;
        for (number, key) in (0_i64..).zip(row.keys) {
            keys.push(vec![log.into(), leaf.into(), number.into(), key.kind.into(), key.data.into()]);
        }
        reports.push(vec![
            log.into(),
            leaf.into(),
            row.device.manufacturer.as_str().into(),
            row.device.serial_number.as_str().into(),
            millis(row.at).into(),
            row.progress_type.as_str().into(),
            Value::Text(row.message),
        ]);
    }
    add(&table::PROGRESS_REPORT, reports);
    add(&table::REPORTED_KEY, keys);
    add(&table::MANUFACTURER, changes.manufacturers.values().map(manufacturer).collect());
    add(&table::PROFILE, changes.profiles.values().flatten().map(profile).collect());
    add(&table::OPERATOR, changes.users.values().flatten().map(user).collect());
    add(&table::TOKEN, changes.tokens.values().flatten().map(token).collect());
    let answers = changes.answers.into_iter().map(|((user, key), row)| {
        vec![
            user.as_str().into(),
            key.into(),
            millis(row.at).into(),
            row.answer.request.0.as_slice().into(),
            i64::from(row.answer.status).into(),
            row.answer.body.into(),
        ]
    });
    add(&table::KEPT_ANSWER, answers.collect());
    Ok(all)
}

/// The keys of rows to be removed.
pub(super) fn removed(changes: &Changes) -> Vec<(&'static Table, Vec<Value>)> {
    let devices = changes.devices.iter().filter(|(_, row)| row.is_none());
    let vouchers = changes.vouchers.iter().filter(|(_, row)| row.is_none());
    let devices = devices.map(|(id, _)| (&table::DEVICE, key(id).to_vec()));
    let vouchers = vouchers.map(|(id, _)| (&table::VOUCHER, key(id).to_vec()));
    let profiles = changes.profiles.iter().filter(|(_, row)| row.is_none());
    let users = changes.users.iter().filter(|(_, row)| row.is_none());
    let tokens = changes.tokens.iter().filter(|(_, row)| row.is_none());
    let profiles = profiles.map(|(name, _)| (&table::PROFILE, vec![name.as_str().into()]));
    let users = users.map(|(name, _)| (&table::OPERATOR, vec![name.as_str().into()]));
    let tokens = tokens.map(|(id, _)| (&table::TOKEN, vec![id.as_str().into()]));
    devices.chain(vouchers).chain(profiles).chain(users).chain(tokens).collect()
}

/// The columns of a device's key.
fn key(id: &DeviceId) -> [Value; 2] {
    [id.manufacturer.as_str().into(), id.serial_number.as_str().into()]
}

fn device(device: &Device) -> Vec<Value> {
    let Device { id, particulars, proof, alarm, activation_code, .. } = device;
    let macs: Vec<_> = particulars.mac_addresses.iter().map(ToString::to_string).collect();
    let optional_millis = |at: Option<UnixMillis>| Value::Integer(at.map(millis));
    vec![
        id.manufacturer.as_str().into(),
        id.serial_number.as_str().into(),
        device.profile.as_ref().map(|name| name.as_str()).into(),
        device.state.as_str().into(),
        device.state.detail().into(),
        millis(device.since).into(),
        optional_millis(device.attempt_since),
        Value::Octets(device.last_answer.map(|digest| digest.0.to_vec())),
        optional_millis(proof.map(|proof| proof.at)),
        Value::Text(proof.map(|proof| proof.source.to_string())),
        Value::Octets(proof.map(|proof| proof.certificate.0.to_vec())),
        alarm.map(|alarm| alarm.reason.as_str()).into(),
        optional_millis(alarm.map(|alarm| alarm.at)),
        Value::Octets(activation_code.as_ref().map(|code| code.salt.to_vec())),
        Value::Octets(activation_code.as_ref().map(|code| code.hash.to_vec())),
        particulars.model.as_deref().into(),
        macs.join(" ").into(),
        particulars.host.as_deref().into(),
        particulars.slot.as_deref().into(),
        particulars.rack.as_deref().into(),
        i64::try_from(device.version.0).unwrap_or(i64::MAX).into(),
    ]
}

fn manufacturer(manufacturer: &Manufacturer) -> Vec<Value> {
    let pem = |anchors: &[Certificate]| anchors.iter().map(Certificate::to_pem).collect::<String>();
    vec![
        manufacturer.name.as_str().into(),
        pem(&manufacturer.anchors).into(),
        pem(&manufacturer.voucher_anchors).into(),
        manufacturer.serial_number_rule.as_str().into(),
    ]
}

fn profile(profile: &OnboardingProfile) -> Vec<Value> {
    vec![profile.name.as_str().into(), profile.document().into()]
}

fn user(user: &User) -> Vec<Value> {
    vec![user.name.as_str().into(), user.role.as_str().into()]
}

fn token(token: &Token) -> Vec<Value> {
    vec![
        token.id.as_str().into(),
        token.user.as_str().into(),
        token.digest.0.as_slice().into(),
        millis(token.created).into(),
        Value::Integer(token.expires.map(millis)),
    ]
}

pub(super) fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

pub(super) fn integer(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| super::decode::corrupt("the audit log's size"))
}
