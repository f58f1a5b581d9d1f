//! JSON, XML, and what servers call them.

use conveyed_info::{
    Encoding,
    rpc::{BootstrappingRequest, ErrorTag, RestconfError, YANG_DATA_JSON, YANG_DATA_XML},
};

use crate::{
    details, onboard, onboard_trusted,
    support::{
        bench::Bench,
        parties::{body, onboarding, unsigned},
        server::{Asked, Peer, Server, Then, give, respond},
    },
};

/// A server that answers every request whose body is not XML with `status` and this body.
fn xml_only(bench: &Bench, status: &'static str, kind: &'static str, refusal: Vec<u8>) -> Server {
    let answer = body(unsigned(onboarding()), Encoding::Xml);
    Server::start(&bench.parties.tls, move |asked, peer, _| {
        if asked.is("host-meta") || asked.field("Content-Type") == Some(YANG_DATA_XML) {
            in_xml(asked, peer, &answer)
        } else {
            respond(peer, status, kind, &refusal)
        }
    })
}

fn in_xml(asked: &Asked, peer: &mut Peer, answer: &[u8]) -> Then {
    if asked.is(":get-bootstrapping-data") {
        BootstrappingRequest::decode(&asked.body, Encoding::Xml).unwrap();
        respond(peer, "200 OK", YANG_DATA_XML, answer)
    } else {
        give(asked, peer, b"")
    }
}

#[test]
fn cli_26_a_server_that_knows_xml_alone_is_spoken_to_in_xml() {
    let malformed = RestconfError::new(ErrorTag::MalformedMessage, "what is this?").encode(Encoding::Xml);
    for (status, kind, refusal) in [
        ("415 Unsupported Media Type", "text/html", b"<html>no</html>".to_vec()),
        ("406 Not Acceptable", "", Vec::new()),
        ("400 Bad Request", YANG_DATA_XML, malformed),
    ] {
        let bench = Bench::new();
        let server = xml_only(&bench, status, kind, refusal);
        let attempt = onboard_trusted(&bench, &server);
        assert_eq!(details(&attempt.records, "asking-in-xml").len(), 1, "{status}");
        let reports = server.log.reports();
        assert_eq!(reports.first().map(String::as_str), Some("bootstrap-initiated"), "{status}");
        let asked = server.log.requests();
        let of_xml = |it: &&Asked| it.field("Content-Type") == Some(YANG_DATA_XML);
        assert_eq!(asked.iter().filter(of_xml).count(), reports.len() + 1, "{status}: all but the first question");
        assert!(asked.iter().filter(of_xml).all(|it| it.field("Accept") == Some(YANG_DATA_XML)), "{status}");
    }
}

#[test]
fn cli_26_accept_is_exactly_one_type_and_bodies_are_named_without_parameters() {
    let bench = Bench::new();
    let answer = body(unsigned(onboarding()), Encoding::Json);
    // As strict as servers get: anything else is not acceptable, or not understood.
    let server = Server::start(&bench.parties.tls, move |asked, peer, _| {
        let strict =
            asked.field("Accept") == Some(YANG_DATA_JSON) && asked.field("Content-Type") == Some(YANG_DATA_JSON);
        if asked.is("host-meta") || strict {
            give(asked, peer, &answer)
        } else {
            respond(peer, "406 Not Acceptable", "text/plain", b"")
        }
    });
    let attempt = onboard_trusted(&bench, &server);
    assert_eq!(details(&attempt.records, "asking-in-xml"), [""; 0]);
    assert_eq!(details(&attempt.records, "answer-read"), [""; 0]);
}

#[test]
fn cli_26_answers_with_another_label_are_read_and_the_trace_says_so() {
    for (kind, encoding) in [
        ("application/json", Encoding::Json),
        ("application/yang-data+json; charset=utf-8", Encoding::Json),
        ("text/plain", Encoding::Json),
        ("", Encoding::Json),
        ("application/xml", Encoding::Xml),
        ("text/xml", Encoding::Xml),
        (YANG_DATA_XML, Encoding::Xml),
    ] {
        let bench = Bench::new();
        let answer = body(bench.parties.signed(onboarding()), encoding);
        let server = Server::start(&bench.parties.tls, move |asked, peer, _| {
            if asked.is(":get-bootstrapping-data") {
                respond(peer, "200 OK", kind, &answer)
            } else {
                give(asked, peer, b"")
            }
        });
        let attempt = onboard(&bench, &server);
        let notes = details(&attempt.records, "answer-read");
        let expected = usize::from(!kind.starts_with(YANG_DATA_JSON));
        assert_eq!(notes.len(), expected, "{kind}: {notes:?}");
        assert!(notes.iter().all(|it| it.starts_with("lenient: ")), "{kind}: {notes:?}");
    }
}

#[test]
fn cli_25_the_root_is_found_whatever_host_meta_looks_like() {
    for (status, kind, document, root) in [
        (
            "200 OK",
            "application/xrd+xml",
            "<XRD xmlns='x'><Link rel='restconf' href='/top/restconf'/></XRD>",
            "/top/restconf",
        ),
        (
            "200 OK",
            "application/xml",
            "<a:XRD xmlns:a='x'>\n<a:Link href=\"/a/\" rel=\"restconf\"></a:Link></a:XRD>",
            "/a",
        ),
        ("200 OK", "application/json", "{\"links\":[{\"rel\":\"restconf\",\"href\":\"/json\"}]}", "/json"),
        ("404 Not Found", "text/html", "<html>404</html>", "/restconf"),
        ("401 Unauthorized", "text/plain", "no", "/restconf"),
    ] {
        let bench = Bench::new();
        let answer = body(unsigned(onboarding()), Encoding::Json);
        let server = Server::start(&bench.parties.tls, move |asked, peer, _| {
            if asked.is("host-meta") {
                respond(peer, status, kind, document.as_bytes())
            } else {
                assert!(asked.target.starts_with(&format!("{root}/operations/")), "{}", asked.target);
                give(asked, peer, &answer)
            }
        });
        onboard_trusted(&bench, &server);
    }
}
