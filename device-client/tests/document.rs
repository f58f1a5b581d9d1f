//! `docs/device.md` and the program say the same: its commands are understood, its configurations are read, its numbers are those
//! of the code.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use device_client::{Outcome, OutcomeState, config::Config, retry::Retry};
use verdict::ReasonCode;

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/device.md")).unwrap()
}

/// The blocks of one language, without their fences.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut parts = text.split("```");
    let mut found = Vec::new();
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        let (first, rest) = block.split_once('\n').unwrap();
        if first == language {
            found.push(rest.to_owned());
        }
    }
    found
}

/// Every command line in the document, in blocks and between backticks.
fn commands(text: &str) -> BTreeSet<String> {
    let in_blocks = blocks(text, "");
    let in_blocks = in_blocks.iter().flat_map(|block| block.lines()).map(str::to_owned);
    let without_blocks: String = text.split("```").step_by(2).collect();
    let inline = without_blocks.split('`').skip(1).step_by(2).map(|it| it.replace('\n', " ")).collect::<Vec<_>>();
    in_blocks.chain(inline).filter(|it| it.starts_with("sztp-device ")).collect()
}

#[test]
fn the_commands_in_the_document_are_those_of_the_program() {
    let commands = commands(&document());
    assert!(commands.len() > 8, "{commands:?}");
    let folder = tempfile::tempdir().unwrap();
    for command in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_sztp-device"))
            .args(command.split_whitespace().skip(1))
            // There is no device here: it ends when it looks for one, after the command line was understood. Nothing of the
            // machine's own is touched.
            .args(if command.contains("replay") {
                [].as_slice()
            } else {
                ["--config", "none", "--root", "root"].as_slice()
            })
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // `reset` of a folder that is not there has nothing to do.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{command}: {said}");
    }
}

#[test]
fn the_configurations_in_the_document_are_read() {
    let blocks = blocks(&document(), "toml");
    assert!(!blocks.is_empty());
    for block in blocks {
        let config = Config::parse(&block, Path::new("/etc/sztp")).unwrap();
        assert_eq!(config.sources.len(), 4);
    }
}

#[test]
fn cli_05_the_pauses_in_the_document_are_those_of_the_code() {
    let text = document();
    for (state, reason, row) in [
        (OutcomeState::Unreachable, ReasonCode::ServerUnreachable, "| 5 s | twofold | 5 min | 7.5 min |"),
        (OutcomeState::Refused, ReasonCode::VoucherExpired, "| 10 s | twofold | 10 min | 15 min |"),
        (OutcomeState::ApplyFailed, ReasonCode::ImageHashMismatch, "| 1 min | fourfold | 15 min | 22.5 min |"),
    ] {
        assert!(text.contains(row), "{row}");
        let mut outcome = Outcome::new(state, "");
        outcome.reason = Some(reason);
        let mut retry = Retry::default();
        let means: Vec<_> = (0..20).map(|_| retry.pause_after(&outcome).mean().as_secs()).collect();
        let cells: Vec<f64> = row
            .split('|')
            .map(str::trim)
            .filter_map(|cell| cell.split_once(' '))
            .map(|(number, unit)| number.parse::<f64>().unwrap() * if unit == "min" { 60.0 } else { 1.0 })
            .collect();
        let number = |seconds: u64| f64::from(u32::try_from(seconds).unwrap());
        let factor = if row.contains("twofold") { 2 } else { 4 };
        assert_eq!(means[1], means[0] * factor);
        assert_eq!(cells, [number(means[0]), number(means[19]), number(means[19]) * 1.5], "{row}");
    }
}
