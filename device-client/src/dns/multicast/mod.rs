//! Asking everybody on the link: one question of multicast DNS (RFC 6762 §5.1).

mod channel;
mod collector;
mod link;

pub use collector::Heard;
pub use link::Interface;

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use pki::key;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::{channel::Channel, collector::Collector, link::Link};
use super::{message::Data, question::Question};

/// When the question is sent, from the beginning on. A lost one is repeated after a second (RFC 6762 §5.2).
const SENT_AFTER: [Duration; 2] = [Duration::ZERO, Duration::from_secs(1)];

/// How long answers are waited for in all.
const PATIENCE: Duration = Duration::from_millis(2500);

/// How long others may still answer when somebody's answer is whole: whoever is first is not right for that alone.
const GRACE: Duration = Duration::from_millis(400);

/// Most octets of a packet, with the headers before it (RFC 6762 §17).
const MAX_PACKET: usize = 9000;

/// Why nobody could be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MulticastError {
    /// There is no interface to ask on.
    #[error("there is no network interface to ask on")]
    NoInterface,
    /// The question could not be sent on any interface.
    #[error("nothing can be sent: {0}")]
    Io(#[from] io::Error),
}

/// Asks on `interface`, or on all there are but the loopback one, and gives what each responder said.
///
/// Ends a moment after `is_whole` says so of somebody's records; otherwise after two and a half seconds.
///
/// # Errors
/// [`MulticastError`], when nobody could be asked. Silence is no error.
pub fn ask(
    question: &Question,
    interface: Option<&Interface>,
    is_whole: &dyn Fn(&[Data]) -> bool,
) -> Result<Vec<Heard>, MulticastError> {
    let link = Link::of(interface);
    if link.interfaces().is_empty() {
        return Err(MulticastError::NoInterface);
    }
    let mut channels = Channel::open_all(&link)?;
    let mut collector = Collector::new(question);
    let begun = Instant::now() + start_delay();
    let mut end = begun + PATIENCE;
    std::thread::sleep(begun.saturating_duration_since(Instant::now()));
    let mut to_send = SENT_AFTER.into_iter().map(|after| begun + after).enumerate().peekable();
    let mut is_settled = false;
    let mut sent = Err(io::ErrorKind::NotConnected.into());
    loop {
        let now = Instant::now();
        if let Some((number, _)) = to_send.next_if(|(_, moment)| *moment <= now) {
            // A link that is down now may be up in a second, and the other way round.
            let result = send(&channels, question, &link, number);
            sent = if sent.is_ok() { sent } else { result };
        }
        if !is_settled && collector.heard().iter().any(|heard| is_whole(&heard.records)) {
            is_settled = true;
            end = end.min(now + GRACE);
        }
        if now >= end {
            return Ok(sent.map(|()| collector.into_heard())?);
        }
        let next = to_send.peek().map_or(end, |(_, moment)| end.min(*moment));
        receive(&mut channels, &link, &mut collector, next.saturating_duration_since(now))?;
    }
}

/// RFC 6762 §5.2: devices that were powered at one moment do not ask at one moment.
fn start_delay() -> Duration {
    let random = key::random().map_or(0, u16::from_be_bytes);
    Duration::from_millis(20) + Duration::from_millis(u64::from(random % 100))
}

/// Sends on every interface. One that is down keeps no other from being used.
fn send(channels: &[Channel], question: &Question, link: &Link, number: usize) -> io::Result<()> {
    let mut sent = Err(io::ErrorKind::NotConnected.into());
    for channel in channels {
        for interface in link.interfaces() {
            let result = channel.send(question, interface, number);
            sent = if sent.is_ok() { sent } else { result };
        }
    }
    sent
}

/// Takes what arrives within `limit`, at least once what is there already.
fn receive(channels: &mut [Channel], link: &Link, collector: &mut Collector<'_>, limit: Duration) -> io::Result<()> {
    // Rounded up, so that the wait is not over before the moment it ends at.
    let limit = Timespec::try_from(limit.saturating_add(Duration::from_millis(1)))
        .unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    let mut waiting: Vec<_> = channels.iter().map(|channel| PollFd::new(channel.socket(), PollFlags::IN)).collect();
    match poll(&mut waiting, Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let ready: Vec<bool> = waiting.iter().map(|it| !it.revents().is_empty()).collect();
    let mut datagram = vec![0; MAX_PACKET];
    for (channel, _) in channels.iter().zip(ready).filter(|(_, ready)| *ready) {
        // One packet at a time: whoever floods this socket does not keep the clock from being read.
        if let Ok((length, from)) = channel.socket().recv_from(&mut datagram)
            && is_from_the_link(from, link)
        {
            collector.take(from.ip(), datagram.get(..length).unwrap_or_default(), channel.expected());
        }
    }
    Ok(())
}

/// RFC 6762 §6, §11: an answer comes from the port of multicast DNS, and from this link.
fn is_from_the_link(from: SocketAddr, link: &Link) -> bool {
    from.port() == channel::PORT && link.is_local(from)
}
