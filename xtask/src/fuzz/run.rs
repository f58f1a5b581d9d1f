//! What one run of one target came to, read from what libFuzzer printed.

use std::{fmt, path::Path};

/// The result of one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    target: String,
    executions: u64,
    per_second: u64,
    /// Edges reached by the seeds and older inputs, and at the end.
    coverage: (u64, u64),
    inputs: u64,
    memory_mb: u64,
    /// What was wrong, and how to see it again.
    pub(super) finding: Option<String>,
    written: Option<String>,
    panic: Option<String>,
}

impl Run {
    pub(super) const HEADING: &'static str =
        "target              executions   per s   coverage           inputs  memory  findings";

    /// Reads the log of a run.
    pub(super) fn read(target: &str, log: &str) -> Self {
        let mut run = Self { target: target.to_owned(), ..Self::default() };
        let mut lines = log.lines();
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix("stat::") {
                run.statistic(rest);
            } else if let Some(reached) = number_after(line, "cov: ") {
                if line.contains("\tINITED ") {
                    run.coverage.0 = reached;
                }
                run.coverage.1 = run.coverage.1.max(reached);
                run.inputs = number_after(line, "corp: ").unwrap_or(run.inputs);
            } else if line.contains(" panicked at ") {
                run.panic = Some(format!("{line}\n{}", lines.next().unwrap_or_default()));
            } else if let Some((_, path)) = line.split_once("Test unit written to ") {
                run.written = Some(path.to_owned());
            } else if line.starts_with("==") && line.contains("ERROR: libFuzzer: ") && run.panic.is_none() {
                run.panic = Some(line.to_owned());
            }
        }
        run
    }

    fn statistic(&mut self, text: &str) {
        let Some((name, value)) = text.split_once(':') else { return };
        let Ok(value) = value.trim().parse() else { return };
        match name {
            "number_of_executed_units" => self.executions = value,
            "average_exec_per_sec" => self.per_second = value,
            "peak_rss_mb" => self.memory_mb = value,
            _ => {}
        }
    }

    /// The program ended badly.
    pub(super) fn fail(&mut self, program: &Path, log: &Path) {
        let what = self.panic.as_deref().unwrap_or("ended without saying why");
        let again = match &self.written {
            Some(input) => format!("again: {} {input}", program.display()),
            None => "no input was kept".to_owned(),
        };
        self.finding = Some(format!("{what}\n{again}\nlog:   {}", log.display()));
    }
}

/// The number that follows `name`, up to a `/` or a space.
fn number_after(line: &str, name: &str) -> Option<u64> {
    let (_, rest) = line.split_once(name)?;
    let end = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = self.coverage;
        writeln!(
            f,
            "{:18}  {:>10}  {:>6}  {before:>7} → {after:<7}  {:>6}  {:>3} MB  {}",
            self.target,
            self.executions,
            self.per_second,
            self.inputs,
            self.memory_mb,
            if self.finding.is_some() { "FOUND" } else { "none" },
        )?;
        self.finding.iter().flat_map(|finding| finding.lines()).try_for_each(|line| writeln!(f, "    {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
INFO: seed corpus: files: 8 min: 120b max: 900b total: 4kb rss: 40Mb
#9\tINITED cov: 812 ft: 900 corp: 8/4kb exec/s: 0 rss: 44Mb
#300\tNEW    cov: 950 ft: 1200 corp: 20/9kb lim: 4096 exec/s: 100 rss: 46Mb L: 10/900 MS: 1 EraseBytes-
#900\tDONE   cov: 951 ft: 1201 corp: 21/9kb lim: 4096 exec/s: 90 rss: 46Mb
Done 900 runs in 10 second(s)
stat::number_of_executed_units: 900
stat::average_exec_per_sec:     90
stat::peak_rss_mb:              46
";

    #[test]
    fn a_quiet_run_says_how_far_it_came() {
        let run = Run::read("cms", LOG);
        assert_eq!(
            (run.executions, run.per_second, run.coverage, run.inputs, run.memory_mb),
            (900, 90, (812, 951), 21, 46)
        );
        assert_eq!(run.to_string().lines().count(), 1);
        assert!(run.to_string().ends_with("none\n"));
    }

    #[test]
    fn a_finding_says_what_and_how_to_see_it_again() {
        let log = "\nthread '<unnamed>' (1) panicked at src/bin/cms.rs:50:9:\nassertion failed: a == b\n\
            ==7== ERROR: libFuzzer: deadly signal\n\
            artifact_prefix='/f/'; Test unit written to /f/crash-00\n";
        let mut run = Run::read("cms", log);
        run.fail(Path::new("/t/cms"), Path::new("/l/cms.log"));
        let shown = run.to_string();
        for part in ["FOUND", "cms.rs:50:9", "assertion failed: a == b", "again: /t/cms /f/crash-00", "/l/cms.log"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn a_time_out_is_a_finding_without_a_panic() {
        let log = "==7== ERROR: libFuzzer: timeout after 20 seconds\nTest unit written to /f/timeout-00\n";
        let mut run = Run::read("cms", log);
        run.fail(Path::new("/t/cms"), Path::new("/l/cms.log"));
        assert!(
            run.finding.is_some_and(|finding| finding.contains("timeout after 20") && finding.contains("timeout-00"))
        );
    }
}
