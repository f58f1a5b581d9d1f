//! Keys, signature algorithms, certificates, path validation, revocation and device identity.
//!
//! What the rest of the system needs from X.509 (RFC 5280) and IEEE 802.1AR, and nothing of RFC 8572 itself. The crate
//! reads no clock and no files: dates are judged against a [`time::Clock`] that the caller brings, and a clock that is
//! not to be trusted is a value of that type, not a special case (RFC 8572 §9.1). Signing goes through [`key::Signer`],
//! so that a key may live in a file, an HSM or a TPM without the code that builds artifacts knowing.

pub mod algorithm;
pub mod certificate;
pub mod digest;
pub mod identity;
pub mod key;
pub mod path;
pub mod revocation;
pub mod server_name;
pub mod time;
