//! What the kernel says of interfaces.

use std::fs;

use dhcp::v4::MacAddress;
use netboot::io::{InterfaceState, InterfaceWatch, Interfaces};

use crate::bench::{CABLE, SECOND_CABLE, inside, interface, ip};

#[test]
fn interfaces_are_known_with_their_addresses() {
    inside!(&[CABLE, SECOND_CABLE].concat(), || async {
        let interfaces = Interfaces::read().unwrap();
        let names: Vec<_> = interfaces.iter().map(|it| it.name.as_str()).filter(|it| !it.starts_with("lo")).collect();
        assert!(names.contains(&"veth0") && names.contains(&"veth2"), "{names:?}");
        let veth0 = interfaces.named("veth0").unwrap();
        assert_eq!(interfaces.numbered(veth0.index), Some(veth0));
        assert_eq!(veth0.mac, Some(MacAddress([2, 0, 0, 0, 0, 2])));
        assert_eq!((veth0.mtu, veth0.state), (1500, InterfaceState::Up));
        let [v4] = veth0.ipv4[..] else { panic!("{veth0:?}") };
        assert_eq!((v4.address, v4.prefix_length), ("192.0.2.1".parse().unwrap(), 24));
        assert!(veth0.ipv6.iter().any(|it| it.contains("2001:db8:2::ffff".parse().unwrap())), "{veth0:?}");
        assert_eq!(veth0.link_local(), Some("fe80::ff:fe00:2".parse().unwrap()));
        assert!(interfaces.named("lo").unwrap().mac.is_none());
    });
}

#[test]
fn every_change_is_told() {
    inside!(CABLE, || async {
        let watch = InterfaceWatch::open().unwrap();
        ip("addr add 198.51.100.1/25 dev veth0");
        watch.changed().await.unwrap();
        assert_eq!(interface("veth0").ipv4.len(), 2);

        ip("-n other link set veth1 down");
        while interface("veth0").state != InterfaceState::NoCarrier {
            watch.changed().await.unwrap();
        }
        ip("link set veth0 down");
        watch.changed().await.unwrap();
        assert_eq!(interface("veth0").state, InterfaceState::Off);
        assert_eq!(interface("veth0").link_local(), None, "the kernel took it away");

        let before = interface("veth0").index;
        ip("link delete veth0");
        watch.changed().await.unwrap();
        assert_eq!(Interfaces::read().unwrap().named("veth0"), None);
        ip("link add veth0 type veth peer name veth1 netns other");
        watch.changed().await.unwrap();
        assert_ne!(interface("veth0").index, before, "another interface of the same name");
    });
}

#[test]
fn an_address_that_is_not_yet_ones_own_is_not_among_them() {
    inside!(CABLE, || async {
        let watch = InterfaceWatch::open().unwrap();
        // Duplicate address detection (RFC 4862 §5.4) takes a second and more.
        fs::write("/proc/sys/net/ipv6/conf/veth0/accept_dad", "1").unwrap();
        ip("addr add 2001:db8:2::5/64 dev veth0");
        let known = || interface("veth0").ipv6.iter().any(|it| it.address.segments()[7] == 5);
        assert!(!known());
        while !known() {
            watch.changed().await.unwrap();
        }
    });
}
