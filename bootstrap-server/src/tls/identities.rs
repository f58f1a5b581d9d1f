//! Which device a client certificate belongs to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use pki::{
    certificate::Certificate,
    digest::{Digest, Sha256},
    identity::SerialNumber,
    path::{self, Path, PathError, Policy, Purpose, Signatures},
    time::{Clock, Timestamp},
};
use rustls::pki_types::CertificateDer;
use verdict::{ReasonCode, Refusal};

use crate::domain::{DeviceId, Manufacturer};

/// Certificates remembered as good: enough for the devices of one storm.
const REMEMBERED: usize = 65_536;

/// A device that proved its identity in the TLS handshake.
#[derive(Clone, Debug)]
pub(crate) struct DeviceIdentity {
    /// Which device.
    pub(crate) device: DeviceId,
    /// SHA-256 of its certificate.
    pub(crate) certificate: Digest,
}

/// Judges client certificates by the manufacturers this owner takes in.
///
/// A judgement is remembered with the moment until which it holds, because a device connects several times and the
/// handshake and the request both ask.
#[derive(Debug)]
pub(crate) struct Identities {
    manufacturers: Vec<Manufacturer>,
    remembered: Mutex<HashMap<Digest, Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    identity: Arc<DeviceIdentity>,
    from: Timestamp,
    until: Timestamp,
}

impl Identities {
    pub(crate) fn new(manufacturers: Vec<Manufacturer>) -> Self {
        Self { manufacturers, remembered: Mutex::default() }
    }

    /// Says which device the chain's first certificate identifies.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<Arc<DeviceIdentity>, Refusal> {
        let key = digest(chain);
        if let Some(known) = self.remembered().get(&key)
            && (known.from..=known.until).contains(&now)
        {
            return Ok(Arc::clone(&known.identity));
        }
        let judged = self.validate(chain, now)?;
        let identity = Arc::clone(&judged.identity);
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, judged);
        Ok(identity)
    }

    fn validate(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<Remembered, Refusal> {
        let certificates = chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>();
        let certificates =
            certificates.map_err(|error| Refusal::new(ReasonCode::CertificateMalformed, error.to_string()))?;
        let (own, intermediates) = certificates
            .split_first()
            .ok_or_else(|| Refusal::new(ReasonCode::IdevidMissing, "the certificate list is empty"))?;
        let policy = Policy {
            clock: Clock::Trusted(now),
            purpose: Purpose::DeviceIdentity,
            accepted_critical: &[],
            signatures: Signatures::default(),
        };
        let (mut closest, mut found) = (None, None::<(&Manufacturer, Path)>);
        for manufacturer in &self.manufacturers {
            match (path::validate(own, intermediates, &manufacturer.anchors, &policy), &found) {
                (Ok(path), None) => found = Some((manufacturer, path)),
                // Whose serial number it is cannot be told, and guessing would give one maker's device to another.
                (Ok(_), Some((first, _))) => {
                    let detail = format!("ambiguous: {} and {} both vouch for it", first.name, manufacturer.name);
                    return Err(Refusal::new(ReasonCode::IdevidUntrusted, detail));
                }
                (Err(error), _) => {
                    if !matches!(error, PathError::NoPath { .. }) || closest.is_none() {
                        closest = Some(error);
                    }
                }
            }
        }
        if let Some((manufacturer, path)) = found {
            let serial_number = SerialNumber::from_certificate(own)
                .map_err(|error| Refusal::new(ReasonCode::SerialNumberMissing, error.to_string()))?;
            let device = DeviceId { manufacturer: manufacturer.name.clone(), serial_number };
            let certificates = path.certificates();
            return Ok(Remembered {
                identity: Arc::new(DeviceIdentity { device, certificate: own.sha256() }),
                from: certificates.iter().map(Certificate::not_before).max().unwrap_or(now),
                until: certificates.iter().map(Certificate::not_after).min().unwrap_or(now),
            });
        }
        let reason = match &closest {
            Some(PathError::OutsideValidity { .. }) => ReasonCode::CertificateExpired,
            Some(PathError::CriticalExtension { .. }) => ReasonCode::CertificateMalformed,
            _ => ReasonCode::IdevidUntrusted,
        };
        let claimed = SerialNumber::from_certificate(own).map_or_else(|_| "none".to_owned(), |it| it.to_string());
        let why = closest.map_or_else(|| "no manufacturer is known here".to_owned(), |error| error.to_string());
        Err(Refusal::new(reason, format!("claimed serial number {claimed}: {why}")))
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names a whole certificate list. Each certificate is preceded by its length, so that no two lists share a digest.
fn digest(chain: &[CertificateDer<'_>]) -> Digest {
    let mut hasher = Sha256::new();
    for der in chain {
        hasher.update(&der.len().to_be_bytes());
        hasher.update(der);
    }
    hasher.finish()
}
