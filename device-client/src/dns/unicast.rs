//! Asking name servers (RFC 1035 §4.2; RFC 5452).

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use pki::key;

use super::{
    error::MessageError,
    message::{Message, ResponseCode},
    question::{Manner, Question, UDP_SIZE},
};
use crate::env::linux::stream::DeadlineStream;

/// How long the first try waits; each round of tries waits twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How long an answer over TCP may take in all.
const TCP_WAIT: Duration = Duration::from_secs(5);

/// Why a server gave no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// Nothing came in time.
    #[error("no answer")]
    Unanswered,
    /// What came is no message.
    #[error("the answer: {0}")]
    Malformed(#[from] MessageError),
    /// The answer that came over TCP belongs to another question.
    #[error("the answer belongs to another question")]
    AnotherQuestion,
    /// The server says that it cannot or will not answer.
    #[error("the server answers with code {}", .0.0)]
    Code(ResponseCode),
    /// It cannot be reached.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is no randomness, without which anybody could answer in the server's place.
    #[error("no random number")]
    Entropy,
}

/// What one server said.
#[derive(Debug)]
pub struct Said {
    /// Which server.
    pub server: SocketAddr,
    /// Its answer, or why there is none. A name without records is an answer.
    pub answer: Result<Message, AskError>,
}

/// Asks all of `servers`, one after the other, for at most `patience`.
///
/// Servers may know different things, and some may lie, so that an answer of one does not keep the others from being asked.
/// Those that are silent are asked again, in rounds that wait longer and longer, until somebody gave records. Each server
/// is in the result, in the order given.
#[must_use]
pub fn ask(servers: &[SocketAddr], question: &Question, patience: Duration) -> Vec<Said> {
    let deadline = Instant::now() + patience;
    let silent = |server: &SocketAddr| Said { server: *server, answer: Err(AskError::Unanswered) };
    let mut said: Vec<Said> = servers.iter().map(silent).collect();
    let is_open = |it: &Said| matches!(it.answer, Err(AskError::Unanswered));
    let is_found = |it: &Said| it.answer.as_ref().is_ok_and(|message| !message.records_for(question).is_empty());
    let mut wait = FIRST_WAIT;
    loop {
        for entry in said.iter_mut().filter(|it| is_open(it)) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return said;
            }
            entry.answer = ask_once(entry.server, question, left, wait.min(left));
        }
        if said.iter().any(is_found) || !said.iter().any(is_open) {
            return said;
        }
        wait = wait.saturating_mul(2);
    }
}

/// One question over UDP, and what follows from its answer.
fn ask_once(server: SocketAddr, question: &Question, left: Duration, wait: Duration) -> Result<Message, AskError> {
    let mut message = over_udp(server, question, Manner::Resolver, wait)?;
    // RFC 6891 §7: a server that knows no extensions may say so in this way.
    if matches!(message.code, ResponseCode::FORMAT_ERROR | ResponseCode::NOT_IMPLEMENTED) {
        message = over_udp(server, question, Manner::PlainResolver, wait)?;
    }
    // RFC 1035 §4.2.1, RFC 7766 §5 (DNS-12): what was cut off comes whole over TCP.
    if message.is_truncated {
        message = over_tcp(server, question, TCP_WAIT.min(left))?;
    }
    match message.code {
        ResponseCode::NO_ERROR | ResponseCode::NO_SUCH_NAME => Ok(message),
        code => Err(AskError::Code(code)),
    }
}

fn random_id() -> Result<u16, AskError> {
    key::random().map(u16::from_be_bytes).map_err(|_| AskError::Entropy)
}

fn over_udp(server: SocketAddr, question: &Question, manner: Manner, wait: Duration) -> Result<Message, AskError> {
    let deadline = Instant::now() + wait;
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    // RFC 5452 §9.2: a port of its own for every question, and nothing from anybody but the server that was asked.
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    let id = random_id()?;
    socket.send(&question.encode(id, manner))?;
    let mut datagram = vec![0; usize::from(UDP_SIZE).saturating_mul(4)];
    let mut malformed = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(malformed.map_or(AskError::Unanswered, AskError::Malformed));
        }
        socket.set_read_timeout(Some(left))?;
        match socket.recv(&mut datagram) {
            Ok(length) => match Message::decode(datagram.get(..length).unwrap_or_default()) {
                Ok(message) if message.answers_to(question, id) => return Ok(message),
                // Somebody else's, or a late one: the right one may still come.
                Ok(_) => {}
                Err(error) => malformed = Some(error),
            },
            Err(error) if is_time_out(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

fn over_tcp(server: SocketAddr, question: &Question, limit: Duration) -> Result<Message, AskError> {
    let mut stream = DeadlineStream::connect(server, limit)?;
    let id = random_id()?;
    let request = question.encode(id, Manner::PlainResolver);
    // RFC 1035 §4.2.2: a length of two octets before each message; RFC 7766 §8: both in one segment.
    let length = u16::try_from(request.len()).unwrap_or_default();
    stream.write_all(&[&length.to_be_bytes()[..], &request].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer)?;
    let message = Message::decode(&answer)?;
    if message.answers_to(question, id) { Ok(message) } else { Err(AskError::AnotherQuestion) }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;
    use crate::dns::{
        message::Data,
        question::Kind,
        testing::{Response, question, rdata},
    };

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A name server that answers each datagram with what `answers` gives, and everything over TCP with `whole`. Both
    /// threads end with the process.
    fn serve(
        mut answers: impl FnMut(Message) -> Vec<Vec<u8>> + Send + 'static,
        whole: impl Fn(Message) -> Vec<u8> + Send + 'static,
    ) -> SocketAddr {
        // The port is to be free for both.
        let (socket, listener) = std::iter::repeat_with(|| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let listener = TcpListener::bind(socket.local_addr().unwrap());
            (socket, listener)
        })
        .find_map(|(socket, listener)| Some((socket, listener.ok()?)))
        .unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut datagram = [0; 2000];
            while let Ok((length, from)) = socket.recv_from(&mut datagram) {
                for answer in answers(Message::decode(&datagram[..length]).unwrap()) {
                    socket.send_to(&answer, from).unwrap();
                }
            }
        });
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut request = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut request).unwrap();
                let answer = whole(Message::decode(&request).unwrap());
                let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                // In two pieces: a stream has no borders.
                stream.write_all(&length).unwrap();
                drop(stream.write_all(&answer));
            }
        });
        address
    }

    fn asked() -> Question {
        question("sn-1._sztp.example.net", Kind::Txt)
    }

    fn texts(said: &Said) -> Vec<Vec<u8>> {
        let message = said.answer.as_ref().unwrap();
        let text = |data: &Data| match data {
            Data::Txt(rdata) => rdata[1..].to_vec(),
            other => panic!("{other:?}"),
        };
        message.records_for(&asked()).into_iter().map(|record| text(&record.data)).collect()
    }

    fn one(text: &'static [u8]) -> impl Fn(Message) -> Vec<Vec<u8>> + Send + 'static {
        move |query| vec![Response::to(&asked(), query.id).answer("sn-1._sztp.example.net", rdata::text(text)).encode()]
    }

    fn no_tcp(_: Message) -> Vec<u8> {
        panic!("nobody was to ask over TCP")
    }

    #[test]
    fn dns_12_an_answer_that_is_cut_off_is_fetched_over_tcp() {
        let server = serve(
            |query| vec![Response::to(&asked(), query.id).truncated().encode()],
            |query| {
                let response = Response::to(&asked(), query.id);
                response.answer("sn-1._sztp.example.net", rdata::text(&[b'x'; 60_000])).encode()
            },
        );
        let said = ask(&[server], &asked(), PATIENCE);
        let Data::Txt(rdata) = &said[0].answer.as_ref().unwrap().answers[0].data else { panic!() };
        assert_eq!(rdata.len(), 60_000 + 60_000_usize.div_ceil(255));
    }

    #[test]
    fn an_answer_over_tcp_must_be_to_the_question_too() {
        let truncated = |query: Message| vec![Response::to(&asked(), query.id).truncated().encode()];
        let other = serve(truncated, |query| Response::to(&asked(), query.id.wrapping_add(1)).encode());
        let junk = serve(truncated, |_| b"junk".to_vec());
        let said = ask(&[other, junk], &asked(), PATIENCE);
        assert!(matches!(said[0].answer, Err(AskError::AnotherQuestion)), "{said:?}");
        assert!(matches!(said[1].answer, Err(AskError::Malformed(_))), "{said:?}");
    }

    #[test]
    fn only_the_answer_with_this_id_and_this_question_is_taken() {
        let server = serve(
            |query| {
                let name = "sn-1._sztp.example.net";
                let forged = Response::to(&asked(), query.id.wrapping_add(1)).answer(name, rdata::text(b"forged"));
                let elsewhere =
                    Response::to(&question("other", Kind::Txt), query.id).answer(name, rdata::text(b"other"));
                let genuine = Response::to(&asked(), query.id).answer(name, rdata::text(b"genuine"));
                vec![b"junk".to_vec(), forged.encode(), elsewhere.encode(), genuine.encode()]
            },
            no_tcp,
        );
        assert_eq!(texts(&ask(&[server], &asked(), PATIENCE)[0]), [b"genuine"]);
    }

    #[test]
    fn only_the_server_that_was_asked_is_heard() {
        let bystander = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut datagram = [0; 2000];
            let (length, from) = socket.recv_from(&mut datagram).unwrap();
            let id = Message::decode(&datagram[..length]).unwrap().id;
            let answer = |text| Response::to(&asked(), id).answer("sn-1._sztp.example.net", rdata::text(text)).encode();
            // Knows the id, which no stranger does; the address alone gives it away.
            bystander.send_to(&answer(b"bystander"), from).unwrap();
            socket.send_to(&answer(b"server"), from).unwrap();
        });
        assert_eq!(texts(&ask(&[server], &asked(), PATIENCE)[0]), [b"server"]);
    }

    #[test]
    fn every_server_is_asked_and_a_lost_question_is_asked_again() {
        let mut lost = 1;
        let forgetful = serve(
            move |query| {
                lost -= 1;
                if lost >= 0 { Vec::new() } else { one(b"late")(query) }
            },
            no_tcp,
        );
        let missing = serve(|query| vec![Response::to(&asked(), query.id).code(3).encode()], no_tcp);
        let broken = serve(|query| vec![Response::to(&asked(), query.id).code(2).encode()], no_tcp);
        let said = ask(&[missing, broken, forgetful], &asked(), PATIENCE);
        assert_eq!(texts(&said[0]), Vec::<Vec<u8>>::new());
        assert!(matches!(said[1].answer, Err(AskError::Code(ResponseCode(2)))), "{said:?}");
        assert_eq!(texts(&said[2]), [b"late"]);
    }

    #[test]
    fn whoever_gives_records_ends_the_waiting_for_the_silent() {
        let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let good = serve(one(b"here"), no_tcp);
        let begun = Instant::now();
        let said = ask(&[silent.local_addr().unwrap(), good], &asked(), Duration::from_secs(60));
        assert!(matches!(said[0].answer, Err(AskError::Unanswered)), "{said:?}");
        assert_eq!(texts(&said[1]), [b"here"]);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_server_that_knows_no_extensions_is_asked_without() {
        let mut asked_before = 0;
        let server = serve(
            move |query| {
                asked_before += 1;
                match asked_before {
                    1 => vec![Response::to(&asked(), query.id).code(1).encode()],
                    _ => one(b"plain")(query),
                }
            },
            no_tcp,
        );
        assert_eq!(texts(&ask(&[server], &asked(), PATIENCE)[0]), [b"plain"]);
    }

    #[test]
    fn silence_and_closed_ports_end_in_time() {
        let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let begun = Instant::now();
        let said = ask(&[closed, silent.local_addr().unwrap()], &asked(), Duration::from_millis(300));
        assert!(matches!(said[0].answer, Err(AskError::Io(_))), "{said:?}");
        assert!(matches!(said[1].answer, Err(AskError::Unanswered)), "{said:?}");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
