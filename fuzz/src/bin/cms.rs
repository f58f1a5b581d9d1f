//! CMS: no content but the signed one comes out under the owner's signature, and trust anchors are chains.
#![no_main]

use std::sync::LazyLock;

use conveyed_info::{
    Encoding,
    cms::{ContentInfo, ContentType, Draft, Form, SignedData, bare, certificates_only},
    information::{Information, TrustAnchor},
};
use fuzz::{Seed, world::WORLD};

fuzz::target!(seeds, check);

static CONTENT: LazyLock<Vec<u8>> = LazyLock::new(|| WORLD.redirect.encode(Encoding::Json));

fn seeds() -> Vec<Seed> {
    let signed = |content_type| {
        Draft::sign(content_type, &CONTENT, &WORLD.owner_key, &WORLD.owner_chain[..1]).expect("signed data")
    };
    let mut seeds = vec![
        signed(ContentType::ConveyedInfoJson),
        signed(ContentType::Data),
        bare(ContentType::ConveyedInfoXml, &WORLD.redirect.encode(Encoding::Xml)).expect("bare content"),
        certificates_only(&WORLD.owner_chain).expect("a bag"),
    ];
    if let Information::Redirect(redirect) = &WORLD.redirect {
        let anchors = redirect.servers().iter().filter_map(|server| server.trust_anchor.as_ref());
        seeds.extend(anchors.map(|anchor| certificates_only(anchor.chain()).expect("a bag")));
    }
    seeds
}

fn check(bytes: &[u8]) {
    if let Ok(info) = ContentInfo::from_der(bytes) {
        assert!(info.octets().map_or(0, <[u8]>::len) <= bytes.len());
    }
    if let Ok((info, form)) = ContentInfo::from_ber(bytes) {
        // Normalised once and for all; and what is DER already is what it was.
        let der = info.to_der().expect("what was read");
        assert_eq!(ContentInfo::from_ber(&der).as_ref(), Ok(&(info.clone(), Form::Der)));
        assert!(der.len() <= bytes.len().saturating_mul(2).saturating_add(16));
        if form == Form::Der {
            assert_eq!(ContentInfo::from_der(bytes), Ok(info));
        }
    }
    if let Ok(anchor) = TrustAnchor::from_der(bytes) {
        let (lowest, root) = (anchor.lowest().expect("a chain has one"), anchor.chain().last().expect("a root"));
        assert!(root.verify_signature(root.public_key()).is_ok());
        assert_eq!(lowest, &anchor.chain()[0]);
        let again = TrustAnchor::new(anchor.chain()).expect("a chain makes an anchor");
        assert_eq!(again.chain(), anchor.chain());
    }
    let Ok(signed) = SignedData::from_der(bytes) else { return };
    if let Ok(signer) = signed.verify_signer() {
        assert_eq!(Some(signer.content), signed.unverified_content());
        assert!(signed.certificates().contains(signer.certificate));
    }
    // Whatever else is in the structure: under the owner's key stands only what the owner signed.
    if let Ok(signer) = signed.verify_signer_as(&WORLD.owner_chain[0]) {
        assert_eq!(signer.content, *CONTENT);
    }
}
