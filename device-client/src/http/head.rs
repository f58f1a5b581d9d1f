//! Request and answer headers.

use std::time::Duration;

use super::{HttpError, MAX_HEAD};

/// Most header fields of an answer.
const MAX_FIELDS: usize = 96;

/// A request, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The `Host` field: name, and port where it is not the default.
    pub host: &'a str,
    /// Further fields.
    pub fields: &'a [(&'a str, String)],
}

impl RequestHead<'_> {
    /// The request as it goes out. Octets that would end a line early cannot get in: they are left out.
    #[must_use]
    pub fn encode(&self, body: Option<&[u8]>) -> Vec<u8> {
        let clean = |text: &str| text.chars().filter(|it| !it.is_control()).collect::<String>();
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, clean(self.target), clean(self.host));
        for (name, value) in self.fields {
            head.push_str(&format!("{name}: {}\r\n", clean(value)));
        }
        if let Some(body) = body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        bytes
    }
}

/// How long a body is (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// This many octets.
    Length(u64),
    /// In chunks.
    Chunked,
    /// Until the connection closes.
    UntilClose,
}

/// An answer's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// How long the body is.
    pub framing: Framing,
    /// Whether the server closes the connection after this answer.
    pub closes: bool,
    /// The media type without parameters, in lower case.
    pub media_type: Option<String>,
    /// `Retry-After`, where it is given in seconds (RFC 9110 §10.2.3): a date needs a clock that can be believed.
    pub retry_after: Option<Duration>,
    /// `Content-Encoding`, where it is any but `identity` (RFC 9110 §8.4).
    pub content_encoding: Option<String>,
    /// `Content-Range`, as it stands.
    pub content_range: Option<String>,
}

impl Head {
    /// Reads a header that starts at the first octet of `bytes`; `None` while it is incomplete. The second value is
    /// its length.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] for anything that could be framed in two ways, [`HttpError::HeadTooLarge`].
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, HttpError> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        let length = match answer.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() >= MAX_HEAD => return Err(HttpError::HeadTooLarge),
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(HttpError::HeadTooLarge),
            Err(_) => return Err(HttpError::Malformed),
        };
        if length > MAX_HEAD {
            return Err(HttpError::HeadTooLarge);
        }
        let status = answer.code.ok_or(HttpError::Malformed)?;
        let fields = Fields(answer.headers);
        let connection = fields.one("connection")?.unwrap_or_default().to_ascii_lowercase();
        let old = answer.version == Some(0);
        let head = Self {
            status,
            framing: fields.framing(status)?,
            closes: connection.contains("close") || (old && !connection.contains("keep-alive")),
            media_type: fields
                .one("content-type")?
                .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()),
            retry_after: fields.retry_after(),
            content_encoding: fields
                .one("content-encoding")?
                .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
                .map(str::to_owned),
            content_range: fields.one("content-range")?.map(str::to_owned),
        };
        let closes = head.closes || head.framing == Framing::UntilClose;
        Ok(Some((Self { closes, ..head }, length)))
    }
}

struct Fields<'a>(&'a [httparse::Header<'a>]);

impl Fields<'_> {
    /// The value of a field that stands at most once. Repeated fields with one meaning are how requests and answers
    /// get smuggled, so they are refused.
    fn one(&self, name: &str) -> Result<Option<&str>, HttpError> {
        let mut values = self.0.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        let Some(first) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(HttpError::Malformed);
        }
        std::str::from_utf8(first.value).map(|value| Some(value.trim())).map_err(|_| HttpError::Malformed)
    }

    /// One that cannot be read is as good as none: it says nothing about the answer.
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.one("retry-after").ok()??;
        let digits = !seconds.is_empty() && seconds.bytes().all(|octet| octet.is_ascii_digit());
        digits.then(|| Duration::from_secs(seconds.parse().unwrap_or(u64::MAX)))
    }

    fn framing(&self, status: u16) -> Result<Framing, HttpError> {
        // RFC 9112 §6.3: these never have a body.
        if (100..200).contains(&status) || matches!(status, 204 | 304) {
            return Ok(Framing::Length(0));
        }
        match (self.one("transfer-encoding")?, self.one("content-length")?) {
            (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            // RFC 9112 §6.1: both at once, or a coding nobody asked for.
            (Some(_), _) => Err(HttpError::Malformed),
            (None, Some(digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map(Framing::Length).map_err(|_| HttpError::Malformed)
            }
            (None, Some(_)) => Err(HttpError::Malformed),
            (None, None) => Ok(Framing::UntilClose),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Option<(Head, usize)>, HttpError> {
        Head::parse(text.as_bytes())
    }

    #[test]
    fn a_header_says_how_long_its_body_is() {
        let framing = |fields: &str| parse(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).unwrap().unwrap().0.framing;
        assert_eq!(framing("Content-Length: 12\r\n"), Framing::Length(12));
        assert_eq!(framing("transfer-encoding: Chunked\r\n"), Framing::Chunked);
        assert_eq!(framing(""), Framing::UntilClose);
        let (head, _) = parse("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n").unwrap().unwrap();
        assert_eq!(head.framing, Framing::Length(0));
    }

    #[test]
    fn what_can_be_framed_in_two_ways_is_refused() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 99999999999999999999999\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
        ] {
            let result = parse(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
            assert!(matches!(result, Err(HttpError::Malformed)), "{fields}");
        }
    }

    #[test]
    fn header_size_is_bounded() {
        let huge = format!("HTTP/1.1 200 OK\r\nX: {}", "a".repeat(MAX_HEAD));
        assert!(matches!(parse(&huge), Err(HttpError::HeadTooLarge)));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(MAX_FIELDS + 1));
        assert!(matches!(parse(&many), Err(HttpError::HeadTooLarge)));
        assert!(parse("HTTP/1.1 200 OK\r\nX: y\r\n").unwrap().is_none());
    }

    #[test]
    fn media_type_and_persistence() {
        let (head, length) =
            parse("HTTP/1.1 200 OK\r\nContent-Type: Application/Yang-Data+JSON; charset=utf-8\r\nConnection: Close\r\nContent-Length: 0\r\n\r\nrest")
                .unwrap()
                .unwrap();
        assert_eq!(head.media_type.as_deref(), Some("application/yang-data+json"));
        assert!(head.closes && length < 150);
        assert!(parse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap().unwrap().0.closes);
        assert!(!parse("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap().unwrap().0.closes);
    }

    #[test]
    fn when_to_come_again_is_read_in_seconds_or_not_at_all() {
        let of = |fields: &str| {
            parse(&format!("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n{fields}\r\n")).unwrap().unwrap().0.retry_after
        };
        assert_eq!(of("retry-after: 17\r\n"), Some(Duration::from_secs(17)));
        assert_eq!(of("Retry-After: 99999999999999999999999\r\n"), Some(Duration::from_secs(u64::MAX)));
        let unreadable = ["-1", "+1", "1.5", "", "Wed, 21 Oct 2026 07:28:00 GMT", "1\r\nRetry-After: 2"];
        assert!(unreadable.iter().all(|value| of(&format!("Retry-After: {value}\r\n")).is_none()));
        assert_eq!(of(""), None);
    }

    #[test]
    fn a_request_cannot_be_split() {
        let fields = [("Range", "bytes=1-\r\nX: y".to_owned())];
        let head = RequestHead { method: "GET", target: "/a\r\nb", host: "h", fields: &fields };
        let text = String::from_utf8(head.encode(None)).unwrap();
        assert_eq!(text, "GET /ab HTTP/1.1\r\nHost: h\r\nRange: bytes=1-X: y\r\n\r\n");
        let post = RequestHead { method: "POST", target: "/", host: "h", fields: &[] }.encode(Some(b"{}"));
        assert!(post.ends_with(b"Content-Length: 2\r\n\r\n{}"));
    }

    proptest! {
        #[test]
        fn no_header_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(Head::parse(&bytes));
        }
    }
}
