//! Why a key in a token cannot be used.

use std::path::PathBuf;

use cryptoki::error::{Error, RvError};

use crate::key::{KeyError, Passphrase, PassphraseFileError, SignError};

/// A key in a token cannot be had or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs11Error {
    /// The token's library is not there or is none.
    #[error("the PKCS#11 module {} cannot be loaded: {source}", path.display())]
    Module {
        /// Which file.
        path: PathBuf,
        /// What the library says.
        source: Box<Error>,
    },
    /// No token fits.
    #[error("no token fits: is it plugged in? `pkcs11-tool --module {} -L` lists the tokens there are", module.display())]
    NoToken {
        /// The module that was asked.
        module: PathBuf,
    },
    /// Several tokens fit.
    #[error("{count} tokens fit: say more about the one that is meant, by token, serial or slot-id")]
    ManyTokens {
        /// How many.
        count: usize,
    },
    /// No private key fits.
    #[error("no private key in the token fits{}", if *logged_in { "" } else { "; name the file of the PIN with pin-source: \
             without it private keys are not seen" })]
    NoKey {
        /// Whether a PIN was given.
        logged_in: bool,
    },
    /// Several private keys fit.
    #[error("{count} private keys in the token fit: say which by object and id")]
    ManyKeys {
        /// How many.
        count: usize,
    },
    /// The file of the PIN gives none.
    #[error("the PIN in {}: {source}", path.display())]
    Pin {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: PassphraseFileError,
    },
    /// The token refuses the PIN. It is not tried again before it is another one, so that no token gets locked.
    #[error("the token refuses the PIN in {}; it is not tried again before that file has changed", path.display())]
    PinRefused {
        /// Which file.
        path: PathBuf,
    },
    /// One more wrong PIN would lock the token.
    #[error(
        "one more wrong PIN would lock the token: log in once by hand, `pkcs11-tool --login --list-objects`, and start again"
    )]
    LastTry,
    /// The token is locked.
    #[error("the token is locked after too many wrong PINs: its security officer has to set a new one")]
    Locked,
    /// The key wants its PIN before each use.
    #[error("the key wants its PIN before every single use (CKA_ALWAYS_AUTHENTICATE), which no service can do")]
    AlwaysAuthenticate,
    /// The token does not tell the key's public half.
    #[error(
        "the token has neither the public key nor the certificate that goes with the private key: write one beside it, \
             with the same id"
    )]
    NoPublicHalf,
    /// What lies beside the private key as its public half is that of another one.
    #[error(
        "the public key or certificate beside the private key is not its own: give both of them the same id, and no other"
    )]
    OtherPublicHalf,
    /// The public half is of a kind that is not worked with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key of this name is there already.
    #[error("the token has a key of this name already: choose another label")]
    Exists,
    /// A new key has no name.
    #[error("a new key needs a name: add `object=LABEL`")]
    NoLabel,
    /// The key cannot do what was asked.
    #[error("the key or its token cannot do that ({source})")]
    CannotDo {
        /// What the library says.
        source: Box<Error>,
    },
    /// What was asked does not fit the key.
    #[error("the key does not do that")]
    Mismatch,
    /// The token did not answer in time.
    #[error("the token did not answer in time")]
    TimedOut,
    /// Too many wait for the token.
    #[error("too many wait for the token")]
    Busy,
    /// Something in the library or the token failed.
    #[error("the token failed: {source}")]
    Token {
        /// What the library says.
        source: Box<Error>,
    },
}

impl From<Error> for Pkcs11Error {
    fn from(source: Error) -> Self {
        let source = Box::new(source);
        match *source {
            Error::Pkcs11(RvError::PinLocked, _) => Self::Locked,
            Error::Pkcs11(
                RvError::MechanismInvalid
                | RvError::MechanismParamInvalid
                | RvError::KeyFunctionNotPermitted
                | RvError::KeyTypeInconsistent
                | RvError::KeySizeRange
                | RvError::CurveNotSupported
                | RvError::DomainParamsInvalid
                | RvError::FunctionNotSupported
                | RvError::ArgumentsBad,
                _,
            ) => Self::CannotDo { source },
            _ => Self::Token { source },
        }
    }
}

impl Pkcs11Error {
    /// Whether the session is of no more use: the token was reset, taken out or logged out by others, and a new session may
    /// do.
    pub(super) fn wants_new_session(&self) -> bool {
        let Self::Token { source } = self else { return false };
        matches!(
            **source,
            Error::Pkcs11(
                RvError::SessionHandleInvalid
                    | RvError::SessionClosed
                    | RvError::UserNotLoggedIn
                    | RvError::KeyHandleInvalid
                    | RvError::ObjectHandleInvalid
                    | RvError::DeviceRemoved
                    | RvError::DeviceError
                    | RvError::TokenNotPresent
                    | RvError::CryptokiNotInitialized
                    | RvError::OperationActive
                    | RvError::GeneralError
                    | RvError::SlotIdInvalid,
                _,
            )
        )
    }
}

impl Pkcs11Error {
    /// Whether the session that failed like this is still there, and is to be closed.
    pub(super) fn session_is_ours(&self) -> bool {
        let Self::Token { source } = self else { return true };
        matches!(**source, Error::Pkcs11(RvError::UserNotLoggedIn | RvError::OperationActive, _))
    }
}

impl From<Pkcs11Error> for SignError {
    fn from(error: Pkcs11Error) -> Self {
        match error {
            Pkcs11Error::TimedOut | Pkcs11Error::Busy => Self::TimedOut,
            Pkcs11Error::CannotDo { .. } | Pkcs11Error::Mismatch => Self::Refused,
            _ => Self::Unavailable,
        }
    }
}

/// A PIN is text for the library.
pub(super) fn text(pin: &Passphrase) -> Option<&str> {
    str::from_utf8(pin.octets()).ok()
}
