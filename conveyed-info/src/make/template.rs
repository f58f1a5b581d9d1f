//! Vouchers that differ in their serial numbers alone, as a manufacturer makes them for a delivery.

use pki::{algorithm::SignatureAlgorithm, certificate::Certificate, identity::SerialNumber};

use super::MakeError;
use crate::{
    OwnershipVoucher,
    cms::{ContentType, Frame, SignOptions, ToBeSigned},
    document::json_string,
    voucher::Voucher,
};

/// A voucher with a blank for its serial number. Everything else, pinned certificate and signer's chain above all, is
/// encoded once.
#[derive(Clone, Debug)]
pub struct VoucherTemplate {
    frame: Frame,
    before: Vec<u8>,
    after: Vec<u8>,
}

/// A voucher that lacks its signature.
#[derive(Debug)]
pub struct VoucherDraft<'a> {
    template: &'a VoucherTemplate,
    document: Vec<u8>,
    to_be_signed: ToBeSigned,
}

impl VoucherTemplate {
    /// Makes a template of `voucher`, whose serial number is forgotten. `chain` begins with the signer's certificate.
    ///
    /// # Errors
    /// [`MakeError`] when devices would refuse such vouchers for their form, or [`MakeError::Lossy`] when it holds a nonce:
    /// that is one device's.
    pub fn new(voucher: &Voucher, algorithm: SignatureAlgorithm, chain: &[Certificate]) -> Result<Self, MakeError> {
        let document = voucher.to_json();
        if Voucher::from_json(&document)? != *voucher || voucher.nonce().is_some() {
            return Err(MakeError::Lossy);
        }
        let frame = Frame::new(ContentType::AnimaJsonVoucher, algorithm, chain, SignOptions::default())?;
        // No other member has this name, and no value holds a quotation mark that is not escaped.
        let text = String::from_utf8(document).map_err(|_| MakeError::Lossy)?;
        let member =
            format!(r#""serial-number":{}"#, json_string(voucher.serial_number.as_str()).ok_or(MakeError::Lossy)?);
        let (before, after) = text.split_once(&member).ok_or(MakeError::Lossy)?;
        let before = format!(r#"{before}"serial-number":"#);
        Ok(Self { frame, before: before.into_bytes(), after: after.as_bytes().to_vec() })
    }

    /// The voucher for one device, and what the key must sign ([`VoucherDraft::to_be_signed`]).
    ///
    /// # Errors
    /// [`MakeError::Lossy`] when the serial number holds a character that no YANG string does.
    pub fn draft(&self, serial_number: &SerialNumber) -> Result<VoucherDraft<'_>, MakeError> {
        let serial_number = json_string(serial_number.as_str()).ok_or(MakeError::Lossy)?;
        let document = [&self.before, serial_number.as_bytes(), &self.after].concat();
        let to_be_signed = self.frame.to_be_signed(&document);
        Ok(VoucherDraft { template: self, document, to_be_signed })
    }
}

impl VoucherDraft<'_> {
    /// The octets for [`pki::key::Signer::sign`].
    #[must_use]
    pub const fn to_be_signed(&self) -> &ToBeSigned {
        &self.to_be_signed
    }

    /// The voucher, if the signature verifies: what tells a wrong key from the right one.
    ///
    /// # Errors
    /// [`MakeError`], also when the signature does not verify.
    pub fn finish_checked(self, signature: &[u8]) -> Result<OwnershipVoucher, MakeError> {
        let der = self.template.frame.finish_checked(&self.document, self.to_be_signed, signature)?;
        Ok(OwnershipVoucher::from_der(der)?)
    }

    /// The voucher, its signature not looked at: to verify takes more than twice as long as to sign, and a key that signed
    /// rightly before does not turn into another one.
    ///
    /// # Errors
    /// [`MakeError::Artifact`] when it is too large.
    pub fn finish(self, signature: &[u8]) -> Result<OwnershipVoucher, MakeError> {
        Ok(OwnershipVoucher::from_der(self.template.frame.finish(&self.document, self.to_be_signed, signature))?)
    }
}
