//! Proofs of identity that changed nothing: remembered until something is written anyway, or for a while.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::domain::{DeviceId, Proof};

/// Most devices whose proofs wait; those beyond are not noted, which the next time makes up for.
const WAITING: usize = 65_536;

/// The latest proof of each device that gave one lately.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    waiting: Mutex<HashMap<DeviceId, Proof>>,
}

impl Proofs {
    pub(super) fn note(&self, device: &DeviceId, proof: Proof) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING || waiting.contains_key(device) {
            waiting.insert(device.clone(), proof);
        }
    }

    /// Takes some of them, at most `limit`.
    pub(super) fn take(&self, limit: usize) -> Vec<(DeviceId, Proof)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let some: Vec<_> = waiting.keys().take(limit).cloned().collect();
        some.into_iter().filter_map(|device| waiting.remove_entry(&device)).collect()
    }

    /// Takes back those that could not be written, unless there are newer ones.
    pub(super) fn restore(&self, proofs: Vec<(DeviceId, Proof)>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (device, proof) in proofs {
            waiting.entry(device).or_insert(proof);
        }
    }
}

#[cfg(test)]
mod tests {
    use audit_log::UnixMillis;
    use pki::{digest::Digest, identity::SerialNumber};

    use super::*;
    use crate::domain::ManufacturerName;

    #[test]
    fn the_latest_proof_of_a_device_is_kept() {
        let device = DeviceId {
            manufacturer: ManufacturerName::new("maker").unwrap(),
            serial_number: SerialNumber::new("SN-1").unwrap(),
        };
        let proof = |at| Proof { at: UnixMillis(at), source: [127, 0, 0, 1].into(), certificate: Digest([0; 32]) };
        let proofs = Proofs::default();
        proofs.note(&device, proof(1));
        proofs.note(&device, proof(2));
        let taken = proofs.take(10);
        assert_eq!(taken, [(device.clone(), proof(2))]);
        proofs.note(&device, proof(3));
        proofs.restore(taken);
        assert_eq!(proofs.take(10), [(device, proof(3))]);
        assert!(proofs.take(10).is_empty());
    }
}
