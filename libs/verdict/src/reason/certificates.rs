//! Certificates that are asked for and issued, and whose they are.

/// Gives its part of the table to the next in the row, behind what came before.
macro_rules! certificates {
    ($next:ident $($rest:ident)*; $($before:tt)*) => {
        $next! {
            $($rest)*; $($before)*
            // RFC 9646: the device's own certificate
            CsrRequestInvalid, "csr-request-invalid", "RFC 9646 §2.2",
                "The server asks for a certificate signing request that cannot be made",
                "Ask only for what the device offered in csr-support.";
            CsrInvalid, "csr-invalid", "RFC 9646 §4.2",
                "The certificate signing request cannot be accepted",
                "Look at the detail: the request must be well-formed, prove possession of its key and come from who asks; \
                 `openssl req -in FILE -noout -text -verify` shows a PKCS#10 request.";
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
            // Certificates that are asked for
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
    };
}
