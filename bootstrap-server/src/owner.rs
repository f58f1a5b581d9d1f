//! The owner's signing side: artifacts are made when their inputs change, and cached by content.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use conveyed_info::{
    BootstrappingData, ConveyedInformation, OwnerCertificate, OwnershipVoucher,
    cms::ContentType,
    information::Information,
    make::{self, MakeError, Style},
};
use pki::{
    certificate::Certificate,
    digest::{Digest, sha256},
    key::Signer,
};

/// Names a signed document: its octets, and what it is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Artifact {
    document: Digest,
    content: ContentType,
}

/// Distinct documents that are kept signed: some for each profile, and the redirect.
const CACHE: usize = 1024;

/// Signs conveyed information with the owner's key.
pub struct Owner {
    signer: Box<dyn Signer>,
    chain: Vec<Certificate>,
    certificate: OwnerCertificate,
    signed: Mutex<HashMap<Artifact, Arc<ConveyedInformation>>>,
    personal: Mutex<HashMap<Artifact, Arc<ConveyedInformation>>>,
}

/// Whom a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A class of devices.
    Class,
    /// One device, whose certificate stands in it. It is kept signed for when the device asks again, and does not take the
    /// place of what is for many.
    Device,
}

impl Owner {
    /// Takes the owner's key and certificate chain, the owner certificate first.
    ///
    /// # Errors
    /// [`OwnerError`] when key and certificate do not belong together, or the certificate may not sign.
    pub fn new(signer: Box<dyn Signer>, chain: Vec<Certificate>) -> Result<Self, OwnerError> {
        if chain.first().map(Certificate::public_key) != Some(signer.public_key()) {
            return Err(OwnerError::KeyMismatch);
        }
        let certificate = make::owner_certificate(&chain)?;
        Ok(Self { signer, chain, certificate, signed: Mutex::default(), personal: Mutex::default() })
    }

    /// The owner certificate and its intermediates.
    pub(crate) fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The signed grouping of `information`, written as `style` has it, for the device that `voucher` is for. Signs once for
    /// each document in each style, as long as it is remembered.
    ///
    /// # Errors
    /// [`OwnerError::Make`] when signing fails.
    pub(crate) fn signed(
        &self,
        information: &Information,
        style: Style,
        audience: Audience,
        voucher: OwnershipVoucher,
    ) -> Result<BootstrappingData, OwnerError> {
        let key = Artifact { document: sha256(&information.encode(style.encoding)), content: style.content_type() };
        let cached = self.cache(audience).get(&key).cloned();
        let conveyed_information = match cached {
            Some(artifact) => artifact,
            None => {
                let made = make::signed_conveyed_information(information, style, self.signer.as_ref(), &self.chain)?;
                let mut cache = self.cache(audience);
                if cache.len() >= CACHE {
                    cache.clear();
                }
                // Two requests may have signed at once; whoever came first wins, so that all devices get one artifact.
                Arc::clone(cache.entry(key).or_insert_with(|| Arc::new(made)))
            }
        };
        Ok(BootstrappingData::Signed {
            conveyed_information: conveyed_information.as_ref().clone(),
            owner_certificate: self.certificate.clone(),
            ownership_voucher: voucher,
        })
    }

    fn cache(&self, audience: Audience) -> std::sync::MutexGuard<'_, HashMap<Artifact, Arc<ConveyedInformation>>> {
        let cache = match audience {
            Audience::Class => &self.signed,
            Audience::Device => &self.personal,
        };
        // What a panicking thread left behind is still a map of finished artifacts.
        cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owner").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// The owner cannot sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OwnerError {
    /// Key and certificate do not belong together.
    #[error("the owner's key is not the one in the owner certificate")]
    KeyMismatch,
    /// An artifact could not be made.
    #[error(transparent)]
    Make(#[from] MakeError),
}
