//! Whether each listener's port is free, or taken by this very server.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use pki::certificate::Certificate;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Finding;

/// Time for a handshake with whoever has the port.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a port turned out to be.
#[derive(Debug)]
pub(super) enum Port {
    /// Nobody listens.
    Free,
    /// Somebody listens who shows our certificate and has its key.
    Ours,
    /// Somebody else listens.
    Taken,
    /// It takes more rights than this user has.
    Forbidden,
    /// The address is none of this machine's.
    NotHere,
    /// Something else is wrong.
    Unusable(io::Error),
}

impl From<io::Error> for Port {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::Taken,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::AddrNotAvailable => Self::NotHere,
            _ => Self::Unusable(error),
        }
    }
}

/// Tries the port of a TLS listener, whose own certificate is `own`.
pub(super) async fn try_tls(address: SocketAddr, own: Option<&Certificate>) -> Port {
    // Bound and let go at once, without listening: nobody can connect to it meanwhile.
    let taken = match std::net::TcpListener::bind(address) {
        Ok(_) => return Port::Free,
        Err(error) => Port::from(error),
    };
    match (taken, own) {
        (Port::Taken, Some(own)) if shows(address, own).await => Port::Ours,
        (port, _) => port,
    }
}

/// Tries the port of a DHCP server.
pub(super) fn try_udp(address: SocketAddr) -> Port {
    std::net::UdpSocket::bind(address).map_or_else(Port::from, |_| Port::Free)
}

/// Whether who listens at `address` proves to have the key of this certificate.
async fn shows(address: SocketAddr, own: &Certificate) -> bool {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let pinned = Pinned { own: own.der().to_vec(), provider: Arc::clone(&provider) };
    let Ok(config) = ClientConfig::builder_with_provider(provider).with_protocol_versions(rustls::ALL_VERSIONS) else {
        return false;
    };
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(pinned)).with_no_client_auth();
    // Unspecified addresses are those of every interface; loopback is one of them.
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    let handshake = async {
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::from(address.ip()), stream).await
    };
    matches!(tokio::time::timeout(PATIENCE, handshake).await, Ok(Ok(_)))
}

/// Accepts one certificate, octet by octet, and nothing else: names, dates and paths are other findings.
#[derive(Debug)]
struct Pinned {
    own: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if end_entity.as_ref() == self.own {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// `listener` is the table in `sztp.toml`.
pub(super) fn judge(listener: &'static str, address: SocketAddr, port: &Port) -> Finding {
    const CHECK: &str = "port";
    let at = format!("{listener}: {address}");
    let number = address.port();
    match port {
        Port::Free if number == 0 => Finding::warning(
            CHECK,
            format!("{at}: any free port is taken at each start"),
            "Whoever is not redirected here does not know the port.",
            format!("Write a port into {listener}.listen."),
        ),
        Port::Free => Finding::ok(CHECK, format!("{at} is free")),
        Port::Ours => Finding::ok(CHECK, format!("{at} is this server's, which runs")),
        Port::Taken => Finding::failed(
            CHECK,
            format!("{at} is taken by somebody who does not show this server's certificate"),
            "The server cannot listen there. If it is this server, it was started with an older certificate.",
            format!("ss -lptun 'sport = :{number}'"),
        ),
        Port::Forbidden => Finding::failed(
            CHECK,
            format!("{at}: this user may not take port {number}"),
            "Ports below 1024 need the right CAP_NET_BIND_SERVICE.",
            if listener.starts_with("dhcp") {
                "install -D packaging/systemd/sztp-dhcp.conf /etc/systemd/system/sztp.service.d/sztp-dhcp.conf && \
                 systemctl daemon-reload && systemctl restart sztp"
                    .to_owned()
            } else {
                "systemctl edit sztp   # [Service] AmbientCapabilities=CAP_NET_BIND_SERVICE".to_owned()
            },
        ),
        Port::NotHere => Finding::failed(
            CHECK,
            format!("{at}: no interface of this machine has this address"),
            "The server cannot listen there.",
            "ip address",
        ),
        Port::Unusable(error) => {
            Finding::failed(CHECK, format!("{at}: {error}"), "The server cannot listen there.", "ip address")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_somebody_else_has_is_seen() {
        let theirs = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = theirs.local_addr().unwrap();
        assert!(matches!(try_tls(address, None).await, Port::Taken));
        let finding = judge("device-listener", address, &Port::Taken);
        assert!(finding.outcome.advice().unwrap().fix.contains(&format!(":{}", address.port())));
        drop(theirs);
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(matches!(try_udp(udp.local_addr().unwrap()), Port::Taken));
    }

    #[test]
    fn each_obstacle_has_its_own_remedy() {
        let address: SocketAddr = "192.0.2.1:67".parse().unwrap();
        assert!(matches!(Port::from(io::Error::from(io::ErrorKind::PermissionDenied)), Port::Forbidden));
        let fix = |listener, port: &Port| judge(listener, address, port).outcome.advice().unwrap().fix.clone();
        assert!(fix("dhcp4", &Port::Forbidden).contains("sztp-dhcp.conf"));
        assert!(fix("dhcp6", &Port::Forbidden).contains("sztp-dhcp.conf"));
        assert!(fix("device-listener", &Port::Forbidden).contains("CAP_NET_BIND_SERVICE"));
        assert_eq!(fix("device-listener", &Port::NotHere), "ip address");
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        assert_eq!(judge("device-listener", any, &Port::Free).outcome.as_str(), "warning");
        assert_eq!(judge("device-listener", address, &Port::Ours).outcome.as_str(), "ok");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_seen() {
        // TEST-NET-1 (RFC 5737) is nobody's.
        assert!(matches!(try_tls("192.0.2.1:8443".parse().unwrap(), None).await, Port::NotHere));
    }
}
