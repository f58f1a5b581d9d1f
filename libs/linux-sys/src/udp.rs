//! A UDP datagram over IPv4 with its headers (RFC 791 §3.1, RFC 768), for sockets that carry whole packets.

use std::net::SocketAddrV4;

/// A datagram to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpPacket<'a> {
    /// Who sends it.
    pub source: SocketAddrV4,
    /// Whom it is for.
    pub destination: SocketAddrV4,
    /// What it carries.
    pub payload: &'a [u8],
}

impl UdpPacket<'_> {
    /// The packet, beginning with its IPv4 header; `None` when the payload is longer than [`LONGEST_PAYLOAD`].
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let udp_length = u16::try_from(self.payload.len()).ok()?.checked_add(UDP_HEADER)?;
        let length = udp_length.checked_add(IPV4_HEADER)?;
        let header = self.ipv4_header(length);
        let checksum = self.udp_checksum(udp_length);
        let numbers = [self.source.port(), self.destination.port(), udp_length, checksum].map(u16::to_be_bytes);
        let mut packet = Vec::with_capacity(length.into());
        packet.extend(header);
        packet.extend(numbers.as_flattened());
        packet.extend(self.payload);
        Some(packet)
    }

    fn ipv4_header(&self, length: u16) -> [u8; 20] {
        let [[length_1, length_2], [flags_1, flags_2]] = [length, DO_NOT_FRAGMENT].map(u16::to_be_bytes);
        let [source, destination] = [self.source, self.destination].map(|it| it.ip().octets());
        let ([s1, s2, s3, s4], [d1, d2, d3, d4]) = (source, destination);
        let with = |[sum_1, sum_2]: [u8; 2]| {
            // A packet that nobody may fragment needs no identification (RFC 6864 §4.1).
            let (identification_1, identification_2) = (0, 0);
            [
                VERSION_AND_WORDS,
                ORDINARY_SERVICE,
                length_1,
                length_2,
                identification_1,
                identification_2,
                flags_1,
                flags_2,
                TIME_TO_LIVE,
                PROTOCOL,
                sum_1,
                sum_2,
                s1,
                s2,
                s3,
                s4,
                d1,
                d2,
                d3,
                d4,
            ]
        };
        // The checksum is made over a header in which it is 0.
        with(complement(sum(0, &with([0, 0]))).to_be_bytes())
    }

    /// RFC 768: over the addresses, the protocol, the length, the header and the payload.
    fn udp_checksum(&self, udp_length: u16) -> u16 {
        let [source, destination] = [self.source, self.destination].map(|it| it.ip().octets());
        let numbers = [PROTOCOL.into(), udp_length, self.source.port(), self.destination.port(), udp_length];
        let pseudo_header = sum(sum(0, &source), &destination);
        let headers = sum(pseudo_header, numbers.map(u16::to_be_bytes).as_flattened());
        match complement(sum(headers, self.payload)) {
            // RFC 768: 0 would say that there is no checksum.
            0 => u16::MAX,
            checksum => checksum,
        }
    }
}

/// The Internet checksum (RFC 1071) of these octets, as it stands in headers. Of octets that hold their own checksum it is 0.
#[must_use]
pub fn checksum(octets: &[u8]) -> u16 {
    complement(sum(0, octets))
}

/// Adds octets, taken as pairs, to a sum; an odd one is the upper half of a pair.
fn sum(before: u64, octets: &[u8]) -> u64 {
    let (pairs, odd) = octets.as_chunks::<2>();
    let pairs = pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair)));
    let odd = odd.iter().map(|octet| u64::from(u16::from_be_bytes([*octet, 0])));
    pairs.chain(odd).fold(before, u64::saturating_add)
}

/// Folds a sum into 16 bits and turns each of them round.
fn complement(mut sum: u64) -> u16 {
    loop {
        match u16::try_from(sum) {
            Ok(sum) => return !sum,
            Err(_) => sum = (sum & 0xffff).saturating_add(sum >> 16),
        }
    }
}

/// The longest payload that fits a packet.
pub const LONGEST_PAYLOAD: usize = 65_507;

const VERSION_AND_WORDS: u8 = 0x45;
const ORDINARY_SERVICE: u8 = 0;
const DO_NOT_FRAGMENT: u16 = 0x4000;
const TIME_TO_LIVE: u8 = 64;
const PROTOCOL: u8 = 17;
const IPV4_HEADER: u16 = 20;
const UDP_HEADER: u16 = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(payload: &[u8]) -> UdpPacket<'_> {
        let (source, destination) = ("192.0.2.1:67".parse().unwrap(), "192.0.2.100:68".parse().unwrap());
        UdpPacket { source, destination, payload }
    }

    /// RFC 791, RFC 768: the octets, with checksums that a few lines of Python worked out.
    #[test]
    fn a_packet_is_these_octets() {
        let header = [0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0xb6, 0x68, 192, 0, 2, 1, 192, 0, 2, 100];
        let udp = [0, 67, 0, 68, 0, 11, 0xb6, 0x88, b'a', b'b', b'c'];
        assert_eq!(packet(b"abc").encode().unwrap(), [&header[..], &udp].concat());
    }

    /// The example of RFC 1071 §3.
    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(checksum(&[]), 0xffff);
        assert_eq!(checksum(&[0xff; 100_000]), 0);
    }

    #[test]
    fn a_checksum_of_zero_is_sent_as_ones() {
        // The sum of everything else is subtracted by the payload.
        let without = packet(&[0, 0]).encode().unwrap();
        let payload = [without[26], without[27]];
        let packet = packet(&payload).encode().unwrap();
        assert_eq!(packet[26..28], [0xff, 0xff]);
        assert!(verifies(&packet));
    }

    #[test]
    fn what_fits_no_packet_is_none() {
        assert_eq!(packet(&vec![0; LONGEST_PAYLOAD]).encode().unwrap().len(), 65_535);
        assert_eq!(packet(&vec![0; LONGEST_PAYLOAD + 1]).encode(), None);
        assert_eq!(packet(&vec![0; 100_000]).encode(), None);
    }

    /// What a receiver does: add everything, and see ones.
    fn verifies(packet: &[u8]) -> bool {
        let length = u16::try_from(packet.len() - 20).unwrap();
        let pseudo = [&packet[12..20], &[0, packet[9]], &length.to_be_bytes()].concat();
        checksum(&packet[..20]) == 0 && checksum(&[&pseudo, &packet[20..]].concat()) == 0
    }

    proptest! {
        #[test]
        fn every_checksum_verifies(
            source: (u32, u16), destination: (u32, u16), payload in proptest::collection::vec(any::<u8>(), 0..600)
        ) {
            let [source, destination] = [source, destination].map(|(ip, port)| SocketAddrV4::new(ip.into(), port));
            let mut packet = UdpPacket { source, destination, payload: &payload }.encode().unwrap();
            prop_assert!(verifies(&packet));
            prop_assert_ne!(&packet[26..28], &[0, 0][..]);
            packet[12] ^= 1;
            prop_assert!(!verifies(&packet), "and the check can fail");
        }
    }
}
