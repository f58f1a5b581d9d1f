//! The present moment, for machines that must not ask themselves.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::moment::Moment;

/// A clock that reads the wall once and counts on from there, so that leases neither end nor last longer because
/// somebody sets the time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    wall: u64,
}

impl Clock {
    /// A clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { started: Instant::now(), wall }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        Moment(self.wall.saturating_add(self.started.elapsed().as_secs()))
    }
}
