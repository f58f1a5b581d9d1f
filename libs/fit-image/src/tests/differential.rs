//! dtoolkit, another reader of device trees, is asked for a second opinion.

use dtoolkit::{Node as _, Property as _};
use proptest::prelude::*;

use super::tree::TestNode;
use crate::{Limits, build::TreeWriter, fdt::Fdt};

fn second_opinion(node: dtoolkit::fdt::FdtNode<'_>) -> TestNode {
    TestNode {
        name: node.name().to_string(),
        properties: node.properties().map(|property| (property.name().to_owned(), property.value().to_vec())).collect(),
        children: node.children().map(second_opinion).collect(),
    }
}

fn ours(bytes: &[u8]) -> Option<TestNode> {
    let tree = Fdt::read(bytes, &Limits::default()).ok()?;
    Some(TestNode::read(tree.root(), bytes))
}

fn written(root: &TestNode) -> Vec<u8> {
    let mut tree = TreeWriter::default();
    root.write(&mut tree);
    tree.finish().unwrap()
}

fn any_node() -> impl Strategy<Value = TestNode> {
    let value = prop::collection::vec(any::<u8>(), 0..20);
    let properties = prop::collection::btree_map("(data|[a-z#][a-z,._+?-]{0,6})", value, 0..5);
    let leaf = ("[a-z][a-zA-Z0-9,._+-]{0,8}(@[0-9]{1,2})?", properties.clone());
    let leaf = leaf.prop_map(|(name, properties)| TestNode {
        name,
        properties: properties.into_iter().collect(),
        children: Vec::new(),
    });
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let children = prop::collection::btree_map("[a-z]{1,6}", inner, 0..5);
        (properties.clone(), children).prop_map(|(properties, children)| TestNode {
            name: "inner".to_owned(),
            properties: properties.into_iter().collect(),
            children: children.into_iter().map(|(name, node)| TestNode { name, ..node }).collect(),
        })
    })
}

proptest! {
    #[test]
    fn both_readers_find_what_was_written(node in any_node()) {
        let root = TestNode { name: String::new(), ..node };
        let bytes = written(&root);
        let theirs = dtoolkit::fdt::Fdt::new(&bytes).unwrap();
        prop_assert_eq!(&second_opinion(theirs.root()), &root);
        prop_assert_eq!(ours(&bytes), Some(root));
    }

    /// We are the stricter one: whatever we read, dtoolkit reads, and reads the same.
    #[test]
    fn what_we_accept_is_no_matter_of_opinion(
        node in any_node(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut bytes = written(&TestNode { name: String::new(), ..node });
        for (place, value) in edits {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(tree) = ours(&bytes) {
            // Bytes after the tree are no concern of ours; dtoolkit wants none.
            let end = usize::try_from(Fdt::read(&bytes, &Limits::default()).unwrap().total_size()).unwrap();
            let theirs = dtoolkit::fdt::Fdt::new(&bytes[..end]);
            prop_assert!(theirs.is_ok(), "{:?}", theirs.err());
            prop_assert_eq!(second_opinion(theirs.unwrap().root()), tree);
        }
    }
}
