//! The settings of a DHCPv6 server and the policy checked from them.
//!
//! ```toml
//! interfaces = ["eth1"]
//! server-duid = "00:03:00:01:02:00:5e:10:00:02"
//! preference = 255
//! rapid-commit = true
//!
//! [give]
//! bootstrap-uris = ["https://sztp1.example.net:8443", "https://[2001:db8::1]"]
//! lease-seconds = 7200
//! preferred-seconds = 3600
//!
//! [[class]]
//! name = "uefi-http"
//! when = { vendor-class = ["HTTPClient:*"], architecture = [16] }
//! give = { boot-file = "https://[2001:db8::1]/ipxe.efi" }
//!
//! [[subnet]]
//! network = "2001:db8::/64"
//! pools = [{ first = "2001:db8::1:0", last = "2001:db8::1:ffff" }]
//! reservations = [{ client-identifier = "0x000300010200*", address = "2001:db8::10" }]
//! give = { dns = ["2001:db8::53"], domain-search = ["example.net"] }
//! ```

use std::net::{Ipv6Addr, SocketAddrV6};

use dhcp::v6::Duid;
use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

use super::{ClassSettings, ClientPort, GiveSettings, Rules, RulesError, Strangers, SubnetSettings};

/// A DHCPv6 server's settings as they stand in a configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dhcp6Settings {
    /// The DUID by which clients know this server, option 2, in hexadecimal. Without it, one is made from the hardware address of the first
    /// interface that has one: servers that may change their hardware should have it written down.
    #[serde(default, deserialize_with = "duid")]
    pub server_duid: Option<Duid>,
    /// The network interfaces to serve, by name; without any, every interface that multicast works on.
    #[serde(default)]
    pub interfaces: Vec<String>,
    /// Where requests arrive. Default `[::]:547`.
    #[serde(default)]
    pub listen: Option<SocketAddrV6>,
    /// To which port of clients replies go. Default `{ fixed = 546 }`.
    #[serde(default)]
    pub client_port: Option<ClientPort>,
    /// How much this server wants to be chosen, option 7: clients prefer the greatest number, and do not wait for other servers at 255
    /// (RFC 8415 §18.2.1). Default 0.
    #[serde(default)]
    pub preference: u8,
    /// Whether a client that asks for it gets its address in two messages (RFC 8415 §18.3.1). Where several servers that do not share their
    /// leases hear it, each of them lends an address. Default `false`.
    #[serde(default)]
    pub rapid_commit: bool,
    /// How many seconds clients that find no server wait at most between two messages, option 82: 60 to 86400 (RFC 8415 §21.24).
    #[serde(default)]
    pub sol_max_rt: Option<u32>,
    /// The same for clients that ask for information alone, option 83 (RFC 8415 §21.25).
    #[serde(default)]
    pub inf_max_rt: Option<u32>,
    /// What becomes of clients that are not on the owner's list.
    #[serde(default)]
    pub strangers: Strangers,
    /// Other DHCPv6 servers that are meant to be there, by DUID. Any other that is seen is reported.
    #[serde(default, deserialize_with = "duids")]
    pub other_servers: Vec<Duid>,
    /// What everybody gets.
    #[serde(default)]
    pub give: GiveSettings,
    /// What classes of clients get; the first that says something goes before those behind it.
    #[serde(default, rename = "class")]
    pub classes: Vec<ClassSettings>,
    /// The networks whose addresses are given. Without any the server only answers those that ask for information.
    #[serde(default, rename = "subnet")]
    pub subnets: Vec<SubnetSettings<Ipv6Addr>>,
}

/// Settings that were found consistent.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Dhcp6Settings")]
pub struct Dhcp6Policy {
    server_duid: Option<Duid>,
    interfaces: Vec<String>,
    listen: SocketAddrV6,
    client_port: ClientPort,
    preference: u8,
    rapid_commit: bool,
    sol_max_rt: Option<u32>,
    inf_max_rt: Option<u32>,
    other_servers: Vec<Duid>,
    rules: Rules<Ipv6Addr>,
}

impl Dhcp6Policy {
    /// The DUID by which clients know this server, where it is written down.
    #[must_use]
    pub const fn server_duid(&self) -> Option<&Duid> {
        self.server_duid.as_ref()
    }

    /// The interfaces to serve; every one when there is none.
    #[must_use]
    pub fn interfaces(&self) -> &[String] {
        &self.interfaces
    }

    /// Where requests arrive.
    #[must_use]
    pub const fn listen(&self) -> SocketAddrV6 {
        self.listen
    }

    /// To which port of clients replies go.
    #[must_use]
    pub const fn client_port(&self) -> ClientPort {
        self.client_port
    }

    /// How much this server wants to be chosen.
    #[must_use]
    pub const fn preference(&self) -> u8 {
        self.preference
    }

    /// Whether two messages are enough for clients that ask for it.
    #[must_use]
    pub const fn rapid_commit(&self) -> bool {
        self.rapid_commit
    }

    /// How many seconds clients that find no server wait at most.
    #[must_use]
    pub const fn sol_max_rt(&self) -> Option<u32> {
        self.sol_max_rt
    }

    /// How many seconds clients that ask for information wait at most.
    #[must_use]
    pub const fn inf_max_rt(&self) -> Option<u32> {
        self.inf_max_rt
    }

    /// Whether that server is meant to be there.
    #[must_use]
    pub fn expects(&self, server: &Duid) -> bool {
        self.other_servers.contains(server)
    }

    /// Who gets what.
    #[must_use]
    pub const fn rules(&self) -> &Rules<Ipv6Addr> {
        &self.rules
    }
}

impl TryFrom<Dhcp6Settings> for Dhcp6Policy {
    type Error = Dhcp6PolicyError;

    fn try_from(settings: Dhcp6Settings) -> Result<Self, Self::Error> {
        for (key, seconds) in [("sol-max-rt", settings.sol_max_rt), ("inf-max-rt", settings.inf_max_rt)] {
            // RFC 8415 §21.24, §21.25: clients ignore anything else.
            if let Some(seconds) = seconds.filter(|seconds| !(60..=86_400).contains(seconds)) {
                return Err(Dhcp6PolicyError::LongestWait { key, seconds });
            }
        }
        Ok(Self {
            server_duid: settings.server_duid,
            interfaces: settings.interfaces,
            listen: settings.listen.unwrap_or(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 547, 0, 0)),
            client_port: settings.client_port.unwrap_or(ClientPort::Fixed(546)),
            preference: settings.preference,
            rapid_commit: settings.rapid_commit,
            sol_max_rt: settings.sol_max_rt,
            inf_max_rt: settings.inf_max_rt,
            other_servers: settings.other_servers,
            rules: Rules::new(settings.subnets, settings.classes, settings.give, settings.strangers)?,
        })
    }
}

/// Settings that contradict themselves. The configuration must be corrected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Dhcp6PolicyError {
    /// Clients would ignore it.
    #[error("{key} is 60 to 86400 seconds, not {seconds}")]
    LongestWait {
        /// Which of the two.
        key: &'static str,
        /// What it says.
        seconds: u32,
    },
    /// Who gets what is inconsistent.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

fn duid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duid>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

fn duids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duid>, D::Error> {
    let parse = |text: String| text.parse().map_err(|error| D::Error::custom(format_args!("{text}: {error}")));
    Vec::<String>::deserialize(deserializer)?.into_iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Result<Dhcp6Policy, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn every_default_is_as_documented() {
        let policy = policy("").unwrap();
        assert_eq!(policy.listen().to_string(), "[::]:547");
        assert_eq!(policy.client_port(), ClientPort::Fixed(546));
        assert_eq!((policy.preference(), policy.rapid_commit(), policy.server_duid()), (0, false, None));
        assert_eq!((policy.sol_max_rt(), policy.inf_max_rt()), (None, None));
        assert!(policy.interfaces().is_empty() && policy.rules().subnets().is_empty());
    }

    #[test]
    fn what_no_client_understands_is_refused_by_name() {
        for (text, wrong) in [
            ("sol-max-rt = 59", "sol-max-rt is 60 to 86400 seconds, not 59"),
            ("inf-max-rt = 86401", "inf-max-rt"),
            ("server-duid = '00:03'", "a DUID is"),
            ("other-servers = ['x']", "x: a DUID is"),
            ("server-duuid = '00:03:00'", "unknown field"),
            ("[[subnet]]\nnetwork = '192.0.2.0/24'", "a network is"),
            ("[give]\nrouters = ['2001:db8::1']", "routers belongs to the other IP version"),
        ] {
            let error = policy(text).unwrap_err().to_string();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }

    #[test]
    fn other_servers_are_named_by_duid() {
        let policy = policy("other-servers = ['00:03:00:01:02:00:00:00:00:09']").unwrap();
        assert!(policy.expects(&"00030001020000000009".parse().unwrap()));
        assert!(!policy.expects(&"00:03:00:01:02:00:00:00:00:08".parse().unwrap()));
    }

    #[test]
    fn the_documented_example_is_accepted() {
        let example: String = include_str!("dhcp6.rs")
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| format!("{}\n", line.trim_start_matches("//!").trim_start()))
            .collect();
        let policy = policy(&example).unwrap();
        assert_eq!((policy.interfaces(), policy.preference()), (&["eth1".to_owned()][..], 255));
        assert_eq!(policy.rules().subnets().len(), 1);
    }
}
