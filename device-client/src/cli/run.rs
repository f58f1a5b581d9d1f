//! `sztp-device run`.

use std::{thread, time::Duration};

use device_client::{
    Device, Outcome, Record, env::spread, last_attempt, machine::Pause, retry::Retry, sources::removable_storage,
};

use super::{
    Failure,
    arguments::{Attempts, RunOptions},
    output,
    trace_file::TraceFile,
    watch::{ConfigWatch, Ended},
};

/// Pause when the configuration, or what it names, cannot be read any more. It ends early when the configuration changes.
const MENDING: Pause = Pause::About(Duration::from_secs(60));

pub(super) fn run(options: &RunOptions) -> Result<u8, Failure> {
    // Before the configuration is read for the first time: what changes from then on is noticed.
    let watch = ConfigWatch::new(&options.common.config);
    let trace = TraceFile::open(options.trace.as_deref())?;
    let mut agent = Agent { options, trace, watch, device: None };
    keep_trying(&mut agent, options.attempts)
}

/// What is tried again and again.
trait Rounds {
    /// One attempt, over all sources, with the configuration as it is now.
    fn attempt(&mut self) -> Result<Outcome, Failure>;

    /// Says how an attempt ended, and keeps it for `status`.
    fn conclude(&mut self, outcome: &Outcome);

    /// Waits until the next.
    fn wait(&mut self, pause: Pause);
}

fn keep_trying(rounds: &mut impl Rounds, attempts: Attempts) -> Result<u8, Failure> {
    let mut retry = Retry::default();
    let mut first = true;
    // RFC 8572 §5.2 (CLI-03): over all sources again, for ever.
    loop {
        let pause = match rounds.attempt() {
            Ok(outcome) => {
                rounds.conclude(&outcome);
                if attempts == Attempts::One || outcome.state.is_final() {
                    return Ok(outcome.state.exit_code());
                }
                retry.pause_after(&outcome)
            }
            Err(failure) if first => return Err(failure),
            // Somebody is about to mend the configuration, and saved it half done.
            Err(failure) => {
                output::complain(&failure.to_string());
                MENDING
            }
        };
        first = false;
        rounds.wait(pause);
    }
}

struct Agent<'a> {
    options: &'a RunOptions,
    trace: TraceFile,
    watch: ConfigWatch,
    /// Open from one attempt to the next look at the configuration: nobody else gets hold of its folder while it waits.
    device: Option<Device>,
}

impl Agent<'_> {
    /// The device as the configuration has it now.
    fn open(&mut self) -> Result<(&mut Device, &mut TraceFile), Failure> {
        // A folder is one device's: the one before lets it go first.
        self.device = None;
        let RunOptions { common, capture, .. } = self.options;
        let config = common.config()?;
        self.watch.also(config.switch.as_ref().map(|switch| switch.file.as_path()));
        let mut device = Device::open(config, &common.root)?;
        if let Some(path) = capture {
            device = device.captured_to(path.clone());
        }
        Ok((self.device.insert(device), &mut self.trace))
    }
}

impl Rounds for Agent<'_> {
    fn attempt(&mut self) -> Result<Outcome, Failure> {
        // CLI-04: somebody may have switched bootstrapping off, or mended the configuration, meanwhile.
        let (device, trace) = self.open()?;
        Ok(device.run_once(&mut |record: &Record| {
            trace.write(record);
            output::show(record);
        }))
    }

    fn conclude(&mut self, outcome: &Outcome) {
        output::conclude(outcome);
        // What only tells people must not keep a device from bootstrapping.
        if let Err(error) = last_attempt::keep(&self.options.common.root, outcome) {
            output::complain(&format!("how the attempt ended cannot be kept for `status`: {error}"));
        }
    }

    fn wait(&mut self, pause: Pause) {
        let pause = spread(pause);
        output::complain(&format!("again in {} s, or as soon as something changes", pause.as_secs()));
        let device = &mut self.device;
        let ended = self.watch.wait(pause, &mut |nap| match device.as_mut().map(|device| device.wait(nap)) {
            Some(removable_storage::watch::Ended::NewStorage) => Ended::NewStorage,
            Some(_) => Ended::Over,
            None => {
                thread::sleep(nap);
                Ended::Over
            }
        });
        match ended {
            Ended::Over => {}
            Ended::Changed => output::complain("the configuration or the switch changed"),
            Ended::NewStorage => output::complain("removable storage was put in"),
        }
    }
}

#[cfg(test)]
mod tests {
    use device_client::OutcomeState;
    use verdict::ReasonCode;

    use super::*;

    /// What each attempt gives, and a clock that only waiting moves.
    struct Script {
        attempts: Vec<Result<Outcome, Failure>>,
        waited: Vec<Duration>,
        concluded: usize,
    }

    impl Script {
        fn of(attempts: Vec<Result<Outcome, Failure>>) -> Self {
            Self { attempts, waited: Vec::new(), concluded: 0 }
        }
    }

    impl Rounds for Script {
        fn attempt(&mut self) -> Result<Outcome, Failure> {
            self.attempts.remove(0)
        }

        fn conclude(&mut self, _: &Outcome) {
            self.concluded += 1;
        }

        fn wait(&mut self, pause: Pause) {
            self.waited.push(pause.mean());
        }
    }

    fn ended(state: OutcomeState) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::new(state, "");
        outcome.reason = Some(ReasonCode::ServerUnreachable);
        Ok(outcome)
    }

    #[test]
    fn cli_03_the_loop_goes_on_until_an_attempt_succeeds() {
        let mut attempts: Vec<_> = (0..50).map(|_| ended(OutcomeState::Unreachable)).collect();
        attempts.push(ended(OutcomeState::Bootstrapped));
        let mut script = Script::of(attempts);
        assert_eq!(keep_trying(&mut script, Attempts::UntilDone).unwrap(), 0);
        assert_eq!((script.waited.len(), script.concluded), (50, 51));
    }

    #[test]
    fn cli_05_pauses_grow_by_the_clock() {
        let mut attempts: Vec<_> = (0..8).map(|_| ended(OutcomeState::Unreachable)).collect();
        attempts.push(ended(OutcomeState::Bootstrapped));
        let mut script = Script::of(attempts);
        keep_trying(&mut script, Attempts::UntilDone).unwrap();
        assert_eq!(script.waited.iter().map(Duration::as_secs).collect::<Vec<_>>(), [5, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn cli_04_bootstrapping_that_is_switched_off_meanwhile_ends_the_loop() {
        let mut script = Script::of(vec![ended(OutcomeState::Refused), ended(OutcomeState::SwitchedOff)]);
        assert_eq!(keep_trying(&mut script, Attempts::UntilDone).unwrap(), 0);
        assert_eq!(script.waited.len(), 1);
    }

    #[test]
    fn a_reboot_that_is_wanted_ends_the_loop_and_one_attempt_is_one() {
        let mut script = Script::of(vec![ended(OutcomeState::RebootWanted)]);
        assert_eq!(keep_trying(&mut script, Attempts::UntilDone).unwrap(), 75);
        let mut script = Script::of(vec![ended(OutcomeState::Unreachable)]);
        assert_eq!(keep_trying(&mut script, Attempts::One).unwrap(), 5);
        assert!(script.waited.is_empty());
    }

    #[test]
    fn a_configuration_that_is_broken_for_a_while_does_not_end_the_loop() {
        let broken = || Err(Failure::missing("not TOML"));
        let attempts = vec![ended(OutcomeState::Refused), broken(), broken(), ended(OutcomeState::Bootstrapped)];
        let mut script = Script::of(attempts);
        assert_eq!(keep_trying(&mut script, Attempts::UntilDone).unwrap(), 0);
        assert_eq!(script.waited.len(), 3);
        // At the start it is a mistake of whoever starts it.
        assert!(keep_trying(&mut Script::of(vec![broken()]), Attempts::UntilDone).is_err());
    }
}
