//! Reading what the configuration names, one file at a time, so that one that is wrong does not hide the next.

use std::path::{Path, PathBuf};

use pki::{
    certificate::Certificate,
    key::{Locator, OpenError, OpenKey, Signer},
};

use super::Finding;

/// Reads a chain.
pub(super) fn chain(path: &Path) -> Result<Vec<Certificate>, Finding> {
    let failed = |what: String| {
        Finding::failed(
            "certificate",
            what,
            "The server does not start without it.",
            format!("ls -l {0}; sztp artifact inspect {0}", path.display()),
        )
    };
    let octets = std::fs::read(path).map_err(|error| failed(format!("{}: {error}", path.display())))?;
    match Certificate::chain_from_file(&octets) {
        Ok(chain) if chain.is_empty() => Err(failed(format!("{}: holds no certificate", path.display()))),
        Ok(chain) => Ok(chain),
        Err(error) => Err(failed(format!("{}: {error}", path.display()))),
    }
}

/// Who may read a private key, whether it can be had by a server that starts alone, and whether it is the one that
/// `certificate` was issued for.
pub(super) fn judge_key(
    place: &Locator,
    key: &Result<OpenKey, OpenError>,
    certificate: Option<(&PathBuf, &Certificate)>,
) -> Finding {
    const CHECK: &str = "key";
    match key {
        // The message begins with where the key is.
        Err(error @ OpenError::Exposed { path, .. }) => Finding::failed(
            CHECK,
            error.to_string(),
            "Whoever reads it can be this server. If others have used this machine meanwhile, make a new key.",
            format!("chmod 600 {}", path.display()),
        ),
        Err(error @ OpenError::Unreadable { path, .. }) => Finding::failed(
            CHECK,
            error.to_string(),
            "The server does not start without this key.",
            format!("ls -l {}; id", path.display()),
        ),
        Err(error) => Finding::failed(
            CHECK,
            error.to_string(),
            "The server does not start without this key.",
            format!("sztp key show '{place}'"),
        ),
        Ok(key) => match certificate {
            Some((of, certificate)) if certificate.public_key() != Signer::public_key(key) => Finding::failed(
                CHECK,
                format!("{place}: is not the key of the certificate in {}", of.display()),
                "The two were not issued together: whatever is signed with this key is refused.",
                format!("sztp key show --pem '{place}'; openssl x509 -in {} -pubkey -noout", of.display()),
            ),
            // Said, not blamed: a server that starts alone has nobody to ask for a passphrase.
            _ if place.file().is_some() => Finding::ok(
                CHECK,
                format!("{place}: nobody else may read it; the permissions of its folder are all that guards it"),
            ),
            _ => Finding::ok(CHECK, format!("{place}: there and ours to use")),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use pki::key::{FileKey, KeyError};

    use super::*;

    #[test]
    fn a_key_is_seen_red_for_each_of_its_faults() {
        let path = PathBuf::from("server.key");
        let place = Locator::File(path.clone());
        let judge = |key: Result<OpenKey, OpenError>| judge_key(&place, &key, None);
        let good = judge(Ok(FileKey::generate_ed25519().unwrap().into()));
        assert_eq!(good.outcome.as_str(), "ok");
        assert!(good.what.contains("permissions"), "{}", good.what);
        let open = judge(Err(OpenError::Exposed { path: path.clone(), mode: 0o640 }));
        assert_eq!(open.outcome.advice().unwrap().fix, "chmod 600 server.key");
        let encrypted = judge(Err(OpenError::Key { path: path.clone(), source: KeyError::Encrypted }));
        assert!(encrypted.is_failure() && encrypted.what.contains("encrypted"));
        let gone = judge(Err(OpenError::Unreadable { path, source: io::ErrorKind::NotFound.into() }));
        assert!(gone.is_failure());
    }
}
