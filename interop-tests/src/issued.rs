//! One certificate of every kind with every key that it may have, for programs to judge.

use std::{collections::BTreeMap, time::SystemTime};

use authority::{
    AlternativeName, AuthorityError, CertificateAuthority, CertificateSerial, Kind, Profile, ProfileSettings, Subject,
};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::{FileKey, KeySpec, Signer, random},
    time::Timestamp,
};

use crate::openssl::{KeyKind, MakeError, Workshop};

/// A CA below a root, and what it issued.
#[derive(Debug)]
pub struct Issued {
    /// The CA.
    pub ca: CertificateAuthority,
    /// The certificates, each with its kind and the kind of its key.
    pub certificates: Vec<(Kind, KeySpec, Certificate)>,
}

/// Now, as the programs that judge see it.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

/// Entropy for a certificate's own serial number.
#[must_use]
pub fn serial() -> CertificateSerial {
    CertificateSerial(random().unwrap_or_default())
}

/// A key of this kind; OpenSSL makes those of RSA, which takes our own code, not optimised, too long.
///
/// # Errors
/// [`MakeError`] when it cannot be made.
pub fn key(workshop: &Workshop, kind: KeySpec) -> Result<FileKey, MakeError> {
    let rsa = match kind {
        KeySpec::Rsa2048 => KeyKind::Rsa2048,
        KeySpec::Rsa3072 => KeyKind::Rsa3072,
        KeySpec::Rsa4096 => KeyKind::Rsa4096,
        other => return Ok(FileKey::generate(other)?),
    };
    workshop.make_key(kind.name(), rsa)?;
    workshop.key(kind.name())
}

/// The profile of a kind, with everything that it can say.
///
/// # Errors
/// [`authority::ProfileError`] when it could not be issued from.
pub fn profile(kind: Kind) -> Result<Profile, authority::ProfileError> {
    let device = matches!(kind, Kind::Idevid | Kind::Ldevid);
    let shards = "http://crl.example.com/{shard}.crl".to_owned();
    let settings = ProfileSettings {
        fixed: [(authority::SubjectAttribute::Organization, "Example".to_owned())].into(),
        hardware_module_type: device.then(|| "1.3.6.1.4.1.32473.7".to_owned()),
        masa_url: (kind == Kind::Idevid).then(|| "masa.example.com".to_owned()),
        crl_url: (kind != Kind::Root).then_some(shards),
        crl_shards: if kind == Kind::Root { None } else { authority::Shards::new(4) },
        ocsp_urls: if kind == Kind::Root { Vec::new() } else { vec!["http://ocsp.example.com".to_owned()] },
        issuer_urls: if kind == Kind::Root { Vec::new() } else { vec!["http://ca.example.com/ca.der".to_owned()] },
        policies: if kind == Kind::Root { Vec::new() } else { vec!["1.3.6.1.4.1.32473.1.1".to_owned()] },
        ..ProfileSettings::default()
    };
    Profile::new(kind, settings)
}

/// Whom a certificate of this kind speaks for.
#[must_use]
pub fn subject(kind: Kind, serial_number: &SerialNumber) -> Subject {
    let names = ["bootstrap.example.com".to_owned(), "192.0.2.1".to_owned()];
    match kind {
        Kind::Idevid | Kind::Ldevid => Subject::device("Model 1", serial_number),
        Kind::TlsServer => Subject::named("bootstrap server").reached_by(&names),
        Kind::Operator => Subject::named("Ops").also(AlternativeName::Mail("ops@example.com".to_owned())),
        other => Subject::named(format!("Example {other}")),
    }
}

impl Issued {
    /// Makes a root and a CA with keys of this kind, and one certificate of each end entity's kind with each key that it may have.
    ///
    /// # Errors
    /// [`AuthorityError`] when one could not be issued.
    ///
    /// # Panics
    /// When keys cannot be made, or a profile cannot.
    #[expect(clippy::expect_used, reason = "whoever calls is a test")]
    pub fn by(workshop: &Workshop, ca_key: KeySpec) -> Result<Self, AuthorityError> {
        let now = now();
        let root_key = Box::new(key(workshop, ca_key).expect("a key"));
        let root_profile = profile(Kind::Root).expect("a profile");
        let root = CertificateAuthority::new_root_of(&root_profile, &Subject::named("Root"), root_key, serial(), now)?;
        let own = key(workshop, ca_key).expect("a key");
        let certificate = root.certify_ca(
            &profile(Kind::IssuingCa).expect("a profile"),
            &Subject::named("Issuing CA"),
            own.public_key(),
            serial(),
            now,
        )?;
        let chain = std::iter::once(certificate).chain(root.chain().iter().cloned()).collect();
        let ca = CertificateAuthority::from_parts(Box::new(own), chain)?;
        let serial_number = SerialNumber::new("SN-0001").expect("a serial number");
        let mut certificates = Vec::new();
        // One key of each kind does for all certificates: to make those of RSA takes seconds.
        let mut keys = BTreeMap::new();
        for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_ca()) {
            let profile = profile(kind).expect("a profile");
            for spec in kind.permitted_keys().iter().copied() {
                let key = keys.entry(spec.name()).or_insert_with(|| key(workshop, spec).expect("a key"));
                let made = ca.issue(&profile, &subject(kind, &serial_number), key.public_key(), serial(), now)?;
                certificates.push((kind, spec, made));
            }
        }
        Ok(Self { ca, certificates })
    }
}
