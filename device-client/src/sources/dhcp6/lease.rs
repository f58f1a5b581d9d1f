//! An address of our own (RFC 8415 §18.2.1, §18.2.2): Solicit, Advertise, Request, Reply, or the first and last of these.
//!
//! As with DHCPv4, each attempt asks anew and nothing is given back. Which prefix is on the link, and which router leads
//! elsewhere, routers tell the kernel (RFC 4861).

use std::{io, time::Duration};

use dhcp::v6::{IdentityAssociation, LeasedAddress, Message, MessageType, OptionCode};

use super::{
    Place,
    messages::{Asker, server_identifier},
    port::LinkPort,
};
use crate::{
    link::Lifetimes,
    sources::gathering::{Patience, gather},
};

/// Most servers that are asked in turn, when they do not give what they advertised.
const SERVERS: usize = 3;

/// Most addresses of one association that are used.
const ADDRESSES: usize = 4;

/// How long the kernel may take to see that nobody else has an address.
const DETECTION: Duration = Duration::from_secs(3);

/// Sets the interface up. Gives the reply and then the advertisements that were not taken, whose lists are tried as well.
pub(super) fn exchange(asker: &Asker<'_>, place: &Place, notes: &mut Vec<String>) -> io::Result<Vec<Message>> {
    let mut port = LinkPort::open(place.address, place.interface.index)?;
    let is_offer = |it: &Message| {
        let rapid = || it.options.all(OptionCode::RAPID_COMMIT).next().is_some();
        asker.is_answer(it, MessageType::Advertise) || (asker.is_answer(it, MessageType::Reply) && rapid())
    };
    let patience = asker.settings.patience();
    let mut offers = gather(&mut port, |elapsed| asker.solicit(elapsed), patience, is_offer)?;
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
            gather(&mut port, question, patience, is_reply)?.into_iter().next()
        };
        let Some((mut reply, given)) = reply.and_then(|it| association(asker, &it).map(|given| (it, given))) else {
            continue;
        };
        set_up(place, &given, notes)?;
        let offer = offers.remove(at);
        // What was advertised and is not repeated still stands.
        if let (Ok(None), Ok(Some(list))) =
            (reply.options.single(OptionCode::SZTP_REDIRECT), offer.options.single(OptionCode::SZTP_REDIRECT))
        {
            reply.options.insert(OptionCode::SZTP_REDIRECT, list).map_err(io::Error::other)?;
        }
        return Ok(std::iter::once(reply).chain(offers).collect());
    }
    // Nobody gave an address; whoever named servers is heard all the same.
    if !offers.is_empty() {
        notes.push(format!("{} gets no address: no DHCPv6 server gives one", place.interface.name));
    }
    Ok(offers)
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
    for LeasedAddress { address, preferred, valid } in given.addresses().filter(is_usable).take(ADDRESSES) {
        place.interface.give(address.into(), ALONE, Lifetimes { preferred, valid })?;
        notes.push(format!("{} has {address}/{ALONE}, for {valid} seconds", place.interface.name));
    }
    place.interface.settle(DETECTION)
}

#[cfg(test)]
mod tests {
    use dhcp::v6::{Options, TransactionId};

    use super::*;

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
