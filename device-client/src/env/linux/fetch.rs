//! Fetching what proves itself over plain HTTP: revocation lists and OCSP responses (RFC 5280 §4.2.1.13, RFC 6960
//! appendix A).

use std::net::SocketAddr;

use conveyed_info::verify::EvidenceLocation;
use verdict::{ReasonCode, Refusal};

use super::{network::USER_AGENT, stream::DeadlineStream};
use crate::{
    config::Limits,
    http::{Connection, HttpError, HttpUri, MAX_BODY, RequestHead},
    machine::Fetch,
};

/// Asks each address in turn until one answers, within the limits of an exchange and [`MAX_BODY`] (SEC-04).
pub(super) fn fetch(fetch: &Fetch, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let refuse = |why: &dyn std::fmt::Display| {
        Refusal::new(ReasonCode::RevocationUnchecked, format!("{}: {why}", fetch.place.uri()))
    };
    let uri = HttpUri::parse(fetch.place.uri()).ok_or_else(|| refuse(&"no http URI"))?;
    let mut last = refuse(&"no address");
    for address in &fetch.addresses {
        match exchange(&uri, *address, &fetch.place, limits) {
            Ok((200, body)) => return Ok(body),
            Ok((status, _)) => last = refuse(&format!("status {status}")),
            Err(error) => last = refuse(&format!("{address}: {error}")),
        }
    }
    Err(last)
}

fn exchange(
    uri: &HttpUri,
    address: SocketAddr,
    place: &EvidenceLocation,
    limits: &Limits,
) -> Result<(u16, Vec<u8>), HttpError> {
    let mut stream = DeadlineStream::connect(address, limits.connect)?;
    stream.allow(limits.exchange);
    let common = [("User-Agent", USER_AGENT.to_owned()), ("Connection", "close".to_owned())];
    let (method, fields, body) = match place {
        EvidenceLocation::RevocationList { .. } => ("GET", vec![("Accept", "*/*".to_owned())], None),
        EvidenceLocation::OcspResponder { request, .. } => {
            let typed = |kind: &str| format!("application/ocsp-{kind}");
            let fields = vec![("Accept", typed("response")), ("Content-Type", typed("request"))];
            ("POST", fields, Some(request.as_slice()))
        }
    };
    let fields: Vec<_> = fields.into_iter().chain(common).collect();
    let head = RequestHead { method, target: uri.path(), host: uri.authority(), fields: &fields };
    let (head, body) = Connection::new(stream).exchange(&head, body, MAX_BODY)?;
    Ok((head.status, body))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread::{self, JoinHandle},
        time::Duration,
    };

    use super::*;

    /// Answers one request, and gives back what was asked.
    fn serve(answer: &'static [u8]) -> (SocketAddr, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 1024];
            while !request.windows(4).any(|it| it == b"\r\n\r\n") || request.ends_with(b"Content-Length: 3\r\n\r\n") {
                let length = peer.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..length]);
            }
            peer.write_all(answer).unwrap();
            String::from_utf8(request).unwrap()
        });
        (address, server)
    }

    fn list(addresses: Vec<SocketAddr>) -> Fetch {
        let place = EvidenceLocation::RevocationList { uri: "http://crl.example:8080/a?b".to_owned() };
        Fetch { place, addresses }
    }

    #[test]
    fn sec_04_an_address_that_does_not_answer_well_is_followed_by_the_next() {
        let (first, gone) = serve(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n");
        let (second, answers) = serve(b"HTTP/1.0 200 OK\r\n\r\nlist");
        assert_eq!(fetch(&list(vec![first, second]), &Limits::default()).unwrap(), b"list");
        gone.join().unwrap();
        let request = answers.join().unwrap();
        assert!(request.starts_with("GET /a?b HTTP/1.1\r\nHost: crl.example:8080\r\n"), "{request}");
    }

    #[test]
    fn sec_04_what_is_fetched_is_bounded_in_size_and_time() {
        let (large, server) = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n");
        let refusal = fetch(&list(vec![large]), &Limits::default()).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::RevocationUnchecked);
        assert!(refusal.detail.contains("exceeds"), "{}", refusal.detail);
        server.join().unwrap();
        // Accepted by the kernel, answered by nobody.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let limits = Limits { exchange: Duration::from_millis(100), ..Limits::default() };
        let refusal = fetch(&list(vec![silent.local_addr().unwrap()]), &limits).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::RevocationUnchecked);
    }

    #[test]
    fn sec_04_a_responder_is_asked_by_post() {
        let (address, server) = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let place =
            EvidenceLocation::OcspResponder { uri: "http://ocsp.example/".to_owned(), request: b"ask".to_vec() };
        assert_eq!(fetch(&Fetch { place, addresses: vec![address] }, &Limits::default()).unwrap(), b"ok");
        let request = server.join().unwrap();
        assert!(request.contains("Content-Type: application/ocsp-request\r\n") && request.ends_with("\r\n\r\nask"));
    }
}
