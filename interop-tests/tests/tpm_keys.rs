//! Keys and certificates in a TPM: swtpm has them, tpm2-tools and OpenSSL judge them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use interop_tests::{need, need_tpm, openssl::Workshop, swtpm::SwTpm};
use pki::{
    algorithm::SignatureAlgorithm,
    certificate::Certificate,
    key::{
        Access, Decryptor, FileKey, KeyType, Locator, OaepHash, PublicKey, RsaPadding, Signer, SystemEntropy,
        TpmHandle, TpmKeyAddress,
    },
    tpm::{
        EndorsementKind, Fault, Hierarchy, NvAddress, NvOwner, Secret, Template, Tpm, TpmAlgorithm, TpmError, TpmKey,
        Usage,
    },
};

const INDEX: u32 = NvAddress::IDEVID;

fn open(emulator: &SwTpm) -> Tpm {
    Tpm::open(&emulator.address()).unwrap()
}

fn keep(emulator: &SwTpm, hierarchy: Hierarchy, template: &Template, password: &Secret) -> TpmKey {
    let no = Secret::empty();
    open(emulator).keep_primary(hierarchy, template, TpmHandle::IDEVID, &no, password).unwrap();
    let address = TpmKeyAddress { tpm: emulator.address(), handle: TpmHandle::IDEVID };
    TpmKey::open(&address, password.clone()).unwrap()
}

/// Nothing may stay behind in a TPM, which has room for three.
fn is_clean(emulator: &SwTpm) -> bool {
    let left = |what| emulator.ask(&["tpm2_getcap", what]).unwrap();
    ["handles-transient", "handles-loaded-session"].iter().all(|what| left(what).trim().is_empty())
}

#[test]
fn dev_05_a_key_in_a_tpm_signs_what_openssl_verifies() {
    let (emulator, openssl) = (need_tpm!(), Workshop::new(need!("openssl")).unwrap());
    openssl.write("message", b"the message").unwrap();
    for algorithm in TpmAlgorithm::ALL {
        open(&emulator).evict(TpmHandle::IDEVID, &Secret::empty()).unwrap();
        let key = keep(&emulator, Hierarchy::Endorsement, &Template::idevid(*algorithm), &Secret::empty());
        assert_eq!(TpmAlgorithm::of(Signer::public_key(&key)), Some(*algorithm));
        // The tools see the same key.
        emulator.tool(&["tpm2_readpublic", "-c", "0x81020000", "-f", "pem", "-o", "key.pem"]).unwrap();
        assert_eq!(&PublicKey::from_pem(&emulator.read("key.pem").unwrap()).unwrap(), Signer::public_key(&key));
        openssl.write("key.pem", Signer::public_key(&key).to_pem().as_bytes()).unwrap();
        for algorithm in key.algorithms() {
            let signature = key.sign_with(algorithm, b"the message").unwrap_or_else(|error| {
                panic!("{algorithm:?}: {error}: {:?}", key.try_sign(algorithm, b"the message"))
            });
            openssl.write("signature", &signature).unwrap();
            let digest = format!("-sha{}", algorithm.hash().digest(b"").len() * 8);
            let mut arguments = vec!["dgst", &digest, "-verify", "key.pem", "-signature", "signature"];
            if matches!(algorithm, SignatureAlgorithm::RsaPss(_)) {
                arguments.extend(["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]);
            }
            arguments.push("message");
            openssl.openssl(&arguments).unwrap_or_else(|error| panic!("{algorithm:?}: {error}"));
        }
    }
    assert!(is_clean(&emulator));
}

#[test]
fn enc_05_a_key_in_a_tpm_decrypts_what_was_encrypted_to_it() {
    let emulator = need_tpm!();
    let no = Secret::empty();
    for (algorithm, other) in
        [(TpmAlgorithm::P256, FileKey::generate_p256()), (TpmAlgorithm::P384, FileKey::generate_p384())]
    {
        open(&emulator).evict(TpmHandle::IDEVID, &no).unwrap();
        let key = keep(&emulator, Hierarchy::Endorsement, &Template::idevid(algorithm), &no);
        let other = other.unwrap();
        let shared = key.agree(Signer::public_key(&other)).unwrap();
        assert_eq!(shared, other.agree(Signer::public_key(&key)).unwrap(), "both sides agree");
        let mut off_curve = Signer::public_key(&other).spki_der().to_vec();
        *off_curve.last_mut().unwrap() ^= 1;
        key.agree(&PublicKey::from_spki_der(&off_curve).unwrap()).unwrap_err();
        key.decrypt_rsa(RsaPadding::Pkcs1, &[0; 256]).unwrap_err();
    }
    open(&emulator).evict(TpmHandle::IDEVID, &no).unwrap();
    let key = keep(&emulator, Hierarchy::Endorsement, &Template::idevid(TpmAlgorithm::Rsa2048), &no);
    let sealed = Signer::public_key(&key).encrypt_oaep_sha256(b"a content key", &mut SystemEntropy).unwrap();
    let oaep = |hash| RsaPadding::Oaep { hash, mask: hash };
    assert_eq!(**key.decrypt_rsa(oaep(OaepHash::Sha256), &sealed).unwrap(), *b"a content key");
    key.decrypt_rsa(oaep(OaepHash::Sha1), &sealed).unwrap_err();

    let openssl = Workshop::new(need!("openssl")).unwrap();
    openssl.write("key.pem", Signer::public_key(&key).to_pem().as_bytes()).unwrap();
    openssl.write("plain", b"sixteen octets..").unwrap();
    openssl.openssl(&["pkeyutl", "-encrypt", "-pubin", "-inkey", "key.pem", "-in", "plain", "-out", "sealed"]).unwrap();
    let mut sealed = openssl.read("sealed").unwrap();
    assert_eq!(**key.decrypt_rsa(RsaPadding::Pkcs1, &sealed).unwrap(), *b"sixteen octets..");
    // RFC 3218 §2.3.2: a wrong padding is no error; what comes out is always the same.
    sealed[200] ^= 1;
    let first = key.decrypt_rsa(RsaPadding::Pkcs1, &sealed).unwrap();
    assert_eq!((first.len(), &first), (32, &key.decrypt_rsa(RsaPadding::Pkcs1, &sealed).unwrap()));
    sealed[201] ^= 1;
    assert_ne!(first, key.decrypt_rsa(RsaPadding::Pkcs1, &sealed).unwrap());
    assert!(is_clean(&emulator));
}

#[test]
fn a_key_of_the_endorsement_hierarchy_survives_a_restart_and_comes_back_after_a_clear() {
    let mut emulator = need_tpm!();
    let (no, template) = (Secret::empty(), Template::idevid(TpmAlgorithm::P256));
    let made = keep(&emulator, Hierarchy::Endorsement, &template, &no);
    emulator.restart().unwrap();
    let address = TpmKeyAddress { tpm: emulator.address(), handle: TpmHandle::IDEVID };
    let again = TpmKey::open(&address, Secret::empty()).unwrap();
    assert_eq!(again.public_area(), made.public_area());

    emulator.tool(&["tpm2_clear", "-c", "p"]).unwrap();
    assert_eq!(open(&emulator).public_at(TpmHandle::IDEVID).unwrap(), None, "a clear takes it away");
    let gone = TpmKey::open(&address, Secret::empty()).unwrap_err();
    assert_eq!(gone.fault(), Some(Fault::NoSuchHandle), "{gone}");
    // What was opened before says so, too.
    again.sign(b"message").unwrap_err();

    let back = keep(&emulator, Hierarchy::Endorsement, &template, &no);
    assert_eq!(back.public_area(), made.public_area(), "the same template and seed: the same key");
    let signature = back.sign(b"message").unwrap();
    made.algorithm().verify(Signer::public_key(&made), b"message", &signature).unwrap();
    again.sign(b"message").unwrap();

    // Another label is another key, and a key of the owner's hierarchy does not come back.
    let mut tpm = open(&emulator);
    let other = TpmHandle::new(0x8102_0001).unwrap();
    let label = Template::new(TpmAlgorithm::P256, Usage::SignAndDecrypt, "OTHER").unwrap();
    assert_ne!(
        tpm.keep_primary(Hierarchy::Endorsement, &label, other, &no, &no).unwrap().key(),
        made.public_area().key()
    );
    let mine = TpmHandle::new(0x8102_0002).unwrap();
    let before = tpm.keep_primary(Hierarchy::Owner, &template, mine, &no, &no).unwrap();
    drop(tpm);
    emulator.tool(&["tpm2_clear", "-c", "p"]).unwrap();
    let after = open(&emulator).keep_primary(Hierarchy::Owner, &template, mine, &no, &no).unwrap();
    assert_ne!(before, after);
}

#[test]
fn making_a_key_twice_changes_nothing_and_another_key_is_not_overwritten() {
    let emulator = need_tpm!();
    let (no, template) = (Secret::empty(), Template::idevid(TpmAlgorithm::P256));
    let first = keep(&emulator, Hierarchy::Endorsement, &template, &no);
    let second = keep(&emulator, Hierarchy::Endorsement, &template, &no);
    assert_eq!(first.public_area(), second.public_area());
    let other = Template::idevid(TpmAlgorithm::P384);
    let refused =
        open(&emulator).keep_primary(Hierarchy::Endorsement, &other, TpmHandle::IDEVID, &no, &no).unwrap_err();
    assert!(matches!(refused, TpmError::OtherKey { .. }), "{refused}");
    assert_eq!(Signer::public_key(&keep(&emulator, Hierarchy::Endorsement, &template, &no)).key_type(), KeyType::P256);
    assert!(is_clean(&emulator));
}

#[test]
fn a_password_is_proved_and_a_wrong_one_is_refused() {
    let emulator = need_tpm!();
    let template = Template::idevid(TpmAlgorithm::P256);
    let right = Secret::new(b"a password").unwrap();
    let key = keep(&emulator, Hierarchy::Endorsement, &template, &right);
    let signature = key.sign(b"message").unwrap();
    key.algorithm().verify(Signer::public_key(&key), b"message", &signature).unwrap();
    for wrong in [Secret::empty(), Secret::new(b"another").unwrap()] {
        let key = TpmKey::open(key.address(), wrong).unwrap();
        let refused = key.try_sign(key.algorithm(), b"message").unwrap_err();
        assert_eq!(refused.fault(), Some(Fault::Authorization), "{refused}");
    }
    assert!(is_clean(&emulator), "a session that failed is removed");

    // As a locator, with the password in a file.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "a password\n").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let locator: Locator = format!("tpm2:{}", key.address()).parse().unwrap();
    let opened = locator.open(&Access::with_passphrase_file(Some(path))).unwrap();
    assert!(opened.decryptor().is_some());
    opened.sign(b"message").unwrap();
}

#[test]
fn hierarchies_with_passwords_take_them() {
    let emulator = need_tpm!();
    emulator.tool(&["tpm2_changeauth", "-c", "o", "owner"]).unwrap();
    let (owner, no) = (Secret::new(b"owner").unwrap(), Secret::empty());
    let mut tpm = open(&emulator);
    let template = Template::idevid(TpmAlgorithm::P256);
    let refused = tpm.keep_primary(Hierarchy::Owner, &template, TpmHandle::IDEVID, &no, &no).unwrap_err();
    assert_eq!(refused.fault(), Some(Fault::Authorization), "{refused}");
    tpm.keep_primary(Hierarchy::Owner, &template, TpmHandle::IDEVID, &owner, &no).unwrap();
    let chain = [certificate("A", 100)];
    tpm.keep_certificates(INDEX, &chain, NvOwner::Owner, &no).unwrap_err();
    tpm.keep_certificates(INDEX, &chain, NvOwner::Owner, &owner).unwrap();
    assert_eq!(tpm.certificates_at(INDEX).unwrap().unwrap(), chain);
    drop(tpm);
    assert!(is_clean(&emulator));
}

/// A certificate of somebody, with so many octets of nothing in it.
fn certificate(name: &str, padding: usize) -> Certificate {
    let openssl = Workshop::new(need_openssl()).unwrap();
    openssl.make_key(name, interop_tests::openssl::KeyKind::P256).unwrap();
    let (key, subject) = (format!("{name}.key"), format!("/CN={name}/serialNumber=SN-1"));
    let comment = format!("nsComment={}", "x".repeat(padding));
    let arguments =
        ["req", "-x509", "-new", "-config", "openssl.cnf", "-key", &key, "-subj", &subject, "-addext", &comment];
    Certificate::chain_from_pem(&openssl.openssl(&arguments).unwrap()).unwrap().swap_remove(0)
}

fn need_openssl() -> interop_tests::peer::Peer {
    interop_tests::peer::Peer::find("openssl").unwrap()
}

#[test]
fn dev_03_certificates_are_kept_in_nv_memory_and_the_tools_read_them() {
    let mut emulator = need_tpm!();
    let _openssl = need!("openssl");
    let no = Secret::empty();
    let mut tpm = open(&emulator);
    assert_eq!(tpm.certificates_at(INDEX).unwrap(), None);
    // More than one write: swtpm takes 1024 octets at once.
    let chain = [certificate("device", 600), certificate("issuer", 200)];
    tpm.keep_certificates(INDEX, &chain, NvOwner::Owner, &no).unwrap();
    tpm.keep_certificates(INDEX, &chain, NvOwner::Owner, &no).unwrap();
    drop(tpm);
    emulator.restart().unwrap();
    assert_eq!(open(&emulator).certificates_at(INDEX).unwrap().unwrap(), chain);
    emulator.tool(&["tpm2_nvread", "0x01c90000", "-o", "nv"]).unwrap();
    assert_eq!(emulator.read("nv").unwrap(), [chain[0].der(), chain[1].der()].concat());

    // Others replace them; and what was cut off while it was written.
    let other = [certificate("renewed", 10)];
    open(&emulator).keep_certificates(INDEX, &other, NvOwner::Owner, &no).unwrap();
    assert_eq!(open(&emulator).certificates_at(INDEX).unwrap().unwrap(), other);
    emulator.write("half", &other[0].der()[..100]).unwrap();
    emulator.tool(&["tpm2_nvundefine", "0x01c90000"]).unwrap();
    let size = other[0].der().len().to_string();
    let attributes = "ownerwrite|authread|ownerread";
    emulator.tool(&["tpm2_nvdefine", "0x01c90000", "-s", &size, "-a", attributes]).unwrap();
    open(&emulator).certificates_at(INDEX).unwrap_err();
    emulator.tool(&["tpm2_nvwrite", "0x01c90000", "-C", "o", "-i", "half"]).unwrap();
    let damaged = open(&emulator).certificates_at(INDEX).unwrap_err();
    assert!(matches!(damaged, TpmError::NotACertificate { .. }), "{damaged}");
    open(&emulator).keep_certificates(INDEX, &other, NvOwner::Owner, &no).unwrap();
    assert_eq!(open(&emulator).certificates_at(INDEX).unwrap().unwrap(), other);

    let large = [certificate("large", 2000)];
    let refused = open(&emulator).keep_certificates(INDEX, &large, NvOwner::Owner, &no).unwrap_err();
    assert!(matches!(refused, TpmError::TooLongForNv { limit: 2048, .. }), "{refused}");

    // A clear takes the owner's, and leaves the platform's.
    open(&emulator).keep_certificates(INDEX + 1, &other, NvOwner::Platform, &no).unwrap();
    emulator.tool(&["tpm2_clear", "-c", "p"]).unwrap();
    assert_eq!(open(&emulator).certificates_at(INDEX).unwrap(), None);
    assert_eq!(open(&emulator).certificates_at(INDEX + 1).unwrap().unwrap(), other);
}

#[test]
fn endorsement_keys_are_those_of_the_tools_and_their_certificates_are_found() {
    let emulator = need_tpm!();
    let _openssl = need!("openssl");
    for (kind, name) in [(EndorsementKind::Rsa2048, "rsa"), (EndorsementKind::P256, "ecc")] {
        let ours = open(&emulator).endorsement_key(kind).unwrap();
        emulator.tool(&["tpm2_createek", "-G", name, "-c", "0x810100aa", "-u", "ek.pem", "-f", "pem"]).unwrap();
        emulator.tool(&["tpm2_evictcontrol", "-c", "0x810100aa"]).unwrap();
        assert_eq!(&PublicKey::from_pem(&emulator.read("ek.pem").unwrap()).unwrap(), ours.key());
        assert_eq!(open(&emulator).endorsement_certificate(kind).unwrap(), None);
        // As makers write them: longer than what is in them.
        let certificate = certificate(name, 50);
        emulator.write("ek.der", &[certificate.der(), &[0xff; 30]].concat()).unwrap();
        let (index, size) = (format!("{:#010x}", kind.certificate_index()), (certificate.der().len() + 30).to_string());
        let attributes = "ppwrite|ppread|ownerread|authread|no_da|platformcreate";
        emulator.tool(&["tpm2_nvdefine", &index, "-C", "p", "-s", &size, "-a", attributes]).unwrap();
        emulator.tool(&["tpm2_nvwrite", &index, "-C", "p", "-i", "ek.der"]).unwrap();
        assert_eq!(open(&emulator).endorsement_certificate(kind).unwrap(), Some(certificate));
    }
    assert!(is_clean(&emulator));
}
