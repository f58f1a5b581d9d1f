//! What issues: the certificate authority that enrols devices, and the MASA that says who owns them.
//!
//! Verification lives in `pki` and `conveyed-info`; this crate only makes. It reads no clock and draws no randomness:
//! the present and the entropy of a certificate's serial number come from the caller.

mod ca;
mod issuer_key;
pub mod ldevid;
mod masa;
mod parties;
mod profile;

pub use ca::{AuthorityError, CertificateAuthority, CertificateSerial};
pub use masa::{Masa, MasaError, Validity, VoucherRequest};
pub use parties::{ManufacturerParty, OwnerParty, PartyError};
pub use profile::Profile;
