//! Certificates, requests for them, and keys.

use const_oid::ObjectIdentifier;
use der::{Decode, Encode, asn1::ObjectIdentifier as Oid};
use pki::{certificate::Certificate, key::PublicKey, path, time::Timestamp};
use x509_cert::{
    ext::pkix::{
        BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName, SubjectKeyIdentifier, name::GeneralName,
    },
    request::CertReq,
    spki::SubjectPublicKeyInfoOwned,
};

use super::{Fact, Layer, Remark, Settings, names};

const KEY_USAGE: Oid = Oid::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: Oid = Oid::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: Oid = Oid::new_unwrap("2.5.29.19");
const EXTENDED_KEY_USAGE: Oid = Oid::new_unwrap("2.5.29.37");
const SUBJECT_KEY_IDENTIFIER: Oid = Oid::new_unwrap("2.5.29.14");
/// Those and CertificatePolicies: what path validation understands.
const UNDERSTOOD: &[Oid] =
    &[KEY_USAGE, SUBJECT_ALT_NAME, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, Oid::new_unwrap("2.5.29.32")];

/// Explains a DER certificate.
pub(super) fn explain(der: &[u8], settings: &Settings) -> Layer {
    let parsed = match x509_cert::Certificate::from_der(der) {
        Ok(parsed) => parsed,
        Err(error) => {
            let mut layer = Layer::new("certificate", "certificate");
            layer.remark(Remark::Unreadable { what: "certificate", why: error.to_string() });
            return layer;
        }
    };
    let tbs = parsed.tbs_certificate();
    let mut layer = Layer::new("certificate", format!("certificate of {}", subject(tbs.subject())));
    if tbs.issuer() == tbs.subject() {
        layer.fact("issuer", "itself");
    } else {
        layer.fact("issuer", tbs.issuer().to_string());
    }
    layer.fact("serial-number", names::hex(tbs.serial_number().as_bytes()));
    let (from, until) = (timestamp(tbs.validity().not_before), timestamp(tbs.validity().not_after));
    layer.fact("valid", format!("{from} to {until}"));
    if settings.now < from {
        layer.remark(Remark::NotYetValid(from));
    } else if settings.now > until {
        layer.remark(Remark::Expired(until));
    }
    explain_key(&mut layer, tbs.subject_public_key_info());
    explain_extensions(&mut layer, tbs.extensions().into_iter().flatten());
    let algorithm = parsed.signature_algorithm().oid;
    layer.fact("signature", names::name(algorithm));
    if names::is_weak(algorithm) {
        layer.remark(Remark::WeakAlgorithm(names::name(algorithm)));
    }
    layer.fact("sha256", pki::digest::sha256(der).to_string());
    // What devices say, who read more strictly than this.
    match Certificate::from_der(der) {
        Ok(_) => {}
        Err(error) => layer.remark(Remark::Refused { by: "the reader of devices", why: error.to_string() }),
    }
    layer
}

/// Explains a certificate that is to sign artifacts: also says whether it may (ART-11).
pub(super) fn explain_signer(der: &[u8], settings: &Settings) -> Layer {
    let mut layer = explain(der, settings);
    if let Ok(certificate) = Certificate::from_der(der)
        && !path::may_sign(&certificate)
    {
        let usage = certificate.extensions().key_usage;
        layer.remark(Remark::MayNotSign(match usage {
            Some(usage) if !usage.digital_signature => "its KeyUsage lacks digitalSignature",
            _ => "it is for TLS alone",
        }));
    }
    layer
}

/// Explains a PKCS#10 request.
pub(super) fn explain_request(request: &CertReq) -> Layer {
    let mut layer = Layer::new(
        "certification-request",
        format!("certificate signing request of {}", subject(&request.info.subject)),
    );
    explain_key(&mut layer, &request.info.public_key);
    layer.fact("signature", names::name(request.algorithm.oid));
    layer.gist(format!("certificate signing request (PKCS#10) of {}", subject(&request.info.subject)));
    layer
}

/// Explains a SubjectPublicKeyInfo.
pub(super) fn explain_public_key(info: &SubjectPublicKeyInfoOwned) -> Layer {
    let mut layer = Layer::new("public-key", "public key");
    explain_key(&mut layer, info);
    layer
}

fn explain_key(layer: &mut Layer, info: &SubjectPublicKeyInfoOwned) {
    const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    let curve = info.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<Oid>().ok());
    if let Some(bits) = rsa_bits(info) {
        let name = if info.algorithm.oid == RSA { "RSA".to_owned() } else { names::name(info.algorithm.oid) };
        layer.fact("key", format!("{name}, {bits} bits"));
        if bits < 2048 {
            layer.remark(Remark::ShortKey(bits));
        }
    } else {
        let oid = curve.unwrap_or(info.algorithm.oid);
        layer.fact("key", names::name(oid));
        let known = info.to_der().ok().and_then(|der| PublicKey::from_spki_der(&der).ok());
        if known.is_none() {
            layer.remark(Remark::UnknownAlgorithm(format!("a key of the kind {}", names::name(oid))));
        }
    }
}

/// The bits of an RSA modulus: the first INTEGER of an RSAPublicKey.
fn rsa_bits(info: &SubjectPublicKeyInfoOwned) -> Option<usize> {
    // rsaEncryption, RSAES-OAEP, RSASSA-PSS.
    let dotted = info.algorithm.oid.to_string();
    dotted.starts_with("1.2.840.113549.1.1.").then_some(())?;
    let key = info.subject_public_key.as_bytes()?;
    let sequence = super::ber::Elements::read(key, 0).next()?;
    let modulus = sequence.children().next()?.content();
    let significant = modulus.iter().position(|octet| *octet != 0)?;
    let first = modulus.get(significant)?.leading_zeros();
    Some((modulus.len() - significant) * 8 - usize::try_from(first).ok()?)
}

fn explain_extensions<'a>(layer: &mut Layer, extensions: impl Iterator<Item = &'a x509_cert::ext::Extension>) {
    for extension in extensions {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            BASIC_CONSTRAINTS => layer.fact_if("ca", BasicConstraints::from_der(value).ok().map(constraints)),
            KEY_USAGE => layer.fact_if("key-usage", KeyUsage::from_der(value).ok().map(|usage| key_usage(&usage))),
            EXTENDED_KEY_USAGE => {
                let usages = ExtendedKeyUsage::from_der(value).ok();
                let usages = usages.map(|it| it.0.iter().copied().map(names::name).collect::<Vec<_>>().join(", "));
                layer.fact_if("extended-key-usage", usages);
            }
            SUBJECT_ALT_NAME => {
                layer.fact_if("alternative-names", SubjectAltName::from_der(value).ok().map(alternative_names));
            }
            SUBJECT_KEY_IDENTIFIER => {
                let identifier = SubjectKeyIdentifier::from_der(value).ok();
                layer.fact_if("key-identifier", identifier.map(|it| names::hex(it.0.as_bytes())));
            }
            _ => {}
        }
        if extension.critical && !UNDERSTOOD.contains(&extension.extn_id) {
            layer.remark(Remark::CriticalExtension(names::name_and_oid(extension.extn_id)));
        }
    }
}

fn constraints(constraints: BasicConstraints) -> String {
    match (constraints.ca, constraints.path_len_constraint) {
        (true, Some(0)) => "yes, of end entities only".to_owned(),
        (true, Some(limit)) => format!("yes, with at most {limit} CAs below"),
        (true, None) => "yes".to_owned(),
        (false, _) => "no".to_owned(),
    }
}

fn key_usage(usage: &KeyUsage) -> String {
    let all = [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
    ];
    all.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

fn alternative_names(names: SubjectAltName) -> Fact {
    Fact::List(names.0.iter().map(alternative_name).collect())
}

fn alternative_name(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(name) => format!("DNS {name}"),
        GeneralName::Rfc822Name(name) => format!("e-mail {name}"),
        GeneralName::UniformResourceIdentifier(name) => format!("URI {name}"),
        GeneralName::DirectoryName(name) => format!("directory {name}"),
        GeneralName::IpAddress(octets) => match octets.as_bytes() {
            [a, b, c, d] => format!("IP {}", std::net::Ipv4Addr::new(*a, *b, *c, *d)),
            long => <[u8; 16]>::try_from(long).map_or_else(
                |_| format!("IP {}", names::hex(long)),
                |long| format!("IP {}", std::net::Ipv6Addr::from(long)),
            ),
        },
        GeneralName::OtherName(name) => names::name(name.type_id),
        _ => "of another kind".to_owned(),
    }
}

pub(super) fn subject(name: &x509_cert::name::Name) -> String {
    if name.is_empty() { "an empty name".to_owned() } else { name.to_string() }
}

pub(super) fn timestamp(time: x509_cert::time::Time) -> Timestamp {
    Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}
