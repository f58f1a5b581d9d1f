//! What the server sends out, through a proxy that many networks have.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{fs, sync::Arc};

use authority::OwnerParty;
use bootstrap_server::outward::http::{ConnectFailed, Endpoint, Outbound, OutboundSection, TunnelFailed};
use interop_tests::{need, site::now, tinyproxy::Proxy};
use pki::certificate::Certificate;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

/// A server in TLS; gives its port and how it is trusted.
async fn receiver() -> (u16, Arc<ClientConfig>) {
    let party = OwnerParty::new("Receiver", &["receiver.example".to_owned()], now()).unwrap();
    let chain = party.tls_chain.iter().map(|it| it.der().to_vec().into()).collect();
    let key = PrivateKeyDer::from_pem_slice(party.tls_key.to_pem().as_bytes()).unwrap();
    let provider = Arc::new(default_provider());
    let config =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let kept = acceptor.accept(stream).await;
                std::future::pending::<()>().await;
                drop(kept);
            });
        }
    });
    let mut roots = RootCertStore::empty();
    party.tls_anchor().iter().map(Certificate::der).for_each(|der| roots.add(der.to_vec().into()).unwrap());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    (port, Arc::new(client.with_root_certificates(roots).with_no_client_auth()))
}

#[test]
fn a_tunnel_through_tinyproxy_leads_to_the_server_that_was_meant() {
    let tinyproxy = need!("tinyproxy");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("credentials"), "ada:secret\n").unwrap();
    fs::write(folder.path().join("wrong"), "ada:guessed\n").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (port, trusting) = receiver().await;
        let proxy = Proxy::start(tinyproxy.path(), folder.path(), port);
        let outbound = |credentials: Option<&str>, no_proxy: &[&str]| {
            let section = OutboundSection {
                proxy: Some(format!("http://127.0.0.1:{}", proxy.port())),
                credentials: credentials.map(Into::into),
                no_proxy: Some(no_proxy.iter().map(|name| (*name).to_owned()).collect()),
            };
            Outbound::load(&section, folder.path(), |_| None).unwrap()
        };
        // This machine, by a name that only the proxy takes for it: whoever is named as what it is is reached directly.
        let endpoint = |port, name: &'static str| Endpoint {
            host: "127.1".to_owned(),
            port,
            tls: Some((ServerName::try_from(name).unwrap(), Arc::clone(&trusting))),
        };
        let there = endpoint(port, "receiver.example");
        outbound(Some("credentials"), &[]).connect(&there).await.unwrap();
        let refused = |failed: ConnectFailed| match failed {
            ConnectFailed::Proxy(TunnelFailed::Refused { status, .. }) => status,
            other => panic!("{other}"),
        };
        for credentials in [None, Some("wrong")] {
            let status = refused(outbound(credentials, &[]).connect(&there).await.unwrap_err());
            assert!([401, 407].contains(&status), "{status}");
        }
        let elsewhere = endpoint(port.wrapping_add(1), "receiver.example");
        assert_eq!(refused(outbound(Some("credentials"), &[]).connect(&elsewhere).await.unwrap_err()), 403);
        // The proxy is in between, and cannot be taken for the server.
        let other = endpoint(port, "somebody-else.example");
        let failed = outbound(Some("credentials"), &[]).connect(&other).await.unwrap_err();
        assert!(matches!(failed, ConnectFailed::Unreachable(_)), "{failed}");
        // Without credentials, and past the proxy.
        outbound(None, &["127.1"]).connect(&there).await.unwrap();
    });
}
