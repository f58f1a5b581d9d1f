//! What a device says to DHCPv6 servers, and which answers are for it.

use std::time::Duration;

use dhcp::v6::{
    IdentityAssociation, Message, MessageType, OptionCode, OptionRequest, Options, StatusCode, TransactionId,
    ValueTooLong,
};
use pki::{digest::sha256, identity::SerialNumber};

use super::Settings;

/// Who asks, in one exchange.
#[derive(Clone, Debug)]
pub(super) struct Asker<'a> {
    pub(super) settings: &'a Settings,
    identifier: Vec<u8>,
    transaction: TransactionId,
}

/// The device's own number for the one association it asks for.
const IAID: u32 = 1;

impl<'a> Asker<'a> {
    pub(super) fn new(settings: &'a Settings, serial_number: &SerialNumber, transaction: TransactionId) -> Self {
        Self { settings, identifier: client_identifier(serial_number), transaction }
    }

    /// RFC 8415 §18.2.6: everything but an address.
    pub(super) fn information_request(&self, elapsed: Duration) -> Message {
        let wanted = [OptionCode::INFORMATION_REFRESH_TIME, OptionCode::INF_MAX_RT];
        self.message(MessageType::InformationRequest, elapsed, &wanted, [])
    }

    /// RFC 8415 §18.2.1: who is there, and would give an address, at once if it will?
    pub(super) fn solicit(&self, elapsed: Duration) -> Message {
        let wish = IdentityAssociation::new(IAID).encode();
        let options = [(OptionCode::IA_NA, wish), (OptionCode::RAPID_COMMIT, Vec::new())];
        self.message(MessageType::Solicit, elapsed, &[OptionCode::SOL_MAX_RT], options)
    }

    /// RFC 8415 §18.2.2: what this server advertised is taken.
    pub(super) fn request(&self, server: &[u8], association: &IdentityAssociation, elapsed: Duration) -> Message {
        let options = [(OptionCode::SERVER_IDENTIFIER, server.to_vec()), (OptionCode::IA_NA, association.encode())];
        self.message(MessageType::Request, elapsed, &[OptionCode::SOL_MAX_RT], options)
    }

    fn message<const N: usize>(
        &self,
        kind: MessageType,
        elapsed: Duration,
        wanted: &[OptionCode],
        more: [(OptionCode, Vec<u8>); N],
    ) -> Message {
        // RFC 8572 §8.2 (DHC-08), and DNS-16.
        let usual = [OptionCode::SZTP_REDIRECT, OptionCode::DNS_SERVERS, OptionCode::DOMAIN_LIST];
        let wanted = OptionRequest(usual.into_iter().chain(wanted.iter().copied()).collect());
        // RFC 8415 §21.9: in hundredths of a second.
        let elapsed = u16::try_from(elapsed.as_millis() / 10).unwrap_or(u16::MAX);
        let usual = [
            (OptionCode::CLIENT_IDENTIFIER, self.identifier.clone()),
            (OptionCode::ELAPSED_TIME, elapsed.to_be_bytes().to_vec()),
            (OptionCode::OPTION_REQUEST, wanted.encode()),
        ];
        let class = self.settings.user_class.as_ref().and_then(|class| {
            let length = u16::try_from(class.len()).ok()?;
            Some((OptionCode::USER_CLASS, [&length.to_be_bytes(), class.as_bytes()].concat()))
        });
        let mut options = Options::new();
        for (code, value) in usual.into_iter().chain(more).chain(class) {
            // Too long can only be a user class of 65,534 octets, and nobody is served by a part of one.
            let _: Result<(), ValueTooLong> = options.insert(code, value);
        }
        Message { kind, transaction: self.transaction, options }
    }

    /// Whether this is a server's answer to this very exchange (RFC 8415 §16.3, §16.10), and a good one.
    pub(super) fn is_answer(&self, message: &Message, kind: MessageType) -> bool {
        let options = &message.options;
        message.kind == kind
            && message.transaction == self.transaction
            && options.single(OptionCode::CLIENT_IDENTIFIER) == Ok(Some(&self.identifier))
            && server_identifier(message).is_some()
            && StatusCode::of(options) == Ok(StatusCode::SUCCESS)
    }

    /// What a server gives under our number, where that is any address.
    pub(super) fn association(&self, message: &Message) -> Option<IdentityAssociation> {
        let all = message.options.all(OptionCode::IA_NA);
        all.filter_map(|value| IdentityAssociation::decode(value).ok()).find(|it| {
            let good = StatusCode::of(&it.options) == Ok(StatusCode::SUCCESS);
            it.iaid == IAID && good && it.addresses().next().is_some()
        })
    }
}

/// The server's DUID.
pub(super) fn server_identifier(message: &Message) -> Option<&[u8]> {
    message.options.single(OptionCode::SERVER_IDENTIFIER).ok().flatten().filter(|it| !it.is_empty())
}

/// The server's DUID as people read it, as far as it is of any length that people read.
pub(super) fn server_of(message: &Message) -> String {
    const SHOWN: usize = 20;
    let octets = server_identifier(message).unwrap_or_default().iter().take(SHOWN);
    octets.map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
}

/// A DUID of type 4 (RFC 6355): a UUID that is the same in every boot and does not name the device, since anybody on the link
/// reads it (RFC 8572 §9.6 spares the serial number likewise).
fn client_identifier(serial_number: &SerialNumber) -> Vec<u8> {
    const UUID: [u8; 2] = [0, 4];
    let digest = sha256(format!("DHCPv6 {}", serial_number.as_str()).as_bytes()).0;
    let mut identifier = UUID.to_vec();
    identifier.extend(digest.into_iter().take(16).enumerate().map(|(at, octet)| match at {
        // RFC 9562 §5.8: a UUID of one's own making.
        6 => octet & 0x0f | 0x80,
        8 => octet & 0x3f | 0x80,
        _ => octet,
    }));
    identifier
}

#[cfg(test)]
mod tests {
    use dhcp::v6::LeasedAddress;

    use super::*;

    fn asker(settings: &Settings) -> Asker<'_> {
        Asker::new(settings, &SerialNumber::new("SN-1").unwrap(), TransactionId([1, 2, 3]))
    }

    fn answer(asker: &Asker<'_>) -> Message {
        let mut options = Options::new();
        options.insert(OptionCode::CLIENT_IDENTIFIER, asker.identifier.clone()).unwrap();
        options.insert(OptionCode::SERVER_IDENTIFIER, [9; 10]).unwrap();
        Message { kind: MessageType::Reply, transaction: asker.transaction, options }
    }

    #[test]
    fn dhc_08_every_question_asks_for_option_136() {
        let settings = Settings { user_class: Some("lab".to_owned()), ..Settings::default() };
        let asker = asker(&settings);
        let association = IdentityAssociation::new(IAID);
        let elapsed = Duration::from_millis(1500);
        let questions = [
            asker.information_request(elapsed),
            asker.solicit(elapsed),
            asker.request(b"server", &association, elapsed),
        ];
        for question in questions {
            let wanted = question.options.single(OptionCode::OPTION_REQUEST).unwrap().unwrap();
            assert!(OptionRequest::decode(wanted).unwrap().contains(OptionCode::SZTP_REDIRECT));
            assert_eq!(question.options.single(OptionCode::ELAPSED_TIME), Ok(Some(&[0, 150][..])));
            assert_eq!(question.options.single(OptionCode::USER_CLASS), Ok(Some(&b"\0\x03lab"[..])));
            assert_eq!(Message::decode(&question.encode()), Ok(question.clone()));
            assert!(!question.encode().windows(4).any(|window| window == b"SN-1"), "nobody learns the serial number");
        }
        assert_eq!(asker.identifier.len(), 18);
        assert_ne!(asker.identifier, client_identifier(&SerialNumber::new("SN-2").unwrap()));
    }

    #[test]
    fn only_good_answers_to_this_exchange_count() {
        let settings = Settings::default();
        let asker = asker(&settings);
        assert!(asker.is_answer(&answer(&asker), MessageType::Reply));
        assert!(!asker.is_answer(&answer(&asker), MessageType::Advertise));
        let others: [fn(&mut Message); 5] = [
            |it| it.transaction = TransactionId([1, 2, 4]),
            |it| it.options.insert(OptionCode::CLIENT_IDENTIFIER, [1]).unwrap(),
            |it| it.options.insert(OptionCode::SERVER_IDENTIFIER, []).unwrap(),
            |it| it.options.insert(OptionCode::STATUS_CODE, [0, 1]).unwrap(),
            |it| it.options = Options::new(),
        ];
        for other in others {
            let mut answer = answer(&asker);
            other(&mut answer);
            assert!(!asker.is_answer(&answer, MessageType::Reply));
        }
    }

    #[test]
    fn an_association_counts_with_our_number_an_address_and_no_failure() {
        let settings = Settings::default();
        let asker = asker(&settings);
        let with = |iaid, status: u8, addresses: usize| {
            let mut association = IdentityAssociation::new(iaid);
            let leased = LeasedAddress { address: "2001:db8::5".parse().unwrap(), preferred: 1, valid: 2 };
            if addresses > 0 {
                association.options.insert(OptionCode::IA_ADDRESS, leased.encode()).unwrap();
            }
            association.options.insert(OptionCode::STATUS_CODE, [0, status]).unwrap();
            let mut answer = answer(&asker);
            answer.options.insert(OptionCode::IA_NA, association.encode()).unwrap();
            asker.association(&answer).is_some()
        };
        assert!(with(IAID, 0, 1));
        assert!(!with(IAID + 1, 0, 1) && !with(IAID, 2, 1) && !with(IAID, 0, 0));
        assert_eq!(asker.association(&answer(&asker)), None);
    }
}
