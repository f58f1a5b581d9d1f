//! Questions: what is asked, and how it is written (RFC 1035 §4.1.2).

use conveyed_info::discovery::dns::Name;

/// Octets of a UDP answer that are asked for: what passes every path without fragments (RFC 6891 §6.2.5).
pub const UDP_SIZE: u16 = 1232;

/// The class of the Internet (RFC 1035 §3.2.4).
pub(super) const INTERNET: u16 = 1;

/// The highest bit of a class. In a question of multicast DNS it asks for an answer by unicast, in a record it says that
/// the sender knows all records of the name (RFC 6762 §5.4, §10.2). Nowhere else does it mean anything.
pub(super) const TOP_BIT: u16 = 0x8000;

pub(super) const TYPE_A: u16 = 1;
pub(super) const TYPE_CNAME: u16 = 5;
pub(super) const TYPE_TXT: u16 = 16;
pub(super) const TYPE_AAAA: u16 = 28;
pub(super) const TYPE_SRV: u16 = 33;
pub(super) const TYPE_OPT: u16 = 41;

/// Asks the server to find out what it does not know itself (RFC 1035 §4.1.1).
const FLAG_RECURSION_DESIRED: u16 = 0x0100;

/// The kinds of record that a device asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An IPv4 address (RFC 1035 §3.4.1).
    A,
    /// An IPv6 address (RFC 3596 §2.1).
    Aaaa,
    /// Artifacts for this device (RFC 8572 §4.2.2).
    Txt,
    /// Bootstrap servers (RFC 8572 §4.2.3, RFC 2782).
    Srv,
}

impl Kind {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::A => TYPE_A,
            Self::Aaaa => TYPE_AAAA,
            Self::Txt => TYPE_TXT,
            Self::Srv => TYPE_SRV,
        }
    }
}

/// What is asked: the records of one kind under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: Name,
    /// The kind.
    pub kind: Kind,
}

/// How a question is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// By a resolver, which may send [`UDP_SIZE`] octets (RFC 6891).
    Resolver,
    /// By a resolver that knows no extensions, and sends 512 octets at most (RFC 1035 §4.2.1).
    PlainResolver,
    /// By everybody on the link, to the group (RFC 6762 §5.2).
    Multicast,
    /// By everybody on the link, to the asker alone if that will do (RFC 6762 §5.4).
    MulticastUnicastReply,
}

impl Question {
    /// A question.
    #[must_use]
    pub const fn new(name: Name, kind: Kind) -> Self {
        Self { name, kind }
    }

    /// The message that asks it.
    #[must_use]
    pub fn encode(&self, id: u16, manner: Manner) -> Vec<u8> {
        // RFC 6762 §18.6: multicast knows no recursion.
        let (flags, class, additional) = match manner {
            Manner::Resolver => (FLAG_RECURSION_DESIRED, INTERNET, 1),
            Manner::PlainResolver => (FLAG_RECURSION_DESIRED, INTERNET, 0),
            Manner::Multicast => (0, INTERNET, 0),
            Manner::MulticastUnicastReply => (0, INTERNET | TOP_BIT, 0),
        };
        let mut message: Vec<u8> = [id, flags, 1, 0, 0, additional].into_iter().flat_map(u16::to_be_bytes).collect();
        message.extend(self.name.to_wire());
        message.extend([self.kind.number(), class].into_iter().flat_map(u16::to_be_bytes));
        if additional > 0 {
            // RFC 6891 §6.1.2: the root's name, the size in place of the class, version 0, no options.
            message.push(0);
            message.extend([TYPE_OPT, UDP_SIZE, 0, 0, 0].into_iter().flat_map(u16::to_be_bytes));
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::testing::question;

    #[test]
    fn a_question_for_a_resolver_says_how_much_may_come_back() {
        let message = question("sn-1._sztp.example.net", Kind::Txt).encode(0x1234, Manner::Resolver);
        let mut expected =
            b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\x01\x04sn-1\x05_sztp\x07example\x03net\0\0\x10\0\x01".to_vec();
        expected.extend(b"\0\0\x29\x04\xd0\0\0\0\0\0\0");
        assert_eq!(message, expected);
        let plain = question("x", Kind::Srv).encode(7, Manner::PlainResolver);
        assert_eq!(plain, b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01x\0\0\x21\0\x01");
    }

    /// RFC 6762 §18: neither recursion nor extensions, and the highest bit of the class asks for unicast.
    #[test]
    fn a_question_for_the_link_asks_for_no_recursion() {
        let message = question("x.local", Kind::A).encode(0, Manner::MulticastUnicastReply);
        assert_eq!(message, b"\0\0\0\0\0\x01\0\0\0\0\0\0\x01x\x05local\0\0\x01\x80\x01");
        let message = question("x.local", Kind::Aaaa).encode(0, Manner::Multicast);
        assert!(message.ends_with(b"\0\x1c\0\x01"));
    }
}
