//! The closed list of reason codes. A code, once released, is never renamed and never given another meaning.

#[macro_use]
mod artifacts;
#[macro_use]
mod certificates;
#[macro_use]
mod onboarding;
#[macro_use]
mod operating;
#[macro_use]
mod serving;
#[macro_use]
mod vouchers;

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// Builds the enum and its four views from one table, so that a code cannot lack a section or a remedy. The table's parts are the
/// files beside this one: each adds its own and calls the next.
macro_rules! reason_codes {
    (; $($name:ident, $code:literal, $section:literal, $summary:literal, $remedy:literal;)*) => {
        /// Why something was refused. Closed, documented and stable: scripts may match on [`ReasonCode::as_str`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ReasonCode {
            $(#[doc = $summary] $name,)*
        }

        impl ReasonCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name, kebab-case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Where the broken rule stands.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self { $(Self::$name => $section,)* }
            }

            /// What happened, as one plain sentence without a full stop.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => $summary,)* }
            }

            /// What a person can do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

artifacts! { onboarding serving certificates vouchers operating reason_codes; }

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ReasonCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for ReasonCode {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == code).ok_or(UnknownReason)
    }
}

/// The text is not the name of a reason code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownReason;

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such reason code")
    }
}

impl std::error::Error for UnknownReason {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_and_parse_back() {
        let names: BTreeSet<_> = ReasonCode::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(names.len(), ReasonCode::ALL.len());
        for reason in ReasonCode::ALL {
            assert!(reason.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{reason}");
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
        assert_eq!("no-such-thing".parse::<ReasonCode>(), Err(UnknownReason));
    }

    #[test]
    fn every_code_explains_itself() {
        for reason in ReasonCode::ALL {
            assert!(!reason.section().is_empty() && !reason.summary().ends_with('.'), "{reason}");
            assert!(reason.remedy().ends_with('.'), "{reason}");
        }
    }
}
