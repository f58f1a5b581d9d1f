//! A certificate that goes on from another (RFC 7030 §4.2.2).

use const_oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME;
use der::Decode;
use pki::{
    certificate::Certificate,
    digest::{Digest, sha256},
    request::CertificationRequest,
    time::Timestamp,
};
use verdict::ReasonCode;
use x509_cert::ext::pkix::SubjectAltName;

use crate::{AuthorityError, CertificateAuthority, CertificateSerial, Profile, Subject};

/// A request to renew a certificate, by whoever holds it, that says the same as it. There is no other way to get one.
#[derive(Clone, Debug)]
pub struct Renewal {
    of: Certificate,
    subject: Subject,
    request: CertificationRequest,
}

impl Renewal {
    /// Judges a request that came over a connection on which `held` was shown, and its key proved. Whether `held` is this
    /// authority's, and still good, is the caller's to say.
    ///
    /// # Errors
    /// [`RenewalRefused`] when the request asks for other names (EST-05).
    pub fn of(held: &Certificate, request: CertificationRequest) -> Result<Self, RenewalRefused> {
        // RFC 7030 §4.2.2: subject and subjectAltName are those of the certificate that is renewed.
        if request.subject() != held.subject() {
            return Err(RenewalRefused::Subject);
        }
        let names = request.extensions().iter().find(|it| it.extn_id == ID_CE_SUBJECT_ALT_NAME);
        let names = names.map(|it| SubjectAltName::from_der(it.extn_value.as_bytes())).transpose();
        if names.map_err(|_| RenewalRefused::Names)? != held.extensions().subject_alt_name {
            return Err(RenewalRefused::Names);
        }
        let subject = Subject::of(held).map_err(|_| RenewalRefused::Names)?;
        Ok(Self { of: held.clone(), subject, request })
    }

    /// The certificate before.
    #[must_use]
    pub const fn before(&self) -> &Certificate {
        &self.of
    }

    /// SHA-256 of the request. One that is sent again gets the same certificate.
    #[must_use]
    pub fn request(&self) -> Digest {
        sha256(self.request.der())
    }

    /// The certificate: subject and names of the one before, for the key of the request, which may be the same; the rest as
    /// `profile`, which is one of LDevIDs, has it today.
    ///
    /// # Errors
    /// As [`CertificateAuthority::issue`].
    pub fn certify(
        &self,
        (ca, profile): (&CertificateAuthority, &Profile),
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Certificate, AuthorityError> {
        // EST-05: what the profile would add to the names by now was not in the request.
        let profile = Profile { hardware_module_type: None, ..profile.clone() };
        ca.issue(&profile, &self.subject, self.request.public_key(), serial, now)
    }
}

/// A request that renews nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalRefused {
    /// Another subject (EST-05).
    #[error("the request's subject is not that of the certificate that is to be renewed")]
    Subject,
    /// Other names (EST-05).
    #[error("the request's subjectAltName is not that of the certificate that is to be renewed")]
    Names,
}

impl RenewalRefused {
    /// The reason code.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Subject | Self::Names => ReasonCode::CsrInvalid,
        }
    }
}
