//! Whether somebody has an address already, found out before it is offered to somebody else (RFC 2131 §3.1, §4.3.1).

use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    hash::{BuildHasher, RandomState},
    io::{self, Read},
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use dhcp::v4::MacAddress;
use linux_sys::option;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use thiserror::Error;
use tokio::{
    net::UdpSocket,
    time::{Instant, sleep_until},
};
use tracing::warn;

use super::{
    echo::{Echo, EchoReply},
    interfaces::{Interfaces, Neighbour},
};

/// How addresses are probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSettings {
    /// Ask on the interface of this name only, and let ARP's answers count too: hosts that answer no echo still answer ARP.
    pub interface: Option<String>,
    /// How long an answer is waited for.
    pub time_limit: Duration,
    /// How many addresses are asked for within one time limit; more are not asked for.
    pub most: usize,
}

impl Default for ProbeSettings {
    /// Any interface, half a second, 1024 addresses.
    fn default() -> Self {
        Self { interface: None, time_limit: Duration::from_millis(500), most: 1024 }
    }
}

/// Asks for addresses, many at once, and tells what was found. It needs `CAP_NET_RAW`; without that it says so once, and is off.
///
/// [`Self::next`] is to be polled all the time, asked or not: it keeps the queue of answers short.
#[derive(Debug)]
pub struct Prober {
    /// `None` when it is off. Tokio's name for a socket of datagrams; these are ICMP's.
    socket: Option<UdpSocket>,
    settings: ProbeSettings,
    /// The index of the interface in the settings.
    interface: Option<u32>,
    identifier: u16,
    /// Makes tags that nobody can foresee.
    keys: RandomState,
    asked: u64,
    /// Questions in the order of their deadlines, answered ones too.
    questions: VecDeque<Question>,
    /// Addresses that wait for an answer, with the number of the question.
    open: HashMap<Ipv4Addr, u64>,
    found: VecDeque<Probed>,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    address: Ipv4Addr,
    number: u64,
    asked_at: Instant,
    deadline: Instant,
}

/// What was found about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probed {
    /// The address.
    pub address: Ipv4Addr,
    /// What was found.
    pub finding: Finding,
}

/// Whether somebody has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nobody answered within the time limit.
    Free,
    /// Somebody answered.
    InUse {
        /// What the answer was.
        evidence: Evidence,
        /// The Ethernet address of whoever answered, where the settings name an interface and ARP told it. When it is that of
        /// the client which is to get the address, there is no conflict: the client has it from before.
        hardware: Option<MacAddress>,
    },
}

/// By what it was found that an address is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// An echo reply (RFC 792).
    EchoReply,
    /// An answer of ARP (RFC 826).
    Arp,
}

/// An address was not asked for, so that nothing will be found about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotAsked {
    /// The program may not ask.
    #[error("probing is off")]
    Off,
    /// As many are being asked for as the settings allow.
    #[error("too many addresses are being probed")]
    Full,
    /// The question could not be sent: there may be no route to the address.
    #[error("the probe cannot be sent")]
    Send(#[source] io::Error),
}

impl Prober {
    /// A prober that is on where the system allows it; where not, the log says why, once.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
    #[must_use]
    pub fn open(settings: ProbeSettings) -> Self {
        let opened = open_socket(settings.interface.as_deref());
        let interface = settings.interface.as_deref();
        if let Err(error) = &opened {
            warn!(%error, interface, "addresses are not probed before they are offered; CAP_NET_RAW lets the program do so");
        }
        let (socket, index) = opened.map_or((None, None), |(socket, index)| (Some(socket), index));
        let keys = RandomState::new();
        let [first, second, ..] = keys.hash_one("identifier").to_be_bytes();
        Self {
            socket,
            settings,
            interface: index,
            identifier: u16::from_be_bytes([first, second]),
            keys,
            asked: 0,
            questions: VecDeque::new(),
            open: HashMap::new(),
            found: VecDeque::new(),
        }
    }

    /// Whether it can ask.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.socket.is_some()
    }

    /// Asks who has an address; [`Self::next`] will tell, once, even when it was asked for twice.
    ///
    /// # Errors
    /// [`NotAsked`]: nothing will be told.
    pub fn ask(&mut self, address: Ipv4Addr) -> Result<(), NotAsked> {
        let Some(socket) = &self.socket else { return Err(NotAsked::Off) };
        if self.open.contains_key(&address) {
            return Ok(());
        }
        // Answered questions stay in the row until their time is up, so that this bounds the pace too.
        if self.questions.len() >= self.settings.most {
            return Err(NotAsked::Full);
        }
        let number = self.asked;
        let request = self.echo(address, number).to_request();
        SockRef::from(socket).send_to(&request, &SocketAddrV4::new(address, 0).into()).map_err(NotAsked::Send)?;
        let asked_at = Instant::now();
        self.asked = number.wrapping_add(1);
        self.questions.push_back(Question { address, number, asked_at, deadline: asked_at + self.settings.time_limit });
        self.open.insert(address, number);
        Ok(())
    }

    /// Waits for what is found about the next address. While nothing was asked, and while it is off, this never ends. Dropped
    /// while it waits, it forgets nothing.
    pub async fn next(&mut self) -> Probed {
        loop {
            // First what was heard: a question must not be given up while its answer waits at the socket.
            self.hear();
            self.give_up(Instant::now());
            if let Some(found) = self.found.pop_front() {
                return found;
            }
            let Some(socket) = &self.socket else { return pending().await };
            let deadline = self.questions.front().map(|it| it.deadline);
            let heard = socket.readable();
            match deadline {
                None => drop(heard.await),
                Some(deadline) => tokio::select! {
                    readiness = heard => drop(readiness),
                    () = sleep_until(deadline) => {}
                },
            }
        }
    }

    /// What a question about this address says.
    fn echo(&self, address: Ipv4Addr, number: u64) -> Echo {
        let [first, second] = [0_u8, 1].map(|half| self.keys.hash_one((half, address, number)).to_be_bytes());
        let [.., high, low] = number.to_be_bytes();
        let mut tag = [0; 16];
        tag.iter_mut().zip(first.into_iter().chain(second)).for_each(|(to, from)| *to = from);
        Echo { identifier: self.identifier, sequence: u16::from_be_bytes([high, low]), tag }
    }

    /// Takes the answers that wait at the socket.
    fn hear(&mut self) {
        let mut packet = [0; 128];
        for _ in 0..MOST_PACKETS {
            let Some(socket) = &self.socket else { return };
            let length = match receive(socket, &mut packet) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // What the network says of one packet, or an interface that went down.
                Err(_) => continue,
            };
            let Some(reply) = packet.get(..length).and_then(EchoReply::read) else { continue };
            let address = reply.source;
            if let Some(&number) = self.open.get(&address)
                && reply.echo == self.echo(address, number)
            {
                self.open.remove(&address);
                let hardware = self.neighbour(address).map(|it| it.mac);
                self.found
                    .push_back(Probed { address, finding: Finding::InUse { evidence: Evidence::EchoReply, hardware } });
            }
        }
    }

    /// Ends the questions whose time is up.
    fn give_up(&mut self, now: Instant) {
        while let Some(question) = self.questions.pop_front_if(|it| it.deadline <= now) {
            let address = question.address;
            if self.open.get(&address) != Some(&question.number) {
                continue;
            }
            self.open.remove(&address);
            // An answer that is older than the question may be somebody's who is gone.
            let waited = now.saturating_duration_since(question.asked_at).as_millis() / 10;
            let answered = self.neighbour(address).filter(|it| u128::from(it.unconfirmed_for) <= waited);
            let finding = answered.map_or(Finding::Free, |neighbour| Finding::InUse {
                evidence: Evidence::Arp,
                hardware: Some(neighbour.mac),
            });
            self.found.push_back(Probed { address, finding });
        }
    }

    /// What ARP knows, where the interface is known.
    fn neighbour(&self, address: Ipv4Addr) -> Option<Neighbour> {
        self.interface.and_then(|interface| Neighbour::find(interface, address).ok().flatten())
    }
}

/// Reads a packet that waits, be it that tokio has not heard of it yet.
fn receive(socket: &UdpSocket, packet: &mut [u8]) -> io::Result<usize> {
    match (&*SockRef::from(socket)).read(packet) {
        // Tokio learns that nothing waits, so that waiting for something means something.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.try_recv(packet),
        ended => ended,
    }
}

fn open_socket(interface: Option<&str>) -> io::Result<(UdpSocket, Option<u32>)> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
    socket.set_nonblocking(true)?;
    option::hear_echo_replies_only(&socket)?;
    option::set_receive_buffer(&socket, RECEIVE_BUFFER)?;
    let mut index = None;
    if let Some(name) = interface {
        socket.bind_device(Some(name.as_bytes()))?;
        index = Interfaces::read()?.named(name).map(|it| it.index);
    }
    Ok((UdpSocket::from_std(socket.into())?, index))
}

const RECEIVE_BUFFER: u32 = 1024 * 1024;
/// Most packets that are read in a row: others who ask and answer on this host are heard too, and must not keep us.
const MOST_PACKETS: usize = 4096;

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use super::*;

    /// A prober without a socket, as on a system that does not allow one.
    fn off() -> Prober {
        let nowhere = ProbeSettings { interface: Some("no-such-interface".to_owned()), ..ProbeSettings::default() };
        Prober::open(nowhere)
    }

    #[tokio::test]
    async fn a_prober_that_is_off_says_so_and_tells_nothing() {
        let mut prober = off();
        assert!(!prober.is_on());
        assert!(matches!(prober.ask(Ipv4Addr::LOCALHOST), Err(NotAsked::Off)));
        let told = pin!(prober.next()).poll(&mut Context::from_waker(Waker::noop()));
        assert!(told.is_pending(), "{told:?}");
    }

    #[tokio::test]
    async fn no_two_questions_are_alike() {
        let prober = off();
        let (one, other) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
        let questions = [prober.echo(one, 0), prober.echo(one, 1), prober.echo(other, 0), off().echo(one, 0)];
        for (at, question) in questions.iter().enumerate() {
            assert_eq!(questions.iter().filter(|it| it.tag == question.tag).count(), 1, "{at}");
        }
        assert_eq!(prober.echo(one, 0), prober.echo(one, 0));
        assert_eq!(prober.echo(one, 65_537).sequence, 1);
    }

    #[tokio::test]
    async fn a_question_is_given_up_when_its_time_is_up_and_not_twice() {
        let mut prober = off();
        let address = Ipv4Addr::new(192, 0, 2, 1);
        let asked_at = Instant::now();
        let deadline = asked_at + Duration::from_secs(1);
        for number in [0, 1] {
            prober.questions.push_back(Question { address, number, asked_at, deadline });
        }
        // The first was answered, and the address asked for again.
        prober.open.insert(address, 1);
        prober.give_up(deadline - Duration::from_millis(1));
        assert_eq!(prober.found, []);
        prober.give_up(deadline);
        assert_eq!(prober.found, [Probed { address, finding: Finding::Free }]);
        assert!(prober.open.is_empty() && prober.questions.is_empty());
    }
}
