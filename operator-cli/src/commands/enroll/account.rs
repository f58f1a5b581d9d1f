//! What is told of a certificate: a pure account, shown as text or as JSON.

use bootstrap_server::domain::{
    Manufacturer,
    identification::{Doorway, Identified, Opinion, Trust, identify, opinions},
};
use pki::{
    certificate::Certificate,
    identity::{SerialNumber, SerialNumberRule},
    time::Timestamp,
};
use serde::Serialize;
use verdict::Refusal;

use super::odd::oddities;
use crate::{explain::names, show::plain};

/// Everything that is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Account {
    certificate: Facts,
    odd: Vec<String>,
    /// What common rules would give, whoever made the device.
    common_rules: Vec<Reading>,
    manufacturers: Vec<Judged>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_listener: Option<Conclusion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    legacy_listener: Option<Conclusion>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Facts {
    subject: String,
    issuer: String,
    not_before: String,
    not_after: String,
    sha256: String,
    critical_extensions: Vec<String>,
    extended_key_usages: Vec<String>,
    sent_with: usize,
}

/// What one rule gives.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Reading {
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
}

/// What one manufacturer makes of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Judged {
    manufacturer: String,
    /// Subjects from the device's to the anchor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Vec<String>>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_path: Option<String>,
    /// The same, at the listener for old devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    legacy_path: Option<Vec<String>>,
    /// Why no device has such a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    unfit: Option<String>,
    rules: Vec<Reading>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_no_serial_number: Option<String>,
}

/// What a listener would do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Conclusion {
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// Rules that are tried on every certificate: those that makers are known to need.
const COMMON: &[&str] = &[
    "attribute",
    "product-and-serial",
    "hardware-module-name",
    "hardware-module-name:hex",
    "CN={serial}",
    "CN={any}-{serial}",
];

impl Account {
    /// What is to be told of `certificate`, sent with `sent`, where `trust` is known.
    pub(super) fn of(certificate: &Certificate, sent: &[Certificate], trust: &Trust, now: Timestamp) -> Self {
        let extensions = certificate.extensions();
        let named = |oids: &[_]| oids.iter().map(|oid| names::name(*oid)).collect::<Vec<_>>();
        let facts = Facts {
            subject: certificate.subject_text(),
            issuer: certificate.issuer().to_string(),
            not_before: certificate.not_before().to_string(),
            not_after: certificate.not_after().to_string(),
            sha256: certificate.sha256().to_string(),
            critical_extensions: named(&extensions.critical),
            extended_key_usages: named(extensions.extended_key_usage.as_deref().unwrap_or_default()),
            sent_with: sent.len(),
        };
        let common = COMMON.iter().filter_map(|text| text.parse::<SerialNumberRule>().ok());
        let common_rules = common.map(|rule| Reading::of(&rule, SerialNumber::by_rule(certificate, &rule))).collect();
        let ordinary = opinions(trust, certificate, sent, Doorway::Ordinary, now);
        let legacy = opinions(trust, certificate, sent, Doorway::Legacy, now);
        let manufacturers = ordinary.zip(legacy).map(|(one, other)| Judged::of(certificate, one, other)).collect();
        let has_any =
            |doorway: Doorway| trust.manufacturers().iter().any(|it: &Manufacturer| !doorway.anchors(it).is_empty());
        let at = |doorway: Doorway| {
            has_any(doorway).then(|| Conclusion::of(identify(trust, certificate, sent, doorway, now)))
        };
        Self {
            certificate: facts,
            odd: oddities(certificate, now),
            common_rules,
            manufacturers,
            device_listener: at(Doorway::Ordinary),
            legacy_listener: at(Doorway::Legacy),
        }
    }

    /// Whether a listener would let the device in; nothing when no manufacturer is known.
    pub(super) fn accepted(&self) -> Option<bool> {
        let listeners = [&self.device_listener, &self.legacy_listener];
        listeners.into_iter().flatten().map(|it| it.accepted).reduce(|one, other| one || other)
    }

    /// For people.
    pub(super) fn render(&self, file: &str) -> String {
        let facts = &self.certificate;
        let mut lines = vec![
            format!("{file}: {}", shown(&facts.subject)),
            format!("  issued by   {}", shown(&facts.issuer)),
            format!("  valid       {} to {}", facts.not_before, facts.not_after),
            format!("  sha256      {}", facts.sha256),
            format!("  critical    {}", shown(&facts.critical_extensions.join(", "))),
            format!("  sent with   {} other certificates", facts.sent_with),
        ];
        if !self.odd.is_empty() {
            lines.push("odd:".to_owned());
            lines.extend(self.odd.iter().map(|odd| format!("  {}", plain(odd))));
        }
        lines.push("what common rules give:".to_owned());
        lines.extend(self.common_rules.iter().map(|it| it.line(2)));
        for judged in &self.manufacturers {
            lines.extend(judged.lines());
        }
        let listeners = [("device listener", &self.device_listener), ("legacy listener", &self.legacy_listener)];
        for (name, conclusion) in listeners {
            lines.extend(conclusion.iter().flat_map(|it| it.lines(name)));
        }
        if self.manufacturers.is_empty() {
            lines.push("No manufacturer is known here: give --anchor CERT, or a server.".to_owned());
        }
        lines.join("\n")
    }
}

fn shown(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { plain(text) }
}

impl Reading {
    fn of(rule: &SerialNumberRule, read: Result<SerialNumber, pki::identity::IdentityError>) -> Self {
        let (serial_number, why_not) = match read {
            Ok(serial) => (Some(serial.to_string()), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self { rule: rule.to_string(), serial_number, why_not }
    }

    fn line(&self, indent: usize) -> String {
        let given = match (&self.serial_number, &self.why_not) {
            (Some(serial), _) => format!("\"{}\"", plain(serial)),
            (None, why) => format!("nothing: {}", plain(why.as_deref().unwrap_or_default())),
        };
        format!("{:indent$}{:<26} {given}", "", self.rule)
    }
}

impl Judged {
    fn of(certificate: &Certificate, ordinary: Opinion<'_>, legacy: Opinion<'_>) -> Self {
        let subjects = |path: &pki::path::Path| path.certificates().iter().map(Certificate::subject_text).collect();
        let (path, no_path) = match &ordinary.path {
            Ok(path) => (Some(subjects(path)), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let (serial_number, why_no_serial_number) = match &ordinary.serial_number {
            Ok(serial) => (Some(serial.to_string()), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let readings = ordinary.manufacturer.identity.readings(certificate);
        Self {
            manufacturer: ordinary.manufacturer.name.to_string(),
            path,
            no_path,
            legacy_path: legacy.path.as_ref().ok().map(subjects),
            unfit: ordinary.admitted.err().map(|error| error.to_string()),
            rules: readings.map(|(rule, read)| Reading::of(rule, read)).collect(),
            serial_number,
            why_no_serial_number,
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("manufacturer {}:", plain(&self.manufacturer))];
        let joined = |path: &[String]| path.iter().map(|subject| shown(subject)).collect::<Vec<_>>().join("  ←  ");
        match (&self.path, &self.no_path) {
            (Some(path), _) => lines.push(format!("  path        {}", joined(path))),
            (None, why) => lines.push(format!("  no path     {}", plain(why.as_deref().unwrap_or_default()))),
        }
        lines.extend(self.legacy_path.iter().map(|path| format!("  legacy path {}", joined(path))));
        lines.extend(self.unfit.iter().map(|why| format!("  unfit       {}", plain(why))));
        lines.extend(self.rules.iter().map(|rule| rule.line(2)));
        lines.extend(self.why_no_serial_number.iter().map(|why| format!("  no device   {}", plain(why))));
        lines
    }
}

impl Conclusion {
    fn of(identified: Result<Identified, Refusal>) -> Self {
        match identified {
            Ok(Identified { device, .. }) => {
                Self { accepted: true, device: Some(device.to_string()), reason: None, detail: None, remedy: None }
            }
            Err(refusal) => Self {
                accepted: false,
                device: None,
                reason: Some(refusal.reason.to_string()),
                detail: Some(refusal.detail.clone()),
                remedy: Some(refusal.reason.remedy().to_owned()),
            },
        }
    }

    fn lines(&self, listener: &str) -> Vec<String> {
        match &self.device {
            Some(device) => vec![format!("{listener}: accepts it, as the device {}", plain(device))],
            None => {
                let text = |it: &Option<String>| plain(it.as_deref().unwrap_or_default());
                vec![
                    format!("{listener}: refuses it ({}): {}", text(&self.reason), text(&self.detail)),
                    format!("  {}", text(&self.remedy)),
                ]
            }
        }
    }
}
