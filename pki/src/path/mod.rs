//! Certification path validation (RFC 5280 §6.1), as bootstrapping needs it.
//!
//! The whole of it: signatures, dates, name chaining (§7.1), basic constraints, key usage, name constraints, policies
//! (with RFC 9618's graph), critical extensions. Several paths are tried where CAs are cross-certified, within a budget.
//!
//! Differs from a web browser's in what real devices demand: anchors may be any certificate (a voucher pins a CA or an
//! end entity, RFC 8366 §5.3), the clock may not be trusted (RFC 8572 §9.1), extended key usage counts only where a
//! TLS server or a signer is judged, and a configured set of unknown critical extensions may be let pass.
//!
//! An anchor is a name and a key (§6.1.1 (d)); what its certificate says beyond that (constraints on names, policies and
//! the length of the path, key usage) binds it too, as RFC 5937 has it. Its dates and its critical extensions are not judged.

mod budget;
mod error;
mod names;
mod policies;
mod profile;
mod search;
mod usage;

use const_oid::ObjectIdentifier;

use self::{budget::Budget, search::Search};
pub use self::{error::PathError, names::NameRule, policies::PolicyRules, profile::ProfileRule, usage::may_sign};
use crate::{certificate::Certificate, time::Clock};

/// What the end-entity certificate is going to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// It signs artifacts: KeyUsage, if present, must include digitalSignature (RFC 8572 §3.2), and extended key usage,
    /// if present, must name more than TLS; that of the CAs above it too.
    Signing,
    /// It identifies a device in TLS: extended key usage is ignored, since IDevIDs carry odd ones.
    DeviceIdentity,
    /// It identifies a TLS server: extended key usage, if present, must include serverAuth (RFC 5280 §4.2.1.12), and that
    /// of the CAs above it too.
    TlsServer,
    /// It signs revocation lists: KeyUsage, if present, must include cRLSign (RFC 5280 §6.3.3 (f)).
    RevocationLists,
}

/// How strict a validation is.
#[derive(Clone, Debug)]
pub struct Policy<'a> {
    /// Against which clock validity periods are judged.
    pub clock: Clock,
    /// What the end entity is going to do.
    pub purpose: Purpose,
    /// Critical extensions that are let pass although nobody here understands them.
    pub accepted_critical: &'a [ObjectIdentifier],
    /// Which signatures on certificates count.
    pub signatures: Signatures,
    /// Which certificate policies are demanded.
    pub policies: PolicyRules<'a>,
    /// Whether certificates must be such as a CA may issue.
    pub strictness: Strictness,
}

impl Policy<'_> {
    /// The usual one: no unknown critical extension passes, no signature that is weak, and no certificate policy is demanded
    /// by anybody but the CAs.
    #[must_use]
    pub const fn new(clock: Clock, purpose: Purpose) -> Self {
        Self {
            clock,
            purpose,
            accepted_critical: &[],
            signatures: Signatures::Strong,
            policies: PolicyRules {
                acceptable: &[],
                require_explicit: false,
                inhibit_mapping: false,
                inhibit_any: false,
            },
            strictness: Strictness::Processing,
        }
    }
}

/// Whether certificates must be such as a CA may issue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// What RFC 5280 §6 asks of those who validate.
    #[default]
    Processing,
    /// Moreover, each certificate must be one that RFC 5280 §4 lets a CA issue ([`ProfileRule`]), the anchor too, which
    /// must be valid now as well. For PKIs that are known to be well kept; many factories' are not.
    Profile,
}

/// Which signatures on certificates count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signatures {
    /// Those of [`crate::algorithm::SignatureAlgorithm`].
    #[default]
    Strong,
    /// RSA with SHA-1 as well, for devices whose factory certificates were made before anything better. Collisions of
    /// SHA-1 can be made: a manufacturer that still issues so can be led to sign for somebody else's device.
    AlsoSha1,
}

/// A validated path: end entity first, the anchor last.
#[derive(Clone, Debug)]
pub struct Path {
    certificates: Vec<Certificate>,
    policies: Vec<ObjectIdentifier>,
}

impl Path {
    /// Longest path, anchor and end entity included.
    pub const MAX_LENGTH: usize = 8;

    /// The certificates, end entity first, anchor last. An end entity that is itself the anchor gives a path of one.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The certificate policies that the path is valid for, of those that will do ([`PolicyRules`]), under the names that the
    /// anchor's side has for them (RFC 5280 §6.1.6). With anyPolicy among them it is valid for every policy.
    #[must_use]
    pub fn policies(&self) -> &[ObjectIdentifier] {
        &self.policies
    }
}

/// Finds and validates a path from `end_entity` over `intermediates` (in any order) to one of `anchors`.
///
/// # Errors
/// [`PathError`]: of all paths tried, the error of the one that came furthest, or [`PathError::NoPath`].
pub fn validate(
    end_entity: &Certificate,
    intermediates: &[Certificate],
    anchors: &[Certificate],
    policy: &Policy<'_>,
) -> Result<Path, PathError> {
    Search::new(end_entity, intermediates, anchors, policy).run()
}

/// Whether a certificate may be used for this, by itself: nobody is asked who issued it.
pub(crate) fn may_be_used(certificate: &Certificate, purpose: Purpose, clock: Clock) -> Result<(), PathError> {
    usage::check_critical_extensions(certificate, &Policy::new(clock, purpose))?;
    usage::check_end_entity(certificate, purpose)?;
    search::check_dates(certificate, clock)
}
