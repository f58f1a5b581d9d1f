//! Running a script: in a folder of its own, with a clean environment, for a bounded time, its output bounded (SEC-12).

use std::{
    fmt,
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use conveyed_info::information::Script;
use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use verdict::{ReasonCode, Refusal};

use super::redact::redacted;
use crate::{
    machine::{ScriptEnd, ScriptVerdict},
    storage::{self, Disk, Open},
};

/// Octets of output that are kept: the last ones.
const MAX_OUTPUT: usize = 16 * 1024;

/// The exit code of a soft error (CLI-70).
const WARNING: i32 = 99;

/// How long output is waited for once the script has ended: a process that left its group may hold the pipe.
const DRAIN: Duration = Duration::from_secs(1);

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs programs on a device: the owner's scripts, and the device's own that commit configurations and reboot.
pub trait Programs: fmt::Debug + Send + Sync {
    /// Runs the script whose octets lie at `path`, in the folder around it.
    fn run_script(&self, script: &Script, path: &Path, limit: Duration) -> ScriptEnd;

    /// Runs a program of the device with one more argument and a document as its standard input.
    ///
    /// # Errors
    /// [`ReasonCode::ConfigurationFailed`] when no program is configured.
    fn run_command(
        &self,
        command: &[String],
        argument: &str,
        document: &[u8],
        limit: Duration,
    ) -> Result<ScriptEnd, Refusal>;
}

/// Processes of this system.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinuxPrograms;

/// Runs a script in `folder`, which is made for it and removed with everything in it afterwards (SEC-13). How the
/// script ended counts even where its folder cannot be removed; [`remove_folder`] is tried again later.
///
/// # Errors
/// [`ReasonCode::StorageFailed`] when the script cannot be written. A script that cannot be started is one that failed.
pub fn run(
    disk: &dyn Disk,
    programs: &dyn Programs,
    script: &Script,
    folder: &Path,
    limit: Duration,
) -> Result<ScriptEnd, Refusal> {
    let path = folder.join("script");
    let store = || -> io::Result<()> {
        remove_folder(disk, folder)?;
        disk.create_private_folder(folder)?;
        disk.open(&path, Open::Anew { mode: 0o700 })?.append(&script.0)
    };
    let stored = store().map_err(|error| storage::refusal(folder, &error));
    let end = stored.map(|()| programs.run_script(script, &path, limit));
    drop(remove_folder(disk, folder));
    end
}

/// Runs a program of the device, as it is configured, without input.
///
/// # Errors
/// `unnamed` when no program is configured.
pub fn run_program(command: &[String], limit: Duration, unnamed: ReasonCode) -> Result<ScriptEnd, Refusal> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Refusal::new(unnamed, "no program is configured"));
    };
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(supervise(command, &[], limit))
}

impl Programs for LinuxPrograms {
    fn run_script(&self, script: &Script, path: &Path, limit: Duration) -> ScriptEnd {
        let mut command = interpreter(&script.0).map_or_else(
            || Command::new(path),
            |(program, argument)| {
                let mut command = Command::new(program);
                command.args(argument).arg(path);
                command
            },
        );
        let folder = storage::around(path);
        command.current_dir(folder).env("HOME", folder).env("TMPDIR", folder);
        supervise(command, &[], limit)
    }

    fn run_command(
        &self,
        command: &[String],
        argument: &str,
        document: &[u8],
        limit: Duration,
    ) -> Result<ScriptEnd, Refusal> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(Refusal::new(ReasonCode::ConfigurationFailed, "no program is configured"));
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(argument);
        Ok(supervise(command, document, limit))
    }
}

/// The interpreter of a `#!` line, and its one argument. Started directly, a script could fail because another thread
/// of this process was starting a program while the script was open for writing.
fn interpreter(script: &[u8]) -> Option<(String, Option<String>)> {
    let line = script.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim();
    let (program, argument) = match line.split_once([' ', '\t']) {
        Some((program, argument)) => (program, Some(argument.trim().to_owned())),
        None => (line, None),
    };
    (!program.is_empty()).then(|| (program.to_owned(), argument.filter(|it| !it.is_empty())))
}

/// Removes the folder of a script with everything in it; one that is not there is removed already.
///
/// # Errors
/// As the file system says.
pub fn remove_folder(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    match disk.remove_tree(folder) {
        Ok(()) => disk.sync_folder(storage::around(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn supervise(mut command: Command, input: &[u8], limit: Duration) -> ScriptEnd {
    command
        .env_clear_but_paths()
        .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that everything it starts can be ended with it.
        .process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            return ScriptEnd { verdict: ScriptVerdict::Failed(127), output: format!("cannot be started: {error}") };
        }
    };
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // A program that reads nothing closes the pipe; that is its business.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let tail = Tail::default();
    let (ended, drained) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        tail.collect(stdout, ended.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        tail.collect(stderr, ended);
    }
    let ended_by_itself = has_ended_within(&child, limit);
    // Before the child is reaped: until then nobody else can have its number. There may be nobody left to kill.
    let _nobody_left = kill_process_group(Pid::from_child(&child), Signal::KILL);
    if !ended_by_itself {
        // Should it have left its own group.
        drop(child.kill());
    }
    let status = child.wait().ok().filter(|_| ended_by_itself);
    let deadline = Instant::now() + DRAIN;
    for _ in 0..2 {
        let _ = drained.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
    let verdict = match status {
        None => ScriptVerdict::TimedOut,
        Some(status) => match status.code() {
            Some(0) => ScriptVerdict::Complete,
            Some(WARNING) => ScriptVerdict::Warning,
            Some(code) => ScriptVerdict::Failed(code),
            None => ScriptVerdict::Killed,
        },
    };
    ScriptEnd { verdict, output: tail.text() }
}

/// Waits for the end, but no longer than `limit`, and leaves the child to be reaped.
fn has_ended_within(child: &Child, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::Pid(Pid::from_child(child)), options) {
            Ok(Some(_)) => return true,
            Ok(None) | Err(Errno::INTR) if Instant::now() < deadline => {}
            _ => return false,
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

trait CleanEnvironment {
    /// Drops what this process inherited and keeps what was set for this command.
    fn env_clear_but_paths(&mut self) -> &mut Self;
}

impl CleanEnvironment for Command {
    fn env_clear_but_paths(&mut self) -> &mut Self {
        let set: Vec<_> =
            self.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
        self.env_clear().env("PATH", PATH).env("LC_ALL", "C").envs(set)
    }
}

/// The last octets that a program printed, on both its outputs.
#[derive(Clone, Default)]
struct Tail(Arc<Mutex<Vec<u8>>>);

impl Tail {
    fn collect(&self, mut from: impl Read + Send + 'static, ended: mpsc::Sender<()>) {
        let tail = self.clone();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut piece) {
                tail.push(piece.get(..length).unwrap_or_default());
            }
            let _ = ended.send(());
        });
    }

    fn push(&self, piece: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.extend_from_slice(piece);
        let surplus = kept.len().saturating_sub(MAX_OUTPUT);
        kept.drain(..surplus);
    }

    fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // SEC-13: a report leaves the device.
        redacted(String::from_utf8_lossy(&kept).trim_end())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::LinuxDisk;

    fn run_text(text: &str, limit: Duration) -> (ScriptEnd, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let end =
            run(&LinuxDisk, &LinuxPrograms, &Script(text.as_bytes().to_vec()), &folder.path().join("work"), limit)
                .unwrap();
        (end, folder)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn cli_70_the_exit_code_decides() {
        for (text, expected) in [
            ("#!/bin/sh\nexit 0\n", ScriptVerdict::Complete),
            ("#!/bin/sh -e\nexit 99\n", ScriptVerdict::Warning),
            ("#!/bin/sh\nexit 3\n", ScriptVerdict::Failed(3)),
            ("#!/bin/sh\nkill -TERM $$\nsleep 5\n", ScriptVerdict::Killed),
            ("#!/no/such/interpreter\n", ScriptVerdict::Failed(127)),
        ] {
            assert_eq!(run_text(text, LONG).0.verdict, expected, "{text}");
        }
    }

    #[test]
    fn cli_68_both_outputs_are_captured_and_bounded() {
        let (end, _) = run_text("#!/bin/sh\necho out\necho err >&2\n", LONG);
        assert!(end.output.contains("out") && end.output.contains("err"), "{}", end.output);
        let (end, _) = run_text("#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' x\necho the end\n", LONG);
        assert!(end.output.len() <= MAX_OUTPUT && end.output.ends_with("the end"));
    }

    #[test]
    fn sec_12_a_script_is_alone_in_a_private_folder_with_a_clean_environment() {
        let (end, folder) = run_text("#!/bin/sh\nstat -c %a .\npwd\nenv\ntouch left-over\n", LONG);
        assert!(end.output.starts_with("700\n"), "{}", end.output);
        assert!(!end.output.contains("CARGO"), "{}", end.output);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn sec_12_a_script_that_runs_too_long_dies_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let marker = folder.path().join("marker");
        let text = format!("#!/bin/sh\n(sleep 1; touch {}) &\nsleep 60\n", marker.display());
        let begun = Instant::now();
        let work = folder.path().join("work");
        let end =
            run(&LinuxDisk, &LinuxPrograms, &Script(text.into_bytes()), &work, Duration::from_millis(200)).unwrap();
        assert_eq!(end.verdict, ScriptVerdict::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(1500));
        assert!(!marker.exists());
    }

    #[test]
    fn a_script_that_ended_well_does_not_fail_because_its_folder_stays() {
        // A file where the folder was cannot be removed as a folder.
        let (end, folder) = run_text("#!/bin/sh\nrm -r \"$HOME\"; touch \"$HOME\"\n", LONG);
        assert_eq!(end.verdict, ScriptVerdict::Complete, "{}", end.output);
        assert!(folder.path().join("work").is_file());
    }

    #[test]
    fn a_child_in_a_session_of_its_own_that_keeps_the_pipe_does_not_hold_the_device() {
        let begun = Instant::now();
        let (end, _) = run_text("#!/bin/sh\nsetsid sleep 15 &\necho said\n", LONG);
        assert_eq!((end.verdict, end.output.as_str()), (ScriptVerdict::Complete, "said"));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_a_script_leaves_behind_in_its_group_dies_with_it() {
        let (end, _) = run_text("#!/bin/sh\nsleep 600 >/dev/null 2>&1 &\necho $!\n", LONG);
        assert_eq!(end.verdict, ScriptVerdict::Complete);
        let state = |pid: &str| fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        let lives = |stat: String| !stat.contains(") Z ");
        let deadline = Instant::now() + Duration::from_secs(10);
        while state(&end.output).is_some_and(lives) {
            assert!(Instant::now() < deadline, "process {} survives", end.output);
            thread::yield_now();
        }
    }

    #[test]
    fn a_shebang_has_at_most_one_argument() {
        assert_eq!(interpreter(b"#!/bin/sh -e -x\n"), Some(("/bin/sh".into(), Some("-e -x".into()))));
        assert_eq!(interpreter(b"#! /bin/sh"), Some(("/bin/sh".into(), None)));
        assert_eq!(interpreter(b"\x7fELF"), None);
        assert_eq!(interpreter(b"#!\n"), None);
    }
}
