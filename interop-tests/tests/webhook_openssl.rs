//! A receiver of events that checks signatures with OpenSSL, goes away and comes back, while the server is killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    process::Command,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use interop_tests::{
    lab::{Lab, program},
    need,
};

/// A message: its position, its signature in base64, its body.
type Message = (String, String, Vec<u8>);

/// Answers one request on each connection, `count` times, and is gone.
fn receive(listener: TcpListener, count: usize) -> Receiver<Message> {
    let (sender, messages) = channel();
    thread::spawn(move || {
        let mut left = count;
        while left > 0 {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut stream = BufReader::new(stream);
            let mut headers = BTreeMap::new();
            let mut line = String::new();
            while stream.read_line(&mut line).unwrap_or(0) > 2 {
                if let Some((name, value)) = line.trim_end().split_once(": ") {
                    headers.insert(name.to_ascii_lowercase(), value.to_owned());
                }
                line.clear();
            }
            let Some(length) = headers.get("content-length") else { continue };
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            left -= 1;
            if sender.send((headers["sztp-position"].clone(), headers["sztp-signature"].clone(), body)).is_err() {
                return;
            }
        }
    });
    messages
}

fn next(messages: &Receiver<Message>) -> Message {
    messages.recv_timeout(Duration::from_secs(30)).expect("a message comes")
}

fn leaf((position, _, _): &Message) -> u64 {
    position.split_once('/').unwrap().1.parse().unwrap()
}

fn event((_, _, body): &Message) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body["body"]["event"].as_str().unwrap().to_owned()
}

#[test]
fn srv_18_openssl_verifies_events_and_none_is_lost_by_a_receiver_that_is_down_and_a_server_that_is_killed() {
    let openssl = need!("openssl");
    let lab = Lab::build(1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let config = fs::read_to_string(lab.server_config()).unwrap();
    let hook = format!("\n[[webhook]]\nname = 'inventory'\nurl = 'http://{address}/'\n");
    fs::write(lab.server_config(), config + &hook).unwrap();

    // Where it begins is written down at once; then the receiver takes two events, and is gone.
    let server = lab.serve();
    let messages = receive(listener, 2);
    assert_eq!(lab.run_device(&lab.fresh_root("first")).code, Some(0));
    let first = next(&messages);
    let told = [leaf(&first), leaf(&next(&messages))];
    assert_eq!(told[1], told[0] + 1);
    assert_eq!(lab.run_device(&lab.fresh_root("second")).code, Some(0), "a device does not wait for a receiver");
    server.kill();
    let leaves = lab.verified_leaves();

    // Both come back. It is told again of what was not written down, and of everything after that, in order.
    let messages = receive(TcpListener::bind(address).unwrap(), usize::MAX);
    let _server = lab.serve();
    let mut last = next(&messages);
    assert!(leaf(&last) <= told[1] + 1, "something was lost: {} after {}", leaf(&last), told[1]);
    let mut events = Vec::new();
    while leaf(&last) < leaves {
        events.push(event(&last));
        let message = next(&messages);
        assert_eq!(leaf(&message), leaf(&last) + 1, "in order");
        last = message;
    }
    assert!(events.iter().any(|event| event == "progress-reported"), "{events:?}");

    // What the documentation says a receiver may do.
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let key = run(Command::new(program("sztp")).args(["audit", "key", "--pem", "--config"]).arg(lab.server_config()));
    assert!(key.0, "{}", key.1);
    fs::write(at("key.pem"), key.1).unwrap();
    let verify = |message: &[u8]| {
        fs::write(at("message"), [b"sztp-webhook-v1\n", message].concat()).unwrap();
        fs::write(at("signature.base64"), format!("{}\n", first.1)).unwrap();
        let decoded = run(Command::new(openssl.path())
            .args(["base64", "-d", "-A", "-in"])
            .arg(at("signature.base64"))
            .arg("-out")
            .arg(at("signature")));
        assert!(decoded.0, "{}", decoded.1);
        run(Command::new(openssl.path())
            .args(["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey"])
            .arg(at("key.pem"))
            .arg("-in")
            .arg(at("message"))
            .arg("-sigfile")
            .arg(at("signature")))
    };
    let good = verify(&first.2);
    assert!(good.0, "{}", good.1);
    assert!(!verify(&[&first.2[..], b" "].concat()).0, "a body that was changed");
}
