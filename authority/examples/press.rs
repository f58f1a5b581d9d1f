//! How fast vouchers are pressed, against bare signatures of the same key: `cargo run --release -p authority --example press`.

#![allow(clippy::print_stdout, reason = "it is what it is for")]

use std::time::Instant;

use authority::{ManufacturerParty, OwnerParty, Validity, VoucherRequest};
use pki::{
    identity::SerialNumber,
    key::{FileKey, Signer},
    time::Timestamp,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const COUNT: u32 = 20_000;
    let now = Timestamp::from_unix(1_790_000_000);
    let (maker, owner) = (ManufacturerParty::new("Maker", now)?, OwnerParty::new("Owner", &[], now)?);
    let first = VoucherRequest {
        serial_number: SerialNumber::new("SN-0")?,
        pinned_domain_cert: owner.pinned().ok_or("no root")?.clone(),
        idevid: None,
        validity: Validity::Until(None),
    };
    let key = FileKey::generate_p256()?;
    for _ in 0..3 {
        let began = Instant::now();
        for count in 0..COUNT {
            std::hint::black_box(key.sign(&count.to_be_bytes())?);
        }
        let bare = began.elapsed();
        let began = Instant::now();
        let serials = (0..COUNT).filter_map(|count| SerialNumber::new(format!("SN-{count:08}")).ok());
        let made = maker.masa().press(&first, now)?.all(serials).filter(|pressed| pressed.voucher.is_ok()).count();
        let pressed = began.elapsed();
        let one_by_one = Instant::now();
        for _ in 0..1000 {
            std::hint::black_box(maker.masa().issue(&first, now)?);
        }
        let one_by_one = one_by_one.elapsed() * (COUNT / 1000);
        let ratio = |time: std::time::Duration| bare.as_secs_f64() / time.as_secs_f64();
        println!(
            "{made} vouchers: {:.0}/s, {:.2} of bare signatures; one by one {:.2}",
            f64::from(COUNT) / pressed.as_secs_f64(),
            ratio(pressed),
            ratio(one_by_one)
        );
    }
    Ok(())
}
