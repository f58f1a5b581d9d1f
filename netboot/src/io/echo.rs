//! ICMP echo (RFC 792): a question whether anybody has an address, and its answer.

use std::net::Ipv4Addr;

use linux_sys::udp::checksum;

/// What is said in a question, and again in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Echo {
    /// Whose question it is.
    pub(super) identifier: u16,
    /// Which of them.
    pub(super) sequence: u16,
    /// What nobody can answer without having heard the question.
    pub(super) tag: [u8; 16],
}

/// An answer, and who gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EchoReply {
    pub(super) source: Ipv4Addr,
    pub(super) echo: Echo,
}

impl Echo {
    /// The question as an ICMP message.
    pub(super) fn to_request(self) -> Vec<u8> {
        self.encode(REQUEST)
    }

    fn encode(self, kind: u8) -> Vec<u8> {
        let with = |sum: u16| {
            let numbers = [sum, self.identifier, self.sequence].map(u16::to_be_bytes);
            [&[kind, CODE], numbers.as_flattened(), &self.tag].concat()
        };
        with(checksum(&with(0)))
    }
}

impl EchoReply {
    /// Reads an IPv4 packet; `None` for all that is no answer to a question of ours, or was damaged on its way.
    pub(super) fn read(packet: &[u8]) -> Option<Self> {
        let version_and_words = packet.first()?;
        if version_and_words >> 4 != 4 || *packet.get(PROTOCOL_AT)? != ICMP {
            return None;
        }
        let header_length = usize::from(version_and_words & 0x0f).saturating_mul(4).max(SHORTEST_HEADER);
        let source: &[u8; 4] = packet.get(SOURCE_AT..)?.first_chunk()?;
        let message = packet.get(header_length..)?;
        // Raw sockets get messages before anybody looked at their checksum.
        if checksum(message) != 0 {
            return None;
        }
        let ([kind, code, _, _], rest) = message.split_first_chunk()?;
        let (identifier, rest) = rest.split_first_chunk()?;
        let (sequence, data) = rest.split_first_chunk()?;
        if (*kind, *code) != (REPLY, CODE) {
            return None;
        }
        let echo = Echo {
            identifier: u16::from_be_bytes(*identifier),
            sequence: u16::from_be_bytes(*sequence),
            tag: data.try_into().ok()?,
        };
        Some(Self { source: Ipv4Addr::from(*source), echo })
    }
}

const REPLY: u8 = 0;
const REQUEST: u8 = 8;
const CODE: u8 = 0;
const ICMP: u8 = 1;
const PROTOCOL_AT: usize = 9;
const SOURCE_AT: usize = 12;
const SHORTEST_HEADER: usize = 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ECHO: Echo = Echo { identifier: 0x1234, sequence: 7, tag: *b"0123456789abcdef" };

    fn packet(words: u8, message: &[u8]) -> Vec<u8> {
        let mut header = vec![0; usize::from(words) * 4];
        header[0] = 0x40 | words;
        header[9] = 1;
        header[12..16].copy_from_slice(&[192, 0, 2, 9]);
        [&header, message].concat()
    }

    /// RFC 792: the octets, with a checksum that a few lines of Python worked out.
    #[test]
    fn a_request_is_these_octets() {
        let octets = [&[8, 0, 0xb6, 0x8d, 0x12, 0x34, 0, 7][..], b"0123456789abcdef"].concat();
        assert_eq!(ECHO.to_request(), octets);
    }

    #[test]
    fn an_answer_is_read_whatever_the_length_of_its_header() {
        for words in [5, 6, 15] {
            let reply = EchoReply::read(&packet(words, &ECHO.encode(REPLY))).unwrap();
            assert_eq!(reply, EchoReply { source: Ipv4Addr::new(192, 0, 2, 9), echo: ECHO });
        }
    }

    #[test]
    fn what_is_no_answer_is_none() {
        assert_eq!(EchoReply::read(&packet(5, &ECHO.to_request())), None, "a question");
        let longer = packet(5, &[&ECHO.encode(REPLY)[..], &[0, 0]].concat());
        assert_eq!(EchoReply::read(&longer), None, "somebody else's");
        let mut udp = packet(5, &ECHO.encode(REPLY));
        udp[9] = 17;
        assert_eq!(EchoReply::read(&udp), None);
        let whole = packet(5, &ECHO.encode(REPLY));
        for at in 20..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert_eq!(EchoReply::read(&damaged), None, "{at}");
            assert_eq!(EchoReply::read(&whole[..at]), None, "{at}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_can_be_read(octets in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _read = EchoReply::read(&octets);
        }
    }
}
