//! What a server wants a CSR to be (RFC 9646 §2.2, `csr-request`).

use std::fmt;

use der::{Decode, Encode};
use x509_cert::{name::Name, request::CertReqInfo as Parsed};

use super::{CsrFormat, CsrSupport, KeyAlgorithm, inner, nested};
use crate::{
    DocumentError,
    document::{Container, Node, Out},
};

/// A server's choice among what the device offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrRequest {
    /// The device is to make a new key of this algorithm; `None`: use the key of the identity certificate.
    pub selected_algorithm: Option<KeyAlgorithm>,
    /// The form of the CSR.
    pub selected_format: CsrFormat,
    /// What the CSR is to say; the device must use it (CSR-09). `None`: like the identity certificate (CSR-10).
    pub cert_req_info: Option<CertReqInfo>,
}

impl CsrRequest {
    /// Whether the server chose among what was offered to it (RFC 9646 §2.2, §3.2). A device does nothing for a request
    /// that does not pass.
    ///
    /// # Errors
    /// [`CsrRequestError`] says what was not offered, or contradicts itself.
    pub fn check(&self, offered: &CsrSupport) -> Result<(), CsrRequestError> {
        if let Some(selected) = &self.selected_algorithm {
            // CSR-07.
            let algorithms = offered.key_generation().ok_or(CsrRequestError::KeyGenerationNotOffered)?;
            if !algorithms.contains(selected) {
                return Err(CsrRequestError::AlgorithmNotOffered { selected: selected.clone() });
            }
            // CSR-11.
            if let Some(info) = &self.cert_req_info
                && info.key_algorithm() != selected
            {
                let (selected, found) = (selected.clone(), info.key_algorithm().clone());
                return Err(CsrRequestError::AlgorithmMismatch { selected, found });
            }
        }
        // CSR-08.
        if !offered.formats().contains(&self.selected_format) {
            return Err(CsrRequestError::FormatNotOffered { selected: self.selected_format });
        }
        Ok(())
    }

    pub(in crate::rpc) fn decode(node: Node) -> Result<Self, DocumentError> {
        let mut members = node.members()?;
        let selected_algorithm = match members.optional("key-generation") {
            None => None,
            Some(node) => Some(KeyAlgorithm::decode(inner(node, "selected-algorithm", "algorithm-identifier")?)?),
        };
        let format = inner(members.required("csr-generation")?, "selected-format", "format-identifier")?;
        let selected_format = CsrFormat::decode(format)?;
        let cert_req_info = match members.optional("cert-req-info") {
            None => None,
            Some(node) => {
                let invalid = node.invalid("a DER CertificationRequestInfo in base64");
                Some(CertReqInfo::from_der(&node.binary()?).ok_or(invalid)?)
            }
        };
        members.finish()?;
        Ok(Self { selected_algorithm, selected_format, cert_req_info })
    }

    pub(in crate::rpc) fn encode(&self) -> Container {
        let mut members = Container::new();
        if let Some(algorithm) = &self.selected_algorithm {
            let leaf = Out::Binary(algorithm.der().to_vec());
            members.put("key-generation", nested("selected-algorithm", "algorithm-identifier", leaf));
        }
        let leaf = self.selected_format.encode();
        members.put("csr-generation", nested("selected-format", "format-identifier", leaf));
        if let Some(info) = &self.cert_req_info {
            members.put_binary("cert-req-info", info.der());
        }
        members
    }
}

/// A CertificationRequestInfo (RFC 2986 §4.1): what a CSR says, before it is signed.
#[derive(Clone)]
pub struct CertReqInfo {
    der: Vec<u8>,
    parsed: Box<Parsed>,
    key_algorithm: KeyAlgorithm,
}

impl CertReqInfo {
    /// Reads a DER CertificationRequestInfo; `None` when it is none, or too long.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        if der.len() > super::MAX_DER {
            return None;
        }
        let parsed = Box::new(Parsed::from_der(der).ok()?);
        let key_algorithm = KeyAlgorithm::from_der(&parsed.public_key.algorithm.to_der().ok()?)?;
        Some(Self { der: der.to_vec(), parsed, key_algorithm })
    }

    /// The structure, DER: what the device signs.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject that the certificate is to have.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.parsed.subject
    }

    /// The algorithm of the key in it.
    #[must_use]
    pub const fn key_algorithm(&self) -> &KeyAlgorithm {
        &self.key_algorithm
    }

    /// The parsed form, for encoders that need its fields.
    #[must_use]
    pub fn as_x509(&self) -> &Parsed {
        &self.parsed
    }
}

impl PartialEq for CertReqInfo {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for CertReqInfo {}

impl fmt::Debug for CertReqInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertReqInfo({}, {})", self.subject(), self.key_algorithm)
    }
}

/// A server asked for what it was not offered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrRequestError {
    /// A new key is wanted, and the device said that it cannot make one (CSR-07).
    #[error("a new key is wanted and none was offered")]
    KeyGenerationNotOffered,
    /// A key of an algorithm that was not offered (CSR-07).
    #[error("a key of algorithm {selected} is wanted, which was not offered")]
    AlgorithmNotOffered {
        /// The algorithm that the server chose.
        selected: KeyAlgorithm,
    },
    /// A form of CSR that was not offered (CSR-08).
    #[error("a {} is wanted, which was not offered", selected.as_str())]
    FormatNotOffered {
        /// The form that the server chose.
        selected: CsrFormat,
    },
    /// The key in `cert-req-info` is of another algorithm than the one selected (CSR-11).
    #[error("a key of algorithm {selected} is wanted, and cert-req-info holds one of {found}")]
    AlgorithmMismatch {
        /// The algorithm that the server chose.
        selected: KeyAlgorithm,
        /// The algorithm in `cert-req-info`.
        found: KeyAlgorithm,
    },
}
