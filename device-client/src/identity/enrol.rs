//! A unit on a factory line gets its IDevID: its key is made, proved to be in its TPM, certified, and the certificate is kept.
//!
//! Everything can be done again after a cut of power at any moment: the key comes back as it was, and the server answers for the
//! same key with the same certificate.

use std::{path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use pki::{
    certificate::{Certificate, CertificateError},
    key::{Locator, OpenKey, TpmKeyAddress},
    new_request::{self, DeviceNames, NewRequestError},
    tpm::{
        EndorsementKind, NvOwner, PublicArea, Template, Tpm, TpmAlgorithm, TpmError,
        attestation::{Certification, Credential, enrolment_qualifier},
    },
};
use serde_json::{Value, json};
use verdict::{ReasonCode, Refusal};

use super::{
    CertificatePlace, IdentityPlaces, InstallError, Installed, KeyPlan, MakeError, install, make, make::secret,
};
use crate::{env::linux::station::StationLink, tls};

/// How a unit is enrolled.
#[derive(Debug)]
#[non_exhaustive]
pub struct EnrolPlan {
    /// Where the server is: `https://host[:port]`.
    pub url: String,
    /// The production order.
    pub order: String,
    /// The station's certificate, and those between it and its anchor.
    pub station_chain: Vec<Certificate>,
    /// The station's key.
    pub station_key: Arc<OpenKey>,
    /// The anchors of the server's certificate.
    pub anchors: Vec<Certificate>,
    /// The unit's names.
    pub names: DeviceNames,
    /// The unit's key.
    pub key: KeyPlan,
    /// Where its certificate is kept.
    pub to: CertificatePlace,
    /// Whose NV memory it is kept in.
    pub nv_owner: NvOwner,
    /// The file with the password of the owner of the NV memory.
    pub nv_password_file: Option<PathBuf>,
}

impl EnrolPlan {
    /// A unit without a proof of where its key is, unless that is in a TPM; certificate and NV memory as usual.
    #[must_use]
    pub fn new(
        (url, order): (String, String),
        (station_chain, station_key): (Vec<Certificate>, Arc<OpenKey>),
        anchors: Vec<Certificate>,
        (names, key, to): (DeviceNames, KeyPlan, CertificatePlace),
    ) -> Self {
        let (nv_owner, nv_password_file) = (NvOwner::Owner, None);
        Self { url, order, station_chain, station_key, anchors, names, key, to, nv_owner, nv_password_file }
    }
}

/// Enrols a unit.
///
/// # Errors
/// [`EnrolError`]; the key may have been made then, and nothing else has changed on the unit.
pub fn enrol(plan: &EnrolPlan) -> Result<Installed, EnrolError> {
    let tls = tls::client_config(&plan.station_chain, plan.station_key.clone())?;
    let link = StationLink::new(&plan.url, tls, &plan.anchors);
    let link = link.ok_or_else(|| EnrolError::Url { url: plan.url.clone() })?;
    let (key, _) = make(&plan.key)?;
    let csr = new_request::sign(&plan.names, &key)?;
    let unit = Unit { plan, link, csr };
    let chain = match &plan.key.key {
        Locator::Tpm(address) => unit.by_tpm(address)?,
        _ => unit.ask(None, None)?.certificates()?,
    };
    let mut places = IdentityPlaces::new(plan.to.clone(), plan.key.key.clone());
    places.key_passphrase_file.clone_from(&plan.key.passphrase_file);
    Ok(install(&places, &chain, plan.nv_owner, plan.nv_password_file.as_deref())?)
}

/// A unit and its request.
struct Unit<'a> {
    plan: &'a EnrolPlan,
    link: StationLink<'a>,
    csr: Vec<u8>,
}

impl Unit<'_> {
    /// Shows one endorsement key after the other, until it is one that the order goes by.
    fn by_tpm(&self, address: &TpmKeyAddress) -> Result<Vec<Certificate>, EnrolError> {
        let mut tpm = Tpm::open(&address.tpm)?;
        let password = secret(self.plan.key.passphrase_file.as_deref())?;
        let qualifier = enrolment_qualifier(&self.plan.order, &self.plan.names.serial_number, &self.csr);
        // What attests is of a kind that every TPM makes.
        let attestation = Template::attestation(TpmAlgorithm::P256);
        let certification = tpm.certify(address.handle, &password, &attestation, &qualifier)?;
        let mut refused = None;
        for kind in EndorsementKind::ALL {
            // A TPM that has no RSA has the other one.
            let Ok(endorsement) = tpm.endorsement_key(*kind) else { continue };
            let certificate = tpm.endorsement_certificate(*kind)?;
            let said = said(&certification, &endorsement, certificate.as_ref());
            let answer = match self.ask(Some(&said), None) {
                Err(error) if is_foreign(&error) => {
                    refused = Some(error);
                    continue;
                }
                answer => answer?,
            };
            let Some(challenge) = answer.challenge()? else { return answer.certificates() };
            let opened = tpm.activate(*kind, &attestation, &challenge.credential)?;
            let answer = json!({
                "state": challenge.state, "expires": challenge.expires, "secret": STANDARD.encode(opened.as_slice()),
            });
            return self.ask(Some(&said), Some(&answer))?.certificates();
        }
        Err(refused.unwrap_or(EnrolError::NoEndorsementKey))
    }

    fn ask(&self, tpm: Option<&Value>, answer: Option<&Value>) -> Result<Answer, EnrolError> {
        let body = json!({"csr": STANDARD.encode(&self.csr), "tpm": tpm, "answer": answer});
        let (order, serial) = (encode(&self.plan.order), encode(self.plan.names.serial_number.as_str()));
        let target = format!("/factory/v1/orders/{order}/units/{serial}/enrol");
        let (status, body) = self.link.post(&target, body.to_string().as_bytes())?;
        let said: Value = serde_json::from_slice(&body).map_err(|_| EnrolError::Answer)?;
        match status {
            200 | 202 => Ok(Answer(said)),
            _ => {
                let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let (detail, remedy) = (text("detail"), text("remedy"));
                Err(EnrolError::Refused { status, reason: text("reason"), detail, remedy })
            }
        }
    }
}

/// Whether the order goes by another endorsement key.
fn is_foreign(error: &EnrolError) -> bool {
    matches!(error, EnrolError::Refused { reason, .. } if *reason == ReasonCode::EndorsementKeyForeign.as_str())
}

fn said(certification: &Certification, endorsement: &PublicArea, certificate: Option<&Certificate>) -> Value {
    let Certification { key, attestor, statement, signature } = certification;
    let certificates: Vec<_> = certificate.iter().map(|it| STANDARD.encode(it.der())).collect();
    json!({
        "endorsement-key": STANDARD.encode(endorsement.octets()), "endorsement-certificates": certificates,
        "key": STANDARD.encode(key.octets()), "attestor": STANDARD.encode(attestor.octets()),
        "statement": STANDARD.encode(statement), "signature": STANDARD.encode(signature),
    })
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
fn encode(text: &str) -> String {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    let each = text.bytes().map(|octet| match is_plain(octet) {
        true => char::from(octet).to_string(),
        false => format!("%{octet:02X}"),
    });
    each.collect()
}

/// What the server gives.
struct Answer(Value);

/// What the TPM has to open.
struct Challenge {
    credential: Credential,
    state: String,
    expires: i64,
}

impl Answer {
    fn certificates(&self) -> Result<Vec<Certificate>, EnrolError> {
        let listed = self.0.get("certificates").and_then(Value::as_array).ok_or(EnrolError::Answer)?;
        let chain = listed.iter().map(|it| Ok(Certificate::from_der(&octets(Some(it))?)?));
        chain.collect()
    }

    fn challenge(&self) -> Result<Option<Challenge>, EnrolError> {
        let Some(said) = self.0.get("challenge") else { return Ok(None) };
        let credential =
            Credential::from_parts(&octets(said.get("id-object"))?, &octets(said.get("encrypted-secret"))?);
        Ok(Some(Challenge {
            credential: credential.map_err(|_| EnrolError::Answer)?,
            state: said.get("state").and_then(Value::as_str).ok_or(EnrolError::Answer)?.to_owned(),
            expires: said.get("expires").and_then(Value::as_i64).ok_or(EnrolError::Answer)?,
        }))
    }
}

fn octets(member: Option<&Value>) -> Result<Vec<u8>, EnrolError> {
    let text = member.and_then(Value::as_str).ok_or(EnrolError::Answer)?;
    STANDARD.decode(text).map_err(|_| EnrolError::Answer)
}

/// A unit was not enrolled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// The address is none of a server.
    #[error("{url}: takes https://host or https://host:port")]
    Url {
        /// What was given.
        url: String,
    },
    /// The station's certificate and key do not belong together.
    #[error("the station's certificate and key: {0}")]
    Station(#[from] rustls::Error),
    /// The unit's key cannot be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The request cannot be made.
    #[error(transparent)]
    Request(#[from] NewRequestError),
    /// The TPM did not do it.
    #[error("{source}. {}", source.remedy())]
    Tpm {
        /// Why.
        #[from]
        source: TpmError,
    },
    /// The TPM has no endorsement key of a kind that is worked with.
    #[error("the TPM makes no endorsement key of the TCG's templates L-1 (RSA) or L-2 (P-256)")]
    NoEndorsementKey,
    /// The server was not reached, or is not the one.
    #[error("{}: {}. {}", .0.reason, .0.detail, .0.reason.remedy())]
    Server(Box<Refusal>),
    /// The server said no.
    #[error("{reason}: {detail}. {remedy}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The reason code.
        reason: String,
        /// What exactly.
        detail: String,
        /// What to do.
        remedy: String,
    },
    /// The server's answer is not one.
    #[error("the server's answer cannot be read: is there a proxy between, or another service at this address?")]
    Answer,
    /// A certificate in the answer cannot be read.
    #[error("the server's answer: {0}")]
    Certificate(#[from] CertificateError),
    /// The certificate is not kept.
    #[error(transparent)]
    Install(#[from] InstallError),
}

impl From<Refusal> for EnrolError {
    fn from(refusal: Refusal) -> Self {
        Self::Server(Box::new(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_with_a_slash_is_one_segment_of_a_path() {
        assert_eq!(encode("A/1 ä"), "A%2F1%20%C3%A4");
    }

    #[test]
    fn an_answer_that_is_none_is_an_error_and_no_panic() {
        for said in [json!(null), json!([]), json!({}), json!({"certificates": [1]}), json!({"certificates": ["?"]})] {
            assert!(Answer(said).certificates().is_err());
        }
        assert!(Answer(json!({})).challenge().unwrap().is_none());
        for said in [json!({"challenge": 1}), json!({"challenge": {"id-object": "AAA=", "encrypted-secret": ""}})] {
            assert!(Answer(said).challenge().is_err());
        }
    }
}
