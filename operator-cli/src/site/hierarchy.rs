//! The owner's certificates: three hierarchies that have nothing to do with each other.
//!
//! What vouchers pin must not reach to the key of an online server; and what devices trust must not reach to operators.

use authority::{CertificateAuthority, CertificateSerial, Kind, Profile, Subject};
use pki::{
    certificate::Certificate,
    key::{FileKey, Signer, random},
    time::Timestamp,
};

use super::{CA_KEYS, OPERATOR_CA, SiteError, SiteFile};

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
        let mut files = Vec::new();
        let server = |name: &str| Subject::named(name).reached_by(names);

        let owner_root = root(&mut files, "owner-root", &format!("{organization} Owner Root CA"), now)?;
        let subject = Subject::named(format!("{organization} owner certificate"));
        issue(&mut files, &owner_root, "owner", (Kind::Owner, &subject), now)?;

        // RFC 8572 §6.3: devices trust the CA that issued the server's certificate, not everything below a root.
        let device_root = root(&mut files, "device-listener-root", &format!("{organization} Device Root CA"), now)?;
        let key = ca_key(&mut files, "device-listener-ca")?;
        let name = format!("{organization} Device CA");
        let device_ca = device_root.new_issuing_ca(&name, Box::new(key), serial()?, now)?;
        issue(&mut files, &device_ca, "device-listener", (Kind::TlsServer, &server("bootstrap server")), now)?;
        files.push(SiteFile::public("device-trust-anchor.pem", pem(device_ca.chain())));

        let operator_root =
            root(&mut files, "operator-listener-root", &format!("{organization} Operator Root CA"), now)?;
        issue(&mut files, &operator_root, "operator-listener", (Kind::TlsServer, &server("operator API")), now)?;
        files.push(SiteFile::public(OPERATOR_CA, pem(operator_root.chain())));

        let pinned = owner_root.chain().last().cloned().ok_or(SiteError::NoRoot)?;
        Ok(Self { files, pinned })
    }
}

fn root(files: &mut Vec<SiteFile>, file: &str, name: &str, now: Timestamp) -> Result<CertificateAuthority, SiteError> {
    let key = ca_key(files, file)?;
    let root = CertificateAuthority::new_root(name, Box::new(key), serial()?, now)?;
    files.push(SiteFile::public(&format!("{CA_KEYS}/{file}.pem"), pem(root.chain())));
    Ok(root)
}

/// Makes the key of a certificate authority, which the server never reads.
fn ca_key(files: &mut Vec<SiteFile>, file: &str) -> Result<FileKey, SiteError> {
    let key = FileKey::generate_p256()?;
    files.push(SiteFile::private(&format!("{CA_KEYS}/{file}.key"), key.to_pem().as_bytes()));
    Ok(key)
}

/// Makes a key and a certificate chain for it.
fn issue(
    files: &mut Vec<SiteFile>,
    ca: &CertificateAuthority,
    file: &str,
    (kind, subject): (Kind, &Subject),
    now: Timestamp,
) -> Result<(), SiteError> {
    let key = FileKey::generate_p256()?;
    let own = ca.issue(&Profile::of(kind), subject, key.public_key(), serial()?, now)?;
    let mut chain = vec![own];
    chain.extend_from_slice(ca.chain());
    files.push(SiteFile::private(&format!("{file}.key"), key.to_pem().as_bytes()));
    files.push(SiteFile::public(&format!("{file}.pem"), pem(&chain)));
    Ok(())
}

fn pem(chain: &[Certificate]) -> Vec<u8> {
    chain.iter().map(Certificate::to_pem).collect::<String>().into_bytes()
}

fn serial() -> Result<CertificateSerial, SiteError> {
    Ok(random().map(CertificateSerial)?)
}
