//! The door before every request.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use axum::{
    extract::{Request, State},
    http::header::RETRY_AFTER,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    Limits, Shed, Source,
    appointments::Appointments,
    familiar::{Familiar, Recognised},
    requests::{Asker, Errand, Later, Outcome, Requests},
};
use crate::{
    metrics::{Metrics, Operation},
    restconf::{Problem, Tally},
    store::Store,
    tls::Connection,
};

/// What decides about requests, for all listeners together.
pub(crate) struct Guard {
    requests: Mutex<Requests>,
    store: Arc<dyn Store>,
    metrics: Metrics,
    chance: RandomState,
    familiar: Familiar,
}

impl Guard {
    pub(crate) fn new(limits: &Limits, store: Arc<dyn Store>, metrics: Metrics) -> Arc<Self> {
        let requests = Mutex::new(Requests::new(Instant::now(), limits));
        Arc::new(Self { requests, store, metrics, chance: RandomState::new(), familiar: Familiar::default() })
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Any number, evenly spread: what is asked for is that many do not get the same.
    fn chance(&self, now: Instant) -> u32 {
        let [a, b, c, d, ..] = self.chance.hash_one(now).to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

/// Counts and measures every request, whatever becomes of it.
pub(crate) async fn measure(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let (begin, operation) = (Instant::now(), Operation::of(request.uri().path()));
    let mut response = next.run(request).await;
    metrics.answer(operation, response.status().as_u16(), begin.elapsed());
    if let Some(Tally::Refused(reason)) = response.extensions().get() {
        metrics.refused(*reason);
    }
    response.extensions_mut().insert(operation);
    response
}

/// Lets a request in, or tells its sender when to come again, before it is looked at.
pub(crate) async fn guard(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let operation = Operation::of(request.uri().path());
    match admit(&guard, &request, operation, Instant::now()) {
        Ok(mut place) => {
            let (shown, recognised) = (guard.familiar.shown(request.headers()), Recognised::default());
            request.extensions_mut().insert(recognised.clone());
            let mut response = next.run(request).await;
            if let Some(shown) = shown {
                guard.familiar.learn(shown, &recognised, response.status());
            }
            // Whoever looks around is not onboarding: what may be read without being known earns no standing.
            if response.status().is_success() && operation.is_an_rpc() {
                place.outcome = Outcome::Served;
                // Who was anybody when it came in.
                if let Some(device) = recognised.device() {
                    guard.requests().served(Instant::now(), device);
                }
            }
            let now = Instant::now();
            let later = match response.extensions().get().copied() {
                Some(Tally::Shed(shed)) => Some((shed, guard.requests().appointment(now, shed, guard.chance(now)))),
                Some(Tally::Spent(wait)) => Some((Shed::DeviceWrites, Appointments::after(wait, guard.chance(now)))),
                Some(Tally::Refused(_)) | None => None,
            };
            if let Some((shed, retry_after)) = later {
                let device = place.asker.as_ref().and_then(|asker| asker.device.as_ref()).map(tracing::field::display);
                tracing::info!(device, operation = operation.as_str(), reason = shed.as_str(), retry_after, "shed");
                guard.metrics.shed(shed.as_str());
                // RFC 9110 §10.2.3.
                response.headers_mut().insert(RETRY_AFTER, retry_after.into());
            }
            response
        }
        Err(later) => Problem::later(later.seconds).into_response(),
    }
}

fn admit(guard: &Arc<Guard>, request: &Request, operation: Operation, now: Instant) -> Result<Place, Later> {
    let connection = request.extensions().get::<Connection>();
    // Images have a cap of their own, since one takes as long as thousands of other requests.
    let (Some(connection), false) = (connection, operation == Operation::Image) else {
        return Ok(Place { guard: Arc::clone(guard), asker: None, outcome: Outcome::Refused });
    };
    let device = match &connection.identity {
        Some(identity) => Some(identity.device.clone()),
        None => guard.familiar.shown(request.headers()).and_then(|shown| guard.familiar.device(shown)),
    };
    let asker = Asker { source: Source::of(connection.source), device };
    let errand = if operation == Operation::ReportProgress { Errand::Report } else { Errand::Other };
    let (store, chance) = (guard.store.backlog(), guard.chance(now));
    if let Err(later) = guard.requests().enter(now, &asker, errand, store, chance) {
        let device = asker.device.as_ref().map(tracing::field::display);
        let (reason, retry_after) = (later.shed.as_str(), later.seconds);
        tracing::info!(device, source = %connection.source, operation = operation.as_str(), reason, retry_after, "shed");
        guard.metrics.shed(reason);
        return Err(later);
    }
    guard.metrics.requested();
    Ok(Place { guard: Arc::clone(guard), asker: Some(asker), outcome: Outcome::Refused })
}

/// A request that was let in. It leaves when it is answered, or when its sender goes away.
struct Place {
    guard: Arc<Guard>,
    asker: Option<Asker>,
    outcome: Outcome,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(asker) = &self.asker {
            self.guard.requests().leave(Instant::now(), asker, self.outcome);
            self.guard.metrics.answered();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use axum::{
        Extension, Router,
        body::Body,
        http::{HeaderMap, StatusCode, header::AUTHORIZATION},
        middleware,
        routing::post,
    };
    use conveyed_info::information::{BootstrapServer, RedirectInformation};
    use pki::{identity::SerialNumber, key::FileKey};
    use tokio::sync::Notify;
    use tower::ServiceExt;

    use super::*;
    use crate::{
        audit::CheckpointKey,
        domain::{DeviceId, ManufacturerName},
        store::SqlStore,
    };

    const DATA: &str = "/restconf/operations/ietf-sztp-bootstrap-server:get-bootstrapping-data";
    const REPORT: &str = "/restconf/operations/ietf-sztp-bootstrap-server:report-progress";

    fn from_anybody(path: &str, code: &str) -> Request {
        let here = BootstrapServer { address: "127.0.0.1".to_owned(), port: 443, trust_anchor: None };
        let home = Arc::new(RedirectInformation::new(vec![here]).unwrap());
        let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut request = Request::post(path).header(AUTHORIZATION, code).body(Body::empty()).unwrap();
        request.extensions_mut().insert(Connection { source, identity: None, idevid: None, home });
        request
    }

    #[tokio::test]
    async fn rcf_23_a_device_without_a_certificate_goes_on_when_newcomers_are_told_to_come_again() {
        let folder = tempfile::tempdir().unwrap();
        let key = CheckpointKey::new("test.example/log", Box::new(FileKey::generate_ed25519().unwrap())).unwrap();
        let store = SqlStore::create(&folder.path().join("sztp.sqlite3"), Arc::new(key)).await.unwrap();
        let limits = Limits { requests: 4, ..Limits::default() };
        let guard = Guard::new(&limits, Arc::new(store), Metrics::default());
        let (slow, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begun, held) = (Arc::clone(&slow), Arc::clone(&go_on));
        // Whoever shows the right code is recognised; "slow" takes its time.
        let handler = post(move |Extension(recognised): Extension<Recognised>, headers: HeaderMap| async move {
            match headers[AUTHORIZATION].to_str().unwrap() {
                "right" => {
                    let manufacturer = ManufacturerName::new("maker").unwrap();
                    let serial_number = SerialNumber::new("SN-1").unwrap();
                    recognised.note(&DeviceId { manufacturer, serial_number });
                    StatusCode::NO_CONTENT
                }
                "slow" => {
                    begun.notify_one();
                    held.notified().await;
                    StatusCode::NO_CONTENT
                }
                _ => StatusCode::UNAUTHORIZED,
            }
        });
        let router = Router::new()
            .route(DATA, handler.clone())
            .route(REPORT, handler)
            .layer(middleware::from_fn_with_state(Arc::clone(&guard), super::guard));
        let ask = async |path: &str, code: &str| {
            router.clone().oneshot(from_anybody(path, code)).await.unwrap().status().as_u16()
        };
        assert_eq!(ask(DATA, "right").await, 204);
        // As many are under way as there may be for those who are nobody yet.
        let mut under_way = Vec::new();
        for _ in 0..2 {
            under_way.push(tokio::spawn(router.clone().oneshot(from_anybody(DATA, "slow"))));
            slow.notified().await;
        }
        assert_eq!((ask(DATA, "wrong").await, ask(REPORT, "wrong").await), (503, 503));
        assert_eq!((ask(DATA, "right").await, ask(REPORT, "right").await), (204, 204));
        for one in under_way {
            go_on.notify_one();
            one.await.unwrap().unwrap();
        }
    }
}
