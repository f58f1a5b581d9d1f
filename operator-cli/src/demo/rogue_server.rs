//! The planted rogue server: TLS from a CA nobody knows, and unsigned onboarding information for whoever asks.
//!
//! It speaks just enough HTTP/1.1 for a device to ask it, and answers as an attacker would: at once, and with what the
//! device hopes for.

use std::{net::SocketAddr, sync::Arc};

use authority::{CertificateAuthority, CertificateSerial, Kind, Profile, Subject};
use conveyed_info::{
    BootstrappingData, Encoding,
    information::{Configuration, ConfigurationHandling, OnboardingInformation, Script},
    make,
    rpc::{BootstrappingAnswer, HOST_META, ReportingLevel, YANG_DATA_JSON},
};
use pki::{
    key::{FileKey, Signer, random},
    time::Timestamp,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::commands::Failure;

/// The rogue, until it is dropped.
pub(super) struct RogueServer {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for RogueServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RogueServer {
    pub(super) async fn start(now: Timestamp) -> Result<Self, Failure> {
        let acceptor = TlsAcceptor::from(Arc::new(tls(now)?));
        let answer = Arc::new(answer()?);
        let socket = TcpListener::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
                tokio::spawn(async move {
                    // A device that hangs up is what this server is there to see.
                    let _ended = serve(acceptor, stream, &answer).await;
                });
            }
        });
        Ok(Self { address, task })
    }
}

fn tls(now: Timestamp) -> Result<ServerConfig, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Demo(error.to_string());
    let key = || FileKey::generate_p256().map_err(|error| failed(&error));
    let serial = || random().map(CertificateSerial).map_err(|error| failed(&error));
    let ca = CertificateAuthority::new_root("Totally Trustworthy CA", Box::new(key()?), serial()?, now)
        .map_err(|error| failed(&error))?;
    let own = key()?;
    let subject = Subject::named("bootstrap server").reached_by(&["127.0.0.1".to_owned()]);
    let certificate = ca
        .issue(&Profile::of(Kind::TlsServer), &subject, own.public_key(), serial()?, now)
        .map_err(|error| failed(&error))?;
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.pkcs8_der().to_vec()));
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| failed(&error))
}

fn answer() -> Result<Vec<u8>, Failure> {
    let information = OnboardingInformation {
        pre_configuration_script: Some(Script(b"#!/bin/sh\necho owned > owned\n".to_vec())),
        configuration: Some(Configuration {
            handling: ConfigurationHandling::Replace,
            content: br#"{"admin-password":"rogue"}"#.to_vec(),
        }),
        ..OnboardingInformation::default()
    };
    let data = make::unsigned_conveyed_information(&information.into(), make::Style::default())
        .map(BootstrappingData::Unsigned)
        .map_err(|error| Failure::Demo(error.to_string()))?;
    Ok(BootstrappingAnswer { reporting_level: ReportingLevel::Verbose, data }.encode(Encoding::Json))
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    /// Requests are small; what is longer is not from our devices.
    const MAX_REQUEST: u64 = 64 * 1024;
    let stream = acceptor.accept(stream).await?;
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader.take(MAX_REQUEST));
    let mut line = String::new();
    while reader.read_line(&mut line).await? > 0 {
        let discovery = line.contains(HOST_META);
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line).await? <= 2 {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        tokio::io::copy(&mut (&mut reader).take(length), &mut tokio::io::sink()).await?;
        let head = if discovery {
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()
        } else {
            let length = answer.len();
            format!("HTTP/1.1 200 OK\r\nContent-Type: {YANG_DATA_JSON}\r\nContent-Length: {length}\r\n\r\n")
        };
        writer.write_all(head.as_bytes()).await?;
        if !discovery {
            writer.write_all(answer).await?;
        }
        writer.flush().await?;
        line.clear();
    }
    Ok(())
}
