//! The one verification that every source goes through (RFC 8572 §5.3, §5.4).
//!
//! Voucher → pinned certificate → owner certificate → conveyed information, in the order of the RFC. Each check is
//! recorded; the first that fails ends the verification and voids the data (CLI-40).

mod artifact;
mod owner;
mod revocation;
mod voucher;

use pki::{certificate::Certificate, identity::SerialNumber, revocation::Evidence, time::Clock};
use verdict::{ReasonCode, Refusal, Trace};

use crate::{
    BootstrappingData, Unverified, Verified,
    information::{Information, OnboardingInformation, RedirectInformation},
    voucher::{Assertion, Nonce},
};

/// What a device knows about itself and about the connection when it judges bootstrapping data.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Whether the data came over a connection to a server that was authenticated.
    pub source: Source,
    /// The anchors that voucher signers must chain to.
    pub voucher_anchors: &'a [Certificate],
    /// The device's own serial number.
    pub serial_number: &'a SerialNumber,
    /// The device's own IDevID certificate, to compare a voucher's `idevid-issuer` with.
    pub idevid: Option<&'a Certificate>,
    /// The nonce that was sent with the request, if any.
    pub nonce: Option<&'a Nonce>,
    /// Against which clock dates are judged.
    pub clock: Clock,
    /// The assertions that the device accepts.
    pub assertions: &'a [Assertion],
    /// Revocation lists and OCSP responses that were fetched, from where [`Certificate::crl_distribution_points`] and
    /// [`Certificate::ocsp_responders`] point. What is stapled to the artifacts comes on top; without a network,
    /// [`Evidence::none`].
    pub revocation: &'a Evidence,
}

/// Where bootstrapping data came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A bootstrap server whose certificate validated to a known anchor.
    TrustedServer,
    /// Anything else: a provisional connection, DHCP, DNS, removable storage.
    Untrusted,
}

/// What a device may act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// A redirect from a trusted source or under the owner's signature: its trust anchors count.
    TrustedRedirect(RedirectInformation),
    /// An unsigned redirect from an untrusted source: it may be followed, and its anchors were dropped (RFC 8572 §5.5).
    ProvisionalRedirect(RedirectInformation),
    /// Onboarding information from a trusted source or under the owner's signature.
    Onboarding(OnboardingInformation),
}

/// Decides whether `data` may be acted on.
///
/// # Errors
/// [`Refusal`], with the reason and every check made up to the one that failed.
pub fn verify(data: Unverified<BootstrappingData>, context: &Context<'_>) -> Result<Verified<Accepted>, Refusal> {
    match data.into_inner() {
        BootstrappingData::Unsigned(conveyed_information) => {
            let (information, trace) = artifact::unsigned(&conveyed_information)?;
            judge_unsigned(information, context.source, trace)
        }
        BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } => {
            let (authentic, trace) = voucher::verify(&ownership_voucher, context, Trace::new())?;
            let (owner, trace) = owner::verify(&owner_certificate, &conveyed_information, &authentic, context, trace)?;
            let (information, trace) = artifact::signed_by(&conveyed_information, &owner, trace)?;
            let accepted = match information {
                Information::Redirect(redirect) => Accepted::TrustedRedirect(redirect),
                Information::Onboarding(onboarding) => Accepted::Onboarding(onboarding),
            };
            Ok(Verified::new(accepted, trace))
        }
    }
}

/// RFC 8572 §5.3: what unsigned information is worth depends on who gave it.
fn judge_unsigned(information: Information, source: Source, mut trace: Trace) -> Result<Verified<Accepted>, Refusal> {
    const CHECK: &str = "unsigned-data-source";
    const SECTION: &str = "RFC 8572 §5.3";
    let accepted = match (information, source) {
        (Information::Redirect(redirect), Source::TrustedServer) => {
            trace.passed(CHECK, SECTION, &[]);
            Accepted::TrustedRedirect(redirect)
        }
        (Information::Onboarding(onboarding), Source::TrustedServer) => {
            trace.passed(CHECK, SECTION, &[]);
            Accepted::Onboarding(onboarding)
        }
        (Information::Redirect(redirect), Source::Untrusted) => {
            // RFC 8572 §5.5 (CLI-45): follow it, believe nothing else in it.
            trace.passed_with(CHECK, SECTION, &[], "followed provisionally, its trust anchors dropped");
            Accepted::ProvisionalRedirect(redirect.without_anchors())
        }
        (Information::Onboarding(_), Source::Untrusted) => {
            // RFC 8572 §5.3 (CLI-15).
            return Err(trace.refused(
                CHECK,
                ReasonCode::UnsignedOnboardingUntrusted,
                &[],
                "unsigned onboarding information from an untrusted source",
            ));
        }
    };
    Ok(Verified::new(accepted, trace))
}
