//! Faulty lines: what the linter says a server sends is what it sends, `sztp dhcp decode` refuses it, and the line that the
//! linter offers instead is good.

use serde_json::Value;

use crate::{
    bench::{Bench, bench},
    server::Server,
};

/// A value that is right, 19 octets.
const GOOD: &str = "00:11:68:74:74:70:73:3a:2f:2f:31:39:32:2e:30:2e:32:2e:31";

/// Starts the server with each part in turn, and holds what arrives against what the linter said.
fn each_is_sent_as_the_linter_says(bench: &Bench, server: Server, parts: &[(&str, &[&str])]) {
    let mut script = "cable\n".to_owned();
    let mut expected = Vec::new();
    for (index, (part, reasons)) in parts.iter().enumerate() {
        let folder = format!("case-{index}.conf");
        let (_, text) = server.configurations([part, ""]).swap_remove(0);
        bench.write(&folder, &text);
        let judged = bench.sztp(&["lint", &folder, "--kind", server.name(), "--output", "json"]);
        let report = judged.json();
        let findings = report["findings"].as_array().unwrap();
        let found: Vec<_> = findings.iter().map(|finding| finding["reason"].as_str().unwrap()).collect();
        assert_eq!((found.as_slice(), judged.code), (*reasons, Some(3)), "{part}: {report:#}");
        offered_is_good(bench, server, part, &findings[0]["write"]);
        expected.push(report["options"][0]["hex"].as_str().unwrap().to_owned());
        script += &format!("cp {folder} 4.conf\n{}asked 4 case-{index} asking.conf\nstopped\n", server.start(4));
    }
    let answers = bench.run(&script);
    assert_eq!(answers.len(), parts.len());
    for ((answer, expected), (part, _)) in answers.iter().zip(&expected).zip(parts) {
        assert_eq!(&answer.hex, expected, "{part}");
        // Nothing is there to decode where the server sends nothing.
        let decoded = bench.sztp(&["decode", &answer.hex]);
        assert_eq!(
            decoded.code,
            Some(if answer.hex.is_empty() { 2 } else { 3 }),
            "{part}: {}{}",
            decoded.out,
            decoded.err
        );
    }
}

/// The line that is offered instead has no fault.
fn offered_is_good(bench: &Bench, server: Server, part: &str, offered: &Value) {
    let offered = offered.as_str().unwrap_or_else(|| panic!("nothing is offered for {part}"));
    let definition = if server == Server::Isc { "option sztp code 143 = string;\n" } else { "" };
    bench.write("offered.conf", &format!("{definition}{offered}\n"));
    let judged = bench.sztp(&["lint", "offered.conf", "--kind", server.name()]);
    assert_eq!(judged.code, Some(0), "{offered}: {}", judged.out);
}

const FORM: &str = "dhcp-uri-form";
const URI: &str = "dhcp-uri-invalid";

#[test]
fn dhc_16_what_kea_sends_of_faulty_elements_is_what_the_linter_says() {
    let bench = bench!("ip", "ss", "kea-dhcp4", "dhclient");
    let defined = |of: &str, data: &str| {
        format!(
            r#""option-def": [{{"name": "x", "code": 143, {of}}}], "option-data": [{{"name": "x", "data": "{data}"}}],"#
        )
    };
    let raw = |data: &str| format!(r#""option-data": [{{"code": 143, "csv-format": false, "data": "{data}"}}],"#);
    let cases = [
        (raw("'https://a.example'"), vec![FORM]),
        (raw("0x001a68747470733a2f2f612e6578616d706c652f72657374636f6e66"), vec![URI]),
        (raw(&format!("{GOOD}:00")), vec![FORM]),
        (defined(r#""type": "string""#, "https://a.example/restconf"), vec![FORM, URI]),
        (defined(r#""type": "ipv4-address", "array": true"#, "192.0.2.1"), vec![FORM]),
        (defined(r#""type": "tuple", "array": true"#, "https://a.example"), vec![FORM]),
        (
            defined(r#""type": "record", "record-types": "uint16, string""#, "27, https://a.example/restconf"),
            vec![FORM],
        ),
        (defined(r#""type": "record", "record-types": "uint16, string""#, "16, http://a.example"), vec![URI]),
        (defined(r#""type": "binary""#, "c0000201"), vec![FORM]),
    ];
    let cases: Vec<_> = cases.iter().map(|(part, reasons)| (part.as_str(), reasons.as_slice())).collect();
    each_is_sent_as_the_linter_says(&bench, Server::Kea, &cases);
}

#[test]
fn dhc_16_what_dnsmasq_sends_of_faulty_lines_is_what_the_linter_says() {
    let bench = bench!("ip", "ss", "dnsmasq", "dhclient");
    let terminated = format!("dhcp-option=143,{GOOD}:00");
    each_is_sent_as_the_linter_says(
        &bench,
        Server::Dnsmasq,
        &[
            ("dhcp-option=143,https://a.example", &[FORM]),
            ("dhcp-option=143,https://a.example/restconf # a comment", &[FORM, URI]),
            ("dhcp-option=143,\"https://a.example\"", &[FORM]),
            ("dhcp-option=143,https://a.example,https://b.example", &[FORM]),
            ("dhcp-option=143,http://a.example", &[FORM, URI]),
            ("dhcp-option=143,192.0.2.1", &[FORM]),
            ("dhcp-option=143,\"192.0.2.1\"", &[FORM]),
            ("dhcp-option=143,192.0.2.1:9090", &[FORM]),
            ("dhcp-option-force=143,a.example:9090", &[FORM]),
            (&terminated, &[FORM]),
            ("dhcp-option=143,0:18:68:74:74:70:73:3a:2f:2f:31:39:32:2e:30:2e:32:2e:31", &[FORM]),
        ],
    );
}

#[test]
fn dhc_16_what_dhcpd_sends_of_faulty_statements_is_what_the_linter_says() {
    let bench = bench!("ip", "ss", "dhcpd", "dhclient");
    let string = |value: &str| format!("option sztp code 143 = string;\noption sztp {value};");
    let typed = |of: &str, value: &str| format!("option sztp code 143 = {of};\noption sztp {value};");
    let cases = [
        (string("\"https://a.example\""), vec![FORM]),
        (string(r#""\000\032https://a.example/restconf""#), vec![URI]),
        (string(r#""\x00\x10http://a.example""#), vec![URI]),
        (string(&format!("{GOOD}:00")), vec![FORM]),
        (string("= concat(00:ff, \"https://a.example\")"), vec![FORM]),
        (typed("text", "\"https://a.example/x\""), vec![FORM, FORM, URI]),
        (typed("ip-address", "192.0.2.1"), vec![FORM, FORM]),
        (typed("array of ip-address", "192.0.2.1, 192.0.2.2"), vec![FORM, FORM]),
        (typed("{ unsigned integer 16, text }", "9 \"https://a.example\""), vec![FORM, FORM]),
    ];
    let cases: Vec<_> = cases.iter().map(|(part, reasons)| (part.as_str(), reasons.as_slice())).collect();
    each_is_sent_as_the_linter_says(&bench, Server::Isc, &cases);
}
