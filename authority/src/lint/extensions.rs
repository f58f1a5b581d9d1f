//! Extensions: which there are, whether they are critical, and that they say what the profile does.

use const_oid::{AssociatedOid, ObjectIdentifier, db::rfc5280 as oid};
use der::{
    Decode, Encode,
    asn1::{Ia5StringRef, Null},
};
use pki::key::{KeySpec, PublicKey};
use x509_cert::{
    TbsCertificate,
    ext::{
        Extension,
        pkix::{
            AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
            CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, SubjectAltName, SubjectKeyIdentifier,
            name::{DistributionPointName, GeneralName},
        },
    },
};

use super::{Finding, MAX_NAMES, Rules, names};
use crate::{
    AlternativeName, Kind, SubjectAttribute,
    extensions::{ID_PE_MASA_URL, ID_PKIX_OCSP_NOCHECK, key_identifier},
    profile::NameKind,
    subject::text_of,
};

/// Looks at all of them.
pub(super) fn examine(rules: Rules<'_>, read: &TbsCertificate, found: &mut Vec<Finding>) -> Result<(), der::Error> {
    let all = read.extensions().map_or(&[][..], Vec::as_slice);
    for (place, extension) in all.iter().enumerate() {
        let id = extension.extn_id;
        // RFC 5280 §4.2: not more than one instance of an extension.
        if all.iter().take(place).any(|earlier| earlier.extn_id == id) {
            found.push(Finding::ExtensionTwice(id));
        }
        let is_critical = match id {
            // RFC 5280 §4.2.1.3, §4.2.1.9: those that bound what a key may do must not be passed over.
            oid::ID_CE_BASIC_CONSTRAINTS | oid::ID_CE_KEY_USAGE => true,
            // RFC 5280 §4.2.1.6: exactly when there is no other name.
            oid::ID_CE_SUBJECT_ALT_NAME => read.subject().is_empty(),
            // RFC 5280 §4.2.1.1, §4.2.1.2, §4.2.2.1; RFC 6960 §4.2.2.2.1; RFC 8995 §2.3.2. Of others it is for us to say, and who
            // cannot read them can still use the certificate.
            _ => false,
        };
        if extension.critical != is_critical {
            found.push(Finding::Criticality(id));
        }
        if !value_is_right(rules, read, extension)? {
            found.push(Finding::ExtensionValue(id));
        }
    }
    let expected = expected(rules);
    let missing = expected.iter().filter(|id| all.iter().all(|it| it.extn_id != **id));
    found.extend(missing.map(|id| Finding::ExtensionMissing(*id)));
    let may_have =
        |id| expected.contains(&id) || id == SubjectAltName::OID && !rules.profile.kind.alternative_names().is_empty();
    found.extend(all.iter().filter(|it| !may_have(it.extn_id)).map(|it| Finding::ExtensionForbidden(it.extn_id)));
    alternative_names(rules.profile.kind, read, all, found)?;
    if let Some((issuer_limit, kind)) = limit(rules)
        && kind.is_ca()
    {
        // RFC 5280 §4.2.1.9, §6.1.4 (l), (m): a CA below one that may have none below it would never validate, nor one that
        // promises more below it than its issuer may have.
        if issuer_limit == 0 || rules.profile.path_length.is_none_or(|own| own >= issuer_limit) {
            found.push(Finding::PathLength);
        }
    }
    Ok(())
}

/// How many CAs the issuer may have below it, if that is bounded, and what is issued.
fn limit(rules: Rules<'_>) -> Option<(u8, Kind)> {
    let (_, limit) = rules.issuer?.extensions().basic_constraints?;
    Some((limit?, rules.profile.kind))
}

/// Those that a certificate of the profile must have, alternative names aside.
fn expected(rules: Rules<'_>) -> Vec<ObjectIdentifier> {
    let profile = rules.profile;
    let responder = profile.kind == Kind::OcspResponder;
    [
        (KeyUsage::OID, true),
        (SubjectKeyIdentifier::OID, true),
        (BasicConstraints::OID, profile.kind.is_ca()),
        (AuthorityKeyIdentifier::OID, rules.issuer.is_some()),
        (ExtendedKeyUsage::OID, !profile.kind.extended_key_usages().is_empty()),
        (SubjectAltName::OID, profile.hardware_module_type.is_some()),
        (CrlDistributionPoints::OID, profile.crl.is_some() && !responder),
        (AuthorityInfoAccessSyntax::OID, !profile.ocsp_urls.is_empty() || !profile.issuer_urls.is_empty()),
        (CertificatePolicies::OID, !profile.policies.is_empty()),
        (ID_PE_MASA_URL, profile.masa_url.is_some()),
        (ID_PKIX_OCSP_NOCHECK, responder),
    ]
    .into_iter()
    .filter_map(|(id, is_expected)| is_expected.then_some(id))
    .collect()
}

/// Whether an extension says what the profile does. Those that are not known are found elsewhere.
fn value_is_right(rules: Rules<'_>, read: &TbsCertificate, extension: &Extension) -> Result<bool, der::Error> {
    let (profile, value) = (rules.profile, extension.extn_value.as_bytes());
    Ok(match extension.extn_id {
        oid::ID_CE_BASIC_CONSTRAINTS => {
            let constraints = BasicConstraints::from_der(value)?;
            // RFC 5280 §4.2.1.9: a length only where there is a CA.
            (constraints.ca, constraints.path_len_constraint) == (profile.kind.is_ca(), profile.path_length)
        }
        oid::ID_CE_KEY_USAGE => {
            let key = PublicKey::from_spki_der(&read.subject_public_key_info().to_der()?).ok();
            let usages = key.and_then(|key| KeySpec::of(&key)).map(|kind| profile.kind.key_usages(kind));
            let usages = usages.map(|all| all.into_iter().fold(Default::default(), |all, one| one | all));
            Some(KeyUsage::from_der(value)?) == usages.map(KeyUsage)
        }
        oid::ID_CE_EXT_KEY_USAGE => ExtendedKeyUsage::from_der(value)?.0 == profile.kind.extended_key_usages(),
        oid::ID_CE_SUBJECT_KEY_IDENTIFIER => {
            let key = PublicKey::from_spki_der(&read.subject_public_key_info().to_der()?).ok();
            let identifier = SubjectKeyIdentifier::from_der(value)?;
            key.is_some_and(|key| key_identifier(&key) == identifier.0.as_bytes())
        }
        oid::ID_CE_AUTHORITY_KEY_IDENTIFIER => {
            let authority = AuthorityKeyIdentifier::from_der(value)?;
            let own = rules.issuer.and_then(|issuer| issuer.extensions().subject_key_identifier.as_deref());
            let named = authority.key_identifier.as_ref().map(|id| id.as_bytes());
            // RFC 5280 §4.2.1.1: the one in the issuer's certificate, where there is one.
            named.is_some_and(|named| own.is_none_or(|own| own == named))
                && authority.authority_cert_issuer.is_none()
                && authority.authority_cert_serial_number.is_none()
        }
        oid::ID_CE_CRL_DISTRIBUTION_POINTS => {
            let points = CrlDistributionPoints::from_der(value)?.0;
            let serial = read.serial_number().as_bytes();
            let wanted = profile.crl.as_ref().map(|crl| crl.url(crl.shards().of(serial)));
            match (points.as_slice(), wanted) {
                ([point], Some(wanted)) => {
                    point.reasons.is_none()
                        && point.crl_issuer.is_none()
                        && matches!(&point.distribution_point, Some(DistributionPointName::FullName(names))
                            if matches!(names.as_slice(), [GeneralName::UniformResourceIdentifier(uri)]
                                if uri.as_str() == wanted && names::is_http_url(uri.as_str())))
                }
                _ => false,
            }
        }
        oid::ID_PE_AUTHORITY_INFO_ACCESS => {
            let all = AuthorityInfoAccessSyntax::from_der(value)?.0;
            all.len() == profile.ocsp_urls.len().saturating_add(profile.issuer_urls.len())
                && all.iter().all(|it| match &it.access_location {
                    GeneralName::UniformResourceIdentifier(uri) => names::is_http_url(uri.as_str()),
                    _ => false,
                })
        }
        oid::ID_CE_CERTIFICATE_POLICIES => {
            let policies = CertificatePolicies::from_der(value)?.0;
            policies.iter().map(|it| it.policy_identifier).eq(profile.policies.iter().copied())
        }
        ID_PE_MASA_URL => profile.masa_url.as_deref() == Some(Ia5StringRef::from_der(value)?.as_str()),
        ID_PKIX_OCSP_NOCHECK => Null::from_der(value).is_ok(),
        _ => true,
    })
}

fn alternative_names(
    kind: Kind,
    read: &TbsCertificate,
    all: &[Extension],
    found: &mut Vec<Finding>,
) -> Result<(), der::Error> {
    let extension = all.iter().find(|it| it.extn_id == SubjectAltName::OID);
    let names = extension.map(|it| SubjectAltName::from_der(it.extn_value.as_bytes())).transpose()?;
    let names = names.map(|it| it.0).unwrap_or_default();
    // RFC 5280 §4.2.1.6: if the extension is there, it holds a name.
    if names.is_empty() && (extension.is_some() || read.subject().is_empty()) {
        found.push(Finding::Nobody);
    }
    if names.len() > MAX_NAMES {
        found.push(Finding::TooManyNames);
        return Ok(());
    }
    let mut reaches = false;
    for (place, name) in names.iter().enumerate() {
        if names.iter().take(place).any(|earlier| earlier == name) {
            found.push(Finding::NameTwice);
        }
        let Some(name) = AlternativeName::read(name) else {
            found.push(Finding::NameKind(kind));
            continue;
        };
        found.extend(names::alternative(&name, kind));
        reaches |= matches!(name, AlternativeName::Dns(_) | AlternativeName::Address(_));
        if let AlternativeName::HardwareModule { serial_number, .. } = name {
            // IEEE 802.1AR §8.10.4: it is the same number as in the subject.
            let own = read.subject().iter().find(|it| it.oid == SubjectAttribute::SerialNumber.oid());
            let is_own = own.and_then(|it| text_of(&it.value)).is_some_and(|own| own.as_bytes() == serial_number);
            if kind.alternative_names().contains(&NameKind::HardwareModule) && !is_own {
                found.push(Finding::HardwareModule);
            }
        }
    }
    if kind == Kind::TlsServer && !reaches {
        found.push(Finding::NoServerName);
    }
    Ok(())
}
