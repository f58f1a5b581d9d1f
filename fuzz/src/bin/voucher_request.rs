//! Voucher requests: what is read can be written, and one that a MASA takes was signed by the registrar it names.
#![no_main]

use authority::Validity;
use conveyed_info::{
    SignedVoucherRequest, Unverified, make,
    profile::InputProfile,
    verify::{RegistrarContext, RegistrarUsage, verify_voucher_request},
    voucher::{Freshness, VoucherRequestDocument},
};
use fuzz::{Seed, world::WORLD};
use pki::{
    revocation::{Demand, Evidence},
    time::Clock,
};

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    let voucher = WORLD.masa.issue(&WORLD.voucher_request(Validity::Until(None)), WORLD.now).expect("a voucher");
    let plain = VoucherRequestDocument::new(WORLD.serial_number.clone(), WORLD.now);
    let nonced = VoucherRequestDocument { freshness: Freshness::Nonce(WORLD.nonce.clone()), ..plain.clone() };
    let renewal = plain.clone().renewing(&voucher);
    let documents = [plain, nonced, renewal];
    let signed = documents.iter().map(|document| {
        let made = make::voucher_request(document, &WORLD.owner_key, &WORLD.owner_chain).expect("a request");
        made.der().to_vec()
    });
    signed.chain(documents.iter().map(VoucherRequestDocument::to_json)).collect()
}

fn check(bytes: &[u8]) {
    for profile in InputProfile::ALL {
        let Ok(lenient) = VoucherRequestDocument::from_json_with(bytes, profile) else { continue };
        let written = lenient.value.to_json();
        assert_eq!(VoucherRequestDocument::from_json(&written).as_ref(), Ok(&lenient.value), "what is read is written");
        assert!(VoucherRequestDocument::is_named_so(bytes), "one reader sees a request, the other none");
    }
    let Ok(request) = SignedVoucherRequest::from_der(bytes) else { return };
    let context = RegistrarContext {
        registrar_anchors: &WORLD.owner_chain[1..],
        device_anchors: std::slice::from_ref(&WORLD.device_root),
        voucher_anchors: std::slice::from_ref(&WORLD.voucher_root),
        clock: Clock::Trusted(WORLD.now),
        profile: InputProfile::Survey,
        usage: RegistrarUsage::Any,
        revocation: Evidence::none(),
        demand: Demand::WhenAvailable,
    };
    let Ok(verified) = verify_voucher_request(Unverified::new(request), &context) else { return };
    // Nobody here has the owner's key, so that whatever is taken says what one of the seeds says.
    assert_eq!(verified.value().document().serial_number, WORLD.serial_number);
    assert_eq!(verified.value().registrar().certificates(), WORLD.owner_chain);
}
