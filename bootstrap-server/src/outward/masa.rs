//! The owner's registrar (RFC 8995 §5.5): it asks the MASAs of manufacturers for vouchers, over TLS that both sides
//! authenticate, through the proxy where there is one.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use conveyed_info::{
    OwnershipVoucher,
    make::voucher_request,
    voucher::{Freshness, HttpAnswer, MEDIA_TYPE, MasaAnswer, Redirects, VoucherRequestDocument},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{HeaderMap, Request, StatusCode, body::Bytes, header};
use pki::{certificate::Certificate, time::Timestamp};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::ServerName,
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::sync::Semaphore;

use super::http::{Endpoint, Outbound};
use crate::{
    config::Registrar,
    domain::vouching::{MasaService, SourceFailed, Target, VoucherSource, Wanted},
    tls::{ReloadableCertificate, TlsError},
};

/// Longest answer that is read, in octets. A voucher with its certificates has a few thousand.
const MAX_ANSWER: usize = 64 * 1024;
/// Requests under way at once, to all manufacturers together: a storm of devices becomes a queue here, and who waits too long
/// gets what is in stock.
const AT_ONCE: usize = 32;
/// Sets of anchors for which a TLS configuration, with the sessions to resume, is kept.
const KEPT: usize = 64;

/// Asks MASAs.
pub(crate) struct MasaClient {
    outbound: Outbound,
    current: RwLock<Arc<Identity>>,
    turns: Semaphore,
}

impl std::fmt::Debug for MasaClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasaClient").field("outbound", &self.outbound).finish_non_exhaustive()
    }
}

/// Who asks.
struct Identity {
    registrar: Registrar,
    certified: Arc<CertifiedKey>,
    configs: Mutex<Vec<(Vec<Certificate>, Arc<ClientConfig>)>>,
}

impl MasaClient {
    pub(crate) fn new(registrar: Registrar, outbound: Outbound) -> Result<Self, TlsError> {
        let current = RwLock::new(Identity::new(registrar)?);
        Ok(Self { outbound, current, turns: Semaphore::new(AT_ONCE) })
    }

    /// Asks as somebody else from now on; on an error nothing has changed.
    pub(crate) fn replace(&self, registrar: Registrar) -> Result<(), TlsError> {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Identity::new(registrar)?;
        Ok(())
    }

    async fn ask(&self, masa: &MasaService, wanted: &Wanted) -> Result<OwnershipVoucher, SourceFailed> {
        let Ok(_turn) = self.turns.acquire().await else {
            return Err(unreachable("this server is stopping"));
        };
        let identity = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let document = document(wanted);
        let Registrar { chain, key } = &identity.registrar;
        let request = voucher_request(&document, key.as_ref(), chain);
        let request = request.map_err(|error| unreachable(format!("the request could not be signed: {error}")))?;
        let request = Bytes::copy_from_slice(request.der());
        let tls = identity.tls(&masa.anchors).map_err(|error| unreachable(error.to_string()))?;
        let (mut target, mut redirects) = (masa.address.request_voucher(), Redirects::default());
        loop {
            let answer = self.post(&target, &tls, request.clone()).await?;
            let read = answer.read().map_err(|error| SourceFailed::NoVoucher { detail: error.to_string() })?;
            match read {
                MasaAnswer::Voucher(voucher) => return Ok(voucher),
                MasaAnswer::Later { seconds } => return Err(SourceFailed::Later { seconds }),
                MasaAnswer::Refused { status, text } => return Err(SourceFailed::Refused { status, detail: text }),
                MasaAnswer::Failed { status } => {
                    return Err(unreachable(format!("it failed, with the status {status}")));
                }
                MasaAnswer::Elsewhere { location } => {
                    // RFC 8995 §5.6 (MAS-11): in TLS, judged by the same anchors, and not round and round.
                    let lost = || unreachable(format!("it sends to {location:?}, where it is not followed"));
                    let next = target.redirected(&location).ok_or_else(lost)?;
                    redirects = redirects.follow(&target.origin(), &next.origin()).ok_or_else(lost)?;
                    target = next;
                }
            }
        }
    }

    /// One request, on a connection of its own.
    async fn post(&self, target: &Target, tls: &Arc<ClientConfig>, body: Bytes) -> Result<Answer, SourceFailed> {
        let name = ServerName::try_from(target.host.clone()).map_err(|error| unreachable(error.to_string()))?;
        let endpoint = Endpoint { host: target.host.clone(), port: target.port, tls: Some((name, Arc::clone(tls))) };
        let failed = |error: &dyn std::error::Error| unreachable(format!("{} {error}", target.authority));
        let mut sender = self.outbound.connect(&endpoint).await.map_err(|error| failed(&error))?;
        let request = Request::post(target.path.as_str())
            .header(header::HOST, target.authority.as_str())
            .header(header::CONTENT_TYPE, MEDIA_TYPE)
            .header(header::ACCEPT, MEDIA_TYPE)
            .body(Full::new(body))
            .map_err(|error| failed(&error))?;
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let (parts, body) = response.into_parts();
        let whole = Limited::new(body, MAX_ANSWER).collect().await;
        let body = whole.map_err(|error| failed(error.as_ref()))?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

impl VoucherSource for MasaClient {
    fn request<'a>(
        &'a self,
        masa: &'a MasaService,
        wanted: &'a Wanted,
    ) -> Pin<Box<dyn Future<Output = Result<OwnershipVoucher, SourceFailed>> + Send + 'a>> {
        Box::pin(self.ask(masa, wanted))
    }
}

impl Identity {
    fn new(registrar: Registrar) -> Result<Arc<Self>, TlsError> {
        let certified = ReloadableCertificate::certified(&registrar.chain, &registrar.key)?;
        Ok(Arc::new(Self { registrar, certified, configs: Mutex::default() }))
    }

    /// The TLS in which a server under these anchors is spoken with. Sessions are resumed, so it is kept.
    fn tls(&self, anchors: &[Certificate]) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = configs.iter().find(|(known, _)| known == anchors) {
            return Ok(Arc::clone(config));
        }
        let mut roots = RootCertStore::empty();
        for anchor in anchors {
            roots.add(anchor.der().to_vec().into())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let own = SingleCertAndKey::from(CertifiedKey::clone(&self.certified));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(own));
        let config = Arc::new(config);
        if configs.len() >= KEPT {
            configs.clear();
        }
        configs.push((anchors.to_vec(), Arc::clone(&config)));
        Ok(config)
    }
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn read(&self) -> Result<MasaAnswer, conveyed_info::voucher::AnswerError> {
        let header = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        MasaAnswer::read(&HttpAnswer {
            status: self.status.as_u16(),
            content_type: header(header::CONTENT_TYPE),
            retry_after: header(header::RETRY_AFTER),
            location: header(header::LOCATION),
            body: &self.body,
        })
    }
}

/// What is asked: with the certificate that the device showed where there is one, so that devices of one serial number are told
/// apart (BIS-08).
fn document(wanted: &Wanted) -> VoucherRequestDocument {
    let Wanted { device, nonce, idevid } = wanted;
    let (serial_number, now) = (device.serial_number.clone(), Timestamp::from_system(SystemTime::now()));
    match idevid {
        Some(idevid) => VoucherRequestDocument::for_device(serial_number, idevid, nonce.clone(), now),
        None => VoucherRequestDocument {
            freshness: nonce.clone().map_or(Freshness::Unlimited, Freshness::Nonce),
            ..VoucherRequestDocument::new(serial_number, now)
        },
    }
}

fn unreachable(detail: impl Into<String>) -> SourceFailed {
    SourceFailed::Unreachable { detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use authority::OwnerParty;
    use pki::key::{FileKey, OpenKey};
    use rustls::ServerConfig;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::{
        domain::{DeviceId, ManufacturerName},
        tls::PeerCertificates,
    };

    fn now() -> Timestamp {
        Timestamp::from_system(SystemTime::now())
    }

    /// A server that answers each path as `answers` says, then sends `more` again and again. It takes only whoever shows a
    /// certificate.
    async fn maker(party: &OwnerParty, answers: Vec<(&'static str, String)>, more: &'static [u8]) -> MasaService {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certified = ReloadableCertificate::new(&party.tls_chain, &open(&party.tls_key)).unwrap();
        let verifier = crate::tls::service_tls(provider, Arc::new(certified), PeerCertificates::Asked).unwrap();
        let acceptor = TlsAcceptor::from(Arc::<ServerConfig>::new(verifier));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, answers) = (acceptor.clone(), answers.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut octets = Vec::new();
                    while !octets.windows(4).any(|it| it == b"\r\n\r\n") {
                        if stream.read_buf(&mut octets).await.is_ok_and(|read| read == 0) {
                            return;
                        }
                    }
                    let text = String::from_utf8_lossy(&octets).into_owned();
                    assert!(stream.get_ref().1.peer_certificates().is_some(), "the registrar shows who it is");
                    let (_, answer) = answers.iter().find(|(path, _)| text.contains(&format!("POST {path} "))).unwrap();
                    if stream.write_all(answer.as_bytes()).await.is_ok() {
                        while !more.is_empty() && stream.write_all(more).await.is_ok() {}
                    }
                    let _closed = stream.shutdown().await;
                });
            }
        });
        let anchors = party.tls_anchor().to_vec();
        MasaService { address: format!("https://{at}").parse().unwrap(), anchors }
    }

    fn open(key: &FileKey) -> OpenKey {
        OpenKey::new(Arc::new(FileKey::from_pkcs8_der(key.pkcs8_der()).unwrap()), None)
    }

    async fn asked(masa: &MasaService) -> SourceFailed {
        let own = OwnerParty::new("Us", &["registrar.example".to_owned()], now()).unwrap();
        let registrar = Registrar { chain: own.tls_chain.clone().into(), key: Arc::new(open(&own.tls_key)) };
        let client = MasaClient::new(registrar, Outbound::default()).unwrap();
        let device = DeviceId {
            manufacturer: ManufacturerName::new("maker").unwrap(),
            serial_number: pki::identity::SerialNumber::new("SN-1").unwrap(),
        };
        let wanted = Wanted { device, nonce: None, idevid: None };
        let asked = tokio::time::timeout(std::time::Duration::from_secs(60), client.ask(masa, &wanted));
        asked.await.unwrap().unwrap_err()
    }

    const USUAL: &str = "/.well-known/brski/requestvoucher";

    fn says(status: &str, headers: &str, body: &str) -> String {
        format!("HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn mas_11_what_a_maker_says_reaches_whoever_asked() {
        let party = OwnerParty::new("Maker", &["127.0.0.1".to_owned()], now()).unwrap();
        let voucher = format!("content-type: {MEDIA_TYPE}\r\n");
        for (answer, reason, detail) in [
            (says("403", "", "ownership-elsewhere: not\r\nyours"), "masa-refused", "ownership-elsewhere: not"),
            (says("202", "retry-after: 9\r\n", ""), "masa-undecided", "9 s"),
            (says("500", "", ""), "masa-unreachable", "500"),
            (says("200", "content-type: text/html\r\n", "<p>"), "artifact-malformed", "text/html"),
            (says("200", &voucher, ""), "artifact-malformed", ""),
            ("HTTP/1.1 200 x\r\n".to_owned(), "masa-unreachable", ""),
            ("SSH-2.0-x\r\n".to_owned(), "masa-unreachable", ""),
        ] {
            let masa = maker(&party, vec![(USUAL, answer.clone())], b"").await;
            let failed = asked(&masa).await;
            assert_eq!(failed.reason().as_str(), reason, "{answer:?}: {failed}");
            assert!(failed.to_string().contains(detail) && !failed.to_string().contains('\n'), "{failed}");
        }
    }

    #[tokio::test]
    async fn mas_11_redirects_are_followed_to_one_other_origin_and_no_further() {
        let party = OwnerParty::new("Maker", &["127.0.0.1".to_owned()], now()).unwrap();
        let to = |place: &str| says("307", &format!("location: {place}\r\n"), "");
        let end = says("403", "", "here");
        let last = maker(&party, vec![("/end", end.clone())], b"").await;
        let origin = |masa: &MasaService| masa.address.to_string();
        let second = maker(&party, vec![("/end", end), ("/on", to(&format!("{}/end", origin(&last))))], b"").await;
        // Within one server, then to another.
        let first = vec![(USUAL, to("/here")), ("/here", to(&format!("{}/end", origin(&second))))];
        let failed = asked(&maker(&party, first, b"").await).await;
        assert!(failed.to_string().contains("here") && failed.reason().as_str() == "masa-refused", "{failed}");
        // To a third.
        let first = vec![(USUAL, to(&format!("{}/on", origin(&second))))];
        let failed = asked(&maker(&party, first, b"").await).await;
        assert!(failed.to_string().contains("not followed"), "{failed}");
        // Round and round, and out of TLS.
        for place in [USUAL, "http://127.0.0.1/end"] {
            let failed = asked(&maker(&party, vec![(USUAL, to(place))], b"").await).await;
            assert!(failed.to_string().contains("not followed"), "{failed}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_cut_off() {
        let party = OwnerParty::new("Maker", &["127.0.0.1".to_owned()], now()).unwrap();
        let head = format!("HTTP/1.1 200 x\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: 99999999999\r\n\r\n");
        let failed = asked(&maker(&party, vec![(USUAL, head)], &[b'x'; 8192]).await).await;
        assert_eq!(failed.reason().as_str(), "masa-unreachable", "{failed}");
    }

    #[tokio::test]
    async fn a_certificate_for_another_name_is_none() {
        let party = OwnerParty::new("Maker", &["masa.example".to_owned()], now()).unwrap();
        let failed = asked(&maker(&party, vec![(USUAL, says("403", "", ""))], b"").await).await;
        assert_eq!(failed.reason().as_str(), "masa-unreachable", "{failed}");
    }
}
