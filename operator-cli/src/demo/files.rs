//! Writing the demo's folder: keys that only their owner may read, certificates, documents.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use pki::{certificate::Certificate, key::FileKey};

use crate::commands::Failure;

/// Makes a folder and those above it.
pub(super) fn folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|source| Failure::File { path: path.to_owned(), source })
}

/// Writes a private key with mode 0600.
pub(super) fn key(path: &Path, key: &FileKey) -> Result<(), Failure> {
    write(path, 0o600, key.to_pem().as_bytes())
}

/// Writes a certificate chain as PEM.
pub(super) fn chain(path: &Path, chain: &[Certificate]) -> Result<(), Failure> {
    let pem: String = chain.iter().map(Certificate::to_pem).collect();
    document(path, pem.as_bytes())
}

/// Writes anything that is no secret.
pub(super) fn document(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write(path, 0o644, bytes)
}

fn write(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |source| Failure::File { path: path.to_owned(), source };
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(bytes).map_err(failed)
}

/// The demo's data folder: kept where asked for, otherwise a fresh one below the system's temporary folder.
pub(super) fn data_folder(keep: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    let path = match keep {
        Some(path) => path.clone(),
        None => {
            let nonce = pki::key::random::<6>().map_err(|error| Failure::Demo(error.to_string()))?;
            let name: String = nonce.iter().map(|octet| format!("{octet:02x}")).collect();
            std::env::temp_dir().join(format!("sztp-demo-{name}"))
        }
    };
    if path.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::Demo(format!("{} is not empty: name another folder", path.display())));
    }
    folder(&path)?;
    path.canonicalize().map_err(|source| Failure::File { path, source })
}
