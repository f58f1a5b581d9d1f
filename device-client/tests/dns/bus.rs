//! Just enough of D-Bus to publish records with avahi, which forgets them when whoever published them leaves the bus.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

const SERVICE: &str = "org.freedesktop.Avahi";

/// A record to be published.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) kind: u16,
    pub(crate) rdata: Vec<u8>,
}

/// A connection to the bus, on which records stay published as long as it is held.
pub(crate) struct Bus {
    stream: BufReader<UnixStream>,
    serial: u32,
}

/// Numbers and texts, each aligned to its size.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn number(mut self, number: u32) -> Self {
        self.align(4);
        self.0.extend(number.to_le_bytes());
        self
    }

    fn short(mut self, number: u16) -> Self {
        self.align(2);
        self.0.extend(number.to_le_bytes());
        self
    }

    fn octets(self, octets: &[u8]) -> Self {
        let mut body = self.number(u32::try_from(octets.len()).unwrap());
        body.0.extend(octets);
        body
    }

    fn text(self, text: &str) -> Self {
        let mut body = self.octets(text.as_bytes());
        body.0.push(0);
        body
    }

    /// A field of a message's head: its number and its value with the type before it.
    fn field(mut self, number: u8, kind: u8, text: &str) -> Self {
        self.align(8);
        self.0.extend([number, 1, kind, 0]);
        if kind == b'g' {
            self.0.push(u8::try_from(text.len()).unwrap());
            self.0.extend(text.as_bytes());
            self.0.push(0);
            return self;
        }
        self.text(text)
    }
}

impl Bus {
    /// Joins the bus as soon as there is one.
    pub(crate) fn join(path: &Path) -> Self {
        let deadline = Instant::now() + Duration::from_secs(20);
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "no bus: {error}"),
            }
            thread::sleep(Duration::from_millis(20));
        };
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut bus = Self { stream: BufReader::new(stream), serial: 0 };
        // Who we are, the kernel says.
        bus.stream.get_mut().write_all(b"\0AUTH EXTERNAL\r\nDATA\r\n").unwrap();
        for expected in ["DATA", "OK"] {
            let mut line = String::new();
            bus.stream.read_line(&mut line).unwrap();
            assert!(line.starts_with(expected), "{line}");
        }
        bus.stream.get_mut().write_all(b"BEGIN\r\n").unwrap();
        let own = "org.freedesktop.DBus";
        bus.call(own, "/org/freedesktop/DBus", own, "Hello", "", Body::default()).unwrap();
        bus
    }

    /// Publishes records, and returns when avahi has made sure that nobody else has them.
    pub(crate) fn publish(&mut self, records: &[Record]) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let server = format!("{SERVICE}.Server");
        let group = loop {
            match self.call(SERVICE, "/", &server, "EntryGroupNew", "", Body::default()) {
                Ok(answer) => break text(&answer),
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            thread::sleep(Duration::from_millis(20));
        };
        let interface = format!("{SERVICE}.EntryGroup");
        for Record { name, kind, rdata } in records {
            // Any interface and version of IP; records of one name may be several.
            let body = Body::default().number(u32::MAX).number(u32::MAX).number(0).text(name);
            let body = body.short(1).short(*kind).number(60).octets(rdata);
            self.call(SERVICE, &group, &interface, "AddRecord", "iiusqquay", body).unwrap();
        }
        self.call(SERVICE, &group, &interface, "Commit", "", Body::default()).unwrap();
        while self.call(SERVICE, &group, &interface, "GetState", "", Body::default()).unwrap()[0] != 2 {
            assert!(Instant::now() < deadline, "the records are not established");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Calls a method: the body of its answer, or what the error says.
    fn call(
        &mut self,
        destination: &str,
        path: &str,
        interface: &str,
        member: &str,
        signature: &str,
        Body(body): Body,
    ) -> Result<Vec<u8>, String> {
        self.serial += 1;
        let mut fields = Body::default().field(1, b'o', path).field(2, b's', interface).field(3, b's', member);
        fields = fields.field(6, b's', destination);
        if !signature.is_empty() {
            fields = fields.field(8, b'g', signature);
        }
        let mut message = Body(vec![b'l', 1, 0, 1]).number(u32::try_from(body.len()).unwrap()).number(self.serial);
        // The fields begin at a multiple of eight, as they did alone.
        message = message.octets(&fields.0);
        message.align(8);
        message.0.extend(body);
        self.stream.get_mut().write_all(&message.0).unwrap();
        loop {
            let (kind, body) = self.receive();
            match kind {
                2 => return Ok(body),
                3 => return Err(String::from_utf8_lossy(&body).into_owned()),
                _ => {}
            }
        }
    }

    fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 16];
        self.stream.read_exact(&mut head).unwrap();
        let length = |at: usize| usize::try_from(u32::from_le_bytes(head[at..at + 4].try_into().unwrap())).unwrap();
        let mut fields = vec![0; length(12).next_multiple_of(8)];
        self.stream.read_exact(&mut fields).unwrap();
        let mut body = vec![0; length(4)];
        self.stream.read_exact(&mut body).unwrap();
        (head[1], body)
    }
}

/// The text that a body begins with.
fn text(body: &[u8]) -> String {
    let length = usize::try_from(u32::from_le_bytes(body[..4].try_into().unwrap())).unwrap();
    String::from_utf8(body[4..4 + length].to_vec()).unwrap()
}
