//! Whole runs of the agent from removable storage (RFC 8572 §4.1).

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod bench;
mod mounted;
mod waiting;

use std::{fs, io::Read, net::TcpListener, os::unix::fs::symlink, thread};

use bench::{Bench, IMAGE, all, device_folder, plan, unsigned, with_image, write};
use conveyed_info::{
    discovery::removable_storage::Layout,
    information::{BootstrapServer, RedirectInformation},
};

/// A device whose stick is a folder beside its configuration.
fn bench() -> Bench {
    Bench::new("folders = ['stick']")
}

#[test]
fn usb_02_usb_05_each_device_applies_what_its_owner_signed() {
    let bench = bench();
    let output = bench.path("output");
    let stick = bench.path("stick");
    for (serial_number, name) in [("SN-1", "mine"), ("SN-2", "other")] {
        let data = bench.signed(&plan(&output, name).into());
        write(&stick, &device_folder(&Layout::default(), serial_number), &data);
    }
    let (code, trace) = bench.run();
    assert_eq!(code, Some(0), "{trace:#?}");
    assert_eq!(bench.configuration()["hostname"], "mine");
    assert_eq!(fs::read_to_string(output).unwrap(), "mine\n");
    let place = format!("{}/sztp/SN-1", stick.display());
    assert!(all(&trace, "place").iter().all(|it| *it == place), "{trace:#?}");
    // The marker says where it came from, and a second run has nothing to do.
    let marker = fs::read_to_string(bench.path("root/done")).unwrap();
    assert!(marker.contains(&place), "{marker}");
    assert_eq!(bench.run().0, Some(0));
}

#[test]
fn usb_03_a_stick_as_ios_xr_has_it_is_read_too() {
    let bench = bench();
    let data = bench.signed(&plan(&bench.path("output"), "xr").into());
    write(&bench.path("stick"), &device_folder(&Layout::IosXr, "SN-1"), &data);
    assert_eq!(bench.run().0, Some(0));
    assert_eq!(bench.configuration()["hostname"], "xr");
}

#[test]
fn usb_02_unsigned_onboarding_information_is_refused() {
    let bench = bench();
    let data = unsigned(&plan(&bench.path("output"), "anybody").into());
    write(&bench.path("stick"), &device_folder(&Layout::default(), "SN-1"), &data);
    let (code, trace) = bench.run();
    assert_eq!(code, Some(3));
    assert!(all(&trace, "reason").contains(&"unsigned-onboarding-untrusted"), "{trace:#?}");
    assert_eq!(bench.configuration(), serde_json::json!({}));
    assert!(!bench.path("output").exists() && !bench.path("root/done").exists());
}

#[test]
fn usb_02_an_unsigned_redirect_is_followed() {
    let bench = Bench::new("folders = ['stick']");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Strangers may not lead the device to itself (SEC-10) unless somebody allows it.
    let config = fs::read_to_string(bench.path("device.toml")).unwrap();
    fs::write(bench.path("device.toml"), format!("allow-targets = ['127.0.0.1/32']\n{config}")).unwrap();
    let server = BootstrapServer { address: "127.0.0.1".to_owned(), port, trust_anchor: None };
    let redirect = RedirectInformation::new(vec![server]).unwrap();
    write(&bench.path("stick"), &device_folder(&Layout::default(), "SN-1"), &unsigned(&redirect.into()));
    let asked = thread::spawn(move || {
        let mut first = [0];
        listener.accept().unwrap().0.read_exact(&mut first).unwrap();
        first[0]
    });
    let (code, trace) = bench.run();
    // RFC 8446 §5.1: a handshake begins.
    assert_eq!(asked.join().unwrap(), 22);
    assert_eq!(code, Some(5), "the server says nothing: {trace:#?}");
    assert!(all(&trace, "step").contains(&"redirect-followed"));
    assert!(all(&trace, "detail").contains(&"a redirect that nobody vouches for"), "{trace:#?}");
}

#[test]
fn usb_07_an_image_on_the_stick_is_installed() {
    for uri in ["file:///images/os.itb", "file:///disk2:/images/os.itb"] {
        let bench = bench();
        let stick = bench.path("stick");
        let plan = with_image(plan(&bench.path("output"), "imaged"), uri);
        write(&stick, &device_folder(&Layout::default(), "SN-1"), &bench.signed(&plan.into()));
        fs::create_dir(stick.join("images")).unwrap();
        fs::write(stick.join("images/os.itb"), b"another").unwrap();
        let (code, trace) = bench.run();
        assert_eq!(code, Some(1));
        assert!(all(&trace, "reason").contains(&"image-hash-mismatch"), "{trace:#?}");
        fs::write(stick.join("images/os.itb"), IMAGE).unwrap();
        let (code, trace) = bench.run();
        assert_eq!(code, Some(0), "{trace:#?}");
        assert!(all(&trace, "step").contains(&"image-installed"), "{trace:#?}");
        let active = fs::read_to_string(bench.path("root/images/active.json")).unwrap();
        assert!(active.contains(&pki::digest::sha256(IMAGE).to_string()), "{active}");
        assert_eq!(bench.configuration()["hostname"], "imaged");
    }
}

#[test]
fn usb_08_an_image_is_not_read_from_anywhere_else() {
    let bench = bench();
    let stick = bench.path("stick");
    fs::create_dir(&stick).unwrap();
    fs::write(bench.path("os.itb"), IMAGE).unwrap();
    symlink(bench.path("os.itb"), stick.join("link.itb")).unwrap();
    for uri in ["file:///link.itb", "file:///../os.itb", "file:///%2e%2e/os.itb", "file://localhost/os.itb"] {
        let plan = with_image(plan(&bench.path("output"), "x"), uri);
        write(&stick, &device_folder(&Layout::default(), "SN-1"), &bench.signed(&plan.into()));
        let (code, trace) = bench.run();
        assert_eq!(code, Some(1), "{uri}: {trace:#?}");
        assert!(!all(&trace, "step").contains(&"image-downloaded"), "{trace:#?}");
        assert_eq!(bench.configuration(), serde_json::json!({}));
    }
}

#[test]
fn usb_08_a_link_to_a_system_file_is_not_read() {
    let bench = bench();
    let folder = bench.path("stick/sztp/SN-1");
    fs::create_dir_all(&folder).unwrap();
    symlink("/etc/passwd", folder.join("conveyed-information.cms")).unwrap();
    let (code, trace) = bench.run();
    assert_eq!(code, Some(5));
    let ignored = trace.iter().find(|record| record["step"] == "source-entry-ignored").unwrap();
    assert_eq!(ignored["reason"], "removable-storage-invalid");
    assert!(ignored["detail"].as_str().unwrap().contains("a symbolic link"), "{ignored}");
}

#[test]
fn usb_01_without_a_stick_the_device_goes_on() {
    let bench = bench();
    let (code, trace) = bench.run();
    assert_eq!(code, Some(5));
    assert_eq!(all(&trace, "reason"), ["no-source", "no-source"], "{trace:#?}");
}
