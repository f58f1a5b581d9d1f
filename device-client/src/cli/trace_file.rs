//! Where `--trace` goes.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use device_client::Record;

/// One JSON object a line, each out of this process before the device acts on it.
#[derive(Debug)]
pub(super) enum TraceFile {
    /// Nobody wants it.
    None,
    /// A file, appended to.
    File(File),
    /// Standard output.
    StandardOutput,
}

impl TraceFile {
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        match path {
            None => Ok(Self::None),
            Some(path) if path == Path::new("-") => Ok(Self::StandardOutput),
            Some(path) => OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(Self::File),
        }
    }

    /// Writes one line. A trace that cannot be written does not keep a device from bootstrapping.
    pub(super) fn write(&mut self, record: &Record) {
        let Ok(mut line) = serde_json::to_vec(record) else { return };
        line.push(b'\n');
        let written = match self {
            Self::None => Ok(()),
            Self::File(file) => file.write_all(&line),
            Self::StandardOutput => {
                let mut out = io::stdout().lock();
                out.write_all(&line).and_then(|()| out.flush())
            }
        };
        if let Err(error) = written {
            super::output::complain(&format!("the trace cannot be written: {error}"));
            *self = Self::None;
        }
    }
}
