//! DNS messages as a device reads them: bounded, and nothing but what was asked for comes out.
#![no_main]

use conveyed_info::discovery::dns::{Name, SrvRecord};
use device_client::dns::{
    message::{Data, MAX_RECORDS, Message},
    question::{Kind, Manner, Question},
};
use fuzz::Seed;

fuzz::target!(seeds, check);

const KINDS: [Kind; 4] = [Kind::A, Kind::Aaaa, Kind::Txt, Kind::Srv];
const MANNERS: [Manner; 4] =
    [Manner::Resolver, Manner::PlainResolver, Manner::Multicast, Manner::MulticastUnicastReply];

fn asked() -> Question {
    Question::new("_sztp._tcp.local".parse().expect("a name"), Kind::Srv)
}

/// Questions, and an answer whose names are compressed.
fn seeds() -> Vec<Seed> {
    let mut answer = asked().encode(0, Manner::Multicast);
    answer[2] = 0x84;
    answer[7] = 4;
    // Each under a pointer to the question's name: a server at `a.local`, a text, an alias, and the server's address.
    answer.extend(b"\xc0\x0c\0\x21\x80\x01\0\0\0\x78\0\x0a\0\x01\0\x02\x01\xbb\x01a\xc0\x17");
    answer.extend(b"\xc0\x0c\0\x10\0\x01\0\0\0\x78\0\x06\x05ci=0\0");
    answer.extend(b"\xc0\x0c\0\x05\0\x01\0\0\0\x78\0\x04\x01b\xc0\x17");
    answer.extend(b"\x01a\xc0\x17\0\x1c\0\x01\0\0\0\x78\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01");
    let mut seeds: Vec<Seed> = MANNERS.into_iter().map(|manner| asked().encode(7, manner)).collect();
    seeds.push(answer);
    seeds
}

fn check(bytes: &[u8]) {
    let Ok(message) = Message::decode(bytes) else { return };
    assert!(message.answers.len() + message.additional.len() <= MAX_RECORDS);
    for record in message.answers.iter().chain(&message.additional) {
        readable(&record.name);
        match &record.data {
            // What was compressed in its message can stand alone.
            Data::Srv(server) => assert_eq!(SrvRecord::from_rdata(&server.rdata()).as_ref(), Ok(server)),
            Data::Alias(name) => readable(name),
            Data::Txt(_) | Data::Address(_) => {}
        }
    }
    let names = message.answers.iter().map(|record| &record.name);
    for name in names.chain(message.questions.iter().map(|(name, _)| name)).take(16) {
        for kind in KINDS {
            let question = Question::new(name.clone(), kind);
            let found = message.records_for(&question);
            assert!(found.iter().all(|record| is_of(&record.data, kind)));
            for manner in MANNERS {
                let again = Message::decode(&question.encode(message.id, manner)).expect("a question");
                assert_eq!(again.questions, [(name.clone(), kind.number())]);
                assert!(!again.answers_to(&question, message.id));
            }
        }
    }
}

fn is_of(data: &Data, kind: Kind) -> bool {
    match data {
        Data::Txt(_) => kind == Kind::Txt,
        Data::Srv(_) => kind == Kind::Srv,
        Data::Address(address) => kind == if address.is_ipv4() { Kind::A } else { Kind::Aaaa },
        Data::Alias(_) => false,
    }
}

fn readable(name: &Name) {
    let wire = name.to_wire();
    assert!(wire.len() <= Name::MAXIMUM);
    assert_eq!(Name::from_wire(&wire).map(|(read, rest)| (read, rest.len())), Ok((name.clone(), 0)));
}
