//! What must be true of every document that was read.

use std::fmt::Debug;

use conveyed_info::Encoding;

/// JSON and XML.
pub const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::Xml];

/// Reads `bytes` in both encodings; whatever is understood must survive being written and read again, in either
/// encoding, and give the same value.
pub fn both_encodings_agree<T: Debug + PartialEq, E: Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8], Encoding) -> Result<T, E>,
    encode: impl Fn(&T, Encoding) -> Vec<u8>,
) {
    for read in ENCODINGS {
        let Ok(value) = decode(bytes, read) else { continue };
        for write in ENCODINGS {
            let written = encode(&value, write);
            let again = decode(&written, write);
            assert_eq!(
                again.as_ref().ok(),
                Some(&value),
                "read as {read}, written as {write}: {again:?}\n{}",
                String::from_utf8_lossy(&written)
            );
            assert_eq!(encode(&value, write), written, "written twice, differently");
        }
    }
}
