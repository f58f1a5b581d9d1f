//! Whether a device gets a certificate of its owner's in the middle of its onboarding (RFC 9646).
//!
//! A device says what it can do ([`CsrSupport`]); [`Wish::choose`] says what it is asked for. It sends a CSR; [`Wish::judge`] says
//! whether that is to be answered with a certificate, asked for again in another form, or refused. Nothing is issued here: what
//! is accepted is an [`Order`], and there is no other way to get one.

mod certify;
mod judge;
mod refused;

pub use judge::{Exchange, Judgement, Order};
pub use refused::CsrRefused;

use conveyed_info::rpc::{CsrFormat, CsrRequest, CsrSupport, KeyAlgorithm};
use pki::{certificate::Certificate, identity::SerialNumber};

/// Most csr-requests that are sent to one device before it has to begin again (CSR-29).
pub const MAX_ROUNDS: u8 = 3;

/// What the owner wants the CSRs of a class of devices to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Algorithms of keys, the best first. Others are not certified.
    pub algorithms: Vec<KeyAlgorithm>,
    /// Forms of CSRs, the best first. Others are not taken.
    pub formats: Vec<CsrFormat>,
    /// Whether the key is a new one.
    pub key: KeyWish,
    /// What a device must have shown.
    pub link: LinkRule,
}

/// Whether the certificate is for a new key (RFC 9646 §4.1.2, §4.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyWish {
    /// For a new one: it doubles as proof that the CSR is fresh.
    #[default]
    New,
    /// For a new one where the device can make one of these algorithms, for that of its IDevID otherwise.
    NewIfPossible,
    /// For that of its IDevID.
    Existing,
}

/// What must say that a CSR is the device's (RFC 9646 §4.2.2; CSR-16, CSR-20).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkRule {
    /// A certificate that the device has shown in TLS.
    #[default]
    Certificate,
    /// Its activation code is enough.
    CodeSuffices,
}

/// The device that asks, as far as the connection has proved who it is.
#[derive(Clone, Copy, Debug)]
pub struct Applicant<'a> {
    /// Its serial number.
    pub serial_number: &'a SerialNumber,
    /// The certificate that it has shown in TLS; `None` when it has none.
    pub certificate: Option<&'a Certificate>,
}

impl Applicant<'_> {
    /// The algorithm of the key that it has.
    fn existing(&self) -> Option<KeyAlgorithm> {
        KeyAlgorithm::of(self.certificate?.public_key())
    }
}

impl Wish {
    /// What this device is asked for, out of what it offers (CSR-07, CSR-08).
    ///
    /// The CSR is to be like the device's IDevID ([`CsrRequest::cert_req_info`] is left out; CSR-10): what the certificate
    /// says is not taken from it.
    ///
    /// # Errors
    /// [`CsrRefused`] when it offers nothing that is wanted, or has not shown who it is.
    pub fn choose(&self, offered: &CsrSupport, device: &Applicant<'_>) -> Result<CsrRequest, CsrRefused> {
        self.check_link(device)?;
        let selected_format = self.formats.iter().copied().find(|it| offered.formats().contains(it));
        let selected_format = selected_format.ok_or(CsrRefused::NoFormat)?;
        let new = |generation: &[KeyAlgorithm]| self.algorithms.iter().find(|it| generation.contains(it)).cloned();
        let selected_algorithm = match (self.key, offered.key_generation()) {
            (KeyWish::New, None) => return Err(CsrRefused::NoKeyGeneration),
            (KeyWish::New, Some(generation)) => Some(new(generation).ok_or(CsrRefused::NoAlgorithm)?),
            (KeyWish::NewIfPossible, Some(generation)) => new(generation),
            // CSR-05: it has no key but the one it has shown.
            (KeyWish::NewIfPossible, None) | (KeyWish::Existing, _) => None,
        };
        if selected_algorithm.is_none() && !device.existing().is_some_and(|it| self.algorithms.contains(&it)) {
            return Err(CsrRefused::NoAlgorithm);
        }
        Ok(CsrRequest { selected_algorithm, selected_format, cert_req_info: None })
    }

    /// RFC 9646 §3.2 (CSR-16): a PKCS#10 request says nothing of its origin, so that the connection must.
    const fn check_link(&self, device: &Applicant<'_>) -> Result<(), CsrRefused> {
        match (self.link, device.certificate) {
            (LinkRule::Certificate, None) => Err(CsrRefused::OriginUnproved),
            (LinkRule::Certificate, Some(_)) | (LinkRule::CodeSuffices, _) => Ok(()),
        }
    }
}
