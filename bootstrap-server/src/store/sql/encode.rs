//! What a planned group changes, as rows.

use std::mem::take;

use audit_log::UnixMillis;
use pki::certificate::Certificate;

use super::{
    factory, ledger, masa,
    statement::Existing,
    table::{self, Table, Value},
};
use crate::{
    domain::{Device, DeviceId, Manufacturer, ManufacturerTexts, OnboardingProfile, Particulars, Token, User},
    store::{
        LogNumber, StoreError,
        plan::{Changes, Loaded},
    },
};

/// Rows for one table.
pub(super) struct Rows {
    pub(super) table: &'static Table,
    pub(super) existing: Existing,
    pub(super) rows: Vec<Vec<Value>>,
}

/// Rows to be written, where `loaded` is what the database holds. Takes everything out of `changes` but devices and
/// vouchers.
pub(super) fn written(
    changes: &mut Changes,
    loaded: &Loaded,
    log: LogNumber,
    first: u64,
) -> Result<Vec<Rows>, StoreError> {
    use Existing::{Refused, Replaced, ReplacedBut};
    let log = i64::from(log.0);
    let mut all = Vec::new();
    let mut add = |table, existing, rows: Vec<Vec<Value>>| all.push(Rows { table, existing, rows });
    let leaves = (first..).zip(take(&mut changes.leaves)).map(|(position, row)| {
        Ok(vec![
            integer(position)?.into(),
            row.leaf.encode().as_slice().into(),
            row.salt.as_bytes().as_slice().into(),
            row.body.into(),
        ])
    });
    add(&table::LEAF, Refused, leaves.collect::<Result<_, StoreError>>()?);
    let events = changes.events.iter().map(|row| {
        let (maker, serial) = (row.device.manufacturer.as_str(), row.device.serial_number.as_str());
        Ok(vec![maker.into(), serial.into(), log.into(), integer(row.position.0)?.into()])
    });
    add(&table::DEVICE_EVENT, Refused, events.collect::<Result<_, StoreError>>()?);
    // A device that reports stays, as a rule, where it is in every index.
    let known = |device: &Device| loaded.devices.get(&device.id).and_then(|known| known.device.as_ref());
    let devices = changes.devices.values().flatten();
    let (stay, move_on): (Vec<_>, Vec<_>) =
        devices.partition(|device| known(device).is_some_and(|known| is_indexed_alike(known, device)));
    add(&table::DEVICE, ReplacedBut(table::DEVICE_INDEXED), stay.into_iter().map(device).collect());
    add(&table::DEVICE, Replaced, move_on.into_iter().map(device).collect());
    let vouchers = changes.vouchers.iter().filter_map(|(key, row)| Some((key, row.as_ref()?)));
    let vouchers = vouchers.map(|(key, row)| super::vouchers::row(&key.device, &row.artifact, log, row.leaf));
    add(&table::VOUCHER, Replaced, vouchers.collect::<Result<_, _>>()?);
    let mut keys = Vec::new();
    let mut reports = Vec::new();
    for row in take(&mut changes.reports) {
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
    add(&table::PROGRESS_REPORT, Refused, reports);
    add(&table::REPORTED_KEY, Refused, keys);
    add(&table::MANUFACTURER, Replaced, changes.manufacturers.values().map(manufacturer).collect());
    let lists = changes
        .revocation_lists
        .values()
        .map(|it| vec![it.manufacturer().as_str().into(), it.digest().0.as_slice().into(), it.pem().into()]);
    add(&table::REVOCATION_LIST, Replaced, lists.collect());
    add(&table::PROFILE, Replaced, changes.profiles.values().flatten().map(profile).collect());
    add(&table::OPERATOR, Replaced, changes.users.values().flatten().map(user).collect());
    add(&table::TOKEN, Replaced, changes.tokens.values().flatten().map(token).collect());
    let policies = changes.policies.iter().map(|policies| vec![1_i64.into(), policies.to_json().to_string().into()]);
    add(&table::POLICY, Replaced, policies.collect());
    let ledger = &changes.ledger;
    add(&table::CERTIFICATE, Refused, ledger.issued.iter().map(ledger::certificate).collect::<Result<_, _>>()?);
    add(&table::REVOCATION, Replaced, ledger.revoked.iter().map(ledger::revocation).collect());
    let masa = &changes.masa;
    add(&table::MASA_OWNER, Replaced, masa::owners(&masa.owners, log)?);
    add(&table::MASA_LINE, Replaced, masa::lines(&masa.lines));
    add(&table::MADE_DEVICE, Replaced, masa::devices(&masa.devices));
    add(
        &table::MADE_DEVICE_DEED,
        Refused,
        masa.deeds.iter().map(|row| masa::deed(row, log)).collect::<Result<_, _>>()?,
    );
    let vouchers = masa.vouchers.iter().map(|row| masa::voucher(row, log));
    add(&table::ISSUED_VOUCHER, Replaced, vouchers.collect::<Result<_, _>>()?);
    add(&table::VOUCHER_CLAIM, Replaced, masa::claims(&masa.claims));
    let production = &changes.production;
    add(&table::PRODUCTION_ORDER, Replaced, production.orders.values().map(factory::order_row).collect());
    add(&table::PRODUCTION_UNIT, Replaced, production.units.values().map(factory::unit_row).collect());
    let deliveries = changes.deliveries.iter().map(|(webhook, next)| {
        Ok(vec![webhook.as_str().into(), i64::from(next.log.0).into(), integer(next.position.0)?.into()])
    });
    add(&table::DELIVERY, Replaced, deliveries.collect::<Result<_, StoreError>>()?);
    let answers = take(&mut changes.answers).into_iter().map(|((user, key), row)| {
        vec![
            user.as_str().into(),
            key.into(),
            millis(row.at).into(),
            row.answer.request.0.as_slice().into(),
            i64::from(row.answer.status).into(),
            row.answer.body.into(),
        ]
    });
    add(&table::KEPT_ANSWER, Replaced, answers.collect());
    all.retain(|rows| !rows.rows.is_empty());
    Ok(all)
}

/// Whether two records of one device have the same values in [`table::DEVICE_INDEXED`].
fn is_indexed_alike(one: &Device, other: &Device) -> bool {
    let indexed =
        |device: &Device| (device.profile.clone(), device.state, device.since, device.alarm.map(|it| it.reason));
    let written = |device: &Device| {
        let Particulars { host, rack, uuid, .. } = device.particulars.clone();
        (host, rack, uuid)
    };
    indexed(one) == indexed(other) && written(one) == written(other)
}

/// The keys of rows to be removed.
pub(super) fn removed(changes: &Changes) -> Vec<(&'static Table, Vec<Value>)> {
    let devices = changes.devices.iter().filter(|(_, row)| row.is_none());
    let vouchers = changes.vouchers.iter().filter(|(_, row)| row.is_none());
    let devices = devices.map(|(id, _)| (&table::DEVICE, key(id).to_vec()));
    let vouchers = vouchers.map(|(voucher, _)| {
        let digest = [voucher.sha256.0.as_slice().into()];
        (&table::VOUCHER, key(&voucher.device).into_iter().chain(digest).collect())
    });
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
        Value::Text(particulars.uuid.map(|uuid| uuid.to_string())),
        i64::try_from(device.version.0).unwrap_or(i64::MAX).into(),
    ]
}

fn manufacturer(manufacturer: &Manufacturer) -> Vec<Value> {
    let pem = |anchors: &[Certificate]| anchors.iter().map(Certificate::to_pem).collect::<String>();
    let texts = ManufacturerTexts::of(manufacturer);
    vec![
        manufacturer.name.as_str().into(),
        pem(&manufacturer.anchors).into(),
        pem(&manufacturer.voucher_anchors).into(),
        texts.serial_number_rules.join("\n").into(),
        serde_json::to_string(&texts).unwrap_or_default().into(),
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
