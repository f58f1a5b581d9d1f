//! Nothing that is made here opens under a key of zeros. A library that this one is built beside wraps the content key so,
//! by mistake; see `ARCHITECTURE.md` on the `cms` crate.

use aes::cipher::{BlockModeDecrypt, KeyInit, KeyIvInit, block_padding::Pkcs7};
use aes_kw::AesKw;
use cms::enveloped_data::{EnvelopedData, RecipientInfo};
use conveyed_info::cms::{ContentCipher, SealOptions, seal};
use der::Decode;

use crate::support::{DOCUMENT, Party, Recorded, certificate, document, rsa_public_key};

/// The content of an envelope in AES-256-CBC, under `key`.
fn content(envelope: &EnvelopedData, key: &[u8]) -> Option<Vec<u8>> {
    let content = &envelope.encrypted_content;
    let iv = content.content_enc_alg.parameters.as_ref().unwrap().value();
    let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv).unwrap();
    let mut octets = content.encrypted_content.as_ref().unwrap().as_bytes().to_vec();
    cipher.decrypt_padded::<Pkcs7>(&mut octets).ok().map(<[u8]>::to_vec)
}

#[test]
fn enc_07_nothing_sealed_unwraps_under_a_kek_of_zeros_or_opens_under_a_key_of_zeros() {
    let recipients: Vec<_> = Party::on_each_curve().into_iter().map(|party| party.certificate).collect();
    let recipients = [recipients, vec![certificate(&rsa_public_key(), 7, None)]].concat();
    let options = SealOptions { cipher: ContentCipher::Aes256Cbc, ..SealOptions::default() };
    let mut entropy = Recorded::default();
    let envelope = seal(&document(), &recipients, options, &mut entropy).unwrap();
    let envelope: EnvelopedData =
        cms::content_info::ContentInfo::from_der(&envelope).unwrap().content.decode_as().unwrap();

    // What this test does with a key of zeros it does rightly with the true one.
    assert_eq!(content(&envelope, &entropy.0[0]).as_deref(), Some(DOCUMENT));
    assert_ne!(content(&envelope, &[0; 32]).as_deref(), Some(DOCUMENT));
    assert_ne!(entropy.0[0], [0; 32]);

    let mut wrapped = 0;
    for info in envelope.recip_infos.0.iter() {
        if let RecipientInfo::Kari(info) = info {
            for key in &info.recipient_enc_keys {
                let octets = key.enc_key.as_bytes();
                let zero = AesKw::<aes::Aes256>::new_from_slice(&[0; 32]).unwrap();
                assert!(zero.unwrap_key(octets, &mut [0; 64]).is_err(), "opens without any key");
                assert_ne!(&octets[..32], &entropy.0[0][..]);
                wrapped += 1;
            }
        }
    }
    assert_eq!(wrapped, 3);
}
