//! Bytes that nobody vouches for, at both ports.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::v4::{Message, MessageType, OptionCode, VendorClass};
use proptest::{collection::vec, prelude::*};

use crate::{
    clients::{self, chooses},
    stage::{CLIENT, Stage},
};

const POLICY: &str = "mode = 'proxy'\n\
    [give]\nboot-file = 'default.efi'\nbootstrap-uris = ['https://sztp.example.net']\n\
    [give.pxe]\nmenu = [{ item = 32768, text = 'Install', boot-file = 'install.efi' }]\n";

/// Something that a client may say, whole.
fn begun() -> impl Strategy<Value = Message> {
    let client = prop_oneof![
        Just(clients::uefi()),
        Just(clients::uefi_http()),
        Just(clients::ipxe()),
        Just(clients::bios()),
        Just(clients::system("udhcp 1.35.0", &[1, 3])),
    ];
    (client, 1..=8_u8, any::<Option<(u16, u16)>>(), any::<bool>()).prop_map(|(client, kind, item, numbered)| {
        let address = if numbered { CLIENT } else { Ipv4Addr::UNSPECIFIED };
        let mut message = chooses(client, address, item);
        message.options.insert(OptionCode::MESSAGE_TYPE, [kind]);
        message
    })
}

proptest! {
    /// NET-07, SEC-20: at most one reply, which decodes and fits (the stage sees to both), and none to who is no firmware but for DHCPINFORM.
    #[test]
    fn net_07_damaged_messages_get_one_reply_at_most_and_strangers_none(
        message in begun(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<Option<prop::sample::Index>>(),
        tail in vec(any::<u8>(), 0..64),
        source in prop_oneof![Just(CLIENT), Just(Ipv4Addr::UNSPECIFIED)],
    ) {
        let mut bytes = message.encode();
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(tail);
        for (place, value) in damage.into_iter().take(bytes.len()) {
            let index = place.index(bytes.len());
            bytes[index] = value;
        }
        let mut stage = Stage::new(POLICY);
        let source = SocketAddrV4::new(source, 68);
        let decoded = Message::decode(&bytes);
        let said = [(67, stage.hears(source, &bytes)), (4011, stage.is_asked(source, &bytes))];
        for (port, said) in said {
            let Some((_, reply)) = said.reply else { continue };
            let asked = decoded.as_ref().unwrap();
            let class = asked.options.value::<VendorClass>().unwrap().map(|class| class.0).unwrap_or_default();
            let firmware = class.starts_with(b"PXEClient") || class.starts_with(b"HTTPClient");
            let inform = port == 67 && asked.options.value() == Ok(Some(MessageType::Inform));
            prop_assert!(firmware || inform, "{port}: {reply:?}");
            prop_assert!(reply.encode().len() <= 1472 && reply.your_address.is_unspecified());
            prop_assert_eq!((reply.transaction, reply.hardware), (asked.transaction, asked.hardware));
        }
    }

    #[test]
    fn net_07_noise_gets_no_reply(bytes in vec(any::<u8>(), 0..700)) {
        let mut stage = Stage::new(POLICY);
        let source = SocketAddrV4::new(CLIENT, 4011);
        prop_assert!(stage.hears(source, &bytes).reply.is_none());
        prop_assert!(stage.is_asked(source, &bytes).reply.is_none());
    }
}
