//! The two parties with keys of their own, each made in one go: a manufacturer with CA and MASA, and an owner.
//!
//! Keys are software keys, made with the operating system's randomness. This is the one place in the crate that draws
//! any: whoever keeps keys elsewhere puts the parts together from [`CertificateAuthority`] and [`Masa`].

use conveyed_info::OwnershipVoucher;
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::{FileKey, KeyError, Signer, random},
    time::Timestamp,
};

use crate::{
    AuthorityError, CertificateAuthority, CertificateSerial, Kind, Masa, MasaError, Profile, Subject, Validity,
    VoucherRequest,
};

/// A manufacturer: a CA that enrols devices and a MASA that issues vouchers, each under a root of its own. Under one
/// root every device could sign vouchers for every other.
#[derive(Debug)]
pub struct ManufacturerParty {
    devices: CertificateAuthority,
    masa: Masa,
}

/// An owner: the certificate that signs conveyed information, and the TLS server's, each under a root of its own. What
/// vouchers pin must not reach to the key of an online server.
#[derive(Debug)]
pub struct OwnerParty {
    /// Signs conveyed information.
    pub key: FileKey,
    /// Its certificate, and the root that vouchers pin.
    pub chain: Vec<Certificate>,
    /// The TLS server's key.
    pub tls_key: FileKey,
    /// The TLS server's certificate, and those above it.
    pub tls_chain: Vec<Certificate>,
}

impl ManufacturerParty {
    /// Makes device CA and MASA, each with its root.
    ///
    /// # Errors
    /// [`PartyError`] when keys cannot be made or do not sign.
    pub fn new(name: &str, now: Timestamp) -> Result<Self, PartyError> {
        let device_root = root(&format!("{name} Device Root CA"), now)?;
        let devices = issuing_ca(&device_root, &format!("{name} Device CA"), now)?;
        let voucher_root = root(&format!("{name} Voucher Root CA"), now)?;
        let key = FileKey::generate_p256()?;
        let signer = issue(&voucher_root, Kind::VoucherSigner, Subject::named(format!("{name} MASA")), &key, now)?;
        let chain = std::iter::once(signer).chain(voucher_root.chain().iter().cloned()).collect();
        Ok(Self { devices, masa: Masa::new(Box::new(key), chain)? })
    }

    /// Makes a device: its key, and its IDevID with the intermediates below the root.
    ///
    /// # Errors
    /// As [`ManufacturerParty::new`].
    pub fn device(
        &self,
        model: &str,
        serial_number: &SerialNumber,
        now: Timestamp,
    ) -> Result<(FileKey, Vec<Certificate>), PartyError> {
        let key = FileKey::generate_p256()?;
        let subject = Subject::device(model, serial_number);
        let idevid = issue(&self.devices, Kind::Idevid, subject, &key, now)?;
        let intermediates = self.devices.chain().split_last().map_or(&[][..], |(_, intermediates)| intermediates);
        Ok((key, std::iter::once(idevid).chain(intermediates.iter().cloned()).collect()))
    }

    /// A voucher that pins `pinned` as the owner of the device, for 90 days.
    ///
    /// # Errors
    /// [`PartyError::Masa`].
    pub fn voucher(
        &self,
        serial_number: &SerialNumber,
        pinned: &Certificate,
        now: Timestamp,
    ) -> Result<OwnershipVoucher, PartyError> {
        let request = VoucherRequest {
            serial_number: serial_number.clone(),
            pinned_domain_cert: pinned.clone(),
            idevid: None,
            validity: Validity::Until(None),
        };
        Ok(self.masa.issue(&request, now)?)
    }

    /// The MASA, for vouchers of other kinds.
    #[must_use]
    pub const fn masa(&self) -> &Masa {
        &self.masa
    }

    /// What its IDevIDs chain to: owners need it.
    #[must_use]
    pub fn device_anchors(&self) -> &[Certificate] {
        self.devices.chain().last().map_or(&[], std::slice::from_ref)
    }

    /// What its vouchers chain to: devices need it.
    #[must_use]
    pub fn voucher_anchors(&self) -> &[Certificate] {
        self.masa.chain().last().map_or(&[], std::slice::from_ref)
    }
}

impl OwnerParty {
    /// Makes an owner whose TLS server is reached by `names` (DNS names and IP addresses); without any, as `localhost`.
    ///
    /// # Errors
    /// [`PartyError`] when keys cannot be made or do not sign, or a name cannot stand in a certificate.
    pub fn new(name: &str, names: &[String], now: Timestamp) -> Result<Self, PartyError> {
        let owner_root = root(&format!("{name} Root CA"), now)?;
        let (key, tls_key) = (FileKey::generate_p256()?, FileKey::generate_p256()?);
        let own = issue(&owner_root, Kind::Owner, Subject::named(format!("{name} owner certificate")), &key, now)?;
        let tls_root = root(&format!("{name} Server Root CA"), now)?;
        let tls_ca = issuing_ca(&tls_root, &format!("{name} Server CA"), now)?;
        let localhost = ["localhost".to_owned()];
        let names = if names.is_empty() { &localhost } else { names };
        let server = Subject::named("bootstrap server").reached_by(names);
        let tls = issue(&tls_ca, Kind::TlsServer, server, &tls_key, now)?;
        Ok(Self {
            key,
            chain: std::iter::once(own).chain(owner_root.chain().iter().cloned()).collect(),
            tls_key,
            tls_chain: std::iter::once(tls).chain(tls_ca.chain().iter().cloned()).collect(),
        })
    }

    /// The certificate that vouchers pin: the owner's root.
    #[must_use]
    pub fn pinned(&self) -> Option<&Certificate> {
        self.chain.last()
    }

    /// What devices validate the TLS server to: the CA that issued its certificate, and the root above it.
    #[must_use]
    pub fn tls_anchor(&self) -> &[Certificate] {
        self.tls_chain.split_first().map_or(&[], |(_, above)| above)
    }
}

fn root(name: &str, now: Timestamp) -> Result<CertificateAuthority, PartyError> {
    Ok(CertificateAuthority::new_root(name, Box::new(FileKey::generate_p256()?), serial()?, now)?)
}

fn issuing_ca(root: &CertificateAuthority, name: &str, now: Timestamp) -> Result<CertificateAuthority, PartyError> {
    Ok(root.new_issuing_ca(name, Box::new(FileKey::generate_p256()?), serial()?, now)?)
}

fn issue(
    ca: &CertificateAuthority,
    kind: Kind,
    subject: Subject,
    key: &FileKey,
    now: Timestamp,
) -> Result<Certificate, PartyError> {
    Ok(ca.issue(&Profile::of(kind), &subject, key.public_key(), serial()?, now)?)
}

fn serial() -> Result<CertificateSerial, KeyError> {
    random().map(CertificateSerial)
}

/// A party could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartyError {
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate could not be issued.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A voucher could not be issued.
    #[error(transparent)]
    Masa(#[from] MasaError),
}
