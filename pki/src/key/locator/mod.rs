//! Where a private key lives, as configuration files and commands name it.

mod pkcs11;
mod tpm;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

pub use pkcs11::{Pkcs11Uri, Pkcs11UriError, TokenChoice};
pub use tpm::{TpmAddress, TpmAddressError, TpmHandle, TpmHandleError, TpmKeyAddress, TpmKeyAddressError};

const TPM: &str = "tpm2:";

/// Where a private key lives. Its text is a path, `pkcs11:…` (RFC 7512) or `tpm2:0x81…`.
///
/// Naming a key says nothing about whether it is there; [`Locator::open`](super::OpenKey) finds out.
///
/// ```
/// use pki::key::Locator;
///
/// let file: Locator = "keys/owner.key".parse()?;
/// assert_eq!(file.relative_to("/etc/sztp".as_ref()).to_string(), "/etc/sztp/keys/owner.key");
///
/// let uri = "pkcs11:token=Owner;object=signer?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=owner.pin";
/// assert!(matches!(uri.parse()?, Locator::Pkcs11(_)));
///
/// // A PIN in a configuration file is a PIN that everybody knows.
/// let error = "pkcs11:object=signer?module-path=/m.so&pin-value=1234".parse::<Locator>().unwrap_err();
/// assert!(error.to_string().contains("pin-source"));
/// # Ok::<(), pki::key::LocatorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Locator {
    /// A file.
    File(PathBuf),
    /// A key in a token that is reached through a PKCS#11 module.
    Pkcs11(Box<Pkcs11Uri>),
    /// A key that a TPM 2.0 keeps.
    Tpm(Box<TpmKeyAddress>),
}

impl Locator {
    /// The same place, its relative paths being those of `folder`: that of the configuration file which names it.
    #[must_use]
    pub fn relative_to(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            Self::Pkcs11(uri) => Self::Pkcs11(Box::new(uri.relative_to(folder))),
            elsewhere @ Self::Tpm(_) => elsewhere,
        }
    }

    /// The path, when the key is in a file.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }
}

impl FromStr for Locator {
    type Err = LocatorError;

    fn from_str(text: &str) -> Result<Self, LocatorError> {
        let scheme_is = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        if text.is_empty() {
            return Err(LocatorError::Empty);
        }
        if scheme_is(pkcs11::SCHEME) {
            return Ok(Self::Pkcs11(Box::new(text.parse()?)));
        }
        if scheme_is(TPM) {
            return Ok(Self::Tpm(Box::new(text.get(TPM.len()..).unwrap_or_default().parse()?)));
        }
        // `https://…`, `tpm://…`: nobody calls a file so.
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(LocatorError::Scheme { scheme: scheme.to_owned() });
        }
        Ok(Self::File(text.into()))
    }
}

impl From<PathBuf> for Locator {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Pkcs11(uri) => uri.fmt(f),
            Self::Tpm(address) => write!(f, "{TPM}{address}"),
        }
    }
}

/// A text names no place of keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocatorError {
    /// Nothing is named.
    #[error("no key is named: give a path, `pkcs11:…` or `tpm2:0x81…`")]
    Empty,
    /// A kind of place that is not known.
    #[error("keys are not reached by `{scheme}://`: give a path, `pkcs11:…` or `tpm2:0x81…`")]
    Scheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// A PKCS#11 URI that is wrong or says too little.
    #[error(transparent)]
    Pkcs11(#[from] Pkcs11UriError),
    /// No handle of a TPM.
    #[error(transparent)]
    Tpm(#[from] TpmKeyAddressError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_has_no_scheme() {
        for path in ["a.key", "/etc/sztp/a.key", "./pkcs11.key", "C:key", "tpm2", "dir/pkcs11:x"] {
            let locator: Locator = path.parse().unwrap();
            assert_eq!((locator.file(), locator.to_string().as_str()), (Some(Path::new(path)), path));
        }
        assert_eq!("".parse::<Locator>(), Err(LocatorError::Empty));
        let error = "https://kms.example/key".parse::<Locator>().unwrap_err();
        assert!(error.to_string().contains("`https://`") && error.to_string().contains("pkcs11:"), "{error}");
    }

    #[test]
    fn relative_paths_are_those_of_the_folder() {
        let at = |text: &str| text.parse::<Locator>().unwrap().relative_to(Path::new("/site")).to_string();
        assert_eq!(at("a.key"), "/site/a.key");
        assert_eq!(at("/b.key"), "/b.key");
        assert_eq!(at("tpm2:0x81000001"), "tpm2:0x81000001");
        assert_eq!(
            at("pkcs11:object=a?module-path=m.so&pin-source=a.pin"),
            "pkcs11:object=a?module-path=/site/m.so&pin-source=/site/a.pin"
        );
        assert_eq!(
            at("pkcs11:object=a?module-path=/m.so&pin-source=file:/a.pin"),
            "pkcs11:object=a?module-path=/m.so&pin-source=/a.pin"
        );
    }

    #[test]
    fn schemes_are_known_in_any_case() {
        // RFC 3986 §3.1.
        assert!(matches!("PKCS11:object=a?module-path=/m.so".parse(), Ok(Locator::Pkcs11(_))));
        assert!(matches!("Tpm2:0x81000001".parse(), Ok(Locator::Tpm(_))));
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_written_the_same(text in "(pkcs11:|tpm2:|)[ -~]{0,40}") {
            if let Ok(locator) = text.parse::<Locator>() {
                assert_eq!(locator.to_string().parse(), Ok(locator));
            }
        }
    }
}
