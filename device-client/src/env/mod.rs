//! What the machine needs from the world, and the driver that brings the two together.

mod drive;
pub mod linux;
pub mod sim;

pub use drive::drive;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use pki::{certificate::Certificate, time::Clock};
use verdict::Refusal;

use crate::{
    Record, Server,
    machine::{Answer, Discovery, Download, Downloaded, Event, Fetch, Moment, Pause, Request, SourceIndex, Step, Work},
};

/// Between half and one and a half times the pause, so that a rack that boots at once does not ask at once (CLI-05).
#[must_use]
pub fn jittered(pause: Duration) -> Duration {
    spread(Pause::About(pause))
}

/// How long a pause is this time.
#[must_use]
pub fn spread(pause: Pause) -> Duration {
    spread_by(pause, pki::key::random::<2>().map_or(u16::MAX / 2, u16::from_be_bytes))
}

/// How long a pause is that gets this share of what it may vary by: 0 for the shortest, [`u16::MAX`] for the longest.
#[must_use]
pub fn spread_by(pause: Pause, share: u16) -> Duration {
    let (shortest, leeway) = match pause {
        Pause::About(pause) => (pause / 2, pause),
        Pause::AtLeast(pause) => (pause, pause / 4),
    };
    shortest.saturating_add(leeway.saturating_mul(u32::from(share)) / u32::from(u16::MAX))
}

/// A device's surroundings. Each method carries out one action of the machine and blocks until it is done; each failure
/// is a [`Refusal`], so that it reaches the trace with its reason.
pub trait Environment {
    /// What the clock says, and whether it may be believed.
    fn clock(&self) -> Clock;

    /// The time since some moment that stays the same, by a clock that never goes back.
    fn monotonic(&self) -> Duration;

    /// Asks a source for bootstrap servers.
    ///
    /// # Errors
    /// When the source gives nothing usable.
    fn discover(&mut self, source: SourceIndex) -> Result<Discovery, Refusal>;

    /// Looks a host name up.
    ///
    /// # Errors
    /// When it has no address.
    fn resolve(&mut self, server: &Server) -> Result<Vec<IpAddr>, Refusal>;

    /// Closes what connection there is and opens another one, up to the end of the TLS handshake. Gives the chain that
    /// the server showed, its own certificate first, not validated, but with the proof that the server holds its key.
    ///
    /// # Errors
    /// When there is no connection in reasonable time.
    fn connect(&mut self, server: &Server, address: SocketAddr) -> Result<Vec<Certificate>, Refusal>;

    /// Sends a request over the connection. When the peer closed it meanwhile, it is opened again to the same address,
    /// and used only when the same certificate is shown.
    ///
    /// # Errors
    /// When there is no complete answer in reasonable time, or it exceeds its bounds.
    fn send(&mut self, request: &Request) -> Result<Answer, Refusal>;

    /// Waits, about this long: see [`jittered`].
    fn wait(&mut self, pause: Pause);

    /// Fetches something over plain HTTP, from the addresses given and no others, following no redirect.
    ///
    /// # Errors
    /// When there is no complete answer with status 200 in reasonable time, or it exceeds its bounds.
    fn fetch(&mut self, fetch: &Fetch) -> Result<Vec<u8>, Refusal>;

    /// Downloads an image to the staging place.
    ///
    /// # Errors
    /// When it cannot be had, or is too large.
    fn download(&mut self, download: &Download) -> Result<Downloaded, Refusal>;

    /// Carries out work on the device itself. Gives the event that [`Work`] names.
    ///
    /// # Errors
    /// When it fails; nothing is left half done then.
    fn work(&mut self, work: Work) -> Result<Event, Refusal>;

    /// Writes a record of the decision trace. Called before the action that follows from the decision.
    fn trace(&mut self, record: &Record);

    /// What the machine is told now, and when; no event when it is started. For a capture ([`crate::capture`]).
    fn told(&mut self, _now: Moment, _event: Option<&Event>) {}

    /// What the machine decided upon that, before anything else becomes of it. For a capture.
    fn decided(&mut self, _step: &Step) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cli_05_jitter_stays_within_half_and_one_and_a_half() {
        for _ in 0..200 {
            let pause = jittered(Duration::from_secs(10));
            assert!((5..=15).contains(&pause.as_secs()), "{pause:?}");
        }
    }
}
