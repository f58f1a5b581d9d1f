//! What the demo found: who is bootstrapped, who was refused and why, and whether that is what was planned.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use audit_log::LogIndex;
use bootstrap_server::store::Store;
use device_client::{OutcomeState, PassedOver};
use pki::identity::SerialNumber;
use serde::{Deserialize, Serialize};
use verdict::{ReasonCode, Refusal};

use super::{
    Args,
    devices::Run,
    lab::{Lab, Planted},
};
use crate::{commands::Failure, output};

/// The whole result, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    devices: Vec<DeviceReport>,
    image: ImageReport,
    audit: AuditReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tampered: Option<TamperReport>,
    elapsed_ms: u128,
    data: PathBuf,
    server_config: PathBuf,
}

#[derive(Debug, Serialize)]
struct DeviceReport {
    name: String,
    serial_number: String,
    rogue: bool,
    /// What is wrong with a rogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    planted: Option<&'static str>,
    state: &'static str,
    reason: Option<ReasonCode>,
    detail: String,
    /// Milliseconds each step took.
    milliseconds: BTreeMap<String, u64>,
    total_ms: u128,
    passed_over: Vec<PassedOver>,
    #[serde(skip)]
    expected: Expected,
}

/// What must come of a device for the demo to have shown anything.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Bootstrapped,
    Refused(ReasonCode),
}

#[derive(Debug, Serialize)]
struct ImageReport {
    payload: String,
    sha256: String,
    octets: u64,
}

#[derive(Debug, Serialize)]
struct AuditReport {
    verified: bool,
    leaves: u64,
    root: String,
}

/// What became of the log after somebody changed a record.
#[derive(Debug, Serialize)]
pub(super) struct TamperReport {
    pub(super) changed: String,
    pub(super) refusal: Refusal,
}

impl Report {
    /// Puts the devices' own accounts and the server's log together.
    pub(super) async fn gather(
        lab: &Lab,
        runs: Vec<Run>,
        store: &dyn Store,
        audit: &audit_log::Report,
        elapsed: Duration,
    ) -> Result<Self, Failure> {
        let copied = runs.iter().find(|run| run.device.planted == Planted::CopiedIdentity);
        let refused_by_server = refusal_of(store, copied.map(|run| &run.device.serial_number)).await?;
        let devices = runs.into_iter().map(|run| device(run, refused_by_server.as_ref())).collect();
        Ok(Self {
            devices,
            image: ImageReport {
                payload: lab.image.payload.clone(),
                sha256: lab.image.sha256.clone(),
                octets: lab.image.octets,
            },
            audit: AuditReport { verified: true, leaves: audit.leaves, root: audit.root.to_string() },
            tampered: None,
            elapsed_ms: elapsed.as_millis(),
            data: lab.folder.clone(),
            server_config: lab.server_config.clone(),
        })
    }

    /// Whether every good device is bootstrapped and each rogue refused for its own reason.
    pub(super) fn is_as_planned(&self) -> bool {
        self.devices.iter().all(|device| match device.expected {
            Expected::Bootstrapped => device.state == BOOTSTRAPPED,
            Expected::Refused(reason) => device.state == REFUSED && device.reason == Some(reason),
        })
    }

    pub(super) fn print(&self, args: &Args) {
        if args.json {
            match serde_json::to_string_pretty(self) {
                Ok(text) => output::line(&text),
                Err(error) => output::error(&format!("the report cannot be written: {error}")),
            }
        } else {
            self.print_for_people(args);
        }
    }

    fn print_for_people(&self, args: &Args) {
        output::line(&format!("{:<10} {:<11} {:<13} {:>8}  why", "device", "serial", "state", "ms"));
        for device in &self.devices {
            let why = device.reason.map_or("", ReasonCode::as_str);
            output::line(&format!(
                "{:<10} {:<11} {:<13} {:>8}  {why}",
                device.name, device.serial_number, device.state, device.total_ms
            ));
        }
        for device in &self.devices {
            let Some(reason) = device.reason else { continue };
            output::line(&format!("\n{}: {}.", device.name, reason.summary()));
            if let Some(planted) = device.planted {
                output::line(&format!("  planted: {planted}"));
            }
            output::line(&format!("  detail:  {}", device.detail));
            output::line(&format!("  rule:    {}   code: {reason}", reason.section()));
            output::line(&format!("  do:      {}", reason.remedy()));
        }
        self.print_passed_over();
        let AuditReport { leaves, root, .. } = &self.audit;
        output::line(&format!("\naudit log: {leaves} leaves verified, root {root}"));
        if let Some(tampered) = &self.tampered {
            output::line(&format!("tampered:  {}; the log says: {}", tampered.changed, tampered.refusal));
        }
        output::line(&format!(
            "boot image: {}, {} octets, sha256 {}",
            self.image.payload, self.image.octets, self.image.sha256
        ));
        let verdict = if self.is_as_planned() { "all as planned" } else { "NOT as planned" };
        output::line(&format!(
            "{verdict}, in {:.1} s",
            Duration::from_millis(u64::try_from(self.elapsed_ms).unwrap_or(u64::MAX)).as_secs_f64()
        ));
        self.print_next(args);
    }

    /// The rogue server is the same for all devices: it is told of once.
    fn print_passed_over(&self) {
        let mut seen: BTreeMap<(String, ReasonCode), usize> = BTreeMap::new();
        for passed in self.devices.iter().filter(|device| !device.rogue).flat_map(|device| &device.passed_over) {
            *seen.entry((passed.place.to_string(), passed.reason)).or_default() += 1;
        }
        for ((server, reason), count) in seen {
            output::line(&format!(
                "\npassed over by {count} devices: server {server}\n  {reason}: {} ({})",
                reason.summary(),
                reason.section()
            ));
        }
    }

    fn print_next(&self, args: &Args) {
        if args.once && args.keep.is_none() {
            output::line("\nnext: `sztp demo --keep DIR` keeps everything, `sztp demo` keeps the servers up");
            return;
        }
        let config = self.server_config.display();
        output::line(&format!("\ndata:  {}", self.data.display()));
        output::line(&format!("next:  sztp audit verify --config {config}"));
        output::line("       sztp explain owner-not-pinned");
        if args.once {
            output::line(&format!("       sztp serve --config {config}"));
            output::line(&format!("       sztp device list --config {config}     while that runs"));
        } else {
            output::line(&format!("       sztp device list --config {config}"));
            output::line(&format!("       sztp explain DEMO-0001 --config {config}"));
            output::line("the servers stay up until Ctrl-C");
        }
    }
}

const BOOTSTRAPPED: &str = "bootstrapped";
const REFUSED: &str = "refused";

/// Why the server turned away the device with the copied identity. Refusals of unauthenticated peers are logged behind
/// their backs, so the one that must come is waited for, but not for ever.
async fn refusal_of(store: &dyn Store, claimed: Option<&SerialNumber>) -> Result<Option<LoggedRefusal>, Failure> {
    let Some(claimed) = claimed else { return Ok(None) };
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let records = store.records(LogIndex(0), u32::MAX).await?;
        let bodies = records.into_iter().filter_map(|record| Some(record.opening?.1));
        let refusals = bodies.filter_map(|body| serde_json::from_slice::<LoggedRefusal>(&body).ok());
        let claim = format!("claimed serial number {claimed}:");
        match refusals.into_iter().find(|refusal| refusal.detail.starts_with(&claim)) {
            None if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(10)).await,
            found => return Ok(found),
        }
    }
}

/// The body of a `connections-refused` record.
#[derive(Debug, Deserialize)]
struct LoggedRefusal {
    reason: String,
    detail: String,
}

fn device(run: Run, refused_by_server: Option<&LoggedRefusal>) -> DeviceReport {
    let bootstrapped = run.outcome.state == OutcomeState::Bootstrapped;
    let (planted, expected) = match run.device.planted {
        Planted::Nothing => (None, Expected::Bootstrapped),
        Planted::VoucherForAnotherOwner => {
            (Some("a voucher that pins another owner"), Expected::Refused(ReasonCode::OwnerNotPinned))
        }
        Planted::CopiedIdentity => (
            Some("a real serial number in a certificate of somebody else's making"),
            Expected::Refused(ReasonCode::IdevidUntrusted),
        ),
    };
    // A device that the server turns away sees no more than a closed connection: the reason is the server's.
    let by_server = refused_by_server.filter(|_| run.device.planted == Planted::CopiedIdentity);
    let (reason, detail) = match (bootstrapped, by_server) {
        (true, _) => (None, String::new()),
        (false, Some(logged)) => (logged.reason.parse().ok(), logged.detail.clone()),
        (false, None) => (run.outcome.reason, run.outcome.detail.clone()),
    };
    let mut milliseconds = BTreeMap::new();
    for (step, elapsed) in &run.outcome.steps {
        *milliseconds.entry(step.clone()).or_default() += elapsed;
    }
    DeviceReport {
        name: run.device.name.clone(),
        serial_number: run.device.serial_number.to_string(),
        rogue: run.device.planted != Planted::Nothing,
        planted,
        state: if bootstrapped { BOOTSTRAPPED } else { REFUSED },
        reason,
        detail,
        milliseconds,
        total_ms: run.elapsed.as_millis(),
        passed_over: run.outcome.passed_over,
        expected,
    }
}
