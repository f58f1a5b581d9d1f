//! What a narrower place takes away of what wider ones give.

use std::{collections::BTreeSet, net::Ipv4Addr};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    give::GiveInvalid,
    option::{OptionInvalid, is_reserved},
};
use crate::lease::Address;

/// One thing that is taken away, as it stands in a configuration file: a key of `give`, or the number of an option.
///
/// ```toml
/// without = ["boot-file", 150]
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutSettings {
    /// What a key gives.
    Key(&'static str),
    /// An option, whoever gives it.
    Option(u16),
}

impl<'de> Deserialize<'de> for WithoutSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a key of `give` such as \"boot-file\", or the number of an option")]
        enum Written {
            Code(u16),
            Key(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Code(code) => Ok(Self::Option(code)),
            Written::Key(key) => {
                KEYS.iter().find(|row| row.key == key).map(|row| Self::Key(row.key)).ok_or_else(|| {
                    let keys: Vec<_> = KEYS.iter().map(|row| row.key).collect();
                    D::Error::custom(format_args!(
                        "{key} is nothing that can be taken away; what can is {}, or an option by its number",
                        keys.join(", ")
                    ))
                })
            }
        }
    }
}

/// What is taken away, found consistent. Of what is known by a key and by a number, both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Without {
    keys: BTreeSet<&'static str>,
    codes: BTreeSet<u16>,
}

impl Without {
    /// Checks what is written for servers of this family.
    pub(super) fn check<A: Address>(settings: &[WithoutSettings]) -> Result<Self, GiveInvalid> {
        let of_family = |row: &Row| if A::WIDTH == Ipv4Addr::WIDTH { row.v4 } else { row.v6 };
        let mut without = Self::default();
        for setting in settings {
            let row = KEYS.iter().find(|row| match *setting {
                WithoutSettings::Key(key) => row.key == key,
                WithoutSettings::Option(code) => of_family(row) == Known::Option(code),
            });
            match (*setting, row.map(|row| (row.key, of_family(row)))) {
                (_, Some((key, Known::Nowhere))) => return Err(GiveInvalid::OtherFamily { key }),
                (_, Some((key, known))) => {
                    without.keys.insert(key);
                    if let Known::Option(code) = known {
                        without.codes.insert(code);
                    }
                }
                (WithoutSettings::Option(code), None) if is_reserved::<A>(code) => {
                    return Err(OptionInvalid::Reserved { code }.into());
                }
                (WithoutSettings::Option(code), None) => {
                    without.codes.insert(code);
                }
                (WithoutSettings::Key(_), None) => {}
            }
        }
        Ok(without)
    }

    /// Whether what this key gives is taken away.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Whether this option is taken away.
    pub(crate) fn has_option(&self, code: u16) -> bool {
        self.codes.contains(&code)
    }

    /// The keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().copied()
    }

    /// The options.
    pub(crate) fn options(&self) -> impl Iterator<Item = u16> {
        self.codes.iter().copied()
    }
}

/// What a key is in one IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It has no such key.
    Nowhere,
    /// The key alone.
    Key,
    /// The key, and this option.
    Option(u16),
}

/// A key that can be taken away.
#[derive(Debug)]
struct Row {
    key: &'static str,
    v4: Known,
    v6: Known,
}

const fn row(key: &'static str, v4: Known, v6: Known) -> Row {
    Row { key, v4, v6 }
}

/// All of `give` but `answer`, which says its opposite itself.
const KEYS: &[Row] = &[
    row("lease-seconds", Known::Key, Known::Key),
    row("preferred-seconds", Known::Nowhere, Known::Key),
    row("routers", Known::Option(3), Known::Nowhere),
    row("dns", Known::Option(6), Known::Option(23)),
    row("domain", Known::Option(15), Known::Nowhere),
    row("domain-search", Known::Option(119), Known::Option(24)),
    row("ntp", Known::Option(42), Known::Option(31)),
    row("root-path", Known::Option(17), Known::Nowhere),
    row("next-server", Known::Key, Known::Nowhere),
    row("server-name", Known::Option(66), Known::Nowhere),
    row("boot-file", Known::Option(67), Known::Option(59)),
    row("pxe", Known::Option(43), Known::Nowhere),
    row("boot-parameters", Known::Nowhere, Known::Option(60)),
    row("bootstrap-uris", Known::Option(143), Known::Option(136)),
    row("bootstrap-form", Known::Key, Known::Key),
    row("bootstrap-send", Known::Key, Known::Key),
];

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;
    use crate::policy::GiveSettings;

    fn v4(text: &str) -> Result<Without, String> {
        let settings: GiveSettings = toml::from_str(text).map_err(|error| error.to_string())?;
        settings.check::<Ipv4Addr>().map(|give| give.without).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_and_its_option_are_the_same_thing() {
        let without = v4("without = ['boot-file', 143, 150, 'next-server']").unwrap();
        assert_eq!(without.keys().collect::<Vec<_>>(), ["boot-file", "bootstrap-uris", "next-server"]);
        assert_eq!(without.options().collect::<Vec<_>>(), [67, 143, 150]);
        let settings: GiveSettings = toml::from_str("without = ['boot-file', 136, 'dns']").unwrap();
        let without = settings.check::<Ipv6Addr>().unwrap().without;
        assert_eq!(without.options().collect::<Vec<_>>(), [23, 59, 136]);
    }

    #[test]
    fn what_cannot_be_taken_away_is_refused_by_name() {
        for (text, wrong) in [
            ("without = ['boot-fiel']", "boot-fiel is nothing that can be taken away; what can is lease-seconds, "),
            ("without = ['answer']", "answer is nothing that can be taken away"),
            ("without = [70000]", "a key of `give` such as"),
            ("without = [53]", "option 53 is the server's own business"),
            ("without = ['boot-parameters']", "boot-parameters belongs to the other IP version"),
            ("boot-file = 'x'\nwithout = ['boot-file']", "boot-file is given and taken away in one place"),
            ("boot-file = 'x'\nwithout = [67]", "boot-file is given and taken away in one place"),
            ("dns = ['192.0.2.1']\nwithout = ['dns']", "option 6 is given and taken away in one place"),
            ("options = [{ code = 150, hex = '00' }]\nwithout = [150]", "option 150 is given and taken away"),
            ("pxe = {}\nwithout = ['pxe']", "pxe is given and taken away"),
        ] {
            let error = v4(text).unwrap_err();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }
}
