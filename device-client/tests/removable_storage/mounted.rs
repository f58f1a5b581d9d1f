//! Real file systems, mounted by others and by the agent itself. Mounting a block device needs root's own rights; where
//! the tests do not have them, they are skipped.

use std::{
    fs,
    process::{Command, Output},
};

use conveyed_info::{discovery::removable_storage::Layout, information::OnboardingInformation};
use peers::peer::Peer;

use crate::bench::{Bench, IMAGE, device_folder, plan, with_image, write};

/// What each script begins with: `$LOOP` is a block device with what is in `image`, which counts as removable.
const PREAMBLE: &str = r#"
set -eu
trap 'exit 1' TERM INT
LOOP=$(losetup --find --show image)
trap 'umount -l media/usb elsewhere 2>/dev/null || true; losetup --detach $LOOP' EXIT
echo 1 > one
mount --bind one /sys/block/${LOOP#/dev/}/removable
agent() {
    rm -rf root output; echo '{}' > running.json
    "$AGENT" run --once --trace trace --root root --config device.toml
}
"#;

/// Why real file systems cannot be tried here.
fn cannot(unshare: &Peer, file_system: &str) -> Option<String> {
    let mut probe = Command::new(unshare.path());
    probe.args(["--mount", "--propagation=private", "losetup", "--find"]);
    if !probe.output().unwrap().status.success() {
        return Some("this user may neither mount nor have a loop device".to_owned());
    }
    let known = fs::read_to_string("/proc/filesystems").unwrap();
    let is_known = known.lines().any(|line| line.trim() == file_system);
    (!is_known).then(|| format!("this kernel does not have {file_system}"))
}

/// Runs a script in the bench's folder, with mounts that nobody else sees.
fn run(unshare: &Peer, bench: &Bench, script: &str) -> Output {
    let mut shell = Command::new(unshare.path());
    shell.args(["--mount", "--propagation=private", "--", "timeout", "60", "sh", "-c", &format!("{PREAMBLE}{script}")]);
    shell.env("AGENT", env!("CARGO_BIN_EXE_sztp-device")).current_dir(bench.folder.path()).output().unwrap()
}

/// A folder `stick` with the artifacts and an image.
fn stick(bench: &Bench) {
    let plan: OnboardingInformation = with_image(plan(&bench.path("output"), "mounted"), "file:///images/os.itb");
    let stick = bench.path("stick");
    write(&stick, &device_folder(&Layout::default(), "SN-1"), &bench.signed(&plan.into()));
    fs::create_dir_all(stick.join("images")).unwrap();
    fs::write(stick.join("images/os.itb"), IMAGE).unwrap();
    for name in ["media/usb", "elsewhere"] {
        fs::create_dir_all(bench.path(name)).unwrap();
    }
}

fn ext4(bench: &Bench, mkfs: &Peer) {
    mkfs.run(bench.folder.path(), &["-q", "-d", "stick", "image", "4M"]).unwrap();
}

fn assert_well(output: &Output, bench: &Bench) {
    let trace = fs::read_to_string(bench.path("trace")).unwrap_or_default();
    assert!(output.status.success(), "{}\n{trace}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(bench.configuration()["hostname"], "mounted");
}

#[test]
fn usb_04_usb_08_the_agent_mounts_a_stick_read_only_and_leaves_nothing_behind() {
    let (unshare, mkfs) = (peers::need!("unshare"), peers::need!("mkfs.ext4"));
    let _losetup = peers::need!("losetup");
    if let Some(reason) = cannot(&unshare, "ext4") {
        peers::skip!(reason);
    }
    let bench = Bench::new("folders = []\nmount = true");
    stick(&bench);
    ext4(&bench, &mkfs);
    let before = fs::read(bench.path("image")).unwrap();
    let output = run(&unshare, &bench, "agent\n! grep -q \"$LOOP\" /proc/mounts\n");
    assert_well(&output, &bench);
    let trace = fs::read_to_string(bench.path("trace")).unwrap();
    assert!(trace.contains("/dev/loop") && trace.contains(":/sztp/SN-1"), "{trace}");
    assert!(fs::read(bench.path("image")).unwrap() == before, "not one octet is written");
}

#[test]
fn usb_04_a_stick_that_others_mounted_is_read_wherever_it_is() {
    let (unshare, mkfs) = (peers::need!("unshare"), peers::need!("mkfs.ext4"));
    let _losetup = peers::need!("losetup");
    if let Some(reason) = cannot(&unshare, "ext4") {
        peers::skip!(reason);
    }
    // Read-only, then writable, in a folder that is looked at.
    let bench = Bench::new("folders = ['media']");
    stick(&bench);
    ext4(&bench, &mkfs);
    let script = "mount -o ro,nodev,nosuid,noexec $LOOP media/usb\nagent\nmount -o remount,rw media/usb\nagent\n";
    assert_well(&run(&unshare, &bench, script), &bench);
    assert!(fs::read_to_string(bench.path("trace")).unwrap().contains("/media/usb/sztp/SN-1"));
    // Where nobody looks; but it is a stick, and mounted already.
    let bench = Bench::new("folders = ['media']\nmount = true");
    stick(&bench);
    ext4(&bench, &mkfs);
    assert_well(&run(&unshare, &bench, "mount $LOOP elsewhere\nagent\n"), &bench);
    assert!(fs::read_to_string(bench.path("trace")).unwrap().contains("/elsewhere/sztp/SN-1"));
}

#[test]
fn usb_08_a_block_device_that_holds_no_file_system_is_named() {
    let unshare = peers::need!("unshare");
    let _losetup = peers::need!("losetup");
    if let Some(reason) = cannot(&unshare, "ext4") {
        peers::skip!(reason);
    }
    let bench = Bench::new("folders = []\nmount = true");
    fs::write(bench.path("image"), vec![0xa5; 1 << 20]).unwrap();
    let output = run(&unshare, &bench, "agent\n");
    assert_eq!(output.status.code(), Some(5));
    let trace = fs::read_to_string(bench.path("trace")).unwrap();
    assert!(trace.contains("removable-storage-invalid") && trace.contains("it cannot be mounted"), "{trace}");
}

/// FAT, by the kernel where it has it, and otherwise by a program that the kernel asks; to the agent it is a mount like
/// any other, blind to case and without modes.
#[test]
fn usb_04_a_stick_with_fat_is_read() {
    let (unshare, mkfs, mcopy) = (peers::need!("unshare"), peers::need!("mkfs.vfat"), peers::need!("mcopy"));
    let (_losetup, _fusefat) = (peers::need!("losetup"), peers::need!("fusefat"));
    let bench = Bench::new("folders = ['media']\nmount = true");
    stick(&bench);
    mkfs.run(bench.folder.path(), &["-C", "image", "4096"]).unwrap();
    mcopy.run(bench.folder.path(), &["-s", "-i", "image", "stick/sztp", "stick/images", "::"]).unwrap();
    let by_program = "fusefat -o ro,blkdev,fsname=$LOOP $LOOP media/usb >&2\nagent\n";
    let script = if cannot(&unshare, "vfat").is_none() { "agent\n" } else { by_program };
    assert_well(&run(&unshare, &bench, script), &bench);
}
