//! The HTTP of a MASA (RFC 8995 §5.5, §5.6, §5.8; MAS-01).

use std::{sync::Arc, time::Duration};

use authority::masa::{ClaimRefusal, accepts_vouchers, is_voucher_request};
use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
    routing::post,
};
use conveyed_info::voucher::{MEDIA_TYPE, REQUEST_AUDIT_LOG_PATH, REQUEST_VOUCHER_PATH};
use pki::certificate::Certificate;

use super::{Office, fault::Fault, office::Reply, registers::Registers};
use crate::{
    store::MasaRecords,
    tls::{Peer, Rejections},
};

/// Longest voucher request, in octets: a request, a request or voucher inside it, and the chains of both.
const MAX_BODY: usize = 64 * 1024;

/// What the handlers share.
pub(crate) struct Service {
    pub(crate) office: Arc<Office>,
    pub(crate) records: Arc<dyn MasaRecords>,
    pub(crate) rejections: Rejections,
    /// Time for a request's body.
    pub(crate) body_deadline: Duration,
    registers: Registers,
}

impl Service {
    pub(crate) fn new(
        office: Arc<Office>,
        records: Arc<dyn MasaRecords>,
        rejections: Rejections,
        body_deadline: Duration,
    ) -> Self {
        Self { office, records, rejections, body_deadline, registers: Registers::default() }
    }
}

/// The two operations.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(REQUEST_VOUCHER_PATH, post(request_voucher))
        .route(REQUEST_AUDIT_LOG_PATH, post(request_audit_log))
        .with_state(service)
}

async fn request_voucher(
    State(service): State<Arc<Service>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let answered = answer_voucher(&service, &peer, request).await;
    service.told(&peer, answered)
}

async fn answer_voucher(service: &Service, peer: &Peer, request: Request) -> Result<Response, Fault> {
    let accept = header(request.headers(), &ACCEPT);
    if !accepts_vouchers(accept.as_deref()) {
        return Err(Fault::refused(ClaimRefusal::not_acceptable(&accept.unwrap_or_default())));
    }
    let octets = service.body(request).await?;
    let given = (octets.as_slice(), &*shown(peer));
    Ok(match service.office.request_voucher(service.records.as_ref(), &service.registers, given).await? {
        Reply::Voucher(voucher) => body(MEDIA_TYPE, voucher.der().to_vec()),
        // RFC 8995 §5.6 (MAS-11).
        Reply::Wait(seconds) => {
            let text = "a second person at the manufacturer's must agree first; ask again\n";
            let mut response = (StatusCode::ACCEPTED, [(CACHE_CONTROL, "no-store")], text).into_response();
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            response
        }
    })
}

/// RFC 8995 §5.8: asked for with the voucher request itself.
async fn request_audit_log(
    State(service): State<Arc<Service>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let answered = async {
        let octets = service.body(request).await?;
        let given = (octets.as_slice(), &*shown(&peer));
        let log = service.office.request_audit_log(service.records.as_ref(), &service.registers, given).await?;
        Ok(body("application/json", log))
    };
    let answered = answered.await;
    service.told(&peer, answered)
}

impl Service {
    /// Reads the request in a body.
    async fn body(&self, request: Request) -> Result<Vec<u8>, Fault> {
        let said = header(request.headers(), &CONTENT_TYPE).unwrap_or_default();
        // MAS-07.
        if !is_voucher_request(&said) {
            return Err(Fault::refused(ClaimRefusal::media_type(&said)));
        }
        let body = axum::body::to_bytes(request.into_body(), MAX_BODY);
        match tokio::time::timeout(self.body_deadline, body).await {
            Err(_) => Err(Fault::slow()),
            Ok(Err(_)) => Err(Fault::too_large(MAX_BODY)),
            Ok(Ok(body)) => Ok(body.into()),
        }
    }

    /// The answer; refusals reach the log, summed.
    fn told(&self, peer: &Peer, answered: Result<Response, Fault>) -> Response {
        answered.unwrap_or_else(|mut fault| {
            if let Some(refusal) = fault.refusal.take() {
                self.rejections.report(peer.source, refusal);
            }
            fault.into_response()
        })
    }
}

/// What was shown in TLS, as far as it can be read: a chain that cannot is none.
fn shown(peer: &Peer) -> Vec<Certificate> {
    peer.chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>().unwrap_or_default()
}

fn header(headers: &HeaderMap, name: &axum::http::HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let first = values.next()?.into_owned();
    Some(values.fold(first, |all, next| format!("{all}, {next}")))
}

fn body(media_type: &'static str, octets: Vec<u8>) -> Response {
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(media_type)), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, octets).into_response()
}
