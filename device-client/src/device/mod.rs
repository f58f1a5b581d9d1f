//! A device: a configuration, a folder, and what they amount to.

mod error;
mod factory;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use conveyed_info::voucher::Nonce;
use pki::{identity::SerialNumber, key};
use rustls::ClientConfig;
use verdict::{ReasonCode, Refusal};

use crate::{
    Decision, Outcome, OutcomeState, Record,
    apply::{
        script::{self, LinuxPrograms},
        workshop::{Setup, Workshop},
    },
    capture::CaptureWriter,
    config::{ClockTrust, Config, RebootPlan},
    env::{
        drive,
        linux::{self, LinuxEnvironment},
    },
    identity::{self, Identity},
    machine::{Machine, Policy, RunningImage, ScriptEnd, ScriptVerdict, Situation, SwitchPosition},
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

pub use error::OpenError;
pub(crate) use factory::{anchor, policy};

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
