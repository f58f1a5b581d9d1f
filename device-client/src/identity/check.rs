//! Whether a device's identity is fit to onboard with.

use std::time::SystemTime;

use pki::{
    certificate::Certificate,
    key::{KeyType, Locator, OpenKey, Signer},
    time::{Clock, Timestamp},
};

use super::{IdentityPlaces, SerialNumber, install::issued_in_order, is_exposed};
use crate::{
    config::ClockTrust,
    doctor::{Finding, bad, doubtful, good, whole},
    env::linux,
};

/// id-kp-clientAuth, and anyExtendedKeyUsage (RFC 5280 §4.2.1.12).
const FOR_CLIENTS: [&str; 2] = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

/// Looks at key and certificate, and tries the key. Nothing is changed and nothing is sent.
#[must_use]
pub fn check(places: &IdentityPlaces, trust: ClockTrust) -> Vec<Finding> {
    check_at(
        places,
        match trust {
            ClockTrust::Trusted => Clock::Trusted(Timestamp::from_system(SystemTime::now())),
            ClockTrust::Untrusted => Clock::Untrusted { at_least: linux::earliest() },
        },
    )
}

fn check_at(places: &IdentityPlaces, clock: Clock) -> Vec<Finding> {
    let key = places.open_key();
    let chain = places.certificate.read();
    let mut findings = vec![match &key {
        Ok(key) => works(key, &places.key),
        Err(error) => bad(
            "key",
            whole(error),
            "Make the key with `sztp-device identity create`: a key of a TPM comes back as it was.",
        ),
    }];
    findings.push(secrecy(&places.key));
    let chain = match chain {
        Ok(chain) => chain,
        Err(error) => {
            let fix = "Install the certificate with `sztp-device identity install`.";
            findings.push(bad("certificate", whole(&error), fix));
            return findings;
        }
    };
    let Some(own) = chain.first() else { return findings };
    findings.push(match &key {
        Ok(key) if own.public_key() == Signer::public_key(key) => good("certificate", own.subject_text()),
        Ok(_) => bad(
            "certificate",
            format!("{} speaks for another key than {}", places.certificate, places.key),
            "Install the certificate that was issued for this device's request, or make the key that it speaks for.",
        ),
        Err(_) => doubtful("certificate", own.subject_text(), "Mend the key first."),
    });
    findings.push(match SerialNumber::from_certificate(own) {
        Ok(serial_number) => good("serial-number", serial_number.to_string()),
        Err(error) => {
            bad("serial-number", error.to_string(), "Issue the IDevID with the serial number in its subject (2.5.4.5).")
        }
    });
    findings.push(order(&chain));
    findings.push(purpose(own));
    findings.push(validity(&chain, clock));
    findings
}

/// Signs something, and verifies it.
fn works(key: &OpenKey, locator: &Locator) -> Finding {
    let fix = "Try again; when it stays so, look at the TPM with `tpm2_getcap properties-variable`.";
    let probe = b"sztp-device identity check";
    match key.sign(probe) {
        Err(error) => bad("key", format!("{locator} does not sign: {error}"), fix),
        Ok(signature) => match key.algorithm().verify(Signer::public_key(key), probe, &signature) {
            Ok(()) => good("key", format!("{locator}, {:?}, signs", Signer::public_key(key).key_type())),
            Err(error) => bad("key", format!("{locator}: {error}"), fix),
        },
    }
}

/// RFC 8572 §5.1 (DEV-05): the key should be where nobody can copy it.
fn secrecy(locator: &Locator) -> Finding {
    let Some(path) = locator.file() else { return good("key-mode", "the key cannot leave where it is") };
    match is_exposed(path) {
        Ok(false) => good("key-mode", "only its owner may read the key"),
        Ok(true) => doubtful("key-mode", "others may read the key", "chmod 600 the file of `idevid-key`."),
        Err(error) => bad("key-mode", error.to_string(), "Check the path `idevid-key`."),
    }
}

fn order(chain: &[Certificate]) -> Finding {
    if !issued_in_order(chain) {
        return bad(
            "chain",
            "a certificate is not issued by the one after it",
            "Install the device's certificate first and each issuer after what it issued.",
        );
    }
    match chain {
        [own] if own.is_self_issued() => doubtful(
            "chain",
            "the certificate is its own issuer",
            "Have it issued by a manufacturer's authority; servers know no device by a certificate of its own.",
        ),
        // The root may be left away; whether a server lacks something only that server knows.
        _ => good("chain", format!("{} certificates, up to {}", chain.len(), issuer_of_last(chain))),
    }
}

fn issuer_of_last(chain: &[Certificate]) -> String {
    chain.last().map(|last| last.issuer().to_string()).unwrap_or_default()
}

/// What TLS servers look at, of whom the device is a client (RFC 5280 §4.2.1.3, §4.2.1.12; IEEE 802.1AR §8).
fn purpose(own: &Certificate) -> Finding {
    let extensions = own.extensions();
    let fix =
        "Have the certificate issued as an IDevID: no CA, digitalSignature, and clientAuth if it says any purpose.";
    if extensions.is_ca() {
        return bad("purpose", "it is a certificate of an authority, not of a device", fix);
    }
    if extensions.key_usage.is_some_and(|usage| !usage.digital_signature) {
        return bad("purpose", "its key usage does not let it sign", fix);
    }
    let purposes = extensions.extended_key_usage.as_deref().unwrap_or_default();
    if !purposes.is_empty() && !purposes.iter().any(|oid| FOR_CLIENTS.contains(&oid.to_string().as_str())) {
        return doubtful("purpose", "its extended key usage does not name TLS clients", fix);
    }
    let opens = extensions.key_usage.is_none_or(|usage| match own.public_key().key_type() {
        KeyType::Rsa => usage.key_encipherment,
        _ => usage.key_agreement,
    });
    // RFC 8572 §5.1 (ENC-05): only whoever wants encrypted artifacts needs it.
    good("purpose", if opens { "it signs, and may open encrypted artifacts" } else { "it signs" })
}

/// IEEE 802.1AR §8.4: an IDevID does not expire. Those of real makers do.
fn validity(chain: &[Certificate], clock: Clock) -> Finding {
    const MONTHS_3: i64 = 90 * 24 * 60 * 60;
    let Some(now) = clock.now() else {
        return good("validity", "the clock is not trusted: dates are not judged");
    };
    let first_end = chain.iter().map(Certificate::not_after).min();
    let last_begin = chain.iter().map(Certificate::not_before).max();
    match (last_begin, first_end) {
        (Some(begin), _) if now < begin => bad(
            "validity",
            format!("valid from {begin}; the clock says {now}"),
            "Set the clock, or `clock = \"untrusted\"` on a device that has none.",
        ),
        (_, Some(end)) if now > end => bad(
            "validity",
            format!("expired at {end}; the clock says {now}"),
            "Set the clock if it is wrong; otherwise have the certificate renewed for the same key, and install it.",
        ),
        (_, Some(end)) if now.plus_seconds(MONTHS_3) > end => doubtful(
            "validity",
            format!("until {end}"),
            "Have the certificate renewed for the same key, and install it.",
        ),
        (_, end) => good("validity", end.map(|end| format!("until {end}")).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use pki::key::FileKey;
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
        KeyUsagePurpose,
    };

    use super::*;
    use crate::{
        doctor::Health,
        identity::CertificatePlace,
        storage::{Disk, LinuxDisk},
    };

    const NOW: &str = "2030-06-01T00:00:00Z";

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn params(serial_number: Option<&str>) -> CertificateParams {
        let mut params = CertificateParams::default();
        if let Some(serial_number) = serial_number {
            params.distinguished_name.push(DnType::from_oid(&[2, 5, 4, 5]), serial_number);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.not_before = at("2026-01-01T00:00:00Z").to_offset_date_time();
        params.not_after = at("2036-01-01T00:00:00Z").to_offset_date_time();
        params
    }

    fn issuer() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = params(None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "Maker");
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    struct Bench {
        folder: tempfile::TempDir,
        issuer: CertifiedIssuer<'static, KeyPair>,
        key: FileKey,
    }

    impl Bench {
        fn new() -> Self {
            let (folder, key) = (tempfile::tempdir().unwrap(), FileKey::generate_p256().unwrap());
            LinuxDisk.replace(&folder.path().join("key"), key.to_pem().as_bytes()).unwrap();
            Self { folder, issuer: issuer(), key }
        }

        fn places(&self) -> IdentityPlaces {
            let path = |name: &str| self.folder.path().join(name);
            IdentityPlaces::new(CertificatePlace::File(path("chain")), Locator::File(path("key")))
        }

        fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> String {
            let mut params = params(Some("SN-1"));
            change(&mut params);
            let pair = KeyPair::try_from(self.key.pkcs8_der()).unwrap();
            params.signed_by(&pair, &self.issuer).unwrap().pem()
        }

        fn put(&self, chain: &[&str]) {
            std::fs::write(self.folder.path().join("chain"), chain.concat()).unwrap();
        }

        /// What is not good.
        fn faults(&self) -> Vec<(&'static str, Health)> {
            let findings = check_at(&self.places(), Clock::Trusted(at(NOW)));
            for finding in &findings {
                assert_eq!(finding.fix.is_empty(), finding.health == Health::Good, "{finding:?}");
            }
            findings.iter().filter(|it| it.health != Health::Good).map(|it| (it.check, it.health)).collect()
        }
    }

    #[test]
    fn dev_03_dev_05_dev_10_each_fault_is_named_alone() {
        let bench = Bench::new();
        assert_eq!(bench.faults(), [("certificate", Health::Bad)], "there is none yet");
        let (good, maker) = (bench.issue(|_| {}), bench.issuer.pem());
        bench.put(&[&good, &maker]);
        assert_eq!(bench.faults(), []);
        bench.put(&[&good]);
        assert_eq!(bench.faults(), [], "the root may be left away");
        bench.put(&[&good, &issuer().pem()]);
        assert_eq!(bench.faults(), [("chain", Health::Bad)]);
        bench.put(&[&maker, &good]);
        assert!(bench.faults().contains(&("certificate", Health::Bad)), "the wrong order");
        let faults = |change: fn(&mut CertificateParams)| {
            bench.put(&[&bench.issue(change), &maker]);
            bench.faults()
        };
        let no_serial = faults(|it| it.distinguished_name = rcgen::DistinguishedName::new());
        assert_eq!(no_serial, [("serial-number", Health::Bad)]);
        let wrong_usage = faults(|it| it.key_usages = vec![KeyUsagePurpose::KeyAgreement]);
        assert_eq!(wrong_usage, [("purpose", Health::Bad)]);
        let is_ca = faults(|it| it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
        assert_eq!(is_ca, [("purpose", Health::Bad)]);
        let odd = faults(|it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
        assert_eq!(odd, [("purpose", Health::Doubtful)]);
        assert_eq!(faults(|it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]), []);
        let old = faults(|it| it.not_after = at("2030-05-01T00:00:00Z").to_offset_date_time());
        assert_eq!(old, [("validity", Health::Bad)]);
        let soon = faults(|it| it.not_after = at("2030-08-01T00:00:00Z").to_offset_date_time());
        assert_eq!(soon, [("validity", Health::Doubtful)]);
        let early = faults(|it| it.not_before = at("2030-07-01T00:00:00Z").to_offset_date_time());
        assert_eq!(early, [("validity", Health::Bad)]);
        let untrusted = Clock::Untrusted { at_least: at(NOW) };
        assert!(check_at(&bench.places(), untrusted).iter().all(|it| it.health == Health::Good));
    }

    #[test]
    fn a_key_that_is_missing_exposed_or_another_one_is_told() {
        let bench = Bench::new();
        bench.put(&[&bench.issue(|_| {}), &bench.issuer.pem()]);
        let path = bench.folder.path().join("key");
        let mode = |mode| std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        mode(0o640);
        assert_eq!(bench.faults(), [("key-mode", Health::Doubtful)]);
        mode(0o644);
        assert!(bench.faults().contains(&("key", Health::Bad)));
        mode(0o600);
        LinuxDisk.replace(Path::new(&path), FileKey::generate_p256().unwrap().to_pem().as_bytes()).unwrap();
        assert_eq!(bench.faults(), [("certificate", Health::Bad)]);
        std::fs::remove_file(&path).unwrap();
        assert!(bench.faults().contains(&("key", Health::Bad)));
    }
}
