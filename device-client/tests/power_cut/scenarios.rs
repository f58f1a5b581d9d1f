//! What is tried.

use crate::{
    documents::factory,
    plan::{ClockManner, Cut, Giver, Loss, Offered, Plan, Setting},
    power::Faults,
    rng::Rng,
    world::World,
};

/// The plainest device.
pub(crate) const SETTING: Setting =
    Setting { giver: Giver::Servers, level: 0, clock: ClockManner::Steady, program: false, base: true, boots: true };

/// A device, and the documents it is given.
pub(crate) struct Scenario {
    pub(crate) setting: Setting,
    pub(crate) first: Offered,
    /// What is offered when nothing goes wrong any more.
    pub(crate) last: Offered,
}

/// Those that are tried step by step.
pub(crate) fn scenarios() -> [Scenario; 8] {
    let one = |index| Offered([Some(index), None]);
    let scenario = |setting, first, last| Scenario { setting, first: one(first), last: one(last) };
    [
        // An image, a reboot, and everything.
        scenario(SETTING, 0, 0),
        scenario(Setting { boots: false, level: 1, ..SETTING }, 0, 0),
        // Another document takes the first one's place.
        scenario(SETTING, 1, 2),
        scenario(SETTING, 2, 4),
        scenario(SETTING, 1, 3),
        // Nothing was configured before; a program commits; nobody is told.
        scenario(Setting { base: false, ..SETTING }, 1, 4),
        scenario(Setting { program: true, ..SETTING }, 1, 2),
        scenario(Setting { giver: Giver::Stick, ..SETTING }, 5, 1),
    ]
}

/// A device, what happens to it, and what is offered in the end, by chance.
pub(crate) fn by_chance(mut rng: Rng) -> (World, Vec<Plan>, Offered) {
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
    let world = World::new(setting, rng.fork());
    let offer = |rng: &mut Rng| {
        let some = |rng: &mut Rng| Some(rng.below(factory().documents.len()));
        if rng.once_in(3) {
            Offered([None, some(rng)])
        } else {
            Offered([some(rng), rng.once_in(3).then(|| rng.below(6))])
        }
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
                    ..Faults::default()
                },
                cut: if rng.once_in(4) { Cut::Never } else { Cut::After(1 + u64::try_from(rng.below(100)).unwrap()) },
                loss: [Loss::Everything, Loss::Nothing, Loss::Some, Loss::Some, Loss::Killed][rng.below(5)],
            }
        })
        .collect();
    (world, plans, offered)
}
