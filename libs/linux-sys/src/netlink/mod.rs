//! Talking to the kernel about networks over rtnetlink: one question, its answers; and hearing that something changed.

use std::{
    io::{self, Read},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};

use self::message::{Request, error_of, kind, messages};

mod changes;
pub mod message;

pub use changes::{take_changes, watch_changes};

/// `AF_NETLINK`, and in it `NETLINK_ROUTE`.
const NETLINK: i32 = 16;
const ROUTE: i32 = 0;

/// Longest datagram that the kernel answers with.
const DATAGRAM: usize = 64 * 1024;

/// Most datagrams read for one question.
const DATAGRAMS: usize = 64;

/// Every question is the first of its socket.
const SEQUENCE: u32 = 1;

/// Everything the kernel lists: kind and body of each message.
///
/// # Errors
/// What the kernel says of the question; [`io::ErrorKind::InvalidData`] when its answer has no end.
pub fn dump(request: &Request) -> io::Result<Vec<(u16, Vec<u8>)>> {
    converse(&request.to_dump(SEQUENCE), Ends::WithItsLast)
}

/// The one thing that was asked for, and `None` when the kernel has no such thing.
///
/// # Errors
/// What the kernel says of the question.
pub fn ask(request: &Request) -> io::Result<Option<Vec<u8>>> {
    match converse(&request.to_question(SEQUENCE), Ends::WithItsFirst) {
        Ok(answers) => Ok(answers.into_iter().next().map(|(_, body)| body)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Has the kernel change something.
///
/// # Errors
/// What the kernel says of the change.
pub fn change(request: &Request) -> io::Result<()> {
    converse(&request.to_change(SEQUENCE), Ends::WithItsLast).map(|_| ())
}

/// Which message is the last of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    WithItsFirst,
    WithItsLast,
}

fn converse(question: &[u8], ends: Ends) -> io::Result<Vec<(u16, Vec<u8>)>> {
    // A socket that is bound to nothing and sends to nobody in particular talks to the kernel, and nobody else does to it.
    let mut socket = Socket::new(Domain::from(NETLINK), Type::RAW, Some(Protocol::from(ROUTE)))?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    if socket.send(question)? != question.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    let mut answers = Vec::new();
    let mut datagram = vec![0; DATAGRAM];
    for _ in 0..DATAGRAMS {
        let length = socket.read(&mut datagram)?;
        for message in messages(datagram.get(..length).unwrap_or_default()) {
            match message.kind {
                _ if message.sequence != SEQUENCE => {}
                kind::DONE => return Ok(answers),
                kind::ERROR => {
                    return match error_of(message.body).ok_or(io::ErrorKind::InvalidData)? {
                        0 => Ok(answers),
                        number => Err(io::Error::from_raw_os_error(number.saturating_neg())),
                    };
                }
                other => {
                    answers.push((other, message.body.to_vec()));
                    if ends == Ends::WithItsFirst {
                        return Ok(answers);
                    }
                }
            }
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_its_loopback_and_no_stranger() {
        let links = dump(&Request::new(kind::GET_LINK, &message::LinkHeader::default().encode())).unwrap();
        let names = links.iter().filter_map(|(_, body)| {
            message::attribute_of(message::LinkHeader::decode(body)?.1, message::attribute::LINK_NAME)
        });
        assert!(names.into_iter().any(|name| name == b"lo\0"));

        let header = message::NeighbourHeader { family: 2, index: 1, state: 0 };
        let question = Request::new(kind::GET_NEIGHBOUR, &header.encode());
        let question = question.with(message::attribute::NEIGHBOUR_ADDRESS, &[192, 0, 2, 77]);
        assert_eq!(ask(&question).unwrap(), None);
    }

    #[test]
    fn what_the_kernel_refuses_is_an_error() {
        let header = message::LinkHeader { index: 0x7fff_fff0, flags: message::UP, change: message::UP, kind: 0 };
        assert!(change(&Request::new(kind::NEW_LINK, &header.encode())).is_err());
    }
}
