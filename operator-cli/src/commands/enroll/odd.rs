//! What is odd about a device's certificate, in the words of somebody who has seen many.

use pki::{certificate::Certificate, identity::SerialNumber, time::Timestamp};

use crate::explain::names;

/// What is odd, one sentence each; what is dangerous first.
pub(super) fn oddities(certificate: &Certificate, now: Timestamp) -> Vec<String> {
    let mut odd = Vec::new();
    let extensions = certificate.extensions();
    if extensions.is_ca() {
        odd.push(
            "It is a CA's certificate, which identifies no device: does the file hold the chain in another order?"
                .to_owned(),
        );
    }
    if extensions.key_usage.is_some_and(|usage| usage.key_cert_sign) {
        odd.push("Its key may sign certificates (keyCertSign), which no device's may.".to_owned());
    }
    let algorithm = certificate.as_x509().signature_algorithm().oid;
    if names::is_weak(algorithm) {
        odd.push(format!(
            "It is signed with {}, which counts at the listener for old devices alone, below a legacy anchor.",
            names::name(algorithm)
        ));
    }
    for (name, values) in repeated(certificate) {
        odd.push(format!("Its subject has {name} {values} times: no rule reads the serial number from there."));
    }
    if certificate.subject().iter_rdn().any(|rdn| rdn.len() > 1) {
        odd.push(
            "Its subject has attributes that share a relative distinguished name: no rule reads the serial number from there."
                .to_owned(),
        );
    }
    if let Ok(serial) = SerialNumber::from_certificate(certificate) {
        let text = serial.as_str();
        if text.trim() != text {
            odd.push(
                "The serialNumber attribute begins or ends with a blank, which belongs to the serial number."
                    .to_owned(),
            );
        }
        if !text.is_ascii() {
            odd.push(
                "The serialNumber attribute holds letters that are not ASCII, and may look like others that are."
                    .to_owned(),
            );
        }
    }
    if certificate.not_after() == Timestamp::INFINITY {
        odd.push("It has no end (99991231235959Z), as IEEE 802.1AR wants it.".to_owned());
    } else if now > certificate.not_after() {
        odd.push(format!("It expired at {}: devices with it are refused.", certificate.not_after()));
    }
    if now < certificate.not_before() {
        odd.push(format!("It is not valid before {}.", certificate.not_before()));
    }
    match &extensions.extended_key_usage {
        Some(usages) if !usages.iter().any(|usage| usage.to_string() == CLIENT_AUTH) => {
            let usages: Vec<_> = usages.iter().map(|usage| names::name(*usage)).collect();
            odd.push(format!(
                "Its extended key usage is {} and not clientAuth, which is ignored unless the manufacturer's are said.",
                usages.join(", ")
            ));
        }
        _ => {}
    }
    if extensions.key_usage.is_some_and(|usage| !usage.digital_signature) {
        odd.push("Its key usage lacks digitalSignature, although devices sign handshakes.".to_owned());
    }
    if certificate.subject().is_empty() {
        odd.push("Its subject is empty: whatever names the device is among the alternative names.".to_owned());
    }
    if extensions.authority_key_identifier.is_none() {
        odd.push("It has no authority key identifier: vouchers that name an idevid-issuer do not fit it.".to_owned());
    }
    odd
}

const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

/// Attributes that stand more than once, and how often.
fn repeated(certificate: &Certificate) -> Vec<(String, usize)> {
    let kinds: Vec<_> = certificate.subject().iter().map(|attribute| attribute.oid).collect();
    let mut found: Vec<(String, usize)> = Vec::new();
    for kind in &kinds {
        let (name, count) = (names::name(*kind), kinds.iter().filter(|other| *other == kind).count());
        if count > 1 && !found.iter().any(|(known, _)| *known == name) {
            found.push((name, count));
        }
    }
    found
}
