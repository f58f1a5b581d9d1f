//! How DNS is asked, and the questions that makes.

use std::{fmt, str::FromStr, time::Duration};

use conveyed_info::discovery::dns::{Name, RecordType, Transport};
use serde::{Deserialize, Deserializer, de::Error};

use crate::dns::resolver::NameServer;

/// How DNS is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Name servers; none means those that DHCP names, then those of `/etc/resolv.conf`.
    #[serde(deserialize_with = "texts")]
    pub servers: Vec<NameServer>,
    /// Domains that are searched, most specific first; none means those that DHCP names, then those of
    /// `/etc/resolv.conf` (DNS-16).
    #[serde(deserialize_with = "texts")]
    pub domains: Vec<Name>,
    /// Whether everybody on the link is asked too.
    pub multicast: bool,
    /// The only interface that multicast asks on, and whose link name servers are on whose addresses say no more than that;
    /// without one, all that there are.
    pub interface: Option<String>,
    /// How long name servers may take for one kind of record, over all servers and domains.
    #[serde(rename = "timeout-seconds", deserialize_with = "crate::config::read_seconds")]
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            domains: Vec::new(),
            multicast: true,
            interface: None,
            timeout: Duration::from_secs(10),
        }
    }
}

/// A list of values that are written as text.
fn texts<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: &String| text.parse().map_err(|error| D::Error::custom(format!("`{text}`: {error}")));
    texts.iter().map(read).collect()
}

/// One of the questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub(super) record_type: RecordType,
    pub(super) transport: Transport,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.record_type, self.transport) {
            (RecordType::Txt, Transport::Multicast) => "multicast DNS for this device",
            (RecordType::Txt, Transport::Unicast) => "DNS for this device",
            (RecordType::Srv, Transport::Multicast) => "multicast DNS for any device",
            (RecordType::Srv, Transport::Unicast) => "DNS for any device",
        })
    }
}

impl Settings {
    /// The questions, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        // RFC 8572 §4.2.1: the device's own name before the general one (DNS-02), multicast before unicast (DNS-03).
        let all = [RecordType::Txt, RecordType::Srv].into_iter().flat_map(|record_type| {
            [Transport::Multicast, Transport::Unicast].map(|transport| Step { record_type, transport })
        });
        all.filter(|step| self.multicast || step.transport == Transport::Unicast).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::{Source, SourceConfig};

    #[test]
    fn dns_02_dns_03_four_questions_in_the_order_of_the_rfc() {
        let labels = |text: &str| -> Vec<String> {
            let config: SourceConfig = toml::from_str(text).unwrap();
            Source::all_of(&[config]).iter().map(Source::label).collect()
        };
        let all = [
            "multicast DNS for this device",
            "DNS for this device",
            "multicast DNS for any device",
            "DNS for any device",
        ];
        assert_eq!(labels("kind = 'dns'"), all);
        assert_eq!(labels("kind = 'dns'\nmulticast = false"), [all[1], all[3]]);
    }

    #[test]
    fn settings_are_read_strictly() {
        let read = |text: &str| toml::from_str::<Settings>(text);
        let settings = read("servers = ['192.0.2.1']\ninterface = 'eth0'\ntimeout-seconds = 3").unwrap();
        assert_eq!((settings.timeout, settings.multicast), (Duration::from_secs(3), true));
        for wrong in ["servers = ['ns.example']", "domains = ['a..b']", "unknown = 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
