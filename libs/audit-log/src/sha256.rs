//! SHA-256 over the concatenation of several byte strings, the one hash of this crate.

use ring::digest::{Context, SHA256};

/// The digest of `parts` as if they were one string. Every caller keeps the parts unambiguous by fixing their lengths.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use verdict::Digest;

    /// FIPS 180-4, the one-block example message `abc`.
    #[test]
    fn parts_are_hashed_as_one_string() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest(sha256(&[b"abc"])).to_string(), abc);
        assert_eq!(Digest(sha256(&[b"a", b"", b"bc"])).to_string(), abc);
    }
}
