//! Who asks: by certificate, by certificate and activation code, or by activation code alone (RFC 8040 §2.5; RCF-03).

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use pki::{digest::Digest, identity::SerialNumber};
use verdict::{ReasonCode, Refusal};

use super::{
    Problem, Service,
    codes::{Verdict, fingerprint},
    credentials::{Credentials, Presented},
};
use crate::{
    admission::Recognised,
    domain::{Authentication, DeviceId, Dossier},
    tls::{Connection, DeviceIdentity},
};

/// The device that asks. By certificate or by code alone, one of the two was right; whether that is enough for its profile
/// is [`Caller::prove`].
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Which device.
    pub(crate) device: DeviceId,
    /// SHA-256 of the certificate it proved that with; of what is kept of its activation code, when it has none.
    pub(crate) certificate: Digest,
    /// Where it called from.
    pub(crate) source: IpAddr,
    shown: Shown,
}

/// What it has shown so far.
#[derive(Clone, Debug)]
enum Shown {
    /// A certificate, and the credentials beside it, which name the same serial number and are not checked yet.
    Certificate(Option<Credentials>),
    /// Its activation code, which is right.
    Code,
}

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Problem> {
        let refused = || Problem::unauthenticated(ReasonCode::IdevidMissing);
        let Connection { source, identity, .. } = parts.extensions.get::<Connection>().cloned().ok_or_else(refused)?;
        match identity {
            Some(identity) => Self::by_certificate(service, &parts.headers, source, &identity),
            None => {
                let caller = Self::by_code(service, &parts.headers, source).await?;
                if let Some(recognised) = parts.extensions.get::<Recognised>() {
                    recognised.note(&caller.device);
                }
                Ok(caller)
            }
        }
    }
}

impl Caller {
    fn by_certificate(
        service: &Service,
        headers: &HeaderMap,
        source: IpAddr,
        identity: &DeviceIdentity,
    ) -> Result<Self, Problem> {
        let device = identity.device.clone();
        let credentials = match Presented::of(headers) {
            Presented::Nothing => None,
            Presented::Credentials(credentials) => Some(credentials),
            Presented::Unreadable => {
                return Err(refuse(service, source, ReasonCode::CredentialsRefused, &format!("{device}: unreadable")));
            }
        };
        // RFC 8572 §5.3 (RCF-04): one device, whatever it is asked.
        if let Some(credentials) = &credentials
            && credentials.user() != device.serial_number.as_str()
        {
            let detail = format!("{device} calls itself {:?}", shortened(credentials.user()));
            return Err(refuse(service, source, ReasonCode::CredentialsMismatch, &detail));
        }
        Ok(Self { device, certificate: identity.certificate, source, shown: Shown::Certificate(credentials) })
    }

    async fn by_code(service: &Service, headers: &HeaderMap, source: IpAddr) -> Result<Self, Problem> {
        // RFC 8040 §2.5 (RCF-02): no proof of identity, no data; and the audit log hears of it.
        let credentials = match Presented::of(headers) {
            Presented::Credentials(credentials) => credentials,
            Presented::Unreadable => {
                return Err(refuse(service, source, ReasonCode::CredentialsRefused, "unreadable"));
            }
            Presented::Nothing => {
                let detail = "a request without a client certificate";
                return Err(refuse(service, source, ReasonCode::IdevidMissing, detail));
            }
        };
        let dossier = alone(service, credentials.user()).await?;
        let kept = dossier.as_ref().and_then(|dossier| dossier.device.as_ref()?.activation_code.as_ref());
        let verdict = service.codes.check(kept, &credentials, source, service.body_deadline).await?;
        let why = match (&dossier, kept, verdict) {
            (Some(dossier), Some(kept), Verdict::Right) => {
                let (device, certificate) = (dossier.id.clone(), fingerprint(kept));
                return Ok(Self { device, certificate, source, shown: Shown::Code });
            }
            // SEC-23: which of them it was stands in the audit log, not in the answer.
            (Some(dossier), ..) => format!("wrong code, or none set, for {}", dossier.id),
            (None, ..) => {
                let name = shortened(credentials.user());
                format!("no one device that may do without a certificate is called {name:?}")
            }
        };
        Err(refuse(service, source, ReasonCode::CredentialsRefused, &why))
    }

    /// How it has shown who it is, when that is what its profile asks for. A device that has no profile shows its
    /// certificate.
    pub(super) async fn prove(&self, service: &Service, dossier: &Dossier) -> Result<Authentication, Problem> {
        let wanted = dossier.profile.as_ref().map(|profile| profile.authentication).unwrap_or_default();
        let credentials = match (&self.shown, wanted) {
            (Shown::Certificate(_), Authentication::Certificate) => return Ok(Authentication::Certificate),
            (Shown::Code, Authentication::Basic) => return Ok(Authentication::Basic),
            // Its profile changed since its code was looked at.
            (Shown::Code, _) => {
                let detail = format!("{} without a client certificate", self.device);
                return Err(refuse(service, self.source, ReasonCode::IdevidMissing, &detail));
            }
            (Shown::Certificate(credentials), Authentication::CertificateAndBasic | Authentication::Basic) => {
                credentials.as_ref()
            }
        };
        let Some(credentials) = credentials else {
            let detail = self.device.to_string();
            return Err(refuse(service, self.source, ReasonCode::CredentialsMissing, &detail));
        };
        let kept = dossier.device.as_ref().and_then(|device| device.activation_code.as_ref());
        match service.codes.check(kept, credentials, self.source, service.body_deadline).await? {
            Verdict::Right => Ok(Authentication::CertificateAndBasic),
            Verdict::Wrong => {
                let detail = format!("wrong code, or none set, for {}", self.device);
                Err(refuse(service, self.source, ReasonCode::CredentialsRefused, &detail))
            }
        }
    }
}

/// The one device of this name that may do without a certificate, by its profile.
async fn alone(service: &Service, name: &str) -> Result<Option<Dossier>, Problem> {
    let Ok(serial_number) = SerialNumber::new(name) else { return Ok(None) };
    let mut found = None;
    for device in service.store.devices_named(&serial_number).await? {
        let dossier = service.store.dossier(&device).await?;
        if dossier.profile.as_ref().is_some_and(|profile| profile.authentication == Authentication::Basic)
            && found.replace(dossier).is_some()
        {
            // Two manufacturers have one of this name: whose it is cannot be told.
            return Ok(None);
        }
    }
    Ok(found)
}

/// The answer to a peer that did not show who it is, and the note for the audit log.
fn refuse(service: &Service, source: IpAddr, reason: ReasonCode, detail: &str) -> Problem {
    service.rejections.report(source, Refusal::new(reason, detail));
    Problem::unauthenticated(reason)
}

/// What a stranger calls itself, short enough for a log.
fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
