//! What an authority does, as events.

use audit_log::Kind;
use pki::revocation::Reason;
use serde_json::{Value, json};

use crate::domain::{
    DeviceId,
    ledger::{CertificateId, Holder, IssuedCertificate, Occasion, hex},
};

/// Something that an authority did. Kinds 32 to 41.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LedgerEvent {
    /// A certificate was issued.
    CertificateIssued {
        /// The certificate.
        issued: Box<IssuedCertificate>,
        /// What for.
        occasion: Occasion,
    },
    /// A certificate was revoked.
    CertificateRevoked {
        /// Which. Whom it speaks for is not said: revocation lists name it when the device is long forgotten (SEC-22).
        certificate: CertificateId,
        /// Why, as revocation lists say it.
        reason: Reason,
        /// Why, in that person's words.
        because: String,
    },
}

impl LedgerEvent {
    /// The number that stands in the leaf.
    pub(super) const fn kind(&self) -> Kind {
        Kind(match self {
            Self::CertificateIssued { .. } => 32,
            Self::CertificateRevoked { .. } => 33,
        })
    }

    /// Its name, as its body has it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::CertificateIssued { .. } => "certificate-issued",
            Self::CertificateRevoked { .. } => "certificate-revoked",
        }
    }

    /// The device on the owner's list that it is about, if it is about one.
    pub(super) const fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::CertificateIssued { issued, .. } => issued.holder.device(),
            Self::CertificateRevoked { .. } => None,
        }
    }

    /// What the leaf commits to, but for what all bodies have.
    pub(super) fn body(&self) -> Value {
        match self {
            Self::CertificateIssued { issued, occasion } => {
                let IssuedCertificate { authority, profile, holder, request, certificate } = issued.as_ref();
                let body = json!({
                    "authority": authority.as_str(),
                    "serial": hex(certificate.certificate_serial()),
                    "certificate": certificate.sha256().to_string(),
                    "profile": profile.as_str(),
                    "key": certificate.public_key().spki_sha256().to_string(),
                    "not-after": certificate.not_after().to_string(),
                    "request": request.map(|request| request.to_string()),
                    "occasion": occasion.as_str(),
                });
                let mut body = about(body, holder);
                match occasion {
                    Occasion::First => {}
                    Occasion::Renewal { of } => body["of"] = json!(hex(of)),
                    Occasion::Another { because } => body["because"] = json!(because),
                }
                body
            }
            Self::CertificateRevoked { certificate, reason, because } => json!({
                "authority": certificate.authority.as_str(),
                "serial": hex(&certificate.serial),
                "reason": reason.as_str(),
                "because": because,
            }),
        }
    }
}

/// Names the holder: a device of the owner's list as all events about it do, another by its serial number.
fn about(mut body: Value, holder: &Holder) -> Value {
    match holder {
        Holder::NoDevice => {}
        Holder::Made(serial_number) => body["made"] = json!(serial_number.as_str()),
        Holder::Owned(device) => {
            body["device"] =
                json!({"manufacturer": device.manufacturer.as_str(), "serial-number": device.serial_number.as_str()});
        }
    }
    body
}
