//! Plays the intruder who changes records in the database, and has the log checked.

use bootstrap_server::{
    audit::{self, AuditError},
    store::SqlStore,
};

use super::{lab::Lab, report::TamperReport};
use crate::commands::Failure;

/// What the intruder would like to be true.
const BEFORE: &[u8] = br#""progress-type":"bootstrap-complete""#;
const AFTER: &[u8] = br#""progress-type":"bootstrap-initiate""#;

/// Changes records in the stopped server's file and verifies the log.
pub(super) async fn change_records(lab: &Lab) -> Result<TamperReport, Failure> {
    let config = lab.load_server()?;
    let path = config.database.file().ok_or_else(|| Failure::Demo("the demo's database is a file".to_owned()))?;
    let failed = |source| Failure::File { path: path.to_owned(), source };
    let mut file = std::fs::read(path).map_err(failed)?;
    // Pages that are no longer in use may hold old copies: every one is changed.
    let places: Vec<usize> =
        file.windows(BEFORE.len()).enumerate().filter(|(_, it)| *it == BEFORE).map(|(at, _)| at).collect();
    if places.is_empty() {
        return Err(Failure::Demo("no record to tamper with".to_owned()));
    }
    for at in places {
        if let Some(place) = file.get_mut(at..at + BEFORE.len()) {
            place.copy_from_slice(AFTER);
        }
    }
    std::fs::write(path, file).map_err(failed)?;
    let store = SqlStore::open_read_only(&config.database).await?;
    let verified = audit::verify(&store, config.checkpoint_key.verifier(), &[]).await;
    store.close().await;
    match verified {
        Err(AuditError::Refused(refusal)) => {
            Ok(TamperReport { changed: "every stored `bootstrap-complete` was overwritten".to_owned(), refusal })
        }
        Err(other) => Err(other.into()),
        Ok(_) => Err(Failure::Demo("the change was not noticed".to_owned())),
    }
}
