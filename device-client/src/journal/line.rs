//! One line of the journal.

use pki::digest::sha256;
use serde::{Deserialize, Serialize};
use verdict::Digest;

use crate::machine::{Fact, OnboardingStep};

const CHECKSUM: usize = 8;

/// A fact as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    Installed { image: String },
    Begun { document: String },
    Applied { document: String, step: String },
    Abandoned { document: String },
}

/// The octets of one line, its end included.
pub(super) fn write(fact: &Fact) -> Vec<u8> {
    let line = match fact {
        Fact::Installed { image } => Line::Installed { image: image.to_string() },
        Fact::Begun { document } => Line::Begun { document: document.to_string() },
        Fact::Applied { document, step } => {
            Line::Applied { document: document.to_string(), step: step.as_str().to_owned() }
        }
        Fact::Abandoned { document } => Line::Abandoned { document: document.to_string() },
    };
    let json = serde_json::to_string(&line).unwrap_or_default();
    format!("{} {json}\n", checksum(json.as_bytes())).into_bytes()
}

/// The facts up to the first line that is damaged or cut off, and where that line begins.
pub(super) fn read_all(bytes: &[u8]) -> (Vec<Fact>, usize) {
    let mut facts = Vec::new();
    let mut good = 0_usize;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(fact) = line.strip_suffix(b"\n").and_then(read) else { break };
        facts.push(fact);
        good = good.saturating_add(line.len());
    }
    (facts, good)
}

fn read(line: &[u8]) -> Option<Fact> {
    let (sum, rest) = line.split_at_checked(CHECKSUM)?;
    let json = rest.strip_prefix(b" ")?;
    if checksum(json).as_bytes() != sum {
        return None;
    }
    Some(match serde_json::from_slice(json).ok()? {
        Line::Installed { image } => Fact::Installed { image: digest(&image)? },
        Line::Begun { document } => Fact::Begun { document: digest(&document)? },
        Line::Applied { document, step } => Fact::Applied { document: digest(&document)?, step: step_named(&step)? },
        Line::Abandoned { document } => Fact::Abandoned { document: digest(&document)? },
    })
}

fn checksum(json: &[u8]) -> String {
    sha256(json).to_string().chars().take(CHECKSUM).collect()
}

pub(crate) fn step_named(text: &str) -> Option<OnboardingStep> {
    [OnboardingStep::PreScript, OnboardingStep::Configuration, OnboardingStep::PostScript]
        .into_iter()
        .find(|step| step.as_str() == text)
}

/// A digest from its 64 hex digits.
pub(crate) fn digest(text: &str) -> Option<Digest> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut octets = [0; 32];
    for (octet, pair) in octets.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Digest(octets))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_changed_octet_is_noticed() {
        let line = write(&Fact::Installed { image: Digest([3; 32]) });
        assert_eq!(read_all(&line).0.len(), 1);
        for index in 0..line.len() {
            let mut changed = line.clone();
            changed[index] ^= 1;
            assert!(read_all(&changed).0.is_empty(), "{index}");
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (_, good) = read_all(&bytes);
            prop_assert!(good <= bytes.len());
        }
    }
}
