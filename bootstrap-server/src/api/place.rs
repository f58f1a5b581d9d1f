//! Places in the audit log, as they leave the server: with a name of the log in front. A restored database begins a new log,
//! in which the same positions come again and mean something else.

use audit_log::LogIndex;
use pki::digest::sha256;
use tokio::sync::OnceCell;

use super::fault::Fault;
use crate::store::Store;

/// The name of the log that is written, short: the beginning of a digest of its origin, which no two logs share. It stays
/// the same while a store is open.
#[derive(Debug, Default)]
pub(crate) struct LogName(OnceCell<String>);

impl LogName {
    /// The name.
    pub(super) async fn of(&self, store: &dyn Store) -> Result<&str, Fault> {
        let name = self.0.get_or_try_init(|| async {
            let note = store.checkpoint().await?.ok_or_else(Fault::unavailable)?;
            Ok::<_, Fault>(short(&note))
        });
        name.await.map(String::as_str)
    }
}

/// The first line of a checkpoint is the log's origin (C2SP tlog-checkpoint).
fn short(note: &str) -> String {
    let origin = note.lines().next().unwrap_or_default();
    sha256(origin.as_bytes()).to_string().get(..8).unwrap_or_default().to_owned()
}

/// A place, as it leaves the server: `1f2e3d4c-4711`.
pub(super) fn written(log: &str, position: LogIndex) -> String {
    format!("{log}-{}", position.0)
}

/// A place that came from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// It is in the log that is written.
    Here(LogIndex),
    /// It is in another log, or names none, as older releases wrote it.
    Elsewhere,
    /// It is no place at all.
    Nowhere,
}

/// Reads a place.
pub(super) fn read(log: &str, text: &str) -> Named {
    let digits = |text: &str| Some(text).filter(|it| it.bytes().all(|octet| octet.is_ascii_digit()))?.parse().ok();
    match text.split_once('-') {
        None => digits(text).map_or(Named::Nowhere, |_: u64| Named::Elsewhere),
        Some((name, position)) => match digits(position) {
            Some(position) if name == log => Named::Here(LogIndex(position)),
            Some(_) if name.len() == log.len() && name.bytes().all(|octet| octet.is_ascii_hexdigit()) => {
                Named::Elsewhere
            }
            _ => Named::Nowhere,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_taken_for_one_of_its_own_log_only() {
        let (one, other) = (short("example.net/log\n7\n"), short("example.net/log/restored\n7\n"));
        assert_ne!(one, other);
        let place = written(&one, LogIndex(7));
        assert_eq!(read(&one, &place), Named::Here(LogIndex(7)));
        assert_eq!(read(&other, &place), Named::Elsewhere);
        assert_eq!(read(&one, "7"), Named::Elsewhere);
        for nowhere in ["", "-7", "x", "+7", "0123abc-7", "0123abcd-", "0123abcd-x", "0123abcd--1"] {
            assert_eq!(read(&one, nowhere), Named::Nowhere, "{nowhere}");
        }
    }
}
