//! What `sztp dhcp snippet` writes, included by the real servers and read by a real client.

use crate::{
    bench::{Bench, bench},
    server::Server,
};

/// A list of 67 octets, IPv6 literal and port included.
const SHORT: [&str; 3] = ["https://sztp.example.net:8443", "https://192.0.2.1", "https://[2001:db8::1]"];

/// The arguments for a list of 312 octets, which DHCPv4 needs two instances for.
fn long() -> Vec<String> {
    (0..6).map(|number| format!("https://server-number-{number:06}.sztp.example.net:8443")).collect()
}

/// What the server's configurations say to have the pieces in these files.
fn inclusions(server: Server) -> [&'static str; 2] {
    match server {
        Server::Kea => [r#""option-data": [ <?include "4.part"?> ],"#, r#""option-data": [ <?include "6.part"?> ],"#],
        Server::Dnsmasq => ["conf-file=4.part", "conf-file=6.part"],
        Server::Isc => ["include \"4.part\";", "include \"6.part\";"],
    }
}

/// Has the server send the snippet for these servers, and a client read it.
fn is_sent(bench: &Bench, server: Server, uris: &[&str], always: &str, families: &[u8]) {
    let expected = bench.printed(&[&["encode"], uris].concat()).trim().to_owned();
    let given: Vec<_> = uris.iter().flat_map(|uri| ["--uri", uri]).collect();
    let mut script = "cable\n".to_owned();
    bench.configure(server, inclusions(server));
    for family in families {
        let (file, which) = (format!("{family}.part"), format!("--v{family}"));
        let always = if always == "always" { &["--always"][..] } else { &[] };
        // DHC-08: of DHCPv6, dhcpd sends to those alone that ask.
        let always = if server == Server::Isc && *family == 6 { &[] } else { always };
        let piece = bench.printed(&[&["snippet", server.name(), &which], given.as_slice(), always].concat());
        bench.write(&file, &piece);
        let judged = bench.sztp(&["lint", &file, "--output", "json"]);
        assert_eq!(judged.code, Some(0), "{piece}\n{}", judged.out);
        assert_eq!(judged.json()["options"][0]["hex"], expected);
        script += &format!(
            "{}asked {family} silent silent.conf\nasked {family} asking asking.conf\nstopped\n",
            server.start(*family)
        );
    }
    let answers = bench.run(&script);
    assert_eq!(answers.len(), 2 * families.len());
    for answer in answers {
        let unasked = always == "always" && !(server == Server::Isc && answer.family == 6);
        let is_expected = answer.name == "asking" || unasked;
        assert_eq!(
            answer.hex,
            if is_expected { &expected } else { "" },
            "{server:?} {always} {} {}",
            answer.family,
            answer.name
        );
    }
}

#[test]
fn dhc_04_kea_sends_the_snippet_to_whoever_asks_and_with_always_to_everybody() {
    let bench = bench!("ip", "ss", "kea-dhcp4", "kea-dhcp6", "dhclient");
    is_sent(&bench, Server::Kea, &SHORT, "asked", &[4, 6]);
    is_sent(&bench, Server::Kea, &SHORT, "always", &[4, 6]);
}

#[test]
fn dhc_11_kea_splits_a_long_list() {
    let bench = bench!("ip", "ss", "kea-dhcp4", "kea-dhcp6", "dhclient");
    let long = long();
    is_sent(&bench, Server::Kea, &long.iter().map(String::as_str).collect::<Vec<_>>(), "always", &[4, 6]);
}

#[test]
fn dhc_04_dnsmasq_sends_the_snippet_to_whoever_asks_and_with_always_to_everybody() {
    let bench = bench!("ip", "ss", "dnsmasq", "dhclient");
    is_sent(&bench, Server::Dnsmasq, &SHORT, "asked", &[4, 6]);
    is_sent(&bench, Server::Dnsmasq, &SHORT, "always", &[4, 6]);
}

#[test]
fn dhc_11_dnsmasq_sends_a_long_list_in_dhcpv6_alone() {
    let bench = bench!("ip", "ss", "dnsmasq", "dhclient");
    let long = long();
    let long: Vec<_> = long.iter().map(String::as_str).collect();
    is_sent(&bench, Server::Dnsmasq, &long, "always", &[6]);

    let given: Vec<_> = long.iter().flat_map(|uri| ["--uri", uri]).collect();
    let refused = bench.sztp(&[&["snippet", "dnsmasq"], given.as_slice()].concat());
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("at most 255 octets") && refused.out.is_empty(), "{}", refused.err);
    // The refusal is right: dnsmasq does not start with one line, and of two lines it sends the last.
    let value = bench.printed(&[&["encode", "--colons"], long.as_slice()].concat()).trim().to_owned();
    bench.write("whole.conf", &format!("dhcp-option=143,{value}\n"));
    let (first, second) = (&value[..255 * 3 - 1], &value[255 * 3..]);
    let halves = format!("dhcp-option=143,{first}\ndhcp-option=143,{second}");
    bench.configure(Server::Dnsmasq, [&halves, ""]);
    let answers = bench.run(&format!(
        "! dnsmasq --test --conf-file=whole.conf 2> server.log\ngrep -q 'too long' server.log\n\
         cable\n{}asked 4 halves asking.conf\nstopped\n",
        Server::Dnsmasq.start(4)
    ));
    assert_eq!(answers[0].hex, second.replace(':', ""));
    let judged = bench.sztp(&["lint", "4.conf", "--output", "json"]);
    assert_eq!((judged.code, judged.json()["findings"][0]["reason"].as_str()), (Some(3), Some("dhcp-option-not-sent")));
}

#[test]
fn dhc_04_dhcpd_sends_the_snippet_to_whoever_asks_and_with_always_to_everybody() {
    let bench = bench!("ip", "ss", "dhcpd", "dhclient");
    is_sent(&bench, Server::Isc, &SHORT, "asked", &[4, 6]);
    is_sent(&bench, Server::Isc, &SHORT, "always", &[4, 6]);
}

#[test]
fn dhc_11_dhcpd_splits_a_long_list() {
    let bench = bench!("ip", "ss", "dhcpd", "dhclient");
    let long = long();
    is_sent(&bench, Server::Isc, &long.iter().map(String::as_str).collect::<Vec<_>>(), "always", &[4, 6]);
}

/// DHC-08: `--always` for option 136 is refused alone; beside option 143 one file serves both of dhcpd's servers.
#[test]
fn dhc_08_dhcpd_reads_one_file_for_both_and_never_sends_136_unasked() {
    let bench = bench!("ip", "ss", "dhcpd", "dhclient");
    let refused = bench.sztp(&["snippet", "isc", "--v6", "--always", "--uri", SHORT[0]]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
    assert!(refused.err.contains("only to clients that ask"), "{}", refused.err);

    let piece = bench.printed(&["snippet", "isc", "--always", "--uri", SHORT[0]]);
    bench.write("both.part", &piece);
    bench.configure(Server::Isc, ["include \"both.part\";"; 2]);
    let mut script = "cable\n".to_owned();
    for family in [4, 6] {
        script += &format!(
            "{}asked {family} silent silent.conf\nasked {family} asking asking.conf\nstopped\n",
            Server::Isc.start(family)
        );
    }
    let expected = bench.printed(&["encode", SHORT[0]]).trim().to_owned();
    let got: Vec<_> = bench.run(&script).into_iter().map(|answer| answer.hex).collect();
    assert_eq!(got, [expected.clone(), expected.clone(), String::new(), expected]);
}
