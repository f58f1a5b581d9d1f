//! Writing a capture while a machine runs.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde_json::Value;

use super::{
    MAX_WRITTEN, VERSION,
    describe::describe,
    event::EventLine,
    line::{Line, NOTICE},
    policy::PolicyLine,
};
use crate::machine::{Event, Moment, Policy, Situation, Step};

/// Room that the last line needs.
const RESERVE: u64 = 256;

/// A capture that is being written.
#[derive(Debug)]
pub(crate) struct CaptureWriter<W> {
    file: W,
    left: u64,
    /// Whether something was left out, after which nothing may follow.
    is_cut: bool,
}

impl CaptureWriter<File> {
    /// Begins a capture: a new file that nobody else may read, in place of one that is there.
    pub(crate) fn create(path: &Path, policy: &Policy) -> io::Result<Self> {
        // What is no file stays: a device, or a link that somebody laid.
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
            fs::remove_file(path)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Self::begin(file, policy)
    }
}

impl<W: Write> CaptureWriter<W> {
    /// Begins a capture.
    pub(crate) fn begin(file: W, policy: &Policy) -> io::Result<Self> {
        let mut writer = Self { file, left: MAX_WRITTEN, is_cut: false };
        let agent = concat!("sztp-device/", env!("CARGO_PKG_VERSION")).to_owned();
        writer.write(&Line::Header { version: VERSION, notice: NOTICE.to_owned(), agent })?;
        writer.write(&Line::Policy(Box::new(PolicyLine::from(policy))))?;
        Ok(writer)
    }

    /// An attempt begins.
    pub(crate) fn attempt(&mut self, situation: &Situation) -> io::Result<()> {
        self.write(&Line::Attempt(situation.into()))
    }

    /// The machine is told this; nothing when it is started.
    pub(crate) fn told(&mut self, now: Moment, event: Option<&Event>) -> io::Result<()> {
        self.write(&Line::Told { now: now.into(), event: event.map(EventLine::from) })
    }

    /// The machine decided this.
    pub(crate) fn decided(&mut self, step: &Step) -> io::Result<()> {
        let records = step.records.iter().map(serde_json::to_value).collect::<Result<Vec<Value>, _>>()?;
        self.write(&Line::Decided { records, action: describe(&step.action) })
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        if self.is_cut {
            return Ok(());
        }
        let mut octets = serde_json::to_vec(line)?;
        octets.push(b'\n');
        let length = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        match self.left.checked_sub(length).filter(|left| *left >= RESERVE) {
            Some(left) => self.left = left,
            None => {
                self.is_cut = true;
                let why = format!("a capture holds no more than {MAX_WRITTEN} octets");
                octets = serde_json::to_vec(&Line::Cut { why })?;
                octets.push(b'\n');
            }
        }
        self.file.write_all(&octets)
    }

    #[cfg(test)]
    pub(crate) fn into_inner(self) -> W {
        self.file
    }
}
