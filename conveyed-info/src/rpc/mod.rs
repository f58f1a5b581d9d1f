//! The two operations of `ietf-sztp-bootstrap-server` (RFC 8572 §7, RFC 9646) and the errors RESTCONF answers with.
//!
//! Each message reads and writes both encodings, on both sides. Bodies only: paths, media types and statuses are named here,
//! connections are the caller's.
//!
//! A device asks for its bootstrapping data. The server wants to certify a new key first and answers with an error that says
//! what the CSR is to be; the device asks again:
//!
//! ```
//! use conveyed_info::{
//!     Encoding, Unverified,
//!     rpc::{BootstrappingAnswer, BootstrappingRequest, Csr, CsrFormat, CsrInput, CsrRequest, CsrSupport, ErrorTag,
//!           KeyAlgorithm, ReportingLevel, RestconfError},
//! };
//! use pki::key::{FileKey, Signer};
//! # mod parties { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/parties.rs")); }
//! # let world = parties::parties();
//! # let new_key = FileKey::generate_p256()?;
//! # let csr = rcgen::CertificateParams::default()
//! #     .serialize_request(&rcgen::KeyPair::try_from(new_key.pkcs8_der())?)?.der().to_vec();
//!
//! // The device, over a connection that it trusts, says what it can do.
//! let p256 = KeyAlgorithm::of(new_key.public_key()).expect("an AlgorithmIdentifier");
//! let support = CsrSupport::new(Some(vec![p256.clone()]), vec![CsrFormat::P10])?;
//! let first = BootstrappingRequest { csr: Some(CsrInput::Support(support.clone())), ..BootstrappingRequest::default() };
//! let body = first.encode(Encoding::Json);
//!
//! // The server reads it, and chooses.
//! let Some(CsrInput::Support(_)) = BootstrappingRequest::decode(&body, Encoding::Json)?.csr else { panic!("it can") };
//! let wanted = CsrRequest { selected_algorithm: Some(p256), selected_format: CsrFormat::P10, cert_req_info: None };
//! let body = RestconfError::csr_wanted(wanted, "a CSR is wanted").encode(Encoding::Json);
//!
//! // The device checks that the choice is one it offered, makes key and CSR, and asks again.
//! let error = RestconfError::decode(&body, Encoding::Json).expect("an error");
//! assert_eq!((error.tag, error.tag.statuses()), (ErrorTag::MissingAttribute, &[400_u16][..]));
//! error.csr_request.expect("what is wanted").check(&support)?;
//! let csr = Csr::from_der(CsrFormat::P10, csr).expect("one SEQUENCE");
//! let second = BootstrappingRequest { csr: Some(CsrInput::Csr(csr)), ..BootstrappingRequest::default() };
//!
//! // The server reads the CSR with `EnrolmentRequest::read`, which proves that the device holds the key, and answers.
//! # let data = world.data();
//! let answer = BootstrappingAnswer { reporting_level: ReportingLevel::Verbose, data: data.clone() };
//! let body = answer.encode(Encoding::Json);
//!
//! // What the device gets is as unverified as what it finds on a stick.
//! let received = BootstrappingAnswer::decode(&body, Encoding::Json)?;
//! assert_eq!(received.data, Unverified::new(data));
//! # let _ = second;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A body that breaks its module is a [`crate::DocumentError`], and `RestconfError::from` makes the answer of it.

mod api;
mod csr;
mod error_tag;
mod errors;
mod get_bootstrapping_data;
mod library;
mod progress;
mod progress_type;
mod roles;

pub use api::ApiResource;
pub use csr::{
    CertReqInfo, Csr, CsrFormat, CsrInput, CsrRequest, CsrRequestError, CsrSupport, EnrolmentRequest,
    EnrolmentRequestError, KeyAlgorithm, Origin,
};
pub use error_tag::ErrorTag;
pub use errors::RestconfError;
pub use get_bootstrapping_data::{BootstrappingAnswer, BootstrappingRequest, ReportingLevel};
pub use progress::{ProgressReport, SshHostKey, TrustAnchorCert};
pub use progress_type::{ProgressType, UnknownProgressType};
pub use roles::Roles;

/// Media type of a JSON body (RFC 8040 §11.3.2).
pub const YANG_DATA_JSON: &str = "application/yang-data+json";

/// Media type of an XML body (RFC 8040 §11.3.1).
pub const YANG_DATA_XML: &str = "application/yang-data+xml";

/// Path of the first operation below the RESTCONF root.
pub const GET_BOOTSTRAPPING_DATA: &str = "operations/ietf-sztp-bootstrap-server:get-bootstrapping-data";

/// Path of the second operation below the RESTCONF root.
pub const REPORT_PROGRESS: &str = "operations/ietf-sztp-bootstrap-server:report-progress";

/// Where a device finds the RESTCONF root (RFC 8040 §3.1).
pub const HOST_META: &str = "/.well-known/host-meta";

const INPUT: &str = "ietf-sztp-bootstrap-server:input";
const OUTPUT: &str = "ietf-sztp-bootstrap-server:output";
