//! Devices that come back, by the thousand and one against another: over the real store, through the real router.

use std::{collections::BTreeMap, time::Duration};

use axum::http::StatusCode;
use conveyed_info::rpc::ProgressType;
use verdict::ReasonCode;

use super::{
    held,
    lab::{DATA, Lab, REPORT, batch, id, onboarded, profile, registered},
};
use crate::{
    audit::{Answer, Basis, Event},
    domain::{Deadlines, Departures, Policies, ProfileName, State, Unregistered},
    store::{Batch, Store},
};

const MANY: usize = 5000;

fn serials(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("SN-{number}")).collect()
}

/// Policies under which every attempt is over as soon as the clock has moved on.
fn impatient() -> Policies {
    let deadlines = Deadlines { attempt: Duration::ZERO, ..Deadlines::default() };
    Policies { deadlines, ..Policies::default() }
}

/// Lets the clock move on: what was committed before lies in the past.
async fn next_millisecond() {
    let then = held::now();
    while held::now() <= then {
        tokio::task::yield_now().await;
    }
}

/// How often each status came.
fn statuses(answers: &[(StatusCode, String)]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for (status, _) in answers {
        *counts.entry(status.as_u16()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_devices_that_reboot_into_their_image_are_served_and_none_is_held() {
    // Design: the reboot after boot-image-installed-rebooting is no return, however long it takes.
    let lab = Lab::new(impatient(), profile("")).await;
    let serials = serials(MANY);
    let rebooting = serials.iter().flat_map(|it| onboarded(it, ProgressType::BootImageInstalledRebooting));
    lab.store.commit(batch(rebooting)).await.unwrap();
    let before = lab.leaves().await;
    next_millisecond().await;
    assert_eq!(statuses(&lab.ask_at_once(&serials, 1).await), [(200, MANY)].into());
    assert_eq!(lab.leaves().await, before + u64::try_from(MANY).unwrap(), "one leaf each");
    for serial in serials.iter().step_by(97) {
        assert_eq!(lab.state(serial).await, Some(State::Onboarding(None)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_bootstrapped_devices_that_come_back_are_held_once_and_approved_in_bulk() {
    let lab = Lab::new(impatient(), profile("")).await;
    let serials = serials(MANY);
    let complete = serials.iter().flat_map(|it| onboarded(it, ProgressType::BootstrapComplete));
    lab.store.commit(batch(complete)).await.unwrap();
    let before = lab.leaves().await;
    next_millisecond().await;
    // Twice each, at once: two requests of one device race for its one leaf.
    let answers = lab.ask_at_once(&serials, 2).await;
    assert_eq!(statuses(&answers), [(404, 2 * MANY)].into());
    assert!(answers.iter().all(|(_, body)| body.contains(ReasonCode::DeviceReturned.as_str())));
    let held = before + u64::try_from(MANY).unwrap();
    assert_eq!(lab.leaves().await, held, "one leaf each");
    // They go on asking.
    assert_eq!(statuses(&lab.ask_at_once(&serials, 1).await), [(404, MANY)].into());
    assert_eq!(lab.leaves().await, held, "and leave none");

    let approve = |serial: &String| Event::DeviceApproved {
        device: id(serial),
        profile: None,
        because: "the rack was moved".to_owned(),
    };
    lab.store.commit(batch(serials.iter().map(approve))).await.unwrap();
    assert_eq!(statuses(&lab.ask_at_once(&serials, 1).await), [(200, MANY)].into());
    for serial in serials.iter().step_by(97) {
        assert_eq!(lab.state(serial).await, Some(State::Onboarding(None)));
    }
}

#[tokio::test]
async fn a_device_may_try_again_within_its_attempt_and_one_that_keeps_nothing_always() {
    let complete = || batch(onboarded("SN-1", ProgressType::BootstrapComplete));
    let lab = Lab::new(Policies::default(), profile("")).await;
    lab.store.commit(complete()).await.unwrap();
    assert_eq!(lab.ask("SN-1", DATA, "{}").await.0, 200, "it did not hear our last word");

    let lab = Lab::new(impatient(), profile("stateless = true\n")).await;
    lab.store.commit(complete()).await.unwrap();
    let before = lab.leaves().await;
    next_millisecond().await;
    assert_eq!(lab.ask("SN-1", DATA, "{}").await.0, 200);
    let bodies = lab.bodies(before).await;
    assert!(bodies[0].contains("device-returned") && bodies[1].contains("answered"), "{bodies:?}");
}

#[tokio::test]
async fn a_redirect_within_the_attempt_lets_nobody_in_after_it() {
    for (more, status) in [("", 404), ("stateless = true\n", 200)] {
        let lab = Lab::new(impatient(), profile(more)).await;
        let redirected = |serial: &str| Event::Answered {
            device: id(serial),
            source: [127, 0, 0, 1].into(),
            certificate: pki::digest::sha256(serial.as_bytes()),
            answer: Answer::Redirect { conveyed_information: pki::digest::sha256(b"redirect") },
            basis: Basis::of(&profile("")),
            departures: Departures::default(),
        };
        let bootstrapped = onboarded("SN-1", ProgressType::BootstrapComplete).into_iter();
        let new = [registered("SN-2"), redirected("SN-2")];
        lab.store.commit(batch(bootstrapped.chain([redirected("SN-1")]).chain(new))).await.unwrap();
        next_millisecond().await;
        assert_eq!(lab.ask("SN-1", DATA, "{}").await.0, status);
        assert_eq!(lab.ask("SN-2", DATA, "{}").await.0, 200, "it has not been here before");
        // Nothing that was decided for a device that came back befalls one in a new attempt.
        let because = "mine".to_owned();
        lab.store.commit(Batch::from(Event::DeviceReprovisioned { device: id("SN-1"), because })).await.unwrap();
        lab.store.commit(Batch::from(redirected("SN-1"))).await.unwrap();
        let (device, source) = (id("SN-1"), [127, 0, 0, 1].into());
        let late = Event::DeviceHeld { device, source, reason: ReasonCode::DeviceReturned };
        assert!(lab.store.commit(Batch::from(late)).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_that_races_with_requests_lets_the_device_through_once() {
    for _ in 0..20 {
        let lab = Lab::new(impatient(), profile("")).await;
        lab.store.commit(batch(onboarded("SN-1", ProgressType::BootstrapComplete))).await.unwrap();
        next_millisecond().await;
        assert_eq!(lab.ask("SN-1", DATA, "{}").await.0, 404);
        let because = "mine".to_owned();
        let approve = Event::DeviceApproved { device: id("SN-1"), profile: None, because };
        let serials = vec!["SN-1".to_owned()];
        let (approved, answers) = tokio::join!(lab.store.commit(Batch::from(approve)), lab.ask_at_once(&serials, 8));
        approved.unwrap();
        assert!(statuses(&answers).keys().all(|status| [200, 404].contains(status)), "{answers:?}");
        // Whatever came first: it is not held again, and the next request is served.
        assert_eq!(lab.ask("SN-1", DATA, "{}").await.0, 200);
        let held = lab.bodies(0).await.iter().filter(|body| body.contains("device-held")).count();
        assert_eq!(held, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_22_a_device_that_is_forgotten_while_it_asks_is_told_what_one_is_told_that_nobody_knows() {
    let lab = Lab::new(Policies { unregistered_per_hour: 1000, ..Policies::default() }, profile("")).await;
    let serials = serials(300);
    lab.store.commit(batch(serials.iter().map(|serial| registered(serial)))).await.unwrap();
    let forget = async {
        let mut forgotten = tokio::task::JoinSet::new();
        for serial in &serials {
            let event = Event::DeviceErased { device: id(serial), because: "on request".to_owned() };
            let store = std::sync::Arc::clone(&lab.store);
            forgotten.spawn(async move { store.commit(Batch::from(event)).await });
            // A few at a time, so that some come between a device's question and its answer.
            tokio::task::yield_now().await;
        }
        for error in forgotten.join_all().await.into_iter().filter_map(Result::err) {
            assert!(error.to_string().contains("being onboarded"), "{error}");
        }
    };
    let (answers, ()) = tokio::join!(lab.ask_at_once(&serials, 1), forget);
    assert!(statuses(&answers).keys().all(|status| [200, 404].contains(status)), "{:?}", statuses(&answers));
}

#[tokio::test]
async fn rcf_22_a_retired_device_is_denied_and_leaves_one_leaf_a_day() {
    let lab = Lab::new(Policies::default(), profile("")).await;
    lab.store.commit(batch(onboarded("SN-1", ProgressType::ConfigInitiated))).await.unwrap();
    let because = "sold".to_owned();
    lab.store.commit(Batch::from(Event::DeviceRetired { device: id("SN-1"), because: because.clone() })).await.unwrap();
    let before = lab.leaves().await;
    for _ in 0..3 {
        let (status, body) = lab.ask("SN-1", DATA, "{}").await;
        assert!(status == 403 && body.contains("access-denied") && body.contains("device-retired"), "{body}");
        assert_eq!(lab.ask("SN-1", REPORT, r#"{"progress-type":"bootstrap-complete"}"#).await.0, 403);
    }
    assert_eq!(lab.leaves().await, before + 1);
    let device = lab.store.dossier(&id("SN-1")).await.unwrap().device.unwrap();
    assert_eq!(device.alarm.map(|alarm| alarm.reason), Some(ReasonCode::DeviceRetired), "somebody should look for it");
    lab.store.commit(Batch::from(Event::DeviceReprovisioned { device: id("SN-1"), because })).await.unwrap();
    assert_eq!(lab.ask("SN-1", DATA, "{}").await.0, 200);
}

#[tokio::test]
async fn srv_19_a_completion_out_of_nothing_is_stored_and_raises_an_alarm_with_it() {
    let lab = Lab::new(Policies::default(), profile("")).await;
    lab.store.commit(Batch::from(registered("SN-1"))).await.unwrap();
    let before = lab.leaves().await;
    for _ in 0..2 {
        assert_eq!(lab.ask("SN-1", REPORT, r#"{"progress-type":"bootstrap-complete"}"#).await.0, 204);
    }
    let events: Vec<_> = lab.bodies(before).await;
    assert_eq!(events.len(), 3, "two reports, one alarm: {events:?}");
    assert!(events[0].contains("progress-reported") && events[1].contains("report-without-onboarding"), "{events:?}");
    let device = lab.store.dossier(&id("SN-1")).await.unwrap().device.unwrap();
    assert_eq!((device.state, device.alarm.unwrap().reason), (State::Registered, ReasonCode::ReportWithoutOnboarding));
    assert_eq!(lab.store.reports(&id("SN-1")).await.unwrap().len(), 2);
    // Somebody looked into it.
    let cleared = |because: &str| Batch::from(Event::AlarmCleared { device: id("SN-1"), because: because.to_owned() });
    lab.store.commit(cleared("its agent is old")).await.unwrap();
    assert_eq!(lab.store.dossier(&id("SN-1")).await.unwrap().device.unwrap().alarm, None);
    assert!(lab.store.commit(cleared("twice")).await.unwrap_err().to_string().contains("no alarm"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn srv_09_a_flood_of_unregistered_devices_is_bounded_and_counted() {
    let policies = |unregistered| Policies { unregistered, unregistered_per_hour: 10, ..Policies::default() };
    for (unregistered, first, beyond) in [(Unregistered::Hold, 404, 503), (Unregistered::Refuse, 404, 404)] {
        let mut lab = Lab::new(policies(unregistered), profile("")).await;
        let before = lab.leaves().await;
        let answers = lab.ask_at_once(&serials(200), 1).await;
        let mut expected = BTreeMap::from([(first, 10)]);
        *expected.entry(beyond).or_default() += 190;
        assert_eq!(statuses(&answers), expected);
        assert_eq!(lab.leaves().await, before + 10);
        let rejected = lab.rejected.next().await.unwrap();
        assert_eq!(rejected.refusal.reason, ReasonCode::UnregisteredFlood);
        let (text, shed) = (lab.metrics.encode(), if beyond == 503 { 190 } else { 0 });
        let counted = text.contains(&format!("sztp_shed_total{{reason=\"newcomers\"}} {shed}\n"));
        assert_eq!(counted, shed > 0, "{text}");
        assert!(text.contains("sztp_refusals_total{reason=\"unregistered-flood\"} 190\n"), "once each: {text}");
        // Registered devices are not touched by it.
        lab.store.commit(Batch::from(registered("KNOWN"))).await.unwrap();
        assert_eq!(lab.ask("KNOWN", DATA, "{}").await.0, 200);
    }
}

#[tokio::test]
async fn an_unregistered_device_is_admitted_once_its_voucher_is_there() {
    let admit = Unregistered::AdmitWithVoucher { profile: ProfileName::new("bmc").unwrap() };
    let lab = Lab::new(Policies { unregistered: admit, ..Policies::default() }, profile("")).await;
    assert_eq!(lab.ask("SN-1", DATA, "{}").await.0, 404);
    assert_eq!(lab.state("SN-1").await, Some(State::Held(ReasonCode::DeviceUnknown)));
    let voucher = conveyed_info::OwnershipVoucher::from_der([0x30, 0]).unwrap();
    lab.store.commit(Batch::from(Event::VoucherStored { device: id("SN-1"), voucher })).await.unwrap();
    assert_eq!(lab.ask("SN-1", DATA, "{}").await.0, 200);
    assert_eq!(lab.state("SN-1").await, Some(State::Onboarding(None)));
}

#[tokio::test]
async fn a_policy_that_admits_with_a_profile_which_is_gone_holds_devices_until_it_is_back() {
    let admit = Unregistered::AdmitWithVoucher { profile: ProfileName::new("bmc").unwrap() };
    let lab = Lab::new(Policies { unregistered: admit, ..Policies::default() }, profile("")).await;
    let voucher = conveyed_info::OwnershipVoucher::from_der([0x30, 0]).unwrap();
    lab.store.commit(Batch::from(Event::VoucherStored { device: id("SN-1"), voucher })).await.unwrap();
    lab.store.commit(Batch::from(Event::ProfileRemoved { profile: profile("").name })).await.unwrap();
    for _ in 0..2 {
        let (status, body) = lab.ask("SN-1", DATA, "{}").await;
        assert_eq!(status, 404, "it is no fault of the device, and none that passes: {body}");
        assert_eq!(lab.state("SN-1").await, Some(State::Held(ReasonCode::DeviceUnknown)));
    }
    lab.store.commit(Batch::from(Event::ProfileApplied { profile: Box::new(profile("")) })).await.unwrap();
    assert_eq!(lab.ask("SN-1", DATA, "{}").await.0, 200);
}

#[tokio::test]
async fn rcf_05_what_a_device_reports_and_gets_is_its_own() {
    let lab = Lab::new(Policies::default(), profile("")).await;
    lab.store.commit(batch([registered("SN-1"), registered("SN-2")])).await.unwrap();
    assert_eq!(lab.ask("SN-1", DATA, "{}").await.0, 200);
    assert_eq!(lab.ask("SN-1", REPORT, r#"{"progress-type":"bootstrap-complete"}"#).await.0, 204);
    // Nothing in a request names a device: what claims to is refused.
    assert_eq!(lab.ask("SN-1", DATA, r#"{"serial-number":"SN-2"}"#).await.0, 400);
    assert_eq!(lab.state("SN-1").await, Some(State::Bootstrapped));
    assert_eq!(lab.state("SN-2").await, Some(State::Registered));
    assert!(lab.store.reports(&id("SN-2")).await.unwrap().is_empty());
}
