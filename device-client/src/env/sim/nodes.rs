//! What a simulated disk is made of: what is now, and what is durable.

use std::{collections::BTreeMap, ffi::OsString};

/// A file or a folder.
pub(super) enum Node {
    File(FileNode),
    Folder(FolderNode),
}

/// A file's octets.
#[derive(Default)]
pub(super) struct FileNode {
    pub(super) now: Vec<u8>,
    /// What they were before each change since the last sync; the first is what is durable. Empty when nothing changed.
    pub(super) past: Vec<Vec<u8>>,
    pub(super) mode: u32,
    /// From here on a sync failed: what is there may never become durable, whatever later ones say.
    pub(super) unsure_from: Option<usize>,
}

/// A folder's names.
#[derive(Clone, Default)]
pub(super) struct FolderNode {
    pub(super) now: BTreeMap<OsString, usize>,
    pub(super) durable: BTreeMap<OsString, usize>,
    pub(super) pending: Vec<Change>,
}

/// A change to a folder's names.
#[derive(Clone)]
pub(super) enum Change {
    Named(OsString, usize),
    Moved(OsString, OsString, usize),
    Gone(OsString),
}

impl FolderNode {
    pub(super) fn change(&mut self, change: Change) {
        apply(&mut self.now, &change);
        self.pending.push(change);
    }

    pub(super) fn lose(&mut self, choose: &mut dyn FnMut(usize) -> usize) {
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
    pub(super) fn change(&mut self, now: Vec<u8>) {
        self.past.push(std::mem::replace(&mut self.now, now));
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.unsure_from.take_if(|from| *from >= length);
        self.change(self.now.get(..length).unwrap_or(&self.now).to_vec());
    }

    /// How many octets were the same all the time since the last sync, as far as the state `upto`.
    pub(super) fn stable(&self, upto: usize) -> usize {
        let states: Vec<&Vec<u8>> = self.past.iter().chain([&self.now]).take(upto.saturating_add(1)).collect();
        let Some(first) = states.first() else { return 0 };
        let common = |state: &&Vec<u8>| first.iter().zip(state.iter()).take_while(|(one, other)| one == other).count();
        let stable = states.iter().map(common).min().unwrap_or(0);
        self.unsure_from.map_or(stable, |from| stable.min(from))
    }

    pub(super) fn lose(&mut self, choose: &mut dyn FnMut(usize) -> usize) {
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
