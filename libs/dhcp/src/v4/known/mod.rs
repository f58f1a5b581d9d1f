//! Names and shapes of DHCPv4 options (RFC 2132 and others), for configurations and for people.
//!
//! ```
//! use dhcp::v4::known;
//!
//! let root = known::named("root-path").ok_or("no such option")?;
//! assert_eq!(root.code.number(), 17);
//! assert_eq!(root.shape.parse("nfs.example.net:/srv")?, b"nfs.example.net:/srv");
//! assert_eq!(known::describe(root.code, b"nfs.example.net:/srv"), r#""nfs.example.net:/srv""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod describe;

use super::OptionCode;
use crate::shape::Shape;

pub use describe::describe;

/// An option that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Known {
    /// Its number.
    pub code: OptionCode,
    /// Its name: lower case, with hyphens.
    pub name: &'static str,
    /// What its value looks like.
    pub shape: Shape,
}

/// The option with this number.
#[must_use]
pub fn of(code: OptionCode) -> Option<&'static Known> {
    ALL.binary_search_by_key(&code, |known| known.code).ok().and_then(|index| ALL.get(index))
}

/// The option with this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Known> {
    ALL.iter().find(|known| known.name == name)
}

/// The option that a configuration means: by name or by number, known here or not.
#[must_use]
pub fn code(text: &str) -> Option<OptionCode> {
    match named(text) {
        Some(known) => Some(known.code),
        None => text.parse().ok().and_then(OptionCode::new),
    }
}

/// What an option's value looks like: bytes where nothing is known.
#[must_use]
pub fn shape(code: OptionCode) -> Shape {
    of(code).map_or(Shape::Octets, |known| known.shape)
}

const fn entry(code: u8, name: &'static str, shape: Shape) -> Known {
    Known { code: OptionCode::tabled(code), name, shape }
}

/// Every option that has a name here, by number.
pub const ALL: &[Known] = &[
    entry(1, "subnet-mask", Shape::Ipv4),
    entry(2, "time-offset", Shape::I32),
    entry(3, "routers", Shape::Ipv4s),
    entry(4, "time-servers", Shape::Ipv4s),
    entry(5, "name-servers", Shape::Ipv4s),
    entry(6, "domain-name-servers", Shape::Ipv4s),
    entry(7, "log-servers", Shape::Ipv4s),
    entry(8, "cookie-servers", Shape::Ipv4s),
    entry(9, "lpr-servers", Shape::Ipv4s),
    entry(10, "impress-servers", Shape::Ipv4s),
    entry(11, "resource-location-servers", Shape::Ipv4s),
    entry(12, "host-name", Shape::Text),
    entry(13, "boot-size", Shape::U16),
    entry(14, "merit-dump", Shape::Text),
    entry(15, "domain-name", Shape::Text),
    entry(16, "swap-server", Shape::Ipv4),
    entry(17, "root-path", Shape::Text),
    entry(18, "extensions-path", Shape::Text),
    entry(19, "ip-forwarding", Shape::Boolean),
    entry(20, "non-local-source-routing", Shape::Boolean),
    entry(21, "policy-filter", Shape::Ipv4s),
    entry(22, "max-dgram-reassembly", Shape::U16),
    entry(23, "default-ip-ttl", Shape::U8),
    entry(24, "path-mtu-aging-timeout", Shape::U32),
    entry(25, "path-mtu-plateau-table", Shape::U16s),
    entry(26, "interface-mtu", Shape::U16),
    entry(27, "all-subnets-local", Shape::Boolean),
    entry(28, "broadcast-address", Shape::Ipv4),
    entry(29, "perform-mask-discovery", Shape::Boolean),
    entry(30, "mask-supplier", Shape::Boolean),
    entry(31, "router-discovery", Shape::Boolean),
    entry(32, "router-solicitation-address", Shape::Ipv4),
    entry(33, "static-routes", Shape::Ipv4s),
    entry(34, "trailer-encapsulation", Shape::Boolean),
    entry(35, "arp-cache-timeout", Shape::U32),
    entry(36, "ieee802-3-encapsulation", Shape::Boolean),
    entry(37, "default-tcp-ttl", Shape::U8),
    entry(38, "tcp-keepalive-interval", Shape::U32),
    entry(39, "tcp-keepalive-garbage", Shape::Boolean),
    entry(40, "nis-domain", Shape::Text),
    entry(41, "nis-servers", Shape::Ipv4s),
    entry(42, "ntp-servers", Shape::Ipv4s),
    entry(43, "vendor-encapsulated-options", Shape::Octets),
    entry(44, "netbios-name-servers", Shape::Ipv4s),
    entry(45, "netbios-dd-server", Shape::Ipv4s),
    entry(46, "netbios-node-type", Shape::U8),
    entry(47, "netbios-scope", Shape::Text),
    entry(48, "font-servers", Shape::Ipv4s),
    entry(49, "x-display-manager", Shape::Ipv4s),
    entry(50, "dhcp-requested-address", Shape::Ipv4),
    entry(51, "dhcp-lease-time", Shape::U32),
    entry(53, "dhcp-message-type", Shape::U8),
    entry(54, "dhcp-server-identifier", Shape::Ipv4),
    entry(55, "dhcp-parameter-request-list", Shape::U8s),
    entry(56, "dhcp-message", Shape::Text),
    entry(57, "dhcp-max-message-size", Shape::U16),
    entry(58, "dhcp-renewal-time", Shape::U32),
    entry(59, "dhcp-rebinding-time", Shape::U32),
    entry(60, "vendor-class-identifier", Shape::Text),
    entry(61, "dhcp-client-identifier", Shape::Octets),
    entry(64, "nisplus-domain-name", Shape::Text),
    entry(65, "nisplus-servers", Shape::Ipv4s),
    entry(66, "tftp-server-name", Shape::Text),
    entry(67, "boot-file-name", Shape::Text),
    entry(68, "mobile-ip-home-agent", Shape::Ipv4s),
    entry(69, "smtp-server", Shape::Ipv4s),
    entry(70, "pop-server", Shape::Ipv4s),
    entry(71, "nntp-server", Shape::Ipv4s),
    entry(72, "www-server", Shape::Ipv4s),
    entry(73, "finger-server", Shape::Ipv4s),
    entry(74, "irc-server", Shape::Ipv4s),
    entry(75, "streettalk-server", Shape::Ipv4s),
    entry(76, "streettalk-directory-assistance-server", Shape::Ipv4s),
    entry(77, "user-class", Shape::Octets),
    entry(80, "rapid-commit", Shape::Flag),
    entry(81, "fqdn", Shape::Octets),
    entry(82, "dhcp-agent-options", Shape::Octets),
    entry(93, "client-system", Shape::U16s),
    entry(94, "client-ndi", Shape::Octets),
    entry(97, "uuid-guid", Shape::Octets),
    entry(100, "pcode", Shape::Text),
    entry(101, "tcode", Shape::Text),
    entry(108, "v6-only-preferred", Shape::U32),
    entry(114, "v4-captive-portal", Shape::Text),
    entry(116, "auto-config", Shape::U8),
    entry(118, "subnet-selection", Shape::Ipv4),
    entry(119, "domain-search", Shape::DomainNames),
    entry(121, "classless-static-route", Shape::Routes),
    entry(124, "vivco-suboptions", Shape::Octets),
    entry(125, "vivso-suboptions", Shape::Octets),
    entry(138, "capwap-ac-v4", Shape::Ipv4s),
    entry(143, "v4-sztp-redirect", Shape::BootstrapUris),
    entry(150, "tftp-server-address", Shape::Ipv4s),
    entry(175, "ipxe-options", Shape::Octets),
    entry(208, "pxelinux-magic", Shape::Octets),
    entry(209, "pxelinux-config-file", Shape::Text),
    entry(210, "pxelinux-path-prefix", Shape::Text),
    entry(211, "pxelinux-reboot-time", Shape::U32),
    entry(252, "wpad-url", Shape::Text),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_each_name_is_one_word() {
        assert!(ALL.is_sorted_by(|one, next| one.code < next.code));
        for known in ALL {
            assert_eq!((of(known.code), named(known.name)), (Some(known), Some(known)));
            assert_eq!(code(known.name), Some(known.code));
            assert!(known.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{}", known.name);
            assert_eq!(OptionCode::new(known.code.number()), Some(known.code), "shapes the packet");
        }
    }

    #[test]
    fn options_are_found_by_name_and_by_number() {
        assert_eq!(code("root-path"), Some(OptionCode::ROOT_PATH));
        assert_eq!(code("224").map(OptionCode::number), Some(224));
        assert_eq!(code("224").map(shape), Some(Shape::Octets));
        for none in ["52", "0", "255", "256", "Root-Path", "", "-1"] {
            assert_eq!(code(none), None, "{none}");
        }
    }
}
