//! The libraries of tokens' makers, each loaded once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};

use super::error::{Pkcs11Error, text};
use crate::{
    digest::sha256,
    key::{Passphrase, Pkcs11Uri, TokenChoice},
};

/// The libraries of this process. Each is one for the process: to initialise one twice is an error, and to finalise it would
/// take it away from every other key.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// The PINs that tokens refused. To try one again for the next key, or after every reset, would lock the token.
static REFUSED_PINS: Mutex<BTreeSet<RefusedPin>> = Mutex::new(BTreeSet::new());

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RefusedPin {
    module: PathBuf,
    serial_number: String,
    sha256: [u8; 32],
}

/// The library in this file, ready for calls from several threads.
pub(super) fn module(path: &Path) -> Result<Pkcs11, Pkcs11Error> {
    let failed = |source| Pkcs11Error::Module { path: path.to_owned(), source: Box::new(source) };
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    let module = match modules.get(path) {
        Some(module) => module.clone(),
        None => {
            let module = Pkcs11::new(path).map_err(failed)?;
            modules.insert(path.to_owned(), module.clone());
            module
        }
    };
    // Also after it was finalised by somebody else.
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(error) => Err(failed(error)),
    }
}

/// The one token that fits.
pub(super) fn token(module: &Pkcs11, path: &Path, choice: &TokenChoice) -> Result<Slot, Pkcs11Error> {
    let mut fitting = Vec::new();
    for slot in module.get_slots_with_token()? {
        let token = match module.get_token_info(slot) {
            Ok(token) => token,
            // Taken out in the meantime.
            Err(Error::Pkcs11(RvError::TokenNotPresent | RvError::TokenNotRecognized, _)) => continue,
            Err(error) => return Err(error.into()),
        };
        let fits = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        if token.token_initialized()
            && fits(&choice.label, token.label())
            && fits(&choice.manufacturer, token.manufacturer_id())
            && fits(&choice.model, token.model())
            && fits(&choice.serial, token.serial_number())
            && choice.slot.is_none_or(|wanted| wanted == slot.id())
        {
            fitting.push(slot);
        }
    }
    match fitting[..] {
        [] => Err(Pkcs11Error::NoToken { module: path.to_owned() }),
        [slot] => Ok(slot),
        _ => Err(Pkcs11Error::ManyTokens { count: fitting.len() }),
    }
}

/// Logs in with the PIN that the file holds now.
pub(super) fn log_in(module: &Pkcs11, slot: Slot, session: &Session, uri: &Pkcs11Uri) -> Result<(), Pkcs11Error> {
    let Some(path) = &uri.pin_file else { return Ok(()) };
    let of_file = |source| Pkcs11Error::Pin { path: path.clone(), source };
    let pin = Passphrase::from_file(path).map_err(of_file)?;
    let refused = || Pkcs11Error::PinRefused { path: path.clone() };
    let text = text(&pin).ok_or_else(refused)?;
    let token = module.get_token_info(slot)?;
    let attempt = RefusedPin {
        module: uri.module.clone(),
        serial_number: token.serial_number().to_owned(),
        sha256: sha256(pin.octets()).0,
    };
    // One at a time: several threads with the same wrong PIN are several wrong PINs.
    let mut refused_pins = REFUSED_PINS.lock().unwrap_or_else(PoisonError::into_inner);
    if refused_pins.contains(&attempt) {
        return Err(refused());
    }
    if token.user_pin_locked() {
        return Err(Pkcs11Error::Locked);
    }
    if token.user_pin_final_try() {
        return Err(Pkcs11Error::LastTry);
    }
    match session.login(UserType::User, Some(&AuthPin::from(text))) {
        // Logging in is for the whole process and token, and another key may have done it.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Error::Pkcs11(
            RvError::PinIncorrect | RvError::PinLenRange | RvError::PinInvalid | RvError::PinExpired,
            _,
        )) => {
            refused_pins.insert(attempt);
            Err(refused())
        }
        Err(error) => Err(error.into()),
    }
}
