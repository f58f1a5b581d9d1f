//! Servers that misbehave on the wire (CLI-27, CLI-28; SEC-09, SEC-10, SEC-20).

use std::{
    io::Write,
    net::Shutdown,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use conveyed_info::{Encoding, rpc::YANG_DATA_JSON};
use rustls::ProtocolVersion;
use socket2::SockRef;

use crate::{
    cases,
    support::{
        bench::Bench,
        parties::{Party, body, host, onboarding, redirect, unsigned},
        server::{Log, Peer, Server, Then, config, config_with_key, give, respond, send, send_for_ever},
    },
};

/// More than a device reads of anything: its limit, and what buffers on the way may hold.
const FAR_TOO_MUCH: u64 = 24 * 1024 * 1024;

/// A rogue whose answer to the one question that matters is `answer`.
fn rogue(answer: impl Fn(&mut Peer, &Log) -> Then + Send + Sync + 'static) -> Server {
    Server::start(&Party::root("rogue"), move |asked, peer, log| {
        if asked.is(":get-bootstrapping-data") { answer(peer, log) } else { give(asked, peer, b"") }
    })
}

fn named(server: &Server) -> Vec<String> {
    vec![server.uri()]
}

/// Sends an octet now and then, for as long as anybody listens.
fn drip(peer: &mut impl Write, octet: u8) -> Then {
    while peer.write_all(&[octet]).and_then(|()| peer.flush()).is_ok() {
        thread::sleep(Duration::from_millis(50));
    }
    Then::Close
}

/// Ends the connection at once, without a word.
fn reset(peer: &Peer) -> Then {
    SockRef::from(&peer.0.sock).set_linger(Some(Duration::ZERO)).unwrap();
    // Closing it now sends a reset; without that, TLS would say goodbye.
    peer.0.sock.shutdown(Shutdown::Read).ok();
    Then::Close
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/yang-data+json\r\n";

cases! {
    drips_the_handshake: "completes a TCP connection and drips the TLS handshake" => ServerUnreachable, |_| {
        named(&Server::raw(|mut socket, _| {
            // The beginning of a record that is far from whole.
            let begun = socket.write_all(&[22, 3, 3, 0x40, 0]);
            drop(begun.map(|()| drip(&mut socket, 0)));
        }))
    };
    never_speaks: "accepts a connection and says nothing" => ServerUnreachable, |_| {
        named(&Server::raw(|_socket, _| thread::sleep(Duration::from_secs(30))))
    };
    drips_its_header: "sends the header of its answer an octet at a time" => ServerUnreachable, |_| {
        named(&rogue(|peer, _| {
            send(peer, "HTTP/1.1 200 OK\r\nX-Slow: ", b"");
            drip(peer, b'a')
        }))
    };
    drips_its_body: "sends the body of its answer an octet at a time" => ServerUnreachable, |_| {
        named(&rogue(|peer, _| {
            send(peer, &format!("{HEAD}Content-Length: 100000\r\n\r\n"), b"");
            drip(peer, b' ')
        }))
    };
    announces_ten_gigabytes: "announces an answer of 10 GB" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, log| {
            send(peer, &format!("{HEAD}Content-Length: 10737418240\r\n\r\n"), b"");
            let then = send_for_ever(peer, log, &[b' '; 16384]);
            assert!(log.sent.load(Ordering::SeqCst) < FAR_TOO_MUCH);
            then
        }))
    };
    never_ends_its_answer: "sends an answer without end, in chunks" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, log| {
            send(peer, &format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n"), b"");
            let chunk = [&b"4000\r\n"[..], &[b' '; 0x4000], b"\r\n"].concat();
            let then = send_for_ever(peer, log, &chunk);
            assert!(log.sent.load(Ordering::SeqCst) < FAR_TOO_MUCH);
            then
        }))
    };
    floods_with_header_fields: "sends header fields without end" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, log| {
            send(peer, HEAD, b"");
            send_for_ever(peer, log, b"X-Flood: 1234567890\r\n")
        }))
    };
    floods_with_interim_answers: "sends interim answers (status 1xx) without end" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, log| send_for_ever(peer, log, b"HTTP/1.1 102 Processing\r\n\r\n")))
    };
    packs_its_answer: "answers with a compressed body, which nobody asked for" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, _| {
            send(peer, &format!("{HEAD}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n"), b"\x1f\x8b\x08")
        }))
    };
    resets_midway: "resets the connection in the middle of an answer" => ServerUnreachable, |_| {
        named(&rogue(|peer, _| {
            send(peer, &format!("{HEAD}Content-Length: 100\r\n\r\n"), b"{\"ietf");
            reset(peer)
        }))
    };
    cuts_the_answer: "closes in the middle of an answer whose length it announced" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, _| {
            send(peer, &format!("{HEAD}Content-Length: 100\r\n\r\n"), b"{\"ietf");
            peer.0.conn.send_close_notify();
            peer.flush().ok();
            Then::Close
        }))
    };
    ends_without_goodbye: "ends an answer of unknown length without TLS's closing alert" => ServerAnswerInvalid, |_| {
        let answer = body(unsigned(redirect("127.0.0.1", 1, None)), Encoding::Json);
        named(&rogue(move |peer, _| {
            send(peer, &format!("{HEAD}\r\n"), &answer);
            peer.0.sock.shutdown(Shutdown::Write).ok();
            Then::Close
        }))
    };
    answers_twice_in_one: "frames its answer in two ways, to smuggle another one" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, _| {
            send(peer, &format!("{HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"), b"0\r\n\r\n{}")
        }))
    };
    speaks_no_http: "speaks something else than HTTP" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, _| send(peer, "220 mail.example ESMTP\r\n", b"")))
    };
    speaks_no_tls: "speaks plain HTTP where TLS is expected" => HandshakeFailed, |_| {
        named(&Server::raw(|mut socket, _| {
            respond(&mut socket, "200 OK", YANG_DATA_JSON, b"{}");
        }))
    };
    redirects_by_http: "redirects to another host by HTTP status 307" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, _| {
            send(peer, "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", b"")
        }))
    };
    moves_its_root: "names a RESTCONF root on another host" => ServerAnswerInvalid, |_| {
        named(&Server::start(&Party::root("rogue"), |_, peer, _| {
            let document = b"<XRD><Link rel='restconf' href='https://127.0.0.1:1/restconf'/></XRD>";
            respond(peer, "200 OK", "application/xrd+xml", document)
        }))
    };
    sends_a_bomb_in_xml: "answers with XML whose entities would grow without end" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, _| {
            let bomb = b"<!DOCTYPE b [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>\
                <output xmlns='urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server'>&b;</output>";
            respond(peer, "200 OK", "application/yang-data+xml", bomb)
        }))
    };
    nests_without_end: "answers with JSON that is nested half a million times" => ServerAnswerInvalid, |_| {
        named(&rogue(|peer, _| {
            let nested = [&b"{\"ietf-sztp-bootstrap-server:output\":"[..], &[b'['; 500_000]].concat();
            respond(peer, "200 OK", YANG_DATA_JSON, &nested)
        }))
    };
    shows_a_stolen_certificate: "shows a certificate whose key it does not have" => HandshakeFailed, |bench| {
        let genuine = bench.parties.tls.issue(host("127.0.0.1"));
        let config = config_with_key(&genuine, &Party::root("thief").key);
        named(&Server::with_config(Arc::new(config), |asked, peer, _| give(asked, peer, b"")))
    };
    insists_on_http_2: "speaks nothing but HTTP/2" => ServerRefused, |_| {
        let mut config = config(&Party::root("rogue").issue(host("127.0.0.1")));
        config.alpn_protocols = vec![b"h2".to_vec()];
        named(&Server::with_config(Arc::new(config), |asked, peer, _| give(asked, peer, b"")))
    };
    redirects_in_a_loop: "redirects to another rogue that redirects back" => RedirectLoop, |_| {
        let rogue = Party::root("rogue");
        let first = Arc::new(std::sync::OnceLock::new());
        let back_to = Arc::clone(&first);
        let second = Server::start(&rogue, move |asked, peer, _| {
            let answer = body(unsigned(redirect("127.0.0.1", *back_to.get().unwrap(), None)), Encoding::Json);
            give(asked, peer, &answer)
        });
        let server = Server::honest(&rogue, unsigned(redirect("127.0.0.1", second.port(), None)));
        first.set(server.port()).unwrap();
        named(&server)
    };
    redirects_for_ever: "redirects to ever new addresses" => RedirectLimit, |_| {
        named(&Server::start(&Party::root("rogue"), |asked, peer, _| {
            let local = peer.0.sock.local_addr().unwrap();
            let std::net::IpAddr::V4(address) = local.ip() else { panic!("{local}") };
            let next = std::net::Ipv4Addr::from(u32::from(address) + 1).to_string();
            give(asked, peer, &body(unsigned(redirect(&next, local.port(), None)), Encoding::Json))
        }))
    };
    redirects_to_this_host: "redirects to an address of this host or of its link" => RedirectTargetBlocked, |_| {
        named(&Server::honest(&Party::root("rogue"), unsigned(redirect("169.254.169.254", 80, None))))
    };
    names_itself_by_an_anchor: "gives an anchor for itself in an unsigned redirect, and then unsigned data"
        => UnsignedOnboardingUntrusted, |_| {
        let rogue = Party::root("rogue");
        let anchor = conveyed_info::information::TrustAnchor::new(std::slice::from_ref(&rogue.certificate)).unwrap();
        let inner = Server::honest(&rogue, unsigned(onboarding()));
        named(&Server::honest(&rogue, unsigned(redirect("127.0.0.1", inner.port(), Some(anchor)))))
    };
    names_ports_that_are_none: "names ports that there are not, by DHCP" => DhcpUriInvalid, |_| {
        ["https://127.0.0.1:0", "https://127.0.0.1:65536", "https://127.0.0.1:443:443", "https://127.0.0.1:-1"]
            .map(str::to_owned)
            .to_vec()
    };
    names_what_is_no_server: "names other schemes, paths and users by DHCP" => DhcpUriInvalid, |_| {
        ["http://127.0.0.1", "file:///etc/passwd", "https://127.0.0.1/path", "https://root@127.0.0.1", "", "\u{0}"]
            .map(str::to_owned)
            .to_vec()
    };
}

#[test]
fn sec_07_tls_1_3_is_preferred_which_hides_the_device_from_bystanders() {
    let bench = Bench::new();
    let data = body(bench.parties.signed(onboarding()), Encoding::Json);
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let versions = Arc::clone(&seen);
    let server = Server::start(&bench.parties.tls, move |asked, peer, _| {
        versions.lock().unwrap().push(peer.0.conn.protocol_version());
        give(asked, peer, &data)
    });
    bench.dhcp.names(&named(&server));
    crate::attempt(&mut bench.device());
    let seen = seen.lock().unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|it| *it == Some(ProtocolVersion::TLSv1_3)), "{seen:?}");
}
