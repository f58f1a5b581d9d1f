//! Ownership vouchers, verified before they are stored.

pub(super) mod coverage;
pub(super) mod import;
pub(super) mod list;

pub(super) use list::SOON;

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{OwnershipVoucher, voucher::Freshness};
use operator_api::{ChangeQuery, NewVoucher, Voucher, paths};

use super::{
    Api, answer,
    change::{KeptBody, Turn},
    fault::Fault,
    request::Submission,
};
use crate::{
    audit::Event,
    domain::{
        ManufacturerName,
        vouching::{self, Receipt, Vouched},
    },
    store::KeptAnswer,
};

/// Store a voucher
///
/// It is verified first, as a device would: signed under a voucher anchor of the manufacturer, within its dates, and
/// pinning a certificate that the owner's chains to. The device need not be registered yet, and may have other vouchers:
/// the newest valid one is served. One that is there already stays as it is.
#[utoipa::path(post, path = paths::VOUCHERS, tag = "vouchers", params(ChangeQuery), request_body = NewVoucher,
    responses((status = 200, description = "It was there already.", body = Voucher),
        (status = 201, description = "It is stored.", body = Voucher),
        (status = 204, description = "It would be stored.")))]
pub(super) async fn store(State(api): State<Arc<Api>>, submission: Submission<NewVoucher>) -> Result<Response, Fault> {
    let NewVoucher { manufacturer, voucher } = submission.body;
    let named = manufacturer.map(ManufacturerName::new).transpose();
    let named = named.map_err(|error| Fault::body(format!("manufacturer: {error}")))?;
    let der =
        STANDARD.decode(voucher.trim()).map_err(|error| Fault::body(format!("voucher: is no base64: {error}")))?;
    let artifact = OwnershipVoucher::from_der(der).map_err(|error| Fault::body(format!("voucher: {error}")))?;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => return again(&kept, &artifact),
    };
    let manufacturers = api.store.manufacturers().await?;
    let receipt = Receipt {
        manufacturers: &manufacturers,
        manufacturer: named.as_ref(),
        serial_number: None,
        owner: api.onboarding()?.service.owner.chain(),
        now: list::now(),
    };
    let vouched = vouching::judge(&artifact, &receipt).map_err(|refusal| Fault::refused(&refusal))?;
    let Vouched { device, voucher: contents, .. } = vouched;
    let shown = shown(device.manufacturer.as_str(), &artifact, &contents);
    if api.store.dossier(&device).await?.vouchers.contains(&artifact) {
        return Ok(answer::json(StatusCode::OK, &shown));
    }
    // SEC-22: the manufacturer alone. Which device it was stays in the request, so that a device can be forgotten.
    let kept = KeptBody::whole(StatusCode::CREATED, device.manufacturer.as_str().as_bytes().to_vec());
    let done = change.carry_out(&api, Event::VoucherStored { device, voucher: artifact }.into(), kept).await?;
    Ok(done.answer(|| answer::json(StatusCode::CREATED, &shown)))
}

/// The first answer again. The request is the same to the octet, and its voucher was verified then.
fn again(kept: &KeptAnswer, artifact: &OwnershipVoucher) -> Result<Response, Fault> {
    let contents = vouching::contents(artifact).ok_or_else(|| Fault::body("voucher: cannot be read"))?;
    let shown = shown(&String::from_utf8_lossy(&kept.body), artifact, &contents);
    Ok(answer::json(StatusCode::CREATED, &shown))
}

fn shown(manufacturer: &str, artifact: &OwnershipVoucher, contents: &conveyed_info::voucher::Voucher) -> Voucher {
    Voucher {
        manufacturer: manufacturer.to_owned(),
        serial_number: contents.serial_number.to_string(),
        sha256: artifact.sha256().to_string(),
        created_on: contents.created_on.map(|at| at.to_string()),
        expires_on: expires_on(contents),
    }
}

/// When a voucher ends, as it is shown.
fn expires_on(contents: &conveyed_info::voucher::Voucher) -> Option<String> {
    match &contents.freshness {
        Freshness::ExpiresOn { expires_on, .. } => Some(expires_on.to_string()),
        Freshness::Nonce(_) | Freshness::Unlimited => None,
    }
}
