//! From a station's request to a certificate that is on record.

use std::{sync::Arc, time::SystemTime};

use authority::{
    Approved,
    factory::{Entitled, Entrance, FactoryRefused, GuardedUnit, Station, StationRefused},
};
use axum::{
    Extension,
    extract::{Path, Request, State},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use pki::{
    certificate::Certificate,
    digest::sha256,
    identity::SerialNumber,
    key::SystemEntropy,
    request::CertificationRequest,
    time::Timestamp,
    tpm::attestation::{Challenge, Claim, enrolment_qualifier},
};

use super::{
    Fault, Line, MAX_BODY,
    message::{Answered, Asked, Given, TpmProof},
};
use crate::{
    audit::{Event, FactoryEvent, LedgerEvent},
    authority::{Authority, IssueFault, Judged, TRIES, Wanted},
    domain::{
        factory::{Enrolment, OrderName, ProductionOrder, ProductionRefused, ProductionUnit, allows, open_to},
        ledger::{CertificateId, Holder, IssueRefused, Occasion},
    },
    store::{Batch, StoreError},
    tls::Peer,
};

/// For how many seconds a challenge can be answered: a TPM needs one or two.
const PATIENCE: i64 = 300;

/// One unit's enrolment, or a step of it.
pub(super) async fn enrol(
    State(line): State<Arc<Line>>,
    Path((order, serial_number)): Path<(String, String)>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Fault> {
    let result = line.enrol(&order, &serial_number, &peer, request).await;
    if let Err(fault) = &result {
        tracing::info!(order, serial = serial_number, source = %peer.source, ?fault, "no certificate for a unit");
    }
    result
}

/// What is to be done for which unit, as far as the order goes.
struct Case<'a> {
    station: &'a Station,
    order: &'a ProductionOrder,
    unit: &'a ProductionUnit,
    authority: &'a Arc<Authority>,
    now: Timestamp,
}

impl Line {
    async fn enrol(&self, order: &str, serial: &str, peer: &Peer, request: Request) -> Result<Response, Fault> {
        let now = now();
        let station = self.station(peer, now).await?;
        let asked = Asked::read(&self.body(request).await?)?;
        let csr = asked.csr()?;
        let (order, unit) = self.unit(order, serial).await?;
        let terms = order.terms();
        let authority = self.authorities.get(&terms.authority);
        let with_profile = authority.and_then(|it| Some((it, it.profiles.get(&terms.profile)?)));
        let (authority, profile) =
            with_profile.ok_or_else(|| Fault::no_authority(terms.authority.as_str(), terms.profile.as_str()))?;
        let case = Case { station: &station, order: &order, unit: &unit, authority, now };
        // A request that is repeated gets the same certificate, whatever became of the order since: its answer was lost.
        if let Some(before) = self.before(&case, &csr).await? {
            return Ok(given(StatusCode::OK, &Given::certificates(&before, authority.ca.chain())));
        }
        open_to(&order, station.name(), now)?;
        if unit.certificate.is_some() && unit.rework.is_none() {
            let station = unit.station.clone().unwrap_or_default();
            return Err(ProductionRefused::Certified { serial_number: unit.serial_number.clone(), station }.into());
        }
        let ordered = order.unit(&unit);
        let approved = ordered.judge(&csr, profile)?;
        let entitled = match ordered.entrance() {
            Entrance::Open(open) => open.entitle(approved),
            Entrance::Guarded(guarded) => {
                let proof = asked.tpm()?.ok_or(FactoryRefused::ProofMissing)?;
                match &asked.answer {
                    None => return self.challenge(&case, &guarded, &csr, &proof),
                    Some(answer) => self.proved(&case, &guarded, approved, (&csr, &proof, answer))?,
                }
            }
        };
        let certificate = self.issue(&case, &csr, &entitled).await?;
        Ok(given(StatusCode::OK, &Given::certificates(&certificate, authority.ca.chain())))
    }

    async fn body(&self, request: Request) -> Result<axum::body::Bytes, Fault> {
        let said = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        if !said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            return Err(Fault::media_type());
        }
        match tokio::time::timeout(self.body_deadline, axum::body::to_bytes(request.into_body(), MAX_BODY)).await {
            Err(_) => Err(Fault::slow()),
            Ok(Err(_)) => Err(Fault::too_large(MAX_BODY)),
            Ok(Ok(body)) => Ok(body),
        }
    }

    /// Who is at the other end. Where an authority of this server certified the station, it knows whether it still holds.
    async fn station(&self, peer: &Peer, now: Timestamp) -> Result<Station, Fault> {
        let station = Station::judge(&peer.chain, &self.config.anchors, now)?;
        for authority in self.authorities.iter() {
            let serial = station.certificate().certificate_serial().to_vec();
            let id = CertificateId { authority: authority.name.clone(), serial };
            let entry = self.store.issued(&id).await?;
            let own = entry.filter(|entry| entry.issued.certificate == *station.certificate());
            if own.is_some_and(|entry| entry.revoked.is_some()) {
                return Err(StationRefused::Revoked.into());
            }
        }
        Ok(station)
    }

    async fn unit(&self, order: &str, serial: &str) -> Result<(ProductionOrder, ProductionUnit), Fault> {
        let name = OrderName::new(order).map_err(|error| Fault::malformed(&error.to_string()))?;
        let serial_number = SerialNumber::new(serial).map_err(|error| Fault::malformed(&error.to_string()))?;
        let order = self.store.order(&name).await?.ok_or_else(|| ProductionRefused::NoOrder(name.clone()))?;
        let unit = self.store.unit(&name, &serial_number).await?;
        let unit = unit.ok_or_else(|| ProductionRefused::not_ordered(&name, &serial_number))?;
        Ok((order, unit))
    }

    /// What the unit has, if the request is for the same key: its answer was lost, or the unit lost its certificate. Where another
    /// certificate is allowed, only the very same request is answered so.
    async fn before(&self, case: &Case<'_>, csr: &CertificationRequest) -> Result<Option<Certificate>, Fault> {
        allows(case.order, case.station.name())?;
        let Some(serial) = case.unit.certificate.clone() else { return Ok(None) };
        let id = CertificateId { authority: case.authority.name.clone(), serial };
        let entry = self.store.issued(&id).await?.filter(|entry| entry.revoked.is_none());
        let request = Some(sha256(csr.der()));
        let entry = entry.filter(|entry| match case.unit.rework {
            None => entry.issued.certificate.public_key() == csr.public_key(),
            Some(_) => entry.issued.request == request,
        });
        Ok(entry.map(|entry| entry.issued.certificate))
    }

    /// The first step: what the TPM says is looked at, and it is asked.
    fn challenge(
        &self,
        case: &Case<'_>,
        guarded: &GuardedUnit<'_>,
        csr: &CertificationRequest,
        proof: &TpmProof,
    ) -> Result<Response, Fault> {
        guarded.vouch(&proof.endorsement, case.now)?;
        let qualifier = enrolment_qualifier(case.order.name().as_str(), &case.unit.serial_number, csr.der());
        let claim = Claim::check(&proof.certification, &qualifier).map_err(FactoryRefused::from)?;
        if claim.key().key() != csr.public_key() {
            return Err(FactoryRefused::OtherKey.into());
        }
        let made = Challenge::make(claim, &proof.endorsement.key, &mut SystemEntropy);
        let (challenge, credential) = made.map_err(FactoryRefused::from)?;
        let expires = case.now.plus_seconds(PATIENCE).unix();
        let context = case.context(csr, expires);
        let state = challenge.seal(&self.config.seal, &context, &mut SystemEntropy).map_err(FactoryRefused::from)?;
        Ok(given(StatusCode::ACCEPTED, &Given::challenge(&credential, &state, expires)))
    }

    /// The second step: the TPM has answered.
    fn proved<'p>(
        &self,
        case: &Case<'_>,
        guarded: &GuardedUnit<'_>,
        approved: Approved<'p>,
        (csr, proof, answer): (&CertificationRequest, &TpmProof, &Answered),
    ) -> Result<Entitled<'p>, Fault> {
        if answer.expires < case.now.unix() {
            return Err(FactoryRefused::from(pki::tpm::attestation::AttestationError::Sealed).into());
        }
        let context = case.context(csr, answer.expires);
        let challenge = Challenge::open(&self.config.seal, &context, &answer.state()?).map_err(FactoryRefused::from)?;
        let proved = challenge.accept(&answer.secret()?).map_err(FactoryRefused::from)?;
        Ok(guarded.entitle(approved, &proved, &proof.endorsement, case.now)?)
    }

    /// Signs, and writes down in one transaction that the certificate was issued and that the unit has it.
    async fn issue(
        &self,
        case: &Case<'_>,
        csr: &CertificationRequest,
        entitled: &Entitled<'_>,
    ) -> Result<Certificate, Fault> {
        let occasion = case.unit.rework.clone().map_or(Occasion::First, |because| Occasion::Another { because });
        let wanted = Wanted {
            judged: Judged::Request(Box::new(entitled.approved().clone())),
            profile: case.order.terms().profile.clone(),
            holder: Holder::Made(entitled.serial_number().clone()),
            occasion: occasion.clone(),
        };
        for _ in 0..TRIES {
            let issued = Box::new(case.authority.certify(&wanted).map_err(not_made)?);
            let certificate = issued.certificate.clone();
            let enrolment = Enrolment::new(case.order.name().clone(), case.station, entitled, &certificate);
            let event = LedgerEvent::CertificateIssued { issued, occasion: occasion.clone() };
            let batch = Batch::from(Event::Ledger(event));
            let batch = batch.and(Event::Factory(FactoryEvent::UnitEnrolled(Box::new(enrolment))));
            match self.store.commit(batch).await {
                Ok(_) => return Ok(certificate),
                Err(StoreError::NotIssued(IssueRefused::SerialTaken(_))) => {}
                Err(error) => return self.somebody_was_faster(case, csr, error).await,
            }
        }
        Err(StoreError::Closed.into())
    }

    /// Another station, or this one's first try, was: whoever sent the very same request gets what that got.
    async fn somebody_was_faster(
        &self,
        case: &Case<'_>,
        csr: &CertificationRequest,
        error: StoreError,
    ) -> Result<Certificate, Fault> {
        if matches!(error, StoreError::NotIssued(_) | StoreError::Production(_)) {
            let (_, unit) = self.unit(case.order.name().as_str(), case.unit.serial_number.as_str()).await?;
            let case = Case { unit: &unit, ..*case };
            if let Some(before) = self.before(&case, csr).await? {
                return Ok(before);
            }
            // What a person can act upon is who has it, not which rule of the ledger it would break.
            if let Some(station) = unit.station.filter(|_| unit.rework.is_none()) {
                let serial_number = unit.serial_number.clone();
                return Err(ProductionRefused::Certified { serial_number, station }.into());
            }
        }
        Err(error.into())
    }
}

impl Case<'_> {
    /// What a challenge is for. Order and station have no NUL in their names, and the rest has a length of its own.
    fn context(&self, csr: &CertificationRequest, expires: i64) -> Vec<u8> {
        let qualifier = enrolment_qualifier(self.order.name().as_str(), &self.unit.serial_number, csr.der());
        [self.station.name().as_bytes(), &[0], &qualifier, &expires.to_be_bytes()].concat()
    }
}

fn not_made(fault: IssueFault) -> Fault {
    match fault {
        IssueFault::Authority(error) => (*error).into(),
        IssueFault::Store(error) => error.into(),
        IssueFault::Refused(refused) => StoreError::NotIssued(refused).into(),
        other => Fault::internal(&other),
    }
}

fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

fn given(status: StatusCode, given: &Given) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, serde_json::to_vec(given).unwrap_or_default()).into_response()
}
