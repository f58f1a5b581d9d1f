//! Ownership vouchers, verified before they are stored.

use std::{sync::Arc, time::SystemTime};

use axum::{extract::State, http::StatusCode, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{
    OwnershipVoucher, Unverified,
    profile::InputProfile,
    verify::{HolderContext, verify_voucher_as_holder},
    voucher::{Freshness, Voucher as Contents},
};
use operator_api::{ChangeQuery, NewVoucher, Voucher, paths};
use pki::{
    certificate::Certificate,
    path::{self, Policy, Purpose},
    revocation::Evidence,
    time::{Clock, Timestamp},
};
use verdict::{ReasonCode, Refusal};

use super::{
    Api, answer,
    change::{KeptBody, Turn},
    fault::Fault,
    request::Submission,
};
use crate::{
    audit::Event,
    domain::{DeviceId, Manufacturer, ManufacturerName},
};

/// Store a voucher
///
/// It is verified first, as a device would: signed under a voucher anchor of the manufacturer, within its dates, and
/// pinning a certificate that the owner's chains to. The device need not be registered yet.
#[utoipa::path(post, path = paths::VOUCHERS, tag = "vouchers", params(ChangeQuery), request_body = NewVoucher,
    responses((status = 201, description = "It is stored.", body = Voucher),
        (status = 204, description = "It would be stored.")))]
pub(super) async fn store(State(api): State<Arc<Api>>, submission: Submission<NewVoucher>) -> Result<Response, Fault> {
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => return Ok(answer::kept(kept)),
    };
    let NewVoucher { manufacturer, voucher } = submission.body;
    let named = manufacturer.map(ManufacturerName::new).transpose();
    let named = named.map_err(|error| Fault::body(format!("manufacturer: {error}")))?;
    let der =
        STANDARD.decode(voucher.trim()).map_err(|error| Fault::body(format!("voucher: is no base64: {error}")))?;
    let artifact = OwnershipVoucher::from_der(der).map_err(|error| Fault::body(format!("voucher: {error}")))?;
    let mut manufacturers = api.store.manufacturers().await?;
    if let Some(named) = named {
        manufacturers.retain(|manufacturer| manufacturer.name == named);
        if manufacturers.is_empty() {
            return Err(Fault::reference(format!("no manufacturer {named}")));
        }
    }
    let now = Timestamp::from_system(SystemTime::now());
    let (name, contents) = judge(&artifact, &manufacturers, now).map_err(|refusal| Fault::refused(&refusal))?;
    pins_owner(&contents.pinned_domain_cert, &api.owner).map_err(|refusal| Fault::refused(&refusal))?;
    let expires_on = match &contents.freshness {
        Freshness::ExpiresOn { expires_on, .. } => Some(expires_on.to_string()),
        Freshness::Nonce(_) | Freshness::Unlimited => None,
    };
    let shown = answer::written(&Voucher {
        manufacturer: name.to_string(),
        serial_number: contents.serial_number.to_string(),
        sha256: artifact.sha256().to_string(),
        created_on: contents.created_on.map(|at| at.to_string()),
        expires_on,
    });
    let device = DeviceId { manufacturer: name, serial_number: contents.serial_number };
    let kept = KeptBody::whole(StatusCode::CREATED, shown.clone());
    let done = change.carry_out(&api, Event::VoucherStored { device, voucher: artifact }.into(), kept).await?;
    Ok(done.answer(|| answer::octets(StatusCode::CREATED, shown)))
}

/// The manufacturer that signed the voucher, and what it says. Of several refusals the one that came furthest counts.
fn judge(
    artifact: &OwnershipVoucher,
    manufacturers: &[Manufacturer],
    now: Timestamp,
) -> Result<(ManufacturerName, Contents), Refusal> {
    let (mut found, mut furthest) = (None::<(ManufacturerName, Contents)>, None::<Refusal>);
    for manufacturer in manufacturers.iter().filter(|manufacturer| !manufacturer.voucher_anchors.is_empty()) {
        let context = HolderContext {
            voucher_anchors: &manufacturer.voucher_anchors,
            serial_number: None,
            idevid: None,
            clock: Clock::Trusted(now),
            decryption: None,
            profile: InputProfile::default(),
            revocation: &Evidence::default(),
        };
        match verify_voucher_as_holder(Unverified::new(artifact.clone()), &context) {
            Ok(verified) => {
                if let Some((first, _)) = &found {
                    let detail = format!("{first} and {} both vouch for it: name the manufacturer", manufacturer.name);
                    return Err(Refusal::new(ReasonCode::VoucherSignerUntrusted, detail));
                }
                found = Some((manufacturer.name.clone(), verified.into_parts().0));
            }
            Err(refusal) => {
                let further = |other: &Refusal| refusal.trace.checks().len() > other.trace.checks().len();
                if furthest.as_ref().is_none_or(further) {
                    furthest = Some(refusal);
                }
            }
        }
    }
    found.ok_or_else(|| {
        furthest.unwrap_or_else(|| {
            let detail = "no manufacturer here has voucher anchors; give it some with its next PUT";
            Refusal::new(ReasonCode::VoucherSignerUntrusted, detail)
        })
    })
}

/// RFC 8572 §5.4: the owner certificate must chain to the pinned one, or devices refuse all that is served with it.
fn pins_owner(pinned: &Certificate, owner: &[Certificate]) -> Result<(), Refusal> {
    let policy = Policy::new(Clock::Untrusted { at_least: Timestamp::from_unix(0) }, Purpose::Signing);
    let Some((own, intermediates)) = owner.split_first() else { return Ok(()) };
    match path::validate(own, intermediates, std::slice::from_ref(pinned), &policy) {
        Ok(_) => Ok(()),
        Err(error) => {
            let detail =
                format!("it pins {}, under which this owner's certificate is not: {error}", pinned.subject_text());
            Err(Refusal::new(ReasonCode::OwnerNotPinned, detail))
        }
    }
}
