//! Records in the DNS: the device's own data, or the bootstrap servers of the network (RFC 8572 §4.2).
//!
//! Four questions in this order, each asked only when those before it did not lead to a successful bootstrap (RFC 8572
//! §4.2.1; DNS-02, DNS-03): TXT records under the device's serial number, then SRV records for every device, both by
//! multicast before unicast. Whatever is found is believed by nobody, DNSSEC or not (DNS-01): data must be signed, and
//! servers are redirects that nobody vouches for (DNS-13).

mod found;
mod settings;
mod targets;
mod whom;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use conveyed_info::discovery::dns::{Name, NotAsked, NotAskedBecause, Query, QueryPlan, RecordType, Transport};
use verdict::{ReasonCode, Refusal};

pub use self::settings::{Settings, Step};

use self::{found::Findings, whom::Whom};
use super::{Learned, Surroundings};
use crate::{
    dns::{
        message::Data,
        multicast::{self, Interface},
        question::{Kind, Question},
        resolver::NameServer,
        unicast::{self, AskError},
    },
    machine::Discovery,
};

/// Asks one of the questions.
///
/// # Errors
/// [`ReasonCode::NoSource`] when nobody answers, or nobody knows anything; the reason of what was found when nothing of it
/// is usable.
pub fn discover(settings: &Settings, step: Step, surroundings: &mut Surroundings<'_>) -> Result<Discovery, Refusal> {
    let whom = Whom::of(settings, surroundings.learned);
    let plan = QueryPlan::new(surroundings.serial_number, &whom.domains);
    let is_ours = |query: &&Query| query.record_type == step.record_type && query.transport == step.transport;
    let queries: Vec<&Query> = plan.queries.iter().filter(is_ours).collect();
    let mut findings = Findings::new(step.record_type);
    whom.ignored.into_iter().filter(|_| step.transport == Transport::Unicast).for_each(|it| findings.ignore(it));
    plan.not_asked
        .iter()
        .filter(|not| not.record_type == step.record_type)
        .for_each(|not| note(not, step, &mut findings));
    match step.transport {
        Transport::Multicast => by_multicast(settings, &queries, surroundings, &mut findings)?,
        Transport::Unicast if whom.servers.is_empty() => findings.ignore(no_source("no name server is known")),
        Transport::Unicast if whom.domains.is_empty() => {
            findings.ignore(no_source("no domain of this network is known"))
        }
        Transport::Unicast => by_unicast(settings, &queries, &whom.servers, surroundings, &mut findings),
    }
    findings.into_discovery()
}

fn no_source(detail: impl Into<String>) -> Refusal {
    Refusal::new(ReasonCode::NoSource, detail)
}

/// Tells of a question that cannot be asked, with the step that would ask it.
fn note(not: &NotAsked, step: Step, findings: &mut Findings) {
    // The plan asks multicast about `local` alone, and unicast about everything else: `local` there is another reason.
    let is_local = matches!(not.domain.labels(), [only] if only.eq_ignore_ascii_case(b"local"));
    let transport = match not.because {
        NotAskedBecause::Local => Transport::Unicast,
        _ if is_local => Transport::Multicast,
        _ => Transport::Unicast,
    };
    if transport == step.transport {
        findings.ignore(no_source(format!("{}: {}", not.domain, not.because)));
    }
}

fn question(query: &Query) -> Question {
    let kind = match query.record_type {
        RecordType::Txt => Kind::Txt,
        RecordType::Srv => Kind::Srv,
    };
    Question::new(query.name.clone(), kind)
}

fn by_multicast(
    settings: &Settings,
    queries: &[&Query],
    surroundings: &mut Surroundings<'_>,
    findings: &mut Findings,
) -> Result<(), Refusal> {
    let refuse = |error: &dyn fmt::Display| no_source(format!("multicast DNS: {error}"));
    let mut to_ask = targets::MAX_ASKED;
    let named = settings
        .interface
        .as_deref()
        .map(|name| Interface::named(name).map_err(|error| no_source(format!("the interface {name}: {error}"))));
    let interface = named.transpose()?;
    for query in queries {
        let question = question(query);
        surroundings.notes.push(format!("asks everybody on the link for {}", query.name));
        let heard = multicast::ask(&question, interface.as_ref(), &|records| found::is_whole(records));
        let heard = heard.map_err(|error| refuse(&error))?;
        for one in &heard {
            keep(&query.name, one.source, &one.records, surroundings.learned);
            findings.add(&query.name, one.source, &one.records);
        }
        if query.record_type == RecordType::Srv {
            targets::learn_by_multicast(&heard, interface.as_ref(), &mut to_ask, surroundings.learned);
        }
    }
    Ok(())
}

/// Keeps TXT records as they came, for whoever looks for what is wrong with them.
fn keep(name: &Name, giver: IpAddr, records: &[Data], learned: &mut Learned) {
    for data in records {
        if let Data::Txt(octets) = data {
            learned.receive(&format!("TXT record {name} of {giver}"), octets);
        }
    }
}

/// Asks about every domain, the most specific first: what stands under it may be nothing that this device can use.
fn by_unicast(
    settings: &Settings,
    queries: &[&Query],
    servers: &[SocketAddr],
    surroundings: &mut Surroundings<'_>,
    findings: &mut Findings,
) {
    let mut left = settings.timeout;
    let mut to_ask = targets::MAX_ASKED;
    for (index, query) in queries.iter().enumerate() {
        let begun = Instant::now();
        let question = question(query);
        let named: Vec<_> = servers.iter().map(|server| NameServer(*server).to_string()).collect();
        surroundings.notes.push(format!("asks {} for {}", named.join(", "), query.name));
        let others = u32::try_from(queries.len().saturating_sub(index)).unwrap_or(u32::MAX).max(1);
        for said in unicast::ask(servers, &question, left / others) {
            match said.answer {
                Ok(message) => {
                    let records: Vec<_> =
                        message.records_for(&question).into_iter().map(|it| it.data.clone()).collect();
                    keep(&query.name, said.server.ip(), &records, surroundings.learned);
                    findings.add(&query.name, said.server.ip(), &records);
                    if query.record_type == RecordType::Srv {
                        targets::learn_by_unicast(&message, &records, said.server, &mut to_ask, surroundings.learned);
                    }
                }
                Err(error) => findings.ignore(unanswered(&query.name, &error, said.server)),
            }
        }
        left = left.saturating_sub(begun.elapsed());
    }
}

fn unanswered(name: &Name, error: &AskError, server: SocketAddr) -> Refusal {
    let reason = match error {
        AskError::Malformed(_) | AskError::AnotherQuestion => ReasonCode::DnsRecordInvalid,
        _ => ReasonCode::NoSource,
    };
    Refusal::new(reason, format!("{name}: the name server {}: {error}", NameServer(server)))
}

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, UdpSocket},
        thread,
    };

    use super::*;
    use crate::{
        dns::{
            message::Message,
            testing::{Response, rdata},
        },
        sources::{Around, Learned},
    };

    /// A name server whose only thread ends with the process; it says each name that it is asked for.
    fn serve(
        answer: impl Fn(&Question, u16) -> Response + Send + 'static,
    ) -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let (asked, names) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let mut datagram = [0; 2000];
            while let Ok((length, from)) = socket.recv_from(&mut datagram) {
                let query = Message::decode(&datagram[..length]).unwrap();
                let [(name, number)] = query.questions.as_slice() else { panic!() };
                let kind =
                    [Kind::A, Kind::Aaaa, Kind::Txt, Kind::Srv].into_iter().find(|it| it.number() == *number).unwrap();
                drop(asked.send(name.to_string()));
                let response = answer(&Question::new(name.clone(), kind), query.id);
                socket.send_to(&response.encode(), from).unwrap();
            }
        });
        (address, names)
    }

    fn ask(settings: &Settings, step: Step, around: &mut Around) -> Result<Discovery, Refusal> {
        discover(settings, step, &mut around.surroundings())
    }

    fn unicast_step(record_type: RecordType) -> Step {
        Step { record_type, transport: Transport::Unicast }
    }

    fn settings(server: SocketAddr) -> Settings {
        Settings { servers: vec![NameServer(server)], ..Settings::default() }
    }

    /// DNS-04, DNS-05, DNS-16: the names that go out, and that another option 15 makes others.
    #[test]
    fn dns_16_another_domain_from_dhcp_makes_another_question() {
        let (server, names) = serve(|question, id| Response::to(question, id).code(3));
        for domain in ["lab.example", "other.example"] {
            let mut around = Around::new("SN 1");
            around.learned.add([], [domain.to_owned()]);
            // The system's own domains may follow.
            let first = |names: &std::sync::mpsc::Receiver<String>| {
                let all: Vec<_> = names.try_iter().collect();
                all.first().cloned()
            };
            ask(&settings(server), unicast_step(RecordType::Txt), &mut around).unwrap_err();
            assert_eq!(first(&names), Some(format!("SN\\0321._sztp.{domain}.")));
            ask(&settings(server), unicast_step(RecordType::Srv), &mut around).unwrap_err();
            assert_eq!(first(&names), Some(format!("_sztp._tcp.{domain}.")));
        }
    }

    #[test]
    fn dns_05_servers_come_with_addresses_that_are_asked_for_where_they_are_missing() {
        let (server, _names) = serve(|question, id| {
            let response = Response::to(question, id);
            match question.kind {
                Kind::Srv => response.answer(&question.name.to_string(), rdata::server(0, 8443, "sztp1.lab.example")),
                Kind::A => response.answer(&question.name.to_string(), rdata::address("192.0.2.1")),
                _ => response,
            }
        });
        let settings = Settings { domains: vec!["lab.example".parse().unwrap()], ..settings(server) };
        let mut around = Around::new("SN-1");
        let found = ask(&settings, unicast_step(RecordType::Srv), &mut around).unwrap();
        let servers = vec![crate::Server::new("sztp1.lab.example", 8443)];
        assert_eq!(found.offers, Discovery::of_servers(servers, crate::machine::Origin::Untrusted).offers);
        assert_eq!(around.learned.addresses["sztp1.lab.example"], ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    }

    /// Each server whose address does not come along costs two questions.
    #[test]
    fn dns_15_only_so_many_addresses_are_asked_for() {
        let (server, names) = serve(|question, id| {
            let response = Response::to(question, id);
            let name = question.name.to_string();
            let servers = (0..8).map(|number| rdata::server(0, 443, &format!("s{number}.example")));
            match question.kind {
                Kind::Srv => servers.fold(response, |response, server| response.answer(&name, server)),
                _ => response.code(3),
            }
        });
        let domains = ["a.example", "b.example"].map(|text| text.parse().unwrap()).into();
        let settings = Settings { domains, ..settings(server) };
        let found = ask(&settings, unicast_step(RecordType::Srv), &mut Around::new("SN-1")).unwrap();
        assert_eq!(found.offers.len(), 16);
        assert_eq!(names.try_iter().count(), 2 + 2 * targets::MAX_ASKED);
    }

    #[test]
    fn what_cannot_be_asked_is_told() {
        let (server, names) = serve(|question, id| Response::to(question, id).code(3));
        let mut long = Around::new(&"x".repeat(64));
        let domains = ["lab.example", "sub.local"].map(|text| text.parse().unwrap()).into();
        let settings = Settings { domains, ..settings(server) };
        let refusal = ask(&settings, unicast_step(RecordType::Txt), &mut long).unwrap_err();
        assert!(refusal.detail.contains("the serial number has 64 octets"), "{refusal:?}");
        assert!(refusal.detail.contains("sub.local.: the domain belongs to multicast DNS"), "{refusal:?}");
        assert_eq!(names.try_iter().count(), 0);

        let step = Step { record_type: RecordType::Txt, transport: Transport::Multicast };
        let settings = Settings { interface: Some("no-such-one".to_owned()), ..settings };
        let refusal = ask(&settings, step, &mut Around::new("SN-1")).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::NoSource);
        assert!(refusal.detail.contains("no-such-one"), "{refusal:?}");
    }

    #[test]
    fn dns_15_strangers_can_only_name_so_many_addresses() {
        let mut learned = Learned::default();
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        learned.add_addresses("a", ["fe80::1".parse().unwrap()].into_iter().chain((0..9).map(address)));
        assert_eq!(learned.addresses["a"], [0, 1, 2, 3].map(address));
        (0..100).for_each(|number| learned.add_addresses(&format!("h{number}"), [address(1)]));
        assert_eq!(learned.addresses.len(), 64);
        learned.add_addresses("none", []);
        assert!(!learned.addresses.contains_key("none"));
    }
}
