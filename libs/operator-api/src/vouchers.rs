//! Ownership vouchers: stored, listed, brought by the thousand, and compared with what is about to be delivered.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ImportFault;

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

/// Which vouchers are asked for. Each parameter narrows the choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VoucherQuery {
    /// For devices of this manufacturer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// For this serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// For serial numbers that start so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_prefix: Option<String>,
    /// That expire before this moment (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_before: Option<String>,
    /// With `expires-before`: only those of devices that have none that lasts until then. Takes `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<bool>,
    /// That pin the certificate with this SHA-256, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<String>,
    /// Whether their devices are on the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<bool>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Most that is wanted, 1 to 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of vouchers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct VoucherPage {
    /// By manufacturer, serial number and digest.
    pub vouchers: Vec<StoredVoucher>,
    /// What `after` takes for the next page; absent on the last.
    pub next: Option<String>,
}

/// A voucher as it is in stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StoredVoucher {
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
    /// `valid`, `expiring` (within 30 days), `expired`, `one-request` (it holds a nonce) or `unreadable` (only the device
    /// can read it).
    pub standing: String,
    /// The subject of the certificate that it pins.
    pub pins: Option<String>,
    /// SHA-256 of that certificate.
    pub pinned: Option<String>,
    /// Whether the owner's certificate chains to it.
    pub pins_owner: bool,
    /// The state of its device; absent when that is not on the list.
    pub state: Option<String>,
}

/// One line of an import of vouchers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BroughtVoucher {
    /// What to call it in the answer, the name of a file say; at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who made the device; found by the voucher's signature if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// The artifact (RFC 8366 §5.4), DER, base64.
    pub voucher: String,
}

/// One line of the answer to an import of vouchers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum VoucherUpdate {
    /// How far it has come.
    Progress(VoucherProgress),
    /// What became of one voucher.
    Voucher(VoucherOutcome),
    /// A line that is no voucher, or the place from which on nothing was read.
    Fault(ImportFault),
    /// The last line.
    Done(VouchersDone),
}

/// How far an import has come. What is counted is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct VoucherProgress {
    /// Lines read.
    pub read: u64,
    /// Vouchers stored.
    pub stored: u64,
}

/// What became of one voucher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct VoucherOutcome {
    /// The line, from 1.
    pub line: u64,
    /// What the request called it.
    pub name: Option<String>,
    /// `stored`, `known` (it was there before) or `refused`.
    pub outcome: String,
    /// Who made the device, when that is known.
    pub manufacturer: Option<String>,
    /// The device, when it could be read.
    pub serial_number: Option<String>,
    /// From when on devices refuse it.
    pub expires_on: Option<String>,
    /// SHA-256 of the artifact.
    pub sha256: String,
    /// Why it was refused: a reason code.
    pub reason: Option<String>,
    /// What is wrong.
    pub detail: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// How an import of vouchers ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct VouchersDone {
    /// Lines read.
    pub read: u64,
    /// Vouchers stored.
    pub stored: u64,
    /// Vouchers that were there before.
    pub known: u64,
    /// Vouchers that were verified and refused.
    pub refused: u64,
    /// Lines that are no voucher.
    pub faults: u64,
}

/// How a delivery list is to be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CoverageQuery {
    /// Until when vouchers must last (RFC 3339); today unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Who made the devices of rows that do not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
}

/// One line of the answer to a delivery list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum CoverageUpdate {
    /// How one device of the list stands.
    Device(CoveredDevice),
    /// A row that cannot be read, or the place from which on nothing was.
    Fault(ImportFault),
    /// The last line.
    Done(CoverageDone),
}

/// How one device of a delivery list stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CoveredDevice {
    /// The line of the list, from 1.
    pub line: u64,
    /// The serial number as the list has it.
    pub serial_number: String,
    /// Who made the device, as far as that can be told.
    pub manufacturer: Option<String>,
    /// Whether it will be onboarded when it is switched on: it has no problem.
    pub ready: bool,
    /// What stands in the way, the worst first.
    pub problems: Vec<CoverageProblem>,
    /// Whether it is on the list of devices.
    pub registered: bool,
    /// Its state on that list.
    pub state: Option<String>,
    /// What it is to become.
    pub profile: Option<String>,
    /// Until when its best voucher lasts; absent when it lasts for ever, or there is none.
    pub expires_on: Option<String>,
}

/// Something that stands in a device's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CoverageProblem {
    /// The reason code.
    pub reason: String,
    /// What is so, for this device.
    pub detail: String,
    /// What to do: a command, or a sentence where no command does it.
    pub fix: String,
}

/// How the devices of a delivery list stand, summed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CoverageDone {
    /// Rows read.
    pub read: u64,
    /// Devices that are ready.
    pub ready: u64,
    /// Rows that cannot be read.
    pub faults: u64,
    /// How many devices have each problem. A device may have several.
    pub problems: Vec<ProblemCount>,
}

/// How many devices have a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProblemCount {
    /// The reason code.
    pub reason: String,
    /// What it means.
    pub summary: String,
    /// What to do.
    pub remedy: String,
    /// How many devices have it.
    pub devices: u64,
}
