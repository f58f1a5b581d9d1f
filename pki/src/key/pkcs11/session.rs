//! A session with a token, in which the key was found.

use cryptoki::{
    context::Pkcs11,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
};

use super::{
    error::Pkcs11Error,
    module::{log_in, module, token},
    public::public_half,
};
use crate::key::{KeyType, Pkcs11Uri, PublicKey};

/// Whether objects are only used, or made too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Use,
    Make,
}

/// A session, logged in where there is a PIN.
pub(super) fn session(uri: &Pkcs11Uri, access: Access) -> Result<Session, Pkcs11Error> {
    let module: Pkcs11 = module(&uri.module)?;
    let slot = token(&module, &uri.module, &uri.token)?;
    let session = match access {
        Access::Use => module.open_ro_session(slot)?,
        Access::Make => module.open_rw_session(slot)?,
    };
    log_in(&module, slot, &session, uri)?;
    Ok(session)
}

/// A private key in a session. Both are good until the token is reset.
pub(super) struct Connection {
    pub(super) session: Session,
    pub(super) key: ObjectHandle,
}

/// What is known of a key beside its handle.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) public: PublicKey,
    pub(super) signs: bool,
    pub(super) decrypts: bool,
}

impl Connection {
    pub(super) fn open(uri: &Pkcs11Uri) -> Result<Self, Pkcs11Error> {
        let session = session(uri, Access::Use)?;
        let found = session.find_objects(&template(uri, ObjectClass::PRIVATE_KEY))?;
        match found[..] {
            [] => Err(Pkcs11Error::NoKey { logged_in: uri.pin_file.is_some() }),
            [key] => Ok(Self { session, key }),
            _ => Err(Pkcs11Error::ManyKeys { count: found.len() }),
        }
    }

    /// Looks at the key once, when it is opened.
    pub(super) fn facts(&self) -> Result<Facts, Pkcs11Error> {
        let wanted =
            [AttributeType::Sign, AttributeType::Decrypt, AttributeType::Derive, AttributeType::AlwaysAuthenticate];
        let (mut signs, mut decrypts, mut derives) = (false, false, false);
        for attribute in self.session.get_attributes(self.key, &wanted)? {
            match attribute {
                Attribute::AlwaysAuthenticate(true) => return Err(Pkcs11Error::AlwaysAuthenticate),
                Attribute::Sign(it) => signs = it,
                Attribute::Decrypt(it) => decrypts = it,
                Attribute::Derive(it) => derives = it,
                _ => {}
            }
        }
        let public = public_half(&self.session, self.key)?;
        // What tokens say of the other one means nothing.
        let decrypts = match public.key_type() {
            KeyType::Rsa => decrypts,
            KeyType::P256 | KeyType::P384 | KeyType::P521 => derives,
            KeyType::RsaPss | KeyType::Ed25519 => false,
        };
        Ok(Facts { public, signs, decrypts })
    }
}

/// What an object of this class must have to be meant.
pub(super) fn template(uri: &Pkcs11Uri, class: ObjectClass) -> Vec<Attribute> {
    let label = uri.object.as_ref().map(|label| Attribute::Label(label.as_bytes().to_vec()));
    let id = uri.id.as_ref().map(|id| Attribute::Id(id.clone()));
    [Attribute::Token(true), Attribute::Class(class)].into_iter().chain(label).chain(id).collect()
}
