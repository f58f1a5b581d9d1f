//! iPAddress constraints (RFC 5280 §4.2.1.10): an address and a mask.

use super::Within;

/// Whether this can be a constraint: 8 octets for IPv4, 32 for IPv6, and a mask without gaps (RFC 4632 §3.1).
pub(super) fn is_base(base: &[u8]) -> bool {
    let (_, mask) = halves(base);
    let bits: u32 = mask.iter().map(|octet| octet.leading_ones()).sum();
    let set: u32 = mask.iter().map(|octet| octet.count_ones()).sum();
    // Without gaps: ones after a zero would be counted, but do not lead.
    let leading = mask.iter().scan(true, |open, octet| {
        let run = if *open { octet.leading_ones() } else { 0 };
        *open &= *octet == u8::MAX;
        Some(run)
    });
    matches!(base.len(), 8 | 32) && bits == set && leading.sum::<u32>() == set
}

/// Whether all bits that the mask names are the same. An address of the other family is outside.
pub(super) fn within(address: &[u8], base: &[u8]) -> Within {
    let (network, mask) = halves(base);
    if !matches!(address.len(), 4 | 16) {
        return Within::Unclear;
    }
    if address.len() != network.len() {
        return Within::No;
    }
    let mut octets = address.iter().zip(network).zip(mask);
    if octets.all(|((address, network), mask)| address & mask == network & mask) { Within::Yes } else { Within::No }
}

fn halves(base: &[u8]) -> (&[u8], &[u8]) {
    base.split_at_checked(base.len() / 2).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_says_which_bits_count() {
        let base = [192, 0, 2, 0, 255, 255, 254, 0];
        for (address, expected) in [
            (&[192, 0, 2, 1][..], Within::Yes),
            (&[192, 0, 3, 255], Within::Yes),
            (&[192, 0, 4, 0], Within::No),
            (&[0; 16], Within::No),
            (&[192, 0, 2], Within::Unclear),
            (&[], Within::Unclear),
        ] {
            assert_eq!(within(address, &base), expected, "{address:?}");
        }
        assert_eq!(within(&[1, 2, 3, 4], &[0; 8]), Within::Yes);
        let mut loopback = [0xff; 32];
        loopback[..15].fill(0);
        loopback[15] = 1;
        assert_eq!(within(&loopback[..16], &loopback), Within::Yes);
        assert_eq!(within(&[0; 16], &loopback), Within::No);
    }

    #[test]
    fn a_mask_has_no_gaps() {
        for (mask, good) in [
            ([255, 255, 255, 0], true),
            ([255, 240, 0, 0], true),
            ([0; 4], true),
            ([255; 4], true),
            ([255, 0, 255, 0], false),
            ([255, 0x0f, 0, 0], false),
            ([254, 128, 0, 0], false),
            ([0, 0, 0, 1], false),
        ] {
            assert_eq!(is_base(&[&[10, 0, 0, 0], &mask[..]].concat()), good, "{mask:?}");
        }
        for length in [0, 4, 7, 9, 16, 31, 33] {
            assert!(!is_base(&vec![0; length]), "{length}");
        }
    }
}
