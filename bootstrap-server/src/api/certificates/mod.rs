//! Certificates: issued, looked for and revoked.

pub(super) mod bulk;

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use operator_api::{
    Certificate, CertificatePage, CertificateQuery, ChangeQuery, IssuedCertificate, NewCertificate, RevokeCertificate,
    paths,
};

use super::{
    Api, answer,
    change::{Change, Rehearsal, Turn},
    devices::page_size,
    fault::Fault,
    request::{NoParameters, Parameters, Submission},
};
use crate::domain::{
    AuthorityName,
    ledger::{CertificateId, from_hex},
};

/// List certificates
///
/// In order of authority and serial number, narrowed by each parameter that is given.
#[utoipa::path(get, path = paths::CERTIFICATES, tag = "certificates", params(CertificateQuery),
    responses((status = 200, description = "A page of certificates.", body = CertificatePage)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(query): Parameters<CertificateQuery>,
) -> Result<Response, Fault> {
    let limit = page_size(query.limit)?;
    let page = api.desk.certificates(&query, limit).await.map_err(Fault::of_desk)?;
    Ok(answer::json(StatusCode::OK, &page))
}

/// Issue a certificate
///
/// For a request that proves possession of its key, by a profile. The same request again gets the same certificate, as long as
/// that one holds, whoever sends it.
#[utoipa::path(post, path = paths::CERTIFICATES, tag = "certificates", params(ChangeQuery), request_body = NewCertificate,
    responses((status = 200, description = "The request was answered with it before.", body = IssuedCertificate),
        (status = 201, description = "It is issued.", body = IssuedCertificate),
        (status = 204, description = "It would be issued.")))]
pub(super) async fn issue(
    State(api): State<Arc<Api>>,
    submission: Submission<NewCertificate>,
) -> Result<Response, Fault> {
    let change = first(submission.turn)?;
    let (wanted, by) = (submission.body, change.caller.actor());
    if change.rehearsal == Rehearsal::Yes {
        api.desk.rehearse(&wanted, &by).await.map_err(Fault::of_desk)?;
        return Ok(answer::empty(StatusCode::NO_CONTENT));
    }
    let issued = api.desk.issue(&wanted, &by).await.map_err(Fault::of_desk)?;
    let status = if issued.issued_before { StatusCode::OK } else { StatusCode::CREATED };
    Ok(answer::json(status, &issued))
}

/// Show a certificate
#[utoipa::path(get, path = paths::CERTIFICATE, tag = "certificates",
    params(("authority" = String, Path, description = "Who issued it."),
        ("serial" = String, Path, description = "Its serial number, in hex.")),
    responses((status = 200, description = "The certificate.", body = Certificate)))]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    CertificatePath(id): CertificatePath,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    let certificate = api.desk.certificate(&id).await.map_err(Fault::of_desk)?;
    Ok(answer::json(StatusCode::OK, &certificate))
}

/// Revoke a certificate
///
/// The next revocation list and the next answer about it say so. What is revoked stays so; one that was put on hold may be
/// revoked for another reason.
#[utoipa::path(post, path = paths::REVOKE_CERTIFICATE, tag = "certificates",
    params(("authority" = String, Path, description = "Who issued it."),
        ("serial" = String, Path, description = "Its serial number, in hex."), ChangeQuery),
    request_body = RevokeCertificate,
    responses((status = 200, description = "It is revoked.", body = Certificate),
        (status = 204, description = "It would be revoked.")))]
pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    CertificatePath(id): CertificatePath,
    submission: Submission<RevokeCertificate>,
) -> Result<Response, Fault> {
    let change = first(submission.turn)?;
    let (why, by) = (submission.body, change.caller.actor());
    if change.rehearsal == Rehearsal::Yes {
        api.desk.rehearse_revocation(&id, &why, &by).await.map_err(Fault::of_desk)?;
        return Ok(answer::empty(StatusCode::NO_CONTENT));
    }
    let revoked = api.desk.revoke(&id, &why, &by).await.map_err(Fault::of_desk)?;
    Ok(answer::json(StatusCode::OK, &revoked))
}

/// A change to what has no version. Nothing is kept under an idempotency key here: the ledger itself knows what was asked before.
fn first(turn: Turn) -> Result<Change, Fault> {
    match turn {
        Turn::First(change) if change.expected.is_some() => Err(Fault::header("If-Match: only devices have versions")),
        Turn::First(change) => Ok(change),
        Turn::Again(_) => Err(Fault::idempotency_conflict()),
    }
}

/// The certificate in the path.
pub(super) struct CertificatePath(CertificateId);

impl<S: Send + Sync> FromRequestParts<S> for CertificatePath {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        // What cannot be a name is the name of nothing.
        let Path((authority, serial)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Fault::not_found().detail(rejection.body_text()))?;
        let id = AuthorityName::new(authority).ok().zip(from_hex(&serial));
        let (authority, serial) = id.ok_or_else(|| Fault::not_found().detail("no certificate is called this"))?;
        Ok(Self(CertificateId { authority, serial }))
    }
}
