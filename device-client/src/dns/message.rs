//! DNS messages as they are read (RFC 1035 §4.1).
//!
//! What is read may come from anybody: it is bounded in records and in the work that each name costs, and whatever is
//! not a message is refused as a whole.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use conveyed_info::discovery::dns::{Name, SrvRecord};

use super::{
    error::MessageError,
    question::{INTERNET, Kind, Question, TOP_BIT, TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_SRV, TYPE_TXT},
    reader::Reader,
};

/// Most records of all sections together that are read.
pub const MAX_RECORDS: usize = 256;

/// Most questions that are read. A message has one.
const MAX_QUESTIONS: usize = 8;

const FLAG_RESPONSE: u16 = 0x8000;
const MASK_OPERATION: u16 = 0x7800;
const FLAG_TRUNCATED: u16 = 0x0200;
const MASK_CODE: u16 = 0x000f;

/// What an answer says on the whole (RFC 1035 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseCode(pub u8);

impl ResponseCode {
    /// It worked; there may be records.
    pub const NO_ERROR: Self = Self(0);
    /// The server does not understand the question.
    pub const FORMAT_ERROR: Self = Self(1);
    /// The name does not exist.
    pub const NO_SUCH_NAME: Self = Self(3);
    /// The server does not know how.
    pub const NOT_IMPLEMENTED: Self = Self(4);
}

/// A message, as far as it concerns a device. What else it holds has been checked for its form and left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which question it belongs to.
    pub id: u16,
    /// Whether it answers, rather than asks.
    pub is_response: bool,
    /// Whether something did not fit (RFC 1035 §4.1.1).
    pub is_truncated: bool,
    /// What it says on the whole.
    pub code: ResponseCode,
    /// The questions it repeats: name and type. Only those of the Internet's class.
    pub questions: Vec<(Name, u16)>,
    /// The records that answer.
    pub answers: Vec<Record>,
    /// The records that may be of use beside them.
    pub additional: Vec<Record>,
}

/// A record of a kind that a device knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Under which name it stands.
    pub name: Name,
    /// For how many seconds it holds. In multicast DNS, 0 takes a record back (RFC 6762 §10.1).
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// RDATA of a TXT record, as it came.
    Txt(Vec<u8>),
    /// A server, its target uncompressed.
    Srv(SrvRecord),
    /// An address.
    Address(IpAddr),
    /// The name is another one's alias.
    Alias(Name),
}

impl Data {
    /// The address, if it is one.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            _ => None,
        }
    }

    const fn is_of(&self, kind: Kind) -> bool {
        match self {
            Self::Txt(_) => matches!(kind, Kind::Txt),
            Self::Srv(_) => matches!(kind, Kind::Srv),
            Self::Address(IpAddr::V4(_)) => matches!(kind, Kind::A),
            Self::Address(IpAddr::V6(_)) => matches!(kind, Kind::Aaaa),
            Self::Alias(_) => false,
        }
    }
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(octets: &[u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(octets);
        let id = reader.number()?;
        let flags = reader.number()?;
        let [questions, answers, authority, additional] =
            [reader.number()?, reader.number()?, reader.number()?, reader.number()?].map(usize::from);
        let records = answers.saturating_add(authority).saturating_add(additional);
        if questions > MAX_QUESTIONS || records > MAX_RECORDS {
            return Err(MessageError::TooManyRecords { count: questions.saturating_add(records) });
        }
        if flags & MASK_OPERATION != 0 {
            return Err(MessageError::Operation);
        }
        let code = u8::try_from(flags & MASK_CODE).unwrap_or_default();
        Ok(Self {
            id,
            is_response: flags & FLAG_RESPONSE != 0,
            is_truncated: flags & FLAG_TRUNCATED != 0,
            code: ResponseCode(code),
            questions: section(&mut reader, questions, question)?,
            answers: section(&mut reader, answers, record)?,
            additional: {
                section(&mut reader, authority, record)?;
                section(&mut reader, additional, record)?
            },
        })
    }

    /// Whether this is the answer to `question`, asked with this id: nothing else is taken from a resolver (RFC 5452
    /// §4.2, §9.1).
    #[must_use]
    pub fn answers_to(&self, question: &Question, id: u16) -> bool {
        let is_the_one =
            |(name, number): &(Name, u16)| name.is_same_as(&question.name) && *number == question.kind.number();
        self.is_response && self.id == id && matches!(self.questions.as_slice(), [only] if is_the_one(only))
    }

    /// What stands under the name asked for, or under the one it is an alias of, within this message (RFC 1034 §3.6.2).
    #[must_use]
    pub fn records_for(&self, question: &Question) -> Vec<&Record> {
        /// Longest chain of aliases that is followed.
        const MAX_ALIASES: usize = 8;
        let mut name = &question.name;
        for _ in 0..=MAX_ALIASES {
            let under = || self.answers.iter().filter(|record| record.name.is_same_as(name));
            let found: Vec<_> = under().filter(|record| record.data.is_of(question.kind)).collect();
            if !found.is_empty() {
                return found;
            }
            let alias = under().find_map(|record| match &record.data {
                Data::Alias(target) => Some(target),
                _ => None,
            });
            let Some(target) = alias else { break };
            name = target;
        }
        Vec::new()
    }

    /// Every address in the message, with the name it belongs to.
    pub fn addresses(&self) -> impl Iterator<Item = (&Name, IpAddr)> {
        self.answers.iter().chain(&self.additional).filter_map(|record| {
            let address = record.data.address()?;
            Some((&record.name, address))
        })
    }
}

fn section<T>(
    reader: &mut Reader<'_>,
    count: usize,
    read: fn(&mut Reader<'_>) -> Result<Option<T>, MessageError>,
) -> Result<Vec<T>, MessageError> {
    (0..count).filter_map(|_| read(reader).transpose()).collect()
}

fn question(reader: &mut Reader<'_>) -> Result<Option<(Name, u16)>, MessageError> {
    let (name, number, class) = (reader.name()?, reader.number()?, reader.number()?);
    Ok((class & !TOP_BIT == INTERNET).then_some((name, number)))
}

/// The next record; `None` for one that means nothing to a device.
fn record(reader: &mut Reader<'_>) -> Result<Option<Record>, MessageError> {
    let (name, number, class) = (reader.name()?, reader.number()?, reader.number()?);
    let [high, low] = [reader.number()?, reader.number()?].map(u32::from);
    let ttl = high << 16 | low;
    let length = reader.number()?;
    let mut rdata = reader.part(length.into())?;
    if class & !TOP_BIT != INTERNET {
        return Ok(None);
    }
    let data = match number {
        TYPE_TXT => Data::Txt(rdata.rest().to_vec()),
        TYPE_A => Data::Address(Ipv4Addr::from(rdata.octets::<4>()?).into()),
        TYPE_AAAA => Data::Address(Ipv6Addr::from(rdata.octets::<16>()?).into()),
        TYPE_CNAME => Data::Alias(rdata.name()?),
        // RFC 6762 §18.14: multicast DNS may compress the target, which RFC 2782 forbids elsewhere.
        TYPE_SRV => Data::Srv(SrvRecord {
            priority: rdata.number()?,
            weight: rdata.number()?,
            port: rdata.number()?,
            target: rdata.name()?,
        }),
        _ => return Ok(None),
    };
    match rdata.rest().len() {
        0 => Ok(Some(Record { name, ttl, data })),
        length => Err(MessageError::TrailingOctets { length }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dns::{
        question::Manner,
        testing::{Response, question, rdata},
    };

    #[test]
    fn dns_09_what_was_asked_for_is_found_under_any_spelling_and_through_aliases() {
        let asked = question("SN-1._sztp.example.net", Kind::Txt);
        let octets = Response::to(&asked, 7)
            .answer("sn-1._SZTP.example.NET", rdata::alias("a.example.net"))
            .answer("b.example.net", rdata::text(b"ci=1"))
            .answer("a.example.net", rdata::alias("b.example.net"))
            .answer("c.example.net", rdata::text(b"ci=2"))
            .encode();
        let message = Message::decode(&octets).unwrap();
        assert!(message.answers_to(&asked, 7));
        let found: Vec<_> = message.records_for(&asked).into_iter().map(|record| &record.data).collect();
        assert_eq!(found, [&Data::Txt(b"\x04ci=1".to_vec())]);
        assert!(message.records_for(&question("SN-1._sztp.example.net", Kind::Srv)).is_empty());
    }

    #[test]
    fn aliases_in_a_circle_lead_nowhere() {
        let asked = question("a", Kind::Txt);
        let octets = Response::to(&asked, 7).answer("a", rdata::alias("b")).answer("b", rdata::alias("a")).encode();
        assert!(Message::decode(&octets).unwrap().records_for(&asked).is_empty());
    }

    #[test]
    fn only_the_answer_to_the_very_question_counts() {
        let asked = question("sn-1.example", Kind::Txt);
        let answers = |octets: Vec<u8>| Message::decode(&octets).unwrap().answers_to(&asked, 7);
        assert!(answers(Response::to(&asked, 7).encode()));
        assert!(answers(Response::to(&question("SN-1.Example", Kind::Txt), 7).encode()));
        assert!(!answers(Response::to(&asked, 8).encode()));
        assert!(!answers(Response::to(&question("sn-2.example", Kind::Txt), 7).encode()));
        assert!(!answers(Response::to(&question("sn-1.example", Kind::Srv), 7).encode()));
        // A question, such as our own, which a broken network may give back.
        assert!(!answers(asked.encode(7, Manner::Resolver)));
        let mut without_question = Response::to(&asked, 7).encode();
        without_question.truncate(12);
        without_question[5] = 0;
        assert!(!answers(without_question));
    }

    #[test]
    fn the_target_of_a_server_may_be_compressed() {
        let asked = question("_sztp._tcp.local", Kind::Srv);
        // The target `a`, then a pointer to `local` within the question.
        let octets = Response::to(&asked, 0)
            .answer_raw("_sztp._tcp.local", Kind::Srv, b"\0\x01\0\x02\x01\xbb\x01a\xc0\x17")
            .encode();
        let message = Message::decode(&octets).unwrap();
        let target = "a.local".parse().unwrap();
        let expected = SrvRecord { priority: 1, weight: 2, port: 443, target };
        assert_eq!(message.answers[0].data, Data::Srv(expected));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let asked = question("a", Kind::A);
        let decoded = |octets: &[u8]| Message::decode(octets).unwrap_err();
        assert_eq!(decoded(b""), MessageError::Truncated);
        let good = Response::to(&asked, 7).answer("a", rdata::address("192.0.2.1")).encode();
        for length in 0..good.len() {
            assert_eq!(decoded(&good[..length]), MessageError::Truncated, "{length}");
        }
        let raw = |kind, rdata: &[u8]| Response::to(&asked, 7).answer_raw("a", kind, rdata).encode();
        assert_eq!(decoded(&raw(Kind::A, &[1; 5])), MessageError::TrailingOctets { length: 1 });
        assert_eq!(decoded(&raw(Kind::Aaaa, &[1; 15])), MessageError::Truncated);
        assert_eq!(decoded(&raw(Kind::Srv, b"\0\0\0\0\0\x01\x01")), MessageError::Truncated);
        let mut flood = Response::to(&asked, 7).encode();
        flood[6..8].copy_from_slice(&257_u16.to_be_bytes());
        assert_eq!(decoded(&flood), MessageError::TooManyRecords { count: 258 });
        let mut notify = Response::to(&asked, 7).encode();
        notify[2] |= 0x20;
        assert_eq!(decoded(&notify), MessageError::Operation);
    }

    #[test]
    fn records_of_other_classes_and_types_are_left_out() {
        let asked = question("a", Kind::A);
        let mut octets = Response::to(&asked, 7).answer("a", rdata::address("192.0.2.1")).encode();
        let class = octets.len() - 4 - 2 - 4 - 1;
        octets[class] = 3;
        assert_eq!(Message::decode(&octets).unwrap().answers, []);
        octets[class] = 1;
        assert_eq!(Message::decode(&octets).unwrap().answers.len(), 1);
        // Another type.
        octets[class - 2] = 99;
        assert_eq!(Message::decode(&octets).unwrap().answers, []);
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            drop(Message::decode(&octets));
        }

        /// A valid message with any octets changed, so that counts, lengths and pointers go wrong one by one.
        #[test]
        fn no_change_makes_the_reader_panic(changes in proptest::collection::vec((0_usize..200, any::<u8>()), 0..8)) {
            let asked = question("_sztp._tcp.local", Kind::Srv);
            let mut octets = Response::to(&asked, 0)
                .answer_raw("_sztp._tcp.local", Kind::Srv, b"\0\x01\0\x02\x01\xbb\x01a\xc0\x17")
                .answer("sn-1", rdata::text(b"ci=1"))
                .answer("a.local", rdata::address("2001:db8::1"))
                .answer("b.local", rdata::alias("a.local"))
                .encode();
            for (place, octet) in changes {
                let length = octets.len();
                octets[place % length] = octet;
            }
            if let Ok(message) = Message::decode(&octets) {
                prop_assert!(message.records_for(&asked).len() <= MAX_RECORDS);
            }
        }

        #[test]
        fn a_question_reads_back(labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 1..8), id: u16) {
            let asked = Question::new(Name::new(labels).unwrap(), Kind::Txt);
            for manner in [Manner::Resolver, Manner::PlainResolver, Manner::Multicast, Manner::MulticastUnicastReply] {
                let message = Message::decode(&asked.encode(id, manner)).unwrap();
                prop_assert_eq!((message.id, message.is_response), (id, false));
                prop_assert_eq!(message.questions, vec![(asked.name.clone(), 16)]);
            }
        }
    }
}
