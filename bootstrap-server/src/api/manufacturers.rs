//! Manufacturers whose devices the owner takes in.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{ChangeQuery, Manufacturer as Shown, ManufacturerList, NewManufacturer, paths};
use pki::{certificate::Certificate, identity::SerialNumberRule};

use super::{
    Api, answer,
    change::{Done, KeptBody, Turn},
    fault::Fault,
    request::{NamePath, NoParameters, Parameters, Submission},
};
use crate::{
    audit::Event,
    domain::{Manufacturer, ManufacturerName},
};

/// Most anchors of one kind.
const MAX_ANCHORS: usize = 64;

/// List manufacturers
#[utoipa::path(get, path = paths::MANUFACTURERS, tag = "manufacturers",
    responses((status = 200, description = "All manufacturers, by name.", body = ManufacturerList)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    let mut manufacturers = api.store.manufacturers().await?;
    manufacturers.sort_by(|one, other| one.name.cmp(&other.name));
    let list = ManufacturerList { manufacturers: manufacturers.iter().map(shown).collect() };
    Ok(answer::json(StatusCode::OK, &list))
}

/// Show a manufacturer
#[utoipa::path(get, path = paths::MANUFACTURER, tag = "manufacturers",
    params(("manufacturer" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The manufacturer.", body = Shown)))]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
    name: NamePath,
) -> Result<Response, Fault> {
    let name = name.of(ManufacturerName::new)?;
    let manufacturers = api.store.manufacturers().await?;
    let manufacturer = manufacturers.iter().find(|manufacturer| manufacturer.name == name);
    let manufacturer = manufacturer.ok_or_else(|| Fault::not_found().detail(format!("no manufacturer {name}")))?;
    Ok(answer::json(StatusCode::OK, &shown(manufacturer)))
}

/// Add a manufacturer, or replace its anchors
///
/// Whatever chains to its anchors is taken for its device from now on. A device that is connected, and does not any more,
/// finishes what is under way and is let go.
#[utoipa::path(put, path = paths::MANUFACTURER, tag = "manufacturers", request_body = NewManufacturer,
    params(ChangeQuery, ("manufacturer" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The manufacturer as it is now.", body = Shown),
        (status = 204, description = "It would be so.")))]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    name: NamePath,
    submission: Submission<NewManufacturer>,
) -> Result<Response, Fault> {
    let name = name.of(ManufacturerName::new)?;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => return Ok(answer::kept(kept)),
    };
    let NewManufacturer { anchors, voucher_anchors, serial_number_rule } = submission.body;
    let serial_number_rule = match serial_number_rule {
        None => SerialNumberRule::default(),
        Some(text) => SerialNumberRule::ALL.iter().copied().find(|rule| rule.as_str() == text).ok_or_else(|| {
            let names: Vec<_> = SerialNumberRule::ALL.iter().map(|rule| rule.as_str()).collect();
            Fault::body(format!("serial-number-rule: takes {}", names.join(" or ")))
        })?,
    };
    let manufacturer = Manufacturer {
        name,
        anchors: certificates("anchors", &anchors)?,
        voucher_anchors: voucher_anchors.map_or_else(|| Ok(Vec::new()), |pem| certificates("voucher-anchors", &pem))?,
        serial_number_rule,
    };
    let written = answer::written(&shown(&manufacturer));
    let kept = KeptBody::whole(StatusCode::OK, written.clone());
    let done = change.carry_out(&api, Event::ManufacturerAdded { manufacturer }.into(), kept).await?;
    if done == Done::Made {
        // Whoever hears of it may send a device the next moment.
        match api.store.manufacturers().await {
            Ok(manufacturers) => api.judges.take_in(&manufacturers),
            // The change is durable: the listeners learn of it when the list can be read again.
            Err(error) => tracing::warn!(%error, "the list of manufacturers could not be read"),
        }
    }
    Ok(done.answer(|| answer::octets(StatusCode::OK, written)))
}

fn certificates(member: &str, pem: &str) -> Result<Vec<Certificate>, Fault> {
    let certificates = Certificate::chain_from_pem(pem.as_bytes())
        .map_err(|error| Fault::body(format!("{member}: takes certificates in PEM: {error}")))?;
    match certificates.len() {
        1..=MAX_ANCHORS => Ok(certificates),
        count => Err(Fault::body(format!("{member}: takes 1 to {MAX_ANCHORS} certificates, not {count}"))),
    }
}

fn shown(manufacturer: &Manufacturer) -> Shown {
    let digests = |certificates: &[Certificate]| certificates.iter().map(|it| it.sha256().to_string()).collect();
    Shown {
        name: manufacturer.name.to_string(),
        anchors: digests(&manufacturer.anchors),
        voucher_anchors: digests(&manufacturer.voucher_anchors),
        serial_number_rule: manufacturer.serial_number_rule.as_str().to_owned(),
    }
}
