//! Which device a client certificate belongs to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use pki::{
    certificate::Certificate,
    digest::{Digest, Sha256},
    identity::SerialNumber,
    path::{self, Path, PathError, Policy, Purpose, Signatures},
    revocation::{self, Demand, Evidence, RevocationError},
    time::{Clock, Timestamp},
};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
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

/// What certificates are judged by.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    /// Whose devices this owner takes in.
    pub(crate) manufacturers: Vec<Manufacturer>,
    /// What is known of revoked certificates.
    pub(crate) revocation: Arc<Revocation>,
}

/// What is known of revoked device certificates, and how much must be known.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// The manufacturers' revocation lists.
    pub evidence: Evidence,
    /// What a certificate is worth of which nothing is known.
    pub demand: Demand,
}

impl Default for Revocation {
    fn default() -> Self {
        Self { evidence: Evidence::new(), demand: Demand::WhenAvailable }
    }
}

/// Judges client certificates by the manufacturers this owner takes in.
///
/// A judgement is remembered with the moment until which it holds, because a device connects several times and the
/// handshake and the request both ask.
#[derive(Debug)]
pub(crate) struct Identities {
    signatures: Signatures,
    trust: RwLock<Arc<Trust>>,
    remembered: Mutex<HashMap<Digest, Remembered>>,
    /// Tells that they are judged by something else now.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Remembered {
    identity: Arc<DeviceIdentity>,
    from: Timestamp,
    until: Timestamp,
}

impl Identities {
    pub(crate) fn new(trust: Arc<Trust>, signatures: Signatures) -> Self {
        Self { signatures, trust: RwLock::new(trust), remembered: Mutex::default(), changed: watch::Sender::new(()) }
    }

    /// Judges by another knowledge of revoked certificates from now on, also those who were judged before.
    pub(crate) fn replace_revocation(&self, revocation: &Arc<Revocation>) {
        self.change(|trust| {
            Some(Trust { manufacturers: trust.manufacturers.clone(), revocation: Arc::clone(revocation) })
        });
    }

    /// Judges by these manufacturers from now on. Nothing is forgotten when they are the same as before.
    pub(crate) fn take_in(&self, manufacturers: &[Manufacturer]) {
        let same = |(a, b): (&Manufacturer, &Manufacturer)| {
            a.name == b.name && a.anchors == b.anchors && a.serial_number_rule == b.serial_number_rule
        };
        self.change(|known| {
            let unchanged = known.manufacturers.len() == manufacturers.len()
                && known.manufacturers.iter().zip(manufacturers).all(same);
            let revocation = Arc::clone(&known.revocation);
            (!unchanged).then(|| Trust { manufacturers: manufacturers.to_vec(), revocation })
        });
    }

    /// Puts what `change` gives in the place of what is there. Nobody else changes it meanwhile: lists that an operator
    /// reloads and manufacturers that come from the store must not undo one another.
    fn change(&self, change: impl FnOnce(&Trust) -> Option<Trust>) {
        let mut trust = self.trust.write().unwrap_or_else(PoisonError::into_inner);
        let Some(changed) = change(&trust) else { return };
        *trust = Arc::new(changed);
        drop(trust);
        self.remembered().clear();
        self.changed.send_replace(());
    }

    /// Changes whenever somebody may be judged otherwise than before.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// What is judged by.
    pub(crate) fn trust(&self) -> Arc<Trust> {
        Arc::clone(&self.trust.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says which device the chain's first certificate identifies.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<Arc<DeviceIdentity>, Refusal> {
        let key = digest(chain);
        if let Some(known) = self.remembered().get(&key)
            && (known.from..=known.until).contains(&now)
        {
            return Ok(Arc::clone(&known.identity));
        }
        let trust = self.trust();
        let judged = self.validate(&trust, chain, now)?;
        let identity = Arc::clone(&judged.identity);
        let mut remembered = self.remembered();
        // What was judged by trust that is replaced meanwhile holds for this once and is not remembered.
        if !Arc::ptr_eq(&trust, &self.trust()) {
            return Ok(identity);
        }
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, judged);
        Ok(identity)
    }

    fn validate(&self, trust: &Trust, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<Remembered, Refusal> {
        let certificates = chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>();
        let certificates =
            certificates.map_err(|error| Refusal::new(ReasonCode::CertificateMalformed, error.to_string()))?;
        let (own, intermediates) = certificates
            .split_first()
            .ok_or_else(|| Refusal::new(ReasonCode::IdevidMissing, "the certificate list is empty"))?;
        let clock = Clock::Trusted(now);
        let policy = Policy { signatures: self.signatures, ..Policy::new(clock, Purpose::DeviceIdentity) };
        let (mut closest, mut found) = (None, None::<(&Manufacturer, Path)>);
        for manufacturer in &trust.manufacturers {
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
            let Revocation { evidence, demand } = &*trust.revocation;
            let findings = revocation::check(&path, evidence, clock, *demand).map_err(unacceptable)?;
            let serial_number = SerialNumber::by_rule(own, manufacturer.serial_number_rule)
                .map_err(|error| Refusal::new(ReasonCode::SerialNumberMissing, error.to_string()))?;
            let device = DeviceId { manufacturer: manufacturer.name.clone(), serial_number };
            let certificates = path.certificates();
            // Where "not revoked" must be shown, the judgement holds no longer than what shows it.
            let shown = findings.iter().filter_map(|finding| finding.cleared_by?.period.next_update);
            let shown = if *demand == Demand::Required { shown.min() } else { None };
            let until = certificates.iter().map(Certificate::not_after).min().unwrap_or(now);
            return Ok(Remembered {
                identity: Arc::new(DeviceIdentity { device, certificate: own.sha256() }),
                from: certificates.iter().map(Certificate::not_before).max().unwrap_or(now),
                until: shown.map_or(until, |shown| shown.min(until)),
            });
        }
        let reason = closest.as_ref().and_then(PathError::reason).unwrap_or(ReasonCode::IdevidUntrusted);
        let claimed = SerialNumber::from_certificate(own).map_or_else(|_| "none".to_owned(), |it| it.to_string());
        let why = closest.map_or_else(|| "no manufacturer is known here".to_owned(), |error| error.to_string());
        Err(Refusal::new(reason, format!("claimed serial number {claimed}: {why}")))
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// RFC 5280 §6.3: revoked, or not shown not to be where that is demanded.
fn unacceptable(error: RevocationError) -> Refusal {
    let reason = match &error {
        RevocationError::Revoked { .. } => ReasonCode::CertificateRevoked,
        _ => ReasonCode::RevocationUnchecked,
    };
    Refusal::new(reason, error.to_string())
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

#[cfg(test)]
mod tests {
    use std::thread;

    use pki::identity::SerialNumberRule;

    use super::*;
    use crate::domain::ManufacturerName;

    /// Long enough to be caught at it: there are many manufacturers to copy.
    const CHANGES: usize = 500;
    const LOOKS: usize = 200;

    fn manufacturer(number: usize) -> Manufacturer {
        Manufacturer {
            name: ManufacturerName::new(format!("maker-{number}")).unwrap(),
            anchors: Vec::new(),
            voucher_anchors: Vec::new(),
            serial_number_rule: SerialNumberRule::default(),
        }
    }

    #[test]
    fn manufacturers_and_revocation_lists_that_change_together_do_not_undo_one_another() {
        let first = Trust { manufacturers: Vec::new(), revocation: Arc::default() };
        let identities = Identities::new(Arc::new(first), Signatures::Strong);
        thread::scope(|scope| {
            scope.spawn(|| {
                for count in (300..302).cycle().take(CHANGES) {
                    identities.take_in(&(0..count).map(manufacturer).collect::<Vec<_>>());
                    for _ in 0..LOOKS {
                        assert_eq!(identities.trust().manufacturers.len(), count);
                    }
                }
            });
            scope.spawn(|| {
                for revocation in std::iter::repeat_with(Arc::default).take(CHANGES) {
                    identities.replace_revocation(&revocation);
                    for _ in 0..LOOKS {
                        assert!(Arc::ptr_eq(&identities.trust().revocation, &revocation));
                    }
                }
            });
        });
    }
}
