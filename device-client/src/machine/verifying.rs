//! Verifying bootstrapping data with what this device knows (RFC 8572 §5.3, §5.4).

use conveyed_info::{
    BootstrappingData, Unverified, Verified,
    cms::AeadPolicy,
    profile::InputProfile,
    verify::{self, Accepted, Context, Decryption, Findings, Source},
};
use pki::revocation::Evidence;
use verdict::Refusal;

use super::{judgement::Trust, shared::Shared};

/// Verifies data of a giver that is trusted so far; `evidence` was fetched for it.
pub(super) fn verify(
    data: Unverified<BootstrappingData>,
    trust: Trust,
    evidence: &Evidence,
    shared: &Shared,
    findings: &mut Findings,
) -> Result<Verified<Accepted>, Refusal> {
    let policy = &shared.policy;
    let context = Context {
        source: match trust {
            Trust::Trusted => Source::TrustedServer,
            Trust::Provisional => Source::Untrusted,
        },
        voucher_anchors: &policy.voucher_anchors,
        serial_number: &policy.serial_number,
        idevid: Some(&policy.idevid),
        nonce: shared.situation.nonce.as_ref(),
        clock: shared.clock,
        assertions: &policy.accepted_assertions,
        decryption: policy.decryption_key.as_deref().map(|key| Decryption {
            key,
            certificate: Some(&policy.idevid),
            // RFC 8572 §3.1 names EnvelopedData alone (ENC-09).
            aead: AeadPolicy::Refuse,
        }),
        profile: InputProfile::Strict,
        revocation: evidence,
    };
    verify::verify_with_findings(data, &context, findings)
}
