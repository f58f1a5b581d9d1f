//! `sztp voucher import`.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use indicatif::{ProgressBar, ProgressStyle};
use operator_api::{VoucherOutcome, VoucherUpdate, VouchersDone, client::Intent};
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    sync::mpsc,
};

use super::{
    super::{
        Failure,
        change::{ChangeArgs, block_on},
    },
    brought::{self, Brought, Files},
};
use crate::{
    output,
    show::{Column, Form, Listing, column, plain},
};

/// Arguments of `sztp voucher import`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Vouchers in DER, PEM or base64, one or many in a file; or folders of such files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Who made the devices; otherwise the signatures tell
    #[arg(long, value_name = "NAME")]
    manufacturer: Option<String>,
    /// Write what becomes of each voucher into this file, one JSON document a line; those that it says were taken are passed
    /// over the next time
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp voucher import SN-0001.vcj
  sztp voucher import vouchers/ --dry-run
  sztp voucher import bundle.pem --results bundle.results
  sztp voucher import vouchers/ --output csv > outcome.csv

A voucher is kept when a manufacturer that was added signed it and it pins the certificate of this owner. One that is
refused does not stop the others. A device may have several: the newest valid one is served. Vouchers that the server has
already are passed over, so a folder can be imported again; with --results they need not even be sent again.
Exit codes: 0 all there, 3 some refused by verification, 1 some could not be read.";

const COLUMNS: &[Column] = &[
    column("name", "/name"),
    column("outcome", "/outcome"),
    column("manufacturer", "/manufacturer"),
    column("serial-number", "/serial-number"),
    column("expires-on", "/expires-on"),
    column("reason", "/reason"),
    column("detail", "/detail"),
    column("remedy", "/remedy"),
    column("sha256", "/sha256"),
];

/// Vouchers that are told of one by one when they are kept; of more, the sum is.
const FEW: u64 = 20;

/// Octets on their way to the server at a time.
const UNDER_WAY: usize = 256 * 1024;

/// A file that is no voucher.
struct Unfit {
    name: String,
    why: String,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    block_on(import(args))
}

async fn import(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.change.server.client()?;
    let (taken, mut results) = match &args.results {
        Some(path) => {
            let wrap = |source| Failure::File { path: path.clone(), source };
            (
                taken_before(path).map_err(wrap)?,
                Some(OpenOptions::new().create(true).append(true).open(path).map_err(wrap)?),
            )
        }
        None => (HashSet::new(), None),
    };
    let files = Files::new(&args.paths, taken);
    let (list, sent) = tokio::io::duplex(UNDER_WAY);
    let (unfit, mut unfit_files) = mpsc::unbounded_channel();
    let passed_over = Arc::<AtomicU64>::default();
    let sending = send(files, args.manufacturer.clone(), sent, unfit, Arc::clone(&passed_over));
    let sending = tokio::spawn(sending);
    let people = args.change.form.form == Form::Table;
    let bar =
        if people && std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.set_style(
        ProgressStyle::with_template("{spinner} {elapsed_precise}  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    let mut updates = client.import_vouchers(list, args.change.intent()).await?;
    let mut listing = Listing::new(args.change.form.form, COLUMNS);
    let (mut told, mut done, mut unread) = (0_u64, VouchersDone::default(), 0_u64);
    let tell_unfit = |Unfit { name, why }: Unfit| {
        bar.suspend(|| output::error(&format!("sztp: {}: {why}", brought::plain(&name))));
    };
    while let Some(update) = updates.next().await? {
        while let Ok(unfit) = unfit_files.try_recv() {
            unread = unread.saturating_add(1);
            tell_unfit(unfit);
        }
        match update {
            VoucherUpdate::Progress(progress) => {
                bar.set_message(format!("{} vouchers, {} kept", progress.read, progress.stored));
                bar.tick();
            }
            VoucherUpdate::Fault(fault) => bar.suspend(|| {
                output::error(&plain(&format!("sztp: {} ({}). {}", fault.detail, fault.reason, fault.remedy)));
            }),
            VoucherUpdate::Voucher(outcome) => {
                if let (Some(results), Some(path), Intent::Make) = (&mut results, &args.results, args.change.intent()) {
                    note(results, &outcome).map_err(|source| Failure::File { path: path.clone(), source })?;
                }
                if people {
                    told = told.saturating_add(u64::from(outcome.outcome != "refused"));
                    bar.suspend(|| tell(&outcome, told, args));
                } else {
                    output::text(&listing.page(&[outcome]));
                }
            }
            VoucherUpdate::Done(sum) => done = sum,
        }
    }
    bar.finish_and_clear();
    let _ended = sending.await;
    while let Ok(unfit) = unfit_files.try_recv() {
        unread = unread.saturating_add(1);
        tell_unfit(unfit);
    }
    let passed_over = passed_over.load(Ordering::Relaxed);
    if !people {
        output::text(&listing.end());
    } else if done.read.saturating_add(unread).saturating_add(passed_over) != 1 {
        output::line(&summed(done, unread, passed_over, args.change.intent()));
    }
    Ok(match (done.refused, done.faults.saturating_add(unread)) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::FAILURE,
        _ => ExitCode::from(3),
    })
}

/// Sends vouchers as the server takes them.
async fn send(
    files: Files,
    manufacturer: Option<String>,
    mut sent: DuplexStream,
    unfit: mpsc::UnboundedSender<Unfit>,
    passed_over: Arc<AtomicU64>,
) {
    let mut files = files;
    while let Some(brought) = files.next() {
        passed_over.store(files.passed_over(), Ordering::Relaxed);
        match brought {
            Brought::Voucher { name, octets } => {
                let line = brought::line(&name, manufacturer.as_deref(), &octets);
                if sent.write_all(&line).await.is_err() {
                    // The server ended it, and says why.
                    return;
                }
            }
            Brought::Fault { name, why } => {
                if unfit.send(Unfit { name, why }).is_err() {
                    return;
                }
            }
        }
    }
    passed_over.store(files.passed_over(), Ordering::Relaxed);
}

/// SHA-256 of the vouchers that a file of results says were taken. A last line that was cut off says nothing.
fn taken_before(path: &Path) -> std::io::Result<HashSet<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(error),
    };
    let mut taken = HashSet::new();
    for line in BufReader::new(file).lines() {
        let outcome = serde_json::from_str::<VoucherOutcome>(&line?);
        taken.extend(outcome.ok().filter(|it| it.outcome != "refused").map(|it| it.sha256));
    }
    Ok(taken)
}

/// One line, in one piece: what was cut off in the middle is the last.
fn note(results: &mut File, outcome: &VoucherOutcome) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(outcome)?;
    line.push(b'\n');
    results.write_all(&line)
}

fn tell(outcome: &VoucherOutcome, told: u64, args: &Args) {
    let name = outcome.name.as_deref().unwrap_or_default();
    let device = match (&outcome.manufacturer, &outcome.serial_number) {
        (Some(maker), Some(serial)) => format!("{maker}/{serial}"),
        (None, Some(serial)) => serial.clone(),
        _ => "nothing that can be read".to_owned(),
    };
    let until = outcome.expires_on.as_ref().map_or_else(|| "for ever".to_owned(), |until| format!("until {until}"));
    match (outcome.outcome.as_str(), args.change.intent()) {
        ("refused", _) => {
            let [reason, detail, remedy] =
                [&outcome.reason, &outcome.detail, &outcome.remedy].map(|text| text.as_deref().unwrap_or_default());
            output::error(&plain(&format!("sztp: {name}: {device}: {detail} ({reason}); do: {remedy}")));
        }
        _ if told > FEW => {}
        ("known", _) => output::line(&plain(&format!("there already {name}: {device}, {until}"))),
        (_, Intent::Rehearse) => args.change.tell_would(&format!("keep {name}")),
        (_, Intent::Make) => output::line(&plain(&format!("kept {name}: {device}, {until}"))),
    }
}

/// How an import ended, on one line.
fn summed(done: VouchersDone, unread: u64, passed_over: u64, intent: Intent) -> String {
    let VouchersDone { read, stored, known, refused, faults } = done;
    let would = if intent == Intent::Rehearse { "would be " } else { "" };
    let known = known.saturating_add(passed_over);
    let all = read.saturating_add(unread).saturating_add(passed_over);
    let vouchers = if all == 1 { "voucher" } else { "vouchers" };
    let mut text = format!("{all} {vouchers}: {stored} {would}kept, {known} there already, {refused} refused");
    let unfit = faults.saturating_add(unread);
    if unfit > 0 {
        text.push_str(&format!(", {unfit} could not be read"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_results_says_what_was_taken_even_when_it_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results");
        assert!(taken_before(&path).unwrap().is_empty());
        let mut file = File::create(&path).unwrap();
        let outcome = |outcome: &str, sha256: &str| VoucherOutcome {
            line: 1,
            name: None,
            outcome: outcome.to_owned(),
            manufacturer: None,
            serial_number: None,
            expires_on: None,
            sha256: sha256.to_owned(),
            reason: None,
            detail: None,
            remedy: None,
        };
        for (what, sha256) in [("stored", "a"), ("refused", "b"), ("known", "c")] {
            note(&mut file, &outcome(what, sha256)).unwrap();
        }
        file.write_all(br#"{"line":4,"outcome":"stored","sha25"#).unwrap();
        assert_eq!(taken_before(&path).unwrap(), HashSet::from(["a".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn the_sum_counts_every_voucher_once() {
        let done = VouchersDone { read: 4, stored: 1, known: 1, refused: 1, faults: 1 };
        assert_eq!(
            summed(done, 1, 2, Intent::Rehearse),
            "7 vouchers: 1 would be kept, 3 there already, 1 refused, 2 could not be read"
        );
        assert_eq!(
            summed(VouchersDone::default(), 0, 1, Intent::Make),
            "1 voucher: 0 kept, 1 there already, 0 refused"
        );
    }
}
