//! What one onboarding costs a device: requests, octets on the link, processor time, against a real server on loopback.

use std::process::{Command, Output};

use interop_tests::{
    lab::{Lab, program},
    peer::Peer,
};

use crate::report::{Report, median, number};

/// Onboardings whose processor time is measured together: the kernel counts in hundredths of a second.
const RUNS: usize = 20;

/// In a network of its own, where nothing else speaks: `$1` is the server's configuration, `$2` its log, the rest a device's run.
const SCRIPT: &str = r#"
ip link set lo up
cd "${1%/*}"
"$SZTP" serve --config "$1" > "$2" 2>&1 &
server=$!
until grep -q 'for devices' "$2"; do kill -0 $server || exit 1; sleep 0.05; done
shift 2
octets() { awk '$1 == "lo:" { print $2 }' /proc/net/dev; }
before=$(octets)
"$@" > /dev/null 2>&1 || exit 1
echo $(($(octets) - before))
kill $server
"#;

pub(crate) fn measure(report: &mut Report) {
    let lab = Lab::build(1).without_pace();
    let device = program("sztp-device");
    let capture = lab.folder().join("bench.capture");
    let run = lab.device_command(&device, "bmc-01", &lab.fresh_root("wire"));
    let mut alone = Command::new(Peer::find("unshare").unwrap().path());
    alone.args(["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", SCRIPT, "sh"]);
    alone.arg(lab.server_config()).arg(lab.folder().join("bench.log")).arg(run.get_program()).args(run.get_args());
    alone.arg("--capture").arg(&capture).env("SZTP", program("sztp"));
    let Output { status, stdout, stderr } = alone.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let octets: u32 = String::from_utf8(stdout).unwrap().trim().parse().unwrap();
    let capture = std::fs::read_to_string(capture).unwrap();
    let is_request = |line: &&str| line.contains("\"action\":\"send ") || line.contains("\"action\":\"download ");
    let requests = capture.lines().filter(is_request).count();

    let server = lab.serve();
    let times: Vec<f64> = (0..3)
        .map(|_| {
            let before = children();
            for number in 0..RUNS {
                let root = lab.fresh_root(&format!("cpu-{number}"));
                assert!(lab.device_command(&device, "bmc-01", &root).status().unwrap().success());
            }
            (children() - before) / number(RUNS)
        })
        .collect();
    drop(server);
    let milliseconds = median(times);
    println!(
        "one onboarding: {requests} requests, {octets} octets on the link, {milliseconds:.1} ms of processor time"
    );
    report.set("device_requests", number(requests));
    report.set("device_wire_bytes", f64::from(octets));
    report.set("device_cpu_ms", milliseconds);
}

/// Processor time of all children that have ended, in milliseconds (proc(5): the 14th and 15th field behind the name).
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u32 = fields.split_whitespace().skip(13).take(2).map(|field| field.parse::<u32>().unwrap()).sum();
    f64::from(ticks) * 10.0
}
