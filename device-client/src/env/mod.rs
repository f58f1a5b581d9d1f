//! What the machine needs from the world, and the driver that brings the two together.
//!
//! Whoever brings the agent to a platform of its own writes one [`Environment`] and calls [`drive`], or goes on from step to step
//! itself: see the example `embedded`.

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

/// A device's surroundings: what whoever brings the agent to another platform writes. `examples/embedded` is one, and
/// `docs/embedding.md` tells it as a story.
///
/// What holds for all methods:
///
/// * **One at a time.** Each carries out one action of the machine, blocks until it is done, and is called from one thread.
/// * **Bounded.** Each ends by itself, in time and in memory, whatever a peer does: a method that hangs is a device that
///   is lost. The machine counts the time of what strangers name, and only between two actions.
/// * **Failures are values.** Each is a [`Refusal`], reaches the trace with its reason, and leads on: to the next address,
///   server or source. What a platform does not have, it refuses; [`ReasonCode::ServerUnreachable`](verdict::ReasonCode)
///   and its like need no network to be said.
/// * **Nothing is judged here.** No certificate, signature or digest: the machine does that, and an environment that judges too
///   has two opinions.
/// * **Power may be cut at any moment.** What a method says is done is on storage, in the order in which it was said; what was
///   being done is either done or not at the next start, when all is fetched and verified again.
pub trait Environment {
    /// What the clock says, and whether it may be believed: [`Clock::Trusted`] only where somebody set it and it goes on
    /// without power. Dates of vouchers and certificates are judged by it (RFC 8572 §9.1). Never blocks.
    fn clock(&self) -> Clock;

    /// The time since some moment that stays the same, by a clock that never goes back. Deadlines are counted by it, so it
    /// goes on while a method blocks. Never blocks.
    fn monotonic(&self) -> Duration;

    /// Asks a source for what it offers, in seconds rather than minutes. What it gives is believed by nobody, so nothing
    /// needs to be checked but its size; it is bounded, since all of it is held at once. Nothing is to be kept for the next
    /// attempt.
    ///
    /// # Errors
    /// When the source gives nothing usable.
    fn discover(&mut self, source: SourceIndex) -> Result<Discovery, Refusal>;

    /// Looks a host name up, or reads an address. Every address that is given may be tried, so a handful is enough.
    ///
    /// # Errors
    /// When it has no address.
    fn resolve(&mut self, server: &Server) -> Result<Vec<IpAddr>, Refusal>;

    /// Closes what connection there is and opens another one, up to the end of the TLS handshake, showing the device's own
    /// certificate. Gives the chain that the server showed, its own certificate first, not validated, but with the proof that
    /// the server holds its key: the handshake's signature is verified here and nothing else. Not one octet of a request
    /// leaves before [`Environment::send`].
    ///
    /// # Errors
    /// When there is no connection in reasonable time; ten seconds are the Linux environment's.
    fn connect(&mut self, server: &Server, address: SocketAddr) -> Result<Vec<Certificate>, Refusal>;

    /// Sends a request over the connection and reads the whole answer, whatever its status. When the peer closed it
    /// meanwhile, it is opened again to the same address, and used only when the same certificate is shown. A request may
    /// be sent twice when an answer is lost; the server expects that.
    ///
    /// # Errors
    /// When there is no complete answer in reasonable time, or it exceeds its bounds
    /// ([`MAX_BODY`](crate::http::MAX_BODY) octets are enough for all that servers give).
    fn send(&mut self, request: &Request) -> Result<Answer, Refusal>;

    /// Waits, about this long: see [`spread`]. Sleeping is allowed; so is to be woken early by somebody who switches the
    /// device off, never by a peer.
    fn wait(&mut self, pause: Pause);

    /// Fetches something over plain HTTP, from the addresses given and no others, following no redirect. It is read whole and
    /// stays in memory, so it is bounded: nothing that can be judged has more than a
    /// megabyte. What it says of itself is believed by nobody.
    ///
    /// # Errors
    /// When there is no complete answer with status 200 in reasonable time, or it exceeds its bounds.
    fn fetch(&mut self, fetch: &Fetch) -> Result<Vec<u8>, Refusal>;

    /// Downloads an image to the one staging place, hashing it on the way, and makes it durable before it returns. Nothing is
    /// done with it. [`ImageLocation::Stick`](crate::machine::ImageLocation) is read from the storage that its place was offered
    /// from in this attempt, [`ImageLocation::Uri`](crate::machine::ImageLocation) over http or https alone (SEC-11). Octets
    /// that an earlier download for the same digest left may be kept, and are hashed again.
    ///
    /// # Errors
    /// When it cannot be had, is too large for its place, or takes too long. What arrived may stay for the next try.
    fn download(&mut self, download: &Download) -> Result<Downloaded, Refusal>;

    /// Carries out work on the device itself and gives the event that [`Work`] names. What each must outlive:
    ///
    /// | work | when it returns | when power is cut in between |
    /// |---|---|---|
    /// | [`Work::Remember`], [`Work::RememberVoucher`], [`Work::WriteDone`] | on storage | the fact is there whole, or not at all |
    /// | [`Work::InstallImage`] | the slot is written, synced, and the one to boot | the old image boots; its digest is staged still, or gone |
    /// | [`Work::Commit`] | committed, with the way back on storage before | before or after, and the way back leads to before |
    /// | [`Work::RollBack`] | as before the commit; nothing to do where nothing was committed | it is asked for again |
    /// | [`Work::RunScript`] | the script and all it started in the foreground ended, within a bound | it is run again |
    /// | [`Work::DiscardImage`], [`Work::VerifyImage`], [`Work::ReadSwitch`], [`Work::Swear`] | done | it is asked for again |
    /// | [`Work::Reboot`] | a reboot is arranged; the process is to end | it came early |
    ///
    /// Everything may be asked for twice, and then does no harm. What is unknown is refused: there may be more kinds of work
    /// one day.
    ///
    /// # Errors
    /// When it fails; nothing is left half done then.
    fn work(&mut self, work: Work) -> Result<Event, Refusal>;

    /// Writes a record of the decision trace. Called before the action that follows from the decision. It may be kept
    /// anywhere, and bounded; it never fails, because no device is to stay as it is for a trace.
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
