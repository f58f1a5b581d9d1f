//! Work on the device itself.

use std::{io, path::Path, time::SystemTime};

use pki::time::Timestamp;
use verdict::{ReasonCode, Refusal};

use super::LinuxEnvironment;
use crate::{
    Record,
    apply::{configuration::Configurator, script},
    config::{Config, RebootPlan},
    device::{DONE, WORK},
    machine::{Completion, Event, Fact, ScriptVerdict, SwitchPosition, Work},
    storage,
    switch::SwitchPlace,
};

/// Forgets the configuration from before bootstrapping.
pub(crate) fn settle(config: &Config, root: &Path) -> Result<(), Refusal> {
    let Some(plug) = &config.configuration else { return Ok(()) };
    Configurator { plug, root, limit: config.limits.script }.settle()
}

/// Removes what scripts left.
pub(crate) fn remove_scripts(root: &Path) -> Result<(), Refusal> {
    let folder = root.join(WORK);
    script::remove_folder(&folder).map_err(|error| storage::refusal(&folder, &error))
}

impl LinuxEnvironment<'_> {
    pub(super) fn carry_out(&mut self, work: Work) -> Result<Event, Refusal> {
        let images = |error: io::Error| Refusal::new(ReasonCode::StorageFailed, format!("images: {error}"));
        match work {
            Work::DiscardImage => self.images.discard_staged().map_err(images)?,
            Work::VerifyImage => return self.images.verify_staged(self.image_keys).map(Event::ImageVerified),
            Work::InstallImage(installation) => {
                self.images.install(&installation).map_err(images)?;
                // The image is the one to boot by now: what is left of older ones is no reason to refuse it.
                self.tidy(self.images.remove_old().map_err(images));
            }
            Work::RunScript(step, content) => {
                let folder = self.root.join(WORK).join(step.as_str());
                return script::run(&content, &folder, self.config.limits.script).map(Event::ScriptEnded);
            }
            Work::Commit(configuration) => {
                let committed = self.configurator()?.commit(&configuration);
                return Ok(committed.map_or_else(Event::CommitFailed, |()| Event::Done));
            }
            // Where nothing can be committed there is nothing to take back.
            Work::RollBack if self.config.configuration.is_none() => {}
            Work::RollBack => self.configurator()?.roll_back()?,
            Work::ReadSwitch => return self.read_switch().map(Event::Switch),
            Work::Swear(statement) => {
                let refuse = |error| Refusal::new(ReasonCode::DeviceKeyFailed, format!("{error}"));
                let identity = self.identity;
                return statement
                    .message(identity.key.signer().as_ref(), &identity.chain)
                    .map(Event::Sworn)
                    .map_err(refuse);
            }
            Work::Remember(fact) => self.remember(fact)?,
            Work::WriteDone(completion) => self.write_done(&completion)?,
            Work::Reboot => self.reboot()?,
        }
        Ok(Event::Done)
    }

    fn configurator(&self) -> Result<Configurator<'_>, Refusal> {
        let plug = self.config.configuration.as_ref().ok_or_else(|| {
            Refusal::new(ReasonCode::ConfigurationFailed, "this device has no place to commit a configuration to")
        })?;
        Ok(Configurator { plug, root: self.root, limit: self.config.limits.script })
    }

    fn read_switch(&self) -> Result<SwitchPosition, Refusal> {
        self.config.switch.as_ref().map_or(Ok(SwitchPosition::On), SwitchPlace::read)
    }

    fn remember(&mut self, fact: Fact) -> Result<(), Refusal> {
        let path = self.journal.path().to_owned();
        self.journal.append(fact).map_err(|error| storage::refusal(&path, &error))
    }

    fn write_done(&mut self, completion: &Completion) -> Result<(), Refusal> {
        let running = self.images.running(&crate::machine::RunningImage::default());
        let image = running.ok().and_then(|running| running.sha256).map(|digest| digest.to_string());
        let marker = serde_json::json!({
            "when": Timestamp::from_system(SystemTime::now()).to_string(),
            "place": completion.place,
            "document": completion.document,
            "image": image,
        });
        let path = self.root.join(DONE);
        storage::replace(&path, format!("{marker:#}\n").as_bytes()).map_err(|error| storage::refusal(&path, &error))?;
        // SEC-13: nothing that bootstrapping kept outlives it. Only after the marker: until then it may have to be rolled
        // back. A start that finds the marker tries again.
        self.tidy(settle(self.config, self.root));
        self.tidy(remove_scripts(self.root));
        Ok(())
    }

    /// Work that is tried again later when it fails, and that nothing waits for.
    fn tidy(&mut self, result: Result<(), Refusal>) {
        if let Err(refusal) = result {
            (self.sink)(&Record::refused("clean-up", &refusal));
        }
    }

    fn reboot(&self) -> Result<(), Refusal> {
        let RebootPlan::Command(command) = &self.config.reboot else { return Ok(()) };
        let (last, others) = command
            .split_last()
            .ok_or_else(|| Refusal::new(ReasonCode::ImageNotRunning, "the program that reboots is not named"))?;
        let (program, last) =
            if others.is_empty() { (std::slice::from_ref(last), "") } else { (others, last.as_str()) };
        let end = script::run_command(program, last, &[], self.config.limits.script)?;
        match end.verdict {
            ScriptVerdict::Complete => Ok(()),
            verdict => {
                let detail = format!("the program that reboots: {verdict}");
                Err(Refusal::new(ReasonCode::ImageNotRunning, detail))
            }
        }
    }
}
