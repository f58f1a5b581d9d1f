//! A voucher request as the MASA judges it (RFC 8995 §5.5): who asks, and whether what is asked agrees with what the device
//! itself signed.

use const_oid::ObjectIdentifier;
use pki::{
    certificate::Certificate,
    digest::Digest,
    identity::SerialNumber,
    path::{self, Path, PathError, Policy, Purpose},
    revocation::{Demand, Evidence},
    time::{Clock, Timestamp},
};
use verdict::{Input, ReasonCode, Refusal, Trace};

use super::{
    revocation::RevocationCheck,
    voucher::{self, Authentic, SignerContext},
};
use crate::{
    SignedVoucherRequest, Unverified, Verified,
    cms::{CmsError, ContentInfo, ContentType, Form, SignedData, Signer},
    profile::InputProfile,
    voucher::{Voucher, VoucherRequestDocument},
};

/// id-kp-cmcRA (RFC 6402 §2.10): its holder may ask on behalf of others.
const CMC_RA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.28");

const INPUT: &str = "voucher-request";
const PRIOR: &str = "prior-signed-voucher-request";

/// What a MASA knows when it judges a voucher request.
#[derive(Clone, Copy, Debug)]
pub struct RegistrarContext<'a> {
    /// What registrars chain to: the domain certificates and registrar CAs of the owners that the MASA knows.
    pub registrar_anchors: &'a [Certificate],
    /// What the devices' IDevID certificates chain to, for requests that devices signed.
    pub device_anchors: &'a [Certificate],
    /// What this MASA's own vouchers chain to, for vouchers that are to be renewed.
    pub voucher_anchors: &'a [Certificate],
    /// Against which clock certificates are judged.
    pub clock: Clock,
    /// How far the document may depart from its module.
    pub profile: InputProfile,
    /// Whether the registrar's certificate must say that it is one.
    pub usage: RegistrarUsage,
    /// Revocation lists and OCSP responses of the owners' certificates.
    pub revocation: &'a Evidence,
    /// How much must be known about revocation of the registrar's certificates (RFC 8366 §7.3; VCH-25).
    pub demand: Demand,
}

/// Whether a registrar's certificate must hold id-kp-cmcRA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegistrarUsage {
    /// It must (RFC 8995 §5.5.4; MAS-04).
    #[default]
    CmcRa,
    /// Any certificate under an owner's anchor will do. For owners whose CA cannot write that extended key usage.
    Any,
}

/// A request whose signer is known.
#[derive(Clone, Debug)]
pub struct RegistrarRequest {
    document: VoucherRequestDocument,
    registrar: Path,
    evidence_until: Option<Timestamp>,
    prior: Prior,
    sha256: Digest,
}

/// What the member `prior-signed-voucher-request` holds.
#[derive(Clone, Debug)]
pub enum Prior {
    /// Nothing, as with devices of RFC 8572, which sign no request: the MASA's records alone decide.
    Absent,
    /// A request that the device signed with its IDevID.
    Device {
        /// The device's certificate.
        idevid: Certificate,
        /// Whether device and registrar name each other.
        proximity: Proximity,
    },
    /// A voucher of this MASA, to be renewed.
    Voucher(Voucher),
}

/// Whether a device says that it spoke with the registrar that asks (RFC 8995 §5.5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proximity {
    /// The device named a certificate of this registrar.
    Proven,
    /// The device named none.
    NotClaimed,
}

impl RegistrarRequest {
    /// What is asked.
    #[must_use]
    pub const fn document(&self) -> &VoucherRequestDocument {
        &self.document
    }

    /// The path of the registrar's certificate; its last is the anchor by which the owner is known.
    #[must_use]
    pub const fn registrar(&self) -> &Path {
        &self.registrar
    }

    /// Until when everything that was learnt about the registrar holds: the earliest of its certificates' expiry and the
    /// next updates of what clears them of revocation (MAS-08). The anchor's own expiry does not count.
    #[must_use]
    pub const fn evidence_until(&self) -> Option<Timestamp> {
        self.evidence_until
    }

    /// What the request was built upon.
    #[must_use]
    pub const fn prior(&self) -> &Prior {
        &self.prior
    }

    /// SHA-256 over the request as it came.
    #[must_use]
    pub const fn sha256(&self) -> Digest {
        self.sha256
    }
}

/// Verifies a registrar's voucher request: form, signature, signer, and the request or voucher inside it. Whether a voucher
/// is issued is then a matter of policy, and not judged here.
///
/// # Errors
/// [`Refusal`], with the reason and every check made up to the one that failed.
pub fn verify_voucher_request(
    request: Unverified<SignedVoucherRequest>,
    context: &RegistrarContext<'_>,
) -> Result<Verified<RegistrarRequest>, Refusal> {
    const DOCUMENT: &str = "voucher-request-document";
    let request = request.into_inner();
    let sha256 = request.sha256();
    let inputs = [Input { name: INPUT, sha256 }];
    let (signed, trace) = read(request.der(), "voucher-request-form", &inputs, Trace::new())?;
    let (Authenticated { registrar, evidence_until, content }, mut trace) =
        authenticate(&signed, context, trace, &inputs)?;
    let document = match VoucherRequestDocument::from_json_with(content, context.profile) {
        Ok(read) => {
            let lenient = read.leniencies.iter().map(|it| format!("lenient: {}", it.summary()));
            let ignored = (!read.ignored.is_empty()).then(|| format!("ignored: {}", read.ignored.join(", ")));
            let notes: Vec<_> = lenient.chain(ignored).collect();
            if notes.is_empty() {
                trace.passed(DOCUMENT, "RFC 8995 §3.4", &inputs);
            } else {
                trace.passed_with(DOCUMENT, "RFC 8995 §3.4", &inputs, notes.join("; "));
            }
            read.value
        }
        Err(error) => {
            return Err(trace.refused(DOCUMENT, ReasonCode::VoucherRequestMalformed, &inputs, error.to_string()));
        }
    };
    let (prior, trace) = prior(&document, &registrar, &signed, context, trace)?;
    Ok(Verified::new(RegistrarRequest { document, registrar, evidence_until, prior, sha256 }, trace))
}

/// The structure. BER is read too: programs that stream write it.
fn read(der: &[u8], check: &'static str, inputs: &[Input], mut trace: Trace) -> Result<(SignedData, Trace), Refusal> {
    const SECTION: &str = "RFC 8995 §5.5";
    let signed = ContentInfo::from_ber(der).and_then(|(info, form)| Ok((SignedData::from_content_info(&info)?, form)));
    match signed {
        // RFC 8995 §3: the content type of vouchers. Makers of BRSKI write id-data.
        Ok((signed, form)) if matches!(signed.content_type(), ContentType::AnimaJsonVoucher | ContentType::Data) => {
            match form {
                Form::Der => trace.passed(check, SECTION, inputs),
                Form::Ber => trace.passed_with(check, SECTION, inputs, "lenient: BER"),
            }
            Ok((signed, trace))
        }
        Ok((signed, _)) => {
            let detail = format!("content type {}", signed.content_type().oid());
            Err(trace.refused(check, ReasonCode::VoucherRequestMalformed, inputs, detail))
        }
        Err(error) => Err(trace.refused(check, ReasonCode::VoucherRequestMalformed, inputs, error.to_string())),
    }
}

/// A registrar of an owner that is known, and what it signed.
struct Authenticated<'a> {
    registrar: Path,
    evidence_until: Option<Timestamp>,
    content: &'a [u8],
}

/// RFC 8995 §5.5.3, §5.5.4: the signature, and whether its maker is a registrar of an owner that is known.
fn authenticate<'a>(
    signed: &'a SignedData,
    context: &'a RegistrarContext<'_>,
    mut trace: Trace,
    inputs: &[Input],
) -> Result<(Authenticated<'a>, Trace), Refusal> {
    const SIGNATURE: &str = "voucher-request-signature";
    const REGISTRAR: &str = "registrar";
    const USAGE: &str = "registrar-usage";
    let policy = Policy::new(context.clock, Purpose::Signing);
    let anchors = context.registrar_anchors;
    let judge = |it: &Certificate| path::validate(it, signed.certificates(), anchors, &policy);
    let mut evidence = context.revocation.clone();
    evidence.add_all(signed.revocation());
    // VCH-25: before anything is signed for it.
    let revocation = RevocationCheck {
        check: "registrar-revocation",
        section: "RFC 8366 §7.3",
        demand: context.demand,
        evidence,
        clock: context.clock,
    };
    let fitting = signed.certificates().iter().chain(anchors).filter(|it| signed.names_signer(it));
    let picked = revocation.pick(fitting.clone(), judge);
    let candidate = picked.as_ref().map_or_else(|_| fitting.clone().next(), |picked| Some(picked.certificate));
    let content = match candidate.map_or_else(|| signed.verify_signer(), |it| signed.verify_signer_as(it)) {
        Ok(signer) => signer.content,
        Err(error) => return Err(trace.refused(SIGNATURE, signature_reason(&error), inputs, error.to_string())),
    };
    trace.passed(SIGNATURE, "RFC 8995 §5.5.3", inputs);
    let picked = match picked {
        Ok(picked) => picked,
        Err(error) => {
            let reason = error.as_ref().and_then(PathError::reason).unwrap_or(ReasonCode::RegistrarUntrusted);
            let detail = error.map_or_else(|| "no certificate fits".to_owned(), |error| error.to_string());
            return Err(trace.refused(REGISTRAR, reason, inputs, detail));
        }
    };
    let subject = picked.certificate.subject_text();
    trace.passed_with(REGISTRAR, "RFC 8995 §5.5.4", inputs, subject.as_str());
    match (context.usage, names_a_registrar(picked.certificate)) {
        (_, true) => trace.passed(USAGE, "RFC 8995 §5.5.4", inputs),
        (RegistrarUsage::Any, false) => {
            trace.skipped(USAGE, "RFC 8995 §5.5.4", "lenient: the certificate need not say that it is a registrar's");
        }
        (RegistrarUsage::CmcRa, false) => {
            let detail = format!("the certificate of {subject} lacks the extended key usage id-kp-cmcRA");
            return Err(trace.refused(USAGE, ReasonCode::RegistrarNotAuthorized, inputs, detail));
        }
    }
    let (registrar, evidence_until) = (picked.path.clone(), picked.holds_until());
    let trace = revocation.record(picked, trace, inputs)?;
    Ok((Authenticated { registrar, evidence_until, content }, trace))
}

/// Whether a certificate says that it is a registrar's: by id-kp-cmcRA (RFC 8995 §5.5.4; MAS-04). anyExtendedKeyUsage does not.
#[must_use]
pub fn names_a_registrar(certificate: &Certificate) -> bool {
    certificate.extensions().extended_key_usage.as_ref().is_some_and(|usages| usages.contains(&CMC_RA))
}

fn signature_reason(error: &CmsError) -> ReasonCode {
    match error {
        CmsError::Signature(pki::algorithm::AlgorithmError::BadSignature) => ReasonCode::VoucherRequestSignatureInvalid,
        CmsError::Signature(_) => ReasonCode::AlgorithmNotAllowed,
        CmsError::AttributesMissing
        | CmsError::Attribute(_)
        | CmsError::ContentTypeAttribute
        | CmsError::MessageDigest => ReasonCode::SignedAttributesInvalid,
        CmsError::SignerCertificateMissing => ReasonCode::RegistrarUntrusted,
        _ => ReasonCode::VoucherRequestMalformed,
    }
}

/// RFC 8995 §5.5.5, §5.5.6; RFC 8366's successor uses the same member for renewal (BIS-10).
fn prior(
    document: &VoucherRequestDocument,
    registrar: &Path,
    outer: &SignedData,
    context: &RegistrarContext<'_>,
    mut trace: Trace,
) -> Result<(Prior, Trace), Refusal> {
    const CHECK: &str = "prior-request";
    let Some(octets) = document.prior_signed_voucher_request.as_deref() else {
        trace.skipped(CHECK, "RFC 8995 §5.5.5", "the device signed no request: the records alone decide");
        return Ok((Prior::Absent, trace));
    };
    let inputs = [Input { name: PRIOR, sha256: pki::digest::sha256(octets) }];
    let (signed, trace) = read(octets, "prior-request-form", &inputs, trace)?;
    if VoucherRequestDocument::is_named_so(signed.unverified_content().unwrap_or_default()) {
        return device_request(document, registrar, outer, &signed, context, trace, &inputs);
    }
    let signers = SignerContext {
        anchors: context.voucher_anchors,
        idevid: None,
        clock: context.clock,
        profile: InputProfile::Strict,
        revocation: context.revocation,
    };
    let (Authentic { voucher, .. }, mut trace) = voucher::authenticate(&signed, &signers, trace, &inputs)?;
    if voucher.serial_number != document.serial_number {
        let detail =
            format!("the voucher is for {}, the request for {}", voucher.serial_number, document.serial_number);
        return Err(trace.refused(CHECK, ReasonCode::PriorRequestMismatch, &inputs, detail));
    }
    trace.passed_with(CHECK, "RFC 8995 §5.5.1", &inputs, "a voucher of this MASA, to be renewed");
    Ok((Prior::Voucher(voucher), trace))
}

/// The request that the device signed: by a device of this manufacturer, for itself, with this nonce, to this registrar.
fn device_request(
    document: &VoucherRequestDocument,
    registrar: &Path,
    outer: &SignedData,
    signed: &SignedData,
    context: &RegistrarContext<'_>,
    mut trace: Trace,
    inputs: &[Input],
) -> Result<(Prior, Trace), Refusal> {
    const SIGNATURE: &str = "prior-request-signature";
    const CHECK: &str = "prior-request";
    let policy = Policy::new(context.clock, Purpose::DeviceIdentity);
    let Signer { certificate: idevid, content } = match signed.verify_signer() {
        Ok(signer) => signer,
        Err(error) => return Err(trace.refused(SIGNATURE, signature_reason(&error), inputs, error.to_string())),
    };
    if let Err(error) = path::validate(idevid, signed.certificates(), context.device_anchors, &policy) {
        let reason = error.reason().unwrap_or(ReasonCode::IdevidUntrusted);
        return Err(trace.refused(SIGNATURE, reason, inputs, error.to_string()));
    }
    trace.passed_with(SIGNATURE, "RFC 8995 §5.5.5", inputs, idevid.subject_text());
    let inner = match VoucherRequestDocument::from_json_with(content, context.profile) {
        Ok(read) => read.value,
        Err(error) => {
            return Err(trace.refused(CHECK, ReasonCode::VoucherRequestMalformed, inputs, error.to_string()));
        }
    };
    let mismatch =
        |trace: Trace, detail: String| trace.refused(CHECK, ReasonCode::PriorRequestMismatch, inputs, detail);
    // RFC 8995 §5.5 (MAS-03): the serial number is the certificate's. What the device wrote beside it must not differ.
    let asked = &document.serial_number;
    match SerialNumber::from_certificate(idevid) {
        Ok(own) if own == *asked && inner.serial_number == *asked => {}
        Ok(own) if own == *asked => {
            let detail =
                format!("the device wrote the serial number {}, its certificate says {own}", inner.serial_number);
            return Err(mismatch(trace, detail));
        }
        Ok(own) => return Err(mismatch(trace, format!("the device is {own}, and a voucher for {asked} is asked for"))),
        Err(error) => return Err(mismatch(trace, error.to_string())),
    }
    // RFC 8995 §5.5.6 (MAS-06): a nonce is the device's. A registrar may leave it out, and not make one up.
    match (document.nonce(), inner.nonce()) {
        (Some(outer), Some(inner)) if outer == inner => {}
        (None, _) => {}
        (Some(_), Some(_)) => return Err(mismatch(trace, "the nonce is not the one the device sent".to_owned())),
        (Some(_), None) => return Err(mismatch(trace, "there is a nonce, and the device sent none".to_owned())),
    }
    // RFC 8995 §5.5.5: the registrar that the device spoke with is the one that asks; of the same domain at least.
    let proximity = match &inner.proximity_registrar_cert {
        None => Proximity::NotClaimed,
        Some(named) if registrar.certificates().first() == Some(named) => Proximity::Proven,
        Some(named) => {
            let domain = registrar.certificates().last().map_or(&[][..], std::slice::from_ref);
            let policy = Policy::new(context.clock, Purpose::TlsServer);
            if let Err(error) = path::validate(named, outer.certificates(), domain, &policy) {
                let detail =
                    format!("the device spoke with {}, which is not of this domain: {error}", named.subject_text());
                return Err(mismatch(trace, detail));
            }
            Proximity::Proven
        }
    };
    trace.passed(CHECK, "RFC 8995 §5.5.5", inputs);
    Ok((Prior::Device { idevid: idevid.clone(), proximity }, trace))
}
