//! `[factory]`: which stations may enrol units under production orders.

use std::path::{Path, PathBuf};

use pki::{
    certificate::Certificate,
    key::{Passphrase, random},
    tpm::attestation::ChallengeSeal,
};
use serde::Deserialize;

use super::{ConfigError, certificates};
use crate::domain::ledger::from_hex;

/// `[factory]`: stations enrol units, at the listener of authorities. What they may enrol, production orders say.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FactorySection {
    /// PEM: the anchors of the stations' certificates. They are for nothing else.
    pub station_anchors: PathBuf,
    /// The file with the key under which challenges are sealed, 64 hex digits: several servers need the same. Without it each
    /// start of the server draws one, and a unit that was under way then begins again.
    #[serde(default)]
    pub challenge_key: Option<PathBuf>,
}

/// Which stations may enrol units, and what challenges are sealed with.
#[derive(Clone, Debug)]
pub struct FactoryConfig {
    /// The anchors of the stations' certificates.
    pub anchors: Vec<Certificate>,
    /// Seals challenges.
    pub seal: ChallengeSeal,
}

/// Loads the files that `section` names.
pub(super) fn load(section: &FactorySection, folder: &Path) -> Result<FactoryConfig, ConfigError> {
    let path = folder.join(&section.station_anchors);
    let anchors = certificates(&path)?;
    if anchors.is_empty() {
        return Err(ConfigError::NoStationAnchors { path });
    }
    let seal = match &section.challenge_key {
        Some(file) => {
            let path = folder.join(file);
            let octets = Passphrase::from_file(&path)
                .map_err(|source| ConfigError::ChallengeKeyFile { path: path.clone(), source })?;
            let digits = std::str::from_utf8(octets.octets()).ok().and_then(|text| from_hex(text.trim()));
            digits.and_then(|it| it.try_into().ok()).ok_or(ConfigError::ChallengeKey { path })?
        }
        None => random().map_err(|_| ConfigError::NoEntropy)?,
    };
    Ok(FactoryConfig { anchors, seal: ChallengeSeal::new(seal) })
}
