//! Power cuts, played by SIGKILL on the real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
};

use bootstrap_server::{
    config::ServerConfig,
    store::{SqlStore, Store},
};
use interop_tests::{
    lab::{Lab, Server, program, verified_leaves},
    site::{self, Site},
};

/// Runs bmc-01 until it has written `lines` lines of trace, and kills it there. Says whether it was still running.
fn run_and_kill(lab: &Lab, root: &Path, lines: usize) -> bool {
    let mut command = lab.device_command(&program("sztp-device"), "bmc-01", root);
    let mut child = command.args(["--trace", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut trace = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen = trace.by_ref().take(lines).count();
    child.kill().unwrap();
    child.wait().unwrap();
    seen == lines
}

#[test]
fn a_device_killed_at_any_line_of_its_trace_completes_when_started_again() {
    let lab = Lab::build(1).without_pace();
    let _server = lab.serve();
    let whole = lab.run_device(&lab.fresh_root("whole"));
    assert_eq!(whole.code, Some(0));
    let lines = whole.trace.len();
    assert!(lines > 20, "only {lines} lines: too few to cut between the steps");
    let expected = fs::read(lab.running_config()).unwrap();
    for cut in 1..=lines {
        let root = lab.fresh_root("cut");
        run_and_kill(&lab, &root, cut);
        let again = lab.run_device(&root);
        assert_eq!(again.code, Some(0), "cut after line {cut}: {:#?}", again.trace.last());
        assert_eq!(fs::read(lab.running_config()).unwrap(), expected, "cut after line {cut}");
        assert!(root.join("done").is_file(), "cut after line {cut}");
    }
    // Killed twice in one onboarding, at every pair of a coarser grid.
    for (first, second) in
        (1..=lines).step_by(7).flat_map(|first| (1..=lines).step_by(9).map(move |second| (first, second)))
    {
        let root = lab.fresh_root("twice");
        run_and_kill(&lab, &root, first);
        run_and_kill(&lab, &root, second);
        assert_eq!(lab.run_device(&root).code, Some(0), "cut after lines {first} and {second}");
    }
    lab.verified_leaves();
}

#[test]
fn a_second_run_does_nothing_and_says_so() {
    let lab = Lab::build(1);
    let server = lab.serve();
    let root = lab.fresh_root("again");
    assert_eq!(lab.run_device(&root).code, Some(0));
    server.kill();
    let leaves = lab.verified_leaves();
    // No server runs any more: only a device that asks nobody can succeed.
    let second = lab.run_device(&root);
    assert_eq!(second.code, Some(0));
    assert!(second.trace.len() <= 2 && second.trace.iter().all(|record| record["decision"] != "refused"));
    assert_eq!(lab.verified_leaves(), leaves);
}

#[test]
fn a_server_killed_under_load_loses_nothing_that_it_acknowledged() {
    let site = Site::new();
    let serials: Vec<String> = (0..8).map(|number| format!("SN-{number}")).collect();
    let config = site.path("sztp.toml");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = site.store().await;
        site.register(&store, &serials.iter().map(String::as_str).collect::<Vec<_>>()).await;
        store.close().await;
    });
    let identities: Vec<_> = serials.iter().map(|serial| site.device(serial)).collect();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..4 {
        let server = Server::start(&config);
        let enough = (round + 1) * 150;
        runtime.block_on(async {
            let mut clients = tokio::task::JoinSet::new();
            for (device, (key, chain)) in identities.iter().enumerate() {
                let connector = site::connector(Some((key, chain)));
                let (acknowledged, address) = (Arc::clone(&acknowledged), server.address());
                clients.spawn(async move {
                    let mut stream = site::connect_to(address, &connector).await?;
                    for number in 0.. {
                        let message = format!("round {round} device {device} report {number}");
                        let body = format!(
                            r#"{{"ietf-sztp-bootstrap-server:input":{{"progress-type":"informational","message":"{message}"}}}}"#
                        );
                        let answer = site::exchange(&mut stream, &site::post(site::REPORT, &body)).await?;
                        assert_eq!(answer.status, 204);
                        acknowledged.lock().unwrap().insert(message);
                    }
                    Ok::<_, std::io::Error>(())
                });
            }
            while acknowledged.lock().unwrap().len() < enough {
                if let Some(ended) = clients.try_join_next() {
                    panic!("a client ended before the power cut: {ended:?}");
                }
                tokio::task::yield_now().await;
            }
            // In the middle of it all.
            server.kill();
            while let Some(client) = clients.join_next().await {
                client.unwrap().expect_err("the connection is gone");
            }
        });
        let stored = runtime.block_on(stored_messages(&config));
        let acknowledged = acknowledged.lock().unwrap();
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        assert!(acknowledged.len() >= enough);
        verified_leaves(&config);
    }
}

async fn stored_messages(config: &Path) -> BTreeSet<String> {
    let config = ServerConfig::load(config).unwrap();
    let store = SqlStore::open_read_only(&config.database).await.unwrap();
    let records = store.records(audit_log::LogIndex(0), u32::MAX).await.unwrap();
    store.close().await;
    let bodies = records.into_iter().filter_map(|record| record.opening).map(|(_, body)| body);
    let bodies = bodies.map(|body| serde_json::from_slice::<serde_json::Value>(&body).unwrap());
    bodies.filter_map(|body| body["message"].as_str().map(str::to_owned)).collect()
}
