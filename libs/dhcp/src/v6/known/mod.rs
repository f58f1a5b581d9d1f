//! Names and shapes of DHCPv6 options (RFC 8415 §21 and others), for configurations and for people.
//!
//! ```
//! use dhcp::v6::known;
//!
//! let url = known::named("bootfile-url").ok_or("no such option")?;
//! assert_eq!(url.code.0, 59);
//! assert_eq!(url.shape.parse("http://[2001:db8::1]/ipxe.efi")?, b"http://[2001:db8::1]/ipxe.efi");
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
        None => text.parse().ok().map(OptionCode),
    }
}

/// What an option's value looks like: bytes where nothing is known.
#[must_use]
pub fn shape(code: OptionCode) -> Shape {
    of(code).map_or(Shape::Octets, |known| known.shape)
}

const fn entry(code: u16, name: &'static str, shape: Shape) -> Known {
    Known { code: OptionCode(code), name, shape }
}

/// Every option that has a name here, by number.
pub const ALL: &[Known] = &[
    entry(1, "clientid", Shape::Octets),
    entry(2, "serverid", Shape::Octets),
    entry(3, "ia-na", Shape::Octets),
    entry(4, "ia-ta", Shape::Octets),
    entry(5, "iaaddr", Shape::Octets),
    entry(6, "oro", Shape::U16s),
    entry(7, "preference", Shape::U8),
    entry(8, "elapsed-time", Shape::U16),
    entry(9, "relay-msg", Shape::Octets),
    entry(11, "auth", Shape::Octets),
    entry(12, "unicast", Shape::Ipv6),
    entry(13, "status-code", Shape::Octets),
    entry(14, "rapid-commit", Shape::Flag),
    entry(15, "user-class", Shape::Octets),
    entry(16, "vendor-class", Shape::Octets),
    entry(17, "vendor-opts", Shape::Octets),
    entry(18, "interface-id", Shape::Octets),
    entry(19, "reconf-msg", Shape::U8),
    entry(20, "reconf-accept", Shape::Flag),
    entry(21, "sip-server-dns", Shape::DomainNames),
    entry(22, "sip-server-addr", Shape::Ipv6s),
    entry(23, "dns-servers", Shape::Ipv6s),
    entry(24, "domain-search", Shape::DomainNames),
    entry(25, "ia-pd", Shape::Octets),
    entry(26, "iaprefix", Shape::Octets),
    entry(27, "nis-servers", Shape::Ipv6s),
    entry(28, "nisp-servers", Shape::Ipv6s),
    entry(29, "nis-domain-name", Shape::DomainNames),
    entry(30, "nisp-domain-name", Shape::DomainNames),
    entry(31, "sntp-servers", Shape::Ipv6s),
    entry(32, "information-refresh-time", Shape::U32),
    entry(33, "bcmcs-server-dns", Shape::DomainNames),
    entry(34, "bcmcs-server-addr", Shape::Ipv6s),
    entry(37, "remote-id", Shape::Octets),
    entry(38, "subscriber-id", Shape::Octets),
    entry(39, "client-fqdn", Shape::Octets),
    entry(41, "new-posix-timezone", Shape::Text),
    entry(42, "new-tzdb-timezone", Shape::Text),
    entry(43, "ero", Shape::U16s),
    entry(52, "capwap-ac-v6", Shape::Ipv6s),
    entry(56, "ntp-server", Shape::Octets),
    entry(59, "bootfile-url", Shape::Text),
    entry(60, "bootfile-param", Shape::Texts),
    entry(61, "client-arch-type", Shape::U16s),
    entry(62, "nii", Shape::Octets),
    entry(64, "aftr-name", Shape::DomainNames),
    entry(79, "client-linklayer-addr", Shape::Octets),
    entry(82, "sol-max-rt", Shape::U32),
    entry(83, "inf-max-rt", Shape::U32),
    entry(103, "v6-captive-portal", Shape::Text),
    entry(135, "relay-source-port", Shape::U16),
    entry(136, "v6-sztp-redirect", Shape::BootstrapUris),
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
        }
    }

    #[test]
    fn options_are_found_by_name_and_by_number() {
        assert_eq!(code("bootfile-url"), Some(OptionCode::BOOT_FILE_URL));
        assert_eq!((code("4000"), shape(OptionCode(4000))), (Some(OptionCode(4000)), Shape::Octets));
        for none in ["65536", "Bootfile-Url", "", "-1"] {
            assert_eq!(code(none), None, "{none}");
        }
    }
}
