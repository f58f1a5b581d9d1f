//! `sztp dhcp` as people and scripts use it: what is printed, exit codes, files of all kinds.

use std::{fs, path::Path, process::Command};

use interop_tests::lab::program;
use serde_json::Value;

fn sztp(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(program("sztp")).args(arguments).current_dir(folder).output().unwrap();
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn dhc_05_what_rfc_8572_does_not_allow_is_not_encoded() {
    let folder = tempfile::tempdir().unwrap();
    for (uri, says) in [
        ("https://a.example/restconf", "write https://a.example"),
        ("http://a.example", "write https://a.example"),
        ("192.0.2.1", "write https://192.0.2.1"),
        ("https://2001:db8::1", "write https://[2001:db8::1]"),
        ("https://a.example:0", "the port"),
        ("ftp://a.example", "write https://HOST"),
    ] {
        let (code, out, err) = sztp(folder.path(), &["dhcp", "encode", uri]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{uri}");
        assert!(err.contains(says), "{uri}: {err}");
    }
    let two = ["dhcp", "encode", "--form", "host-port", "https://a.example", "https://b.example"];
    assert_eq!(sztp(folder.path(), &two).0, Some(2));
}

#[test]
fn dhc_15_what_is_encoded_is_decoded_in_every_form_and_dress() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code) in [
        (&["https://192.0.2.1", "https://[2001:db8::1]:8443"][..], 0),
        (&["--option", "143", "https://192.0.2.1"], 0),
        (&["--option", "136", "--colons", "https://192.0.2.1"], 0),
        (&["--form", "rfc8572-single", "https://192.0.2.1"], 0),
        (&["--form", "rfc8572-path", "https://192.0.2.1"], 3),
        (&["--form", "text", "https://192.0.2.1"], 3),
        (&["--form", "host-port", "https://192.0.2.1"], 3),
        (&["--form", "ipv4-text", "https://192.0.2.1"], 3),
        (&["--form", "ipv4-octets", "https://192.0.2.1"], 3),
        (&["--form", "bootz", "https://192.0.2.1"], 3),
        (&["--form", "bootz-text", "https://192.0.2.1"], 3),
    ] {
        let (done, hex, err) = sztp(folder.path(), &[&["dhcp", "encode"], arguments].concat());
        assert_eq!(done, Some(0), "{err}");
        let (done, out, err) = sztp(folder.path(), &["dhcp", "decode", hex.trim(), "--output", "json"]);
        assert_eq!(done, Some(code), "{arguments:?}: {out}{err}");
        let decoded: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(decoded["uris"][0], "https://192.0.2.1", "{arguments:?}");
        assert_eq!(decoded["standard"], code == 0, "{arguments:?}");
        assert_eq!(decoded["faults"].as_array().unwrap().is_empty(), code == 0);
    }
    assert_eq!(sztp(folder.path(), &["dhcp", "decode", "xyz"]).0, Some(2));
}

/// A configuration, and where it has which faults.
struct Seeded {
    name: &'static str,
    text: &'static str,
    faults: &'static [(usize, &'static str)],
}

/// Configurations with one fault or more on each of these lines, and good options between them.
const SEEDED: &[Seeded] = &[
    Seeded {
        name: "kea-dhcp4.conf",
        text: r#"// Kea, with its comments
{ "Dhcp4": {
  "option-def": [ { "name": "sztp", "code": 143, "type": "string" } ], # not what it takes
  "subnet4": [ { "subnet": "192.0.2.0/24",
    "option-data": [ /* everybody */
      { "code": 143, "csv-format": false, "data": "001168747470733a2f2f3139322e302e322e31" },
      { "name": "sztp", "data": "https://a.example/restconf" },
      { "name": "routers", "data": "192.0.2.1" } ],
    "pools": [ { "pool": "192.0.2.50 - 192.0.2.59", "option-data": [
      { "code": 143, "csv-format": false, "always-send": true, "data": "C0000201" },
      { "code": 143, "csv-format": false, "data": "https://a.example" } ] } ] } ] } }
"#,
        faults: &[
            (7, "dhcp-uri-form"),
            (7, "dhcp-uri-invalid"),
            (10, "dhcp-uri-form"),
            (11, "dhcp-option-not-sent"),
            (11, "dhcp-uri-form"),
        ],
    },
    Seeded {
        name: "dnsmasq.conf",
        text: "# dnsmasq\ndhcp-range=192.0.2.50,192.0.2.59\ndhcp-option=tag:a,143,00:11:68:74:74:70:73:3a:2f:2f:31:39:32:2e:30:2e:32:2e:31\n\
         dhcp-option=143,https://a.example\ndhcp-option-force=option6:136,\"http://a.example\"\ndhcp-option=tag:b,143,192.0.2.1\n",
        faults: &[(4, "dhcp-uri-form"), (5, "dhcp-uri-form"), (5, "dhcp-uri-invalid"), (6, "dhcp-uri-form")],
    },
    Seeded {
        name: "dhcpd.conf",
        text: "# ISC dhcpd\noption sztp code 143 = string;\noption sztp-text code 143 = text;\noption dhcp6.sztp code 136 = string;\n\
         subnet 192.0.2.0 netmask 255.255.255.0 {\n  range 192.0.2.50 192.0.2.59;\n  option sztp \"\\000\\021https://192.0.2.1\";\n\
         \x20 host a { option sztp-text \"https://a.example\"; }\n  host b { option sztp 00:11:68; }\n}\n\
         option dhcp6.sztp \"\\000\\032https://a.example/restconf\";\n",
        faults: &[(8, "dhcp-uri-form"), (8, "dhcp-uri-form"), (9, "dhcp-uri-form"), (11, "dhcp-uri-invalid")],
    },
    Seeded {
        name: "value.hex",
        text: "00:11:68:74:74:70:73:3a:2f:2f:31:39:32:2e:30:2e:32:2e:31:00\n",
        faults: &[(1, "dhcp-uri-form")],
    },
];

#[test]
fn dhc_16_every_seeded_fault_is_found_on_its_line_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for Seeded { name, text, faults } in SEEDED {
        fs::write(folder.path().join(name), text).unwrap();
        let (code, out, err) = sztp(folder.path(), &["dhcp", "lint", name, "--output", "json"]);
        assert_eq!(code, Some(3), "{name}: {out}{err}");
        let report: Value = serde_json::from_str(&out).unwrap();
        let place = |it: &Value| {
            (usize::try_from(it["line"].as_u64().unwrap()).unwrap(), it["reason"].as_str().unwrap().to_owned())
        };
        let found: Vec<_> = report["findings"].as_array().unwrap().iter().map(place).collect();
        let expected: Vec<_> = faults.iter().map(|(line, reason)| (*line, (*reason).to_owned())).collect();
        assert_eq!(found, expected, "{name}: {report:#}");
    }
    let all: Vec<_> = SEEDED.iter().map(|seeded| seeded.name).collect();
    let (code, out, _) = sztp(folder.path(), &[&["dhcp", "lint"], all.as_slice()].concat());
    assert_eq!(code, Some(3));
    for said in [
        "kea-dhcp4.conf:6: option 143 is good: https://192.0.2.1",
        "dhcpd.conf:11: option 136: ",
        "  write: dhcp-option=143,00:11:",
    ] {
        assert!(out.contains(said), "{said}: {out}");
    }
}

#[test]
fn dhc_15_a_form_that_devices_want_is_no_finding_when_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("dnsmasq.conf"), "dhcp-option=143,a.example:9090\n").unwrap();
    let (code, out, _) = sztp(folder.path(), &["dhcp", "lint", "dnsmasq.conf"]);
    assert!(code == Some(3) && out.contains("fl-sztp") && out.contains("--form host-port"), "{out}");
    assert_eq!(sztp(folder.path(), &["dhcp", "lint", "dnsmasq.conf", "--form", "host-port"]).0, Some(0));
}

#[test]
fn what_cannot_be_linted_is_told_by_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, code, says) in [
        (
            "none.conf",
            "dhcp-range=192.0.2.50,192.0.2.59\nconf-dir=/etc/dnsmasq.d\n",
            4,
            "/etc/dnsmasq.d, which is looked at only when",
        ),
        ("prose.txt", "What is this?", 2, "--kind"),
        ("broken.json", "{ \"Dhcp4\": [ }", 1, "line 1"),
        ("quote.conf", "option x code 143 = text;\noption x \"https;\n", 1, "line 2"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
        let (done, out, err) = sztp(folder.path(), &["dhcp", "lint", name]);
        assert_eq!(done, Some(code), "{name}: {out}{err}");
        assert!(err.contains(says), "{name}: {err}");
    }
}

#[test]
fn dhc_04_the_snippet_names_the_servers_of_sztp_toml() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["--dns-name", "sztp.example.net", "--dns-name", "2001:db8::1", "--device-listen", "0.0.0.0:9443"];
    let (code, _, err) =
        sztp(folder.path(), &[&["init", "site", "--organization", "Example"], names.as_slice()].concat());
    assert_eq!(code, Some(0), "{err}");
    let snippet = ["dhcp", "snippet", "dnsmasq", "--config", "site/sztp.toml", "--output", "json"];
    let (code, out, err) = sztp(folder.path(), &snippet);
    assert_eq!(code, Some(0), "{err}");
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["uris"], serde_json::json!(["https://sztp.example.net:9443", "https://[2001:db8::1]:9443"]));
    assert_eq!(shown["pieces"][0]["options"], serde_json::json!([143, 136]));
    let (code, _, err) = sztp(folder.path(), &["dhcp", "snippet", "dnsmasq"]);
    assert!(code != Some(0) && err.contains("sztp.toml"), "{err}");
}
