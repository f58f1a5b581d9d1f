//! Vouchers from a MASA through a proxy that many networks have: as an operator has them renewed, and while a device waits.
//!
//! All of it in a network of its own: a server never asks the proxy for what is on the loopback.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::process::{Command, Stdio};

use authority::masa::{Domain, Owner};
use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::{
    audit::MasaEvent,
    store::{MasaRecords, Page, VoucherFilter},
};
use conveyed_info::OwnershipVoucher;
use interop_tests::{
    need,
    peer::Peer,
    playbook::{NAMESPACES, Playbook},
    site::{
        self as support, ADDRESSES, connect, connector, exchange,
        masa::{Party, masa_site, owner_name},
        post, serial,
    },
    tinyproxy::Proxy,
};
use serde_json::{Value, json};
use world::World;

#[allow(dead_code, reason = "shared with the tests of bootstrap-server")]
#[path = "../../bootstrap-server/tests/api/world.rs"]
mod world;

/// Says to a test that it is in a network of its own.
const INSIDE: &str = "SZTP_TEST_IN_A_NETWORK_OF_ITS_OWN";

#[test]
fn srv_07_mas_11_vouchers_come_from_the_maker_through_a_proxy() {
    let tinyproxy = need!("tinyproxy");
    if std::env::var_os(INSIDE).is_some() {
        return inside(&tinyproxy);
    }
    let (unshare, _ip) = (need!("unshare"), need!("ip"));
    if !Playbook::can_run(&unshare) {
        interop_tests::skip!("no network namespace can be made here");
    }
    let mut inside = Command::new(unshare.path());
    inside.args(NAMESPACES).args(["sh", "-c"]);
    let address = ADDRESSES[1];
    inside.arg(format!("ip link set lo up && ip address add {address}/32 dev lo && exec \"$0\" \"$@\""));
    inside.arg(std::env::current_exe().unwrap()).args(["--exact", "--nocapture"]);
    inside.arg("srv_07_mas_11_vouchers_come_from_the_maker_through_a_proxy").env(INSIDE, "yes");
    let output = inside.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

fn inside(tinyproxy: &Peer) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(&["SN-1"]).await;
        let (masa, registrar) = (Party::new("MASA", Vec::new()), Party::registrar("Owner"));
        let domain = Domain {
            pinned: world.site.owner.pinned().unwrap().clone(),
            above: Vec::new(),
            registrar_cas: vec![registrar.root.clone()],
        };
        let known = Owner { name: owner_name("us"), contact: String::new(), domains: vec![domain] };
        let known = MasaEvent::OwnerRecorded { owner: Box::new(known) };
        let maker = masa_site(&masa, "", vec![known], &[("SN-1", Some("us"))]).await;
        let there = format!("listen = '{}:0'", ADDRESSES[1]);
        let listener = "[authority-listener]\nlisten = '127.0.0.1:0'";
        maker.edit(listener, &listener.replace("listen = '127.0.0.1:0'", &there));
        let maker_server = maker.start(&[]).await;
        let at = maker_server.authority_address().unwrap();
        let proxy = Proxy::start(tinyproxy.path(), world.site.folder.path(), at.port());

        let site = &world.site;
        site.write("registrar.key", registrar.key.to_pem().as_bytes());
        site.write("registrar.pem", support::pem(&registrar.chain).as_bytes());
        site.write("proxy.credentials", b"ada:secret\n");
        let sections = "[registrar]\ncertificate = 'registrar.pem'\nkey = 'registrar.key'\n[outbound]\n";
        let port = proxy.port();
        let proxied = format!("proxy = 'http://127.0.0.1:{port}'\ncredentials = 'proxy.credentials'\nno-proxy = []\n");
        site.edit("[audit]", &format!("{sections}{proxied}[audit]"));
        let world = world.restarted().await;

        // The manufacturer, as an admin writes it.
        let pem = |chain: &[pki::certificate::Certificate]| Value::from(support::pem(chain));
        let body = json!({
            "anchors": pem(world.site.maker.device_anchors()),
            "voucher-anchors": pem(&[world.site.maker.voucher_anchors(), std::slice::from_ref(&masa.root)].concat()),
            "masa-url": format!("https://{at}"),
            "masa-anchors": pem(maker.owner.tls_anchor()),
        });
        let json = "content-type: application/json\r\n";
        let put = world.ask("ada", "PUT", "/v1/manufacturers/maker", json, &body.to_string()).await;
        assert_eq!((put.status, &put.json()["masa-url"]), (200, &format!("https://{at}").into()), "{put:?}");

        // Renewing: a voucher without a nonce, which is kept.
        let list = "{\"manufacturer\":\"maker\",\"serial-number\":\"SN-1\"}\n";
        let headers = "content-type: application/x-ndjson\r\n";
        let renewed = world.ask("otto", "POST", "/v1/vouchers/renew", headers, list).await;
        let done = String::from_utf8(renewed.body).unwrap();
        assert!(done.contains("\"stored\":1") && done.contains("\"faults\":0"), "{done}");
        let page = Page { after: None, limit: 10 };
        let stored = world.server.store().vouchers(&VoucherFilter::default(), page).await.unwrap();
        assert_eq!(stored.len(), 2, "beside the one that was there");

        // While a device waits: one for its nonce.
        let given = async |octet: u8| {
            let (key, chain) = world.site.device("SN-1");
            let mut stream = connect(&world.server, &connector(Some((&key, &chain)))).await.unwrap();
            let input = json!({"ietf-sztp-bootstrap-server:input": {"nonce": STANDARD.encode([octet; 16])}});
            let answer = exchange(&mut stream, &post(support::DATA, &input.to_string())).await.unwrap();
            let voucher = answer.json()["ietf-sztp-bootstrap-server:output"]["ownership-voucher"].clone();
            OwnershipVoucher::from_der(STANDARD.decode(voucher.as_str().unwrap()).unwrap()).unwrap()
        };
        let fresh = given(1).await;

        // Nobody else leads there.
        drop(proxy);
        let stock = given(2).await;
        assert!(stored.iter().any(|it| it.summary.sha256 == stock.sha256()), "one of those in stock");
        let records = world.server.store().records(audit_log::LogIndex(0), 1000).await.unwrap();
        let bodies = records.into_iter().map(|it| String::from_utf8(it.opening.unwrap().1).unwrap());
        let fetched: Vec<_> = bodies.filter(|body| body.contains("voucher-fetched")).collect();
        assert!(fetched.len() == 2 && fetched[1].contains("masa-unreachable"), "{fetched:?}");
        world.server.stop().await;
        maker_server.stop().await;
        let store = maker.store().await;
        let issued = store.issued_vouchers(&[serial("SN-1")]).await.unwrap();
        assert_eq!(issued.len(), 2);
        assert!(issued.iter().any(|it| it.artifact == fresh), "the maker's own log has it");
        store.close().await;
    });
}
