//! Errors in every dress: the device understands why, and goes on to the next server.

use conveyed_info::{
    Encoding,
    rpc::{ErrorTag, RestconfError, YANG_DATA_JSON, YANG_DATA_XML},
};
use verdict::ReasonCode;

use crate::{
    succeed,
    support::{
        bench::Bench,
        parties::onboarding,
        server::{Server, give, respond},
    },
};

/// A server that answers with this error stands before a good one. Gives what was made of the error.
fn passed_over(status: &'static str, kind: &'static str, error: Vec<u8>) -> (ReasonCode, String) {
    let bench = Bench::new();
    let failing = Server::start(&bench.parties.tls, move |asked, peer, _| {
        if asked.is(":get-bootstrapping-data") { respond(peer, status, kind, &error) } else { give(asked, peer, b"") }
    });
    let good = Server::honest(&bench.parties.tls, bench.parties.signed(onboarding()));
    bench.dhcp.names(&[failing.uri(), good.uri()]);
    let attempt = succeed(&bench);
    let passed = &attempt.outcome.passed_over[0];
    (passed.reason, passed.detail.clone())
}

#[test]
fn cli_28_errors_are_understood_whatever_they_are_wrapped_in() {
    let error = RestconfError::new(ErrorTag::AccessDenied, "go away");
    let xml = error.encode(Encoding::Xml);
    let wrapped = [b"<content-data>", &xml[..], b"</content-data>"].concat();
    for (kind, body) in [
        (YANG_DATA_JSON, error.encode(Encoding::Json)),
        ("application/json", error.encode(Encoding::Json)),
        (YANG_DATA_XML, xml),
        (YANG_DATA_XML, wrapped),
    ] {
        let (reason, detail) = passed_over("403 Forbidden", kind, body);
        assert_eq!(
            (reason, detail.as_str()),
            (ReasonCode::ServerRefused, "status 403, access-denied: go away"),
            "{kind}"
        );
    }
}

#[test]
fn cli_28_a_text_is_quoted_and_a_refusal_without_a_challenge_is_one() {
    let (reason, detail) = passed_over("401 Unauthorized", "text/plain", b"who are you?".to_vec());
    assert_eq!((reason, detail.as_str()), (ReasonCode::ServerRefused, "status 401: who are you?"));
    let (reason, _) = passed_over("401 Unauthorized", "", Vec::new());
    assert_eq!(reason, ReasonCode::ServerRefused);
}

#[test]
fn cli_28_nothing_for_this_device_is_told_from_no_server_at_all() {
    for tag in [ErrorTag::InvalidValue, ErrorTag::DataMissing] {
        let error = RestconfError::new(tag, "nothing").encode(Encoding::Json);
        assert_eq!(passed_over("404 Not Found", YANG_DATA_JSON, error).0, ReasonCode::NothingForThisDevice);
    }
    assert_eq!(passed_over("404 Not Found", "text/html", b"<html/>".to_vec()).0, ReasonCode::ServerAnswerInvalid);
}

#[test]
fn cli_28_a_server_that_trips_over_the_request_costs_no_more_than_itself() {
    let (reason, detail) = passed_over("500 Internal Server Error", "text/plain", b"KeyError: 'nonce'".to_vec());
    assert_eq!(reason, ReasonCode::ServerAnswerInvalid);
    assert!(detail.contains("500") && detail.contains("KeyError"), "{detail}");
}
