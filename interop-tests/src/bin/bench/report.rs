//! What was found: metrics, and curves to be drawn.

use std::{collections::BTreeMap, path::Path, time::Duration};

use crate::plot::Plot;

/// How much is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    /// What the figures in `specs/measurements.md` are.
    #[default]
    Full,
    /// A fiftieth of the devices: to see that a measurement works.
    Rehearsal,
}

/// The result of one run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    scale: Scale,
    metrics: BTreeMap<String, f64>,
    plots: Vec<Plot>,
}

impl Report {
    pub(crate) fn of_scale(scale: Scale) -> Self {
        Self { scale, ..Self::default() }
    }

    /// How many devices to take where a full run takes so many.
    pub(crate) const fn devices(&self, full: usize) -> usize {
        match self.scale {
            Scale::Full => full,
            Scale::Rehearsal => full.div_ceil(50),
        }
    }

    /// Adds a number, to the digits that mean something.
    pub(crate) fn set(&mut self, name: impl Into<String>, value: f64) {
        self.metrics.insert(name.into(), rounded(value));
    }

    /// Adds numbers that were measured elsewhere.
    pub(crate) fn extend(&mut self, metrics: BTreeMap<&'static str, f64>) {
        for (name, value) in metrics {
            self.set(name, value);
        }
    }

    /// Adds a curve.
    pub(crate) fn draw(&mut self, plot: Plot) {
        self.plots.push(plot);
    }

    /// One object, metric → number.
    pub(crate) fn write_json(&self, path: &Path) {
        std::fs::write(path, serde_json::to_vec_pretty(&self.metrics).unwrap()).unwrap();
    }

    /// One SVG file for each curve.
    pub(crate) fn write_plots(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        for plot in &self.plots {
            std::fs::write(folder.join(format!("{}.svg", plot.name)), plot.svg()).unwrap();
        }
    }
}

/// Four digits: no measurement here is worth more.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap()
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value that this share of all values does not exceed.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (number(values.len()) * share).ceil();
    // The nearest rank, counted instead of converted.
    let place = (1..values.len()).take_while(|place| number(*place) < rank).count();
    values[place]
}

/// A count as a number to calculate with.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// Milliseconds with their fractions.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 0.5), 100.0);
        assert_eq!(percentile(&mut values, 0.99), 198.0);
        assert_eq!(percentile(&mut values, 1.0), 200.0);
        assert_eq!(percentile(&mut [7.0], 0.99), 7.0);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn four_digits_are_kept() {
        assert_eq!(rounded(0.123_456), 0.1235);
        assert_eq!(rounded(1_234_567.0), 1_235_000.0);
        assert_eq!(rounded(0.0), 0.0);
    }
}
