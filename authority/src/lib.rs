//! What issues: the certificate authority that enrols devices, and the MASA that says who owns them.
//!
//! Verification lives in `pki` and `conveyed-info`; this crate only makes. It reads no clock and draws no randomness:
//! the present and the entropy of a certificate's serial number come from the caller. (What makes whole parties for tests and
//! the demo is the exception.)
//!
//! | question | type |
//! |---|---|
//! | which certificate for which use | [`Profile`], by [`Kind`] and [`ProfileSettings`] |
//! | whom does it speak for | [`Subject`] |
//! | who issues it | [`CertificateAuthority`] |
//! | may whoever asks have it | [`judge`] |
//! | what is wrong with it, before it is signed | [`Findings`] |
//! | which are revoked | [`CrlPlan`], [`OcspResponder`] |
//! | who owns a device | [`Masa`] |
//! | may a unit on the factory line have its IDevID | [`factory`] |

mod ca;
mod crl;
pub mod est;
mod extensions;
pub mod factory;
mod judge;
pub mod ldevid;
mod lint;
pub mod masa;
mod ocsp;
mod parties;
mod profile;
mod subject;
mod tbs;

pub use ca::{AuthorityError, CertificateAuthority, CertificateSerial};
pub use crl::{CrlError, CrlPlan, RevokedCertificate};
pub use judge::{Approved, Asker, RequestRefused, judge};
pub use lint::{Finding, Findings, TextFault, text_fault};
pub use masa::issue::{Masa, MasaError, Validity, VoucherRequest};
pub use ocsp::{
    OcspAnswer, OcspFailure, OcspPeriod, OcspRequest, OcspRequestError, OcspResponder, OcspResponderError, Recorded,
    Unissued,
};
pub use parties::{ManufacturerParty, OwnerParty, PartyError};
pub use profile::{
    CrlLocation, Kind, Lifetime, Profile, ProfileError, ProfileSettings, RequestedNames, Shards, SubjectAttribute,
};
pub use subject::{AlternativeName, Subject, SubjectError};
pub use tbs::SigningError;
