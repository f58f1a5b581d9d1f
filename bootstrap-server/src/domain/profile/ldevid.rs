//! The certificate of its owner's that a device gets in its onboarding (RFC 9646).

use authority::ldevid::{KeyWish, LinkRule, Wish};
use conveyed_info::rpc::{CsrFormat, KeyAlgorithm};
use pki::identity::SerialNumber;
use serde::Deserialize;

use super::ProfileInvalid;
use crate::domain::AuthorityName;

/// What stands for the device's serial number in its names.
const SERIAL_NUMBER: &str = "{serial-number}";

/// Most names in a certificate.
const MAX_NAMES: usize = 16;

/// That, and how, devices get a certificate of their owner's: `[ldevid]` of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ldevid {
    /// Who issues it.
    pub authority: AuthorityName,
    /// What the CSR is to be.
    pub wish: Wish,
    /// Whether devices that make no CSR are onboarded too.
    pub demand: LdevidDemand,
    /// As what the certificate stands in a keystore in the configuration (RFC 9642), if it does.
    pub keystore: Option<String>,
    names: Vec<String>,
}

/// Whether devices that make no CSR are onboarded too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LdevidDemand {
    /// They get nothing.
    Required,
    /// They get what others do, without a certificate in it.
    WhereOffered,
}

impl Ldevid {
    /// DNS names and IP addresses that the certificate of this device is to have.
    #[must_use]
    pub fn names(&self, serial_number: &SerialNumber) -> Vec<String> {
        // Host names have no capitals that count (RFC 4343), and some serial numbers are nothing but.
        let serial_number = serial_number.as_str().to_lowercase();
        self.names.iter().map(|name| name.replace(SERIAL_NUMBER, &serial_number)).collect()
    }
}

/// `[ldevid]` as people write it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DocumentLdevid {
    authority: String,
    #[serde(default = "algorithms")]
    algorithms: Vec<Algorithm>,
    #[serde(default = "formats")]
    formats: Vec<Format>,
    #[serde(default)]
    key: Key,
    #[serde(default = "yes")]
    required: bool,
    #[serde(default)]
    activation_code_suffices: bool,
    keystore: Option<String>,
    #[serde(default)]
    names: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Algorithm {
    P256,
    P384,
    Rsa,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum Format {
    #[serde(rename = "p10-csr")]
    P10,
    #[serde(rename = "cmc-csr")]
    Cmc,
    #[serde(rename = "cmp-csr")]
    Cmp,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Key {
    #[default]
    New,
    NewIfPossible,
    Existing,
}

fn algorithms() -> Vec<Algorithm> {
    vec![Algorithm::P256, Algorithm::P384]
}

/// A PKCS#10 request is the smallest, and over mutual TLS says as much as the others.
fn formats() -> Vec<Format> {
    vec![Format::P10, Format::Cmc, Format::Cmp]
}

const fn yes() -> bool {
    true
}

impl Algorithm {
    /// AlgorithmIdentifier (RFC 5480 §2.1.1, RFC 3279 §2.3.1).
    const fn der(self) -> &'static [u8] {
        match self {
            Self::P256 => b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
            Self::P384 => b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
            Self::Rsa => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00",
        }
    }
}

impl DocumentLdevid {
    pub(super) fn read(self) -> Result<Ldevid, ProfileInvalid> {
        let algorithms = self.algorithms.iter().filter_map(|it| KeyAlgorithm::from_der(it.der())).collect::<Vec<_>>();
        let formats = self.formats.iter().map(|format| match format {
            Format::P10 => CsrFormat::P10,
            Format::Cmc => CsrFormat::Cmc,
            Format::Cmp => CsrFormat::Cmp,
        });
        let key = match self.key {
            Key::New => KeyWish::New,
            Key::NewIfPossible => KeyWish::NewIfPossible,
            Key::Existing => KeyWish::Existing,
        };
        let link = if self.activation_code_suffices { LinkRule::CodeSuffices } else { LinkRule::Certificate };
        let wish = Wish { algorithms, formats: formats.collect(), key, link };
        if wish.algorithms.is_empty() || wish.formats.is_empty() {
            return Err(ProfileInvalid::LdevidWish);
        }
        let name_is_good = |name: &String| !name.is_empty() && name.len() <= 255 && name.is_ascii();
        if self.names.len() > MAX_NAMES || !self.names.iter().all(name_is_good) {
            return Err(ProfileInvalid::LdevidNames);
        }
        if self.keystore.as_ref().is_some_and(String::is_empty) {
            return Err(ProfileInvalid::LdevidKeystore);
        }
        let demand = if self.required { LdevidDemand::Required } else { LdevidDemand::WhereOffered };
        let authority = AuthorityName::new(self.authority).map_err(ProfileInvalid::LdevidAuthority)?;
        Ok(Ldevid { authority, wish, demand, keystore: self.keystore, names: self.names })
    }
}
