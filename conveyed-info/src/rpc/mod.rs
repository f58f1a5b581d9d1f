//! The two operations of `ietf-sztp-bootstrap-server` (RFC 8572 §7, RFC 9646) and the errors RESTCONF answers with.

mod api;
mod csr;
mod error_tag;
mod errors;
mod get_bootstrapping_data;
mod progress;
mod progress_type;

pub use api::ApiResource;
pub use csr::{
    CertReqInfo, CertificationRequest, CertificationRequestError, Csr, CsrFormat, CsrInput, CsrRequest,
    CsrRequestError, CsrSupport, KeyAlgorithm,
};
pub use error_tag::ErrorTag;
pub use errors::RestconfError;
pub use get_bootstrapping_data::{BootstrappingAnswer, BootstrappingRequest, ReportingLevel};
pub use progress::{ProgressReport, SshHostKey, TrustAnchorCert};
pub use progress_type::{ProgressType, UnknownProgressType};

/// Media type of a JSON body (RFC 8040 §11.3.2).
pub const YANG_DATA_JSON: &str = "application/yang-data+json";

/// Media type of an XML body (RFC 8040 §11.3.1).
pub const YANG_DATA_XML: &str = "application/yang-data+xml";

/// Path of the first operation below the RESTCONF root.
pub const GET_BOOTSTRAPPING_DATA: &str = "operations/ietf-sztp-bootstrap-server:get-bootstrapping-data";

/// Path of the second operation below the RESTCONF root.
pub const REPORT_PROGRESS: &str = "operations/ietf-sztp-bootstrap-server:report-progress";

/// Where a client finds the RESTCONF root (RFC 8040 §3.1).
pub const HOST_META: &str = "/.well-known/host-meta";

const INPUT: &str = "ietf-sztp-bootstrap-server:input";
const OUTPUT: &str = "ietf-sztp-bootstrap-server:output";
