//! The known attacks on FIT verification, each built here and refused.

use pki::key::FileKey;
use verdict::ReasonCode::{FitHashMismatch, FitMalformed, FitSignatureInvalid, FitUnsigned};

use super::{
    Sample,
    tree::{TestNode, TestTree},
    trusted,
};
use crate::{
    Limits,
    build::DataPlacement,
    image::Fit,
    region::Coverage,
    verify::{Required, Selection, TrustedKey, TrustedKeys, verify},
};

const CONF_1: Selection<'_> = Selection::Named("conf-1");

fn sample() -> (Sample, TestTree) {
    let sample = Sample::new(DataPlacement::Inline);
    let tree = TestTree::read(&sample.bytes);
    // The attacks below are edits of this tree: unedited, it must be the signed file itself.
    assert_eq!(tree.write(), sample.bytes);
    (sample, tree)
}

fn evil_kernel() -> TestNode {
    let mut kernel = TestNode::new("kernel-1");
    kernel.set("data", b"the attacker's kernel").set("type", "kernel\0").set("compression", "none\0");
    let mut hash = TestNode::new("hash-1");
    hash.set("value", pki::digest::sha256(b"the attacker's kernel").0).set("algo", "sha256\0");
    kernel.children.push(hash);
    kernel
}

/// The bytes that a verifier would check which believes the list in the signature node at `path`.
fn bytes_as_claimed(bytes: &[u8], configuration: &str) -> Vec<u8> {
    let fit = Fit::read(bytes, &Limits::default()).unwrap();
    let configuration = fit.configurations().iter().find(|found| found.name() == configuration).unwrap();
    let signature = &configuration.signatures()[0];
    let coverage = Coverage::as_claimed(fit.tree(), signature.hashed_nodes().unwrap());
    coverage.signed_bytes(fit.tree(), signature.hashed_strings().unwrap()).unwrap()
}

#[test]
fn cve_2026_46728_genuine_kernel_moved_under_an_unlisted_parent() {
    let (sample, mut tree) = sample();
    let genuine = tree.at("images").remove("kernel-1");
    let mut hiding_place = TestNode::new("x");
    // The last child keeps the hiding place's end tag apart from the listed node's, see `Ambiguous`.
    hiding_place.children = vec![genuine, TestNode::new("y")];
    tree.at("images").children.insert(0, hiding_place);
    tree.at("images").children.push(evil_kernel());
    let node = tree.at("configurations/conf-1/signature-1");
    let list = String::from_utf8(node.value("hashed-nodes").to_vec()).unwrap();
    node.set("hashed-nodes", list.replace("/images/kernel-1", "/images/x/kernel-1"));
    let bytes = tree.write();

    // Whoever believes the list sees the very bytes that were signed …
    assert_eq!(bytes_as_claimed(&bytes, "conf-1"), bytes_as_claimed(&sample.bytes, "conf-1"));
    // … and boots the attacker's kernel. Not here.
    let refusal = sample.assert_refused(&bytes, CONF_1, FitSignatureInvalid);
    assert!(refusal.detail.contains("did not cover /images/kernel-1"), "{refusal}");
    assert!(format!("{:?}", refusal.trace).contains("ignored: the file claims"), "{:?}", refusal.trace);
}

#[test]
fn cve_2020_10648_configuration_copied_with_its_signature() {
    let (sample, mut tree) = sample();
    let mut copy = tree.at("configurations/conf-1").clone();
    copy.name = "conf-2".to_owned();
    let exact_copy = copy.clone();
    copy.set("kernel", "kernel-2\0");
    let mut kernel = evil_kernel();
    kernel.name = "kernel-2".to_owned();
    tree.at("images").children.push(kernel);
    tree.at("configurations").set("default", "conf-2\0").children.push(copy);
    let bytes = tree.write();
    assert_eq!(bytes_as_claimed(&bytes, "conf-2"), bytes_as_claimed(&sample.bytes, "conf-1"));
    sample.assert_refused(&bytes, Selection::Default, FitSignatureInvalid);
    // The genuine one is still there, and still good.
    sample.judge(&bytes, CONF_1).unwrap();

    tree.at("configurations").remove("conf-2");
    tree.at("configurations").children.push(exact_copy);
    sample.assert_refused(&tree.write(), Selection::Default, FitSignatureInvalid);
}

#[test]
fn cve_2021_27097_second_or_named_root() {
    let (sample, tree) = sample();
    let mut evil = tree.root.clone();
    evil.children.iter_mut().find(|node| node.name == "images").unwrap().children = vec![evil_kernel()];
    for order in [[&tree.root, &evil], [&evil, &tree.root]] {
        let mut writer = crate::build::TreeWriter::default();
        order.iter().for_each(|root| root.write(&mut writer));
        let refusal = sample.assert_refused(&writer.finish().unwrap(), CONF_1, FitMalformed);
        assert!(refusal.detail.contains("exactly one root"), "{refusal}");
    }
    let mut named = tree;
    named.root.name = "root".to_owned();
    sample.assert_refused(&named.write(), CONF_1, FitMalformed);
}

#[test]
fn cve_2021_27138_unit_addresses_and_duplicate_names() {
    let (sample, tree) = sample();
    for (parent, name) in [("images", "kernel-1@1"), ("configurations", "conf-1@1"), ("images/fdt-1", "hash@1")] {
        let mut edited = tree.clone();
        edited.at(parent).children.insert(0, TestNode::new(name));
        let refusal = sample.assert_refused(&edited.write(), CONF_1, FitMalformed);
        assert!(refusal.detail.contains(name), "{refusal}");
    }
    let mut edited = tree.clone();
    edited.at("images").children.push(evil_kernel());
    let refusal = sample.assert_refused(&edited.write(), CONF_1, FitMalformed);
    assert!(refusal.detail.contains("`kernel-1` occurs twice"), "{refusal}");
    let mut edited = tree;
    edited.at("configurations/conf-1").properties.push(("kernel".to_owned(), b"kernel-old\0".to_vec()));
    sample.assert_refused(&edited.write(), CONF_1, FitMalformed);
}

#[test]
fn mix_and_match_of_separately_signed_images() {
    let (sample, mut tree) = sample();
    let signature = tree.at("configurations/conf-1").remove("signature-1");
    tree.at("configurations/conf-1").set("kernel", "kernel-old\0");
    for image in ["kernel-1", "kernel-old", "fdt-1", "ramdisk-1"] {
        tree.at("images").children.iter_mut().find(|node| node.name == image).unwrap().children.push(signature.clone());
    }
    let refusal = sample.assert_refused(&tree.write(), CONF_1, FitUnsigned);
    assert!(refusal.detail.contains("single images do not count"), "{refusal}");
}

#[test]
fn signed_configuration_with_another_signed_kernel() {
    let (sample, mut tree) = sample();
    tree.at("configurations/conf-1").set("kernel", "kernel-old\0");
    sample.assert_refused(&tree.write(), CONF_1, FitSignatureInvalid);
}

#[test]
fn mkimage_without_its_key_leaves_no_value() {
    let (sample, mut tree) = sample();
    tree.at("configurations/conf-1/signature-1").unset("value");
    sample.assert_refused(&tree.write(), CONF_1, FitUnsigned);
    tree.at("configurations/conf-1/signature-1").set("value", []);
    sample.assert_refused(&tree.write(), CONF_1, FitUnsigned);
}

#[test]
fn image_without_a_hash() {
    let (sample, mut tree) = sample();
    tree.at("images/kernel-1").remove("hash-1");
    sample.assert_refused(&tree.write(), CONF_1, FitHashMismatch);
}

#[test]
fn image_with_a_weak_hash_only_even_when_it_is_signed() {
    for weak in ["crc32", "md5", "sha1", "sha3"] {
        let (sample, mut tree) = sample();
        tree.at("images/kernel-1/hash-1").set("algo", format!("{weak}\0"));
        let bytes = tree.sign(&sample.key);
        let refusal = sample.assert_refused(&bytes, CONF_1, FitHashMismatch);
        assert!(refusal.detail.contains("no hash of an accepted algorithm"), "{refusal}");
    }
    // Beside a strong one it does no harm, and its value is not looked at.
    let (sample, mut tree) = sample();
    let mut weak = TestNode::new("hash-2");
    weak.set("algo", "crc32\0").set("value", [0; 4]);
    tree.at("images/kernel-1").children.push(weak);
    sample.judge(&tree.sign(&sample.key), CONF_1).unwrap();
}

#[test]
fn every_strong_hash_must_match() {
    use pki::digest::HashAlgorithm;
    for (hash, wrong) in [(HashAlgorithm::Sha384, 1), (HashAlgorithm::Sha512, 1), (HashAlgorithm::Sha512, 0)] {
        let (sample, mut tree) = sample();
        let mut value = hash.digest(b"the genuine kernel");
        value[5] ^= wrong;
        let mut node = TestNode::new("hash-2");
        node.set("algo", format!("{}\0", crate::algorithm::hash_name(hash))).set("value", value);
        tree.at("images/kernel-1").children.push(node);
        let bytes = tree.sign(&sample.key);
        match wrong {
            0 => drop(sample.judge(&bytes, CONF_1).unwrap()),
            _ => drop(sample.assert_refused(&bytes, CONF_1, FitHashMismatch)),
        }
    }
}

#[test]
fn hidden_verity_or_cipher_child() {
    for name in ["dm-verity", "cipher", "hash-2"] {
        let (sample, mut tree) = sample();
        let mut child = TestNode::new(name);
        child.set("algo", "sha256\0").set("value", pki::digest::sha256(b"the genuine kernel").0);
        tree.at("images/kernel-1").children.push(child);
        // Not covered by the old signature, covered by a new one.
        sample.assert_refused(&tree.write(), CONF_1, FitSignatureInvalid);
        let verified = sample.judge(&tree.sign(&sample.key), CONF_1).unwrap();
        assert_eq!(verified.kernel().unwrap().is_encrypted(), name == "cipher");
    }
}

#[test]
fn image_named_by_a_property_that_is_unknown_here() {
    let (sample, mut tree) = sample();
    tree.at("configurations/conf-1").set("bootlogo", "other\0kernel-old\0");
    tree.at("images/kernel-old").set("data", b"changed");
    let bytes = tree.sign(&sample.key);
    let refusal = sample.assert_refused(&bytes, CONF_1, FitHashMismatch);
    assert!(refusal.detail.contains("kernel-old"), "{refusal}");
}

#[test]
fn no_key_never_means_that_none_is_needed() {
    let (sample, _) = sample();
    for required in [Required::All, Required::Any] {
        let none = TrustedKeys::new([], required);
        let refusal = verify(&sample.bytes, &none, CONF_1, &Limits::default()).unwrap_err();
        assert_eq!(refusal.reason, FitSignatureInvalid);
    }
    let stranger = FileKey::generate_p256().unwrap();
    let refusal = verify(&sample.bytes, &trusted([&stranger]), CONF_1, &Limits::default()).unwrap_err();
    assert_eq!(refusal.reason, FitSignatureInvalid);
}

#[test]
fn required_mode_all_and_any() {
    use pki::key::Signer;
    let (sample, _) = sample();
    let second = FileKey::generate_p256().unwrap();
    let keys = || {
        [("first", &sample.key), ("second", &second)].map(|(name, key)| TrustedKey::new(name, key.public_key().clone()))
    };
    let all = TrustedKeys::new(keys(), Required::All);
    let refusal = verify(&sample.bytes, &all, CONF_1, &Limits::default()).unwrap_err();
    assert_eq!(refusal.reason, FitSignatureInvalid);
    assert!(refusal.detail.contains("required key `second`"), "{refusal}");
    let any = TrustedKeys::new(keys(), Required::Any);
    assert_eq!(verify(&sample.bytes, &any, CONF_1, &Limits::default()).unwrap().signers(), ["first"]);
}

#[test]
fn unknown_signature_algorithms() {
    for (property, value) in [("algo", "sha1,rsa2048\0"), ("algo", "none\0"), ("padding", "zero\0")] {
        let (sample, mut tree) = sample();
        tree.at("configurations/conf-1/signature-1").set(property, value);
        let refusal = sample.assert_refused(&tree.write(), CONF_1, FitSignatureInvalid);
        assert!(refusal.detail.contains("not an accepted algorithm"), "{refusal}");
    }
}

#[test]
fn attacker_chosen_default_is_named_in_the_trace() {
    let (sample, mut tree) = sample();
    tree.at("configurations").set("default", "conf-old\0");
    // Both are genuine: a signature cannot tell which is wanted. Whoever cares selects by name.
    let verified = sample.judge(&tree.write(), Selection::Default).unwrap();
    assert_eq!(verified.configuration(), "conf-old");
    assert!(format!("{:?}", verified.trace()).contains("unsigned default"));
    assert_eq!(sample.judge(&tree.write(), CONF_1).unwrap().configuration(), "conf-1");
}
