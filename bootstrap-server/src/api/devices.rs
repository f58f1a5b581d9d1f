//! Devices: the list, the record, what is written down, what was reported.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use operator_api::{ChangeQuery, Device, DeviceChange, DevicePage, DeviceQuery, NewDevice, Report, Reports, paths};
use pki::identity::SerialNumber;

use super::{
    Api, answer,
    change::{Done, KeptBody, Turn},
    clock,
    fault::Fault,
    particulars,
    request::{DevicePath, NoParameters, Parameters, Submission},
    view,
};
use crate::{
    audit::Event,
    domain::{DeviceId, ManufacturerName, ProfileName},
    store::{Alarmed, Batch, DeviceFilter, Page, Stuck},
};

/// Most devices of a page.
pub(super) const MAX_PAGE: u32 = 1000;
/// Devices of a page, unless more or fewer are asked for.
const PAGE: u32 = 100;

/// The names of the states that a device can be in.
const STATES: &[&str] = &[
    "registered",
    "vouched",
    "held",
    "seen",
    "redirected",
    "referred",
    "onboarding",
    "bootstrapped",
    "failed",
    "refused",
    "retired",
];

/// The size of a page that is asked for.
pub(super) fn page_size(limit: Option<u32>) -> Result<u32, Fault> {
    match limit.unwrap_or(PAGE) {
        limit @ 1..=MAX_PAGE => Ok(limit),
        _ => Err(Fault::query(format!("limit: takes 1 to {MAX_PAGE}"))),
    }
}

/// List devices
///
/// In order of manufacturer and serial number, narrowed by each parameter that is given.
#[utoipa::path(get, path = paths::DEVICES, tag = "devices", params(DeviceQuery),
    responses((status = 200, description = "A page of devices.", body = DevicePage)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(query): Parameters<DeviceQuery>,
) -> Result<Response, Fault> {
    let limit = page_size(query.limit)?;
    let after = query.after.as_deref().map(position).transpose()?;
    let filter = filter(&api, query)?;
    let mut devices = api.store.devices(&filter, Page { after, limit: limit.saturating_add(1) }).await?;
    // One more than was asked for tells whether there is another page.
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = devices.len() > most;
    devices.truncate(most);
    let next = devices.last().filter(|_| more).map(|device| device.id.to_string());
    let ids: Vec<_> = devices.into_iter().map(|device| device.id).collect();
    let dossiers = view::dossiers(api.store.as_ref(), &ids).await?;
    let log = api.log.of(api.store.as_ref()).await?;
    let devices = dossiers.iter().filter_map(|dossier| view::of_dossier(&api, log, dossier)).collect();
    Ok(answer::json(StatusCode::OK, &DevicePage { devices, next }))
}

/// What a page ended with: MANUFACTURER/SERIAL.
fn position(after: &str) -> Result<DeviceId, Fault> {
    let unusable = || Fault::query("after: takes the `next` of the page before");
    let (manufacturer, serial_number) = after.split_once('/').ok_or_else(unusable)?;
    Ok(DeviceId {
        manufacturer: ManufacturerName::new(manufacturer).map_err(|_| unusable())?,
        serial_number: SerialNumber::new(serial_number).map_err(|_| unusable())?,
    })
}

fn filter(api: &Api, query: DeviceQuery) -> Result<DeviceFilter, Fault> {
    let manufacturer = query.manufacturer.map(ManufacturerName::new).transpose();
    let profile = query.profile.map(ProfileName::new).transpose();
    let serial_number = query.serial_number.map(SerialNumber::new).transpose();
    let uuid = query.uuid.as_deref().map(str::parse).transpose();
    if let Some(state) = &query.state
        && !STATES.contains(&state.as_str())
    {
        return Err(Fault::query(format!("state: {state:?} is none; there are {}", STATES.join(", "))));
    }
    let only = |parameter: &str, value: Option<bool>| match value {
        Some(false) => Err(Fault::query(format!("{parameter}: takes true, or leave it out"))),
        other => Ok(other.is_some()),
    };
    let stuck = only("stuck", query.stuck)?;
    let alarmed = only("alarmed", query.alarmed)?;
    Ok(DeviceFilter {
        manufacturer: manufacturer.map_err(|error| Fault::query(format!("manufacturer: {error}")))?,
        profile: profile.map_err(|error| Fault::query(format!("profile: {error}")))?,
        state: query.state,
        serial_number: serial_number.map_err(|error| Fault::query(format!("serial-number: {error}")))?,
        rack: query.rack,
        host: query.host,
        uuid: uuid.map_err(|error| Fault::query(format!("uuid: {error}")))?,
        serial_prefix: query.serial_prefix,
        alarmed: alarmed.then_some(Alarmed),
        stuck: stuck.then(|| Stuck { now: clock::now(), deadlines: api.policies.now().deadlines }),
    })
}

/// Register a device
///
/// The manufacturer and the profile must exist. A device that is held because nobody registered it goes on at once.
#[utoipa::path(post, path = paths::DEVICES, tag = "devices", params(ChangeQuery), request_body = NewDevice,
    responses((status = 201, description = "It is registered.", body = Device),
        (status = 204, description = "It would be registered.")))]
pub(super) async fn register(
    State(api): State<Arc<Api>>,
    submission: Submission<NewDevice>,
) -> Result<Response, Fault> {
    let NewDevice { manufacturer, serial_number, profile, particulars } = submission.body;
    let device = particulars::device(manufacturer, serial_number)?;
    let profile = particulars::profile(profile)?;
    let particulars = Box::new(particulars::checked(particulars)?);
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(_) => return registered(&api, &device).await,
    };
    let event = Event::DeviceRegistered { device: device.clone(), profile, particulars };
    let done = change.carry_out(&api, event.into(), KeptBody::afresh(StatusCode::CREATED)).await?;
    match done {
        Done::Made => registered(&api, &device).await,
        Done::Rehearsed => Ok(answer::empty(StatusCode::NO_CONTENT)),
    }
}

async fn registered(api: &Api, device: &DeviceId) -> Result<Response, Fault> {
    let mut response = answer::device(StatusCode::CREATED, &view::device(api, device).await?);
    if let Ok(location) = HeaderValue::try_from(location(device)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Where a device is.
fn location(device: &DeviceId) -> String {
    let mut location = paths::DEVICES.to_owned();
    for name in [device.manufacturer.as_str(), device.serial_number.as_str()] {
        location.push('/');
        for octet in name.bytes() {
            match octet {
                b'-' | b'.' | b'_' | b'~' => location.push(char::from(octet)),
                octet if octet.is_ascii_alphanumeric() => location.push(char::from(octet)),
                octet => location.push_str(&format!("%{octet:02X}")),
            }
        }
    }
    location
}

/// Show a device
#[utoipa::path(get, path = paths::DEVICE, tag = "devices",
    params(("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what is known already.")),
    responses((status = 200, description = "The device.", body = Device,
            headers(("ETag" = String, description = "Changes with everything that is shown."))),
        (status = 304, description = "It is as it was.")))]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
    DevicePath(device): DevicePath,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    Ok(answer::device_unless_known(&headers, &view::device(&api, &device).await?))
}

/// Change what is written down about a device
#[utoipa::path(patch, path = paths::DEVICE, tag = "devices", request_body = DeviceChange,
    params(ChangeQuery, ("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded.")),
    responses((status = 200, description = "It is changed.", body = Device),
        (status = 204, description = "It would be changed.")))]
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    DevicePath(device): DevicePath,
    submission: Submission<DeviceChange>,
) -> Result<Response, Fault> {
    let DeviceChange { profile, particulars } = submission.body;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(_) => return shown(&api, &device).await,
    };
    if profile.is_none() && particulars.is_none() {
        return Err(Fault::body("there is nothing to change: name a profile, particulars or both"));
    }
    let known = api.store.dossier(&device).await?.device;
    let known = known.ok_or_else(|| Fault::not_found().detail(format!("no device {device}")))?;
    let profile = profile.map(particulars::profile).transpose()?;
    // The event holds the particulars as a whole: those that stay are those of the version that was read, and somebody
    // who changes them in between makes this fail instead of losing them.
    let (particulars, batch_version) = match particulars {
        Some(particulars) => (particulars::checked(particulars)?, None),
        None => (known.particulars, Some(known.version)),
    };
    let event = Event::DeviceChanged { device: device.clone(), profile, particulars: Box::new(particulars) };
    let mut batch = Batch::from(event);
    if let Some(version) = batch_version {
        batch = batch.expecting(device.clone(), version);
    }
    match change.carry_out_on(&api, &device, batch, KeptBody::afresh(StatusCode::OK)).await? {
        Done::Made => shown(&api, &device).await,
        Done::Rehearsed => Ok(answer::empty(StatusCode::NO_CONTENT)),
    }
}

/// A device after a change.
pub(super) async fn shown(api: &Api, device: &DeviceId) -> Result<Response, Fault> {
    Ok(answer::device(StatusCode::OK, &view::device(api, device).await?))
}

/// Show what a device reported
///
/// The latest 500 reports.
#[utoipa::path(get, path = paths::REPORTS, tag = "devices",
    params(("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded.")),
    responses((status = 200, description = "Its progress reports (RFC 8572 §7.2), oldest first.", body = Reports)))]
pub(super) async fn reports(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
    DevicePath(device): DevicePath,
) -> Result<Response, Fault> {
    if api.store.dossier(&device).await?.device.is_none() {
        return Err(Fault::not_found().detail(format!("no device {device}")));
    }
    let stored = api.store.reports(&device).await?;
    let reports = stored.into_iter().map(|report| Report {
        leaf: report.leaf.0,
        at: clock::written(audit_log::UnixMillis(report.at)),
        progress_type: report.progress_type.as_str().to_owned(),
        message: report.message,
        keys: report.keys.iter().map(view::reported_key).collect(),
    });
    Ok(answer::json(StatusCode::OK, &Reports { reports: reports.collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_can_be_asked_for() {
        for name in STATES {
            let details = [None, Some("device-unknown"), Some("config-error")];
            let parsed = details.into_iter().find_map(|detail| crate::domain::State::parse(name, detail));
            assert_eq!(parsed.map(|state| state.as_str()), Some(*name));
        }
    }

    #[test]
    fn the_address_of_a_device_is_percent_encoded() {
        let manufacturer = ManufacturerName::new("maker").unwrap();
        let serial_number = SerialNumber::new("PID:A/1 ü").unwrap();
        let device = DeviceId { manufacturer, serial_number };
        assert_eq!(location(&device), "/v1/devices/maker/PID%3AA%2F1%20%C3%BC");
    }
}
