//! Enrolment over Secure Transport (RFC 7030, RFC 8951): devices renew the certificates that they got from their owner, and get
//! their first one where their profile has it.

mod fault;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use authority::{
    Asker,
    est::{self, CERTS_ONLY, CSR_ATTRIBUTES, MAX_BODY, PATH, PKCS10},
    judge,
    ldevid::{Applicant, Exchange, Judgement},
};
use axum::{
    Extension, Router,
    extract::{Path, Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use conveyed_info::rpc::{Csr, CsrFormat};
use pki::{certificate::Certificate, request::CertificationRequest, time::Timestamp};
use verdict::ReasonCode;

use self::fault::Fault;
use super::{Authorities, Authority, Judged, Wanted};
use crate::{
    admission::Writes,
    domain::{
        AuthorityName, DeviceId, Dossier, State as DeviceState,
        ledger::{CertificateId, Holder, Occasion},
    },
    store::Ledger,
    tls::{Identities, Peer},
};

/// What the handlers share.
pub(crate) struct Est {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) authorities: Authorities,
    /// The authority that is meant where a path names none.
    pub(crate) default: AuthorityName,
    /// Judges IDevIDs.
    pub(crate) identities: Arc<Identities>,
    /// How much each device may add to the database.
    pub(crate) writes: Arc<Writes>,
    /// Time for a request's body.
    pub(crate) body_deadline: Duration,
}

/// Why a device gets another certificate although it has one.
const ANEW: &str = "the device enrolled anew with its IDevID, by EST";

/// The operations that every EST server has, and csrattrs (RFC 7030 §3.1; EST-01), with a label in the path and without.
pub(crate) fn router(est: Arc<Est>) -> Router {
    let mut router = Router::new();
    for prefix in [PATH.to_owned(), format!("{PATH}/{{label}}")] {
        router = router
            .route(&format!("{prefix}/cacerts"), get(cacerts))
            .route(&format!("{prefix}/csrattrs"), get(csrattrs))
            .route(&format!("{prefix}/simpleenroll"), post(simpleenroll))
            .route(&format!("{prefix}/simplereenroll"), post(simplereenroll));
    }
    router.fallback(|| async { Fault::not_found() }).with_state(est)
}

/// RFC 7030 §4.1: for everybody.
async fn cacerts(State(est): State<Arc<Est>>, label: Option<Path<String>>) -> Result<Response, Fault> {
    let authority = est.authority(label)?;
    let body = est::certs_only(authority.ca.chain()).map_err(|error| Fault::internal(&error))?;
    Ok(answer(CERTS_ONLY, body))
}

/// RFC 7030 §4.5: the keys that are taken, of the device that asks, or nothing in particular.
async fn csrattrs(
    State(est): State<Arc<Est>>,
    label: Option<Path<String>>,
    Extension(peer): Extension<Peer>,
) -> Result<Response, Fault> {
    let name = &est.authority(label)?.name;
    let dossier = match est.caller(name, &peer).await {
        Ok(caller) => est.ledger.dossier(caller.device()).await?,
        Err(_) => return Ok(StatusCode::NO_CONTENT.into_response()),
    };
    let ldevid = dossier.profile.as_ref().and_then(|profile| profile.ldevid.as_ref());
    match ldevid.filter(|it| it.authority == *name) {
        Some(ldevid) => {
            let body = est::csr_attributes(&ldevid.wish.algorithms).map_err(|error| Fault::internal(&error))?;
            Ok(answer(CSR_ATTRIBUTES, body))
        }
        // RFC 7030 §4.5.2: nothing is asked for.
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// RFC 7030 §4.2.1: the first certificate of a device that shows its IDevID, judged as its CSR in an onboarding would be.
async fn simpleenroll(
    State(est): State<Arc<Est>>,
    label: Option<Path<String>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Fault> {
    let authority = est.authority(label)?;
    let name = &authority.name;
    let caller = est.caller(name, &peer).await?;
    let request = est.request(request).await?;
    let Caller::Idevid { device, certificate } = caller else {
        return Err(Fault::refused(
            ReasonCode::CsrNotWanted,
            "the device has a certificate of this authority: renew it by simplereenroll",
        ));
    };
    let dossier = est.served(&device).await?;
    let profile = dossier.profile.as_ref().and_then(|profile| profile.ldevid.as_ref());
    let Some(ldevid) = profile.filter(|it| it.authority == *name) else {
        let why = "the device's profile has no [ldevid] that names this authority";
        return Err(Fault::refused(ReasonCode::CsrNotWanted, why));
    };
    let applicant = Applicant { serial_number: &device.serial_number, certificate: Some(&certificate) };
    let csr = Csr::from_der(CsrFormat::P10, request.der().to_vec());
    let csr = csr.ok_or_else(|| Fault::bad(ReasonCode::CsrInvalid, "not one SEQUENCE"))?;
    let order = match ldevid.wish.judge(&csr, &applicant, Exchange::default()) {
        Judgement::Accept(order) => order,
        Judgement::AskAgain(_, why) | Judgement::Refuse(why) => return Err(Fault::bad(why.reason(), &why.to_string())),
    };
    let judged = Judged::of_device(&order, ldevid, &dossier);
    est.issue(authority, judged, device, Occasion::First).await
}

/// RFC 7030 §4.2.2: goes on from the certificate that is shown.
async fn simplereenroll(
    State(est): State<Arc<Est>>,
    label: Option<Path<String>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Fault> {
    let authority = est.authority(label)?;
    let name = &authority.name;
    let caller = est.caller(name, &peer).await?;
    let request = est.request(request).await?;
    let Caller::Ldevid { device, certificate } = caller else {
        let why = "show the certificate that is to be renewed; a first one is had by simpleenroll";
        return Err(Fault::refused(ReasonCode::CsrOriginUnproved, why));
    };
    est.served(&device).await?;
    let ldevids = authority.ldevids();
    let approved = judge(&request, &ldevids, Asker::Holder(&certificate))
        .map_err(|why| Fault::bad(why.reason(), &why.to_string()))?;
    let occasion = Occasion::Renewal { of: certificate.certificate_serial().to_vec() };
    est.issue(authority, Judged::Request(Box::new(approved)), device, occasion).await
}

/// Who is at the other end.
enum Caller {
    /// A device, by its manufacturer's certificate.
    Idevid { device: DeviceId, certificate: Box<Certificate> },
    /// A device, by a certificate of this authority that still holds.
    Ldevid { device: DeviceId, certificate: Box<Certificate> },
}

impl Caller {
    const fn device(&self) -> &DeviceId {
        match self {
            Self::Idevid { device, .. } | Self::Ldevid { device, .. } => device,
        }
    }
}

impl Est {
    /// RFC 7030 §3.2.2: the label chooses among authorities.
    fn authority(&self, label: Option<Path<String>>) -> Result<&Authority, Fault> {
        let name = match label {
            None => self.default.clone(),
            Some(Path(label)) => AuthorityName::new(label).map_err(|_| Fault::not_found())?,
        };
        self.authorities.get(&name).map(Arc::as_ref).ok_or_else(Fault::not_found)
    }

    /// The certificate for a request, on record before it is given out.
    async fn issue(
        &self,
        authority: &Authority,
        judged: Judged<'_>,
        device: DeviceId,
        occasion: Occasion,
    ) -> Result<Response, Fault> {
        let wanted = Wanted::of_device(judged, device.clone(), occasion);
        let adding = (self.writes.as_ref(), &device);
        let issued = authority.issue_to_device(self.ledger.as_ref(), wanted, adding, ANEW).await?;
        let body = est::certs_only(&[issued.certificate]).map_err(|error| Fault::internal(&error))?;
        Ok(answer(CERTS_ONLY, body))
    }

    /// RFC 7030 §3.3.2 (EST-04): who it is, by the certificate that was shown in TLS.
    async fn caller(&self, authority: &AuthorityName, peer: &Peer) -> Result<Caller, Fault> {
        let unshown = || Fault::refused(ReasonCode::IdevidMissing, "show a certificate in TLS");
        let own = peer.chain.first().ok_or_else(unshown)?;
        let unreadable =
            |error: &dyn std::error::Error| Fault::refused(ReasonCode::CertificateMalformed, &error.to_string());
        let certificate = Box::new(Certificate::from_der(own).map_err(|error| unreadable(&error))?);
        // The ledger says what no path could: that it was issued here, to whom, and that it was not revoked.
        let id = CertificateId { authority: authority.clone(), serial: certificate.certificate_serial().to_vec() };
        if let Some(entry) = self.ledger.issued(&id).await?.filter(|entry| entry.issued.certificate == *certificate) {
            if entry.revoked.is_some() {
                return Err(Fault::refused(ReasonCode::CertificateRevoked, "the certificate was revoked"));
            }
            if !entry.issued.brief().is_live(at()) {
                return Err(Fault::refused(ReasonCode::CertificateExpired, "the certificate has expired"));
            }
            let Holder::Owned(device) = entry.issued.holder else {
                return Err(Fault::refused(ReasonCode::CsrOriginUnproved, "the certificate is none of a device"));
            };
            return Ok(Caller::Ldevid { device, certificate });
        }
        let judged = self.identities.judge(&peer.chain, at());
        let identity = judged.map_err(|refusal| Fault::refused(refusal.reason, refusal.reason.summary()))?;
        Ok(Caller::Idevid { device: identity.device.clone(), certificate })
    }

    /// The device, provided that its owner wants it to have certificates.
    async fn served(&self, device: &DeviceId) -> Result<Dossier, Fault> {
        let dossier = self.ledger.dossier(device).await?;
        match dossier.device.as_ref().map(|device| device.state) {
            None => Err(Fault::refused(ReasonCode::DeviceUnknown, ReasonCode::DeviceUnknown.summary())),
            Some(DeviceState::Retired) => {
                Err(Fault::refused(ReasonCode::DeviceRetired, ReasonCode::DeviceRetired.summary()))
            }
            Some(DeviceState::Refused(reason)) => Err(Fault::refused(reason, reason.summary())),
            // RFC 7030 §4.2.3 (EST-03): a person decides.
            Some(DeviceState::Held(reason)) => Err(Fault::pending(reason)),
            Some(_) => Ok(dossier),
        }
    }

    /// Reads the request in a body.
    async fn request(&self, request: Request) -> Result<CertificationRequest, Fault> {
        let said = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        // RFC 7030 §4.2.1.
        if !said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(PKCS10) {
            return Err(Fault::media_type());
        }
        let body = axum::body::to_bytes(request.into_body(), MAX_BODY);
        match tokio::time::timeout(self.body_deadline, body).await {
            Err(_) => Err(Fault::slow()),
            Ok(Err(_)) => Err(Fault::too_large(MAX_BODY)),
            Ok(Ok(body)) => est::read_request(&body).map_err(|error| Fault::bad(error.reason(), &error.to_string())),
        }
    }
}

fn at() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

fn answer(media_type: &'static str, body: String) -> Response {
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(media_type)), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, body).into_response()
}
