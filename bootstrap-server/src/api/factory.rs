//! Production orders: made, shown, closed; and reasons for second certificates.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use operator_api::{
    Because, ChangeQuery, NewProductionOrder, NewProductionUnit, ProductionOrder as Shown, ProductionOrderPage,
    ProductionQuery, ProductionUnit as ShownUnit, ProductionUnitPage, paths,
};
use pki::{certificate::Certificate, digest::sha256, identity::SerialNumber, time::Timestamp};

use super::{
    Api, answer,
    change::{Done, KeptBody, Turn},
    devices::page_size,
    fault::Fault,
    particulars,
    request::{NamePath, NoParameters, Parameters, Submission, Submitted},
};
use crate::{
    audit::{Event, FactoryEvent},
    domain::{
        AuthorityName, CertificateProfile,
        factory::{NewUnit, OrderName, OrderTerms, ProductionOrder, ProductionRefused, ProductionUnit},
        ledger::hex,
        parse_sha256,
    },
    store::{Page, StoreError},
};

/// List production orders
#[utoipa::path(get, path = paths::PRODUCTION_ORDERS, tag = "factory", params(ProductionQuery),
    responses((status = 200, description = "A page of orders, by name.", body = ProductionOrderPage)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(query): Parameters<ProductionQuery>,
) -> Result<Response, Fault> {
    let limit = page_size(query.limit)?;
    let after = query.after.map(OrderName::new).transpose().map_err(|_| bad_after())?;
    let (orders, next) = paged(api.factory.orders(Page { after, limit: limit.saturating_add(1) }).await?, limit);
    let mut shown = Vec::with_capacity(orders.len());
    for order in &orders {
        shown.push(show_order(&api, order).await?);
    }
    let next = next.map(|last| last.name().to_string());
    Ok(answer::json(StatusCode::OK, &ProductionOrderPage { orders: shown, next }))
}

/// Show a production order
#[utoipa::path(get, path = paths::PRODUCTION_ORDER, tag = "factory",
    params(("order" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The order.", body = Shown)))]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
    name: NamePath,
) -> Result<Response, Fault> {
    let order = order(&api, &name.of(OrderName::new)?).await?;
    Ok(answer::json(StatusCode::OK, &show_order(&api, &order).await?))
}

/// List the units of a production order
#[utoipa::path(get, path = paths::PRODUCTION_UNITS, tag = "factory",
    params(ProductionQuery, ("order" = String, Path, description = "Its name.")),
    responses((status = 200, description = "A page of units, by serial number.", body = ProductionUnitPage)))]
pub(super) async fn units(
    State(api): State<Arc<Api>>,
    Parameters(query): Parameters<ProductionQuery>,
    name: NamePath,
) -> Result<Response, Fault> {
    let limit = page_size(query.limit)?;
    let after = query.after.map(SerialNumber::new).transpose().map_err(|_| bad_after())?;
    let order = order(&api, &name.of(OrderName::new)?).await?;
    let page = Page { after, limit: limit.saturating_add(1) };
    let (units, next) = paged(api.factory.units(order.name(), page).await?, limit);
    let next = next.map(|last| last.serial_number.to_string());
    Ok(answer::json(StatusCode::OK, &ProductionUnitPage { units: units.iter().map(show_unit).collect(), next }))
}

/// Make a production order
///
/// Stations can enrol its units from then on. It is never changed, only closed.
#[utoipa::path(post, path = paths::PRODUCTION_ORDERS, tag = "factory", request_body = NewProductionOrder,
    params(ChangeQuery), responses((status = 201, description = "The order.", body = Shown),
        (status = 204, description = "It could be made.")))]
pub(super) async fn create(State(api): State<Arc<Api>>, submission: Submission<Ordered>) -> Result<Response, Fault> {
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => return Ok(answer::kept(kept)),
    };
    let Ordered(new) = submission.body;
    let terms = terms(&api, &new)?;
    let units = new.units.into_iter().map(unit).collect::<Result<_, _>>()?;
    let (order, units) = ProductionOrder::new(terms, units).map_err(|error| Fault::body(error.to_string()))?;
    let shown = answer::written(&shown(&order, 0));
    let event = FactoryEvent::OrderMade { order: Box::new(order), units };
    let kept = KeptBody::whole(StatusCode::CREATED, shown.clone());
    let done = change.carry_out(&api, Event::Factory(event).into(), kept).await?;
    Ok(done.answer(|| answer::octets(StatusCode::CREATED, shown)))
}

/// Close a production order
///
/// Nothing is issued under it any more.
#[utoipa::path(post, path = paths::CLOSE_PRODUCTION_ORDER, tag = "factory", request_body = Because,
    params(ChangeQuery, ("order" = String, Path, description = "Its name.")),
    responses((status = 200, description = "It is closed.", body = Shown),
        (status = 204, description = "It could be closed.")))]
pub(super) async fn close(
    State(api): State<Arc<Api>>,
    name: NamePath,
    submission: Submission<Because>,
) -> Result<Response, Fault> {
    let because = particulars::because(submission.body.reason)?;
    let name = name.of(OrderName::new)?;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(_) => {
            return Ok(answer::json(StatusCode::OK, &show_order(&api, &order(&api, &name).await?).await?));
        }
    };
    let document = sha256(order(&api, &name).await?.document().as_bytes());
    let event = Event::Factory(FactoryEvent::OrderClosed { order: name.clone(), document, because });
    match change.carry_out(&api, event.into(), KeptBody::afresh(StatusCode::OK)).await? {
        Done::Rehearsed => Ok(answer::empty(StatusCode::NO_CONTENT)),
        Done::Made => Ok(answer::json(StatusCode::OK, &show_order(&api, &order(&api, &name).await?).await?)),
    }
}

/// Allow one more certificate for a unit
///
/// Its board was changed, say. The next enrolment of the unit uses the permission up.
#[utoipa::path(post, path = paths::REWORK, tag = "factory", request_body = Because,
    params(ChangeQuery, ("order" = String, Path, description = "The order's name."),
        ("serial-number" = String, Path, description = "The unit's serial number, percent-encoded.")),
    responses((status = 200, description = "It may have one more.", body = ShownUnit),
        (status = 204, description = "It could have one more.")))]
pub(super) async fn rework(
    State(api): State<Arc<Api>>,
    Path((name, serial_number)): Path<(String, String)>,
    submission: Submission<Because>,
) -> Result<Response, Fault> {
    let because = particulars::because(submission.body.reason)?;
    let nothing = |error: &dyn std::error::Error| Fault::not_found().detail(error.to_string());
    let name = OrderName::new(name).map_err(|error| nothing(&error))?;
    let serial_number = SerialNumber::new(serial_number).map_err(|error| nothing(&error))?;
    let found = || async {
        let unit = api.factory.unit(&name, &serial_number).await?;
        unit.ok_or_else(|| Fault::from(StoreError::Production(ProductionRefused::not_ordered(&name, &serial_number))))
    };
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(_) => return Ok(answer::json(StatusCode::OK, &show_unit(&found().await?))),
    };
    let certificate = found().await?.certificate;
    let (order, unit) = (name.clone(), serial_number.clone());
    let event = FactoryEvent::ReworkAllowed { order, serial_number: unit, certificate, because };
    match change.carry_out(&api, Event::Factory(event).into(), KeptBody::afresh(StatusCode::OK)).await? {
        Done::Rehearsed => Ok(answer::empty(StatusCode::NO_CONTENT)),
        Done::Made => Ok(answer::json(StatusCode::OK, &show_unit(&found().await?))),
    }
}

/// The body that makes an order: ten thousand units are longer than other bodies may be.
pub(super) struct Ordered(NewProductionOrder);

impl Submitted for Ordered {
    const MAX: usize = 4 * 1024 * 1024;

    fn read(headers: &axum::http::HeaderMap, octets: &[u8]) -> Result<Self, Fault> {
        NewProductionOrder::read(headers, octets).map(Self)
    }
}

fn terms(api: &Api, new: &NewProductionOrder) -> Result<OrderTerms, Fault> {
    let body = |member: &str, error: &dyn std::error::Error| Fault::body(format!("{member}: {error}"));
    let authority = AuthorityName::new(new.authority.as_str()).map_err(|error| body("authority", &error))?;
    let profile = CertificateProfile::new(new.profile.as_str()).map_err(|error| body("profile", &error))?;
    let known = api.authorities.get(&authority).is_some_and(|known| known.profiles.contains_key(&profile));
    if !known {
        return Err(Fault::reference(format!("sztp.toml has no [[authority]] {authority} with a profile {profile}")));
    }
    let expires = Timestamp::parse_rfc3339(&new.expires);
    let anchors = new.endorsement_anchors.as_deref().map(|pem| Certificate::chain_from_pem(pem.as_bytes())).transpose();
    Ok(OrderTerms {
        name: OrderName::new(new.name.as_str()).map_err(|error| body("name", &error))?,
        authority,
        profile,
        model: new.model.clone(),
        stations: new.stations.clone(),
        expires: expires.ok_or_else(|| Fault::body("expires: takes a date and time as RFC 3339 has them"))?,
        endorsement_anchors: anchors.map_err(|error| body("endorsement-anchors", &error))?.unwrap_or_default(),
    })
}

fn unit(new: NewProductionUnit) -> Result<NewUnit, Fault> {
    let serial_number = SerialNumber::new(new.serial_number.as_str());
    let serial_number =
        serial_number.map_err(|error| Fault::body(format!("units: {:?}: {error}", new.serial_number)))?;
    let digest = |text: &str| parse_sha256(&text.to_ascii_lowercase().replace(':', ""));
    let endorsement_key = match new.endorsement_key.as_deref().map(digest) {
        Some(None) => {
            let why = "endorsement-key: takes the SHA-256 of the key, 64 hex digits";
            return Err(Fault::body(format!("units: {serial_number}: {why}")));
        }
        other => other.flatten(),
    };
    Ok(NewUnit { serial_number, endorsement_key })
}

async fn order(api: &Api, name: &OrderName) -> Result<ProductionOrder, Fault> {
    let order = api.factory.order(name).await?;
    order.ok_or_else(|| StoreError::Production(ProductionRefused::NoOrder(name.clone())).into())
}

async fn show_order(api: &Api, order: &ProductionOrder) -> Result<Shown, Fault> {
    Ok(shown(order, api.factory.certified(order.name()).await?))
}

fn shown(order: &ProductionOrder, certified: u64) -> Shown {
    let terms = order.terms();
    Shown {
        name: terms.name.to_string(),
        authority: terms.authority.to_string(),
        profile: terms.profile.to_string(),
        model: terms.model.clone(),
        stations: terms.stations.clone(),
        expires: terms.expires.to_string(),
        endorsement_anchors: terms.endorsement_anchors.iter().map(|it| it.sha256().to_string()).collect(),
        units: order.units(),
        certified,
        closed: order.closed().map(str::to_owned),
    }
}

fn show_unit(unit: &ProductionUnit) -> ShownUnit {
    ShownUnit {
        serial_number: unit.serial_number.to_string(),
        endorsement_key: unit.endorsement_key.map(|digest| digest.to_string()),
        certificate: unit.certificate.as_deref().map(hex),
        station: unit.station.clone(),
        rework: unit.rework.clone(),
    }
}

fn bad_after() -> Fault {
    Fault::query("after: takes the `next` of the page before")
}

/// One more than was asked for tells whether there is another page: the page, and what it ends with if there is.
fn paged<T: Clone>(mut found: Vec<T>, limit: u32) -> (Vec<T>, Option<T>) {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).cloned();
    (found, next)
}
