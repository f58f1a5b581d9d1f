//! `cargo xtask fuzz`: builds the fuzz targets, gives each its share of the time, and says what they found.
//!
//! The targets live in a workspace of their own, since everything they link is built with coverage counters. The flags
//! below are what the pinned stable compiler understands: neither a nightly compiler nor another program is needed.

mod run;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::Duration,
};

use cargo_metadata::Message;
use run::Run;

use crate::{
    Ending,
    arguments::{Flag, flags},
    fault::{Fault, Usage},
    report::Outcome,
    workspace::Workspace,
};

/// The folder of the targets.
const FOLDER: &str = "fuzz";

/// Their manifest, below the root folder.
pub(crate) const MANIFEST: &str = "fuzz/Cargo.toml";

/// Counters on every edge, a table of where they stand, and operands of comparisons, as libFuzzer reads them.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// What to run and for how long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Of all targets together, on the clock.
    time: Duration,
    /// Empty means all.
    only: Vec<String>,
    jobs: usize,
    arithmetic: Arithmetic,
}

/// What an overflow does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    /// It is a finding, and so is a failed debug assertion.
    Checked,
    /// It wraps, as in what is shipped: what comes of that is a finding only where a target notices.
    AsShipped,
}

impl Arithmetic {
    /// The profile of `fuzz/Cargo.toml`.
    const fn profile(self) -> &'static str {
        match self {
            Self::Checked => "release",
            Self::AsShipped => "as-shipped",
        }
    }
}

impl Options {
    /// What `cargo xtask test` runs: three minutes in all, two processes at a time.
    pub(crate) const SMOKE: Self =
        Self { time: Duration::from_secs(180), only: Vec::new(), jobs: 2, arithmetic: Arithmetic::Checked };

    /// Reads the words behind `fuzz`.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Usage> {
        let mut options = Self::SMOKE;
        for flag in flags(words)? {
            match flag.name {
                "--seconds" => options.time = Duration::from_secs(number(&flag, "--seconds")?),
                "--jobs" => options.jobs = usize::try_from(number(&flag, "--jobs")?).unwrap_or(usize::MAX).max(1),
                "--only" => options.only.extend(flag.several("--only")?),
                "--as-shipped" => {
                    flag.none()?;
                    options.arithmetic = Arithmetic::AsShipped;
                }
                name => return Err(Usage::UnknownFlag { flag: name.to_owned() }),
            }
        }
        Ok(options)
    }

    /// How long each of `targets` may run, so that all of them end in time. A second at least.
    fn share(&self, targets: usize) -> Duration {
        let jobs = u32::try_from(self.jobs.min(targets)).unwrap_or(u32::MAX);
        let targets = u32::try_from(targets).unwrap_or(u32::MAX).max(1);
        (self.time.saturating_mul(jobs) / targets).max(Duration::from_secs(1))
    }
}

fn number(flag: &Flag<'_>, name: &'static str) -> Result<u64, Usage> {
    let word = flag.single(name)?;
    word.parse().map_err(|_| Usage::Unexpected { word: word.to_owned() })
}

/// Builds, runs, prints. Exits good when no target found anything.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<Ending, Fault> {
    match check(workspace, options)? {
        Outcome::Passed => Ok(Ending::Good),
        Outcome::Failed => Ok(Ending::Bad),
        Outcome::Missing { reason } => {
            println!("{reason}");
            Ok(Ending::Bad)
        }
    }
}

/// As [`run()`], as one check among others.
pub(crate) fn check(workspace: &Workspace, options: &Options) -> Result<Outcome, Fault> {
    if Command::new("c++").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return Ok(Outcome::Missing { reason: "libFuzzer needs a C++ compiler: apt-get install g++".to_owned() });
    }
    let mut programs = build(workspace, options.arithmetic)?;
    programs.retain(|program| options.only.is_empty() || options.only.contains(&program.target));
    if programs.is_empty() {
        println!("no fuzz target has such a name");
        return Ok(Outcome::Failed);
    }
    let share = options.share(programs.len());
    println!("{} targets, {} s each, {} at a time", programs.len(), share.as_secs(), options.jobs);
    let findings = run_all(programs, options.jobs, &workspace.target().join(FOLDER), share)?;
    Ok(if findings == 0 { Outcome::Passed } else { Outcome::Failed })
}

/// A target that was built.
#[derive(Debug)]
struct Program {
    target: String,
    path: PathBuf,
}

/// Builds every target; the list is cargo's own, so a new file in `fuzz/src/bin` is in it.
fn build(workspace: &Workspace, arithmetic: Arithmetic) -> Result<Vec<Program>, Fault> {
    let mut cargo = workspace.cargo();
    cargo.current_dir(workspace.root().join(FOLDER)).env("CARGO_TARGET_DIR", workspace.target().join(FOLDER));
    // With --target, the flags are for the targets alone: build scripts and macros have no counters.
    cargo.args(["build", "--profile", arithmetic.profile(), "--bins", "--target", "host-tuple"]);
    cargo.arg("--message-format=json-render-diagnostics").env("RUSTFLAGS", COVERAGE);
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").stderr(Stdio::inherit());
    let failed = |source| Fault::Program { program: "cargo build", source };
    let output = cargo.output().map_err(failed)?;
    if !output.status.success() {
        return Err(Fault::Failed { program: "cargo build of the fuzz targets" });
    }
    let mut programs = Vec::new();
    for message in Message::parse_stream(&output.stdout[..]) {
        if let Message::CompilerArtifact(artifact) = message.map_err(failed)?
            && let Some(path) = artifact.executable
        {
            programs.push(Program { target: artifact.target.name, path: path.into_std_path_buf() });
        }
    }
    programs.sort_by(|one, other| one.target.cmp(&other.target));
    Ok(programs)
}

/// Runs `jobs` targets at a time and prints a line for each when it ends. Gives the number of those that found something.
fn run_all(programs: Vec<Program>, jobs: usize, folder: &Path, share: Duration) -> Result<usize, Fault> {
    println!("{}", Run::HEADING);
    let queue = Mutex::new(programs.into_iter());
    let results = Mutex::new(Vec::new());
    // A thread that panicked while it held one of these has already failed the run.
    let next = || queue.lock().map_or(None, |mut queue| queue.next());
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(program) = next() {
                    let run = fuzz(&program, folder, share);
                    if let Ok(run) = &run {
                        print!("{run}");
                    }
                    if let Ok(mut results) = results.lock() {
                        results.push(run);
                    }
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_default();
    results.into_iter().try_fold(0, |found, run| Ok(run?.finding.map_or(found, |_| found + 1)))
}

/// Runs one target. What it writes goes to `logs/<target>.log`, what it finds to `findings/<target>/`, and the inputs that
/// reached something new are kept in `corpus/<target>/` for the next run.
fn fuzz(program: &Program, folder: &Path, share: Duration) -> Result<Run, Fault> {
    let place = |kind: &str| folder.join(kind).join(&program.target);
    let (corpus, seeds, findings) = (place("corpus"), place("seeds"), place("findings"));
    let log = folder.join("logs").join(format!("{}.log", program.target));
    if seeds.is_dir() {
        // Seeds of an older version of the target are of no use.
        fs::remove_dir_all(&seeds).map_err(|source| Fault::File { path: seeds.clone(), source })?;
    }
    for path in [&corpus, &findings, &folder.join("logs")] {
        fs::create_dir_all(path).map_err(|source| Fault::File { path: path.clone(), source })?;
    }
    let unusable = |source| Fault::File { path: log.clone(), source };
    let output = fs::File::create(&log).map_err(unusable)?;
    let mut command = Command::new(&program.path);
    command.env("SZTP_FUZZ_SEEDS", &seeds).env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command.stdout(output.try_clone().map_err(unusable)?).stderr(output);
    command.arg(format!("-max_total_time={}", share.as_secs())).arg("-print_final_stats=1");
    // Bounded by design: an input that takes this long or this much is a finding.
    command.args(["-timeout=20", "-rss_limit_mb=768"]);
    let dictionary = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(FOLDER).join("dictionary.txt");
    command.arg(format!("-dict={}", dictionary.display()));
    command.arg(format!("-artifact_prefix={}/", findings.display())).arg(&corpus).arg(&seeds);
    let status = command.status().map_err(|source| Fault::Program { program: "a fuzz target", source })?;
    let text = fs::read(&log).map_err(|source| Fault::File { path: log.clone(), source })?;
    let mut run = Run::read(&program.target, &String::from_utf8_lossy(&text));
    if !status.success() {
        run.fail(&program.path, &log);
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Usage> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_read() {
        assert_eq!(parse(""), Ok(Options::SMOKE));
        let only = vec!["cms".into(), "fit".into()];
        let expected = Options { time: Duration::from_secs(9), only, jobs: 1, arithmetic: Arithmetic::AsShipped };
        assert_eq!(parse("--seconds 9 --only cms fit --jobs 0 --as-shipped"), Ok(expected));
        assert_eq!(parse("--seconds soon"), Err(Usage::Unexpected { word: "soon".into() }));
        assert_eq!(parse("--minutes 3"), Err(Usage::UnknownFlag { flag: "--minutes".into() }));
    }

    #[test]
    fn all_targets_together_take_the_time_given() {
        let options = |seconds, jobs| Options { time: Duration::from_secs(seconds), jobs, ..Options::SMOKE };
        assert_eq!(options(180, 2).share(12), Duration::from_secs(30));
        assert_eq!(options(180, 4).share(1), Duration::from_secs(180));
        assert_eq!(options(1, 1).share(12), Duration::from_secs(1));
    }
}
