//! Devices: registered, listed in pages, changed for a version, decided about.

use std::{fmt::Write, time::Duration};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use bootstrap_server::{audit::Event, domain::Particulars, store::Batch};
use conveyed_info::information::TrustAnchor;
use pki::digest::sha256;
use serde_json::json;

use crate::{
    support::{DATA, REPORT, connect, connector, device_id, exchange, pem, post},
    world::{JSON, World},
};

fn device(serial_number: &str) -> serde_json::Value {
    json!({"manufacturer": "maker", "serial-number": serial_number, "profile": "bmc", "rack": "R1"})
}

#[tokio::test]
async fn a_device_is_registered_shown_and_found_by_whatever_its_serial_number_is() {
    let world = World::new(&[]).await;
    let serial = "PID:A/1 ü%";
    let reply = world.send("POST", "/v1/devices", device(serial)).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.header("location"), Some("/v1/devices/maker/pid%3aa%2f1%20%c3%bc%25"));
    let shown = world.get("/v1/devices/maker/PID%3AA%2F1%20%C3%BC%25").await;
    let record = shown.json();
    assert_eq!((record["serial-number"].as_str(), record["rack"].as_str()), (Some(serial), Some("R1")));
    assert_eq!((record["state"].as_str(), record["vouched"].as_bool()), (Some("registered"), Some(false)));
    assert_eq!(record["waiting"]["responsible"], "device");
    let found = world.get("/v1/devices?serial-number=PID%3AA%2F1%20%C3%BC%25").await;
    assert_eq!(found.json()["devices"].as_array().unwrap().len(), 1);
    assert_eq!(world.get("/v1/devices?serial-number=PID").await.json()["devices"], json!([]));

    let again = world.send("POST", "/v1/devices", device(serial)).await;
    assert_eq!((again.status, again.reason().as_str()), (409, "already-there"));
    world.server.stop().await;
}

#[tokio::test]
async fn what_is_unknown_or_impossible_is_refused_by_name() {
    let world = World::new(&[]).await;
    for (change, status, reason, name) in [
        (json!({"colour": "red"}), 422, "body-invalid", "colour"),
        (json!({"mac-addresses": ["zz"]}), 422, "body-invalid", "mac-addresses"),
        (json!({"rack": "a\nb"}), 422, "body-invalid", "rack"),
        (json!({"serial-number": ""}), 422, "body-invalid", "serial-number"),
        (json!({"serial-number": null}), 422, "body-invalid", "null"),
        (json!({"profile": "nobody"}), 422, "reference-unknown", "nobody"),
        (json!({"manufacturer": "nobody"}), 422, "reference-unknown", "nobody"),
    ] {
        let mut body = device("SN-9");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let reply = world.send("POST", "/v1/devices", body).await;
        assert_eq!((reply.status, reply.reason().as_str()), (status, reason), "{change}: {reply:?}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(name), "{change}: {reply:?}");
    }
    let array = world.ask("otto", "PATCH", "/v1/devices/maker/SN-9", JSON, "[\"bmc\",null]").await;
    assert_eq!((array.status, array.reason().as_str()), (422, "body-invalid"), "an array is no object");
    let far = world.get("/v1/audit/records?after=9223372036854775808").await;
    assert_eq!((far.status, far.reason().as_str()), (400, "query-invalid"));
    let cut = world.ask("otto", "POST", "/v1/devices", JSON, "{\"manufacturer\":").await;
    assert_eq!((cut.status, cut.reason().as_str()), (400, "body-invalid"));
    let large = world.ask("otto", "POST", "/v1/devices", JSON, &" ".repeat(1024 * 1024 + 1)).await;
    assert_eq!((large.status, large.reason().as_str()), (413, "body-too-large"));
    assert_eq!(world.get("/v1/devices").await.json()["devices"], json!([]));
    world.server.stop().await;
}

#[tokio::test]
async fn a_list_comes_in_pages_that_miss_nothing_and_repeat_nothing() {
    let serials: Vec<_> = (0..25).map(|number| format!("SN-{number:02}")).collect();
    let names: Vec<_> = serials.iter().map(String::as_str).collect();
    let world = World::new(&names).await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/v1/devices?limit=10{after}")).await.json();
        let devices = page["devices"].as_array().unwrap();
        assert!(devices.len() <= 10);
        seen.extend(devices.iter().map(|device| device["serial-number"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", next.replace('/', "%2F")),
            None => break,
        }
    }
    assert_eq!(seen, serials);
    for (filter, count) in [
        ("serial-prefix=SN-1", 10),
        ("state=vouched", 25),
        ("state=held", 0),
        ("profile=bmc", 25),
        ("manufacturer=other", 0),
        ("stuck=true", 0),
        ("alarmed=true", 0),
        ("serial-number=SN-07", 1),
    ] {
        let devices = world.get(&format!("/v1/devices?{filter}")).await.json()["devices"].clone();
        assert_eq!(devices.as_array().unwrap().len(), count, "{filter}");
    }
    world.server.stop().await;
}

#[tokio::test]
async fn a_change_for_a_version_fails_when_somebody_was_faster() {
    let world = World::new(&["SN-1"]).await;
    let path = "/v1/devices/maker/SN-1";
    let first = world.get(path).await;
    let tag = first.header("etag").unwrap().to_owned();
    let version = first.json()["version"].as_str().unwrap().to_owned();
    assert!(tag.starts_with(&format!("\"{version}.")));
    let position = version.split_once('-').unwrap().1;
    let unchanged = world.ask("vera", "GET", path, &format!("if-none-match: {tag}\r\n"), "").await;
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));

    let change = |rack: &str| json!({"particulars": {"rack": rack}}).to_string();
    let headers = format!("{JSON}if-match: {tag}\r\n");
    let changed = world.ask("otto", "PATCH", path, &headers, &change("R2")).await;
    assert_eq!((changed.status, changed.json()["rack"].as_str()), (200, Some("R2")));
    let late = world.ask("otto", "PATCH", path, &headers, &change("R3")).await;
    assert_eq!((late.status, late.reason().as_str()), (412, "version-changed"));
    // The same number in another log is another version.
    for other in [position.to_owned(), format!("00000000-{position}"), format!("{position}.0123abcd")] {
        let reply = world.ask("otto", "PATCH", path, &format!("{JSON}if-match: \"{other}\"\r\n"), &change("R3")).await;
        assert_eq!((reply.status, reply.reason().as_str()), (412, "version-changed"), "{other}");
    }
    let modified = world.ask("vera", "GET", path, &format!("if-none-match: {tag}\r\n"), "").await;
    assert_eq!((modified.status, modified.json()["rack"].as_str()), (200, Some("R2")));
    let profile = world.send("PATCH", path, json!({"profile": "bmc"})).await;
    assert_eq!(profile.json()["rack"], "R2", "what is not named stays");
    let nothing = world.send("PATCH", path, json!({})).await;
    assert_eq!(nothing.status, 422);
    world.server.stop().await;
}

#[tokio::test]
async fn a_rehearsal_says_what_would_happen_and_changes_nothing() {
    let world = World::new(&["SN-1"]).await;
    let before = world.leaves().await;
    let reply = world.send("POST", "/v1/devices?dry-run=true", device("SN-2")).await;
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    let refused = world.send("POST", "/v1/devices?dry-run=true", device("SN-1")).await;
    assert_eq!((refused.status, refused.reason().as_str()), (409, "already-there"));
    let because = json!({"reason": "broken"});
    assert_eq!(world.send("POST", "/v1/devices/maker/SN-1/retire?dry-run=true", because).await.status, 204);
    assert_eq!(world.get("/v1/devices/maker/SN-1").await.json()["state"], "vouched");
    assert_eq!(world.leaves().await, before);
    world.server.stop().await;
}

#[tokio::test]
async fn decisions_say_why_and_who_and_that_stands_in_the_log_and_the_story() {
    let world = World::new(&["SN-1"]).await;
    let at = |action: &str| format!("/v1/devices/maker/SN-1/{action}");
    let wrong = world.send("POST", &at("approve"), json!({"reason": "why not"})).await;
    assert_eq!((wrong.status, wrong.reason().as_str()), (409, "state-forbids"));
    assert_eq!(world.send("POST", &at("retire"), json!({"reason": " "})).await.status, 422);
    let retired = world.send("POST", &at("retire"), json!({"reason": "sent back"})).await;
    assert_eq!((retired.status, retired.json()["state"].as_str()), (200, Some("retired")));
    let again = world.send("POST", &at("reprovision"), json!({"reason": "came back"})).await;
    assert_eq!((again.status, again.json()["state"].as_str()), (200, Some("vouched")));
    let code = world.ask("otto", "POST", &at("activation-code"), "", "").await;
    assert_eq!(code.status, 201);
    assert!(code.json()["activation-code"].as_str().unwrap().len() >= 25);

    let story = world.get(&at("story")).await.json();
    let steps = story["steps"].as_array().unwrap();
    let events: Vec<_> = steps.iter().map(|step| step["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        ["device-registered", "voucher-stored", "device-retired", "device-reprovisioned", "activation-code-set"]
    );
    assert!(steps[2]["summary"].as_str().unwrap().contains("sent back"), "{story}");
    assert!(steps[2]["by"].as_str().unwrap().contains("otto"), "{story}");
    assert!(story["would-be-refused"].is_null(), "{story}");
    assert!(!story["checks"].as_array().unwrap().is_empty(), "{story}");

    let about = world.get("/v1/audit/records?manufacturer=maker&serial-number=SN-1&limit=3").await.json();
    assert_eq!(about["records"].as_array().unwrap().len(), 3);
    assert_eq!(about["records"][2]["body"]["by"]["user"], "otto");
    let rest = format!("/v1/audit/records?manufacturer=maker&serial-number=SN-1&after={}", about["next"]);
    assert_eq!(world.get(&rest).await.json()["records"].as_array().unwrap().len(), 2);
    world.server.stop().await;
}

#[tokio::test]
async fn the_list_the_census_and_the_story_agree_on_who_is_stuck() {
    let world = World::new(&["SN-1", "SN-2"]).await;
    world.site.edit("[owner]", "[deadlines]\nprogress = '1s'\n[owner]");
    let world = world.restarted().await;
    // Of these two, which go silent at the same time, one has a profile that grants more.
    let patient = "post-configuration-script = 'x'\n[deadlines]\nprogress = '3h'\nattempt = '3h'\n";
    assert_eq!(world.send("PUT", "/v1/profiles/patient", json!({"document": patient})).await.status, 200);
    assert_eq!(world.send("PATCH", "/v1/devices/maker/SN-2", json!({"profile": "patient"})).await.status, 200);
    for serial in ["SN-1", "SN-2"] {
        let (key, chain) = world.site.device(serial);
        let mut stream = connect(&world.server, &connector(Some((&key, &chain)))).await.unwrap();
        let input = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;
        assert_eq!(exchange(&mut stream, &post(DATA, input)).await.unwrap().status, 200);
        let device = world.get(&format!("/v1/devices/maker/{serial}")).await.json();
        assert_eq!(device["state"], "onboarding", "{device:#}");
    }
    let stuck = async || world.get("/v1/devices?stuck=true").await.json()["devices"].clone();
    let late = async { while stuck().await == json!([]) {} };
    tokio::time::timeout(Duration::from_secs(60), late).await.expect("its deadline passes");
    let stuck = stuck().await;
    let serials: Vec<_> = stuck.as_array().unwrap().iter().map(|it| it["serial-number"].as_str().unwrap()).collect();
    assert_eq!(serials, ["SN-1"]);
    let census = world.get("/v1/status").await.json()["devices"].clone();
    assert_eq!(
        (&census[0]["state"], &census[0]["devices"], &census[0]["stuck"]),
        (&json!("onboarding"), &json!(2), &json!(1))
    );
    for (serial, reason) in [("SN-1", json!("onboarding-silent")), ("SN-2", json!(null))] {
        let story = world.get(&format!("/v1/devices/maker/{serial}/story")).await.json();
        assert_eq!(story["device"]["waiting"]["stuck"]["reason"], reason, "{serial}");
    }
    let metrics = String::from_utf8(world.get("/metrics").await.body).unwrap();
    assert!(metrics.contains("sztp_devices_stuck{state=\"onboarding\"} 1\n"), "{metrics}");
    world.server.stop().await;
}

#[tokio::test]
async fn a_serial_number_is_found_however_many_others_begin_with_it() {
    let world = World::new(&[]).await;
    let pem = pem(world.site.maker.device_anchors());
    let zeta = json!({"anchors": pem}).to_string();
    assert_eq!(world.ask("ada", "PUT", "/v1/manufacturers/zeta", JSON, &zeta).await.status, 200);
    let mut list = "manufacturer,serial-number,profile\nzeta,SN-1,bmc\n".to_owned();
    for number in 1000..2001 {
        writeln!(list, "maker,SN-{number},bmc").unwrap();
    }
    world.ask("otto", "POST", "/v1/import/devices", "content-type: text/csv\r\n", &list).await;
    let found = |query: &'static str| async { world.get(query).await.json()["devices"].as_array().unwrap().len() };
    assert_eq!(found("/v1/devices?serial-prefix=SN-1&limit=1000").await, 1000);
    assert_eq!(found("/v1/devices?serial-number=SN-1").await, 1);
    assert_eq!(found("/v1/devices?serial-number=SN-1&serial-prefix=SN-2").await, 0, "each parameter narrows");
    world.server.stop().await;
}

/// SRV-13, SRV-15, ART-35: what a device is known by since it is bootstrapped can be looked at.
#[tokio::test]
async fn srv_13_srv_15_reported_chains_and_host_keys_are_listed_by_what_people_tell_them_by() {
    let world = World::new(&["SN-1"]).await;
    let (key, chain) = world.site.device("SN-1");
    let mut device = connect(&world.server, &connector(Some((&key, &chain)))).await.unwrap();
    let answer = exchange(&mut device, &post(DATA, r#"{"ietf-sztp-bootstrap-server:input":{}}"#)).await.unwrap();
    assert_eq!(answer.status, 200);
    let anchor = world.site.owner.tls_anchor();
    let bag = STANDARD.encode(TrustAnchor::new(anchor).unwrap().der());
    let ssh = "AAAAC3NzaC1lZDI1NTE5AAAAID0mjQXlOvkM2HO5vTrSOdHOl3BGOqDiHrx8yYdbP8xR";
    let report = json!({"ietf-sztp-bootstrap-server:input": {"progress-type": "bootstrap-complete",
        "ssh-host-keys": {"ssh-host-key": [{"algorithm": "ssh-ed25519", "key-data": ssh}]},
        "trust-anchor-certs": {"trust-anchor-cert": [bag]}}});
    assert_eq!(exchange(&mut device, &post(REPORT, &report.to_string())).await.unwrap().status, 204);

    let reports = world.get("/v1/devices/maker/SN-1/reports").await.json();
    let story = world.get("/v1/devices/maker/SN-1/story").await.json();
    let keys = story["keys"].clone();
    assert_eq!(reports["reports"][0]["keys"], keys, "the story has those of the latest bootstrap-complete");
    assert_eq!((&keys[0]["kind"], &keys[0]["data"]), (&json!("ssh-ed25519"), &json!(ssh)));
    let digest = STANDARD_NO_PAD.encode(sha256(&STANDARD.decode(ssh).unwrap()).0);
    assert_eq!(keys[0]["fingerprint"], format!("SHA256:{digest}"));
    assert_eq!((&keys[1]["kind"], &keys[1]["data"]), (&json!("trust-anchor-cert"), &json!(bag)));
    let listed = keys[1]["certificates"].as_array().unwrap();
    assert_eq!(listed.len(), anchor.len());
    let lowest = TrustAnchor::new(anchor).unwrap().lowest().unwrap().clone();
    assert_eq!(
        listed[0],
        json!({"subject": lowest.subject_text(), "issuer": lowest.issuer().to_string(),
            "sha256": lowest.sha256().to_string(), "not-after": lowest.not_after().to_string()})
    );
    // SEC-21: the story says what the answer was made from, and that keys came.
    let steps: Vec<_> = story["steps"].as_array().unwrap().iter().map(|it| it["summary"].as_str().unwrap()).collect();
    assert!(steps.iter().any(|it| it.contains("by profile bmc (")), "{steps:?}");
    assert!(steps.iter().any(|it| it.contains("with ssh-ed25519, trust-anchor-cert")), "{steps:?}");
    // RFC 8572 §9.10: what would happen now, and for how long.
    let next = story["next-answer"].as_str().unwrap();
    assert!(next.contains("needs nothing") && next.contains("would be held"), "{next}");
    world.server.stop().await;
}

/// A long story begins where it still matters.
#[tokio::test]
async fn a_story_tells_the_latest_of_what_happened() {
    let world = World::new(&["SN-1"]).await;
    let changed = |number: usize| Event::DeviceChanged {
        device: device_id("SN-1"),
        profile: None,
        particulars: Box::new(Particulars { slot: Some(number.to_string()), ..Particulars::default() }),
    };
    let batch = (1..1000).map(changed).fold(Batch::from(changed(0)), Batch::and);
    world.server.store().commit(batch).await.unwrap();
    let reason = json!({"reason": "sold"});
    assert_eq!(world.send("POST", "/v1/devices/maker/SN-1/retire", reason).await.status, 200);
    let story = world.get("/v1/devices/maker/SN-1/story").await.json();
    let steps = story["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 1000);
    assert_eq!(steps[999]["event"], "device-retired");
    assert_eq!(steps[0]["event"], "device-changed", "not what is a thousand things ago");
    world.server.stop().await;
}

/// SRV-06: a profile is judged as a whole when it is put, and what is wrong is named.
#[tokio::test]
async fn srv_06_a_profile_whose_variants_cannot_be_meant_is_not_stored() {
    let world = World::new(&[]).await;
    let base = "post-configuration-script = 'x'\n";
    for (more, said) in [
        ("[[variant]]\nname = 'v'\nwhen = { color = 'red' }", "color"),
        ("[[variant]]\nname = 'v'\nwhen = {}", "for all devices"),
        ("[[variant]]\nname = 'v'\nwhen = { os-name = 'A' }\nwithout = ['configuration']", "configuration"),
        ("encrypt-to-device = true\nwire-profile = 'opi-agent'", "encrypt-to-device"),
        (
            "[configuration]\nhandling = 'merge'\ncontent = ''\n[[variant]]\nname = 'v'\nwhen = { os-name = 'A' }\n\
          boot-image = { os-name = 'A', os-version = '1', download-uris = ['https://h/i', 'https://h/i'],\
          sha256 = 'abababababababababababababababababababababababababababababababab' }",
            "stands twice",
        ),
    ] {
        let body = json!({"document": format!("{base}{more}")});
        let reply = world.send("PUT", "/v1/profiles/varied", body).await;
        assert_eq!((reply.status, reply.reason().as_str()), (422, "body-invalid"), "{more}: {reply:?}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(said), "{more}: {reply:?}");
    }
    let good = json!({"document": format!("{base}[[variant]]\nname = 'v'\nwhen = {{ os-name = 'A*' }}\n\
        configuration = {{ handling = 'merge', content = '' }}\n")});
    assert_eq!(world.send("PUT", "/v1/profiles/varied", good).await.status, 200);
    world.server.stop().await;
}
