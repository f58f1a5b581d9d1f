//! `sztp device import`.

use std::{
    io::IsTerminal,
    os::fd::AsFd,
    path::{Path, PathBuf},
    pin::Pin,
    process::ExitCode,
    task::{Context, Poll},
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use operator_api::{
    DifferingMember, ImportDifference, ImportDone, ImportFault, ImportUpdate,
    client::{Existing, ImportFormat, Intent},
};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, ReadBuf};

use super::Failure;
use crate::{
    commands::change::ChangeArgs,
    output,
    show::{Column, Form, Listing, column, plain},
};

/// Arguments of `sztp device import`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The list, or - for standard input
    file: PathBuf,
    /// How the list is written; otherwise its name tells: .csv, .json, .jsonl or .ndjson
    #[arg(long, value_enum)]
    format: Option<ListFormat>,
    /// Change devices that are on the list already to what their rows say; what a row is silent about stays
    #[arg(long)]
    update: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp device import racks.csv --dry-run
  sztp device import racks.csv
  sztp device import racks.csv --update --dry-run
  inventory-tool | sztp device import - --format ndjson --output json

A CSV list begins with a line of names: manufacturer, serial-number and profile; and, where wanted, model,
mac-addresses (several with spaces between), uuid, host, slot and rack:

  manufacturer,serial-number,profile,rack,slot
  example-maker,SN-0001,bmc,r7,u12

JSON has the same names. Rows that are wrong are told by line and hurt no other row. Rows that say what the server's list
says already are passed over, so a list can be sent again; where they say otherwise, that is told, and --update takes it
over. `--output json` tells it as it comes, one JSON document a line; `--output csv` is the rows that were not taken as they
are. Exit codes: 0 all rows taken, 1 some not.";

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// Comma-separated values with a header line
    Csv,
    /// A JSON array
    Json,
    /// One JSON object a line
    Ndjson,
}

impl ListFormat {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Ndjson),
            _ => None,
        }
    }

    const fn on_the_wire(self) -> ImportFormat {
        match self {
            Self::Csv => ImportFormat::Csv,
            Self::Json => ImportFormat::Json,
            Self::Ndjson => ImportFormat::JsonLines,
        }
    }
}

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let format = args.format.or_else(|| ListFormat::of(&args.file));
    let format = format.ok_or(Failure::Usage("how is the list written? Its name does not tell: give --format"))?;
    let client = args.change.server.client()?;
    let people = args.change.form.form == Form::Table;
    let bar = if people && std::io::stderr().is_terminal() { ProgressBar::no_length() } else { ProgressBar::hidden() };
    let list: Box<dyn AsyncRead + Send + Unpin> = if args.file.as_os_str() == "-" {
        Box::new(tokio::fs::File::from_std(std::io::stdin().as_fd().try_clone_to_owned()?.into()))
    } else {
        let wrap = |source| Failure::File { path: args.file.clone(), source };
        let file = tokio::fs::File::open(&args.file).await.map_err(wrap)?;
        let metadata = file.metadata().await.map_err(wrap)?;
        if metadata.is_dir() {
            return Err(wrap(std::io::ErrorKind::IsADirectory.into()));
        }
        if metadata.is_file() {
            bar.set_length(metadata.len());
        }
        Box::new(file)
    };
    let template = "{wide_bar} {percent:>3} %  {msg}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let list = Metered { list, bar: bar.clone() };
    let existing = if args.update { Existing::Update } else { Existing::Leave };
    let mut updates = client.import_devices(format.on_the_wire(), list, existing, args.change.intent()).await?;
    let mut exit_code = ExitCode::FAILURE;
    let mut listing = Listing::new(args.change.form.form, ROWS);
    while let Some(update) = updates.next().await? {
        if let ImportUpdate::Done(done) = &update
            && (done.faults, done.different) == (0, 0)
        {
            exit_code = ExitCode::SUCCESS;
        }
        match args.change.form.form {
            Form::Table => tell(&update, &bar, args),
            // As they come, a document a line: a list of a million rows is not kept for one array.
            Form::Json => output::line(&serde_json::to_string(&update).unwrap_or_default()),
            Form::Yaml => output::text(&listing.page(&[update])),
            Form::Csv => match row(&update) {
                Some(row) => output::text(&listing.page(&[row])),
                None => tell_sum(&update, args),
            },
        }
    }
    if args.change.form.form == Form::Csv {
        output::text(&listing.end());
    }
    Ok(exit_code)
}

/// What stands in CSV: a row of the list that was not taken as it is, and why.
const ROWS: &[Column] = &[
    column("line", "/line"),
    column("reason", "/reason"),
    column("manufacturer", "/manufacturer"),
    column("serial-number", "/serial-number"),
    column("detail", "/detail"),
    column("remedy", "/remedy"),
];

fn row(update: &ImportUpdate) -> Option<Value> {
    match update {
        ImportUpdate::Fault(fault) => serde_json::to_value(fault).ok(),
        ImportUpdate::Difference(ImportDifference { line, manufacturer, serial_number, members }) => Some(json!({
            "line": line, "manufacturer": manufacturer, "serial-number": serial_number, "detail": members_told(members),
        })),
        ImportUpdate::Progress(_) | ImportUpdate::Done(_) => None,
    }
}

fn tell_sum(update: &ImportUpdate, args: &Args) {
    if let ImportUpdate::Done(done) = update {
        output::error(&summed(*done, args.change.intent()));
    }
}

fn tell(update: &ImportUpdate, bar: &ProgressBar, args: &Args) {
    match update {
        ImportUpdate::Progress(progress) => {
            bar.set_message(format!("{} rows, {} registered", progress.read, progress.registered));
        }
        ImportUpdate::Fault(ImportFault { line, reason, detail, remedy }) => bar.suspend(|| {
            output::error(&plain(&format!("{}:{line}: {detail} ({reason}). {remedy}", args.file.display())));
        }),
        ImportUpdate::Difference(difference) => {
            bar.suspend(|| output::error(&plain(&format!("{}:{}", args.file.display(), told(difference)))));
        }
        ImportUpdate::Done(done) => {
            bar.finish_and_clear();
            output::line(&summed(*done, args.change.intent()));
        }
    }
}

/// How a row differs from the list, on one line.
fn told(difference: &ImportDifference) -> String {
    let ImportDifference { line, manufacturer, serial_number, members } = difference;
    format!("{line}: {manufacturer}/{serial_number}: {}", members_told(members))
}

fn members_told(members: &[DifferingMember]) -> String {
    let member = |DifferingMember { name, listed, row }: &DifferingMember| match listed {
        Some(listed) => format!("{name} is {listed} on the list, {row} here"),
        None => format!("{name} is not on the list, {row} here"),
    };
    members.iter().map(member).collect::<Vec<_>>().join("; ")
}

/// How an import ended, on one line, with a second one where there is something to be decided.
fn summed(done: ImportDone, intent: Intent) -> String {
    let ImportDone { read, registered, unchanged, updated, different, faults } = done;
    let would = if intent == Intent::Rehearse { "would be " } else { "" };
    let rows = if read == 1 { "row" } else { "rows" };
    let mut text = format!("{read} {rows}: {registered} {would}registered, {unchanged} there already");
    if updated > 0 {
        text.push_str(&format!(", {updated} {would}changed"));
    }
    if different > 0 {
        text.push_str(&format!(", {different} otherwise on the list"));
    }
    text.push_str(&format!(", {faults} not taken"));
    if different > 0 {
        text.push_str("\n--update changes the list to what the rows say");
    }
    text
}

/// Shows how much of a list was sent.
struct Metered {
    list: Box<dyn AsyncRead + Send + Unpin>,
    bar: ProgressBar,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.list).poll_read(context, buffer);
        self.bar.inc(u64::try_from(buffer.filled().len().saturating_sub(before)).unwrap_or_default());
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_decided_is_said_at_the_end() {
        let done = ImportDone { read: 3, registered: 1, unchanged: 1, updated: 0, different: 1, faults: 0 };
        assert_eq!(
            summed(done, Intent::Make),
            "3 rows: 1 registered, 1 there already, 1 otherwise on the list, 0 not taken\n--update changes the list to \
             what the rows say"
        );
        let updated = ImportDone { updated: 1, different: 0, ..done };
        assert_eq!(
            summed(updated, Intent::Rehearse),
            "3 rows: 1 would be registered, 1 there already, 1 would be changed, 0 not taken"
        );
    }

    #[test]
    fn a_spreadsheet_gets_the_rows_that_were_not_taken() {
        let members = vec![DifferingMember { name: "rack".into(), listed: Some("=r7".into()), row: "r8".into() }];
        let difference = ImportDifference { line: 2, manufacturer: "m".into(), serial_number: "=1".into(), members };
        let remedy = "Correct it.".to_owned();
        let fault = ImportFault { line: 3, reason: "import-row-invalid".into(), detail: "a, b".into(), remedy };
        let updates = [ImportUpdate::Difference(difference), ImportUpdate::Fault(fault)];
        let mut listing = Listing::new(Form::Csv, ROWS);
        let text: String = updates.iter().filter_map(row).map(|row| listing.page(&[row])).collect();
        assert_eq!(
            text,
            "line,reason,manufacturer,serial-number,detail,remedy\n2,,m,'=1,\"rack is =r7 on the list, r8 here\",\n\
             3,import-row-invalid,,,\"a, b\",Correct it.\n"
        );
        let done = ImportDone { read: 1, registered: 1, unchanged: 0, updated: 0, different: 0, faults: 0 };
        assert!(row(&ImportUpdate::Done(done)).is_none());
        assert!(summed(done, Intent::Make).starts_with("1 row: "));
    }

    #[test]
    fn the_name_of_a_list_tells_how_it_is_written() {
        for (name, format) in [
            ("a.csv", Some(ListFormat::Csv)),
            ("a.JSON", Some(ListFormat::Json)),
            ("a.b.jsonl", Some(ListFormat::Ndjson)),
            ("a.ndjson", Some(ListFormat::Ndjson)),
            ("a.txt", None),
            ("-", None),
        ] {
            assert_eq!(ListFormat::of(Path::new(name)), format, "{name}");
        }
    }
}
