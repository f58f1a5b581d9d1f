//! RESTCONF errors (RFC 8040 §7) as both sides speak them.

use crate::{
    DocumentError, Encoding,
    document::{Container, Members, Out},
};

const ERRORS: &str = "ietf-restconf:errors";

/// `error-tag` (RFC 8040 §7 with erratum 7311), as far as these operations need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorTag {
    /// A value of the wrong form, or nothing that fits the request.
    InvalidValue,
    /// The body exceeds what is accepted.
    TooBig,
    /// A mandatory member is absent.
    MissingElement,
    /// A member that excludes another one.
    BadElement,
    /// A member the module does not define.
    UnknownElement,
    /// Not parseable at all.
    MalformedMessage,
    /// Not authenticated, or not allowed.
    AccessDenied,
    /// The method or operation does not exist here.
    OperationNotSupported,
    /// Our own failure.
    OperationFailed,
}

impl ErrorTag {
    const ALL: [Self; 9] = [
        Self::InvalidValue,
        Self::TooBig,
        Self::MissingElement,
        Self::BadElement,
        Self::UnknownElement,
        Self::MalformedMessage,
        Self::AccessDenied,
        Self::OperationNotSupported,
        Self::OperationFailed,
    ];

    /// As RFC 8040 spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidValue => "invalid-value",
            Self::TooBig => "too-big",
            Self::MissingElement => "missing-element",
            Self::BadElement => "bad-element",
            Self::UnknownElement => "unknown-element",
            Self::MalformedMessage => "malformed-message",
            Self::AccessDenied => "access-denied",
            Self::OperationNotSupported => "operation-not-supported",
            Self::OperationFailed => "operation-failed",
        }
    }

    const fn error_type(self) -> &'static str {
        match self {
            Self::MalformedMessage | Self::TooBig => "rpc",
            Self::AccessDenied | Self::OperationNotSupported => "protocol",
            _ => "application",
        }
    }
}

/// The error that a server answers with: tag, and a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestconfError {
    /// What kind of error.
    pub tag: ErrorTag,
    /// For people; starts with a reason code where there is one.
    pub message: String,
    /// The member that is wrong, as a path below the body.
    pub path: Option<String>,
}

impl RestconfError {
    /// An error without a path.
    #[must_use]
    pub fn new(tag: ErrorTag, message: impl Into<String>) -> Self {
        Self { tag, message: message.into(), path: None }
    }

    /// Writes the `errors` document.
    #[must_use]
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        let mut error = Container::new();
        error.put_text("error-type", self.tag.error_type());
        error.put_text("error-tag", self.tag.as_str());
        if let Some(path) = &self.path {
            error.put_text("error-path", &format!("/{path}"));
        }
        error.put_text("error-message", &self.message);
        let mut errors = Container::new();
        errors.put("error", Out::List(vec![Out::Container(error)]));
        errors.into_document(ERRORS, encoding)
    }

    /// Reads the first error of an `errors` document, as far as it can be understood: servers in the field answer with
    /// all kinds of bodies, and a device only wants to know why.
    #[must_use]
    pub fn decode(bytes: &[u8], encoding: Encoding) -> Option<Self> {
        let mut top = Members::of_container(bytes, encoding, ERRORS).ok()?;
        let mut error = top.optional("error")?.entries(16).ok()?.into_iter().next()?.members().ok()?;
        let tag = error.optional("error-tag")?.text().ok()?;
        let tag = ErrorTag::ALL.into_iter().find(|known| known.as_str() == tag)?;
        let mut text = |name| error.optional(name).and_then(|node| node.text().ok());
        Some(Self { tag, message: text("error-message").unwrap_or_default(), path: text("error-path") })
    }
}

impl From<&DocumentError> for RestconfError {
    /// RFC 7950 §8.3 and RFC 8040 §7 (RCF-21, RCF-27).
    fn from(error: &DocumentError) -> Self {
        let (tag, path) = match error {
            DocumentError::Malformed { .. } => (ErrorTag::MalformedMessage, None),
            DocumentError::UnknownMember { path } => (ErrorTag::UnknownElement, Some(path)),
            DocumentError::MissingMember { path } => (ErrorTag::MissingElement, Some(path)),
            DocumentError::InvalidValue { path, .. } => (ErrorTag::InvalidValue, Some(path)),
            DocumentError::Conflict { path } => (ErrorTag::BadElement, Some(path)),
        };
        Self { tag, message: error.to_string(), path: path.cloned() }
    }
}
