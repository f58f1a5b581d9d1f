//! `sztp voucher coverage`: what people run before they rack.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::ExitCode,
};

use indicatif::{ProgressBar, ProgressStyle};
use operator_api::{
    CoverageDone, CoverageQuery, CoverageUpdate, CoveredDevice, ImportFault, ProblemCount, client::ImportFormat,
};
use serde_json::{Value, json};
use tokio::io::AsyncRead;

use super::{
    super::{Failure, change::block_on},
    end_of_day,
};
use crate::{
    output,
    server::ServerArgs,
    show::{Column, Form, FormArgs, Listing, column, plain},
};

/// Arguments of `sztp voucher coverage`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The delivery list, or - for standard input: CSV with a header line, a JSON array, or one JSON object a line
    file: PathBuf,
    /// How the list is written: csv, json or ndjson; otherwise its name tells
    #[arg(long, value_parser = format_of)]
    format: Option<ListFormat>,
    /// Until when vouchers must last: the day on which the last device is switched on
    #[arg(long, value_name = "DATE", value_parser = end_of_day)]
    until: Option<String>,
    /// Who made the devices of rows that do not say so
    #[arg(long, value_name = "NAME")]
    manufacturer: Option<String>,
    /// Show devices that are ready, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp voucher coverage delivery.csv
  sztp voucher coverage delivery.csv --until 2027-03-31
  sztp voucher coverage delivery.csv --output csv > to-do.csv
  sztp voucher coverage - --format ndjson --output json < delivery.ndjson

The list needs a column serial-number (S/N, serial …); manufacturer is read where there is one, and other columns are passed
over, so a delivery note can be given as it is. Nothing is changed.
`--output json` tells it as it comes, one JSON document a line; `--output csv` is a line for each problem.
Exit codes: 0 every device is ready, 3 some are not, 1 the list cannot be read.";

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ListFormat(ImportFormat);

fn format_of(name: &str) -> Result<ListFormat, String> {
    match name {
        "csv" => Ok(ListFormat(ImportFormat::Csv)),
        "json" => Ok(ListFormat(ImportFormat::Json)),
        "jsonl" | "ndjson" => Ok(ListFormat(ImportFormat::JsonLines)),
        _ => Err("takes csv, json or ndjson".to_owned()),
    }
}

fn format_of_name(path: &Path) -> Option<ListFormat> {
    format_of(&path.extension()?.to_str()?.to_ascii_lowercase()).ok()
}

/// Devices that are shown with each problem; of the others, people see how many there are.
const SHOWN: usize = 5;

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    block_on(compare(args))
}

async fn compare(args: &Args) -> Result<ExitCode, Failure> {
    let format = args.format.or_else(|| format_of_name(&args.file));
    let ListFormat(format) =
        format.ok_or(Failure::Usage("how is the list written? Its name does not tell: give --format"))?;
    let client = args.server.client()?;
    let list: Box<dyn AsyncRead + Send + Unpin> = if args.file.as_os_str() == "-" {
        Box::new(tokio::fs::File::from_std(std::io::stdin().as_fd().try_clone_to_owned()?.into()))
    } else {
        let wrap = |source| Failure::File { path: args.file.clone(), source };
        let file = tokio::fs::File::open(&args.file).await.map_err(wrap)?;
        if file.metadata().await.map_err(wrap)?.is_dir() {
            return Err(wrap(std::io::ErrorKind::IsADirectory.into()));
        }
        Box::new(file)
    };
    let wanted = CoverageQuery { until: args.until.clone(), manufacturer: args.manufacturer.clone() };
    let mut updates = client.coverage(format, list, &wanted).await?;
    let people = args.form.form == Form::Table;
    let bar =
        if people && std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let template = ProgressStyle::with_template("{spinner} {elapsed_precise}  {pos} devices");
    bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let mut sheet = Listing::new(args.form.form, PROBLEMS);
    let (mut report, mut sum) = (Report::default(), CoverageDone::default());
    while let Some(update) = updates.next().await? {
        match args.form.form {
            Form::Table => match &update {
                CoverageUpdate::Device(device) => {
                    bar.inc(1);
                    report.take(device, args);
                }
                CoverageUpdate::Fault(fault) => bar.suspend(|| output::error(&unread(fault, args))),
                CoverageUpdate::Done(_) => {}
            },
            // As they come, a document a line: a list of many devices is not kept for one array.
            Form::Json => output::line(&serde_json::to_string(&update).unwrap_or_default()),
            Form::Yaml => output::text(&sheet.page(std::slice::from_ref(&update))),
            Form::Csv => output::text(&sheet.page(&rows(&update, args))),
        }
        if let CoverageUpdate::Done(done) = update {
            sum = done;
        }
    }
    bar.finish_and_clear();
    match args.form.form {
        Form::Table => output::text(&report.text(&sum)),
        Form::Csv => {
            output::text(&sheet.end());
            output::error(&headline(&sum));
        }
        Form::Json | Form::Yaml => {}
    }
    let devices = sum.read.saturating_sub(sum.faults);
    Ok(match (sum.ready == devices, sum.faults) {
        (true, 0) => ExitCode::SUCCESS,
        (true, _) if devices == 0 => ExitCode::FAILURE,
        _ => ExitCode::from(3),
    })
}

/// What stands in CSV: a line for each problem, and with `--all` one for each device that has none.
const PROBLEMS: &[Column] = &[
    column("line", "/line"),
    column("manufacturer", "/manufacturer"),
    column("serial-number", "/serial-number"),
    column("ready", "/ready"),
    column("problem", "/problem"),
    column("detail", "/detail"),
    column("fix", "/fix"),
    column("registered", "/registered"),
    column("state", "/state"),
    column("profile", "/profile"),
    column("expires-on", "/expires-on"),
];

fn rows(update: &CoverageUpdate, args: &Args) -> Vec<Value> {
    match update {
        CoverageUpdate::Done(_) => Vec::new(),
        CoverageUpdate::Fault(ImportFault { line, reason, detail, remedy }) => {
            vec![json!({"line": line, "ready": false, "problem": reason, "detail": detail, "fix": remedy})]
        }
        CoverageUpdate::Device(device) => {
            let whole = serde_json::to_value(device).unwrap_or_default();
            let with = |problem: &str, detail: &str, fix: &str| {
                let mut row = whole.clone();
                if let Some(row) = row.as_object_mut() {
                    row.extend([
                        ("problem".to_owned(), problem.into()),
                        ("detail".to_owned(), detail.into()),
                        ("fix".to_owned(), fix.into()),
                    ]);
                }
                row
            };
            if device.ready && args.all {
                return vec![with("", "", "")];
            }
            device.problems.iter().map(|problem| with(&problem.reason, &problem.detail, &problem.fix)).collect()
        }
    }
}

fn unread(fault: &ImportFault, args: &Args) -> String {
    let ImportFault { line, reason, detail, remedy } = fault;
    plain(&format!("{}:{line}: {detail} ({reason}). {remedy}", args.file.display()))
}

/// What people are shown: a few devices for each problem, however long the list is.
#[derive(Debug, Default)]
struct Report {
    ready: Vec<String>,
    problems: BTreeMap<String, Vec<String>>,
}

impl Report {
    fn take(&mut self, device: &CoveredDevice, args: &Args) {
        let name = match &device.manufacturer {
            Some(manufacturer) => format!("{manufacturer}/{}", device.serial_number),
            None => device.serial_number.clone(),
        };
        let most = if args.all { usize::MAX } else { SHOWN };
        if device.ready && args.all {
            let until = device.expires_on.as_ref().map(|until| format!(", voucher until {until}")).unwrap_or_default();
            self.ready.push(format!("  line {}: {name}{until}\n", device.line));
        }
        for problem in &device.problems {
            let shown = self.problems.entry(problem.reason.clone()).or_default();
            if shown.len() < most {
                shown.push(format!(
                    "  line {}: {name}: {}\n      {}\n",
                    device.line,
                    plain(&problem.detail),
                    plain(&problem.fix)
                ));
            }
        }
    }

    fn text(&self, sum: &CoverageDone) -> String {
        let mut text = String::new();
        if !self.ready.is_empty() {
            text.push_str("READY\n");
            self.ready.iter().for_each(|line| text.push_str(line));
            text.push('\n');
        }
        for ProblemCount { reason, summary, remedy, devices } in &sum.problems {
            text.push_str(&format!("{devices} × {reason}: {summary}\n"));
            let shown = self.problems.get(reason).map(Vec::as_slice).unwrap_or_default();
            shown.iter().for_each(|line| text.push_str(line));
            let more = devices.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
            if more > 0 {
                text.push_str(&format!("  and {more} more: --output csv names them all. {remedy}\n"));
            }
            text.push('\n');
        }
        text.push_str(&headline(sum));
        text.push('\n');
        text
    }
}

/// All in one line.
fn headline(sum: &CoverageDone) -> String {
    let devices = sum.read.saturating_sub(sum.faults);
    let faults = match sum.faults {
        0 => String::new(),
        1 => "; 1 row could not be read".to_owned(),
        many => format!("; {many} rows could not be read"),
    };
    match (devices, devices.saturating_sub(sum.ready)) {
        (0, _) => format!("No device is on the list{faults}."),
        (1, 0) => format!("The one device is ready{faults}."),
        (all, 0) => format!("All {all} devices are ready{faults}."),
        (all, not) => format!("{} of {all} devices are ready, {not} not{faults}.", sum.ready),
    }
}

#[cfg(test)]
mod tests {
    use operator_api::CoverageProblem;

    use super::*;

    fn args(all: bool) -> Args {
        use clap::Parser;

        #[derive(Parser)]
        struct Whole {
            #[command(flatten)]
            args: Args,
        }
        let mut words = vec!["coverage", "list.csv"];
        words.extend(all.then_some("--all"));
        Whole::try_parse_from(words).unwrap().args
    }

    fn device(line: u64, reason: Option<&str>) -> CoveredDevice {
        let problem = |reason: &str| CoverageProblem {
            reason: reason.to_owned(),
            detail: "there is none".to_owned(),
            fix: "sztp voucher import FILE".to_owned(),
        };
        CoveredDevice {
            line,
            serial_number: format!("SN-{line}"),
            manufacturer: Some("maker".to_owned()),
            ready: reason.is_none(),
            problems: reason.map(problem).into_iter().collect(),
            registered: true,
            state: None,
            profile: None,
            expires_on: Some("2027-01-01T00:00:00Z".to_owned()),
        }
    }

    fn sum(read: u64, ready: u64, faults: u64) -> CoverageDone {
        let missing = ProblemCount {
            reason: "voucher-missing".to_owned(),
            summary: "There is no voucher for the device".to_owned(),
            remedy: "Ask.".to_owned(),
            devices: read - ready - faults,
        };
        CoverageDone { read, ready, faults, problems: if missing.devices > 0 { vec![missing] } else { Vec::new() } }
    }

    #[test]
    fn people_see_a_few_devices_for_each_problem_and_how_many_there_are() {
        let (mut report, some) = (Report::default(), args(false));
        report.take(&device(2, None), &some);
        (3..=9).for_each(|line| report.take(&device(line, Some("voucher-missing")), &some));
        let text = report.text(&sum(8, 1, 0));
        assert!(text.starts_with(
            "7 × voucher-missing: There is no voucher for the device\n  line 3: maker/SN-3: there is none\n"
        ));
        assert!(text.contains("      sztp voucher import FILE\n") && !text.contains("SN-8") && !text.contains("SN-2"));
        assert!(text.contains("  and 2 more: ") && text.ends_with("1 of 8 devices are ready, 7 not.\n"), "{text}");
        let (mut report, all) = (Report::default(), args(true));
        report.take(&device(2, None), &all);
        let text = report.text(&sum(1, 1, 0));
        assert_eq!(
            text,
            "READY\n  line 2: maker/SN-2, voucher until 2027-01-01T00:00:00Z\n\nThe one device is ready.\n"
        );
    }

    #[test]
    fn a_spreadsheet_has_a_line_for_each_problem() {
        let update = |problem| CoverageUpdate::Device(device(3, problem));
        assert!(rows(&update(None), &args(false)).is_empty());
        assert_eq!(rows(&update(None), &args(true)).len(), 1);
        let mut sheet = Listing::new(Form::Csv, PROBLEMS);
        let text = sheet.page(&rows(&update(Some("voucher-missing")), &args(false)));
        assert!(text.ends_with(
            "3,maker,SN-3,false,voucher-missing,there is none,sztp voucher import FILE,true,,,2027-01-01T00:00:00Z\n"
        ), "{text}");
    }

    #[test]
    fn the_headline_says_what_is_to_be_done() {
        assert_eq!(headline(&sum(0, 0, 0)), "No device is on the list.");
        assert_eq!(headline(&sum(2, 2, 0)), "All 2 devices are ready.");
        assert_eq!(headline(&sum(4, 1, 1)), "1 of 3 devices are ready, 2 not; 1 row could not be read.");
    }
}
