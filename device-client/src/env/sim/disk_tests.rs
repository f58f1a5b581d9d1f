//! What a simulated disk loses and keeps.

use verdict::Digest;

use super::*;
use crate::{journal::Journal, machine::Fact};

fn disk() -> SimulatedDisk {
    SimulatedDisk::new(|_| Fate::Done)
}

fn lose_all(disk: &SimulatedDisk) {
    disk.lose(&mut |_| 0);
}

fn read(disk: &SimulatedDisk, path: &str) -> Option<Vec<u8>> {
    disk.read_bounded(path.as_ref(), 1000).unwrap()
}

#[test]
fn what_was_not_synced_is_lost_and_what_was_is_kept() {
    let disk = disk();
    let mut file = disk.open("/a".as_ref(), Open::Append).unwrap();
    file.append(b"one").unwrap();
    file.sync().unwrap();
    // The name was not.
    lose_all(&disk);
    assert_eq!(read(&disk, "/a"), None);
    let mut file = disk.open("/a".as_ref(), Open::Append).unwrap();
    file.append(b"one").unwrap();
    file.sync().unwrap();
    disk.sync_folder("/".as_ref()).unwrap();
    file.append(b"two").unwrap();
    assert_eq!(read(&disk, "/a").as_deref(), Some(&b"onetwo"[..]));
    lose_all(&disk);
    assert_eq!(read(&disk, "/a").as_deref(), Some(&b"one"[..]));
}

#[test]
fn a_tail_may_be_torn_anywhere_and_what_is_durable_never_changes() {
    for seed in 0..200_usize {
        let disk = disk();
        disk.replace("/a".as_ref(), b"durable").unwrap();
        disk.open("/a".as_ref(), Open::Append).unwrap().append(b"tail").unwrap();
        let mut state = seed;
        disk.lose(&mut |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        });
        let left = read(&disk, "/a").unwrap();
        assert!(left.starts_with(b"durable") && left.len() <= 11, "{left:?}");
    }
}

#[test]
fn a_replaced_file_is_the_old_or_the_new_one_whatever_is_lost() {
    for kept in 0..2 {
        let disk = disk();
        disk.replace("/a".as_ref(), b"old").unwrap();
        let mut file = disk.open("/a.new".as_ref(), Open::Anew { mode: 0o600 }).unwrap();
        file.append(b"new").unwrap();
        file.sync().unwrap();
        disk.rename("/a.new".as_ref(), "/a".as_ref()).unwrap();
        disk.lose(&mut |below| if kept == 1 { below - 1 } else { 0 });
        let expected: &[u8] = if kept == 1 { b"new" } else { b"old" };
        assert_eq!(read(&disk, "/a").as_deref(), Some(expected));
    }
}

#[test]
fn sec_13_a_replacement_that_fails_leaves_the_old_file_and_no_other() {
    for failing in [DiskStep::Append, DiskStep::SyncFile, DiskStep::Rename] {
        let is_full = Arc::new(Mutex::new(false));
        let oracle = Arc::clone(&is_full);
        let disk = SimulatedDisk::new(move |step| match *oracle.lock().unwrap() && step == failing {
            true => Fate::Fails(io::ErrorKind::StorageFull),
            false => Fate::Done,
        });
        disk.replace("/a".as_ref(), b"old").unwrap();
        *is_full.lock().unwrap() = true;
        disk.replace("/a".as_ref(), b"secret").unwrap_err();
        let left: Vec<_> = disk.files().into_iter().collect();
        assert_eq!(left, [(PathBuf::from("/a"), b"old".to_vec())], "{failing:?}");
    }
}

#[test]
fn after_a_sync_that_failed_a_later_one_makes_nothing_durable_that_was_written_before() {
    let disk = SimulatedDisk::new({
        let mut syncs = 0;
        move |step| {
            syncs += usize::from(step == DiskStep::SyncFile);
            if step == DiskStep::SyncFile && syncs == 1 { Fate::Fails(io::ErrorKind::StorageFull) } else { Fate::Done }
        }
    });
    let mut file = disk.open("/a".as_ref(), Open::Append).unwrap();
    disk.sync_folder("/".as_ref()).unwrap();
    file.append(b"one").unwrap();
    file.sync().unwrap_err();
    file.sync().unwrap();
    lose_all(&disk);
    assert_eq!(read(&disk, "/a").as_deref(), Some(&b""[..]));
}

#[test]
fn a_folder_that_was_removed_may_come_back() {
    let disk = disk();
    disk.create_private_folder("/a/b".as_ref()).unwrap();
    disk.replace("/a/b/c".as_ref(), b"x").unwrap();
    disk.remove_tree("/a/b".as_ref()).unwrap();
    assert!(disk.files().is_empty());
    lose_all(&disk);
    assert_eq!(disk.files().len(), 1);
    disk.remove_tree("/a/b".as_ref()).unwrap();
    disk.sync_folder("/a".as_ref()).unwrap();
    lose_all(&disk);
    assert!(disk.files().is_empty());
}

/// Found by seed 7568 of the power-cut harness: the next attempt, in the same boot, reads what a failed sync left, and what it
/// wrote behind that was gone with the power.
#[test]
fn a_fact_whose_sync_failed_takes_no_later_fact_with_it() {
    let disk = SimulatedDisk::new({
        let mut syncs = 0;
        move |step| {
            syncs += usize::from(step == DiskStep::SyncFile);
            if step == DiskStep::SyncFile && syncs == 2 { Fate::Fails(io::ErrorKind::StorageFull) } else { Fate::Done }
        }
    });
    let path = "/state.journal".as_ref();
    let image = |number| Fact::Installed { image: Digest([number; 32]) };
    let mut journal = Journal::open(&disk, path).unwrap();
    journal.append(image(1)).unwrap();
    journal.append(image(2)).unwrap_err();
    let mut journal = Journal::open(&disk, path).unwrap();
    journal.append(image(3)).unwrap();
    drop(journal);
    lose_all(&disk);
    let journal = Journal::open(&disk, path).unwrap();
    let installs = [1, 2, 3].map(|number| journal.history().installs(&Digest([number; 32])));
    assert_eq!(installs, [1, 0, 1]);
}
