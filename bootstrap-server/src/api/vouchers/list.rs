//! The vouchers in stock.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{StoredVoucher as Shown, VoucherPage, VoucherQuery, paths};
use pki::{digest::Digest, identity::SerialNumber, time::Timestamp};

use super::super::{Api, answer, devices::page_size, fault::Fault, request::Parameters};
use crate::{
    domain::{
        DeviceId, ManufacturerName, parse_sha256,
        vouching::{self, Bound},
    },
    store::{LastOnes, Listed, Page, StoredVoucher, VoucherFilter, VoucherKey},
};

/// List vouchers
///
/// In order of manufacturer, serial number and digest, narrowed by each parameter that is given.
#[utoipa::path(get, path = paths::VOUCHERS, tag = "vouchers", params(VoucherQuery),
    responses((status = 200, description = "A page of vouchers.", body = VoucherPage)))]
pub(in crate::api) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(query): Parameters<VoucherQuery>,
) -> Result<Response, Fault> {
    let limit = page_size(query.limit)?;
    let after = query.after.as_deref().map(position).transpose()?;
    let filter = filter(query)?;
    let mut vouchers = api.store.vouchers(&filter, Page { after, limit: limit.saturating_add(1) }).await?;
    // One more than was asked for tells whether there is another page.
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = vouchers.len() > most;
    vouchers.truncate(most);
    let next = vouchers.last().filter(|_| more);
    let next = next.map(|last| format!("{}/{}", last.device, last.summary.sha256));
    let mut showing = Showing { api: &api, now: now(), pins_owner: HashMap::new() };
    let vouchers = vouchers.iter().map(|voucher| showing.shown(voucher)).collect();
    Ok(answer::json(StatusCode::OK, &VoucherPage { vouchers, next }))
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

/// What a page ended with: MANUFACTURER/SERIAL/SHA-256. There may be slashes in a serial number.
fn position(after: &str) -> Result<VoucherKey, Fault> {
    let unusable = || Fault::query("after: takes the `next` of the page before");
    let (manufacturer, rest) = after.split_once('/').ok_or_else(unusable)?;
    let (serial_number, sha256) = rest.rsplit_once('/').ok_or_else(unusable)?;
    let device = DeviceId {
        manufacturer: ManufacturerName::new(manufacturer).map_err(|_| unusable())?,
        serial_number: SerialNumber::new(serial_number).map_err(|_| unusable())?,
    };
    Ok(VoucherKey { device, sha256: parse_sha256(sha256).ok_or_else(unusable)? })
}

fn filter(query: VoucherQuery) -> Result<VoucherFilter, Fault> {
    let manufacturer = query.manufacturer.map(ManufacturerName::new).transpose();
    let serial_number = query.serial_number.map(SerialNumber::new).transpose();
    let expires_before = query.expires_before.as_deref().map(|text| moment("expires-before", text)).transpose()?;
    let pins = query.pins.as_deref().map(|text| {
        parse_sha256(text)
            .ok_or_else(|| Fault::query("pins: takes the SHA-256 of a certificate, 64 digits in lower case"))
    });
    let last = match query.last {
        Some(false) => return Err(Fault::query("last: takes true, or leave it out")),
        Some(true) if expires_before.is_none() => return Err(Fault::query("last: needs expires-before")),
        other => other.map(|_| LastOnes),
    };
    Ok(VoucherFilter {
        manufacturer: manufacturer.map_err(|error| Fault::query(format!("manufacturer: {error}")))?,
        serial_number: serial_number.map_err(|error| Fault::query(format!("serial-number: {error}")))?,
        serial_prefix: query.serial_prefix,
        expires_before,
        last,
        pins: pins.transpose()?,
        listed: query.registered.map(|registered| if registered { Listed::Yes } else { Listed::No }),
    })
}

/// A moment in a query.
pub(super) fn moment(parameter: &str, text: &str) -> Result<Timestamp, Fault> {
    let wanted = || Fault::query(format!("{parameter}: takes a date such as 2027-01-31T00:00:00Z (RFC 3339)"));
    Timestamp::parse_rfc3339(text).ok_or_else(wanted)
}

/// Shows vouchers; many of them pin the same certificate.
struct Showing<'a> {
    api: &'a Api,
    now: Timestamp,
    pins_owner: HashMap<Digest, bool>,
}

/// Vouchers that end within this many seconds are told to be expiring: 30 days.
pub(in crate::api) const SOON: i64 = 30 * 24 * 3600;

impl Showing<'_> {
    fn shown(&mut self, stored: &StoredVoucher) -> Shown {
        let StoredVoucher { device, artifact, summary, state, .. } = stored;
        let contents = vouching::contents(artifact);
        let owner = self.api.onboarding.as_ref().map(|onboarding| onboarding.service.owner.chain()).unwrap_or_default();
        let now = self.now;
        let pins_owner = contents.as_ref().zip(summary.pinned).is_some_and(|(voucher, pinned)| {
            *self.pins_owner.entry(pinned).or_insert_with(|| vouching::pins(voucher, owner, now))
        });
        let standing = match summary.bound {
            Bound::Nonce(_) => "one-request",
            Bound::Unknown => "unreadable",
            Bound::Until(ends) if ends < now => "expired",
            Bound::Until(ends) if ends < now.plus_seconds(SOON) => "expiring",
            Bound::Until(_) | Bound::Never => "valid",
        };
        Shown {
            manufacturer: device.manufacturer.to_string(),
            serial_number: device.serial_number.to_string(),
            sha256: summary.sha256.to_string(),
            created_on: summary.created_on.map(|at| at.to_string()),
            expires_on: summary.bound.expires_on().map(|at| at.to_string()),
            standing: standing.to_owned(),
            pins: contents.map(|voucher| voucher.pinned_domain_cert.subject().to_string()),
            pinned: summary.pinned.map(|digest| digest.to_string()),
            pins_owner,
            state: state.map(|state| state.as_str().to_owned()),
        }
    }
}
