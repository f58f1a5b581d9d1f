//! New keys in a token, and those that are there.

use std::{ffi::c_ulong, sync::mpsc, thread, time::Duration};

use const_oid::db::rfc5912 as oid;
use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectClass},
    types::Ulong,
};
use der::Encode;

use super::{
    error::Pkcs11Error,
    public::{public_half, read},
    session::{Access, session, template},
};
use crate::{
    algorithm::ID_ED25519,
    key::{KeySpec, Pkcs11Uri, PublicKey, random},
};

/// What a new key may be used for. A key that is used for one thing only cannot be turned against the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyUse {
    /// It signs.
    #[default]
    Sign,
    /// It signs, and it opens what is encrypted to it: a device's.
    SignAndDecrypt,
}

/// A private key that is in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// Its label.
    pub label: String,
    /// Its identifier, which its public half and its certificate share.
    pub id: Vec<u8>,
    /// Its public half, when the token tells it and it is of a kind that is worked with.
    pub public: Option<PublicKey>,
}

/// A token may look for primes for minutes.
const LIMIT_MAKING: Duration = Duration::from_secs(300);
const LIMIT_LISTING: Duration = Duration::from_secs(30);

impl Pkcs11Uri {
    /// Makes a key in the token, which the token never gives away. Its label is that of the URI, its id too or a random one.
    ///
    /// # Errors
    /// [`Pkcs11Error`]; [`Pkcs11Error::Exists`] when a key of this name is there.
    pub fn generate(&self, spec: KeySpec, usage: KeyUse) -> Result<PublicKey, Pkcs11Error> {
        let uri = self.clone();
        in_time(LIMIT_MAKING, move || generate(&uri, spec, usage))
    }

    /// The private keys of the token that fit; all, when neither object nor id is named.
    ///
    /// # Errors
    /// [`Pkcs11Error`].
    pub fn list(&self) -> Result<Vec<TokenKey>, Pkcs11Error> {
        let uri = self.clone();
        in_time(LIMIT_LISTING, move || list(&uri))
    }
}

/// On a thread that nobody has to wait for.
fn in_time<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, Pkcs11Error> + Send + 'static,
) -> Result<T, Pkcs11Error> {
    let (say, said) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("pkcs11".to_owned()).spawn(move || drop(say.send(work())));
    spawned.map(drop).map_err(|_| Pkcs11Error::Busy)?;
    said.recv_timeout(limit).map_err(|_| Pkcs11Error::TimedOut)?
}

fn generate(uri: &Pkcs11Uri, spec: KeySpec, usage: KeyUse) -> Result<PublicKey, Pkcs11Error> {
    let label = uri.object.as_ref().ok_or(Pkcs11Error::NoLabel)?.as_bytes().to_vec();
    let session = session(uri, Access::Make)?;
    if !session.find_objects(&template(uri, ObjectClass::PRIVATE_KEY))?.is_empty() {
        return Err(Pkcs11Error::Exists);
    }
    let id = match &uri.id {
        Some(id) => id.clone(),
        None => random::<16>()?.to_vec(),
    };
    let both = [Attribute::Token(true), Attribute::Label(label), Attribute::Id(id)];
    let (decrypts, is_rsa) = (usage == KeyUse::SignAndDecrypt, spec.rsa_bits().is_some());
    let mut public = both.to_vec();
    public.extend([Attribute::Private(false), Attribute::Verify(true)]);
    let mut private = both.to_vec();
    private.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ]);
    let mechanism = match (spec.rsa_bits(), curve(spec)?) {
        (Some(bits), _) => {
            let bits = u32::try_from(bits).map_err(|_| Pkcs11Error::Mismatch)?;
            // RFC 8017 §3.1; 65537.
            public.extend([
                Attribute::ModulusBits(Ulong::new(c_ulong::from(bits))),
                Attribute::PublicExponent(vec![1, 0, 1]),
            ]);
            Mechanism::RsaPkcsKeyPairGen
        }
        (None, curve) => {
            public.push(Attribute::EcParams(curve));
            if spec == KeySpec::Ed25519 { Mechanism::EccEdwardsKeyPairGen } else { Mechanism::EccKeyPairGen }
        }
    };
    match (decrypts, is_rsa) {
        (true, true) => {
            public.push(Attribute::Encrypt(true));
            private.push(Attribute::Decrypt(true));
        }
        (true, false) if spec != KeySpec::Ed25519 => private.push(Attribute::Derive(true)),
        (false, true) => private.push(Attribute::Decrypt(false)),
        _ => private.push(Attribute::Derive(false)),
    }
    let made = session.generate_key_pair(&mechanism, &public, &private);
    let (public, _) = made.map_err(|error| match error {
        // What tokens say of a curve that they do not know.
        Error::Pkcs11(RvError::TemplateInconsistent | RvError::AttributeValueInvalid, _) => {
            Pkcs11Error::CannotDo { source: Box::new(error) }
        }
        error => error.into(),
    })?;
    read(&session, public)?.ok_or(Pkcs11Error::NoPublicHalf)
}

fn list(uri: &Pkcs11Uri) -> Result<Vec<TokenKey>, Pkcs11Error> {
    let session = session(uri, Access::Use)?;
    let mut keys = Vec::new();
    for object in session.find_objects(&template(uri, ObjectClass::PRIVATE_KEY))? {
        let (mut label, mut id) = (String::new(), Vec::new());
        for attribute in session.get_attributes(object, &[AttributeType::Label, AttributeType::Id])? {
            match attribute {
                Attribute::Label(octets) => label = String::from_utf8_lossy(&octets).into_owned(),
                Attribute::Id(octets) => id = octets,
                _ => {}
            }
        }
        // A key of another kind hides no other.
        keys.push(TokenKey { label, id, public: public_half(&session, object).ok() });
    }
    keys.sort_by(|one, other| (&one.label, &one.id).cmp(&(&other.label, &other.id)));
    Ok(keys)
}

/// CKA_EC_PARAMS (PKCS#11 §6.3.3).
fn curve(spec: KeySpec) -> Result<Vec<u8>, Pkcs11Error> {
    let curve = match spec {
        KeySpec::P256 => oid::SECP_256_R_1,
        KeySpec::P384 => oid::SECP_384_R_1,
        KeySpec::P521 => oid::SECP_521_R_1,
        KeySpec::Ed25519 => ID_ED25519,
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => return Ok(Vec::new()),
    };
    curve.to_der().map_err(|_| Pkcs11Error::Mismatch)
}
