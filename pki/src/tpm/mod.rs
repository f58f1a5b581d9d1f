//! Keys and certificates in a TPM 2.0, and what proves that a key is in one.
//!
//! The commands are written and read here, without a library of the TCG's stack: the few that a device needs are small, and a
//! device is too. What is said to a TPM is TPM 2.0 Library, Part 3; structures are Part 2, sessions Part 1.
//!
//! | question | type |
//! |---|---|
//! | which TPM, which key, which certificate | [`TpmAddress`](crate::key::TpmAddress), [`TpmKeyAddress`](crate::key::TpmKeyAddress), [`NvAddress`] |
//! | make keys, keep certificates, certify, activate | [`Tpm`] |
//! | sign and decrypt with a key | [`TpmKey`] |
//! | what keys are made from | [`Template`], [`Hierarchy`] |
//! | does a key live in the TPM that has this endorsement key | [`attestation`], which needs no TPM |
//!
//! [`Tpm`] and [`TpmKey`] do I/O, and say so; everything else is pure.
//!
//! # A key that comes back
//!
//! A key in [`Hierarchy::Endorsement`] is computed from the endorsement seed, which a TPM clear leaves alone, and from its template.
//! Clearing removes the key from its handle; making it again from the same template gives the same key:
//!
//! ```no_run
//! use pki::{key::{TpmAddress, TpmHandle}, tpm::{Hierarchy, Secret, Template, Tpm, TpmAlgorithm}};
//!
//! let mut tpm = Tpm::open(&TpmAddress::Machine)?;
//! let template = Template::idevid(TpmAlgorithm::P256);
//! let no = Secret::empty();
//! let key = tpm.keep_primary(Hierarchy::Endorsement, &template, TpmHandle::IDEVID, &no, &no)?;
//! println!("{}", key.key().to_pem());
//! # Ok::<(), pki::tpm::TpmError>(())
//! ```
//!
//! # Passwords
//!
//! A password that is not empty is proved by an HMAC session and never sent, with one exception: when a key is made, the
//! TPM is told its password, on whatever bus it hangs. Responses are proved by the same session.

mod address;
pub mod attestation;
mod command;
mod endorsement;
mod error;
mod key;
mod nv;
mod object;
mod public;
mod response;
mod secret;
mod template;
mod transport;
mod wire;

pub use self::{
    address::{NvAddress, NvAddressError},
    error::TpmError,
    key::TpmKey,
    nv::NvOwner,
    object::Tpm,
    public::{Attributes, PublicArea},
    response::{Fault, ResponseCode},
    secret::{Secret, SecretTooLong},
    template::{EndorsementKind, Hierarchy, LabelTooLong, Template, TpmAlgorithm, UnknownAlgorithm, Usage},
    wire::Malformed,
};
