//! Everything but an address (RFC 8415 §18.2.6).

use std::io;

use dhcp::v6::{Message, MessageType};

use super::{Place, messages::Asker, port::LinkPort};
use crate::sources::gathering::gather;

/// Every answer on one link. The random delay and the long timers of RFC 8415 §18.2.6 are for networks of hosts that will
/// wait; a device that hears nothing goes on to its next source.
pub(super) fn exchange(asker: &Asker<'_>, place: &Place) -> io::Result<Vec<Message>> {
    let mut port = LinkPort::open(place.address, place.interface.index)?;
    let is_reply = |it: &Message| asker.is_answer(it, MessageType::Reply);
    gather(&mut port, |elapsed| asker.information_request(elapsed), asker.settings.patience(), is_reply)
}
