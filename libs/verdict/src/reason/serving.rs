//! The bootstrap server's view of devices, and its log.

/// Gives its part of the table to the next in the row, behind what came before.
macro_rules! serving {
    ($next:ident $($rest:ident)*; $($before:tt)*) => {
        $next! {
            $($rest)*; $($before)*
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
            StatementInvalid, "statement-invalid", "RFC 8572 §5.6",
                "The device's signed statement about its onboarding does not hold, or is another device's",
                "Find out who sent the report: it was not made by the key of the certificate that it came with.";
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
        }
    };
}
