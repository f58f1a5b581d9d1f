//! A folder in which OpenSSL makes keys and certificates and says what it thinks of ours.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
};

use pki::{
    certificate::{Certificate, CertificateError},
    key::{FileKey, KeyError},
};
use tempfile::TempDir;

use crate::peer::{Peer, PeerError};

const CONFIGURATION: &str = "openssl.cnf";

/// Kinds of keys that OpenSSL is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
    /// RSA of 2048 bits for RSASSA-PSS alone, with parameters of any kind.
    RsaPss,
    /// RSA of 2048 bits for RSASSA-PSS alone, with SHA-256 and at least 32 octets of salt.
    RsaPssSha256,
    /// Ed25519.
    Ed25519,
}

impl KeyKind {
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::P256 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            Self::P384 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            Self::P521 => &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            Self::Rsa2048 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            Self::Rsa3072 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
            Self::Rsa4096 => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
            Self::RsaPss => &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
            Self::RsaPssSha256 => &[
                "-algorithm",
                "RSA-PSS",
                "-pkeyopt",
                "rsa_keygen_bits:2048",
                "-pkeyopt",
                "rsa_pss_keygen_md:sha256",
                "-pkeyopt",
                "rsa_pss_keygen_mgf1_md:sha256",
                "-pkeyopt",
                "rsa_pss_keygen_saltlen:32",
            ],
            Self::Ed25519 => &["-algorithm", "ED25519"],
        }
    }
}

/// What a certificate is for; the name of a section in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May issue certificates.
    Ca,
    /// May sign data.
    EndEntity,
    /// May receive content keys, by RSA or by key agreement.
    Recipient,
}

/// The folder. Somebody called `name` has there a key `name.key` (PKCS#8) and a certificate `name.pem`.
#[derive(Debug)]
pub struct Workshop {
    openssl: Peer,
    folder: TempDir,
}

impl Workshop {
    /// An empty folder, and OpenSSL to work in it.
    ///
    /// # Errors
    /// [`PeerError::File`] when the folder cannot be made.
    pub fn new(openssl: Peer) -> Result<Self, PeerError> {
        let folder = tempfile::tempdir().map_err(|source| PeerError::File { path: std::env::temp_dir(), source })?;
        let workshop = Self { openssl, folder };
        let identifiers = "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid:always\n";
        let configuration = format!(
            "[req]\ndistinguished_name = name\n[name]\n\
             [ca]\nbasicConstraints = critical,CA:true\nkeyUsage = critical,keyCertSign,cRLSign\n{identifiers}\
             [end_entity]\nbasicConstraints = critical,CA:false\nkeyUsage = critical,digitalSignature\n{identifiers}\
             [recipient]\nkeyUsage = critical,keyEncipherment,keyAgreement\n{identifiers}"
        );
        workshop.write(CONFIGURATION, configuration.as_bytes())?;
        Ok(workshop)
    }

    /// Runs OpenSSL inside the folder and gives what it writes to standard output.
    ///
    /// # Errors
    /// As [`Peer::run`].
    pub fn openssl(&self, arguments: &[&str]) -> Result<Vec<u8>, PeerError> {
        self.openssl.run(self.folder.path(), arguments)
    }

    /// Where the folder is, for other programs that are to work in it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    ///
    /// # Errors
    /// [`PeerError::File`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PeerError> {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).map_err(|source| PeerError::File { path, source })
    }

    /// Reads a file from the folder.
    ///
    /// # Errors
    /// [`PeerError::File`].
    pub fn read(&self, name: &str) -> Result<Vec<u8>, PeerError> {
        let path = self.folder.path().join(name);
        fs::read(&path).map_err(|source| PeerError::File { path, source })
    }

    /// Makes a key. An RSA key takes a while to make: within one process the workshops share those of the same name.
    ///
    /// # Errors
    /// As [`Workshop::openssl`].
    pub fn make_key(&self, name: &str, kind: KeyKind) -> Result<(), PeerError> {
        static RSA_KEYS: Mutex<BTreeMap<(KeyKind, String), Vec<u8>>> = Mutex::new(BTreeMap::new());
        let file = format!("{name}.key");
        let make = || self.openssl(&[&["genpkey", "-out", &file], kind.arguments()].concat()).map(drop);
        if matches!(kind, KeyKind::P256 | KeyKind::P384 | KeyKind::P521 | KeyKind::Ed25519) {
            return make();
        }
        let mut keys = RSA_KEYS.lock().unwrap_or_else(PoisonError::into_inner);
        let at = (kind, name.to_owned());
        if let Some(key) = keys.get(&at) {
            return self.write(&file, key);
        }
        make()?;
        keys.insert(at, self.read(&file)?);
        Ok(())
    }

    /// Makes a key and a self-signed certificate for it.
    ///
    /// # Errors
    /// As [`Workshop::openssl`].
    pub fn self_sign(&self, name: &str, kind: KeyKind, role: Role) -> Result<(), PeerError> {
        self.make_key(name, kind)?;
        self.certify(name, role, &[])
    }

    /// Makes a key and a certificate for it, issued by `issuer`.
    ///
    /// # Errors
    /// As [`Workshop::openssl`].
    pub fn issue(&self, issuer: &str, name: &str, kind: KeyKind, role: Role) -> Result<(), PeerError> {
        self.make_key(name, kind)?;
        self.certify_key(issuer, name, role)
    }

    /// Makes a certificate, issued by `issuer`, for a key that is there already.
    ///
    /// # Errors
    /// As [`Workshop::openssl`].
    pub fn certify_key(&self, issuer: &str, name: &str, role: Role) -> Result<(), PeerError> {
        let (certificate, key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
        self.certify(name, role, &["-CA", &certificate, "-CAkey", &key])
    }

    fn certify(&self, name: &str, role: Role, issuer: &[&str]) -> Result<(), PeerError> {
        let (subject, key, certificate) = (format!("/CN={name}"), format!("{name}.key"), format!("{name}.pem"));
        let extensions = match role {
            Role::Ca => "ca",
            Role::EndEntity => "end_entity",
            Role::Recipient => "recipient",
        };
        let request = ["req", "-x509", "-new", "-config", CONFIGURATION, "-extensions", extensions, "-days", "30"];
        let names = ["-subj", &subject, "-key", &key, "-out", &certificate];
        self.openssl(&[&request[..], &names, issuer].concat()).map(drop)
    }

    /// The certificate of `name`.
    ///
    /// # Errors
    /// [`MakeError`] when it is not there or our own code cannot read it.
    pub fn certificate(&self, name: &str) -> Result<Certificate, MakeError> {
        Ok(Certificate::chain_from_pem(&self.read(&format!("{name}.pem"))?)?.swap_remove(0))
    }

    /// The private key of `name`.
    ///
    /// # Errors
    /// [`MakeError`] when it is not there or our own code cannot read it.
    pub fn key(&self, name: &str) -> Result<FileKey, MakeError> {
        Ok(FileKey::from_pem(&self.read(&format!("{name}.key"))?)?)
    }
}

/// What OpenSSL made could not be taken over.
#[derive(Debug)]
#[non_exhaustive]
pub enum MakeError {
    /// The file.
    Peer(PeerError),
    /// A certificate that our own code does not read.
    Certificate(CertificateError),
    /// A key that our own code does not read.
    Key(KeyError),
}

impl std::fmt::Display for MakeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Peer(error) => error.fmt(f),
            Self::Certificate(error) => write!(f, "OpenSSL's certificate: {error}"),
            Self::Key(error) => write!(f, "OpenSSL's key: {error}"),
        }
    }
}

impl std::error::Error for MakeError {}

impl From<PeerError> for MakeError {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

impl From<CertificateError> for MakeError {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(error)
    }
}

impl From<KeyError> for MakeError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}
