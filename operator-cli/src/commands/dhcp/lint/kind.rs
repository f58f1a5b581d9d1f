//! Whose configuration a file is.

use clap::ValueEnum;

use super::super::octets;

/// The kinds of configuration that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// JSON of Kea, with its comments; a whole configuration or a piece of one
    Kea,
    /// Lines of dnsmasq
    Dnsmasq,
    /// Statements of ISC dhcpd
    Isc,
    /// A value in hexadecimal, and nothing else
    Hex,
}

impl Kind {
    /// The kind that the text looks like.
    pub(super) fn recognise(text: &str) -> Option<Self> {
        if octets::read(text).is_ok() {
            return Some(Self::Hex);
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let code = lines
            .by_ref()
            .find(|line| !line.starts_with(['#', '*']) && !line.starts_with("//") && !line.starts_with("/*"));
        let first = code?;
        if first.starts_with(['{', '[', '"']) || first.starts_with("<?include") {
            return Some(Self::Kea);
        }
        let all = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        // Statements end in semicolons; lines of dnsmasq hardly ever do.
        let statements = all().filter(|line| line.ends_with([';', '{', '}'])).count();
        let settings = all().filter(|line| is_setting(line)).count();
        match (statements, settings) {
            (0, 0) => None,
            (statements, settings) if statements > settings => Some(Self::Isc),
            _ => Some(Self::Dnsmasq),
        }
    }
}

/// `name` or `name=value`.
fn is_setting(line: &str) -> bool {
    let name = line.split('=').next().unwrap_or_default().trim();
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_by_its_contents_whose_it_is() {
        for (text, kind) in [
            ("{ \"Dhcp4\": {} }", Some(Kind::Kea)),
            ("// a comment\n# another\n/* one\n * more\n */\n{ \"code\": 143 }", Some(Kind::Kea)),
            ("\"option-data\": []", Some(Kind::Kea)),
            ("# sztp\ndhcp-range=192.0.2.50,192.0.2.59\nno-resolv\n", Some(Kind::Dnsmasq)),
            ("dhcp-option = 143,00:11", Some(Kind::Dnsmasq)),
            ("authoritative;\nsubnet 192.0.2.0 netmask 255.255.255.0 {\n}\n", Some(Kind::Isc)),
            ("option x code 143 = string;", Some(Kind::Isc)),
            ("00:11:68", Some(Kind::Hex)),
            ("", None),
            ("Lorem ipsum dolor.", None),
        ] {
            assert_eq!(Kind::recognise(text), kind, "{text}");
        }
    }
}
