//! Servers that keep to the RFCs in their own way (RFC 8040 §3.1, §5.2; CLI-25, CLI-26), and what a device shows to whom.

use conveyed_info::{
    BootstrappingData, Encoding,
    rpc::{BootstrappingAnswer, ErrorTag, ReportingLevel, RestconfError, YANG_DATA_JSON, YANG_DATA_XML},
};
use verdict::ReasonCode;

use super::world::{World, empty, give, giving, nothing, plan, redirect, unsigned};
use crate::{
    BasicCredentials, OutcomeState,
    machine::{Answer, Api, Origin, Request},
};

const A: &str = "192.0.2.1:443";

fn api(request: &Request) -> Option<&Api> {
    match request {
        Request::HostMeta => None,
        Request::BootstrappingData { api, .. } | Request::Progress { api, .. } => Some(api),
    }
}

fn apis(world: &World) -> Vec<Api> {
    world.sim.requests.iter().filter_map(|(_, request)| api(request).cloned()).collect()
}

fn noted(world: &World, step: &str) -> Vec<String> {
    let records = world.sim.records.iter().filter(|record| record.step == step);
    records.map(|record| record.detail.clone()).collect()
}

fn typed(status: u16, media_type: Option<&str>, body: Vec<u8>) -> Answer {
    Answer { media_type: media_type.map(str::to_owned), body, ..empty(status) }
}

fn in_xml(data: &BootstrappingData) -> Vec<u8> {
    let answer = BootstrappingAnswer { reporting_level: ReportingLevel::Verbose, data: data.clone() };
    answer.encode(Encoding::Xml)
}

/// A server that knows nothing but XML, and says so with `refusal`.
fn xml_only(data: BootstrappingData, refusal: Answer) -> impl FnMut(&Request) -> Answer + Send + 'static {
    move |request| match (api(request).map(|api| api.encoding), request) {
        (None, _) => empty(404),
        (Some(Encoding::Json), _) => refusal.clone(),
        (_, Request::BootstrappingData { .. }) => typed(200, Some(YANG_DATA_XML), in_xml(&data)),
        _ => empty(204),
    }
}

#[test]
fn cli_26_a_server_that_speaks_xml_alone_is_spoken_to_in_xml_from_then_on() {
    let malformed = RestconfError::new(ErrorTag::MalformedMessage, "no XML").encode(Encoding::Xml);
    let refusals = [
        empty(406),
        typed(415, Some("text/plain"), b"Unsupported Media Type".to_vec()),
        typed(400, Some(YANG_DATA_XML), malformed),
    ];
    for refusal in refusals {
        let mut world = World::trusting(A);
        world.serve(A, xml_only(unsigned(plan()), refusal));
        let outcome = world.run();
        assert_eq!(outcome.state, OutcomeState::Bootstrapped, "{outcome:?}");
        let encodings: Vec<_> = apis(&world).iter().map(|api| api.encoding).collect();
        assert_eq!(encodings[0], Encoding::Json);
        assert!(encodings.len() > 5 && encodings[1..].iter().all(|it| *it == Encoding::Xml), "{encodings:?}");
        assert_eq!(noted(&world, "asking-in-xml").len(), 1);
    }
}

#[test]
fn cli_26_a_server_that_wants_neither_encoding_is_asked_twice_and_no_more() {
    for status in [400, 406, 415] {
        let mut world = World::trusting(A);
        world.serve(A, move |request| match request {
            Request::HostMeta => empty(404),
            _ => typed(status, Some(YANG_DATA_XML), b"<errors/>".to_vec()),
        });
        let outcome = world.run();
        assert_eq!(outcome.reason, Some(ReasonCode::ServerRefused), "{status}");
        assert_eq!(apis(&world).len(), 2, "{status}");
    }
}

#[test]
fn cli_26_an_answer_of_another_type_is_read_and_the_trace_says_so() {
    let data = unsigned(plan());
    let json = BootstrappingAnswer { reporting_level: ReportingLevel::Minimal, data: data.clone() };
    let json = json.encode(Encoding::Json);
    for (media_type, body) in [
        (Some("application/json"), &json),
        (Some("text/plain"), &json),
        (None, &json),
        (Some("application/xml"), &in_xml(&data)),
        (Some(YANG_DATA_XML), &in_xml(&data)),
    ] {
        let mut world = World::trusting(A);
        let answer = typed(200, media_type, body.clone());
        world.serve(A, move |request| match request {
            Request::HostMeta => empty(404),
            Request::BootstrappingData { .. } => answer.clone(),
            Request::Progress { .. } => empty(204),
        });
        assert_eq!(world.run().state, OutcomeState::Bootstrapped, "{media_type:?}");
        let notes = noted(&world, "answer-read");
        assert!(notes.len() == 1 && notes[0].starts_with("lenient: "), "{media_type:?}: {notes:?}");
    }
    let mut world = World::trusting(A);
    world.serve(A, giving(data, ReportingLevel::Minimal));
    world.run();
    assert_eq!(noted(&world, "answer-read"), [""; 0], "what is right is not worth a note");
}

#[test]
fn a_body_that_is_not_what_its_type_says_is_refused() {
    let mut world = World::trusting(A);
    let answer = typed(200, Some(YANG_DATA_JSON), in_xml(&unsigned(plan())));
    world.serve(A, move |request| if *request == Request::HostMeta { empty(404) } else { answer.clone() });
    assert_eq!(world.run().reason, Some(ReasonCode::ServerAnswerInvalid));
}

#[test]
fn cli_25_a_server_with_another_root_is_asked_there() {
    let xrd = |href: &str| format!("<hm:XRD xmlns:hm='x'><hm:Link rel='restconf' href='{href}'/></hm:XRD>");
    for (status, document, root) in [
        (200, xrd("/top/restconf"), Some("/top/restconf")),
        (200, r#"{"links":[{"rel":"restconf","href":"/json"}]}"#.to_owned(), Some("/json")),
        (404, String::new(), Some("/restconf")),
        (401, String::new(), Some("/restconf")),
        (200, xrd("https://198.51.100.1/restconf"), None),
        (200, String::new(), None),
        (500, String::new(), None),
        (302, String::new(), None),
    ] {
        let mut world = World::trusting(A);
        let meta = typed(status, Some("application/xrd+xml"), document.clone().into_bytes());
        world.serve(A, move |request| if *request == Request::HostMeta { meta.clone() } else { nothing() });
        world.run();
        let asked = apis(&world).first().map(|api| api.root.clone());
        assert_eq!(asked.as_deref(), root, "{status} {document}");
    }
}

#[test]
fn cli_13_a_password_is_shown_to_authenticated_servers_alone() {
    let secret = BasicCredentials::new("SN-42", "open sesame").unwrap();
    let mut world = World::new(Origin::Untrusted, &[A]);
    world.policy.credentials = Some(secret.clone());
    let (promoted, onboarding) = (world.signed(redirect(&[(A, Some(world.anchor()))])), unsigned(plan()));
    world.serve(A, move |request| match request {
        Request::HostMeta => empty(404),
        Request::BootstrappingData { input, .. } if input.signed_data_preferred => {
            give(promoted.clone(), ReportingLevel::Minimal)
        }
        Request::BootstrappingData { .. } => give(onboarding.clone(), ReportingLevel::Minimal),
        Request::Progress { .. } => empty(204),
    });
    assert_eq!(world.run().state, OutcomeState::Bootstrapped);
    let shown: Vec<_> = apis(&world).into_iter().map(|api| api.credentials).collect();
    assert_eq!(shown[0], None, "nobody knows yet who this is");
    assert!(shown.len() > 2 && shown[1..].iter().all(|it| it.as_ref() == Some(&secret)), "{shown:?}");
    // SEC-13: it stands in no trace.
    let trace = serde_json::to_string(&world.sim.records).unwrap();
    assert!(!trace.contains("sesame") && !trace.contains(&secret.authorization()));
}
