//! What was acknowledged survives, however the process that said so ends.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    net::IpAddr,
    process::{Command, Stdio},
    sync::Arc,
};

use bootstrap_server::{
    audit::{self, CheckpointKey},
    store::{Location, SqlStore, Store},
};
use netboot::lease::{LeaseStore as _, Version, Written};
use pki::key::FileKey;

use super::{Home, lease, messages, said, v4};

/// Where the child finds the database, and the folder with the log's key.
const DATABASE: &str = "SZTP_TEST_DATABASE";
const FOLDER: &str = "SZTP_TEST_FOLDER";
const ROUND: &str = "SZTP_TEST_ROUND";
/// Each round ends after so many acknowledgements: at once, in the first groups, and in the midst of work.
const ROUNDS: [usize; 6] = [0, 1, 3, 40, 200, 333];

/// A process that commits without end and says what was acknowledged. Does nothing unless it was started to.
pub fn commit_until_killed() {
    let (Ok(database), Ok(folder), Ok(round)) = (std::env::var(DATABASE), std::env::var(FOLDER), std::env::var(ROUND))
    else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let pem = std::fs::read(format!("{folder}/audit.key")).unwrap();
        let key = CheckpointKey::new("test.example/log", Box::new(FileKey::from_pem(&pem).unwrap())).unwrap();
        let location = Location::parse(&database, std::path::Path::new(""));
        let store = Arc::new(SqlStore::open(&location, Arc::new(key)).await.unwrap());
        let callers: Vec<_> = (0..16)
            .map(|caller| {
                let (store, round) = (Arc::clone(&store), round.clone());
                tokio::spawn(async move {
                    for number in 0.. {
                        let message = format!("{round}-{caller}-{number}");
                        store.commit(said(&message)).await.unwrap();
                        let mut out = std::io::stdout().lock();
                        writeln!(out, "ACK {message}").and_then(|()| out.flush()).unwrap();
                    }
                })
            })
            .collect();
        // Leases share the writer with them.
        let round: u32 = round.parse().unwrap();
        let lenders: Vec<_> = (0..4)
            .map(|caller| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for number in 0.. {
                        let address = v4((round * 4 + caller) * 100_000 + number);
                        assert_eq!(store.write(vec![lease(address, caller, 1, 600)]).await.unwrap(), [Written::Yes]);
                        let mut out = std::io::stdout().lock();
                        writeln!(out, "LENT {address}").and_then(|()| out.flush()).unwrap();
                    }
                })
            })
            .collect();
        for caller in callers.into_iter().chain(lenders) {
            caller.await.unwrap();
        }
    });
}

/// Kills that process at different moments. `child` is the name of the test that calls [`commit_until_killed`].
pub async fn what_was_acknowledged_survives_kill_9(home: &Home, child: &str) {
    home.with(&["SN-1"]).await.close().await;
    let database = match &home.location {
        Location::File(path) => path.to_str().unwrap().to_owned(),
        Location::Postgres(url) => url.clone(),
        other => panic!("{other}"),
    };
    let (mut acknowledged, mut lent) = (BTreeSet::new(), BTreeSet::new());
    for (round, enough) in ROUNDS.into_iter().enumerate() {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", child, "--nocapture"])
            .env(DATABASE, &database)
            .env(FOLDER, home.site.folder.path())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let acknowledges = |line: &String| line.contains("ACK ");
        let mut said = Vec::new();
        while said.iter().filter(|line| acknowledges(line)).count() < enough
            && let Some(line) = lines.next()
        {
            said.push(line);
        }
        process.kill().unwrap();
        process.wait().unwrap();
        // What it said between the last line that was read and its end counts too. The last line may be cut off.
        let mut rest: Vec<_> = lines.collect();
        rest.pop();
        for line in said.into_iter().chain(rest) {
            if let Some((_, message)) = line.split_once("ACK ") {
                acknowledged.insert(message.to_owned());
            } else if let Some((_, address)) = line.split_once("LENT ") {
                lent.insert(address.parse::<IpAddr>().unwrap());
            }
        }

        let store = home.open().await;
        let stored = messages(&store).await;
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "round {round}: {} of {} lost: {lost:?}", lost.len(), acknowledged.len());
        let report = audit::verify(&store, home.key.verifier(), &[]).await.unwrap();
        assert_eq!(report.leaves, u64::try_from(stored.len()).unwrap() + 4, "round {round}: nothing is there in part");
        let stored = all_leases(&store).await;
        assert!(lent.is_subset(&stored), "round {round}: leases were lost");
        store.close().await;
    }
    assert!(acknowledged.len() >= 577);
    assert!(lent.len() >= 50, "only {} leases in all", lent.len());
}

/// Every address that is on record.
async fn all_leases(store: &SqlStore) -> BTreeSet<IpAddr> {
    let all = store.after(Version(0), u32::MAX).await.unwrap();
    all.into_iter().map(|it| it.lease.address).collect()
}
