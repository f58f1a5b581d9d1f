//! The DHCP server beside the others: it knows the owner's devices, explains itself, and reports who else answers.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use dhcp::v4::{
    HardwareAddress, MacAddress, Message, MessageType, Operation, OptionCode, RequestedAddress, ServerIdentifier,
};
use serde_json::json;
use tokio::{net::UdpSocket, time::timeout};

use crate::world::World;

const MAC: &str = "02:00:5e:10:00:01";

/// Whatever loopback address a test's device has, it is in this network.
const DHCP: &str = "[dhcp4]\nserver-identifier = '127.0.0.1'\nlisten = '127.0.0.1:0'\nclient-port = 'source'\nconflict-check = false\n\
    [dhcp4.give]\nboot-file = 'generic.efi'\nbootstrap-uris = ['https://sztp.example.net:8443']\n\
    [[dhcp4.subnet]]\nnetwork = '127.0.0.0/8'\npools = [{ first = '127.9.0.10', last = '127.9.0.20' }]\n";

async fn world() -> World {
    let world = World::new(&["SN-1"]).await;
    world.site.edit("[audit]", &format!("{DHCP}[audit]"));
    world.restarted().await
}

fn message(kind: MessageType, address: Ipv4Addr) -> Message {
    let mut message = Message::new(Operation::Request, HardwareAddress::ethernet(MacAddress([2, 0, 0x5e, 0x10, 0, 1])));
    message.options.put(&kind);
    if kind == MessageType::Inform {
        message.client_address = address;
    }
    message
}

/// What a device with that address is told to boot.
async fn booted(server: SocketAddr, device: &UdpSocket) -> String {
    let SocketAddr::V4(own) = device.local_addr().unwrap() else { unreachable!() };
    device.send_to(&message(MessageType::Inform, *own.ip()).encode(), server).await.unwrap();
    let mut buffer = [0; 1500];
    let (length, _) = timeout(Duration::from_secs(20), device.recv_from(&mut buffer)).await.unwrap().unwrap();
    String::from_utf8(Message::decode(&buffer[..length]).unwrap().boot_file.as_bytes().to_vec()).unwrap()
}

/// NET-07, NET-08: what a device boots follows from its profile, from the moment somebody says so.
#[tokio::test]
async fn a_device_that_changes_is_known_to_dhcp_soon() {
    let world = world().await;
    let server = world.server.dhcp4_address().unwrap();
    let device = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 21), 0)).await.unwrap();
    assert_eq!(booted(server, &device).await, "generic.efi");

    let document = "post-configuration-script = 'x'\n[dhcp4.give]\nboot-file = 'xpu.efi'\n";
    let put = world.send("PUT", "/v1/profiles/xpu", json!({"document": document})).await;
    assert_eq!(put.status, 200, "{put:?}");
    assert_eq!(put.json()["document"], document, "it is kept as it was written");
    let uuid = "123e4567-e89b-12d3-a456-426614174000";
    let body = json!({"profile": "xpu", "particulars": {"mac-addresses": [MAC], "uuid": uuid}});
    let change = world.send("PATCH", "/v1/devices/maker/SN-1", body).await;
    assert_eq!(change.status, 200, "{change:?}");
    assert_eq!(change.json()["uuid"], uuid);
    let since = Instant::now();
    while booted(server, &device).await != "xpu.efi" {
        assert!(since.elapsed() < Duration::from_secs(30), "it is never known");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let listed = world.get(&format!("/v1/devices?uuid={}", uuid.to_uppercase())).await.json();
    assert_eq!(listed["devices"][0]["serial-number"], "SN-1");
    assert_eq!(world.get("/v1/devices?uuid=7").await.reason(), "query-invalid");
    let metrics = String::from_utf8(world.get("/metrics").await.body).unwrap();
    assert!(metrics.contains("sztp_dhcp_known_devices 1\n"), "{metrics}");
    assert!(metrics.contains("event=\"informed\""), "{metrics}");

    // Out of service, it is a stranger like any other.
    let retired = world.send("POST", "/v1/devices/maker/SN-1/retire", json!({"reason": "broken"})).await;
    assert_eq!(retired.status, 200, "{retired:?}");
    let since = Instant::now();
    while booted(server, &device).await != "generic.efi" {
        assert!(since.elapsed() < Duration::from_secs(30), "it stays known");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.server.stop().await;
}

#[tokio::test]
async fn what_a_client_would_get_is_explained_without_giving_it() {
    let world = world().await;
    let profile = "post-configuration-script = 'x'\n[dhcp4.give]\nboot-file = 'xpu.efi'\n";
    assert_eq!(world.send("PUT", "/v1/profiles/xpu", json!({"document": profile})).await.status, 200);
    let body = json!({"profile": "xpu", "particulars": {"mac-addresses": [MAC]}});
    assert_eq!(world.send("PATCH", "/v1/devices/maker/SN-1", body).await.status, 200);
    let path = format!("/v1/dhcp/explain?mac={MAC}&architecture=7,9&vendor-class=PXEClient:Arch:00007");
    let since = Instant::now();
    let said = loop {
        let said = world.get(&path).await;
        assert_eq!(said.status, 200, "{said:?}");
        if said.json()["device"].is_object() {
            break said.json();
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{said:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(said["device"]["name"], "maker/SN-1");
    assert_eq!((&said["device"]["recognised-by"], &said["basis"]), (&"MAC address".into(), &"server".into()));
    assert_eq!((&said["subnet"]["network"], &said["message"]), (&"127.0.0.0/8".into(), &"DHCPOFFER".into()));
    assert_eq!((&said["boots"]["file"], &said["boots"]["from"]), (&"xpu.efi".into(), &"profile xpu".into()));
    assert_eq!(said["address"]["from"], "pool");
    assert_eq!(said["bootstrap"]["uris"], json!(["https://sztp.example.net:8443"]));
    let leases = world.server.store().export().await.unwrap().next().await.unwrap();
    assert!(!leases.iter().any(|row| row.table == "dhcp_lease"), "nothing was lent");

    for (query, said) in
        [("mac=zz", "mac: "), ("ip-version=5&mac=020000000001", "ip-version: "), ("colour=red", "colour")]
    {
        let refused = world.get(&format!("/v1/dhcp/explain?{query}")).await;
        assert_eq!((refused.status, refused.reason().as_str()), (400, "query-invalid"), "{refused:?}");
        assert!(refused.json()["detail"].as_str().unwrap().contains(said), "{refused:?}");
    }
    let other = world.get(&format!("/v1/dhcp/explain?ip-version=6&mac={MAC}")).await;
    assert_eq!(other.status, 404, "{other:?}");
    world.server.stop().await;

    let without = World::new(&[]).await;
    let none = without.get(&format!("/v1/dhcp/explain?mac={MAC}")).await;
    assert!(none.status == 404 && none.json()["detail"].as_str().unwrap().contains("[dhcp4]"), "{none:?}");
    without.server.stop().await;
}

/// A second DHCP server on the segment is seen when a client takes its offer: in the log, in the status, in the metrics.
#[tokio::test]
async fn another_dhcp_server_is_on_record_and_an_alarm() {
    let world = world().await;
    let server = world.server.dhcp4_address().unwrap();
    let device = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 22), 0)).await.unwrap();
    let mut taken = message(MessageType::Request, Ipv4Addr::UNSPECIFIED);
    taken.options.put(&ServerIdentifier(Ipv4Addr::new(192, 0, 2, 66)));
    taken.options.put(&RequestedAddress(Ipv4Addr::new(192, 0, 2, 100)));
    let since = Instant::now();
    let seen = loop {
        // A second time within the hour changes nothing.
        device.send_to(&taken.encode(), server).await.unwrap();
        let records = world.get("/v1/audit/records?limit=1000").await.json();
        let found = records["records"].as_array().unwrap().to_vec();
        let found: Vec<_> = found.into_iter().filter(|it| it["body"]["event"] == "dhcp-other-server-seen").collect();
        if let Some(first) = found.first() {
            assert_eq!(found.len(), 1, "{found:?}");
            break first.clone();
        }
        assert!(since.elapsed() < Duration::from_secs(30), "it is never on record");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let body = &seen["body"];
    assert_eq!((&body["server"], &body["ip-version"], &body["client"]), (&"192.0.2.66".into(), &4.into(), &MAC.into()));
    assert_eq!((&body["interface"], &body["relay"]), (&"lo".into(), &json!(null)));
    let status = world.get("/v1/status").await.json();
    let alarm = status["alarms"].as_array().unwrap().iter().find(|it| it["reason"] == "dhcp-other-server").unwrap();
    assert!(alarm["remedy"].as_str().unwrap().contains("other-servers"), "{alarm}");
    let metrics = String::from_utf8(world.get("/metrics").await.body).unwrap();
    assert!(metrics.contains("sztp_alarms{reason=\"dhcp-other-server\"} 1\n"), "{metrics}");
    assert!(metrics.contains("event=\"other-server\""), "{metrics}");
    world.server.stop().await;
}

/// Beside port 67 no server looks for addresses, and it counts that it did not (netboot/tests/clients/conflicts.rs sees one that does).
#[tokio::test]
async fn what_the_conflict_check_does_is_counted() {
    let world = World::new(&[]).await;
    let checked = DHCP.replace("conflict-check = false\n", "").replace("127.9.0.", "127.7.0.");
    world.site.edit("[audit]", &format!("{checked}[audit]"));
    let world = world.restarted().await;
    let server = world.server.dhcp4_address().unwrap();
    let device = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 24), 0)).await.unwrap();
    let wanted = "sztp_dhcp_probes_total{protocol=\"dhcp4\",outcome=\"not-asked\"}";
    let since = Instant::now();
    loop {
        device.send_to(&message(MessageType::Discover, Ipv4Addr::UNSPECIFIED).encode(), server).await.unwrap();
        let metrics = String::from_utf8(world.get("/metrics").await.body).unwrap();
        if metrics.contains(wanted) {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{metrics}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.server.stop().await;
}

/// A database, an audit log and `[dhcp4]` are enough.
#[tokio::test]
async fn a_site_with_dhcp_alone_is_a_dhcp_server() {
    let world = World::new(&[]).await;
    let World { site, server, .. } = world;
    server.stop().await;
    let alone = format!(
        "database = 'sztp.sqlite3'\n{}[audit]\norigin = 'test.example/log'\nkey = 'audit.key'\n",
        DHCP.replace("127.9.0.", "127.8.0.")
    );
    site.write("sztp.toml", alone.as_bytes());
    let mut server = bootstrap_server::start(site.config()).await.unwrap();
    assert_eq!((server.device_address(), server.operator_address()), (None, None));
    let device = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 23), 0)).await.unwrap();
    device
        .send_to(&message(MessageType::Discover, Ipv4Addr::UNSPECIFIED).encode(), server.dhcp4_address().unwrap())
        .await
        .unwrap();
    let mut buffer = [0; 1500];
    let (length, _) = timeout(Duration::from_secs(20), device.recv_from(&mut buffer)).await.unwrap().unwrap();
    let offer = Message::decode(&buffer[..length]).unwrap();
    assert_eq!(offer.options.value(), Ok(Some(MessageType::Offer)));
    assert!(offer.your_address.octets().starts_with(&[127, 8, 0]), "{offer:?}");
    assert!(offer.options.bytes(OptionCode::SZTP_REDIRECT).is_some());
    // `sztp serve` stops when a part of it ends: none may, for having nothing to do.
    let ended = timeout(Duration::from_millis(500), server.failed()).await;
    assert!(ended.is_err(), "{ended:?}");
    server.stop().await;
}
