//! Artifacts: what a device verifies before it believes anything.

/// Gives its part of the table to the next in the row, behind what came before.
macro_rules! artifacts {
    ($next:ident $($rest:ident)*; $($before:tt)*) => {
        $next! {
            $($rest)*; $($before)*
            // Artifacts: their form
            ArtifactMalformed, "artifact-malformed", "RFC 8572 §3.1",
                "The artifact is not the CMS structure it must be",
                "Make the artifact again with `sztp artifact make` or fetch it afresh; a transfer may have truncated it.";
            ArtifactTooLarge, "artifact-too-large", "RFC 8040 §12",
                "The artifact exceeds the size this side accepts",
                "Shorten scripts and configuration, or move bulk data into the boot image.";
            ContentTypeUnexpected, "content-type-unexpected", "RFC 8572 §3.1",
                "The CMS content type is not one this artifact may have",
                "Use the content types of RFC 8572 §3 (42 for XML, 43 for JSON) or id-data.";
            DocumentInvalid, "document-invalid", "RFC 8572 §6.3",
                "The document inside the artifact breaks its YANG module",
                "Correct the member that the detail names and sign the document again.";
            GroupingIllegal, "grouping-illegal", "RFC 8572 §3.5",
                "Owner certificate and voucher must come together, beside signed conveyed information",
                "Serve conveyed information alone when it is unsigned, and all three artifacts when it is signed.";
            // Artifacts: their encryption
            DecryptionKeyMissing, "decryption-key-missing", "RFC 8572 §5.3",
                "The artifact is encrypted and this device has no key to decrypt with",
                "Give the device a key that can decrypt, or send the artifact in clear.";
            NotARecipient, "not-a-recipient", "RFC 8572 §3.4",
                "The artifact was encrypted for somebody else",
                "Encrypt to the certificate of this device; `sztp artifact inspect` lists the recipients.";
            DecryptionFailed, "decryption-failed", "RFC 8572 §9.14",
                "The artifact could not be decrypted, or what came out is no artifact",
                "Encrypt it again to this device's certificate; which step failed is not told on purpose.";
            EncryptionNotAllowed, "encryption-not-allowed", "RFC 8572 §3.1",
                "The artifact is encrypted in a way that is unknown, too weak or not enabled here",
                "Encrypt with AES in CBC mode (EnvelopedData), as `sztp artifact encrypt` does.";
            DeviceCannotDecrypt, "device-cannot-decrypt", "RFC 8572 §3.4",
                "What the device is to get must be encrypted to it, and nothing can be encrypted to the certificate it shows",
                "Give it a certificate with an RSA key and keyEncipherment, or an elliptic-curve key and keyAgreement, or take \
                 `encrypt-to-device` out of its profile.";
            // Artifacts: their signatures
            AlgorithmNotAllowed, "algorithm-not-allowed", "RFC 5652 §5.3",
                "The signature uses an algorithm that is unknown or too weak",
                "Sign again with ECDSA P-256 and SHA-256, or another algorithm the device accepts.";
            SignedAttributesInvalid, "signed-attributes-invalid", "RFC 5652 §5.3",
                "The signed attributes are missing, repeated or do not match the content",
                "The content was changed after signing, or the signer omitted the attributes: sign it again.";
            CertificateMalformed, "certificate-malformed", "RFC 5280 §4.1",
                "A certificate cannot be read, or holds a critical extension nobody here understands",
                "Issue the certificate again without the extension, or add the extension to the accepted ones.";
            CertificateExpired, "certificate-expired", "RFC 5280 §6.1.3",
                "A certificate is outside its validity period",
                "Compare both clocks in the detail; renew the certificate or correct the clock.";
            CertificateOutOfBounds, "certificate-out-of-bounds", "RFC 5280 §6.1",
                "A CA may not issue this certificate: its constraints on names forbid it, or a certificate policy that it demands is missing",
                "Issue the certificate under a CA whose constraints allow it; the detail names the certificate, and the CA and the name where a name is at fault.";
            // Ownership voucher
            VoucherSignatureInvalid, "voucher-signature-invalid", "RFC 8572 §5.4",
                "The voucher's signature does not verify",
                "The voucher was changed after the manufacturer signed it: obtain it again.";
            VoucherSignerUntrusted, "voucher-signer-untrusted", "RFC 8572 §5.4",
                "The voucher was not signed under a voucher anchor of this device",
                "Obtain the voucher from the MASA of the device's own manufacturer.";
            VoucherInvalid, "voucher-invalid", "RFC 8366 §5.3",
                "The voucher document breaks its YANG module",
                "Have the MASA issue the voucher again; the detail names the member.";
            VoucherNotYetValid, "voucher-not-yet-valid", "RFC 8572 §5.4",
                "The voucher was created in the future",
                "Compare both clocks in the detail and correct the one that is wrong.";
            VoucherExpired, "voucher-expired", "RFC 8572 §5.4",
                "The voucher has expired",
                "Have the MASA renew the voucher, or correct the device's clock.";
            VoucherAssertionRefused, "voucher-assertion-refused", "RFC 8572 §5.4",
                "The voucher's assertion is not one this device accepts",
                "Obtain a voucher with the assertion `verified`, or widen the device's policy.";
            VoucherSerialMismatch, "voucher-serial-mismatch", "RFC 8572 §5.4",
                "The voucher is for another device",
                "Serve the voucher of this serial number; `sztp voucher inspect` tells whose a voucher is.";
            VoucherIssuerMismatch, "voucher-issuer-mismatch", "RFC 8572 §5.4",
                "The voucher is for a device of another issuer with the same serial number",
                "Obtain a voucher whose idevid-issuer matches the device's IDevID certificate.";
            VoucherNonceMismatch, "voucher-nonce-mismatch", "RFC 8366 §5.3",
                "The voucher's nonce is not the one this device sent",
                "Obtain a voucher for this very request, or one without a nonce; a nonced voucher cannot be used twice.";
            VoucherSuperseded, "voucher-superseded", "RFC 8366 §5.3",
                "The voucher pins another owner and is older than one that this device accepted",
                "Obtain a new voucher from the manufacturer, who knows whose the device is now.";
            // Owner certificate and conveyed information
            OwnerNotPinned, "owner-not-pinned", "RFC 8572 §5.4",
                "The owner certificate does not chain to the certificate that the voucher pins",
                "Obtain a voucher that pins your own certificate, or transfer the device to this owner at the MASA.";
            OwnerCertificateUnusable, "owner-certificate-unusable", "RFC 8572 §3.2",
                "The owner certificate may not sign",
                "Issue the owner certificate with digitalSignature in its KeyUsage, or without one, and not for TLS alone.";
            CertificateRevoked, "certificate-revoked", "RFC 5280 §6.3",
                "A certificate of the path has been revoked",
                "Sign with another owner certificate; the detail names the one that was revoked, when and why.";
            RevocationUnchecked, "revocation-unchecked", "RFC 8572 §5.4",
                "The voucher demands revocation checks that could not be made",
                "Staple fresh revocation lists to the owner certificate.";
            ConveyedInformationSignatureInvalid, "conveyed-information-signature-invalid", "RFC 8572 §5.4",
                "The conveyed information's signature does not verify",
                "The document was changed after the owner signed it: sign it again.";
            ConveyedInformationSignerNotOwner, "conveyed-information-signer-not-owner", "RFC 8572 §5.4",
                "The conveyed information was not signed by the owner certificate",
                "Sign with the key of the owner certificate that is served beside it.";
        }
    };
}
