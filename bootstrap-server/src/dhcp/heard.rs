//! What the DHCP servers do, as it is counted; and other DHCP servers that they notice, as the audit log has them.
//!
//! All of this is called for every packet: nothing here waits. What is to be written goes into a queue that another task empties.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use netboot::{
    io::{Observer, ProbeOutcome, Protocol, Standing},
    note::{ClientName, Event as Heard, Ignored, Note},
};
use tokio::sync::{mpsc, watch};

use crate::{
    audit::{Event, OtherServer},
    metrics::{DhcpPool, Metrics},
    store::Store,
};

/// How often the same server on the same network is told of.
const AGAIN: Duration = Duration::from_secs(3600);
/// Most servers that are told of in that time: whoever invents servers must not be able to fill the log.
const MOST: usize = 64;
/// How many may wait for the database.
const QUEUE: usize = 64;

/// Hears of what the DHCP servers do.
#[derive(Clone, Debug)]
pub(crate) struct Listening(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metrics: Metrics,
    /// Networks by their first address, as configured.
    networks: BTreeMap<IpAddr, String>,
    seen: Mutex<Seen>,
    queue: mpsc::Sender<OtherServer>,
}

/// Other servers, and when each was told of last.
#[derive(Debug, Default)]
struct Seen {
    /// By server, IP version, and the relay agent or interface it was seen through.
    told: BTreeMap<(String, u8, String), Instant>,
}

impl Seen {
    /// Whether this one is to be told of now.
    fn is_news(&mut self, now: Instant, other: &OtherServer) -> bool {
        let relay = other.relay.map(|relay| relay.to_string());
        let key = (other.server.clone(), other.ip_version, relay.unwrap_or_else(|| other.interface.clone()));
        let lately = |told: &Instant| now.saturating_duration_since(*told) < AGAIN;
        if self.told.get(&key).is_some_and(lately) {
            return false;
        }
        if self.told.len() >= MOST {
            self.told.retain(|_, told| lately(told));
        }
        let room = self.told.len() < MOST;
        if room {
            self.told.insert(key, now);
        }
        room
    }

    /// Whether any was seen in the last while.
    fn any(&self, now: Instant) -> bool {
        self.told.values().any(|told| now.saturating_duration_since(*told) < AGAIN)
    }
}

impl Listening {
    /// Counts into these metrics. The queue is for [`write_down`].
    pub(crate) fn new(metrics: Metrics, networks: BTreeMap<IpAddr, String>) -> (Self, mpsc::Receiver<OtherServer>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let inner = Inner { metrics, networks, seen: Mutex::default(), queue };
        (Self(Arc::new(inner)), waiting)
    }

    /// Whether a server that nobody told this one of was seen within the last hour.
    pub(crate) fn sees_others(&self) -> bool {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).any(Instant::now())
    }

    fn hear(&self, now: Instant, protocol: Protocol, note: &Note, interface: &str) {
        let because = note.event.because().map_or("", Ignored::as_str);
        self.0.metrics.dhcp_message(protocol.as_str(), note.event.as_str(), because);
        let Heard::OtherServer(server) = &note.event else { return };
        let source = note.source.ip();
        // Relay agents speak from the port of servers; clients, and their unspecified addresses, do not.
        let relayed = matches!(note.source.port(), 67 | 547) && !source.is_unspecified();
        let other = OtherServer {
            server: server.to_string(),
            ip_version: match protocol {
                Protocol::Dhcp4 => 4,
                Protocol::Dhcp6 => 6,
            },
            interface: interface.to_owned(),
            relay: relayed.then_some(source),
            client: note.client.as_ref().map(client),
        };
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_news(now, &other) && self.0.queue.try_send(other).is_err() {
            // The database is slow: it is said in the server's own log, and the next packet comes.
            tracing::warn!(%server, interface, "another DHCP server was seen, and is not in the audit log");
        }
    }
}

/// The client by its hardware address, or by its DUID.
fn client(name: &ClientName) -> String {
    match name {
        ClientName::V4(hardware, _) => hardware.to_string(),
        ClientName::V6(duid, _) => duid.iter().take(32).map(|octet| format!("{octet:02x}")).collect(),
    }
}

impl Observer for Listening {
    fn noted(&self, protocol: Protocol, note: &Note, interface: &str) {
        self.hear(Instant::now(), protocol, note, interface);
    }

    fn probed(&self, protocol: Protocol, outcome: ProbeOutcome) {
        self.0.metrics.dhcp_probe(protocol.as_str(), outcome.as_str());
    }

    fn standing(&self, protocol: Protocol, standing: &Standing) {
        let pools = standing.subnets.iter().map(|(first, records, addresses)| DhcpPool {
            subnet: self.0.networks.get(first).cloned().unwrap_or_else(|| first.to_string()),
            records: *records,
            addresses: *addresses,
        });
        self.0.metrics.dhcp_standing(protocol.as_str(), standing.waiting, standing.lost, pools);
    }
}

/// Writes down which other servers were seen, until nobody can see any more or the server stops.
pub(crate) async fn write_down(
    store: Arc<dyn Store>,
    mut queue: mpsc::Receiver<OtherServer>,
    mut stopping: watch::Receiver<()>,
) {
    loop {
        let other = tokio::select! {
            other = queue.recv() => other,
            _ = stopping.changed() => return,
        };
        let Some(other) = other else { return };
        tracing::warn!(server = other.server, interface = other.interface, relay = ?other.relay, "another DHCP server answers here");
        let event = Event::DhcpOtherServerSeen { other: Box::new(other) };
        if let Err(error) = store.commit(event.into()).await {
            tracing::error!(%error, "another DHCP server was seen, and that is not in the audit log");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use dhcp::v4::{HardwareAddress, MacAddress, TransactionId};
    use netboot::note::ServerName;

    use super::*;

    fn note(source: &str, server: [u8; 4]) -> Note {
        let client = ClientName::V4(HardwareAddress::ethernet(MacAddress([2, 0, 0, 0, 0, 1])), TransactionId(7));
        let source: SocketAddr = source.parse().unwrap();
        let server = ServerName::Address(IpAddr::V4(Ipv4Addr::from(server)));
        Note { source, client: Some(client), event: Heard::OtherServer(server) }
    }

    #[test]
    fn another_server_is_told_of_once_an_hour_for_each_network() {
        let (listening, mut queue) = Listening::new(Metrics::default(), BTreeMap::new());
        let began = Instant::now();
        let rogue = note("0.0.0.0:68", [192, 0, 2, 66]);
        assert!(!listening.sees_others());
        for second in 0..100 {
            listening.hear(began + Duration::from_secs(second), Protocol::Dhcp4, &rogue, "eth1");
        }
        let first = queue.try_recv().unwrap();
        assert_eq!((first.server.as_str(), first.ip_version, first.relay), ("192.0.2.66", 4, None));
        assert_eq!((first.interface.as_str(), first.client.as_deref()), ("eth1", Some("02:00:00:00:00:01")));
        assert!(queue.try_recv().is_err() && listening.sees_others());
        // Elsewhere it is news: on another interface, behind a relay agent, of another server.
        listening.hear(began, Protocol::Dhcp4, &rogue, "eth2");
        let relayed = note("198.51.100.1:67", [192, 0, 2, 66]);
        listening.hear(began, Protocol::Dhcp4, &relayed, "eth1");
        listening.hear(began, Protocol::Dhcp4, &note("0.0.0.0:68", [192, 0, 2, 67]), "eth1");
        assert_eq!(queue.try_recv().unwrap().interface, "eth2");
        assert_eq!(queue.try_recv().unwrap().relay, Some(IpAddr::from([198, 51, 100, 1])));
        assert_eq!(queue.try_recv().unwrap().server, "192.0.2.67");
        // An hour later it still is there.
        listening.hear(began + AGAIN, Protocol::Dhcp4, &rogue, "eth1");
        assert_eq!(queue.try_recv().unwrap(), first);
    }

    #[test]
    fn whoever_invents_servers_fills_neither_memory_nor_log() {
        let (listening, mut queue) = Listening::new(Metrics::default(), BTreeMap::new());
        let began = Instant::now();
        for number in 0..10_000_u16 {
            let [a, b] = number.to_be_bytes();
            listening.hear(began, Protocol::Dhcp4, &note("0.0.0.0:68", [10, 0, a, b]), "eth1");
        }
        let mut told = 0;
        while queue.try_recv().is_ok() {
            told += 1;
        }
        assert_eq!((told, listening.0.seen.lock().unwrap().told.len()), (MOST, MOST));
        // They were counted, all of them; and an hour later there is room for others.
        let text = listening.0.metrics.encode();
        let counted = "sztp_dhcp_messages_total{protocol=\"dhcp4\",event=\"other-server\",reason=\"\"} 10000";
        assert!(text.contains(counted), "{text}");
        listening.hear(began + AGAIN, Protocol::Dhcp4, &note("0.0.0.0:68", [192, 0, 2, 1]), "eth1");
        assert!(queue.try_recv().is_ok());
    }

    #[test]
    fn what_happens_is_counted_by_its_reason_and_pools_by_their_network() {
        let networks = BTreeMap::from([(IpAddr::from([192, 0, 2, 0]), "192.0.2.0/24".to_owned())]);
        let (listening, _queue) = Listening::new(Metrics::default(), networks);
        let source = "0.0.0.0:68".parse().unwrap();
        for event in [
            Heard::Ignored(Ignored::Stranger),
            Heard::Denied(Ignored::PoolExhausted),
            Heard::Offered(IpAddr::from([192, 0, 2, 9])),
        ] {
            listening.noted(Protocol::Dhcp4, &Note { source, client: None, event }, "eth1");
        }
        let subnets = vec![(IpAddr::from([192, 0, 2, 0]), 3, 100)];
        listening.standing(Protocol::Dhcp4, &Standing { waiting: 2, lost: 5, subnets });
        for outcome in [ProbeOutcome::Free, ProbeOutcome::InUse, ProbeOutcome::NotAsked, ProbeOutcome::Free] {
            listening.probed(Protocol::Dhcp4, outcome);
        }
        let text = listening.0.metrics.encode();
        for line in [
            "sztp_dhcp_probes_total{protocol=\"dhcp4\",outcome=\"free\"} 2\n",
            "sztp_dhcp_probes_total{protocol=\"dhcp4\",outcome=\"in-use\"} 1\n",
            "sztp_dhcp_probes_total{protocol=\"dhcp4\",outcome=\"not-asked\"} 1\n",
            "sztp_dhcp_messages_total{protocol=\"dhcp4\",event=\"ignored\",reason=\"stranger\"} 1\n",
            "sztp_dhcp_messages_total{protocol=\"dhcp4\",event=\"denied\",reason=\"pool-exhausted\"} 1\n",
            "sztp_dhcp_messages_total{protocol=\"dhcp4\",event=\"offered\",reason=\"\"} 1\n",
            "sztp_dhcp_leases{protocol=\"dhcp4\",subnet=\"192.0.2.0/24\"} 3\n",
            "sztp_dhcp_pool_addresses{protocol=\"dhcp4\",subnet=\"192.0.2.0/24\"} 100.0\n",
            "sztp_dhcp_leases_waiting{protocol=\"dhcp4\"} 2\n",
            "sztp_dhcp_datagrams_lost{protocol=\"dhcp4\"} 5\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
