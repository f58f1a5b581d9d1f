//! Whose code a program is made of, by the sizes of its symbols.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
};

use crate::fault::Fault;

/// Octets of code and data by crate, of a program that still has its symbols. What the linker merged or inlined counts for
/// the crate whose name is left.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shares {
    crates: BTreeMap<String, u64>,
    total: u64,
}

impl Shares {
    /// Reads the symbols of `program` with `nm`.
    pub(crate) fn of(program: &Path) -> Result<Self, Fault> {
        let output = Command::new("nm")
            .args(["--print-size", "--demangle"])
            .arg(program)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| Fault::Program { program: "nm", source })?;
        if output.status.success() {
            Ok(Self::from_listing(&String::from_utf8_lossy(&output.stdout)))
        } else {
            Err(Fault::Failed { program: "nm" })
        }
    }

    /// Octets of the crate `name`, and its part of the whole.
    pub(crate) fn of_crate(&self, name: &str) -> Option<(u64, f64)> {
        let octets = *self.crates.get(name)?;
        let [part, whole] = [octets, self.total].map(|it| f64::from(u32::try_from(it).unwrap_or(u32::MAX)));
        Some((octets, part / whole))
    }

    fn from_listing(listing: &str) -> Self {
        let mut shares = Self::default();
        for line in listing.lines() {
            // Address, size, kind, name; a symbol without a size has one word less.
            let mut words = line.splitn(4, ' ');
            let (Some(_), Some(size), Some(_), Some(name)) = (words.next(), words.next(), words.next(), words.next())
            else {
                continue;
            };
            let Ok(size) = u64::from_str_radix(size, 16) else { continue };
            shares.total = shares.total.saturating_add(size);
            let octets = shares.crates.entry(crate_of(name).to_owned()).or_default();
            *octets = octets.saturating_add(size);
        }
        shares
    }
}

/// The first word of a path such as `<&conveyed_info::cms::SignedData as core::fmt::Debug>::fmt`.
fn crate_of(name: &str) -> &str {
    let name = name.trim_start_matches(['<', '&', '*', '[', '(']);
    let name = ["mut ", "dyn ", "const "].iter().fold(name, |name, word| name.trim_start_matches(word));
    let end = name.find(|character: char| !character.is_ascii_alphanumeric() && character != '_').unwrap_or(name.len());
    name.get(..end).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_summed_by_crate() {
        let listing = "\
0000000000001000 0000000000000040 t conveyed_info::cms::bare
0000000000001040 0000000000000020 t <&conveyed_info::Encoding as core::fmt::Debug>::fmt
0000000000001060 00000000000000a0 r ecp_nistz256_precomputed
                 U malloc
0000000000002000 T main";
        let shares = Shares::from_listing(listing);
        assert_eq!(shares.of_crate("conveyed_info"), Some((0x60, 96.0 / 256.0)));
        assert_eq!(shares.of_crate("ecp_nistz256_precomputed").map(|(octets, _)| octets), Some(0xa0));
        assert_eq!(shares.of_crate("serde"), None);
    }

    #[test]
    fn a_crate_is_the_first_word_of_a_path() {
        for (name, expected) in [
            ("pki::path::validate", "pki"),
            ("<&mut dyn der::Reader as x>::y", "der"),
            ("<[conveyed_info::voucher::Assertion] as core::slice>::z", "conveyed_info"),
            ("memcpy", "memcpy"),
        ] {
            assert_eq!(crate_of(name), expected);
        }
    }
}
