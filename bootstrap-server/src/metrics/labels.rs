//! The labels of metrics: closed lists, so that no peer can make a new time series.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// A label value from a closed list of names.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// As metrics and logs have it.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                EncodeLabelValue::encode(&self.as_str(), encoder)
            }
        }
    };
}

names! {
    /// Which listener.
    ListenerName {
        /// The one for devices.
        Device = "device",
        /// The one for devices that can do no better.
        Legacy = "legacy-device",
        /// The one for operators.
        Operator = "operator",
        /// The one of authorities.
        Authority = "authority",
        /// Where authorities publish.
        Publication = "publication",
    }
}

names! {
    /// How a handshake ended.
    HandshakeOutcome {
        /// A new session.
        Full = "full",
        /// An earlier session goes on.
        Resumed = "resumed",
        /// The peer's certificate was refused.
        Refused = "refused",
        /// It broke off: no TLS, no common version, the peer went away.
        Failed = "failed",
        /// It took too long.
        TimedOut = "timed-out",
    }
}

names! {
    /// The version of TLS.
    TlsVersion {
        /// RFC 5246.
        Tls12 = "1.2",
        /// RFC 8446.
        Tls13 = "1.3",
        /// None was agreed on.
        None = "none",
    }
}

names! {
    /// What a request asks for.
    Operation {
        /// RFC 8572 §7.1.
        GetBootstrappingData = "get-bootstrapping-data",
        /// RFC 8572 §7.2.
        ReportProgress = "report-progress",
        /// A boot image.
        Image = "image",
        /// Everything else: discovery, and what does not exist.
        Other = "other",
    }
}

impl Operation {
    /// Whether it is one of the two that RFC 8572 §7 defines.
    pub(crate) const fn is_an_rpc(self) -> bool {
        matches!(self, Self::GetBootstrappingData | Self::ReportProgress)
    }

    /// From the path of a request.
    pub(crate) fn of(path: &str) -> Self {
        use conveyed_info::rpc::{GET_BOOTSTRAPPING_DATA, REPORT_PROGRESS};
        if path.ends_with(GET_BOOTSTRAPPING_DATA) {
            Self::GetBootstrappingData
        } else if path.ends_with(REPORT_PROGRESS) {
            Self::ReportProgress
        } else if path.starts_with("/images/") {
            Self::Image
        } else {
            Self::Other
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByListener {
    pub(super) listener: ListenerName,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByHandshake {
    pub(super) listener: ListenerName,
    pub(super) outcome: HandshakeOutcome,
    pub(super) version: TlsVersion,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByRequest {
    pub(super) operation: Operation,
    pub(super) status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByOperation {
    pub(super) operation: Operation,
}

/// The reason is a name from a closed list of this program's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByReason {
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByState {
    pub(super) state: &'static str,
}

/// Each is a name from a closed list of this program's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByDhcpEvent {
    pub(super) protocol: &'static str,
    pub(super) event: &'static str,
    pub(super) reason: &'static str,
}

/// The outcome is one of `netboot::io::ProbeOutcome`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByProbe {
    pub(super) protocol: &'static str,
    pub(super) outcome: &'static str,
}

/// The protocol is `dhcp4` or `dhcp6`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByProtocol {
    pub(super) protocol: &'static str,
}

/// The subnet stands in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BySubnet {
    pub(super) protocol: &'static str,
    pub(super) subnet: String,
}

/// The reason is one of [`verdict::ReasonCode`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByAlarm {
    pub(super) reason: String,
}

/// The name stands in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByWebhook {
    pub(super) webhook: String,
}

/// The name is one that an admin gave; empty for lists of no manufacturer in particular.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByManufacturer {
    pub(super) manufacturer: String,
}
