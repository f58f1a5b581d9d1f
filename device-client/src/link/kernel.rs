//! Talking to the kernel: one question, its answers.

use std::{
    io::{self, Read},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};

use super::message::{Request, error_of, kind, messages};

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
pub(super) fn dump(request: &Request) -> io::Result<Vec<(u16, Vec<u8>)>> {
    converse(&request.to_dump(SEQUENCE))
}

/// Has the kernel change something.
pub(super) fn change(request: &Request) -> io::Result<()> {
    converse(&request.to_change(SEQUENCE)).map(|_| ())
}

fn converse(question: &[u8]) -> io::Result<Vec<(u16, Vec<u8>)>> {
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
                other => answers.push((other, message.body.to_vec())),
            }
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}
