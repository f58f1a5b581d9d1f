//! The extensions of a certificate that is to be made.

use const_oid::{AssociatedOid, ObjectIdentifier, db::rfc5280 as oid};
use der::{
    Encode,
    asn1::{Ia5String, Null, OctetString},
};
use pki::{
    digest::sha256,
    key::{KeySpec, PublicKey},
};
use x509_cert::ext::{
    Extension,
    pkix::{
        AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
        CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, SubjectAltName, SubjectKeyIdentifier,
        certpolicy::PolicyInformation,
        crl::dp::DistributionPoint,
        name::{DistributionPointName, GeneralName},
    },
};

use crate::{AlternativeName, Kind, Profile, Subject};

/// The MASA's URL (RFC 8995 §2.3.2; MAS-12).
pub(crate) const ID_PE_MASA_URL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.32");
/// Whoever checks an OCSP responder's certificate need not ask whether it is revoked (RFC 6960 §4.2.2.2.1).
pub(crate) const ID_PKIX_OCSP_NOCHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");
/// Access methods of AuthorityInfoAccess (RFC 5280 §4.2.2.1).
pub(crate) const ID_AD_OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
pub(crate) const ID_AD_CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");

/// The extensions in the making.
pub(crate) struct Plan<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) subject: &'a Subject,
    pub(crate) key: &'a PublicKey,
    pub(crate) key_kind: KeySpec,
    /// Of the issuer's key; `None` in a self-signed certificate.
    pub(crate) issuer_key_id: Option<&'a [u8]>,
    /// The certificate's own serial number, by which its revocation list is found.
    pub(crate) serial: &'a [u8],
}

impl Plan<'_> {
    /// All of them.
    pub(crate) fn extensions(&self) -> Result<Vec<Extension>, der::Error> {
        let kind = self.profile.kind;
        let mut made = Vec::with_capacity(10);
        if kind.is_ca() {
            let constraints = BasicConstraints { ca: true, path_len_constraint: self.profile.path_length };
            made.push(critical(BasicConstraints::OID, &constraints)?);
        }
        let usages = kind.key_usages(self.key_kind).into_iter().fold(Default::default(), |all, one| one | all);
        made.push(critical(KeyUsage::OID, &KeyUsage(usages))?);
        if !kind.extended_key_usages().is_empty() {
            let purposes = ExtendedKeyUsage(kind.extended_key_usages().to_vec());
            made.push(plain(ExtendedKeyUsage::OID, &purposes)?);
        }
        // RFC 5280 §4.2.1.2: end entities should have one too; signers and recipients can then be named by it.
        let identifier = OctetString::new(key_identifier(self.key))?;
        made.push(plain(SubjectKeyIdentifier::OID, &SubjectKeyIdentifier(identifier))?);
        if let Some(id) = self.issuer_key_id {
            let id = AuthorityKeyIdentifier { key_identifier: Some(OctetString::new(id)?), ..Default::default() };
            made.push(plain(AuthorityKeyIdentifier::OID, &id)?);
        }
        made.extend(self.alternative_names()?);
        made.extend(self.locations()?);
        if !self.profile.policies.is_empty() {
            let of =
                |policy: &ObjectIdentifier| PolicyInformation { policy_identifier: *policy, policy_qualifiers: None };
            let policies = CertificatePolicies(self.profile.policies.iter().map(of).collect());
            made.push(plain(CertificatePolicies::OID, &policies)?);
        }
        if let Some(url) = &self.profile.masa_url {
            made.push(plain(ID_PE_MASA_URL, &Ia5String::new(url)?)?);
        }
        if kind == Kind::OcspResponder {
            made.push(plain(ID_PKIX_OCSP_NOCHECK, &Null)?);
        }
        Ok(made)
    }

    fn alternative_names(&self) -> Result<Option<Extension>, der::Error> {
        let mut names = self.subject.alternative.clone();
        let has_module = names.iter().any(|name| matches!(name, AlternativeName::HardwareModule { .. }));
        // IEEE 802.1AR §8.10.4: the module's serial number is the device's.
        if let (false, Some(hardware_type), Some(serial)) =
            (has_module, self.profile.hardware_module_type, self.subject.serial_number())
        {
            names.push(AlternativeName::HardwareModule { hardware_type, serial_number: serial.into_bytes() });
        }
        if names.is_empty() {
            return Ok(None);
        }
        let names = SubjectAltName(names.iter().map(AlternativeName::general_name).collect::<Result<_, _>>()?);
        // RFC 5280 §4.2.1.6: critical when there is no other name.
        let is_only_name = self.subject.name()?.is_empty();
        let made = if is_only_name { critical } else { plain };
        made(SubjectAltName::OID, &names).map(Some)
    }

    /// Where it is said that the certificate is revoked, and where its issuer's can be had.
    fn locations(&self) -> Result<Vec<Extension>, der::Error> {
        let mut made = Vec::with_capacity(2);
        if let Some(crl) = self.profile.crl.as_ref().filter(|_| self.profile.kind != Kind::OcspResponder) {
            let uri = uri(&crl.url(crl.shards().of(self.serial)))?;
            let point = DistributionPoint {
                distribution_point: Some(DistributionPointName::FullName(vec![uri])),
                reasons: None,
                crl_issuer: None,
            };
            made.push(plain(CrlDistributionPoints::OID, &CrlDistributionPoints(vec![point]))?);
        }
        let access = |access_method, url: &String| Ok(AccessDescription { access_method, access_location: uri(url)? });
        let responders = self.profile.ocsp_urls.iter().map(|url| access(ID_AD_OCSP, url));
        let issuers = self.profile.issuer_urls.iter().map(|url| access(ID_AD_CA_ISSUERS, url));
        let all = responders.chain(issuers).collect::<Result<Vec<_>, der::Error>>()?;
        if !all.is_empty() {
            made.push(plain(oid::ID_PE_AUTHORITY_INFO_ACCESS, &AuthorityInfoAccessSyntax(all))?);
        }
        Ok(made)
    }
}

/// The identifier of a key: the leftmost 160 bits of SHA-256 over the subjectPublicKey (RFC 7093 §2, method 1).
pub(crate) fn key_identifier(key: &PublicKey) -> Vec<u8> {
    sha256(key.subject_public_key()).0.into_iter().take(20).collect()
}

pub(crate) fn uri(url: &str) -> Result<GeneralName, der::Error> {
    Ia5String::new(url).map(GeneralName::UniformResourceIdentifier)
}

pub(crate) fn critical(id: ObjectIdentifier, value: &impl Encode) -> Result<Extension, der::Error> {
    Ok(Extension { critical: true, ..plain(id, value)? })
}

pub(crate) fn plain(id: ObjectIdentifier, value: &impl Encode) -> Result<Extension, der::Error> {
    Ok(Extension { extn_id: id, critical: false, extn_value: OctetString::new(value.to_der()?)? })
}
