//! Files of lines `name=value`: those of systemd-networkd and of NetworkManager's own client, and the one that our script
//! writes for udhcpc.

use pki::time::Timestamp;

use super::{Content, Lease, after};
use crate::sources::name_service::NameService;

/// `None` for what is no such file.
pub(super) fn read(text: &str, written: Option<Timestamp>) -> Option<Content> {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#')).collect();
    let pairs = lines.iter().map(|line| line.split_once('=')).collect::<Option<Vec<_>>>()?;
    let value = |names: [&str; 2]| {
        let found = pairs.iter().find(|(name, _)| names.contains(name)).map(|(_, value)| *value);
        found.filter(|value| !value.is_empty())
    };
    let list = |names| value(names).unwrap_or_default().split_ascii_whitespace();
    let seconds = value(["LIFETIME", "lease"]).and_then(|it| it.parse().ok());
    let option = |number, names| value(names).and_then(hexadecimal).map(|octets| (number, octets));
    let domains = list(["DOMAINNAME", "domain"]).chain(list(["DOMAIN_SEARCH_LIST", "search"]));
    let lease = Lease {
        option: option(143, ["OPTION_143", "opt143"]).or_else(|| option(136, ["OPTION_136", "opt136"])),
        expires: seconds.and_then(|seconds| after(written, seconds)),
        name_service: NameService {
            name_servers: list(["DNS", "dns"]).filter_map(|it| it.parse().ok()).collect(),
            domains: domains.filter_map(|it| it.parse().ok()).collect(),
        },
    };
    if value(["interface", "interface"]).is_some() {
        return Some(Content::Leases(vec![lease]));
    }
    value(["ADDRESS", "SERVER_ADDRESS"]).map(|_| Content::Private(lease))
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let octet = |pair: &[u8; 2]| {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        u8::try_from(high?.checked_mul(16)?.checked_add(low?)?).ok()
    };
    pairs.iter().map(octet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dhc_02_what_our_script_wrote_for_udhcpc_is_read() {
        let text = "interface=eth0\nip=192.0.2.59\nlease=600\ndns=192.0.2.53 192.0.2.54\ndomain=example.net\nopt143=0011AbcD\n";
        let Some(Content::Leases(leases)) = read(text, Some(Timestamp::from_unix(1_800_000_000))) else { panic!() };
        assert_eq!(leases[0].option, Some((143, vec![0, 0x11, 0xab, 0xcd])));
        assert_eq!(leases[0].expires, Some(Timestamp::from_unix(1_800_000_600)));
        assert_eq!((leases[0].name_service.name_servers.len(), leases[0].name_service.domains.len()), (2, 1));
        let Some(Content::Leases(leases)) = read("interface=eth0\nopt143=\n", None) else { panic!() };
        assert_eq!(leases[0].option, None);
    }

    #[test]
    fn private_files_are_told_apart() {
        let text = "# This is private data. Do not parse.\nADDRESS=192.0.2.7\nOPTION_224=00\n";
        assert!(matches!(read(text, None), Some(Content::Private(Lease { option: None, .. }))));
        let text = text.replace("224", "143");
        assert!(matches!(read(&text, None), Some(Content::Private(Lease { option: Some((143, _)), .. }))));
        for other in ["", "a=b", "ADDRESS", "interface=eth0\nno pair", "# comment"] {
            assert_eq!(read(other, None), None, "{other}");
        }
    }

    #[test]
    fn hexadecimal_is_whole_octets() {
        assert_eq!(hexadecimal("00fF"), Some(vec![0, 255]));
        for bad in ["0", "0g", "+1", "000"] {
            assert_eq!(hexadecimal(bad), None, "{bad}");
        }
    }
}
