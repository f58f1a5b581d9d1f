//! A server's answers, as the device reads them: bounded, and the same however they are cut into packets.
#![no_main]

use std::io::{self, Read, Write};

use device_client::http::{Connection, Head, RequestHead};
use fuzz::Seed;

fuzz::target!(seeds, check);

const LIMIT: u64 = 4096;

fn seeds() -> Vec<Seed> {
    [
        "HTTP/1.1 200 OK\r\nContent-Type: application/yang-data+json\r\nContent-Length: 4\r\n\r\n{ }\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n1\r\ne\r\n0\r\nT: u\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Range: bytes 1-2/3\r\n\r\nuntil the end",
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    ]
    .map(|answer| answer.as_bytes().to_vec())
    .into()
}

/// A server that has already said everything, in packets of at most `packet` octets.
struct Server<'a> {
    rest: &'a [u8],
    packet: usize,
}

impl Read for Server<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (now, later) = self.rest.split_at(self.packet.min(buffer.len()).min(self.rest.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.rest = later;
        Ok(now.len())
    }
}

impl Write for Server<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ask(bytes: &[u8], packet: usize) -> Result<(Head, Vec<u8>), String> {
    let mut connection = Connection::new(Server { rest: bytes, packet });
    let request = RequestHead { method: "GET", target: "/", host: "h", fields: &[] };
    connection.exchange(&request, None, LIMIT).map_err(|error| error.to_string())
}

fn check(bytes: &[u8]) {
    if let Ok(Some((_, length))) = Head::parse(bytes) {
        assert!(length <= bytes.len());
    }
    let whole = ask(bytes, usize::MAX);
    if let Ok((_, body)) = &whole {
        assert!(u64::try_from(body.len()).is_ok_and(|length| length <= LIMIT));
    }
    for packet in [1, 7] {
        assert_eq!(ask(bytes, packet).ok(), whole.as_ref().ok().cloned(), "packets of {packet}");
    }
}
