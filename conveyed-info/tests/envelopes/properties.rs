//! Whatever is sealed comes back; whatever is changed on the way is refused, or at worst is other octets where nothing
//! authenticates them.

use std::sync::LazyLock;

use conveyed_info::cms::{
    AeadPolicy, CertificateNaming, ContentCipher, ContentInfo, ContentType, DeclaredType, Enveloped, KeyUsageRule,
    OpenError, SealOptions, bare, seal,
};
use pki::key::{FileKey, SystemEntropy};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::support::{Party, read};

// P-521 costs much without optimisation, and has its own tests.
static PARTIES: LazyLock<[Party; 3]> =
    LazyLock::new(|| [1, 2, 3].map(|number| Party::new(FileKey::generate_p256().unwrap(), number)));

fn options() -> impl Strategy<Value = SealOptions> {
    let cipher = prop_oneof![
        Just(ContentCipher::Aes128Cbc),
        Just(ContentCipher::Aes192Cbc),
        Just(ContentCipher::Aes256Cbc),
        Just(ContentCipher::Aes128Gcm),
        Just(ContentCipher::Aes256Gcm)
    ];
    let declared = prop_oneof![Just(DeclaredType::OfContent), Just(DeclaredType::Data)];
    let naming =
        prop_oneof![Just(CertificateNaming::IssuerAndSerialNumber), Just(CertificateNaming::SubjectKeyIdentifier)];
    (cipher, declared, naming).prop_map(|(cipher, declared, naming)| SealOptions {
        cipher,
        declared,
        naming,
        key_usage: KeyUsageRule::Enforce,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn enc_08_what_is_sealed_to_some_opens_for_each_of_them(
        document in vec(any::<u8>(), 0..2000),
        options in options(),
        who in proptest::sample::subsequence(vec![0_usize, 1, 2], 1..=3),
    ) {
        let clear = bare(ContentType::ConveyedInfoXml, &document).unwrap();
        let recipients: Vec<_> = who.iter().map(|at| PARTIES[*at].certificate.clone()).collect();
        let envelope = seal(&clear, &recipients, options, &mut SystemEntropy).unwrap();
        for (at, party) in PARTIES.iter().enumerate() {
            let opened = read(&envelope).unwrap().open(&party.key, Some(&party.certificate), AeadPolicy::Allow);
            let opened = opened.map(|opened| opened.clear_form().to_vec());
            let expected = if who.contains(&at) { Ok(clear.clone()) } else { Err(OpenError::NotARecipient) };
            prop_assert_eq!(opened, expected);
        }
    }

    #[test]
    fn enc_12_a_changed_envelope_is_refused_or_opens_to_the_same(options in options(), at: Index, change in 1_u8..) {
        let clear = bare(ContentType::ConveyedInfoJson, b"{\"a document\": 1}").unwrap();
        let party = &PARTIES[0];
        let recipient = std::slice::from_ref(&party.certificate);
        let mut envelope = seal(&clear, recipient, options, &mut SystemEntropy).unwrap();
        *at.get_mut(&mut envelope) ^= change;
        let opened = ContentInfo::from_ber(&envelope)
            .map_err(OpenError::from)
            .and_then(|(info, _)| Enveloped::from_content_info(&info))
            .and_then(|envelope| envelope.open(&party.key, Some(&party.certificate), AeadPolicy::Allow));
        let authenticated = matches!(options.cipher, ContentCipher::Aes128Gcm | ContentCipher::Aes256Gcm);
        // Nothing authenticates what CBC hides, nor the type that stands outside it: a signature inside does.
        if let (Ok(opened), true, DeclaredType::OfContent) = (opened, authenticated, options.declared) {
            prop_assert_eq!(opened.clear_form(), &clear);
        }
    }

    #[test]
    fn whatever_comes_is_read_or_refused(octets in vec(any::<u8>(), 0..300)) {
        for start in [&[][..], &[0x30, 0x80, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3, 0xa0, 0x80, 0x30, 0x80]] {
            let bytes = [start, &octets].concat();
            if let Ok((info, _)) = ContentInfo::from_ber(&bytes) {
                drop(Enveloped::from_content_info(&info));
            }
        }
    }
}
