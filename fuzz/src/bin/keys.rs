//! Public and private keys: what is read can be written, and a private key fits its own public key.
#![no_main]

use fuzz::{
    Seed,
    world::{FixedKey, WORLD},
};
use pki::key::{FileKey, PublicKey, Signer};

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    let public = WORLD.owner_key.public_key();
    let ed25519 = FileKey::from_pkcs8_der(&ED25519).expect("a key");
    vec![
        public.spki_der().to_vec(),
        public.to_pem().into_bytes(),
        FixedKey::new(11).file().pkcs8_der().to_vec(),
        FixedKey::new(11).file().to_pem().as_bytes().to_vec(),
        ed25519.public_key().spki_der().to_vec(),
        ED25519.to_vec(),
    ]
}

/// PrivateKeyInfo of the Ed25519 key whose seed is all zeros.
const ED25519: [u8; 48] = {
    let mut der = [0; 48];
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let mut at = 0;
    while at < head.len() {
        der[at] = head[at];
        at += 1;
    }
    der
};

fn check(bytes: &[u8]) {
    for public in [PublicKey::from_spki_der(bytes), PublicKey::from_pem(bytes)].into_iter().flatten() {
        assert_eq!(PublicKey::from_spki_der(public.spki_der()).as_ref(), Ok(&public));
        assert_eq!(PublicKey::from_pem(public.to_pem().as_bytes()).as_ref(), Ok(&public));
    }
    for private in [FileKey::from_pkcs8_der(bytes), FileKey::from_pem(bytes)].into_iter().flatten() {
        let again = FileKey::from_pem(private.to_pem().as_bytes()).expect("what was written");
        assert_eq!(again.public_key(), private.public_key());
        let signature = private.sign(b"message").expect("a signature");
        assert_eq!(private.algorithm().verify(private.public_key(), b"message", &signature), Ok(()));
    }
}
