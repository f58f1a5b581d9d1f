//! The boot image (RFC 8572 §5.6): is the right one running, and if not, fetch, verify and install it, in this order
//! (CLI-58 to CLI-67).

use conveyed_info::{information::BootImage, rpc::ProgressType};
use verdict::{Digest, ReasonCode, Refusal};

use super::{Job, Next, Onboarding, Report, fail, reporting};
use crate::{
    Decision, Record,
    machine::{
        Action, Download, Downloaded, Event, Fact, ImageLocation, ImageSignature, Installation, OnboardingStep,
        RunningImage, State, Transition, Work,
        shared::{Shared, unexpected},
    },
};

/// Installs of one image after which it is not written to flash again.
const MAX_INSTALLS: u32 = 2;

/// Where in the list of places a download stands.
#[derive(Debug)]
pub(super) struct Fetch {
    image: BootImage,
    locations: Vec<ImageLocation>,
    next: usize,
    last_refusal: Option<Refusal>,
}

impl Fetch {
    /// What the URIs mean that came from this place; those that must not be used are left (SEC-11).
    fn new(image: BootImage, job: &Job, shared: &mut Shared) -> Self {
        let mut fetch = Self { image, locations: Vec::new(), next: 0, last_refusal: None };
        for uri in std::mem::take(&mut fetch.image.download_uris) {
            match ImageLocation::of_uri(&uri, &job.place) {
                Ok(location) => fetch.locations.push(location),
                Err(refusal) => fetch.failed(job, refusal, shared),
            }
        }
        fetch
    }

    fn failed(&mut self, job: &Job, refusal: Refusal, shared: &mut Shared) {
        shared.record(Record::refused("image-download", &refusal).about(&job.place));
        // A hash that did not match tells more than a server that did not answer.
        self.last_refusal = match self.last_refusal.take() {
            Some(earlier) if earlier.reason == ReasonCode::ImageHashMismatch => Some(earlier),
            _ => Some(refusal),
        };
    }
}

/// Compares the boot image criteria with what runs.
pub(super) fn begin(mut job: Job, shared: &mut Shared) -> Transition {
    let Some(image) = job.plan.boot_image.take() else {
        return Next::Begin(OnboardingStep::PreScript).enter(job, shared);
    };
    let initiated = Report::verbose(ProgressType::BootImageInitiated);
    if is_running(&image, &shared.situation.running) {
        let record = Record::new("boot-image", Decision::Passed, format!("{} is running", name_of(&image)));
        shared.record(record.about(&job.place));
        let reports = vec![initiated, Report::verbose(ProgressType::BootImageComplete)];
        return reporting::send(job, reports, Next::Begin(OnboardingStep::PreScript), shared);
    }
    shared.note("boot-image-differs", &job.place, format!("{} is not running", name_of(&image)));
    if let Some(refusal) = cannot_fetch(&image, shared) {
        return fail(job, ProgressType::BootImageError, refusal);
    }
    let mut reports = vec![initiated, Report::verbose(ProgressType::BootImageMismatch)];
    if let Some(digest) = image.sha256.filter(|digest| shared.situation.installed.as_ref() == Some(digest)) {
        shared.note("image-download", &job.place, format!("not needed: {digest} is installed and was not booted yet"));
        let installation = Installation { sha256: digest, os_name: image.os_name, os_version: image.os_version };
        return reporting::send(job, reports, Next::Install(installation), shared);
    }
    let fetch = Fetch::new(image, &job, shared);
    if !fetch.locations.is_empty() {
        reports.extend(fetch.last_refusal.as_ref().map(warning));
    }
    reporting::send(job, reports, Next::Fetch(fetch), shared)
}

/// Exactly as the criteria say; what they do not name, they do not demand.
fn is_running(image: &BootImage, running: &RunningImage) -> bool {
    let fits = |wanted: &Option<String>, actual: &Option<String>| wanted.is_none() || wanted == actual;
    // Name and version of an installed image are what a document called it; where its digest is known, that is the image.
    if image.sha256.is_some() && image.sha256 == running.sha256 {
        return true;
    }
    // Criteria without name and version can only mean the image itself.
    if image.os_name.is_none() && image.os_version.is_none() {
        return image.sha256.is_none();
    }
    fits(&image.os_name, &running.os_name) && fits(&image.os_version, &running.os_version)
}

fn name_of(image: &BootImage) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    format!("{} {}", part(&image.os_name), part(&image.os_version))
}

fn cannot_fetch(image: &BootImage, shared: &Shared) -> Option<Refusal> {
    if image.download_uris.is_empty() {
        let detail = format!("{} is wanted and no URI says where it is", name_of(image));
        return Some(Refusal::new(ReasonCode::ImageUnreachable, detail));
    }
    match &image.sha256 {
        // RFC 8572 §5.6 (CLI-62): neither a fingerprint nor a signature inside the image.
        None if shared.policy.image_signature == ImageSignature::NotConfigured => Some(Refusal::new(
            ReasonCode::ImageVerificationMissing,
            "the onboarding information gives no sha-256, and this device holds no image key",
        )),
        Some(digest) => worn_out(digest, shared),
        None => None,
    }
}

fn worn_out(image: &Digest, shared: &Shared) -> Option<Refusal> {
    let installs = shared.situation.history.installs(image);
    (installs >= MAX_INSTALLS).then(|| {
        let detail = format!("image {image} was installed {installs} times and does not run");
        Refusal::new(ReasonCode::ImageNotRunning, detail)
    })
}

/// Tries the next place, in the order given (CLI-60).
pub(super) fn fetch(job: Job, mut fetch: Fetch, shared: &mut Shared) -> Transition {
    let Some(from) = fetch.locations.get(fetch.next).cloned() else {
        let refusal = fetch.last_refusal.unwrap_or_else(|| unexpected("download"));
        return fail(job, ProgressType::BootImageError, refusal);
    };
    fetch.next = fetch.next.saturating_add(1);
    shared.note("image-download", &job.place, from.to_string());
    let action = Action::Download(Download { from, expected: fetch.image.sha256 });
    go(Onboarding::Downloading(Downloading { job, fetch }), action)
}

/// Says why one URI was left, where another is tried; of the last one, the error will say it.
fn warn(job: Job, fetch: Fetch, shared: &mut Shared) -> Transition {
    let Some(refusal) = fetch.last_refusal.as_ref().filter(|_| fetch.next < fetch.locations.len()) else {
        return self::fetch(job, fetch, shared);
    };
    let report = warning(refusal);
    reporting::send(job, vec![report], Next::Fetch(fetch), shared)
}

fn warning(refusal: &Refusal) -> Report {
    Report::verbose(ProgressType::BootImageWarning).with_message(reporting::message_of(refusal, ""))
}

fn go(state: Onboarding, action: Action) -> Transition {
    Transition { state: State::Onboarding(Box::new(state)), action }
}

/// Waits for a download.
#[derive(Debug)]
pub(in crate::machine) struct Downloading {
    job: Job,
    fetch: Fetch,
}

impl Downloading {
    pub(super) fn on(mut self, event: Event, shared: &mut Shared) -> Transition {
        let downloaded = match event {
            Event::Downloaded(downloaded) => downloaded,
            Event::Failed(refusal) => {
                self.fetch.failed(&self.job, refusal, shared);
                return warn(self.job, self.fetch, shared);
            }
            _ => return fail(self.job, ProgressType::BootImageError, unexpected("download")),
        };
        let Downloaded { sha256, length, resumed_from } = downloaded;
        let detail = format!("{length} octets, {resumed_from} of them from an earlier download, sha-256 {sha256}");
        shared.note("image-downloaded", &self.job.place, detail);
        // RFC 8572 §5.6: verified before anything is done with it.
        if let Some(expected) = self.fetch.image.sha256
            && expected != sha256
        {
            let detail = format!("expected sha-256 {expected}, downloaded {sha256}");
            let refusal = Refusal::new(ReasonCode::ImageHashMismatch, detail);
            shared.record(Record::refused("image-hash", &refusal).about(&self.job.place));
            // Kept bytes of an earlier download may be what is wrong: the same URI gets one chance without them.
            if resumed_from > 0 {
                self.fetch.next = self.fetch.next.saturating_sub(1);
            }
            self.fetch.last_refusal = Some(refusal);
            return discard(self.job, After::NextUri(self.fetch));
        }
        if let Some(refusal) = worn_out(&sha256, shared) {
            return discard(self.job, After::Fail(refusal));
        }
        let installation =
            Installation { sha256, os_name: self.fetch.image.os_name, os_version: self.fetch.image.os_version };
        match shared.policy.image_signature {
            ImageSignature::Required => {
                let state = VerifyingImage { job: self.job, installation };
                go(Onboarding::VerifyingImage(state), Action::Work(Work::VerifyImage))
            }
            ImageSignature::NotConfigured => install(self.job, installation),
        }
    }
}

/// Where to go when the staged image is gone.
#[derive(Debug)]
enum After {
    NextUri(Fetch),
    Fail(Refusal),
}

/// Waits until the staged image is gone.
#[derive(Debug)]
pub(in crate::machine) struct Discarding {
    job: Job,
    after: After,
}

fn discard(job: Job, after: After) -> Transition {
    go(Onboarding::Discarding(Discarding { job, after }), Action::Work(Work::DiscardImage))
}

impl Discarding {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        match (event, self.after) {
            (Event::Failed(refusal), _) => fail(self.job, ProgressType::BootImageError, refusal),
            (_, After::NextUri(next)) => warn(self.job, next, shared),
            (_, After::Fail(refusal)) => fail(self.job, ProgressType::BootImageError, refusal),
        }
    }
}

/// Waits for the verdict on the signature inside the image.
#[derive(Debug)]
pub(in crate::machine) struct VerifyingImage {
    job: Job,
    installation: Installation,
}

impl VerifyingImage {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        match event {
            Event::ImageVerified(trace) => {
                let record = Record::new("image-verified", Decision::Passed, self.installation.sha256.to_string());
                shared.record(record.about(&self.job.place).with_checks(trace));
                install(self.job, self.installation)
            }
            Event::Failed(refusal) => discard(self.job, After::Fail(refusal)),
            _ => discard(self.job, After::Fail(unexpected("verify-image"))),
        }
    }
}

/// Counts the installation, then installs.
pub(super) fn install(job: Job, installation: Installation) -> Transition {
    let fact = Fact::Installed { image: installation.sha256 };
    go(Onboarding::RememberingInstall(RememberingInstall { job, installation }), Action::Work(Work::Remember(fact)))
}

/// Waits until the journal knows of the installation.
#[derive(Debug)]
pub(in crate::machine) struct RememberingInstall {
    job: Job,
    installation: Installation,
}

impl RememberingInstall {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        if let Event::Failed(refusal) = event {
            return fail(self.job, ProgressType::BootImageError, refusal);
        }
        let image = self.installation.sha256;
        shared.situation.history.add(Fact::Installed { image });
        let action = Action::Work(Work::InstallImage(self.installation));
        go(Onboarding::Installing(Installing { job: self.job, image }), action)
    }
}

/// Waits until the image is installed.
#[derive(Debug)]
pub(in crate::machine) struct Installing {
    job: Job,
    image: Digest,
}

impl Installing {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        match event {
            Event::Done => {
                shared.note("image-installed", &self.job.place, self.image.to_string());
                // RFC 8572 §5.6 (CLI-65): tried before the reboot, and the last word to this server in this attempt.
                let report = Report::always(ProgressType::BootImageInstalledRebooting);
                reporting::send(self.job, vec![report], Next::Reboot, shared)
            }
            Event::Failed(refusal) => fail(self.job, ProgressType::BootImageError, refusal),
            _ => fail(self.job, ProgressType::BootImageError, unexpected("install-image")),
        }
    }
}
