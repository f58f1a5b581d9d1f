//! A server with an operator listener, and three users: `ada` is admin, `otto` operator, `vera` viewer.

use std::time::SystemTime;

use audit_log::UnixMillis;
use bootstrap_server::{
    RunningServer,
    api::TokenSecret,
    audit::Event,
    backup::Restorable,
    domain::{Actor, Role, Token, TokenId, User, UserName},
    store::{Batch, Store},
};
use pki::key::SystemEntropy;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::support::{Site, connect_to, connector};

pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) server: RunningServer,
    secrets: Vec<(&'static str, TokenSecret)>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Header lines in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl World {
    /// Starts a server on whose list these devices are.
    pub(crate) async fn new(serials: &[&str]) -> Self {
        let site = Site::new();
        site.edit(
            "[owner]",
            "[operator-listener]\nlisten = '127.0.0.1:0'\ncertificate = 'server.pem'\nkey = 'server.key'\n[owner]",
        );
        let store = site.store().await;
        site.register(&store, serials).await;
        let mut secrets = Vec::new();
        for (name, role) in [("ada", Role::Admin), ("otto", Role::Operator), ("vera", Role::Viewer)] {
            let user = User { name: UserName::new(name).unwrap(), role };
            let secret = TokenSecret::generate(&mut SystemEntropy).unwrap();
            let token = token(&format!("t-{name}"), &user.name, &secret, None);
            let batch = Batch::from(Event::UserChanged { user }).and(Event::TokenCreated { token });
            store.commit(batch.by(Actor::Console)).await.unwrap();
            secrets.push((name, secret));
        }
        store.close().await;
        let server = bootstrap_server::start(site.config()).await.unwrap();
        Self { site, server, secrets }
    }

    /// Stops the server and starts it again on what it left.
    pub(crate) async fn restarted(self) -> Self {
        let Self { site, server, secrets } = self;
        server.stop().await;
        let server = bootstrap_server::start(site.config()).await.unwrap();
        Self { site, server, secrets }
    }

    /// Stops the server and starts it again on a new database, restored from `backup`.
    pub(crate) async fn restored(self, backup: &[u8]) -> Self {
        let Self { site, server, secrets } = self;
        server.stop().await;
        let config = site.config();
        for suffix in ["", "-wal", "-shm"] {
            let mut path = config.database.file().unwrap().as_os_str().to_owned();
            path.push(suffix);
            let _not_there = std::fs::remove_file(path);
        }
        site.write("backup", backup);
        let restorable = Restorable::check(&site.path("backup"), Some(config.checkpoint_key.verifier()), None).unwrap();
        restorable.restore(&config.database, &config.checkpoint_key, None).await.unwrap();
        // A restoration revokes every token: what is looked at here is how the same people go on.
        let store = site.store().await;
        for (name, secret) in &secrets {
            let token = token(&format!("again-{name}"), &UserName::new(*name).unwrap(), secret, None);
            store.commit(Event::TokenCreated { token }.into()).await.unwrap();
        }
        store.close().await;
        let server = bootstrap_server::start(site.config()).await.unwrap();
        Self { site, server, secrets }
    }

    pub(crate) fn secret(&self, user: &str) -> &str {
        self.secrets.iter().find(|(name, _)| *name == user).unwrap().1.reveal()
    }

    pub(crate) async fn connection(&self) -> TlsStream<TcpStream> {
        connect_to(self.server.operator_address().unwrap(), &connector(None)).await.unwrap()
    }

    /// A request by one of the users, and its answer.
    pub(crate) async fn ask(&self, user: &str, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let headers = format!("authorization: Bearer {}\r\n{headers}", self.secret(user));
        self.ask_with(method, path, &headers, body).await
    }

    /// A request with these headers and nothing else.
    pub(crate) async fn ask_with(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let mut stream = self.connection().await;
        send(&mut stream, method, path, headers, body).await;
        receive(stream).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("vera", "GET", path, "", "").await
    }

    /// A JSON request by the operator.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Reply {
        self.ask("otto", method, path, JSON, &body.to_string()).await
    }

    /// How many leaves the log has.
    pub(crate) async fn leaves(&self) -> u64 {
        self.get("/v1/status").await.json()["log"]["leaves"].as_u64().unwrap()
    }
}

pub(crate) const JSON: &str = "content-type: application/json\r\n";

pub(crate) fn token(id: &str, user: &UserName, secret: &TokenSecret, expires: Option<UnixMillis>) -> Token {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let created = UnixMillis(u64::try_from(now.as_millis()).unwrap());
    Token { id: TokenId::new(id).unwrap(), user: user.clone(), digest: secret.digest(), created, expires }
}

pub(crate) async fn send(stream: &mut TlsStream<TcpStream>, method: &str, path: &str, headers: &str, body: &str) {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

/// Reads an answer to the end of its connection.
pub(crate) async fn receive(mut stream: TlsStream<TcpStream>) -> Reply {
    let mut octets = Vec::new();
    // An end without TLS's own goodbye is the peer's way to cut a body that nobody wanted.
    let _end = stream.read_to_end(&mut octets).await;
    parsed(&octets)
}

pub(crate) fn parsed(octets: &[u8]) -> Reply {
    let end = octets.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| {
        panic!("no header in {:?}", String::from_utf8_lossy(octets));
    });
    let head = String::from_utf8(octets[..end].to_vec()).unwrap().to_ascii_lowercase();
    let body = &octets[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { dechunked(body) } else { body.to_vec() };
    Reply { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body }
}

/// RFC 9112 §7.1, as far as it has come.
pub(crate) fn dechunked(mut octets: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = octets.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&octets[..end]).unwrap(), 16).unwrap();
        let start = end + 2;
        if size == 0 || octets.len() < start + size + 2 {
            break;
        }
        body.extend_from_slice(&octets[start..start + size]);
        octets = &octets[start + size + 2..];
    }
    body
}
