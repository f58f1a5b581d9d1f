//! The voucher desk: many vouchers at once, the list of them, and what a delivery list lacks.

use authority::{ManufacturerParty, OwnerParty, Validity, VoucherRequest};
use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::store::{SqlStore, Store};
use conveyed_info::OwnershipVoucher;
use pki::{certificate::Certificate, digest::sha256};
use serde_json::{Value, json};

use crate::{
    support::{device_id, now, serial},
    world::World,
};

const DAY: i64 = 86_400;

/// A voucher of this maker that ends this many days from now.
fn ending(maker: &ManufacturerParty, number: &str, pinned: &Certificate, days: i64) -> OwnershipVoucher {
    let request = VoucherRequest {
        serial_number: serial(number),
        pinned_domain_cert: pinned.clone(),
        idevid: None,
        validity: Validity::Until(Some(now().plus_seconds(days * DAY))),
    };
    maker.masa().issue(&request, now()).unwrap()
}

fn line(name: &str, voucher: &[u8]) -> String {
    format!("{}\n", json!({"name": name, "voucher": STANDARD.encode(voucher)}))
}

async fn streamed(world: &World, user: &str, path: &str, media_type: &str, body: &str) -> Vec<Value> {
    let reply = world.ask(user, "POST", path, &format!("content-type: {media_type}\r\n"), body).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")), "{reply:?}");
    let text = String::from_utf8(reply.body).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn import(world: &World, query: &str, body: &str) -> Vec<Value> {
    streamed(world, "otto", &format!("/v1/import/vouchers{query}"), "application/x-ndjson", body).await
}

fn counts(updates: &[Value]) -> [u64; 5] {
    let done = updates.last().unwrap();
    assert_eq!(done["kind"], "done", "{done}");
    ["read", "stored", "known", "refused", "faults"].map(|name| done[name].as_u64().unwrap())
}

#[tokio::test]
async fn each_voucher_of_many_has_a_result_of_its_own_and_none_is_stored_twice() {
    let world = World::new(&["SN-1"]).await;
    let (maker, owner) = (&world.site.maker, world.site.owner.pinned().unwrap());
    let stranger = ManufacturerParty::new("Stranger", now()).unwrap();
    let other = OwnerParty::new("Another owner", &[], now()).unwrap();
    let mut flipped = ending(maker, "SN-8", owner, 90).der().to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let renewed = ending(maker, "SN-1", owner, 200);
    let body = [
        line("renewed.vcj", renewed.der()),
        line("new.vcj", ending(maker, "SN-2", owner, 90).der()),
        line("stranger.vcj", ending(&stranger, "SN-3", owner, 90).der()),
        line("foreign.vcj", ending(maker, "SN-4", other.pinned().unwrap(), 90).der()),
        line("flipped.vcj", &flipped),
        line("a.jws", br#"{"payload":"e30","signatures":[{"protected":"e30","signature":"AA"}]}"#),
        "no json\n".to_owned(),
        line("renewed-again.vcj", renewed.der()),
    ]
    .concat();
    let before = world.leaves().await;
    let rehearsed = import(&world, "?dry-run=true", &body).await;
    assert_eq!((counts(&rehearsed)[3..].to_vec(), world.leaves().await), (vec![3, 2], before));

    let updates = import(&world, "", &body).await;
    assert_eq!(counts(&updates), [8, 2, 1, 3, 2]);
    let outcomes: Vec<_> = updates.iter().filter(|update| update["kind"] == "voucher").collect();
    let told = |name: &str| outcomes.iter().find(|outcome| outcome["name"] == name).unwrap();
    for (name, outcome, reason) in [
        ("renewed.vcj", "stored", Value::Null),
        ("new.vcj", "stored", Value::Null),
        ("stranger.vcj", "refused", "voucher-signer-untrusted".into()),
        ("foreign.vcj", "refused", "owner-not-pinned".into()),
        ("flipped.vcj", "refused", "voucher-signature-invalid".into()),
    ] {
        assert_eq!((&told(name)["outcome"], &told(name)["reason"]), (&outcome.into(), &reason), "{name}");
        assert_eq!(told(name)["remedy"].is_string(), outcome == "refused");
    }
    assert_eq!(told("foreign.vcj")["serial-number"], "SN-4", "what it says of itself helps to find it");
    let faults: Vec<_> = updates.iter().filter(|update| update["kind"] == "fault").collect();
    // BIS-09.
    assert!(faults[0]["detail"].as_str().unwrap().contains("JWS"), "{faults:?}");
    assert_eq!(world.leaves().await, before + 2);
    let again = import(&world, "", &body).await;
    assert_eq!((counts(&again), world.leaves().await), ([8, 0, 3, 3, 2], before + 2));

    // One by one, the same: it is there, and leaves no second leaf.
    let one = world.send("POST", "/v1/vouchers", json!({"voucher": STANDARD.encode(renewed.der())})).await;
    assert_eq!((one.status, world.leaves().await), (200, before + 2));
    assert_eq!(one.json()["sha256"], sha256(renewed.der()).to_string());
    // The one before is kept, and the last stored comes first.
    world.server.stop().await;
    let store = SqlStore::open_read_only(&world.site.config().database).await.unwrap();
    let vouchers = store.dossier(&device_id("SN-1")).await.unwrap().vouchers;
    assert_eq!((vouchers.len(), &vouchers[0]), (2, &renewed));
}

#[tokio::test]
async fn viewers_import_nothing_and_lists_in_other_forms_are_refused() {
    let world = World::new(&[]).await;
    let ndjson = "content-type: application/x-ndjson\r\n";
    assert_eq!(world.ask("vera", "POST", "/v1/import/vouchers", ndjson, "").await.status, 403);
    assert_eq!(world.ask("otto", "POST", "/v1/import/vouchers", "content-type: text/csv\r\n", "").await.status, 415);
    assert_eq!(counts(&import(&world, "", "").await), [0; 5]);
    world.server.stop().await;
}

async fn listed(world: &World, query: &str) -> Vec<(String, String)> {
    let reply = world.get(&format!("/v1/vouchers{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {reply:?}");
    let json = reply.json();
    let member = |voucher: &Value, name: &str| voucher[name].as_str().unwrap().to_owned();
    let vouchers = json["vouchers"].as_array().unwrap().iter();
    vouchers.map(|it| (member(it, "serial-number"), member(it, "standing"))).collect()
}

#[tokio::test]
async fn vouchers_are_listed_by_what_is_asked_for_and_those_that_end_are_warned_of() {
    let world = World::new(&["SN-1", "SN-2"]).await;
    let (maker, owner) = (&world.site.maker, world.site.owner.pinned().unwrap());
    let quiet = world.get("/v1/status").await.json();
    assert_eq!((&quiet["vouchers-ending"], quiet["alarms"].as_array().unwrap().len()), (&0.into(), 0));
    let body = [
        line("a", ending(maker, "SN-1", owner, 5).der()),
        line("b", ending(maker, "SN/3", owner, 5).der()),
        line("c", ending(maker, "SN-4", owner, 40).der()),
    ];
    assert_eq!(counts(&import(&world, "", &body.concat()).await)[1], 3);
    let pairs =
        |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    let all = listed(&world, "").await;
    assert_eq!(all.len(), 5);
    let soon = now().plus_seconds(30 * DAY);
    let before = format!("?expires-before={soon}");
    assert_eq!(listed(&world, &before).await, pairs(&[("SN-1", "expiring"), ("SN/3", "expiring")]));
    // SN-1 has another one that lasts.
    assert_eq!(listed(&world, &format!("{before}&last=true")).await, pairs(&[("SN/3", "expiring")]));
    assert_eq!(listed(&world, "?registered=false").await, pairs(&[("SN-4", "valid"), ("SN/3", "expiring")]));
    assert_eq!(listed(&world, "?registered=true").await.len(), 3);
    assert_eq!(listed(&world, "?serial-prefix=SN/").await.len(), 1);
    assert_eq!(listed(&world, &format!("?pins={}", owner.sha256())).await.len(), 5);
    assert_eq!(listed(&world, &format!("?pins={}", sha256(b"x"))).await.len(), 0);
    assert_eq!(listed(&world, "?manufacturer=maker&serial-number=SN-2").await.len(), 1);
    // Page by page, it is the same list.
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/v1/vouchers?limit=2{after}")).await.json();
        paged.extend(page["vouchers"].as_array().unwrap().iter().map(|it| it["serial-number"].clone()));
        assert!(page["vouchers"].as_array().unwrap().iter().all(|it| it["pins-owner"] == true));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(paged, all.iter().map(|(serial, _)| Value::from(serial.as_str())).collect::<Vec<_>>());
    for query in ["?last=true", "?pins=AA", "?expires-before=tomorrow", "?after=x", "?limit=0", "?colour=red"] {
        assert_eq!(world.get(&format!("/v1/vouchers{query}")).await.status, 400, "{query}");
    }
    let status = world.get("/v1/status").await.json();
    assert_eq!((&status["vouchers-ending"], &status["alarms"][0]["reason"]), (&1.into(), &"vouchers-ending".into()));
    let metrics = String::from_utf8(world.get("/metrics").await.body).unwrap();
    assert!(metrics.contains("sztp_vouchers_ending 1\n"), "{metrics}");
    world.server.stop().await;
}

async fn covered(world: &World, query: &str, media_type: &str, list: &str) -> Vec<Value> {
    // Whoever may look may compare.
    streamed(world, "vera", &format!("/v1/vouchers/coverage{query}"), media_type, list).await
}

fn problems(updates: &[Value], line: u64) -> Vec<String> {
    let device = updates.iter().find(|update| update["line"] == line).unwrap();
    let problems = device["problems"].as_array().unwrap().iter();
    let problems: Vec<_> = problems.map(|problem| problem["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(device["ready"], problems.is_empty());
    problems
}

#[tokio::test]
async fn a_delivery_list_is_compared_with_what_is_in_stock() {
    let world = World::new(&["SN-1", "SN-2"]).await;
    let (maker, owner) = (&world.site.maker, world.site.owner.pinned().unwrap());
    let body = line("a", ending(maker, "SN-3", owner, 10).der());
    assert_eq!(counts(&import(&world, "", &body).await)[1], 1);
    let before = world.leaves().await;
    let list = "PO,Serial No.,Maker\r\n7,SN-1,Maker\r\n7,sn-2,\r\n7,SN-3,\r\n7,SN-4,maker\r\n7,,\r\n7,SN-1,Maker\r\n";
    let updates = covered(&world, "", "text/csv", list).await;
    assert_eq!(problems(&updates, 2), Vec::<String>::new());
    assert_eq!(problems(&updates, 3), ["serial-spelled-otherwise"]);
    assert_eq!(problems(&updates, 4), ["device-not-registered"]);
    assert_eq!(problems(&updates, 5), ["voucher-missing", "device-not-registered"]);
    let spelled = updates.iter().find(|update| update["line"] == 3).unwrap();
    assert_eq!(spelled["problems"][0]["fix"], "Write SN-2 in the list.");
    let unregistered = updates.iter().find(|update| update["line"] == 4).unwrap();
    assert_eq!(unregistered["problems"][0]["fix"], "sztp device add SN-3 --manufacturer maker --profile PROFILE");
    let faults: Vec<_> = updates.iter().filter(|update| update["kind"] == "fault").map(|it| &it["line"]).collect();
    assert_eq!(faults, [6, 7]);
    let done = updates.last().unwrap();
    assert_eq!((&done["read"], &done["ready"], &done["faults"]), (&6.into(), &1.into(), &2.into()));
    assert_eq!(done["problems"][0]["devices"], 2, "{done}");

    // In JSON, with a day until which vouchers are to last.
    let until = now().plus_seconds(60 * DAY);
    let list = r#"[{"serial-number":"SN-1"},{"serial":"SN-3","colour":"red"}]"#;
    let updates = covered(&world, &format!("?until={until}"), "application/json", list).await;
    let first = updates.iter().find(|update| update["serial-number"] == "SN-1").unwrap();
    assert_eq!((&first["ready"], &first["state"], &first["profile"]), (&true.into(), &"vouched".into(), &"bmc".into()));
    let third = updates.iter().find(|update| update["serial-number"] == "SN-3").unwrap();
    let reasons: Vec<_> = third["problems"].as_array().unwrap().iter().map(|problem| &problem["reason"]).collect();
    assert_eq!(reasons, ["voucher-ends-early", "device-not-registered"]);
    for query in ["?until=never", "?manufacturer=nobody"] {
        let path = format!("/v1/vouchers/coverage{query}");
        assert_eq!(world.ask("vera", "POST", &path, "content-type: text/csv\r\n", "serial\n").await.status, 400);
    }
    assert_eq!(world.leaves().await, before, "nothing was changed");
    world.server.stop().await;
}

#[tokio::test]
async fn vouchers_that_pin_a_former_owner_are_found_before_devices_find_them() {
    let world = World::new(&["SN-1"]).await;
    let bootstrapped = world.site.owner.pinned().unwrap().clone();
    assert_eq!(problems(&covered(&world, "", "text/csv", "serial\nSN-1\n").await, 2), Vec::<String>::new());
    // The owner begins anew, under another root.
    let other = OwnerParty::new("Another owner", &["127.0.0.1".to_owned()], now()).unwrap();
    world.site.write("owner.pem", other.chain.iter().map(Certificate::to_pem).collect::<String>().as_bytes());
    world.site.write("owner.key", other.key.to_pem().as_bytes());
    let world = world.restarted().await;
    let updates = covered(&world, "", "text/csv", "serial\nSN-1\n").await;
    assert_eq!(problems(&updates, 2), ["owner-not-pinned"]);
    let listed = world.get(&format!("/v1/vouchers?pins={}", bootstrapped.sha256())).await.json();
    assert_eq!(listed["vouchers"][0]["pins-owner"], false);
    world.server.stop().await;
}
