//! What looks old or odd and counts all the same.

use std::fs;

use conveyed_info::voucher::{Freshness, Nonce};
use device_client::OutcomeState;
use verdict::{Outcome, ReasonCode};

use crate::support::{
    bench::{Bench, attempt},
    parties::{Party, now, onboarding},
    server::Server,
};

/// The notes of a check, in all decisions.
fn notes(records: &[device_client::Record], name: &str) -> Vec<String> {
    let checks = records.iter().flat_map(|record| record.checks.checks()).filter(|check| check.check == name);
    checks.filter(|check| check.outcome == Outcome::Skipped).filter_map(|check| check.note.clone()).collect()
}

#[test]
fn sec_18_older_data_that_still_counts_is_accepted_as_not_fresh() {
    let bench = Bench::new();
    // Made by the owner long before whatever came later, and kept by somebody.
    let mut draft = bench.parties.draft(onboarding());
    draft.voucher.created_on = Some(now().plus_seconds(-86_400 * 365));
    let server = Server::honest(&Party::root("somebody"), draft.finish());
    bench.dhcp.names(&[server.uri()]);
    let attempt = attempt(&mut bench.device());
    assert_eq!(attempt.outcome.state, OutcomeState::Bootstrapped, "{:#?}", attempt.outcome);
    let notes = notes(&attempt.records, "conveyed-information-freshness");
    assert!(notes.len() == 1 && notes[0].starts_with("not-fresh"), "{notes:?}");
}

#[test]
fn dev_14_without_a_clock_dates_do_not_count_and_the_nonce_does() {
    let bench = Bench::with_settings("clock = 'untrusted'", "");
    let mut draft = bench.parties.draft(onboarding());
    draft.voucher.freshness = Freshness::Nonce(Nonce::for_request(vec![9; 32]).unwrap());
    let rogue = Server::honest(&Party::root("rogue"), draft.finish());
    draft.voucher.freshness = Freshness::ExpiresOn { expires_on: now().plus_seconds(-60), last_renewal_date: None };
    let expired = Server::honest(&bench.parties.tls, draft.finish());
    bench.dhcp.names(&[rogue.uri(), expired.uri()]);
    let attempt = attempt(&mut bench.device());
    assert_eq!(attempt.outcome.state, OutcomeState::Bootstrapped, "{:#?}", attempt.outcome);
    assert_eq!(attempt.outcome.passed_over[0].reason, ReasonCode::VoucherNonceMismatch);
}

#[test]
fn sec_02_dev_13_what_the_network_says_of_the_time_makes_no_clock() {
    let bench = Bench::with_settings("clock = 'untrusted'", "");
    let data = conveyed_info::Encoding::Json;
    let mut draft = bench.parties.draft(onboarding());
    // By the server's `Date`, this voucher is from the future.
    draft.voucher.created_on = Some(now());
    let body = crate::support::parties::body(draft.finish(), data);
    let server = Server::start(&bench.parties.tls, move |asked, peer, _| {
        let status = if asked.is(":get-bootstrapping-data") { "200 OK" } else { "404 Not Found" };
        let date = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: application/yang-data+json";
        let head = format!("HTTP/1.1 {status}\r\n{date}\r\nContent-Length: {}\r\n\r\n", body.len());
        crate::support::server::send(peer, &head, &body)
    });
    bench.dhcp.names(&[server.uri()]);
    let attempt = attempt(&mut bench.device());
    assert_eq!(attempt.outcome.state, OutcomeState::Bootstrapped, "{:#?}", attempt.outcome);
    assert!(attempt.records.iter().all(|record| record.time.is_none()), "no record has a time");
    let dates = notes(&attempt.records, "voucher-dates");
    assert!(dates.iter().all(|note| note.contains("clock untrusted")) && !dates.is_empty(), "{dates:?}");
}

#[test]
fn sec_03_an_accepted_voucher_moves_the_lower_bound_and_survives_a_reset() {
    let bench = Bench::with_settings("clock = 'untrusted'", "");
    let mut draft = bench.parties.draft(onboarding());
    let created_on = now().plus_seconds(86_400);
    draft.voucher.created_on = Some(created_on);
    let server = Server::honest(&bench.parties.tls, draft.finish());
    bench.dhcp.names(&[server.uri()]);
    let mut device = bench.device();
    assert_eq!(attempt(&mut device).outcome.state, OutcomeState::Bootstrapped);
    drop(device);
    device_client::state::reset(&bench.root()).unwrap();
    let seen = fs::read_to_string(bench.root().join("vouchers.seen")).unwrap();
    assert!(seen.contains(&created_on.to_string()), "{seen}");

    // An older one of the same owner still counts, and is noted.
    draft.voucher.created_on = Some(now());
    bench.dhcp.names(&[Server::honest(&bench.parties.tls, draft.finish()).uri()]);
    let attempt = attempt(&mut bench.device());
    assert_eq!(attempt.outcome.state, OutcomeState::Bootstrapped, "{:#?}", attempt.outcome);
    let dates = notes(&attempt.records, "voucher-dates");
    assert!(dates.len() == 1 && dates[0].contains(&created_on.to_string()), "{dates:?}");
    assert!(dates[0].ends_with("before that bound"), "{dates:?}");
}

#[test]
fn sec_04_a_revocation_list_is_fetched_over_the_wire() {
    let bench = Bench::new();
    let list = bench.parties.owner_ca.revocation_list();
    let lists = Server::raw(move |mut socket, log| {
        let asked = crate::support::server::request(&mut socket).unwrap();
        log.asked.lock().unwrap().push(asked);
        crate::support::server::respond(&mut socket, "200 OK", "application/pkix-crl", &list);
    });
    let owner = bench.parties.owner_with_list(&format!("http://{}/owner.crl", lists.address));
    let mut draft = bench.parties.draft(onboarding());
    draft.voucher.domain_cert_revocation_checks = Some(true);
    (draft.signer, draft.bag) = (&owner, vec![owner.certificate.clone()]);
    bench.dhcp.names(&[Server::honest(&bench.parties.tls, draft.finish()).uri()]);
    let attempt = attempt(&mut bench.device());
    assert_eq!(attempt.outcome.state, OutcomeState::Bootstrapped, "{:#?}", attempt.outcome);
    assert_eq!(lists.log.requests()[0].target, "/owner.crl");
    assert!(lists.log.requests()[0].fields.to_lowercase().contains("host: 127.0.0.1"));
}
