//! Devices: what is known of them, and what can be asked for them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Device {
    /// Who made it.
    pub manufacturer: String,
    /// Its serial number, unique within the manufacturer.
    pub serial_number: String,
    /// What it is to become; one that nobody registered has none.
    pub profile: Option<String>,
    /// What and where it is.
    #[serde(flatten)]
    pub particulars: Particulars,
    /// `registered`, `vouched`, `held`, `seen`, `redirected`, `referred`, `onboarding`, `bootstrapped`, `failed`, `refused` or `retired`.
    pub state: String,
    /// The reason code or progress type that goes with the state.
    pub detail: Option<String>,
    /// When it last moved.
    pub since: String,
    /// Whether a voucher for it is stored.
    pub vouched: bool,
    /// What it waits for, unless it is at an end.
    pub waiting: Option<Waiting>,
    /// When, where from and by what it last proved its identity.
    pub proof: Option<Proof>,
    /// What somebody ought to look at.
    pub alarm: Option<Alarm>,
    /// Changes whenever the record does, and when the database is restored: what `If-Match` takes, in quotes. The `ETag`
    /// begins with it, and changes with everything that is shown.
    pub version: String,
}

/// What and where a device is. Everything is optional; nothing in it decides about trust. Texts have 1 to 255 characters on
/// one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Particulars {
    /// The maker's name for this kind of device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Hardware addresses, such as `00:00:5e:00:53:01`; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mac_addresses: Vec<String>,
    /// The UUID of its firmware, such as `123e4567-e89b-12d3-a456-426614174000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The name it is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The slot or height unit it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The rack it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
}

/// What a device waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Waiting {
    /// Who has to move: `device` or `operator`.
    pub responsible: String,
    /// Until when that is in order.
    pub deadline: String,
    /// What is wrong, past the deadline.
    pub stuck: Option<Stuck>,
}

/// A device that waits too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Stuck {
    /// The reason code.
    pub reason: String,
    /// What happened, in one sentence.
    pub summary: String,
    /// What to do about it.
    pub remedy: String,
}

/// A proof of identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Proof {
    /// When.
    pub at: String,
    /// The address it called from.
    pub source: String,
    /// SHA-256 of the certificate.
    pub certificate: String,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Alarm {
    /// The reason code.
    pub reason: String,
    /// When it was first seen.
    pub at: String,
    /// What to do about it.
    pub remedy: String,
}

/// Which devices are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeviceQuery {
    /// Of this manufacturer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// With this serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// Whose serial number starts so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_prefix: Option<String>,
    /// In this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// With this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// In this rack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
    /// With this host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// With this UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Only those past a deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<bool>,
    /// Only those with an alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarmed: Option<bool>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Most that is wanted, 100 unless said, at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DevicePage {
    /// The devices, by manufacturer and serial number.
    pub devices: Vec<Device>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
}

/// A device to be put on the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewDevice {
    /// Who made it.
    pub manufacturer: String,
    /// Its serial number.
    pub serial_number: String,
    /// What it is to become.
    pub profile: String,
    /// What and where it is.
    #[serde(flatten)]
    pub particulars: Particulars,
}

/// A change of what is written down about a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeviceChange {
    /// What it is to become; left alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What and where it is, as a whole; left alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::object::optional")]
    pub particulars: Option<Particulars>,
}

/// Why somebody does something. It stands in the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Because {
    /// In that person's words, 1 to 1,000 characters.
    pub reason: String,
}

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Erased {
    /// How many records of the audit log: now, so that the same request, when it comes again, tells of those that were left.
    pub records: u64,
}

/// A decision to let a device through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ApproveDevice {
    /// Why, in that person's words, 1 to 1,000 characters.
    pub reason: String,
    /// What it is to become; needed for a device that nobody registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// An activation code, which is shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct IssuedActivationCode {
    /// What the device must send as its HTTP Basic password.
    pub activation_code: String,
}

/// What a device reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Reports {
    /// Oldest first.
    pub reports: Vec<Report>,
}

/// A progress report (RFC 8572 §7.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Its position in the audit log.
    pub leaf: u64,
    /// When it came.
    pub at: String,
    /// What was reported.
    pub progress_type: String,
    /// The device's message.
    pub message: Option<String>,
    /// Keys it can be authenticated by from now on.
    pub keys: Vec<ReportedKey>,
}

/// A key or certificate chain that a device reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReportedKey {
    /// The SSH algorithm, or `trust-anchor-cert`.
    pub kind: String,
    /// SSH wire form or degenerate CMS, base64.
    pub data: String,
    /// Of an SSH host key, as `ssh-keygen -l` writes it: `SHA256:` and a digest in base64.
    pub fingerprint: Option<String>,
    /// Of a chain: its certificates, from the CA that issues the device's own up to the root.
    pub certificates: Vec<ReportedCertificate>,
}

/// A certificate of a chain that a device reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReportedCertificate {
    /// Whose it is.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// SHA-256 of it, hex.
    pub sha256: String,
    /// Until when it is good.
    pub not_after: String,
}

/// What happened to a device, what it waits for, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Story {
    /// The device as it stands.
    pub device: Device,
    /// What happened, oldest first: the latest 1,000 things.
    pub steps: Vec<Step>,
    /// The keys that the device reported when it was bootstrapped last: by these it can be authenticated since.
    pub keys: Vec<ReportedKey>,
    /// What it would be told if it asked now, in one sentence.
    pub next_answer: String,
    /// Why that leads nowhere, if it does, because the device would refuse it or get nothing: the reason code.
    pub would_be_refused: Option<String>,
    /// What to do, if anything.
    pub remedy: Option<String>,
    /// Every check made on what would be served, as in `specs/trace.schema.json`.
    #[schema(value_type = Vec<Object>)]
    pub checks: Vec<serde_json::Value>,
}

/// One thing that happened to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// Its position in the audit log.
    pub leaf: u64,
    /// When.
    pub at: String,
    /// The event's name.
    pub event: String,
    /// What happened, in one sentence.
    pub summary: String,
    /// Who caused it, if a person did.
    pub by: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_are_refused_by_name_at_every_level() {
        let device = r#"{"manufacturer":"m","serial-number":"s","profile":"p","model":"x"}"#;
        let read = serde_json::from_str::<NewDevice>(device).unwrap();
        assert_eq!((read.manufacturer.as_str(), read.particulars.model.as_deref()), ("m", Some("x")));
        for (bad, name) in [
            (device.replace("model", "modle"), "modle"),
            (device.replace("\"profile\"", "\"profil\""), "profil"),
            (device.replace("model\"", "serial-number\""), "serial-number"),
        ] {
            let error = serde_json::from_str::<NewDevice>(&bad).unwrap_err().to_string();
            assert!(error.contains(name), "{bad}: {error}");
        }
        let error = serde_json::from_str::<DeviceChange>(r#"{"particulars":{"rak":"7"}}"#).unwrap_err().to_string();
        assert!(error.contains("rak"), "{error}");
        assert!(serde_json::from_str::<DeviceChange>(r#"{"particulars":[null,[],null,null,null]}"#).is_err());
        let change = |text: &str| serde_json::from_str::<DeviceChange>(text).unwrap().particulars;
        assert_eq!(change(r#"{"particulars":{}}"#), Some(Particulars::default()));
        assert_eq!(change(r#"{"particulars":null}"#), None);
    }

    #[test]
    fn a_device_survives_its_text() {
        let device = Device {
            manufacturer: "m".to_owned(),
            serial_number: "s".to_owned(),
            profile: None,
            particulars: Particulars { rack: Some("r".to_owned()), ..Particulars::default() },
            state: "held".to_owned(),
            detail: None,
            since: "2026-01-01T00:00:00.000Z".to_owned(),
            vouched: false,
            waiting: None,
            proof: None,
            alarm: None,
            version: "1f2e3d4c-7".to_owned(),
        };
        let text = serde_json::to_string(&device).unwrap();
        assert_eq!(serde_json::from_str::<Device>(&text).unwrap(), device);
    }
}
