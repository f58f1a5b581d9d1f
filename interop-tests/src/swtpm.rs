//! A TPM of software, and the tools of the TCG's stack to talk to it: each test has its own.

use std::{
    fs, io,
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pki::key::TpmAddress;
use tempfile::TempDir;

use crate::peer::{Peer, PeerError};

/// How long an emulator may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `swtpm` with a state of its own. It ends, and everything of it goes, when this is dropped.
#[derive(Debug)]
pub struct SwTpm {
    process: Child,
    folder: TempDir,
    tools: Peer,
    program: Peer,
}

impl SwTpm {
    /// Starts an emulator as a machine's firmware would.
    ///
    /// # Errors
    /// [`PeerError`] when it does not begin.
    pub fn start(program: Peer, tools: Peer) -> Result<Self, PeerError> {
        let folder = tempfile::tempdir().map_err(|source| PeerError::File { path: std::env::temp_dir(), source })?;
        let process = spawn(&program, folder.path())?;
        let tpm = Self { process, folder, tools, program };
        tpm.wait()?;
        Ok(tpm)
    }

    /// Switches it off and on again: what is not persistent is gone.
    ///
    /// # Errors
    /// As [`SwTpm::start`].
    pub fn restart(&mut self) -> Result<(), PeerError> {
        self.end();
        let _it_may_have_removed_its_own = fs::remove_file(self.folder.path().join("data"));
        self.process = spawn(&self.program, self.folder.path())?;
        self.wait()
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> TpmAddress {
        TpmAddress::Path(self.folder.path().join("data"))
    }

    /// A folder for files, in which the tools run.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs one of tpm2-tools inside the folder, such as `tpm2_clear`, and gives what it writes to standard output.
    ///
    /// # Errors
    /// As [`Peer::run`].
    pub fn tool(&self, arguments: &[&str]) -> Result<Vec<u8>, PeerError> {
        let name = arguments.first().copied().unwrap_or_default().trim_start_matches("tpm2_");
        let way = "cmd:socat - UNIX-CONNECT:data";
        let rest = arguments.get(1..).unwrap_or_default();
        self.tools.run(self.folder.path(), &[&[name, "-Q", "-T", way], rest].concat())
    }

    /// What a tool writes, as text.
    ///
    /// # Errors
    /// As [`SwTpm::tool`].
    pub fn ask(&self, arguments: &[&str]) -> Result<String, PeerError> {
        let name = arguments.first().copied().unwrap_or_default().trim_start_matches("tpm2_");
        let rest = arguments.get(1..).unwrap_or_default();
        let all = [&[name, "-T", "cmd:socat - UNIX-CONNECT:data"], rest].concat();
        self.tools.run(self.folder.path(), &all).map(|out| String::from_utf8_lossy(&out).into_owned())
    }

    /// Reads a file of the folder.
    ///
    /// # Errors
    /// [`PeerError::File`].
    pub fn read(&self, name: &str) -> Result<Vec<u8>, PeerError> {
        let path = self.folder.path().join(name);
        fs::read(&path).map_err(|source| PeerError::File { path, source })
    }

    /// Writes a file into the folder.
    ///
    /// # Errors
    /// [`PeerError::File`].
    pub fn write(&self, name: &str, octets: &[u8]) -> Result<(), PeerError> {
        let path = self.folder.path().join(name);
        fs::write(&path, octets).map_err(|source| PeerError::File { path, source })
    }

    fn wait(&self) -> Result<(), PeerError> {
        let data = self.folder.path().join("data");
        let deadline = Instant::now() + PATIENCE;
        // Its name is there before anybody listens.
        while UnixStream::connect(&data).is_err() {
            if Instant::now() > deadline {
                return Err(PeerError::File { path: data, source: io::ErrorKind::TimedOut.into() });
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn end(&mut self) {
        let _it_may_have_ended = self.process.kill();
        let _nobody_asks = self.process.wait();
    }
}

impl Drop for SwTpm {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn(program: &Peer, folder: &Path) -> Result<Child, PeerError> {
    let mut command = Command::new(program.path());
    command.args(["socket", "--tpm2", "--tpmstate", "dir=.", "--server", "type=unixio,path=data"]);
    command.args(["--flags", "not-need-init,startup-clear"]);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|source| PeerError::Start { path: program.path().to_owned(), source })
}

/// An emulator and tools for the test it stands in, which is skipped without them.
#[macro_export]
macro_rules! need_tpm {
    () => {{
        let (swtpm, tools, _way) = ($crate::need!("swtpm"), $crate::need!("tpm2"), $crate::need!("socat"));
        $crate::swtpm::SwTpm::start(swtpm, tools).expect("swtpm starts")
    }};
}
