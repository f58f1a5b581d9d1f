//! Work that earlier attempts completed. Never trust: only what was done, so that it need not be done twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use verdict::Digest;

/// The steps of RFC 8572 §5.6 that change the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnboardingStep {
    /// The pre-configuration script.
    PreScript,
    /// The configuration.
    Configuration,
    /// The post-configuration script.
    PostScript,
}

impl OnboardingStep {
    /// The name in journal and trace.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreScript => "pre-script",
            Self::Configuration => "config",
            Self::PostScript => "post-script",
        }
    }
}

impl fmt::Display for OnboardingStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that happened and must be known after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// An image was installed.
    Installed {
        /// Digest of the image file.
        image: Digest,
    },
    /// A step of an onboarding information document is complete.
    Applied {
        /// SHA-256 over the document.
        document: Digest,
        /// Which step.
        step: OnboardingStep,
    },
    /// An attempt to apply a document failed: the next one starts from its first step.
    Abandoned {
        /// SHA-256 over the document.
        document: Digest,
    },
}

/// What all facts amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    installs: BTreeMap<Digest, u32>,
    applied: BTreeMap<Digest, BTreeSet<OnboardingStep>>,
}

impl History {
    /// Adds a fact.
    pub fn add(&mut self, fact: Fact) {
        match fact {
            Fact::Installed { image } => {
                let count = self.installs.entry(image).or_default();
                *count = count.saturating_add(1);
            }
            Fact::Applied { document, step } => {
                self.applied.entry(document).or_default().insert(step);
            }
            Fact::Abandoned { document } => {
                self.applied.remove(&document);
            }
        }
    }

    /// How often this image was installed.
    #[must_use]
    pub fn installs(&self, image: &Digest) -> u32 {
        self.installs.get(image).copied().unwrap_or(0)
    }

    /// Whether this step of this document is complete.
    #[must_use]
    pub fn is_applied(&self, document: &Digest, step: OnboardingStep) -> bool {
        self.applied.get(document).is_some_and(|steps| steps.contains(&step))
    }

    /// The shortest list of facts that amounts to this history.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let installs =
            self.installs.iter().flat_map(|(image, count)| (0..*count).map(|_| Fact::Installed { image: *image }));
        let applied = self
            .applied
            .iter()
            .flat_map(|(document, steps)| steps.iter().map(|step| Fact::Applied { document: *document, step: *step }));
        installs.chain(applied).collect()
    }
}
