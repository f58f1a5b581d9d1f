//! Production orders: what a factory makes, and which units have their certificate.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A production order to be made. What it says never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewProductionOrder {
    /// Its name.
    pub name: String,
    /// The authority that issues.
    pub authority: String,
    /// The authority's profile.
    pub profile: String,
    /// What is made: the common name that requests may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The stations that may enrol units, by the common names of their certificates; each that the server trusts where none
    /// is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stations: Vec<String>,
    /// From when on nothing is issued under it (RFC 3339).
    pub expires: String,
    /// PEM: anchors of TPM makers. A unit without an `endorsement-key` of its own has to have one that one of them certified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsement_anchors: Option<String>,
    /// What is made.
    pub units: Vec<NewProductionUnit>,
}

/// A unit of a new order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewProductionUnit {
    /// Its serial number.
    pub serial_number: String,
    /// SHA-256 of the SubjectPublicKeyInfo of its TPM's endorsement key, in hex: the unit has to prove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsement_key: Option<String>,
}

/// A production order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProductionOrder {
    /// Its name.
    pub name: String,
    /// The authority that issues.
    pub authority: String,
    /// The authority's profile.
    pub profile: String,
    /// What is made.
    pub model: Option<String>,
    /// The stations that may enrol units; none named means each that the server trusts.
    pub stations: Vec<String>,
    /// From when on nothing is issued under it.
    pub expires: String,
    /// SHA-256 of each anchor of a TPM maker.
    pub endorsement_anchors: Vec<String>,
    /// How many units it has.
    pub units: u64,
    /// How many of them have their certificate.
    pub certified: u64,
    /// Why it was closed, if it was.
    pub closed: Option<String>,
}

/// A page of production orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProductionOrderPage {
    /// By name.
    pub orders: Vec<ProductionOrder>,
    /// What to give as `after` for the next page; none at the end.
    pub next: Option<String>,
}

/// A unit of a production order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProductionUnit {
    /// Its serial number.
    pub serial_number: String,
    /// The endorsement key that it has to prove.
    pub endorsement_key: Option<String>,
    /// The serial number of the certificate that it got last, in hex.
    pub certificate: Option<String>,
    /// The station that asked for it.
    pub station: Option<String>,
    /// Why it may have one more.
    pub rework: Option<String>,
}

/// A page of an order's units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProductionUnitPage {
    /// By serial number.
    pub units: Vec<ProductionUnit>,
    /// What to give as `after` for the next page; none at the end.
    pub next: Option<String>,
}

/// Which page of a list of production is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProductionQuery {
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Most that is wanted, 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
