//! PKCS#11 URIs (RFC 7512) of private keys.

use std::{
    ffi::OsStr,
    fmt::{self, Write as _},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// What each of them begins with (RFC 7512 §2.3).
pub(super) const SCHEME: &str = "pkcs11:";

/// Longest URI that is read, in octets.
const MAX_URI: usize = 4096;

/// A private key in a token, and the module by which it is reached.
///
/// Of the attributes of RFC 7512 those are known that single out a token and a key in it; any other is refused, because to pass
/// one over would be to take a key that was not meant. The library always says `module-path`: which module a machine
/// would find by itself differs between machines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pkcs11Uri {
    /// `module-path`: the shared library of the token's maker.
    pub module: PathBuf,
    /// How the token is told from others.
    pub token: TokenChoice,
    /// `object`: the key's label.
    pub object: Option<String>,
    /// `id`: the key's identifier, which its public half and its certificate share.
    pub id: Option<Vec<u8>>,
    /// `pin-source`: a file that holds the PIN, for nobody else to read. Without it nobody logs in.
    pub pin_file: Option<PathBuf>,
}

/// How a token is told from others of the same module: each member that is there must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TokenChoice {
    /// `token`: its label.
    pub label: Option<String>,
    /// `manufacturer`.
    pub manufacturer: Option<String>,
    /// `model`.
    pub model: Option<String>,
    /// `serial`: its serial number.
    pub serial: Option<String>,
    /// `slot-id`: where it is plugged in.
    pub slot: Option<u64>,
}

impl Pkcs11Uri {
    /// Reads a URI that names a token, and may or may not name a key in it.
    ///
    /// # Errors
    /// [`Pkcs11UriError`].
    pub fn of_token(text: &str) -> Result<Self, Pkcs11UriError> {
        match text.get(..SCHEME.len()) {
            Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => read(text),
            _ => Err(Pkcs11UriError::Malformed),
        }
    }

    /// The same key, its relative paths being those of `folder`.
    #[must_use]
    pub fn relative_to(self, folder: &Path) -> Self {
        Self { module: folder.join(self.module), pin_file: self.pin_file.map(|path| folder.join(path)), ..self }
    }
}

impl FromStr for Pkcs11Uri {
    type Err = Pkcs11UriError;

    fn from_str(text: &str) -> Result<Self, Pkcs11UriError> {
        let uri = Self::of_token(text)?;
        if uri.object.is_none() && uri.id.is_none() {
            return Err(Pkcs11UriError::NoObject);
        }
        Ok(uri)
    }
}

fn read(text: &str) -> Result<Pkcs11Uri, Pkcs11UriError> {
    if text.len() > MAX_URI {
        return Err(Pkcs11UriError::TooLong);
    }
    let (_, rest) = text.split_once(':').ok_or(Pkcs11UriError::Malformed)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut token, mut object, mut id) = (TokenChoice::default(), None, None);
    for attribute in attributes(path, ';') {
        let (name, value) = attribute?;
        match name {
            "token" => once(&mut token.label, name, utf8(name, value)?)?,
            "manufacturer" => once(&mut token.manufacturer, name, utf8(name, value)?)?,
            "model" => once(&mut token.model, name, utf8(name, value)?)?,
            "serial" => once(&mut token.serial, name, utf8(name, value)?)?,
            "slot-id" => once(&mut token.slot, name, decimal(&value)?)?,
            "object" => once(&mut object, name, utf8(name, value)?)?,
            "id" => once(&mut id, name, value)?,
            "type" if value == b"private" => {}
            "type" => return Err(Pkcs11UriError::NotPrivate),
            _ => return Err(Pkcs11UriError::Unknown { name: name.to_owned() }),
        }
    }
    let (mut module, mut pin_file) = (None, None);
    for attribute in attributes(query, '&') {
        let (name, value) = attribute?;
        match name {
            "module-path" => once(&mut module, name, PathBuf::from(OsStr::from_bytes(&value)))?,
            "pin-source" => once(&mut pin_file, name, pin_source(&value)?)?,
            // RFC 7512 §4: it stands in logs, process lists and backups.
            "pin-value" => return Err(Pkcs11UriError::PinInside),
            _ => return Err(Pkcs11UriError::Unknown { name: name.to_owned() }),
        }
    }
    Ok(Pkcs11Uri { module: module.ok_or(Pkcs11UriError::NoModule)?, token, object, id, pin_file })
}

impl fmt::Display for Pkcs11Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        let slot = self.token.slot.map(|slot| slot.to_string());
        let texts = [
            ("token", self.token.label.as_deref()),
            ("manufacturer", self.token.manufacturer.as_deref()),
            ("model", self.token.model.as_deref()),
            ("serial", self.token.serial.as_deref()),
            ("slot-id", slot.as_deref()),
            ("object", self.object.as_deref()),
        ];
        let mut separator = "";
        for (name, value) in texts {
            if let Some(value) = value {
                write!(f, "{separator}{name}={}", Encoded(value.as_bytes()))?;
                separator = ";";
            }
        }
        if let Some(id) = &self.id {
            write!(f, "{separator}id=")?;
            // RFC 7512 §2.3: an id is octets and is written as such.
            id.iter().try_for_each(|octet| write!(f, "%{octet:02X}"))?;
        }
        write!(f, "?module-path={}", Encoded(self.module.as_os_str().as_bytes()))?;
        if let Some(path) = &self.pin_file {
            // A path that itself begins like a URI needs its scheme.
            let octets = path.as_os_str().as_bytes();
            write!(f, "&pin-source={}{}", if octets.starts_with(b"file:") { "file:" } else { "" }, Encoded(octets))?;
        }
        Ok(())
    }
}

/// The attributes of one part, each with its name and its value without percent signs.
fn attributes(part: &str, separator: char) -> impl Iterator<Item = Result<(&str, Vec<u8>), Pkcs11UriError>> {
    let pieces = part.split(separator).filter(move |_| !part.is_empty());
    pieces.map(|piece| {
        let (name, value) = piece.split_once('=').ok_or(Pkcs11UriError::Malformed)?;
        Ok((name, decoded(value)?))
    })
}

/// RFC 7512 §2.3: no attribute stands twice.
fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), Pkcs11UriError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Pkcs11UriError::Twice { name: name.to_owned() }),
    }
}

fn utf8(name: &str, value: Vec<u8>) -> Result<String, Pkcs11UriError> {
    String::from_utf8(value).map_err(|_| Pkcs11UriError::NotText { name: name.to_owned() })
}

fn decimal(value: &[u8]) -> Result<u64, Pkcs11UriError> {
    let digits = str::from_utf8(value).ok().filter(|text| text.bytes().all(|digit| digit.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Pkcs11UriError::SlotId)
}

/// RFC 7512 §2.4: a path or a `file:` URI. Its `|command` would let a configuration file run programs.
fn pin_source(value: &[u8]) -> Result<PathBuf, Pkcs11UriError> {
    let path = value.strip_prefix(b"file:").unwrap_or(value);
    // RFC 8089 §2: `file:///path` is the same.
    let path = path.strip_prefix(b"//").filter(|_| value.starts_with(b"file:")).unwrap_or(path);
    if path.is_empty() || path.starts_with(b"|") {
        return Err(Pkcs11UriError::PinSource);
    }
    Ok(PathBuf::from(OsStr::from_bytes(path)))
}

/// RFC 3986 §2.1.
fn decoded(value: &str) -> Result<Vec<u8>, Pkcs11UriError> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let both = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        octets.push(both.ok_or(Pkcs11UriError::Malformed)?);
    }
    Ok(octets)
}

/// A value, with percent signs before whatever may not stand in every place of the URI as it is.
struct Encoded<'a>(&'a [u8]);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&octet| match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => f.write_char(octet.into()),
            _ => write!(f, "%{octet:02X}"),
        })
    }
}

/// A PKCS#11 URI does not name a private key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs11UriError {
    /// It is not of the form of RFC 7512 §2.3.
    #[error("not a PKCS#11 URI: expected `pkcs11:token=…;object=…?module-path=…&pin-source=…` (RFC 7512)")]
    Malformed,
    /// It is far longer than any that names a key.
    #[error("the PKCS#11 URI is longer than {MAX_URI} octets")]
    TooLong,
    /// An attribute stands twice.
    #[error("the PKCS#11 URI says `{name}` twice")]
    Twice {
        /// Which.
        name: String,
    },
    /// An attribute that is not known here.
    #[error(
        "`{name}` is not known in a PKCS#11 URI here: token, manufacturer, model, serial, slot-id, object and id single \
         out a key; module-path and pin-source stand behind the question mark"
    )]
    Unknown {
        /// Which.
        name: String,
    },
    /// A text that is no UTF-8.
    #[error("the value of `{name}` in the PKCS#11 URI is not UTF-8")]
    NotText {
        /// Of which attribute.
        name: String,
    },
    /// A slot that is no number.
    #[error("`slot-id` in the PKCS#11 URI is not a decimal number")]
    SlotId,
    /// It names something that is no private key.
    #[error("the PKCS#11 URI names something else than a private key: say `type=private` or leave `type` away")]
    NotPrivate,
    /// It names a token, and no key in it.
    #[error("the PKCS#11 URI names no key: add `object=LABEL` or `id=%01`; `pkcs11-tool -O` lists those of a token")]
    NoObject,
    /// It does not name the module.
    #[error("the PKCS#11 URI names no module: add `?module-path=/path/of/the/token's/library.so`")]
    NoModule,
    /// The PIN stands in it.
    #[error(
        "a PIN does not belong into a PKCS#11 URI, where logs and process lists show it: write it into a file of mode \
         0600 and name that with `pin-source=FILE` instead of `pin-value`"
    )]
    PinInside,
    /// Where the PIN comes from is no file.
    #[error("`pin-source` in the PKCS#11 URI must be the path of a file; programs are not run")]
    PinSource,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Pkcs11Uri, Pkcs11UriError> {
        text.parse()
    }

    #[test]
    fn every_attribute_is_read_and_written() {
        let text = "pkcs11:token=The%20Owner%3B;manufacturer=M;model=SC-HSM;serial=0001;slot-id=7;object=a%2fb;id=%01%ff;\
                    type=private?pin-source=file:///run/pin&module-path=/usr/lib/m%20x.so";
        let uri = read(text).unwrap();
        assert_eq!(uri.token.label.as_deref(), Some("The Owner;"));
        assert_eq!((uri.token.slot, uri.token.serial.as_deref()), (Some(7), Some("0001")));
        assert_eq!((uri.object.as_deref(), uri.id.as_deref()), (Some("a/b"), Some(&[1, 0xff][..])));
        assert_eq!(
            (uri.module.to_str(), uri.pin_file.as_deref()),
            (Some("/usr/lib/m x.so"), Some(Path::new("/run/pin")))
        );
        assert_eq!(
            uri.to_string(),
            "pkcs11:token=The%20Owner%3B;manufacturer=M;model=SC-HSM;serial=0001;slot-id=7;object=a/b;id=%01%FF\
             ?module-path=/usr/lib/m%20x.so&pin-source=/run/pin"
        );
    }

    #[test]
    fn sec_15_a_pin_is_never_written_into_a_uri() {
        let refused = read("pkcs11:object=a?pin-value=1234&module-path=/m.so").unwrap_err();
        assert_eq!(refused, Pkcs11UriError::PinInside);
        assert!(refused.to_string().contains("pin-source") && !refused.to_string().contains("1234"));
        assert_eq!(read("pkcs11:object=a?module-path=/m&pin-source=%7Ccat%20pin"), Err(Pkcs11UriError::PinSource));
    }

    #[test]
    fn what_would_take_another_key_than_was_meant_is_refused() {
        let unknown = |name: &str| Err(Pkcs11UriError::Unknown { name: name.to_owned() });
        assert_eq!(read("pkcs11:object=a;library-version=3?module-path=/m"), unknown("library-version"));
        assert_eq!(read("pkcs11:object=a?module-name=softhsm"), unknown("module-name"));
        assert_eq!(
            read("pkcs11:object=a;object=b?module-path=/m"),
            Err(Pkcs11UriError::Twice { name: "object".to_owned() })
        );
        assert_eq!(read("pkcs11:object=a;type=cert?module-path=/m"), Err(Pkcs11UriError::NotPrivate));
        assert_eq!(read("pkcs11:token=a?module-path=/m"), Err(Pkcs11UriError::NoObject));
        assert_eq!(read("pkcs11:object=a"), Err(Pkcs11UriError::NoModule));
        assert_eq!(read("pkcs11:"), Err(Pkcs11UriError::NoModule));
        assert!(Pkcs11Uri::of_token("pkcs11:token=a?module-path=/m").is_ok());
        assert_eq!(Pkcs11Uri::of_token("a.key"), Err(Pkcs11UriError::Malformed));
        assert_eq!(read("pkcs11:object"), Err(Pkcs11UriError::Malformed));
        for wrong in ["%", "%4", "%zz", "%+1"] {
            assert_eq!(
                read(&format!("pkcs11:object={wrong}?module-path=/m")),
                Err(Pkcs11UriError::Malformed),
                "{wrong}"
            );
        }
        for wrong in ["slot-id=-1", "slot-id=+1", "slot-id=", "slot-id=0x1"] {
            assert_eq!(
                read(&format!("pkcs11:object=a;{wrong}?module-path=/m")),
                Err(Pkcs11UriError::SlotId),
                "{wrong}"
            );
        }
        assert_eq!(read(&format!("pkcs11:object={}", "a".repeat(5000))), Err(Pkcs11UriError::TooLong));
    }

    proptest::proptest! {
        #[test]
        fn any_label_comes_back(label in ".*", id in proptest::collection::vec(0_u8.., 0..40)) {
            let uri = Pkcs11Uri {
                module: PathBuf::from("/m.so"),
                token: TokenChoice { label: Some(label.clone()), ..TokenChoice::default() },
                object: Some(label),
                id: Some(id),
                pin_file: Some(PathBuf::from("file:odd")),
            };
            if uri.to_string().len() <= MAX_URI {
                assert_eq!(uri.to_string().parse(), Ok(uri));
            }
        }
    }
}
