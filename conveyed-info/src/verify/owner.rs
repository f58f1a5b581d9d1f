//! Step 2 of RFC 8572 §5.4: the owner certificate, under the certificate that the voucher pins.

use pki::{
    certificate::Certificate,
    path::{self, PathError, Policy, Purpose},
    revocation::Demand,
};
use verdict::{Input, ReasonCode, Refusal, Trace};

use super::{Context, findings::EvidenceLocation, revocation::RevocationCheck, voucher::Authentic};
use crate::{cms::SignedData, voucher::Voucher};

const SECTION: &str = "RFC 8572 §5.4";

/// The owner certificate artifact, and what names the one of its certificates that matters.
pub(super) struct Signers<'a> {
    pub(super) bag: &'a SignedData,
    pub(super) input: Input,
    pub(super) conveyed_information: &'a SignedData,
}

/// Finds the owner certificate in its bag and validates it to the pinned certificate as the sole anchor (CLI-37).
///
/// Which certificate of the bag it is, nothing marks (ART-19): it is the one that the signer of the conveyed
/// information names; only when that one is not in the bag, any that could be it is judged, to give the better reason.
///
/// Where that fails for want of evidence, `wanted` says where there may be some.
pub(super) fn verify<'a>(
    signers: &Signers<'a>,
    authentic: &Authentic,
    context: &Context<'_>,
    mut trace: Trace,
    wanted: &mut Vec<EvidenceLocation>,
) -> Result<(&'a Certificate, Trace), Refusal> {
    let Authentic { voucher, stapled } = authentic;
    let Signers { bag, input, conveyed_information } = *signers;
    let inputs = [input, Input { name: "pinned-domain-cert", sha256: voucher.pinned_domain_cert.sha256() }];
    let policy = Policy::new(context.clock, Purpose::Signing);
    let anchors = std::slice::from_ref(&voucher.pinned_domain_cert);
    let judge = |it: &Certificate| path::validate(it, bag.certificates(), anchors, &policy);
    let candidates = candidates(bag, conveyed_information);
    // Whoever staples evidence, and to which artifact: only what is authentic counts. What was fetched comes first, so that
    // a stranger cannot fill the room for it.
    let mut evidence = context.revocation.clone();
    for stapled in [bag.revocation(), conveyed_information.revocation(), stapled] {
        evidence.add_all(stapled);
    }
    // Step 2b (CLI-38, SEC-04), as the voucher demands it (VCH-13).
    let (section, demand) = match voucher.domain_cert_revocation_checks {
        Some(true) => (SECTION, Demand::Required),
        Some(false) => ("RFC 8366 §5.3", Demand::Forbidden),
        None => ("RFC 8366 §5.3", Demand::WhenAvailable),
    };
    let check = "owner-certificate-revocation";
    let revocation = RevocationCheck { check, section, demand, evidence, clock: context.clock };
    // The signature of the conveyed information is checked with the key of the one that is picked.
    let picked = match revocation.pick(candidates, judge) {
        Ok(picked) => picked,
        Err(Some(error)) => return Err(refuse_path(&error, voucher, trace, &inputs)),
        Err(None) => {
            let detail = "the owner certificate artifact holds no certificate";
            return Err(trace.refused("owner-certificate-form", ReasonCode::ArtifactMalformed, &inputs, detail));
        }
    };
    let owner = picked.certificate;
    trace.passed_with("owner-certificate-path", SECTION, &inputs, owner.subject_text());
    if picked.lacks_evidence() {
        *wanted = EvidenceLocation::all_of(&picked.path);
    }
    trace = revocation.record(picked, trace, &inputs)?;
    Ok((owner, trace))
}

fn refuse_path(error: &PathError, voucher: &Voucher, trace: Trace, inputs: &[Input]) -> Refusal {
    let (reason, detail) = match error {
        PathError::WrongUsage { .. } => (ReasonCode::OwnerCertificateUnusable, error.to_string()),
        _ => match error.reason() {
            Some(reason) => (reason, error.to_string()),
            None => {
                let pinned = voucher.pinned_domain_cert.subject();
                (ReasonCode::OwnerNotPinned, format!("the voucher pins {pinned}; {error}"))
            }
        },
    };
    trace.refused("owner-certificate-path", reason, inputs, detail)
}

fn candidates<'a>(bag: &'a SignedData, conveyed_information: &SignedData) -> Vec<&'a Certificate> {
    let named = |it: &&Certificate| conveyed_information.names_signer(it);
    let named: Vec<_> = bag.certificates().iter().filter(named).collect();
    if !named.is_empty() {
        return named;
    }
    let end_entity = bag.certificates().iter().find(|it| !it.extensions().is_ca());
    end_entity.or_else(|| bag.certificates().first()).into_iter().collect()
}
