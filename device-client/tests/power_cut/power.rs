//! The supply of power, and everything else that may go wrong with a step.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use device_client::env::sim::{DiskStep, Fate, SimulatedDisk};

use crate::rng::Rng;

/// How often things go wrong: once in so many times, never for 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) disk_full: usize,
    pub(crate) sync_fails: usize,
    /// From then on, until the next start.
    pub(crate) read_only: usize,
    /// The disk is full at this step, counted from the first start.
    pub(crate) full_at: Option<u64>,
    /// It takes nothing from this step on, until the next start.
    pub(crate) read_only_at: Option<u64>,
    pub(crate) network: usize,
    pub(crate) scripts: usize,
}

/// What all parts of a simulated device share.
#[derive(Clone, Debug)]
pub(crate) struct Power(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    steps: u64,
    cut_at: Option<u64>,
    is_dark: bool,
    is_read_only: bool,
    went_wrong: bool,
    faults: Faults,
    rng: Rng,
    log: Vec<String>,
}

impl Power {
    pub(crate) fn new(rng: Rng) -> Self {
        Self(Arc::new(Mutex::new(State {
            steps: 0,
            cut_at: None,
            is_dark: false,
            is_read_only: false,
            went_wrong: false,
            faults: Faults::default(),
            rng,
            log: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The disk that hangs on this supply.
    pub(crate) fn disk(&self) -> SimulatedDisk {
        let power = self.clone();
        SimulatedDisk::new(move |step| power.disk_step(step))
    }

    fn disk_step(&self, step: DiskStep) -> Fate {
        if !self.step(&format!("{step:?}")) {
            return Fate::Dark;
        }
        let mut state = self.state();
        let State { rng, faults, steps, .. } = &mut *state;
        let takes_place = matches!(step, DiskStep::Append | DiskStep::Create);
        let is_full = faults.full_at == Some(*steps) && (takes_place || step == DiskStep::SyncFile);
        let full = is_full || takes_place && rng.once_in(faults.disk_full);
        let lost = step == DiskStep::SyncFile && rng.once_in(faults.sync_fails);
        let read_only = rng.once_in(faults.read_only) || faults.read_only_at == Some(*steps);
        state.is_read_only |= read_only;
        let kind = if state.is_read_only {
            io::ErrorKind::ReadOnlyFilesystem
        } else if full || lost {
            io::ErrorKind::StorageFull
        } else {
            return Fate::Done;
        };
        state.went_wrong = true;
        state.log.push(format!("        {kind:?}"));
        Fate::Fails(kind)
    }

    /// One more step: whether there is still power for it.
    pub(crate) fn step(&self, what: &str) -> bool {
        let mut state = self.state();
        if state.is_dark {
            return false;
        }
        state.steps += 1;
        let line = format!("{:6}  {what}", state.steps);
        state.log.push(line);
        if state.cut_at == Some(state.steps) {
            state.is_dark = true;
            state.log.push("        power is cut before this".to_owned());
        }
        !state.is_dark
    }

    /// Whether a thing goes wrong that does so once in so many times.
    pub(crate) fn goes_wrong(&self, what: &str, times: impl Fn(&Faults) -> usize) -> bool {
        let mut state = self.state();
        let times = times(&state.faults);
        let wrong = state.rng.once_in(times);
        if wrong {
            state.log.push(format!("        {what}"));
        }
        wrong
    }

    pub(crate) fn choose(&self, bound: usize) -> usize {
        self.state().rng.below(bound)
    }

    pub(crate) fn note(&self, what: impl Into<String>) {
        self.state().log.push(what.into());
    }

    pub(crate) fn log(&self) -> String {
        self.state().log.join("\n")
    }

    pub(crate) fn steps(&self) -> u64 {
        self.state().steps
    }

    pub(crate) fn is_dark(&self) -> bool {
        self.state().is_dark
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.state().is_read_only
    }

    /// Whether the disk failed since the last start.
    pub(crate) fn went_wrong(&self) -> bool {
        self.state().went_wrong
    }

    /// The factory is done: from now on steps count.
    pub(crate) fn begin(&self) {
        self.state().steps = 0;
    }

    /// Power is there again, with these faults, and is cut before the step with this number.
    pub(crate) fn on(&self, faults: Faults, cut_at: Option<u64>) {
        let mut state = self.state();
        (state.is_dark, state.is_read_only, state.went_wrong) = (false, false, false);
        (state.faults, state.cut_at) = (faults, cut_at);
    }
}
