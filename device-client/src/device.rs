//! A device: a configuration, a folder, and what they amount to.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{information::TrustAnchor, rpc::SshHostKey, voucher::Nonce};
use pki::{certificate::Certificate, identity::SerialNumber, key};
use rustls::ClientConfig;
use verdict::{ReasonCode, Refusal};

use crate::{
    BasicCredentials, Decision, Outcome, OutcomeState, Record,
    apply::{
        script::{self, LinuxPrograms},
        workshop::{Setup, Workshop},
    },
    capture::CaptureWriter,
    config::{ClockTrust, Config, HttpPassword, RebootPlan},
    env::{
        drive,
        linux::{self, LinuxEnvironment},
    },
    identity::{self, Identity, IdentityFileError},
    machine::{
        ImageSignature, Machine, Policy, RunningImage, ScriptEnd, ScriptVerdict, Situation, Switch, SwitchPosition,
        WellKnownServer,
    },
    sources::{
        Learned, Source,
        removable_storage::{
            Sticks,
            watch::{Ended, Watch},
        },
    },
    storage::{self, Disk, LinuxDisk},
    tls,
};

/// Where Linux tells one boot from another.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Reboots that one call of [`Device::run_once`] carries out where the installed image counts as running at once.
const MAX_REBOOTS: usize = 4;

/// A device that is ready to bootstrap. There is one for a folder at a time.
pub struct Device {
    config: Config,
    root: PathBuf,
    policy: Arc<Policy>,
    tls: Arc<ClientConfig>,
    sources: Vec<Source>,
    workshop: Workshop,
    /// Where each attempt is captured to.
    capture: Option<PathBuf>,
    storage_watch: Watch,
    /// Held as long as the device lives.
    _lock: File,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let serial_number = &self.policy.serial_number;
        f.debug_struct("Device").field("serial_number", serial_number).field("root", &self.root).finish_non_exhaustive()
    }
}

impl Device {
    /// Reads everything the configuration names, and opens the folder `root`, which holds what survives a restart.
    ///
    /// # Errors
    /// [`OpenError`], which names the file.
    pub fn open(config: Config, root: &Path) -> Result<Self, OpenError> {
        let identity = Identity::load(&config.identity)?;
        let policy = Arc::new(policy(&config, &identity)?);
        let image_keys = config.image_keys.iter().map(|path| identity::public_key(path)).collect::<Result<_, _>>()?;
        let tls =
            tls::client_config(&identity.chain, identity.key.signer()).map_err(|source| OpenError::Tls { source })?;
        let storage_error = |source| OpenError::Storage { path: root.to_owned(), source };
        // Scripts run in a folder of their own, where a relative path would lead elsewhere.
        let root = &std::path::absolute(root).map_err(storage_error)?;
        LinuxDisk.create_private_folder(root).map_err(storage_error)?;
        let lock = storage::lock(root).map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse { path: root.to_owned() },
            TryLockError::Error(source) => storage_error(source),
        })?;
        let setup = Setup {
            configuration: config.configuration.clone(),
            reboot: config.reboot.clone(),
            limit: config.limits.script,
            image_keys,
            boot_id: boot_id(&config),
            switch: config.switch.clone(),
            signer: identity.key.signer(),
            chain: identity.chain,
        };
        let workshop =
            Workshop::open(Arc::new(LinuxDisk), Arc::new(LinuxPrograms), root, setup).map_err(storage_error)?;
        let sources = Source::all_of(&config.sources);
        let storage_watch = Watch::begin(&config.sources);
        let root = root.to_owned();
        Ok(Self { config, root, policy, tls, sources, workshop, capture: None, storage_watch, _lock: lock })
    }

    /// The same device, which keeps everything that its machine is told in this file, so that `sztp-device replay` can run it
    /// again ([`crate::capture`]). Each call of [`Device::run_once`] that attempts something begins the file anew.
    #[must_use]
    pub fn captured_to(mut self, path: PathBuf) -> Self {
        self.capture = Some(path);
        self
    }

    /// One attempt: a walk over all sources, until one works or none is left. Each decision goes to `sink` before what
    /// follows from it is done.
    pub fn run_once(&mut self, sink: &mut dyn FnMut(&Record)) -> Outcome {
        self.storage_watch = Watch::begin(&self.config.sources);
        for refusal in self.workshop.clean_up() {
            sink(&Record::refused("clean-up", &refusal));
        }
        let done = match self.workshop.is_done() {
            Ok(done) => done,
            Err(refusal) => return end_early(refusal, sink),
        };
        // RFC 8572 §5.2 (CLI-01): the switch is looked at first; when it is off, nothing is sent.
        if !self.config.enabled {
            return self.stay(OutcomeState::SwitchedOff, "bootstrapping is switched off in the configuration", sink);
        }
        if self.config.switch.as_ref().is_some_and(|place| place.read(&LinuxDisk) == Ok(SwitchPosition::Off)) {
            return self.stay(OutcomeState::SwitchedOff, "bootstrapping is switched off by its variable", sink);
        }
        if done {
            self.call_home(sink);
            return self.stay(OutcomeState::AlreadyDone, "an earlier run bootstrapped this device", sink);
        }
        let mut capture = self.begin_capture(sink);
        let mut steps = Vec::new();
        let mut reboots = 0;
        loop {
            let mut outcome = self.attempt(&mut capture, sink);
            steps.append(&mut outcome.steps);
            let goes_on = outcome.state == OutcomeState::RebootWanted
                && self.config.reboot == RebootPlan::Continue
                && reboots < MAX_REBOOTS;
            if !goes_on {
                if outcome.state == OutcomeState::Bootstrapped {
                    self.call_home(sink);
                }
                outcome.steps = steps;
                return outcome;
            }
            reboots += 1;
        }
    }

    /// Waits before the next attempt, no longer than `pause`: removable storage that was put in since the last one began
    /// ends it at once. Where no source is removable storage, this sleeps.
    pub fn wait(&mut self, pause: Duration) -> Ended {
        self.storage_watch.wait(pause)
    }

    /// The serial number that the device's certificate names.
    #[must_use]
    pub fn serial_number(&self) -> &SerialNumber {
        &self.policy.serial_number
    }

    /// RFC 8572 §5.6 (CLI-82): what begins when the device is bootstrapped. It is no part of bootstrapping: its failure is noted.
    fn call_home(&self, sink: &mut dyn FnMut(&Record)) {
        let Some(command) = &self.config.when_bootstrapped else { return };
        let record = match script::run_program(command, self.config.limits.script, ReasonCode::StorageFailed) {
            Ok(ScriptEnd { verdict: ScriptVerdict::Complete, .. }) => {
                Record::new("when-bootstrapped", Decision::Passed, "the program was started")
            }
            Ok(ScriptEnd { verdict, .. }) => {
                Record::new("when-bootstrapped", Decision::Noted, format!("the program failed: {verdict}"))
            }
            Err(refusal) => Record::refused("when-bootstrapped", &refusal),
        };
        sink(&record);
    }

    fn stay(&self, state: OutcomeState, detail: &str, sink: &mut dyn FnMut(&Record)) -> Outcome {
        sink(&Record::new("not-needed", Decision::Skipped, detail));
        Outcome::new(state, detail)
    }

    /// A capture that cannot be written is no reason not to bootstrap.
    fn begin_capture(&self, sink: &mut dyn FnMut(&Record)) -> Option<CaptureWriter<File>> {
        let path = self.capture.as_ref()?;
        let begun = CaptureWriter::create(path, &self.policy);
        begun.inspect_err(|error| sink(&Record::refused("capture", &storage::refusal(path, error)))).ok()
    }

    fn attempt(&mut self, capture: &mut Option<CaptureWriter<File>>, sink: &mut dyn FnMut(&Record)) -> Outcome {
        let situation = match self.situation() {
            Ok(situation) => situation,
            Err(refusal) => return end_early(refusal, sink),
        };
        if let Some(Err(error)) = capture.as_mut().map(|capture| capture.attempt(&situation)) {
            *capture = None;
            sink(&Record::refused("capture", &storage::refusal(&self.root, &error)));
        }
        let newest = situation.newest_voucher.and_then(|voucher| voucher.created_on);
        let at_least = newest.unwrap_or_else(linux::earliest).max(linux::earliest());
        let machine = Machine::new(Arc::clone(&self.policy), situation);
        let mut environment = LinuxEnvironment {
            config: &self.config,
            serial_number: &self.policy.serial_number,
            tls: Arc::clone(&self.tls),
            workshop: &mut self.workshop,
            sink,
            link: None,
            sources: &self.sources,
            at_least,
            learned: Learned::default(),
            capture,
            sticks: Sticks::default(),
        };
        drive(machine, &mut environment)
    }

    fn situation(&self) -> Result<Situation, Refusal> {
        // CLI-23: only a device that cannot judge dates needs its vouchers bound to a nonce.
        let nonce = match self.config.clock {
            ClockTrust::Trusted => None,
            ClockTrust::Untrusted => {
                let drawn = key::random::<32>();
                let refuse = |error| Refusal::new(ReasonCode::StorageFailed, format!("no randomness: {error}"));
                Nonce::for_request(drawn.map_err(refuse)?.to_vec())
            }
        };
        self.workshop.situation(&factory_image(&self.config), nonce)
    }
}

/// The image that the device left the factory with.
pub(crate) fn factory_image(config: &Config) -> RunningImage {
    RunningImage { os_name: config.os_name.clone(), os_version: config.os_version.clone(), sha256: None }
}

/// What tells this boot from another. Without a boot loader nothing does: an installed image counts as running at once.
pub(crate) fn boot_id(config: &Config) -> Option<String> {
    match config.reboot {
        RebootPlan::Continue => None,
        RebootPlan::Exit | RebootPlan::Command(_) => {
            std::fs::read_to_string(BOOT_ID).ok().map(|it| it.trim().to_owned())
        }
    }
}

/// An attempt that cannot even begin.
fn end_early(refusal: Refusal, sink: &mut dyn FnMut(&Record)) -> Outcome {
    sink(&Record::refused("attempt-ended", &refusal));
    let mut outcome = Outcome::new(OutcomeState::ApplyFailed, refusal.detail);
    outcome.reason = Some(refusal.reason);
    outcome
}

/// The anchor that a file holds: its first certificate. Those after it are its own issuers, each of the one before; they
/// tell a reader whose anchor it is, and are trusted with nothing.
pub(crate) fn anchor(path: &Path) -> Result<Certificate, OpenError> {
    let chain = identity::certificates(path)?;
    let issued = |pair: &[Certificate]| match pair {
        [child, issuer] => child.issuer() == issuer.subject() && child.verify_signature(issuer.public_key()).is_ok(),
        _ => false,
    };
    if !chain.windows(2).all(issued) {
        return Err(OpenError::SeveralAnchors { path: path.to_owned() });
    }
    chain.into_iter().next().ok_or(OpenError::NoCertificate)
}

pub(crate) fn policy(config: &Config, identity: &Identity) -> Result<Policy, OpenError> {
    let all = |paths: &[PathBuf]| paths.iter().map(|path| anchor(path)).collect::<Result<Vec<_>, _>>();
    let well_known = config
        .well_known
        .iter()
        .map(|it| Ok::<_, OpenError>(WellKnownServer { server: it.server.clone(), anchors: all(&it.anchors)? }));
    let idevid = identity.chain.first().cloned().ok_or(OpenError::NoCertificate)?;
    Ok(Policy {
        serial_number: identity.serial_number.clone(),
        idevid,
        decryption_key: identity.key.decryptor(),
        voucher_anchors: all(&config.voucher_anchors)?,
        well_known: well_known.collect::<Result<_, _>>()?,
        accepted_assertions: config.accepted_assertions.clone(),
        allowed_targets: config.allow_targets.clone(),
        hw_model: config.hw_model.clone(),
        credentials: config.http_password.as_ref().map(|it| credentials(it, &identity.serial_number)).transpose()?,
        ssh_host_keys: config.ssh_host_keys.iter().map(|path| host_key(path)).collect::<Result<_, _>>()?,
        trust_anchors: config.trust_anchors.iter().map(|path| trust_anchor(path)).collect::<Result<_, _>>()?,
        switch: if config.switch.is_some() { Switch::Variable } else { Switch::Marker },
        final_report: config.final_report,
        image_signature: if config.image_keys.is_empty() {
            ImageSignature::NotConfigured
        } else {
            ImageSignature::Required
        },
        sources: Source::all_of(&config.sources).iter().map(Source::label).collect(),
    })
}

/// RFC 8572 §5.3 (CLI-11): where both are used, the user name is the serial number of the certificate.
fn credentials(config: &HttpPassword, serial_number: &SerialNumber) -> Result<BasicCredentials, OpenError> {
    const MAX_PASSWORD: u64 = 4096;
    let unusable = |why: String| OpenError::HttpPassword { path: config.file.clone(), why };
    let bytes = LinuxDisk.read_bounded(&config.file, MAX_PASSWORD).map_err(|error| unusable(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| unusable("it is not there".to_owned()))?;
    let text = String::from_utf8(bytes).map_err(|_| unusable("it is no text".to_owned()))?;
    let user = config.user.as_deref().unwrap_or(serial_number.as_str());
    let password = text.strip_suffix('\n').unwrap_or(&text);
    BasicCredentials::new(user, password.strip_suffix('\r').unwrap_or(password))
        .map_err(|error| unusable(error.to_string()))
}

/// A chain of CA certificates up to its root, in any order (RFC 8572 §7.3; ART-35).
fn trust_anchor(path: &Path) -> Result<TrustAnchor, OpenError> {
    let invalid = |_| OpenError::TrustAnchor { path: path.to_owned() };
    TrustAnchor::new(&identity::certificates(path)?).map_err(invalid)
}

/// Reads a public host key as OpenSSH writes it: algorithm, key in base64, comment.
fn host_key(path: &Path) -> Result<SshHostKey, OpenError> {
    let invalid = || OpenError::HostKey { path: path.to_owned() };
    let text = std::fs::read_to_string(path).map_err(|_| invalid())?;
    let mut words = text.split_ascii_whitespace();
    let algorithm = words.next().ok_or_else(invalid)?.to_owned();
    let key_data = words.next().and_then(|word| STANDARD.decode(word).ok()).ok_or_else(invalid)?;
    Ok(SshHostKey { algorithm, key_data })
}

/// A device that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file of certificates or keys.
    #[error(transparent)]
    File(#[from] IdentityFileError),
    /// The identity has no certificate.
    #[error("the device has no certificate")]
    NoCertificate,
    /// A file of anchors whose certificates do not form a chain.
    #[error("{}: only the first certificate is an anchor, and those after it must each have issued the one before; put every anchor into a file of its own", path.display())]
    SeveralAnchors {
        /// Which file.
        path: PathBuf,
    },
    /// Another agent holds the folder.
    #[error("the folder {} is in use: end the other agent, or give every device a folder of its own", path.display())]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// A password file that cannot be used.
    #[error("the password in {} cannot be used: {why}", path.display())]
    HttpPassword {
        /// Which file.
        path: PathBuf,
        /// Why, without a word of what it holds.
        why: String,
    },
    /// A file does not hold one chain of CA certificates.
    #[error("{} does not hold one chain of CA certificates up to its root", path.display())]
    TrustAnchor {
        /// Which file.
        path: PathBuf,
    },
    /// A file that holds no public SSH host key.
    #[error("{} holds no public SSH host key", path.display())]
    HostKey {
        /// Which file.
        path: PathBuf,
    },
    /// The TLS stack does not take the identity.
    #[error("the identity cannot be used for TLS")]
    Tls {
        /// Why.
        source: rustls::Error,
    },
    /// The folder cannot be used.
    #[error("the folder {} cannot be used", path.display())]
    Storage {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    fn ca(name: &str, issuer: Option<&Issuer<'_, KeyPair>>) -> (String, Issuer<'static, KeyPair>) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = match issuer {
            Some(issuer) => params.signed_by(&key, issuer).unwrap(),
            None => params.self_signed(&key).unwrap(),
        };
        (certificate.pem(), Issuer::new(params, key))
    }

    #[test]
    fn the_first_certificate_of_a_file_is_the_anchor_and_the_others_must_be_its_issuers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchors.pem");
        let (root, root_issuer) = ca("root", None);
        let (intermediate, _) = ca("intermediate", Some(&root_issuer));
        let (other, _) = ca("root", None);
        std::fs::write(&path, format!("{intermediate}{root}")).unwrap();
        assert_eq!(anchor(&path).unwrap(), Certificate::chain_from_pem(intermediate.as_bytes()).unwrap()[0]);
        // A second anchor, the order turned round, and an issuer in name only.
        for several in [format!("{root}{other}"), format!("{root}{intermediate}"), format!("{intermediate}{other}")] {
            std::fs::write(&path, several).unwrap();
            assert!(matches!(anchor(&path), Err(OpenError::SeveralAnchors { .. })));
        }
    }
}
