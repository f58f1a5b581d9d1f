//! Redirect information (RFC 8572 §2.1, §6.1).

use std::net::IpAddr;

use pki::certificate::Certificate;

use crate::{
    DocumentError,
    cms::{self, CmsError, SignedData},
    document::{Container, Members, Node, Out},
};

/// The port of a bootstrap server when none is given (RFC 8572 §6.3).
const DEFAULT_PORT: u16 = 443;

/// A list of bootstrap servers, to be tried in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectInformation {
    servers: Vec<BootstrapServer>,
}

/// One bootstrap server of a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapServer {
    /// DNS name or IP address, without brackets.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// The only anchor that the server's TLS certificate may be validated to. Worth nothing in unsigned information.
    pub trust_anchor: Option<TrustAnchor>,
}

/// The certificates of a redirect's `trust-anchor`: one chain that ends in a self-signed root (RFC 8572 §6.3; ART-32).
#[derive(Clone, PartialEq, Eq)]
pub struct TrustAnchor {
    der: Vec<u8>,
    chain: Vec<Certificate>,
}

impl RedirectInformation {
    /// Most servers in one list.
    pub const MAX_SERVERS: usize = 32;

    /// A redirect to `servers`.
    ///
    /// # Errors
    /// [`DocumentError::InvalidValue`] when the list is empty, too long, or names one address twice: the address is the
    /// list's key (CLI-46).
    pub fn new(servers: Vec<BootstrapServer>) -> Result<Self, DocumentError> {
        let invalid = |expected| DocumentError::InvalidValue { path: "bootstrap-server".to_owned(), expected };
        if servers.is_empty() || servers.len() > Self::MAX_SERVERS {
            return Err(invalid("a list of 1 to 32 servers"));
        }
        for (index, server) in servers.iter().enumerate() {
            if !is_host(&server.address) {
                return Err(invalid("a list of IP addresses and host names"));
            }
            let address = canonical(&server.address);
            if servers.iter().take(index).any(|other| canonical(&other.address) == address) {
                return Err(invalid("a list in which no address stands twice"));
            }
        }
        Ok(Self { servers })
    }

    /// The servers, in the order in which they are to be tried.
    #[must_use]
    pub fn servers(&self) -> &[BootstrapServer] {
        &self.servers
    }

    /// The same list without any trust anchor, which is all an unsigned redirect is worth (RFC 8572 §5.5; CLI-45).
    pub(crate) fn without_anchors(mut self) -> Self {
        for server in &mut self.servers {
            server.trust_anchor = None;
        }
        self
    }

    pub(super) fn decode(mut members: Members) -> Result<Self, DocumentError> {
        let servers = members.required("bootstrap-server")?;
        members.finish()?;
        let entries = servers.entries(Self::MAX_SERVERS)?;
        Self::new(entries.into_iter().map(BootstrapServer::decode).collect::<Result<_, _>>()?)
    }

    pub(super) fn encode(&self) -> Container {
        let servers = self.servers.iter().map(|server| Out::Container(server.encode())).collect();
        let mut container = Container::new();
        container.put("bootstrap-server", Out::List(servers));
        container
    }
}

impl BootstrapServer {
    fn decode(node: Node) -> Result<Self, DocumentError> {
        let mut members = node.members()?;
        let address = members.required("address")?.text()?;
        let port = members.optional("port").map(Node::port).transpose()?.unwrap_or(DEFAULT_PORT);
        let trust_anchor = match members.optional("trust-anchor") {
            None => None,
            Some(node) => {
                let invalid = node.invalid("a degenerate CMS SignedData holding one chain up to its root");
                Some(TrustAnchor::from_der(&node.binary()?).map_err(|_| invalid)?)
            }
        };
        members.finish()?;
        Ok(Self { address, port, trust_anchor })
    }

    fn encode(&self) -> Container {
        let mut members = Container::new();
        members.put_text("address", &self.address);
        if self.port != DEFAULT_PORT {
            members.put("port", Out::Number(self.port.into()));
        }
        if let Some(anchor) = &self.trust_anchor {
            members.put_binary("trust-anchor", &anchor.der);
        }
        members
    }
}

impl TrustAnchor {
    /// Makes a trust anchor from a chain, lowest CA first, root last.
    ///
    /// # Errors
    /// [`CmsError`] when the chain is not one chain up to a self-signed root.
    pub fn new(chain: &[Certificate]) -> Result<Self, CmsError> {
        Self::from_der(&cms::certificates_only(chain)?)
    }

    /// Reads the CMS structure. A signer in the bag is ignored: one maker's servers put one there.
    ///
    /// # Errors
    /// [`CmsError`] when it is no SignedData, or not a single chain up to a self-signed root.
    pub fn from_der(der: &[u8]) -> Result<Self, CmsError> {
        let bag = SignedData::from_der(der)?;
        let chain = single_chain(bag.certificates()).ok_or(CmsError::NoContent)?;
        Ok(Self { der: der.to_vec(), chain })
    }

    /// Reads the CMS structure, which must hold certificates and nothing else (RFC 8572 §7.3; ART-35).
    ///
    /// # Errors
    /// As [`TrustAnchor::from_der`].
    pub(crate) fn from_degenerate_der(der: &[u8]) -> Result<Self, CmsError> {
        let bag = SignedData::from_der(der)?;
        match (bag.unverified_content(), bag.verify_signer()) {
            (None, Err(CmsError::Signers(0))) => Self::from_der(der),
            (Some(_), _) => Err(CmsError::ContentType(bag.content_type().oid())),
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => Err(CmsError::Signers(1)),
        }
    }

    /// The structure, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The lowest CA of the chain. The server's certificate must be issued under it, not merely under the root
    /// (RFC 8572 §6.3; ART-33).
    #[must_use]
    pub fn lowest(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// The chain, lowest CA first.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }
}

impl std::fmt::Debug for TrustAnchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TrustAnchor").field(&self.chain).finish()
    }
}

/// Orders a bag into one chain, lowest first, self-signed root last; `None` when it is not exactly that.
fn single_chain(bag: &[Certificate]) -> Option<Vec<Certificate>> {
    // A root that changed its key has a second certificate in its name, which is none (RFC 5280 §3.2).
    let root = bag.iter().find(|it| it.is_self_issued() && it.verify_signature(it.public_key()).is_ok())?;
    let mut chain = vec![root.clone()];
    while chain.len() < bag.len() {
        let above = chain.last()?;
        let mut below = bag.iter().filter(|it| {
            !chain.contains(it) && it.issuer() == above.subject() && it.verify_signature(above.public_key()).is_ok()
        });
        let next = below.next()?;
        if below.next().is_some() {
            return None;
        }
        chain.push(next.clone());
    }
    chain.reverse();
    Some(chain)
}

/// The canonical form of an `inet:host` (RFC 6991 §4), by which keys of the list are compared: names in lower case,
/// addresses in the one way to write them.
fn canonical(address: &str) -> String {
    address.parse::<IpAddr>().map_or_else(|_| address.to_ascii_lowercase(), |address| address.to_string())
}

/// `inet:host` (RFC 6991 §4): an IP address or a DNS name. A zone index is refused: it means nothing on another host.
fn is_host(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !label.starts_with('-')
                && !label.ends_with(['-', '_'])
        })
}
