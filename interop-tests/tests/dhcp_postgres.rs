//! Two servers that share a PostgreSQL: what is changed at one is known to the DHCP of the other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use bootstrap_server::{
    audit::Event,
    domain::{OnboardingProfile, Particulars, ProfileName},
    store::Location,
};
use dhcp::v4::{HardwareAddress, MacAddress, Message, MessageType, Operation};
use interop_tests::{
    postgres::Cluster,
    site::{Site, device_id},
    skip,
};
use tokio::{net::UdpSocket, time::timeout};

const DHCP: &str = "[dhcp4]\nserver-identifier = '127.0.0.1'\nlisten = '127.0.0.1:0'\nclient-port = 'source'\n\
    [dhcp4.give]\nboot-file = 'generic.efi'\n[[dhcp4.subnet]]\nnetwork = '127.0.0.0/8'\n";
const MAC: MacAddress = MacAddress([2, 0, 0x5e, 0x10, 0, 1]);

/// What a device with this hardware address is told to boot.
async fn booted(server: SocketAddr, device: &UdpSocket) -> String {
    let SocketAddr::V4(own) = device.local_addr().unwrap() else { unreachable!() };
    let mut inform = Message::new(Operation::Request, HardwareAddress::ethernet(MAC));
    inform.client_address = *own.ip();
    inform.options.put(&MessageType::Inform);
    device.send_to(&inform.encode(), server).await.unwrap();
    let mut buffer = [0; 1500];
    let (length, _) = timeout(Duration::from_secs(20), device.recv_from(&mut buffer)).await.unwrap().unwrap();
    String::from_utf8(Message::decode(&buffer[..length]).unwrap().boot_file.as_bytes().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn net_07_a_change_at_one_server_is_known_to_dhcp_at_the_other() {
    let cluster = match Cluster::shared() {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let Location::Postgres(url) = cluster.database() else { panic!("a PostgreSQL was asked for") };
    let site = Site::new();
    site.edit("'sztp.sqlite3'", &format!("'{url}'"));
    site.edit("[audit]", &format!("{DHCP}[audit]"));
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    store.close().await;
    let (one, other) =
        (bootstrap_server::start(site.config()).await.unwrap(), bootstrap_server::start(site.config()).await.unwrap());
    let device = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 31), 0)).await.unwrap();
    let dhcp = other.dhcp4_address().unwrap();
    assert_eq!(booted(dhcp, &device).await, "generic.efi");

    let xpu = ProfileName::new("xpu").unwrap();
    let document = "post-configuration-script = 'x'\n[dhcp4.give]\nboot-file = 'xpu.efi'\n";
    let profile = Box::new(OnboardingProfile::from_toml(xpu.clone(), document).unwrap());
    one.store().commit(Event::ProfileApplied { profile }.into()).await.unwrap();
    let particulars =
        Particulars { mac_addresses: vec!["02:00:5e:10:00:01".parse().unwrap()], ..Particulars::default() };
    let changed =
        Event::DeviceChanged { device: device_id("SN-1"), profile: Some(xpu), particulars: Box::new(particulars) };
    one.store().commit(changed.into()).await.unwrap();
    let since = Instant::now();
    while booted(dhcp, &device).await != "xpu.efi" {
        assert!(since.elapsed() < Duration::from_secs(30), "the other server never hears of it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("known at the other server after {:?}", since.elapsed());
    other.stop().await;
    one.stop().await;
}
