//! PostgreSQL clusters of tests: each in a temporary folder, reached through a socket in it and through nothing else.

#![allow(clippy::panic, clippy::unwrap_used, reason = "test support")]

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bootstrap_server::store::Location;

use crate::peer::Missing;

/// A cluster that runs.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: tempfile::TempDir,
    keeper: Child,
    /// While it is open, the cluster runs: it closes with this process, however that ends.
    lifeline: Option<ChildStdin>,
    databases: AtomicU32,
}

/// The superuser of each cluster.
const SUPERUSER: &str = "postgres";
/// How long a cluster may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

impl Cluster {
    /// The one that the tests of a program share.
    ///
    /// # Errors
    /// [`Missing`] when PostgreSQL is not installed.
    ///
    /// # Panics
    /// When it is and does not start.
    pub fn shared() -> Result<&'static Self, Missing> {
        static SHARED: OnceLock<Result<Cluster, Missing>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[])).as_ref().map_err(|missing| *missing)
    }

    /// A cluster of its own, with these settings.
    ///
    /// # Errors
    /// [`Missing`] when PostgreSQL is not installed.
    ///
    /// # Panics
    /// When it is and does not start.
    pub fn start(settings: &[&str]) -> Result<Self, Missing> {
        let programs = programs().ok_or(Missing { program: "postgres" })?;
        let started = Self::start_with(programs, settings);
        Ok(started.unwrap_or_else(|error| panic!("PostgreSQL does not start: {error}")))
    }

    fn start_with(programs: PathBuf, settings: &[&str]) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("sztp-pg").tempdir()?;
        if is_root()? {
            let user = |flag: &str| -> io::Result<u32> {
                let output = Command::new("id").args([flag, SUPERUSER]).output()?;
                String::from_utf8_lossy(&output.stdout).trim().parse().map_err(io::Error::other)
            };
            chown(folder.path(), Some(user("-u")?), Some(user("-g")?))?;
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))?;
        let data = folder.path().join("data");
        let mut initdb = unprivileged(&programs.join("initdb"))?;
        initdb.args(["-N", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", SUPERUSER, "-D"]).arg(&data);
        let output = initdb.current_dir("/").stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let mut cluster = Self {
            programs,
            keeper: Command::new("true").spawn()?,
            lifeline: None,
            databases: AtomicU32::new(0),
            folder,
        };
        cluster.run(settings)?;
        Ok(cluster)
    }

    /// Starts the server, after [`Cluster::crash`] once more.
    ///
    /// # Errors
    /// When it does not start.
    pub fn run(&mut self, settings: &[&str]) -> io::Result<()> {
        let log = fs::File::create(self.folder.path().join("log"))?;
        // The shell ends the server when its own input ends, and cleans up behind a process that can no longer do it.
        let script = "gone=$1; shift; \"$@\" & server=$!; read -r _; kill -INT $server; wait $server; \
             [ -d /proc/$gone ] || rm -rf \"$SZTP_FOLDER\"";
        let mut command = unprivileged(Path::new("sh"))?;
        command.env("SZTP_FOLDER", self.folder.path());
        command
            .args(["-c", script, "sh"])
            .arg(std::process::id().to_string())
            .arg(self.programs.join("postgres"))
            .arg("-D")
            .arg(self.data());
        command.arg("-k").arg(self.folder.path()).args(["-c", "listen_addresses=", "-c", "max_connections=200"]);
        // Several clusters run at once on disks that may be small.
        command.args(["-c", "min_wal_size=32MB", "-c", "max_wal_size=128MB"]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        command.current_dir("/").stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        self.keeper.wait()?;
        self.keeper = command.spawn()?;
        self.lifeline = self.keeper.stdin.take();
        let deadline = Instant::now() + PATIENCE;
        while !self.ask("postgres", "SELECT 1").is_ok_and(|answer| answer.trim() == "1") {
            if Instant::now() > deadline || self.keeper.try_wait()?.is_some() {
                let log = fs::read_to_string(self.folder.path().join("log"))?;
                return Err(io::Error::other(log));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Stops the server as a crash does: at once, without writing anything.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn crash(&mut self) -> io::Result<()> {
        let mut stop = unprivileged(&self.programs.join("pg_ctl"))?;
        stop.args(["stop", "-m", "immediate", "-w", "-D"]).arg(self.data()).current_dir("/").stdout(Stdio::null());
        let stopped = stop.status()?;
        self.lifeline = None;
        self.keeper.wait()?;
        if stopped.success() { Ok(()) } else { Err(io::Error::other("pg_ctl stop")) }
    }

    /// Makes an empty database.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn database(&self) -> Location {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.ask("postgres", &format!("CREATE DATABASE {name}")).unwrap();
        self.location(&name)
    }

    /// Where a database of this cluster is.
    #[must_use]
    pub fn location(&self, database: &str) -> Location {
        let folder = self.folder.path().display();
        Location::Postgres(format!("postgres:///{database}?host={folder}&user={SUPERUSER}"))
    }

    /// Runs one statement with `psql` and gives what it shows.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn ask(&self, database: &str, statement: &str) -> io::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER, "-d", database, "-c", statement]);
        let output = psql.arg("-h").arg(self.folder.path()).stdin(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.lifeline = None;
        let _ended = self.keeper.wait();
    }
}

/// The name of a database in an address that [`Cluster::location`] gave.
///
/// # Panics
/// For any other location.
#[must_use]
pub fn name(location: &Location) -> String {
    let Location::Postgres(url) = location else { panic!("{location} is a file") };
    url.trim_start_matches("postgres:///").split('?').next().unwrap_or_default().to_owned()
}

/// The folder with the programs of the newest release that is installed.
fn programs() -> Option<PathBuf> {
    let releases = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let folders = releases.filter_map(|release| {
        let number: u32 = release.file_name().to_str()?.parse().ok()?;
        let folder = release.path().join("bin");
        folder.join("initdb").is_file().then_some((number, folder))
    });
    folders.max().map(|(_, folder)| folder)
}

fn is_root() -> io::Result<bool> {
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

/// PostgreSQL does not run as root.
fn unprivileged(program: &Path) -> io::Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("runuser");
    command.args(["-u", SUPERUSER, "--"]).arg(program);
    Ok(command)
}
