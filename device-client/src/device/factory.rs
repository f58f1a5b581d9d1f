//! What the factory put on the device, read for the machine: anchors, lists, keys that it tells of.

use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{information::TrustAnchor, rpc::SshHostKey};
use pki::{certificate::Certificate, identity::SerialNumber};

use super::OpenError;
use crate::{
    BasicCredentials,
    config::{Config, HttpPassword},
    identity::{self, Identity},
    machine::{ImageSignature, Policy, Switch, WellKnownServer},
    sources::Source,
    storage::{Disk, LinuxDisk},
};

/// The anchor that a file holds: its first certificate. Those after it are its own issuers, each of the one before; they
/// tell a reader whose anchor it is, and are trusted with nothing.
pub(crate) fn anchor(path: &Path) -> Result<Certificate, OpenError> {
    let chain = identity::certificates(path)?;
    let issued = |pair: &[Certificate]| match pair {
        [child, issuer] => child.issuer() == issuer.subject() && child.verify_signature(issuer.public_key()).is_ok(),
        _ => false,
    };
    if !chain.windows(2).all(issued) {
        return Err(OpenError::SeveralAnchors { path: path.to_owned() });
    }
    chain.into_iter().next().ok_or(OpenError::NoCertificate)
}

/// What the machine knows of the configuration and of the files that it names.
pub(crate) fn policy(config: &Config, identity: &Identity) -> Result<Policy, OpenError> {
    let all = |paths: &[PathBuf]| paths.iter().map(|path| anchor(path)).collect::<Result<Vec<_>, _>>();
    let well_known = config
        .well_known
        .iter()
        .map(|it| Ok::<_, OpenError>(WellKnownServer { server: it.server.clone(), anchors: all(&it.anchors)? }));
    let idevid = identity.chain.first().cloned().ok_or(OpenError::NoCertificate)?;
    Ok(Policy {
        serial_number: identity.serial_number.clone(),
        idevid,
        decryption_key: identity.key.decryptor(),
        voucher_anchors: all(&config.voucher_anchors)?,
        well_known: well_known.collect::<Result<_, _>>()?,
        accepted_assertions: config.accepted_assertions.clone(),
        allowed_targets: config.allow_targets.clone(),
        hw_model: config.hw_model.clone(),
        credentials: config.http_password.as_ref().map(|it| credentials(it, &identity.serial_number)).transpose()?,
        ssh_host_keys: config.ssh_host_keys.iter().map(|path| host_key(path)).collect::<Result<_, _>>()?,
        trust_anchors: config.trust_anchors.iter().map(|path| trust_anchor(path)).collect::<Result<_, _>>()?,
        switch: if config.switch.is_some() { Switch::Variable } else { Switch::Marker },
        final_report: config.final_report,
        image_signature: if config.image_keys.is_empty() {
            ImageSignature::NotConfigured
        } else {
            ImageSignature::Required
        },
        sources: Source::all_of(&config.sources).iter().map(Source::label).collect(),
    })
}

/// RFC 8572 §5.3 (CLI-11): where both are used, the user name is the serial number of the certificate.
fn credentials(config: &HttpPassword, serial_number: &SerialNumber) -> Result<BasicCredentials, OpenError> {
    const MAX_PASSWORD: u64 = 4096;
    let unusable = |why: String| OpenError::HttpPassword { path: config.file.clone(), why };
    let bytes = LinuxDisk.read_bounded(&config.file, MAX_PASSWORD).map_err(|error| unusable(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| unusable("it is not there".to_owned()))?;
    let text = String::from_utf8(bytes).map_err(|_| unusable("it is no text".to_owned()))?;
    let user = config.user.as_deref().unwrap_or(serial_number.as_str());
    let password = text.strip_suffix('\n').unwrap_or(&text);
    BasicCredentials::new(user, password.strip_suffix('\r').unwrap_or(password))
        .map_err(|error| unusable(error.to_string()))
}

/// A chain of CA certificates up to its root, in any order (RFC 8572 §7.3; ART-35).
fn trust_anchor(path: &Path) -> Result<TrustAnchor, OpenError> {
    let invalid = |_| OpenError::TrustAnchor { path: path.to_owned() };
    TrustAnchor::new(&identity::certificates(path)?).map_err(invalid)
}

/// Reads a public host key as OpenSSH writes it: algorithm, key in base64, comment.
fn host_key(path: &Path) -> Result<SshHostKey, OpenError> {
    let invalid = || OpenError::HostKey { path: path.to_owned() };
    let text = std::fs::read_to_string(path).map_err(|_| invalid())?;
    let mut words = text.split_ascii_whitespace();
    let algorithm = words.next().ok_or_else(invalid)?.to_owned();
    let key_data = words.next().and_then(|word| STANDARD.decode(word).ok()).ok_or_else(invalid)?;
    Ok(SshHostKey { algorithm, key_data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    fn ca(name: &str, issuer: Option<&Issuer<'_, KeyPair>>) -> (String, Issuer<'static, KeyPair>) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = match issuer {
            Some(issuer) => params.signed_by(&key, issuer).unwrap(),
            None => params.self_signed(&key).unwrap(),
        };
        (certificate.pem(), Issuer::new(params, key))
    }

    #[test]
    fn the_first_certificate_of_a_file_is_the_anchor_and_the_others_must_be_its_issuers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchors.pem");
        let (root, root_issuer) = ca("root", None);
        let (intermediate, _) = ca("intermediate", Some(&root_issuer));
        let (other, _) = ca("root", None);
        std::fs::write(&path, format!("{intermediate}{root}")).unwrap();
        assert_eq!(anchor(&path).unwrap(), Certificate::chain_from_pem(intermediate.as_bytes()).unwrap()[0]);
        // A second anchor, the order turned round, and an issuer in name only.
        for several in [format!("{root}{other}"), format!("{root}{intermediate}"), format!("{intermediate}{other}")] {
            std::fs::write(&path, several).unwrap();
            assert!(matches!(anchor(&path), Err(OpenError::SeveralAnchors { .. })));
        }
    }
}
