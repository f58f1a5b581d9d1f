//! A certificate authority: one signing key, its certificate, and the chain above it.

use pki::{
    certificate::{Certificate, CertificateError},
    key::{PublicKey, Signer},
    time::Timestamp,
};
use rcgen::Issuer;
use rustls_pki_types::CertificateDer;

use crate::{
    Profile,
    issuer_key::{IssuerKey, subject_key},
};

/// The entropy of a certificate's own serial number: 16 octets that nobody can foresee (RFC 5280 §4.1.2.2 asks for a
/// unique positive number of at most 20 octets).
#[derive(Clone, Copy, Debug)]
pub struct CertificateSerial(pub [u8; 16]);

/// Issues certificates with one key.
pub struct CertificateAuthority {
    signer: Box<dyn Signer>,
    chain: Vec<Certificate>,
}

impl CertificateAuthority {
    /// Makes a new root whose subject is the common name `name`.
    ///
    /// # Errors
    /// [`AuthorityError`] when the key does not sign.
    pub fn new_root(
        name: &str,
        signer: Box<dyn Signer>,
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        let mut params = Profile::Root.params(name, signer.public_key().key_type(), now)?;
        params.serial_number = Some(positive(serial));
        let made = params.self_signed(&IssuerKey(signer.as_ref()))?;
        let chain = vec![Certificate::from_der(made.der())?];
        Ok(Self { signer, chain })
    }

    /// Takes an existing CA: its key, and its certificate followed by those above it.
    ///
    /// # Errors
    /// [`AuthorityError::KeyMismatch`] when the key is not that of the first certificate, [`AuthorityError::NotACa`] when
    /// that certificate may not issue.
    pub fn from_parts(signer: Box<dyn Signer>, chain: Vec<Certificate>) -> Result<Self, AuthorityError> {
        match chain.first() {
            Some(own) if own.public_key() != signer.public_key() => Err(AuthorityError::KeyMismatch),
            Some(own) if !own.extensions().is_ca() => Err(AuthorityError::NotACa),
            Some(_) => Ok(Self { signer, chain }),
            None => Err(AuthorityError::KeyMismatch),
        }
    }

    /// Makes a CA below this one that issues end-entity certificates.
    ///
    /// # Errors
    /// As [`CertificateAuthority::issue`].
    pub fn new_issuing_ca(
        &self,
        name: &str,
        signer: Box<dyn Signer>,
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        // RFC 5280 §4.2.1.9: a CA below one that may have none below it would never validate.
        let limit = self.certificate()?.extensions().basic_constraints.and_then(|(_, limit)| limit);
        if limit == Some(0) {
            return Err(AuthorityError::NoCaBelow);
        }
        let own = self.sign(&Profile::IssuingCa, name, signer.public_key(), serial, now)?;
        let chain = std::iter::once(own).chain(self.chain.iter().cloned()).collect();
        Ok(Self { signer, chain })
    }

    /// Issues an end-entity certificate with the common name `subject` for `key`.
    ///
    /// # Errors
    /// [`AuthorityError::CaProfile`] for a CA's profile, [`AuthorityError`] when the profile's values cannot be encoded or
    /// the key does not sign.
    pub fn issue(
        &self,
        profile: &Profile,
        subject: &str,
        key: &PublicKey,
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Certificate, AuthorityError> {
        if matches!(profile, Profile::Root | Profile::IssuingCa) {
            return Err(AuthorityError::CaProfile);
        }
        self.sign(profile, subject, key, serial, now)
    }

    fn sign(
        &self,
        profile: &Profile,
        subject: &str,
        key: &PublicKey,
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Certificate, AuthorityError> {
        let mut params = profile.params(subject, key.key_type(), now)?;
        params.serial_number = Some(positive(serial));
        let own = self.certificate()?;
        let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(own.der()), IssuerKey(self.signer.as_ref()))?;
        let made = params.signed_by(&subject_key(key)?, &issuer)?;
        Ok(Certificate::from_der(made.der())?)
    }

    /// This CA's certificate, followed by those above it up to the root.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn certificate(&self) -> Result<&Certificate, AuthorityError> {
        self.chain.first().ok_or(AuthorityError::KeyMismatch)
    }
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// RFC 5280 §4.1.2.2: a serial number is positive, so the top bit is cleared and the value is not zero.
fn positive(serial: CertificateSerial) -> rcgen::SerialNumber {
    let mut octets = serial.0;
    octets[0] = (octets[0] & 0x7f) | 0x40;
    rcgen::SerialNumber::from_slice(&octets)
}

/// A certificate could not be issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The certificate could not be encoded, or the key did not sign.
    #[error("the certificate could not be made: {0}")]
    Issue(#[from] rcgen::Error),
    /// What was made cannot be read back: nothing is handed out.
    #[error("the certificate made is not readable: {0}")]
    Certificate(#[from] CertificateError),
    /// Key and certificate do not belong together.
    #[error("the CA's key is not the one in its certificate")]
    KeyMismatch,
    /// The certificate is not a CA's.
    #[error("the certificate is not that of a CA")]
    NotACa,
    /// This CA may issue end-entity certificates only.
    #[error("this CA may have no CA below it")]
    NoCaBelow,
    /// A CA's profile was asked for where end-entity certificates are issued.
    #[error("this profile is a CA's: make one with new_root or new_issuing_ca")]
    CaProfile,
}

#[cfg(test)]
mod tests {
    use pki::{
        identity::SerialNumber,
        key::{FileKey, random},
        path::{self, Policy, Purpose},
        time::Clock,
    };

    use super::*;

    fn serial() -> CertificateSerial {
        CertificateSerial(random().unwrap())
    }

    fn issuing_ca(now: Timestamp) -> CertificateAuthority {
        let key = || Box::new(FileKey::generate_p256().unwrap());
        let root = CertificateAuthority::new_root("Root", key(), serial(), now).unwrap();
        root.new_issuing_ca("Issuing CA", key(), serial(), now).unwrap()
    }

    #[test]
    fn an_idevid_is_what_802_1ar_demands_and_validates() {
        let now = Timestamp::from_unix(1_790_000_000);
        let ca = issuing_ca(now);
        let key = FileKey::generate_p256().unwrap();
        let serial_number = SerialNumber::new("SN-0001").unwrap();
        let profile = Profile::Idevid { serial_number: serial_number.clone() };
        let idevid = ca.issue(&profile, "Model 1", key.public_key(), serial(), now).unwrap();

        assert_eq!(SerialNumber::from_certificate(&idevid).unwrap(), serial_number);
        assert_eq!(idevid.not_after(), Timestamp::INFINITY);
        assert_eq!(idevid.public_key(), key.public_key());
        assert!(idevid.extensions().subject_key_identifier.is_some() && !idevid.extensions().is_ca());
        // ENC-07: artifacts can be encrypted to it.
        let usage = idevid.extensions().key_usage.unwrap();
        assert!(usage.digital_signature && usage.key_agreement && !usage.key_encipherment && !usage.key_cert_sign);
        let policy = Policy::new(Clock::Trusted(now), Purpose::DeviceIdentity);
        let path = path::validate(&idevid, &ca.chain()[..1], &ca.chain()[1..], &policy).unwrap();
        assert_eq!(path.certificates().len(), 3);
    }

    #[test]
    fn a_serial_number_beyond_printable_string_is_kept() {
        let now = Timestamp::from_unix(1_790_000_000);
        let ca = issuing_ca(now);
        let serial_number = SerialNumber::new("SN_1@ü").unwrap();
        let profile = Profile::Idevid { serial_number: serial_number.clone() };
        let key = FileKey::generate_p256().unwrap();
        let idevid = ca.issue(&profile, "Model 1", key.public_key(), serial(), now).unwrap();
        assert_eq!(SerialNumber::from_certificate(&idevid).unwrap(), serial_number);
    }

    #[test]
    fn a_key_that_is_not_the_certificates_is_refused() {
        let ca = issuing_ca(Timestamp::from_unix(1_790_000_000));
        let other = Box::new(FileKey::generate_p256().unwrap());
        assert!(matches!(
            CertificateAuthority::from_parts(other, ca.chain().to_vec()),
            Err(AuthorityError::KeyMismatch)
        ));
    }

    #[test]
    fn no_ca_is_made_by_the_way() {
        let now = Timestamp::from_unix(1_790_000_000);
        let ca = issuing_ca(now);
        let key = FileKey::generate_p256().unwrap();
        for profile in [Profile::Root, Profile::IssuingCa] {
            let refused = ca.issue(&profile, "Sneaky CA", key.public_key(), serial(), now);
            assert!(matches!(refused, Err(AuthorityError::CaProfile)));
        }
        let below = ca.new_issuing_ca("Too deep", Box::new(FileKey::generate_p256().unwrap()), serial(), now);
        assert!(matches!(below, Err(AuthorityError::NoCaBelow)));
        let owner = ca.issue(&Profile::Owner, "Owner", key.public_key(), serial(), now).unwrap();
        assert!(matches!(CertificateAuthority::from_parts(Box::new(key), vec![owner]), Err(AuthorityError::NotACa)));
    }
}
