//! What the system lets this process have.

use rustix::process::{Resource, getrlimit};

use super::Finding;

/// Open files that the server can make use of: its most connections, twice, since an image is a file beside its
/// connection, and some for the store.
const USEFUL: u64 = 8448;
/// Open files without which nothing else works.
const NEEDED: u64 = 512;

/// The soft limit on open files; `None` means that there is none.
pub(super) fn open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

pub(super) fn judge(open_files: Option<u64>) -> Finding {
    const CHECK: &str = "open-files";
    let why = "Each connection of a device takes one, and a second while it fetches an image: the rest has to wait.";
    let fix = "systemctl edit sztp   # [Service] LimitNOFILE=16384; in a shell: ulimit -n 16384";
    match open_files {
        None => Finding::ok(CHECK, "without a limit"),
        Some(files) if files < NEEDED => Finding::failed(CHECK, format!("{files} files may be open"), why, fix),
        Some(files) if files < USEFUL => {
            Finding::warning(CHECK, format!("{files} files may be open, {USEFUL} can be used"), why, fix)
        }
        Some(files) => Finding::ok(CHECK, format!("{files} files may be open")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_open_files_are_seen() {
        let judge = |files| judge(files).outcome.as_str();
        assert_eq!(
            [judge(None), judge(Some(16_384)), judge(Some(1024)), judge(Some(64))],
            ["ok", "ok", "warning", "failed"]
        );
    }
}
