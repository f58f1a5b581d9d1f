//! What the machine wants done, and what it is told about the result.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use conveyed_info::{
    BootstrappingData, Unverified,
    discovery::removable_storage::{MediaPath, MediaUriError},
    information::{Configuration, Script},
    rpc::{BootstrappingRequest, ProgressReport},
    statement::Statement,
    verify::{EvidenceLocation, VoucherFacts},
};
use pki::certificate::Certificate;
use verdict::{Digest, ReasonCode, Refusal, Trace};

use super::{Api, Fact, OnboardingStep, Origin, SourceIndex};
use crate::{Outcome, Place, Server};

/// The one thing to do now. Each is answered with the event named here, or with [`Event::Failed`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Action {
    /// Ask a source of bootstrapping data which servers there are: [`Event::Discovered`].
    Discover(SourceIndex),
    /// Look a host name up: [`Event::Resolved`].
    Resolve(Server),
    /// Close what connection there is, open one to `address` and complete the TLS handshake without judging the
    /// server's certificate: [`Event::Connected`].
    Connect {
        /// Whom the connection is meant for; its host is the name sent in the handshake.
        server: Server,
        /// The address to use.
        address: SocketAddr,
    },
    /// Send a request over the open connection: [`Event::Answered`].
    Send(Request),
    /// Wait: [`Event::Done`].
    Wait(Pause),
    /// Fetch evidence about revocation: [`Event::Fetched`].
    Fetch(Fetch),
    /// Download a boot image to the staging place: [`Event::Downloaded`].
    Download(Download),
    /// Carry out one piece of local work.
    Work(Work),
    /// The attempt is over. No event follows.
    Finish(Outcome),
}

impl Action {
    /// What it is called where steps are counted.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Discover(_) => "discover",
            Self::Resolve(_) => "resolve",
            Self::Connect { .. } => "connect",
            Self::Send(Request::HostMeta) => "host-meta",
            Self::Send(Request::BootstrappingData { .. }) => "get-bootstrapping-data",
            Self::Send(Request::Progress { report, .. }) => report.progress_type.as_str(),
            Self::Wait(_) => "wait",
            Self::Fetch(_) => "fetch-revocation",
            Self::Download(_) => "download-image",
            Self::Work(work) => match work {
                Work::DiscardImage => "discard-image",
                Work::VerifyImage => "verify-image",
                Work::InstallImage(_) => "install-image",
                Work::RunScript(step, _) => step.as_str(),
                Work::Commit(_) => "commit-configuration",
                Work::RollBack => "roll-back-configuration",
                Work::Remember(_) => "journal",
                Work::ReadSwitch => "read-switch",
                Work::Swear(_) => "sign-statement",
                Work::RememberVoucher(_) => "remember-voucher",
                Work::WriteDone(_) => "write-done",
                Work::Reboot => "reboot",
            },
            Self::Finish(_) => "finish",
        }
    }
}

/// A request to a bootstrap server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// `GET` of the host-meta document (RFC 8040 §3.1).
    HostMeta,
    /// The first operation of RFC 8572 §7.1.
    BootstrappingData {
        /// How this server is spoken to.
        api: Api,
        /// Its input.
        input: BootstrappingRequest,
    },
    /// The second operation of RFC 8572 §7.1.
    Progress {
        /// How this server is spoken to.
        api: Api,
        /// Its input.
        report: ProgressReport,
    },
}

/// Something that proves itself, to be fetched over plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Where it is, and what is asked there.
    pub place: EvidenceLocation,
    /// The addresses to use, in this order, and no others (SEC-10).
    pub addresses: Vec<SocketAddr>,
}

/// A download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// From where.
    pub from: ImageLocation,
    /// The digest the image will be held against. Bytes of an earlier download for the same digest are kept and the
    /// rest fetched; without a digest a download starts from nothing.
    pub expected: Option<Digest>,
}

/// Where a boot image lies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageLocation {
    /// Wherever this URI leads; an environment takes `http` and `https` and no other (SEC-11).
    Uri(String),
    /// On the removable storage that the document itself came from, and nowhere else (USB-07).
    Stick {
        /// Where on it the document lay.
        place: Place,
        /// The file.
        path: MediaPath,
    },
}

impl ImageLocation {
    /// What a URI means in a document that came from `place`.
    ///
    /// # Errors
    /// [`Refusal`] for a `file` URI that is no path on a stick, or that did not come from one: on the device itself an owner
    /// names no files (SEC-11).
    pub fn of_uri(uri: &str, place: &Place) -> Result<Self, Refusal> {
        match (MediaPath::from_uri(uri), place) {
            (Err(MediaUriError::Elsewhere), _) => Ok(Self::Uri(uri.to_owned())),
            (Ok(path), Place::Folder(_)) => Ok(Self::Stick { place: place.clone(), path }),
            (Err(error), Place::Folder(_)) => Err(Refusal::new(error.reason(), format!("{uri}: {error}"))),
            (_, Place::Server(_) | Place::Name(_)) => {
                let detail = format!("{uri}: a file is taken only from the removable storage that names it");
                Err(Refusal::new(ReasonCode::ImageUnreachable, detail))
            }
        }
    }
}

impl fmt::Display for ImageLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(uri) => f.write_str(uri),
            Self::Stick { path, .. } => write!(f, "{path} on the same storage"),
        }
    }
}

/// Work on the device itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum Work {
    /// Remove the staged image: [`Event::Done`].
    DiscardImage,
    /// Verify the signature inside the staged image: [`Event::ImageVerified`].
    VerifyImage,
    /// Put the staged image into a slot and make it the one to boot: [`Event::Done`].
    InstallImage(Installation),
    /// Run a script: [`Event::ScriptEnded`].
    RunScript(OnboardingStep, Script),
    /// Commit a configuration, atomically, so that it can be rolled back: [`Event::Done`] or [`Event::CommitFailed`].
    Commit(Configuration),
    /// Restore the configuration from before the commit: [`Event::Done`].
    RollBack,
    /// Write a fact to the journal, durably: [`Event::Done`].
    Remember(Fact),
    /// Read the switch that the owner's configuration may have turned (RFC 8572 §5.1): [`Event::Switch`].
    ReadSwitch,
    /// Sign what was applied with the device's key: [`Event::Sworn`].
    Swear(Statement),
    /// Remember the newest voucher, durably, beyond a return to factory state: [`Event::Done`].
    RememberVoucher(VoucherFacts),
    /// Write the marker that ends bootstrapping, durably: [`Event::Done`].
    WriteDone(Completion),
    /// Boot the installed image, or arrange for it: [`Event::Done`].
    Reboot,
}

/// An image to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Digest of the image file.
    pub sha256: Digest,
    /// The operating system's name, if it is known.
    pub os_name: Option<String>,
    /// Its version, if it is known.
    pub os_version: Option<String>,
}

/// What the marker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Where the data came from that was applied.
    pub place: Place,
    /// SHA-256 over the onboarding information document.
    pub document: Digest,
}

/// The result of the last action.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// What a source gave.
    Discovered(Discovery),
    /// The addresses of a name.
    Resolved(Vec<IpAddr>),
    /// The handshake is complete; the server showed this chain, its own certificate first.
    Connected(Vec<Certificate>),
    /// The server answered, whatever the status.
    Answered(Answer),
    /// What was fetched.
    Fetched(Vec<u8>),
    /// The staged image is complete.
    Downloaded(Downloaded),
    /// The signature inside the image verifies.
    ImageVerified(Trace),
    /// A script ended.
    ScriptEnded(ScriptEnd),
    /// A configuration is committed, and the program that did it warns of something: what it printed.
    CommitWarned(String),
    /// A configuration could not be committed.
    CommitFailed(CommitFailure),
    /// How the switch stands.
    Switch(SwitchPosition),
    /// The text of a message that holds the signed statement.
    Sworn(String),
    /// Done, with nothing to tell.
    Done,
    /// The action failed.
    Failed(Refusal),
}

/// What a source gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// What it offers, in order.
    pub offers: Vec<Offer>,
    /// What was left out, and why.
    pub ignored: Vec<Refusal>,
}

impl Discovery {
    /// Servers, and nothing left out.
    #[must_use]
    pub fn of_servers(servers: Vec<Server>, origin: Origin) -> Self {
        let offers = servers.into_iter().map(|server| Offer::Server(server, origin)).collect();
        Self { offers, ignored: Vec::new() }
    }
}

/// One thing that a source offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// A server to be asked, and how far the one is believed who named it.
    Server(Server, Origin),
    /// Bootstrapping data itself, and where it lies. Nobody vouches for that place: what is not signed counts as a
    /// redirect at most (RFC 8572 §4.1, §4.2; USB-02, DNS-01).
    Data(Place, Unverified<BootstrappingData>),
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The media type without parameters, in lower case.
    pub media_type: Option<String>,
    /// After which time to ask again (RFC 9110 §10.2.3), if the server said so.
    pub retry_after: Option<Duration>,
    /// The body, complete.
    pub body: Vec<u8>,
}

/// How long to wait. Devices that begin to wait at the same moment must not end at the same one (CLI-05).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Between half of this time and one and a half of it.
    About(Duration),
    /// This time, and up to a quarter of it more: somebody has said that before then it is of no use.
    AtLeast(Duration),
}

impl Pause {
    /// The time that it is about.
    #[must_use]
    pub const fn mean(self) -> Duration {
        match self {
            Self::About(pause) | Self::AtLeast(pause) => pause,
        }
    }
}

/// The variable that says whether a device bootstraps (RFC 8572 §5.1; DEV-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchPosition {
    /// It does: the factory default.
    On,
    /// It does not.
    Off,
}

/// A completed download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// SHA-256 over the whole file.
    pub sha256: Digest,
    /// Octets in the file.
    pub length: u64,
    /// How many of them an earlier download had left.
    pub resumed_from: u64,
}

/// How a script ended, and the tail of what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptEnd {
    /// How it ended.
    pub verdict: ScriptVerdict,
    /// The end of its output, bounded. It may hold secrets: only the server that gave the script hears it (SEC-13).
    pub output: String,
}

/// A commit that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFailure {
    /// Why, without a word of what a program printed.
    pub refusal: Refusal,
    /// The end of what the program printed that commits configurations, bounded; empty where there is none. Only the
    /// server that gave the configuration hears it (SEC-13).
    pub output: String,
}

impl From<Refusal> for CommitFailure {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, output: String::new() }
    }
}

/// What a script's end means. RFC 8572 §6.3 leaves the convention open; ours is exit code 0, 99 and all the rest
/// (CLI-70).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptVerdict {
    /// Exit code 0.
    Complete,
    /// Exit code 99: a soft error, bootstrapping goes on (CLI-69).
    Warning,
    /// Any other exit code.
    Failed(i32),
    /// A signal ended it.
    Killed,
    /// It ran longer than it may.
    TimedOut,
}

impl fmt::Display for ScriptVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("exit code 0"),
            Self::Warning => f.write_str("exit code 99"),
            Self::Failed(code) => write!(f, "exit code {code}"),
            Self::Killed => f.write_str("ended by a signal"),
            Self::TimedOut => f.write_str("ran longer than it may"),
        }
    }
}
