//! `sztp-device run`.

use std::time::Duration;

use device_client::{Device, env::jittered};

use super::{
    Failure,
    arguments::{Attempts, RunOptions},
    output,
    trace_file::TraceFile,
};

/// Pause after the first attempt that failed; doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

const LONGEST_PAUSE: Duration = Duration::from_secs(300);

pub(super) fn run(options: &RunOptions) -> Result<u8, Failure> {
    let mut device = Device::open(options.common.config()?, &options.common.root)?;
    let mut trace = TraceFile::open(options.trace.as_deref())?;
    let mut sink = |record: &device_client::Record| {
        trace.write(record);
        output::show(record);
    };
    let mut pause = FIRST_PAUSE;
    // RFC 8572 §5.2 (CLI-03): over all sources again, for ever.
    loop {
        let outcome = device.run_once(&mut sink);
        output::conclude(&outcome);
        if options.attempts == Attempts::One || outcome.state.is_final() {
            return Ok(outcome.state.exit_code());
        }
        // CLI-05: growing, and jittered so that a rack that boots at once does not ask at once.
        device.wait(jittered(pause));
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        // CLI-04: somebody may have switched bootstrapping off, or mended the configuration, meanwhile.
        drop(device);
        device = Device::open(options.common.config()?, &options.common.root)?;
    }
}
