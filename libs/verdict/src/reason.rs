//! The closed list of reason codes. A code, once released, is never renamed and never given another meaning.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// Builds the enum and its four views from one table, so that a code cannot lack a section or a remedy.
macro_rules! reason_codes {
    ($($name:ident, $code:literal, $section:literal, $summary:literal, $remedy:literal;)*) => {
        /// Why something was refused. Closed, documented and stable: scripts may match on [`ReasonCode::as_str`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ReasonCode {
            $(#[doc = $summary] $name,)*
        }

        impl ReasonCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name, kebab-case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Where the broken rule stands.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self { $(Self::$name => $section,)* }
            }

            /// What happened, as one plain sentence without a full stop.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => $summary,)* }
            }

            /// What a person can do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

reason_codes! {
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
    // Finding and asking bootstrap servers
    UnsignedOnboardingUntrusted, "unsigned-onboarding-untrusted", "RFC 8572 §5.3",
        "Unsigned onboarding information came from a server this device has no reason to trust",
        "Sign the onboarding information, or redirect the device to a server it can authenticate.";
    RedirectLimit, "redirect-limit", "RFC 8572 §5.3",
        "Too many redirects in a row",
        "Shorten the chain of redirect servers to at most ten.";
    RedirectLoop, "redirect-loop", "RFC 8572 §5.3",
        "The redirect leads back to a server already asked in the same state",
        "Remove the loop from the redirect information of the servers named in the detail.";
    RedirectTargetBlocked, "redirect-target-blocked", "RFC 8572 §5.5",
        "An untrusted source points to an address that must not be contacted",
        "Correct the source; in a lab, list the range under allow-targets.";
    ServerUnreachable, "server-unreachable", "RFC 8572 §5.6",
        "The server cannot be reached",
        "Check that it runs, and the address, port and network path to it.";
    ServerUntrusted, "server-untrusted", "RFC 8572 §5.5",
        "The server's TLS certificate does not validate to the anchor given for it",
        "Put the issuer of the server's certificate into the redirect information, or renew the certificate.";
    ServerNameMismatch, "server-name-mismatch", "RFC 8572 §5.5",
        "The server's TLS certificate does not name the address it was reached by",
        "Issue the server certificate with this name or address as subject alternative name.";
    ServerAnswerInvalid, "server-answer-invalid", "RFC 8040 §3.6",
        "The server's answer is not what the protocol allows",
        "Check that the address is a RESTCONF bootstrap server; its log says what it sent.";
    ServerRefused, "server-refused", "RFC 8040 §7",
        "The server refused the request",
        "The server's own reason stands in the detail; ask its operator.";
    NothingForThisDevice, "nothing-for-this-device", "RFC 8572 §4.4",
        "The server has nothing for this device",
        "Register the device and give it a profile and a voucher.";
    NoSource, "no-source", "RFC 8572 §5.2",
        "No source of bootstrapping data gave anything usable",
        "Check DHCP option 143, DNS and storage; the trace lists what each source gave.";
    DnsRecordInvalid, "dns-record-invalid", "RFC 8572 §4.2",
        "A DNS record does not carry what a device looks for under its name",
        "Publish ci, oc and ov as binary TXT values, or SRV records that name bootstrap servers.";
    RemovableStorageInvalid, "removable-storage-invalid", "RFC 8572 §4.1",
        "The removable storage holds nothing usable for this device",
        "Write it again, as the layout has it; the detail names the file.";
    // RFC 9646: the device's own certificate
    CsrRequestInvalid, "csr-request-invalid", "RFC 9646 §2.2",
        "The server asks for a certificate signing request that cannot be made",
        "Ask only for what the device offered in csr-support.";
    CsrInvalid, "csr-invalid", "RFC 9646 §4.2",
        "The certificate signing request cannot be accepted",
        "Look at the detail: the request must be well-formed, prove possession of its key and come from this device.";
    CsrNotWanted, "csr-not-wanted", "RFC 9646 §2.2",
        "The device sent a certificate signing request that nobody asked for",
        "Let the device ask without one first; this server issues no certificates to its class of devices.";
    CsrWanted, "csr-wanted", "RFC 9646 §2.2",
        "The device is to send a certificate signing request before it is onboarded",
        "Nothing, if it does so next; a device that cannot needs a profile without [ldevid], or with `required = false` in it.";
    CsrSupportMissing, "csr-support-missing", "RFC 9646 §2.1",
        "The device's profile wants it to have a certificate of its owner's, and the device did not offer to make a request for one",
        "Give it a profile without [ldevid], or say `required = false` there; or update the device's software.";
    CsrUnsuitable, "csr-unsuitable", "RFC 9646 §2.2",
        "The device offers no key or form of certificate signing request that its profile takes",
        "Look at the detail; add an algorithm or a form to `algorithms` or `formats` in [ldevid] of its profile, or let `key` be \"new-if-possible\".";
    CsrNotAsWanted, "csr-not-as-wanted", "RFC 9646 §2.2",
        "The certificate signing request is not what the server asked for",
        "Let the device begin again; if its profile was changed meanwhile, that is all it needs.";
    CsrOriginUnproved, "csr-origin-unproved", "RFC 9646 §4.2.2",
        "Nothing proves that the certificate signing request is this device's",
        "Let the device show its certificate in TLS; for devices that have none, `activation-code-suffices = true` in [ldevid] of their profile takes their code for it.";
    CsrRoundsExceeded, "csr-rounds-exceeded", "RFC 9646 §2.2",
        "The device was asked several times for a certificate signing request and did not make what was asked for",
        "Compare what [ldevid] of its profile asks for with what the device makes; its software may ignore the server's choice.";
    LdevidUnavailable, "ldevid-unavailable", "RFC 9646 §2.2",
        "The authority that is to certify the device's key is not there, or refused",
        "Look at the server's log; the authority that [ldevid] of the profile names must stand in sztp.toml with its key and certificate.";
    // Onboarding
    ImageUnreachable, "image-unreachable", "RFC 8572 §5.6",
        "The boot image could not be downloaded from any of its URIs",
        "Check the image server and the URIs in the onboarding information.";
    ImageTooLarge, "image-too-large", "RFC 8572 §5.6",
        "The boot image exceeds the size this device can store",
        "Make the image smaller or raise the device's limit.";
    ImageVerificationMissing, "image-verification-missing", "RFC 8572 §5.6",
        "The boot image has neither a known hash nor a signature to verify it by",
        "Put a sha-256 image-verification into the onboarding information.";
    ImageHashMismatch, "image-hash-mismatch", "RFC 8572 §5.6",
        "The boot image is not the one the owner named",
        "Publish the image whose SHA-256 stands in the onboarding information, or correct the hash.";
    ImageNotRunning, "image-not-running", "RFC 8572 §5.6",
        "The image was installed but another one is running",
        "Look at the boot loader's log: it may have refused the image or fallen back.";
    FitMalformed, "fit-malformed", "FIT source file format",
        "The boot image is not a well-formed Flattened Image Tree",
        "Build the image again with mkimage.";
    FitUnsigned, "fit-unsigned", "FIT signature verification",
        "The boot image's configuration carries no signature",
        "Sign the configuration, not only the images in it.";
    FitSignatureInvalid, "fit-signature-invalid", "FIT signature verification",
        "No trusted key verifies the signature of the boot image's configuration",
        "Sign the image with a key that the device holds; a change after signing has the same effect.";
    FitHashMismatch, "fit-hash-mismatch", "FIT signature verification",
        "A part of the boot image does not match its signed hash",
        "The image was damaged or changed after signing: build it again.";
    FitConfigurationMissing, "fit-configuration-missing", "FIT source file format",
        "The boot image has no configuration to select",
        "Name an existing configuration, or give the image a default one.";
    PreScriptFailed, "pre-script-failed", "RFC 8572 §5.6",
        "The pre-configuration script failed",
        "The script's output stands in the detail: correct the script.";
    ConfigurationFailed, "configuration-failed", "RFC 8572 §5.6",
        "The configuration could not be committed",
        "The detail says what the configuration back end answered.";
    PostScriptFailed, "post-script-failed", "RFC 8572 §5.6",
        "The post-configuration script failed; the configuration was rolled back",
        "The script's output stands in the detail: correct the script.";
    ReportNotAcknowledged, "report-not-acknowledged", "RFC 8572 §5.6",
        "The server did not acknowledge a progress report that must be acknowledged",
        "Look at the server's log; the device will try again.";
    StorageFailed, "storage-failed", "RFC 8572 §5.6",
        "The device could not write to its own storage",
        "Check free space, mount state and wear of the device's storage.";
    // The bootstrap server's view of a device
    IdevidMissing, "idevid-missing", "RFC 8040 §2.5",
        "The device showed no certificate",
        "Give the device its IDevID certificate and key.";
    CredentialsMissing, "credentials-missing", "RFC 8040 §2.5",
        "The device showed its certificate, and its profile asks for an activation code too",
        "Give the device its activation code, or the profile another authentication.";
    CredentialsMismatch, "credentials-mismatch", "RFC 8572 §5.3",
        "The device's user name is not the serial number in its certificate",
        "Configure the device's own serial number as its user name.";
    CredentialsRefused, "credentials-refused", "RFC 8040 §2.5",
        "User name and activation code are not accepted",
        "Compare both with what the operator set for the device; the audit log says what was wrong.";
    IdevidUntrusted, "idevid-untrusted", "RFC 8572 §5.3",
        "The certificate does not chain to a manufacturer this server knows",
        "If the device is genuine, add its manufacturer's anchor; otherwise somebody is copying an identity.";
    SerialNumberMissing, "serial-number-missing", "IEEE 802.1AR",
        "The certificate does not name the device's serial number",
        "Configure how this manufacturer's certificates carry the serial number.";
    DeviceUnknown, "device-unknown", "RFC 8572 §4.4",
        "A genuine device that nobody registered",
        "Register the device, or approve it when it is held.";
    SignedDataUnavailable, "signed-data-unavailable", "RFC 8572 §7.3",
        "The device asked for signed data and no voucher is stored for it",
        "Import or issue the ownership voucher of this serial number.";
    RequestMalformed, "request-malformed", "RFC 8040 §7",
        "The request breaks the protocol",
        "The detail names the member; compare the device's firmware with RFC 8572.";
    SshHostKeyMismatch, "ssh-host-key-mismatch", "RFC 4253 §6.6",
        "The device reported an SSH host key whose data is not a key of the algorithm it names",
        "Mend the device: `key-data` is the key's wire form, which begins with the name of its own format.";
    RequestTooLarge, "request-too-large", "RFC 8040 §7",
        "The request body is larger than a device may send",
        "Shorten messages in progress reports.";
    HandshakeFailed, "handshake-failed", "RFC 8446 §4",
        "The TLS handshake did not complete",
        "Check protocol versions and clocks on both sides; port scanners have the same effect.";
    ServerBusy, "server-busy", "RFC 8040 §12",
        "More is asked of the server at this moment than it serves",
        "Nothing, if it passes: devices come back by themselves; otherwise raise `[limits]` or add a server.";
    ReportWithoutOnboarding, "report-without-onboarding", "RFC 8572 §5.6",
        "The device reports completion of an onboarding that was never served",
        "Find out who bootstrapped this device: its agent may report falsely.";
    DeviceNotAdmitted, "device-not-admitted", "RFC 8572 §4.4",
        "A genuine device that nobody registered, and this owner takes in registered devices only",
        "Register the device with `sztp device add`, or approve it with `sztp device approve`.";
    DeviceReturned, "device-returned", "RFC 8572 §9.10",
        "A bootstrapped device asks again as if it were new",
        "Find out who reset it; then `sztp device approve` lets it through once, and `sztp device retire` turns it away.";
    DeviceRetired, "device-retired", "RFC 8572 §9.10",
        "The device was retired and still asks",
        "Find out where it is; `sztp device reprovision` takes it back.";
    NeverSeen, "never-seen", "RFC 8572 §5.1",
        "The device is registered and has never asked",
        "Check that it is cabled and powered, and that DHCP option 143, DNS or its storage leads it here.";
    RedirectNotFollowed, "redirect-not-followed", "RFC 8572 §5.5",
        "The device was redirected and did not arrive",
        "Check that it can reach the addresses in the redirect, and that its voucher pins this owner.";
    OnboardingSilent, "onboarding-silent", "RFC 8572 §5.6",
        "The device stopped reporting in the middle of its onboarding",
        "Look at its last report and its console: download, script or reboot may hang.";
    WaitingForOperator, "waiting-for-operator", "RFC 8572 §4.4",
        "The device waits for a decision that nobody has made",
        "Decide with `sztp device approve` or `sztp device retire`.";
    FailedForGood, "failed-for-good", "RFC 8572 §5.6",
        "The device failed and has not tried again",
        "Mend what its last report names, then power-cycle it or run `sztp device reprovision`.";
    NotBackYet, "not-back-yet", "RFC 8572 §5.1",
        "The device may begin its onboarding again and has not asked since",
        "Power-cycle it; it must be in factory state, or it will not ask.";
    AttemptOverdue, "attempt-overdue", "RFC 8572 §5.6",
        "The device reports, and its onboarding still takes longer than it may",
        "Look at its reports: a download may be slow, or a step be tried over and over.";
    ClockDoubtful, "clock-doubtful", "RFC 8572 §9.1",
        "The device's record is dated in the future: the server's clock went back since, or was wrong then",
        "Correct the server's clock; how long this device has waited cannot be told, so look at it yourself.";
    CertificateChanged, "certificate-changed", "RFC 8572 §9.10",
        "The device proves its identity with another certificate than before",
        "If the manufacturer renewed it, clear the alarm; if not, two machines claim one serial number.";
    SourceChanged, "source-changed", "RFC 8572 §9.10",
        "The device went on with its onboarding from another network",
        "Nothing, if it was moved or its network changed; otherwise find out who holds its identity.";
    UnregisteredFlood, "unregistered-flood", "RFC 8572 §9.10",
        "More unregistered devices of one manufacturer ask than the owner's policy takes note of in an hour",
        "Register them, or raise `unregistered-per-hour` in the policy; the log has their number and addresses.";
    ImportRowInvalid, "import-row-invalid", "sztp device import",
        "The row cannot be taken",
        "Correct the member that the detail names, and import the row again.";
    ImportRowRepeated, "import-row-repeated", "sztp device import",
        "The same device stands in the file twice",
        "Remove one of the two rows, and import the file again: rows that were taken are left alone.";
    ImportUnreadable, "import-unreadable", "sztp device import",
        "The file cannot be read any further",
        "Correct it at the line that the detail names; everything before that line was taken.";
    // DHCP
    DhcpMalformed, "dhcp-malformed", "RFC 2131 §3",
        "The datagram is not a well-formed DHCP message",
        "Look at the sender; a capture shows the bytes.";
    DhcpUriInvalid, "dhcp-uri-invalid", "RFC 8572 §8.3",
        "A bootstrap URI is not https://host or https://host:port",
        "Configure scheme, host and port only; a path is not allowed.";
    DhcpPoolExhausted, "dhcp-pool-exhausted", "RFC 2131 §4.3.1",
        "There is no free address left to lease",
        "Enlarge the pool or shorten leases; many unknown MACs at once may also mean starvation by one machine.";
    DhcpNoRecord, "dhcp-no-record", "RFC 2131 §4.3.2",
        "The client asks to keep an address of which this server knows nothing",
        "Nothing, if another server leased it; the client will ask afresh.";
    DhcpWrongNetwork, "dhcp-wrong-network", "RFC 2131 §4.3.2",
        "The client asks for an address that does not belong on its network",
        "The client was told to ask afresh; it moved, or a second server hands out other addresses.";
    // Vouchers, asked of the manufacturer
    VoucherRequestMalformed, "voucher-request-malformed", "RFC 8995 §3.4",
        "The voucher request is not the signed document that it must be",
        "Correct what the detail names: CMS SignedData over JSON with `ietf-voucher-request:voucher` at its top.";
    VoucherRequestSignatureInvalid, "voucher-request-signature-invalid", "RFC 8995 §5.5.3",
        "The signature of the voucher request does not verify",
        "The request was changed after it was signed: make it again.";
    VoucherRequestStale, "voucher-request-stale", "RFC 8995 §5.6",
        "The voucher request was made too long ago, or in the future",
        "Make a new request; compare both clocks in the detail.";
    RegistrarUntrusted, "registrar-untrusted", "RFC 8995 §5.5.4",
        "Whoever signed the voucher request is not under a domain of an owner that the manufacturer knows",
        "Have the manufacturer record the CA of the registrar's certificate as a domain of its owner.";
    RegistrarNotAuthorized, "registrar-not-authorized", "RFC 8995 §5.5.4",
        "The certificate that signed the voucher request is not a registrar's",
        "Issue the registrar's certificate with the extended key usage id-kp-cmcRA.";
    RegistrarUnauthenticated, "registrar-unauthenticated", "RFC 8995 §5.5.4",
        "A voucher without a nonce was asked for by somebody who did not authenticate",
        "Connect with the registrar's TLS certificate, or ask with the nonce of a device that waits.";
    PriorRequestMismatch, "prior-request-mismatch", "RFC 8995 §5.5.5",
        "The registrar's request and what the device or the manufacturer signed before do not agree",
        "Send the device's request unchanged, with the serial number of its certificate and its own nonce.";
    SerialNumberUnknown, "serial-number-unknown", "RFC 8995 §5.6",
        "The manufacturer made no device of this serial number",
        "Compare the serial number with the device's label and certificate, letter by letter.";
    SerialNumberAmbiguous, "serial-number-ambiguous", "RFC 8366 §5.3",
        "Several devices of this manufacturer have the serial number",
        "Name the issuer of the device's IDevID certificate in `idevid-issuer`.";
    OwnershipUnrecorded, "ownership-unrecorded", "RFC 8995 §5.5",
        "The manufacturer has no record of who owns the device",
        "Have the manufacturer record the sale; who asks first does not become the owner.";
    OwnershipElsewhere, "ownership-elsewhere", "RFC 8995 §5.5",
        "The manufacturer has another owner on record for the device",
        "Have that owner release the device to you, or show the manufacturer that you bought it.";
    OwnershipInTransfer, "ownership-in-transfer", "RFC 8995 §5.5",
        "The device was released by one owner and not yet accepted by the next",
        "The new owner accepts the device, or the old one takes the release back.";
    VoucherNotRenewable, "voucher-not-renewable", "RFC 8366 §6.1",
        "The voucher cannot be renewed",
        "Ask for a new voucher; the detail says what keeps this one from being renewed.";
    VoucherKindRefused, "voucher-kind-refused", "RFC 8366 §7.1",
        "The manufacturer issues no such voucher for this device",
        "Ask with the nonce of the device, which is always possible; the detail names the rule.";
    SecondPersonRequired, "second-person-required", "RFC 8366 §7.2",
        "Whoever asked for a voucher cannot approve it too",
        "Have somebody else approve it.";
    // Audit log
    LogLeafMismatch, "log-leaf-mismatch", "RFC 6962 §2.1",
        "A stored record does not match its leaf",
        "The record was changed after it was logged: compare with a backup.";
    LogRootMismatch, "log-root-mismatch", "RFC 6962 §2.1",
        "The leaves do not give the root hash that was signed",
        "A leaf was changed, removed or reordered: compare with a backup.";
    LogTruncated, "log-truncated", "RFC 6962 §2.1",
        "The log holds fewer leaves than a checkpoint covers",
        "Entries were removed, or an old copy was restored: compare with a backup.";
    LogErasureUnaccounted, "log-erasure-unaccounted", "RFC 6962 §2.1",
        "Records are empty that no erasure on record took",
        "Somebody took them out of the database by hand: compare with a backup; `sztp audit erase` is the way to erase.";
    CheckpointMalformed, "checkpoint-malformed", "C2SP tlog-checkpoint",
        "The checkpoint is not a signed note that can be read",
        "Use the file as it was published, with its signature lines and its last line break.";
    CheckpointSignatureInvalid, "checkpoint-signature-invalid", "C2SP tlog-checkpoint",
        "The checkpoint is not signed by this log's key",
        "Use the log's own public key; if you did, the checkpoint was forged.";
    // The operator API
    TokenMissing, "token-missing", "RFC 6750 §3",
        "The request carries no token",
        "Send `Authorization: Bearer SECRET`; `sztp` takes it from --token-file or SZTP_TOKEN_FILE.";
    TokenInvalid, "token-invalid", "RFC 6750 §3.1",
        "The token is not one of this server's, or was revoked",
        "Make a new one with `sztp token create`, and check which server the command talks to.";
    TokenExpired, "token-expired", "RFC 6750 §3.1",
        "The token has expired",
        "Make a new one with `sztp token create`.";
    TooManyFailures, "too-many-failures", "RFC 6585 §4",
        "Too many requests with wrong tokens came from this address",
        "Correct the token and wait a minute; a script with an old token may be trying on its own.";
    RoleInsufficient, "role-insufficient", "RFC 6750 §3.1",
        "The token's user may not do this",
        "Ask an admin for the role that the detail names, or to do it for you.";
    ResourceMissing, "resource-missing", "RFC 9110 §15.5.5",
        "There is no such resource",
        "Check the spelling; `sztp device list` and its sisters show what there is.";
    // What an authority issues
    KeyInUse, "key-in-use", "RFC 8572 §9.3",
        "The key has a certificate already, and somebody else holds it",
        "Make a new key for each device; one that two devices share lets each be the other.";
    CertificateThere, "certificate-there", "IEEE 802.1AR §8",
        "The device has a certificate of this authority that still holds",
        "Renew or revoke it, or say with --because why there is to be another.";
    NothingToRenew, "nothing-to-renew", "RFC 7030 §4.2.2",
        "There is no certificate of this holder that still holds",
        "Issue one anew; a renewal goes on from a certificate that has neither expired nor been revoked.";
    OnboardsNobody, "onboards-nobody", "RFC 8572 §7.3",
        "This server is an authority alone: it onboards no devices",
        "Ask the bootstrap server, or give this one a [device-listener] and an [owner] in sztp.toml.";
    MethodUnsupported, "method-unsupported", "RFC 9110 §15.5.6",
        "This resource does not support the method",
        "Use one of the methods in the Allow header; /v1/openapi.json describes them.";
    NotAcceptable, "not-acceptable", "RFC 9110 §15.5.7",
        "The answer exists in no media type that the request accepts",
        "Accept application/json, or the media type that /v1/openapi.json gives for the operation.";
    MediaTypeUnsupported, "media-type-unsupported", "RFC 9110 §15.5.16",
        "The body is of a media type that this operation does not take",
        "Send the media type that the detail names.";
    QueryInvalid, "query-invalid", "RFC 9110 §15.5.1",
        "A query parameter is unknown, repeated, or has a value that it cannot have",
        "Correct the parameter that the detail names; /v1/openapi.json lists those there are.";
    BodyInvalid, "body-invalid", "RFC 9110 §15.5.21",
        "The body is not what this operation takes",
        "Correct the member that the detail names; /v1/openapi.json describes the body.";
    HeaderInvalid, "header-invalid", "RFC 9110 §15.5.1",
        "A header field has a value that it cannot have",
        "Correct the header field that the detail names.";
    BodyTooLarge, "body-too-large", "RFC 9110 §15.5.14",
        "The body is larger than this operation takes",
        "Split the request; many devices go through `sztp device import`.";
    BodyTooSlow, "body-too-slow", "RFC 9110 §15.5.9",
        "The body did not arrive in time",
        "Send it again; if that happens often, look at the network between.";
    VersionChanged, "version-changed", "RFC 9110 §13.1.1",
        "The record was changed since it was last read",
        "Read it again, look at what changed, and decide again.";
    IdempotencyConflict, "idempotency-conflict", "RFC 9110 §9.2.2",
        "The idempotency key was used for another request",
        "Use a new key for each new request, and the same key only to send the same request again.";
    SecretShownBefore, "secret-shown-before", "RFC 9110 §9.2.2",
        "This request was carried out before, and its secret is shown only once",
        "If the first answer is lost, revoke what the detail names and make a new one with another idempotency key.";
    AlreadyThere, "already-there", "RFC 9110 §15.5.10",
        "What is to be made exists already",
        "Change the one that is there, or choose another name.";
    StillInUse, "still-in-use", "RFC 9110 §15.5.10",
        "It cannot be removed while others depend on it",
        "Change those first; the detail says how many there are.";
    StateForbids, "state-forbids", "RFC 9110 §15.5.10",
        "The device's state does not allow this",
        "Look at its state with `sztp explain`; the detail says what is missing.";
    ReferenceUnknown, "reference-unknown", "RFC 9110 §15.5.21",
        "The request names a manufacturer, profile or user that does not exist",
        "Correct the name, or add what it names first.";
    LastAdmin, "last-admin", "RFC 9110 §15.5.10",
        "Without this user nobody could administer the server",
        "Make another user admin first.";
    StreamsExhausted, "streams-exhausted", "RFC 9110 §15.6.4",
        "As many event streams are open as this server carries",
        "Close one, or try again later.";
    DatabaseUnavailable, "database-unavailable", "RFC 9110 §15.6.4",
        "The database cannot answer now",
        "Try again; if it stays so, look at the server's log, free disk space and the database itself.";
    NotAnOnboardingServer, "not-an-onboarding-server", "RFC 8572 §7.3",
        "This server sends devices to other servers and onboards none",
        "Give the device's profile `[[redirect]]` entries, or let this server onboard: `roles` in sztp.toml.";
    PolicyPending, "policy-pending", "RFC 8572 §9.10",
        "sztp.toml would let devices do more than was accepted, so what was accepted stays in force",
        "Look at the difference with `sztp policy show`; accept it with `sztp policy accept`, or change sztp.toml back.";
    WebhookFailing, "webhook-failing", "RFC 8572 Appendix C.3",
        "A receiver of events does not take them",
        "`sztp status` says what goes wrong; nothing is lost meanwhile, and it is told of everything once it answers.";
    ServerFailed, "server-failed", "RFC 9110 §15.6.1",
        "The server failed",
        "The server's log says why; report it if the log does not help.";
    LogBegunAnew, "log-begun-anew", "RFC 9110 §15.5.11",
        "What is referred to is a place in another audit log: the database was restored since, which begins a new one",
        "Read again what you hold, and follow the new log from its beginning (`after=0`), or from now on.";
    TooManyTokens, "too-many-tokens", "RFC 9110 §15.5.10",
        "The user has as many tokens as one user may have",
        "Revoke those that nobody uses any more: `sztp token list` shows them with their age.";
    TokenOutlivesMaker, "token-outlives-maker", "RFC 6750 §3.1",
        "A token may not be valid for longer than the one that makes it",
        "Ask for fewer days, or make it with a token that is valid for longer.";
    // The voucher desk
    TooManyVouchers, "too-many-vouchers", "RFC 9110 §15.5.10",
        "The device has as many vouchers as one device may have",
        "Erase the device with `sztp audit erase`, register it again and import the voucher that counts.";
    MasaUnknown, "masa-unknown", "RFC 8995 §2.3",
        "It is not known where vouchers of this manufacturer can be asked for",
        "Ask the manufacturer for the voucher in whatever way it has, and run `sztp voucher import FILE`.";
    MasaUnreachable, "masa-unreachable", "RFC 8572 §7.3",
        "The manufacturer's service for vouchers did not answer in time",
        "Look at its address, the proxy in `[outbound]` of sztp.toml, and the network between; devices get what is in stock.";
    MasaRefused, "masa-refused", "RFC 8995 §5.5",
        "The manufacturer gave no voucher",
        "Ask it whether it has recorded you as the device's owner; the detail in the server's log is its answer.";
    VoucherMissing, "voucher-missing", "RFC 8572 §5.4",
        "There is no voucher for the device",
        "Ask its manufacturer for one that pins your certificate, and run `sztp voucher import FILE`.";
    VoucherEndsEarly, "voucher-ends-early", "RFC 8366 §6.1",
        "The device's voucher expires before it is needed",
        "Have it renewed: `sztp voucher renew SERIAL`, or ask the manufacturer, and import the new one.";
    VoucherForOneRequest, "voucher-for-one-request", "RFC 8366 §5.3",
        "The device's only voucher holds a nonce, and answers the one request that sent it",
        "Ask its manufacturer for a voucher without a nonce, and run `sztp voucher import FILE`.";
    SerialSpelledOtherwise, "serial-spelled-otherwise", "RFC 8572 §5.4",
        "The serial number is written otherwise than in the voucher, and devices compare it to the letter",
        "Correct the list as the detail suggests: vouchers and certificates have the spelling that counts.";
    ManufacturerAmbiguous, "manufacturer-ambiguous", "RFC 8366 §5.3",
        "Several manufacturers have a device with this serial number",
        "Say who made the device: in the list's column manufacturer, or with --manufacturer.";
    DeviceNotRegistered, "device-not-registered", "RFC 8572 §7.1",
        "The device is not on the list, and the policy admits none that is not",
        "Register it with `sztp device add` or `sztp device import`.";
    DeviceOnboarded, "device-onboarded", "RFC 8572 §9.10",
        "The device was onboarded before, and would be held when it comes again",
        "Is it the one that you expect? Then let it begin again: `sztp device reprovision SERIAL`.";
    VouchersEnding, "vouchers-ending", "RFC 8366 §6.1",
        "Vouchers of devices that were not onboarded yet expire within 30 days, and nothing follows them",
        "`sztp voucher list --expiring` names them; `sztp voucher renew --expiring-before DATE` asks their manufacturers for \
         new ones.";
    // Certificates that are asked for
    CertificateRequestMalformed, "certificate-request-malformed", "RFC 2986 §4",
        "This is no certificate request, or not one of a form that is read here",
        "Send one PKCS#10 request, PEM or DER; `openssl req -in FILE -noout -text -verify` shows what it holds.";
    PossessionUnproved, "possession-unproved", "RFC 2986 §3",
        "The request is not signed with the key that it asks a certificate for",
        "Make the request again with that key; a request that was changed after it was signed looks like this too.";
    SubjectForeign, "subject-foreign", "RFC 9646 §4.2.2",
        "The request names somebody else than who may ask, or says what the profile does not take from requests",
        "Ask with the subject that the detail names, or leave it empty: what is missing is filled in.";
    NameUnfit, "name-unfit", "RFC 5280 §4.1.2.6",
        "A name is not fit to stand in a certificate",
        "Correct the value that the detail names: its length, characters that cannot be seen, or letters of several scripts.";
    KeyNotAllowed, "key-not-allowed", "RFC 5280 §4.1.2.7",
        "The profile does not allow such a key",
        "Make a key of one of the kinds that the detail names, or let the profile's `keys` allow this one.";
    KeyWeak, "key-weak", "RFC 5280 §4.1.2.7",
        "The key protects nothing",
        "Make a new key with a program that is kept up to date; the detail says what is wrong with this one.";
    ExtensionForbidden, "extension-forbidden", "RFC 5280 §4.2",
        "The request asks for an extension that the profile does not grant",
        "Ask without it; the profile decides what a certificate says.";
    CertificateUnfit, "certificate-unfit", "RFC 5280 §4.1",
        "The certificate would break a rule, so it was not signed",
        "The detail names the rule; correct the profile or what is asked for.";
    RenewalDiffers, "renewal-differs", "RFC 7030 §4.2.2",
        "A renewal has the same names as the certificate that it renews, and this request has others",
        "Ask with the subject and the alternative names of the old certificate, or enrol anew.";
    // Which device a certificate is of
    IdentityAmbiguous, "identity-ambiguous", "IEEE 802.1AR §8.6",
        "The certificate's serial number can be read in more than one way",
        "See `sztp enroll explain CERT`; give the manufacturer rules that name one place, or have the certificate issued again.";
    IdevidUnfit, "idevid-unfit", "IEEE 802.1AR §8.10",
        "The certificate chains to a manufacturer, and is none that its devices have: a CA's, or for another purpose",
        "See `sztp enroll explain CERT`; a genuine device shows the end entity's certificate first, and its purpose is one the manufacturer's rules name.";
    RevocationListStale, "revocation-list-stale", "RFC 5280 §5.1.2.5",
        "There should be a newer revocation list of a manufacturer's CA than the one that devices are judged by",
        "Fetch the current list: into its file, which a running server reads within seconds, or with `sztp manufacturer crl NAME FILE`.";
    // The factory line
    StationUnknown, "station-unknown", "IEEE 802.1AR §8",
        "Who asks is no factory station that this server trusts",
        "Give the station a certificate below one of `station-anchors` in [factory], with the station's name as its common name.";
    StationNotAllowed, "station-not-allowed", "IEEE 802.1AR §8",
        "The production order is for other stations",
        "Enrol the unit at a station that the order names, or make an order that names this one.";
    OrderUnknown, "order-unknown", "IEEE 802.1AR §8",
        "There is no such production order",
        "`sztp factory order list` shows those that there are; compare the name that the station was given.";
    OrderClosed, "order-closed", "IEEE 802.1AR §8",
        "The production order was closed",
        "Enrol what is left under another order: `sztp factory order create`.";
    OrderExpired, "order-expired", "IEEE 802.1AR §8",
        "The production order has expired",
        "Make another one for the units that are left; check the server's clock if this comes as a surprise.";
    UnitNotOrdered, "unit-not-ordered", "IEEE 802.1AR §8",
        "The production order does not have this serial number",
        "Look at the unit's label and at the order; a unit of another order is enrolled under that one.";
    UnitCertified, "unit-certified", "IEEE 802.1AR §8",
        "The unit has its certificate already",
        "Was its board changed? Then allow one more: `sztp factory order rework ORDER SERIAL --because WHY`. If not, two units have one serial number.";
    ReworkPending, "rework-pending", "IEEE 802.1AR §8",
        "One more certificate is allowed for the unit already",
        "Enrol it at a station; the reason that was given first stands.";
    TpmProofMissing, "tpm-proof-missing", "TPM 2.0 Library, Part 1 §24",
        "The order demands a proof that the key is in the unit's TPM, and there is none",
        "Enrol with `sztp-device identity enrol` and a key in the TPM (`--key tpm2:0x81020000`).";
    TpmProofRefused, "tpm-proof-refused", "TPM 2.0 Library, Part 1 §24",
        "It is not proved that the key is in the unit's TPM",
        "The detail says which part does not hold; begin again at the unit, with the key that is in its TPM.";
    EndorsementKeyForeign, "endorsement-key-foreign", "TPM 2.0 Library, Part 1 §24",
        "The unit's TPM is not one that the order vouches for",
        "Compare `sztp-device identity show` on the unit with the order: the board may have been changed, or two labels mixed up.";
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ReasonCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for ReasonCode {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == code).ok_or(UnknownReason)
    }
}

/// The text is not the name of a reason code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownReason;

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such reason code")
    }
}

impl std::error::Error for UnknownReason {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_and_parse_back() {
        let names: BTreeSet<_> = ReasonCode::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(names.len(), ReasonCode::ALL.len());
        for reason in ReasonCode::ALL {
            assert!(reason.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{reason}");
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
        assert_eq!("no-such-thing".parse::<ReasonCode>(), Err(UnknownReason));
    }

    #[test]
    fn every_code_explains_itself() {
        for reason in ReasonCode::ALL {
            assert!(!reason.section().is_empty() && !reason.summary().ends_with('.'), "{reason}");
            assert!(reason.remedy().ends_with('.'), "{reason}");
        }
    }
}
