//! A user name and a password (RFC 7617), for servers that know devices by them (RFC 8572 §5.1; DEV-04).

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

/// User name and password of HTTP's Basic scheme. Shown by its user name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicCredentials {
    user: String,
    password: String,
}

impl BasicCredentials {
    /// Credentials. RFC 7617 §2: neither part holds control characters, and no colon is in the user name.
    ///
    /// # Errors
    /// [`CredentialsInvalid`].
    pub fn new(user: &str, password: &str) -> Result<Self, CredentialsInvalid> {
        let writable = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        if !writable(user) || user.contains(':') || !writable(password) {
            return Err(CredentialsInvalid);
        }
        Ok(Self { user: user.to_owned(), password: password.to_owned() })
    }

    /// The user name.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The value of the `Authorization` field. It is the password, for whoever reads it.
    #[must_use]
    pub fn authorization(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The user name or the password cannot be sent by the Basic scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("user name and password must be one line of text each, and the user name must be without a colon")]
pub struct CredentialsInvalid;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_13_credentials_show_no_password() {
        let credentials = BasicCredentials::new("SN-1", "open sesame").unwrap();
        assert!(!format!("{credentials:?}").contains("sesame"));
        // The example of RFC 7617 §2.
        let example = BasicCredentials::new("Aladdin", "open sesame").unwrap();
        assert_eq!(example.authorization(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn credentials_that_would_be_read_as_others_are_refused() {
        for (user, password) in [("a:b", "c"), ("", "c"), ("a", ""), ("a\n", "c"), ("a", "c\r\nX: y")] {
            assert_eq!(BasicCredentials::new(user, password), Err(CredentialsInvalid), "{user:?} {password:?}");
        }
    }
}
