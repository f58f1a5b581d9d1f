//! What a device is, and what happens to it.

use crate::power::Faults;

/// Which document each of the two servers offers, if any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offered(pub(crate) [Option<usize>; 2]);

/// Who gives documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Giver {
    /// Two servers that the device trusts.
    Servers,
    /// Something that lies about, and that nobody trusts.
    Stick,
}

/// What the clock does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClockManner {
    Steady,
    Untrusted,
    /// It is 1970 now and then.
    Jumping,
}

/// What becomes of what is not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Everything,
    Nothing,
    Some,
    /// The process was killed: the system goes on and knows what was written.
    Killed,
}

/// What does not change in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) giver: Giver,
    pub(crate) level: usize,
    pub(crate) clock: ClockManner,
    /// Whether a program commits configurations.
    pub(crate) program: bool,
    /// Whether there is a configuration from before.
    pub(crate) base: bool,
    /// Whether a boot loader boots installed images.
    pub(crate) boots: bool,
}

/// When power is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Never,
    /// Before this step, counted from the first start.
    At(u64),
    /// The same, and once more before a later one, when everything is lost that can be.
    AtAndThen(u64, u64),
    /// So many steps after the start.
    After(u64),
}

/// What happens in one attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// What each of the two servers offers.
    pub(crate) offered: Offered,
    pub(crate) faults: Faults,
    pub(crate) cut: Cut,
    pub(crate) loss: Loss,
}

impl Plan {
    /// Nothing goes wrong.
    pub(crate) fn calm(offered: Offered) -> Self {
        Self { offered, faults: Faults::default(), cut: Cut::Never, loss: Loss::Everything }
    }
}
