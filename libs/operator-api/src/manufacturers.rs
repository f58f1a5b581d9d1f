//! Manufacturers whose devices the owner takes in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A manufacturer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Manufacturer {
    /// Its name.
    pub name: String,
    /// SHA-256 of each certificate that its IDevID certificates chain to.
    pub anchors: Vec<String>,
    /// SHA-256 of each certificate that its vouchers are signed under.
    pub voucher_anchors: Vec<String>,
    /// How its certificates carry the serial number: `attribute` or `product-and-serial`.
    pub serial_number_rule: String,
}

/// All manufacturers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ManufacturerList {
    /// By name.
    pub manufacturers: Vec<Manufacturer>,
}

/// What a manufacturer is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewManufacturer {
    /// PEM: what its IDevID certificates chain to.
    pub anchors: String,
    /// PEM: what its vouchers are signed under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher_anchors: Option<String>,
    /// How its certificates carry the serial number; `attribute` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number_rule: Option<String>,
}
