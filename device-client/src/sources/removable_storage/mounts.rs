//! Where file systems are mounted, from the kernel's own table (`man 5 proc_pid_mountinfo`).

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// The table of this process.
pub(super) const TABLE: &str = "/proc/self/mountinfo";

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mount {
    /// Unique as long as it is mounted.
    pub(super) id: u64,
    /// The block device as `major:minor`.
    pub(super) device: String,
    /// Where it is mounted.
    pub(super) point: PathBuf,
    file_system: String,
}

impl Mount {
    /// Whether a stick may be behind it. Only block devices can be removed; and a server of files that does not answer
    /// would hold the device for ever.
    fn is_of_block_device(&self) -> bool {
        // Btrfs spreads over several devices, and has a number of its own.
        !self.device.starts_with("0:") || self.file_system == "btrfs"
    }
}

/// All that is mounted now; nothing where the table cannot be read.
pub(super) fn mounts() -> Vec<Mount> {
    let table = fs::read(TABLE).unwrap_or_default();
    table.split(|octet| *octet == b'\n').filter_map(parse).collect()
}

/// The trees in which to look: each folder itself, then what is mounted in it, in the order of the table.
pub(super) fn roots(folders: &[PathBuf], mounts: &[Mount]) -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = Vec::new();
    for folder in folders {
        // The table knows no links.
        let Ok(folder) = folder.canonicalize() else { continue };
        let there: Vec<&Mount> = mounts.iter().filter(|mount| mount.point.starts_with(&folder)).collect();
        let itself = there.iter().filter(|mount| mount.point == folder).all(|mount| mount.is_of_block_device());
        let itself = itself.then(|| folder.clone());
        let below = there.iter().filter(|mount| mount.is_of_block_device()).map(|mount| mount.point.clone());
        for root in itself.into_iter().chain(below) {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
    }
    roots
}

/// The mounts of block devices at or below the folders.
pub(super) fn below<'a>(folders: &[PathBuf], mounts: &'a [Mount]) -> Vec<&'a Mount> {
    let folders: Vec<PathBuf> = folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
    let is_below = |mount: &&Mount| folders.iter().any(|folder| mount.point.starts_with(folder));
    mounts.iter().filter(is_below).filter(|mount| mount.is_of_block_device()).collect()
}

/// `id parent major:minor root mount-point options [tags] - file-system source options`
fn parse(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|octet| *octet == b' ');
    let id = str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let device = str::from_utf8(words.nth(1)?).ok()?.to_owned();
    let point = unescaped(words.nth(1)?);
    let file_system = words.skip_while(|word| *word != b"-").nth(1)?;
    Some(Mount { id, device, point, file_system: String::from_utf8_lossy(file_system).into_owned() })
}

/// The kernel writes blanks, tabs, line ends and backslashes as a backslash and three octal digits.
fn unescaped(word: &[u8]) -> PathBuf {
    let mut octets = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.split_first_chunk::<3>().filter(|_| *first == b'\\').and_then(|(digits, after)| {
            let value = u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok()?;
            Some((value, after))
        });
        let (octet, after) = escaped.unwrap_or((*first, after));
        octets.push(octet);
        rest = after;
    }
    PathBuf::from(OsString::from_vec(octets))
}

/// Where a block device is mounted already, as `major:minor`.
pub(super) fn point_of<'a>(device: &str, mounts: &'a [Mount]) -> Option<&'a Path> {
    mounts.iter().find(|mount| mount.device == device).map(|mount| mount.point.as_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(line: &str) -> Mount {
        parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn lines_of_the_table_are_read() {
        let plain = mount("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue");
        assert_eq!((plain.id, plain.device.as_str(), plain.point.as_path()), (36, "98:0", Path::new("/mnt2")));
        let odd = mount(r"7 1 8:1 / /media/MY\040STICK\134\011x ro - vfat /dev/sda1 ro");
        assert_eq!(odd.point, Path::new("/media/MY STICK\\\tx"));
        assert_eq!(odd.file_system, "vfat");
        // A label that only looks like an escape.
        assert_eq!(unescaped(br"/media/\9"), Path::new(r"/media/\9"));
        for broken in ["", "x", "1 2 3:4", "1 2 3:4 / /mnt rw"] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
        assert!(mounts().iter().any(|mount| mount.point == Path::new("/proc")));
    }

    #[test]
    fn usb_01_what_is_mounted_in_the_folders_is_looked_at_and_nothing_that_could_hang() {
        let folder = tempfile::tempdir().unwrap();
        let media = folder.path().canonicalize().unwrap().join("media");
        fs::create_dir(&media).unwrap();
        std::os::unix::fs::symlink(&media, folder.path().join("link")).unwrap();
        let line = |id: u64, device: &str, name: &str, kind: &str| {
            mount(&format!("{id} 1 {device} / {}{name} rw - {kind} x rw", media.display()))
        };
        let mounts = [
            line(1, "8:1", "/usb0", "vfat"),
            line(2, "0:44", "/server", "nfs4"),
            line(3, "0:45", "/auto", "autofs"),
            line(4, "0:46", "/disk", "btrfs"),
            line(5, "8:1", "2/elsewhere", "vfat"),
        ];
        let expected = [media.clone(), media.join("usb0"), media.join("disk")];
        let missing = folder.path().join("missing");
        assert_eq!(roots(&[missing, folder.path().join("link"), media.clone()], &mounts), expected);
        let ids: Vec<_> = below(std::slice::from_ref(&media), &mounts).iter().map(|mount| mount.id).collect();
        assert_eq!(ids, [1, 4]);
        // The folder is a server's itself.
        assert!(roots(std::slice::from_ref(&media), &[line(1, "0:44", "", "nfs")]).is_empty());
        assert_eq!(point_of("8:1", &mounts), Some(media.join("usb0").as_path()));
        assert_eq!(point_of("8:2", &mounts), None);
    }
}
