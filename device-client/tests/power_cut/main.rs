//! Power is cut at every durable step, or anywhere by chance, together with whatever else goes wrong: the device's own code for
//! journal, images, configuration, scripts and marker runs on a disk that loses what was not synced, and arrives all the same.
//!
//! `SZTP_SEEDS=N` runs the seeds from 0 to N; `SZTP_SEED=N` runs one, and says everything that happened in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]
#![allow(clippy::print_stdout, reason = "a seed that fails tells its story")]

mod documents;
mod plan;
mod power;
mod programs;
mod rng;
mod scenarios;
mod surroundings;
mod truth;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use plan::{Cut, Loss, Offered, Plan};
use power::Faults;
use rng::Rng;
use scenarios::{SETTING, Scenario, by_chance, scenarios};
use world::World;

/// Seeds that are tried when nobody says how many.
const SEEDS: u64 = 300;

/// Runs a world, and tells its story when something does not hold.
fn told(name: &str, world: &mut World, run: impl FnOnce(&mut World)) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(world))) {
        println!("{}\n{name}", world.power.log());
        resume_unwind(panic);
    }
}

#[test]
fn power_cut_at_every_step_of_an_onboarding() {
    for (number, Scenario { setting, first, last }) in scenarios().into_iter().enumerate() {
        for loss in [Loss::Everything, Loss::Nothing, Loss::Some, Loss::Killed] {
            for step in 1.. {
                let mut rng = Rng::new(step);
                let mut world = World::new(setting, rng.fork());
                let cut = Plan { cut: Cut::At(step), loss, ..Plan::calm(first) };
                // What a process that was killed had not made durable, the next one must: power is cut in that one.
                let after = 1 + u64::try_from(rng.below(60)).unwrap();
                let cut = match loss {
                    Loss::Killed | Loss::Some => Plan { cut: Cut::AtAndThen(step, step + after), ..cut },
                    _ => cut,
                };
                // Where the first attempt ends in a reboot, the cut may fall into the second.
                told(&format!("scenario {number}, {loss:?}, step {step}"), &mut world, |world| {
                    world.run([cut, cut, cut], last);
                });
                if world.steps_of_plans() < step {
                    assert!(step > 20, "scenario {number} has {step} steps");
                    break;
                }
            }
        }
    }
}

#[test]
fn a_disk_that_fails_at_any_step_of_an_onboarding_costs_an_attempt_and_no_more() {
    for (number, Scenario { setting, first, last }) in scenarios().into_iter().enumerate() {
        for (kind, loss) in [("full", Loss::Everything), ("read-only", Loss::Nothing), ("read-only", Loss::Everything)]
        {
            for step in 1.. {
                let mut world = World::new(setting, Rng::new(step));
                let mut faults = Faults::default();
                match kind {
                    "full" => faults.full_at = Some(step),
                    _ => faults.read_only_at = Some(step),
                }
                let plan = Plan { faults, loss, ..Plan::calm(first) };
                told(&format!("scenario {number}, {kind} at step {step}, {loss:?}"), &mut world, |world| {
                    world.run([plan, plan], last);
                });
                if step > world.steps_of_plans() {
                    assert!(step > 20, "scenario {number} has {step} steps");
                    break;
                }
            }
        }
    }
}

#[test]
fn power_cut_at_every_step_of_a_reset() {
    for loss in [Loss::Everything, Loss::Nothing, Loss::Some, Loss::Killed] {
        for step in 1.. {
            let mut world = World::new(SETTING, Rng::new(step));
            let mut was_cut = false;
            told(&format!("reset, {loss:?}, step {step}"), &mut world, |world| {
                world.run([], Offered([Some(0), None]));
                was_cut = world.reset(step, loss);
                // The same document once more: nothing of the first time may count.
                world.run([], Offered([Some(0), None]));
            });
            if !was_cut {
                assert!(step > 5, "a reset of {step} steps");
                break;
            }
        }
    }
}

/// A run by chance.
fn run_seed(seed: u64) {
    let (mut world, plans, last) = by_chance(Rng::new(seed));
    let name = format!("SZTP_SEED={seed} cargo test -p device-client power_cut_seed");
    told(&name, &mut world, |world| world.run(plans, last));
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
