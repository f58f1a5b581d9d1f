//! Manufacturers whose devices the owner takes in.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{
    ChangeQuery, KnownCertificate, Manufacturer as Shown, ManufacturerList, NewManufacturer, NewRevocationLists,
    RevocationList, RevocationListList, paths,
};
use pki::{
    certificate::Certificate,
    revocation::{Crl, Evidence},
};

use super::{
    Api, answer,
    change::{Done, KeptBody, Turn},
    fault::Fault,
    request::{NamePath, NoParameters, Parameters, Submission, Submitted},
};
use crate::{
    audit::Event,
    domain::{Manufacturer, ManufacturerName, ManufacturerTexts, RevocationLists, identification::StoredLists},
};

/// List manufacturers
#[utoipa::path(get, path = paths::MANUFACTURERS, tag = "manufacturers",
    responses((status = 200, description = "All manufacturers, by name.", body = ManufacturerList)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    let mut manufacturers = api.store.manufacturers().await?;
    manufacturers.sort_by(|one, other| one.name.cmp(&other.name));
    let lists = stored_lists(&api).await?;
    let list = ManufacturerList { manufacturers: manufacturers.iter().map(|it| shown(it, &lists)).collect() };
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
    Ok(answer::json(StatusCode::OK, &shown(manufacturer, &stored_lists(&api).await?)))
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
    let manufacturer = wanted(name, submission.body)?;
    let written = answer::written(&shown(&manufacturer, &stored_lists(&api).await?));
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

/// Replace a manufacturer's revocation lists
///
/// All of them are given at once, so that several servers judge by the same. What an issuer said later is not replaced by what it
/// said earlier. A device that is connected and turns out to be revoked finishes what is under way and is let go.
#[utoipa::path(put, path = paths::REVOCATION_LISTS, tag = "manufacturers", request_body = NewRevocationLists,
    params(ChangeQuery, ("manufacturer" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The lists as they are now.", body = RevocationListList),
        (status = 204, description = "It would be so.")))]
pub(super) async fn put_revocation_lists(
    State(api): State<Arc<Api>>,
    name: NamePath,
    submission: Submission<Lists>,
) -> Result<Response, Fault> {
    let name = name.of(ManufacturerName::new)?;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => return Ok(answer::kept(kept)),
    };
    let Lists(NewRevocationLists { lists }) = submission.body;
    let refused = |error: &dyn std::error::Error| Fault::body(format!("lists: {error}"));
    let lists = RevocationLists::from_pem(name.clone(), &lists).map_err(|error| refused(&error))?;
    let before = stored_lists(&api).await?;
    let before = before.iter().find(|(known, _)| **known == name).map(|(_, evidence)| evidence.clone());
    lists.supersede(before.iter().flat_map(Evidence::crls)).map_err(|error| refused(&error))?;
    let written =
        answer::written(&RevocationListList { revocation_lists: lists.lists().iter().map(of_list).collect() });
    let kept = KeptBody::whole(StatusCode::OK, written.clone());
    let done = change.carry_out(&api, Event::RevocationListsStored { lists: Box::new(lists) }.into(), kept).await?;
    if done == Done::Made {
        match stored_lists(&api).await {
            Ok(lists) => api.judges.replace_stored(&lists),
            // The change is durable: the listeners learn of it when the lists can be read again.
            Err(_) => tracing::warn!("the revocation lists could not be read"),
        }
    }
    Ok(done.answer(|| answer::octets(StatusCode::OK, written)))
}

/// A body that may be larger than others.
pub(super) struct Lists(NewRevocationLists);

impl Submitted for Lists {
    /// Ends of lines are escaped in JSON.
    const MAX: usize = RevocationLists::MAX_PEM / 8 * 9;

    fn read(headers: &axum::http::HeaderMap, octets: &[u8]) -> Result<Self, Fault> {
        NewRevocationLists::read(headers, octets).map(Self)
    }
}

/// The lists that are stored. Those that devices are judged by are at hand.
async fn stored_lists(api: &Api) -> Result<StoredLists, Fault> {
    let known = api.judges.trust();
    let none = StoredLists::default();
    Ok(api.store.revocation_lists(known.as_ref().map_or(&none, |trust| trust.stored())).await?)
}

fn wanted(name: ManufacturerName, body: NewManufacturer) -> Result<Manufacturer, Fault> {
    let optional =
        |member: &str, pem: Option<String>| pem.map_or_else(|| Ok(Vec::new()), |pem| certificates(member, &pem));
    let mut manufacturer = Manufacturer::new(name, optional("anchors", body.anchors)?);
    manufacturer.voucher_anchors = optional("voucher-anchors", body.voucher_anchors)?;
    let texts = ManufacturerTexts {
        serial_number_rules: body.serial_number_rules,
        legacy_anchors: body.legacy_anchors.unwrap_or_default(),
        intermediates: body.intermediates.unwrap_or_default(),
        critical_extensions: body.critical_extensions,
        extended_key_usages: body.extended_key_usages,
        masa_url: body.masa_url.unwrap_or_default(),
        masa_anchors: body.masa_anchors.unwrap_or_default(),
    };
    texts.apply_to(&mut manufacturer).map_err(|error| Fault::body(error.to_string()))?;
    if manufacturer.anchors.is_empty() && manufacturer.legacy_anchors.is_empty() {
        return Err(Fault::body("anchors: takes 1 certificate at least, unless there are legacy-anchors"));
    }
    Ok(manufacturer)
}

fn certificates(member: &str, pem: &str) -> Result<Vec<Certificate>, Fault> {
    let certificates = Certificate::chain_from_pem(pem.as_bytes())
        .map_err(|error| Fault::body(format!("{member}: takes certificates in PEM: {error}")))?;
    match certificates.len() {
        1..=Manufacturer::MAX_ANCHORS => Ok(certificates),
        count => {
            Err(Fault::body(format!("{member}: takes 1 to {} certificates, not {count}", Manufacturer::MAX_ANCHORS)))
        }
    }
}

fn shown(manufacturer: &Manufacturer, lists: &StoredLists) -> Shown {
    let digests = |certificates: &[Certificate]| certificates.iter().map(|it| it.sha256().to_string()).collect();
    let Manufacturer { name, anchors, legacy_anchors, voucher_anchors, identity, masa } = manufacturer;
    let masa_anchors = masa.as_ref().map(|masa| masa.anchors.as_slice()).unwrap_or_default();
    let texts = ManufacturerTexts::of(manufacturer);
    let mut all: Vec<&Certificate> = Vec::new();
    for certificate in [anchors.as_slice(), legacy_anchors, voucher_anchors, identity.intermediates(), masa_anchors]
        .into_iter()
        .flatten()
    {
        if !all.contains(&certificate) {
            all.push(certificate);
        }
    }
    let evidence = lists.iter().find(|(known, _)| *known == name).map(|(_, evidence)| evidence);
    Shown {
        name: name.to_string(),
        anchors: digests(anchors),
        legacy_anchors: digests(legacy_anchors),
        voucher_anchors: digests(voucher_anchors),
        serial_number_rules: texts.serial_number_rules,
        intermediates: digests(identity.intermediates()),
        critical_extensions: texts.critical_extensions,
        extended_key_usages: texts.extended_key_usages,
        masa_url: Some(texts.masa_url).filter(|url| !url.is_empty()),
        masa_anchors: digests(masa_anchors),
        certificates: all.into_iter().map(of_certificate).collect(),
        revocation_lists: evidence.into_iter().flat_map(Evidence::crls).map(of_list).collect(),
    }
}

fn of_certificate(certificate: &Certificate) -> KnownCertificate {
    KnownCertificate {
        sha256: certificate.sha256().to_string(),
        subject: certificate.subject_text(),
        not_after: certificate.not_after().to_string(),
        pem: certificate.to_pem(),
    }
}

fn of_list(list: &Crl) -> RevocationList {
    RevocationList {
        sha256: list.sha256().to_string(),
        issuer: list.issuer().to_string(),
        this_update: list.period().this_update.to_string(),
        next_update: list.period().next_update.map(|at| at.to_string()),
        entries: list.len(),
    }
}
