//! What becomes of a CSR.

use const_oid::db::rfc4519::SERIAL_NUMBER;
use conveyed_info::rpc::{Csr, CsrRequest, CsrSupport, EnrolmentRequest, KeyAlgorithm, Origin};
use pki::{
    digest::{Digest, sha256},
    identity::SerialNumber,
    key::PublicKey,
};
use x509_cert::name::Name;

use super::{Applicant, CsrRefused, KeyWish, MAX_ROUNDS, Wish};

/// What becomes of a CSR.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// A certificate is issued for it.
    Accept(Box<Order>),
    /// The device is asked for another one, for this reason (CSR-14).
    AskAgain(CsrRequest, CsrRefused),
    /// The device gets an error.
    Refuse(CsrRefused),
}

/// A CSR that a certificate is issued for: its maker holds the key, is the device, and made what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    serial_number: SerialNumber,
    key: PublicKey,
    request: Digest,
}

impl Order {
    /// The device.
    #[must_use]
    pub const fn serial_number(&self) -> &SerialNumber {
        &self.serial_number
    }

    /// The key that is to be certified.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// SHA-256 of the CSR as it came. A device that sends the same one again gets the same certificate.
    #[must_use]
    pub const fn request(&self) -> Digest {
        self.request
    }
}

/// What was said before in the same onboarding, as far as anybody remembers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exchange<'a> {
    /// What the device said that it can do.
    pub offered: Option<&'a CsrSupport>,
    /// How many csr-requests it was sent.
    pub rounds: u8,
}

impl Wish {
    /// What becomes of this CSR of the device's.
    #[must_use]
    pub fn judge(&self, csr: &Csr, device: &Applicant<'_>, before: Exchange<'_>) -> Judgement {
        let read = || {
            self.check_link(device)?;
            let request = EnrolmentRequest::read(csr, device.certificate)?;
            check_origin(&request, device)?;
            Ok(request)
        };
        let request = match read() {
            Ok(request) => request,
            Err(refused) => return Judgement::Refuse(refused),
        };
        match self.check_form(&request, device) {
            Ok(()) => Judgement::Accept(Box::new(Order {
                serial_number: device.serial_number.clone(),
                key: request.key().clone(),
                request: sha256(csr.der()),
            })),
            // CSR-14, CSR-29. Whoever has forgotten what the device offers cannot ask it for something else: the device hears
            // why, and begins again.
            Err(unlike) => match before.offered.map(|offered| self.choose(offered, device)) {
                Some(Ok(_)) if before.rounds >= MAX_ROUNDS => Judgement::Refuse(CsrRefused::Rounds),
                Some(Ok(again)) => Judgement::AskAgain(again, unlike),
                Some(Err(refused)) => Judgement::Refuse(refused),
                None => Judgement::Refuse(unlike),
            },
        }
    }

    /// Whether the CSR is what was asked for: what another one of the device's could mend.
    fn check_form(&self, request: &EnrolmentRequest, device: &Applicant<'_>) -> Result<(), CsrRefused> {
        if !self.formats.contains(&request.format()) {
            return Err(CsrRefused::Format);
        }
        // RFC 9646 §4.1.3: a new key is proof that the CSR was made now, and so it must be one.
        let existing = device.certificate.is_some_and(|it| it.public_key() == request.key());
        match self.key {
            KeyWish::New if existing => return Err(CsrRefused::KeyNotNew),
            KeyWish::Existing if !existing => return Err(CsrRefused::KeyNotExisting),
            KeyWish::New | KeyWish::NewIfPossible | KeyWish::Existing => {}
        }
        match KeyAlgorithm::of(request.key()) {
            Some(found) if !self.algorithms.contains(&found) => Err(CsrRefused::Algorithm { found }),
            Some(_) => Ok(()),
            None => Err(CsrRefused::NoAlgorithm),
        }
    }
}

/// RFC 9646 §4.2.2 (CSR-20): that the CSR is this device's.
fn check_origin(request: &EnrolmentRequest, device: &Applicant<'_>) -> Result<(), CsrRefused> {
    if let (Origin::SignedBy(signer), Some(shown)) = (request.origin(), device.certificate)
        && signer.as_ref() != shown
    {
        return Err(CsrRefused::OriginForeign);
    }
    // The certificate will name the device whatever stands here. Whoever writes another serial number meant another device.
    let own = device.certificate.map(|it| serial_numbers(it.subject())).unwrap_or_default();
    let named = serial_numbers(request.subject());
    let known = |name: &String| name == device.serial_number.as_str() || own.contains(name);
    if named.len() > 1 || !named.iter().all(known) { Err(CsrRefused::SerialForeign) } else { Ok(()) }
}

/// The serialNumber attributes of a name, as far as they are text; what is none is as foreign as another number.
fn serial_numbers(name: &Name) -> Vec<String> {
    let attributes = name.iter().filter(|attribute| attribute.oid == SERIAL_NUMBER);
    attributes.map(|it| String::from_utf8_lossy(it.value.value()).into_owned()).collect()
}
