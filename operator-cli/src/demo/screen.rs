//! What a person sees while the demo runs: a line for each device, on standard error.

use std::time::Duration;

use device_client::{Decision, OutcomeState, Record};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{devices::Run, lab::Lab};

/// The live table. Draws nothing where there is no terminal to draw on, or where only JSON is wanted.
#[derive(Debug)]
pub(super) struct Screen {
    table: MultiProgress,
    lines: Vec<ProgressBar>,
}

/// One device's line.
#[derive(Debug)]
pub(super) struct DeviceLine(ProgressBar);

impl Screen {
    pub(super) fn new(lab: &Lab, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let table = MultiProgress::with_draw_target(target);
        let style = ProgressStyle::with_template("{spinner} {prefix:<9} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let lines = lab.devices.iter().map(|device| {
            let line = table.add(ProgressBar::new_spinner().with_style(style.clone()));
            line.set_prefix(device.name.clone());
            line.set_message("powered on");
            line.enable_steady_tick(Duration::from_millis(100));
            line
        });
        let lines = lines.collect();
        Self { table, lines }
    }

    /// The line of the device with this place in the lab.
    pub(super) fn device(&self, index: usize) -> DeviceLine {
        DeviceLine(self.lines.get(index).cloned().unwrap_or_else(ProgressBar::hidden))
    }

    /// Takes the live table away: what it said stands in the report.
    pub(super) fn finish(&self) {
        let _no_terminal = self.table.clear();
    }
}

impl DeviceLine {
    /// Shows what the device just decided.
    pub(super) fn show(&self, record: &Record) {
        let server = record.place.as_ref().map(|server| format!(" {server}")).unwrap_or_default();
        let text = match (record.decision, record.reason) {
            (Decision::Refused, Some(reason)) => format!("{}{server}: {reason}", record.step),
            _ => format!("{}{server} {}", record.step, record.detail),
        };
        self.0.set_message(text);
    }

    /// Shows how it ended.
    pub(super) fn finish(&self, run: &Run) {
        let text = match (run.outcome.state, run.outcome.reason) {
            (OutcomeState::Bootstrapped, _) => format!("bootstrapped in {} ms", run.elapsed.as_millis()),
            (_, Some(reason)) => format!("refused: {reason}"),
            (_, None) => "refused".to_owned(),
        };
        self.0.finish_with_message(text);
    }
}
