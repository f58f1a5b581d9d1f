//! What a certificate's extensions say, for those that decisions are based on.

use const_oid::{ObjectIdentifier, db::rfc5280 as oid};
use der::Decode;
use x509_cert::{
    certificate::{TbsCertificate, Version},
    ext::pkix::{
        AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies, ExtendedKeyUsage, NameConstraints,
        PolicyConstraints, PolicyMappings, SubjectAltName, SubjectKeyIdentifier,
    },
};

use super::CertificateError;

/// The KeyUsage bits that matter here (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// digitalSignature.
    pub digital_signature: bool,
    /// keyEncipherment: the key may receive content keys by RSA (RFC 5652 §6.2.1).
    pub key_encipherment: bool,
    /// keyAgreement: the key may receive content keys by ECDH (RFC 5652 §6.2.2).
    pub key_agreement: bool,
    /// keyCertSign.
    pub key_cert_sign: bool,
    /// cRLSign.
    pub crl_sign: bool,
}

/// The extensions of one certificate. `None` always means that the extension is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Whether there is any extension at all: an X.509 v1 certificate, such as an old root, has none.
    pub any: bool,
    /// BasicConstraints: whether it is a CA, and its path length constraint.
    pub basic_constraints: Option<(bool, Option<u8>)>,
    /// KeyUsage.
    pub key_usage: Option<KeyUsage>,
    /// ExtendedKeyUsage.
    pub extended_key_usage: Option<Vec<ObjectIdentifier>>,
    /// SubjectKeyIdentifier: the identifier's octets.
    pub subject_key_identifier: Option<Vec<u8>>,
    /// AuthorityKeyIdentifier: the keyIdentifier field's octets.
    pub authority_key_identifier: Option<Vec<u8>>,
    /// AuthorityKeyIdentifier: the whole extnValue content, as vouchers name an issuer (RFC 8366 §5.3).
    pub authority_key_identifier_value: Option<Vec<u8>>,
    /// SubjectAltName.
    pub subject_alt_name: Option<SubjectAltName>,
    /// Critical extensions that the path validation must understand or refuse (RFC 5280 §4.2).
    pub critical: Vec<ObjectIdentifier>,
    /// NameConstraints (RFC 5280 §4.2.1.10): what those below a CA may be called.
    pub name_constraints: Option<NameConstraints>,
    /// CertificatePolicies (§4.2.1.4), without their qualifiers.
    pub policies: Option<Vec<ObjectIdentifier>>,
    /// PolicyMappings (§4.2.1.5): pairs of the issuer's policy and the subject's.
    pub policy_mappings: Vec<(ObjectIdentifier, ObjectIdentifier)>,
    /// PolicyConstraints (§4.2.1.11): after how many certificates a policy must be there.
    pub require_explicit_policy: Option<u32>,
    /// PolicyConstraints: after how many certificates policies are mapped no more.
    pub inhibit_policy_mapping: Option<u32>,
    /// InhibitAnyPolicy (§4.2.1.14): after how many certificates anyPolicy stands for no policy any more.
    pub inhibit_any_policy: Option<u32>,
}

impl Extensions {
    /// Most extensions that a certificate may have.
    pub const MAX: usize = 64;

    pub(super) fn read(tbs: &TbsCertificate) -> Result<Self, CertificateError> {
        let mut read = Self::default();
        let mut seen = Vec::new();
        // Counted first: they are compared with each other, and certificates come from strangers.
        if tbs.extensions().is_some_and(|extensions| extensions.len() > Self::MAX) {
            return Err(CertificateError::TooManyExtensions);
        }
        // RFC 5280 §4.1.2.1, §4.1.2.8: extensions make it version 3, unique identifiers 2 or 3.
        let unique = tbs.issuer_unique_id().is_some() || tbs.subject_unique_id().is_some();
        match tbs.version() {
            Version::V3 => {}
            Version::V2 if tbs.extensions().is_none() => {}
            Version::V1 if tbs.extensions().is_none() && !unique => {}
            _ => return Err(CertificateError::Version),
        }
        for extension in tbs.extensions().into_iter().flatten() {
            let (id, value) = (extension.extn_id, extension.extn_value.as_bytes());
            // RFC 5280 §4.2: not more than one instance of an extension.
            if seen.contains(&id) {
                return Err(CertificateError::DuplicateExtension(id));
            }
            seen.push(id);
            if extension.critical {
                read.critical.push(id);
            }
            match id {
                oid::ID_CE_BASIC_CONSTRAINTS => {
                    let constraints = BasicConstraints::from_der(value)?;
                    read.basic_constraints = Some((constraints.ca, constraints.path_len_constraint));
                }
                oid::ID_CE_KEY_USAGE => {
                    let usage = x509_cert::ext::pkix::KeyUsage::from_der(value)?;
                    read.key_usage = Some(KeyUsage {
                        digital_signature: usage.digital_signature(),
                        key_encipherment: usage.key_encipherment(),
                        key_agreement: usage.key_agreement(),
                        key_cert_sign: usage.key_cert_sign(),
                        crl_sign: usage.crl_sign(),
                    });
                }
                oid::ID_CE_EXT_KEY_USAGE => read.extended_key_usage = Some(ExtendedKeyUsage::from_der(value)?.0),
                oid::ID_CE_SUBJECT_KEY_IDENTIFIER => {
                    read.subject_key_identifier = Some(SubjectKeyIdentifier::from_der(value)?.0.as_bytes().to_vec());
                }
                oid::ID_CE_AUTHORITY_KEY_IDENTIFIER => {
                    let authority = AuthorityKeyIdentifier::from_der(value)?;
                    read.authority_key_identifier = authority.key_identifier.map(|id| id.as_bytes().to_vec());
                    read.authority_key_identifier_value = Some(value.to_vec());
                }
                oid::ID_CE_SUBJECT_ALT_NAME => read.subject_alt_name = Some(SubjectAltName::from_der(value)?),
                oid::ID_CE_NAME_CONSTRAINTS => read.name_constraints = Some(name_constraints(value)?),
                oid::ID_CE_CERTIFICATE_POLICIES => read.policies = Some(policies(value)?),
                oid::ID_CE_POLICY_MAPPINGS => read.policy_mappings = policy_mappings(value)?,
                oid::ID_CE_POLICY_CONSTRAINTS => {
                    let constraints = PolicyConstraints::from_der(value)?;
                    read.require_explicit_policy = constraints.require_explicit_policy;
                    read.inhibit_policy_mapping = constraints.inhibit_policy_mapping;
                    // RFC 5280 §4.2.1.11: an empty one says nothing and must not be issued.
                    if read.require_explicit_policy.is_none() && read.inhibit_policy_mapping.is_none() {
                        return Err(CertificateError::EmptyExtension(id));
                    }
                }
                oid::ID_CE_INHIBIT_ANY_POLICY => read.inhibit_any_policy = Some(u32::from_der(value)?),
                _ => {}
            }
        }
        read.any = !seen.is_empty();
        Ok(read)
    }

    /// Whether BasicConstraints says so.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.basic_constraints.is_some_and(|(ca, _)| ca)
    }
}

fn name_constraints(value: &[u8]) -> Result<NameConstraints, CertificateError> {
    let constraints = NameConstraints::from_der(value)?;
    let given = [&constraints.permitted_subtrees, &constraints.excluded_subtrees];
    // RFC 5280 §4.2.1.10: at least one of the two, and neither of them empty.
    let is_empty = given.iter().all(|it| it.is_none()) || given.into_iter().flatten().any(Vec::is_empty);
    if is_empty { Err(CertificateError::EmptyExtension(oid::ID_CE_NAME_CONSTRAINTS)) } else { Ok(constraints) }
}

fn policies(value: &[u8]) -> Result<Vec<ObjectIdentifier>, CertificateError> {
    let policies: Vec<_> = CertificatePolicies::from_der(value)?.0.into_iter().map(|it| it.policy_identifier).collect();
    // RFC 5280 §4.2.1.4: SIZE (1..MAX), here and in the mappings.
    if policies.is_empty() {
        return Err(CertificateError::EmptyExtension(oid::ID_CE_CERTIFICATE_POLICIES));
    }
    Ok(policies)
}

fn policy_mappings(value: &[u8]) -> Result<Vec<(ObjectIdentifier, ObjectIdentifier)>, CertificateError> {
    let mappings = PolicyMappings::from_der(value)?.0.into_iter();
    let mappings: Vec<_> = mappings.map(|it| (it.issuer_domain_policy, it.subject_domain_policy)).collect();
    if mappings.is_empty() {
        return Err(CertificateError::EmptyExtension(oid::ID_CE_POLICY_MAPPINGS));
    }
    Ok(mappings)
}
