//! Which refusals look like an attack (SEC-24): whoever reads the log of a device that waits should see at once whether nobody
//! has anything for it, or somebody tries to be its owner.

use verdict::ReasonCode;

/// Whether a refusal is of the kind that honest parties do not cause in their everyday work: something was signed by the wrong
/// party, for another device or another request, or changed on the way. A mistake is still likelier than an attack.
pub(super) const fn is_suspicious(reason: ReasonCode) -> bool {
    matches!(
        reason,
        ReasonCode::VoucherSignatureInvalid
            | ReasonCode::VoucherSignerUntrusted
            | ReasonCode::VoucherSerialMismatch
            | ReasonCode::VoucherIssuerMismatch
            | ReasonCode::VoucherNonceMismatch
            | ReasonCode::VoucherSuperseded
            | ReasonCode::OwnerNotPinned
            | ReasonCode::CertificateRevoked
            | ReasonCode::SignedAttributesInvalid
            | ReasonCode::ConveyedInformationSignatureInvalid
            | ReasonCode::ConveyedInformationSignerNotOwner
            | ReasonCode::UnsignedOnboardingUntrusted
            | ReasonCode::ServerUntrusted
            | ReasonCode::ServerNameMismatch
            | ReasonCode::RedirectTargetBlocked
            | ReasonCode::ImageHashMismatch
            | ReasonCode::FitSignatureInvalid
            | ReasonCode::FitHashMismatch
    )
}
