//! Voucher documents: what is read can be written.
#![no_main]

use authority::Validity;
use conveyed_info::{cms::SignedData, voucher::Voucher};
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
    let Ok(voucher) = Voucher::from_json(bytes) else { return };
    let written = voucher.to_json();
    assert_eq!(Voucher::from_json(&written).as_ref(), Ok(&voucher), "{}", String::from_utf8_lossy(&written));
}
