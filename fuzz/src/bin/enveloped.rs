//! Envelopes: what is authenticated comes out as it went in or not at all, and nothing but a clear form comes out.
#![no_main]

use std::sync::LazyLock;

use conveyed_info::cms::{
    AeadPolicy, CertificateNaming, ContentCipher, ContentInfo, ContentType, DeclaredType, Enveloped, KeyUsageRule,
    MAX_RECIPIENTS, SealOptions, bare, seal,
};
use fuzz::{
    Seed,
    world::{FixedKey, Predictable, WORLD},
};
use pki::certificate::Certificate;

fuzz::target!(seeds, check);

/// The clear form in every seed.
static CLEAR: LazyLock<Vec<u8>> =
    LazyLock::new(|| bare(ContentType::ConveyedInfoJson, b"{\"what\":\"only this\"}").expect("a clear form"));
/// Who opens: a device, named by issuer and serial number, and a CA, which has a key identifier to be named by.
static RECIPIENTS: LazyLock<[(FixedKey, &Certificate); 2]> =
    LazyLock::new(|| [(FixedKey::device(), &WORLD.idevid[0]), (FixedKey::device_ca(), &WORLD.idevid[1])]);

fn seeds() -> Vec<Seed> {
    let ciphers = [
        ContentCipher::Aes128Cbc,
        ContentCipher::Aes192Cbc,
        ContentCipher::Aes256Cbc,
        ContentCipher::Aes128Gcm,
        ContentCipher::Aes256Gcm,
    ];
    let mut seeds = Vec::new();
    for cipher in ciphers {
        for (declared, naming, recipient) in [
            (DeclaredType::OfContent, CertificateNaming::default(), 0),
            (DeclaredType::Data, CertificateNaming::SubjectKeyIdentifier, 1),
        ] {
            let options = SealOptions { cipher, declared, naming, key_usage: KeyUsageRule::Ignore };
            // One of two recipients is ours; the other one's key nobody has here.
            let recipients = [WORLD.idevid[recipient].clone(), WORLD.voucher_root.clone()];
            seeds.push(seal(&CLEAR, &recipients, options, &mut Predictable::default()).expect("an envelope"));
        }
    }
    for seed in &seeds {
        let info = ContentInfo::from_der(seed).expect("what was made");
        let envelope = Enveloped::from_content_info(&info).expect("what was made");
        let opened = RECIPIENTS.iter().find_map(|it| envelope.open(it.0.file(), Some(it.1), AeadPolicy::Allow).ok());
        assert_eq!(opened.expect("a seed that opens").clear_form(), *CLEAR);
    }
    seeds
}

fn check(bytes: &[u8]) {
    let Ok((info, _)) = ContentInfo::from_ber(bytes) else { return };
    let Ok(envelope) = Enveloped::from_content_info(&info) else { return };
    assert!((1..=MAX_RECIPIENTS).contains(&envelope.recipients().len()));
    let authenticated = info.content_type() == ContentType::AuthEnvelopedData;
    for (key, certificate) in RECIPIENTS.iter() {
        for certificate in [Some(*certificate), None] {
            open(&envelope, key, certificate, authenticated);
        }
    }
}

fn open(envelope: &Enveloped, key: &FixedKey, certificate: Option<&Certificate>, authenticated: bool) {
    let refused = envelope.open(key.file(), certificate, AeadPolicy::Refuse);
    // ENC-09.
    assert!(!authenticated || refused.is_err(), "AuthEnvelopedData opened although it was to be refused");
    let Ok(opened) = envelope.open(key.file(), certificate, AeadPolicy::Allow) else { return };
    if authenticated {
        assert_eq!(opened.clear_form(), *CLEAR, "not what was sealed");
    }
    // ENC-02: whatever CBC was made to say, it is a clear form or nothing.
    let inside = ContentInfo::from_der(opened.clear_form()).expect("a ContentInfo in DER");
    assert_eq!(inside.content_type(), opened.content_type());
    match opened.content_type() {
        ContentType::SignedData => {}
        // ENC-11: what is said to be id-data may be the document itself.
        ContentType::ConveyedInfoJson | ContentType::ConveyedInfoXml | ContentType::Data => {
            assert!(inside.octets().is_ok(), "no document");
        }
        other => panic!("{other:?} inside an envelope"),
    }
}
