//! Writing DER elements.

use zeroize::Zeroizing;

use super::OCTET_STRING;

/// One DER element with `parts` as its value, in memory that is wiped and was never moved.
pub(in crate::cms) fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    /// Tag and length of whatever fits into memory.
    const LONGEST_HEADER: usize = 2 + size_of::<usize>();
    let length = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    let mut der = Zeroizing::new(Vec::with_capacity(length.saturating_add(LONGEST_HEADER)));
    append_header(&mut der, &[tag], length);
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

/// An OCTET STRING, likewise.
pub(in crate::cms) fn octet_string(octets: &[u8]) -> Zeroizing<Vec<u8>> {
    element(OCTET_STRING, &[octets])
}

pub(super) fn append(der: &mut Vec<u8>, tag: &[u8], value: &[u8]) {
    append_header(der, tag, value.len());
    der.extend_from_slice(value);
}

fn append_header(der: &mut Vec<u8>, tag: &[u8], length: usize) {
    der.extend_from_slice(tag);
    let octets = length.to_be_bytes();
    let significant = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => der.push(short),
        _ => {
            let long = octets.get(significant..).unwrap_or_default();
            der.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            der.extend_from_slice(long);
        }
    }
}
