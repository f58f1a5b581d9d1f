//! The factory line: stations enrol units under production orders, over mutual TLS.
//!
//! One operation, `POST /factory/v1/orders/{order}/units/{serial-number}/enrol`, in one step or two. Where the order demands a proof
//! that the key is in the unit's TPM, the first answer is a challenge; what the server has to know for the second step travels
//! with it, sealed, so that any of several servers can take it.

mod enrol;
mod fault;
mod message;

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, routing::post};

use self::fault::Fault;
use super::Authorities;
use crate::{config::FactoryConfig, store::Factory};

/// Longest request, in octets: chains of TPM makers are the long part.
const MAX_BODY: usize = 64 * 1024;

/// What the handlers share.
pub(crate) struct Line {
    pub(crate) store: Arc<dyn Factory>,
    pub(crate) authorities: Authorities,
    pub(crate) config: FactoryConfig,
    /// Time for a request's body.
    pub(crate) body_deadline: Duration,
}

/// The operation. Paths beside it are answered by whoever else is on the listener.
pub(crate) fn router(line: Arc<Line>) -> Router {
    let only = || async { Fault::method() };
    Router::new()
        .route("/factory/v1/orders/{order}/units/{serial}/enrol", post(enrol::enrol).fallback(only))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(line)
}
