//! Reads the output of `cargo test` line by line: what passed, failed and was ignored, and which program died.

/// A test that did not run, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Skip {
    /// The test's name.
    pub(crate) name: String,
    /// Why it did not run.
    pub(crate) reason: String,
}

impl Skip {
    /// Whether a variable of the environment must name what is missing: something that is not ours to pass on and that no
    /// package manager has. A program that is not installed is another matter.
    pub(crate) fn is_for_want_of_material(&self) -> bool {
        self.reason.starts_with("SZTP_")
    }
}

/// What `cargo test` has said so far.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    /// Tests that passed, by the sums at the end of each test program.
    pub(crate) passed: usize,
    /// Tests that failed, by the same sums.
    pub(crate) failed: usize,
    /// The names of failed tests, each behind the program it belongs to.
    pub(crate) failed_names: Vec<String>,
    /// Tests marked `#[ignore]`.
    pub(crate) ignored: Vec<Skip>,
    /// Test programs that were started and never gave a sum.
    silent: Vec<String>,
    /// Test programs that gave their sum.
    finished: usize,
    running: Option<String>,
}

impl Transcript {
    /// Takes the next line of output.
    pub(crate) fn observe(&mut self, line: &str) {
        if let Some(program) = program_started(line) {
            self.silent.extend(self.running.replace(program));
        } else if let Some((_, sum)) = line.split_once("test result: ") {
            self.running = None;
            self.finished = self.finished.saturating_add(1);
            self.passed = self.passed.saturating_add(counted(sum, "passed"));
            self.failed = self.failed.saturating_add(counted(sum, "failed"));
        } else if let Some((name, outcome)) = test_ended(line) {
            match outcome {
                Outcome::Failed => self.failed_names.push(self.qualified(name)),
                Outcome::Ignored { reason } => {
                    self.ignored.push(Skip { name: self.qualified(name), reason: reason.to_owned() });
                }
            }
        }
    }

    /// The test programs that were started and ended without a sum: they crashed, if cargo says that something failed.
    pub(crate) fn silent(&self) -> impl Iterator<Item = &str> {
        self.silent.iter().chain(&self.running).map(String::as_str)
    }

    /// Whether any test program was started, that is, whether everything compiled.
    pub(crate) fn started(&self) -> bool {
        self.silent().next().is_some() || self.finished > 0
    }

    fn qualified(&self, name: &str) -> String {
        self.running.as_ref().map_or_else(|| name.to_owned(), |program| format!("{program}: {name}"))
    }
}

/// How a test ended, when it did not pass.
#[derive(Debug, PartialEq, Eq)]
enum Outcome<'a> {
    Failed,
    Ignored { reason: &'a str },
}

/// `     Running unittests src/lib.rs (target/debug/deps/dhcp-0123456789abcdef)` or `   Doc-tests dhcp`.
fn program_started(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{name} (documentation)"));
    }
    let (_, path) = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once(" (")?;
    let file = path.rsplit('/').next()?;
    let (name, hash) = file.rsplit_once('-')?;
    hash.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| name.to_owned())
}

/// `test decode::tests::round_trip ... FAILED`; a test that must panic has ` - should panic` behind its name.
fn test_ended(line: &str) -> Option<(&str, Outcome<'_>)> {
    let (name, rest) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    if rest == "FAILED" {
        return Some((name, Outcome::Failed));
    }
    let reason = rest.strip_prefix("ignored")?;
    let reason = reason.strip_prefix(", ").unwrap_or("marked #[ignore]");
    Some((name, Outcome::Ignored { reason }))
}

/// The number before `what` in `ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out`.
fn counted(sum: &str, what: &str) -> usize {
    sum.split([';', '.'])
        .filter_map(|part| part.trim().split_once(' '))
        .find(|(_, label)| *label == what)
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Transcript {
        let mut transcript = Transcript::default();
        text.lines().for_each(|line| transcript.observe(line));
        transcript
    }

    #[test]
    fn sums_of_all_programs_are_added_and_names_are_qualified() {
        let transcript = read(
            "   Compiling dhcp v0.1.0
     Running unittests src/lib.rs (target/debug/deps/dhcp-0123456789abcdef)

running 3 tests
test a::tests::one ... ok
test a::tests::two ... FAILED
test a::tests::three - should panic ... FAILED

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/storm.rs (/tmp/t/debug/deps/storm-fedcba9876543210)
test many ... ignored, takes an hour
test few ... ignored
test result: ok. 7 passed; 0 failed; 2 ignored; 0 measured; 1 filtered out; finished in 0.00s
   Doc-tests dhcp
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        assert_eq!((transcript.passed, transcript.failed), (9, 2));
        assert_eq!(transcript.failed_names, ["dhcp: a::tests::two", "dhcp: a::tests::three"]);
        assert_eq!(transcript.ignored[0], Skip { name: "storm: many".into(), reason: "takes an hour".into() });
        assert_eq!(transcript.ignored[1].reason, "marked #[ignore]");
        assert_eq!(transcript.silent().count(), 0);
        assert!(transcript.started());
    }

    #[test]
    fn a_program_that_dies_before_its_sum_is_found_out() {
        let transcript = read(
            "     Running unittests src/lib.rs (target/debug/deps/pki-00aa)
test a ... ok
     Running tests/x.rs (target/debug/deps/x-11bb)
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
     Running tests/y.rs (target/debug/deps/y-22cc)",
        );
        assert_eq!(transcript.silent().collect::<Vec<_>>(), ["pki", "y"]);
    }

    #[test]
    fn a_sum_behind_the_noise_of_a_child_process_still_counts() {
        let transcript = read("no newlinetest result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!(transcript.passed, 4);
    }

    #[test]
    fn a_compile_error_starts_nothing() {
        assert!(!read("error[E0308]: mismatched types\nerror: could not compile `pki` (lib)").started());
    }
}
