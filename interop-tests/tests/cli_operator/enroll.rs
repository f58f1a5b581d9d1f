//! `sztp enroll explain`: what a certificate would give, by files and by a server's manufacturers.

use interop_tests::site::{now, serial};
use pki::certificate::Certificate;
use serde_json::json;

use super::site::Site;

#[test]
fn dev_10_a_certificate_is_explained_by_files_alone_and_by_the_manufacturers_of_a_server() {
    let site = Site::start();
    let (_, chain) = site.maker.device("Example BMC", &serial("SN-0001"), now()).unwrap();
    let pem = |chain: &[Certificate]| chain.iter().map(Certificate::to_pem).collect::<String>();
    site.write("device.pem", &pem(&chain));
    site.write("root.pem", &pem(site.maker.device_anchors()));

    // Nobody is known: what it says is told all the same.
    let alone = site.sztp(&["enroll", "explain", "device.pem"]).good();
    assert!(alone.out.contains("attribute                  \"SN-0001\""), "{alone:?}");
    assert!(alone.out.contains("No manufacturer is known here"), "{alone:?}");

    let given = ["enroll", "explain", "device.pem", "--anchor", "root.pem", "--output", "json"];
    let told = site.sztp(&given).good().json();
    assert_eq!(told["device-listener"]["device"], "given/SN-0001");
    assert_eq!(told["manufacturers"][0]["path"].as_array().unwrap().len(), chain.len() + 1);
    assert_eq!(told.get("legacy-listener"), None);
    // At the legacy listener ordinary anchors do not count, and at the ordinary one legacy anchors.
    let legacy = ["enroll", "explain", "device.pem", "--legacy-anchor", "root.pem", "--output", "json"];
    let told = site.sztp(&legacy).good().json();
    assert_eq!((&told["legacy-listener"]["accepted"], told.get("device-listener")), (&json!(true), None));

    // Refused, with what to do about it.
    let other = [&given[..5], &["--serial-number-rule", "CN=bmc-{serial}", "--output", "json"]].concat();
    let refused = site.sztp(&other);
    assert_eq!(refused.code, Some(3));
    let told: serde_json::Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!(told["device-listener"]["reason"], "serial-number-missing");
    assert!(told["device-listener"]["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{told:#}");
    let refused = site.sztp(&["enroll", "explain", "root.pem", "--anchor", "root.pem"]);
    assert_eq!(refused.code, Some(3));
    assert!(refused.out.contains("idevid-unfit") && refused.out.contains("It is a CA's certificate"), "{refused:?}");
    for (rule, wrong) in
        [("CN=bmc", "the pattern has {serial} once"), ("cn={serial}", "is no place for a serial number")]
    {
        let ended = site.sztp(&[&given[..5], &["--serial-number-rule", rule]].concat());
        assert!(ended.code == Some(2) && ended.err.contains(wrong), "{ended:?}");
    }

    site.prepare();
    let told = site.sztp(&["enroll", "explain", "device.pem", "--output", "json"]).good().json();
    assert_eq!(told["device-listener"]["device"], "example-maker/SN-0001");
    let named = site.sztp(&["enroll", "explain", "device.pem", "--manufacturer", "example-maker"]).good();
    assert!(named.out.contains("device listener: accepts it, as the device example-maker/SN-0001"), "{named:?}");
    assert_eq!(site.sztp(&["enroll", "explain", "device.pem", "--manufacturer", "nobody"]).code, Some(4));
}
