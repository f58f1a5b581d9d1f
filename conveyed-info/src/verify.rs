//! The one verification that every source goes through (RFC 8572 §5.3, §5.4).
//!
//! Whatever is encrypted is decrypted first. Then voucher → pinned certificate → owner certificate → conveyed information,
//! in the order of the RFC. Each check is recorded; the first that fails ends the verification and voids the data (CLI-40).
//!
//! | what came | from | becomes |
//! |---|---|---|
//! | all three artifacts, and everything verifies | anywhere | [`Accepted::TrustedRedirect`], [`Accepted::Onboarding`] |
//! | unsigned conveyed information | [`Source::TrustedServer`] | the same |
//! | an unsigned redirect | [`Source::Untrusted`] | [`Accepted::ProvisionalRedirect`], without its trust anchors |
//! | unsigned onboarding information | [`Source::Untrusted`] | a refusal |
//! | signed conveyed information alone | anywhere | a refusal |
//! | unsigned conveyed information beside the other two | anywhere | as if it had come alone; the trace notes what was ignored |
//!
//! # Refusals
//!
//! A [`Refusal`] has a stable [`ReasonCode`], what was wrong in this case, and the trace up to the check that failed. Shown, it
//! is one sentence for a person, with the section and the remedy:
//!
//! ```
//! use conveyed_info::{Unverified, verify::{self, Context}};
//! use pki::{identity::SerialNumber, time::Clock};
//! use verdict::{Outcome, ReasonCode};
//! # mod parties { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/parties.rs")); }
//! # let world = parties::parties();
//! # let (data, anchors, now) = (world.data(), world.anchors(), parties::now());
//!
//! // Another device gets this device's data.
//! let other = SerialNumber::new("SN-0002")?;
//! let refusal = verify::verify(Unverified::new(data), &Context::new(anchors, &other, Clock::Trusted(now))).unwrap_err();
//!
//! assert_eq!(refusal.reason, ReasonCode::VoucherSerialMismatch);
//! assert_eq!(refusal.detail, "the voucher is for SN-0001, this device is SN-0002");
//! assert_eq!(refusal.reason.section(), "RFC 8572 §5.4");
//! let last = refusal.trace.checks().last().expect("the check that failed");
//! assert_eq!((last.check, last.outcome), ("voucher-serial-number", Outcome::Refused(refusal.reason)));
//! println!("{refusal}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Not a device
//!
//! Whoever stores or passes on vouchers is not their device, and knows less: [`verify_voucher_as_holder`] judges what can be
//! judged and notes the rest as skipped. A MASA judges what registrars ask of it with [`verify_voucher_request`].

mod artifact;
mod clear;
mod findings;
mod holder;
mod owner;
mod revocation;
mod voucher;
mod voucher_request;

use pki::{certificate::Certificate, identity::SerialNumber, revocation::Evidence, time::Clock};
use verdict::{Digest, Input, ReasonCode, Refusal, Trace};

use self::clear::Clear;
pub use self::{
    clear::Decryption,
    findings::{EvidenceLocation, Findings, VoucherFacts},
    holder::{HolderContext, verify_voucher_as_holder},
    voucher_request::{
        Prior, Proximity, RegistrarContext, RegistrarRequest, RegistrarUsage, names_a_registrar, verify_voucher_request,
    },
};
use crate::{
    BootstrappingData, OwnershipVoucher, Unverified, Verified,
    information::{Information, OnboardingInformation, RedirectInformation},
    profile::InputProfile,
    voucher::{Assertion, ForeignForm, Nonce},
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
    /// The key that opens what is encrypted to this device; without one, whatever is encrypted is refused.
    pub decryption: Option<Decryption<'a>>,
    /// How far a voucher's document may depart from its module.
    pub profile: InputProfile,
    /// Revocation lists and OCSP responses that were fetched, from where [`Certificate::crl_distribution_points`] and
    /// [`Certificate::ocsp_responders`] point. What is stapled to the artifacts comes on top; without a network,
    /// [`Evidence::none`].
    pub revocation: &'a Evidence,
}

impl<'a> Context<'a> {
    /// The strictest context: an untrusted source, vouchers that assert `verified`, no nonce sent, no key to decrypt with,
    /// nothing fetched, no leniency. Change what is known beyond that.
    #[must_use]
    pub fn new(voucher_anchors: &'a [Certificate], serial_number: &'a SerialNumber, clock: Clock) -> Self {
        Self {
            source: Source::Untrusted,
            voucher_anchors,
            serial_number,
            idevid: None,
            nonce: None,
            clock,
            assertions: &[Assertion::Verified],
            decryption: None,
            profile: InputProfile::Strict,
            revocation: Evidence::none(),
        }
    }
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
    verify_with_findings(data, context, &mut Findings::default())
}

/// Decides as [`verify`], and leaves in `findings` what was found out on the way, however it ended.
///
/// # Errors
/// As [`verify`].
pub fn verify_with_findings(
    data: Unverified<BootstrappingData>,
    context: &Context<'_>,
    findings: &mut Findings,
) -> Result<Verified<Accepted>, Refusal> {
    *findings = Findings::default();
    let data = data.into_inner();
    let mut trace = Trace::new();
    // RFC 8572 §5.3 (ENC-04): whatever is encrypted is decrypted before anything else.
    let conveyed_information = data.conveyed_information();
    let conveyed_information = Clear::read(
        clear::CONVEYED_INFORMATION,
        conveyed_information.der(),
        conveyed_information.sha256(),
        context.decryption,
        &mut trace,
    )?;
    match data {
        BootstrappingData::Signed { owner_certificate, ownership_voucher, .. } if conveyed_information.is_signed() => {
            let owner_certificate = Clear::read(
                clear::OWNER_CERTIFICATE,
                owner_certificate.der(),
                owner_certificate.sha256(),
                context.decryption,
                &mut trace,
            )?;
            let ownership_voucher = read_voucher(&ownership_voucher, context.decryption, &mut trace)?;
            signed([conveyed_information, owner_certificate, ownership_voucher], context, trace, findings)
        }
        BootstrappingData::Signed { .. } => {
            // RFC 8572 §3.5 (ART-24): no defined grouping. The companions say nothing about unsigned information.
            let note = "owner certificate and ownership voucher beside unsigned conveyed information are ignored";
            trace.skipped("grouping", "RFC 8572 §3.5", note);
            let (information, trace) = artifact::unsigned(&conveyed_information, trace)?;
            judge_unsigned(information, context.source, trace)
        }
        BootstrappingData::Unsigned(_) => {
            let (information, trace) = artifact::unsigned(&conveyed_information, trace)?;
            judge_unsigned(information, context.source, trace)
        }
    }
}

/// Which conveyed information a verification was about: SHA-256 over the artifact, in its clear form where it came encrypted.
/// That is how the server that gave it calls it in its log.
#[must_use]
pub fn conveyed_information(trace: &Trace) -> Option<Digest> {
    let named = |name| {
        let inputs = trace.checks().iter().flat_map(|check| &check.inputs);
        inputs.rev().find(|input| input.name == name).map(|input| input.sha256)
    };
    named(clear::CONVEYED_INFORMATION.clear).or_else(|| named(clear::CONVEYED_INFORMATION.name))
}

fn read_voucher(
    voucher: &OwnershipVoucher,
    decryption: Option<Decryption<'_>>,
    trace: &mut Trace,
) -> Result<Clear, Refusal> {
    // BIS-09: a voucher in another form is called by its name.
    if let Some(form) = ForeignForm::detect(voucher.der()) {
        let inputs = [Input { name: clear::OWNERSHIP_VOUCHER.name, sha256: voucher.sha256() }];
        let trace = std::mem::take(trace);
        return Err(trace.refused(
            clear::OWNERSHIP_VOUCHER.form,
            ReasonCode::ArtifactMalformed,
            &inputs,
            form.to_string(),
        ));
    }
    Clear::read(clear::OWNERSHIP_VOUCHER, voucher.der(), voucher.sha256(), decryption, trace)
}

/// RFC 8572 §5.4, in its order.
fn signed(
    artifacts: [Clear; 3],
    context: &Context<'_>,
    trace: Trace,
    findings: &mut Findings,
) -> Result<Verified<Accepted>, Refusal> {
    let [conveyed_information, owner_certificate, ownership_voucher] = artifacts;
    let (voucher, trace) = ownership_voucher.signed_data(trace)?;
    let (bag, trace) = owner_certificate.signed_data(trace)?;
    let (information, trace) = conveyed_information.signed_data(trace)?;
    let (authentic, trace) = voucher::verify(&voucher, ownership_voucher.input(), context, trace)?;
    findings.voucher = Some(VoucherFacts::from(&authentic.voucher));
    let signers = owner::Signers { bag: &bag, input: owner_certificate.input(), conveyed_information: &information };
    let (owner, trace) = owner::verify(&signers, &authentic, context, trace, &mut findings.wanted)?;
    let (information, mut trace) = artifact::signed_by(&information, conveyed_information.input(), owner, trace)?;
    // RFC 8572 §9.11 (SEC-18): a nonce binds the voucher alone. Whoever kept conveyed information can give it again.
    let note = "not-fresh: nothing tells when it was signed; it counts as long as voucher and owner certificate do";
    trace.skipped("conveyed-information-freshness", "RFC 8572 §9.11", note);
    let accepted = match information {
        Information::Redirect(redirect) => Accepted::TrustedRedirect(redirect),
        Information::Onboarding(onboarding) => Accepted::Onboarding(onboarding),
    };
    Ok(Verified::new(accepted, trace))
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
