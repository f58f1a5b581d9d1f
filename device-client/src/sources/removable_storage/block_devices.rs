//! Block devices that can be taken out, and mounting them ourselves.

use std::{fs, io, os::fd::OwnedFd, path::Path};

use rustix::{
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount,
        fsopen,
    },
};

/// Where the kernel tells of its block devices.
pub(super) const SYSTEM: &str = "/sys/block";

/// File systems that are tried, the most usual first (USB-04), each with the option that keeps even a read-only mount
/// from writing. Others stay untried: a stick decides which code of the kernel reads it, and that should be little.
const FILE_SYSTEMS: [(&str, Option<&str>); 6] = [
    ("vfat", None),
    ("exfat", None),
    // A journal is not replayed.
    ("ext4", Some("noload")),
    ("ext2", None),
    ("iso9660", None),
    ("udf", None),
];

/// A disk without partitions, or one of its partitions, on storage that can be taken out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockDevice {
    /// `/dev/…`
    pub(super) node: String,
    /// `major:minor`
    pub(super) number: String,
    /// Differs each time something is put in, where the kernel says it.
    sequence: String,
}

/// What can be taken out, and is in. `system` is [`SYSTEM`].
pub(super) fn removable(system: &Path) -> Vec<BlockDevice> {
    let mut found = Vec::new();
    for disk in children(system) {
        let path = system.join(&disk);
        // A reader without a card has no size.
        if word(&path.join("removable")) != "1" || matches!(word(&path.join("size")).as_str(), "" | "0") {
            continue;
        }
        let sequence = word(&path.join("diskseq"));
        let is_partition = |name: &String| path.join(name).join("partition").exists();
        let partitions: Vec<String> = children(&path).into_iter().filter(is_partition).collect();
        let (folders, names) = match partitions.is_empty() {
            true => (vec![path], vec![disk]),
            false => (partitions.iter().map(|name| path.join(name)).collect(), partitions),
        };
        for (folder, name) in folders.iter().zip(names) {
            // The kernel writes a slash in a name as an exclamation mark.
            let node = format!("/dev/{}", name.replace('!', "/"));
            found.push(BlockDevice { node, number: word(&folder.join("dev")), sequence: sequence.clone() });
        }
    }
    found
}

fn children(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn word(file: &Path) -> String {
    fs::read_to_string(file).map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// Mounts a device read-only, without device nodes, programs, changes of user and links (USB-08). The mount is in no file
/// tree: nobody else sees it, and it ends when the handle does, even when this process is killed.
///
/// # Errors
/// As the kernel says: [`io::ErrorKind::PermissionDenied`] without root's rights, [`io::ErrorKind::Unsupported`] before Linux
/// 5.2.
pub(super) fn mount(node: &str) -> io::Result<OwnedFd> {
    let mut last: io::Error = Errno::NODEV.into();
    for (file_system, option) in FILE_SYSTEMS {
        match mount_as(node, file_system, option) {
            // This kernel does not have it.
            Err(Errno::NODEV) => {}
            Err(error @ (Errno::PERM | Errno::NOSYS | Errno::NOMEDIUM)) => return Err(error.into()),
            Err(error) => last = error.into(),
            Ok(mount) => return Ok(mount),
        }
    }
    Err(last)
}

fn mount_as(node: &str, file_system: &str, option: Option<&str>) -> Result<OwnedFd, Errno> {
    let opened = fsopen(file_system, FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&opened, "source", node)?;
    for flag in ["ro"].into_iter().chain(option) {
        fsconfig_set_flag(&opened, flag)?;
    }
    fsconfig_create(&opened)?;
    let careful = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let attach = |flags| fsmount(&opened, FsMountFlags::FSMOUNT_CLOEXEC, flags);
    match attach(careful | MountAttrFlags::MOUNT_ATTR_NOSYMFOLLOW) {
        // Kernels before 5.14 do not know it; links are not followed anyway.
        Err(Errno::INVAL) => attach(careful),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usb_01_what_can_be_taken_out_is_found_with_its_partitions() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        };
        for (disk, removable, size) in [("sda", "1", "64"), ("sdb", "1", "64"), ("sdc", "1", "0"), ("vda", "0", "64")] {
            write(&format!("{disk}/removable"), removable);
            write(&format!("{disk}/size"), size);
            write(&format!("{disk}/dev"), &format!("8:{size}"));
        }
        write("sda/diskseq", "9");
        for (number, partition) in ["sda1", "sda2"].into_iter().enumerate() {
            write(&format!("sda/{partition}/partition"), "1");
            write(&format!("sda/{partition}/dev"), &format!("8:{number}"));
        }
        write("vda/vda1/partition", "1");
        write("sda/queue/rotational", "0");
        write("x!y0/removable", "1");
        write("x!y0/size", "8");
        let found = removable(folder.path());
        let nodes: Vec<_> = found.iter().map(|it| (it.node.as_str(), it.number.as_str())).collect();
        assert_eq!(nodes, [("/dev/sda1", "8:0"), ("/dev/sda2", "8:1"), ("/dev/sdb", "8:64"), ("/dev/x/y0", "")]);
        // The same reader, another card.
        write("sda/diskseq", "10");
        assert_ne!(removable(folder.path())[0], found[0]);
        assert_eq!(removable(&folder.path().join("missing")), []);
    }
}
