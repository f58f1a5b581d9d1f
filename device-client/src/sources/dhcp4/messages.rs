//! What a device says to DHCPv4 servers, and which answers are for it.

use std::{net::Ipv4Addr, time::Duration};

use dhcp::v4::{
    ClientIdentifier, Flags, HardwareAddress, MacAddress, MaximumMessageSize, Message, MessageType, Operation,
    OptionCode, ParameterRequestList, RequestedAddress, ServerIdentifier, TransactionId, UserClass, UserClassFraming,
    VendorClass,
};
use pki::{digest::sha256, identity::SerialNumber};

use super::Settings;

pub(super) const SERVER_PORT: u16 = 67;
pub(super) const CLIENT_PORT: u16 = 68;

/// Who asks, in one exchange.
#[derive(Clone, Debug)]
pub(super) struct Asker<'a> {
    pub(super) settings: &'a Settings,
    pub(super) hardware: HardwareAddress,
    pub(super) identifier: ClientIdentifier,
    pub(super) transaction: TransactionId,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        mac: Option<MacAddress>,
        serial_number: &SerialNumber,
        transaction: TransactionId,
    ) -> Self {
        let hardware = HardwareAddress::ethernet(mac.unwrap_or_else(|| made_up(serial_number)));
        Self { settings, hardware, identifier: client_identifier(serial_number), transaction }
    }

    /// RFC 2131 §4.4.3: who has an address asks for everything else; the server answers to that address.
    pub(super) fn inform(&self, address: Ipv4Addr, elapsed: Duration) -> Message {
        let mut message = self.message(MessageType::Inform, elapsed);
        message.client_address = address;
        message
    }

    /// RFC 2131 §4.4.1: who is there?
    pub(super) fn discover(&self, elapsed: Duration) -> Message {
        let mut message = self.message(MessageType::Discover, elapsed);
        // Without an address, unicast cannot reach this device.
        message.flags = Flags::BROADCAST;
        message
    }

    /// RFC 2131 §4.3.2: this offer is taken.
    pub(super) fn request(&self, offer: &Message, server: ServerIdentifier, elapsed: Duration) -> Message {
        let mut message = self.message(MessageType::Request, elapsed);
        message.flags = Flags::BROADCAST;
        message.options.put(&server);
        message.options.put(&RequestedAddress(offer.your_address));
        message
    }

    fn message(&self, kind: MessageType, elapsed: Duration) -> Message {
        let mut message = Message::new(Operation::Request, self.hardware);
        message.transaction = self.transaction;
        // RFC 2131 §2: relay agents may leave the first moments to servers that are nearer.
        message.seconds = u16::try_from(elapsed.as_secs()).unwrap_or(u16::MAX);
        message.options.put(&kind);
        message.options.put(&self.identifier);
        message.options.put(&wanted(kind));
        message.options.put(&MaximumMessageSize::ETHERNET);
        if let Some(class) = &self.settings.vendor_class {
            message.options.put(&VendorClass(class.clone().into_bytes()));
        }
        if let Some(class) = &self.settings.user_class {
            let classes = vec![class.clone().into_bytes()];
            message.options.put(&UserClass { classes, framing: UserClassFraming::Rfc3004 });
        }
        message
    }

    /// Whether this is an answer to this very exchange. Everything else on the link is for others.
    pub(super) fn is_answer(&self, message: &Message, kind: MessageType) -> bool {
        message.operation == Operation::Reply
            && message.transaction == self.transaction
            && message.hardware.octets() == self.hardware.octets()
            && matches!(message.options.value::<MessageType>(), Ok(Some(said)) if said == kind)
    }
}

/// RFC 8572 §8.1 (DHC-07), and DNS-16.
fn wanted(kind: MessageType) -> ParameterRequestList {
    let about_names = [OptionCode::DOMAIN_NAME_SERVERS, OptionCode::DOMAIN_NAME, OptionCode::DOMAIN_SEARCH];
    // RFC 2131 §4.4.3: whoever informs has an address, and a lease with somebody else.
    let about_address = match kind {
        MessageType::Inform => &[][..],
        _ => &[
            OptionCode::SUBNET_MASK,
            OptionCode::ROUTERS,
            OptionCode::INTERFACE_MTU,
            OptionCode::LEASE_TIME,
            OptionCode::SERVER_IDENTIFIER,
            OptionCode::RENEWAL_TIME,
            OptionCode::REBINDING_TIME,
        ],
    };
    let codes = about_address.iter().copied().chain(about_names).chain([OptionCode::SZTP_REDIRECT]);
    ParameterRequestList(codes.collect())
}

/// The same in every boot, and nothing that names the device: anybody on the link reads it (RFC 8572 §9.6 spares the
/// serial number likewise). Type 0 is an identifier that is no hardware address (RFC 2132 §9.14).
fn client_identifier(serial_number: &SerialNumber) -> ClientIdentifier {
    const LENGTH: usize = 16;
    let digest = sha256(serial_number.as_str().as_bytes()).0;
    ClientIdentifier(std::iter::once(0).chain(digest.into_iter().take(LENGTH)).collect())
}

/// For a device whose interface nobody named: a locally administered address that stays the same.
fn made_up(serial_number: &SerialNumber) -> MacAddress {
    let [a, b, c, d, e, ..] = sha256(serial_number.as_str().as_bytes()).0;
    MacAddress([0x02, a, b, c, d, e])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(settings: &Settings) -> Asker<'_> {
        let serial = SerialNumber::new("SN-1").unwrap();
        Asker::new(settings, Some(MacAddress([2, 0, 0, 0, 0, 9])), &serial, TransactionId(7))
    }

    #[test]
    fn dhc_07_every_question_asks_for_option_143() {
        let settings =
            Settings { vendor_class: Some("acme".into()), user_class: Some("lab".into()), ..Settings::default() };
        let asker = asker(&settings);
        let mut offer = Message::new(Operation::Reply, asker.hardware);
        offer.your_address = Ipv4Addr::new(192, 0, 2, 7);
        let request = asker.request(&offer, ServerIdentifier(Ipv4Addr::new(192, 0, 2, 1)), Duration::from_secs(3));
        assert_eq!(request.seconds, 3);
        assert_eq!(request.options.value(), Ok(Some(RequestedAddress(offer.your_address))));
        for message in [asker.inform(Ipv4Addr::LOCALHOST, Duration::ZERO), asker.discover(Duration::ZERO), request] {
            let wanted = message.options.value::<ParameterRequestList>().unwrap().unwrap().0;
            assert!(wanted.contains(&OptionCode::SZTP_REDIRECT));
            assert_eq!(message.options.value(), Ok(Some(VendorClass(b"acme".to_vec()))));
            assert_eq!(message.options.bytes(OptionCode::USER_CLASS), Some(&b"\x03lab"[..]));
        }
        let numbers: Vec<_> = wanted(MessageType::Discover).0.iter().map(|code| code.number()).collect();
        assert_eq!(numbers, [1, 3, 26, 51, 54, 58, 59, 6, 15, 119, 143]);
    }

    #[test]
    fn no_question_tells_the_serial_number() {
        let settings = Settings::default();
        for message in
            [asker(&settings).inform(Ipv4Addr::LOCALHOST, Duration::ZERO), asker(&settings).discover(Duration::ZERO)]
        {
            assert!(!message.encode().windows(4).any(|window| window == b"SN-1"));
        }
        let identifier = client_identifier(&SerialNumber::new("SN-1").unwrap());
        assert_eq!((identifier.0.len(), identifier.0.first()), (17, Some(&0)));
        assert_ne!(identifier, client_identifier(&SerialNumber::new("SN-2").unwrap()));
    }

    #[test]
    fn only_answers_to_this_exchange_count() {
        let settings = Settings::default();
        let asker = asker(&settings);
        let mut answer = Message::new(Operation::Reply, asker.hardware);
        answer.transaction = TransactionId(7);
        answer.options.put(&MessageType::Ack);
        assert!(asker.is_answer(&answer, MessageType::Ack));
        assert!(!asker.is_answer(&answer, MessageType::Offer));
        let others: [fn(&mut Message); 3] = [
            |it| it.transaction = TransactionId(8),
            |it| it.operation = Operation::Request,
            |it| it.hardware = HardwareAddress::ethernet(MacAddress([2, 0, 0, 0, 0, 8])),
        ];
        for other in others {
            let mut answer = answer.clone();
            other(&mut answer);
            assert!(!asker.is_answer(&answer, MessageType::Ack));
        }
    }
}
