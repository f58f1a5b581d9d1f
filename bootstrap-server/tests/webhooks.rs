//! Receivers of events: in TLS, in order, signed, with the keys of a completion (RFC 8572 Appendix C.3).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod support;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bootstrap_server::{RunningServer, outward::PREFIX};
use operator_api::Notification;
use ring::signature::{ED25519, UnparsedPublicKey};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use support::{DATA, REPORT, Site, connect, connector, exchange, post};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

/// What a receiver was sent.
#[derive(Debug)]
struct Message {
    signature: String,
    position: String,
    body: Vec<u8>,
}

impl Message {
    fn notification(&self) -> Notification {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn event(&self) -> String {
        self.notification().record.body.unwrap()["event"].as_str().unwrap().to_owned()
    }
}

/// A receiver with the certificate of `site`. It answers with the statuses that are given, and then with 204.
async fn receiver(site: &Site, statuses: &'static [u16]) -> (SocketAddr, mpsc::UnboundedReceiver<Message>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = site.owner.tls_chain.iter().map(|it| CertificateDer::from(it.der().to_vec())).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(site.owner.tls_key.pkcs8_der().to_vec()));
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, messages) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut statuses = statuses.iter();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let mut stream = BufReader::new(stream);
            while let Some(message) = read(&mut stream).await {
                let status = statuses.next().copied().unwrap_or(204);
                if status == 204 && sender.send(message).is_err() {
                    return;
                }
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    });
    (address, messages)
}

async fn read(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Message> {
    let (mut signature, mut position, mut length) = (String::new(), String::new(), 0);
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    assert_eq!(line, "POST /hook?a=b HTTP/1.1\r\n");
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "sztp-signature" => signature = value.to_owned(),
            "sztp-position" => position = value.to_owned(),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Message { signature, position, body })
}

async fn next(messages: &mut mpsc::UnboundedReceiver<Message>) -> Message {
    tokio::time::timeout(Duration::from_secs(20), messages.recv()).await.expect("a message comes").unwrap()
}

fn configure(site: &Site, address: SocketAddr, more: &str) {
    let hook =
        format!("[[webhook]]\nname = 'inventory'\nurl = 'https://{address}/hook?a=b'\nca = 'anchor.pem'\n{more}");
    site.edit("[owner]", &format!("{hook}[owner]"));
}

/// A device gets its onboarding information and reports that it is done, with a key.
async fn onboard(site: &Site, server: &RunningServer, serial: &str) {
    let (key, chain) = site.device(serial);
    let mut stream = connect(server, &connector(Some((&key, &chain)))).await.unwrap();
    let input = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;
    assert_eq!(exchange(&mut stream, &post(DATA, input)).await.unwrap().status, 200);
    let key = r#"{"algorithm":"ssh-ed25519","key-data":"AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
    let complete = format!(
        r#"{{"ietf-sztp-bootstrap-server:input":{{"progress-type":"bootstrap-complete",
            "ssh-host-keys":{{"ssh-host-key":[{key}]}}}}}}"#
    );
    assert_eq!(exchange(&mut stream, &post(REPORT, &complete)).await.unwrap().status, 204);
}

#[tokio::test]
async fn srv_18_a_receiver_hears_of_everything_in_order_signed_and_with_keys() {
    let site = Site::new();
    let (address, mut messages) = receiver(&site, &[]).await;
    configure(&site, address, "");
    let server = site.start(&["SN-1"]).await;
    // From now on means from now on: what was there when it was first configured is not told.
    support::until_metric(&server, "sztp_commit_batches_count", 2).await;
    onboard(&site, &server, "SN-1").await;
    let mut events = Vec::new();
    let complete = loop {
        let message = next(&mut messages).await;
        let notification = message.notification();
        assert_eq!(message.position, format!("0/{}", notification.record.leaf));
        events.push((notification.record.leaf, message.event()));
        if message.event() == "progress-reported" {
            break message;
        }
    };
    assert!(events.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "{events:?}");
    assert!(events.iter().any(|(_, event)| event == "answered"));

    let key = pki::key::FileKey::from_pem(&std::fs::read(site.path("audit.key")).unwrap()).unwrap();
    let public = pki::key::Signer::public_key(&key).subject_public_key().to_vec();
    let signed = [PREFIX.as_bytes(), &complete.body].concat();
    let signature = STANDARD.decode(&complete.signature).unwrap();
    let verifier = UnparsedPublicKey::new(&ED25519, public);
    verifier.verify(&signed, &signature).unwrap();
    assert!(verifier.verify(&[&signed[..], b" "].concat(), &signature).is_err());
    let notification = complete.notification();
    assert_eq!(
        (notification.signed_by.as_str(), notification.keys[0].kind.as_str()),
        ("test.example/log", "ssh-ed25519")
    );
    assert!(notification.keys[0].data.starts_with("AAAAC3NzaC1lZDI1NTE5"));
    server.stop().await;
}

#[tokio::test]
async fn srv_18_only_what_was_chosen_is_told_and_a_receiver_that_refuses_is_told_again() {
    let site = Site::new();
    // RFC 9110 §15.4: a receiver that says "elsewhere" has not taken it.
    let (address, mut messages) = receiver(&site, &[503, 302, 401]).await;
    configure(&site, address, "events = ['progress-reported']\n");
    let server = site.start(&["SN-1", "SN-2"]).await;
    support::until_metric(&server, "sztp_commit_batches_count", 2).await;
    for serial in ["SN-1", "SN-2"] {
        onboard(&site, &server, serial).await;
    }
    for serial in ["SN-1", "SN-2"] {
        let body = next(&mut messages).await.notification().record.body.unwrap();
        assert_eq!(
            (body["event"].as_str(), body["device"]["serial-number"].as_str()),
            (Some("progress-reported"), Some(serial))
        );
    }
    server.stop().await;
    assert!(messages.try_recv().is_err(), "nothing was told twice that was confirmed");
    // What was written down at the stop is where it goes on.
    let server = bootstrap_server::start(site.config()).await.unwrap();
    let stored = server.store().delivered("inventory").await.unwrap().unwrap();
    assert!(stored.position.0 > 5);
    onboard(&site, &server, "SN-1").await;
    let body = next(&mut messages).await.notification();
    assert!(body.record.leaf >= stored.position.0);
    server.stop().await;
}

#[tokio::test]
async fn srv_18_a_receiver_that_cannot_show_the_right_certificate_is_told_nothing_and_nobody_waits_for_it() {
    let (site, stranger) = (Site::new(), Site::new());
    let (address, mut messages) = receiver(&stranger, &[]).await;
    configure(&site, address, "");
    let server = site.start(&["SN-1"]).await;
    onboard(&site, &server, "SN-1").await;
    server.stop().await;
    assert!(messages.try_recv().is_err());
}
