//! Profiles: which certificate for which use, as data that configuration carries.

mod kind;
mod parts;
mod settings;

pub use kind::Kind;
pub(crate) use kind::{ID_KP_OCSP_SIGNING, NameKind};
pub use parts::{Lifetime, RequestedNames, Shards, SubjectAttribute};
pub use settings::{ProfileError, ProfileSettings};

use const_oid::ObjectIdentifier;
use pki::key::KeySpec;

/// What certificates of one use are like. What belongs to the use itself (key usage, criticality, path length of an issuing CA)
/// follows from its [`Kind`]; the rest is settings, and checked: a profile that exists can be issued from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub(crate) kind: Kind,
    pub(crate) lifetime: Lifetime,
    pub(crate) keys: Vec<KeySpec>,
    pub(crate) fixed: Vec<(SubjectAttribute, String)>,
    pub(crate) from_request: Vec<SubjectAttribute>,
    pub(crate) requested_names: RequestedNames,
    pub(crate) path_length: Option<u8>,
    pub(crate) hardware_module_type: Option<ObjectIdentifier>,
    pub(crate) masa_url: Option<String>,
    pub(crate) crl: Option<CrlLocation>,
    pub(crate) ocsp_urls: Vec<String>,
    pub(crate) issuer_urls: Vec<String>,
    pub(crate) policies: Vec<ObjectIdentifier>,
}

/// Where a CA's revocation lists are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlLocation {
    pub(crate) url: String,
    pub(crate) shards: Shards,
}

impl CrlLocation {
    /// What stands for the number of the list in a URL.
    pub const PLACEHOLDER: &'static str = "{shard}";

    /// Into how many lists the certificates are spread.
    #[must_use]
    pub const fn shards(&self) -> Shards {
        self.shards
    }

    /// The URL of the list with this number.
    #[must_use]
    pub fn url(&self, shard: u16) -> String {
        self.url.replace(Self::PLACEHOLDER, &shard.to_string())
    }
}

impl Profile {
    /// The profile of this kind that needs no configuration.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            lifetime: kind.default_lifetime(),
            keys: kind.permitted_keys().to_vec(),
            fixed: Vec::new(),
            from_request: kind.requestable_attributes().to_vec(),
            requested_names: kind.requested_names(),
            // RFC 5280 §4.2.1.9: an issuing CA has end entities below it, and nobody else.
            path_length: (kind == Kind::IssuingCa).then_some(0),
            hardware_module_type: None,
            masa_url: None,
            crl: None,
            ocsp_urls: Vec::new(),
            issuer_urls: Vec::new(),
            policies: Vec::new(),
        }
    }

    /// An owner certificate that is made for one artifact: conveyed information has no dates of its own and can be replayed for as
    /// long as the certificate of its signer lives (RFC 8572 §9.11; ART-31, SEC-18). It lives for a week.
    #[must_use]
    pub fn owner_of_one_artifact() -> Self {
        Self { lifetime: Lifetime::Days(7), ..Self::of(Kind::Owner) }
    }

    /// What certificates of this profile are for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// How long they live.
    #[must_use]
    pub const fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// The keys that they may have.
    #[must_use]
    pub fn keys(&self) -> &[KeySpec] {
        &self.keys
    }

    /// Where it is published that they are revoked.
    #[must_use]
    pub const fn crl(&self) -> Option<&CrlLocation> {
        self.crl.as_ref()
    }

    /// What is taken from a request into the subject.
    #[must_use]
    pub fn from_request(&self) -> &[SubjectAttribute] {
        &self.from_request
    }
}
