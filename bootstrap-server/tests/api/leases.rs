//! Leases of DHCP: looked through, taken over from dnsmasq, ended before their time.

use serde_json::{Value, json};

use crate::world::World;

const PLAIN: &str = "content-type: text/plain\r\n";

async fn import(world: &World, query: &str, body: &str) -> Vec<Value> {
    let reply = world.ask("otto", "POST", &format!("/v1/import/dhcp-leases{query}"), PLAIN, body).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")), "{reply:?}");
    let text = String::from_utf8(reply.body).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn counts(updates: &[Value]) -> [u64; 4] {
    let done = updates.last().unwrap();
    assert_eq!(done["kind"], "done", "{done}");
    ["read", "written", "taken", "faults"].map(|name| done[name].as_u64().unwrap())
}

/// What was left out as older than what is on record: line, address on it, address on record.
fn outdated(updates: &[Value]) -> Vec<(u64, String, String)> {
    let found: Vec<_> = updates.iter().filter(|update| update["kind"] == "outdated").collect();
    assert_eq!(updates.last().unwrap()["outdated"], found.len());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    found.iter().map(|it| (it["line"].as_u64().unwrap(), text(&it["address"]), text(&it["lease"]["address"]))).collect()
}

async fn addresses(world: &World, query: &str) -> Vec<String> {
    let page = world.get(&format!("/v1/dhcp/leases{query}")).await.json();
    let leases = page["leases"].as_array().unwrap_or_else(|| panic!("{page}"));
    leases.iter().map(|lease| lease["address"].as_str().unwrap().to_owned()).collect()
}

/// Four leases and two lines that are none.
const FILE: &str = "4000000000 02:00:5e:10:00:01 192.0.2.9 bmc-1 01:02:00:5e:10:00:01\n\
    0 02:00:5e:10:00:02 192.0.2.10 * *\n\
    1 02:00:5e:10:00:03 198.51.100.1 * *\n\
    what is this\n\
    duid 00:03:00:01:02:00:5e:10:00:ff\n\
    4000000000 7 2001:db8::9 * 00:03:00:01:02:00:5e:10:00:01\n\
    4000000000 02:00:5e:10:00:04 192.0.2.999 * *";

#[tokio::test]
async fn a_file_of_dnsmasq_is_gone_on_with() {
    let world = World::new(&[]).await;
    let before = world.leaves().await;
    assert_eq!(counts(&import(&world, "?dry-run=true", FILE).await), [4, 4, 0, 2]);
    assert_eq!((addresses(&world, "").await.len(), world.leaves().await), (0, before), "a rehearsal changes nothing");

    let updates = import(&world, "", FILE).await;
    assert_eq!(counts(&updates), [4, 4, 0, 2]);
    let faults: Vec<_> = updates.iter().filter(|update| update["kind"] == "fault").collect();
    assert_eq!([&faults[0]["line"], &faults[1]["line"]], [4, 7]);
    assert!(faults[1]["detail"].as_str().unwrap().contains("no IPv4 or IPv6 address"), "{faults:?}");
    assert_eq!(world.leaves().await, before + 1, "whoever imports leaves a record");
    let records = world.ask("ada", "GET", &format!("/v1/audit/records?after={}", before - 1), "", "").await.json();
    assert!(records.to_string().contains("dhcp-leases-imported"), "{records}");

    let all = ["192.0.2.9", "192.0.2.10", "198.51.100.1", "2001:db8::9"];
    assert_eq!(addresses(&world, "").await, all, "in the order of addresses, IPv4 first");
    assert_eq!(addresses(&world, "?mac=02:00:5e:10:00:02").await, ["192.0.2.10"]);
    assert_eq!(addresses(&world, "?subnet=192.0.2.0/24").await, all[..2]);
    assert_eq!(addresses(&world, "?subnet=2001:db8::/32").await, all[3..]);
    assert_eq!(addresses(&world, "?expired=true").await, all[2..3]);
    assert_eq!(addresses(&world, "?expired=false&limit=2").await, all[..2]);
    let page = world.get("/v1/dhcp/leases?limit=3").await.json();
    assert_eq!(page["next"], "198.51.100.1");
    assert_eq!(addresses(&world, "?limit=3&after=198.51.100.1").await, all[3..]);
    let lease = world.get("/v1/dhcp/leases?limit=1").await.json()["leases"][0].clone();
    let expected = ["lent", "02:00:5e:10:00:01", "0102005e100001", "bmc-1", "2096-10-02T07:06:40.000Z"];
    assert_eq!(["standing", "mac", "identifier", "host-name", "expires"].map(|name| &lease[name]), expected);
    let never = world.get("/v1/dhcp/leases?mac=02:00:5e:10:00:02").await.json();
    assert!(never["leases"][0].get("expires").is_none_or(Value::is_null), "{never}");

    // Other clients' leases stay, and are named; the same file once more changes nothing.
    let other = FILE.replace("02:00:5e:10:00:02 ", "02:00:5e:10:00:22 ");
    for query in ["?dry-run=true", ""] {
        let updates = import(&world, query, &other).await;
        assert_eq!(counts(&updates), [4, 3, 1, 2]);
        let taken = updates.iter().find(|update| update["kind"] == "taken").unwrap();
        assert_eq!((&taken["line"], &taken["lease"]["mac"]), (&json!(2), &json!("02:00:5e:10:00:02")));
    }
    for query in ["?mac=x", "?subnet=192.0.2.0", "?after=x", "?limit=0", "?host=x"] {
        assert_eq!(world.get(&format!("/v1/dhcp/leases{query}")).await.status, 400, "{query}");
    }
    let wrong = world.ask("otto", "POST", "/v1/import/dhcp-leases", "content-type: text/csv\r\n", "x").await;
    assert_eq!((wrong.status, wrong.reason().as_str()), (415, "media-type-unsupported"));
    world.server.stop().await;
}

/// A client has one address: a file that is older than what is known of it must not end the lease that it has.
#[tokio::test]
async fn an_old_file_ends_no_newer_lease_of_the_same_client() {
    const ONE: &str = "02:00:5e:10:00:01";
    let world = World::new(&[]).await;
    let line = |ends: u64, address: &str| format!("{ends} {ONE} {address} * *\n");
    import(&world, "?as-of=2026-01-01T12:00:00Z", &line(4_000_000_000, "192.0.2.20")).await;
    let holds = || addresses(&world, "?expired=false&mac=02:00:5e:10:00:01");

    // An older file: of a lease that would end later, and a copy of unknown age of one that ends sooner.
    let left = |address: &str| vec![(1, address.to_owned(), "192.0.2.20".to_owned())];
    for query in ["?as-of=2026-01-01T11:00:00Z&dry-run=true", "?as-of=2026-01-01T11:00:00Z"] {
        let updates = import(&world, query, &line(4_000_009_000, "192.0.2.9")).await;
        assert_eq!((counts(&updates), outdated(&updates)), ([1, 0, 0, 0], left("192.0.2.9")));
    }
    let updates = import(&world, "", &line(3_999_999_999, "192.0.2.9")).await;
    assert_eq!((outdated(&updates), holds().await), (left("192.0.2.9"), vec!["192.0.2.20".to_owned()]));
    // Of the same address, too: the client was promised more.
    let updates = import(&world, "", &line(3_999_999_999, "192.0.2.20")).await;
    assert_eq!(outdated(&updates), left("192.0.2.20"));
    assert!(world.get("/v1/dhcp/leases").await.json()["leases"][0]["expires"].as_str().unwrap().ends_with(":40.000Z"));
    // The same file again is no news.
    let updates = import(&world, "?as-of=2026-01-01T12:00:00Z", &line(4_000_000_000, "192.0.2.20")).await;
    assert_eq!((counts(&updates), outdated(&updates)), ([1, 1, 0, 0], vec![]));

    // A newer file is gone on with. Within one file, the line that ends later counts, and other clients are untouched.
    let file = format!(
        "4000000100 02:00:5e:10:00:02 192.0.2.11 * *\n{}{}",
        line(4_000_000_100, "192.0.2.10"),
        line(4_000_000_050, "192.0.2.9")
    );
    let updates = import(&world, "?as-of=2026-01-01T13:00:00Z", &file).await;
    assert_eq!(counts(&updates), [3, 2, 0, 0]);
    assert_eq!(outdated(&updates), [(3, "192.0.2.9".to_owned(), "192.0.2.10".to_owned())]);
    for wrong in ["?as-of=yesterday", "?as-of=1960-01-01T00:00:00Z", "?since=1"] {
        let refused =
            world.ask("otto", "POST", &format!("/v1/import/dhcp-leases{wrong}"), PLAIN, &line(1, "192.0.2.1")).await;
        assert_eq!(refused.reason(), "query-invalid", "{refused:?}");
    }
    world.server.stop().await;
}

#[tokio::test]
async fn a_lease_is_ended_for_a_reason() {
    let world = World::new(&[]).await;
    import(&world, "", FILE).await;
    let before = world.leaves().await;
    let path = "/v1/dhcp/leases/192.0.2.10/release";
    let reason = json!({"reason": "the board is gone"});
    assert_eq!(world.send("POST", &format!("{path}?dry-run=true"), reason.clone()).await.status, 204);
    assert_eq!(addresses(&world, "?expired=false&mac=02:00:5e:10:00:02").await, ["192.0.2.10"]);
    let released = world.send("POST", path, reason.clone()).await;
    assert_eq!((released.status, &released.json()["standing"]), (200, &json!("ended")));
    assert_eq!(addresses(&world, "?expired=true&mac=02:00:5e:10:00:02").await, ["192.0.2.10"]);
    assert_eq!(world.leaves().await, before + 1);
    // Now somebody else may have it.
    assert_eq!(counts(&import(&world, "", "0 02:00:5e:10:00:22 192.0.2.10 * *\n").await), [1, 1, 0, 0]);

    assert_eq!(world.send("POST", path, json!({"reason": " "})).await.status, 422);
    for nobodys in ["192.0.2.200", "x"] {
        let path = format!("/v1/dhcp/leases/{nobodys}/release");
        assert_eq!(world.send("POST", &path, reason.clone()).await.status, 404, "{nobodys}");
    }
    let refused = world.ask("vera", "POST", path, crate::world::JSON, &reason.to_string()).await;
    assert_eq!(refused.status, 403);
    world.server.stop().await;
}
