//! Vouchers by the hundred thousand: each is signed, and nothing else is done twice.

use conveyed_info::{
    OwnershipVoucher,
    make::{MakeError, VoucherTemplate},
    voucher::Voucher,
};
use pki::{certificate::Certificate, identity::SerialNumber, key::Signer};

use super::issue::MasaError;

/// Of how many signatures one is verified. The first always is: a key that is not the certificate's shows there.
const CHECKED: u32 = 256;

/// Makes vouchers that differ in their serial numbers alone. [`crate::Masa::press`] gives one.
pub struct Press<'a> {
    signer: &'a dyn Signer,
    template: VoucherTemplate,
    made: u32,
}

/// What became of one serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Which.
    pub serial_number: SerialNumber,
    /// The voucher, or why there is none. The other serial numbers do not suffer from it.
    pub voucher: Result<OwnershipVoucher, MasaError>,
}

impl<'a> Press<'a> {
    pub(super) fn new(signer: &'a dyn Signer, chain: &[Certificate], voucher: &Voucher) -> Result<Self, MasaError> {
        let template = VoucherTemplate::new(voucher, signer.algorithm(), chain)?;
        Ok(Self { signer, template, made: 0 })
    }

    /// One voucher.
    ///
    /// # Errors
    /// [`MasaError::Make`].
    pub fn press(&mut self, serial_number: &SerialNumber) -> Result<OwnershipVoucher, MasaError> {
        let draft = self.template.draft(serial_number)?;
        let signature =
            self.signer.sign(draft.to_be_signed().octets()).map_err(|error| MakeError::Sign(error.into()))?;
        if self.made.is_multiple_of(CHECKED) {
            let voucher = draft.finish_checked(&signature)?;
            self.made = self.made.wrapping_add(1);
            return Ok(voucher);
        }
        self.made = self.made.wrapping_add(1);
        Ok(draft.finish(&signature)?)
    }

    /// One voucher for each serial number, made when it is asked for.
    pub fn all<I>(mut self, serial_numbers: I) -> impl Iterator<Item = Pressed>
    where
        I: IntoIterator<Item = SerialNumber>,
    {
        serial_numbers.into_iter().map(move |serial_number| {
            let voucher = self.press(&serial_number);
            Pressed { serial_number, voucher }
        })
    }
}

impl std::fmt::Debug for Press<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Press").field("made", &self.made).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use conveyed_info::{
        Unverified,
        profile::InputProfile,
        verify::{HolderContext, verify_voucher_as_holder},
        voucher::Nonce,
    };
    use pki::{
        algorithm::SignatureAlgorithm,
        key::{FileKey, PublicKey, SignError},
        revocation::Evidence,
        time::{Clock, Timestamp},
    };

    use super::*;
    use crate::{ManufacturerParty, Masa, OwnerParty, Validity, VoucherRequest};

    fn now() -> Timestamp {
        Timestamp::from_unix(1_790_000_000)
    }

    fn request(owner: &OwnerParty, validity: Validity) -> VoucherRequest {
        let serial_number = SerialNumber::new("first").unwrap();
        let pinned_domain_cert = owner.pinned().unwrap().clone();
        VoucherRequest { serial_number, pinned_domain_cert, idevid: None, validity }
    }

    #[test]
    fn what_is_pressed_is_what_would_be_issued_one_by_one() {
        let maker = ManufacturerParty::new("Maker", now()).unwrap();
        let owner = OwnerParty::new("Owner", &[], now()).unwrap();
        let first = request(&owner, Validity::Until(None));
        let serial = |index: usize| SerialNumber::new(format!("SN \"{index}\" \\ü")).unwrap();
        let press = maker.masa().press(&first, now()).unwrap();
        let all: Vec<_> = press.all((0..300).map(serial)).collect();
        assert_eq!(all.len(), 300);
        for (index, pressed) in all.into_iter().enumerate() {
            assert_eq!(pressed.serial_number, serial(index));
            let context = HolderContext {
                voucher_anchors: maker.voucher_anchors(),
                serial_number: Some(&pressed.serial_number),
                idevid: None,
                clock: Clock::Trusted(now()),
                decryption: None,
                profile: InputProfile::Strict,
                revocation: Evidence::none(),
            };
            let verified = verify_voucher_as_holder(Unverified::new(pressed.voucher.unwrap()), &context).unwrap();
            let alone = VoucherRequest { serial_number: serial(index), ..first.clone() };
            assert_eq!(*verified.value(), alone.voucher(now()).unwrap());
        }
    }

    #[test]
    fn one_serial_number_that_no_voucher_can_hold_stops_no_other() {
        let maker = ManufacturerParty::new("Maker", now()).unwrap();
        let owner = OwnerParty::new("Owner", &[], now()).unwrap();
        let press = maker.masa().press(&request(&owner, Validity::Unlimited), now()).unwrap();
        let serials = ["SN-1", "SN-\u{fffe}", "SN-3"].map(|it| SerialNumber::new(it).unwrap());
        let good: Vec<_> = press.all(serials).map(|it| it.voucher.is_ok()).collect();
        assert_eq!(good, [true, false, true]);
    }

    #[test]
    fn a_nonce_is_not_for_many() {
        let maker = ManufacturerParty::new("Maker", now()).unwrap();
        let owner = OwnerParty::new("Owner", &[], now()).unwrap();
        let nonced = request(&owner, Validity::Nonce(Nonce::for_request(vec![1; 16]).unwrap()));
        assert_eq!(maker.masa().press(&nonced, now()).unwrap_err(), MasaError::Make(MakeError::Lossy));
    }

    /// Says that it is one key, and signs with another: a mistaken slot of an HSM.
    struct Mistaken(FileKey, FileKey);

    impl Signer for Mistaken {
        fn algorithm(&self) -> SignatureAlgorithm {
            self.0.algorithm()
        }

        fn public_key(&self) -> &PublicKey {
            Signer::public_key(&self.0)
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            self.1.sign(message)
        }
    }

    #[test]
    fn a_key_that_is_not_the_certificates_presses_nothing() {
        let owner = OwnerParty::new("Owner", &[], now()).unwrap();
        let key = FileKey::from_pkcs8_der(owner.key.pkcs8_der()).unwrap();
        let mistaken = Mistaken(key, FileKey::generate_p256().unwrap());
        let masa = Masa::new(Box::new(mistaken), owner.chain.clone()).unwrap();
        let press = masa.press(&request(&owner, Validity::Unlimited), now()).unwrap();
        let serials = (0..300).map(|it| SerialNumber::new(format!("SN-{it}")).unwrap());
        // Each is a first one again.
        assert_eq!(press.all(serials).filter(|it| it.voucher.is_ok()).count(), 0);
    }
}
