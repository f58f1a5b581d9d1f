//! Flattened Image Trees: reading, verifying and building signed boot images.
//!
//! A FIT is a flattened device tree that holds boot images (`/images`) and configurations that say which of them boot
//! together (`/configurations`). A signature hangs below a configuration and covers the configuration and its images;
//! the images are covered through their hash nodes, so that their data may lie outside the tree.
//!
//! # Why `hashed-nodes` is never believed
//!
//! A signature node carries the property `hashed-nodes`: the list of the nodes that were signed. It cannot itself be
//! signed, for it is written together with the signature. A verifier that takes the list from the file lets an attacker
//! decide *what is verified*, while the boot loader decides by name *what is booted*:
//!
//! ```text
//! signed by the owner                   rebuilt by an attacker (CVE-2026-46728)
//! /images/kernel-1     genuine          /images/kernel-1      the attacker's, booted
//! hashed-nodes = "/",                   /images/x/kernel-1    genuine, verified
//!   "/configurations/conf-1",           hashed-nodes = "/", "/configurations/conf-1",
//!   "/images/kernel-1", …                 "/images/x/kernel-1", …
//! ```
//!
//! The signed bytes are tokens of the file without their paths, so both files give the same bytes and the signature
//! verifies. Copying a configuration with its signature under another name (CVE-2020-10648) works the same way. So the
//! list is derived here from the configuration that is about to boot ([`region::Coverage`]), and the file's own list is
//! only compared with it, for the trace.
//!
//! # What else is refused
//!
//! Whatever two readers could understand differently: unit addresses and duplicate names (CVE-2021-27138), second roots
//! (CVE-2021-27097), overlapping blocks, data given in two places. Signatures of single images count for nothing, an
//! image without SHA-2 is refused, and an empty set of keys accepts nothing. No signature covers the choice of the
//! default configuration or keeps an old file from being offered again: select by name, and compare
//! [`VerifiedFit::timestamp`](verify::VerifiedFit::timestamp) with a floor kept outside the file.
//!
//! # Modules
//!
//! [`fdt`] reads trees, [`image`] finds a FIT in them, [`region`] says what must be signed, [`verify`] decides, and
//! [`build`] makes images that mkimage and U-Boot read. The crate does no I/O: bytes come through [`Source`].

mod algorithm;
pub mod build;
mod error;
pub mod fdt;
pub mod image;
mod limits;
pub mod region;
mod source;
#[cfg(test)]
mod tests;
pub mod verify;

pub use algorithm::{FitAlgorithm, Padding};
pub use error::{FdtError, FitError};
pub use limits::Limits;
pub use source::{ByteRange, Source};
