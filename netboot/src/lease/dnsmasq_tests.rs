use proptest::prelude::*;

use super::*;

const SINCE: Moment = Moment(1_780_000_000);

fn lease(line: &str) -> Lease {
    match read_line(line, SINCE) {
        Ok(Line::Lease(lease)) => lease,
        other => panic!("{line}: {other:?}"),
    }
}

/// As dnsmasq 2.90 wrote it for udhcpc, dhclient and dhclient -6 (see `tests/lease_files`, which makes such a file anew each time).
#[test]
fn a_file_of_dnsmasq_reads_as_what_it_says() {
    let text = "1795328455 02:00:5e:10:00:01 192.0.2.17 bmc-1 01:02:00:5e:10:00:01\n\
                0 02:00:5e:10:00:02 192.0.2.18 * *\n\
                1795328456 06-02:00:5e:10:00:03 192.0.2.19 * ff:01\n\
                duid 00:01:00:01:2c:aa:bb:cc:02:00:5e:10:00:fe\n\
                1795328457 6299649 2001:db8::15a host 00:03:00:01:02:00:5e:10:00:01\n";
    let file = LeaseFile::read(text, SINCE);
    assert_eq!((file.odd.as_slice(), file.leases.len()), (&[][..], 4));
    let [first, second, third, v6] = file.leases.as_slice() else { panic!() };
    assert_eq!(first.client.identifier(), Some(&[1, 2, 0, 0x5e, 0x10, 0, 1][..]));
    assert_eq!(first.mac, Some(MacAddress([2, 0, 0x5e, 0x10, 0, 1])));
    assert_eq!((first.expires, first.host_name.as_deref()), (Moment(1_795_328_455), Some("bmc-1")));
    let mac = MacAddress([2, 0, 0x5e, 0x10, 0, 2]);
    assert_eq!(second.client, ClientKey::v4(None, &dhcp::v4::HardwareAddress::ethernet(mac)));
    assert_eq!((second.expires, &second.host_name, second.mac), (NEVER, &None, Some(mac)));
    assert_eq!((third.client.identifier(), third.mac), (Some(&[0xff, 1][..]), None));
    assert_eq!(v6.client, ClientKey::v6(&[0, 3, 0, 1, 2, 0, 0x5e, 0x10, 0, 1], 6_299_649));
    assert_eq!(file.server_duid.as_ref().map(Vec::len), Some(14));
    // What cannot be told apart here is written as it stands but for the hardware address that is nobody's MAC.
    assert_eq!(file.text(), text.replace("06-02:00:5e:10:00:03", "00-"));
}

#[test]
fn every_odd_line_has_a_number_and_a_reason() {
    let lines = [
        ("soon 02:00:5e:10:00:01 192.0.2.17 * *", OddLine::Ends),
        ("-1 02:00:5e:10:00:01 192.0.2.17 * *", OddLine::Ends),
        ("1 02:00:5e:10:00:01 192.0.2.256 * *", OddLine::Address),
        ("1 02:00:5e:10:00 01 192.0.2.17 * *", OddLine::Words(6)),
        ("1 02:00:5e:10:00:01 192.0.2.17", OddLine::Words(3)),
        ("1 2:0:5e:10:0:1 192.0.2.17 * *", OddLine::Hardware),
        ("1 * 192.0.2.17 * *", OddLine::Hardware),
        ("1 100-02:00 192.0.2.17 * *", OddLine::Hardware),
        ("1 00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10 192.0.2.17 * *", OddLine::Hardware),
        ("1 02:00:5e:10:00:01 192.0.2.17 * xyz", OddLine::Identifier),
        ("1 00- 192.0.2.17 * *", OddLine::Nobody),
        ("1 4294967296 2001:db8::1 * 00:01", OddLine::Association),
        ("1 T1 2001:db8::1 * 00:01", OddLine::Temporary),
        ("1 1 2001:db8::1 * *", OddLine::Nobody),
        ("1 1 2001:db8::1 * 0001", OddLine::Duid),
        ("duid", OddLine::Words(1)),
        ("duid 00:1", OddLine::Duid),
        (&"x".repeat(LONGEST_LINE + 1), OddLine::TooLong),
    ];
    let text: String = lines.iter().flat_map(|(line, _)| [line, "\n\n"]).collect();
    let file = LeaseFile::read(&text, SINCE);
    let expected: Vec<_> = (1..).step_by(2).zip(lines.iter().map(|(_, odd)| *odd)).collect();
    assert_eq!(file.odd, expected);
    let file = LeaseFile::read(&"?\n".repeat(150), SINCE);
    assert_eq!((file.odd.len(), file.more_odd), (LeaseFile::SHOWN, 50));
}

#[test]
fn an_older_lease_of_the_same_client_is_told_from_a_newer_one() {
    let said = lease("2000000000 02:00:5e:10:00:01 192.0.2.17 * *");
    let moved = |since: u64, expires: u64| Lease {
        address: "192.0.2.99".parse().unwrap(),
        since: Moment(since),
        expires: Moment(expires),
        ..said.clone()
    };
    let (since, ends) = (SINCE.0, said.expires.0);
    // Made after the file was written: newer even if it ends sooner, or has ended.
    assert!(is_outdated(&said, &moved(since + 1, ends - 9_999)) && is_outdated(&said, &moved(since + 1, 0)));
    // Made before: whichever runs longer.
    assert!(is_outdated(&said, &moved(since, ends + 1)) && !is_outdated(&said, &moved(since, ends - 1)));
    // Two that never end: the later one, and of two lines of one file the first.
    assert!(is_outdated(&said, &moved(since, ends)) && !is_outdated(&said, &moved(since - 1, ends)));
    // The same once more is no news, and nothing is said of others.
    assert!(!is_outdated(&said, &said) && !is_outdated(&said, &Lease { since: Moment(since + 1), ..said.clone() }));
    let other = Lease { client: ClientKey::of_identifier(b"other"), ..moved(since + 1, ends + 1) };
    assert!(!is_outdated(&said, &other));
}

#[test]
fn what_dnsmasq_has_no_line_for_is_left_out() {
    let good = lease("9 02:00:5e:10:00:01 192.0.2.17 * *");
    let conflict = Lease { client: ClientKey::nobody(), standing: Standing::Conflict, ..good.clone() };
    assert_eq!(line_of(&conflict), Err(NoLine::Conflict));
    let other_family = Lease { client: ClientKey::v6(b"duid", 1), ..good.clone() };
    assert_eq!(line_of(&other_family), Err(NoLine::Client));
    for name in ["", "two words", "*", "a\n0 x", "ü"] {
        let named = Lease { host_name: Some(name.into()), ..good.clone() };
        assert_eq!(line_of(&named).unwrap(), "9 02:00:5e:10:00:01 192.0.2.17 * *\n", "{name:?}");
    }
    // 0 would be never.
    assert!(line_of(&Lease { expires: Moment(0), ..good }).unwrap().starts_with("1 "));
}

fn any_lease() -> impl Strategy<Value = Lease> {
    let name = prop::option::of("[A-Za-z0-9_.-]{1,63}");
    let ends = prop_oneof![Just(NEVER), (1..u64::MAX).prop_map(Moment)];
    let octets = |longest: usize| prop::collection::vec(any::<u8>(), 1..=longest);
    let v4 = prop_oneof![
        any::<[u8; 6]>().prop_map(|mac| (ClientKey::of_hardware(HardwareType::ETHERNET, &mac), Some(MacAddress(mac)))),
        (2..=255_u8, octets(16)).prop_map(|(kind, it)| (ClientKey::of_hardware(HardwareType(kind), &it), None)),
        (octets(255), prop::option::of(any::<[u8; 6]>()))
            .prop_map(|(it, mac)| (ClientKey::of_identifier(&it), mac.map(MacAddress))),
    ];
    let v4 = (any::<[u8; 4]>(), v4).prop_map(|(address, (client, mac))| (IpAddr::from(address), client, mac));
    let v6 = (any::<[u8; 16]>(), octets(128), any::<u32>())
        .prop_map(|(address, duid, association)| (IpAddr::from(address), ClientKey::v6(&duid, association), None));
    (prop_oneof![v4, v6], name, ends).prop_map(|((address, client, mac), name, expires)| Lease {
        address,
        client,
        mac,
        host_name: name.filter(|name| name != "*").map(String::into_boxed_str),
        standing: Standing::Lent,
        since: SINCE,
        expires,
    })
}

proptest! {
    #[test]
    fn what_was_written_reads_as_it_was(
        leases in prop::collection::vec(any_lease(), 0..20),
        server_duid in prop::option::of(prop::collection::vec(any::<u8>(), 1..130)),
    ) {
        let (v4, v6): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.address.is_ipv4());
        let file = LeaseFile { server_duid, leases: [v4, v6].concat(), ..LeaseFile::default() };
        let read = LeaseFile::read(&file.text(), SINCE);
        prop_assert_eq!(&read, &file);
        prop_assert_eq!(read.text(), file.text());
    }

    #[test]
    fn no_text_makes_it_stumble(text in "\\PC*|([0-9a-fT:*. -]{0,40}(duid)?[\n ]){0,9}") {
        let file = LeaseFile::read(&text, SINCE);
        for lease in &file.leases {
            let line = line_of(lease).unwrap();
            prop_assert_eq!(read_line(&line, SINCE), Ok(Line::Lease(Lease {
                host_name: lease.host_name.clone().filter(|name| is_host_name(name)),
                expires: Moment(lease.expires.0.max(1)),
                ..lease.clone()
            })));
        }
    }
}
