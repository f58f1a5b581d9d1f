//! The kinds of RESTCONF errors (RFC 8040 §7, with erratum 7311).

macro_rules! error_tags {
    ($($(#[$doc:meta])* $name:ident $text:literal $error_type:literal [$($status:literal),+],)*) => {
        /// `error-tag` (RFC 8040 §7 with erratum 7311; RCF-21).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorTag {
            $($(#[$doc])* $name,)*
        }

        impl ErrorTag {
            /// Every tag, in the order of the RFC's table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As RFC 8040 spells it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP statuses that RFC 8040 §7 pairs it with.
            #[must_use]
            pub const fn statuses(self) -> &'static [u16] {
                match self { $(Self::$name => &[$($status),+],)* }
            }

            /// The `error-type` that goes with it here: one of those that RFC 6241 Appendix A allows.
            pub(super) const fn error_type(self) -> &'static str {
                match self { $(Self::$name => $error_type,)* }
            }
        }
    };
}

error_tags! {
    /// The resource is in use by somebody else.
    InUse "in-use" "application" [409],
    /// Somebody else holds a lock.
    LockDenied "lock-denied" "protocol" [409],
    /// Not enough resources.
    ResourceDenied "resource-denied" "application" [409],
    /// What should be made exists.
    DataExists "data-exists" "application" [409],
    /// What should be changed does not exist.
    DataMissing "data-missing" "application" [409],
    /// A value of the wrong form, or nothing that fits the request.
    InvalidValue "invalid-value" "application" [400, 404, 406],
    /// A body beyond what is accepted; 400 when it is the answer's.
    TooBig "too-big" "rpc" [413, 400],
    /// An attribute is absent, or (RFC 9646 §2.2) a CSR is wanted.
    MissingAttribute "missing-attribute" "application" [400],
    /// An attribute has the wrong value.
    BadAttribute "bad-attribute" "application" [400],
    /// An attribute that nobody defines.
    UnknownAttribute "unknown-attribute" "application" [400],
    /// A mandatory member is absent (erratum 7311).
    MissingElement "missing-element" "application" [400],
    /// A member that excludes another one.
    BadElement "bad-element" "application" [400],
    /// A member the module does not define.
    UnknownElement "unknown-element" "application" [400],
    /// A namespace that nobody defines.
    UnknownNamespace "unknown-namespace" "application" [400],
    /// Not authenticated (401), or not allowed (403).
    AccessDenied "access-denied" "protocol" [401, 403],
    /// Changes could not be undone.
    RollbackFailed "rollback-failed" "application" [500],
    /// The method (405) or the operation (501) does not exist here.
    OperationNotSupported "operation-not-supported" "protocol" [405, 501],
    /// Our own failure (500), or a condition that did not hold (412).
    OperationFailed "operation-failed" "application" [500, 412],
    /// Some of it was done.
    PartialOperation "partial-operation" "application" [500],
    /// Not parseable at all.
    MalformedMessage "malformed-message" "rpc" [400],
}
