//! Where local work is done: everything of a device that survives a restart, and whatever changes it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use conveyed_info::voucher::Nonce;
use pki::{
    certificate::Certificate,
    key::{PublicKey, Signer},
    time::Timestamp,
};
use verdict::{ReasonCode, Refusal};

use super::{
    configuration::{ConfigurationPlug, Configurator},
    image::ImageStore,
    script::{self, Programs},
};
use crate::{
    Record,
    config::RebootPlan,
    journal::Journal,
    machine::{Completion, Event, RunningImage, ScriptVerdict, Situation, SwitchPosition, Work},
    storage::{self, Disk},
    switch::SwitchPlace,
    voucher_memory,
};

/// Name of the marker that ends bootstrapping.
pub(crate) const DONE: &str = "done";

/// Name of the journal.
pub(crate) const JOURNAL: &str = "state.journal";

/// Name of the folder of boot images.
pub(crate) const IMAGES: &str = "images";

/// Name of the folder in which scripts run.
pub(crate) const WORK: &str = "work";

/// What the factory decided about local work.
#[derive(Clone)]
pub struct Setup {
    /// Where configurations are committed to; without one, a document with a configuration fails.
    pub configuration: Option<ConfigurationPlug>,
    /// What happens when an image was installed.
    pub reboot: RebootPlan,
    /// How long a script or a configuration program may run.
    pub limit: Duration,
    /// The keys that boot images must be signed with.
    pub image_keys: Vec<PublicKey>,
    /// What tells this boot from another; `None` where nothing does, and an installed image counts as running at once.
    pub boot_id: Option<String>,
    /// Where the variable is that says whether the device bootstraps, if there is one.
    pub switch: Option<SwitchPlace>,
    /// The device's key.
    pub signer: Arc<dyn Signer>,
    /// The device's certificate and its intermediates.
    pub chain: Vec<Certificate>,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("configuration", &self.configuration)
            .field("reboot", &self.reboot)
            .finish_non_exhaustive()
    }
}

/// The folder of a device and its tools. The same on a real device and in a simulation: only the disk and what runs
/// programs differ.
#[derive(Debug)]
pub struct Workshop {
    disk: Arc<dyn Disk>,
    programs: Arc<dyn Programs>,
    root: PathBuf,
    setup: Setup,
    images: ImageStore,
    journal: Journal,
}

impl Workshop {
    /// Opens the folder `root`, an absolute path, and makes what is missing in it.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(disk: Arc<dyn Disk>, programs: Arc<dyn Programs>, root: &Path, setup: Setup) -> io::Result<Self> {
        disk.create_private_folder(root)?;
        let images = ImageStore::open(Arc::clone(&disk), &root.join(IMAGES))?.booted_as(setup.boot_id.clone());
        let journal = Journal::open(disk.as_ref(), &root.join(JOURNAL))?;
        Ok(Self { disk, programs, root: root.to_owned(), setup, images, journal })
    }

    /// Whether an earlier run bootstrapped this device.
    ///
    /// # Errors
    /// [`ReasonCode::StorageFailed`].
    pub fn is_done(&self) -> Result<bool, Refusal> {
        let marker = self.root.join(DONE);
        self.disk.exists(&marker).map_err(|error| storage::refusal(&marker, &error))
    }

    /// What is the case when an attempt begins.
    ///
    /// # Errors
    /// [`ReasonCode::StorageFailed`].
    pub fn situation(&self, factory: &RunningImage, nonce: Option<Nonce>) -> Result<Situation, Refusal> {
        let read = || -> io::Result<Situation> {
            let history = self.journal.history().clone();
            Ok(Situation {
                running: self.images.running(factory)?,
                installed: self.images.installed()?,
                nonce,
                history,
                newest_voucher: voucher_memory::read(self.disk.as_ref(), &self.root)?,
            })
        };
        read().map_err(|error| storage::refusal(&self.root, &error))
    }

    /// Removes what an earlier run could not, or had no time to (SEC-13). Gives what still cannot be removed.
    pub fn clean_up(&self) -> Vec<Refusal> {
        let is_done = matches!(self.is_done(), Ok(true));
        let settled = if is_done { self.settle() } else { Ok(()) };
        let tidied = self.configurator().map_or(Ok(()), |it| it.tidy());
        // What was kept of a download is of use to nobody any more, and the flash is small.
        let discarded = if is_done { self.discard_staged() } else { Ok(()) };
        [settled, tidied, discarded, self.remove_scripts()].into_iter().filter_map(Result::err).collect()
    }

    /// Where images are received and lie.
    #[must_use]
    pub const fn images(&self) -> &ImageStore {
        &self.images
    }

    /// Carries out one piece of work and gives the event that [`Work`] names. What could only not be cleaned up goes to
    /// `sink`: it is tried again at the next start, and nothing waits for it.
    ///
    /// # Errors
    /// When it fails; nothing is left half done then.
    pub fn carry_out(&mut self, work: Work, now: Timestamp, sink: &mut dyn FnMut(&Record)) -> Result<Event, Refusal> {
        let images = |error: io::Error| Refusal::new(ReasonCode::StorageFailed, format!("images: {error}"));
        let mut tidy = |result: Result<(), Refusal>| {
            if let Err(refusal) = result {
                sink(&Record::refused("clean-up", &refusal));
            }
        };
        match work {
            Work::DiscardImage => self.images.discard_staged().map_err(images)?,
            Work::VerifyImage => return self.images.verify_staged(&self.setup.image_keys).map(Event::ImageVerified),
            Work::InstallImage(installation) => {
                self.images.install(&installation).map_err(images)?;
                // The image is the one to boot by now: what is left of older ones is no reason to refuse it.
                tidy(self.images.remove_old().map_err(images));
            }
            Work::RunScript(step, content) => {
                let folder = self.root.join(WORK).join(step.as_str());
                let end = script::run(self.disk.as_ref(), self.programs.as_ref(), &content, &folder, self.setup.limit);
                return end.map(Event::ScriptEnded);
            }
            Work::Commit(configuration) => {
                let configurator = self.configurator().ok_or_else(|| {
                    let detail = "this device has no place to commit a configuration to";
                    Refusal::new(ReasonCode::ConfigurationFailed, detail)
                })?;
                return Ok(match configurator.commit(&configuration) {
                    Ok(None) => Event::Done,
                    Ok(Some(warning)) => Event::CommitWarned(warning),
                    Err(failure) => Event::CommitFailed(failure),
                });
            }
            // Where nothing can be committed there is nothing to take back.
            Work::RollBack => self.configurator().map_or(Ok(()), |it| it.roll_back())?,
            Work::ReadSwitch => {
                let read = |place: &SwitchPlace| place.read(self.disk.as_ref());
                return self.setup.switch.as_ref().map_or(Ok(SwitchPosition::On), read).map(Event::Switch);
            }
            Work::Swear(statement) => {
                let refuse = |error| Refusal::new(ReasonCode::DeviceKeyFailed, format!("{error}"));
                let message = statement.message(self.setup.signer.as_ref(), &self.setup.chain);
                return message.map(Event::Sworn).map_err(refuse);
            }
            Work::Remember(fact) => {
                let path = self.journal.path().to_owned();
                self.journal.append(fact).map_err(|error| storage::refusal(&path, &error))?;
            }
            Work::RememberVoucher(voucher) => {
                let refuse = |error| storage::refusal(&self.root.join(voucher_memory::FILE), &error);
                voucher_memory::write(self.disk.as_ref(), &self.root, voucher).map_err(refuse)?;
            }
            Work::WriteDone(completion) => {
                self.write_done(&completion, now)?;
                // SEC-13: nothing that bootstrapping kept outlives it. Only after the marker: until then it may have to be
                // rolled back. A start that finds the marker tries again.
                self.clean_up().into_iter().for_each(|refusal| tidy(Err(refusal)));
            }
            Work::Reboot => self.reboot()?,
        }
        Ok(Event::Done)
    }

    fn configurator(&self) -> Option<Configurator<'_>> {
        let plug = self.setup.configuration.as_ref()?;
        let (disk, programs) = (self.disk.as_ref(), self.programs.as_ref());
        Some(Configurator { disk, programs, plug, root: &self.root, limit: self.setup.limit })
    }

    fn discard_staged(&self) -> Result<(), Refusal> {
        let refuse = |error| Refusal::new(ReasonCode::StorageFailed, format!("images: {error}"));
        self.images.discard_staged().map_err(refuse)
    }

    fn settle(&self) -> Result<(), Refusal> {
        self.configurator().map_or(Ok(()), |it| it.settle())
    }

    fn remove_scripts(&self) -> Result<(), Refusal> {
        let folder = self.root.join(WORK);
        script::remove_folder(self.disk.as_ref(), &folder).map_err(|error| storage::refusal(&folder, &error))
    }

    fn write_done(&self, completion: &Completion, now: Timestamp) -> Result<(), Refusal> {
        let running = self.images.running(&RunningImage::default());
        let image = running.ok().and_then(|running| running.sha256).map(|digest| digest.to_string());
        let marker = serde_json::json!({
            "when": now.to_string(),
            "place": completion.place,
            "document": completion.document,
            "image": image,
        });
        let path = self.root.join(DONE);
        let bytes = format!("{marker:#}\n").into_bytes();
        self.disk.replace(&path, &bytes).map_err(|error| storage::refusal(&path, &error))
    }

    fn reboot(&self) -> Result<(), Refusal> {
        let RebootPlan::Command(command) = &self.setup.reboot else { return Ok(()) };
        let (last, others) = command
            .split_last()
            .ok_or_else(|| Refusal::new(ReasonCode::ImageNotRunning, "the program that reboots is not named"))?;
        let (program, last) =
            if others.is_empty() { (std::slice::from_ref(last), "") } else { (others, last.as_str()) };
        let end = self.programs.run_command(program, last, &[], self.setup.limit)?;
        match end.verdict {
            ScriptVerdict::Complete => Ok(()),
            verdict => {
                let detail = format!("the program that reboots: {verdict}");
                Err(Refusal::new(ReasonCode::ImageNotRunning, detail))
            }
        }
    }
}
