//! Malformed trees and ranges: each rule of the format, broken once.

use verdict::ReasonCode::FitMalformed;

use super::{
    Sample,
    tree::{TestNode, TestTree},
};
use crate::{
    FdtError, FitError, Limits,
    build::{DataPlacement, TreeWriter},
    fdt::{Fdt, tag},
    image::Fit,
    region::Coverage,
    verify::Selection,
};

const CONF_1: Selection<'_> = Selection::Named("conf-1");

fn read(write: impl FnOnce(&mut TreeWriter)) -> Result<Fdt, FdtError> {
    let mut tree = TreeWriter::default();
    write(&mut tree);
    Fdt::read(&tree.finish().unwrap(), &Limits::default())
}

fn nested(depth: usize) -> Result<Fdt, FdtError> {
    read(|tree| {
        tree.begin("");
        (1..depth).for_each(|_| tree.begin("n"));
        (0..depth).for_each(|_| tree.end());
    })
}

#[test]
fn nesting_is_bounded_without_recursion() {
    assert!(nested(tag::MAX_DEPTH).is_ok());
    assert!(matches!(nested(tag::MAX_DEPTH + 1), Err(FdtError::TooDeep(32))));
    assert!(matches!(nested(100_000), Err(FdtError::TooDeep(32))));
}

#[test]
fn tokens_out_of_place_are_refused() {
    assert!(matches!(read(|_| ()), Err(FdtError::UnexpectedTag { tag: tag::END, .. })));
    assert!(matches!(read(|tree| tree.end()), Err(FdtError::UnexpectedTag { tag: tag::END_NODE, .. })));
    assert!(matches!(read(|tree| tree.begin("")), Err(FdtError::UnexpectedTag { tag: tag::END, .. })));
    let before_root = read(|tree| {
        tree.property("a", b"");
        tree.begin("");
        tree.end();
    });
    assert!(matches!(before_root, Err(FdtError::UnexpectedTag { tag: tag::PROPERTY, .. })));
    let after_child = read(|tree| {
        tree.begin("");
        tree.begin("n");
        tree.end();
        tree.property("a", b"");
        tree.end();
    });
    assert!(matches!(after_child, Err(FdtError::PropertyAfterChild { .. })));
    let nops = read(|tree| {
        tree.nop();
        tree.begin("");
        tree.nop();
        tree.end();
        tree.nop();
    });
    assert_eq!(nops.unwrap().tokens().len(), 6);
}

#[test]
fn names_are_terminated_and_of_the_right_characters() {
    for name in ["", "a/b", "a b", "\u{e9}"] {
        let tree = read(|tree| {
            tree.begin("");
            tree.begin(name);
            tree.end();
            tree.end();
        });
        assert!(matches!(tree, Err(FdtError::BadName { .. })), "{name:?}");
    }
    // The structure block ends inside the name, before any NUL.
    let mut bytes = {
        let mut tree = TreeWriter::default();
        tree.begin("");
        tree.begin("abc");
        tree.finish().unwrap()
    };
    let name = bytes.windows(4).position(|window| window == b"abc\0").unwrap();
    bytes[name + 3] = b'd';
    bytes[name + 4..name + 8].copy_from_slice(b"efgh");
    assert!(matches!(Fdt::read(&bytes, &Limits::default()), Err(FdtError::BadName { .. })));
    // A property whose name does not end inside the strings block.
    let mut bytes = {
        let mut tree = TreeWriter::default();
        tree.begin("");
        tree.property("abc", b"");
        tree.end();
        tree.finish().unwrap()
    };
    let strings = bytes.windows(4).position(|window| window == b"abc\0").unwrap();
    bytes[strings + 3] = b'd';
    assert!(matches!(Fdt::read(&bytes, &Limits::default()), Err(FdtError::BadName { .. })));
}

#[test]
fn limits_are_kept() {
    let sample = Sample::new(DataPlacement::Inline);
    let generous = Limits::default();
    for limits in [
        Limits { structure_bytes: 500, ..generous },
        Limits { strings_bytes: 20, ..generous },
        Limits { nodes: 5, ..generous },
        Limits { properties: 5, ..generous },
    ] {
        assert!(matches!(Fdt::read(&sample.bytes, &limits), Err(FdtError::TooMany { .. })), "{limits:?}");
    }
}

#[test]
fn image_data_costs_no_memory() {
    let mut tree = TreeWriter::default();
    tree.begin("");
    tree.property("data", &vec![7; 5 * 1024 * 1024]);
    tree.end();
    let read = Fdt::read(&tree.finish().unwrap(), &Limits { structure_bytes: 64, ..Limits::default() }).unwrap();
    let data = read.root().property("data").unwrap();
    assert_eq!((data.value(), data.location().length()), (None, 5 * 1024 * 1024));
}

#[test]
fn data_outside_the_file_or_in_two_places_is_refused() {
    let sample = Sample::new(DataPlacement::Behind);
    let tree = TestTree::read(&sample.bytes);
    let huge = [0xff; 8];
    let edits: [(&str, &[u8]); 8] = [
        ("data-offset", &[0xff; 4]),
        ("data-offset", &huge),
        ("data-size", &[0xff; 4]),
        ("data-size", &huge),
        ("data-position", &[0; 4]),
        ("data", b"twice"),
        ("data-size", b""),
        ("data-size", &[0; 12]),
    ];
    for (property, value) in edits {
        let mut edited = tree.clone();
        edited.at("images/kernel-1").set(property, value);
        sample.assert_refused(&edited.write(), CONF_1, FitMalformed);
    }
    let mut edited = tree.clone();
    edited.at("images/kernel-1").unset("data-offset").set("data-position", huge);
    sample.assert_refused(&edited.write(), CONF_1, FitMalformed);
    let mut edited = tree;
    edited.at("images/kernel-1").unset("data-size");
    sample.assert_refused(&edited.write(), CONF_1, FitMalformed);
}

#[test]
fn inline_data_must_have_the_size_it_claims() {
    let sample = Sample::new(DataPlacement::Inline);
    let mut tree = TestTree::read(&sample.bytes);
    tree.at("images/kernel-1").set("data-size", 18_u32.to_be_bytes());
    // No signature covers `data-size`, so adding the truth changes nothing.
    sample.judge(&tree.write(), CONF_1).unwrap();
    tree.at("images/kernel-1").set("data-size", 17_u32.to_be_bytes());
    sample.assert_refused(&tree.write(), CONF_1, FitMalformed);
}

#[test]
fn hashed_strings_stays_inside_and_covers_every_signed_name() {
    let sample = Sample::new(DataPlacement::Inline);
    let tree = TestTree::read(&sample.bytes);
    for length in [u32::MAX, 10_000, 0, 5] {
        let mut edited = tree.clone();
        let node = edited.at("configurations/conf-1/signature-1");
        node.set("hashed-strings", [[0; 4], length.to_be_bytes()].concat());
        sample.assert_refused(&edited.write(), CONF_1, FitMalformed);
    }
    let mut edited = tree.clone();
    edited.at("configurations/conf-1/signature-1").set("hashed-strings", [0; 4]);
    sample.assert_refused(&edited.write(), CONF_1, FitMalformed);
    let mut edited = tree;
    edited.at("configurations/conf-1/signature-1").unset("hashed-strings");
    sample.assert_refused(&edited.write(), CONF_1, FitMalformed);
}

#[test]
fn references_lead_to_images() {
    let sample = Sample::new(DataPlacement::Inline);
    for value in ["kernel-9\0", "kernel-1", "", "kernel-1\0\0"] {
        let mut tree = TestTree::read(&sample.bytes);
        tree.at("configurations/conf-1").set("kernel", value);
        sample.assert_refused(&tree.write(), CONF_1, FitMalformed);
    }
    let mut tree = TestTree::read(&sample.bytes);
    tree.at("configurations/conf-1").set("loadables", "fdt-1\0".repeat(257));
    sample.assert_refused(&tree.write(), CONF_1, FitMalformed);
    for missing in ["images", "configurations"] {
        let mut tree = TestTree::read(&sample.bytes);
        tree.root.remove(missing);
        sample.assert_refused(&tree.write(), CONF_1, FitMalformed);
    }
}

/// A listed node right before the end tag of an unlisted parent: U-Boot hashes that end tag, others do not.
#[test]
fn trees_on_which_verifiers_disagree_are_refused() {
    let sample = Sample::new(DataPlacement::Inline);
    let mut tree = TestTree::read(&sample.bytes);
    let kernel = tree.at("images").remove("kernel-1");
    let mut parent = TestNode::new("x");
    parent.children = vec![kernel];
    tree.at("images").children.push(parent);
    tree.at("configurations/conf-1").set("kernel", "kernel-old\0");
    let bytes = tree.write();
    let fit = Fit::read(&bytes, &Limits::default()).unwrap();
    let coverage = Coverage::as_claimed(fit.tree(), &["/".to_owned(), "/images/x/kernel-1".to_owned()]);
    let strings = u32::try_from(fit.tree().strings().len()).unwrap();
    assert!(matches!(coverage.signed_bytes(fit.tree(), strings), Err(FitError::Ambiguous)));
}

/// The rules of inclusion, token by token, on a tree small enough to write the answer down.
#[test]
fn signed_bytes_are_the_raw_tokens_of_listed_nodes() {
    let tree = read(|tree| {
        tree.begin("");
        tree.property("a", b"root");
        tree.nop();
        tree.begin("kid");
        tree.property("a", b"not signed");
        tree.nop();
        tree.begin("sub");
        tree.end();
        tree.end();
        tree.begin("lst");
        tree.property("data", b"excluded");
        tree.property("data-size", b"excluded");
        tree.property("a", b"x");
        tree.end();
        tree.end();
    })
    .unwrap();
    let coverage = Coverage::as_claimed(&tree, &["/".to_owned(), "/lst".to_owned()]);
    let expected = [
        &b"\0\0\0\x01\0\0\0\0"[..],             // begin, empty name
        b"\0\0\0\x03\0\0\0\x04\0\0\0\0root",    // property a
        b"\0\0\0\x04",                          // nop
        b"\0\0\0\x01kid\0",                     // name of an unlisted child …
        b"\0\0\0\x02",                          // … and its end
        b"\0\0\0\x01lst\0",                     // the listed child
        b"\0\0\0\x03\0\0\0\x01\0\0\0\0x\0\0\0", // its property, padding included
        b"\0\0\0\x02",
        b"\0\0\0\x02",
        b"\0\0\0\x09", // end of the structure
        b"a\0",        // the first two bytes of the strings
    ];
    assert_eq!(coverage.signed_bytes(&tree, 2).unwrap(), expected.concat());
    assert_eq!(coverage.paths(&tree), ["/", "/lst"]);
}
