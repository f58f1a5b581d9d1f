//! Ownership vouchers (RFC 8366): who owns a device, said by its manufacturer.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use pki::{certificate::Certificate, identity::SerialNumber, time::Timestamp};

use crate::{
    DocumentError, Encoding,
    document::{Container, Members, Node, Out},
};

const VOUCHER: &str = "ietf-voucher:voucher";

/// The voucher document of RFC 8366 §5.3, with the members that RFC 8366 makes mandatory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// When the MASA made it.
    pub created_on: Timestamp,
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

/// A voucher expires, or holds a nonce, or neither; never both (RFC 8366 §5.3; VCH-03).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Valid until this moment; may be renewed until the other one, which devices never look at (VCH-16).
    ExpiresOn {
        /// Last moment of validity.
        expires_on: Timestamp,
        /// Until when the MASA will renew it.
        last_renewal_date: Option<Timestamp>,
    },
    /// An answer to the request that held this nonce.
    Nonce(Nonce),
    /// Valid for ever.
    Unlimited,
}

/// A nonce: 16 to 32 octets in a bootstrapping request (RFC 8572 §7.3), 8 to 32 in a voucher (RFC 8366 §5.3).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// Takes a nonce for a bootstrapping request.
    #[must_use]
    pub fn for_request(octets: Vec<u8>) -> Option<Self> {
        (16..=32).contains(&octets.len()).then_some(Self(octets))
    }

    fn for_voucher(octets: Vec<u8>) -> Option<Self> {
        (8..=32).contains(&octets.len()).then_some(Self(octets))
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({})", STANDARD.encode(&self.0))
    }
}

/// `assertion` (RFC 8366 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assertion {
    /// The MASA verified ownership.
    Verified,
    /// The MASA only logged the claim.
    Logged,
    /// The device was near the owner's registrar.
    Proximity,
}

impl Assertion {
    const ALL: [Self; 3] = [Self::Verified, Self::Logged, Self::Proximity];

    /// As the YANG module spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Logged => "logged",
            Self::Proximity => "proximity",
        }
    }
}

impl Voucher {
    /// Reads the JSON document. Members that RFC 8366 does not define are ignored: its successor adds some (BIS-06).
    ///
    /// # Errors
    /// [`DocumentError`] for anything else that the YANG module does not allow.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DocumentError> {
        let mut members = Members::of_container(bytes, Encoding::Json, VOUCHER)?;
        let created_on = date(members.required("created-on")?)?;
        let assertion = members.required("assertion")?;
        let invalid = assertion.invalid("verified, logged or proximity");
        let assertion = assertion.text()?;
        let assertion = Assertion::ALL.into_iter().find(|known| known.as_str() == assertion).ok_or(invalid)?;
        let serial_number = members.required("serial-number")?;
        let invalid = serial_number.invalid("a serial number");
        let serial_number = SerialNumber::new(serial_number.text()?).map_err(|_| invalid)?;
        let pinned = members.required("pinned-domain-cert")?;
        let invalid = pinned.invalid("a DER certificate");
        let pinned_domain_cert = Certificate::from_der(&pinned.binary()?).map_err(|_| invalid)?;
        Ok(Self {
            created_on,
            freshness: freshness(&mut members)?,
            assertion,
            serial_number,
            idevid_issuer: members.optional("idevid-issuer").map(Node::binary).transpose()?,
            pinned_domain_cert,
            domain_cert_revocation_checks: members
                .optional("domain-cert-revocation-checks")
                .map(Node::boolean)
                .transpose()?,
        })
    }

    /// Writes the JSON document.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut members = Container::new();
        members.put_text("created-on", &self.created_on.to_string());
        match &self.freshness {
            Freshness::ExpiresOn { expires_on, last_renewal_date } => {
                members.put_text("expires-on", &expires_on.to_string());
                if let Some(date) = last_renewal_date {
                    members.put_text("last-renewal-date", &date.to_string());
                }
            }
            Freshness::Nonce(nonce) => {
                members.put_binary("nonce", &nonce.0);
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

fn date(node: Node) -> Result<Timestamp, DocumentError> {
    let invalid = node.invalid("a date and time with an offset or Z");
    Timestamp::parse_rfc3339(&node.text()?).ok_or(invalid)
}

fn freshness(members: &mut Members) -> Result<Freshness, DocumentError> {
    let expires_on = members.optional("expires-on").map(date).transpose()?;
    let last_renewal_date = members.optional("last-renewal-date").map(date).transpose()?;
    let nonce = match members.optional("nonce") {
        None => None,
        Some(node) => {
            let invalid = node.invalid("8 to 32 octets in base64");
            Some(Nonce::for_voucher(node.binary()?).ok_or(invalid)?)
        }
    };
    match (expires_on, nonce) {
        (Some(_), Some(_)) => Err(DocumentError::Conflict { path: members.path_of("nonce") }),
        (Some(expires_on), None) => Ok(Freshness::ExpiresOn { expires_on, last_renewal_date }),
        // The module's `must`: last-renewal-date only beside expires-on (VCH-16).
        (None, _) if last_renewal_date.is_some() => {
            Err(DocumentError::MissingMember { path: members.path_of("expires-on") })
        }
        (None, Some(nonce)) => Ok(Freshness::Nonce(nonce)),
        (None, None) => Ok(Freshness::Unlimited),
    }
}
