//! `cargo xtask test`: every test and check of the project, or some of them, with one closing line.

use std::{collections::BTreeSet, time::Instant};

use crate::{
    Ending,
    arguments::flags,
    fault::{Fault, Usage},
    gates::Gate,
    interop,
    notes::Notes,
    peers,
    report::{Outcome, Report, Skips, Succeeded},
    stream,
    transcript::{Skip, Transcript},
    workspace::Workspace,
};

/// The crate whose tests start the programs of all others.
const INTEROP: &str = "interop-tests";

/// What to test and how strictly.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Empty means everything.
    only: Vec<String>,
    skips: Skips,
    page: Page,
    smoke: Smoke,
}

/// Whether the fuzz targets run for their three minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Smoke {
    Wanted,
    LeftOut,
}

/// What to do with `specs/interop.md` when all tests that have a say in it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Compare,
    Write,
}

const WRITE_PAGE: &str = "--write-interop";

impl Options {
    /// Reads the words behind `test`.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Usage> {
        let mut options =
            Self { only: Vec::new(), skips: Skips::from_environment(), page: Page::Compare, smoke: Smoke::Wanted };
        for flag in flags(words)? {
            match flag.name {
                "--only" => options.only.extend(flag.several("--only")?),
                "--no-skips" => {
                    flag.none()?;
                    options.skips = Skips::Forbidden;
                }
                WRITE_PAGE => {
                    flag.none()?;
                    options.page = Page::Write;
                }
                "--no-fuzz" => {
                    flag.none()?;
                    options.smoke = Smoke::LeftOut;
                }
                name => return Err(Usage::UnknownFlag { flag: name.to_owned() }),
            }
        }
        Ok(options)
    }
}

/// What the names given to `--only` come to.
#[derive(Debug, PartialEq, Eq)]
struct Selection {
    gates: Vec<Gate>,
    /// `None` when only gates are wanted.
    tests: Option<Tests>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Tests {
    /// Empty means all.
    crates: Vec<String>,
    /// Parts of test names; empty means all.
    filters: Vec<String>,
}

impl Selection {
    fn new(only: &[String], crates: &BTreeSet<String>) -> Self {
        if only.is_empty() {
            return Self { gates: Gate::ALL.to_vec(), tests: Some(Tests::default()) };
        }
        let (mut gates, mut tests) = (Vec::new(), Tests::default());
        for name in only {
            match Gate::named(name) {
                Some(gate) => gates.push(gate),
                None if crates.contains(name) => tests.crates.push(name.clone()),
                None => tests.filters.push(name.clone()),
            }
        }
        Self { gates, tests: (tests != Tests::default()).then_some(tests) }
    }

    fn has(&self, gate: Gate) -> bool {
        self.gates.contains(&gate)
    }
}

impl Tests {
    /// The arguments that pick the crates to test.
    fn packages(&self) -> Vec<&str> {
        if self.crates.is_empty() {
            vec!["--workspace"]
        } else {
            self.crates.iter().flat_map(|name| ["--package", name]).collect()
        }
    }

    /// Whether every test that has a say in `specs/interop.md` is among them.
    fn fill_the_page(&self) -> bool {
        let has_interop = self.crates.is_empty() || self.crates.iter().any(|name| name == INTEROP);
        self.filters.is_empty() && has_interop
    }

    /// The arguments that pick the crates whose programs the tests may start.
    fn programs(&self) -> Vec<&str> {
        if self.crates.iter().any(|name| name == INTEROP) { vec!["--workspace"] } else { self.packages() }
    }
}

/// Runs what was asked for. Exits good only if nothing failed, something ran, and nothing was skipped that must not be.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<Ending, Fault> {
    let progress = Progress { start: Instant::now() };
    let mut selection = Selection::new(&options.only, workspace.crates());
    if options.smoke == Smoke::LeftOut {
        selection.gates.retain(|gate| *gate != Gate::Fuzz);
    }
    let mut report = Report::default();
    if options.page == Page::Write && !selection.tests.as_ref().is_some_and(Tests::fill_the_page) {
        return Err(Usage::PartialRun { flag: WRITE_PAGE, crate_name: INTEROP }.into());
    }

    for gate in [Gate::Fmt, Gate::Layers] {
        if selection.has(gate) {
            gate_phase(workspace, gate, &progress, &mut report);
        }
    }
    let compiles = match &selection.tests {
        Some(tests) => test_phases(workspace, tests, options.page, &progress, &mut report)?,
        None => Compiles::Yes,
    };
    for gate in [Gate::Clippy, Gate::Docs, Gate::Fuzz].into_iter().filter(|gate| selection.has(*gate)) {
        match compiles {
            Compiles::Yes => gate_phase(workspace, gate, &progress, &mut report),
            Compiles::No => println!("\n{} is left out: the workspace does not compile", gate.name()),
        }
    }
    progress.phase("sum");
    Ok(report.conclude(options.skips))
}

/// One check; that it cannot be made is a failure of this check and not the end of the run.
fn gate_phase(workspace: &Workspace, gate: Gate, progress: &Progress, report: &mut Report) {
    progress.phase(gate.name());
    let outcome = gate.run(workspace).unwrap_or_else(|fault| {
        println!("{fault}");
        Outcome::Failed
    });
    report.check(gate.name(), outcome);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compiles {
    Yes,
    No,
}

/// Peers, programs, tests.
fn test_phases(
    workspace: &Workspace,
    tests: &Tests,
    page: Page,
    progress: &Progress,
    report: &mut Report,
) -> Result<Compiles, Fault> {
    progress.phase("peers");
    let prepared = peers::prepare(workspace.target()).unwrap_or_else(|fault| {
        println!("{fault}");
        peers::Prepared::default()
    });

    progress.phase("build");
    let mut build = workspace.cargo();
    build.arg("build").args(tests.programs()).arg("--bins");
    let built = stream::run(&mut build, |_| ()).map_err(|source| Fault::Program { program: "cargo build", source })?;
    if !built.success() {
        report.fail("cargo build: does not compile, see above".to_owned());
        return Ok(Compiles::No);
    }

    progress.phase("test");
    let notes = Notes::prepare(workspace)?;
    let mut test = workspace.cargo();
    test.arg("test").args(tests.packages()).args(["--no-fail-fast", "--"]).args(&tests.filters);
    notes.ask_of(&mut test);
    if let Some(path) = prepared.path() {
        test.env("PATH", path);
    }
    if let Some(kernel) = &prepared.kernel {
        test.env(peers::KERNEL_VARIABLE, kernel);
    }
    let mut transcript = Transcript::default();
    let status = stream::run(&mut test, |line| transcript.observe(line));
    let status = status.map_err(|source| Fault::Program { program: "cargo test", source })?;
    let compiles = if transcript.started() { Compiles::Yes } else { Compiles::No };
    let skips = notes.skips()?;
    if tests.fill_the_page() {
        progress.phase("interop");
        page_phase(workspace, &notes, page, Complete::judge(status.success(), &skips), report);
    }
    report.tests(transcript, skips, Succeeded::from(status));
    notes.remove()?;
    Ok(compiles)
}

/// Whether the tests said all that they have to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Complete {
    Yes,
    /// Some were skipped, for want of a peer: what they prove is missing from the cells.
    Skipped,
    /// Some failed, or nothing compiled.
    Failed,
}

impl Complete {
    fn judge(succeeded: bool, skips: &[Skip]) -> Self {
        match succeeded {
            false => Self::Failed,
            // What such tests prove is in no cell.
            true if skips.iter().all(Skip::is_for_want_of_material) => Self::Yes,
            true => Self::Skipped,
        }
    }
}

/// Compares or writes `specs/interop.md`; only a complete run may do either.
fn page_phase(workspace: &Workspace, notes: &Notes, page: Page, complete: Complete, report: &mut Report) {
    let judged = match complete {
        Complete::Failed => {
            println!("{} is left alone: tests failed", interop::PAGE);
            return;
        }
        Complete::Skipped => Ok(Outcome::Missing { reason: "tests that fill it were skipped".to_owned() }),
        Complete::Yes => interop::gather(&notes.cells()).and_then(|cells| match page {
            Page::Compare => interop::compare(workspace, &cells),
            Page::Write => interop::write(workspace, &cells).map(|()| Outcome::Passed),
        }),
    };
    let outcome = judged.unwrap_or_else(|fault| {
        println!("{fault}");
        Outcome::Failed
    });
    report.check(interop::PAGE, outcome);
}

/// Says what begins and how long the run has taken so far.
struct Progress {
    start: Instant,
}

impl Progress {
    fn phase(&self, title: &str) {
        println!("\n== {title} ({:.1} s) ==", self.start.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(only: &str) -> Selection {
        let crates = ["netboot", "pki", INTEROP].map(str::to_owned).into();
        Selection::new(&only.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), &crates)
    }

    #[test]
    fn no_names_mean_everything() {
        let all = select("");
        assert_eq!(all.gates, Gate::ALL);
        assert_eq!(all.tests.unwrap().packages(), ["--workspace"]);
    }

    #[test]
    fn a_name_is_a_gate_a_crate_or_a_part_of_a_test_name() {
        assert_eq!(select("layers fmt"), Selection { gates: vec![Gate::Layers, Gate::Fmt], tests: None });
        let tests = select("netboot lease clippy").tests.unwrap();
        assert_eq!(tests.packages(), ["--package", "netboot"]);
        assert_eq!(tests.programs(), ["--package", "netboot"]);
        assert_eq!(tests.filters, ["lease"]);
        assert_eq!(select("art_22").tests.unwrap().packages(), ["--workspace"]);
    }

    #[test]
    fn interop_tests_need_the_programs_of_all_crates() {
        assert_eq!(select("interop-tests").tests.unwrap().programs(), ["--workspace"]);
    }

    #[test]
    fn only_a_run_of_all_interop_tests_fills_the_page() {
        for only in ["", "interop-tests fmt", "netboot interop-tests"] {
            assert!(select(only).tests.unwrap().fill_the_page(), "{only}");
        }
        for only in ["netboot", "interop-tests openssl", "art_05"] {
            assert!(!select(only).tests.unwrap().fill_the_page(), "{only}");
        }
        let skip = Skip { name: "yang".into(), reason: "no yanglint".into() };
        assert_eq!(Complete::judge(true, &[]), Complete::Yes);
        assert_eq!(Complete::judge(true, std::slice::from_ref(&skip)), Complete::Skipped);
        assert_eq!(Complete::judge(false, &[skip]), Complete::Failed);
    }

    #[test]
    fn flags_are_read() {
        let words = ["--only", "a", "b", "--no-skips", "--write-interop", "--no-fuzz"].map(str::to_owned);
        let only = vec!["a".into(), "b".into()];
        let expected = Options { only, skips: Skips::Forbidden, page: Page::Write, smoke: Smoke::LeftOut };
        assert_eq!(Options::parse(&words), Ok(expected));
        assert_eq!(Options::parse(&["--only".to_owned()]), Err(Usage::MissingValue { flag: "--only" }));
    }
}
