//! What responders said, one by one: none of them can speak for another.

use std::net::IpAddr;

use conveyed_info::discovery::dns::Name;

use crate::dns::{
    message::{Data, Message, Record, ResponseCode},
    question::Question,
};

/// Most responders that are listened to.
const MAX_RESPONDERS: usize = 8;

/// Most records of one responder, and most addresses.
const MAX_RECORDS: usize = 32;

/// Most octets of TXT records of one responder: what a single answer over TCP could hold.
const MAX_OCTETS: usize = 64 * 1024;

/// How an answer must look to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// As the group hears it (RFC 6762 §18.1): id and questions mean nothing.
    Group,
    /// As an ordinary resolver wants it (RFC 6762 §6.7).
    Reply {
        /// The id of the question.
        id: u16,
    },
}

/// What one responder said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who it is.
    pub source: IpAddr,
    /// The records that were asked for, each once.
    pub records: Vec<Data>,
    /// Addresses of names in the domain `local` that it gave along.
    pub addresses: Vec<(Name, IpAddr)>,
}

/// Gathers answers, within bounds.
#[derive(Debug)]
pub(super) struct Collector<'a> {
    question: &'a Question,
    heard: Vec<Heard>,
}

impl<'a> Collector<'a> {
    pub(super) const fn new(question: &'a Question) -> Self {
        Self { question, heard: Vec::new() }
    }

    pub(super) fn heard(&self) -> &[Heard] {
        &self.heard
    }

    pub(super) fn into_heard(self) -> Vec<Heard> {
        self.heard
    }

    /// Takes a packet that came from the link. What is no answer to the question is nobody's fault: the group hears
    /// everything.
    pub(super) fn take(&mut self, source: IpAddr, packet: &[u8], expected: Expected) {
        let Ok(message) = Message::decode(packet) else { return };
        // RFC 6762 §18.11: answers with an error are ignored.
        let is_answer = message.is_response
            && message.code == ResponseCode::NO_ERROR
            && match expected {
                Expected::Group => true,
                Expected::Reply { id } => message.answers_to(self.question, id),
            };
        if !is_answer {
            return;
        }
        // RFC 6762 §10.1: a record without time to live is taken back.
        let lives = |record: &&Record| record.ttl > 0;
        let records: Vec<_> = message.records_for(self.question).into_iter().filter(lives).collect();
        if records.is_empty() {
            return;
        }
        let Some(heard) = self.of(source) else { return };
        for record in records {
            let octets: usize = heard.records.iter().map(octets).sum();
            let fits =
                heard.records.len() < MAX_RECORDS && octets.saturating_add(self::octets(&record.data)) <= MAX_OCTETS;
            if fits && !heard.records.contains(&record.data) {
                heard.records.push(record.data.clone());
            }
        }
        for (name, address) in message.addresses() {
            let entry = (name.clone(), address);
            // RFC 6762 §3: of other names, nobody on the link can say anything.
            let is_local = matches!(name.labels().last(), Some(top) if top.eq_ignore_ascii_case(b"local"));
            if is_local && heard.addresses.len() < MAX_RECORDS && !heard.addresses.contains(&entry) {
                heard.addresses.push(entry);
            }
        }
    }

    /// What this one said so far, if there is room for one more.
    fn of(&mut self, source: IpAddr) -> Option<&mut Heard> {
        let index = self.heard.iter().position(|heard| heard.source == source).or_else(|| {
            let is_room = self.heard.len() < MAX_RESPONDERS;
            is_room.then(|| {
                self.heard.push(Heard { source, records: Vec::new(), addresses: Vec::new() });
                self.heard.len().saturating_sub(1)
            })
        });
        self.heard.get_mut(index?)
    }
}

fn octets(data: &Data) -> usize {
    match data {
        Data::Txt(rdata) => rdata.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{
        question::{Kind, Manner},
        testing::{Response, question, rdata},
    };

    const NAME: &str = "sn-1._sztp.local";

    fn asked() -> Question {
        question(NAME, Kind::Txt)
    }

    fn responder(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn text(octets: &[u8]) -> Vec<u8> {
        Response::to(&asked(), 0).answer(NAME, rdata::text(octets)).encode()
    }

    fn counts(collector: &Collector<'_>) -> Vec<usize> {
        collector.heard().iter().map(|heard| heard.records.len()).collect()
    }

    #[test]
    fn records_come_in_several_packets_and_belong_to_who_sent_them() {
        let asked = asked();
        let mut collector = Collector::new(&asked);
        for (source, octets) in [(1, &b"ci=1"[..]), (2, b"ci=2"), (1, b"oc=1"), (1, b"ci=1"), (1, b"ov=1")] {
            collector.take(responder(source), &text(octets), Expected::Group);
        }
        assert_eq!(counts(&collector), [3, 1]);
        assert_eq!(collector.into_heard()[1].source, responder(2));
    }

    #[test]
    fn what_is_no_answer_is_not_taken() {
        let asked = asked();
        let mut collector = Collector::new(&asked);
        let other = Response::to(&asked, 0).answer("sn-2._sztp.local", rdata::text(b"ci=1")).encode();
        let goodbye = Response::to(&asked, 0).goodbye(NAME, rdata::text(b"ci=1")).encode();
        let failed = Response::to(&asked, 0).answer(NAME, rdata::text(b"ci=1")).code(2).encode();
        for packet in [other, goodbye, failed, asked.encode(0, Manner::Multicast), b"junk".to_vec()] {
            collector.take(responder(1), &packet, Expected::Group);
        }
        assert_eq!(counts(&collector), [0; 0]);
    }

    /// RFC 6762 §6.7.
    #[test]
    fn a_reply_to_another_port_must_repeat_id_and_question() {
        let asked = asked();
        let mut collector = Collector::new(&asked);
        let reply = |id, question: &Question| Response::to(question, id).answer(NAME, rdata::text(b"ci=1")).encode();
        let expected = Expected::Reply { id: 7 };
        collector.take(responder(1), &reply(8, &asked), expected);
        collector.take(responder(1), &reply(7, &question("other.local", Kind::Txt)), expected);
        assert_eq!(counts(&collector), [0; 0]);
        collector.take(responder(1), &reply(7, &asked), expected);
        assert_eq!(counts(&collector), [1]);
    }

    #[test]
    fn addresses_are_taken_for_names_of_the_link_only() {
        let asked = question("_sztp._tcp.local", Kind::Srv);
        let mut collector = Collector::new(&asked);
        let packet = Response::to(&asked, 0)
            .answer("_sztp._tcp.local", rdata::server(0, 443, "boot.local"))
            .additional("boot.local", rdata::address("192.0.2.9"))
            .additional("boot.LOCAL", rdata::address("2001:db8::9"))
            .additional("sztp.example.net", rdata::address("192.0.2.66"))
            .additional("notlocal", rdata::address("192.0.2.67"))
            .encode();
        collector.take(responder(1), &packet, Expected::Group);
        let addresses: Vec<_> = collector.heard()[0].addresses.iter().map(|(_, address)| address.to_string()).collect();
        assert_eq!(addresses, ["192.0.2.9", "2001:db8::9"]);
    }

    #[test]
    fn nobody_can_fill_the_memory() {
        let asked = asked();
        let mut collector = Collector::new(&asked);
        for number in 0..100_u8 {
            collector.take(responder(1), &text(&[number; 8000]), Expected::Group);
            collector.take(responder(2), &text(&[b'x', number]), Expected::Group);
        }
        assert_eq!(counts(&collector), [8, 32]);
        for number in 0..100 {
            collector.take(responder(number), &text(b"ci=1"), Expected::Group);
        }
        assert_eq!(collector.heard().len(), MAX_RESPONDERS);
    }
}
