//! One device from its first start to its last, through cuts of power and everything else.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use device_client::{
    OutcomeState,
    apply::{
        configuration::ConfigurationPlug,
        workshop::{Setup, Workshop},
    },
    config::RebootPlan,
    env::{drive, sim::SimulatedDisk},
    machine::{Fact, Machine, RunningImage},
    state,
    storage::Disk,
};
use pki::time::{Clock, Timestamp};
use verdict::ReasonCode;

use crate::{
    documents::{CANARY, factory, now},
    plan::{ClockManner, Cut, Loss, Offered, Plan, Setting},
    power::{Faults, Power},
    programs::SimulatedPrograms,
    rng::Rng,
    surroundings::Surroundings,
    truth::{Program, Truth, assert_no_secrets},
};

/// The device's folder.
pub(crate) const ROOT: &str = "/var/lib/sztp";

/// The device's configuration, where a file holds it.
pub(crate) const CONFIGURATION: &str = "/etc/running.json";

/// Attempts after which a device that nothing disturbs must have arrived.
const PATIENCE: u32 = 8;

pub(crate) struct World {
    pub(crate) setting: Setting,
    pub(crate) power: Power,
    pub(crate) disk: SimulatedDisk,
    pub(crate) offered: Offered,
    truth: Arc<Mutex<Truth>>,
    rng: Rng,
    boots: u32,
    disturbances: u32,
    steps_of_plans: u64,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    Cut,
    Reboot,
    /// RFC 8572 leaves it open; we write no image to flash a third time.
    WornOut,
    Again,
}

impl World {
    pub(crate) fn new(setting: Setting, mut rng: Rng) -> Self {
        let power = Power::new(rng.fork());
        let disk = power.disk();
        for folder in ["/etc", "/var/lib"] {
            disk.create_private_folder(Path::new(folder)).unwrap();
        }
        let base = setting.base.then(|| format!("{{\"old\":\"{CANARY}\",\"kept\":1}}").into_bytes());
        let mut truth = Truth::default();
        truth.base.clone_from(&base);
        match (setting.program, base) {
            (true, running) => truth.program = Some(Program { running, previous: None }),
            (false, Some(base)) => disk.replace(Path::new(CONFIGURATION), &base).unwrap(),
            (false, None) => {}
        }
        power.begin();
        Self {
            setting,
            power,
            disk,
            offered: Offered([None; 2]),
            truth: Arc::new(Mutex::new(truth)),
            rng,
            boots: 0,
            disturbances: 0,
            steps_of_plans: 0,
        }
    }

    /// How many steps the planned attempts took.
    pub(crate) fn steps_of_plans(&self) -> u64 {
        self.steps_of_plans
    }

    pub(crate) fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap()
    }

    pub(crate) fn clock(&self) -> Clock {
        match self.setting.clock {
            ClockManner::Steady => Clock::Trusted(now()),
            ClockManner::Untrusted => Clock::Untrusted { at_least: now() },
            ClockManner::Jumping if self.power.goes_wrong("it is 1970", |faults| faults.network * 2) => {
                Clock::Trusted(Timestamp::from_unix(5))
            }
            ClockManner::Jumping => Clock::Trusted(now()),
        }
    }

    /// Runs the planned attempts, then calm ones with what the last plan offered, until the device has arrived.
    pub(crate) fn run(&mut self, plans: impl IntoIterator<Item = Plan>, offered_last: Offered) {
        for plan in plans {
            let end = self.attempt(&plan);
            if end == End::Done {
                break;
            }
            // A start that did not end well may have cost an installation by each server.
            self.disturbances += plan.offered.0.iter().map(|offer| u32::from(offer.is_some())).sum::<u32>();
        }
        self.steps_of_plans = self.power.steps();
        let arrived = (0..PATIENCE).any(|_| {
            let end = self.attempt(&Plan::calm(offered_last));
            assert_ne!(end, End::Cut);
            assert!(end != End::WornOut || self.disturbances >= 2, "an image is given up too early");
            matches!(end, End::Done | End::WornOut)
        });
        assert!(arrived, "nothing disturbs the device, and it does not arrive");
        // SEC-13: for good, also where this was the last start.
        self.lose(Loss::Everything);
        assert_no_secrets(&self.disk);
        // One more start: whatever could not be removed earlier is removed now.
        self.attempt(&Plan::calm(offered_last));
        assert_no_secrets(&self.disk);
        self.lose(Loss::Everything);
        assert_no_secrets(&self.disk);
        self.truth().assert_sane(&self.disk);
    }

    fn attempt(&mut self, plan: &Plan) -> End {
        self.offered = plan.offered;
        let is_second = matches!(plan.cut, Cut::AtAndThen(first, _) if self.power.steps() >= first);
        let cut_at = match plan.cut {
            Cut::Never => None,
            Cut::At(step) => Some(step),
            Cut::AtAndThen(first, second) => Some(if is_second { second } else { first }),
            Cut::After(steps) => Some(self.power.steps() + steps),
        };
        self.power.on(plan.faults, cut_at);
        self.power.note(format!("-- start {} {plan:?}", self.boots));
        let end = self.start();
        let end = if self.power.is_dark() { End::Cut } else { end };
        self.power.note(format!("-- {end:?}"));
        // After a sync that failed, memory says other things than the disk. Who is killed before removing what it could not
        // sync leaves the next process nothing to see that by; only a start of the system does.
        let loss = match plan.loss {
            _ if is_second => Loss::Everything,
            Loss::Killed if self.power.went_wrong() => Loss::Some,
            loss => loss,
        };
        // A file system that stopped taking anything is mounted anew, from what the disk holds.
        let is_over = matches!(end, End::Cut | End::Reboot) || self.power.is_read_only();
        if is_over {
            self.lose(loss);
        }
        let still_runs = end == End::Cut && loss == Loss::Killed;
        self.boots += u32::from(is_over && !still_runs);
        self.truth().assert_sane(&self.disk);
        end
    }

    /// Resets the device, with a cut of power before this step. A reset that was cut off is repeated as long as the marker says
    /// that there is something to reset. Whether power was cut.
    pub(crate) fn reset(&mut self, step: u64, loss: Loss) -> bool {
        self.power.on(Faults::default(), Some(self.power.steps() + step));
        let result = state::empty(&self.disk, Path::new(ROOT));
        let was_cut = self.power.is_dark();
        assert!(was_cut || result.is_ok(), "{result:?}");
        if was_cut {
            self.lose(loss);
        }
        self.power.on(Faults::default(), None);
        if self.truth().done(&self.disk).is_some() {
            state::empty(&self.disk, Path::new(ROOT)).unwrap();
        }
        self.boots += 1;
        let configured = self.truth().configuration(&self.disk);
        *self.truth() = Truth::default();
        self.truth().base = configured;
        was_cut
    }

    fn lose(&mut self, loss: Loss) {
        let rng = &mut self.rng;
        match loss {
            Loss::Killed => {}
            Loss::Everything => self.disk.lose(&mut |_| 0),
            Loss::Nothing => self.disk.lose(&mut |below| below - 1),
            Loss::Some => self.disk.lose(&mut |below| rng.below(below)),
        }
    }

    /// What [`device_client::Device`] does, from its start to the end of one attempt.
    fn start(&mut self) -> End {
        let (disk, truth) = (self.disk.clone(), Arc::clone(&self.truth));
        let programs = SimulatedPrograms { power: self.power.clone(), truth, disk: disk.clone() };
        let plug = if self.setting.program {
            ConfigurationPlug::Command(vec!["commit".to_owned()])
        } else {
            ConfigurationPlug::File(CONFIGURATION.into())
        };
        let setup = Setup {
            configuration: Some(plug),
            reboot: RebootPlan::Exit,
            limit: Duration::from_secs(1),
            image_keys: Vec::new(),
            boot_id: self.setting.boots.then(|| format!("boot {}", self.boots)),
            switch: None,
            signer: factory().key.clone(),
            chain: vec![factory().policy.idevid.clone()],
        };
        let opened = Workshop::open(Arc::new(disk), Arc::new(programs), Path::new(ROOT), setup);
        let mut workshop = match opened {
            Ok(workshop) => workshop,
            Err(error) => {
                assert!(self.power.is_dark() || self.power.went_wrong(), "the folder cannot be opened: {error}");
                return End::Again;
            }
        };
        let unclean = workshop.clean_up();
        let is_calm = || !self.power.is_dark() && !self.power.went_wrong();
        assert!(unclean.is_empty() || !is_calm(), "{unclean:?}");
        match workshop.is_done() {
            Ok(true) => return End::Done,
            Ok(false) => {}
            Err(_) => return End::Again,
        }
        let factory_image =
            RunningImage { os_name: Some("os".to_owned()), os_version: Some("1".to_owned()), sha256: None };
        let Ok(situation) = workshop.situation(&factory_image, None) else {
            assert!(!is_calm(), "what the device is in cannot be read");
            return End::Again;
        };
        self.truth().runs = situation.running.sha256;
        let machine = Machine::new(Arc::new(factory().policy.clone()), situation);
        let mut surroundings = Surroundings {
            world: self,
            workshop: &mut workshop,
            connected: None,
            given: BTreeMap::new(),
            monotonic: Duration::ZERO,
        };
        let outcome = drive(machine, &mut surroundings);
        self.power.note(format!("-- outcome {:?} {:?} {}", outcome.state, outcome.reason, outcome.detail));
        let is_calm = !self.power.is_dark() && !self.power.went_wrong();
        let facts = workshop.situation(&factory_image, None).map(|it| it.history.facts()).unwrap_or_default();
        let in_progress = facts.iter().any(|fact| matches!(fact, Fact::Begun { .. }));
        if is_calm && !in_progress && self.setting_rolls_back(&outcome.state) {
            assert_no_secrets(&self.disk);
        }
        let is_worn_out = outcome.passed_over.iter().any(|it| it.reason == ReasonCode::ImageNotRunning);
        match outcome.state {
            OutcomeState::Bootstrapped => End::Done,
            OutcomeState::RebootWanted => End::Reboot,
            _ if is_worn_out => End::WornOut,
            _ => End::Again,
        }
    }

    /// SEC-13: an attempt that failed leaves nothing, unless what rolls back failed as well.
    fn setting_rolls_back(&self, state: &OutcomeState) -> bool {
        !self.setting.program && *state == OutcomeState::ApplyFailed
    }
}
