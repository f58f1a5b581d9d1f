//! Ownership vouchers (RFC 8366): who owns a device, said by its manufacturer.

mod answer;
mod asking;
mod assertion;
mod audit_log;
mod form;
mod freshness;
mod request;

pub use answer::{
    AnswerError, AnswerMismatch, HttpAnswer, MAX_RETRY_AFTER, MEDIA_TYPE, MasaAnswer, REQUEST_AUDIT_LOG_PATH,
    REQUEST_VOUCHER_PATH, Redirects,
};
pub use asking::AskingError;
pub use assertion::{Assertion, UnknownAssertion};
pub use audit_log::{AuditEvent, AuditLogError, DomainId, MasaAuditLog, Truncation};
pub use form::ForeignForm;
pub use freshness::{Freshness, Nonce};
pub use request::VoucherRequestDocument;

use pki::{certificate::Certificate, identity::SerialNumber, time::Timestamp};

use crate::{
    DocumentError, Encoding,
    document::{Container, Members, Node, Out},
    profile::{Grants, InputProfile, Leniency, Lenient},
};

const VOUCHER: &str = "ietf-voucher:voucher";

/// The voucher document of RFC 8366 §5.3, with the members that RFC 8366 makes mandatory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// When the MASA made it. Mandatory, so that only [`Leniency::CreatedOnAbsent`] leaves it out.
    pub created_on: Option<Timestamp>,
    /// How it is bound in time: by a date, by a nonce, or not at all.
    pub freshness: Freshness,
    /// How far the MASA checked who owns the device.
    pub assertion: Assertion,
    /// The device's serial number.
    pub serial_number: SerialNumber,
    /// The authority key identifier of the device's IDevID, as it stands in the document: makers write three forms.
    pub idevid_issuer: Option<Vec<u8>>,
    /// The certificate that every certificate of the owner must chain to.
    pub pinned_domain_cert: Certificate,
    /// Whether the chain to the pinned certificate must be checked for revocation.
    pub domain_cert_revocation_checks: Option<bool>,
}

impl Voucher {
    /// Reads the JSON document. Members that RFC 8366 does not define are ignored: its successor adds some (BIS-06). A
    /// member of its own with a prefix is refused: to ignore a nonce in disguise would make the voucher last for ever.
    ///
    /// # Errors
    /// [`DocumentError`] for anything else that the YANG module does not allow, except an assertion that it does not
    /// define, which becomes [`Assertion::Other`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, DocumentError> {
        Self::from_json_with(bytes, InputProfile::Strict).map(|read| read.value)
    }

    /// Reads the JSON document as [`Voucher::from_json`], but for what `profile` passes over, and names the members that
    /// were ignored (BIS-05).
    ///
    /// # Errors
    /// As [`Voucher::from_json`].
    pub fn from_json_with(bytes: &[u8], profile: InputProfile) -> Result<Lenient<Self>, DocumentError> {
        let mut grants = Grants::new(profile);
        let mut members = Members::of_container(bytes, Encoding::Json, VOUCHER)?;
        let created_on = match members.optional("created-on") {
            None if grants.allow(Leniency::CreatedOnAbsent) => None,
            None => return Err(DocumentError::MissingMember { path: members.path_of("created-on") }),
            Some(node) => Some(date(node)?),
        };
        let assertion = Assertion::decode(members.required("assertion")?)?;
        let serial_number = members.required("serial-number")?;
        let invalid = serial_number.invalid("a serial number");
        let serial_number = SerialNumber::new(serial_number.text()?).map_err(|_| invalid)?;
        let pinned_domain_cert = pinned(&mut members)?;
        let freshness = Freshness::decode(&mut members, &mut grants)?;
        let idevid_issuer = members.optional("idevid-issuer").map(Node::binary).transpose()?;
        let checks = members.optional("domain-cert-revocation-checks");
        let domain_cert_revocation_checks = checks.map(|node| flag(node, &mut grants)).transpose()?;
        // RFC 7951 §4 (RCF-24): inside its own module a member has no prefix. To pass over one that does would be to pass
        // over a nonce, or an expiry, that another reader obeys.
        if let Some(name) = members.names().find(|name| name.starts_with("ietf-voucher:")) {
            return Err(DocumentError::UnknownMember { path: members.path_of(&name) });
        }
        grants.ignore(&members);
        Ok(grants.into_lenient(Self {
            created_on,
            freshness,
            assertion,
            serial_number,
            idevid_issuer,
            pinned_domain_cert,
            domain_cert_revocation_checks,
        }))
    }

    /// The nonce, if there is one.
    #[must_use]
    pub const fn nonce(&self) -> Option<&Nonce> {
        match &self.freshness {
            Freshness::Nonce(nonce) => Some(nonce),
            Freshness::ExpiresOn { .. } | Freshness::Unlimited => None,
        }
    }

    /// Writes the JSON document.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut members = Container::new();
        if let Some(date) = self.created_on {
            members.put_text("created-on", &date.to_string());
        }
        match &self.freshness {
            Freshness::ExpiresOn { expires_on, last_renewal_date } => {
                members.put_text("expires-on", &expires_on.to_string());
                if let Some(date) = last_renewal_date {
                    members.put_text("last-renewal-date", &date.to_string());
                }
            }
            Freshness::Nonce(nonce) => {
                members.put_binary("nonce", nonce.octets());
            }
            Freshness::Unlimited => {}
        }
        members.put_text("assertion", self.assertion.as_str());
        members.put_text("serial-number", self.serial_number.as_str());
        if let Some(issuer) = &self.idevid_issuer {
            members.put_binary("idevid-issuer", issuer);
        }
        members.put_binary("pinned-domain-cert", self.pinned_domain_cert.der());
        if let Some(checks) = self.domain_cert_revocation_checks {
            members.put("domain-cert-revocation-checks", Out::Boolean(checks));
        }
        members.into_document(VOUCHER, Encoding::Json)
    }
}

/// `yang:date-and-time` (RFC 6991 §3; VCH-02): RFC 3339 in capitals, with a `T` where the parser takes any character.
fn date(node: Node) -> Result<Timestamp, DocumentError> {
    let invalid = node.invalid("a date and time with an offset or Z");
    let text = node.text()?;
    let is_capital = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.+TZ".contains(&byte));
    let is_yang = is_capital && text.bytes().position(|byte| byte == b'T') == Some("YYYY-MM-DD".len());
    Timestamp::parse_rfc3339(&text).filter(|_| is_yang).ok_or(invalid)
}

/// The certificate that is pinned. A device needs one to anchor a path: the successor's pins of a bare key (BIS-03) are
/// of use to it only beside the certificate (BIS-04).
fn pinned(members: &mut Members) -> Result<Certificate, DocumentError> {
    let Some(node) = members.optional("pinned-domain-cert") else {
        let key = ["pinned-domain-pubk", "pinned-domain-pubk-sha256"].into_iter().find_map(|it| members.optional(it));
        return Err(key.map_or_else(
            || DocumentError::MissingMember { path: members.path_of("pinned-domain-cert") },
            |key| key.invalid("accompanied by pinned-domain-cert, because a bare key anchors no certificate path"),
        ));
    };
    let invalid = node.invalid("a DER certificate");
    Certificate::from_der(&node.binary()?).map_err(|_| invalid)
}

fn flag(node: Node, grants: &mut Grants) -> Result<bool, DocumentError> {
    match node.quoted() {
        // VCH-13.
        Some("true") if grants.allow(Leniency::QuotedBoolean) => Ok(true),
        Some("false") if grants.allow(Leniency::QuotedBoolean) => Ok(false),
        _ => node.boolean(),
    }
}

/// The value of `idevid-issuer` for a device: the content of the authority key identifier extension of its IDevID
/// certificate, as RFC 8366's successor settles what RFC 8366 §5.3 left open (VCH-11). `None` when the certificate does
/// not identify its issuer's key.
#[must_use]
pub fn idevid_issuer(idevid: &Certificate) -> Option<Vec<u8>> {
    let extensions = idevid.extensions();
    extensions.authority_key_identifier.as_ref()?;
    extensions.authority_key_identifier_value.clone()
}
