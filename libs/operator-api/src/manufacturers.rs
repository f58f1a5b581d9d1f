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
    /// SHA-256 of each certificate that those chain to which are taken at the listener for old devices.
    pub legacy_anchors: Vec<String>,
    /// SHA-256 of each certificate that its vouchers are signed under.
    pub voucher_anchors: Vec<String>,
    /// How its certificates carry the serial number: `attribute`, `product-and-serial`, `hardware-module-name[:text|:hex][:OID]`
    /// or a template such as `CN=bmc-{serial}`. Where several apply they must agree.
    pub serial_number_rules: Vec<String>,
    /// SHA-256 of each intermediate certificate that its devices do not send.
    pub intermediates: Vec<String>,
    /// Object identifiers of critical extensions that are let pass although nobody here understands them.
    pub critical_extensions: Vec<String>,
    /// Object identifiers of the extended key usages of which its certificates name one; empty where any will do.
    pub extended_key_usages: Vec<String>,
    /// The address of its MASA, which is asked for vouchers.
    pub masa_url: Option<String>,
    /// SHA-256 of each certificate that the MASA's server certificate chains to.
    pub masa_anchors: Vec<String>,
    /// All these certificates.
    pub certificates: Vec<KnownCertificate>,
    /// Revocation lists of its CAs that were stored.
    pub revocation_lists: Vec<RevocationList>,
}

/// A certificate that is known of a manufacturer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct KnownCertificate {
    /// SHA-256.
    pub sha256: String,
    /// Its subject (RFC 4514).
    pub subject: String,
    /// Until when it is valid.
    pub not_after: String,
    /// PEM.
    pub pem: String,
}

/// A revocation list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RevocationList {
    /// SHA-256.
    pub sha256: String,
    /// Who issued it (RFC 4514).
    pub issuer: String,
    /// When it was made.
    pub this_update: String,
    /// When there is a newer one, at the latest.
    pub next_update: Option<String>,
    /// How many certificates it names.
    pub entries: usize,
}

/// All manufacturers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ManufacturerList {
    /// By name.
    pub manufacturers: Vec<Manufacturer>,
}

/// What a manufacturer is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewManufacturer {
    /// PEM: what its IDevID certificates chain to. May be left out where there are legacy anchors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchors: Option<String>,
    /// PEM: what those chain to that are taken at the listener for old devices, and nowhere else. Below them signatures with
    /// SHA-1 count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_anchors: Option<String>,
    /// PEM: what its vouchers are signed under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher_anchors: Option<String>,
    /// How its certificates carry the serial number; `attribute` unless said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serial_number_rules: Vec<String>,
    /// PEM: CA certificates that its devices do not send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intermediates: Option<String>,
    /// Object identifiers of critical extensions to let pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical_extensions: Vec<String>,
    /// Object identifiers of extended key usages of which a certificate must name one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended_key_usages: Vec<String>,
    /// The address of its MASA (RFC 8995 §2.3.2): `https://NAME[:PORT]`, with a path where requests are not below
    /// `/.well-known/brski`. Goes with `masa-anchors`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masa_url: Option<String>,
    /// PEM: what the MASA's server certificate chains to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masa_anchors: Option<String>,
}

/// The revocation lists of a manufacturer's CAs, all of them: they take the place of those that were stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewRevocationLists {
    /// PEM (`X509 CRL`), one after another; empty for none.
    pub lists: String,
}

/// The revocation lists of a manufacturer that are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RevocationListList {
    /// The lists.
    pub revocation_lists: Vec<RevocationList>,
}
