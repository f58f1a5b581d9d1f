//! The tags of the structure block and the characters of names.

/// Opens a node; its name follows.
pub(crate) const BEGIN_NODE: u32 = 1;
/// Closes the innermost open node.
pub(crate) const END_NODE: u32 = 2;
/// A property: length, offset of its name in the strings block, value.
pub(crate) const PROPERTY: u32 = 3;
/// Nothing; left behind by tools that delete in place.
pub(crate) const NOP: u32 = 4;
/// Ends the structure block.
pub(crate) const END: u32 = 9;

/// U-Boot's region finder refuses trees that nest this deep (FDT_MAX_DEPTH).
pub(crate) const MAX_DEPTH: usize = 32;

/// Devicetree Specification §2.2.1: letters, digits and `,._+-`, and after one `@` a unit address of the same. The
/// slash, which would turn a name into a path, is not among them. The 31 characters it allows are too few for real
/// images.
pub(crate) fn is_node_name(name: &[u8]) -> bool {
    let is_part = |part: &[u8]| {
        !part.is_empty() && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b",._+-".contains(byte))
    };
    name.len() <= MAX_NAME && name.splitn(2, |byte| *byte == b'@').all(is_part)
}

const MAX_NAME: usize = 255;

/// Devicetree Specification §2.2.4.1: letters, digits and `,._+?#-`.
pub(crate) fn is_property_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b",._+?#-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_separators() {
        assert!(is_node_name(b"conf-ti,am62.dtb") && is_node_name(b"kernel@1"));
        for name in [&b""[..], &[b'a'; 256], b"a/b", b"a b", b"\xff", b"kernel@", b"@1", b"kernel@1@2"] {
            assert!(!is_node_name(name), "{name:?}");
        }
        assert!(is_property_name(b"#address-cells") && !is_property_name(b"a/b") && !is_property_name(b""));
    }
}
