//! Answers made by hand, for tests.

use std::net::IpAddr;

use conveyed_info::discovery::dns::{SrvRecord, TxtRecord};

use super::question::{Kind, Question};

pub(crate) fn question(name: &str, kind: Kind) -> Question {
    Question::new(name.parse().unwrap(), kind)
}

/// An answer that grows record by record.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    head: Vec<u8>,
    answers: Vec<Vec<u8>>,
    additional: Vec<Vec<u8>>,
}

/// RDATA with the number of its type.
pub(crate) struct Rdata(u16, Vec<u8>);

/// What records say.
pub(crate) mod rdata {
    use super::*;

    /// A TXT record of these octets.
    pub(crate) fn text(octets: &[u8]) -> Rdata {
        Rdata(16, TxtRecord::from_strings(octets.chunks(255)).unwrap().rdata())
    }

    pub(crate) fn alias(target: &str) -> Rdata {
        Rdata(5, question(target, Kind::A).name.to_wire())
    }

    pub(crate) fn address(text: &str) -> Rdata {
        match text.parse().unwrap() {
            IpAddr::V4(address) => Rdata(1, address.octets().to_vec()),
            IpAddr::V6(address) => Rdata(28, address.octets().to_vec()),
        }
    }

    pub(crate) fn server(priority: u16, port: u16, target: &str) -> Rdata {
        let record = SrvRecord { priority, weight: 0, port, target: target.parse().unwrap() };
        Rdata(33, record.rdata())
    }
}

impl Response {
    /// An answer that repeats its question and says nothing yet.
    pub(crate) fn to(question: &Question, id: u16) -> Self {
        let mut head = [id, 0x8400].into_iter().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        head.extend(question.name.to_wire());
        head.extend([question.kind.number(), 1].into_iter().flat_map(u16::to_be_bytes));
        Self { head, answers: Vec::new(), additional: Vec::new() }
    }

    pub(crate) fn code(mut self, code: u8) -> Self {
        self.head[3] |= code;
        self
    }

    pub(crate) fn truncated(mut self) -> Self {
        self.head[2] |= 2;
        self
    }

    pub(crate) fn answer(self, name: &str, Rdata(number, rdata): Rdata) -> Self {
        self.with_answer(name, number, &rdata)
    }

    pub(crate) fn answer_raw(self, name: &str, kind: Kind, rdata: &[u8]) -> Self {
        self.with_answer(name, kind.number(), rdata)
    }

    fn with_answer(mut self, name: &str, number: u16, rdata: &[u8]) -> Self {
        self.answers.push(record(name, number, rdata, 60));
        self
    }

    pub(crate) fn additional(mut self, name: &str, Rdata(number, rdata): Rdata) -> Self {
        self.additional.push(record(name, number, &rdata, 60));
        self
    }

    /// A record that is taken back (RFC 6762 §10.1).
    pub(crate) fn goodbye(mut self, name: &str, Rdata(number, rdata): Rdata) -> Self {
        self.answers.push(record(name, number, &rdata, 0));
        self
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let (start, question) = self.head.split_at(4);
        let counts = [1, self.answers.len(), 0, self.additional.len()];
        let counts = counts.into_iter().flat_map(|count| u16::try_from(count).unwrap().to_be_bytes());
        let mut message = start.to_vec();
        message.extend(counts);
        message.extend(question);
        message.extend(self.answers.iter().chain(&self.additional).flatten());
        message
    }
}

fn record(name: &str, number: u16, rdata: &[u8], ttl: u16) -> Vec<u8> {
    let length = u16::try_from(rdata.len()).unwrap();
    let fields = [number, 1, 0, ttl, length].into_iter().flat_map(u16::to_be_bytes);
    question(name, Kind::A).name.to_wire().into_iter().chain(fields).chain(rdata.iter().copied()).collect()
}
