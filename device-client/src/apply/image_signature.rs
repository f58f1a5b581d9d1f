//! The signature inside a boot image: the one place that knows the image format.

use std::{
    io,
    path::{Path, PathBuf},
};

use fit_image::{
    Limits, Source,
    verify::{self, Required, Selection, TrustedKey, TrustedKeys},
};
use pki::key::PublicKey;
use verdict::{Refusal, Trace};

use crate::storage::{self, Disk, DiskFile, Open};

/// Verifies the default configuration of the Flattened Image Tree in the file at `path`. Every image key must have
/// signed, as a boot loader that requires them would demand: what it would refuse is never installed.
///
/// # Errors
/// [`Refusal`] with the reason and every check made.
pub(super) fn verify(disk: &dyn Disk, path: &Path, keys: &[PublicKey]) -> Result<Trace, Refusal> {
    let source = FileSource::open(disk, path).map_err(|error| storage::refusal(path, &error))?;
    let named = keys.iter().map(|key| TrustedKey::new(key.spki_sha256().to_string(), key.clone()));
    let keys = TrustedKeys::new(named, Required::All);
    let verified = verify::verify(&source, &keys, Selection::Default, &Limits::default())?;
    Ok(verified.trace().clone())
}

/// The octets of a file, wherever they are wanted.
#[derive(Debug)]
struct FileSource {
    file: Box<dyn DiskFile>,
    length: u64,
    path: PathBuf,
}

impl FileSource {
    fn open(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        let file = disk.open(path, Open::Read)?;
        let length = file.length()?;
        Ok(Self { file, length, path: path.to_owned() })
    }
}

impl Source for FileSource {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display()));
        storage::read_exact_at(self.file.as_ref(), offset, buffer).map_err(named)
    }
}

#[cfg(test)]
mod tests {
    use fit_image::{
        build::{FitBuilder, NewConfiguration, NewImage},
        image::Role,
    };
    use pki::key::{FileKey, Signer};
    use verdict::ReasonCode;

    use super::*;
    use crate::storage::LinuxDisk;

    #[test]
    fn an_image_is_verified_by_the_device_s_own_keys_and_by_no_others() {
        let (ours, other) = (FileKey::generate_p256().unwrap(), FileKey::generate_p256().unwrap());
        let image = FitBuilder::new("image", 1)
            .image(NewImage::new("kernel-1", "kernel", vec![7; 1000]).arch("arm64").os("linux").compression("none"))
            .configuration(NewConfiguration::new("conf-1").refer(Role::Kernel, "kernel-1"))
            .sign(&ours, "image-key")
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.part");
        std::fs::write(&path, &image).unwrap();
        let trace = verify(&LinuxDisk, &path, &[ours.public_key().clone()]).unwrap();
        assert!(!trace.checks().is_empty());
        let refusal = verify(&LinuxDisk, &path, &[other.public_key().clone()]).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::FitSignatureInvalid);
        std::fs::write(&path, b"no image").unwrap();
        let refusal = verify(&LinuxDisk, &path, &[ours.public_key().clone()]).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::FitMalformed);
    }
}
