//! Reading what the configuration names, one file at a time, so that one that is wrong does not hide the next.

use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use pki::{
    certificate::Certificate,
    key::{FileKey, KeyError, Signer},
};
use zeroize::Zeroizing;

use super::Finding;

/// A key's file, read.
pub(super) struct KeyFile {
    /// Its permission bits.
    mode: u32,
    /// What is in it.
    pub(super) key: Result<FileKey, KeyError>,
}

impl KeyFile {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
        Ok(Self { mode, key: FileKey::from_pem(&Zeroizing::new(std::fs::read(path)?)) })
    }
}

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

/// Who may read a private key, whether it can be read by a server that starts alone, and whether it is the one that
/// `certificate` was issued for.
pub(super) fn judge_key(
    path: &Path,
    file: &io::Result<KeyFile>,
    certificate: Option<(&PathBuf, &Certificate)>,
) -> Finding {
    const CHECK: &str = "key";
    let shown = path.display();
    match file {
        Err(error) => Finding::failed(
            CHECK,
            format!("{shown}: {error}"),
            "The server does not start without this key.",
            format!("ls -l {shown}; id"),
        ),
        Ok(KeyFile { mode, .. }) if mode & 0o077 != 0 => Finding::failed(
            CHECK,
            format!("{shown}: others may read this private key (mode {mode:03o})"),
            "Whoever reads it can be this server. If others have used this machine meanwhile, make a new key.",
            format!("chmod 600 {shown}"),
        ),
        Ok(KeyFile { key: Err(error), .. }) => Finding::failed(
            CHECK,
            format!("{shown}: {error}"),
            "The server does not start without this key.",
            format!("openssl pkey -in {shown} -noout -text_pub"),
        ),
        Ok(KeyFile { key: Ok(key), mode }) => match certificate {
            Some((of, certificate)) if certificate.public_key() != key.public_key() => Finding::failed(
                CHECK,
                format!("{shown}: is not the key of the certificate in {}", of.display()),
                "The two were not issued together: whatever is signed with this key is refused.",
                format!("openssl pkey -in {shown} -pubout; openssl x509 -in {} -pubkey -noout", of.display()),
            ),
            // Said, not blamed: a server that starts alone has nobody to ask for a passphrase.
            _ => Finding::ok(
                CHECK,
                format!(
                    "{shown}: mode {mode:03o}, without a passphrase: its folder's permissions are all that guards it"
                ),
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mode: u32, key: Result<FileKey, KeyError>) -> io::Result<KeyFile> {
        Ok(KeyFile { mode, key })
    }

    #[test]
    fn a_key_is_seen_red_for_each_of_its_faults() {
        let path = Path::new("server.key");
        let key = || FileKey::generate_ed25519();
        let good = judge_key(path, &read(0o600, key()), None);
        assert_eq!(good.outcome.as_str(), "ok");
        assert!(good.what.contains("without a passphrase"), "{}", good.what);
        let open = judge_key(path, &read(0o640, key()), None);
        assert_eq!(open.outcome.advice().unwrap().fix, "chmod 600 server.key");
        let encrypted = judge_key(path, &read(0o600, Err(KeyError::Encrypted)), None);
        assert!(encrypted.is_failure() && encrypted.what.contains("encrypted"));
        let gone = judge_key(path, &Err(io::ErrorKind::NotFound.into()), None);
        assert!(gone.is_failure());
    }
}
