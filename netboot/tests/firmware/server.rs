//! One server that gives addresses and shows the menu.

use std::net::Ipv4Addr;

use dhcp::v4::MessageType;

use crate::{
    clients,
    stage::{Stage, codes, file, kind, option},
};

const POLICY: &str = "conflict-check = false\n\
    [give]\nboot-file = 'default.efi'\n\
    [give.pxe]\nmenu = [{ item = 32768, text = 'Install', boot-file = 'install.efi' }]\n\
    [[subnet]]\nnetwork = '192.0.2.0/24'\npools = [{ first = '192.0.2.70', last = '192.0.2.70' }]\n";

/// NET-07: an offer with an address and the menu in one (PXE 2.1 §2.2), for firmware alone.
#[test]
fn net_07_a_server_offers_the_menu_with_the_address() {
    let mut stage = Stage::new(POLICY);
    let offer = stage.reply(&clients::uefi());
    assert_eq!((kind(&offer), offer.your_address), (MessageType::Offer, Ipv4Addr::new(192, 0, 2, 70)));
    assert_eq!(codes(&offer), [1, 43, 51, 53, 54, 58, 59, 60, 67, 97]);
    assert_eq!(option(&offer, 60), b"PXEClient");
    let expected = [&b"\x06\x01\x03\x08\x07\x80\0\x01\xc0\0\x02\x02\x09\x0a\x80\0\x07Install"[..], &[255]].concat();
    assert_eq!((option(&offer, 43), file(&offer)), (expected.as_slice(), "default.efi"));

    let offer = stage.reply(&clients::system("udhcp 1.35.0", &[1, 3]));
    assert_eq!((option(&offer, 60), option(&offer, 43)), (&[][..], &[][..]));
    // U-Boot is no PXE firmware: it takes the file.
    let offer = stage.reply(&clients::u_boot());
    assert_eq!((file(&offer), option(&offer, 43)), ("default.efi", &[][..]));
}

/// Without a menu a server's offer has a file and nothing of PXE: no firmware waits for a proxy that is not there.
#[test]
fn net_08_a_plain_server_names_the_file() {
    let plain =
        POLICY.replace("[give.pxe]\nmenu = [{ item = 32768, text = 'Install', boot-file = 'install.efi' }]\n", "");
    let offer = Stage::new(&plain).reply(&clients::uefi());
    assert_eq!(codes(&offer), [1, 51, 53, 54, 58, 59, 67, 97]);
    assert_eq!(file(&offer), "default.efi");
}
