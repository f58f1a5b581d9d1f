//! The device's configuration file: what the factory put on the device.

mod file;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use conveyed_info::voucher::Assertion;

use serde::{Deserialize, Deserializer};

pub use crate::sources::SourceConfig;
use crate::{
    Server,
    apply::configuration::ConfigurationPlug,
    identity::IdentityPlaces,
    machine::{AllowedTargets, FinalReport},
    switch::SwitchPlace,
};

/// Everything a device is configured with. Paths are absolute, or relative to where the process runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Whether the device bootstraps at all (RFC 8572 §5.1; DEV-01). On by default; a value, not a presence (DEV-02).
    pub enabled: bool,
    /// Where the IDevID is: certificate, key, and what opens the key.
    pub identity: IdentityPlaces,
    /// Files of certificates that voucher signers must chain to.
    pub voucher_anchors: Vec<PathBuf>,
    /// Files of public keys that boot images must be signed with. None: hashes are all there is.
    pub image_keys: Vec<PathBuf>,
    /// The factory's list of bootstrap servers.
    pub well_known: Vec<WellKnown>,
    /// Where bootstrapping data is looked for, in this order. RFC 8572 §9.7 recommends local sources first.
    pub sources: Vec<SourceConfig>,
    /// Whether the clock may be believed (RFC 8572 §9.1; DEV-13).
    pub clock: ClockTrust,
    /// Where untrusted redirects may lead although it is this host or its link.
    pub allow_targets: AllowedTargets,
    /// Hardware model.
    pub hw_model: Option<String>,
    /// What the device shows to authenticated bootstrap servers beside its certificate (RFC 8572 §5.1; DEV-04). None: only
    /// its certificate.
    pub http_password: Option<HttpPassword>,
    /// Name of the operating system the device left the factory with.
    pub os_name: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// Voucher assertions that are accepted.
    pub accepted_assertions: Vec<Assertion>,
    /// Where configurations are committed to; without one, a document with a configuration fails.
    pub configuration: Option<ConfigurationPlug>,
    /// The program that is started whenever the device is bootstrapped: when it has become so, and at each later start. Call Home
    /// begins here (RFC 8572 §5.6; CLI-82). It has to return: what it leaves in its own process group ends with it.
    pub when_bootstrapped: Option<Vec<String>>,
    /// The variable that the owner's configuration turns off; without one, the marker `done` is what ends bootstrapping.
    pub switch: Option<SwitchPlace>,
    /// What the message of the final report is.
    pub final_report: FinalReport,
    /// Files of certificates sent with `bootstrap-complete`: who the device is authenticated by (ART-35), each file one
    /// chain from a CA up to its root.
    pub trust_anchors: Vec<PathBuf>,
    /// Bounds.
    pub limits: Limits,
    /// What happens when an image was installed.
    pub reboot: RebootPlan,
    /// Public host keys, sent with `bootstrap-complete`.
    pub ssh_host_keys: Vec<PathBuf>,
}

/// A bootstrap server of the factory's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WellKnown {
    /// Where it is.
    pub server: Server,
    /// Files of certificates that its own must chain to.
    pub anchors: Vec<PathBuf>,
}

/// A user name and where its password lies, for HTTP's Basic scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpPassword {
    /// The user name; none: the serial number. Servers refuse a device whose certificate names another one (CLI-11).
    pub user: Option<String>,
    /// The file that holds the password, on one line. Nobody else should be able to read it.
    pub file: PathBuf,
}

/// Whether the clock may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockTrust {
    /// Dates are judged against it.
    Trusted,
    /// Dates are not judged; vouchers are asked for with a nonce.
    Untrusted,
}

/// What happens when an image was installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RebootPlan {
    /// The process ends with exit code 75; whoever started it reboots.
    #[default]
    Exit,
    /// The installed image counts as running at once: for demonstrations.
    Continue,
    /// A program is run; the process then ends as with [`RebootPlan::Exit`].
    Command(Vec<String>),
}

/// Bounds on what an owner can make the device do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest boot image, in octets.
    pub image_octets: u64,
    /// How long a script or a configuration program may run.
    pub script: Duration,
    /// How long one exchange with a bootstrap server may take.
    pub exchange: Duration,
    /// How long a connection may take, TLS handshake included.
    pub connect: Duration,
    /// How long a download may take.
    pub download: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            image_octets: 2 * 1024 * 1024 * 1024,
            script: Duration::from_secs(300),
            exchange: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            download: Duration::from_secs(3600),
        }
    }
}

impl Config {
    /// A configuration with an identity and nothing else: no source, no anchors.
    #[must_use]
    pub fn new(identity: IdentityPlaces) -> Self {
        Self {
            enabled: true,
            identity,
            voucher_anchors: Vec::new(),
            image_keys: Vec::new(),
            well_known: Vec::new(),
            sources: Vec::new(),
            clock: ClockTrust::Trusted,
            allow_targets: AllowedTargets::default(),
            hw_model: None,
            http_password: None,
            os_name: None,
            os_version: None,
            accepted_assertions: vec![Assertion::Verified],
            configuration: None,
            when_bootstrapped: None,
            switch: None,
            final_report: FinalReport::Signed,
            trust_anchors: Vec::new(),
            limits: Limits::default(),
            reboot: RebootPlan::Exit,
            ssh_host_keys: Vec::new(),
        }
    }

    /// Reads a configuration file; paths in it are relative to the folder it lies in.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, path.parent().unwrap_or_else(|| Path::new("")))
    }

    /// Reads the text of a configuration file whose paths are relative to `base`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`], which names line and member.
    pub fn parse(text: &str, base: &Path) -> Result<Self, ConfigError> {
        toml::from_str::<file::File>(text)
            .and_then(file::File::checked)
            .map(|file| file.resolve(base))
            .map_err(|source| ConfigError::Invalid { source })
    }
}

/// A duration of the file, in seconds. Nothing a device does takes longer than a day; without the bound, a deadline could
/// lie beyond what the system's clock can count to.
pub(crate) fn seconds(given: u64) -> Duration {
    const LONGEST: u64 = 24 * 60 * 60;
    Duration::from_secs(given.min(LONGEST))
}

/// Reads a duration of the file.
pub(crate) fn read_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(seconds)
}

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {} cannot be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what it must be.
    #[error("the configuration is not valid: {source}")]
    Invalid {
        /// Where and why.
        source: toml::de::Error,
    },
}
