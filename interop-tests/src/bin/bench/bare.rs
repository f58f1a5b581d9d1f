//! The reference: nothing but rustls and a socket, in a process of its own as the server is.
//!
//! Every request is a head of eight octets: how many octets follow, and how many are to be answered.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use interop_tests::{
    lab::program,
    site::{self, Site},
};
use pki::{certificate::Certificate, key::FileKey};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The word that makes this program the reference.
pub(crate) const WORD: &str = "bare-server";

/// The reference, running.
pub(crate) struct BareServer {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl BareServer {
    /// Starts it with the site's certificate, for the site's devices.
    pub(crate) fn start(site: &Site) -> Self {
        site.write("device-anchors.pem", site::pem(site.maker.device_anchors()).as_bytes());
        let mut child = Command::new(program("bench"))
            .arg(WORD)
            .arg(site.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().parse().unwrap() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A request to the reference: with `length` octets in all, answered with `answer` octets.
pub(crate) fn request(length: usize, answer: usize) -> Vec<u8> {
    let rest = length.saturating_sub(HEAD);
    let mut request = Vec::from(u32::try_from(rest).unwrap().to_be_bytes());
    request.extend(u32::try_from(answer).unwrap().to_be_bytes());
    request.resize(HEAD + rest, b'.');
    request
}

const HEAD: usize = 8;

/// Serves until it is killed.
pub(crate) fn serve(folder: &Path) {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let certificates = |name: &str| Certificate::chain_from_pem(&read(name)).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for anchor in certificates("device-anchors.pem") {
        roots.add(CertificateDer::from(anchor.der().to_vec())).unwrap();
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let chain = certificates("server.pem").iter().map(|it| CertificateDer::from(it.der().to_vec())).collect();
    let key = FileKey::from_pem(&read("server.key")).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                converse(acceptor.accept(stream).await?).await
            });
        }
    });
}

async fn converse(mut stream: TlsStream<tokio::net::TcpStream>) -> std::io::Result<()> {
    let mut octets = Vec::new();
    loop {
        let (rest, answer) = (stream.read_u32().await?, stream.read_u32().await?);
        octets.resize(usize::try_from(rest.max(answer)).unwrap(), b'.');
        stream.read_exact(&mut octets[..usize::try_from(rest).unwrap()]).await?;
        stream.write_all(&octets[..usize::try_from(answer).unwrap()]).await?;
        stream.flush().await?;
    }
}
