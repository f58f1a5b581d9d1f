//! `sztp demo`: the whole story on one machine, with planted rogues.
//!
//! Real TLS, real CMS, real DHCP packets, a real image; everything on loopback and in one folder. The devices run the
//! same code as `sztp-device`, one thread each.

mod devices;
mod files;
mod image;
mod lab;
mod report;
mod rogue_server;
mod screen;
mod tamper;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Instant, SystemTime},
};

use bootstrap_server::audit;
use pki::time::Timestamp;

use crate::{
    commands::{Failure, serve::wait_for_stop},
    output,
};

use lab::Lab;
use report::Report;
use rogue_server::RogueServer;
use screen::Screen;

const EXAMPLES: &str = "Examples:
  sztp demo
  sztp demo --once --json
  sztp demo --devices 2 --keep lab      a site and devices that can be started again, one by one
  sztp demo --once --tamper";

/// Arguments of `sztp demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How many good devices to bootstrap, beside two rogue ones
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=200))]
    devices: u8,
    /// Exit when everything is decided, instead of keeping the servers up
    #[arg(long)]
    once: bool,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// Keep all data in this folder, which must be empty or new
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Afterwards change one stored record, as an intruder would, and show that the audit log tells
    #[arg(long)]
    tamper: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = files::data_folder(args.keep.as_ref())?;
    let done = runtime.block_on(tell(args, folder.clone()));
    // What was not asked to be kept goes, unless somebody may want to see why it failed.
    if args.keep.is_none() && args.once && matches!(&done, Ok(report) if report.is_as_planned()) {
        std::fs::remove_dir_all(&folder).map_err(|source| Failure::File { path: folder, source })?;
    }
    done.map(|report| if report.is_as_planned() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn tell(args: &Args, folder: PathBuf) -> Result<Report, Failure> {
    let started = Instant::now();
    let rogue = RogueServer::start(now()).await?;
    let lab = Lab::build(&folder, args.devices, rogue.address, now()).await?;
    lab.register().await?;
    let server = bootstrap_server::start(lab.load_server()?).await?;

    let screen = Screen::new(&lab, args.json);
    let runs = devices::run_all(&lab, &screen).await?;
    screen.finish();
    let audit = audit::verify(server.store(), lab.load_server()?.checkpoint_key.verifier(), &[]).await?;
    let mut report = Report::gather(&lab, runs, server.store(), &audit, started.elapsed()).await?;
    if args.tamper {
        server.stop().await;
        report.tampered = Some(tamper::change_records(&lab).await?);
        report.print(args);
        return Ok(report);
    }
    report.print(args);
    if !args.once {
        wait_for_stop().await?;
        output::error("stopping");
    }
    server.stop().await;
    Ok(report)
}

fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}
