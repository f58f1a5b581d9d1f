//! Finding devices, and what is known about each.

use std::time::Duration;

use audit_log::UnixMillis;
use bootstrap_server::{
    audit::{Event, ReportedKey},
    domain::{
        Deadlines, Departures, DeviceId, Manufacturer, ManufacturerName, OnboardingProfile, Particulars, ProfileName,
        waiting::stuck,
    },
    store::{Alarmed, Batch, DeviceFilter, MAX_REPORTS, Page, Place, Store, Stuck},
};
use conveyed_info::rpc::ProgressType;
use verdict::ReasonCode;

use super::{Home, now, registered, reported, said};
use crate::support::{device_id, profile, serial};

async fn found(store: &dyn Store, filter: DeviceFilter) -> Vec<String> {
    let page = Page { after: None, limit: 100 };
    let devices = store.devices(&filter, page).await.unwrap();
    devices.into_iter().map(|device| device.id.serial_number.as_str().to_owned()).collect()
}

fn place(host: &str, rack: &str) -> Particulars {
    Particulars { host: Some(host.to_owned()), rack: Some(rack.to_owned()), ..Particulars::default() }
}

pub async fn devices_are_found_by_each_filter(home: &Home) {
    let store = home.with(&["A-1"]).await;
    store.commit(registered("A-2", place("db1", "r7")).into()).await.unwrap();
    let uuid = "123e4567-e89b-12d3-a456-426614174000";
    let with_uuid = Particulars { uuid: Some(uuid.parse().unwrap()), ..place("db2", "r7") };
    store.commit(registered("B-1", with_uuid).into()).await.unwrap();
    let alarm = Event::AlarmRaised {
        device: device_id("B-1"),
        source: [127, 0, 0, 1].into(),
        alarm: ReasonCode::DeviceReturned,
    };
    store.commit(alarm.into()).await.unwrap();

    let by = |change: fn(&mut DeviceFilter)| {
        let mut filter = DeviceFilter::default();
        change(&mut filter);
        found(&store, filter)
    };
    assert_eq!(by(|_| {}).await, ["A-1", "A-2", "B-1"]);
    assert_eq!(by(|it| it.state = Some("vouched".to_owned())).await, ["A-1"]);
    assert_eq!(by(|it| it.rack = Some("r7".to_owned())).await, ["A-2", "B-1"]);
    assert_eq!(by(|it| it.host = Some("db2".to_owned())).await, ["B-1"]);
    assert_eq!(by(|it| it.uuid = "123E4567-E89B-12D3-A456-426614174000".parse().ok()).await, ["B-1"]);
    assert_eq!(by(|it| it.serial_prefix = Some("A-".to_owned())).await, ["A-1", "A-2"]);
    assert_eq!(by(|it| it.serial_number = Some(serial("A-1"))).await, ["A-1"]);
    assert_eq!(by(|it| it.serial_number = Some(serial("A-"))).await, Vec::<String>::new());
    assert_eq!(by(|it| it.alarmed = Some(Alarmed)).await, ["B-1"]);
    assert_eq!(by(|it| it.profile = Some(profile().name)).await.len(), 3);
    assert_eq!(by(|it| it.manufacturer = ManufacturerName::new("other").ok()).await, Vec::<String>::new());
    let both = |it: &mut DeviceFilter| {
        it.rack = Some("r7".to_owned());
        it.serial_prefix = Some("B".to_owned());
    };
    assert_eq!(by(both).await, ["B-1"]);

    let deadlines = Deadlines::default();
    let late = UnixMillis(now().0 + u64::try_from(deadlines.first_contact.as_millis()).unwrap() + 60_000);
    for (now, stuck) in [(now(), vec![]), (late, vec!["A-1", "A-2", "B-1"])] {
        let filter = DeviceFilter { stuck: Some(Stuck { now, deadlines }), ..DeviceFilter::default() };
        assert_eq!(found(&store, filter).await, stuck);
    }
    store.close().await;
}

pub async fn devices_come_in_pages(home: &Home) {
    let store = home.with(&[]).await;
    for number in 0..7 {
        store.commit(registered(&format!("P-{number}"), Particulars::default()).into()).await.unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.devices(&DeviceFilter::default(), Page { after, limit: 3 }).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        seen.push(page.len());
    }
    assert_eq!(seen, [3, 3, 1]);
    store.close().await;
}

pub async fn a_census_counts_by_state_deadline_and_alarm(home: &Home) {
    let store = home.with(&["A-1", "A-2"]).await;
    store.commit(registered("B-1", Particulars::default()).into()).await.unwrap();
    let (source, alarm) = ([127, 0, 0, 1].into(), ReasonCode::DeviceReturned);
    store.commit(Event::AlarmRaised { device: device_id("A-1"), source, alarm }.into()).await.unwrap();
    let lines = |census: Vec<bootstrap_server::store::Census>| -> Vec<_> {
        census.into_iter().map(|line| (line.state, line.devices, line.stuck, line.alarmed)).collect()
    };
    let deadlines = Deadlines::default();
    let census = lines(store.census(now(), deadlines).await.unwrap());
    assert_eq!(census, [("registered", 1, 0, 0), ("vouched", 2, 0, 1)]);
    let impatient = Deadlines { first_contact: Duration::ZERO, ..deadlines };
    let later = UnixMillis(now().0 + 1000);
    let census = lines(store.census(later, impatient).await.unwrap());
    assert_eq!(census, [("registered", 1, 1, 0), ("vouched", 2, 2, 1)]);
    store.close().await;
}

pub async fn one_serial_number_of_two_makers(home: &Home) {
    let store = home.with(&["A-1"]).await;
    let other = ManufacturerName::new("a-rival").unwrap();
    let manufacturer = Manufacturer::new(other.clone(), home.site.maker.device_anchors().to_vec());
    let device = DeviceId { manufacturer: other.clone(), serial_number: serial("A-1") };
    let registered =
        Event::DeviceRegistered { device: device.clone(), profile: profile().name, particulars: Box::default() };
    store.commit(Batch::from(Event::ManufacturerAdded { manufacturer }).and(registered)).await.unwrap();
    assert_eq!(store.devices_named(&serial("A-1")).await.unwrap(), [device, device_id("A-1")]);
    assert_eq!(store.manufacturers().await.unwrap().len(), 2);
    assert!(store.devices_named(&serial("A-2")).await.unwrap().is_empty());
    store.close().await;
}

pub async fn reports_come_back_with_their_keys(home: &Home) {
    let store = home.with(&["SN-1", "SN-2"]).await;
    let key = |kind: &str, data: u8| ReportedKey { kind: kind.to_owned(), data: vec![data; 3] };
    let keys = vec![key("ssh-ed25519", 1), key("ecdsa-sha2-nistp256", 0), key("trust-anchor-cert", 2)];
    let complete = |device, keys| {
        let (source, report, message) = ([127, 0, 0, 1].into(), ProgressType::BootstrapComplete, None);
        Event::ProgressReported { device, source, report, keys, message, departures: Departures::default() }
    };
    store.commit(said("first")).await.unwrap();
    store.commit(complete(device_id("SN-1"), keys.clone()).into()).await.unwrap();
    store.commit(complete(device_id("SN-2"), vec![key("other", 9)]).into()).await.unwrap();
    store.commit(said("last")).await.unwrap();
    let reports = store.reports(&device_id("SN-1")).await.unwrap();
    assert_eq!(reports.len(), 3);
    assert_eq!(reports[1].keys, keys);
    assert!(reports[0].keys.is_empty() && reports[2].keys.is_empty());
    assert_eq!(reports[2].message.as_deref(), Some("last"));
    store.close().await;
}

/// A device may report without end; what is read back of it stays bounded, and is the latest.
pub async fn the_latest_of_many_reports_come_back(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let key = ReportedKey { kind: "ssh-ed25519".to_owned(), data: vec![1; 3] };
    let (device, source, keys) = (device_id("SN-1"), [127, 0, 0, 1].into(), vec![key]);
    let (report, departures) = (ProgressType::BootstrapComplete, Departures::default());
    let with_keys = || Event::ProgressReported {
        device: device.clone(),
        source,
        report,
        keys: keys.clone(),
        message: Some("keys".to_owned()),
        departures: departures.clone(),
    };
    let mut batch = Batch::from(with_keys());
    for number in 0..MAX_REPORTS {
        batch = batch.and(reported(device.clone(), &number.to_string()));
    }
    store.commit(batch.and(with_keys())).await.unwrap();
    let reports = store.reports(&device).await.unwrap();
    assert_eq!(reports.len(), usize::try_from(MAX_REPORTS).unwrap());
    assert_eq!((reports[0].message.as_deref(), reports[0].keys.len()), (Some("1"), 0));
    let last = reports.last().unwrap();
    assert_eq!((last.message.as_deref(), &last.keys), (Some("keys"), &keys));
    store.close().await;
}

pub async fn a_record_is_found_by_its_device(home: &Home) {
    let store = home.with(&["SN-1", "SN-2"]).await;
    store.commit(said("once more")).await.unwrap();
    let history = store.history(&device_id("SN-1"), Place::FIRST, 10).await.unwrap();
    let positions: Vec<_> = history.iter().map(|record| record.position.0).collect();
    assert_eq!(positions, [2, 3, 6]);
    assert!(history.iter().all(|record| {
        record.leaf().unwrap().opens_with(&record.opening.as_ref().unwrap().0, &record.opening.as_ref().unwrap().1)
    }));
    let rest = store.history(&device_id("SN-1"), Place { position: history[1].position, ..Place::FIRST }, 1).await;
    assert_eq!(rest.unwrap()[0].position.0, 3);
    for (limit, expected) in [(2, &[3, 6][..]), (10, &[2, 3, 6]), (0, &[])] {
        let latest = store.latest(&device_id("SN-1"), limit).await.unwrap();
        let positions: Vec<_> = latest.iter().map(|record| record.position.0).collect();
        assert_eq!(positions, expected, "the latest {limit}, oldest first");
    }
    store.close().await;
}

/// The statement that finds stuck devices says what the rule says of each.
pub async fn a_thousand_profiles_may_have_deadlines_of_their_own(home: &Home) {
    let store = home.with(&[]).await;
    let name = |number: u32| ProfileName::new(format!("p-{number:04}")).unwrap();
    let profiles = (1..=1200).map(|number: u32| {
        // Each two of the last four hundred alike.
        let minutes = if number > 800 { number / 2 } else { number };
        let document =
            format!("post-configuration-script = 'x'\n[deadlines]\nprogress = '{minutes}m'\nattempt = '3000m'\n");
        Event::ProfileApplied { profile: Box::new(OnboardingProfile::from_toml(name(number), &document).unwrap()) }
    });
    store.commit(profiles.map(Batch::from).reduce(|all, one| all.and(one.events()[0].clone())).unwrap()).await.unwrap();
    let now = now();
    for number in [1, 400, 850, 851, 1200] {
        let device = registered(&format!("S-{number}"), Particulars::default());
        store.commit(device.into()).await.unwrap();
        let since = i64::try_from(now.0).unwrap() - 420 * 60_000;
        let profile = name(number);
        let statement = format!(
            "UPDATE device SET state = 'onboarding', since = {since}, attempt_since = {since}, profile = '{profile}' \
             WHERE serial_number = 'S-{number}'"
        );
        (home.execute)(&home.location, &statement);
    }
    let deadlines = Deadlines::default();
    let census = store.census(now, deadlines).await.unwrap();
    assert_eq!(census.iter().map(|line| (line.devices, line.stuck)).collect::<Vec<_>>(), [(5, 2)]);
    let filter = DeviceFilter { stuck: Some(Stuck { now, deadlines }), ..DeviceFilter::default() };
    let found = store.devices(&filter, Page { after: None, limit: 10 }).await.unwrap();
    let found: Vec<_> = found.iter().map(|device| device.id.serial_number.as_str()).collect();
    assert_eq!(found, ["S-1", "S-400"]);
    store.close().await;
}

pub async fn the_database_and_the_rule_agree_on_who_is_stuck(home: &Home) {
    let store = home.with(&[]).await;
    let slow = "post-configuration-script = 'x'\n[deadlines]\nprogress = '3h'\nattempt = '20h'\n";
    let slow = OnboardingProfile::from_toml(ProfileName::new("slow").unwrap(), slow).unwrap();
    store.commit(Event::ProfileApplied { profile: Box::new(slow.clone()) }.into()).await.unwrap();
    // Ages in hours; those below zero are of records from the future.
    let ages = [-50, -1, 0, 2, 5, 30, 800];
    let states = ["registered", "vouched", "redirected", "onboarding", "bootstrapped", "retired"];
    let (now, mut statements, mut number) = (now(), String::new(), 0);
    let ago = |hours: i64| i64::try_from(now.0).unwrap() - hours * 3_600_000;
    for state in states {
        for since in ages {
            for (attempt, profile) in [(None, "bmc"), (Some(5), "bmc"), (Some(30), "bmc"), (Some(5), "slow")] {
                number += 1;
                let device = registered(&format!("S-{number}"), Particulars::default());
                store.commit(device.into()).await.unwrap();
                let attempt = attempt.map_or_else(|| "NULL".to_owned(), |hours| ago(hours).to_string());
                statements.push_str(&format!(
                    "UPDATE device SET state = '{state}', since = {}, attempt_since = {attempt}, profile = '{profile}' \
                     WHERE serial_number = 'S-{number}'; ",
                    ago(since)
                ));
            }
        }
    }
    (home.execute)(&home.location, &statements);
    let deadlines = Deadlines::default();
    let all = store.devices(&DeviceFilter::default(), Page { after: None, limit: 1000 }).await.unwrap();
    let expected: Vec<_> = all
        .iter()
        .filter(|device| {
            let own = device.profile.as_ref() == Some(&slow.name);
            stuck(device, now, if own { deadlines.with(slow.patience) } else { deadlines }).is_some()
        })
        .map(|device| device.id.clone())
        .collect();
    let filter = DeviceFilter { stuck: Some(Stuck { now, deadlines }), ..DeviceFilter::default() };
    let found = store.devices(&filter, Page { after: None, limit: 1000 }).await.unwrap();
    assert_eq!(found.into_iter().map(|device| device.id).collect::<Vec<_>>(), expected);
    assert!((20..all.len() - 20).contains(&expected.len()), "{} of {}", expected.len(), all.len());
    let counted: u64 = store.census(now, deadlines).await.unwrap().iter().map(|line| line.stuck).sum();
    assert_eq!(counted, u64::try_from(expected.len()).unwrap());
    store.close().await;
}
