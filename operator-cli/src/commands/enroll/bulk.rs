//! `sztp enroll bulk`.

use std::{
    fs::File,
    io::{Cursor, IsTerminal, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use bootstrap_server::import::{Fault, Form as ListForm, Importer, OrderRow, OrderedCertificate};
use indicatif::{ProgressBar, ProgressStyle};
use operator_api::{CertificateOutcome, CertificateUpdate, CertificatesDone, NewCertificate, client::Client};
use pki::request::CertificationRequest;

use super::{
    issue,
    office::{Office, OfficeArgs},
    results::{Results, name},
};
use crate::{commands::Failure, output, show::plain};

/// Requests that are answered, and noted in the file of results, together.
const TOGETHER: usize = 1024;
/// How much of the list is read at a time, in octets.
const PIECE: usize = 64 * 1024;

/// Arguments of `sztp enroll bulk`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The list: its name tells how it is written: .csv, .json, .jsonl or .ndjson
    file: PathBuf,
    /// Where the results go, one JSON document a line, with the certificates. Rows that have theirs there are passed over, so that
    /// what was cut off goes on
    #[arg(long, value_name = "FILE")]
    results: PathBuf,
    /// The profile of rows that name none
    #[arg(long, value_name = "PROFILE", default_value = "idevid")]
    profile: String,
    #[command(flatten)]
    office: OfficeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp enroll bulk line-7.csv --ca maker --results line-7.results
  sztp enroll bulk line-7.csv --ca maker --results line-7.results      once more after a crash: what is done is passed over
  jq -r 'select(.outcome == \"refused\") | [.line, .reason, .detail] | @tsv' line-7.results

A CSV list begins with a line of names: csv or JSON have csr, and, where wanted, serial-number, profile, authority, renews and because:

  serial-number,csr
  SN-0001,requests/SN-0001.csr

The csr is a file beside the list, or the request itself in PEM or base64. Every row has its own result; one that is refused hurts no
other. The same row again gets the same certificate, and nothing is issued twice.
Exit codes: 0 every row has its certificate, 3 some were refused, 1 some could not be read.";

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let form = form(&args.file)
        .ok_or(Failure::Usage("how is the list written? Its name does not tell: .csv, .json or .jsonl"))?;
    let wrap = |path: &Path| {
        let path = path.to_owned();
        move |source| Failure::File { path, source }
    };
    let list = File::open(&args.file).map_err(wrap(&args.file))?;
    let results = Results::open(&args.results).map_err(wrap(&args.results))?;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::no_length() } else { ProgressBar::hidden() };
    bar.set_length(list.metadata().map_err(wrap(&args.file))?.len());
    let template = "{wide_bar} {percent:>3} %  {msg}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let office = args.office.open().await?;
        let waiting = Vec::new();
        let mut bulk = Bulk { args, office: &office, results, bar, waiting, done: CertificatesDone::default() };
        let ended = bulk.read(list, Importer::new(form)).await;
        bulk.bar.finish_and_clear();
        let done = bulk.done;
        drop(bulk);
        office.close().await;
        // How far it came is said in any case.
        output::line(&summed(done));
        ended.map(|()| done)
    })?;
    Ok(match (done.refused, done.faults) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::FAILURE,
        _ => ExitCode::from(3),
    })
}

fn form(path: &Path) -> Option<ListForm> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" => Some(ListForm::Csv),
        "json" => Some(ListForm::JsonArray),
        "jsonl" | "ndjson" => Some(ListForm::JsonLines),
        _ => None,
    }
}

/// A list under way.
struct Bulk<'a> {
    args: &'a Args,
    office: &'a Office,
    results: Results,
    bar: ProgressBar,
    /// Rows that were read and have no result yet: by line and name.
    waiting: Vec<(u64, String, NewCertificate)>,
    done: CertificatesDone,
}

impl Bulk<'_> {
    async fn read(&mut self, mut list: File, importer: Importer<OrderedCertificate>) -> Result<(), Failure> {
        let mut importer = Some(importer);
        let mut piece = vec![0; PIECE];
        while let Some(reading) = &mut importer {
            let read =
                list.read(&mut piece).map_err(|source| Failure::File { path: self.args.file.clone(), source })?;
            let rows = match piece.get(..read).unwrap_or_default() {
                [] => importer.take().map(Importer::finish).unwrap_or_default(),
                octets => reading.feed(octets),
            };
            for row in rows {
                self.done.read = self.done.read.saturating_add(1);
                if let Err(fault) = row.and_then(|row| self.take(row)) {
                    self.fault(&fault);
                }
                if self.waiting.len() >= TOGETHER {
                    self.flush().await?;
                }
            }
            self.bar.inc(u64::try_from(read).unwrap_or_default());
        }
        self.flush().await
    }

    /// Lets a row wait, unless it has its certificate.
    fn take(&mut self, row: OrderRow) -> Result<(), Fault> {
        let OrderRow { line, mut wanted } = row;
        wanted.csr = self.request(&wanted.csr).map_err(|detail| {
            let reason = verdict::ReasonCode::ImportRowInvalid;
            Fault { line, reason, detail: format!("csr: {detail}") }
        })?;
        if wanted.renews.is_none() && wanted.profile.is_none() {
            wanted.profile = Some(self.args.profile.clone());
        }
        let row = name(&wanted);
        if self.results.has(&row) {
            self.done.known = self.done.known.saturating_add(1);
        } else {
            self.waiting.push((line, row, wanted));
        }
        Ok(())
    }

    /// The request of a row: itself, or what is in the file that it names.
    fn request(&self, text: &str) -> Result<String, String> {
        let inline = text.trim_start().starts_with("-----") || text.len() > 255;
        let path = bootstrap_server::config::folder_of(&self.args.file).join(text);
        if inline || !path.is_file() && looks_like_base64(text) {
            return Ok(text.to_owned());
        }
        if text.len() > CertificationRequest::MAX_DER.saturating_mul(2) {
            return Err("is far longer than any request".to_owned());
        }
        issue::request(&path).map_err(|error| error.to_string())
    }

    /// Has what waits answered, and notes the results.
    async fn flush(&mut self) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(waiting.len());
        let wanted = waiting.into_iter().map(|(line, row, wanted)| {
            rows.push(row);
            (line, wanted)
        });
        let wanted = wanted.collect();
        let outcomes = self.office.issue_all(wanted).await?;
        for outcome in &outcomes {
            self.done.count(outcome);
            if outcome.outcome == "refused" {
                self.refused(outcome);
            }
        }
        let noted = self.results.note(rows.into_iter().zip(outcomes).collect());
        noted.map_err(|source| Failure::File { path: self.args.results.clone(), source })?;
        self.bar.set_message(format!("{} rows, {} issued", self.done.read, self.done.issued));
        Ok(())
    }

    fn refused(&self, outcome: &CertificateOutcome) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (detail, reason, remedy) = (text(&outcome.detail), text(&outcome.reason), text(&outcome.remedy));
        self.tell(outcome.line, &format!("{detail} ({reason}); do: {remedy}"));
    }

    fn fault(&mut self, fault: &Fault) {
        self.done.faults = self.done.faults.saturating_add(1);
        let Fault { line, reason, detail } = fault;
        self.tell(*line, &format!("{detail} ({reason}); do: {}", reason.remedy()));
    }

    fn tell(&self, line: u64, text: &str) {
        self.bar.suspend(|| output::error(&plain(&format!("{}:{line}: {text}", self.args.file.display()))));
    }
}

/// Whether a text without a file of its name may be a request in base64, and not the name of a file that is missing.
fn looks_like_base64(text: &str) -> bool {
    text.len() > 64 && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"+/=".contains(&octet))
}

/// Has a server answer requests; the lines are those of the list.
pub(super) async fn at_server(
    client: &Client,
    lines: &[u64],
    wanted: &[NewCertificate],
) -> Result<Vec<CertificateOutcome>, Failure> {
    let mut list = Vec::new();
    for wanted in wanted {
        serde_json::to_writer(&mut list, wanted).map_err(std::io::Error::from)?;
        list.push(b'\n');
    }
    let mut updates = client.issue_certificates(Cursor::new(list)).await?;
    let mut outcomes = Vec::with_capacity(wanted.len());
    while let Some(update) = updates.next().await? {
        let outcome = match update {
            CertificateUpdate::Certificate(outcome) => *outcome,
            CertificateUpdate::Fault(fault) => CertificateOutcome {
                line: fault.line,
                outcome: "refused".to_owned(),
                serial_number: None,
                authority: None,
                serial: None,
                pem: None,
                reason: Some(fault.reason),
                detail: Some(fault.detail),
                remedy: Some(fault.remedy),
            },
            CertificateUpdate::Done(_) => break,
        };
        outcomes.push(outcome);
    }
    outcomes.sort_by_key(|outcome| outcome.line);
    // Each line has an answer, or the server has ended early and said why.
    let is_whole = outcomes.len() == wanted.len()
        && outcomes.iter().zip(1_u64..).all(|(outcome, expected)| outcome.line == expected);
    if !is_whole {
        let why = outcomes.iter().rev().find_map(|outcome| outcome.detail.clone()).unwrap_or_default();
        return Err(std::io::Error::other(format!("the server has ended it: {why}")).into());
    }
    for (outcome, line) in outcomes.iter_mut().zip(lines) {
        outcome.line = *line;
    }
    Ok(outcomes)
}

/// How it ended, on one line.
fn summed(done: CertificatesDone) -> String {
    let CertificatesDone { read, issued, known, refused, faults } = done;
    let rows = if read == 1 { "row" } else { "rows" };
    format!("{read} {rows}: {issued} issued, {known} issued before, {refused} refused, {faults} could not be read")
}
