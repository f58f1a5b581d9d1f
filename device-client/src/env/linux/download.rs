//! Downloading a boot image (RFC 8572 §5.6; SEC-11).

use std::{
    io::{Read, Write},
    sync::Arc,
};

use http::Uri;
use rustls::ClientConfig;
use verdict::{ReasonCode, Refusal};

use super::{
    network::{Secured, USER_AGENT, handshake},
    resolve,
    stream::DeadlineStream,
};
use crate::{
    apply::image::{ImageStore, Staged},
    config::Limits,
    http::{Connection, HttpError, RequestHead},
    machine::{Download, Downloaded},
    storage,
};

/// Anything that reads and writes.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// Downloads to the staging place, going on where an earlier download of the same digest stopped.
pub(super) fn fetch(
    download: &Download,
    images: &ImageStore,
    tls: &Arc<ClientConfig>,
    limits: &Limits,
) -> Result<Downloaded, Refusal> {
    let local = |error: std::io::Error| Refusal::new(ReasonCode::StorageFailed, format!("the staged image: {error}"));
    if download.expected.is_none() {
        images.discard_staged().map_err(local)?;
    }
    let mut staged = images.stage(download.expected.as_ref()).map_err(local)?;
    if download.expected != Some(staged.sha256()) {
        let target = Target::parse(&download.uri)?;
        transfer(&target, &mut staged, tls, limits)?;
    }
    staged.complete().map_err(local)?;
    Ok(Downloaded { sha256: staged.sha256(), length: staged.length(), resumed_from: staged.resumed_from() })
}

/// Where a URI leads.
struct Target {
    secure: bool,
    host: String,
    port: u16,
    path: String,
    authority: String,
}

impl Target {
    /// SEC-11: only http and https; the image itself is verified, so the server need not be (CLI-61).
    fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = || Refusal::new(ReasonCode::ImageUnreachable, format!("{text}: not an http or https URI"));
        let uri: Uri = text.parse().map_err(|_| refuse())?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse()),
        };
        let authority = uri.authority().ok_or_else(refuse)?;
        if authority.as_str().contains('@') {
            return Err(refuse());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(refuse());
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        Ok(Self { secure, host, port, path, authority: authority.as_str().to_owned() })
    }
}

fn transfer(target: &Target, staged: &mut Staged, tls: &Arc<ClientConfig>, limits: &Limits) -> Result<(), Refusal> {
    let refuse = |detail: String| Refusal::new(ReasonCode::ImageUnreachable, format!("{}: {detail}", target.authority));
    let mut last = refuse("no address".to_owned());
    let addresses = resolve(&target.host, target.port).map_err(|refusal| refuse(refusal.detail))?;
    for ip in addresses {
        let address = (ip, target.port).into();
        let stream: Result<Box<dyn Stream>, Refusal> = if target.secure {
            handshake(&target.host, address, tls, limits).map(|Secured { mut stream, .. }| {
                stream.sock.allow(limits.download);
                let boxed: Box<dyn Stream> = Box::new(stream);
                boxed
            })
        } else {
            DeadlineStream::connect(address, limits.connect)
                .map(|mut stream| {
                    stream.allow(limits.download);
                    let boxed: Box<dyn Stream> = Box::new(stream);
                    boxed
                })
                .map_err(|error| refuse(error.to_string()))
        };
        match stream {
            Ok(stream) => return exchange(target, stream, staged, limits.image_octets),
            Err(refusal) => last = refuse(refusal.detail),
        }
    }
    Err(last)
}

fn exchange(target: &Target, stream: Box<dyn Stream>, staged: &mut Staged, limit: u64) -> Result<(), Refusal> {
    let refuse = |detail: String| Refusal::new(ReasonCode::ImageUnreachable, format!("{}: {detail}", target.authority));
    let http = |error: HttpError| refuse(error.to_string());
    let local = |error: std::io::Error| storage::refusal("the staged image".as_ref(), &error);
    let from = staged.length();
    let mut fields =
        vec![("Accept", "*/*".to_owned()), ("User-Agent", USER_AGENT.to_owned()), ("Connection", "close".to_owned())];
    if from > 0 {
        fields.push(("Range", format!("bytes={from}-")));
    }
    let mut connection = Connection::new(stream);
    let head = RequestHead { method: "GET", target: &target.path, host: &target.authority, fields: &fields };
    let (head, mut body) = connection.begin(&head, None).map_err(http)?;
    match head.status {
        // RFC 9110 §14.4: the rest, when it begins where the file ends.
        206 if from > 0
            && head.content_range.as_deref().is_some_and(|it| it.starts_with(&format!("bytes {from}-"))) => {}
        200 => staged.restart().map_err(local)?,
        // The file is longer than the image, or no part of this one: the next try starts from nothing.
        416 => {
            staged.restart().map_err(local)?;
            return Err(refuse("status 416: kept octets do not fit and were dropped".to_owned()));
        }
        status => return Err(refuse(format!("status {status}"))),
    }
    while let Some(piece) = body.piece().map_err(http)? {
        let length = staged.length().saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if length > limit {
            staged.restart().map_err(local)?;
            return Err(Refusal::new(ReasonCode::ImageTooLarge, format!("more than {limit} octets")));
        }
        staged.append(&piece).map_err(local)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        thread::{self, JoinHandle},
    };

    use pki::digest::sha256;

    use super::*;

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
        let key = pki::key::FileKey::generate_p256().unwrap();
        let pair = rcgen::KeyPair::try_from(key.pkcs8_der()).unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap();
        let certificate = pki::certificate::Certificate::from_der(certificate.der()).unwrap();
        crate::tls::client_config(&[certificate], &key).unwrap()
    }

    fn store() -> (tempfile::TempDir, ImageStore) {
        let folder = tempfile::tempdir().unwrap();
        let images = ImageStore::open(folder.path()).unwrap();
        (folder, images)
    }

    #[test]
    fn a_download_that_was_cut_off_fetches_only_the_rest() {
        let image = b"0123456789".to_vec();
        let download = |uri| Download { uri, expected: Some(sha256(&image)) };
        let (_folder, images) = store();
        let limits = Limits::default();
        let (uri, server) = serve(vec![
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123".to_vec(),
            b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789".to_vec(),
        ]);
        let refusal = fetch(&download(uri.clone()), &images, &tls(), &limits).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::ImageUnreachable);
        let done = fetch(&download(uri.clone()), &images, &tls(), &limits).unwrap();
        assert_eq!((done.sha256, done.length, done.resumed_from), (sha256(&image), 10, 4));
        let requests = server.join().unwrap();
        assert!(requests[0].starts_with("GET /image.fit?x=1 HTTP/1.1\r\n") && !requests[0].contains("Range"));
        assert!(requests[1].contains("Range: bytes=4-\r\n"), "{}", requests[1]);
        // Complete already: nobody is asked.
        assert_eq!(fetch(&download(uri), &images, &tls(), &limits).unwrap().resumed_from, 10);
    }

    #[test]
    fn a_server_that_starts_over_replaces_what_was_kept() {
        let image = b"abcdef".to_vec();
        let (_folder, images) = store();
        images.stage(Some(&sha256(&image))).unwrap().append(b"xyz").unwrap();
        let (uri, server) = serve(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef".to_vec()]);
        let download = Download { uri, expected: Some(sha256(&image)) };
        let done = fetch(&download, &images, &tls(), &Limits::default()).unwrap();
        assert_eq!((done.sha256, done.resumed_from), (sha256(&image), 0));
        server.join().unwrap();
    }

    #[test]
    fn sec_11_size_and_scheme_are_bounded() {
        let (_folder, images) = store();
        let limits = Limits { image_octets: 5, ..Limits::default() };
        let (uri, server) = serve(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef".to_vec()]);
        let refusal = fetch(&Download { uri, expected: None }, &images, &tls(), &limits).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::ImageTooLarge);
        server.join().unwrap();
        for uri in ["file:///etc/passwd", "gopher://x/", "ftp://x/y", "/relative", "https://user@host/", "http:///x"] {
            let download = Download { uri: uri.to_owned(), expected: None };
            let refusal = fetch(&download, &images, &tls(), &limits).unwrap_err();
            assert_eq!(refusal.reason, ReasonCode::ImageUnreachable, "{uri}");
        }
    }
}
