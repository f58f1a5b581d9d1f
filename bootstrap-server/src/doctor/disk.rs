//! The disk under the database: how much is free, and how often it can be waited for.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::{StatVfsMountFlags, fstatfs, fstatvfs};

use super::Finding;

const MIB: u64 = 1024 * 1024;
/// Free space below which a storm fills the disk: 10,000 devices with their reports and leaves, five times over.
const LITTLE: u64 = 1024 * MIB;
/// Free space below which the next commits fail.
const NONE: u64 = 64 * MIB;

/// Changes that one onboarding makes durable, one after the other: two answers and the usual reports.
const CHANGES: u32 = 8;
/// Syncs in a second below which an onboarding visibly waits for the disk (its changes then take 0.16 s).
const SLOW: u32 = 50;
/// Syncs in a second below which the device's own deadlines are in danger.
const UNUSABLE: u32 = 5;
/// The measurement ends after so many syncs, or after [`LONGEST`].
const SYNCS: u32 = 200;
const LONGEST: Duration = Duration::from_millis(1500);

/// tmpfs(5) and ramfs: what is synced there is gone with the power.
const TMPFS: u64 = 0x0102_1994;
const RAMFS: u64 = 0x8584_58f6;

/// What was seen of the file system that holds a folder.
pub(super) struct DiskFacts {
    /// Octets that this user may still write.
    pub(super) free: u64,
    /// Whether it survives a power cut, and may be written.
    pub(super) medium: Medium,
}

/// What a file system is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Disk,
    Memory,
    ReadOnly,
}

/// How often data could be made durable.
pub(super) struct SyncRate {
    pub(super) syncs: u32,
    pub(super) took: Duration,
}

pub(super) fn look_at(folder: &Path) -> io::Result<DiskFacts> {
    let folder = File::open(folder)?;
    let space = fstatvfs(&folder)?;
    let kind = u64::try_from(fstatfs(&folder)?.f_type).unwrap_or_default();
    let medium = if space.f_flag.contains(StatVfsMountFlags::RDONLY) {
        Medium::ReadOnly
    } else if kind == TMPFS || kind == RAMFS {
        Medium::Memory
    } else {
        Medium::Disk
    };
    Ok(DiskFacts { free: space.f_bavail.saturating_mul(space.f_frsize), medium })
}

/// Writes and syncs one block again and again, as a commit does, in a file without a name.
pub(super) fn measure(folder: &Path) -> io::Result<SyncRate> {
    let name = folder.join(format!(".sztp-doctor-{}", std::process::id()));
    let file = File::options().write(true).create_new(true).open(&name)?;
    // Without its name at once: nothing is left behind, however this ends.
    std::fs::remove_file(&name)?;
    let block = [0x5a; 4096];
    file.write_all_at(&block, 0)?;
    file.sync_all()?;
    let began = Instant::now();
    let mut syncs = 0;
    while syncs < SYNCS && began.elapsed() < LONGEST {
        file.write_all_at(&block, 0)?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(SyncRate { syncs, took: began.elapsed() })
}

pub(super) fn judge_space(folder: &Path, facts: &DiskFacts) -> Finding {
    const CHECK: &str = "disk-space";
    let (free, shown) = (facts.free / MIB, folder.display());
    let what = format!("{shown}: {free} MiB free");
    let fix = format!("df -h {shown}; make room or move the database to a larger disk");
    if facts.medium == Medium::ReadOnly {
        return Finding::failed(
            CHECK,
            format!("{shown}: mounted read-only"),
            "No change can be made durable, so no device is answered.",
            format!("mount -o remount,rw $(findmnt -no TARGET -T {shown})"),
        );
    }
    if facts.free < NONE {
        return Finding::failed(CHECK, what, "The next commits fail, and devices get 503.", fix);
    }
    if facts.free < LITTLE {
        return Finding::warning(CHECK, what, "A storm of 10,000 devices may fill it.", fix);
    }
    Finding::ok(CHECK, what)
}

/// Every answer waits for one sync, and many answers share one: the rate bounds how fast one device gets on.
pub(super) fn judge_syncs(folder: &Path, medium: Medium, rate: &SyncRate) -> Finding {
    const CHECK: &str = "disk-sync";
    let shown = folder.display();
    if medium == Medium::Memory {
        return Finding::failed(
            CHECK,
            format!("{shown}: is a file system in memory"),
            "Everything in it is gone with the power, also what devices were told is done.",
            "Name a database on a disk in sztp.toml.",
        );
    }
    let each = rate.took.checked_div(rate.syncs).unwrap_or(rate.took);
    let in_a_second = rate.in_a_second();
    let waits = each.saturating_mul(CHANGES);
    let what = format!(
        "{shown}: {in_a_second} syncs a second, {:.1} ms each; an onboarding waits {:.0} ms for the disk",
        each.as_secs_f64() * 1e3,
        waits.as_secs_f64() * 1e3,
    );
    let why = "An answer leaves only when its change is on the disk; devices at the same time share a sync, but each \
               waits for its own.";
    let fix = "Put the database on a local SSD with power-loss protection.";
    if in_a_second < UNUSABLE {
        Finding::failed(CHECK, what, why, fix)
    } else if in_a_second < SLOW {
        Finding::warning(CHECK, what, why, fix)
    } else {
        Finding::ok(CHECK, what)
    }
}

impl SyncRate {
    fn in_a_second(&self) -> u32 {
        let micros = self.took.as_micros().max(1);
        u32::try_from(u128::from(self.syncs).saturating_mul(1_000_000) / micros).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_warned_about_and_none_is_a_failure() {
        let judge = |free, medium| judge_space(Path::new("/var"), &DiskFacts { free, medium }).outcome.as_str();
        assert_eq!(judge(LITTLE, Medium::Disk), "ok");
        assert_eq!(judge(LITTLE - 1, Medium::Disk), "warning");
        assert_eq!(judge(NONE - 1, Medium::Disk), "failed");
        assert_eq!(judge(LITTLE, Medium::ReadOnly), "failed");
    }

    #[test]
    fn a_slow_disk_and_one_that_forgets_are_seen() {
        let judge =
            |medium, syncs| judge_syncs(Path::new("/var"), medium, &SyncRate { syncs, took: Duration::from_secs(1) });
        assert_eq!(judge(Medium::Disk, 250).outcome.as_str(), "ok");
        assert!(judge(Medium::Disk, 250).what.contains("250 syncs a second, 4.0 ms each"));
        assert!(judge(Medium::Disk, 250).what.contains("waits 32 ms"));
        assert_eq!(judge(Medium::Disk, 49).outcome.as_str(), "warning");
        assert_eq!(judge(Medium::Disk, 4).outcome.as_str(), "failed");
        assert_eq!(judge(Medium::Memory, 100_000).outcome.as_str(), "failed");
        assert_eq!(
            judge_syncs(Path::new("/"), Medium::Disk, &SyncRate { syncs: 0, took: LONGEST }).outcome.as_str(),
            "failed"
        );
    }

    #[test]
    fn measuring_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        assert!(measure(folder.path()).unwrap().syncs > 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(look_at(folder.path()).unwrap().free > 0);
    }
}
