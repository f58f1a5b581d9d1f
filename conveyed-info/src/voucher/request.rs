//! Voucher requests (RFC 8995 §3): what a registrar, or a device, asks a MASA for.

use pki::{certificate::Certificate, identity::SerialNumber, time::Timestamp};

use super::{Assertion, Freshness, Nonce, date};
use crate::{
    DocumentError, Encoding,
    document::{Container, Members, Node},
    profile::{Grants, InputProfile, Lenient},
};

const REQUEST: &str = "ietf-voucher-request:voucher";

/// Members of a voucher that mean nothing in a request and must be ignored there (RFC 8995 §3.4; MAS-02).
const IGNORED: [&str; 3] = ["pinned-domain-cert", "last-renewal-date", "domain-cert-revocation-checks"];

/// The document of RFC 8995 §3.4. A voucher request differs from a voucher in that nearly everything is optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherRequestDocument {
    /// When it was made.
    pub created_on: Option<Timestamp>,
    /// How the voucher is to be bound in time; `last_renewal_date` is never there.
    pub freshness: Freshness,
    /// The assertion that is wished for. A MASA ignores a registrar's wish; in a device's own request, `proximity` says
    /// that it names the registrar it spoke with.
    pub assertion: Option<Assertion>,
    /// The device.
    pub serial_number: SerialNumber,
    /// The authority key identifier of the device's IDevID: tells devices of one serial number apart (BIS-08).
    pub idevid_issuer: Option<Vec<u8>>,
    /// The TLS certificate of the registrar that the device spoke with: in a device's own request.
    pub proximity_registrar_cert: Option<Certificate>,
    /// The request that the device signed, as it came; or the voucher that is to be renewed (BIS-10).
    pub prior_signed_voucher_request: Option<Vec<u8>>,
}

impl VoucherRequestDocument {
    /// Asks for a voucher for this device, and for nothing more.
    #[must_use]
    pub const fn new(serial_number: SerialNumber, created_on: Timestamp) -> Self {
        Self {
            created_on: Some(created_on),
            freshness: Freshness::Unlimited,
            assertion: None,
            serial_number,
            idevid_issuer: None,
            proximity_registrar_cert: None,
            prior_signed_voucher_request: None,
        }
    }

    /// The nonce that the voucher must hold, if the request has one.
    #[must_use]
    pub const fn nonce(&self) -> Option<&Nonce> {
        match &self.freshness {
            Freshness::Nonce(nonce) => Some(nonce),
            Freshness::ExpiresOn { .. } | Freshness::Unlimited => None,
        }
    }

    /// Whether a document is a voucher request, by the one member at its top. Nothing else is looked at.
    #[must_use]
    pub fn is_named_so(bytes: &[u8]) -> bool {
        Members::of_document(bytes, Encoding::Json).is_ok_and(|mut top| top.optional(REQUEST).is_some())
    }

    /// Reads the JSON document. Members of later revisions are ignored (BIS-06).
    ///
    /// # Errors
    /// [`DocumentError`] for anything else that the YANG module does not allow, except an assertion that it does not
    /// define.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DocumentError> {
        Self::from_json_with(bytes, InputProfile::Strict).map(|read| read.value)
    }

    /// As [`VoucherRequestDocument::from_json`], but for what `profile` passes over, and names the members that were
    /// ignored.
    ///
    /// # Errors
    /// As [`VoucherRequestDocument::from_json`].
    pub fn from_json_with(bytes: &[u8], profile: InputProfile) -> Result<Lenient<Self>, DocumentError> {
        let mut grants = Grants::new(profile);
        let mut members = Members::of_container(bytes, Encoding::Json, REQUEST)?;
        let created_on = members.optional("created-on").map(date).transpose()?;
        let freshness = freshness(&mut members, &mut grants)?;
        let assertion = members.optional("assertion").map(Assertion::decode).transpose()?;
        let serial_number = members.required("serial-number")?;
        let invalid = serial_number.invalid("a serial number");
        let serial_number = SerialNumber::new(serial_number.text()?).map_err(|_| invalid)?;
        let idevid_issuer = members.optional("idevid-issuer").map(Node::binary).transpose()?;
        let proximity_registrar_cert = members.optional("proximity-registrar-cert").map(certificate).transpose()?;
        let prior_signed_voucher_request =
            members.optional("prior-signed-voucher-request").map(Node::binary).transpose()?;
        // As in vouchers: a nonce in disguise, passed over, would give a voucher that is bound to nothing.
        let in_disguise = |name: &String| IGNORED.iter().all(|known| known != name) && name.starts_with("ietf-voucher");
        if let Some(name) = members.names().find(in_disguise) {
            return Err(DocumentError::UnknownMember { path: members.path_of(&name) });
        }
        grants.ignore(&members);
        Ok(grants.into_lenient(Self {
            created_on,
            freshness,
            assertion,
            serial_number,
            idevid_issuer,
            proximity_registrar_cert,
            prior_signed_voucher_request,
        }))
    }

    /// Writes the JSON document.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut members = Container::new();
        if let Some(date) = self.created_on {
            members.put_text("created-on", &date.to_string());
        }
        match &self.freshness {
            Freshness::ExpiresOn { expires_on, .. } => members.put_text("expires-on", &expires_on.to_string()),
            Freshness::Nonce(nonce) => members.put_binary("nonce", nonce.octets()),
            Freshness::Unlimited => {}
        }
        if let Some(assertion) = &self.assertion {
            members.put_text("assertion", assertion.as_str());
        }
        members.put_text("serial-number", self.serial_number.as_str());
        if let Some(issuer) = &self.idevid_issuer {
            members.put_binary("idevid-issuer", issuer);
        }
        if let Some(certificate) = &self.proximity_registrar_cert {
            members.put_binary("proximity-registrar-cert", certificate.der());
        }
        if let Some(prior) = &self.prior_signed_voucher_request {
            members.put_binary("prior-signed-voucher-request", prior);
        }
        members.into_document(REQUEST, Encoding::Json)
    }
}

/// Nonce or expiry, never both (RFC 8366 §5.3). A hexadecimal nonce is not told from base64 here, whatever the profile: the
/// same text goes into the voucher, and the device finds in it what it sent.
fn freshness(members: &mut Members, grants: &mut Grants) -> Result<Freshness, DocumentError> {
    let expires_on = members.optional("expires-on").map(date).transpose()?;
    let nonce = members.optional("nonce").map(|node| Nonce::decode_base64(node, grants)).transpose()?;
    match (expires_on, nonce) {
        (Some(_), Some(_)) => Err(DocumentError::Conflict { path: members.path_of("nonce") }),
        (Some(expires_on), None) => Ok(Freshness::ExpiresOn { expires_on, last_renewal_date: None }),
        (None, Some(nonce)) => Ok(Freshness::Nonce(nonce)),
        (None, None) => Ok(Freshness::Unlimited),
    }
}

fn certificate(node: Node) -> Result<Certificate, DocumentError> {
    let invalid = node.invalid("a DER certificate");
    Certificate::from_der(&node.binary()?).map_err(|_| invalid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::Leniency;

    fn read(members: &str) -> Result<VoucherRequestDocument, DocumentError> {
        VoucherRequestDocument::from_json(format!(r#"{{"{REQUEST}":{{{members}}}}}"#).as_bytes())
    }

    #[test]
    fn mas_02_only_the_serial_number_is_mandatory() {
        let bare = read(r#""serial-number":"SN-1""#).unwrap();
        assert_eq!((bare.created_on, bare.assertion, bare.freshness), (None, None, Freshness::Unlimited));
        let missing = DocumentError::MissingMember { path: format!("{REQUEST}/serial-number") };
        assert_eq!(read(r#""assertion":"logged""#), Err(missing));
        for other in [r#"{"ietf-voucher:voucher":{"serial-number":"SN-1"}}"#, "{}", "[]", ""] {
            assert!(VoucherRequestDocument::from_json(other.as_bytes()).is_err(), "{other}");
            assert!(!VoucherRequestDocument::is_named_so(other.as_bytes()));
        }
    }

    #[test]
    fn mas_02_what_only_vouchers_say_is_ignored_and_named() {
        let text = r#""serial-number":"SN-1","pinned-domain-cert":"no base64!","last-renewal-date":7,
            "domain-cert-revocation-checks":"true","x-later":1"#;
        let document = format!(r#"{{"{REQUEST}":{{{text}}}}}"#);
        let lenient = VoucherRequestDocument::from_json_with(document.as_bytes(), InputProfile::Strict).unwrap();
        assert_eq!(lenient.ignored, [IGNORED[0], IGNORED[1], IGNORED[2], "x-later"]);
        assert_eq!(lenient.leniencies, []);
        for name in ["ietf-voucher-request:nonce", "ietf-voucher:nonce"] {
            let refused = read(&format!(r#""serial-number":"SN-1","{name}":"AAAAAAAAAAAAAAAAAAAAAA==""#));
            assert_eq!(refused, Err(DocumentError::UnknownMember { path: format!("{REQUEST}/{name}") }));
        }
    }

    #[test]
    fn vch_03_nonce_and_expiry_exclude_each_other_in_requests_too() {
        let refused =
            read(r#""serial-number":"SN-1","nonce":"AAAAAAAAAAAAAAAAAAAAAA==","expires-on":"2026-06-01T00:00:00Z""#);
        assert_eq!(refused, Err(DocumentError::Conflict { path: format!("{REQUEST}/nonce") }));
    }

    /// The shapes that RFC 8995 prints: a nonce in hexadecimal, and one in base64 without padding.
    #[test]
    fn vch_14_a_nonce_of_other_makers_goes_back_as_it_came() {
        let hex = "62a2e7693d82fcda2624de58fb6722e5";
        let document = format!(r#"{{"{REQUEST}":{{"serial-number":"SN-1","nonce":"{hex}"}}}}"#);
        for profile in [InputProfile::Strict, InputProfile::AnimaVoucher] {
            let read = VoucherRequestDocument::from_json_with(document.as_bytes(), profile).unwrap();
            assert!(String::from_utf8(read.value.to_json()).unwrap().contains(hex), "{profile}");
            assert_eq!(read.leniencies, []);
        }
        let unpadded = format!(r#"{{"{REQUEST}":{{"serial-number":"SN-1","nonce":"f4G6Vi1t8nKoFieCVgpBgg"}}}}"#);
        assert!(VoucherRequestDocument::from_json(unpadded.as_bytes()).is_err());
        let read = VoucherRequestDocument::from_json_with(unpadded.as_bytes(), InputProfile::AnimaVoucher).unwrap();
        assert_eq!(read.leniencies, [Leniency::UnpaddedNonce]);
        assert_eq!(read.value.nonce().unwrap().octets().len(), 16);
        for short in ["AAAAAAAAAA==", ""] {
            assert!(read_nonce(short).is_err(), "{short}");
        }
    }

    fn read_nonce(text: &str) -> Result<VoucherRequestDocument, DocumentError> {
        read(&format!(r#""serial-number":"SN-1","nonce":"{text}""#))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            serial in "[A-Z0-9-]{1,40}",
            nonce in proptest::option::of(proptest::collection::vec(any::<u8>(), 8..=32)),
            created in proptest::option::of(0_i64..4_000_000_000),
            prior in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
            known in 0_usize..3,
        ) {
            let document = VoucherRequestDocument {
                created_on: created.map(Timestamp::from_unix),
                freshness: nonce.and_then(Nonce::for_voucher).map_or(Freshness::Unlimited, Freshness::Nonce),
                assertion: Some(Assertion::KNOWN[known].clone()),
                idevid_issuer: prior.clone(),
                prior_signed_voucher_request: prior,
                ..VoucherRequestDocument::new(SerialNumber::new(serial).unwrap(), Timestamp::from_unix(0))
            };
            prop_assert_eq!(VoucherRequestDocument::from_json(&document.to_json()).unwrap(), document);
        }

        #[test]
        fn hostile_documents_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            assert!(VoucherRequestDocument::from_json(&bytes).is_err());
        }
    }
}
