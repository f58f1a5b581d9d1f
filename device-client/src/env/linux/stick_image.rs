//! Copying a boot image from removable storage (RFC 8572 §4.1, §5.6; USB-07, USB-08).

use std::{io::Read, time::Instant};

use conveyed_info::discovery::removable_storage::MediaPath;
use verdict::{Digest, ReasonCode, Refusal};

use crate::{
    apply::{image::ImageStore, staged::Staged},
    config::Limits,
    machine::Downloaded,
    sources::removable_storage::stick::Stick,
    storage,
};

/// Copies to the staging place, hashing on the way. `stick` is the one that the document came from, while it is held.
/// What an earlier copy left is not gone on with: reading it again is cheap.
pub(super) fn copy(
    stick: Option<&Stick>,
    path: &MediaPath,
    expected: Option<&Digest>,
    images: &ImageStore,
    limits: &Limits,
) -> Result<Downloaded, Refusal> {
    images.receive(expected, |staged| {
        staged.restart().map_err(|error| storage::refusal("the staged image".as_ref(), &error))?;
        transfer(stick, path, staged, limits)
    })
}

fn transfer(stick: Option<&Stick>, path: &MediaPath, staged: &mut Staged, limits: &Limits) -> Result<(), Refusal> {
    let refuse = |detail: String| Refusal::new(ReasonCode::ImageUnreachable, detail);
    let stick = stick.ok_or_else(|| refuse(format!("{path}: the removable storage is not there any more")))?;
    let found = stick.file(path).map_err(|error| refuse(format!("{stick}: {error}")))?;
    let mut file = found.ok_or_else(|| refuse(format!("{stick}: there is no file {path}")))?;
    let limit = limits.image_octets;
    let too_large = || Refusal::new(ReasonCode::ImageTooLarge, format!("{path}: more than {limit} octets"));
    // Nothing is begun that cannot end well.
    if file.metadata().is_ok_and(|metadata| metadata.len() > limit) {
        return Err(too_large());
    }
    let begun = Instant::now();
    let mut piece = vec![0; 128 * 1024];
    loop {
        let lost = |error: std::io::Error| refuse(format!("{stick}: {path}: {error}; is the storage still there?"));
        let length = match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(lost(error)),
        };
        let octets = piece.get(..length).unwrap_or_default();
        if staged.length().saturating_add(u64::try_from(length).unwrap_or(u64::MAX)) > limit {
            staged.restart().map_err(|error| storage::refusal("the staged image".as_ref(), &error))?;
            return Err(too_large());
        }
        staged.append(octets).map_err(|error| storage::refusal("the staged image".as_ref(), &error))?;
        if begun.elapsed() > limits.download {
            return Err(refuse(format!("{path}: not read within {} seconds", limits.download.as_secs())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        path::Path,
        process::Command,
        sync::Arc,
        time::Duration,
    };

    use pki::digest::sha256;

    use super::*;
    use crate::storage::LinuxDisk;

    struct Bench {
        folder: tempfile::TempDir,
        images: ImageStore,
        stick: Stick,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("stick")).unwrap();
            let images = ImageStore::open(Arc::new(LinuxDisk), &folder.path().join("images")).unwrap();
            let stick = Stick::open(&folder.path().join("stick")).unwrap();
            Self { folder, images, stick }
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.folder.path().join("stick").join(name)
        }

        fn copy(&self, uri: &str, expected: Option<&Digest>, limits: &Limits) -> Result<Downloaded, Refusal> {
            copy(Some(&self.stick), &MediaPath::from_uri(uri).unwrap(), expected, &self.images, limits)
        }

        fn staged(&self) -> usize {
            fs::read_dir(self.folder.path().join("images")).unwrap().count()
        }
    }

    #[test]
    fn usb_07_an_image_on_the_stick_is_copied_and_hashed() {
        let bench = Bench::new();
        fs::create_dir(bench.path("images")).unwrap();
        let image: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(bench.path("images/os 1.itb"), &image).unwrap();
        let digest = sha256(&image);
        let limits = Limits { image_octets: 1_200_000, ..Limits::default() };
        // What an earlier copy left, of whatever it was.
        bench.images.stage(Some(&digest)).unwrap().append(b"other").unwrap();
        for uri in ["file:///images/os%201.itb", "file:///disk2:/images/os%201.itb"] {
            let done = bench.copy(uri, Some(&digest), &limits).unwrap();
            assert_eq!((done.sha256, done.length), (digest, 1_200_000));
        }
        assert_eq!(bench.copy("file:///images/os%201.itb", None, &limits).unwrap().sha256, digest);
    }

    #[test]
    fn usb_07_an_image_that_is_missing_or_no_plain_file_is_refused() {
        let bench = Bench::new();
        std::os::unix::fs::symlink("/etc/passwd", bench.path("link")).unwrap();
        assert!(Command::new("mkfifo").arg(bench.path("pipe")).status().unwrap().success());
        for (name, text) in [("missing", "no file missing"), ("link", "symbolic link"), ("pipe", "a pipe")] {
            let refusal = bench.copy(&format!("file:///{name}"), None, &Limits::default()).unwrap_err();
            assert_eq!(refusal.reason, ReasonCode::ImageUnreachable);
            assert!(refusal.detail.contains(text), "{refusal:?}");
        }
        let gone = copy(None, &MediaPath::from_uri("file:///x").unwrap(), None, &bench.images, &Limits::default());
        assert_eq!(gone.unwrap_err().reason, ReasonCode::ImageUnreachable);
    }

    #[test]
    fn usb_08_an_image_is_bounded_in_size_and_time() {
        let bench = Bench::new();
        File::create(bench.path("huge")).unwrap().set_len(1 << 40).unwrap();
        fs::write(bench.path("six"), b"123456").unwrap();
        let limits = Limits { image_octets: 5, ..Limits::default() };
        for uri in ["file:///huge", "file:///six"] {
            assert_eq!(bench.copy(uri, None, &limits).unwrap_err().reason, ReasonCode::ImageTooLarge);
        }
        let limits = Limits { download: Duration::ZERO, ..Limits::default() };
        let refusal = bench.copy("file:///six", None, &limits).unwrap_err();
        assert!(refusal.detail.contains("within 0 seconds"), "{refusal:?}");
    }

    /// A file whose length nobody knows before it is read, and one that cannot be read.
    #[test]
    fn usb_08_what_a_file_says_of_its_length_is_not_believed() {
        let bench = Bench::new();
        let process = Stick::open(Path::new("/proc/self")).unwrap();
        let path = |name| MediaPath::from_uri(&format!("file:///{name}")).unwrap();
        let limits = Limits { image_octets: 64, ..Limits::default() };
        let refused = |name| copy(Some(&process), &path(name), None, &bench.images, &limits).unwrap_err();
        assert_eq!(refused("maps").reason, ReasonCode::ImageTooLarge);
        assert_eq!(fs::read(bench.folder.path().join("images/unnamed.part")).unwrap(), b"");
        // As a stick that is taken out: reading fails in the middle.
        let refusal = refused("mem");
        assert!(refusal.detail.contains("still there?"), "{refusal:?}");
        assert_eq!(bench.staged(), 1);
    }
}
