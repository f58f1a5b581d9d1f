//! What the server counts and measures, in the OpenMetrics text form that Prometheus reads.
//!
//! Times are in seconds. A histogram `x` appears as `x_bucket`, `x_sum` and `x_count`.
//!
//! | name | kind; labels | what |
//! |---|---|---|
//! | `sztp_connections` | gauge; `listener` | connections that are open |
//! | `sztp_connections_accepted_total` | counter; `listener` | connections that were let in |
//! | `sztp_connections_cut_total` | counter; `reason` | connections that this side ended: `no-request`, `idle`, `age`, `stalled`, `distrusted`, `abuse` |
//! | `sztp_handshakes_total` | counter; `listener`, `outcome`, `version` | TLS handshakes: `full`, `resumed`, `refused`, `failed`, `timed-out` |
//! | `sztp_handshake_seconds` | histogram; `listener` | time of those that succeeded, waiting for their turn included |
//! | `sztp_requests_total` | counter; `operation`, `status` | requests that were answered |
//! | `sztp_request_seconds` | histogram; `operation` | time from a request's header to its answer's |
//! | `sztp_requests_under_way` | gauge | requests that have no answer yet, images not counted |
//! | `sztp_shed_total` | counter; `reason` | what was turned away for want of room |
//! | `sztp_refusals_total` | counter; `reason` | peers that were refused, by reason code |
//! | `sztp_images_sent_total` | counter | images, or the rest of one, that were sent to their end |
//! | `sztp_image_octets_total` | counter | octets of images that were sent |
//! | `sztp_commit_batches` | histogram | batches that share a transaction |
//! | `sztp_commit_seconds` | histogram | time that a transaction takes |
//! | `sztp_commit_queue` | gauge | batches that wait for a transaction |
//! | `sztp_devices` | gauge; `state` | devices in each state |
//! | `sztp_devices_stuck` | gauge; `state` | of these, the ones past their deadline |
//! | `sztp_devices_alarmed` | gauge; `state` | of these, the ones with an alarm |
//! | `sztp_alarms` | gauge; `reason` | what somebody ought to look at about the server itself: 1 for each reason code |
//! | `sztp_vouchers_ending` | gauge | devices still to be onboarded whose voucher ends within 30 days, with none after it |
//! | `sztp_revocation_list_left_seconds` | gauge; `manufacturer` | seconds until the first of its revocation lists is to be replaced, negative when it should have been; lists in files are of no manufacturer |
//! | `sztp_webhook_behind` | gauge; `webhook` | records of the audit log that it has still to be told of, or to pass over |
//! | `sztp_dhcp_messages_total` | counter; `protocol`, `event`, `reason` | what became of datagrams; the reason says why one was `ignored` or `denied` |
//! | `sztp_dhcp_probes_total` | counter; `protocol`, `outcome` | addresses that were looked for on the wire before they were offered: `free` (nobody answered), `in-use`, `not-asked` (too many at once, no right to, or beside port 67: offered all the same) |
//! | `sztp_dhcp_leases` | gauge; `protocol`, `subnet` | records of leases, of addresses in conflict, and of leases that ended lately |
//! | `sztp_dhcp_pool_addresses` | gauge; `protocol`, `subnet` | addresses that the subnet's pools have |
//! | `sztp_dhcp_leases_waiting` | gauge; `protocol` | leases that are to be written |
//! | `sztp_dhcp_datagrams_lost` | gauge; `protocol` | datagrams that the kernel dropped since the server began, because they came faster than they were read |
//! | `sztp_dhcp_known_devices` | gauge | devices that DHCP recognises |
//!
//! The events of `sztp_dhcp_messages_total`: `offered`, `granted`, `refused`, `informed`, `boot-offered`, `released`, `declined`, `in-use` (a probe found an address taken that
//! was about to be offered), `shortened`, `other-server`, `denied` (the client was told that it gets nothing), `ignored`. The reasons that `denied` and `ignored` have: `malformed`, `option-malformed`, `invalid`, `not-from-client`, `bootp`,
//! `other-server`, `address-missing`, `relay-loop`, `no-subnet`, `other-network`, `elsewhere`, `pool-exhausted`, `no-record`, `silenced`, `stranger`, `not-firmware`, `nothing-to-boot`,
//! `reply-too-long`, `not-kept`, `busy`.
//!
//! The reasons of `sztp_shed_total`: `connection-share` (reset before TLS: the source has its share), `handshakes` (too long a line), `requests`, `store`, `source`, `device-at-once` and
//! `device-rate`, and further on `device-writes`, `images`, `activation-codes`, `newcomers`, `contended` and `database` (503 with Retry-After).

mod labels;

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::text,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use verdict::ReasonCode;

use crate::store::Census;
use labels::{
    ByAlarm, ByDhcpEvent, ByHandshake, ByListener, ByManufacturer, ByOperation, ByProbe, ByProtocol, ByReason,
    ByRequest, ByState, BySubnet, ByWebhook,
};
pub(crate) use labels::{HandshakeOutcome, ListenerName, Operation, TlsVersion};

/// Every metric of one server. Clones count into the same ones.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    connections: Family<ByListener, Gauge>,
    accepted: Family<ByListener, Counter>,
    cut: Family<ByReason, Counter>,
    handshakes: Family<ByHandshake, Counter>,
    handshake_seconds: Family<ByListener, Histogram, fn() -> Histogram>,
    requests: Family<ByRequest, Counter>,
    request_seconds: Family<ByOperation, Histogram, fn() -> Histogram>,
    under_way: Gauge,
    shed: Family<ByReason, Counter>,
    refusals: Family<ByReason, Counter>,
    images: Counter,
    image_octets: Counter,
    commit_batches: Histogram,
    commit_seconds: Histogram,
    commit_queue: Gauge,
    alarms: Family<ByAlarm, Gauge>,
    vouchers_ending: Gauge,
    webhook_behind: Family<ByWebhook, Gauge>,
    revocation_lists: Family<ByManufacturer, Gauge>,
    devices: Family<ByState, Gauge>,
    stuck: Family<ByState, Gauge>,
    alarmed: Family<ByState, Gauge>,
    dhcp_messages: Family<ByDhcpEvent, Counter>,
    dhcp_probes: Family<ByProbe, Counter>,
    dhcp_leases: Family<BySubnet, Gauge>,
    dhcp_pool: Family<BySubnet, Gauge<f64, AtomicU64>>,
    dhcp_waiting: Family<ByProtocol, Gauge>,
    dhcp_lost: Family<ByProtocol, Gauge>,
    dhcp_known: Gauge,
}

/// How full a subnet is.
#[derive(Debug)]
pub(crate) struct DhcpPool {
    /// Its network.
    pub(crate) subnet: String,
    /// Records of leases.
    pub(crate) records: usize,
    /// Addresses of its pools.
    pub(crate) addresses: u128,
}

fn open(gauge: &Gauge) -> u64 {
    u64::try_from(gauge.get()).unwrap_or_default()
}

/// From half a millisecond to half a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_5, 2.0, 17))
}

/// From one to a thousand.
fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 11))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("sztp");
        // What is registered is a handle to the same values.
        macro_rules! register {
            ($name:literal, $help:literal, $metric:expr) => {{
                let metric = $metric;
                registry.register($name, $help, metric.clone());
                metric
            }};
        }
        let new_seconds: fn() -> Histogram = seconds;
        let inner = Inner {
            connections: register!("connections", "Connections that are open", Family::default()),
            accepted: register!("connections_accepted", "Connections that were let in", Family::default()),
            cut: register!("connections_cut", "Connections that this side ended", Family::default()),
            handshakes: register!("handshakes", "TLS handshakes", Family::default()),
            handshake_seconds: register!(
                "handshake_seconds",
                "Time of TLS handshakes that succeeded",
                Family::new_with_constructor(new_seconds)
            ),
            requests: register!("requests", "Requests that were answered", Family::default()),
            request_seconds: register!(
                "request_seconds",
                "Time from a request's header to its answer's",
                Family::new_with_constructor(new_seconds)
            ),
            under_way: register!("requests_under_way", "Requests that have no answer yet", Gauge::default()),
            shed: register!("shed", "What was turned away for want of room", Family::default()),
            refusals: register!("refusals", "Peers that were refused", Family::default()),
            images: register!("images_sent", "Images that were sent to their end", Counter::default()),
            image_octets: register!("image_octets", "Octets of images that were sent", Counter::default()),
            commit_batches: register!("commit_batches", "Batches that share a transaction", sizes()),
            commit_seconds: register!("commit_seconds", "Time that a transaction takes", seconds()),
            commit_queue: register!("commit_queue", "Batches that wait for a transaction", Gauge::default()),
            devices: register!("devices", "Devices in each state", Family::default()),
            stuck: register!("devices_stuck", "Devices past the deadline of their state", Family::default()),
            alarmed: register!("devices_alarmed", "Devices with an alarm", Family::default()),
            alarms: register!("alarms", "What somebody ought to look at about the server itself", Family::default()),
            vouchers_ending: register!(
                "vouchers_ending",
                "Devices to be onboarded whose voucher ends within 30 days",
                Gauge::default()
            ),
            webhook_behind: register!("webhook_behind", "Records that a webhook has before it", Family::default()),
            revocation_lists: register!(
                "revocation_list_left_seconds",
                "Seconds until a revocation list is to be replaced",
                Family::default()
            ),
            dhcp_messages: register!("dhcp_messages", "What became of DHCP datagrams", Family::default()),
            dhcp_probes: register!("dhcp_probes", "Addresses looked for before they were offered", Family::default()),
            dhcp_leases: register!("dhcp_leases", "Records of leases", Family::default()),
            dhcp_pool: register!("dhcp_pool_addresses", "Addresses that a subnet's pools have", Family::default()),
            dhcp_waiting: register!("dhcp_leases_waiting", "Leases that are to be written", Family::default()),
            dhcp_lost: register!("dhcp_datagrams_lost", "DHCP datagrams that the kernel dropped", Family::default()),
            dhcp_known: register!("dhcp_known_devices", "Devices that DHCP recognises", Gauge::default()),
            registry,
        };
        Self(Arc::new(inner))
    }
}

impl Metrics {
    /// All of them, as OpenMetrics text (`application/openmetrics-text; version=1.0.0; charset=utf-8`).
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // A String takes everything, so that encoding cannot fail.
        let _infallible = text::encode(&mut text, &self.0.registry);
        text
    }

    /// How many devices are in each state at this moment: to be told before [`Metrics::encode`]. States that are not
    /// named have none.
    pub fn census(&self, census: &[Census]) {
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        for family in [&self.0.devices, &self.0.stuck, &self.0.alarmed] {
            family.clear();
        }
        for Census { state, devices, stuck, alarmed } in census {
            let state = || ByState { state };
            self.0.devices.get_or_create(&state()).set(count(*devices));
            self.0.stuck.get_or_create(&state()).set(count(*stuck));
            self.0.alarmed.get_or_create(&state()).set(count(*alarmed));
        }
    }

    /// What somebody ought to look at at this moment, by reason code: to be told before [`Metrics::encode`].
    pub(crate) fn alarms(&self, reasons: impl IntoIterator<Item = String>) {
        self.0.alarms.clear();
        for reason in reasons {
            self.0.alarms.get_or_create(&ByAlarm { reason }).set(1);
        }
    }

    /// How many seconds are left until the first revocation list of each manufacturer is to be replaced: to be told before
    /// [`Metrics::encode`].
    pub(crate) fn revocation_lists(&self, left: impl IntoIterator<Item = (String, i64)>) {
        self.0.revocation_lists.clear();
        for (manufacturer, left) in left {
            self.0.revocation_lists.get_or_create(&ByManufacturer { manufacturer }).set(left);
        }
    }

    /// How many records a webhook has before it: to be told before [`Metrics::encode`].
    pub(crate) fn webhook_behind(&self, webhook: &str, records: u64) {
        let webhook = ByWebhook { webhook: webhook.to_owned() };
        self.0.webhook_behind.get_or_create(&webhook).set(i64::try_from(records).unwrap_or(i64::MAX));
    }

    /// A transaction of so many batches became durable.
    pub fn committed(&self, batches: usize, took: Duration) {
        self.0.commit_batches.observe(f64::from(u32::try_from(batches).unwrap_or(u32::MAX)));
        self.0.commit_seconds.observe(took.as_secs_f64());
    }

    /// So many devices will be without a voucher in 30 days: to be told before [`Metrics::encode`].
    pub(crate) fn vouchers_ending(&self, devices: u64) {
        self.0.vouchers_ending.set(i64::try_from(devices).unwrap_or(i64::MAX));
    }

    /// So many batches wait for a transaction at this moment: to be told before [`Metrics::encode`].
    pub fn commits_waiting(&self, batches: usize) {
        self.0.commit_queue.set(i64::try_from(batches).unwrap_or(i64::MAX));
    }

    /// Somebody was refused.
    pub fn refused(&self, reason: ReasonCode) {
        self.0.refusals.get_or_create(&ByReason { reason: reason.as_str() }).inc();
    }

    pub(crate) fn connection_opened(&self, listener: ListenerName) {
        self.0.accepted.get_or_create(&ByListener { listener }).inc();
        self.0.connections.get_or_create(&ByListener { listener }).inc();
    }

    pub(crate) fn connection_closed(&self, listener: ListenerName) {
        self.0.connections.get_or_create(&ByListener { listener }).dec();
    }

    /// Connections that are open.
    pub(crate) fn connections(&self, listener: ListenerName) -> u64 {
        open(&self.0.connections.get_or_create(&ByListener { listener }))
    }

    pub(crate) fn connection_cut(&self, reason: &'static str) {
        self.0.cut.get_or_create(&ByReason { reason }).inc();
    }

    pub(crate) fn handshake(&self, listener: ListenerName, outcome: HandshakeOutcome, version: TlsVersion) {
        self.0.handshakes.get_or_create(&ByHandshake { listener, outcome, version }).inc();
    }

    pub(crate) fn handshake_took(&self, listener: ListenerName, took: Duration) {
        self.0.handshake_seconds.get_or_create(&ByListener { listener }).observe(took.as_secs_f64());
    }

    pub(crate) fn requested(&self) {
        self.0.under_way.inc();
    }

    pub(crate) fn answered(&self) {
        self.0.under_way.dec();
    }

    pub(crate) fn answer(&self, operation: Operation, status: u16, took: Duration) {
        self.0.requests.get_or_create(&ByRequest { operation, status }).inc();
        self.0.request_seconds.get_or_create(&ByOperation { operation }).observe(took.as_secs_f64());
    }

    /// Something became of a DHCP datagram.
    pub(crate) fn dhcp_message(&self, protocol: &'static str, event: &'static str, reason: &'static str) {
        self.0.dhcp_messages.get_or_create(&ByDhcpEvent { protocol, event, reason }).inc();
    }

    /// An address was looked for on the wire.
    pub(crate) fn dhcp_probe(&self, protocol: &'static str, outcome: &'static str) {
        self.0.dhcp_probes.get_or_create(&ByProbe { protocol, outcome }).inc();
    }

    /// How things stand with a DHCP server.
    pub(crate) fn dhcp_standing(
        &self,
        protocol: &'static str,
        waiting: usize,
        lost: u64,
        pools: impl Iterator<Item = DhcpPool>,
    ) {
        let by = ByProtocol { protocol };
        self.0.dhcp_waiting.get_or_create(&by).set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.0.dhcp_lost.get_or_create(&by).set(i64::try_from(lost).unwrap_or(i64::MAX));
        for DhcpPool { subnet, records, addresses } in pools {
            let by = BySubnet { protocol, subnet };
            self.0.dhcp_leases.get_or_create(&by).set(i64::try_from(records).unwrap_or(i64::MAX));
            // The pools of IPv6 have more addresses than any integer here has room for.
            #[expect(clippy::cast_precision_loss, reason = "a rounded size is as good")]
            #[expect(clippy::as_conversions, reason = "there is no other way into a float")]
            self.0.dhcp_pool.get_or_create(&by).set(addresses as f64);
        }
    }

    /// So many devices are known to DHCP: to be told before [`Metrics::encode`].
    pub(crate) fn dhcp_known(&self, devices: usize) {
        self.0.dhcp_known.set(i64::try_from(devices).unwrap_or(i64::MAX));
    }

    pub(crate) fn shed(&self, reason: &'static str) {
        self.0.shed.get_or_create(&ByReason { reason }).inc();
    }

    pub(crate) fn image_octets(&self, octets: usize) {
        self.0.image_octets.inc_by(u64::try_from(octets).unwrap_or(u64::MAX));
    }

    pub(crate) fn image_sent(&self) {
        self.0.images.inc();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The metrics of the table above, as `name kind`.
    fn documented() -> BTreeSet<String> {
        let rows = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("//! | `sztp_"));
        rows.map(|row| {
            let mut cells = row.split('|');
            let name = cells.next().unwrap().trim().trim_end_matches('`').trim_end_matches("_total");
            let kind = cells.next().unwrap().split(';').next().unwrap().trim();
            format!("sztp_{name} {kind}")
        })
        .collect()
    }

    #[test]
    fn every_metric_stands_in_the_table_and_nothing_else() {
        let metrics = Metrics::default();
        // A metric with labels shows once there is something to show.
        metrics.connection_opened(ListenerName::Device);
        metrics.connection_cut("idle");
        metrics.handshake(ListenerName::Legacy, HandshakeOutcome::Full, TlsVersion::Tls12);
        metrics.handshake_took(ListenerName::Legacy, Duration::ZERO);
        metrics.answer(Operation::Other, 200, Duration::ZERO);
        metrics.shed("requests");
        metrics.refused(ReasonCode::HandshakeFailed);
        metrics.census(&[Census { state: "held", devices: 0, stuck: 0, alarmed: 0 }]);
        metrics.alarms([ReasonCode::PolicyPending.to_string()]);
        metrics.webhook_behind("inventory", 0);
        metrics.revocation_lists([("maker".to_owned(), 0)]);
        metrics.dhcp_message("dhcp4", "offered", "");
        metrics.dhcp_probe("dhcp4", "free");
        let pool = DhcpPool { subnet: "192.0.2.0/24".to_owned(), records: 1, addresses: 9 };
        metrics.dhcp_standing("dhcp4", 0, 0, std::iter::once(pool));
        let text = metrics.encode();
        let encoded: BTreeSet<_> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(str::to_owned).collect();
        assert_eq!(encoded, documented());
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn a_state_that_is_empty_now_is_not_shown_as_it_was() {
        let metrics = Metrics::default();
        let census = |state, devices| Census { state, devices, stuck: 1, alarmed: 0 };
        metrics.census(&[census("registered", 7), census("held", 2)]);
        metrics.census(&[census("registered", 5)]);
        let text = metrics.encode();
        assert!(text.contains("sztp_devices{state=\"registered\"} 5\n"), "{text}");
        assert!(text.contains("sztp_devices_stuck{state=\"registered\"} 1\n"), "{text}");
        assert!(!text.contains("held"), "{text}");
    }
}
