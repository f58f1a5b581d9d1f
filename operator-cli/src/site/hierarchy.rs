//! The certificates of a site: hierarchies that have nothing to do with each other.
//!
//! What vouchers pin must not reach to the key of an online server; and what devices trust must not reach to operators.

use authority::{CertificateAuthority, CertificateSerial, Kind, Profile, Subject};
use pki::{
    certificate::Certificate,
    key::{FileKey, KeySpec, Passphrase, Signer, Stretching, random},
    time::Timestamp,
};

use super::{CA_KEYS, OPERATOR_CA, SiteError, folder::SiteFile};

/// Everything that was issued, as files.
pub(super) struct Hierarchy {
    pub(super) files: Vec<SiteFile>,
    /// The owner's root, which vouchers pin.
    pub(super) pinned: Certificate,
}

impl Hierarchy {
    /// Makes the owner's root and its signing certificate, the CA of the device listener with its certificate, and that of
    /// the operator listener with its own.
    pub(super) fn make(organization: &str, names: &[String], now: Timestamp) -> Result<Self, SiteError> {
        let mut maker = Maker::new(KeySpec::P256, None, now);
        let server = |name: &str| Subject::named(name).reached_by(names);

        let owner_root = maker.root("owner-root", &format!("{organization} Owner Root CA"))?;
        let subject = Subject::named(format!("{organization} owner certificate"));
        maker.issue(&owner_root, "owner", (Kind::Owner, &subject))?;

        // RFC 8572 §6.3: devices trust the CA that issued the server's certificate, not everything below a root.
        let device_root = maker.root("device-listener-root", &format!("{organization} Device Root CA"))?;
        let key = maker.offline_key("device-listener-ca")?;
        let name = format!("{organization} Device CA");
        let device_ca = device_root.new_issuing_ca(&name, Box::new(key), serial()?, now)?;
        maker.issue(&device_ca, "device-listener", (Kind::TlsServer, &server("bootstrap server")))?;
        maker.files.push(SiteFile::public("device-trust-anchor.pem", pem(device_ca.chain())));

        maker.operator_listener(organization, names)?;
        let pinned = owner_root.chain().last().cloned().ok_or(SiteError::NoRoot)?;
        Ok(Self { files: maker.files, pinned })
    }
}

/// Makes keys and certificates, and puts them into files.
pub(super) struct Maker<'a> {
    pub(super) files: Vec<SiteFile>,
    spec: KeySpec,
    passphrase: Option<&'a Passphrase>,
    now: Timestamp,
}

impl<'a> Maker<'a> {
    /// Whose keys are of this kind, and those of authorities behind this passphrase.
    pub(super) const fn new(spec: KeySpec, passphrase: Option<&'a Passphrase>, now: Timestamp) -> Self {
        Self { files: Vec::new(), spec, passphrase, now }
    }

    /// Makes a root that lives for long, whose key the server never reads.
    pub(super) fn root(&mut self, file: &str, name: &str) -> Result<CertificateAuthority, SiteError> {
        self.root_of(&Profile::of(Kind::Root), file, name)
    }

    /// Makes a root of this profile, whose key the server never reads.
    pub(super) fn root_of(
        &mut self,
        profile: &Profile,
        file: &str,
        name: &str,
    ) -> Result<CertificateAuthority, SiteError> {
        let key = self.offline_key(file)?;
        let subject = Subject::named(name);
        let root = CertificateAuthority::new_root_of(profile, &subject, Box::new(key), serial()?, self.now)?;
        self.files.push(SiteFile::public(&format!("{CA_KEYS}/{file}.pem"), pem(root.chain())));
        Ok(root)
    }

    /// Makes an issuing CA of this profile, whose key the server works with.
    pub(super) fn issuing_ca(
        &mut self,
        root: &CertificateAuthority,
        profile: &Profile,
        file: &str,
        name: &str,
    ) -> Result<CertificateAuthority, SiteError> {
        let key = self.guarded_key(file)?;
        let own = root.certify_ca(profile, &Subject::named(name), Signer::public_key(&key), serial()?, self.now)?;
        let chain: Vec<_> = std::iter::once(own).chain(root.chain().iter().cloned()).collect();
        self.files.push(SiteFile::public(&format!("{file}.pem"), pem(&chain)));
        Ok(CertificateAuthority::from_parts(Box::new(key), chain)?)
    }

    /// Makes the key of a certificate authority, which the server never reads.
    fn offline_key(&mut self, file: &str) -> Result<FileKey, SiteError> {
        self.guarded_key(&format!("{CA_KEYS}/{file}"))
    }

    /// Makes a key behind the passphrase, where there is one.
    fn guarded_key(&mut self, file: &str) -> Result<FileKey, SiteError> {
        let key = FileKey::generate(self.spec)?;
        let pem = match self.passphrase {
            Some(passphrase) => key.to_encrypted_pem(passphrase, Stretching::Scrypt)?.into_bytes(),
            None => key.to_pem().as_bytes().to_vec(),
        };
        self.files.push(SiteFile::private(&format!("{file}.key"), &pem));
        Ok(key)
    }

    /// Makes a key behind the passphrase, and a certificate chain for it.
    pub(super) fn issue_guarded(
        &mut self,
        ca: &CertificateAuthority,
        file: &str,
        whom: (Kind, &Subject),
    ) -> Result<(), SiteError> {
        let key = self.guarded_key(file)?;
        self.certify(ca, file, &key, whom)
    }

    /// Makes a key and a certificate chain for it.
    pub(super) fn issue(
        &mut self,
        ca: &CertificateAuthority,
        file: &str,
        whom: (Kind, &Subject),
    ) -> Result<(), SiteError> {
        let key = FileKey::generate_p256()?;
        self.files.push(SiteFile::private(&format!("{file}.key"), key.to_pem().as_bytes()));
        self.certify(ca, file, &key, whom)
    }

    fn certify(
        &mut self,
        ca: &CertificateAuthority,
        file: &str,
        key: &FileKey,
        (kind, subject): (Kind, &Subject),
    ) -> Result<(), SiteError> {
        let own = ca.issue(&Profile::of(kind), subject, Signer::public_key(key), serial()?, self.now)?;
        let mut chain = vec![own];
        chain.extend_from_slice(ca.chain());
        self.files.push(SiteFile::public(&format!("{file}.pem"), pem(&chain)));
        Ok(())
    }

    /// Makes what the operator listener needs, under a root of its own that operators trust.
    pub(super) fn operator_listener(&mut self, organization: &str, names: &[String]) -> Result<(), SiteError> {
        let root = self.root("operator-listener-root", &format!("{organization} Operator Root CA"))?;
        let subject = Subject::named("operator API").reached_by(names);
        self.issue(&root, "operator-listener", (Kind::TlsServer, &subject))?;
        self.files.push(SiteFile::public(OPERATOR_CA, pem(root.chain())));
        Ok(())
    }
}

pub(super) fn pem(chain: &[Certificate]) -> Vec<u8> {
    chain.iter().map(Certificate::to_pem).collect::<String>().into_bytes()
}

fn serial() -> Result<CertificateSerial, SiteError> {
    Ok(random().map(CertificateSerial)?)
}
