//! The server's decisions, message by message (RFC 2131 §4.3).

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::v4::{Message, MessageType};

use super::{
    Event, Ignored, Leases, Lent, Moment, Note,
    compose::{Reply, compose},
    request::Request,
};
use crate::policy::{ClientPort, Dhcp4Policy, Subnet};

/// One datagram as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddrV4,
    /// Its payload.
    pub bytes: &'a [u8],
}

/// What is to be done about a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this.
    Send {
        /// To whom; 255.255.255.255 is a broadcast on the interface that is served.
        destination: SocketAddrV4,
        /// The payload.
        bytes: Vec<u8>,
    },
    /// Tell the operator this.
    Note(Note),
}

/// A DHCPv4 server without socket or clock.
#[derive(Clone, Debug)]
pub struct Dhcp4Machine {
    policy: Dhcp4Policy,
    leases: Option<Leases>,
}

/// A reply and what to call it, or the event of a message that wants no reply.
enum Decision {
    Answer(Reply, Event),
    Silent(Event),
}

impl Dhcp4Machine {
    /// A server that obeys this policy and has lent nothing yet.
    #[must_use]
    pub fn new(policy: Dhcp4Policy) -> Self {
        let leases = policy.subnet().and_then(Leases::new);
        Self { policy, leases }
    }

    /// The policy it obeys.
    #[must_use]
    pub const fn policy(&self) -> &Dhcp4Policy {
        &self.policy
    }

    /// Takes one datagram. There is at most one reply and always a note; no input makes it panic.
    pub fn on_datagram(&mut self, now: Moment, datagram: &Datagram<'_>) -> Vec<Action> {
        let source = datagram.source;
        let note = |client, event| Action::Note(Note { source, client, event });
        let message = match Message::decode(datagram.bytes) {
            Ok(message) => message,
            Err(error) => return vec![note(None, Event::Ignored(error.into()))],
        };
        let client = Some((message.hardware, message.transaction));
        let request = match Request::new(message) {
            Ok(request) => request,
            Err(ignored) => return vec![note(client, Event::Ignored(ignored))],
        };
        let (reply, event) = match self.decide(now, &request, source) {
            Ok(Decision::Answer(reply, event)) => (reply, event),
            Ok(Decision::Silent(event)) => return vec![note(client, event)],
            Err(ignored) => return vec![note(client, Event::Ignored(ignored))],
        };
        match compose(&self.policy, &request, reply) {
            Ok(composed) => {
                let destination = self.destination(&request, source, reply);
                let mut actions = vec![Action::Send { destination, bytes: composed.bytes }, note(client, event)];
                actions.extend(composed.shortened.map(|event| note(client, event)));
                actions
            }
            Err(ignored) => vec![note(client, Event::Ignored(ignored))],
        }
    }

    fn decide(&mut self, now: Moment, request: &Request, source: SocketAddrV4) -> Result<Decision, Ignored> {
        match request.kind {
            MessageType::Discover => self.discover(now, request),
            MessageType::Request => self.request(now, request),
            MessageType::Decline => self.decline(now, request),
            MessageType::Release => self.release(now, request),
            MessageType::Inform => self.inform(request, source),
            MessageType::Offer | MessageType::Ack | MessageType::Nak => Err(Ignored::NotFromClient),
        }
    }

    /// RFC 2131 §4.3.1.
    fn discover(&mut self, now: Moment, request: &Request) -> Result<Decision, Ignored> {
        let reserved = self.subnet_for(request)?.reserved_for(&request.message.hardware);
        let from_pool = || self.leases.as_mut()?.offer(&request.client, request.requested(), now);
        let address = reserved.or_else(from_pool).ok_or(Ignored::PoolExhausted)?;
        Ok(Decision::Answer(Reply::Offer(address), Event::Offered(address)))
    }

    /// RFC 2131 §4.3.2: which of the four kinds of DHCPREQUEST it is follows from three fields.
    fn request(&mut self, now: Moment, request: &Request) -> Result<Decision, Ignored> {
        self.meant_for_us(now, request)?;
        match (request.server(), request.current(), request.requested()) {
            // SELECTING (RFC 2131 table 5: whatever `ciaddr` says counts as 0): the client takes our offer. Whatever cannot be granted is refused, so that it starts again.
            (Some(_), _, Some(address)) => self.grant(now, request, address, Unknown::Refuse),
            // RENEWING and REBINDING: the client has its address and is believed, unless someone else has it.
            (_, Some(address), _) => self.grant(now, request, address, Unknown::Silent),
            // INIT-REBOOT: the client remembers an address. Without a record of the client a server must be silent.
            (None, None, Some(address)) => self.reboot(now, request, address),
            (_, None, None) => Err(Ignored::AddressMissing(request.kind)),
        }
    }

    fn reboot(&mut self, now: Moment, request: &Request, address: Ipv4Addr) -> Result<Decision, Ignored> {
        let subnet = self.subnet_for(request)?;
        let recorded = subnet
            .reserved_for(&request.message.hardware)
            .or_else(|| self.leases.as_ref()?.address_of(&request.client));
        // RFC 2131 §4.3.2: an address of another network is refused even to a stranger.
        if subnet.network().contains(address) && recorded.is_none() {
            return Err(Ignored::NoRecord(address));
        }
        if recorded != Some(address) {
            return Ok(refuse(address));
        }
        self.grant(now, request, address, Unknown::Refuse)
    }

    fn grant(
        &mut self,
        now: Moment,
        request: &Request,
        address: Ipv4Addr,
        unknown: Unknown,
    ) -> Result<Decision, Ignored> {
        let subnet = self.subnet_for(request)?;
        // RFC 2131 §4.3.2: an address of another network is always refused.
        if !subnet.network().contains(address) {
            return Ok(refuse(address));
        }
        let seconds = subnet.lease_seconds();
        let lent = match subnet.reserved_for(&request.message.hardware) {
            Some(reserved) if reserved == address => Lent::Yes,
            // A reservation made after the client got its address: it has to move.
            Some(_) => Lent::Taken,
            None => {
                self.leases.as_mut().map_or(Lent::NotOurs, |leases| leases.lend(&request.client, address, now, seconds))
            }
        };
        match (lent, unknown) {
            (Lent::Yes, _) => Ok(Decision::Answer(Reply::Grant(address), Event::Granted(address))),
            (Lent::Taken, _) | (Lent::NotOurs, Unknown::Refuse) => Ok(refuse(address)),
            (Lent::NotOurs, Unknown::Silent) => Err(Ignored::NoRecord(address)),
        }
    }

    /// RFC 2131 §4.3.3.
    fn decline(&mut self, now: Moment, request: &Request) -> Result<Decision, Ignored> {
        self.meant_for_us(now, request)?;
        let address = request.requested().ok_or(Ignored::AddressMissing(request.kind))?;
        let reserved = self.subnet_for(request)?.reserved_for(&request.message.hardware) == Some(address);
        let theirs = |leases: &mut Leases| leases.decline(&request.client, address, now);
        if !reserved && !self.leases.as_mut().is_some_and(theirs) {
            return Err(Ignored::NoRecord(address));
        }
        Ok(Decision::Silent(Event::Declined(address)))
    }

    /// RFC 2131 §4.3.4.
    fn release(&mut self, now: Moment, request: &Request) -> Result<Decision, Ignored> {
        self.meant_for_us(now, request)?;
        let address = request.current().ok_or(Ignored::AddressMissing(request.kind))?;
        let reserved = self.subnet_for(request)?.reserved_for(&request.message.hardware) == Some(address);
        let theirs = |leases: &mut Leases| leases.release(&request.client, address, now);
        if !reserved && !self.leases.as_mut().is_some_and(theirs) {
            return Err(Ignored::NoRecord(address));
        }
        Ok(Decision::Silent(Event::Released(address)))
    }

    /// RFC 2131 §3.1 step 4: a message that names another server also declines our offer.
    fn meant_for_us(&mut self, now: Moment, request: &Request) -> Result<(), Ignored> {
        match request.server() {
            Some(other) if other != self.policy.server_identifier() => {
                if let Some(leases) = self.leases.as_mut() {
                    leases.withdraw_offer(&request.client, now);
                }
                Err(Ignored::OtherServer(other))
            }
            _ => Ok(()),
        }
    }

    /// The subnet, provided the client is in it: a relay agent's address names the network it relays for.
    fn subnet_for(&self, request: &Request) -> Result<&Subnet, Ignored> {
        let subnet = self.policy.subnet().ok_or(Ignored::NoSubnet)?;
        match request.relay() {
            Some(relay) if !subnet.network().contains(relay) => {
                Err(Ignored::OtherNetwork { relay, network: subnet.network() })
            }
            _ => Ok(subnet),
        }
    }

    /// RFC 2131 §4.3.5. `ciaddr` is whatever the sender likes: without a check this server would send a long answer to
    /// anybody whom a short message names.
    fn inform(&self, request: &Request, source: SocketAddrV4) -> Result<Decision, Ignored> {
        let numbered = Some(*source.ip()).filter(|address| !address.is_unspecified());
        let address = request.current().or(numbered).ok_or(Ignored::AddressMissing(request.kind))?;
        let answered = request.relay().unwrap_or(address);
        let known = match self.policy.subnet() {
            Some(subnet) => subnet.network().contains(answered),
            // Without a subnet only the sender itself is answered.
            None => numbered == Some(answered),
        };
        if known {
            Ok(Decision::Answer(Reply::Inform, Event::Informed(address)))
        } else {
            Err(Ignored::Elsewhere { address: answered })
        }
    }

    /// RFC 2131 §4.1: to the relay agent, else to the client's address, else broadcast.
    fn destination(&self, request: &Request, source: SocketAddrV4, reply: Reply) -> SocketAddrV4 {
        if let Some(relay) = request.relay() {
            return SocketAddrV4::new(relay, SERVER_PORT);
        }
        let numbered = Some(*source.ip()).filter(|address| !address.is_unspecified());
        match self.policy.client_port() {
            ClientPort::Source => SocketAddrV4::new(numbered.unwrap_or(Ipv4Addr::BROADCAST), source.port()),
            ClientPort::Fixed(port) => {
                let address = match reply {
                    // A client that is refused may not use its address any more.
                    Reply::Refuse => None,
                    Reply::Inform => request.current().or(numbered),
                    // RFC 2131 table 5: in DHCPDISCOVER and in SELECTING `ciaddr` is 0; what else it says is ignored.
                    Reply::Offer(_) => None,
                    Reply::Grant(_) if request.server().is_some() => None,
                    Reply::Grant(_) => request.current(),
                };
                // The un-numbered client, with the broadcast flag or without: see the module's documentation.
                SocketAddrV4::new(address.unwrap_or(Ipv4Addr::BROADCAST), port)
            }
        }
    }
}

/// What becomes of a request for an address of the network that this server does not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unknown {
    /// The client chose us, so it is told to start again.
    Refuse,
    /// Another server may have lent it.
    Silent,
}

const fn refuse(address: Ipv4Addr) -> Decision {
    Decision::Answer(Reply::Refuse, Event::Refused(address))
}

/// Where relay agents and servers listen.
const SERVER_PORT: u16 = 67;
