//! What really happened, as nobody in the simulation knows it: what the device is held against.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use device_client::{
    env::sim::SimulatedDisk,
    machine::{Fact, OnboardingStep},
};
use pki::digest::sha256;
use verdict::Digest;

use crate::{
    documents::{CANARY, Document, factory},
    world::{CONFIGURATION, ROOT},
};

/// The memory of a run.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// The configuration from before anything.
    pub(crate) base: Option<Vec<u8>>,
    /// The configuration that a program keeps, and what it would roll back to; none where a file holds it.
    pub(crate) program: Option<Program>,
    /// Documents that were given to the device.
    pub(crate) given: BTreeSet<usize>,
    /// Scripts that ended well.
    pub(crate) ended_well: BTreeSet<(usize, OnboardingStep)>,
    /// Steps that the device was told are in its journal.
    journalled: BTreeSet<(Digest, OnboardingStep)>,
    /// Documents whose completion a server acknowledged.
    pub(crate) acknowledged: BTreeSet<usize>,
    installs: BTreeMap<Digest, u32>,
    /// The image that was booted.
    pub(crate) runs: Option<Digest>,
}

/// A program that commits configurations as it must: at once or not at all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) running: Option<Vec<u8>>,
    pub(crate) previous: Option<Option<Vec<u8>>>,
}

pub(crate) fn index_of(digest: &Digest) -> usize {
    factory().documents.iter().position(|document| document.digest == *digest).unwrap()
}

fn document(index: usize) -> &'static Document {
    &factory().documents[index]
}

impl Truth {
    /// The device is about to write this to its journal.
    pub(crate) fn remembers(&mut self, fact: &Fact) {
        match fact {
            Fact::Begun { document } | Fact::Abandoned { document } => {
                let is_over = matches!(fact, Fact::Abandoned { .. });
                self.journalled.retain(|(other, _)| other == document && !is_over);
            }
            _ => {}
        }
    }

    /// It has written it.
    pub(crate) fn remembered(&mut self, fact: &Fact) {
        if let Fact::Applied { document, step } = fact {
            self.journalled.insert((*document, *step));
        }
    }

    /// A script begins.
    pub(crate) fn script_begins(&mut self, index: usize, step: OnboardingStep) {
        let again = self.journalled.contains(&(document(index).digest, step));
        assert!(!again, "document {index}: {step} runs again although the journal says that it is done");
    }

    /// An image is installed.
    pub(crate) fn installs(&mut self, image: Digest) {
        let count = self.installs.entry(image).or_default();
        *count += 1;
        assert!(*count <= 2, "image {image} is installed {count} times");
    }

    pub(crate) fn configuration(&self, disk: &SimulatedDisk) -> Option<Vec<u8>> {
        match &self.program {
            Some(program) => program.running.clone(),
            None => disk.files().remove(&PathBuf::from(CONFIGURATION)),
        }
    }

    /// Whether everything of this document is applied, and nothing else.
    pub(crate) fn assert_applied(&self, index: usize, disk: &SimulatedDisk) {
        let document = document(index);
        let expected = document.configured(self.base.as_deref());
        assert_eq!(text(self.configuration(disk)), text(expected), "document {index} is not what is configured");
        for step in [OnboardingStep::PreScript, OnboardingStep::PostScript] {
            let is_due = document.script(step).is_some() && !self.ended_well.contains(&(index, step));
            assert!(!is_due, "document {index}: {step} never ended well");
        }
        if let Some(image) = &document.plan.boot_image {
            assert_eq!(self.runs, image.sha256, "document {index}: another image runs");
        }
    }

    /// What must hold at every moment, also right after a cut of power.
    pub(crate) fn assert_sane(&self, disk: &SimulatedDisk) {
        let configuration = self.configuration(disk);
        let legal = self.given.iter().map(|index| document(*index).configured(self.base.as_deref()));
        let is_legal = std::iter::once(self.base.clone()).chain(legal).any(|legal| legal == configuration);
        assert!(is_legal, "a configuration that nobody wanted: {:?}", text(configuration));
        let files = disk.files();
        if let Some(active) = files.get(&PathBuf::from(ROOT).join("images/active.json")) {
            let active: serde_json::Value = serde_json::from_slice(active).expect("active.json is damaged");
            let digest = active["sha256"].as_str().unwrap();
            let slot = PathBuf::from(ROOT).join(format!("images/{digest}.fit"));
            let image = files.get(&slot).expect("the image to boot is not there");
            assert_eq!(sha256(image).to_string(), digest, "the image to boot is damaged");
            if let Some(previous) = active["previous"]["sha256"].as_str() {
                let slot = PathBuf::from(ROOT).join(format!("images/{previous}.fit"));
                assert_eq!(files.get(&slot).map(|it| sha256(it).to_string()).as_deref(), Some(previous), "fall-back");
            }
        }
        if let Some(index) = self.done(disk) {
            self.assert_applied(index, disk);
        }
    }

    /// The document that the marker names.
    pub(crate) fn done(&self, disk: &SimulatedDisk) -> Option<usize> {
        let files = disk.files();
        let marker = files.get(&PathBuf::from(ROOT).join("done"))?;
        let marker: serde_json::Value = serde_json::from_slice(marker).expect("the marker is damaged");
        let named = |document: &Document| marker["document"] == document.digest.to_string();
        Some(factory().documents.iter().position(named).expect("the marker names no document"))
    }
}

/// SEC-13: the configuration is the owner's business; elsewhere nothing of it may be found.
pub(crate) fn assert_no_secrets(disk: &SimulatedDisk) {
    for (path, octets) in disk.files() {
        let found = octets.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!found || path == Path::new(CONFIGURATION), "a secret is left in {}", path.display());
    }
}

fn text(octets: Option<Vec<u8>>) -> Option<String> {
    octets.map(|it| String::from_utf8_lossy(&it).into_owned())
}
