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
}

impl Guard {
    pub(crate) fn new(limits: &Limits, store: Arc<dyn Store>, metrics: Metrics) -> Arc<Self> {
        let requests = Mutex::new(Requests::new(Instant::now(), limits));
        Arc::new(Self { requests, store, metrics, chance: RandomState::new() })
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
pub(crate) async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let operation = Operation::of(request.uri().path());
    match admit(&guard, &request, operation, Instant::now()) {
        Ok(mut place) => {
            let mut response = next.run(request).await;
            // Whoever looks around is not onboarding: what may be read without being known earns no standing.
            if response.status().is_success() && operation.is_an_rpc() {
                place.outcome = Outcome::Served;
            }
            let now = Instant::now();
            let later = match response.extensions().get().copied() {
                Some(Tally::Shed(shed)) => Some((shed, guard.requests().appointment(now, guard.chance(now)))),
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
    let device = connection.identity.as_ref().map(|identity| identity.device.clone());
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
