//! A disk that keeps apart what is durable and what is not.
//!
//! When power is cut, content that was written and not synced may be lost, or be there in part, or be there with other octets in
//! it; changes to a folder that was not synced may or may not have happened, each by itself. No real file system is as unkind in
//! all of this at once, so what survives here survives on ext4, f2fs and UBIFS.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, io,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::storage::{Disk, DiskFile, Entry, Open};

/// An operation that changes the disk, or makes a change durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiskStep {
    /// A new file or folder gets its name.
    Create,
    /// A file is emptied or shortened.
    Truncate,
    /// Octets are written.
    Append,
    /// A file's octets are made durable.
    SyncFile,
    /// A folder's names are made durable.
    SyncFolder,
    /// A file gets another name.
    Rename,
    /// A name is removed.
    Remove,
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Done,
    /// It fails; of octets to be written, the first half is.
    Fails(io::ErrorKind),
    /// There is no power: nothing is done.
    Dark,
}

/// A simulated disk. Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

struct State {
    /// The first one is the root folder.
    nodes: Vec<Node>,
    oracle: Box<dyn FnMut(DiskStep) -> Fate + Send>,
}

enum Node {
    File(FileNode),
    Folder(FolderNode),
}

/// A file's octets.
#[derive(Default)]
struct FileNode {
    now: Vec<u8>,
    /// What they were before each change since the last sync; the first is what is durable. Empty when nothing changed.
    past: Vec<Vec<u8>>,
    mode: u32,
    /// From here on a sync failed: what is there may never become durable, whatever later ones say.
    unsure_from: Option<usize>,
}

/// A folder's names.
#[derive(Clone, Default)]
struct FolderNode {
    now: BTreeMap<OsString, usize>,
    durable: BTreeMap<OsString, usize>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Named(OsString, usize),
    Moved(OsString, OsString, usize),
    Gone(OsString),
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDisk").finish_non_exhaustive()
    }
}

impl SimulatedDisk {
    /// An empty disk. `oracle` decides what becomes of each operation that changes it.
    pub fn new(oracle: impl FnMut(DiskStep) -> Fate + Send + 'static) -> Self {
        let root = Node::Folder(FolderNode::default());
        Self(Arc::new(Mutex::new(State { nodes: vec![root], oracle: Box::new(oracle) })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Power is cut and comes back: of what is not durable, `choose` decides what is left. It gets a number and gives one below
    /// it; giving 0 each time loses everything that can be lost, giving the highest keeps everything.
    pub fn lose(&self, choose: &mut dyn FnMut(usize) -> usize) {
        for node in &mut self.state().nodes {
            match node {
                Node::File(file) => file.lose(choose),
                Node::Folder(folder) => folder.lose(choose),
            }
        }
    }

    /// Every file with its octets, as a process sees them now.
    #[must_use]
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        let mut files = BTreeMap::new();
        let mut folders = vec![(PathBuf::from("/"), 0)];
        while let Some((path, id)) = folders.pop() {
            let Some(Node::Folder(folder)) = state.nodes.get(id) else { continue };
            for (name, id) in &folder.now {
                match state.nodes.get(*id) {
                    Some(Node::File(file)) => drop(files.insert(path.join(name), file.now.clone())),
                    _ => folders.push((path.join(name), *id)),
                }
            }
        }
        files
    }
}

impl State {
    fn step(&mut self, step: DiskStep) -> io::Result<()> {
        match (self.oracle)(step) {
            Fate::Done => Ok(()),
            Fate::Fails(kind) => Err(kind.into()),
            Fate::Dark => Err(io::Error::other("power is cut")),
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let mut id = 0;
        for component in path.components() {
            let Component::Normal(name) = component else { continue };
            let Some(Node::Folder(folder)) = self.nodes.get(id) else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            id = *folder.now.get(name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(id)
    }

    fn folder(&mut self, path: &Path) -> io::Result<&mut FolderNode> {
        let id = self.find(path)?;
        match self.nodes.get_mut(id) {
            Some(Node::Folder(folder)) => Ok(folder),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// The folder around a path, and the path's name in it.
    fn around(&mut self, path: &Path) -> io::Result<(&mut FolderNode, OsString)> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok((self.folder(folder)?, name.to_owned()))
    }

    fn file(&mut self, id: usize) -> io::Result<&mut FileNode> {
        match self.nodes.get_mut(id) {
            Some(Node::File(file)) => Ok(file),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn create(&mut self, path: &Path, node: Node) -> io::Result<usize> {
        self.around(path)?;
        self.step(DiskStep::Create)?;
        let id = self.nodes.len();
        self.nodes.push(node);
        let (folder, name) = self.around(path)?;
        folder.change(Change::Named(name, id));
        Ok(id)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.step(DiskStep::Remove)?;
        let (folder, name) = self.around(path)?;
        folder.change(Change::Gone(name));
        Ok(())
    }
}

impl FolderNode {
    fn change(&mut self, change: Change) {
        apply(&mut self.now, &change);
        self.pending.push(change);
    }

    fn lose(&mut self, choose: &mut dyn FnMut(usize) -> usize) {
        for change in std::mem::take(&mut self.pending) {
            if choose(2) == 1 {
                apply(&mut self.durable, &change);
            }
        }
        self.now.clone_from(&self.durable);
    }
}

fn apply(names: &mut BTreeMap<OsString, usize>, change: &Change) {
    match change {
        Change::Named(name, id) => drop(names.insert(name.clone(), *id)),
        Change::Gone(name) => drop(names.remove(name)),
        Change::Moved(from, to, id) => {
            if names.get(from) == Some(id) {
                names.remove(from);
            }
            names.insert(to.clone(), *id);
        }
    }
}

impl FileNode {
    fn change(&mut self, now: Vec<u8>) {
        self.past.push(std::mem::replace(&mut self.now, now));
    }

    fn truncate(&mut self, length: usize) {
        self.unsure_from.take_if(|from| *from >= length);
        self.change(self.now.get(..length).unwrap_or(&self.now).to_vec());
    }

    /// How many octets were the same all the time since the last sync, as far as the state `upto`.
    fn stable(&self, upto: usize) -> usize {
        let states: Vec<&Vec<u8>> = self.past.iter().chain([&self.now]).take(upto.saturating_add(1)).collect();
        let Some(first) = states.first() else { return 0 };
        let common = |state: &&Vec<u8>| first.iter().zip(state.iter()).take_while(|(one, other)| one == other).count();
        let stable = states.iter().map(common).min().unwrap_or(0);
        self.unsure_from.map_or(stable, |from| stable.min(from))
    }

    fn lose(&mut self, choose: &mut dyn FnMut(usize) -> usize) {
        let which = choose(self.past.len().saturating_add(1));
        let stable = self.stable(which);
        let mut content = self.past.get(which).unwrap_or(&self.now).clone();
        let length = content.len();
        let tail = length.saturating_sub(stable);
        if tail > 0 {
            let from = stable.saturating_add(choose(tail));
            match choose(4) {
                0 => content.truncate(from),
                // The file has its new length, and the octets did not arrive.
                1 => content.iter_mut().skip(from).for_each(|octet| *octet = 0),
                2 => content.iter_mut().skip(from).for_each(|octet| *octet ^= 0x5a),
                _ => {}
            }
        }
        *self = Self { now: content, past: Vec::new(), mode: self.mode, unsure_from: None };
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let found = match state.find(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => Some(found?),
        };
        let id = match (found, how) {
            (Some(id), Open::Read | Open::Append) => id,
            (Some(id), Open::Anew { .. }) => {
                state.step(DiskStep::Truncate)?;
                state.file(id)?.truncate(0);
                id
            }
            (None, Open::Read) => return Err(io::ErrorKind::NotFound.into()),
            (None, Open::Append) => state.create(path, Node::File(FileNode { mode: 0o600, ..FileNode::default() }))?,
            (None, Open::Anew { mode }) => state.create(path, Node::File(FileNode { mode, ..FileNode::default() }))?,
        };
        state.file(id)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), id }))
    }

    fn entry(&self, path: &Path) -> io::Result<Option<Entry>> {
        let state = self.state();
        match state.find(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(id) => Ok(state.nodes.get(id).map(|node| match node {
                Node::File(file) => Entry { is_folder: false, mode: file.mode },
                Node::Folder(_) => Entry { is_folder: true, mode: 0o700 },
            })),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.state().folder(folder)?.now.keys().map(|name| folder.join(name)).collect())
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.find(folder).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.create(folder, Node::Folder(FolderNode::default())).map(drop)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if from.parent() != to.parent() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut state = self.state();
        let id = state.find(from)?;
        state.step(DiskStep::Rename)?;
        let (_, new) = state.around(to)?;
        let (folder, old) = state.around(from)?;
        folder.change(Change::Moved(old, new, id));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let id = state.find(path)?;
        state.file(id)?;
        state.remove(path)
    }

    fn remove_tree(&self, folder: &Path) -> io::Result<()> {
        for path in self.list(folder)? {
            match self.entry(&path)? {
                Some(Entry { is_folder: true, .. }) => self.remove_tree(&path)?,
                _ => self.remove_file(&path)?,
            }
        }
        self.state().remove(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.folder(folder)?;
        state.step(DiskStep::SyncFolder)?;
        let folder = state.folder(folder)?;
        folder.pending.clear();
        folder.durable.clone_from(&folder.now);
        Ok(())
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    id: usize,
}

impl DiskFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        Ok(crate::storage::octets(&self.disk.state().file(self.id)?.now))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = state.file(self.id)?.now.get(offset..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(read)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let outcome = state.step(DiskStep::Append);
        let written = match &outcome {
            Ok(()) => bytes,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                bytes.get(..bytes.len() / 2).unwrap_or_default()
            }
            Err(_) => return outcome,
        };
        let file = state.file(self.id)?;
        let now = [file.now.as_slice(), written].concat();
        file.change(now);
        outcome
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.step(DiskStep::Truncate)?;
        state.file(self.id)?.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        let outcome = state.step(DiskStep::SyncFile);
        let file = state.file(self.id)?;
        match &outcome {
            Ok(()) => file.past.clear(),
            // What the system could not write it does not try to write again.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                let stable = file.stable(file.past.len());
                file.unsure_from = (stable < file.now.len()).then_some(stable);
                file.past.clear();
            }
            Err(_) => {}
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                if step == DiskStep::SyncFile && syncs == 1 {
                    Fate::Fails(io::ErrorKind::StorageFull)
                } else {
                    Fate::Done
                }
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
}
