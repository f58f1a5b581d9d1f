//! What HTTP leaves open.

use std::{io::Write, sync::Arc};

use conveyed_info::{Encoding, rpc::YANG_DATA_JSON};

use crate::{
    onboard, onboard_trusted,
    support::{
        bench::Bench,
        parties::{body, host, onboarding, unsigned},
        server::{Asked, Peer, Server, Then, config, give, respond, send},
    },
};

/// A trusted server that gives its data with a header of its own.
fn giving(bench: &Bench, head: impl Fn(usize) -> String + Send + Sync + 'static, then: Then) -> Server {
    let answer = body(unsigned(onboarding()), Encoding::Json);
    Server::start(&bench.parties.tls, move |asked, peer, _| {
        if !asked.is(":get-bootstrapping-data") {
            return give(asked, peer, b"");
        }
        send(peer, &head(answer.len()), &answer);
        if then == Then::Close {
            goodbye(peer);
        }
        then
    })
}

fn goodbye(peer: &mut Peer) {
    peer.0.conn.send_close_notify();
    peer.flush().ok();
}

fn head(version: &str, fields: &str) -> String {
    format!("HTTP/{version} 200 OK\r\nContent-Type: {YANG_DATA_JSON}\r\n{fields}\r\n")
}

#[test]
fn an_old_server_that_closes_after_each_answer_will_do() {
    let bench = Bench::new();
    let answer = body(unsigned(onboarding()), Encoding::Json);
    let server = Server::start(&bench.parties.tls, move |asked, peer, _| {
        let (status, body): (_, &[u8]) = match asked.is(":get-bootstrapping-data") {
            true => ("200 OK", &answer),
            false if asked.is(":report-progress") => ("204 No Content", b""),
            false => ("404 Not Found", b""),
        };
        send(peer, &format!("HTTP/1.0 {status}\r\nContent-Type: {YANG_DATA_JSON}\r\n\r\n"), body);
        goodbye(peer);
        Then::Close
    });
    onboard_trusted(&bench, &server);
    assert_eq!(server.log.reports().last().map(String::as_str), Some("bootstrap-complete"));
}

#[test]
fn a_server_that_says_that_it_closes_will_do() {
    let bench = Bench::new();
    let fields = |length| format!("Connection: close\r\nContent-Length: {length}\r\n");
    let server = giving(&bench, move |length| head("1.1", &fields(length)), Then::Close);
    onboard_trusted(&bench, &server);
}

#[test]
fn a_server_that_closes_without_saying_so_will_do() {
    let bench = Bench::new();
    let answer = body(unsigned(onboarding()), Encoding::Json);
    let server = Server::start(&bench.parties.tls, move |asked, peer, _| {
        give(asked, peer, &answer);
        Then::Close
    });
    onboard_trusted(&bench, &server);
}

#[test]
fn a_server_that_answers_in_chunks_will_do() {
    let bench = Bench::new();
    let answer = body(unsigned(onboarding()), Encoding::Json);
    let server = Server::start(&bench.parties.tls, move |asked, peer, _| {
        if !asked.is(":get-bootstrapping-data") {
            return give(asked, peer, b"");
        }
        let chunk = |piece: &[u8]| [format!("{:x};q=1\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
        let chunks: Vec<u8> = answer.chunks(100).flat_map(chunk).collect();
        let body = [&chunks[..], b"0\r\nX-Trailer: 1\r\n\r\n"].concat();
        send(peer, &head("1.1", "Transfer-Encoding: chunked\r\n"), &body)
    });
    onboard_trusted(&bench, &server);
}

#[test]
fn a_server_that_says_first_that_it_is_working_on_it_will_do() {
    let bench = Bench::new();
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
    let server = giving(
        &bench,
        move |length| format!("{interim}{}", head("1.1", &format!("Content-Length: {length}\r\n"))),
        Then::GoOn,
    );
    onboard_trusted(&bench, &server);
}

#[test]
fn a_server_that_offers_http_2_beside_http_1_will_do() {
    let bench = Bench::new();
    let mut config = config(&bench.parties.tls.issue(host("127.0.0.1")));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let answer = body(bench.parties.signed(onboarding()), Encoding::Json);
    let server = Server::with_config(Arc::new(config), move |asked: &Asked, peer: &mut Peer, _| {
        assert_eq!(peer.0.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        give(asked, peer, &answer)
    });
    onboard(&bench, &server);
}

#[test]
fn reports_that_are_answered_with_a_body_of_nothing_count() {
    let bench = Bench::new();
    let answer = body(unsigned(onboarding()), Encoding::Json);
    let server = Server::start(&bench.parties.tls, move |asked, peer, _| {
        if asked.is(":report-progress") {
            return send(peer, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nContent-Type: text/html\r\n\r\n", b"");
        }
        if asked.is("host-meta") { respond(peer, "404 Not Found", "", b"gone") } else { give(asked, peer, &answer) }
    });
    onboard_trusted(&bench, &server);
}
