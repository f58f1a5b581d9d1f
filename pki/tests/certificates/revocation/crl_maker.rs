//! Revocation lists as no well-meaning library makes them.

use pki::{certificate::Certificate, time::Timestamp};

use super::der::{INTEGER, bits, ecdsa_with_sha256, explicit, seq, subject, tlv, utc_time};
use crate::support::{Issued, now};

/// A revocation list in the making.
pub(crate) struct ListPlan {
    /// The INTEGER's value; `None` leaves it out, which means version 1.
    pub(crate) version: Option<u8>,
    pub(crate) this_update: Timestamp,
    pub(crate) next_update: Option<Timestamp>,
    /// Serial number and extensions of each entry.
    pub(crate) entries: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl ListPlan {
    /// Empty, made an hour ago and good for two.
    pub(crate) fn new() -> Self {
        Self {
            version: Some(1),
            this_update: now().plus_seconds(-3600),
            next_update: Some(now().plus_seconds(3600)),
            entries: Vec::new(),
            extensions: Vec::new(),
        }
    }

    pub(crate) fn naming(certificate: &Certificate) -> Self {
        Self { entries: vec![(certificate.certificate_serial().to_vec(), Vec::new())], ..Self::new() }
    }

    /// Signed by `issuer`.
    pub(crate) fn sign(&self, issuer: &Issued) -> Vec<u8> {
        self.sign_as(issuer, &issuer.certificate)
    }

    /// Signed by `issuer`, under the name of `named`.
    pub(crate) fn sign_as(&self, issuer: &Issued, named: &Certificate) -> Vec<u8> {
        let list = |entries: &[Vec<u8>]| if entries.is_empty() { Vec::new() } else { seq(entries) };
        let entry = |(serial, extensions): &(Vec<u8>, Vec<Vec<u8>>)| {
            seq(&[tlv(INTEGER, serial), utc_time(now().plus_seconds(-7200)), list(extensions)])
        };
        let entries: Vec<_> = self.entries.iter().map(entry).collect();
        let extensions = if self.extensions.is_empty() { Vec::new() } else { explicit(0, &seq(&self.extensions)) };
        let tbs = seq(&[
            self.version.map_or_else(Vec::new, |version| tlv(INTEGER, &[version])),
            ecdsa_with_sha256(),
            subject(named),
            utc_time(self.this_update),
            self.next_update.map_or_else(Vec::new, utc_time),
            list(&entries),
            extensions,
        ]);
        let signature = bits(&issuer.sign(&tbs));
        seq(&[tbs, ecdsa_with_sha256(), signature])
    }
}
