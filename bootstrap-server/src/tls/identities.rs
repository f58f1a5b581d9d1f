//! Which device a client certificate belongs to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use pki::{
    certificate::Certificate,
    digest::{Digest, Sha256},
    time::Timestamp,
};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use verdict::{ReasonCode, Refusal};

use crate::domain::{
    DeviceId,
    identification::{Doorway, Identified, Trust, identify},
};

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
    doorway: Doorway,
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
    pub(crate) fn new(trust: Arc<Trust>, doorway: Doorway) -> Self {
        Self { doorway, trust: RwLock::new(trust), remembered: Mutex::default(), changed: watch::Sender::new(()) }
    }

    /// Judges by what `change` makes of what is judged by now; when it gives nothing, nothing is forgotten.
    pub(crate) fn change(&self, change: impl FnOnce(&Trust) -> Option<Trust>) {
        let mut trust = self.trust.write().unwrap_or_else(PoisonError::into_inner);
        // Nobody else changes it meanwhile: lists that an operator reloads and manufacturers that come from the store must
        // not undo one another.
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
        let (own, sent) = certificates
            .split_first()
            .ok_or_else(|| Refusal::new(ReasonCode::IdevidMissing, "the certificate list is empty"))?;
        let Identified { device, from, until } = identify(trust, own, sent, self.doorway, now)?;
        Ok(Remembered { identity: Arc::new(DeviceIdentity { device, certificate: own.sha256() }), from, until })
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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::domain::{Manufacturer, ManufacturerName, identification::Revocation};

    /// Long enough to be caught at it: there are many manufacturers to copy.
    const CHANGES: usize = 500;
    const LOOKS: usize = 200;

    fn manufacturer(number: usize) -> Manufacturer {
        Manufacturer::new(ManufacturerName::new(format!("maker-{number}")).unwrap(), Vec::new())
    }

    #[test]
    fn manufacturers_and_revocation_lists_that_change_together_do_not_undo_one_another() {
        let identities = Identities::new(Arc::default(), Doorway::Ordinary);
        thread::scope(|scope| {
            scope.spawn(|| {
                for count in (300..302).cycle().take(CHANGES) {
                    let all = (0..count).map(manufacturer).collect::<Vec<_>>();
                    identities.change(|trust| trust.taking_in(&all));
                    for _ in 0..LOOKS {
                        assert_eq!(identities.trust().manufacturers().len(), count);
                    }
                }
            });
            scope.spawn(|| {
                for revocation in std::iter::repeat_with(Arc::<Revocation>::default).take(CHANGES) {
                    identities.change(|trust| Some(trust.with_files(&revocation)));
                    for _ in 0..LOOKS {
                        assert!(Arc::ptr_eq(identities.trust().files(), &revocation));
                    }
                }
            });
        });
    }
}
