//! The real programs that tests talk to: found, or installed from Debian where that is allowed.

use std::{
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::fault::Fault;

mod python;

/// A program that some tests need, or a file by its path, and where Debian has it.
struct Peer {
    package: &'static str,
    program: &'static str,
}

const PEERS: &[Peer] = &[
    Peer { package: "openssl", program: "openssl" },
    Peer { package: "u-boot-tools", program: "mkimage" },
    Peer { package: "device-tree-compiler", program: "dtc" },
    Peer { package: "busybox-static", program: "busybox" },
    Peer { package: "cpio", program: "cpio" },
    Peer { package: "iproute2", program: "ip" },
    Peer { package: "libyang2-tools", program: "yanglint" },
    Peer { package: "bind9-utils", program: "named-compilezone" },
    Peer { package: "systemd", program: "systemd-analyze" },
    Peer { package: "curl", program: "curl" },
    Peer { package: "openssh-client", program: "ssh-keygen" },
    Peer { package: "postgresql", program: "initdb" },
    Peer { package: "util-linux", program: "unshare" },
    Peer { package: "util-linux", program: "prlimit" },
    Peer { package: "util-linux", program: "setpriv" },
    Peer { package: "mount", program: "mount" },
    Peer { package: "softhsm2", program: "softhsm2-util" },
    Peer { package: "opensc", program: "pkcs11-tool" },
    Peer { package: "swtpm", program: "swtpm" },
    Peer { package: "tpm2-tools", program: "tpm2" },
    Peer { package: "socat", program: "socat" },
    Peer { package: "tinyproxy-bin", program: "tinyproxy" },
    Peer { package: "udhcpc", program: "udhcpc" },
    Peer { package: "isc-dhcp-client", program: "dhclient" },
    Peer { package: "isc-dhcp-relay", program: "dhcrelay" },
    Peer { package: "kea-admin", program: "perfdhcp" },
    Peer { package: "dhcpcd-base", program: "dhcpcd" },
    Peer { package: "dnsmasq-base", program: "dnsmasq" },
    Peer { package: "isc-dhcp-server", program: "dhcpd" },
    Peer { package: "kea-dhcp4-server", program: "kea-dhcp4" },
    Peer { package: "qemu-system-x86", program: "qemu-system-x86_64" },
    Peer { package: "ovmf", program: "/usr/share/OVMF/OVMF_CODE_4M.fd" },
    Peer { package: "ipxe", program: "/usr/lib/ipxe/snponly.efi" },
    Peer { package: "kea-dhcp6-server", program: "kea-dhcp6" },
    Peer { package: "kea-admin", program: "perfdhcp" },
    Peer { package: "isc-dhcp-relay", program: "dhcrelay" },
    Peer { package: "tcpdump", program: "tcpdump" },
    Peer { package: "nsd", program: "nsd" },
    Peer { package: "avahi-daemon", program: "avahi-daemon" },
    Peer { package: "dbus-daemon", program: "dbus-daemon" },
    Peer { package: "e2fsprogs", program: "mkfs.ext4" },
    Peer { package: "dosfstools", program: "mkfs.vfat" },
    Peer { package: "mtools", program: "mcopy" },
    Peer { package: "fusefat", program: "fusefat" },
    Peer { package: "mount", program: "losetup" },
    Peer { package: "bsdutils", program: "logger" },
];

/// The package that depends on the newest small kernel. The kernel is unpacked, never installed.
const KERNEL_METAPACKAGE: &str = "linux-image-cloud-amd64";

/// Names a kernel to boot in tests: read here, and set for the tests.
pub(crate) const KERNEL_VARIABLE: &str = "SZTP_KERNEL";

/// What the tests are to know.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// A kernel to boot.
    pub(crate) kernel: Option<PathBuf>,
    /// Folders of programs that are not on the `PATH`.
    pub(crate) folders: Vec<PathBuf>,
}

impl Prepared {
    /// The `PATH` of the tests: theirs first, so that the pinned programs are the ones that run.
    pub(crate) fn path(&self) -> Option<OsString> {
        let before = env::var_os("PATH").unwrap_or_default();
        env::join_paths(self.folders.iter().cloned().chain(env::split_paths(&before))).ok()
    }
}

/// How this process may change the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    Root,
    Sudo,
    None,
}

/// Installs the programs that are missing, if it may; says what to run otherwise. What stays missing is no fault: the
/// tests that need it say so by name.
pub(crate) fn prepare(target: &Path) -> Result<Prepared, Fault> {
    let kernel = debian(target)?;
    let folders = Vec::from_iter(postgresql()).into_iter().chain([python::prepare(&target.join("peers"))]).collect();
    Ok(Prepared { kernel, folders })
}

/// Debian's programs, and the path of a kernel when there is one.
fn debian(target: &Path) -> Result<Option<PathBuf>, Fault> {
    let missing = missing(on_path);
    let folder = target.join("peers");
    let kernel = env::var_os(KERNEL_VARIABLE).map(PathBuf::from).filter(|path| path.is_file());
    let kernel = kernel.or_else(|| unpacked_kernel(&folder.join("kernel")));
    let wants_kernel = kernel.is_none() && env::consts::ARCH == "x86_64";
    if missing.is_empty() && !wants_kernel {
        println!("all there");
        return Ok(kernel);
    }
    if !on_path("apt-get") {
        println!("no apt-get here; install by hand: {}", missing.join(" "));
        return Ok(kernel);
    }

    let rights = rights();
    if rights != Rights::None {
        run(apt_get(rights).arg("update"));
        install(rights, &missing);
    } else if !missing.is_empty() {
        println!("missing; to install: sudo apt-get install --no-install-recommends {}", missing.join(" "));
    }
    if wants_kernel { fetch_kernel(&folder) } else { Ok(kernel) }
}

/// The packages whose program is not there.
fn missing(is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    PEERS.iter().filter(|peer| !is_there(peer.program)).map(|peer| peer.package).collect()
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(postgresql()).any(|folder| folder.join(program).is_file())
}

/// Where Debian keeps the programs of its newest PostgreSQL: beside the `PATH`, since several versions may be there.
fn postgresql() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let numbered = |path: PathBuf| Some((path.file_name()?.to_str()?.parse::<u32>().ok()?, path));
    let newest = versions.filter_map(|entry| numbered(entry.ok()?.path())).max()?;
    Some(newest.1.join("bin"))
}

fn rights() -> Rights {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if is_root {
        Rights::Root
    } else if on_path("sudo") && quiet(Command::new("sudo").args(["-n", "true"])) {
        Rights::Sudo
    } else {
        Rights::None
    }
}

/// `apt-get` that asks nothing, tries again, and waits for another one to finish.
fn apt_get(rights: Rights) -> Command {
    let mut command = if rights == Rights::Sudo { Command::new("sudo") } else { Command::new("env") };
    if rights == Rights::Sudo {
        command.args(["-n", "env"]);
    }
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]);
    command.args(["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3"]);
    command
}

/// All at once; one by one if that fails, so that one unknown package does not keep out the others.
fn install(rights: Rights, packages: &[&str]) {
    let install =
        |packages: &[&str]| run(apt_get(rights).args(["install", "-y", "--no-install-recommends"]).args(packages));
    if !packages.is_empty() && !install(packages) && packages.len() > 1 {
        for package in packages {
            install(&[package]);
        }
    }
}

/// Downloads and unpacks the kernel package into `folder/kernel`; needs no rights.
fn fetch_kernel(folder: &Path) -> Result<Option<PathBuf>, Fault> {
    let Some(package) = kernel_package() else {
        println!("apt does not know {KERNEL_METAPACKAGE}; tests that boot a kernel will be skipped");
        return Ok(None);
    };
    println!("fetching {package}");
    let (download, partial, kernel) = (folder.join("download"), folder.join("kernel.partial"), folder.join("kernel"));
    for stale in [&download, &partial, &kernel] {
        remove(stale)?;
    }
    fs::create_dir_all(&download).map_err(|source| Fault::File { path: download.clone(), source })?;
    // Unpacked beside its place and then renamed, so that a run that was cut short leaves nothing that looks whole.
    let unsandboxed = ["-o", "APT::Sandbox::User=root"];
    let fetched = run(apt_get(Rights::None).args(unsandboxed).args(["download", &package]).current_dir(&download));
    let unpacked = fetched
        && the_only_file(&download).is_some_and(|deb| run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&partial)));
    remove(&download)?;
    if !unpacked {
        println!("could not fetch {package}; tests that boot a kernel will be skipped");
        return Ok(None);
    }
    fs::rename(&partial, &kernel).map_err(|source| Fault::File { path: partial, source })?;
    Ok(unpacked_kernel(&kernel))
}

/// The package that the metapackage depends on today.
fn kernel_package() -> Option<String> {
    let output = Command::new("apt-cache").args(["depends", KERNEL_METAPACKAGE]).stderr(Stdio::null()).output().ok()?;
    kernel_dependency(&String::from_utf8_lossy(&output.stdout))
}

/// The kernel among the lines of `apt-cache depends`, such as `  Depends: linux-image-6.1.0-56-cloud-amd64`.
fn kernel_dependency(depends: &str) -> Option<String> {
    depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .find(|package| package.starts_with("linux-image-") && package.ends_with("-cloud-amd64"))
        .map(str::to_owned)
}

/// The `boot/vmlinuz-…` of an unpacked kernel package.
fn unpacked_kernel(folder: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(folder.join("boot")).ok()?;
    files
        .filter_map(|file| Some(file.ok()?.path()))
        .find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("vmlinuz-")))
}

fn the_only_file(folder: &Path) -> Option<PathBuf> {
    fs::read_dir(folder).ok()?.find_map(|file| Some(file.ok()?.path()))
}

fn remove(folder: &Path) -> Result<(), Fault> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Fault::File { path: folder.to_owned(), source }),
        _ => Ok(()),
    }
}

/// Runs a command on the terminal; says so if it did not succeed.
fn run(command: &mut Command) -> bool {
    let succeeded = command.stdin(Stdio::null()).status().is_ok_and(|status| status.success());
    if !succeeded {
        println!("did not succeed: {command:?}");
    }
    succeeded
}

fn quiet(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_that_a_test_asks_for_can_be_installed() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop-tests/tests");
        let (mut folders, mut asked) = (vec![tests], 0);
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                for program in text.split("need!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                    let known = PEERS.iter().map(|peer| peer.program).chain(python::programs());
                    assert!(known.into_iter().any(|known| known == program), "{}: {program}", path.display());
                    asked += 1;
                }
            }
        }
        assert!(asked > 10, "only {asked} were found");
    }

    #[test]
    fn only_what_is_not_there_is_missing() {
        assert_eq!(missing(|program| program != "dtc" && program != "ip"), ["device-tree-compiler", "iproute2"]);
        assert!(missing(|_| true).is_empty());
    }

    #[test]
    fn the_kernel_is_what_the_metapackage_depends_on() {
        let depends = "linux-image-cloud-amd64\n  Depends: libc6\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
        assert_eq!(kernel_dependency(depends).as_deref(), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(kernel_dependency("linux-image-cloud-amd64\n  Conflicts: linux-image-1-cloud-amd64"), None);
    }

    #[test]
    fn apt_never_asks() {
        for (rights, program) in [(Rights::Root, "env"), (Rights::Sudo, "sudo")] {
            let command = apt_get(rights);
            assert_eq!(command.get_program(), program);
            assert!(command.get_args().any(|argument| argument == "DEBIAN_FRONTEND=noninteractive"));
        }
    }
}
