//! `cargo xtask bench`: builds what goes on flash, runs the measurements, shows the table.

use std::{
    env, fs,
    path::{Path, PathBuf, absolute},
    process::Command,
};

use serde_json::{Map, Value};

use crate::{
    Ending,
    arguments::flags,
    fault::{Fault, Usage},
    symbols::Shares,
    workspace::Workspace,
};

/// Names the device program as it goes on flash, for the measurements of its size and memory.
const FLASH_DEVICE_VARIABLE: &str = "SZTP_FLASH_DEVICE";

/// The metrics for which that program is built.
const FLASH_METRICS: &[&str] = &["device_size_bytes", "device_rss_kib", "conveyed_info_octets", "conveyed_info_share"];

/// What to measure and where to write it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    only: Vec<String>,
    json: Option<PathBuf>,
    plots: Option<PathBuf>,
}

impl Options {
    /// Reads the words behind `bench`.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Usage> {
        let mut options = Self::default();
        for flag in flags(words)? {
            match flag.name {
                "--only" => options.only.extend(flag.several("--only")?),
                "--json" => options.json = Some(PathBuf::from(flag.single("--json")?)),
                "--plots" => options.plots = Some(PathBuf::from(flag.single("--plots")?)),
                name => return Err(Usage::UnknownFlag { flag: name.to_owned() }),
            }
        }
        Ok(options)
    }

    /// Whether one of these metrics is to be measured.
    fn wants(&self, metrics: &[&str]) -> bool {
        self.only.is_empty() || metrics.iter().any(|metric| self.only.iter().any(|name| metric.contains(name.as_str())))
    }
}

/// Builds, measures, prints.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<Ending, Fault> {
    let json = match &options.json {
        Some(path) => whole(path)?,
        None => workspace.target().join("bench.json"),
    };
    let plots = options.plots.as_deref().map(whole).transpose()?;
    // What was measured before and is not measured now stays.
    let mut metrics = if options.only.is_empty() || !json.exists() { Map::new() } else { read(&json)? };
    let device = if options.wants(FLASH_METRICS) {
        println!("== device program for flash ==");
        Some(device_for_flash(workspace)?)
    } else {
        None
    };

    // The measurements start the operator's program too, and one that counts allocations.
    println!("== programs ==");
    succeed(
        workspace.cargo().args([
            "build",
            "--release",
            "--package",
            "operator-cli",
            "--package",
            "interop-tests",
            "--bins",
        ]),
        "cargo build",
    )?;

    println!("== measurements ==");
    let mut bench = workspace.cargo();
    bench.args(["run", "--release", "--quiet", "--package", "interop-tests", "--bin", "bench", "--"]);
    if !options.only.is_empty() {
        bench.arg("--only").args(&options.only);
    }
    if let Some(folder) = &plots {
        bench.arg("--plots").arg(folder);
    }
    if let Some(device) = &device {
        bench.env(FLASH_DEVICE_VARIABLE, &device.stripped);
    }
    succeed(bench.arg("--json").arg(&json), "bench")?;
    metrics.extend(read(&json)?);
    if let Some(device) = &device {
        metrics = with_share(metrics, &device.shares);
    }
    write(&json, &metrics)?;

    println!("\n== {} ==", json.display());
    print!("{}", table(&metrics));
    Ok(Ending::Good)
}

/// The path as it was meant from where the caller stands: the measurements run in the root folder.
fn whole(path: &Path) -> Result<PathBuf, Fault> {
    absolute(path).map_err(|source| Fault::File { path: path.to_owned(), source })
}

/// The device program as it goes on flash, and whose code it is made of.
struct FlashDevice {
    stripped: PathBuf,
    shares: Shares,
}

/// Builds it with its symbols, counts them, and takes them away.
fn device_for_flash(workspace: &Workspace) -> Result<FlashDevice, Fault> {
    let mut build = workspace.cargo();
    build.args(["build", "--profile", "flash", "--package", "device-client"]).env("CARGO_PROFILE_FLASH_STRIP", "none");
    succeed(&mut build, "cargo build")?;
    let folder = workspace.target().join("flash");
    let program = folder.join(format!("sztp-device{}", env::consts::EXE_SUFFIX));
    let stripped = folder.join("sztp-device.stripped");
    succeed(Command::new("strip").arg("-o").args([&stripped, &program]), "strip")?;
    Ok(FlashDevice { stripped, shares: Shares::of(&program)? })
}

/// Adds how much of the device program is the crate of the artifacts.
fn with_share(mut metrics: Map<String, Value>, shares: &Shares) -> Map<String, Value> {
    if let Some((octets, share)) = shares.of_crate("conveyed_info") {
        metrics.insert("conveyed_info_octets".to_owned(), octets.into());
        metrics.insert("conveyed_info_share".to_owned(), share.into());
    }
    metrics
}

fn write(json: &Path, metrics: &Map<String, Value>) -> Result<(), Fault> {
    let text = serde_json::to_vec_pretty(metrics).map_err(|source| Fault::Json { path: json.to_owned(), source })?;
    fs::write(json, text).map_err(|source| Fault::File { path: json.to_owned(), source })
}

fn succeed(command: &mut Command, program: &'static str) -> Result<(), Fault> {
    let status = command.status().map_err(|source| Fault::Program { program, source })?;
    if status.success() { Ok(()) } else { Err(Fault::Failed { program }) }
}

fn read(json: &Path) -> Result<Map<String, Value>, Fault> {
    let text = fs::read(json).map_err(|source| Fault::File { path: json.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|source| Fault::Json { path: json.to_owned(), source })
}

/// One line a metric, the numbers one below the other.
fn table(metrics: &Map<String, Value>) -> String {
    let name_width = metrics.keys().map(String::len).max().unwrap_or(0);
    let value_width = metrics.values().map(|value| value.to_string().len()).max().unwrap_or(0);
    metrics.iter().map(|(name, value)| format!("{name:name_width$}  {:>value_width$}\n", value.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read() {
        let words = ["--only", "start_ms", "--json", "out.json", "--plots", "plots"].map(str::to_owned);
        let expected =
            Options { only: vec!["start_ms".into()], json: Some("out.json".into()), plots: Some("plots".into()) };
        assert_eq!(Options::parse(&words), Ok(expected));
        assert!(Options::parse(&["--json".to_owned()]).is_err());
    }

    #[test]
    fn the_device_program_is_built_only_for_what_needs_it() {
        let only = |name: &str| Options { only: vec![name.to_owned()], ..Options::default() };
        assert!(Options::default().wants(FLASH_METRICS) && only("device_size_bytes").wants(FLASH_METRICS));
        assert!(!only("storm").wants(FLASH_METRICS));
    }

    #[test]
    fn the_table_is_aligned() {
        let metrics = serde_json::from_str(r#"{"dhcp4_ratio": 12.5, "start_ms": 7}"#).unwrap();
        assert_eq!(table(&metrics), "dhcp4_ratio  12.5\nstart_ms        7\n");
    }
}
