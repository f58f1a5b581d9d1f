//! `cargo xtask bench`: figures as ratios, both sides measured in one run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that cannot go on stops"
)]

mod artifacts;
mod bare;
mod connections;
mod dhcp;
mod durable;
mod flash;
mod fleet_retry;
mod grouping;
mod growth;
mod issuing;
mod leases;
mod load;
mod onboarding_cost;
mod onboardings;
mod operator;
mod paths;
mod plot;
mod process;
mod report;
mod storm;
mod vouchers;

use std::path::{Path, PathBuf};

use report::{Report, Scale};

/// One measurement: the metrics that it gives, by the beginning of their names, and what takes them.
struct Measurement {
    metrics: &'static [&'static str],
    take: fn(&mut Report),
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement { metrics: &["handshake_ratio", "fresh_", "bare_fresh_"], take: connections::fresh },
    Measurement { metrics: &["kept_", "bare_kept_"], take: connections::kept },
    Measurement { metrics: &["post_quantum_"], take: connections::post_quantum },
    Measurement { metrics: &["onboarding"], take: onboardings::measure },
    Measurement { metrics: &["durable_", "syncs_per_second"], take: durable::measure },
    Measurement { metrics: dhcp::METRICS, take: dhcp::measure },
    Measurement { metrics: leases::METRICS, take: leases::measure },
    Measurement { metrics: &["storm_"], take: storm::measure },
    Measurement {
        metrics: &["device_add_ms_", "device_add_api_ms_", "import_", "start_ms", "idle_rss_mib", "loaded_rss_mib"],
        take: growth::measure,
    },
    Measurement { metrics: artifacts::METRICS, take: |report| report.extend(artifacts::measure()) },
    Measurement { metrics: vouchers::METRICS, take: vouchers::measure },
    Measurement { metrics: paths::METRICS, take: |report| report.extend(paths::measure()) },
    Measurement { metrics: issuing::METRICS, take: issuing::measure },
    Measurement { metrics: &["device_size_bytes", "device_rss_kib"], take: flash::measure },
    Measurement { metrics: &["device_requests", "device_wire_bytes", "device_cpu_ms"], take: onboarding_cost::measure },
    Measurement { metrics: &["device_retry_"], take: fleet_retry::measure },
];

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let (mut only, mut json, mut plots, mut scale) = (Vec::new(), None, None, Scale::Full);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            bare::WORD => return bare::serve(Path::new(&arguments.next().unwrap())),
            "--only" => {
                while let Some(name) = arguments.next_if(|next| !next.starts_with("--")) {
                    only.push(name);
                }
            }
            "--rehearse" => scale = Scale::Rehearsal,
            "--json" => json = arguments.next().map(PathBuf::from),
            "--plots" => plots = arguments.next().map(PathBuf::from),
            other => panic!("unknown argument {other}"),
        }
    }
    let mut report = Report::of_scale(scale);
    for measurement in MEASUREMENTS.iter().filter(|measurement| measurement.is_wanted(&only)) {
        (measurement.take)(&mut report);
    }
    if let Some(path) = json {
        report.write_json(&path);
    }
    if let Some(folder) = plots {
        report.write_plots(&folder);
    }
}

impl Measurement {
    /// Whether one of these names means it: a metric in full, or a part of its name.
    fn is_wanted(&self, only: &[String]) -> bool {
        let means = |name: &String| {
            self.metrics.iter().any(|metric| metric.contains(name.as_str()) || name.starts_with(metric))
        };
        only.is_empty() || only.iter().any(means)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_found_by_whole_and_by_part_of_a_metric() {
        let found = |name: &str| {
            let names = [name.to_owned()];
            MEASUREMENTS.iter().filter(|measurement| measurement.is_wanted(&names)).count()
        };
        for name in [
            "fresh_ratio_32",
            "kept_ratio_1",
            "storm_lost",
            "storm",
            "device_add_ms_at_10",
            "verify_ratio",
            "start_ms",
            "path_ratio",
        ] {
            assert_eq!(found(name), 1, "{name}");
        }
        assert_eq!(found("no_such_metric"), 0);
    }
}
