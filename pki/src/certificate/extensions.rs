//! What a certificate's extensions say, for those that decisions are based on.

use const_oid::{ObjectIdentifier, db::rfc5280 as oid};
use der::Decode;
use x509_cert::{
    certificate::TbsCertificate,
    ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, SubjectAltName, SubjectKeyIdentifier},
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
    /// NameConstraints is present, critical or not.
    pub name_constraints: bool,
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
                oid::ID_CE_NAME_CONSTRAINTS => read.name_constraints = true,
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
