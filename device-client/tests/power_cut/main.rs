//! Power is cut at every durable step, or anywhere by chance, together with whatever else goes wrong: the device's own code for
//! journal, images, configuration, scripts and marker runs on a disk that loses what was not synced, and arrives all the same.
//!
//! `SZTP_SEEDS=N` runs the seeds from 0 to N; `SZTP_SEED=N` runs one, and says everything that happened in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]
#![allow(clippy::print_stdout, reason = "a seed that fails tells its story")]

mod documents;
mod power;
mod programs;
mod rng;
mod surroundings;
mod truth;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use power::Faults;
use rng::Rng;
use world::{ClockManner, Cut, Giver, Loss, Plan, Setting, World};

/// Seeds that are tried when nobody says how many.
const SEEDS: u64 = 300;

const SETTING: Setting =
    Setting { giver: Giver::Servers, level: 0, clock: ClockManner::Steady, program: false, base: true, boots: true };

/// Runs a world, and tells its story when something does not hold.
fn told(name: &str, world: &mut World, run: impl FnOnce(&mut World)) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(world))) {
        println!("{}\n{name}", world.power.log());
        resume_unwind(panic);
    }
}

#[test]
fn power_cut_at_every_step_of_an_onboarding() {
    let one = |index| [Some(index), None];
    let scenarios = [
        // An image, a reboot, and everything.
        (SETTING, one(0), one(0)),
        (Setting { boots: false, level: 1, ..SETTING }, one(0), one(0)),
        // Another document takes the first one's place.
        (SETTING, one(1), one(2)),
        (SETTING, one(2), one(4)),
        (SETTING, one(1), one(3)),
        // Nothing was configured before; a program commits; nobody is told.
        (Setting { base: false, ..SETTING }, one(1), one(4)),
        (Setting { program: true, ..SETTING }, one(1), one(2)),
        (Setting { giver: Giver::Stick, ..SETTING }, one(5), one(1)),
    ];
    for (number, (setting, first, last)) in scenarios.into_iter().enumerate() {
        for loss in [Loss::Everything, Loss::Nothing, Loss::Some, Loss::Killed] {
            for step in 1.. {
                let mut world = World::new(setting, Rng::new(step));
                let cut = Plan { cut: Cut::At(step), loss, ..Plan::calm(first) };
                // Where the first attempt ends in a reboot, the cut may fall into the second.
                let mut cuts = 0;
                told(&format!("scenario {number}, {loss:?}, step {step}"), &mut world, |world| {
                    cuts = world.run([cut, cut], last);
                });
                if cuts == 0 {
                    assert!(step > 20, "scenario {number} has {step} steps");
                    break;
                }
            }
        }
    }
}

/// A run by chance.
fn run_seed(seed: u64) {
    let mut rng = Rng::new(seed);
    let setting = Setting {
        giver: if rng.once_in(6) { Giver::Stick } else { Giver::Servers },
        level: rng.below(2),
        clock: [ClockManner::Steady, ClockManner::Untrusted, ClockManner::Jumping][rng.below(3)],
        program: rng.once_in(4),
        base: !rng.once_in(4),
        boots: !rng.once_in(4),
    };
    // Without a clock a voucher must be bound to a nonce, which a stick cannot know.
    let setting =
        if setting.giver == Giver::Stick { Setting { clock: ClockManner::Steady, ..setting } } else { setting };
    let mut world = World::new(setting, rng.fork());
    let offer = |rng: &mut Rng| {
        let some = |rng: &mut Rng| Some(rng.below(documents::factory().documents.len()));
        if rng.once_in(3) { [None, some(rng)] } else { [some(rng), rng.once_in(3).then(|| rng.below(6))] }
    };
    let mut offered = offer(&mut rng);
    let mildness = 1 + rng.below(4);
    let plans: Vec<_> = (0..rng.below(7))
        .map(|_| {
            if rng.once_in(3) {
                offered = offer(&mut rng);
            }
            let rate = |rng: &mut Rng, times: usize| if rng.once_in(2) { 0 } else { times * mildness };
            Plan {
                offered,
                faults: Faults {
                    disk_full: rate(&mut rng, 20),
                    sync_fails: rate(&mut rng, 20),
                    read_only: rate(&mut rng, 60),
                    network: rate(&mut rng, 8),
                    scripts: rate(&mut rng, 4),
                },
                cut: if rng.once_in(4) { Cut::Never } else { Cut::After(1 + u64::try_from(rng.below(100)).unwrap()) },
                loss: [Loss::Everything, Loss::Nothing, Loss::Some, Loss::Some, Loss::Killed][rng.below(5)],
            }
        })
        .collect();
    let name = format!("SZTP_SEED={seed} cargo test -p device-client power_cut_seed");
    told(&name, &mut world, |world| {
        world.run(plans, offered);
    });
    if std::env::var_os("SZTP_SEED").is_some() {
        println!("{}", world.power.log());
    }
}

#[test]
fn power_cut_seeds() {
    let seeds = std::env::var("SZTP_SEEDS").map_or(SEEDS, |text| text.parse().unwrap());
    let from = std::env::var("SZTP_SEEDS_FROM").map_or(0, |text| text.parse().unwrap());
    (from..from + seeds).for_each(run_seed);
}

/// One seed, which somebody names.
#[test]
fn power_cut_seed() {
    if let Ok(seed) = std::env::var("SZTP_SEED") {
        run_seed(seed.parse().unwrap());
    }
}
