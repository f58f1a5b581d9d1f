//! From records to what the device can try.

use std::net::IpAddr;

use conveyed_info::discovery::dns::{
    IgnoredTarget, IgnoredTargetBecause, Name, RecordError, RecordType, SrvRecord, TxtRecord, bootstrapping_data,
    redirect,
};
use pki::key;
use verdict::{ReasonCode, Refusal};

use crate::{
    Place, Server,
    dns::message::Data,
    machine::{Discovery, Offer, Origin},
};

/// Most SRV records of one name that are ordered, over all who gave some.
const MAX_SERVERS: usize = 64;

/// Most refusals that are named where nothing is left.
const MAX_NAMED: usize = 8;

/// Whether one giver's records need nothing more: all three artifacts, or any record of another kind.
pub(super) fn is_whole(records: &[Data]) -> bool {
    let begins = |text: &TxtRecord, key: &[u8]| text.octets().get(..3).is_some_and(|it| it.eq_ignore_ascii_case(key));
    let texts: Vec<_> = texts(records).filter_map(Result::ok).collect();
    let is_signed = [b"ci=", b"oc=", b"ov="].into_iter().all(|key| texts.iter().any(|text| begins(text, key)));
    is_signed || records.iter().any(|data| !matches!(data, Data::Txt(_)))
}

fn texts(records: &[Data]) -> impl Iterator<Item = Result<TxtRecord, RecordError>> {
    records.iter().filter_map(|data| match data {
        Data::Txt(rdata) => Some(TxtRecord::from_rdata(rdata)),
        _ => None,
    })
}

/// What one giver said of one name.
#[derive(Debug)]
struct Given {
    name: Name,
    servers: Vec<SrvRecord>,
}

/// What was found, and what was not usable.
#[derive(Debug)]
pub(super) struct Findings {
    record_type: RecordType,
    offers: Vec<Offer>,
    given: Vec<Given>,
    ignored: Vec<Refusal>,
}

impl Findings {
    pub(super) const fn new(record_type: RecordType) -> Self {
        Self { record_type, offers: Vec::new(), given: Vec::new(), ignored: Vec::new() }
    }

    pub(super) fn ignore(&mut self, refusal: Refusal) {
        self.ignored.push(refusal);
    }

    /// Takes what `giver` says of `name`. Each giver is heard for itself, so that none can spoil what another one gives.
    pub(super) fn add(&mut self, name: &Name, giver: IpAddr, records: &[Data]) {
        if records.is_empty() {
            let detail = format!("{name}: {giver} knows no such record");
            return self.ignore(Refusal::new(ReasonCode::NoSource, detail));
        }
        match self.record_type {
            RecordType::Txt => self.add_data(name, giver, records),
            RecordType::Srv => self.add_servers(name, records),
        }
    }

    /// RFC 8572 §4.2.2.
    fn add_data(&mut self, name: &Name, giver: IpAddr, records: &[Data]) {
        let place = format!("{name} at {giver}");
        let mut read = Vec::new();
        for text in texts(records) {
            match text {
                Ok(text) => read.push(text),
                Err(error) => self.ignore(Refusal::new(error.reason(), format!("{place}: {error}"))),
            }
        }
        match bootstrapping_data(&read) {
            Ok(data) => {
                let is_known = self.offers.iter().any(|offer| matches!(offer, Offer::Data(_, other) if *other == data));
                if !is_known {
                    self.offers.push(Offer::Data(Place::Name(place), data));
                }
            }
            Err(error) => self.ignore(Refusal::new(error.reason(), format!("{place}: {error}"))),
        }
    }

    fn add_servers(&mut self, name: &Name, records: &[Data]) {
        let servers = records.iter().filter_map(|data| match data {
            Data::Srv(record) => Some(record.clone()),
            _ => None,
        });
        self.given.push(Given { name: name.clone(), servers: servers.collect() });
    }

    /// What there is to try.
    ///
    /// # Errors
    /// When there is nothing: the first reason that is more than silence.
    pub(super) fn into_discovery(mut self) -> Result<Discovery, Refusal> {
        for (name, records) in by_name(std::mem::take(&mut self.given)) {
            self.order(&name, &records);
        }
        let Self { offers, ignored, .. } = self;
        if !offers.is_empty() {
            return Ok(Discovery { offers, ignored });
        }
        let is_silence = |refusal: &&Refusal| refusal.reason == ReasonCode::NoSource;
        let reason = ignored.iter().find(|it| !is_silence(it)).map_or(ReasonCode::NoSource, |it| it.reason);
        let details: Vec<_> = ignored.into_iter().take(MAX_NAMED).map(|it| it.detail).collect();
        let detail = if details.is_empty() { "nobody answers".to_owned() } else { details.join("; ") };
        Err(Refusal::new(reason, detail))
    }

    /// RFC 8572 §4.2.3: the servers in the order of RFC 2782, each with its port and without anchor (DNS-13, DNS-14,
    /// DNS-17).
    fn order(&mut self, name: &Name, records: &[SrvRecord]) {
        let found = match redirect(records, &entropy()) {
            Ok(found) => found,
            Err(error) => return self.ignore(Refusal::new(error.reason(), format!("{name}: {error}"))),
        };
        let offer = |host: &str, port| Offer::Server(Server::new(host, port), Origin::Untrusted);
        self.offers.extend(found.redirect.servers().iter().map(|server| offer(&server.address, server.port)));
        for IgnoredTarget { record, because } in found.ignored {
            match because {
                // A redirect holds each address once; here another port is another server. It comes last, so that who
                // repeats the name of another one's server does not take its place.
                IgnoredTargetBecause::Repeated => {
                    let again = offer(&record.target.to_string(), record.port);
                    if !self.offers.contains(&again) {
                        self.offers.push(again);
                    }
                }
                because => {
                    self.ignore(Refusal::new(ReasonCode::DnsRecordInvalid, format!("{name}: {record}: {because}")));
                }
            }
        }
    }
}

/// The records of each name, names in the order in which they were asked for. Where several have given some, each may give
/// its share, those of lowest priority value first.
fn by_name(given: Vec<Given>) -> Vec<(Name, Vec<SrvRecord>)> {
    let mut names: Vec<(Name, Vec<Vec<SrvRecord>>)> = Vec::new();
    for Given { name, servers } in given {
        match names.iter_mut().find(|(other, _)| *other == name) {
            Some((_, lists)) => lists.push(servers),
            None => names.push((name, vec![servers])),
        }
    }
    let merged = |(name, lists): (Name, Vec<Vec<SrvRecord>>)| {
        let share = if lists.len() == 1 { usize::MAX } else { MAX_SERVERS / lists.len().max(1) };
        let mut records: Vec<SrvRecord> = Vec::new();
        for mut list in lists {
            list.sort_by_key(|record| record.priority);
            for record in list.into_iter().take(share) {
                if !records.contains(&record) {
                    records.push(record);
                }
            }
        }
        (name, records)
    };
    names.into_iter().map(merged).collect()
}

/// Random numbers for drawing by weight. Without any the order is a valid one all the same.
fn entropy() -> Vec<u32> {
    const OCTETS: usize = 4 * MAX_SERVERS;
    let octets: [u8; OCTETS] = key::random().unwrap_or([0; OCTETS]);
    octets.as_chunks().0.iter().copied().map(u32::from_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use conveyed_info::{BootstrappingData, ConveyedInformation, Unverified};

    use super::*;

    const GIVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 53));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 54));

    fn name() -> Name {
        "sn-1._sztp.example.net".parse().unwrap()
    }

    fn text(octets: &[u8]) -> Data {
        Data::Txt(TxtRecord::from_strings(octets.chunks(255)).unwrap().rdata())
    }

    fn server(priority: u16, port: u16, target: &str) -> Data {
        Data::Srv(SrvRecord { priority, weight: 0, port, target: target.parse().unwrap() })
    }

    fn servers(findings: Findings) -> Vec<String> {
        let discovery = findings.into_discovery().unwrap();
        let named = discovery.offers.iter().map(|offer| match offer {
            Offer::Server(server, Origin::Untrusted) => server.to_string(),
            other => panic!("{other:?}"),
        });
        named.collect()
    }

    /// DNS-06, DNS-09: an artifact of 900 octets in four strings.
    #[test]
    fn dns_06_txt_records_are_data_that_nobody_vouches_for() {
        let mut findings = Findings::new(RecordType::Txt);
        let long = [b"ci=", &[7; 900][..]].concat();
        findings.add(&name(), GIVER, &[text(b"foo=bar"), text(&long)]);
        let Discovery { offers, ignored } = findings.into_discovery().unwrap();
        let [Offer::Data(place, data)] = offers.as_slice() else { panic!("{offers:?}") };
        assert_eq!(place.to_string(), "sn-1._sztp.example.net. at 192.0.2.53");
        let expected = BootstrappingData::Unsigned(ConveyedInformation::from_der([7; 900]).unwrap());
        assert_eq!((data, ignored.len()), (&Unverified::new(expected), 0));
    }

    #[test]
    fn who_lies_does_not_keep_another_from_being_heard() {
        let mut findings = Findings::new(RecordType::Txt);
        findings.add(&name(), OTHER, &[text(b"oc=1"), Data::Txt(vec![9, 1])]);
        findings.add(&name(), GIVER, &[text(b"ci=1")]);
        findings.add(&name(), OTHER, &[text(b"ci=1")]);
        let Discovery { offers, ignored } = findings.into_discovery().unwrap();
        assert_eq!(offers.len(), 1, "the same data counts once");
        let reasons: Vec<_> = ignored.iter().map(|it| it.reason).collect();
        assert_eq!(reasons, [ReasonCode::DnsRecordInvalid, ReasonCode::GroupingIllegal]);
    }

    #[test]
    fn dns_11_an_incomplete_grouping_is_refused_with_its_reason() {
        let mut findings = Findings::new(RecordType::Txt);
        findings.add(&name(), OTHER, &[]);
        findings.add(&name(), GIVER, &[text(b"ci=1"), text(b"ov=1")]);
        let refusal = findings.into_discovery().unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::GroupingIllegal);
        assert!(refusal.detail.contains("`oc=`") && refusal.detail.contains("knows no such record"), "{refusal:?}");
    }

    #[test]
    fn dns_13_dns_14_dns_17_servers_are_tried_by_priority_and_with_their_ports() {
        let mut findings = Findings::new(RecordType::Srv);
        let four = [server(30, 1, "c.example"), server(10, 8443, "A.example"), server(40, 2, "d.example")];
        findings.add(&name(), GIVER, &four);
        findings.add(&name(), OTHER, &[server(20, 443, "b.example"), server(10, 8443, "A.example")]);
        assert_eq!(servers(findings), ["a.example:8443", "b.example:443", "c.example:1", "d.example:2"]);
    }

    #[test]
    fn who_repeats_anothers_server_does_not_take_its_place() {
        let mut findings = Findings::new(RecordType::Srv);
        findings.add(&name(), OTHER, &[server(0, 1, "a.example"), server(1, 443, "evil\\032.example")]);
        findings.add(&name(), GIVER, &[server(10, 443, "a.example")]);
        assert_eq!(servers(findings), ["a.example:1", "a.example:443"]);
    }

    #[test]
    fn dns_14_the_root_means_that_there_is_no_service() {
        let mut findings = Findings::new(RecordType::Srv);
        findings.add(&name(), GIVER, &[server(0, 0, ".")]);
        let refusal = findings.into_discovery().unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::NoSource);
        assert!(refusal.detail.contains("no bootstrap server"), "{refusal:?}");
    }

    #[test]
    fn a_flood_of_servers_leaves_room_for_others() {
        let flood: Vec<_> = (0..64).map(|number| server(0, 443, &format!("s{number}.example"))).collect();
        let mut findings = Findings::new(RecordType::Srv);
        findings.add(&name(), OTHER, &flood);
        findings.add(&name(), GIVER, &[server(0, 443, "good.example")]);
        let discovery = findings.into_discovery().unwrap();
        assert_eq!(discovery.offers.len(), 32);
        let mut alone = Findings::new(RecordType::Srv);
        alone.add(&name(), OTHER, &[flood, vec![server(0, 443, "one.more")]].concat());
        assert_eq!(alone.into_discovery().unwrap_err().reason, ReasonCode::DnsRecordInvalid);
    }

    #[test]
    fn silence_is_no_source() {
        let refusal = Findings::new(RecordType::Txt).into_discovery().unwrap_err();
        assert_eq!((refusal.reason, refusal.detail.as_str()), (ReasonCode::NoSource, "nobody answers"));
    }

    #[test]
    fn an_answer_is_whole_with_all_three_artifacts_or_any_server() {
        let signed = [text(b"ci=1"), text(b"oc=1"), text(b"ov=1")];
        assert!(is_whole(&signed) && !is_whole(&signed[..1]) && !is_whole(&signed[..2]) && !is_whole(&[]));
        assert!(is_whole(&[server(0, 443, "a.example")]));
    }
}
