//! The operator API: what people and their programs do on a running server. Types and paths are those of `operator_api`.
//!
//! A request goes one way: `listener` accepts the connection, `guard` finds the operation in the one table of
//! `access` and says who asks, `request` reads the rest into checked values, a handler decides, `change` carries it
//! out, and `fault` says what went wrong. The OpenAPI document is made from the same routes (`document`).

mod access;
mod answer;
mod audit;
mod authorities;
mod backup;
mod certificates;
mod change;
mod clock;
mod decisions;
mod devices;
mod dhcp;
mod document;
mod erase;
mod events;
mod factory;
mod fault;
mod gate;
mod guard;
mod import;
mod leases;
mod manufacturers;
mod particulars;
mod place;
mod policies;
mod profiles;
mod request;
mod secret;
mod status;
mod story;
mod streamed;
mod tokens;
mod users;
mod view;
mod vouchers;

pub(crate) use clock::{now, written};
pub use document::openapi;
pub(crate) use gate::Gate;
pub(crate) use place::LogName;
pub use secret::TokenSecret;
pub(crate) use view::{record, reported_key};

use std::{fmt, sync::Arc, time::Duration};

use audit_log::UnixMillis;
use axum::{Router, middleware};
use tokio::sync::{Semaphore, watch};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    audit::CheckpointKey,
    authority::{Authorities, Desk},
    dhcp::DhcpDesk,
    in_force::InForce,
    metrics::Metrics,
    outward,
    serve::Onboarding,
    store::{Factory, Leases, Store},
    tls::{Judges, Rejections},
};
use fault::Fault;

/// Event streams at once.
pub(crate) const STREAMS: usize = 64;

/// Backups at once.
pub(crate) const BACKUPS: usize = 4;

/// What the handlers share.
pub(crate) struct Api {
    pub(crate) store: Arc<dyn Store>,
    /// The same store, for production orders.
    pub(crate) factory: Arc<dyn Factory>,
    /// The same store, for leases of DHCP.
    pub(crate) leases: Arc<dyn Leases>,
    /// Who issues under them.
    pub(crate) authorities: Authorities,
    pub(crate) policies: Arc<InForce>,
    /// How those do who are told of events.
    pub(crate) webhooks: Vec<Arc<outward::Standing>>,
    /// Signs the audit log; handlers show its name and public key.
    pub(crate) checkpoint_key: Arc<CheckpointKey>,
    pub(crate) metrics: Metrics,
    /// Where requests with wrong tokens are reported.
    pub(crate) rejections: Rejections,
    /// What onboards devices, if this server does.
    pub(crate) onboarding: Option<Onboarding>,
    /// What is known beside the DHCP servers, if there are any.
    pub(crate) dhcp: Option<DhcpDesk>,
    /// Where what authorities issue is asked for.
    pub(crate) desk: Desk,
    /// Who has to know at once which manufacturers there are.
    pub(crate) judges: Judges,
    /// Time for a request's body.
    pub(crate) body_deadline: Duration,
    pub(crate) started: UnixMillis,
    /// `sqlite` or `postgresql`.
    pub(crate) database: &'static str,
    /// In front of every place in the log that is told.
    pub(crate) log: LogName,
    pub(crate) listeners: Vec<operator_api::ListenerStatus>,
    /// Counts wrong tokens.
    pub(crate) gate: Gate,
    /// Places for event streams.
    pub(crate) streams: Arc<Semaphore>,
    /// Places for backups: others, since whoever may only look must not keep an admin from taking one.
    pub(crate) backups: Arc<Semaphore>,
    /// Changes when the server stops.
    pub(crate) stopping: watch::Receiver<()>,
}

impl Api {
    /// What onboards devices.
    fn onboarding(&self) -> Result<&Onboarding, Fault> {
        self.onboarding.as_ref().ok_or_else(Fault::onboards_nobody)
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

/// Every route, and its description.
fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(document::preamble())
        .routes(routes!(status::status))
        .routes(routes!(policies::show))
        .routes(routes!(policies::accept))
        .routes(routes!(devices::list, devices::register))
        .routes(routes!(devices::show, devices::change))
        .routes(routes!(decisions::approve))
        .routes(routes!(decisions::retire))
        .routes(routes!(decisions::reprovision))
        .routes(routes!(decisions::clear_alarm))
        .routes(routes!(decisions::activation_code))
        .routes(routes!(erase::erase))
        .routes(routes!(devices::reports))
        .routes(routes!(story::story))
        .routes(routes!(import::import))
        .routes(routes!(manufacturers::list))
        .routes(routes!(manufacturers::show, manufacturers::put))
        .routes(routes!(manufacturers::put_revocation_lists))
        .routes(routes!(profiles::list))
        .routes(routes!(profiles::show, profiles::put, profiles::remove))
        .routes(routes!(vouchers::list::list, vouchers::store))
        .routes(routes!(vouchers::import::import))
        .routes(routes!(vouchers::renew::renew))
        .routes(routes!(vouchers::coverage::coverage))
        .routes(routes!(factory::list, factory::create))
        .routes(routes!(factory::show))
        .routes(routes!(factory::close))
        .routes(routes!(factory::units))
        .routes(routes!(factory::rework))
        .routes(routes!(leases::list))
        .routes(routes!(leases::release))
        .routes(routes!(leases::import::import))
        .routes(routes!(authorities::list))
        .routes(routes!(certificates::list, certificates::issue))
        .routes(routes!(certificates::show))
        .routes(routes!(certificates::revoke))
        .routes(routes!(certificates::bulk::import))
        .routes(routes!(dhcp::explain))
        .routes(routes!(users::list))
        .routes(routes!(users::show, users::put, users::remove))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(audit::records))
        .routes(routes!(audit::checkpoint))
        .routes(routes!(events::events))
        .routes(routes!(backup::backup))
        .routes(routes!(status::metrics))
        .routes(routes!(status::openapi))
        .routes(routes!(status::health))
        .routes(routes!(status::ready))
}

/// The router.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .route_layer(middleware::from_fn_with_state(Arc::clone(&api), guard::guard))
        .fallback(|| async { Fault::not_found() })
        .layer(middleware::from_fn(guard::seal))
        .with_state(api)
}
