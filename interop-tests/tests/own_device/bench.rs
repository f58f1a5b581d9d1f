//! A site, a maker and a device in one folder, and the networks between them.

use std::{env, fs};

use interop_tests::lab::program;
use peers::stage::{Played, Stage};
use serde_json::Value;

/// What the scripts use. The server is in `other`, at `lan0`: 192.0.2.1 and 2001:db8::1. The device is here, at `veth0`: in the server's
/// network after `direct`, behind a relay agent in `middle` after `relayed`, and behind another one in `first` after `relayed_twice`; after `rack` and `racks` it can be
/// `carried` to another network.
/// `served NAME` founds the site, whose bootstrap server is called so, and starts it; `device` and `owner` do what factory and owner do before
/// the device is unpacked, and `onboard` switches it on.
const PREAMBLE: &str = include_str!("bench.sh");

/// `sztp.toml` from here on. Where no bootstrap server is named, DHCP names that of `[device-listener]`.
const DHCP: &str = "
[dhcp4]
interfaces = ['lan0']
give = { dns = ['192.0.2.1'] }
[[dhcp4.subnet]]
network = '192.0.2.0/24'
pools = [{ first = '192.0.2.50', last = '192.0.2.59' }]
[[dhcp4.subnet]]
network = '198.51.100.0/24'
pools = [{ first = '198.51.100.50', last = '198.51.100.59' }]
give = { routers = ['198.51.100.1'] }

[dhcp6]
interfaces = ['lan0']
give = { dns = ['2001:db8::1'] }
[[dhcp6.subnet]]
network = '2001:db8::/64'
pools = [{ first = '2001:db8::50', last = '2001:db8::5f' }]
[[dhcp6.subnet]]
network = '2001:db8:1::/64'
pools = [{ first = '2001:db8:1::50', last = '2001:db8:1::5f' }]
[[dhcp6.subnet]]
network = '2001:db8:3::/64'
pools = [{ first = '2001:db8:3::50', last = '2001:db8:3::5f' }]
";

/// A folder for it all.
pub(crate) struct Bench {
    stage: Stage,
}

/// What came of a script.
pub(crate) struct Ran {
    stage: Stage,
    /// What it printed.
    pub(crate) printed: String,
    complaint: String,
}

impl Bench {
    pub(crate) const fn new(stage: Stage) -> Self {
        Self { stage }
    }

    /// Runs a script to its end, which must be a good one. The device speaks DHCP of this version.
    pub(crate) fn run(self, version: u8, script: &str) -> Ran {
        let device = format!(
            "idevid-certificate = 'idevid.pem'\nidevid-key = 'idevid.key'\nvoucher-anchors = ['voucher-anchor.pem']\nreboot = 'continue'\n\
             [configuration]\nfile = 'running-config.json'\n\
             [[sources]]\nkind = 'dhcp{version}'\nmode = 'lease'\ninterface = 'veth0'\nresolv-conf = '/run/learned'\n"
        );
        for (name, text) in [("device.toml", device.as_str()), ("dhcp.toml", DHCP)] {
            self.stage.write(name, text);
        }
        let mut path = program("sztp").parent().unwrap().as_os_str().to_owned();
        assert_eq!(program("sztp").parent(), program("sztp-device").parent());
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        let script = format!("export NO_COLOR=1 PATH='{}'\n{PREAMBLE}\n{script}", path.display());
        let Played { printed, complaint } =
            self.stage.run(200, &script, &["agent.log", "relay.log", "router.log", "serve.log"]);
        Ran { stage: self.stage, printed, complaint }
    }
}

impl Ran {
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.stage.path().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}: {}", self.complaint))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap_or_else(|error| panic!("{name}: {error}: {}", self.complaint))
    }

    /// What the trace says at this step.
    pub(crate) fn details(&self, step: &str) -> Vec<String> {
        let trace = self.read("trace");
        let records = trace.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let records = records.filter(|record| record["step"] == step);
        records.map(|record| record["detail"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The one lease there is, of `sztp dhcp leases list`.
    pub(crate) fn lease(&self, file: &str) -> Value {
        let leases = self.json(file);
        let [lease] = leases.as_array().map(Vec::as_slice).unwrap_or_default() else {
            panic!("{leases:#}: {}", self.complaint)
        };
        lease.clone()
    }
}

/// Begins the test it stands in, which is skipped where it cannot run.
macro_rules! bench {
    ($($program:literal),*) => { $crate::bench::Bench::new(peers::stage!($($program),*)) };
}
pub(crate) use bench;
