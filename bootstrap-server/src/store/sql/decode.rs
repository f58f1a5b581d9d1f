//! Rows become checked types here and nowhere else.

use audit_log::{LogIndex, Salt, UnixMillis};
use pki::{certificate::Certificate, digest::Digest, identity::SerialNumber};
use sqlx::{Any, Decode, Row as _, Type, any::AnyRow};

use crate::{
    domain::{
        ActivationCode, Alarm, Device, DeviceId, Manufacturer, ManufacturerName, ManufacturerTexts, OnboardingProfile,
        Particulars, ProfileName, Proof, State, Token, TokenId, User, UserName,
    },
    store::{LogNumber, RecordDamage, StoreError, StoredRecord},
};

pub(super) const fn corrupt(what: &'static str) -> StoreError {
    StoreError::Corrupt { what }
}

/// The value of a column.
pub(super) fn value<'r, T: Decode<'r, Any> + Type<Any>>(row: &'r AnyRow, column: &str) -> Result<T, StoreError> {
    Ok(row.try_get(column)?)
}

pub(super) fn text(row: &AnyRow, column: &str) -> Result<String, StoreError> {
    value(row, column)
}

pub(super) fn optional_text(row: &AnyRow, column: &str) -> Result<Option<String>, StoreError> {
    value(row, column)
}

pub(super) fn optional_octets(row: &AnyRow, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
    value(row, column)
}

pub(super) fn number(row: &AnyRow, column: &str) -> Result<u64, StoreError> {
    optional_number(row, column)?.ok_or_else(|| corrupt("a number"))
}

pub(super) fn optional_number(row: &AnyRow, column: &str) -> Result<Option<u64>, StoreError> {
    let number: Option<i64> = value(row, column)?;
    number.map(u64::try_from).transpose().map_err(|_| corrupt("a number"))
}

pub(super) fn log_number(row: &AnyRow, column: &str) -> Result<LogNumber, StoreError> {
    u32::try_from(number(row, column)?).map(LogNumber).map_err(|_| corrupt("the number of a log"))
}

pub(super) fn digest(octets: Vec<u8>) -> Result<Digest, StoreError> {
    octets.try_into().map(Digest).map_err(|_| corrupt("a digest"))
}

pub(super) fn device_id(row: &AnyRow) -> Result<DeviceId, StoreError> {
    Ok(DeviceId {
        manufacturer: ManufacturerName::new(text(row, "manufacturer")?)
            .map_err(|_| corrupt("a manufacturer's name"))?,
        serial_number: SerialNumber::new(text(row, "serial_number")?).map_err(|_| corrupt("a serial number"))?,
    })
}

/// The device of a row, which may have been joined to something that there is no device for.
pub(super) fn optional_device(row: &AnyRow, id: DeviceId) -> Result<Option<Device>, StoreError> {
    match optional_text(row, "state")? {
        Some(state) => device_in(row, id, &state).map(Some),
        None => Ok(None),
    }
}

pub(super) fn device(row: &AnyRow) -> Result<Device, StoreError> {
    device_in(row, device_id(row)?, &text(row, "state")?)
}

fn device_in(row: &AnyRow, id: DeviceId, state: &str) -> Result<Device, StoreError> {
    let state = State::parse(state, optional_text(row, "detail")?.as_deref());
    let proof = (
        optional_number(row, "proof_at")?,
        optional_text(row, "proof_source")?,
        optional_octets(row, "proof_certificate")?,
    );
    let proof = match proof {
        (Some(at), Some(source), Some(certificate)) => Some(Proof {
            at: UnixMillis(at),
            source: source.parse().map_err(|_| corrupt("an address"))?,
            certificate: digest(certificate)?,
        }),
        _ => None,
    };
    let alarm = match (optional_text(row, "alarm")?, optional_number(row, "alarm_at")?) {
        (Some(reason), Some(at)) => {
            Some(Alarm { reason: reason.parse().map_err(|_| corrupt("an alarm"))?, at: UnixMillis(at) })
        }
        _ => None,
    };
    let activation_code = match (optional_octets(row, "activation_salt")?, optional_octets(row, "activation_hash")?) {
        (Some(salt), Some(hash)) => Some(ActivationCode {
            salt: salt.try_into().map_err(|_| corrupt("an activation code"))?,
            hash: hash.try_into().map_err(|_| corrupt("an activation code"))?,
        }),
        _ => None,
    };
    let macs = text(row, "mac_addresses")?;
    Ok(Device {
        id,
        profile: optional_text(row, "profile")?.map(profile_name).transpose()?,
        particulars: Particulars {
            model: optional_text(row, "model")?,
            mac_addresses: macs
                .split_whitespace()
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|_| corrupt("a hardware address"))?,
            uuid: optional_text(row, "uuid")?.map(|it| it.parse().map_err(|_| corrupt("a UUID"))).transpose()?,
            host: optional_text(row, "host")?,
            slot: optional_text(row, "slot")?,
            rack: optional_text(row, "rack")?,
        },
        state: state.ok_or_else(|| corrupt("a device's state"))?,
        since: UnixMillis(number(row, "since")?),
        attempt_since: optional_number(row, "attempt_since")?.map(UnixMillis),
        last_answer: optional_octets(row, "last_answer")?.map(digest).transpose()?,
        proof,
        alarm,
        activation_code,
        version: LogIndex(number(row, "version")?),
    })
}

pub(super) fn profile_name(name: String) -> Result<ProfileName, StoreError> {
    ProfileName::new(name).map_err(|_| corrupt("a profile's name"))
}

pub(super) fn user_name(name: String) -> Result<UserName, StoreError> {
    UserName::new(name).map_err(|_| corrupt("a user's name"))
}

pub(super) fn profile(name: ProfileName, document: &str) -> Result<OnboardingProfile, StoreError> {
    OnboardingProfile::from_toml(name, document).map_err(|_| corrupt("a profile's document"))
}

pub(super) fn manufacturer(row: &AnyRow) -> Result<Manufacturer, StoreError> {
    let name = ManufacturerName::new(text(row, "name")?).map_err(|_| corrupt("a manufacturer's name"))?;
    let mut manufacturer = Manufacturer::new(name, chain(&text(row, "anchors")?)?);
    manufacturer.voucher_anchors = chain(&text(row, "voucher_anchors")?)?;
    ManufacturerTexts::read(&text(row, "serial_number_rule")?, &text(row, "identity")?)
        .and_then(|texts| texts.apply_to(&mut manufacturer).ok())
        .ok_or_else(|| corrupt("what a manufacturer's certificates are like"))?;
    Ok(manufacturer)
}

fn chain(pem: &str) -> Result<Vec<Certificate>, StoreError> {
    if pem.is_empty() {
        return Ok(Vec::new());
    }
    Certificate::chain_from_pem(pem.as_bytes()).map_err(|_| corrupt("an anchor"))
}

pub(super) fn user(row: &AnyRow) -> Result<User, StoreError> {
    let role = text(row, "role")?.parse().map_err(|_| corrupt("a role"))?;
    Ok(User { name: user_name(text(row, "name")?)?, role })
}

pub(super) fn token(row: &AnyRow) -> Result<Token, StoreError> {
    Ok(Token {
        id: TokenId::new(text(row, "id")?).map_err(|_| corrupt("a token's name"))?,
        user: user_name(text(row, "operator")?)?,
        digest: digest(value(row, "digest")?)?,
        created: UnixMillis(number(row, "created")?),
        expires: optional_number(row, "expires")?.map(UnixMillis),
    })
}

pub(super) fn record(row: &AnyRow, log: LogNumber) -> Result<StoredRecord, StoreError> {
    let (opening, damage) = match opening(optional_octets(row, "salt")?, optional_octets(row, "body")?) {
        Ok(opening) => (opening, None),
        Err(damage) => (None, Some(damage)),
    };
    Ok(StoredRecord { log, position: LogIndex(number(row, "position")?), leaf: value(row, "leaf")?, opening, damage })
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
