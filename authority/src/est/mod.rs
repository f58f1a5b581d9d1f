//! Enrolment over Secure Transport, as far as it is octets and decisions (RFC 7030, clarified by RFC 8951).
//!
//! A device that has a certificate of its owner's renews it here ([`Asker::Holder`](crate::Asker::Holder)); one that has only its
//! IDevID may get its first one, judged as a CSR in an onboarding is ([`crate::ldevid`]). Who is at the other end of the connection is the caller's to
//! say, and so is what was issued before.

mod attributes;
mod body;

pub use attributes::csr_attributes;
pub use body::{BodyInvalid, MAX_BODY, certs_only, read_request};

/// Where an EST server is found (RFC 7030 §3.2.2; EST-01). A label, which names an authority, may stand behind it.
pub const PATH: &str = "/.well-known/est";

/// Media type of a request (RFC 7030 §3.2.4).
pub const PKCS10: &str = "application/pkcs10";

/// Media type of certificates alone (RFC 7030 §4.1.3, §4.2.3).
pub const CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";

/// Media type of what a request is to say (RFC 7030 §4.5.2).
pub const CSR_ATTRIBUTES: &str = "application/csrattrs";
