//! What a receiver gets: a record of the audit log as JSON, and a signature beside it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use operator_api::{AuditRecord, Notification};
use pki::key::SignError;

use crate::{
    api,
    audit::{CheckpointKey, ReportedKey},
    store::LogNumber,
};

/// What is signed begins with this, and then comes the body: what was signed for a webhook is nothing else.
pub const PREFIX: &str = "sztp-webhook-v1\n";

/// A message for one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// JSON.
    pub(super) body: Vec<u8>,
    /// Base64: Ed25519, by the key of the audit log.
    pub(super) signature: String,
    /// Log and leaf, which stand in the body too.
    pub(super) position: String,
}

impl Message {
    /// The record, and the keys that were reported with it (RFC 8572 Appendix C.3).
    pub(super) fn new(
        log: LogNumber,
        record: AuditRecord,
        keys: &[ReportedKey],
        key: &CheckpointKey,
    ) -> Result<Self, SignError> {
        let position = format!("{log}/{}", record.leaf);
        let keys = keys.iter().map(api::reported_key);
        let signed_by = key.verifier().name().to_string();
        let notification = Notification { log: log.0, signed_by, record, keys: keys.collect() };
        // Texts, numbers and JSON: there is nothing in it that cannot be written.
        let body = serde_json::to_vec(&notification).unwrap_or_default();
        let signature = STANDARD.encode(key.sign_message(&[PREFIX.as_bytes(), &body].concat())?);
        Ok(Self { body, signature, position })
    }
}
