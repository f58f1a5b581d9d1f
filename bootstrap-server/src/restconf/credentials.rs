//! User name and activation code, as HTTP Basic carries them (RFC 7617).

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// What a device says it is called, and the code that it says it was given. Neither is shown in a log.
#[derive(Clone)]
pub(super) struct Credentials {
    both: Zeroizing<String>,
    colon: usize,
}

/// What a request's Authorization holds.
#[derive(Debug)]
pub(super) enum Presented {
    /// Nothing, or a scheme that is not Basic.
    Nothing,
    /// Credentials that can be read.
    Credentials(Credentials),
    /// Something that claims to be Basic and is not.
    Unreadable,
}

impl Presented {
    /// Reads the header. Two of them could be read in two ways.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Self::Nothing };
        if values.next().is_some() {
            return Self::Unreadable;
        }
        let Ok(value) = value.to_str() else { return Self::Unreadable };
        match value.trim().split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
                Credentials::parse(rest.trim()).map_or(Self::Unreadable, Self::Credentials)
            }
            _ if value.trim().eq_ignore_ascii_case("basic") => Self::Unreadable,
            _ => Self::Nothing,
        }
    }
}

impl Credentials {
    /// RFC 7617 §2: base64 of user name, colon, password; the user name has no colon, and neither has control characters.
    fn parse(text: &str) -> Option<Self> {
        let octets = Zeroizing::new(STANDARD.decode(text).ok()?);
        let both = Zeroizing::new(str::from_utf8(&octets).ok()?.to_owned());
        let colon = both.find(':')?;
        (!both.contains(char::is_control)).then_some(Self { both, colon })
    }

    /// The user name: a serial number, if the device is right (RFC 8572 §5.3).
    pub(super) fn user(&self) -> &str {
        self.both.get(..self.colon).unwrap_or_default()
    }

    /// The activation code.
    pub(super) fn code(&self) -> &str {
        self.both.get(self.colon..).and_then(|rest| rest.strip_prefix(':')).unwrap_or_default()
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(values: &[&str]) -> Presented {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        Presented::of(&headers)
    }

    #[test]
    fn user_and_code_are_split_at_the_first_colon() {
        for (user, code) in [("SN-1", "secret"), ("SN-1", "a:b"), ("SN-1", ""), ("", "x"), ("é", "ü")] {
            let value = format!("basic  {}", STANDARD.encode(format!("{user}:{code}")));
            let Presented::Credentials(read) = presented(&[&value]) else { panic!("{value}") };
            assert_eq!((read.user(), read.code()), (user, code));
            assert_eq!(format!("{read:?}"), "Credentials");
        }
    }

    #[test]
    fn what_is_not_basic_is_nothing_and_what_only_claims_to_be_is_unreadable() {
        for other in [&[][..], &["Bearer abc"], &["Digest username=\"x\""], &[""]] {
            assert!(matches!(presented(other), Presented::Nothing), "{other:?}");
        }
        let good = format!("Basic {}", STANDARD.encode("a:b"));
        let latin = format!("Basic {}", STANDARD.encode(b"a\xe9:b"));
        let bell = format!("Basic {}", STANDARD.encode("a:b\x07"));
        let colonless = format!("Basic {}", STANDARD.encode("ab"));
        for bad in [&["Basic"][..], &["Basic ***"], &[&latin], &[&bell], &[&colonless], &[&good, &good]] {
            assert!(matches!(presented(bad), Presented::Unreadable), "{bad:?}");
        }
    }
}
