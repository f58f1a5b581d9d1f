//! Certificate signing requests inside bootstrapping requests (RFC 9646): how a device without an LDevID gets one.
//!
//! A device says what it can do ([`CsrSupport`]), the server answers with an error that holds its choice
//! ([`CsrRequest`], in the `error-info` of a `missing-attribute`), and the device asks again with a [`Csr`]. Nothing
//! here is trusted because it could be read: the checks that need both sides' words are [`CsrRequest::check`], for the
//! device, and [`EnrolmentRequest::read`], for the server.

mod algorithm;
mod cmc;
mod cmp;
mod csr_request;
mod elements;
mod enrolment;

pub use algorithm::KeyAlgorithm;
pub use csr_request::{CertReqInfo, CsrRequest, CsrRequestError};
pub use enrolment::{EnrolmentRequest, EnrolmentRequestError, Origin};

use der::{Decode, Header, SliceReader, Tag};

use crate::{
    DocumentError,
    document::{Container, Members, Node, Out},
};

/// Longest structure in ASN.1 that is read from one of these leaves, in octets.
const MAX_DER: usize = 64 * 1024;

/// The module of the names of formats; never left out, it is not the leaf's own (RFC 7951 §6.8; CSR-02).
const TYPES: &str = "ietf-ztp-types";

const SUPPORT: &str = "ietf-sztp-csr:csr-support";

/// A form of certificate signing request (RFC 9646 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CsrFormat {
    /// `p10-csr`: CertificationRequest of RFC 2986.
    P10,
    /// `cmc-csr`: Full PKI Request of RFC 5272.
    Cmc,
    /// `cmp-csr`: PKIMessage of RFC 4210.
    Cmp,
}

impl CsrFormat {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::P10, Self::Cmc, Self::Cmp];

    /// As the YANG module spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P10 => "p10-csr",
            Self::Cmc => "cmc-csr",
            Self::Cmp => "cmp-csr",
        }
    }

    /// The member of the request that holds such a CSR.
    const fn member(self) -> &'static str {
        match self {
            Self::P10 => "ietf-sztp-csr:p10-csr",
            Self::Cmc => "ietf-sztp-csr:cmc-csr",
            Self::Cmp => "ietf-sztp-csr:cmp-csr",
        }
    }

    fn decode(node: Node) -> Result<Self, DocumentError> {
        let invalid = node.invalid("one of the formats of ietf-ztp-types: p10-csr, cmc-csr, cmp-csr");
        let (module, name) = node.identity(None)?;
        let known = Self::ALL.into_iter().find(|it| module == TYPES && it.as_str() == name);
        known.ok_or(invalid)
    }

    fn encode(self) -> Out {
        Out::Identity(TYPES, self.as_str().to_owned())
    }
}

/// What a request says about CSRs: one thing or the other (RFC 9646 §2.1; CSR-01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsrInput {
    /// The device can make one.
    Support(CsrSupport),
    /// Here it is.
    Csr(Csr),
}

impl CsrInput {
    /// Takes whichever of the four members is there.
    ///
    /// # Errors
    /// [`DocumentError::Conflict`] when there is more than one (RFC 7950 §8.3).
    pub(super) fn decode(members: &mut Members) -> Result<Option<Self>, DocumentError> {
        let mut read = members.optional(SUPPORT).map(CsrSupport::decode).transpose()?.map(Self::Support);
        for format in CsrFormat::ALL {
            let Some(node) = members.optional(format.member()) else { continue };
            if read.is_some() {
                return Err(DocumentError::Conflict { path: members.path_of(format.member()) });
            }
            let invalid = node.invalid("one DER SEQUENCE in base64, of bounded size");
            read = Some(Self::Csr(Csr::from_der(format, node.binary()?).ok_or(invalid)?));
        }
        Ok(read)
    }

    pub(super) fn encode(&self, to: &mut Container) {
        match self {
            Self::Support(support) => to.put(SUPPORT, Out::Container(support.encode())),
            Self::Csr(csr) => to.put_binary(csr.format.member(), &csr.der),
        }
    }
}

/// A certificate signing request as it travels. Nothing but its outermost tag was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    format: CsrFormat,
    der: Vec<u8>,
}

impl Csr {
    /// Takes a CSR; `None` when it is not exactly one DER SEQUENCE of at most 64 KiB. All three forms are one, a CMC
    /// request being a ContentInfo.
    #[must_use]
    pub fn from_der(format: CsrFormat, der: Vec<u8>) -> Option<Self> {
        is_one_sequence(&der).then_some(Self { format, der })
    }

    /// Its form.
    #[must_use]
    pub const fn format(&self) -> CsrFormat {
        self.format
    }

    /// The structure, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }
}

fn is_one_sequence(der: &[u8]) -> bool {
    if der.len() > MAX_DER {
        return false;
    }
    let Ok(mut reader) = SliceReader::new(der) else { return false };
    Header::decode(&mut reader).is_ok_and(|header| {
        let whole = u32::from(header.length()).checked_add(u32::from(der::Reader::position(&reader)));
        header.tag() == Tag::Sequence && whole.and_then(|it| usize::try_from(it).ok()) == Some(der.len())
    })
}

/// What a device can do about CSRs (RFC 9646 §2.1, `csr-support`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrSupport {
    key_generation: Option<Vec<KeyAlgorithm>>,
    formats: Vec<CsrFormat>,
}

impl CsrSupport {
    /// Most algorithms, and most formats, in one list.
    pub const MAX_ENTRIES: usize = 32;

    /// A device that can make keys of these algorithms (`None`: it has but the one of its identity certificate; CSR-05)
    /// and CSRs of these formats, each in order of preference.
    ///
    /// # Errors
    /// [`DocumentError::InvalidValue`] when a list is empty (CSR-03) or too long.
    pub fn new(key_generation: Option<Vec<KeyAlgorithm>>, formats: Vec<CsrFormat>) -> Result<Self, DocumentError> {
        let fits = |length| (1..=Self::MAX_ENTRIES).contains(&length);
        let invalid = |path: &str| DocumentError::InvalidValue {
            path: format!("{SUPPORT}/{path}"),
            expected: "a list of 1 to 32 entries",
        };
        if key_generation.as_ref().is_some_and(|algorithms| !fits(algorithms.len())) {
            return Err(invalid("key-generation/supported-algorithms/algorithm-identifier"));
        }
        if !fits(formats.len()) {
            return Err(invalid("csr-generation/supported-formats/format-identifier"));
        }
        Ok(Self { key_generation, formats })
    }

    /// The algorithms of keys that the device can make; `None` when it can make no key.
    #[must_use]
    pub fn key_generation(&self) -> Option<&[KeyAlgorithm]> {
        self.key_generation.as_deref()
    }

    /// The formats of CSR that it can make.
    #[must_use]
    pub fn formats(&self) -> &[CsrFormat] {
        &self.formats
    }

    fn decode(node: Node) -> Result<Self, DocumentError> {
        let mut members = node.members()?;
        let key_generation = match members.optional("key-generation") {
            None => None,
            Some(node) => {
                let list = inner(node, "supported-algorithms", "algorithm-identifier")?;
                Some(some(list, KeyAlgorithm::decode)?)
            }
        };
        let list = inner(members.required("csr-generation")?, "supported-formats", "format-identifier")?;
        let formats = some(list, CsrFormat::decode)?;
        members.finish()?;
        Ok(Self { key_generation, formats })
    }

    fn encode(&self) -> Container {
        let mut members = Container::new();
        if let Some(algorithms) = &self.key_generation {
            let list = algorithms.iter().map(|it| Out::Binary(it.der().to_vec())).collect();
            members.put("key-generation", nested("supported-algorithms", "algorithm-identifier", Out::List(list)));
        }
        let list = self.formats.iter().map(|it| it.encode()).collect();
        members.put("csr-generation", nested("supported-formats", "format-identifier", Out::List(list)));
        members
    }
}

/// The entries of a list that may not be empty (CSR-03).
fn some<T>(list: Node, decode: impl Fn(Node) -> Result<T, DocumentError>) -> Result<Vec<T>, DocumentError> {
    let empty = list.invalid("a list of 1 to 32 entries");
    let entries = list.entries(CsrSupport::MAX_ENTRIES)?;
    if entries.is_empty() { Err(empty) } else { entries.into_iter().map(decode).collect() }
}

/// The only member, `leaf`, of the only member, `container`, of `node`.
fn inner(node: Node, container: &str, leaf: &str) -> Result<Node, DocumentError> {
    let mut outer = node.members()?;
    let mut members = outer.required(container)?.members()?;
    outer.finish()?;
    let leaf = members.required(leaf)?;
    members.finish()?;
    Ok(leaf)
}

/// The opposite of [`inner`].
fn nested(container: &'static str, leaf: &'static str, value: Out) -> Out {
    let (mut inner, mut outer) = (Container::new(), Container::new());
    inner.put(leaf, value);
    outer.put(container, Out::Container(inner));
    Out::Container(outer)
}
