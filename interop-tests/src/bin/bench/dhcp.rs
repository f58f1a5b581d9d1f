//! DHCP exchanges a second with durable leases, beside Kea and dnsmasq: `perfdhcp` asks each of them over a cable of its own.

use std::{fs, path::PathBuf, process::Command};

use peers::{network, peer::Peer};

use crate::{
    plot::{Axis, Line, Plot, Scale as AxisScale},
    report::{Report, median},
};

pub(crate) const METRICS: &[&str] = &["dhcp4_", "dhcp6_"];

/// Exchanges offered in a second.
const RATES: [u32; 9] = [500, 1500, 3000, 4500, 6000, 8000, 10_000, 12_000, 15_000];
/// The same for dnsmasq, which writes its whole file for each lease.
const SLOW_RATES: [u32; 6] = [125, 250, 500, 1000, 2000, 4000];
const REPEATS: usize = 5;
const SECONDS: u32 = 3;
/// How many leases are there when memory and restart are looked at.
const FILL: usize = 100_000;
/// What may be lost of either half of an exchange, in percent, at a pace that counts as free of loss.
const LOSS: f64 = 0.5;
const SCRIPT: &str = include_str!("dhcp.sh");
const SERVERS: [&str; 3] = ["sztp", "kea", "dnsmasq"];

pub(crate) fn measure(report: &mut Report) {
    let needed = ["unshare", "ip", "ss", "perfdhcp", "kea-dhcp4", "kea-dhcp6", "dnsmasq"];
    if let Some(missing) = needed.iter().find_map(|program| Peer::find(program).err()) {
        return println!("DHCP is not measured: {missing}");
    }
    for version in [4, 6] {
        let mut lines = Vec::new();
        let mut paces = Vec::new();
        let curves = repeated(report, version);
        for (server, curve) in SERVERS.into_iter().zip(curves) {
            for (rate, (achieved, lost)) in &curve {
                println!("DHCPv{version} {server}: {rate} offered, {achieved:.0} exchanges/s, {lost:.1} % lost");
            }
            let pace = loss_free(&curve);
            println!("DHCPv{version} {server}: {pace:.0} exchanges/s without loss");
            report.set(format!("dhcp{version}_{server}_per_second"), pace);
            paces.push(pace);
            let points = curve.iter().map(|(rate, (achieved, _))| (f64::from(*rate), *achieved)).collect();
            lines.push(Line { label: server.to_owned(), points });
        }
        if let [own, kea, ..] = paces.as_slice() {
            report.set(format!("dhcp{version}_ratio"), own / kea);
        }
        report.draw(Plot {
            name: if version == 4 { "dhcp4" } else { "dhcp6" },
            title: if version == 4 { "DHCPv4 exchanges" } else { "DHCPv6 exchanges" },
            x: Axis { label: "offered, exchanges/s", scale: AxisScale::Linear },
            y: Axis { label: "answered, exchanges/s", scale: AxisScale::Linear },
            lines,
        });
        remembered(report, version);
    }
}

type Curve = Vec<(u32, (f64, f64))>;

/// Each server at each rate, one after the other and that several times, so that whatever else the machine does befalls all.
fn repeated(report: &Report, version: u32) -> Vec<Curve> {
    let repeats = report.devices(REPEATS).clamp(1, REPEATS);
    let rehearsed = repeats < REPEATS;
    let runs: Vec<Vec<Vec<(u32, f64, f64)>>> = (0..repeats)
        .map(|_| {
            let rates = |server| match (server, rehearsed) {
                ("dnsmasq", false) => SLOW_RATES.as_slice(),
                ("dnsmasq", true) => &SLOW_RATES[..1],
                (_, true) => &RATES[..1],
                (_, false) => RATES.as_slice(),
            };
            SERVERS.iter().map(|server| run(server, version, 0, rates(server)).rates).collect()
        })
        .collect();
    let curve = |server: usize| {
        let rates: Vec<u32> = runs[0][server].iter().map(|(rate, ..)| *rate).collect();
        let at = |place: usize, pick: fn(&(u32, f64, f64)) -> f64| {
            median(runs.iter().map(|run| pick(&run[server][place])).collect())
        };
        rates.iter().enumerate().map(|(place, rate)| (*rate, (at(place, |it| it.1), at(place, |it| it.2)))).collect()
    };
    (0..SERVERS.len()).map(curve).collect()
}

/// The highest pace at which nothing was lost, and nothing at lower ones either.
fn loss_free(curve: &Curve) -> f64 {
    curve.iter().take_while(|(_, (_, lost))| *lost <= LOSS).map(|(_, (achieved, _))| *achieved).last().unwrap_or(0.0)
}

/// Memory with many leases, and how long it takes until they are served again after kill -9.
fn remembered(report: &mut Report, version: u32) {
    let fill = report.devices(FILL);
    for server in ["sztp", "kea"] {
        let ran = run(server, version, fill, &[]);
        let [before, again, after] = ran.filled.unwrap();
        println!(
            "DHCPv{version} {server} with {fill} leases: {:.1} MiB; again in {again:.0} ms, with {:.1} MiB",
            before / 1024.0,
            after / 1024.0
        );
        report.set(format!("dhcp{version}_{server}_mib"), before / 1024.0);
        report.set(format!("dhcp{version}_{server}_restart_ms"), again);
    }
}

struct Ran {
    /// Offered, answered, and percent lost of the worse half.
    rates: Vec<(u32, f64, f64)>,
    /// Memory in KiB, the restart in milliseconds, memory in KiB.
    filled: Option<[f64; 3]>,
}

fn run(server: &str, version: u32, fill: usize, rates: &[u32]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let sztp = beside("sztp");
    let site = folder.path().join("site");
    let made = Command::new(&sztp).args(["init"]).arg(&site).args(["--dns-name", "localhost"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let whole = fs::read_to_string(site.join("sztp.toml")).unwrap();
    let (_, audit) = whole.split_once("[audit]").unwrap();
    let audit: Vec<_> = audit.lines().take_while(|line| !line.starts_with('[')).collect();
    let own = format!("database = \"sztp.sqlite3\"\n[audit]{}\n{OWN}", audit.join("\n"));
    fs::write(site.join("sztp.toml"), own).unwrap();
    for (name, text) in [("kea4.json", kea(4)), ("kea6.json", kea(6))] {
        fs::write(site.join(name), text.replace("FOLDER", site.to_str().unwrap())).unwrap();
    }
    let rates: Vec<_> = rates.iter().map(ToString::to_string).collect();
    let script =
        format!("SZTP='{}'\nset -- {server} {version} {fill} {SECONDS} {}\n{SCRIPT}", sztp.display(), rates.join(" "));
    let output = network::run(&Peer::find("unshare").unwrap(), &site, 900, &script);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{server}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    let mut ran = Ran { rates: Vec::new(), filled: None };
    let mut filled = Vec::new();
    for line in printed.lines() {
        let mut words = line.split_whitespace();
        let kind = words.next();
        let numbers: Vec<f64> = words.map(|word| word.parse().unwrap_or(100.0)).collect();
        match (kind, numbers.as_slice()) {
            (Some("rate"), [_, achieved, first, rest @ ..]) => {
                let rate = rates[ran.rates.len()].parse().unwrap();
                ran.rates.push((rate, *achieved, rest.iter().copied().fold(*first, f64::max)));
            }
            (Some("filled" | "again"), numbers) => filled.extend(numbers),
            _ => {}
        }
    }
    ran.filled = filled.try_into().ok();
    ran
}

/// A program that was built with this one.
fn beside(name: &str) -> PathBuf {
    let path = std::env::current_exe().unwrap().with_file_name(name);
    assert!(path.exists(), "build it first: cargo build --release -p operator-cli --bins");
    path
}

const OWN: &str = "[dhcp4]\ninterfaces = ['veth1']\nconflict-check = false\n\
    give = { bootstrap-uris = ['https://sztp1.example.net:8443'] }\n\
    [[dhcp4.subnet]]\nnetwork = '10.0.0.0/8'\npools = [{ first = '10.1.0.0', last = '10.8.255.255' }]\n\
    [dhcp6]\ninterfaces = ['veth1']\ngive = { bootstrap-uris = ['https://sztp1.example.net:8443'] }\n\
    [[dhcp6.subnet]]\nnetwork = '2001:db8::/64'\n\
    pools = [{ first = '2001:db8::1:0:0:0', last = '2001:db8::1:ffff:ffff:ffff' }]\n";

/// Kea with its leases in a file, as it comes, and both processors.
fn kea(version: u32) -> String {
    let (pool, subnet, code) = match version {
        4 => ("10.1.0.0 - 10.8.255.255", "10.0.0.0/8", 143),
        _ => ("2001:db8::1:0:0:0 - 2001:db8::1:ffff:ffff:ffff", "2001:db8::/64", 136),
    };
    let interface = if version == 6 { ", \"interface\": \"veth1\"" } else { "" };
    // Without this it writes its DUID where the machine's own Kea has it.
    let identity =
        r#""server-id": {"type": "EN", "enterprise-id": 32473, "identifier": "0102030405", "persist": false},"#;
    let identity = if version == 6 { identity } else { "" };
    format!(
        r#"{{"Dhcp{version}": {{{identity} "interfaces-config": {{"interfaces": ["veth1"]}}, "valid-lifetime": 3600,
        "lease-database": {{"type": "memfile", "persist": true, "name": "FOLDER/kea{version}.csv", "lfc-interval": 3600}},
        "multi-threading": {{"enable-multi-threading": true, "thread-pool-size": 2}},
        "option-data": [{{"code": {code}, "csv-format": false, "always-send": true,
            "data": "001e68747470733a2f2f737a7470312e6578616d706c652e6e65743a38343433"}}],
        "subnet{version}": [{{"subnet": "{subnet}", "id": 1{interface}, "pools": [{{"pool": "{pool}"}}]}}],
        "loggers": [{{"name": "kea-dhcp{version}", "severity": "WARN"}}]}}}}"#
    )
}
