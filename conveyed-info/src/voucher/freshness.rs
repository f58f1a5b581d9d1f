//! How a voucher is bound in time.

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use pki::time::Timestamp;

use super::date;
use crate::{
    DocumentError,
    document::{Members, Node},
    profile::{Grants, Leniency},
};

/// A voucher expires, or holds a nonce, or neither; never both (RFC 8366 §5.3; VCH-03).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Valid until this moment; may be renewed until the other one, which devices never look at (VCH-16).
    ExpiresOn {
        /// Last moment of validity.
        expires_on: Timestamp,
        /// Until when the MASA will renew it.
        last_renewal_date: Option<Timestamp>,
    },
    /// An answer to the request that held this nonce.
    Nonce(Nonce),
    /// Valid for ever.
    Unlimited,
}

impl Freshness {
    pub(super) fn decode(members: &mut Members, grants: &mut Grants) -> Result<Self, DocumentError> {
        let expires_on = members.optional("expires-on").map(date).transpose()?;
        let last_renewal_date = members.optional("last-renewal-date").map(date).transpose()?;
        let nonce = members.optional("nonce").map(|node| Nonce::decode(node, grants)).transpose()?;
        match (expires_on, nonce) {
            (Some(_), Some(_)) => Err(DocumentError::Conflict { path: members.path_of("nonce") }),
            (Some(expires_on), None) => Ok(Self::ExpiresOn { expires_on, last_renewal_date }),
            // The module's `must`: last-renewal-date only beside expires-on (VCH-16).
            (None, _) if last_renewal_date.is_some() => {
                Err(DocumentError::MissingMember { path: members.path_of("expires-on") })
            }
            (None, Some(nonce)) => Ok(Self::Nonce(nonce)),
            (None, None) => Ok(Self::Unlimited),
        }
    }
}

/// A nonce: 16 to 32 octets in a bootstrapping request (RFC 8572 §7.3), 8 to 32 in a voucher (RFC 8366 §5.3).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// Takes a nonce for a bootstrapping request.
    #[must_use]
    pub fn for_request(octets: Vec<u8>) -> Option<Self> {
        (16..=32).contains(&octets.len()).then_some(Self(octets))
    }

    /// Takes a nonce for a voucher (VCH-14).
    #[must_use]
    pub fn for_voucher(octets: Vec<u8>) -> Option<Self> {
        (8..=32).contains(&octets.len()).then_some(Self(octets))
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The nonce of a voucher, as base64, or in the forms that others give it.
    fn decode(node: Node, grants: &mut Grants) -> Result<Self, DocumentError> {
        let hexadecimal = node.quoted().and_then(from_hex).and_then(Self::for_voucher);
        match hexadecimal {
            Some(nonce) if grants.allow(Leniency::HexNonce) => Ok(nonce),
            _ => Self::decode_base64(node, grants),
        }
    }

    /// As base64, and nothing else.
    pub(super) fn decode_base64(node: Node, grants: &mut Grants) -> Result<Self, DocumentError> {
        let invalid = node.invalid("8 to 32 octets in base64");
        let text = node.text()?;
        let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        match STANDARD.decode(&compact) {
            Ok(octets) => Self::for_voucher(octets),
            Err(_) => STANDARD_NO_PAD
                .decode(&compact)
                .ok()
                .and_then(Self::for_voucher)
                .filter(|_| grants.allow(Leniency::UnpaddedNonce)),
        }
        .ok_or(invalid)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({})", STANDARD.encode(&self.0))
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let octet = |pair: &[u8; 2]| {
        let text = str::from_utf8(pair).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u8::from_str_radix(text, 16).ok()
    };
    rest.is_empty().then(|| pairs.iter().map(octet).collect()).flatten()
}
