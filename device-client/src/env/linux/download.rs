//! Downloading a boot image (RFC 8572 §5.6; SEC-11).

use std::{
    io::{Read, Write},
    net::SocketAddr,
    sync::Arc,
};

use rustls::ClientConfig;
use verdict::{Digest, ReasonCode, Refusal};

use super::{
    names,
    network::{Secured, USER_AGENT, handshake},
    stream::DeadlineStream,
};
use crate::{
    apply::{image::ImageStore, staged::Staged},
    config::Limits,
    http::{Connection, Framing, HttpError, HttpUri, RequestHead},
    machine::Downloaded,
    sources::Learned,
    storage,
};

/// Anything that reads and writes.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// Downloads to the staging place, going on where an earlier download of the same digest stopped.
pub(super) fn fetch(
    uri: &str,
    expected: Option<&Digest>,
    images: &ImageStore,
    tls: &Arc<ClientConfig>,
    limits: &Limits,
    learned: &Learned,
) -> Result<Downloaded, Refusal> {
    images.receive(expected, |staged| transfer(&target(uri)?, staged, tls, limits, learned))
}

/// SEC-11: only http and https; the image itself is verified, so the server need not be (CLI-61).
fn target(text: &str) -> Result<HttpUri, Refusal> {
    let refuse = || Refusal::new(ReasonCode::ImageUnreachable, format!("{text}: not an http or https URI"));
    HttpUri::parse(text).ok_or_else(refuse)
}

fn transfer(
    target: &HttpUri,
    staged: &mut Staged,
    tls: &Arc<ClientConfig>,
    limits: &Limits,
    learned: &Learned,
) -> Result<(), Refusal> {
    let refuse =
        |detail: String| Refusal::new(ReasonCode::ImageUnreachable, format!("{}: {detail}", target.authority()));
    let mut last = refuse("no address".to_owned());
    let addresses = names::resolve(target.host(), target.port(), learned).map_err(|refusal| refuse(refusal.detail))?;
    for ip in addresses {
        let address = (ip, target.port()).into();
        let stream = match connect(target, address, tls, limits) {
            Ok(stream) => stream,
            Err(refusal) => {
                last = refuse(refusal.detail);
                continue;
            }
        };
        return match exchange(target, stream, staged, limits.image_octets)? {
            Exchanged::Whole => Ok(()),
            // RFC 9110 §15.5.17: the file is longer than the image, or no part of this one. Once more, from nothing.
            Exchanged::RangeRefused => {
                staged.restart().map_err(|error| storage::refusal("the staged image".as_ref(), &error))?;
                match exchange(target, connect(target, address, tls, limits)?, staged, limits.image_octets)? {
                    Exchanged::Whole => Ok(()),
                    Exchanged::RangeRefused => Err(refuse("status 416 without a range".to_owned())),
                }
            }
        };
    }
    Err(last)
}

fn connect(
    target: &HttpUri,
    address: SocketAddr,
    tls: &Arc<ClientConfig>,
    limits: &Limits,
) -> Result<Box<dyn Stream>, Refusal> {
    if target.is_secure() {
        let Secured { mut stream, .. } = handshake(target.host(), address, tls, limits)?;
        stream.sock.allow(limits.download);
        return Ok(Box::new(stream));
    }
    let refuse = |error: std::io::Error| Refusal::new(ReasonCode::ImageUnreachable, format!("{address}: {error}"));
    let mut stream = DeadlineStream::connect(address, limits.connect).map_err(refuse)?;
    stream.allow(limits.download);
    Ok(Box::new(stream))
}

/// What a request for an image came to.
enum Exchanged {
    /// The file is complete.
    Whole,
    /// The server has nothing behind the octets that are kept.
    RangeRefused,
}

fn exchange(target: &HttpUri, stream: Box<dyn Stream>, staged: &mut Staged, limit: u64) -> Result<Exchanged, Refusal> {
    let refuse =
        |detail: String| Refusal::new(ReasonCode::ImageUnreachable, format!("{}: {detail}", target.authority()));
    let http = |error: HttpError| refuse(error.to_string());
    let local = |error: std::io::Error| storage::refusal("the staged image".as_ref(), &error);
    let from = staged.length();
    let mut fields =
        vec![("Accept", "*/*".to_owned()), ("User-Agent", USER_AGENT.to_owned()), ("Connection", "close".to_owned())];
    if from > 0 {
        fields.push(("Range", format!("bytes={from}-")));
    }
    let mut connection = Connection::new(stream);
    let head = RequestHead { method: "GET", target: target.path(), host: target.authority(), fields: &fields };
    let (head, mut body) = connection.begin(&head, None).map_err(http)?;
    match head.status {
        // RFC 9110 §14.4: the rest, when it begins where the file ends.
        206 if from > 0
            && head.content_range.as_deref().is_some_and(|it| it.starts_with(&format!("bytes {from}-"))) => {}
        200 => staged.restart().map_err(local)?,
        416 => return Ok(Exchanged::RangeRefused),
        status => return Err(refuse(format!("status {status}"))),
    }
    let too_large = || Refusal::new(ReasonCode::ImageTooLarge, format!("more than {limit} octets"));
    if let Framing::Length(rest) = head.framing
        && staged.length().saturating_add(rest) > limit
    {
        staged.restart().map_err(local)?;
        return Err(too_large());
    }
    // SEC-11: what does not fit is not begun, so that nothing else on the device runs out of room.
    if let (Framing::Length(rest), Some(room)) = (head.framing, staged.room().map_err(local)?)
        && rest > room
    {
        staged.restart().map_err(local)?;
        let detail = format!("no storage space: {rest} octets are to come, and there is room for {room}");
        return Err(Refusal::new(ReasonCode::ImageTooLarge, detail));
    }
    while let Some(piece) = body.piece().map_err(http)? {
        let length = staged.length().saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if length > limit {
            staged.restart().map_err(local)?;
            return Err(too_large());
        }
        staged.append(&piece).map_err(local)?;
    }
    Ok(Exchanged::Whole)
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        thread::{self, JoinHandle},
    };

    use pki::digest::sha256;

    use super::*;
    use crate::storage::LinuxDisk;

    /// Answers one request with each of `answers`, and gives back the requests.
    fn serve(answers: Vec<Vec<u8>>) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}/image.fit?x=1", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            answers
                .into_iter()
                .map(|answer| {
                    let (mut peer, _) = listener.accept().unwrap();
                    let mut request = Vec::new();
                    let mut piece = [0; 1024];
                    while !request.ends_with(b"\r\n\r\n") {
                        let length = peer.read(&mut piece).unwrap();
                        request.extend_from_slice(&piece[..length]);
                    }
                    peer.write_all(&answer).unwrap();
                    String::from_utf8(request).unwrap()
                })
                .collect()
        });
        (uri, server)
    }

    fn tls() -> Arc<ClientConfig> {
        crate::tls::anonymous_client_config().unwrap()
    }

    fn store() -> (tempfile::TempDir, ImageStore) {
        let folder = tempfile::tempdir().unwrap();
        let images = ImageStore::open(Arc::new(LinuxDisk), folder.path()).unwrap();
        (folder, images)
    }

    #[test]
    fn a_download_that_was_cut_off_fetches_only_the_rest() {
        let image = b"0123456789".to_vec();
        let digest = sha256(&image);
        let (_folder, images) = store();
        let limits = Limits::default();
        let (uri, server) = serve(vec![
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123".to_vec(),
            b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789".to_vec(),
        ]);
        let refusal = fetch(&uri, Some(&digest), &images, &tls(), &limits, &Learned::default()).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::ImageUnreachable);
        let done = fetch(&uri, Some(&digest), &images, &tls(), &limits, &Learned::default()).unwrap();
        assert_eq!((done.sha256, done.length, done.resumed_from), (sha256(&image), 10, 4));
        let requests = server.join().unwrap();
        assert!(requests[0].starts_with("GET /image.fit?x=1 HTTP/1.1\r\n") && !requests[0].contains("Range"));
        assert!(requests[1].contains("Range: bytes=4-\r\n"), "{}", requests[1]);
        // Complete already: nobody is asked.
        assert_eq!(fetch(&uri, Some(&digest), &images, &tls(), &limits, &Learned::default()).unwrap().resumed_from, 10);
    }

    #[test]
    fn a_server_that_starts_over_replaces_what_was_kept() {
        let image = b"abcdef".to_vec();
        let (_folder, images) = store();
        images.stage(Some(&sha256(&image))).unwrap().append(b"xyz").unwrap();
        let (uri, server) = serve(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef".to_vec()]);
        let done =
            fetch(&uri, Some(&sha256(&image)), &images, &tls(), &Limits::default(), &Learned::default()).unwrap();
        assert_eq!((done.sha256, done.resumed_from), (sha256(&image), 0));
        server.join().unwrap();
    }

    #[test]
    fn octets_that_the_server_does_not_have_are_dropped_and_all_is_fetched_again() {
        let image = b"abc".to_vec();
        let (_folder, images) = store();
        images.stage(Some(&sha256(&image))).unwrap().append(b"wxyz").unwrap();
        let (uri, server) = serve(vec![
            b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n".to_vec(),
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_vec(),
        ]);
        let done = fetch(&uri, Some(&sha256(&image)), &images, &tls(), &Limits::default(), &Learned::default());
        assert_eq!(done.unwrap().sha256, sha256(&image));
        let requests = server.join().unwrap();
        assert!(requests[0].contains("Range: bytes=4-") && !requests[1].contains("Range"), "{requests:?}");
    }

    #[test]
    fn an_image_that_is_announced_as_too_large_is_not_begun() {
        let (_folder, images) = store();
        let limits = Limits { image_octets: 1000, ..Limits::default() };
        // The server closes after the header: without the look ahead, the image would be cut off and not too large.
        let (uri, server) = serve(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n".to_vec()]);
        let refusal = fetch(&uri, None, &images, &tls(), &limits, &Learned::default()).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::ImageTooLarge);
        server.join().unwrap();
    }

    #[test]
    fn sec_11_an_image_that_does_not_fit_is_not_begun() {
        let (folder, images) = store();
        let limits = Limits { image_octets: u64::MAX, ..Limits::default() };
        let (uri, server) =
            serve(vec![format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nimage", 1_u64 << 60).into_bytes()]);
        let refusal = fetch(&uri, Some(&sha256(b"image")), &images, &tls(), &limits, &Learned::default()).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::ImageTooLarge);
        assert!(refusal.detail.contains("room"), "{}", refusal.detail);
        let stored = std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().metadata().unwrap().len());
        assert_eq!(stored.sum::<u64>(), 0);
        server.join().unwrap();
    }

    #[test]
    fn sec_11_size_and_scheme_are_bounded() {
        let (_folder, images) = store();
        let limits = Limits { image_octets: 5, ..Limits::default() };
        let (uri, server) = serve(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef".to_vec()]);
        let refusal = fetch(&uri, None, &images, &tls(), &limits, &Learned::default()).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::ImageTooLarge);
        server.join().unwrap();
        for uri in ["file:///etc/passwd", "gopher://x/", "ftp://x/y", "/relative", "https://user@host/", "http:///x"] {
            let refusal = fetch(uri, None, &images, &tls(), &limits, &Learned::default()).unwrap_err();
            assert_eq!(refusal.reason, ReasonCode::ImageUnreachable, "{uri}");
        }
    }
}
