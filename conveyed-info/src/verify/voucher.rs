//! Step 1 of RFC 8572 §5.4: the ownership voucher.

use pki::{
    certificate::Certificate,
    identity::{IdentityError, SerialNumber},
    path::{self, Policy, Purpose},
    revocation::{Demand, Evidence},
    time::Clock,
};
use verdict::{Input, ReasonCode, Refusal, Trace};

use super::{Context, revocation::RevocationCheck};
use crate::{
    cms::{CmsError, ContentType, SignedData},
    profile::{InputProfile, Lenient},
    voucher::{Freshness, Voucher},
};

const SECTION: &str = "RFC 8572 §5.4";

/// A voucher that the manufacturer made for this device, and what was stapled to it about revoked certificates.
pub(super) struct Authentic {
    pub(super) voucher: Voucher,
    pub(super) stapled: Evidence,
}

/// What is known when a voucher is read and its signer judged.
pub(super) struct SignerContext<'a> {
    pub(super) anchors: &'a [Certificate],
    pub(super) idevid: Option<&'a Certificate>,
    pub(super) clock: Clock,
    pub(super) profile: InputProfile,
    pub(super) revocation: &'a Evidence,
}

/// Verifies signature, signer, dates, assertion, serial number, issuer and nonce, in the order of the RFC.
pub(super) fn verify(
    signed: &SignedData,
    input: Input,
    context: &Context<'_>,
    mut trace: Trace,
) -> Result<(Authentic, Trace), Refusal> {
    let inputs = [input];
    let (voucher, stapled);
    let signers = SignerContext {
        anchors: context.voucher_anchors,
        idevid: context.idevid,
        clock: context.clock,
        profile: context.profile,
        revocation: context.revocation,
    };
    (Authentic { voucher, stapled }, trace) = authenticate(signed, &signers, trace, &inputs)?;
    trace = check_dates(&voucher, context.clock, trace, &inputs)?;

    // RFC 8572 §5.4 step 1c (CLI-34).
    if !context.assertions.contains(&voucher.assertion) {
        let detail = format!("the voucher asserts {}", voucher.assertion.as_str());
        return Err(trace.refused("voucher-assertion", ReasonCode::VoucherAssertionRefused, &inputs, detail));
    }
    trace.passed("voucher-assertion", SECTION, &inputs);

    trace = check_serial_number(&voucher, context.serial_number, trace, &inputs)?;
    trace = check_issuer(&voucher, context.idevid, trace, &inputs)?;
    trace = check_nonce(&voucher, context, trace, &inputs)?;
    Ok((Authentic { voucher, stapled }, trace))
}

/// Form, signature and signer (step 1a; CLI-32). Nothing in the document is looked at before they are good.
pub(super) fn authenticate(
    signed: &SignedData,
    context: &SignerContext<'_>,
    mut trace: Trace,
    inputs: &[Input],
) -> Result<(Authentic, Trace), Refusal> {
    const SIGNATURE: &str = "voucher-signature";
    // RFC 8572 §3.3 (ART-20).
    if !matches!(signed.content_type(), ContentType::AnimaJsonVoucher | ContentType::Data) {
        let detail = format!("voucher of content type {}", signed.content_type().oid());
        return Err(trace.refused("voucher-form", ReasonCode::ContentTypeUnexpected, inputs, detail));
    }
    let policy = Policy::new(context.clock, Purpose::Signing);
    let judge = |it: &Certificate| path::validate(it, signed.certificates(), context.anchors, &policy);
    let mut evidence = context.revocation.clone();
    evidence.add_all(signed.revocation());
    // VCH-22, VCH-19: nothing is demanded of a voucher's signer; what is stapled is heeded.
    let (check, section, demand) = ("voucher-signer-revocation", "RFC 8366 §6.1", Demand::WhenAvailable);
    let revocation = RevocationCheck { check, section, demand, evidence, clock: context.clock };
    // VCH-18 is a SHOULD: a voucher signed by an anchor itself may come without that anchor. And of several certificates
    // that fit the signer's name, such as one renewed on the same key, any that validates will do.
    let fitting = signed.certificates().iter().chain(context.anchors).filter(|it| signed.names_signer(it));
    let picked = revocation.pick(fitting.clone(), judge);
    let candidate = picked.as_ref().map_or_else(|_| fitting.clone().next(), |picked| Some(picked.certificate));
    let verified = candidate.map_or_else(|| signed.verify_signer(), |it| signed.verify_signer_as(it));
    let signer = match verified {
        Ok(signer) => signer,
        Err(error) => {
            let reason = match error {
                CmsError::Signature(pki::algorithm::AlgorithmError::BadSignature) => {
                    ReasonCode::VoucherSignatureInvalid
                }
                CmsError::Signature(_) => ReasonCode::AlgorithmNotAllowed,
                CmsError::AttributesMissing
                | CmsError::Attribute(_)
                | CmsError::ContentTypeAttribute
                | CmsError::MessageDigest => ReasonCode::SignedAttributesInvalid,
                // The structure is in order; nobody who signed it is known here.
                CmsError::SignerCertificateMissing => ReasonCode::VoucherSignerUntrusted,
                _ => ReasonCode::ArtifactMalformed,
            };
            return Err(trace.refused(SIGNATURE, reason, inputs, format!("ownership voucher: {error}")));
        }
    };
    trace.passed(SIGNATURE, SECTION, inputs);
    let picked = match picked {
        Ok(picked) => picked,
        Err(error) => {
            let reason = error.as_ref().and_then(path::PathError::reason).unwrap_or(ReasonCode::VoucherSignerUntrusted);
            let detail = error.map_or_else(|| "no certificate fits".to_owned(), |error| error.to_string());
            return Err(trace.refused("voucher-signer", reason, inputs, detail));
        }
    };
    // Where devices and MASA share a root, every device could sign vouchers for every other. So a device's certificate
    // signs none, and neither does whatever the CA of this device's own identity issued.
    let is_device =
        !matches!(SerialNumber::from_certificate(signer.certificate), Err(IdentityError::SerialNumberMissing));
    if is_device || context.idevid.is_some_and(|idevid| issued_alike(signer.certificate, idevid)) {
        let detail =
            "the voucher was signed with a device's certificate, or by one of the CA that issues this device's own";
        return Err(trace.refused("voucher-signer", ReasonCode::VoucherSignerUntrusted, inputs, detail));
    }
    trace.passed_with("voucher-signer", SECTION, inputs, signer.certificate.subject_text());
    trace = revocation.record(picked, trace, inputs)?;
    const DOCUMENT: &str = "voucher-document";
    match Voucher::from_json_with(signer.content, context.profile) {
        Ok(read) => {
            match note(&read) {
                None => trace.passed(DOCUMENT, "RFC 8366 §5.3", inputs),
                Some(note) => trace.passed_with(DOCUMENT, "RFC 8366 §5.3", inputs, note),
            }
            Ok((Authentic { voucher: read.value, stapled: signed.revocation().clone() }, trace))
        }
        Err(error) => Err(trace.refused(DOCUMENT, ReasonCode::VoucherInvalid, inputs, error.to_string())),
    }
}

/// What was passed over while a voucher was read: a leniency is never silent.
fn note(read: &Lenient<Voucher>) -> Option<String> {
    let lenient = read.leniencies.iter().map(|it| format!("lenient: {}", it.summary()));
    // BIS-06: members of later revisions mean nothing here.
    let ignored = (!read.ignored.is_empty()).then(|| format!("ignored: {}", read.ignored.join(", ")));
    let notes: Vec<_> = lenient.chain(ignored).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// Whether two certificates name the same issuer and the same issuer's key.
fn issued_alike(one: &Certificate, other: &Certificate) -> bool {
    let key = |certificate: &Certificate| certificate.extensions().authority_key_identifier.clone();
    one.issuer() == other.issuer() && key(one) == key(other)
}

/// Step 1b (CLI-33). Every refusal of a date shows both clocks.
pub(super) fn check_dates(
    voucher: &Voucher,
    clock: Clock,
    mut trace: Trace,
    inputs: &[Input],
) -> Result<Trace, Refusal> {
    const CHECK: &str = "voucher-dates";
    let Clock::Trusted(now) = clock else {
        // RFC 8572 §9.1 (DEV-14, SEC-01).
        // SEC-03: what is older than the bound is noted; the bound is no present to hold a voucher against.
        let older = match (clock, voucher.created_on) {
            (Clock::Untrusted { at_least }, Some(created_on)) if created_on < at_least => {
                format!("; the voucher was created on {created_on}, before that bound")
            }
            _ => String::new(),
        };
        trace.skipped(CHECK, "RFC 8572 §9.1", format!("{clock}: dates are not judged{older}"));
        return Ok(trace);
    };
    if let Some(created_on) = voucher.created_on
        && created_on > now
    {
        let detail = format!("created on {created_on}, the device's clock says {now}");
        return Err(trace.refused(CHECK, ReasonCode::VoucherNotYetValid, inputs, detail));
    }
    if let Freshness::ExpiresOn { expires_on, .. } = voucher.freshness
        && expires_on <= now
    {
        let detail = format!("expired on {expires_on}, the device's clock says {now}");
        return Err(trace.refused(CHECK, ReasonCode::VoucherExpired, inputs, detail));
    }
    trace.passed_with(CHECK, SECTION, inputs, clock.to_string());
    Ok(trace)
}

/// Step 1d (CLI-35).
pub(super) fn check_serial_number(
    voucher: &Voucher,
    expected: &SerialNumber,
    mut trace: Trace,
    inputs: &[Input],
) -> Result<Trace, Refusal> {
    const CHECK: &str = "voucher-serial-number";
    if voucher.serial_number != *expected {
        let detail = format!("the voucher is for {}, this device is {expected}", voucher.serial_number);
        return Err(trace.refused(CHECK, ReasonCode::VoucherSerialMismatch, inputs, detail));
    }
    trace.passed(CHECK, SECTION, inputs);
    Ok(trace)
}

/// Step 1e (CLI-36, VCH-11): makers write the extension's value, with or without its OCTET STRING, or the bare key
/// identifier; any of the three is matched.
pub(super) fn check_issuer(
    voucher: &Voucher,
    idevid: Option<&Certificate>,
    mut trace: Trace,
    inputs: &[Input],
) -> Result<Trace, Refusal> {
    const CHECK: &str = "voucher-idevid-issuer";
    let Some(named) = voucher.idevid_issuer.as_deref() else {
        trace.skipped(CHECK, SECTION, "the voucher names no issuer");
        return Ok(trace);
    };
    let matches = idevid.is_some_and(|idevid| {
        let extensions = idevid.extensions();
        let value = extensions.authority_key_identifier_value.as_deref();
        extensions.authority_key_identifier.as_deref() == Some(named)
            || value == Some(named)
            || value.is_some_and(|value| octet_string_holds(named, value))
    });
    if !matches {
        let detail = "the voucher names another issuer than this device's IDevID certificate";
        return Err(trace.refused(CHECK, ReasonCode::VoucherIssuerMismatch, inputs, detail));
    }
    trace.passed(CHECK, SECTION, inputs);
    Ok(trace)
}

fn octet_string_holds(der: &[u8], value: &[u8]) -> bool {
    use der::{Decode, asn1::OctetStringRef};
    <&OctetStringRef>::from_der(der).is_ok_and(|octets| octets.as_bytes() == value)
}

/// RFC 8366 §5.3 (CLI-24, VCH-15): a nonce in the voucher must be the one sent in this run.
fn check_nonce(voucher: &Voucher, context: &Context<'_>, mut trace: Trace, inputs: &[Input]) -> Result<Trace, Refusal> {
    const CHECK: &str = "voucher-nonce";
    match &voucher.freshness {
        Freshness::Nonce(nonce) if context.nonce != Some(nonce) => {
            let detail = match context.nonce {
                Some(_) => "the voucher holds another nonce than the one sent",
                None => "the voucher holds a nonce and none was sent",
            };
            Err(trace.refused(CHECK, ReasonCode::VoucherNonceMismatch, inputs, detail))
        }
        Freshness::Nonce(_) => {
            trace.passed(CHECK, "RFC 8366 §5.3", inputs);
            Ok(trace)
        }
        Freshness::ExpiresOn { .. } | Freshness::Unlimited => {
            trace.skipped(CHECK, "RFC 8366 §5.3", "not fresh: the voucher is bound to no nonce");
            Ok(trace)
        }
    }
}
