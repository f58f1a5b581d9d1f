//! The authorities of a server: what they issue is decided and signed by the crate `authority`, kept by the ledger, and asked for
//! and published here.
//!
//! | module | what |
//! |---|---|
//! | `desk` | where operators ask, at a server or at the folder itself |
//! | `est` | enrolment by those who show certificates (RFC 7030) |
//! | `factory` | enrolment of units on a factory line, by stations |
//! | `issuing` | the one way from a judged request to a certificate that is on record |
//! | `masa` | vouchers, for registrars and for people |
//! | `publishing` | revocation lists, OCSP and CA certificates, for everybody, in clear |

mod desk;
pub(crate) mod est;
pub(crate) mod factory;
mod issuing;
pub mod masa;
pub(crate) mod publishing;

pub use desk::{Desk, DeskRefused, list, outcome};
pub(crate) use issuing::DeviceFault;
pub(crate) use issuing::TRIES;
pub use issuing::{Before, IssueFault, Issued, Judged, Wanted};
pub use publishing::{PublishFault, revocation_list};

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use authority::{CertificateAuthority, Kind, OcspResponder, Profile};

use crate::domain::{AuthorityName, CertificateProfile};

/// A CA whose key this server has, and what it may issue.
#[derive(Debug)]
pub struct Authority {
    /// Its name, by which profiles and the ledger speak of it.
    pub name: AuthorityName,
    /// What signs.
    pub ca: CertificateAuthority,
    /// What it issues.
    pub profiles: BTreeMap<CertificateProfile, Profile>,
    /// What answers about its certificates, if anything does.
    pub responder: Option<OcspResponder>,
    /// How long a revocation list, and an answer about a certificate, holds.
    pub fresh_for: Duration,
}

impl Authority {
    /// What certificates for its owner's devices are like: as its profile `ldevid` has it, where there is one.
    pub(crate) fn ldevids(&self) -> Profile {
        let own = self.profiles.get(&CertificateProfile::ldevid()).filter(|profile| profile.kind() == Kind::Ldevid);
        own.cloned().unwrap_or_else(|| Profile::of(Kind::Ldevid))
    }

    /// How many revocation lists it has.
    #[must_use]
    pub fn shards(&self) -> u16 {
        self.profiles.values().find_map(Profile::crl).map_or(1, |location| location.shards().count())
    }
}

/// All authorities of a server, by name.
#[derive(Clone, Debug, Default)]
pub struct Authorities(BTreeMap<AuthorityName, Arc<Authority>>);

impl Authorities {
    /// The authority of this name.
    #[must_use]
    pub fn get(&self, name: &AuthorityName) -> Option<&Arc<Authority>> {
        self.0.get(name)
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn contains(&self, name: &AuthorityName) -> bool {
        self.0.contains_key(name)
    }

    /// Each of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Authority>> {
        self.0.values()
    }

    /// Adds one; gives back whether its name was free.
    pub fn add(&mut self, authority: Authority) -> bool {
        self.0.insert(authority.name.clone(), Arc::new(authority)).is_none()
    }
}
