//! Runs a program and shows its output while it runs, line by line, with both streams in their true order.

use std::{
    io::{self, BufRead, BufReader, PipeReader, Write},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

/// How long the output may stay silent after the program's end before we stop listening: a process that a test left
/// behind holds the pipe open, and must not hold up the run.
const GRACE: Duration = Duration::from_millis(500);

/// Runs `command` to its end, on our standard output. Each line is also given to `observe` without its line feed;
/// bytes that are not UTF-8 reach `observe` replaced, the terminal unchanged.
pub(crate) fn run(command: &mut Command, observe: impl FnMut(&str)) -> io::Result<ExitStatus> {
    copy(command, &mut io::stdout(), observe)
}

fn copy(command: &mut Command, terminal: &mut impl Write, mut observe: impl FnMut(&str)) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // The command still owns our copies of the pipe's writing end; while they live, reading never ends.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let (sender, lines) = mpsc::channel();
    let _detached = thread::spawn(move || forward(reader, &sender));
    let mut show = |line: &[u8]| -> io::Result<()> {
        terminal.write_all(line)?;
        terminal.flush()?;
        observe(String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']));
        Ok(())
    };
    loop {
        match lines.recv_timeout(GRACE) {
            Ok(line) => show(&line)?,
            Err(RecvTimeoutError::Disconnected) => return child.wait(),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(status) = child.try_wait()? {
                    drain(&lines, &mut show)?;
                    return Ok(status);
                }
            }
        }
    }
}

/// Sends every line of `reader`, line feed included, until its end or until nobody listens.
fn forward(reader: PipeReader, lines: &Sender<Vec<u8>>) {
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                if lines.send(line).is_err() {
                    return;
                }
            }
        }
    }
}

/// Shows what arrived between the last look and the program's end.
fn drain(lines: &Receiver<Vec<u8>>, show: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    while let Ok(line) = lines.recv_timeout(GRACE) {
        show(&line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str) -> (Vec<String>, ExitStatus) {
        let mut lines = Vec::new();
        let mut terminal = Vec::new();
        let observe = |line: &str| lines.push(line.to_owned());
        let status = copy(Command::new("sh").args(["-c", script]), &mut terminal, observe).unwrap();
        assert_eq!(terminal, lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect::<Vec<_>>());
        (lines, status)
    }

    #[test]
    fn both_streams_arrive_in_order_with_the_exit_code() {
        let (lines, status) = shell("echo one; echo two >&2; echo three; exit 3");
        assert_eq!(lines, ["one", "two", "three"]);
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn a_process_left_behind_does_not_hold_up_the_run() {
        let start = Instant::now();
        let (lines, status) = shell("sleep 20 & echo done");
        assert_eq!(lines, ["done"]);
        assert!(status.success());
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error() {
        assert!(run(&mut Command::new("/nonexistent/program"), |_| ()).is_err());
    }
}
