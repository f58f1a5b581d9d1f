//! The first user's token.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use pki::{
    digest::{Digest, sha256},
    key::{KeyError, random},
};
use zeroize::Zeroizing;

/// What opens the operator API: 256 random bits. Only its digest is stored.
pub(super) struct Secret(Zeroizing<String>);

impl Secret {
    pub(super) fn random() -> Result<Self, KeyError> {
        let octets = Zeroizing::new(random::<32>()?);
        Ok(Self(Zeroizing::new(format!("sztp_{}", BASE64_URL_SAFE_NO_PAD.encode(octets.as_slice())))))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn digest(&self) -> Digest {
        sha256(self.0.as_bytes())
    }
}
