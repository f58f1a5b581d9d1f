//! Documents that the owner signed, and image servers and scripts that do harm (RFC 8572 §5.6; SEC-11, SEC-12).

use std::fs;

use crate::{
    cases,
    support::{
        bench::Bench,
        parties::{Party, with_image, with_script},
        server::{Asked, Server, Then, respond, send, send_for_ever},
    },
};

/// A server of boot images that nobody authenticates (CLI-61).
fn images(
    answer: impl Fn(&Asked, &mut crate::support::server::Peer, &crate::support::server::Log) -> Then + Send + Sync + 'static,
) -> Server {
    Server::start(&Party::root("image server"), answer)
}

/// A server that gives a document with this image, to be had from these servers.
fn offering(bench: &Bench, image: &[u8], servers: &[&Server]) -> Vec<String> {
    let uris = servers.iter().map(|it| format!("{}/image", it.uri())).collect();
    vec![Server::honest(&bench.parties.tls, bench.parties.signed(with_image(image, uris))).uri()]
}

fn running(bench: &Bench, script: &str) -> Vec<String> {
    vec![Server::honest(&bench.parties.tls, bench.parties.signed(with_script(script))).uri()]
}

const IMAGE: &[u8] = b"an image of which the second half is not always the same";

cases! {
    gives_another_image: "serves another image than the owner named" => ImageHashMismatch, |bench| {
        let server = images(|_, peer, _| respond(peer, "200 OK", "", b"another image"));
        offering(bench, IMAGE, &[&server])
    };
    changes_the_image_midway: "changes the image between two requests, so that a resumed download is a mixture"
        => ImageHashMismatch, |bench| {
        let server = images(|asked, peer, _| match asked.field("Range") {
            None => {
                send(peer, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", IMAGE.len()), &IMAGE[..20]);
                Then::Close
            }
            Some(range) => {
                assert_eq!(range, "bytes=20-");
                let rest = vec![b'x'; IMAGE.len() - 20];
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 20-{}/{}\r\nContent-Length: {}\r\n\r\n",
                    IMAGE.len() - 1,
                    IMAGE.len(),
                    rest.len()
                );
                send(peer, &head, &rest)
            }
        });
        offering(bench, IMAGE, &[&server, &server])
    };
    redirects_the_download: "redirects a download to another host" => ImageUnreachable, |bench| {
        let server = images(|_, peer, _| {
            send(peer, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", b"")
        });
        offering(bench, IMAGE, &[&server])
    };
    gives_an_image_without_end: "serves an image without end" => ImageTooLarge, |bench| {
        let server = images(|_, peer, log| {
            send(peer, "HTTP/1.1 200 OK\r\n\r\n", b"");
            send_for_ever(peer, log, &[0; 16384])
        });
        offering(bench, IMAGE, &[&server])
    };
    announces_an_image_of_ten_gigabytes: "announces an image of 10 GB" => ImageTooLarge, |bench| {
        let server = images(|_, peer, log| {
            send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n", b"");
            send_for_ever(peer, log, &[0; 16384])
        });
        offering(bench, IMAGE, &[&server])
    };
    drips_the_image: "sends an image an octet at a time" => ImageUnreachable, |bench| {
        let server = images(|_, peer, log| {
            send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"");
            while std::io::Write::write_all(peer, b"x").and_then(|()| std::io::Write::flush(peer)).is_ok() {
                log.sent.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            Then::Close
        });
        offering(bench, IMAGE, &[&server])
    };
    hangs_in_a_script: "gives a script that does not end" => PreScriptFailed, |bench| {
        running(bench, "while :; do sleep 1; done")
    };
    prints_for_ever: "gives a script that prints without end" => PreScriptFailed, |bench| {
        running(bench, "while :; do echo 0123456789012345678901234567890123456789; done")
    };
    ignores_signals: "gives a script that does not want to be ended" => PreScriptFailed, |bench| {
        running(bench, "trap '' TERM INT HUP\nwhile :; do sleep 1; done")
    };
}

/// Whether a process runs that has this word in its command line.
fn runs(word: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).contains(word))
}

#[test]
fn sec_12_what_a_script_leaves_running_ends_with_it() {
    let word = format!("left-running-{}", std::process::id());
    let name = word.clone();
    crate::play(verdict::ReasonCode::PreScriptFailed, move |bench| {
        running(bench, &format!("sh -c 'while :; do sleep 1; done' {word} &\nsh -c 'sleep 1000' {word} &\nexit 1"))
    });
    assert!(!runs(&name));
}

#[test]
fn cli_61_an_image_server_may_be_anybody() {
    let bench = Bench::new();
    let server = images(|_, peer, _| respond(peer, "200 OK", "application/octet-stream", IMAGE));
    bench.dhcp.names(&offering(&bench, IMAGE, &[&server]));
    let attempt = crate::attempt(&mut bench.device());
    assert_eq!(attempt.outcome.state, device_client::OutcomeState::RebootWanted, "{:#?}", attempt.outcome);
    let asked = server.log.requests();
    // CLI-10 is for bootstrap servers; who asks for an image is nobody's business.
    assert_eq!(asked.len(), 1);
    assert!(asked[0].field("Authorization").is_none() && !asked[0].fields.contains("SN-1"));
}
