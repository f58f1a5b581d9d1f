//! From SRV records to an ordered list of bootstrap servers (RFC 2782; RFC 8572 §4.2.3).

use std::net::IpAddr;

use verdict::ReasonCode;

use super::SrvRecord;
use crate::{
    DocumentError,
    information::{BootstrapServer, RedirectInformation},
};

/// What SRV records say: redirect information without a trust anchor, as good as unsigned (DNS-13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrvRedirect {
    /// The servers, in the order in which they are to be tried, each with its port (DNS-17).
    pub redirect: RedirectInformation,
    /// Records that are not used.
    pub ignored: Vec<IgnoredTarget>,
}

/// A record that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredTarget {
    /// The record.
    pub record: SrvRecord,
    /// What is wrong with it.
    pub because: IgnoredTargetBecause,
}

/// Why a record is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoredTargetBecause {
    /// The target is the root beside other records. Alone it would mean something.
    #[error("the target is the root")]
    Root,
    /// The target is no name of a host.
    #[error("the target is no host name")]
    NotAHost,
    /// The port is 0.
    #[error("the port is 0")]
    Port,
    /// An earlier record names the same target. A redirect holds each address once, so another port is lost (CLI-46).
    #[error("the target stands in the list already")]
    Repeated,
    /// The list is full.
    #[error("a redirect has at most {} servers", RedirectInformation::MAX_SERVERS)]
    BeyondMaximum,
}

/// Orders the records of one name into a redirect: by priority, then by weight (DNS-14).
///
/// `entropy` are random numbers, evenly distributed; one is used for each record. Where they are missing, 0 stands in: the
/// order is still a valid one, but the same for every device.
///
/// # Errors
/// [`NoServers`] when no bootstrap server is left.
pub fn redirect(records: &[SrvRecord], entropy: &[u32]) -> Result<SrvRedirect, NoServers> {
    if records.len() > MAXIMUM_RECORDS {
        return Err(NoServers::TooManyRecords { count: records.len() });
    }
    // RFC 2782: a single record whose target is the root says that the service is decidedly not there.
    if let [record] = records
        && record.target.is_root()
    {
        return Err(NoServers::NoService);
    }
    let mut servers: Vec<BootstrapServer> = Vec::new();
    let mut ignored = Vec::new();
    for record in ordered(records, entropy) {
        match server(record, &servers) {
            Ok(server) => servers.push(server),
            Err(because) => ignored.push(IgnoredTarget { record: record.clone(), because }),
        }
    }
    if servers.is_empty() {
        return Err(NoServers::Nothing { ignored });
    }
    Ok(SrvRedirect { redirect: RedirectInformation::new(servers)?, ignored })
}

fn server(record: &SrvRecord, before: &[BootstrapServer]) -> Result<BootstrapServer, IgnoredTargetBecause> {
    if record.target.is_root() {
        return Err(IgnoredTargetBecause::Root);
    }
    let address = host(record).ok_or(IgnoredTargetBecause::NotAHost)?;
    if record.port == 0 {
        return Err(IgnoredTargetBecause::Port);
    }
    if before.iter().any(|server| server.address == address) {
        return Err(IgnoredTargetBecause::Repeated);
    }
    if before.len() >= RedirectInformation::MAX_SERVERS {
        return Err(IgnoredTargetBecause::BeyondMaximum);
    }
    Ok(BootstrapServer { address, port: record.port, trust_anchor: None })
}

/// The target as a host name in lower case without the final dot; `None` when it has other characters than RFC 1123 §2.1
/// allows, or would be taken for an address.
fn host(record: &SrvRecord) -> Option<String> {
    let is_host_label = |label: &Vec<u8>| {
        label.iter().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-')
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    if !record.target.labels().iter().all(is_host_label) {
        return None;
    }
    let text = record.target.to_string().to_ascii_lowercase();
    let text = text.strip_suffix('.')?;
    let top = record.target.labels().last()?;
    let is_address = text.parse::<IpAddr>().is_ok() || top.iter().all(u8::is_ascii_digit);
    (!is_address).then(|| text.to_owned())
}

/// RFC 2782: lowest priority first; within one, drawn by weight, over and over until none is left.
fn ordered<'a>(records: &'a [SrvRecord], entropy: &[u32]) -> Vec<&'a SrvRecord> {
    let mut rest: Vec<&SrvRecord> = records.iter().collect();
    // Those of weight 0 stand first in each draw, so that they keep a small chance.
    rest.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut ordered = Vec::with_capacity(rest.len());
    let mut entropy = entropy.iter().copied();
    while let Some(priority) = rest.first().map(|record| record.priority) {
        let group = rest.iter().take_while(|record| record.priority == priority);
        let index = drawn(group.map(|record| record.weight), entropy.next().unwrap_or_default());
        ordered.push(rest.remove(index));
    }
    ordered
}

/// The place of the first weight at which the running sum reaches a number drawn evenly from 0 to the sum of all.
fn drawn(weights: impl Iterator<Item = u16> + Clone, random: u32) -> usize {
    let sum: u64 = weights.clone().map(u64::from).sum();
    // Scales 32 random bits to 0..=sum; the sum of 64 weights has 22 bits.
    let number = u64::from(random).saturating_mul(sum.saturating_add(1)) >> u32::BITS;
    let mut running = 0_u64;
    let reaches = |weight: u16| {
        running = running.saturating_add(weight.into());
        running >= number
    };
    weights.map(reaches).position(|reached| reached).unwrap_or_default()
}

/// SRV records that lead to no bootstrap server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoServers {
    /// The domain says that it has no bootstrap server (RFC 2782, target `.`).
    #[error("the domain says that it has no bootstrap server")]
    NoService,
    /// Nothing usable is left, or there was nothing.
    #[error("no usable SRV record ({} ignored)", ignored.len())]
    Nothing {
        /// Every record, with what is wrong with it.
        ignored: Vec<IgnoredTarget>,
    },
    /// More records under one name than are looked at.
    #[error("{count} SRV records, at most {MAXIMUM_RECORDS} are read")]
    TooManyRecords {
        /// How many came.
        count: usize,
    },
    /// The servers do not make a redirect.
    #[error(transparent)]
    Redirect(#[from] DocumentError),
}

impl NoServers {
    /// The reason code an operator sees.
    #[must_use]
    pub fn reason(&self) -> ReasonCode {
        match self {
            Self::NoService => ReasonCode::NoSource,
            Self::Nothing { ignored } if ignored.is_empty() => ReasonCode::NoSource,
            Self::Nothing { .. } | Self::TooManyRecords { .. } | Self::Redirect(_) => ReasonCode::DnsRecordInvalid,
        }
    }
}

/// Most records of one name that are looked at.
const MAXIMUM_RECORDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(priority: u16, weight: u16, port: u16, target: &str) -> SrvRecord {
        SrvRecord { priority, weight, port, target: target.parse().unwrap() }
    }

    fn addresses(records: &[SrvRecord], entropy: &[u32]) -> Vec<String> {
        let found = redirect(records, entropy).unwrap();
        found.redirect.servers().iter().map(|server| server.address.clone()).collect()
    }

    /// A random number that lands on `number` of 0..=`sum`.
    fn landing(number: u32, sum: u32) -> u32 {
        u32::try_from((u64::from(number) << 32).div_ceil(u64::from(sum) + 1)).unwrap()
    }

    /// DNS-13, DNS-17: the zone line of the known bytes becomes a server with its port and no anchor.
    #[test]
    fn dns_13_an_srv_record_is_an_unsigned_redirect() {
        let found = redirect(&[record(0, 0, 443, "SZTP1.example.net.")], &[]).unwrap();
        let expected = BootstrapServer { address: "sztp1.example.net".to_owned(), port: 443, trust_anchor: None };
        assert_eq!(found.redirect.servers(), [expected]);
        assert_eq!(found.ignored, []);
    }

    /// DNS-14: four records; priority decides, whatever the weights and the numbers.
    #[test]
    fn dns_14_priority_goes_before_weight() {
        let records = [
            record(20, 65_535, 443, "d.example"),
            record(10, 1, 443, "b.example"),
            record(5, 0, 443, "a.example"),
            record(10, 3, 443, "c.example"),
        ];
        for random in [0, 1 << 31, u32::MAX] {
            let order = addresses(&records, &[random; 4]);
            assert_eq!((order[0].as_str(), order[3].as_str()), ("a.example", "d.example"));
        }
    }

    /// DNS-14: each number from 0 to the sum draws the record that RFC 2782 says.
    #[test]
    fn dns_14_weight_is_a_share() {
        let records = [record(0, 3, 443, "c.example"), record(0, 0, 443, "a.example"), record(0, 2, 443, "b.example")];
        // Arranged 0, 3, 2: the running sums are 0, 3 and 5.
        for (number, first) in
            [(0, "a.example"), (1, "c.example"), (3, "c.example"), (4, "b.example"), (5, "b.example")]
        {
            assert_eq!(addresses(&records, &[landing(number, 5)])[0], first, "{number}");
        }
        // The second draw is among the rest: 0 and 2 after c was drawn.
        assert_eq!(addresses(&records, &[landing(1, 5), landing(0, 2)]), ["c.example", "a.example", "b.example"]);
        assert_eq!(addresses(&records, &[landing(1, 5), landing(2, 2)]), ["c.example", "b.example", "a.example"]);
        assert_eq!(addresses(&records, &[u32::MAX; 3])[0], "b.example");
    }

    #[test]
    fn dns_14_a_single_root_means_no_service() {
        let none = record(0, 0, 0, ".");
        let refused = redirect(std::slice::from_ref(&none), &[]).unwrap_err();
        assert_eq!((&refused, refused.reason()), (&NoServers::NoService, ReasonCode::NoSource));
        let found = redirect(&[none.clone(), record(0, 0, 443, "a.example")], &[]).unwrap();
        assert_eq!(found.ignored, [IgnoredTarget { record: none, because: IgnoredTargetBecause::Root }]);
    }

    #[test]
    fn records_that_name_no_server_are_left_out_and_told() {
        use IgnoredTargetBecause::{NotAHost, Port, Repeated};
        let records = [
            record(0, 0, 443, "a.example"),
            record(1, 0, 8443, "A.example"),
            record(2, 0, 0, "b.example"),
            record(3, 0, 443, "b\\032.example"),
            record(4, 0, 443, "192.0.2.1"),
            record(5, 0, 443, "-b.example"),
            record(6, 0, 443, "b.example"),
        ];
        let found = redirect(&records, &[]).unwrap();
        let reasons: Vec<_> = found.ignored.iter().map(|it| it.because).collect();
        assert_eq!(reasons, [Repeated, Port, NotAHost, NotAHost, NotAHost]);
        assert_eq!(found.redirect.servers().len(), 2);
        let refused = redirect(&records[2..4], &[]).unwrap_err();
        assert_eq!(refused.reason(), ReasonCode::DnsRecordInvalid);
        assert_eq!(redirect(&[], &[]), Err(NoServers::Nothing { ignored: Vec::new() }));
    }

    #[test]
    fn the_number_of_records_and_of_servers_is_bounded() {
        let records: Vec<_> = (0..65).map(|index| record(index, 0, 443, &format!("s{index}.example"))).collect();
        assert_eq!(redirect(&records, &[]), Err(NoServers::TooManyRecords { count: 65 }));
        let found = redirect(&records[..64], &[]).unwrap();
        assert_eq!((found.redirect.servers().len(), found.ignored.len()), (32, 32));
    }
}
