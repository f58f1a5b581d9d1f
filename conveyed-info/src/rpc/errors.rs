//! RESTCONF errors (RFC 8040 §7) as both sides speak them.

use super::{CsrRequest, ErrorTag};
use crate::{
    DocumentError, Encoding,
    document::{Attributes, Container, Members, Node, Out},
};

const ERRORS: &str = "ietf-restconf:errors";
const CSR_REQUEST: &str = "ietf-sztp-csr:csr-request";

/// The error that a server answers with: tag, and a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestconfError {
    /// What kind of error.
    pub tag: ErrorTag,
    /// For people; starts with a reason code where there is one.
    pub message: String,
    /// The member that is wrong, as a path below the body: not written when no module can define its first step. In an
    /// error that was read, as the server wrote it.
    pub path: Option<String>,
    /// What the server wants a CSR to be, beside `missing-attribute` (RFC 9646 §2.2; CSR-06).
    pub csr_request: Option<Box<CsrRequest>>,
}

impl RestconfError {
    /// An error without a path.
    #[must_use]
    pub fn new(tag: ErrorTag, message: impl Into<String>) -> Self {
        Self { tag, message: message.into(), path: None, csr_request: None }
    }

    /// The error by which a server asks for a CSR, with status 400 (RFC 9646 §2.2; CSR-06, CSR-14).
    #[must_use]
    pub fn csr_wanted(request: CsrRequest, message: impl Into<String>) -> Self {
        Self { csr_request: Some(Box::new(request)), ..Self::new(ErrorTag::MissingAttribute, message) }
    }

    /// Writes the `errors` document that holds this error.
    #[must_use]
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        Self::encode_all(std::slice::from_ref(self), encoding)
    }

    /// Writes the `errors` document that holds these errors, the most important first.
    #[must_use]
    pub fn encode_all(errors: &[Self], encoding: Encoding) -> Vec<u8> {
        let list = errors.iter().map(|error| Out::Container(error.members())).collect();
        let mut container = Container::new();
        container.put("error", Out::List(list));
        container.into_document(ERRORS, encoding)
    }

    fn members(&self) -> Container {
        let mut members = Container::new();
        members.put_text("error-type", self.tag.error_type());
        members.put_text("error-tag", self.tag.as_str());
        if let Some(path) = &self.path {
            members.put_path("error-path", path);
        }
        members.put_text("error-message", &self.message);
        if let Some(request) = &self.csr_request {
            let mut info = Container::new();
            info.put(CSR_REQUEST, Out::Container(request.encode()));
            members.put("error-info", Out::Container(info));
        }
        members
    }

    /// Reads the first error of an `errors` document that can be understood.
    #[must_use]
    pub fn decode(bytes: &[u8], encoding: Encoding) -> Option<Self> {
        Self::decode_all(bytes, encoding).into_iter().next()
    }

    /// Reads those errors of an `errors` document that can be understood, in order: servers in the field answer with all
    /// kinds of bodies, and a device only wants to know why. Members that nobody defines, XML attributes, a wrong
    /// `error-type` and whatever else `error-info` holds are passed over; a `csr-request` that is not exactly one is
    /// none (CSR-28).
    #[must_use]
    pub fn decode_all(bytes: &[u8], encoding: Encoding) -> Vec<Self> {
        errors(bytes, encoding).unwrap_or_default().into_iter().filter_map(Self::read).collect()
    }

    fn read(node: Node) -> Option<Self> {
        let mut members = node.members().ok()?;
        let tag = members.optional("error-tag")?.text().ok()?;
        let tag = ErrorTag::ALL.iter().copied().find(|known| known.as_str() == tag)?;
        let mut text = |name| members.optional(name).and_then(|node| node.text().ok());
        let message = text("error-message").unwrap_or_default();
        let path = text("error-path").map(|path| path.strip_prefix('/').unwrap_or(&path).to_owned());
        let csr_request = members.optional("error-info").and_then(|info| {
            let node = info.members().ok()?.optional(CSR_REQUEST)?;
            CsrRequest::decode(node).ok().map(Box::new)
        });
        Some(Self { tag, message, path, csr_request })
    }
}

/// The entries of the list of errors.
fn errors(bytes: &[u8], encoding: Encoding) -> Option<Vec<Node>> {
    /// As many as a document may hold.
    const MAX_ERRORS: usize = 256;
    let top = Members::of_document_with(bytes, encoding, Attributes::Ignored).ok()?;
    // Where one server library has no better name for the top of an XML document.
    let mut top = top.below("content-data").ok()?;
    top.optional(ERRORS)?.members().ok()?.optional("error")?.entries(MAX_ERRORS).ok()
}

impl From<&DocumentError> for RestconfError {
    /// RFC 7950 §8.3 and RFC 8040 §7 (RCF-21, RCF-27).
    fn from(error: &DocumentError) -> Self {
        let (tag, path) = match error {
            DocumentError::Malformed { .. } => (ErrorTag::MalformedMessage, None),
            DocumentError::UnknownMember { path } => (ErrorTag::UnknownElement, Some(path)),
            DocumentError::MissingMember { path } => (ErrorTag::MissingElement, Some(path)),
            DocumentError::InvalidValue { path, .. } => (ErrorTag::InvalidValue, Some(path)),
            DocumentError::Conflict { path } => (ErrorTag::BadElement, Some(path)),
        };
        Self { path: path.cloned(), ..Self::new(tag, error.to_string()) }
    }
}
