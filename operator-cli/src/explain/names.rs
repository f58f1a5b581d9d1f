//! Names of object identifiers, as people know them.

use const_oid::ObjectIdentifier;

/// Identifiers that are named better here than in the database, or missing there.
const NAMES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.7.1", "id-data"),
    ("1.2.840.113549.1.7.2", "id-signedData"),
    ("1.2.840.113549.1.7.3", "id-envelopedData"),
    ("1.2.840.113549.1.7.5", "id-digestedData"),
    ("1.2.840.113549.1.7.6", "id-encryptedData"),
    ("1.2.840.113549.1.9.16.1.9", "id-ct-compressedData"),
    ("1.2.840.113549.1.9.16.1.23", "id-ct-authEnvelopedData"),
    ("1.2.840.113549.1.9.16.1.40", "id-ct-animaJSONVoucher"),
    ("1.2.840.113549.1.9.16.1.42", "id-ct-sztpConveyedInfoXML"),
    ("1.2.840.113549.1.9.16.1.43", "id-ct-sztpConveyedInfoJSON"),
    ("1.2.840.113549.1.9.3", "content-type"),
    ("1.2.840.113549.1.9.4", "message-digest"),
    ("1.2.840.113549.1.9.5", "signing-time"),
    ("1.2.840.113549.1.9.15", "S/MIME capabilities"),
    ("1.2.840.113549.1.9.16.2.47", "signing-certificate-v2"),
    ("1.2.840.113549.1.9.52", "cms-algorithm-protection"),
    ("1.2.840.113549.2.5", "MD5"),
    ("1.3.14.3.2.26", "SHA-1"),
    ("2.16.840.1.101.3.4.2.1", "SHA-256"),
    ("2.16.840.1.101.3.4.2.2", "SHA-384"),
    ("2.16.840.1.101.3.4.2.3", "SHA-512"),
    ("2.16.840.1.101.3.4.2.4", "SHA-224"),
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.4", "RSA PKCS#1 v1.5 with MD5"),
    ("1.2.840.113549.1.1.5", "RSA PKCS#1 v1.5 with SHA-1"),
    ("1.2.840.113549.1.1.7", "RSA-OAEP"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.113549.1.1.11", "RSA PKCS#1 v1.5 with SHA-256"),
    ("1.2.840.113549.1.1.12", "RSA PKCS#1 v1.5 with SHA-384"),
    ("1.2.840.113549.1.1.13", "RSA PKCS#1 v1.5 with SHA-512"),
    ("1.2.840.10045.2.1", "elliptic curve"),
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.2.840.10045.4.1", "ECDSA with SHA-1"),
    ("1.2.840.10045.4.3.1", "ECDSA with SHA-224"),
    ("1.2.840.10045.4.3.2", "ECDSA with SHA-256"),
    ("1.2.840.10045.4.3.3", "ECDSA with SHA-384"),
    ("1.2.840.10045.4.3.4", "ECDSA with SHA-512"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.133.16.840.63.0.2", "ECDH, X9.63 KDF with SHA-1"),
    ("1.3.132.1.11.0", "ECDH, X9.63 KDF with SHA-224"),
    ("1.3.132.1.11.1", "ECDH, X9.63 KDF with SHA-256"),
    ("1.3.132.1.11.2", "ECDH, X9.63 KDF with SHA-384"),
    ("1.3.132.1.11.3", "ECDH, X9.63 KDF with SHA-512"),
    ("2.16.840.1.101.3.4.1.2", "AES-128-CBC"),
    ("2.16.840.1.101.3.4.1.22", "AES-192-CBC"),
    ("2.16.840.1.101.3.4.1.42", "AES-256-CBC"),
    ("2.16.840.1.101.3.4.1.6", "AES-128-GCM"),
    ("2.16.840.1.101.3.4.1.26", "AES-192-GCM"),
    ("2.16.840.1.101.3.4.1.46", "AES-256-GCM"),
    ("2.16.840.1.101.3.4.1.5", "AES-128 key wrap"),
    ("2.16.840.1.101.3.4.1.25", "AES-192 key wrap"),
    ("2.16.840.1.101.3.4.1.45", "AES-256 key wrap"),
    ("1.3.14.3.2.7", "DES-CBC"),
    ("1.2.840.113549.3.2", "RC2-CBC"),
    ("1.2.840.113549.3.7", "3DES-CBC"),
    ("1.3.6.1.5.5.7.16.2", "OCSP response"),
    ("1.3.6.1.5.5.7.48.1.1", "basic OCSP response"),
    ("1.3.6.1.5.5.7.3.1", "TLS server"),
    ("1.3.6.1.5.5.7.3.2", "TLS client"),
    ("1.3.6.1.5.5.7.3.3", "code signing"),
    ("1.3.6.1.5.5.7.3.4", "e-mail protection"),
    ("1.3.6.1.5.5.7.3.8", "time stamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSP signing"),
    ("1.3.6.1.5.5.7.3.27", "certificate authority of a registrar (cmcCA)"),
    ("1.3.6.1.5.5.7.3.28", "registrar (cmcRA)"),
    ("2.5.29.37.0", "any"),
    ("1.3.6.1.5.5.7.1.32", "MASA URL"),
    ("1.3.6.1.5.5.7.8.4", "hardwareModuleName"),
];

/// Algorithms that nobody should use any more.
const WEAK: &[&str] = &[
    "1.2.840.113549.2.5",
    "1.3.14.3.2.26",
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.2.840.10045.4.1",
    "1.3.14.3.2.7",
    "1.2.840.113549.3.2",
    "1.2.840.113549.3.7",
];

/// The name, or the identifier itself where there is none.
pub(crate) fn name(oid: ObjectIdentifier) -> String {
    let dotted = oid.to_string();
    let own = NAMES.iter().find(|(known, _)| *known == dotted).map(|(_, name)| *name);
    own.or_else(|| const_oid::db::DB.by_oid(&oid)).map_or(dotted, str::to_owned)
}

/// The name with the identifier behind it.
pub(crate) fn name_and_oid(oid: ObjectIdentifier) -> String {
    let (name, dotted) = (name(oid), oid.to_string());
    if name == dotted { format!("unknown ({dotted})") } else { format!("{name} ({dotted})") }
}

/// Whether an algorithm is one that nobody should use any more.
pub(crate) fn is_weak(oid: ObjectIdentifier) -> bool {
    let dotted = oid.to_string();
    WEAK.contains(&dotted.as_str())
}

/// Octets as lower-case hex.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_table_is_found_and_what_is_unknown_keeps_its_number() {
        for (dotted, expected) in NAMES {
            assert_eq!(name(ObjectIdentifier::new(dotted).unwrap()), *expected);
        }
        assert!(WEAK.iter().all(|weak| NAMES.iter().any(|(known, _)| known == weak)));
        let unknown = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1");
        assert_eq!(name_and_oid(unknown), "unknown (1.3.6.1.4.1.99999.1)");
    }
}
