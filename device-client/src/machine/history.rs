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
    /// An image is about to be installed. Written before the work, so that an installation that power cut short counts.
    Installed {
        /// Digest of the image file.
        image: Digest,
    },
    /// A document is about to be applied. What was applied of any other no longer counts: this one changes it.
    Begun {
        /// SHA-256 over the document.
        document: Digest,
    },
    /// A step of an onboarding information document is complete.
    Applied {
        /// SHA-256 over the document.
        document: Digest,
        /// Which step.
        step: OnboardingStep,
    },
    /// An attempt to apply a document failed: the next one starts from its first step. Written before the configuration
    /// is rolled back, so that no start finds it rolled back and believes it committed.
    Abandoned {
        /// SHA-256 over the document.
        document: Digest,
    },
}

/// What all facts amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    installs: BTreeMap<Digest, u32>,
    /// The one document whose steps count, and those that are complete.
    current: Option<(Digest, BTreeSet<OnboardingStep>)>,
}

impl History {
    /// Adds a fact.
    pub fn add(&mut self, fact: Fact) {
        match fact {
            Fact::Installed { image } => {
                let count = self.installs.entry(image).or_default();
                *count = count.saturating_add(1);
            }
            Fact::Begun { document } => {
                self.steps_of(document);
            }
            Fact::Applied { document, step } => {
                self.steps_of(document).insert(step);
            }
            Fact::Abandoned { document } => {
                self.current.take_if(|(current, _)| *current == document);
            }
        }
    }

    /// The steps of a document, which becomes the current one.
    fn steps_of(&mut self, document: Digest) -> &mut BTreeSet<OnboardingStep> {
        self.current.take_if(|(current, _)| *current != document);
        &mut self.current.get_or_insert_with(|| (document, BTreeSet::new())).1
    }

    /// How often this image was installed.
    #[must_use]
    pub fn installs(&self, image: &Digest) -> u32 {
        self.installs.get(image).copied().unwrap_or(0)
    }

    /// Whether this step of this document is complete.
    #[must_use]
    pub fn is_applied(&self, document: &Digest, step: OnboardingStep) -> bool {
        self.current.as_ref().is_some_and(|(current, steps)| current == document && steps.contains(&step))
    }

    /// The shortest list of facts that amounts to this history.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let installs =
            self.installs.iter().flat_map(|(image, count)| (0..*count).map(|_| Fact::Installed { image: *image }));
        let current = self.current.iter().flat_map(|(document, steps)| {
            let applied = steps.iter().map(|step| Fact::Applied { document: *document, step: *step });
            std::iter::once(Fact::Begun { document: *document }).chain(applied)
        });
        installs.chain(current).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_document_did_is_forgotten_when_one_begins() {
        let (first, second) = (Digest([1; 32]), Digest([2; 32]));
        let step = OnboardingStep::Configuration;
        let mut history = History::default();
        history.add(Fact::Begun { document: first });
        history.add(Fact::Applied { document: first, step });
        history.add(Fact::Begun { document: first });
        assert!(history.is_applied(&first, step));
        let mut again = History::default();
        history.facts().into_iter().for_each(|fact| again.add(fact));
        assert_eq!(again, history);
        history.add(Fact::Begun { document: second });
        assert!(!history.is_applied(&first, step) && !history.is_applied(&second, step));
        history.add(Fact::Begun { document: first });
        assert!(!history.is_applied(&first, step));
    }
}
