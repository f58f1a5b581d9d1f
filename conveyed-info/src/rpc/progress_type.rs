//! The 27 things that a device can report (RFC 8572 §7.3).

use std::{fmt, str::FromStr};

macro_rules! progress_types {
    ($($name:ident $text:literal,)*) => {
        /// `progress-type`: the 27 values of RFC 8572 §7.3, in the module's order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ProgressType {
            $(#[doc = concat!("`", $text, "`.")] $name,)*
        }

        impl ProgressType {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As the YANG module spells it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

progress_types! {
    BootstrapInitiated "bootstrap-initiated",
    ParsingInitiated "parsing-initiated",
    ParsingWarning "parsing-warning",
    ParsingError "parsing-error",
    ParsingComplete "parsing-complete",
    BootImageInitiated "boot-image-initiated",
    BootImageWarning "boot-image-warning",
    BootImageError "boot-image-error",
    BootImageMismatch "boot-image-mismatch",
    BootImageInstalledRebooting "boot-image-installed-rebooting",
    BootImageComplete "boot-image-complete",
    PreScriptInitiated "pre-script-initiated",
    PreScriptWarning "pre-script-warning",
    PreScriptError "pre-script-error",
    PreScriptComplete "pre-script-complete",
    ConfigInitiated "config-initiated",
    ConfigWarning "config-warning",
    ConfigError "config-error",
    ConfigComplete "config-complete",
    PostScriptInitiated "post-script-initiated",
    PostScriptWarning "post-script-warning",
    PostScriptError "post-script-error",
    PostScriptComplete "post-script-complete",
    BootstrapWarning "bootstrap-warning",
    BootstrapError "bootstrap-error",
    BootstrapComplete "bootstrap-complete",
    Informational "informational",
}

impl ProgressType {
    /// Whether this report says that a step failed; nothing more comes from that attempt (RFC 8572 §5.6).
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            Self::ParsingError
                | Self::BootImageError
                | Self::PreScriptError
                | Self::ConfigError
                | Self::PostScriptError
                | Self::BootstrapError
        )
    }

    /// Whether nothing more is expected from the attempt after this report.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        self.is_error() || matches!(self, Self::BootImageInstalledRebooting | Self::BootstrapComplete)
    }
}

impl fmt::Display for ProgressType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProgressType {
    type Err = UnknownProgressType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or(UnknownProgressType)
    }
}

/// The text is none of the 27 progress types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of the 27 progress types of RFC 8572 §7.3")]
pub struct UnknownProgressType;
