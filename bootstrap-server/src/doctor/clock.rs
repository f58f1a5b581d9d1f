//! Whether the clock can be right. Everything is kept in UTC: the time zone of the machine plays no part.

use std::{path::Path, process::Stdio, time::Duration};

use pki::time::Timestamp;

use super::Finding;

const CHECK: &str = "clock";
const FIX: &str = "timedatectl set-ntp true && timedatectl";
/// Seconds that the clock may be behind what has been seen: leaves are stamped in milliseconds, this is in seconds.
const TOLERANCE: i64 = 2;
/// A question to another program is not worth waiting for any longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is known about the time.
pub(super) struct ClockFacts {
    /// What the clock says.
    pub(super) now: Timestamp,
    /// Whether something keeps it right.
    pub(super) synchronisation: Synchronisation,
    /// When the newest leaf of the audit log was made.
    pub(super) newest_leaf: Option<Timestamp>,
    /// The latest beginning of a certificate's validity, and whose that is.
    pub(super) newest_certificate: Option<(Timestamp, String)>,
}

/// Whether the clock follows another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Synchronisation {
    Yes,
    No,
    /// The system does not tell.
    Unknown,
}

/// A clock behind what it has itself written, or behind the birth of its own certificates, is wrong beyond doubt.
pub(super) fn judge(facts: &ClockFacts) -> Finding {
    let now = facts.now;
    if let Some(leaf) = facts.newest_leaf.filter(|leaf| now < leaf.plus_seconds(-TOLERANCE)) {
        return Finding::failed(
            CHECK,
            format!("it is {now} here, and the newest leaf of the audit log was made at {leaf}"),
            "The clock was set back: certificates and vouchers are judged by a time that has passed, and the log's \
             times run backwards.",
            FIX,
        );
    }
    if let Some((born, whose)) = facts.newest_certificate.as_ref().filter(|(born, _)| now < *born) {
        return Finding::failed(
            CHECK,
            format!("it is {now} here, and the certificate in {whose} is valid only from {born} on"),
            "Either this clock is slow or the clock of whoever issued the certificate is fast: devices that know the \
             time refuse one of the two.",
            FIX,
        );
    }
    match facts.synchronisation {
        Synchronisation::Yes => Finding::ok(CHECK, format!("{now}, synchronised")),
        Synchronisation::Unknown => {
            Finding::ok(CHECK, format!("{now}; whether it is synchronised the system does not tell"))
        }
        Synchronisation::No => Finding::warning(
            CHECK,
            format!("{now}, not synchronised"),
            "Nothing corrects this clock: one day certificates and vouchers are judged wrongly.",
            FIX,
        ),
    }
}

/// Asks systemd, which asks the kernel (adjtimex(2)).
pub(super) async fn synchronisation() -> Synchronisation {
    // timesyncd leaves this behind, also where no bus is to be asked.
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Synchronisation::Yes;
    }
    let mut command = tokio::process::Command::new("timedatectl");
    command.args(["show", "--property=NTPSynchronized", "--value"]).stdin(Stdio::null()).stderr(Stdio::null());
    command.kill_on_drop(true);
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) if output.status.success() => answer(&output.stdout),
        _ => Synchronisation::Unknown,
    }
}

fn answer(octets: &[u8]) -> Synchronisation {
    match octets.trim_ascii() {
        b"yes" => Synchronisation::Yes,
        b"no" => Synchronisation::No,
        _ => Synchronisation::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> ClockFacts {
        ClockFacts {
            now: Timestamp::from_unix(1_000_000),
            synchronisation: Synchronisation::Yes,
            newest_leaf: Some(Timestamp::from_unix(1_000_001)),
            newest_certificate: Some((Timestamp::from_unix(999_999), "server.pem".to_owned())),
        }
    }

    #[test]
    fn a_clock_behind_its_own_log_or_certificates_is_wrong() {
        assert_eq!(judge(&facts()).outcome.as_str(), "ok");
        let behind_log = ClockFacts { newest_leaf: Some(Timestamp::from_unix(1_000_010)), ..facts() };
        assert_eq!(judge(&behind_log).outcome.as_str(), "failed");
        assert!(judge(&behind_log).what.contains("newest leaf"));
        let unborn = Some((Timestamp::from_unix(1_000_060), "server.pem".to_owned()));
        let behind_certificate = ClockFacts { newest_certificate: unborn, ..facts() };
        assert!(judge(&behind_certificate).what.contains("server.pem"));
        assert_eq!(judge(&behind_certificate).outcome.as_str(), "failed");
    }

    #[test]
    fn a_clock_that_nothing_corrects_is_warned_about() {
        let alone = ClockFacts { synchronisation: Synchronisation::No, ..facts() };
        assert_eq!(judge(&alone).outcome.as_str(), "warning");
        let unknown = ClockFacts { synchronisation: Synchronisation::Unknown, ..facts() };
        assert_eq!(judge(&unknown).outcome.as_str(), "ok");
        assert_eq!(answer(b"no\n"), Synchronisation::No);
        assert_eq!(answer(b"yes\n"), Synchronisation::Yes);
        assert_eq!(answer(b""), Synchronisation::Unknown);
    }
}
