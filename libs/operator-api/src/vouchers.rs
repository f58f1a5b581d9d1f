//! Ownership vouchers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A voucher to be stored. It is verified first: it must be signed under a voucher anchor of the manufacturer, be for the
/// serial number it names, and pin a certificate that the owner's chains to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewVoucher {
    /// Who made the device; found by the voucher's signature if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// The artifact (RFC 8366 §5.4), DER, base64.
    pub voucher: String,
}

/// A voucher that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Voucher {
    /// Who made the device.
    pub manufacturer: String,
    /// The device.
    pub serial_number: String,
    /// SHA-256 of the artifact.
    pub sha256: String,
    /// When it was made.
    pub created_on: Option<String>,
    /// From when on devices refuse it.
    pub expires_on: Option<String>,
}
