//! Policy and situation as they stand in a capture: what decisions depend on, and no key.

use std::sync::Arc;

use conveyed_info::{
    verify::VoucherFacts,
    voucher::{Assertion, Nonce},
};
use pki::{identity::SerialNumber, key::Decryptor, time::Timestamp};
use serde::{Deserialize, Serialize};

use super::line::{CertificateText, Octets};
use crate::{
    Server,
    journal::line::{digest, step_named},
    machine::{
        AllowedTargets, Fact, FinalReport, History, ImageSignature, Policy, RunningImage, Situation, Switch,
        WellKnownServer,
    },
};

/// What a machine knows of the device. Host keys and anchors that are only told to a
/// server are not in it, and no password is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PolicyLine {
    serial_number: String,
    pub(super) idevid: CertificateText,
    /// Whether the device has a key that opens what is encrypted to it. The key itself is not here.
    pub(super) decrypts: bool,
    voucher_anchors: Vec<CertificateText>,
    well_known: Vec<WellKnownLine>,
    accepted_assertions: Vec<String>,
    allowed_targets: Vec<String>,
    hw_model: Option<String>,
    image_signature_required: bool,
    switch_is_a_variable: bool,
    final_report_is_signed: bool,
    sources: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WellKnownLine {
    server: ServerLine,
    anchors: Vec<CertificateText>,
}

/// A server: its text cannot always be taken apart again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ServerLine {
    host: String,
    port: u16,
}

impl From<&Server> for ServerLine {
    fn from(server: &Server) -> Self {
        Self { host: server.host().to_owned(), port: server.port() }
    }
}

impl From<ServerLine> for Server {
    fn from(line: ServerLine) -> Self {
        Self::new(&line.host, line.port)
    }
}

/// A member that does not hold what it should.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("`{0}` does not hold what it should")]
pub struct MemberInvalid(pub(super) &'static str);

impl From<&Policy> for PolicyLine {
    fn from(policy: &Policy) -> Self {
        let well_known = policy.well_known.iter();
        Self {
            serial_number: policy.serial_number.as_str().to_owned(),
            idevid: CertificateText(policy.idevid.clone()),
            decrypts: policy.decryption_key.is_some(),
            voucher_anchors: CertificateText::all_of(&policy.voucher_anchors),
            well_known: well_known
                .map(|it| WellKnownLine { server: (&it.server).into(), anchors: CertificateText::all_of(&it.anchors) })
                .collect(),
            accepted_assertions: policy.accepted_assertions.iter().map(|it| it.as_str().to_owned()).collect(),
            allowed_targets: policy.allowed_targets.0.iter().map(ToString::to_string).collect(),
            hw_model: policy.hw_model.clone(),
            image_signature_required: policy.image_signature == ImageSignature::Required,
            switch_is_a_variable: policy.switch == Switch::Variable,
            final_report_is_signed: policy.final_report == FinalReport::Signed,
            sources: policy.sources.clone(),
        }
    }
}

impl PolicyLine {
    pub(super) fn read(self, decryption_key: Option<Arc<dyn Decryptor>>) -> Result<Policy, MemberInvalid> {
        let assertions = self.accepted_assertions.iter();
        let assertion = |text: &String| Assertion::KNOWN.into_iter().find(|known| known.as_str() == text);
        let targets = self.allowed_targets.iter().map(|text| text.parse()).collect::<Result<_, _>>();
        let well_known = self.well_known.into_iter();
        Ok(Policy {
            serial_number: SerialNumber::new(self.serial_number).map_err(|_| MemberInvalid("serial-number"))?,
            idevid: self.idevid.0,
            decryption_key,
            voucher_anchors: CertificateText::into_all(self.voucher_anchors),
            well_known: well_known
                .map(|it| WellKnownServer { server: it.server.into(), anchors: CertificateText::into_all(it.anchors) })
                .collect(),
            accepted_assertions: assertions
                .map(assertion)
                .collect::<Option<_>>()
                .ok_or(MemberInvalid("accepted-assertions"))?,
            allowed_targets: AllowedTargets(targets.map_err(|_| MemberInvalid("allowed-targets"))?),
            hw_model: self.hw_model,
            credentials: None,
            ssh_host_keys: Vec::new(),
            trust_anchors: Vec::new(),
            switch: if self.switch_is_a_variable { Switch::Variable } else { Switch::Marker },
            final_report: if self.final_report_is_signed { FinalReport::Signed } else { FinalReport::Plain },
            image_signature: if self.image_signature_required {
                ImageSignature::Required
            } else {
                ImageSignature::NotConfigured
            },
            sources: self.sources,
        })
    }
}

/// What is the case when an attempt begins.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SituationLine {
    os_name: Option<String>,
    os_version: Option<String>,
    running: Option<String>,
    installed: Option<String>,
    nonce: Option<Octets>,
    history: Vec<FactLine>,
    newest_voucher: Option<VoucherLine>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct VoucherLine {
    created_on: Option<i64>,
    owner: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case", deny_unknown_fields)]
enum FactLine {
    Installed { image: String },
    Begun { document: String },
    Applied { document: String, step: String },
}

impl From<&Situation> for SituationLine {
    fn from(situation: &Situation) -> Self {
        let facts = situation.history.facts().into_iter().filter_map(|fact| match fact {
            Fact::Installed { image } => Some(FactLine::Installed { image: image.to_string() }),
            Fact::Begun { document } => Some(FactLine::Begun { document: document.to_string() }),
            Fact::Applied { document, step } => {
                Some(FactLine::Applied { document: document.to_string(), step: step.as_str().to_owned() })
            }
            // The shortest list of facts has none of what was abandoned.
            Fact::Abandoned { .. } => None,
        });
        Self {
            os_name: situation.running.os_name.clone(),
            os_version: situation.running.os_version.clone(),
            running: situation.running.sha256.map(|it| it.to_string()),
            installed: situation.installed.map(|it| it.to_string()),
            nonce: situation.nonce.as_ref().map(|it| Octets(it.octets().to_vec())),
            history: facts.collect(),
            newest_voucher: situation.newest_voucher.map(|voucher| VoucherLine {
                created_on: voucher.created_on.map(Timestamp::unix),
                owner: voucher.owner.to_string(),
            }),
        }
    }
}

impl SituationLine {
    pub(super) fn read(self) -> Result<Situation, MemberInvalid> {
        let digest = |text: &str, member| digest(text).ok_or(MemberInvalid(member));
        let optional = |text: Option<String>, member| text.map(|text| digest(&text, member)).transpose();
        let mut history = History::default();
        for line in &self.history {
            history.add(match line {
                FactLine::Installed { image } => Fact::Installed { image: digest(image, "history")? },
                FactLine::Begun { document } => Fact::Begun { document: digest(document, "history")? },
                FactLine::Applied { document, step } => Fact::Applied {
                    document: digest(document, "history")?,
                    step: step_named(step).ok_or(MemberInvalid("history"))?,
                },
            });
        }
        let nonce = self.nonce.map(|octets| Nonce::for_request(octets.0).ok_or(MemberInvalid("nonce")));
        let newest_voucher = self.newest_voucher.map(|line| {
            let created_on = line.created_on.map(Timestamp::from_unix);
            Ok(VoucherFacts { created_on, owner: digest(&line.owner, "newest-voucher")? })
        });
        Ok(Situation {
            running: RunningImage {
                os_name: self.os_name,
                os_version: self.os_version,
                sha256: optional(self.running, "running")?,
            },
            installed: optional(self.installed, "installed")?,
            nonce: nonce.transpose()?,
            history,
            newest_voucher: newest_voucher.transpose()?,
        })
    }
}
