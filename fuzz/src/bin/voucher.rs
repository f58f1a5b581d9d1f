//! Voucher documents: what is read can be written.
#![no_main]

use authority::Validity;
use conveyed_info::{
    cms::SignedData,
    profile::InputProfile,
    voucher::{ForeignForm, Voucher},
};
use fuzz::{Seed, world::WORLD};

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    [Validity::Nonce(WORLD.nonce.clone()), Validity::Until(None), Validity::Unlimited]
        .into_iter()
        .map(|validity| {
            let artifact = WORLD.masa.issue(&WORLD.voucher_request(validity), WORLD.now).expect("a voucher");
            let signed = SignedData::from_der(artifact.der()).expect("what was made");
            signed.unverified_content().expect("a document").to_vec()
        })
        .collect()
}

fn check(bytes: &[u8]) {
    for profile in InputProfile::ALL {
        let Ok(lenient) = Voucher::from_json_with(bytes, profile) else { continue };
        assert!(lenient.leniencies.iter().all(|used| profile.leniencies().contains(used)));
        if lenient.leniencies.is_empty() {
            assert_eq!(Voucher::from_json(bytes), Ok(lenient.value), "a leniency in silence");
        }
    }
    if ForeignForm::detect(bytes).is_some() {
        assert!(SignedData::from_der(bytes).is_err(), "CMS taken for something else");
    }
    let Ok(voucher) = Voucher::from_json(bytes) else { return };
    let written = voucher.to_json();
    assert_eq!(Voucher::from_json(&written).as_ref(), Ok(&voucher), "{}", String::from_utf8_lossy(&written));
}
