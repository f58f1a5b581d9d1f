//! An address of our own (RFC 2131 §4.4): DHCPDISCOVER, DHCPOFFER, DHCPREQUEST, DHCPACK, and the interface set up with it.
//!
//! Each attempt to bootstrap asks anew, with the same identifier, so that a lease is never older than the attempt: that renews it, and tells a
//! device that was carried elsewhere its new address. Leases are
//! not given back: whatever runs after this agent goes on with the address, and the kernel takes it away when its time is up.
//! Whether somebody else has the address is not probed (RFC 2131 §4.4.1 would like that); most servers do so before they offer.

use std::{
    io,
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant},
};

use dhcp::v4::{InterfaceMtu, LeaseTime, Message, MessageType, OptionCode, Routers, ServerIdentifier, SubnetMask};
use verdict::{ReasonCode, Refusal};

use super::{Settings, Surroundings, messages::Asker, name_service_of, ports::BarePort, transaction};
use crate::{
    link::{Interface, Lifetimes},
    sources::gathering::{Patience, Port, gather},
};

/// Most offers that are taken in turn, when servers refuse what they offered.
const OFFERS: usize = 3;

/// How long a cable that was plugged in may take to carry anything.
const CARRIER: Duration = Duration::from_secs(5);

/// A server without an idea of how long: an hour.
const DEFAULT_LEASE: u32 = 3600;

/// Sets an interface up. Gives the acknowledgement and then the offers that were not taken, whose lists are tried as well.
pub(super) fn ask(settings: &Settings, surroundings: &mut Surroundings<'_>) -> Result<Vec<Message>, Refusal> {
    let refuse = |detail: String| Refusal::new(ReasonCode::NoSource, detail);
    let interfaces = with_carrier(settings)?;
    let mut failure = refuse("no Ethernet interface has a carrier".to_owned());
    for interface in &interfaces {
        let mut attempt = || {
            let asker = Asker::new(settings, interface.mac, surroundings.serial_number, transaction()?);
            let answers = BarePort::open(&interface.name).and_then(|mut port| exchange(&asker, &mut port));
            let mut answers = answers.map_err(|error| refuse(format!("DHCP on {}: {error}", interface.name)))?;
            if answers.is_empty() {
                return Err(refuse(format!("no DHCP server answered on {}", interface.name)));
            }
            if let Some(lease) = answers.first().and_then(Lease::read) {
                let note = set_up(interface, &lease, settings, answers.first());
                surroundings.notes.push(note.map_err(|error| refuse(format!("{}: {error}", interface.name)))?);
                return Ok(std::mem::take(&mut answers));
            }
            Err(refuse(format!("what the DHCP server on {} gives is no address", interface.name)))
        };
        match attempt() {
            Ok(answers) => return Ok(answers),
            Err(refusal) => failure = refusal,
        }
    }
    Err(failure)
}

/// The interfaces to ask on, switched on. Waits for the first carrier.
fn with_carrier(settings: &Settings) -> Result<Vec<Interface>, Refusal> {
    for interface in settings.interfaces()?.iter().filter(|it| !it.is_up()) {
        let switched = interface.switch_on();
        switched.map_err(|error| Refusal::new(ReasonCode::NoSource, format!("{}: {error}", interface.name)))?;
    }
    let deadline = Instant::now() + CARRIER.min(settings.timeout);
    loop {
        let ready: Vec<_> = settings.interfaces()?.into_iter().filter(Interface::has_carrier).collect();
        if !ready.is_empty() || Instant::now() >= deadline {
            return Ok(ready);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The acknowledgement, then the offers that were not taken; nothing when nobody gave an address.
fn exchange(asker: &Asker<'_>, port: &mut impl Port<Message = Message>) -> io::Result<Vec<Message>> {
    let patience = asker.settings.patience();
    let is_offer = |it: &Message| asker.is_answer(it, MessageType::Offer) && server_identifier(it).is_some();
    let mut offers = gather(port, |elapsed| asker.discover(elapsed), patience, is_offer)?;
    // A server that knows where to go on comes before one that does not; the order is theirs otherwise.
    offers.sort_by_key(|offer| offer.options.bytes(OptionCode::SZTP_REDIRECT).is_none());
    for taken in 0..offers.len().min(OFFERS) {
        let Some((offer, server)) = offers.get(taken).and_then(|it| Some((it, server_identifier(it)?))) else {
            continue;
        };
        let is_end = |it: &Message| {
            let said = asker.is_answer(it, MessageType::Ack) || asker.is_answer(it, MessageType::Nak);
            said && server_identifier(it) == Some(server)
        };
        let patience = Patience { others: Duration::ZERO, ..patience };
        let question = |elapsed| asker.request(offer, server, elapsed);
        let answers = gather(port, question, patience, is_end)?;
        let granted = answers.into_iter().find(|it| asker.is_answer(it, MessageType::Ack));
        if let Some(mut granted) = granted {
            let offer = offers.remove(taken);
            // What was offered and is not repeated still stands.
            if let (None, Some(list)) =
                (granted.options.bytes(OptionCode::SZTP_REDIRECT), offer.options.bytes(OptionCode::SZTP_REDIRECT))
            {
                granted.options.insert(OptionCode::SZTP_REDIRECT, list);
            }
            return Ok(std::iter::once(granted).chain(offers).collect());
        }
    }
    Ok(Vec::new())
}

fn server_identifier(message: &Message) -> Option<ServerIdentifier> {
    message.options.value().ok().flatten()
}

/// What an acknowledgement gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lease {
    address: Ipv4Addr,
    prefix: u8,
    router: Option<Ipv4Addr>,
    mtu: Option<u16>,
    seconds: u32,
}

impl Lease {
    /// `None` when there is no address that a host can have.
    fn read(answer: &Message) -> Option<Self> {
        let address = Some(answer.your_address).filter(is_host)?;
        let mask = answer.options.value::<SubnetMask>().ok().flatten().and_then(|it| prefix(it.0));
        let routers = answer.options.value::<Routers>().ok().flatten().map(|it| it.0).unwrap_or_default();
        let mtu = answer.options.value::<InterfaceMtu>().ok().flatten().map(|it| it.0);
        let seconds = answer.options.value::<LeaseTime>().ok().flatten().map(|it| it.0);
        Some(Self {
            address,
            // Without a mask only the router is near.
            prefix: mask.unwrap_or(32),
            router: routers.into_iter().find(|it| is_host(it) && *it != address),
            mtu: mtu.filter(|it| MTU.contains(it)),
            seconds: seconds.filter(|it| *it > 0).unwrap_or(DEFAULT_LEASE),
        })
    }
}

/// What IPv6 needs at least, and what Ethernet carries at most. A server that says less would only make this device slow.
const MTU: std::ops::RangeInclusive<u16> = 1280..=9216;

fn is_host(address: &Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    (1..224).contains(&first) && !address.is_loopback()
}

/// How many bits a mask has, when they are its first ones.
fn prefix(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    let length = bits.leading_ones();
    u8::try_from(length).ok().filter(|it| bits.count_ones() == length && *it > 0)
}

/// Gives the interface what the lease says, and says so.
fn set_up(interface: &Interface, lease: &Lease, settings: &Settings, answer: Option<&Message>) -> io::Result<String> {
    let Lease { address, prefix, router, mtu, seconds } = *lease;
    if let Some(mtu) = mtu.map(u32::from).filter(|mtu| *mtu != interface.mtu) {
        interface.set_mtu(mtu)?;
    }
    // What an earlier lease gave leads nowhere any more: hosts of that network would be taken for neighbours. First, because addresses of one
    // network go with the one that was there first.
    interface.take_away(|it| it.address.is_ipv4() && it.address != address && !it.is_permanent)?;
    interface.give(address.into(), prefix, Lifetimes { preferred: seconds, valid: seconds })?;
    if let Some(router) = router {
        interface.route_by(router, address)?;
    }
    if let (Some(path), Some(answer)) = (&settings.resolv_conf, answer) {
        name_service_of(answer).write(path)?;
    }
    let way = router.map_or_else(|| "without a router".to_owned(), |router| format!("by way of {router}"));
    let time = if seconds == u32::MAX { "for ever".to_owned() } else { format!("for {seconds} seconds") };
    Ok(format!("{} has {address}/{prefix} {way}, {time}", interface.name))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use dhcp::v4::{HardwareAddress, MacAddress, Operation, TransactionId};
    use pki::identity::SerialNumber;

    use super::*;

    /// Servers that offer 192.0.2.N and grant it or not, each with the list that it puts into its offer.
    struct Servers {
        all: Vec<(u8, MessageType, Option<&'static [u8]>)>,
        said: VecDeque<Message>,
        requested: Vec<u8>,
    }

    impl Port for Servers {
        type Message = Message;

        fn send(&mut self, message: &Message) -> io::Result<()> {
            let chosen = server_identifier(message).map(|it| it.0.octets()[3]);
            self.requested.extend(chosen);
            for (number, verdict, list) in self.all.iter().filter(|it| chosen.is_none_or(|chosen| it.0 == chosen)) {
                let mut answer = answer([192, 0, 2, 100 + number]);
                answer.hardware = message.hardware;
                answer.transaction = message.transaction;
                answer.options.put(&ServerIdentifier([192, 0, 2, *number].into()));
                match (chosen, list) {
                    (Some(_), _) => answer.options.put(verdict),
                    (None, Some(list)) => {
                        answer.options.put(&MessageType::Offer);
                        answer.options.insert(OptionCode::SZTP_REDIRECT, *list);
                    }
                    (None, None) => answer.options.put(&MessageType::Offer),
                }
                self.said.push_back(answer);
            }
            Ok(())
        }

        fn receive(&mut self, at_most: Duration) -> io::Result<Option<Message>> {
            if self.said.is_empty() {
                thread::sleep(at_most);
                return Err(io::ErrorKind::TimedOut.into());
            }
            Ok(self.said.pop_front())
        }
    }

    fn lease_from(all: Vec<(u8, MessageType, Option<&'static [u8]>)>) -> (Vec<Message>, Vec<u8>) {
        let gather = Duration::from_millis(20);
        let settings = Settings { timeout: Duration::from_millis(100), gather, ..Settings::default() };
        let serial = SerialNumber::new("SN-1").unwrap();
        let asker = Asker::new(&settings, Some(MacAddress([2; 6])), &serial, TransactionId(7));
        let mut servers = Servers { all, said: VecDeque::new(), requested: Vec::new() };
        (exchange(&asker, &mut servers).unwrap(), servers.requested)
    }

    fn option(message: &Message) -> Option<&[u8]> {
        message.options.bytes(OptionCode::SZTP_REDIRECT)
    }

    #[test]
    fn dhc_01_an_offer_with_a_list_is_taken_first_and_the_others_are_heard() {
        use MessageType::Ack;
        let (answers, requested) = lease_from(vec![(1, Ack, None), (2, Ack, Some(b"two")), (3, Ack, Some(b"three"))]);
        assert_eq!(requested, [2]);
        // The acknowledgement says nothing of the list, which was offered.
        let lists: Vec<_> = answers.iter().map(option).collect();
        assert_eq!(lists, [Some(&b"two"[..]), Some(b"three"), None]);
        assert_eq!(Lease::read(&answers[0]).unwrap().address, Ipv4Addr::new(192, 0, 2, 102));
    }

    #[test]
    fn a_server_that_refuses_what_it_offered_is_left_for_the_next_and_none_is_asked_for_ever() {
        use MessageType::{Ack, Nak};
        let (answers, requested) = lease_from(vec![(1, Nak, Some(b"one")), (2, Ack, None)]);
        assert_eq!(requested, [1, 2]);
        assert_eq!(answers.iter().map(option).collect::<Vec<_>>(), [None, Some(&b"one"[..])]);
        let (answers, requested) = lease_from((1..8).map(|number| (number, Nak, None)).collect());
        assert_eq!((answers.len(), requested.as_slice()), (0, &[1, 2, 3][..]));
        assert_eq!(lease_from(Vec::new()), (vec![], vec![]));
    }

    fn answer(address: [u8; 4]) -> Message {
        let mut answer = Message::new(Operation::Reply, HardwareAddress::ethernet(MacAddress([2; 6])));
        answer.your_address = address.into();
        answer
    }

    #[test]
    fn a_lease_is_what_the_answer_says() {
        let mut given = answer([192, 0, 2, 7]);
        given.options.put(&SubnetMask(Ipv4Addr::new(255, 255, 255, 0)));
        given.options.put(&Routers(vec![Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(192, 0, 2, 1)]));
        given.options.put(&InterfaceMtu(1400));
        given.options.put(&LeaseTime(600));
        let router = Some(Ipv4Addr::new(192, 0, 2, 1));
        let expected =
            Lease { address: Ipv4Addr::new(192, 0, 2, 7), prefix: 24, router, mtu: Some(1400), seconds: 600 };
        assert_eq!(Lease::read(&given), Some(expected));
    }

    #[test]
    fn what_makes_no_sense_in_a_lease_is_left_out_and_an_address_that_is_none_refused() {
        let mut odd = answer([192, 0, 2, 7]);
        odd.options.put(&SubnetMask(Ipv4Addr::new(255, 0, 255, 0)));
        odd.options.put(&Routers(vec![Ipv4Addr::BROADCAST, Ipv4Addr::new(192, 0, 2, 7)]));
        odd.options.put(&InterfaceMtu(68));
        odd.options.put(&LeaseTime(0));
        let read = Lease::read(&odd).unwrap();
        assert_eq!((read.prefix, read.router, read.mtu, read.seconds), (32, None, None, DEFAULT_LEASE));
        odd.options.insert(OptionCode::SUBNET_MASK, [255, 255]);
        assert_eq!(Lease::read(&odd).unwrap().prefix, 32);
        for address in [[0; 4], [127, 0, 0, 1], [224, 0, 0, 1], [255; 4]] {
            assert_eq!(Lease::read(&answer(address)), None, "{address:?}");
        }
        assert_eq!((prefix(Ipv4Addr::UNSPECIFIED), prefix(Ipv4Addr::BROADCAST)), (None, Some(32)));
    }
}
