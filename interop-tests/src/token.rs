//! A SoftHSM token in a folder of its own.
//!
//! SoftHSM reads where its tokens are from an environment variable, once for each process. So a test that needs a token runs
//! itself again as a child that has the variable, and lives with what comes of it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use pki::key::{Access, Locator, OpenError, OpenKey, Pkcs11Uri};

/// What says to a child of a test where its token is.
const FOLDER: &str = "SZTP_TEST_TOKEN";
/// SoftHSM's own variable.
pub const CONFIGURATION: &str = "SOFTHSM2_CONF";
/// The token's label.
pub const LABEL: &str = "The Owner";
/// The PIN of whoever uses keys.
pub const PIN: &str = "2718281828";

/// A token, whose process has SoftHSM's variable set.
#[derive(Debug)]
pub struct Token {
    /// Everything that belongs to it; deleted with it.
    pub folder: PathBuf,
}

impl Token {
    /// Runs `test`, which is the test of this name, in a child with a new token.
    ///
    /// # Panics
    /// When the test fails.
    pub fn with(name: &str, test: impl FnOnce(&Self)) {
        if let Some(folder) = env::var_os(FOLDER) {
            return test(&Self { folder: folder.into() });
        }
        let home = tempfile::tempdir().unwrap();
        let token = Self::make(home.path());
        let mut child = Command::new(env::current_exe().unwrap());
        child.args([name, "--exact", "--nocapture", "--test-threads=1"]);
        child.env(FOLDER, &token.folder).env(CONFIGURATION, token.configuration());
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// A new token in this folder, for programs that are started with [`Token::configuration`] in [`CONFIGURATION`].
    ///
    /// # Panics
    /// When softhsm2-util does not make it.
    #[must_use]
    pub fn make(folder: &Path) -> Self {
        let token = Self { folder: folder.to_owned() };
        fs::create_dir_all(folder.join("tokens")).unwrap();
        let configuration = format!("directories.tokendir = {}\nlog.level = ERROR\n", folder.join("tokens").display());
        fs::write(token.configuration(), configuration).unwrap();
        token.write_pin(PIN);
        token.run("softhsm2-util", &["--init-token", "--free", "--label", LABEL, "--so-pin", "31415926", "--pin", PIN]);
        token
    }

    /// SoftHSM's configuration file.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// The file of the PIN.
    #[must_use]
    pub fn pin_file(&self) -> PathBuf {
        self.folder.join("pin")
    }

    /// Says another PIN.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write_pin(&self, pin: &str) {
        fs::write(self.pin_file(), format!("{pin}\n")).unwrap();
        fs::set_permissions(self.pin_file(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Where SoftHSM's library is.
    ///
    /// # Panics
    /// When it is nowhere.
    #[must_use]
    pub fn module() -> PathBuf {
        let places =
            ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/lib/pkcs11/libsofthsm2.so"];
        places.iter().map(PathBuf::from).find(|path| path.exists()).expect("the library of softhsm2")
    }

    /// The URI of the key with this label.
    #[must_use]
    pub fn uri(&self, object: &str) -> String {
        format!(
            "pkcs11:token=The%20Owner;object={object}?module-path={}&pin-source={}",
            Self::module().display(),
            self.pin_file().display()
        )
    }

    /// The same, read.
    ///
    /// # Panics
    /// When it cannot be.
    #[must_use]
    pub fn parsed(&self, object: &str) -> Pkcs11Uri {
        self.uri(object).parse().unwrap()
    }

    /// Opens the key with this label.
    ///
    /// # Errors
    /// As [`Locator::open`].
    ///
    /// # Panics
    /// When the URI cannot be read.
    pub fn open(&self, object: &str) -> Result<OpenKey, OpenError> {
        self.uri(object).parse::<Locator>().unwrap().open(&Access::default())
    }

    /// Runs a program on the token.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder).env(CONFIGURATION, self.configuration());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{program} {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// Runs pkcs11-tool on the token, logged in.
    pub fn pkcs11_tool(&self, arguments: &[&str]) -> String {
        let module = Self::module();
        let before = ["--module", module.to_str().unwrap_or_default(), "--token-label", LABEL, "--login", "--pin", PIN];
        self.run("pkcs11-tool", &[&before[..], arguments].concat())
    }
}
