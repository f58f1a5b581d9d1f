//! Which status goes with which tag: the pairs of RFC 8040 §7, and no others.

use axum::http::StatusCode;
use conveyed_info::rpc::ErrorTag;

/// A status and a tag that belong together. There are only the constants below, and the compiler checks each: a pair that
/// RFC 8040 does not have cannot be answered (RCF-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    status: StatusCode,
    tag: ErrorTag,
}

impl Kind {
    pub(super) const UNAUTHENTICATED: Self = Self::paired(StatusCode::UNAUTHORIZED, ErrorTag::AccessDenied);
    pub(super) const DENIED: Self = Self::paired(StatusCode::FORBIDDEN, ErrorTag::AccessDenied);
    pub(super) const MALFORMED: Self = Self::paired(StatusCode::BAD_REQUEST, ErrorTag::MalformedMessage);
    pub(super) const BAD_VALUE: Self = Self::paired(StatusCode::BAD_REQUEST, ErrorTag::InvalidValue);
    pub(super) const BAD_ELEMENT: Self = Self::paired(StatusCode::BAD_REQUEST, ErrorTag::BadElement);
    pub(super) const UNKNOWN_ELEMENT: Self = Self::paired(StatusCode::BAD_REQUEST, ErrorTag::UnknownElement);
    pub(super) const MISSING_ELEMENT: Self = Self::paired(StatusCode::BAD_REQUEST, ErrorTag::MissingElement);
    pub(super) const MISSING_ATTRIBUTE: Self = Self::paired(StatusCode::BAD_REQUEST, ErrorTag::MissingAttribute);
    pub(super) const NOT_FOUND: Self = Self::paired(StatusCode::NOT_FOUND, ErrorTag::InvalidValue);
    pub(super) const NOT_ACCEPTABLE: Self = Self::paired(StatusCode::NOT_ACCEPTABLE, ErrorTag::InvalidValue);
    pub(super) const TOO_LARGE: Self = Self::paired(StatusCode::PAYLOAD_TOO_LARGE, ErrorTag::TooBig);
    pub(super) const METHOD: Self = Self::paired(StatusCode::METHOD_NOT_ALLOWED, ErrorTag::OperationNotSupported);
    pub(super) const NOT_IMPLEMENTED: Self = Self::paired(StatusCode::NOT_IMPLEMENTED, ErrorTag::OperationNotSupported);
    pub(super) const INTERNAL: Self = Self::paired(StatusCode::INTERNAL_SERVER_ERROR, ErrorTag::OperationFailed);

    pub(super) const MEDIA_TYPE: Self = Self::beside(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorTag::InvalidValue);
    pub(super) const TIMEOUT: Self = Self::beside(StatusCode::REQUEST_TIMEOUT, ErrorTag::OperationFailed);
    pub(super) const RANGE: Self = Self::beside(StatusCode::RANGE_NOT_SATISFIABLE, ErrorTag::InvalidValue);
    pub(super) const UNAVAILABLE: Self = Self::beside(StatusCode::SERVICE_UNAVAILABLE, ErrorTag::OperationFailed);

    /// A row of RFC 8040 §7, with erratum 7311.
    const fn paired(status: StatusCode, tag: ErrorTag) -> Self {
        assert!(has(tag, status), "RFC 8040 §7 pairs this tag with other statuses");
        Self { status, tag }
    }

    /// A status that HTTP defines and RFC 8040 §7 gives no tag: the tag is the nearest in meaning.
    const fn beside(status: StatusCode, tag: ErrorTag) -> Self {
        let mut index = 0;
        while index < ErrorTag::ALL.len() {
            assert!(!has(ErrorTag::ALL[index], status), "RFC 8040 §7 has tags for this status");
            index += 1;
        }
        Self { status, tag }
    }

    pub(super) const fn status(self) -> StatusCode {
        self.status
    }

    pub(super) const fn tag(self) -> ErrorTag {
        self.tag
    }

    /// What a body that breaks its module is (RFC 7950 §8.3): always 400.
    pub(super) const fn of_body(tag: ErrorTag) -> Self {
        match tag {
            ErrorTag::InvalidValue => Self::BAD_VALUE,
            ErrorTag::BadElement => Self::BAD_ELEMENT,
            ErrorTag::UnknownElement => Self::UNKNOWN_ELEMENT,
            ErrorTag::MissingElement => Self::MISSING_ELEMENT,
            _ => Self::MALFORMED,
        }
    }
}

const fn has(tag: ErrorTag, status: StatusCode) -> bool {
    let statuses = tag.statuses();
    let mut index = 0;
    while index < statuses.len() {
        if statuses[index] == status.as_u16() {
            return true;
        }
        index += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use conveyed_info::{DocumentError, Encoding, rpc::RestconfError};

    use super::*;

    #[test]
    fn rcf_21_whatever_is_wrong_with_a_body_keeps_its_tag() {
        let path = || "ietf-sztp-bootstrap-server:input/x".to_owned();
        for error in [
            DocumentError::Malformed { encoding: Encoding::Json, detail: String::new() },
            DocumentError::UnknownMember { path: path() },
            DocumentError::MissingMember { path: path() },
            DocumentError::InvalidValue { path: path(), expected: "else" },
            DocumentError::Conflict { path: path() },
        ] {
            let tag = RestconfError::from(&error).tag;
            assert_eq!((Kind::of_body(tag).status(), Kind::of_body(tag).tag()), (StatusCode::BAD_REQUEST, tag));
        }
    }
}
