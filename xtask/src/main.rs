//! Project tasks: `cargo xtask test | layers | bench | fuzz | help`.
//!
//! Everything a newcomer or a build machine needs is one command here, so that both run the same thing.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task runner speaks through the terminal")]

mod arguments;
mod bench;
mod fault;
mod fuzz;
mod gates;
mod interop;
mod layers;
mod notes;
mod peers;
mod report;
mod stream;
mod symbols;
mod test;
mod transcript;
mod workspace;

use std::{env, process::ExitCode};

use fault::{Fault, Usage};
use workspace::Workspace;

const HELP: &str = "\
Project tasks.

Usage: cargo xtask <COMMAND>

Commands:
  test [--only NAME…] [--no-skips]    every test and check; ends with `N passed, N failed, N skipped`
       [--no-fuzz]                    without the three minutes of fuzzing
       [--write-interop]              and renew specs/interop.md from what the tests have proved
  layers                              which crate imports which, and what may be in the device's tree
  bench [--only NAME…] [--json FILE]  measure; one object, metric → number. A NAME is a part of a
                                      metric's name; other numbers that FILE holds stay
        [--plots FOLDER]              and draw what is better seen, as SVG
  fuzz [--seconds N] [--jobs N]       hostile inputs for every decoder: N seconds for all targets together, N at a time
       [--only TARGET…]
       [--as-shipped]                 where arithmetic wraps and debug assertions are not compiled in
  help                                this text

A NAME given to `test` is a check (fmt, layers, clippy, docs, fuzz), a crate (all of its tests), or a part of a test's name;
crates and parts of names together mean: those tests of those crates. With --only, nothing else runs.

`test` installs the Debian packages whose programs the tests talk to, if it may (root, or sudo without a password);
otherwise it prints the line to run, and the tests that need them are skipped by name. A skipped test fails the run
when CI=true or with --no-skips, unless all it lacks is what a variable such as SZTP_YANG_DIR must name.

A run of all interop-tests also compares what they proved with specs/interop.md.

Examples:
  cargo xtask test                          all of it
  cargo xtask test --only layers fmt        two checks
  cargo xtask test --only conveyed-info     the tests of one crate
  cargo xtask test --only netboot lease     the tests of netboot whose names hold `lease`
  cargo xtask test --only art_22            the tests that prove requirement ART-22
  cargo xtask bench --json bench.json
  cargo xtask fuzz --seconds 3600 --jobs 1  an hour of it

Exit codes: 0 done, 1 failed, 2 usage.
";

/// What the command line asks for.
enum Task {
    Test(test::Options),
    Layers,
    Bench(bench::Options),
    Fuzz(fuzz::Options),
    Help,
}

impl Task {
    fn parse(words: &[String]) -> Result<Self, Usage> {
        let Some((command, rest)) = words.split_first() else { return Ok(Self::Help) };
        if rest.iter().any(|word| word == "--help" || word == "-h") {
            return Ok(Self::Help);
        }
        match command.as_str() {
            "test" => test::Options::parse(rest).map(Self::Test),
            "bench" => bench::Options::parse(rest).map(Self::Bench),
            "fuzz" => fuzz::Options::parse(rest).map(Self::Fuzz),
            "layers" => rest.first().map_or(Ok(Self::Layers), |word| Err(Usage::Unexpected { word: word.clone() })),
            "help" | "--help" | "-h" => Ok(Self::Help),
            _ => Err(Usage::UnknownCommand { word: command.clone() }),
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let done = Task::parse(&words).map_err(Fault::from).and_then(|task| match task {
        Task::Test(options) => test::run(&Workspace::locate()?, &options),
        Task::Layers => layers::run(&Workspace::locate()?),
        Task::Bench(options) => bench::run(&Workspace::locate()?, &options),
        Task::Fuzz(options) => fuzz::run(&Workspace::locate()?, &options),
        Task::Help => {
            print!("{HELP}");
            Ok(Ending::Good)
        }
    });
    match done {
        Ok(Ending::Good) => ExitCode::SUCCESS,
        Ok(Ending::Bad) => ExitCode::FAILURE,
        Err(Fault::Usage(usage)) => {
            eprintln!("error: {usage}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// How a task that ran to its end came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Good,
    Bad,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Task, Usage> {
        Task::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_command_parses_and_nothing_means_help() {
        assert!(matches!(parse("test --only a b --no-skips --write-interop"), Ok(Task::Test(_))));
        assert!(matches!(parse("layers"), Ok(Task::Layers)));
        assert!(matches!(parse("bench --json out.json"), Ok(Task::Bench(_))));
        assert!(matches!(parse("bench --help"), Ok(Task::Help)));
        assert!(matches!(parse("fuzz --seconds 60 --only cms"), Ok(Task::Fuzz(_))));
        assert!(matches!(parse(""), Ok(Task::Help)));
    }

    #[test]
    fn what_is_not_a_command_is_refused() {
        assert!(matches!(parse("tset"), Err(Usage::UnknownCommand { .. })));
        assert!(matches!(parse("layers now"), Err(Usage::Unexpected { .. })));
        assert!(matches!(parse("test --olny x"), Err(Usage::UnknownFlag { .. })));
    }
}
