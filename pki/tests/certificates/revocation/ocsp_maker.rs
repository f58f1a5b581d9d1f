//! OCSP responses, by hand.

use pki::{certificate::Certificate, digest::sha256, time::Timestamp};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::der::{ENUMERATED, INTEGER, OCTETS, bits, ecdsa_with_sha256, explicit, oid, seq, subject, time, tlv};
use crate::support::{Issued, now};

/// The hash by which a response names a certificate's issuer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NamedBy {
    Sha1,
    Sha256,
}

/// How a response names who signed it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Responder {
    ByName,
    ByKey,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Status {
    Good,
    Revoked { reason: u8 },
    Unknown,
}

/// An OCSP response in the making.
pub(crate) struct ResponsePlan {
    /// OCSPResponseStatus.
    pub(crate) outcome: u8,
    pub(crate) response_type: &'static str,
    pub(crate) named_by: NamedBy,
    pub(crate) responder: Responder,
    pub(crate) this_update: Timestamp,
    pub(crate) next_update: Option<Timestamp>,
    /// Certificates that come along.
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) single_extensions: Vec<Vec<u8>>,
}

impl ResponsePlan {
    /// Made an hour ago and good for two.
    pub(crate) fn new() -> Self {
        Self {
            outcome: 0,
            response_type: "1.3.6.1.5.5.7.48.1.1",
            named_by: NamedBy::Sha1,
            responder: Responder::ByKey,
            this_update: now().plus_seconds(-3600),
            next_update: Some(now().plus_seconds(3600)),
            certificates: Vec::new(),
            extensions: Vec::new(),
            single_extensions: Vec::new(),
        }
    }

    /// As [`ResponsePlan::new`], with the certificate of a delegate.
    pub(crate) fn from_delegate(delegate: &Issued) -> Self {
        Self { certificates: vec![delegate.certificate.der().to_vec()], ..Self::new() }
    }

    /// Signed by `signer`, about certificates that `issuer` issued.
    pub(crate) fn sign(&self, signer: &Issued, issuer: &Certificate, about: &[(&Certificate, Status)]) -> Vec<u8> {
        let responses: Vec<_> =
            about.iter().map(|(certificate, status)| self.single(issuer, certificate, *status)).collect();
        let responder = match self.responder {
            Responder::ByName => explicit(1, &subject(&signer.certificate)),
            Responder::ByKey => explicit(2, &tlv(OCTETS, &sha1(signer.certificate.public_key().subject_public_key()))),
        };
        let data = seq(&[responder, time(now()), seq(&responses), list(1, &self.extensions)]);
        let signature = bits(&signer.sign(&data));
        let basic = seq(&[data, ecdsa_with_sha256(), signature, list(0, &self.certificates)]);
        let bytes = seq(&[oid(self.response_type), tlv(OCTETS, &basic)]);
        seq(&[tlv(ENUMERATED, &[self.outcome]), explicit(0, &bytes)])
    }

    fn single(&self, issuer: &Certificate, certificate: &Certificate, status: Status) -> Vec<u8> {
        let algorithm = match self.named_by {
            NamedBy::Sha1 => "1.3.14.3.2.26",
            NamedBy::Sha256 => "2.16.840.1.101.3.4.2.1",
        };
        let hash = |bytes: &[u8]| match self.named_by {
            NamedBy::Sha1 => sha1(bytes),
            NamedBy::Sha256 => sha256(bytes).0.to_vec(),
        };
        let id = seq(&[
            seq(&[oid(algorithm), vec![0x05, 0x00]]),
            tlv(OCTETS, &hash(&subject(issuer))),
            tlv(OCTETS, &hash(issuer.public_key().subject_public_key())),
            tlv(INTEGER, certificate.certificate_serial()),
        ]);
        let status = match status {
            Status::Good => tlv(0x80, &[]),
            Status::Revoked { reason } => {
                let reason = explicit(0, &tlv(ENUMERATED, &[reason]));
                tlv(0xa1, &[time(now().plus_seconds(-7200)), reason].concat())
            }
            Status::Unknown => tlv(0x82, &[]),
        };
        let next = self.next_update.map_or_else(Vec::new, |next| explicit(0, &time(next)));
        seq(&[id, status, time(self.this_update), next, list(1, &self.single_extensions)])
    }
}

fn list(number: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    if parts.is_empty() { Vec::new() } else { explicit(number, &seq(parts)) }
}

fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}
