//! How one server is spoken to.

use conveyed_info::{
    Encoding,
    rpc::{YANG_DATA_JSON, YANG_DATA_XML},
};

use super::judgement::Trust;
use crate::BasicCredentials;

/// A server's RESTCONF API, as far as a device uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// The path of its root, without a final slash (RFC 8040 §3.1).
    pub root: String,
    /// How bodies are written, and how answers are asked for (RFC 8040 §5.2; CLI-26).
    pub encoding: Encoding,
    /// What the device shows of itself beside its certificate. Nothing unless the server is authenticated
    /// (RFC 8572 §9.6; CLI-13).
    pub credentials: Option<BasicCredentials>,
}

impl Api {
    /// An API that is spoken to in JSON until its server turns out to want XML.
    pub(super) fn new(root: String, trust: Trust, credentials: Option<&BasicCredentials>) -> Self {
        let credentials = match trust {
            // RFC 8572 §9.6 (CLI-13, SEC-06): a password is for those who have shown who they are.
            Trust::Provisional => None,
            Trust::Trusted => credentials.cloned(),
        };
        Self { root, encoding: Encoding::Json, credentials }
    }

    /// No API: for data whose giver hears nothing.
    pub(super) const fn none() -> Self {
        Self { root: String::new(), encoding: Encoding::Json, credentials: None }
    }

    /// The one media type in which bodies are sent and answers asked for. More than one in `Accept` is more than some
    /// servers read.
    #[must_use]
    pub const fn media_type(&self) -> &'static str {
        match self.encoding {
            Encoding::Json => YANG_DATA_JSON,
            Encoding::Xml => YANG_DATA_XML,
        }
    }
}
