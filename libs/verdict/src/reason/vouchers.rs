//! Vouchers: what a manufacturer refuses, and what an owner lacks.

/// Gives its part of the table to the next in the row, behind what came before.
macro_rules! vouchers {
    ($next:ident $($rest:ident)*; $($before:tt)*) => {
        $next! {
            $($rest)*; $($before)*
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
            TooManyClaims, "too-many-claims", "RFC 8995 §5.6",
                "As many vouchers for the device wait for a second person as may wait at once",
                "Have somebody decide about them: `sztp masa claim list`, then `sztp masa claim approve CLAIM`.";
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
            MasaUndecided, "masa-undecided", "RFC 8995 §5.6",
                "Somebody at the manufacturer has to agree to the voucher first",
                "Ask again later, or have the manufacturer decide; devices get what is in stock until then.";
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
        }
    };
}
