//! Applying onboarding information (RFC 8572 §5.6): boot image, pre-configuration script, configuration,
//! post-configuration script, in this order, with the reports that the server wants (CLI-50 to CLI-52).

mod configuration;
mod ending;
mod image;
mod parsing;
mod reporting;
mod script;

use conveyed_info::{
    Encoding,
    information::{Information, OnboardingInformation},
    rpc::{ProgressType, ReportingLevel},
};
use pki::digest::sha256;
use verdict::{Digest, Refusal};

use super::{Api, Event, Installation, OnboardingStep, Transition, shared::Shared};
use crate::Place;
use configuration::{Committing, RollingBack};
use ending::{Beginning, Forgetting, ReadingSwitch, Rebooting, Remembering, Swearing, WritingDone};
use image::{Discarding, Downloading, Installing, RememberingInstall, VerifyingImage};
use reporting::{BackingOff, Backlog, Report, Reporting};
use script::RunningScript;

/// One onboarding information document being applied.
#[derive(Debug)]
pub(super) struct Job {
    /// Where the document came from: the server that hears of it, where there is one.
    place: Place,
    api: Api,
    /// What the server wants to hear; `None` when it hears nothing (CLI-54).
    level: Option<ReportingLevel>,
    plan: OnboardingInformation,
    /// SHA-256 over the artifact that the document came in, by which its server knows it.
    artifact: Option<Digest>,
    /// Reports that could not be sent yet and must not be lost lightly: they go before the next ones (CLI-56).
    backlog: Backlog,
    /// SHA-256 over the document in our own encoding, so that the same document signed again is the same work.
    document: Digest,
    /// Whether a configuration was, or may have been, committed and must be rolled back on failure.
    committed: bool,
}

impl Job {
    pub(super) fn new(place: Place, api: Api, level: Option<ReportingLevel>, plan: OnboardingInformation) -> Self {
        let document = sha256(&Information::from(plan.clone()).encode(Encoding::Json));
        Self { place, api, level, plan, artifact: None, backlog: Backlog::default(), document, committed: false }
    }

    /// The same, with the digest of the artifact that the document came in.
    pub(super) fn made_from(self, artifact: Option<Digest>) -> Self {
        Self { artifact, ..self }
    }
}

/// The states of applying. Each is a type of its own, in the file of its family.
#[derive(Debug)]
pub(super) enum Onboarding {
    Reporting(Reporting),
    BackingOff(BackingOff),
    Downloading(Downloading),
    Discarding(Discarding),
    VerifyingImage(VerifyingImage),
    Installing(Installing),
    RememberingInstall(RememberingInstall),
    RunningScript(RunningScript),
    Committing(Committing),
    RollingBack(RollingBack),
    Beginning(Beginning),
    Remembering(Remembering),
    Forgetting(Forgetting),
    Rebooting(Rebooting),
    ReadingSwitch(ReadingSwitch),
    Swearing(Swearing),
    WritingDone(WritingDone),
}

impl Onboarding {
    pub(super) fn on(self: Box<Self>, event: Event, shared: &mut Shared) -> Transition {
        match *self {
            Self::Reporting(state) => state.on(event, shared),
            Self::BackingOff(state) => state.on(event, shared),
            Self::Downloading(state) => state.on(event, shared),
            Self::Discarding(state) => state.on(event, shared),
            Self::VerifyingImage(state) => state.on(event, shared),
            Self::Installing(state) => state.on(event, shared),
            Self::RememberingInstall(state) => state.on(event, shared),
            Self::RunningScript(state) => state.on(event, shared),
            Self::Committing(state) => state.on(event, shared),
            Self::RollingBack(state) => state.on(event, shared),
            Self::Beginning(state) => state.on(event, shared),
            Self::Remembering(state) => state.on(event, shared),
            Self::Forgetting(state) => state.on(event, shared),
            Self::Rebooting(state) => state.on(event, shared),
            Self::ReadingSwitch(state) => state.on(event, shared),
            Self::Swearing(state) => state.on(event, shared),
            Self::WritingDone(state) => state.on(event, shared),
        }
    }
}

/// Where to go when all pending reports are sent.
#[derive(Debug)]
enum Next {
    Clear,
    Image,
    Fetch(image::Fetch),
    Install(Installation),
    Reboot,
    Begin(OnboardingStep),
    Run(OnboardingStep),
    Swear,
    After(OnboardingStep),
    WriteDone,
    Leave(Refusal),
    PassOver(Refusal),
}

impl Next {
    fn enter(self, job: Job, shared: &mut Shared) -> Transition {
        match self {
            Self::Clear => clear(job, shared),
            Self::Image => image::begin(job, shared),
            Self::Fetch(fetch) => image::fetch(job, fetch, shared),
            Self::Install(installation) => image::install(job, installation),
            Self::Reboot => ending::reboot(job, shared),
            Self::Begin(step) => begin_step(job, step, shared),
            Self::Run(OnboardingStep::Configuration) => configuration::commit(job, shared),
            Self::Run(step) => script::run(job, step, shared),
            Self::After(step) => after_step(job, step, shared),
            Self::Swear => ending::swear(job, shared),
            Self::WriteDone => ending::write_done(job),
            Self::Leave(refusal) => shared.apply_failed(job.place, refusal),
            Self::PassOver(refusal) => shared.pass_over(&job.place, refusal),
        }
    }
}

/// Begins to apply a document.
pub(super) fn begin(mut job: Job, shared: &mut Shared) -> Transition {
    job.committed = shared.situation.history.is_applied(&job.document, OnboardingStep::Configuration);
    // RFC 8572 §5.6 (CLI-51): `bootstrap-initiated` is the first report of all. The document is parsed already, since
    // nothing unparsed is ever trusted; what a verbose server hears of it comes after.
    let warnings = parsing::warnings(&job.plan);
    let mut reports =
        vec![Report::acknowledged(ProgressType::BootstrapInitiated), Report::verbose(ProgressType::ParsingInitiated)];
    if !warnings.is_empty() {
        let warnings = warnings.join("\n");
        shared.note("document-odd", &job.place, warnings.clone());
        reports.push(Report::verbose(ProgressType::ParsingWarning).with_message(warnings));
    }
    reports.push(Report::verbose(ProgressType::ParsingComplete));
    if let Some(told) = resumed(&job, shared) {
        reports.push(Report::verbose(ProgressType::Informational).with_message(told));
    }
    reporting::send(job, reports, Next::Clear, shared)
}

/// What an interrupted attempt at the same document completed, which is not done again.
fn resumed(job: &Job, shared: &Shared) -> Option<String> {
    let steps = [OnboardingStep::PreScript, OnboardingStep::Configuration, OnboardingStep::PostScript];
    let done = steps.into_iter().filter(|step| shared.situation.history.is_applied(&job.document, *step));
    let done: Vec<_> = done.map(OnboardingStep::as_str).collect();
    (!done.is_empty()).then(|| format!("resumed after an interruption; not done again: {}", done.join(", ")))
}

/// Takes back what an earlier attempt committed and did not bring to its end, unless it is this very document's: no
/// document is applied on top of another.
fn clear(job: Job, shared: &mut Shared) -> Transition {
    if job.committed {
        return Next::Image.enter(job, shared);
    }
    // The journal first: were the roll-back first, a cut between the two would leave the other document's
    // configuration rolled back and remembered as committed.
    ending::remember_beginning(job)
}

/// Tells an authenticated server that what it gave cannot be read, and leaves it.
pub(super) fn cannot_parse(place: Place, api: Api, refusal: Refusal, shared: &mut Shared) -> Transition {
    let job = Job::new(place, api, Some(ReportingLevel::Minimal), OnboardingInformation::default());
    let reports = vec![
        Report::always(ProgressType::BootstrapInitiated),
        Report::always(ProgressType::ParsingError).with_message(reporting::message_of(&refusal, "")),
    ];
    reporting::send(job, reports, Next::PassOver(refusal), shared)
}

/// Begins a step, unless the document does not have it or an earlier attempt completed it.
fn begin_step(job: Job, step: OnboardingStep, shared: &mut Shared) -> Transition {
    let wanted = match step {
        OnboardingStep::PreScript => job.plan.pre_configuration_script.is_some(),
        OnboardingStep::Configuration => job.plan.configuration.is_some(),
        OnboardingStep::PostScript => job.plan.post_configuration_script.is_some(),
    };
    if !wanted {
        return after_step(job, step, shared);
    }
    if shared.situation.history.is_applied(&job.document, step) {
        let detail = "an attempt that was interrupted completed this step of the same document";
        let record = crate::Record::new(step.as_str(), crate::Decision::Skipped, detail);
        shared.record(record.about(&job.place));
        return after_step(job, step, shared);
    }
    let initiated = match step {
        OnboardingStep::PreScript => ProgressType::PreScriptInitiated,
        OnboardingStep::Configuration => ProgressType::ConfigInitiated,
        OnboardingStep::PostScript => ProgressType::PostScriptInitiated,
    };
    reporting::send(job, vec![Report::verbose(initiated)], Next::Run(step), shared)
}

fn after_step(job: Job, step: OnboardingStep, shared: &mut Shared) -> Transition {
    match step {
        OnboardingStep::PreScript => begin_step(job, OnboardingStep::Configuration, shared),
        OnboardingStep::Configuration => begin_step(job, OnboardingStep::PostScript, shared),
        OnboardingStep::PostScript => ending::complete(job, shared),
    }
}

/// A step failed: the journal forgets the document, what was committed is rolled back, the server hears of the failure,
/// and the attempt goes on with the next server (CLI-16, CLI-17). In this order, so that a cut of power anywhere leaves
/// nothing that the next start would take for applied.
fn fail(job: Job, report: ProgressType, refusal: Refusal) -> Transition {
    ending::forget(job, Failure { report, refusal, output: String::new() })
}

/// Why a document could not be applied, and the name under which its server hears of it.
#[derive(Debug)]
struct Failure {
    report: ProgressType,
    refusal: Refusal,
    /// What the program that failed printed last: for the server alone (SEC-13).
    output: String,
}

impl Failure {
    /// Tells the server and leaves it.
    fn tell(self, job: Job, shared: &mut Shared) -> Transition {
        let report = Report::always(self.report).with_message(reporting::message_of(&self.refusal, &self.output));
        reporting::send(job, vec![report], Next::Leave(self.refusal), shared)
    }
}
