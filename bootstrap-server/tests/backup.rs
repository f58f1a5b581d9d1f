//! A backup holds everything of one moment, tells when it was tampered with and where, and is restored into a new log.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{fs, path::PathBuf, sync::Arc};

use audit_log::{LogIndex, UnixMillis};
use bootstrap_server::{
    audit::{self, Erasure, Event},
    backup::{BackupFault, BackupInvalid, Contents, Reader, Restorable, RestoreError, Taking, verify},
    domain::{Actor, Role, Token, TokenId, User, UserName},
    retention,
    store::{Batch, ExportedRow, ExportedValue, Location, Place, SqlStore, Store, StoreError},
};
use pki::digest::sha256;
use support::{Site, device_id, now};

/// A backup of the site, as octets, with `before_end` done while it is under way.
async fn back_up(site: &Site, store: &Arc<SqlStore>) -> Vec<u8> {
    let shared: Arc<dyn Store> = store.clone();
    let mut taking = Taking::begin(shared, site.config().checkpoint_key, Actor::Console, now()).await.unwrap();
    let mut octets = Vec::new();
    while let Some(piece) = taking.piece().await.unwrap() {
        octets.extend(piece);
    }
    octets
}

/// A site with devices, vouchers, users and tokens, and its backup in `backup`.
async fn backed_up() -> (Site, Vec<u8>) {
    let site = Site::new();
    let store = Arc::new(site.store().await);
    site.register(store.as_ref(), &["SN-1", "SN-2"]).await;
    let (anna, ben) = (UserName::new("anna").unwrap(), UserName::new("ben").unwrap());
    for (name, role) in [(&anna, Role::Admin), (&ben, Role::Viewer)] {
        let user = User { name: name.clone(), role };
        let token = Token {
            id: TokenId::new(format!("token-of-{name}")).unwrap(),
            user: name.clone(),
            digest: sha256(name.as_str().as_bytes()),
            created: UnixMillis(1_767_225_600_000),
            expires: None,
        };
        store.commit(Batch::from(Event::UserChanged { user }).and(Event::TokenCreated { token })).await.unwrap();
    }
    store.commit(Batch::from(Event::UserRemoved { user: ben })).await.unwrap();
    let because = "scrapped".to_owned();
    store.commit(Batch::from(Event::DeviceRetired { device: device_id("SN-2"), because })).await.unwrap();
    let backup = back_up(&site, &store).await;
    Arc::into_inner(store).unwrap().close().await;
    site.write("backup", &backup);
    (site, backup)
}

fn check(octets: &[u8]) -> Result<Contents, BackupInvalid> {
    verify(octets, None)
}

/// The rows that do not change by a restoration: all but those of logs, checkpoints, versions and tokens.
fn rows(octets: &[u8]) -> Vec<ExportedRow> {
    let mut reader = Reader::open(octets, None).unwrap();
    let mut rows = Vec::new();
    while let Some(mut row) = reader.row().unwrap() {
        match row.table.as_str() {
            // The version is the leaf that a record is of, and that is one of the log that is written.
            "device" => drop(row.values.pop()),
            "leaf" | "archived_leaf" | "archived_log" | "checkpoint" | "token" => continue,
            _ => {}
        }
        rows.push(row);
    }
    rows
}

fn restored(site: &Site) -> (Location, PathBuf) {
    let path = site.path("restored.sqlite3");
    (Location::from(path.as_path()), path)
}

#[tokio::test]
async fn a_backup_says_what_it_is_and_is_whole() {
    let (site, backup) = backed_up().await;
    let contents = verify(backup.as_slice(), Some(site.config().checkpoint_key.verifier())).unwrap();
    assert_eq!(contents.rows["device"], 2);
    assert_eq!(contents.rows["operator"], 1);
    assert_eq!(contents.rows["token"], 1);
    assert_eq!(contents.leaves, contents.rows["leaf"]);
    let first: serde_json::Value = serde_json::from_slice(backup.split(|it| *it == b'\n').next().unwrap()).unwrap();
    assert_eq!((&first["sztp-backup"], &first["key"]), (&1.into(), &contents.key.to_string().into()));
    // No secret of this server is in it.
    let text = String::from_utf8(backup.clone()).unwrap();
    assert!(!text.contains("PRIVATE KEY"));
    // That it was taken stands in the log, by its digest, with nothing more in between.
    let store = SqlStore::open_read_only(&site.config().database).await.unwrap();
    let last = store.records(LogIndex(contents.leaves), 9).await.unwrap();
    let body = String::from_utf8(last[0].opening.clone().unwrap().1).unwrap();
    let lines = backup.trim_ascii_end().iter().rposition(|it| *it == b'\n').unwrap();
    assert!(body.contains("backup-taken") && body.contains(&sha256(&backup[..=lines]).to_string()), "{body}");
    assert_eq!(last.len(), 1);
    store.close().await;
}

#[tokio::test]
async fn a_backup_is_of_one_moment_while_the_server_goes_on() {
    let site = Site::new();
    let store = Arc::new(site.store().await);
    site.register(store.as_ref(), &["SN-1"]).await;
    let shared: Arc<dyn Store> = store.clone();
    let mut taking = Taking::begin(shared, site.config().checkpoint_key, Actor::Console, now()).await.unwrap();
    let mut octets = taking.piece().await.unwrap().unwrap();
    let mut later = 0;
    while let Some(piece) = taking.piece().await.unwrap() {
        octets.extend(piece);
        let because = format!("later {later}");
        let change = if later == 0 {
            Event::DeviceRetired { device: device_id("SN-1"), because }
        } else {
            Event::UserChanged { user: User { name: UserName::new(format!("u{later}")).unwrap(), role: Role::Viewer } }
        };
        store.commit(Batch::from(change)).await.unwrap();
        later += 1;
    }
    assert!(later > 2, "it came in {later} pieces");
    let contents = check(&octets).unwrap();
    assert!(!contents.rows.contains_key("operator"));
}

/// A token that was revoked after the backup must not come back with it, and a backup does not know which those are.
#[tokio::test]
async fn no_token_of_a_backup_opens_what_was_restored_from_it() {
    let (site, _) = backed_up().await;
    let key = site.config().checkpoint_key;
    let restorable = Restorable::check(&site.path("backup"), None, None).unwrap();
    let (location, _) = restored(&site);
    let reopened = restorable.restore(&location, &key, Some(sha256(b"new secret"))).await.unwrap();
    let anna = UserName::new("anna").unwrap();
    assert_eq!((reopened.revoked, reopened.user), (1, Some(anna.clone())));
    let store = Arc::new(SqlStore::open(&location, Arc::clone(&key)).await.unwrap());
    assert_eq!(store.token(sha256(b"anna")).await.unwrap(), None);
    let (token, user) = store.token(sha256(b"new secret")).await.unwrap().unwrap();
    assert_eq!((token.id.as_str(), user.name, user.role), ("restore", anna, Role::Admin));
    // It stands in the new log, and a backup of it is whole.
    check(&back_up(&site, &store).await).unwrap();
    let told = store.records(LogIndex(0), 9).await.unwrap();
    let kinds: Vec<_> = told.iter().map(|record| record.leaf().unwrap().kind().0).collect();
    assert_eq!(kinds[..3], [24, 22, 21], "restored, revoked, created");
    // Nobody asked for a new one: nobody gets in.
    let second = Location::from(site.path("second.sqlite3").as_path());
    assert_eq!(restorable.restore(&second, &key, None).await.unwrap().user, None);
    let store = SqlStore::open(&second, Arc::clone(&key)).await.unwrap();
    assert!(store.tokens().await.unwrap().is_empty());
}

/// SEC-22: whenever it is taken, what is left explains what is left.
#[tokio::test]
async fn sec_22_a_backup_is_whole_before_during_and_after_an_erasure() {
    let site = Site::new();
    let store = Arc::new(site.store().await);
    site.register(store.as_ref(), &["SN-1", "SN-22"]).await;
    let reported = |number: u32| Event::ProgressReported {
        device: device_id("SN-22"),
        source: [127, 0, 0, 1].into(),
        report: conveyed_info::rpc::ProgressType::Informational,
        message: Some(number.to_string()),
        keys: Vec::new(),
        departures: bootstrap_server::domain::Departures::default(),
    };
    let reports = (0..Erasure::MOST).map(reported).map(Batch::from);
    store.commit(reports.reduce(|all, one| one.events().iter().cloned().fold(all, Batch::and)).unwrap()).await.unwrap();
    let because = "on request".to_owned();
    let erased = Event::DeviceErased { device: device_id("SN-22"), because: because.clone() };
    let position = store.commit(Batch::from(erased)).await.unwrap();
    let taken_off = back_up(&site, &store).await;
    assert_eq!(check(&taken_off).unwrap().erased, 0);
    // The first piece of two, and the power goes.
    let first = store.history(&device_id("SN-22"), Place::FIRST, Erasure::MOST).await.unwrap();
    let erasure = Box::new(Erasure::of(Some(&device_id("SN-22")), &first, &because).unwrap());
    store.commit(Batch::from(Event::RecordsErased { erasure })).await.unwrap();
    let half = back_up(&site, &store).await;
    assert_eq!(check(&half).unwrap().erased, u64::from(Erasure::MOST));
    let end = Place { log: store.log(), position: LogIndex(position.0 + 1) };
    assert_eq!(retention::finish(store.as_ref(), &device_id("SN-22"), end, &because, None).await, Ok(3));
    let whole = back_up(&site, &store).await;
    assert_eq!(check(&whole).unwrap().erased, u64::from(Erasure::MOST) + 3);
    assert!(!String::from_utf8(whole.clone()).unwrap().contains("SN-22"));
    // What was restored from the half of it is taken up where it was.
    site.write("half", &half);
    let (location, _) = restored(&site);
    let key = site.config().checkpoint_key;
    Restorable::check(&site.path("half"), None, None).unwrap().restore(&location, &key, None).await.unwrap();
    let again = SqlStore::open(&location, Arc::clone(&key)).await.unwrap();
    assert_eq!(retention::unfinished(&again).await, Ok(3));
    audit::verify(&again, key.verifier(), &[]).await.unwrap();
    // What is left over of a record that was erased is found, also in a backup that was sealed with it.
    let mut reader = Reader::open(whole.as_slice(), None).unwrap();
    let (mut writer, mut octets) = bootstrap_server::backup::Writer::begin(reader.header());
    let text = |text: &str| ExportedValue::Text(text.to_owned());
    let (maker, serial) = (device_id("SN-22").manufacturer, text("SN-22"));
    let number = ExportedValue::Integer;
    let report = vec![number(0), number(10), text(maker.as_str()), serial, number(1), text("informational"), text("9")];
    let mut left_over = Some(ExportedRow { table: "progress_report".to_owned(), values: report });
    while let Some(row) = reader.row().unwrap() {
        if row.table == "device_event" {
            left_over.take().into_iter().for_each(|report| octets.extend(writer.rows(&[report])));
        }
        octets.extend(writer.rows(&[row]));
    }
    octets.extend(writer.finish(&key).unwrap().0);
    let fault = check(&octets).unwrap_err().fault;
    assert!(matches!(&fault, BackupFault::NotDerived { what } if what.contains("report")), "{fault}");
    // Bodies that nobody erased are missed, also in a backup that whoever took them out has sealed.
    let mut reader = Reader::open(whole.as_slice(), None).unwrap();
    let (mut writer, mut octets) = bootstrap_server::backup::Writer::begin(reader.header());
    while let Some(mut row) = reader.row().unwrap() {
        if row.table == "leaf" && row.values[0] == ExportedValue::Integer(2) {
            row.values.splice(2.., [ExportedValue::Nothing, ExportedValue::Nothing]);
        }
        octets.extend(writer.rows(&[row]));
    }
    octets.extend(writer.finish(&key).unwrap().0);
    let fault = check(&octets).unwrap_err().fault;
    assert!(matches!(fault, BackupFault::Unaccounted(_)), "{fault}");
}

/// No audit, no action: the rows of a backup leave after it stands in the log that they will.
#[tokio::test]
async fn that_a_backup_was_begun_is_on_record_before_its_first_octet() {
    let site = Site::new();
    let store = Arc::new(site.store().await);
    let empty = Taking::begin(store.clone(), site.config().checkpoint_key, Actor::Console, now()).await;
    assert!(matches!(empty, Err(bootstrap_server::backup::TakeError::Empty)));
    site.register(store.as_ref(), &["SN-1"]).await;
    let before = store.growth().borrow().0;
    let taking = Taking::begin(store.clone(), site.config().checkpoint_key, Actor::Console, now()).await.unwrap();
    drop(taking);
    let records = store.records(LogIndex(before), 9).await.unwrap();
    assert_eq!(records.len(), 1, "whoever reads the beginning and goes away has been seen");
    let body = String::from_utf8(records[0].opening.clone().unwrap().1).unwrap();
    assert!(body.contains("backup-begun") && body.contains("console"), "{body}");
}

#[tokio::test]
async fn every_cut_is_refused() {
    let (_site, backup) = backed_up().await;
    let lines: Vec<usize> = backup.iter().enumerate().filter(|(_, it)| **it == b'\n').map(|(at, _)| at).collect();
    for (line, end) in lines.iter().take(lines.len() - 1).enumerate() {
        let cut = check(&backup[..=*end]).unwrap_err();
        assert!(matches!(cut.fault, BackupFault::Truncated), "after line {}: {cut}", line + 1);
        assert_eq!(cut.line, u64::try_from(line).unwrap() + 2);
        check(&backup[..end - 3]).unwrap_err();
    }
    let trailing = check(&[backup.as_slice(), b"{}\n"].concat()).unwrap_err();
    assert!(matches!(trailing.fault, BackupFault::Trailing));
    assert!(matches!(check(b"").unwrap_err().fault, BackupFault::NoBackup));
    assert!(matches!(check(b"SQLite format 3\0\n").unwrap_err().fault, BackupFault::NoBackup));
}

#[tokio::test]
async fn a_changed_octet_is_found_on_its_line() {
    let (_site, backup) = backed_up().await;
    let mut line = 1;
    for at in 0..backup.len() {
        if at % 7 == 0 && backup[at] != b'\n' {
            let mut altered = backup.clone();
            altered[at] ^= 1;
            let error = check(&altered).unwrap_err();
            // The first line may become one that is none, or name another key, which only the seal shows.
            assert!(error.line == line || line == 1, "octet {at} of line {line}: {error}");
        }
        line += u64::from(backup[at] == b'\n');
    }
}

#[tokio::test]
async fn rows_that_were_moved_repeated_or_taken_out_are_found_on_their_line() {
    let (_site, backup) = backed_up().await;
    let lines: Vec<&[u8]> = backup.split_inclusive(|it| *it == b'\n').collect();
    for at in 1..lines.len() - 2 {
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        let mut gone = lines.clone();
        gone.remove(at);
        let line = u64::try_from(at).unwrap() + 1;
        assert_eq!(check(&swapped.concat()).unwrap_err().line, line);
        assert_eq!(check(&twice.concat()).unwrap_err().line, line + 1);
        assert_eq!(check(&gone.concat()).unwrap_err().line, line);
    }
}

/// Whoever has the log's key can seal anything; the log itself still says what the rows must be.
#[tokio::test]
async fn rows_that_the_log_does_not_explain_are_refused_even_when_sealed() {
    use bootstrap_server::store::ExportedValue as Value;
    let (site, backup) = backed_up().await;
    let key = site.config().checkpoint_key;
    let forged = |alter: &dyn Fn(&mut Vec<ExportedRow>)| {
        let mut reader = Reader::open(backup.as_slice(), None).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = reader.row().unwrap() {
            rows.push(row);
        }
        alter(&mut rows);
        let (mut writer, mut octets) = bootstrap_server::backup::Writer::begin(reader.header());
        octets.extend(writer.rows(&rows));
        octets.extend(writer.finish(&key).unwrap().0);
        check(&octets)
    };
    let text = |text: &str| Value::Text(text.to_owned());
    forged(&|_| ()).unwrap();
    let row_of = |rows: &mut Vec<ExportedRow>, table: &str| rows.iter().position(|row| row.table == table).unwrap();
    #[expect(clippy::type_complexity, reason = "a table of what is done")]
    let alterations: [(&str, &dyn Fn(&mut Vec<ExportedRow>)); 10] = [
        ("an admin that nobody made", &|rows| {
            let at = row_of(rows, "operator");
            rows.insert(at, ExportedRow { table: "operator".into(), values: vec![text("mallory"), text("admin")] });
        }),
        ("a user with another role", &|rows| {
            let at = row_of(rows, "operator");
            rows[at].values[1] = text("viewer");
        }),
        ("a token of somebody else", &|rows| {
            let at = row_of(rows, "token");
            rows[at].values[1] = text("mallory");
        }),
        ("another profile document", &|rows| {
            let at = row_of(rows, "profile");
            rows[at].values[1] = text("reporting-level = 'minimal'");
        }),
        ("a device of another profile", &|rows| {
            let at = row_of(rows, "device");
            rows[at].values[2] = text("other");
        }),
        ("a retired device in service", &|rows| {
            let at = rows.iter().rposition(|row| row.table == "device").unwrap();
            rows[at].values[3] = text("registered");
        }),
        ("a device that is gone", &|rows| {
            let at = row_of(rows, "device");
            rows.remove(at);
        }),
        ("another voucher", &|rows| {
            let at = row_of(rows, "voucher");
            rows[at].values[2] = Value::Octets(sha256(&[1, 2, 3]).0.to_vec());
            rows[at].values[3] = Value::Octets(vec![1, 2, 3]);
        }),
        ("a voucher less", &|rows| {
            let at = row_of(rows, "voucher");
            rows.remove(at);
        }),
        ("a leaf less", &|rows| {
            rows.pop();
        }),
    ];
    for (what, alter) in alterations {
        let error = forged(alter).unwrap_err();
        assert!(matches!(error.fault, BackupFault::NotDerived { .. } | BackupFault::Log(_)), "{what}: {error}");
        assert!(error.line > 1, "{what}: {error}");
    }
}

#[tokio::test]
async fn a_backup_of_another_log_or_resealed_by_another_key_is_refused() {
    let (site, backup) = backed_up().await;
    let other = Site::new();
    let error = verify(backup.as_slice(), Some(other.config().checkpoint_key.verifier())).unwrap_err();
    assert!(matches!(error.fault, BackupFault::OtherKey { .. }), "{error}");
    // With the right key named in its first line, but sealed by another.
    let mut reader = Reader::open(backup.as_slice(), None).unwrap();
    let (mut writer, mut octets) = bootstrap_server::backup::Writer::begin(reader.header());
    while let Some(row) = reader.row().unwrap() {
        octets.extend(writer.rows(&[row]));
    }
    octets.extend(writer.finish(&other.config().checkpoint_key).unwrap().0);
    let error = verify(octets.as_slice(), Some(site.config().checkpoint_key.verifier())).unwrap_err();
    assert!(matches!(error.fault, BackupFault::Seal(_)), "{error}");
}

#[tokio::test]
async fn what_is_restored_and_backed_up_again_has_the_same_rows() {
    let (site, backup) = backed_up().await;
    let (location, _) = restored(&site);
    let key = site.config().checkpoint_key;
    let restorable = Restorable::check(&site.path("backup"), Some(key.verifier()), None).unwrap();
    restorable.restore(&location, &key, None).await.unwrap();
    let store = Arc::new(SqlStore::open(&location, Arc::clone(&key)).await.unwrap());
    let again = back_up(&site, &store).await;
    assert_eq!(rows(&again), rows(&backup));
    let contents = check(&again).unwrap();
    assert_eq!(contents.rows["archived_leaf"], check(&backup).unwrap().leaves);
    // It goes on as a server would: with the devices there were, and a log that verifies from the very beginning.
    assert_eq!(store.dossier(&device_id("SN-2")).await.unwrap().device.unwrap().state.as_str(), "retired");
    let old = restorable.contents().checkpoint.clone();
    audit::verify(store.as_ref(), key.verifier(), &[old.into_bytes()]).await.unwrap();
    // Its first leaf names the log before, and the newest checkpoint of it.
    let first = store.records(LogIndex(0), 1).await.unwrap().remove(0);
    let body: serde_json::Value = serde_json::from_slice(&first.opening.unwrap().1).unwrap();
    assert_eq!(body["event"], "log-restored");
    assert_eq!(body["origin"], "test.example/log");
    assert_eq!(body["checkpoint"], restorable.newest());
    let checkpoint = store.checkpoint().await.unwrap().unwrap();
    assert!(checkpoint.lines().next().unwrap().starts_with("test.example/log/"), "a new origin: {checkpoint}");
    // And again from there: three logs, one after the other.
    site.write("backup-2", &again);
    let second = Location::from(site.path("second.sqlite3").as_path());
    let restorable = Restorable::check(&site.path("backup-2"), Some(key.verifier()), None).unwrap();
    restorable.restore(&second, &key, None).await.unwrap();
    let store = Arc::new(SqlStore::open(&second, Arc::clone(&key)).await.unwrap());
    audit::verify(store.as_ref(), key.verifier(), &[]).await.unwrap();
    let third = back_up(&site, &store).await;
    assert_eq!(rows(&third), rows(&backup));
    check(&third).unwrap();
}

#[tokio::test]
async fn a_restoration_wants_an_empty_database_and_leaves_nothing_when_it_fails() {
    let (site, backup) = backed_up().await;
    let key = site.config().checkpoint_key;
    let restorable = Restorable::check(&site.path("backup"), Some(key.verifier()), None).unwrap();
    let full = restorable.restore(&site.config().database, &key, None).await.unwrap_err();
    assert!(matches!(full, RestoreError::Store(StoreError::NotEmpty)), "{full}");
    // The file changed between the look and the deed.
    let mut cut = backup.clone();
    cut.truncate(backup.len() - 20);
    site.write("backup", &cut);
    let (location, path) = restored(&site);
    let error = restorable.restore(&location, &key, None).await.unwrap_err();
    assert!(matches!(error, RestoreError::Invalid { .. }), "{error}");
    let left: Vec<_> = fs::read_dir(site.folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(!left.iter().any(|it| it.to_string_lossy().starts_with(path.to_str().unwrap())), "{left:?}");
}

#[tokio::test]
async fn the_last_checkpoint_must_be_of_this_log_and_not_older() {
    let (site, _) = backed_up().await;
    let config = site.config();
    let key = config.checkpoint_key;
    let check = |note: &str| Restorable::check(&site.path("backup"), Some(key.verifier()), Some(note.as_bytes()));
    // The log went on after the backup, and somebody kept its checkpoint.
    let store = SqlStore::open(&config.database, Arc::clone(&key)).await.unwrap();
    let newer = store.checkpoint().await.unwrap().unwrap();
    store.close().await;
    let restorable = check(&newer).unwrap();
    assert_eq!(restorable.newest(), newer);
    let own = restorable.contents().checkpoint.clone();
    assert_ne!(own, newer);
    check(&own).unwrap();
    // What was published and then lost is admitted by the new log, and the audit goes through with it.
    let (location, _) = restored(&site);
    restorable.restore(&location, &key, None).await.unwrap();
    let store = SqlStore::open_read_only(&location).await.unwrap();
    audit::verify(&store, key.verifier(), &[newer.clone().into_bytes()]).await.unwrap();
    store.close().await;
    // An older one, one of another log, a forged one, and one that forks.
    let origin = audit_log::Origin::from(key.verifier().name());
    let head = |size| audit_log::TreeHead { size: audit_log::TreeSize(size), root: audit_log::RootHash([7; 32]) };
    let sign = |size| key.sign(&origin, head(size)).unwrap().signed_note().to_owned();
    assert!(matches!(check(&sign(1)).unwrap_err(), RestoreError::Older { found: 1, .. }));
    let size: u64 = own.lines().nth(1).unwrap().parse().unwrap();
    assert!(matches!(check(&sign(size)).unwrap_err(), RestoreError::Forked { .. }));
    let elsewhere = audit_log::Origin::new("test.example/log/99").unwrap();
    let other = key.sign(&elsewhere, head(99)).unwrap().signed_note().to_owned();
    assert!(matches!(check(&other).unwrap_err(), RestoreError::OtherLog { .. }));
    let stranger = Site::new().config().checkpoint_key;
    let forged = stranger.sign(&origin, head(99)).unwrap().signed_note().to_owned();
    assert!(matches!(check(&forged).unwrap_err(), RestoreError::Checkpoint(_)));
    assert!(matches!(check("poem").unwrap_err(), RestoreError::Checkpoint(_)));
}
