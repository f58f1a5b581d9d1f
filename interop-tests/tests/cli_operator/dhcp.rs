//! `sztp dhcp explain`, of a running server and of a configuration alone.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::site::{Ended, PROFILE, Site};

const MAC: &str = "02:00:5e:10:00:01";
const UUID: &str = "123e4567-e89b-12d3-a456-426614174000";

const DHCP: &str = "
[dhcp4]
server-identifier = '127.0.0.1'
listen = '127.0.0.1:0'
client-port = 'source'

[dhcp4.give]
bootstrap-uris = ['https://sztp.example.net:8443']
boot-file = 'generic.efi'
next-server = '192.0.2.2'

[[dhcp4.class]]
name = 'printers'
when = { vendor-class = ['printer*'] }
give = { answer = false }

[[dhcp4.subnet]]
network = '192.0.2.0/24'
pools = [{ first = '192.0.2.100', last = '192.0.2.199' }]
";

fn site() -> Site {
    let mut site = Site::start();
    site.prepare();
    site.stop();
    let config = fs::read_to_string(site.path("sztp.toml")).unwrap();
    site.write("sztp.toml", &format!("{config}{DHCP}"));
    site.start_again();
    site
}

fn explain(site: &Site, more: &[&str]) -> Ended {
    site.sztp(&[&["dhcp", "explain"][..], more].concat())
}

#[test]
fn what_a_device_would_get_is_explained_by_the_server_and_without_it() {
    let mut site = site();
    site.write("xpu.toml", &format!("{PROFILE}\n[dhcp4.give]\nboot-file = 'xpu.efi'\n"));
    site.sztp(&["profile", "apply", "xpu.toml"]).good();
    let shown = site.sztp(&["profile", "show", "xpu"]).good();
    assert!(shown.out.contains("[dhcp4.give]\nboot-file = 'xpu.efi'"), "{shown:?}");
    let device = ["device", "add", "example-maker/SN-0001", "--profile", "xpu", "--mac", MAC, "--uuid", UUID];
    site.sztp(&device).good();
    let listed = site.sztp(&["device", "list", "--uuid", UUID, "--columns", "serial-number,uuid,mac-addresses"]).good();
    assert!(listed.out.contains(UUID) && listed.out.contains(MAC), "{listed:?}");

    let since = Instant::now();
    let said = loop {
        let said = explain(&site, &[MAC, "--output", "json"]).good().json();
        if said["device"].is_object() {
            break said;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{said}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!((&said["device"]["name"], &said["boots"]["file"]), (&"example-maker/SN-0001".into(), &"xpu.efi".into()));
    let by_uuid = explain(&site, &["--uuid", &UUID.to_uppercase(), "--output", "json"]).good().json();
    assert_eq!(by_uuid["device"]["recognised-by"], "UUID");
    let table =
        explain(&site, &[MAC, "--vendor-class", "PXEClient:Arch:00007:UNDI:003000", "--architecture", "7"]).good();
    for said in ["xpu.efi", "profile xpu", "https://sztp.example.net:8443", "192.0.2.0/24", "Said in a wider place"] {
        assert!(table.out.contains(said), "{said}: {}", table.out);
    }
    let nobody = explain(&site, &["02:00:00:00:00:99", "--vendor-class", "printer 7"]);
    assert_eq!(nobody.code, Some(3), "{nobody:?}");
    assert!(nobody.out.contains("class printers") && nobody.out.contains("do: "), "{nobody:?}");
    assert_eq!(explain(&site, &["zz"]).code, Some(1));
    assert_eq!(explain(&site, &[]).code, Some(2));

    // By its file alone the policy is there, and what the owner's list says is not.
    site.stop();
    let offline = explain(&site, &[MAC, "--offline"]).good();
    assert!(offline.out.starts_with("By the configuration alone"), "{offline:?}");
    assert!(offline.out.contains("generic.efi") && !offline.out.contains("xpu.efi"), "{offline:?}");
    let json = explain(&site, &[MAC, "--offline", "--output", "json"]).good().json();
    assert_eq!((&json["basis"], &json["device"]), (&"configuration".into(), &serde_json::Value::Null));
    let six = explain(&site, &[MAC, "--offline", "--v6"]);
    assert!(six.code == Some(2) && six.err.contains("[dhcp6]"), "{six:?}");
}
