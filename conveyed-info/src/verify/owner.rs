//! Step 2 of RFC 8572 §5.4: the owner certificate, under the certificate that the voucher pins.

use pki::{
    certificate::Certificate,
    path::{self, PathError, Policy, Purpose},
};
use verdict::{Input, ReasonCode, Refusal, Trace};

use super::Context;
use crate::{ConveyedInformation, OwnerCertificate, cms::SignedData, voucher::Voucher};

const SECTION: &str = "RFC 8572 §5.4";

/// Finds the owner certificate in its bag and validates it to the pinned certificate as the sole anchor (CLI-37).
///
/// Which certificate of the bag it is, nothing marks (ART-19): it is the one that the signer of the conveyed
/// information names; only when that one is not in the bag, any that could be it is judged, to give the better reason.
pub(super) fn verify(
    artifact: &OwnerCertificate,
    conveyed_information: &ConveyedInformation,
    voucher: &Voucher,
    context: &Context<'_>,
    mut trace: Trace,
) -> Result<(Certificate, Trace), Refusal> {
    let inputs = [
        Input { name: "owner-certificate", sha256: artifact.sha256() },
        Input { name: "pinned-domain-cert", sha256: voucher.pinned_domain_cert.sha256() },
    ];
    let bag = match SignedData::from_der(artifact.der()) {
        Ok(bag) => bag,
        Err(error) => {
            let detail = format!("owner certificate: {error}");
            return Err(trace.refused("owner-certificate-form", ReasonCode::ArtifactMalformed, &inputs, detail));
        }
    };
    let policy = Policy { clock: context.clock, purpose: Purpose::Signing, accepted_critical: &[] };
    let anchors = std::slice::from_ref(&voucher.pinned_domain_cert);
    let judge = |it: &Certificate| path::validate(it, bag.certificates(), anchors, &policy);
    let candidates = candidates(&bag, conveyed_information);
    let Some(first) = candidates.first() else {
        let detail = "the owner certificate artifact holds no certificate";
        return Err(trace.refused("owner-certificate-form", ReasonCode::ArtifactMalformed, &inputs, detail));
    };
    // A certificate that was renewed on the same key fits the signer's name beside its successor: any that validates will
    // do, since the signature is checked with its own key.
    let owner = *candidates.iter().find(|it| judge(it).is_ok()).unwrap_or(first);
    if let Err(error) = judge(owner) {
        let (reason, detail) = match &error {
            PathError::OutsideValidity { .. } => (ReasonCode::CertificateExpired, error.to_string()),
            PathError::WrongUsage { .. } => (ReasonCode::OwnerCertificateUnusable, error.to_string()),
            PathError::CriticalExtension { .. } => (ReasonCode::CertificateMalformed, error.to_string()),
            _ => (
                ReasonCode::OwnerNotPinned,
                format!("the voucher pins {}; {error}", voucher.pinned_domain_cert.subject()),
            ),
        };
        return Err(trace.refused("owner-certificate-path", reason, &inputs, detail));
    }
    trace.passed_with("owner-certificate-path", SECTION, &inputs, owner.subject().to_string());
    trace = check_revocation(voucher, context, trace, &inputs)?;
    Ok((owner.clone(), trace))
}

fn candidates<'a>(bag: &'a SignedData, conveyed_information: &ConveyedInformation) -> Vec<&'a Certificate> {
    let signed = SignedData::from_der(conveyed_information.der()).ok();
    let named = |it: &&Certificate| signed.as_ref().is_some_and(|signed| signed.names_signer(it));
    let named: Vec<_> = bag.certificates().iter().filter(named).collect();
    if !named.is_empty() {
        return named;
    }
    let end_entity = bag.certificates().iter().find(|it| !it.extensions().is_ca());
    end_entity.or_else(|| bag.certificates().first()).into_iter().collect()
}

/// Step 2b (CLI-38, SEC-04): what is demanded and cannot be checked is refused. Stapled revocation lists are not read
/// yet, so a voucher that demands checks is refused whenever there is a clock to judge them by.
fn check_revocation(
    voucher: &Voucher,
    context: &Context<'_>,
    mut trace: Trace,
    inputs: &[Input],
) -> Result<Trace, Refusal> {
    const CHECK: &str = "owner-certificate-revocation";
    match (voucher.domain_cert_revocation_checks, context.clock.now()) {
        (Some(true), Some(_)) => {
            let detail = "the voucher demands revocation checks and no revocation list can be read here";
            Err(trace.refused(CHECK, ReasonCode::RevocationUnchecked, inputs, detail))
        }
        (Some(true), None) => {
            // RFC 8572 §9.1 (DEV-14).
            trace.skipped(CHECK, "RFC 8572 §9.1", format!("{}: revocation is not judged", context.clock));
            Ok(trace)
        }
        (Some(false) | None, _) => {
            trace.skipped(CHECK, "RFC 8366 §5.3", "the voucher does not demand it");
            Ok(trace)
        }
    }
}
