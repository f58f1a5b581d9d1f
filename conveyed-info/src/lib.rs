//! The artifacts and messages of RFC 8572 (secure zero-touch provisioning) and RFC 8366 (ownership vouchers), and the
//! engine that decides whether a device may act on them.
//!
//! Three artifacts make up the bootstrapping data of a device:
//!
//! - **conveyed information** ([`information`]): redirect information, which names bootstrap servers, or onboarding
//!   information, which says what to install and configure;
//! - **owner certificate**: the certificate, with its chain, whose key signed the conveyed information;
//! - **ownership voucher** ([`voucher`]): the manufacturer's signed statement which certificate speaks for the device's
//!   owner.
//!
//! They come alone (unsigned conveyed information) or all three together ([`BootstrappingData`]), from any source. What
//! arrives is [`Unverified`] and can do nothing; [`verify::verify`] turns it into [`verify::Accepted`], or into a
//! refusal that says why. [`discovery`] has the names and forms under which they lie in DNS and on removable storage.
//!
//! The crate is pure: it opens no socket, reads no clock and draws no randomness.

mod artifacts;
pub mod cms;
pub mod discovery;
mod document;
pub mod information;
pub mod make;
pub mod profile;
pub mod rpc;
mod unverified;
pub mod verify;
pub mod voucher;

pub use artifacts::{ArtifactError, BootstrappingData, ConveyedInformation, OwnerCertificate, OwnershipVoucher};
pub use document::{DocumentError, Encoding};
pub use unverified::{Unverified, Verified};
