//! Envelopes that OpenSSL makes are opened, and those made here are opened by OpenSSL (ENC-06 to ENC-11).
//!
//! OpenSSL is asked for two things: to encrypt a file, which it always calls id-data, and to decrypt an envelope whatever it is
//! said to hold.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use conveyed_info::cms::{
    AeadPolicy, CertificateNaming, ContentCipher, ContentInfo, ContentType, DeclaredType, Draft, EnvelopeLeniency,
    Enveloped, Form, OpenError, Opened, SealOptions, SignedData, bare, certificates_only, seal,
};
use interop_tests::{
    matrix::{Direction, Form as Table},
    need,
    openssl::{KeyKind, Role, Workshop},
    peer::Peer,
};
use pki::key::SystemEntropy;

const DOCUMENT: &[u8] = br#"{"ietf-sztp-conveyed-info:redirect-information":{}}"#;

/// A workshop with a recipient `name` for each kind.
fn workshop(openssl: Peer, recipients: &[(&str, KeyKind)]) -> Workshop {
    let workshop = Workshop::new(openssl).unwrap();
    for (name, kind) in recipients {
        workshop.self_sign(name, *kind, Role::Recipient).unwrap();
    }
    workshop
}

/// OpenSSL encrypts `content` with these options.
fn encrypt(workshop: &Workshop, content: &[u8], options: &[&str]) -> Vec<u8> {
    workshop.write("content", content).unwrap();
    let fixed = ["cms", "-encrypt", "-binary", "-outform", "DER", "-in", "content"];
    workshop.openssl(&[&fixed, options].concat()).unwrap()
}

/// What OpenSSL makes of `envelope` with the key of `name`.
fn decrypt(workshop: &Workshop, envelope: &[u8], name: &str) -> Vec<u8> {
    workshop.write("envelope", envelope).unwrap();
    let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
    let who = ["-recip", &certificate, "-inkey", &key];
    workshop
        .openssl(&[&["cms", "-decrypt", "-binary", "-inform", "DER", "-in", "envelope"], &who[..]].concat())
        .unwrap()
}

/// Opens with the key of `name`, chosen by its certificate; without the certificate the same must come of it.
fn open(workshop: &Workshop, envelope: &[u8], name: &str, aead: AeadPolicy) -> Result<Opened, OpenError> {
    let (key, certificate) = (workshop.key(name).unwrap(), workshop.certificate(name).unwrap());
    let (info, _) = ContentInfo::from_ber(envelope).unwrap();
    let envelope = Enveloped::from_content_info(&info)?;
    let opened = envelope.open(&key, Some(&certificate), aead);
    assert_eq!(envelope.open(&key, None, aead), opened);
    opened
}

/// A document that came out as the id-data it was said to be.
fn assert_document(opened: &Opened, document: &[u8]) {
    let info = ContentInfo::from_der(opened.clear_form()).unwrap();
    assert_eq!((info.content_type(), info.octets().unwrap()), (ContentType::Data, document));
}

/// Conveyed information, signed by somebody called owner.
fn signed(workshop: &Workshop) -> Vec<u8> {
    signed_as(workshop, ContentType::ConveyedInfoJson)
}

fn signed_as(workshop: &Workshop, content_type: ContentType) -> Vec<u8> {
    workshop.self_sign("owner", KeyKind::P256, Role::EndEntity).unwrap();
    let (key, chain) = (workshop.key("owner").unwrap(), [workshop.certificate("owner").unwrap()]);
    Draft::sign(content_type, DOCUMENT, &key, &chain).unwrap()
}

#[test]
fn enc_10_rsa_envelopes_of_openssl_open() {
    let matrix = interop_tests::matrix!();
    let workshop = workshop(need!("openssl"), &[("rsa", KeyKind::Rsa2048)]);
    let oaep = |hash: &'static str| vec!["-keyopt", "rsa_padding_mode:oaep", "-keyopt", hash];
    let split = [oaep("rsa_oaep_md:sha256"), vec!["-keyopt", "rsa_mgf1_md:sha1"]].concat();
    for (row, options, leniencies) in [
        ("RSA PKCS#1 v1.5", vec![], vec![EnvelopeLeniency::Pkcs1Padding]),
        ("RSA OAEP, SHA-1", oaep("rsa_oaep_md:sha1"), vec![EnvelopeLeniency::Sha1InOaep]),
        ("RSA OAEP, SHA-256", oaep("rsa_oaep_md:sha256"), vec![]),
        ("RSA OAEP, SHA-384", oaep("rsa_oaep_md:sha384"), vec![]),
        ("RSA OAEP, SHA-512", oaep("rsa_oaep_md:sha512"), vec![]),
        ("RSA OAEP, SHA-256 with SHA-1 in MGF1", split, vec![EnvelopeLeniency::Sha1InOaep]),
    ] {
        let envelope = encrypt(&workshop, DOCUMENT, &[&["-aes-256-cbc", "-recip", "rsa.pem"][..], &options].concat());
        let opened = open(&workshop, &envelope, "rsa", AeadPolicy::Refuse).unwrap();
        assert_document(&opened, DOCUMENT);
        assert_eq!(opened.leniencies(), leniencies, "{row}");
        matrix.proved(Table::Envelope, row, Direction::OpensslToUs);
    }
}

#[test]
fn enc_07_key_agreement_of_openssl_opens_its_default_with_sha1_too() {
    let matrix = interop_tests::matrix!();
    let curves = [("p256", KeyKind::P256, "P-256"), ("p384", KeyKind::P384, "P-384"), ("p521", KeyKind::P521, "P-521")];
    let workshop = workshop(need!("openssl"), &curves.map(|(name, kind, _)| (name, kind)));
    for (name, _, curve) in curves {
        let recipient = format!("{name}.pem");
        for (hash, option) in [
            ("SHA-1", None),
            ("SHA-256", Some("ecdh_kdf_md:sha256")),
            ("SHA-384", Some("ecdh_kdf_md:sha384")),
            ("SHA-512", Some("ecdh_kdf_md:sha512")),
        ] {
            let mut options = vec!["-aes-256-cbc", "-recip", &recipient];
            options.extend(option.iter().flat_map(|option| ["-keyopt", option]));
            let opened = open(&workshop, &encrypt(&workshop, DOCUMENT, &options), name, AeadPolicy::Refuse).unwrap();
            assert_document(&opened, DOCUMENT);
            assert_eq!(opened.leniencies().contains(&EnvelopeLeniency::Sha1KeyDerivation), option.is_none());
            let row = format!("ECDH {curve}, KDF with {hash}");
            matrix.proved(Table::Envelope, &row, Direction::OpensslToUs);
        }
    }
}

#[test]
fn enc_10_every_accepted_cipher_of_openssl_opens_and_weak_ones_are_refused_by_name() {
    let matrix = interop_tests::matrix!();
    let workshop = workshop(need!("openssl"), &[("ec", KeyKind::P256), ("rsa", KeyKind::Rsa2048)]);
    for (option, row) in
        [("-aes-128-cbc", "AES-128-CBC"), ("-aes-192-cbc", "AES-192-CBC"), ("-aes-256-cbc", "AES-256-CBC")]
    {
        for name in ["ec", "rsa"] {
            let envelope = encrypt(&workshop, DOCUMENT, &[option, "-recip", &format!("{name}.pem")]);
            assert_document(&open(&workshop, &envelope, name, AeadPolicy::Refuse).unwrap(), DOCUMENT);
        }
        matrix.proved(Table::Envelope, row, Direction::OpensslToUs);
    }
    for (option, named) in [("-des3", "3DES-CBC"), ("-aes-192-gcm", "AES-192-GCM")] {
        let envelope = encrypt(&workshop, DOCUMENT, &[option, "-recip", "rsa.pem"]);
        let refused = open(&workshop, &envelope, "rsa", AeadPolicy::Allow).unwrap_err();
        assert_eq!(refused.to_string(), format!("content encryption with {named} is not accepted"));
    }
}

#[test]
fn enc_09_gcm_of_openssl_is_refused_and_opens_where_it_is_allowed() {
    let matrix = interop_tests::matrix!();
    let workshop = workshop(need!("openssl"), &[("ec", KeyKind::P384), ("rsa", KeyKind::Rsa2048)]);
    for (option, row) in [("-aes-128-gcm", "AES-128-GCM"), ("-aes-256-gcm", "AES-256-GCM")] {
        for name in ["ec", "rsa"] {
            let envelope = encrypt(&workshop, DOCUMENT, &[option, "-recip", &format!("{name}.pem")]);
            assert_eq!(open(&workshop, &envelope, name, AeadPolicy::Refuse), Err(OpenError::AeadNotAllowed));
            let opened = open(&workshop, &envelope, name, AeadPolicy::Allow).unwrap();
            assert_document(&opened, DOCUMENT);
            assert!(opened.leniencies().contains(&EnvelopeLeniency::AuthEnvelopedData));
        }
        matrix.proved(Table::Envelope, row, Direction::OpensslToUs);
    }
}

#[test]
fn enc_08_each_recipient_of_several_opens_however_it_is_named() {
    let matrix = interop_tests::matrix!();
    let all = [
        ("ec", KeyKind::P256),
        ("rsa", KeyKind::Rsa2048),
        ("rsa2", KeyKind::Rsa2048),
        ("ec2", KeyKind::P521),
        ("stranger", KeyKind::P256),
    ];
    let workshop = workshop(need!("openssl"), &all);
    let recipients = |names: &[&'static str]| -> Vec<String> {
        names.iter().flat_map(|name| ["-recip".to_owned(), format!("{name}.pem")]).collect()
    };
    for names in [&["ec", "rsa"][..], &["rsa", "ec2", "ec"], &["rsa", "rsa2", "ec", "ec2"]] {
        for by in [&[][..], &["-keyid"]] {
            let recipients = recipients(names);
            let recipients: Vec<_> = recipients.iter().map(String::as_str).collect();
            let envelope = encrypt(&workshop, DOCUMENT, &[&["-aes-256-cbc"], by, &recipients[..]].concat());
            for name in names {
                assert_document(&open(&workshop, &envelope, name, AeadPolicy::Refuse).unwrap(), DOCUMENT);
            }
            // ENC-12: a stranger with its certificate is told so, and one that merely tries learns nothing.
            let (info, key) = (ContentInfo::from_der(&envelope).unwrap(), workshop.key("stranger").unwrap());
            let (read, stranger) =
                (Enveloped::from_content_info(&info).unwrap(), workshop.certificate("stranger").unwrap());
            assert_eq!(read.open(&key, Some(&stranger), AeadPolicy::Refuse), Err(OpenError::NotARecipient));
            assert_eq!(read.open(&key, None, AeadPolicy::Refuse), Err(OpenError::Failed));
            let row = match (names.len(), by.is_empty()) {
                (2, true) => "two recipients by issuer and serial number",
                (2, false) => "two recipients by key identifier",
                (3, true) => "three recipients by issuer and serial number",
                (3, false) => "three recipients by key identifier",
                (_, true) => "four recipients by issuer and serial number",
                (_, false) => "four recipients by key identifier",
            };
            matrix.proved(Table::Envelope, row, Direction::OpensslToUs);
        }
    }
}

#[test]
fn art_01_streamed_envelopes_of_openssl_are_normalised_and_open() {
    let matrix = interop_tests::matrix!();
    let workshop = workshop(need!("openssl"), &[("ec", KeyKind::P256), ("rsa", KeyKind::Rsa2048)]);
    let long = [DOCUMENT, &[b' '; 20_000]].concat();
    for (name, cipher, row) in [
        ("ec", "-aes-256-cbc", "AES-256-CBC"),
        ("rsa", "-aes-128-cbc", "AES-128-CBC"),
        ("rsa", "-aes-256-gcm", "AES-256-GCM"),
    ] {
        let envelope = encrypt(&workshop, &long, &[cipher, "-stream", "-recip", &format!("{name}.pem")]);
        assert_eq!(ContentInfo::from_ber(&envelope).unwrap().1, Form::Ber, "OpenSSL did not stream");
        ContentInfo::from_der(&envelope).unwrap_err();
        assert_document(&open(&workshop, &envelope, name, AeadPolicy::Allow).unwrap(), &long);
        matrix.proved(Table::Envelope, row, Direction::OpensslToUsAsBer);
    }
}

#[test]
fn enc_11_signed_data_that_openssl_encrypted_as_id_data_is_signed_data() {
    let matrix = interop_tests::matrix!();
    let workshop = workshop(need!("openssl"), &[("ec", KeyKind::P256)]);
    let clear = signed(&workshop);
    let envelope = encrypt(&workshop, &clear, &["-aes-256-cbc", "-recip", "ec.pem"]);
    let opened = open(&workshop, &envelope, "ec", AeadPolicy::Refuse).unwrap();
    assert_eq!((opened.content_type(), opened.clear_form()), (ContentType::SignedData, &clear[..]));
    assert!(opened.leniencies().contains(&EnvelopeLeniency::DeclaredAsData));
    SignedData::from_der(opened.clear_form()).unwrap().verify_signer().unwrap();
    matrix.proved(Table::EncryptedConveyedInformation, "signed, declared as id-data", Direction::OpensslToUs);

    // And when OpenSSL streamed the signature before it was encrypted.
    workshop.write("content", DOCUMENT).unwrap();
    let sign = ["cms", "-sign", "-binary", "-nodetach", "-stream", "-outform", "DER", "-in", "content", "-signer"];
    let kind = ["owner.pem", "-inkey", "owner.key", "-econtent_type", "1.2.840.113549.1.9.16.1.43"];
    let streamed = workshop.openssl(&[&sign[..], &kind].concat()).unwrap();
    let envelope = encrypt(&workshop, &streamed, &["-aes-256-cbc", "-recip", "ec.pem"]);
    let opened = open(&workshop, &envelope, "ec", AeadPolicy::Refuse).unwrap();
    assert!(opened.leniencies().contains(&EnvelopeLeniency::BerInside));
    let signed = SignedData::from_der(opened.clear_form()).unwrap();
    assert_eq!(signed.verify_signer().unwrap().content, DOCUMENT);
}

#[test]
fn enc_06_enc_07_openssl_opens_what_is_sealed_here() {
    let matrix = interop_tests::matrix!();
    let kinds = [
        ("rsa", KeyKind::Rsa2048, "RSA OAEP, SHA-256"),
        ("p256", KeyKind::P256, "ECDH P-256, KDF with SHA-256"),
        ("p384", KeyKind::P384, "ECDH P-384, KDF with SHA-384"),
        ("p521", KeyKind::P521, "ECDH P-521, KDF with SHA-512"),
    ];
    let workshop = workshop(need!("openssl"), &kinds.map(|(name, kind, _)| (name, kind)));
    let document = bare(ContentType::ConveyedInfoJson, DOCUMENT).unwrap();
    for (cipher, cipher_row) in [
        (ContentCipher::Aes128Cbc, "AES-128-CBC"),
        (ContentCipher::Aes192Cbc, "AES-192-CBC"),
        (ContentCipher::Aes256Cbc, "AES-256-CBC"),
    ] {
        for (name, _, row) in kinds {
            for naming in [CertificateNaming::IssuerAndSerialNumber, CertificateNaming::SubjectKeyIdentifier] {
                let recipient = [workshop.certificate(name).unwrap()];
                let options = SealOptions { cipher, naming, ..SealOptions::default() };
                let envelope = seal(&document, &recipient, options, &mut SystemEntropy).unwrap();
                assert_eq!(decrypt(&workshop, &envelope, name), DOCUMENT, "{name} {cipher:?} {naming:?}");
                let opened = open(&workshop, &envelope, name, AeadPolicy::Refuse).unwrap();
                assert_eq!((opened.clear_form(), opened.leniencies()), (&document[..], &[][..]));
            }
            matrix.proved(Table::Envelope, row, Direction::UsToOpenssl);
        }
        matrix.proved(Table::Envelope, cipher_row, Direction::UsToOpenssl);
    }
}

#[test]
fn enc_12_a_changed_pkcs1_key_and_changed_content_fail_alike() {
    let workshop = workshop(need!("openssl"), &[("rsa", KeyKind::Rsa2048)]);
    let good = encrypt(&workshop, DOCUMENT, &["-aes-256-cbc", "-recip", "rsa.pem"]);
    // The encrypted key is the OCTET STRING of 256 octets; the content stands at the end.
    let key = good.windows(4).position(|window| window == [4, 0x82, 1, 0]).unwrap() + 4;
    for at in [key, key + 1, key + 100, key + 255, good.len() - 1] {
        for change in [1, 0x80] {
            let mut changed = good.clone();
            changed[at] ^= change;
            assert_eq!(open(&workshop, &changed, "rsa", AeadPolicy::Refuse), Err(OpenError::Failed), "{at}");
        }
    }
}

#[test]
fn art_18_art_21_owner_certificate_and_voucher_that_openssl_encrypted_open() {
    let matrix = interop_tests::matrix!();
    let workshop = workshop(need!("openssl"), &[("ec", KeyKind::P384)]);
    workshop.self_sign("masa", KeyKind::P256, Role::EndEntity).unwrap();
    workshop.openssl(&["crl2pkcs7", "-nocrl", "-certfile", "masa.pem", "-outform", "DER", "-out", "bag"]).unwrap();
    workshop.write("voucher.json", b"{}").unwrap();
    let sign = ["cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-in", "voucher.json", "-signer"];
    let who = ["masa.pem", "-inkey", "masa.key", "-econtent_type", "1.2.840.113549.1.9.16.1.40", "-out", "voucher"];
    workshop.openssl(&[&sign[..], &who].concat()).unwrap();
    for (table, file) in [(Table::EncryptedOwnerCertificate, "bag"), (Table::EncryptedVoucher, "voucher")] {
        let clear = workshop.read(file).unwrap();
        let envelope = encrypt(&workshop, &clear, &["-aes-256-cbc", "-recip", "ec.pem"]);
        let opened = open(&workshop, &envelope, "ec", AeadPolicy::Refuse).unwrap();
        assert_eq!((opened.content_type(), opened.clear_form()), (ContentType::SignedData, &clear[..]));
        SignedData::from_der(opened.clear_form()).unwrap();
        matrix.proved(table, "signed, declared as id-data", Direction::OpensslToUs);
    }
}

#[test]
fn enc_09_openssl_opens_the_gcm_that_is_made_where_it_is_asked_for() {
    let matrix = interop_tests::matrix!();
    let workshop = workshop(need!("openssl"), &[("rsa", KeyKind::Rsa2048), ("ec", KeyKind::P256)]);
    let clear = bare(ContentType::ConveyedInfoJson, DOCUMENT).unwrap();
    for (cipher, row) in [(ContentCipher::Aes128Gcm, "AES-128-GCM"), (ContentCipher::Aes256Gcm, "AES-256-GCM")] {
        for name in ["rsa", "ec"] {
            // OpenSSL 3.0 looks for authenticated attributes under [2], where RFC 5083 §2.1 has [1]: it opens what needs none.
            let options = SealOptions { cipher, declared: DeclaredType::Data, ..SealOptions::default() };
            let recipient = [workshop.certificate(name).unwrap()];
            let envelope = seal(&clear, &recipient, options, &mut SystemEntropy).unwrap();
            assert_eq!(decrypt(&workshop, &envelope, name), clear);
        }
        matrix.proved(Table::Envelope, row, Direction::UsToOpenssl);
    }
}

#[test]
fn enc_08_each_recipient_of_an_envelope_made_here_opens_it_with_openssl() {
    let matrix = interop_tests::matrix!();
    let all = [("ec", KeyKind::P256), ("rsa", KeyKind::Rsa2048), ("ec2", KeyKind::P521)];
    let workshop = workshop(need!("openssl"), &all);
    let clear = bare(ContentType::Data, DOCUMENT).unwrap();
    let recipients = all.map(|(name, _)| workshop.certificate(name).unwrap());
    for (naming, by) in [
        (CertificateNaming::IssuerAndSerialNumber, "issuer and serial number"),
        (CertificateNaming::SubjectKeyIdentifier, "key identifier"),
    ] {
        for (count, row) in [(2, "two"), (3, "three")] {
            let options = SealOptions { naming, ..SealOptions::default() };
            let envelope = seal(&clear, &recipients[..count], options, &mut SystemEntropy).unwrap();
            for (name, _) in &all[..count] {
                assert_eq!(decrypt(&workshop, &envelope, name), DOCUMENT);
            }
            matrix.proved(Table::Envelope, &format!("{row} recipients by {by}"), Direction::UsToOpenssl);
        }
    }
}

#[test]
fn art_06_art_18_art_21_openssl_finds_the_signed_data_that_was_sealed() {
    let matrix = interop_tests::matrix!();
    let workshop = workshop(need!("openssl"), &[("ec", KeyKind::P256)]);
    let recipient = [workshop.certificate("ec").unwrap()];
    for (table, clear) in [
        (Table::EncryptedConveyedInformation, signed(&workshop)),
        (Table::EncryptedOwnerCertificate, certificates_only(&recipient).unwrap()),
        (Table::EncryptedVoucher, signed_as(&workshop, ContentType::AnimaJsonVoucher)),
    ] {
        // RFC 5652 §6.3: SignedData without a ContentInfo around it; OpenSSL gives out what it finds.
        let envelope = seal(&clear, &recipient, SealOptions::default(), &mut SystemEntropy).unwrap();
        let inside = decrypt(&workshop, &envelope, "ec");
        assert!(clear.ends_with(&inside) && inside.len() < clear.len());
        let shown = workshop.openssl(&["asn1parse", "-inform", "DER", "-in", "envelope"]).unwrap();
        assert!(String::from_utf8(shown).unwrap().contains("pkcs7-signedData"));
        matrix.proved(table, "signed, declared as id-signedData", Direction::UsToOpenssl);

        let options = SealOptions { declared: DeclaredType::Data, ..SealOptions::default() };
        let envelope = seal(&clear, &recipient, options, &mut SystemEntropy).unwrap();
        assert_eq!(decrypt(&workshop, &envelope, "ec"), clear);
        matrix.proved(table, "signed, declared as id-data", Direction::UsToOpenssl);
    }
}
