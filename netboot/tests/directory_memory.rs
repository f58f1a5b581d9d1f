//! What 100,000 devices cost in memory. A program of its own: nothing else allocates meanwhile.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use dhcp::v4::MacAddress;
use netboot::{
    client::Client,
    policy::{Directory, Known},
};

/// Resident memory of this process, in octets.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn a_hundred_thousand_devices_fit_into_sixty_mebibytes() {
    const DEVICES: u32 = 100_000;
    let mut directory = Directory::default();
    let (profile, model): (Arc<str>, Arc<str>) = ("bmc".into(), "example-bmc-2".into());
    let before = resident();
    for number in 0..DEVICES {
        let [a, b, c, d] = number.to_be_bytes();
        let macs = [MacAddress([2, 0, a, b, c, d]), MacAddress([2, 1, a, b, c, d])];
        let serial = format!("SN-{number:08}");
        let known = Known::new(&format!("example-maker/{serial}"), &serial);
        let known = known.of_kind(Some(Arc::clone(&profile)), Some(Arc::clone(&model)));
        directory.put(known.at(&macs, Some(u128::from(number).to_be_bytes()), Some(&format!("node-{number}"))));
    }
    let grown = resident().saturating_sub(before);
    println!("{DEVICES} devices with two addresses, a UUID and a name each: {} KiB", grown >> 10);
    assert!(grown < 60 << 20, "{grown} octets");
    let last = Client { mac: Some(MacAddress([2, 1, 0, 1, 0x86, 0x9f])), ..Client::default() };
    assert_eq!(directory.recognise(&last).unwrap().0.name(), "example-maker/SN-00099999");
    // What is put again takes the place of what was there.
    for number in 0..DEVICES {
        let serial = format!("SN-{number:08}");
        directory.put(Known::new(&format!("example-maker/{serial}"), &serial));
    }
    assert_eq!(directory.len(), usize::try_from(DEVICES).unwrap());
    assert!(directory.recognise(&last).is_none());
}
