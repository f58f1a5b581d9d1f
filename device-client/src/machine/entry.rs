//! A server to be tried, with the trust that belongs to this branch of the search.

use conveyed_info::information::{BootstrapServer, TrustAnchor};
use verdict::Digest;

use crate::Server;

/// Who named a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The manufacturer's list of well-known servers.
    Factory,
    /// A redirect that was authenticated.
    Trusted,
    /// DHCP, or a redirect that nobody vouches for.
    Untrusted,
}

/// What makes two tries the same try. A server may redirect to itself with an anchor: that is another key (SRV-04).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    server: Server,
    anchor: Option<Digest>,
}

/// A server to be tried.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) server: Server,
    /// The only anchor the server's certificate may validate to. Without one the connection is provisional, unless the
    /// factory list names the server.
    pub(super) anchor: Option<TrustAnchor>,
    pub(super) origin: Origin,
    /// The tries that led here, the first one first.
    pub(super) ancestors: Vec<Key>,
}

impl Entry {
    /// An entry that a source gave.
    pub(super) const fn from_source(server: Server, origin: Origin) -> Self {
        Self { server, anchor: None, origin, ancestors: Vec::new() }
    }

    /// An entry that data redirects to which lies somewhere.
    pub(super) fn named_by_data(target: &BootstrapServer, origin: Origin) -> Self {
        let server = Server::new(&target.address, target.port);
        Self { anchor: target.trust_anchor.clone(), ..Self::from_source(server, origin) }
    }

    /// An entry that `self`'s answer redirects to.
    pub(super) fn redirected_to(&self, target: &BootstrapServer, origin: Origin) -> Self {
        let mut ancestors = self.ancestors.clone();
        ancestors.push(self.key());
        Self { ancestors, ..Self::named_by_data(target, origin) }
    }

    pub(super) fn key(&self) -> Key {
        let anchor = self.anchor.as_ref().and_then(TrustAnchor::lowest).map(pki::certificate::Certificate::sha256);
        Key { server: self.server.clone(), anchor }
    }

    /// How many redirects led here.
    pub(super) fn redirects(&self) -> usize {
        self.ancestors.len()
    }
}
