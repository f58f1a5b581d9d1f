//! An address of our own (RFC 8415 §18.2.1, §18.2.2): Solicit, Advertise, Request, Reply, or the first and last of these.
//!
//! As with DHCPv4, each attempt asks anew and nothing is given back. Which prefix is on the link, and which router leads
//! elsewhere, routers tell the kernel (RFC 4861), and are asked to.

use std::{io, time::Duration};

use dhcp::v6::{IdentityAssociation, LeasedAddress, Message, MessageType, OptionCode};

use super::{
    Place,
    messages::{Asker, server_identifier},
    port::LinkPort,
    routers,
};
use crate::{
    link::{InterfaceAddress, Lifetimes},
    sources::gathering::{Patience, Port, gather},
};

/// Most servers that are asked in turn, when they do not give what they advertised.
const SERVERS: usize = 3;

/// Most addresses of one association that are used.
const ADDRESSES: usize = 4;

/// How long the kernel may take to see that nobody else has an address.
const DETECTION: Duration = Duration::from_secs(3);

/// Sets the interface up. Gives the reply and then the advertisements that were not taken, whose lists are tried as well.
pub(super) fn ask(asker: &Asker<'_>, place: &Place, notes: &mut Vec<String>) -> io::Result<Vec<Message>> {
    let mut port = LinkPort::open(place.address, place.interface.index)?;
    let (answers, given) = exchange(asker, &mut port)?;
    // Not before: of a link that came up in this moment, what is sent first is lost.
    if let Err(error) = routers::solicit(place) {
        notes.push(format!("{} does not ask for routers: {error}", place.interface.name));
    }
    match given {
        Some(given) => set_up(place, &given, notes)?,
        // Whoever named servers is heard all the same.
        None if answers.is_empty() => {}
        None => notes.push(format!("{} gets no address: no DHCPv6 server gives one", place.interface.name)),
    }
    Ok(answers)
}

/// The reply and what it gives, then the advertisements that were not taken.
fn exchange(
    asker: &Asker<'_>,
    port: &mut impl Port<Message = Message>,
) -> io::Result<(Vec<Message>, Option<IdentityAssociation>)> {
    let is_offer = |it: &Message| {
        let rapid = || it.options.all(OptionCode::RAPID_COMMIT).next().is_some();
        asker.is_answer(it, MessageType::Advertise) || (asker.is_answer(it, MessageType::Reply) && rapid())
    };
    let patience = asker.settings.patience();
    let mut offers = gather(port, |elapsed| asker.solicit(elapsed), patience, is_offer)?;
    offers.sort_by_key(rank);
    let usable: Vec<_> =
        (0..offers.len()).filter(|at| offers.get(*at).is_some_and(|it| association(asker, it).is_some())).collect();
    for at in usable.into_iter().take(SERVERS) {
        let Some(offer) = offers.get(at) else { continue };
        let (Some(wish), Some(server)) = (association(asker, offer), server_identifier(offer)) else { continue };
        let reply = if offer.kind == MessageType::Reply {
            Some(offer.clone())
        } else {
            let is_reply =
                |it: &Message| asker.is_answer(it, MessageType::Reply) && server_identifier(it) == Some(server);
            let question = |elapsed| asker.request(server, &wish, elapsed);
            let patience = Patience { others: Duration::ZERO, ..patience };
            gather(port, question, patience, is_reply)?.into_iter().next()
        };
        let Some((mut reply, given)) = reply.and_then(|it| association(asker, &it).map(|given| (it, given))) else {
            continue;
        };
        let offer = offers.remove(at);
        // What was advertised and is not repeated still stands.
        if let (Ok(None), Ok(Some(list))) =
            (reply.options.single(OptionCode::SZTP_REDIRECT), offer.options.single(OptionCode::SZTP_REDIRECT))
        {
            reply.options.insert(OptionCode::SZTP_REDIRECT, list).map_err(io::Error::other)?;
        }
        return Ok((std::iter::once(reply).chain(offers).collect(), Some(given)));
    }
    Ok((offers, None))
}

/// What is given, without addresses that a host cannot have.
fn association(asker: &Asker<'_>, message: &Message) -> Option<IdentityAssociation> {
    asker.association(message).filter(|it| it.addresses().any(|leased| is_usable(&leased)))
}

/// The lower, the better: a server that has given already, then one that knows where to go on, then its own preference
/// (RFC 8415 §18.2.9).
fn rank(offer: &Message) -> (u8, u8, u8) {
    let preference = match offer.options.single(OptionCode::PREFERENCE) {
        Ok(Some([preference])) => *preference,
        _ => 0,
    };
    let without_list = offer.options.all(OptionCode::SZTP_REDIRECT).next().is_none();
    (u8::from(offer.kind != MessageType::Reply), u8::from(without_list), u8::MAX.saturating_sub(preference))
}

fn is_usable(leased: &LeasedAddress) -> bool {
    let LeasedAddress { address, preferred, valid } = leased;
    let is_host = !address.is_unspecified() && !address.is_loopback() && !address.is_multicast();
    // RFC 8415 §21.6: an address that is preferred for longer than it is valid is discarded.
    is_host && !address.is_unicast_link_local() && *valid > 0 && preferred <= valid
}

fn set_up(place: &Place, given: &IdentityAssociation, notes: &mut Vec<String>) -> io::Result<()> {
    /// RFC 8415 §18.2.10.1: what else is on the link, an address does not tell.
    const ALONE: u8 = 128;
    let given: Vec<_> = given.addresses().filter(is_usable).take(ADDRESSES).collect();
    // What an earlier lease gave is nobody's any more, and may be nearer to the server than what is given now (RFC 6724 §5, rule 8). What routers
    // let a host make itself (RFC 4862) has a prefix.
    let is_given = |it: &InterfaceAddress| given.iter().any(|leased| it.address == leased.address);
    place.interface.take_away(|it| it.address.is_ipv6() && it.prefix == ALONE && !it.is_permanent && !is_given(it))?;
    for LeasedAddress { address, preferred, valid } in given {
        place.interface.give(address.into(), ALONE, Lifetimes { preferred, valid })?;
        notes.push(format!("{} has {address}/{ALONE}, for {valid} seconds", place.interface.name));
    }
    place.interface.settle(DETECTION)
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, thread};

    use dhcp::v6::{Options, TransactionId};
    use pki::identity::SerialNumber;

    use super::{super::Settings, *};

    /// Servers by their DUID, each with the list of its advertisement, and whether its reply has an address.
    struct Servers {
        all: Vec<(u8, Option<&'static [u8]>, bool)>,
        said: VecDeque<Message>,
        asked: Vec<MessageType>,
    }

    impl Port for Servers {
        type Message = Message;

        fn send(&mut self, message: &Message) -> io::Result<()> {
            self.asked.push(message.kind);
            let chosen = server_identifier(message).map(<[u8]>::to_vec);
            for (number, list, gives) in
                self.all.iter().filter(|it| chosen.as_ref().is_none_or(|chosen| *chosen == [it.0]))
            {
                let mut options = Options::new();
                let client = message.options.single(OptionCode::CLIENT_IDENTIFIER).unwrap().unwrap();
                options.insert(OptionCode::CLIENT_IDENTIFIER, client).unwrap();
                options.insert(OptionCode::SERVER_IDENTIFIER, [*number]).unwrap();
                let wish = message.options.single(OptionCode::IA_NA).unwrap().unwrap();
                let mut association = IdentityAssociation::decode(wish).unwrap();
                association.options = Options::new();
                if chosen.is_none() || *gives {
                    let address = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(*number));
                    let leased = LeasedAddress { address, preferred: 10, valid: 20 };
                    association.options.insert(OptionCode::IA_ADDRESS, leased.encode()).unwrap();
                }
                options.insert(OptionCode::IA_NA, association.encode()).unwrap();
                if let (None, Some(list)) = (&chosen, list) {
                    options.insert(OptionCode::SZTP_REDIRECT, *list).unwrap();
                }
                let kind = if chosen.is_some() { MessageType::Reply } else { MessageType::Advertise };
                self.said.push_back(Message { kind, transaction: message.transaction, options });
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

    #[test]
    fn dhc_03_the_server_with_a_list_is_asked_first_and_the_next_where_it_gives_nothing() {
        let gather = Duration::from_millis(20);
        let settings = Settings { timeout: Duration::from_millis(100), gather, ..Settings::default() };
        let asker = Asker::new(&settings, &SerialNumber::new("SN-1").unwrap(), TransactionId([1, 2, 3]));
        let lists = |answers: &[Message]| -> Vec<Vec<u8>> {
            let all = answers.iter().map(|it| it.options.all(OptionCode::SZTP_REDIRECT).flatten().copied().collect());
            all.collect()
        };
        let mut servers = Servers {
            all: vec![(1, None, true), (2, Some(b"two"), false), (3, Some(b"three"), true)],
            said: VecDeque::new(),
            asked: Vec::new(),
        };
        let (answers, given) = exchange(&asker, &mut servers).unwrap();
        // What was advertised and is not repeated still stands.
        assert_eq!(lists(&answers), [&b"three"[..], b"two", b""]);
        let given = given.unwrap().addresses().next().unwrap().address;
        assert_eq!(given, "2001:db8::3".parse::<std::net::Ipv6Addr>().unwrap());
        assert_eq!(servers.asked, [MessageType::Solicit, MessageType::Request, MessageType::Request]);

        servers.all = vec![(2, Some(b"two"), false)];
        let (answers, given) = exchange(&asker, &mut servers).unwrap();
        assert_eq!((lists(&answers), given), (vec![b"two".to_vec()], None));
    }

    fn offer(kind: MessageType, options: &[u8]) -> Message {
        Message { kind, transaction: TransactionId([0; 3]), options: Options::decode(options).unwrap() }
    }

    #[test]
    fn who_knows_where_to_go_on_comes_before_who_is_preferred() {
        let given = offer(MessageType::Reply, b"\0\x0e\0\0");
        let knows = offer(MessageType::Advertise, b"\0\x88\0\0");
        let preferred = offer(MessageType::Advertise, b"\0\x07\0\x01\xff");
        let plain = offer(MessageType::Advertise, b"\0\x07\0\x02\xff\xff");
        let mut offers = [plain.clone(), preferred.clone(), knows.clone(), given.clone()];
        offers.sort_by_key(rank);
        assert_eq!(offers, [given, knows, preferred, plain]);
    }

    #[test]
    fn addresses_that_no_host_can_have_are_not_used() {
        let leased = |address: &str, preferred, valid| {
            is_usable(&LeasedAddress { address: address.parse().unwrap(), preferred, valid })
        };
        assert!(leased("2001:db8::5", 10, 20) && leased("fd00::1", 0, u32::MAX));
        for address in ["::", "::1", "ff02::1", "fe80::1"] {
            assert!(!leased(address, 10, 20), "{address}");
        }
        assert!(!leased("2001:db8::5", 21, 20) && !leased("2001:db8::5", 0, 0));
    }
}
