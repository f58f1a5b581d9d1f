//! Adds up what the checks and the tests found, and says it: names, reasons, and one closing line.

use std::env;

use crate::{
    Ending,
    transcript::{Skip, Transcript},
};

/// Whether a skipped test is acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skips {
    /// On a person's machine: said, not punished.
    Allowed,
    /// Where everything must have run.
    Forbidden,
}

impl Skips {
    /// `CI=true` forbids them.
    pub(crate) fn from_environment() -> Self {
        if env::var_os("CI").is_some_and(|value| value == "true") { Self::Forbidden } else { Self::Allowed }
    }
}

/// How a check (something that is one test by itself) came out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Passed,
    /// It found something, and has said what on the terminal.
    Failed,
    /// It could not run.
    Missing {
        /// Why.
        reason: String,
    },
}

/// The sum of one run of `cargo xtask test`.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: usize,
    failed: usize,
    failed_names: Vec<String>,
    skipped: Vec<Skip>,
}

impl Report {
    /// Adds a check.
    pub(crate) fn check(&mut self, name: &str, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed = self.passed.saturating_add(1),
            Outcome::Failed => self.fail(name.to_owned()),
            Outcome::Missing { reason } => self.skipped.push(Skip { name: name.to_owned(), reason }),
        }
    }

    /// Adds what `cargo test` said. `skips` are the tests that said so themselves: to the test harness they passed, so
    /// they are taken out of that sum; one that failed after all stays failed. `succeeded` is cargo's own judgement.
    pub(crate) fn tests(&mut self, transcript: Transcript, skips: Vec<Skip>, succeeded: Succeeded) {
        if succeeded == Succeeded::No {
            let crashed: Vec<_> = transcript.silent().map(|name| format!("{name}: died before its sum")).collect();
            if transcript.failed == 0 && crashed.is_empty() {
                let what = if transcript.started() { "cargo test: failed" } else { "cargo test: does not compile" };
                self.fail(format!("{what}, see above"));
            }
            crashed.into_iter().for_each(|name| self.fail(name));
        }
        let skips: Vec<_> = skips.into_iter().filter(|skip| !names(&transcript.failed_names, &skip.name)).collect();
        self.passed = self.passed.saturating_add(transcript.passed.saturating_sub(skips.len()));
        self.failed = self.failed.saturating_add(transcript.failed);
        self.failed_names.extend(transcript.failed_names);
        self.skipped.extend(skips);
        self.skipped.extend(transcript.ignored);
    }

    /// Adds one failure.
    pub(crate) fn fail(&mut self, name: String) {
        self.failed = self.failed.saturating_add(1);
        self.failed_names.push(name);
    }

    /// Whether nothing at all has been counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.passed == 0 && self.failed == 0 && self.skipped.is_empty()
    }

    /// Prints names and reasons, then the closing line, and judges.
    pub(crate) fn conclude(mut self, skips: Skips) -> Ending {
        self.skipped.sort();
        println!();
        for skip in &self.skipped {
            println!("skipped  {}: {}", skip.name, skip.reason);
        }
        for name in &self.failed_names {
            println!("FAILED   {name}");
        }
        let unnamed = self.failed.saturating_sub(self.failed_names.len());
        if unnamed > 0 {
            println!("FAILED   {unnamed} more, whose names could not be read: see above");
        }
        if self.is_empty() {
            println!("nothing was tested: no test has such a name");
        } else if self.has_forbidden(skips) {
            println!("skipped tests count as failure here (CI=true or --no-skips)");
        }
        println!("{}", self.closing_line());
        self.ending(skips)
    }

    fn closing_line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }

    /// Whether a test was skipped that must not be. What only the user can bring is said and not punished.
    fn has_forbidden(&self, skips: Skips) -> bool {
        skips == Skips::Forbidden && !self.skipped.iter().all(Skip::is_for_want_of_material)
    }

    fn ending(&self, skips: Skips) -> Ending {
        if self.failed > 0 || self.has_forbidden(skips) || self.is_empty() { Ending::Bad } else { Ending::Good }
    }
}

/// What cargo's exit code said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Succeeded {
    Yes,
    No,
}

impl From<std::process::ExitStatus> for Succeeded {
    fn from(status: std::process::ExitStatus) -> Self {
        if status.success() { Self::Yes } else { Self::No }
    }
}

/// Whether `name`, which may lack its modules, is among the qualified `failed` names.
fn names(failed: &[String], name: &str) -> bool {
    failed
        .iter()
        .any(|failed| failed.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with([':', ' '])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(name: &str) -> Skip {
        Skip { name: name.to_owned(), reason: "no peer".to_owned() }
    }

    fn heard(output: &str) -> Transcript {
        let mut transcript = Transcript::default();
        output.lines().for_each(|line| transcript.observe(line));
        transcript
    }

    fn sum(report: &Report) -> String {
        report.closing_line()
    }

    #[test]
    fn skipped_tests_are_taken_out_of_what_passed() {
        let mut report = Report::default();
        let transcript = heard("test result: ok. 10 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        report.tests(transcript, vec![skip("tests::yang"), skip("tests::kernel")], Succeeded::Yes);
        report.check("fmt", Outcome::Passed);
        report.check("clippy", Outcome::Missing { reason: "not installed".to_owned() });
        assert_eq!(sum(&report), "9 passed, 0 failed, 3 skipped");
        assert_eq!(report.ending(Skips::Allowed), Ending::Good);
        assert_eq!(report.ending(Skips::Forbidden), Ending::Bad);
    }

    #[test]
    fn what_only_the_user_can_bring_is_not_punished() {
        let mut report = Report::default();
        let transcript = heard("test result: ok. 10 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        let material = Skip { name: "yang".into(), reason: "SZTP_YANG_DIR names no folder of YANG modules".into() };
        report.tests(transcript, vec![material], Succeeded::Yes);
        assert_eq!(sum(&report), "9 passed, 0 failed, 1 skipped");
        assert_eq!(report.ending(Skips::Forbidden), Ending::Good);
        report.check("clippy", Outcome::Missing { reason: "not installed".to_owned() });
        assert_eq!(report.ending(Skips::Forbidden), Ending::Bad);
    }

    #[test]
    fn a_test_that_noted_a_skip_and_then_failed_is_failed() {
        let mut report = Report::default();
        let transcript = heard(
            "     Running tests/x.rs (target/debug/deps/x-22cc)
test tests::yang ... FAILED
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        report.tests(transcript, vec![skip("yang"), skip("ang")], Succeeded::No);
        assert_eq!(sum(&report), "0 passed, 1 failed, 1 skipped");
        assert_eq!(report.ending(Skips::Allowed), Ending::Bad);
    }

    #[test]
    fn a_compile_error_is_one_failure() {
        let mut report = Report::default();
        report.tests(Transcript::default(), vec![], Succeeded::No);
        assert_eq!(sum(&report), "0 passed, 1 failed, 0 skipped");
        assert!(report.failed_names[0].contains("does not compile"));
    }

    #[test]
    fn a_test_program_that_dies_is_a_failure_beside_those_counted() {
        let transcript = heard(
            "     Running unittests src/lib.rs (target/debug/deps/x-11bb)
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out
     Running tests/y.rs (target/debug/deps/y-22cc)",
        );
        let mut report = Report::default();
        report.tests(transcript, vec![], Succeeded::No);
        assert_eq!(sum(&report), "3 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn a_run_that_tested_nothing_is_not_a_success() {
        assert_eq!(Report::default().ending(Skips::Allowed), Ending::Bad);
    }
}
