//! As much DER as is needed to make what nothing here makes: revocation lists and OCSP responses.

/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;

/// One element.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).expect("a short element");
    let mut der = match length.to_be_bytes() {
        [0, short @ 0..=0x7f] => vec![tag, short],
        [0, octet] => vec![tag, 0x81, octet],
        [high, low] => vec![tag, 0x82, high, low],
    };
    der.extend_from_slice(contents);
    der
}

/// A SEQUENCE of elements that are encoded already.
pub fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &elements.concat())
}
