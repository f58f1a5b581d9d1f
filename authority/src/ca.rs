//! A certificate authority: one signing key, its certificate, and the chain above it.

use der::{AnyRef, Decode, Encode, asn1::Int};
use pki::{
    certificate::{Certificate, CertificateError},
    key::{KeySpec, PublicKey, Signer},
    time::Timestamp,
};
use x509_cert::time::Validity;

use crate::{
    Kind, Profile, Subject,
    extensions::{Plan, key_identifier},
    lint::{Draft, Finding, Findings, Rules},
    tbs::{self, SigningError, Tbs},
};

/// How far before its issue a certificate begins, in seconds: for clocks that lag.
const EARLIER: i64 = 60 * 60;

/// The entropy of a certificate's own serial number: 16 octets that nobody can foresee (RFC 5280 §4.1.2.2 asks for a
/// unique positive number of at most 20 octets).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateSerial(pub [u8; 16]);

impl CertificateSerial {
    /// The serial number as it stands in the certificate: positive, which clears the top bit, and always of 16 octets, which sets
    /// the next.
    #[must_use]
    pub const fn octets(self) -> [u8; 16] {
        let mut octets = self.0;
        octets[0] = (octets[0] & 0x7f) | 0x40;
        octets
    }
}

/// Issues certificates with one key.
pub struct CertificateAuthority {
    signer: Box<dyn Signer>,
    chain: Vec<Certificate>,
    parts: IssuerParts,
}

/// What each certificate says about its issuer, written once.
pub(crate) struct IssuerParts {
    pub(crate) name: Vec<u8>,
    pub(crate) key_id: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
}

impl IssuerParts {
    fn of(own: &Certificate, signer: &dyn Signer) -> Result<Self, AuthorityError> {
        // RFC 5280 §4.2.1.1: the identifier that the issuer's certificate has; one of our making where it has none.
        let key_id = own.extensions().subject_key_identifier.clone();
        Ok(Self {
            name: own.subject().to_der()?,
            key_id: key_id.unwrap_or_else(|| key_identifier(own.public_key())),
            algorithm: tbs::algorithm_der(signer.algorithm())?,
        })
    }
}

/// One certificate in the making.
struct Order<'a> {
    profile: &'a Profile,
    subject: &'a Subject,
    key: &'a PublicKey,
    serial: CertificateSerial,
    now: Timestamp,
}

impl CertificateAuthority {
    /// Makes a new root whose subject is the common name `name`.
    ///
    /// # Errors
    /// As [`CertificateAuthority::new_root_of`].
    pub fn new_root(
        name: &str,
        signer: Box<dyn Signer>,
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        Self::new_root_of(&Profile::of(Kind::Root), &Subject::named(name), signer, serial, now)
    }

    /// Makes a new root of a profile of that kind.
    ///
    /// # Errors
    /// [`AuthorityError::WrongKind`] for another kind, [`AuthorityError::Unfit`] when the certificate would break a rule,
    /// [`AuthorityError`] when the key does not sign.
    pub fn new_root_of(
        profile: &Profile,
        subject: &Subject,
        signer: Box<dyn Signer>,
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        if profile.kind != Kind::Root {
            return Err(AuthorityError::WrongKind(profile.kind));
        }
        let key = signer.public_key().clone();
        let own = Order { profile, subject, key: &key, serial, now }.sign(signer.as_ref(), None)?;
        Self::from_parts(signer, vec![own])
    }

    /// Takes an existing CA: its key, and its certificate followed by those above it.
    ///
    /// # Errors
    /// [`AuthorityError::KeyMismatch`] when the key is not that of the first certificate, [`AuthorityError::NotACa`] when
    /// that certificate may not issue.
    pub fn from_parts(signer: Box<dyn Signer>, chain: Vec<Certificate>) -> Result<Self, AuthorityError> {
        let own = chain.first().ok_or(AuthorityError::KeyMismatch)?;
        if own.public_key() != signer.public_key() {
            return Err(AuthorityError::KeyMismatch);
        }
        // RFC 5280 §4.2.1.3, §4.2.1.9.
        let may_sign = own.extensions().key_usage.is_none_or(|usage| usage.key_cert_sign);
        if !own.extensions().is_ca() || !may_sign {
            return Err(AuthorityError::NotACa);
        }
        let parts = IssuerParts::of(own, signer.as_ref())?;
        Ok(Self { signer, chain, parts })
    }

    /// Makes a CA below this one that issues end-entity certificates.
    ///
    /// # Errors
    /// As [`CertificateAuthority::certify_ca`].
    pub fn new_issuing_ca(
        &self,
        name: &str,
        signer: Box<dyn Signer>,
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        let profile = Profile::of(Kind::IssuingCa);
        let own = self.certify_ca(&profile, &Subject::named(name), signer.public_key(), serial, now)?;
        let chain = std::iter::once(own).chain(self.chain.iter().cloned()).collect();
        Self::from_parts(signer, chain)
    }

    /// Issues the certificate of a CA below this one, whose key may be anywhere.
    ///
    /// # Errors
    /// [`AuthorityError::WrongKind`] when the profile is not an issuing CA's, [`AuthorityError::NoCaBelow`] when there may be none,
    /// otherwise as [`CertificateAuthority::issue`].
    pub fn certify_ca(
        &self,
        profile: &Profile,
        subject: &Subject,
        key: &PublicKey,
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Certificate, AuthorityError> {
        if profile.kind != Kind::IssuingCa {
            return Err(AuthorityError::WrongKind(profile.kind));
        }
        // RFC 5280 §4.2.1.9: a CA below one that may have none below it would never validate.
        let limit = self.certificate()?.extensions().basic_constraints.and_then(|(_, limit)| limit);
        if limit == Some(0) {
            return Err(AuthorityError::NoCaBelow);
        }
        self.sign(&Order { profile, subject, key, serial, now })
    }

    /// Issues an end-entity certificate for `key`.
    ///
    /// It begins an hour before `now`, or when this CA's certificate does, and ends with the profile's lifetime, or when this CA's
    /// certificate does: only an IDevID without expiration outlives the CA (IEEE 802.1AR §8.7).
    ///
    /// # Errors
    /// [`AuthorityError::WrongKind`] for a CA's profile, [`AuthorityError::NotValidNow`] when this CA's own certificate has ended,
    /// [`AuthorityError::Unfit`] when the certificate would break a rule of its profile or of RFC 5280, [`AuthorityError`] when the
    /// key does not sign.
    pub fn issue(
        &self,
        profile: &Profile,
        subject: &Subject,
        key: &PublicKey,
        serial: CertificateSerial,
        now: Timestamp,
    ) -> Result<Certificate, AuthorityError> {
        if profile.kind.is_ca() {
            return Err(AuthorityError::WrongKind(profile.kind));
        }
        self.sign(&Order { profile, subject, key, serial, now })
    }

    fn sign(&self, order: &Order<'_>) -> Result<Certificate, AuthorityError> {
        order.sign(self.signer.as_ref(), Some((self.certificate()?, &self.parts)))
    }

    /// This CA's certificate, followed by those above it up to the root.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The key with which it signs certificates, lists and responses.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }

    /// What it says about itself in whatever it issues.
    pub(crate) const fn issuer_parts(&self) -> &IssuerParts {
        &self.parts
    }

    /// This CA's own certificate.
    ///
    /// # Errors
    /// [`AuthorityError::KeyMismatch`] when there is none, which no way of making a CA allows.
    pub fn certificate(&self) -> Result<&Certificate, AuthorityError> {
        self.chain.first().ok_or(AuthorityError::KeyMismatch)
    }
}

impl Order<'_> {
    /// Writes the certificate, has it looked at, has it signed, reads it.
    fn sign(
        &self,
        signer: &dyn Signer,
        issuer: Option<(&Certificate, &IssuerParts)>,
    ) -> Result<Certificate, AuthorityError> {
        let Self { profile, key, serial, now, .. } = *self;
        let key_kind = KeySpec::of(key).ok_or_else(|| Findings::from(Finding::KeyKind(None)))?;
        let subject = self.subject.complemented(&profile.fixed);
        let name = subject.name_der()?;
        let validity = self.validity(issuer.map(|(certificate, _)| certificate))?;
        let serial = serial.octets();
        let plan = Plan {
            profile,
            subject: &subject,
            key,
            key_kind,
            issuer_key_id: issuer.map(|(_, parts)| parts.key_id.as_slice()),
            serial: &serial,
        };
        let own_algorithm = tbs::algorithm_der(signer.algorithm())?;
        let algorithm = issuer.map_or(&own_algorithm, |(_, parts)| &parts.algorithm);
        let tbs = Tbs {
            version: 2,
            serial: Int::new(&serial)?,
            algorithm: AnyRef::from_der(algorithm)?,
            issuer: AnyRef::from_der(issuer.map_or(&name, |(_, parts)| &parts.name))?,
            validity,
            subject: AnyRef::from_der(&name)?,
            key: AnyRef::from_der(key.spki_der())?,
            extensions: plan.extensions()?,
        };
        let rules =
            Rules { profile, issuer: issuer.map(|(certificate, _)| certificate), algorithm: signer.algorithm(), now };
        let fit = Draft(tbs.to_der()?).examine(rules)?;
        Ok(Certificate::from_der(&fit.sign(signer)?)?)
    }

    fn validity(&self, issuer: Option<&Certificate>) -> Result<Validity, AuthorityError> {
        let (mut begins, mut ends) = (self.now.plus_seconds(-EARLIER), self.profile.lifetime.end(self.now));
        if let Some(issuer) = issuer {
            if self.now < issuer.not_before() || self.now > issuer.not_after() {
                return Err(AuthorityError::NotValidNow { from: issuer.not_before(), until: issuer.not_after() });
            }
            begins = begins.max(issuer.not_before());
            if self.profile.kind != Kind::Idevid || ends != Timestamp::INFINITY {
                ends = ends.min(issuer.not_after());
            }
        }
        Ok(Validity::new(tbs::time(begins)?, tbs::time(ends)?))
    }
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// A certificate could not be issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// It would break rules; nothing was signed.
    #[error("the certificate would not be what it must be: {0}")]
    Unfit(#[from] Findings),
    /// A name, URL or date cannot be written in the form that certificates have.
    #[error("the certificate cannot be written: {0}")]
    Der(#[from] der::Error),
    /// The key did not sign.
    #[error("the certificate could not be signed: {0}")]
    Signing(#[from] SigningError),
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
    /// The CA's own certificate is not valid at the moment of issue: what it issued would not be either.
    #[error("the CA's own certificate is valid from {from} until {until}: renew the CA before it issues again")]
    NotValidNow {
        /// First moment.
        from: Timestamp,
        /// Last moment.
        until: Timestamp,
    },
    /// Roots, issuing CAs and end-entity certificates are made by functions of their own, so that no CA is made by the way.
    #[error("a profile for use as {0} is not issued this way")]
    WrongKind(Kind),
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
    use crate::{Lifetime, ProfileSettings};

    fn serial() -> CertificateSerial {
        CertificateSerial(random().unwrap())
    }

    fn now() -> Timestamp {
        Timestamp::from_unix(1_790_000_000)
    }

    fn issuing_ca() -> CertificateAuthority {
        let key = || Box::new(FileKey::generate_p256().unwrap());
        let root = CertificateAuthority::new_root("Root", key(), serial(), now()).unwrap();
        root.new_issuing_ca("Issuing CA", key(), serial(), now()).unwrap()
    }

    #[test]
    fn an_idevid_is_what_802_1ar_demands_and_validates() {
        let ca = issuing_ca();
        let key = FileKey::generate_p256().unwrap();
        let serial_number = SerialNumber::new("SN-0001").unwrap();
        let subject = Subject::device("Model 1", &serial_number);
        let idevid = ca.issue(&Profile::of(Kind::Idevid), &subject, key.public_key(), serial(), now()).unwrap();

        assert_eq!(SerialNumber::from_certificate(&idevid).unwrap(), serial_number);
        // DEV-11.
        assert_eq!(idevid.not_after(), Timestamp::INFINITY);
        assert_eq!(idevid.public_key(), key.public_key());
        assert!(idevid.extensions().subject_key_identifier.is_some() && !idevid.extensions().is_ca());
        // ENC-07: artifacts can be encrypted to it.
        let usage = idevid.extensions().key_usage.unwrap();
        assert!(usage.digital_signature && usage.key_agreement && !usage.key_encipherment && !usage.key_cert_sign);
        let policy = Policy::new(Clock::Trusted(now()), Purpose::DeviceIdentity);
        let path = path::validate(&idevid, &ca.chain()[..1], &ca.chain()[1..], &policy).unwrap();
        assert_eq!(path.certificates().len(), 3);
    }

    #[test]
    fn a_serial_number_beyond_printable_string_is_kept() {
        let ca = issuing_ca();
        let serial_number = SerialNumber::new("SN_1@ü").unwrap();
        let subject = Subject::device("Model 1", &serial_number);
        let key = FileKey::generate_p256().unwrap();
        let idevid = ca.issue(&Profile::of(Kind::Idevid), &subject, key.public_key(), serial(), now()).unwrap();
        assert_eq!(SerialNumber::from_certificate(&idevid).unwrap(), serial_number);
    }

    #[test]
    fn a_key_that_is_not_the_certificates_is_refused() {
        let ca = issuing_ca();
        let other = Box::new(FileKey::generate_p256().unwrap());
        assert!(matches!(
            CertificateAuthority::from_parts(other, ca.chain().to_vec()),
            Err(AuthorityError::KeyMismatch)
        ));
    }

    #[test]
    fn no_ca_is_made_by_the_way() {
        let ca = issuing_ca();
        let key = FileKey::generate_p256().unwrap();
        for kind in [Kind::Root, Kind::IssuingCa] {
            let refused = ca.issue(&Profile::of(kind), &Subject::named("Sneaky CA"), key.public_key(), serial(), now());
            assert!(matches!(refused, Err(AuthorityError::WrongKind(it)) if it == kind));
        }
        let below = ca.new_issuing_ca("Too deep", Box::new(FileKey::generate_p256().unwrap()), serial(), now());
        assert!(matches!(below, Err(AuthorityError::NoCaBelow)));
        let owner =
            ca.issue(&Profile::of(Kind::Owner), &Subject::named("Owner"), key.public_key(), serial(), now()).unwrap();
        assert!(matches!(CertificateAuthority::from_parts(Box::new(key), vec![owner]), Err(AuthorityError::NotACa)));
    }

    #[test]
    fn nothing_but_an_idevid_outlives_its_ca() {
        let ca = issuing_ca();
        let key = FileKey::generate_p256().unwrap();
        let late = now().plus_seconds(9 * 365 * 86_400);
        let settings = ProfileSettings { days: Some(Lifetime::Days(5 * 365)), ..ProfileSettings::default() };
        let signer = Profile::new(Kind::VoucherSigner, settings).unwrap();
        let made = ca.issue(&signer, &Subject::named("MASA"), key.public_key(), serial(), late).unwrap();
        assert_eq!(made.not_after(), ca.certificate().unwrap().not_after());
        let later = now().plus_seconds(11 * 365 * 86_400);
        let refused = ca.issue(&signer, &Subject::named("MASA"), key.public_key(), serial(), later);
        assert!(matches!(refused, Err(AuthorityError::NotValidNow { .. })));
    }

    #[test]
    fn each_kind_can_be_issued_with_each_key_that_it_permits() {
        // RSA keys are made elsewhere: with OpenSSL in interop-tests.
        let ca = issuing_ca();
        for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_ca()) {
            let keys = [
                FileKey::generate_p256(),
                FileKey::generate_p384(),
                FileKey::generate_ed25519(),
                FileKey::generate_p521(),
            ];
            for key in keys.map(Result::unwrap) {
                let subject = match kind {
                    Kind::TlsServer => Subject::unnamed().reached_by(&["a.example".to_owned(), "192.0.2.1".to_owned()]),
                    _ => Subject::device("Model 1", &SerialNumber::new("SN-1").unwrap()),
                };
                let made = ca.issue(&Profile::of(kind), &subject, key.public_key(), serial(), now());
                let permitted = KeySpec::of(key.public_key()).is_some_and(|it| kind.permitted_keys().contains(&it));
                match made {
                    Ok(made) => {
                        assert!(permitted);
                        made.verify_signature(ca.signer().public_key()).unwrap();
                    }
                    Err(AuthorityError::Unfit(findings)) => {
                        assert!(!permitted, "{kind}: {findings}");
                        assert!(matches!(findings.first(), Finding::KeyKind(_)), "{kind}: {findings}");
                    }
                    Err(other) => panic!("{kind}: {other}"),
                }
            }
        }
    }
}
