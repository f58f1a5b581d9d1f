//! What a client is given beside its address.

use dhcp::v6::{BootFileParameters, ClassFraming, MessageType, OptionCode, VendorClass};
use netboot::note::Event;

use crate::world::*;

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn with_uris(rest: &str) -> World {
    World::new(&format!("[give]\n{URIS}{rest}{SUBNET}"))
}

/// DHC-03: the whole answer, octet by octet, written down from RFC 8415 §8, §21 and RFC 8572 §8.2, §8.3.
#[test]
fn dhc_03_an_answer_with_option_136_in_hexadecimal() {
    let mut world = with_uris("");
    let request = asking(from_client(1, MessageType::InformationRequest), &[136, 23]);
    let reply = world.reply(&request);
    let expected = "07010203\
        0001000a00030001020000000001\
        0002000a00030001020000000001\
        0017001020010db8000000000000000000000053\
        00880037001e68747470733a2f2f737a7470312e6578616d706c652e6e65743a38343433\
        001568747470733a2f2f5b323030313a6462383a3a315d";
    assert_eq!(hex(&reply.encode()), expected);
}

#[test]
fn dhc_08_options_go_to_clients_that_ask_and_to_all_where_the_owner_says_so() {
    let codes = |reply: &dhcp::v6::Message| reply.options.iter().map(|(code, _)| code.0).collect::<Vec<_>>();
    let mut world = with_uris("options = [{ code = 103, text = 'https://portal.example/' }]\n");
    for kind in [MessageType::Solicit, MessageType::Request, MessageType::Renew, MessageType::Rebind] {
        let bare = with(1, kind, &[at(0x100)]);
        assert_eq!(codes(&world.reply(&bare)), [1, 2, 3], "{kind}");
        assert_eq!(codes(&world.reply(&asking(bare.clone(), &[136]))), [1, 2, 3, 136], "{kind}");
        assert_eq!(codes(&world.reply(&asking(bare, &[24, 103, 23]))), [1, 2, 3, 23, 24, 103], "{kind}");
    }
    let always = "bootstrap-send = 'always'\noptions = [{ code = 103, text = 'x', send = 'always' }]\n";
    let reply = with_uris(always).reply(&with(1, MessageType::Solicit, &[]));
    assert_eq!(codes(&reply), [1, 2, 3, 103, 136]);
    // These messages are about addresses alone (RFC 8415 §18.3.3, §18.3.7, §18.3.8).
    for kind in [MessageType::Confirm, MessageType::Release, MessageType::Decline] {
        let reply = with_uris(always).reply(&asking(with(1, kind, &[at(0x100)]), &[23, 103, 136]));
        assert!(codes(&reply).iter().all(|code| [1, 2, 3, 13].contains(code)), "{kind}");
    }
}

#[test]
fn dhc_12_option_136_stands_exactly_once_however_often_it_is_asked_for() {
    let mut world = with_uris("bootstrap-send = 'always'\n");
    for kind in [MessageType::Solicit, MessageType::Request, MessageType::Renew, MessageType::Rebind] {
        let reply = world.reply(&asking(with(1, kind, &[at(0x100)]), &[136, 136, 136]));
        assert_eq!(reply.options.all(OptionCode::SZTP_REDIRECT).count(), 1, "{kind}");
    }
}

#[test]
fn rfc_8415_section_21_23_to_25_waiting_times_are_told_to_those_who_ask() {
    let mut world = World::new(&format!("sol-max-rt = 120\ninf-max-rt = 180\n{SUBNET}"));
    let asked = asking(from_client(1, MessageType::InformationRequest), &[32, 82, 83]);
    let reply = world.reply(&asked);
    let value = |code| reply.options.single(OptionCode(code)).unwrap().map(<[u8]>::to_vec);
    assert_eq!(value(82), Some(vec![0, 0, 0, 120]));
    assert_eq!(value(83), Some(vec![0, 0, 0, 180]));
    assert_eq!(value(32), Some(vec![0, 0, 0x0e, 0x10]), "as long as a lease");
    let reply = world.reply(&asking(with(1, MessageType::Solicit, &[]), &[32]));
    assert!(!reply.options.contains(OptionCode::INFORMATION_REFRESH_TIME));
    let short = SUBNET.replace("give = {", "give = { lease-seconds = 60,");
    let reply = World::new(&short).reply(&asked);
    assert_eq!(reply.options.single(OptionCode(32)), Ok(Some(&[0, 0, 2, 88][..])), "no client takes less than 600");
    assert!(!reply.options.contains(OptionCode::SOL_MAX_RT));
}

const BOOT: &str = "boot-file = 'https://[2001:db8::1]/ipxe.efi'\nboot-parameters = ['ro', 'console=ttyS0']\n";

/// NET-09: options 59 and 60, octet by octet, from RFC 5970 §3.1 and §3.2.
#[test]
fn net_09_the_boot_file_in_hexadecimal() {
    let mut world = World::new(&format!("[give]\n{BOOT}{SUBNET}"));
    let reply = world.reply(&asking(from_client(1, MessageType::InformationRequest), &[59, 60]));
    let value = |code| hex(reply.options.single(OptionCode(code)).unwrap().unwrap());
    assert_eq!(value(59), hex(b"https://[2001:db8::1]/ipxe.efi"));
    assert_eq!(value(60), "0002726f000d636f6e736f6c653d7474795330");
    assert_eq!(reply.options.value(), Ok(Some(BootFileParameters(vec!["ro".into(), "console=ttyS0".into()]))));
    let reply = world.reply(&asking(from_client(1, MessageType::InformationRequest), &[23]));
    assert!(!reply.options.contains(OptionCode(59)) && !reply.options.contains(OptionCode(60)));
}

/// NET-10: RFC 5970 §4 lists the messages.
#[test]
fn net_10_boot_options_stand_in_answers_to_five_messages_alone() {
    let forced =
        "options = [{ code = 61, u16 = 7, send = 'always' }, { code = 62, hex = '010300', send = 'always' }]\n";
    for kind in MessageType::ALL.into_iter().filter(|kind| kind.is_from_client()) {
        let mut world = World::new(&format!("[give]\n{BOOT}{forced}{SUBNET}"));
        world.exchange(&with(1, MessageType::Request, &[at(0x100)]));
        let message = match kind {
            MessageType::InformationRequest => from_client(1, kind),
            _ => with(1, kind, &[at(0x100)]),
        };
        let reply = world.reply(&asking(message, &[59, 60, 61, 62]));
        let found: Vec<_> = OptionCode::BOOT.into_iter().filter(|code| reply.options.contains(*code)).collect();
        let may = [
            MessageType::Solicit,
            MessageType::Request,
            MessageType::Renew,
            MessageType::Rebind,
            MessageType::InformationRequest,
        ];
        assert_eq!(found.len(), if may.contains(&kind) { 4 } else { 0 }, "{kind}");
    }
}

/// UEFI 2.10 §24.7: HTTP boot firmware takes a URL only from a server that names its class.
#[test]
fn net_09_http_boot_firmware_gets_its_class_back() {
    let class = "[[class]]\nname = 'http'\nwhen = { vendor-class = ['HTTPClient:*'], architecture = [16] }\n\
                 give = { boot-file = 'https://[2001:db8::1]/ipxe.efi' }\n";
    let mut world = World::new(&format!("{class}{SUBNET}"));
    let mut firmware = asking(with(1, MessageType::Solicit, &[]), &[59, 60]);
    let classes = vec![b"HTTPClient:Arch:00016:UNDI:003000".to_vec()];
    let own = VendorClass { enterprise: 343, classes, framing: ClassFraming::Rfc8415 };
    firmware.options.put(&own).unwrap();
    firmware.options.insert(OptionCode::CLIENT_ARCHITECTURE, [0, 16]).unwrap();
    let reply = world.reply(&firmware);
    assert_eq!(hex(reply.options.single(OptionCode(16)).unwrap().unwrap()), "00000157000a48545450436c69656e74");
    assert_eq!(reply.options.single(OptionCode(59)), Ok(Some(&b"https://[2001:db8::1]/ipxe.efi"[..])));
    // Other firmware gets neither.
    let classes = vec![b"PXEClient:Arch:00007:UNDI:003000".to_vec()];
    firmware.options.put(&VendorClass { classes, ..own }).unwrap();
    let reply = world.reply(&firmware);
    assert!(!reply.options.contains(OptionCode(16)) && !reply.options.contains(OptionCode(59)));
}

#[test]
fn what_no_host_could_take_is_left_out_from_the_end_and_told() {
    let uris: Vec<_> =
        (0..20).map(|number| format!("'https://a-rather-long-name-{number}.{}.example'", "x".repeat(40))).collect();
    let many = format!(
        "[give]\nbootstrap-uris = [{}]\noptions = [{{ code = 103, text = '{}' }}]\n{SUBNET}",
        uris.join(","),
        "y".repeat(900)
    );
    let (reply, events) = World::new(&many).exchange(&asking(with(1, MessageType::Solicit, &[]), &[136, 103, 23]));
    let reply = reply.unwrap();
    assert!(reply.encode().len() <= 1452);
    let list = dhcp::bootstrap_uri::UriList::decode(reply.options.single(OptionCode(136)).unwrap().unwrap()).unwrap();
    let left = list.uris.as_slice().len();
    assert!(left >= 1 && reply.options.contains(OptionCode(103)));
    let Some(Event::Shortened { uris_left_out, options_left_out }) = events.last() else { panic!("{events:?}") };
    assert!(*uris_left_out > 0 && options_left_out.is_empty());
    // Even a single one does not fit beside two such options: what has the highest number goes first, 136 stays.
    let two = many.replace("options = [", &format!("options = [{{ code = 104, text = '{}' }}, ", "z".repeat(900)));
    let (reply, events) = World::new(&two).exchange(&asking(with(1, MessageType::Solicit, &[]), &[136, 103, 104]));
    let reply = reply.unwrap();
    assert!(reply.options.contains(OptionCode(136)) && !reply.options.contains(OptionCode(104)));
    let Some(Event::Shortened { options_left_out, .. }) = events.last() else { panic!("{events:?}") };
    assert_eq!(options_left_out, &[104]);
}

#[test]
fn an_option_request_of_half_a_code_is_malformed() {
    let mut message = with(1, MessageType::Solicit, &[]);
    message.options.insert(OptionCode::OPTION_REQUEST, [0, 136, 0]).unwrap();
    assert_eq!(World::whole().exchange(&message).0, None);
}
