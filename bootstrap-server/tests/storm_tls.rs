//! TLS of the device listener: versions, resumption, key exchange, revocation, and what can change while it runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{sync::Arc, time::Duration};

use bootstrap_server::{
    RunningServer,
    audit::Event,
    config::{ConfigError, PostQuantum, Revocation, ServerConfig},
    domain::{Manufacturer, ManufacturerName, RevocationLists},
    store::{Batch, Store},
};
use pki::{
    certificate::Certificate,
    identity::SerialNumberRule,
    key::FileKey,
    revocation::{Crl, Demand, Evidence},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationList, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::{HandshakeKind, NamedGroup, ProtocolVersion};
use support::{DATA, Site, connect, connector, exchange, metric, post, secured, until_metric};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::TlsConnector;

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;

/// A manufacturer whose certificates and lists are made here, one by one.
struct Factory {
    params: CertificateParams,
    key: KeyPair,
    anchor: Certificate,
}

impl Factory {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let anchor = Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap();
        Self { params, key, anchor }
    }

    fn device(&self, number: u64, serial: &str, change: impl FnOnce(&mut CertificateParams)) -> Device {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::from_oid(&[2, 5, 4, 5]), serial);
        params.serial_number = Some(SerialNumber::from(number));
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let issued = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        let key = FileKey::from_pem(key.serialize_pem().as_bytes()).unwrap();
        Device { key, chain: vec![Certificate::from_der(issued.der()).unwrap()] }
    }

    /// A list that revokes these, good until the beginning of that year.
    fn list(&self, numbers: &[u64], next_update: i32) -> Vec<u8> {
        self.made_list(numbers, next_update).der().to_vec()
    }

    fn made_list(&self, numbers: &[u64], next_update: i32) -> CertificateRevocationList {
        let revoked = |number: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*number),
            revocation_time: date_time_ymd(2024, 2, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 3, 1),
            next_update: date_time_ymd(next_update, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: numbers.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&Issuer::from_params(&self.params, &self.key)).unwrap()
    }

    fn manufacturer(&self, rule: SerialNumberRule) -> Manufacturer {
        let name = ManufacturerName::new("factory").unwrap();
        let mut manufacturer = Manufacturer::new(name, vec![self.anchor.clone()]);
        manufacturer.identity = manufacturer.identity.with_serial_number_rules(vec![rule]).unwrap();
        manufacturer
    }
}

struct Device {
    key: FileKey,
    chain: Vec<Certificate>,
}

impl Device {
    /// The status it gets; `Err` when the connection does not live so long.
    async fn ask(&self, server: &RunningServer) -> std::io::Result<u16> {
        let mut stream = connect(server, &connector(Some((&self.key, &self.chain)))).await?;
        Ok(exchange(&mut stream, &post(DATA, EMPTY)).await?.status)
    }
}

fn revocation(lists: &[Vec<u8>], demand: Demand) -> Arc<Revocation> {
    let mut evidence = Evidence::new();
    lists.iter().for_each(|list| evidence.add_crl(Crl::from_file(list).unwrap()));
    Arc::new(Revocation { evidence, demand })
}

/// The factory's devices are let in, and nobody has registered them: 404 is what they get.
async fn start(site: &Site, factory: &Factory, change: impl FnOnce(&mut ServerConfig)) -> RunningServer {
    let store = site.store().await;
    site.register(&store, &[]).await;
    let manufacturer = factory.manufacturer(SerialNumberRule::Attribute);
    store.commit(Batch::from(Event::ManufacturerAdded { manufacturer })).await.unwrap();
    store.close().await;
    let mut config = site.config();
    change(&mut config);
    bootstrap_server::start(config).await.unwrap()
}

#[tokio::test]
async fn rcf_01_both_versions_resume_and_the_device_is_judged_again() {
    let (site, factory) = (Site::new(), Factory::new("F"));
    for (version, agreed) in
        [(&rustls::version::TLS12, ProtocolVersion::TLSv1_2), (&rustls::version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let server = start(&site, &factory, |_| {}).await;
        let device = factory.device(7, "SN-7", |_| {});
        let config = support::client_config(&[version], Some((&device.key, &device.chain)));
        let connector = TlsConnector::from(Arc::new(config));
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let mut stream = connect(&server, &connector).await.unwrap();
            assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 404);
            let tls = stream.get_ref().1;
            assert_eq!(tls.protocol_version(), Some(agreed));
            let kind = tls.handshake_kind().unwrap();
            assert!(
                kind == expected || (expected == HandshakeKind::Full && kind != HandshakeKind::Resumed),
                "{kind:?}"
            );
        }
        let resumed =
            |version| format!("sztp_handshakes_total{{listener=\"device\",outcome=\"resumed\",version=\"{version}\"}}");
        let name = if agreed == ProtocolVersion::TLSv1_2 { "1.2" } else { "1.3" };
        until_metric(&server, &resumed(name), 2).await;
        // Revoked meanwhile: the session it kept does not help it.
        let mut config = site.config();
        config.onboarding.as_mut().unwrap().revocation = revocation(&[factory.list(&[7], 2090)], Demand::WhenAvailable);
        server.reload(&config).unwrap();
        let refused = async {
            let mut stream = connect(&server, &connector).await?;
            exchange(&mut stream, &post(DATA, EMPTY)).await
        };
        refused.await.expect_err("a revoked device");
        until_metric(&server, "sztp_refusals_total{reason=\"certificate-revoked\"}", 1).await;
        server.stop().await;
    }
}

#[tokio::test]
async fn whom_the_lists_revoke_is_refused_and_the_policy_decides_on_the_rest() {
    let (site, factory) = (Site::new(), Factory::new("F"));
    let server = start(&site, &factory, |_| {}).await;
    let (good, revoked) = (factory.device(1, "SN-A", |_| {}), factory.device(2, "SN-B", |_| {}));
    let fresh = factory.list(&[2], 2090);
    let pem = factory.made_list(&[2], 2090).pem().unwrap();
    for (lists, demand, of_good, of_revoked) in [
        (vec![], Demand::WhenAvailable, None, None),
        (vec![fresh.clone()], Demand::WhenAvailable, None, Some("certificate-revoked")),
        (vec![pem.into_bytes()], Demand::Required, None, Some("certificate-revoked")),
        (vec![], Demand::Required, Some("revocation-unchecked"), Some("revocation-unchecked")),
        // A list that is old still revokes, and clears nobody who must be cleared.
        (vec![factory.list(&[2], 2025)], Demand::WhenAvailable, None, Some("certificate-revoked")),
        (vec![factory.list(&[2], 2025)], Demand::Required, Some("revocation-unchecked"), Some("certificate-revoked")),
        // Somebody else's list says nothing.
        (vec![Factory::new("F").list(&[1, 2], 2090)], Demand::WhenAvailable, None, None),
    ] {
        let mut config = site.config();
        config.onboarding.as_mut().unwrap().revocation = revocation(&lists, demand);
        server.reload(&config).unwrap();
        for (device, expected) in [(&good, of_good), (&revoked, of_revoked)] {
            let reason = expected.unwrap_or_default();
            let refusals = format!("sztp_refusals_total{{reason=\"{reason}\"}}");
            let before = metric(&server, &refusals);
            let asked = device.ask(&server).await;
            match expected {
                None => assert_eq!(asked.unwrap(), 404, "{demand:?}"),
                Some(_) => {
                    asked.expect_err(reason);
                    until_metric(&server, &refusals, before + 1).await;
                }
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn certificates_that_do_not_hold_end_the_handshake_and_say_why_in_the_log() {
    let (site, factory) = (Site::new(), Factory::new("F"));
    let server = start(&site, &factory, |_| {}).await;
    let expired = factory.device(1, "SN-A", |params| params.not_after = date_time_ymd(2020, 1, 1));
    let early = factory.device(2, "SN-B", |params| params.not_before = date_time_ymd(2090, 1, 1));
    let nobodys = Factory::new("F").device(3, "SN-C", |_| {});
    let nameless = factory.device(4, "", |_| {});
    for (device, reason) in [
        (&expired, "certificate-expired"),
        (&early, "certificate-expired"),
        (&nobodys, "idevid-untrusted"),
        (&nameless, "serial-number-missing"),
    ] {
        let refusals = format!("sztp_refusals_total{{reason=\"{reason}\"}}");
        let before = metric(&server, &refusals);
        device.ask(&server).await.expect_err(reason);
        until_metric(&server, &refusals, before + 1).await;
    }
    until_metric(&server, "sztp_handshakes_total{listener=\"device\",outcome=\"refused\",version=\"none\"}", 4).await;
    server.stop().await;
}

#[tokio::test]
async fn dev_10_certificates_that_no_device_may_have_and_those_of_two_minds_end_the_handshake() {
    let (site, factory) = (Site::new(), Factory::new("F"));
    let server = start(&site, &factory, |_| {}).await;
    let authority = factory.device(1, "SN-A", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let signs = factory.device(2, "SN-B", |params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]);
    let turned = factory.device(4, "SN-\u{202e}0001", |_| {});
    for (device, reason) in [(&authority, "idevid-unfit"), (&signs, "idevid-unfit"), (&turned, "identity-ambiguous")] {
        let refusals = format!("sztp_refusals_total{{reason=\"{reason}\"}}");
        let before = metric(&server, &refusals);
        device.ask(&server).await.expect_err(reason);
        until_metric(&server, &refusals, before + 1).await;
    }
    // What real ones have: an odd purpose, and no end.
    let odd = factory.device(5, "SN-E", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![2, 23, 133, 8, 3])];
        params.not_after = pki::time::Timestamp::INFINITY.to_offset_date_time();
    });
    assert_eq!(odd.ask(&server).await.unwrap(), 404);
    server.stop().await;
}

#[tokio::test]
async fn lists_that_are_stored_or_change_in_their_files_count_for_those_who_are_connected() {
    let (site, factory) = (Site::new(), Factory::new("F"));
    let written = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
    site.write("maker.crl", &factory.list(&[], 2090));
    let section = "[device-revocation]\nlists = ['maker.crl']\n[owner]";
    site.write("sztp.toml", written.replace("[owner]", section).as_bytes());
    let server = start(&site, &factory, |_| {}).await;
    let mut streams = Vec::new();
    for number in [1, 2, 3] {
        let device = factory.device(number, &format!("SN-{number}"), |_| {});
        let mut stream = connect(&server, &connector(Some((&device.key, &device.chain)))).await.unwrap();
        assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 404);
        streams.push(stream);
    }
    // Stored, by whatever server of the database.
    let name = ManufacturerName::new("factory").unwrap();
    let pem = factory.made_list(&[1], 2090).pem().unwrap();
    let lists = Box::new(RevocationLists::from_pem(name, &pem).unwrap());
    server.store().commit(Batch::from(Event::RevocationListsStored { lists })).await.unwrap();
    until_metric(&server, "sztp_connections_cut_total{reason=\"distrusted\"}", 1).await;
    exchange(&mut streams[0], &post(DATA, EMPTY)).await.expect_err("revoked by the stored list");
    // What somebody has begun to write undoes nothing; what is whole counts.
    site.write("maker.crl", b"-----BEGIN X509 CRL-----");
    site.write("maker.crl", &factory.list(&[2], 2090));
    until_metric(&server, "sztp_connections_cut_total{reason=\"distrusted\"}", 2).await;
    exchange(&mut streams[1], &post(DATA, EMPTY)).await.expect_err("revoked by the file");
    assert_eq!(exchange(&mut streams[2], &post(DATA, EMPTY)).await.unwrap().status, 404);
    server.stop().await;
}

#[tokio::test]
async fn hybrid_key_exchange_is_preferred_and_can_be_switched_off() {
    let (site, factory) = (Site::new(), Factory::new("F"));
    for (post_quantum, expected) in
        [(PostQuantum::Preferred, NamedGroup::X25519MLKEM768), (PostQuantum::Off, NamedGroup::X25519)]
    {
        let server =
            start(&site, &factory, |config| config.onboarding.as_mut().unwrap().post_quantum = post_quantum).await;
        let mut stream = connect(&server, &connector(None)).await.unwrap();
        assert_eq!(exchange(&mut stream, &post("/x", "")).await.unwrap().status, 404);
        let agreed = stream.get_ref().1.negotiated_key_exchange_group().map(|group| group.name());
        assert_eq!(agreed, Some(expected));
        server.stop().await;
    }
    let written = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
    site.write("off.toml", written.replace("[owner]", "post-quantum = false\n[owner]").as_bytes());
    assert_eq!(ServerConfig::load(&site.path("off.toml")).unwrap().onboarding.unwrap().post_quantum, PostQuantum::Off);
    assert_eq!(site.config().onboarding.unwrap().post_quantum, PostQuantum::Preferred);
}

#[tokio::test]
async fn a_connection_ends_when_its_device_is_revoked_and_others_go_on() {
    let (site, factory) = (Site::new(), Factory::new("F"));
    let server = start(&site, &factory, |_| {}).await;
    let mut streams = Vec::new();
    for number in [1, 2] {
        let device = factory.device(number, &format!("SN-{number}"), |_| {});
        let mut stream = connect(&server, &connector(Some((&device.key, &device.chain)))).await.unwrap();
        assert_eq!(exchange(&mut stream, &post(DATA, EMPTY)).await.unwrap().status, 404);
        streams.push(stream);
    }
    let mut config = site.config();
    config.onboarding.as_mut().unwrap().revocation = revocation(&[factory.list(&[1], 2090)], Demand::WhenAvailable);
    server.reload(&config).unwrap();
    until_metric(&server, "sztp_connections_cut_total{reason=\"distrusted\"}", 1).await;
    assert!(exchange(&mut streams[0], &post(DATA, EMPTY)).await.is_err());
    assert_eq!(exchange(&mut streams[1], &post(DATA, EMPTY)).await.unwrap().status, 404);
    assert_eq!(metric(&server, "sztp_refusals_total{reason=\"certificate-revoked\"}"), 1);
    server.stop().await;
}

#[tokio::test]
async fn rcf_02_who_is_revoked_before_its_request_has_come_is_not_served_by_the_open_connection() {
    let (site, factory) = (Site::new(), Factory::new("F"));
    let server = start(&site, &factory, |_| {}).await;
    let request = post(DATA, EMPTY);
    let mut streams = Vec::new();
    // One that has said nothing yet, and one in the middle of its header.
    for (number, said) in [(1, 0), (2, 40)] {
        let device = factory.device(number, &format!("SN-{number}"), |_| {});
        let mut stream = connect(&server, &connector(Some((&device.key, &device.chain)))).await.unwrap();
        stream.write_all(&request[..said]).await.unwrap();
        streams.push((stream, said));
    }
    let handshakes = "sztp_handshakes_total{listener=\"device\",outcome=\"full\",version=\"1.3\"}";
    until_metric(&server, handshakes, 2).await;
    let mut config = site.config();
    config.onboarding.as_mut().unwrap().revocation = revocation(&[factory.list(&[1, 2], 2090)], Demand::WhenAvailable);
    server.reload(&config).unwrap();
    until_metric(&server, "sztp_connections_cut_total{reason=\"distrusted\"}", 2).await;
    for (mut stream, said) in streams {
        match exchange(&mut stream, &request[said..]).await {
            Ok(answer) => {
                assert!(answer.status == 401 && answer.error().1.contains("certificate-revoked"), "{answer:?}")
            }
            Err(_) => assert_eq!(said, 0, "who was being listened to hears why"),
        }
    }
    let records = server.store().records(audit_log::LogIndex(0), 1000).await.unwrap();
    let mut bodies = records.into_iter().map(|record| String::from_utf8(record.opening.unwrap().1).unwrap());
    assert!(!bodies.any(|body| body.contains("device-held")), "it was taken for the device that it was");
    server.stop().await;
}

#[tokio::test]
async fn certificates_change_while_connections_go_on() {
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let device = connector(Some((&key, &chain)));
    let shown = |stream: &tokio_rustls::client::TlsStream<TcpStream>| {
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    };
    let mut before = connect(&server, &device).await.unwrap();
    let old = shown(&before);
    // A new certificate for a new key, by the same CA.
    let owner = authority::OwnerParty::new("Owner", &["127.0.0.1".to_owned()], support::now()).unwrap();
    let mut config = site.config();
    // One whose key is another's is refused, and nothing changes.
    config.onboarding.as_mut().unwrap().certificate = owner.tls_chain.clone();
    let error = server.reload(&config).expect_err("key and certificate differ");
    assert!(error.to_string().contains("certificate and key"), "{error}");
    assert_eq!(shown(&connect(&server, &device).await.unwrap()), old);
    config.onboarding.as_mut().unwrap().key = FileKey::from_pem(owner.tls_key.to_pem().as_bytes()).unwrap().into();
    server.reload(&config).unwrap();
    let mut after = connect(&server, &device).await.unwrap();
    assert_eq!(shown(&after), owner.tls_chain[0].der());
    for stream in [&mut before, &mut after] {
        assert_eq!(exchange(stream, &post(DATA, EMPTY)).await.unwrap().status, 200);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_manufacturer_that_is_added_meanwhile_is_known_soon() {
    let site = Site::new();
    let server = site.start(&[]).await;
    let factory = Factory::new("F");
    let device = factory.device(1, "PID:C9300-24T SN:FCW2146A0Z1", |_| {});
    device.ask(&server).await.expect_err("nobody knows it");
    let manufacturer = factory.manufacturer(SerialNumberRule::ProductAndSerial);
    server.store().commit(Batch::from(Event::ManufacturerAdded { manufacturer })).await.unwrap();
    let known = async {
        while !device.ask(&server).await.is_ok_and(|status| status == 404) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), known).await.expect("it is known after a while");
    // By its serial number, and not by its model.
    let records = server.store().records(audit_log::LogIndex(0), 1000).await.unwrap();
    let bodies = records.into_iter().map(|record| String::from_utf8(record.opening.unwrap().1).unwrap());
    let held: Vec<_> = bodies.filter(|body| body.contains("device-held")).collect();
    assert!(held.len() == 1 && held[0].contains("\"serial-number\":\"FCW2146A0Z1\""), "{held:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_listener_for_old_devices_speaks_tls_1_2_only() {
    let site = Site::new();
    let written = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
    let legacy =
        "[legacy-device-listener]\nlisten = '127.0.0.1:0'\ncertificate = 'server.pem'\nkey = 'server.key'\n[owner]";
    site.write("sztp.toml", written.replace("[owner]", legacy).as_bytes());
    let server = site.start(&["SN-1"]).await;
    let address = server.legacy_address().unwrap();
    let (key, chain) = site.device("SN-1");
    let connector = |versions: &[&'static rustls::SupportedProtocolVersion]| {
        TlsConnector::from(Arc::new(support::client_config(versions, Some((&key, &chain)))))
    };
    let ask = async |connector: TlsConnector| {
        let mut stream = secured(TcpStream::connect(address).await?, &connector).await?;
        exchange(&mut stream, &post(DATA, EMPTY)).await.map(|answer| answer.status)
    };
    // A manufacturer's anchors do not count here, only those that are named for it.
    ask(connector(&[&rustls::version::TLS12])).await.expect_err("no legacy anchor");
    let name = support::device_id("SN-1").manufacturer;
    let anchors = site.maker.device_anchors().to_vec();
    let mut manufacturer = Manufacturer {
        voucher_anchors: site.maker.voucher_anchors().to_vec(),
        ..Manufacturer::new(name, anchors.clone())
    };
    manufacturer.legacy_anchors = anchors;
    server.store().commit(Batch::from(Event::ManufacturerAdded { manufacturer })).await.unwrap();
    let known = async {
        while !ask(connector(&[&rustls::version::TLS12])).await.is_ok_and(|status| status == 200) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), known).await.expect("it is known after a while");
    let accepted = metric(&server, "sztp_connections_accepted_total{listener=\"legacy-device\"}");
    ask(connector(&[&rustls::version::TLS13])).await.expect_err("TLS 1.3");
    // SRV-04: a device that cannot trust us yet is sent back to where it came to, not to where it cannot go.
    let preferred = r#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null]}}"#;
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = secured(stream, &connector(&[&rustls::version::TLS12])).await.unwrap();
    let answer = exchange(&mut stream, &post(DATA, preferred)).await.unwrap();
    let encoded = answer.json()["ietf-sztp-bootstrap-server:output"]["conveyed-information"].clone();
    let signed = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, encoded.as_str().unwrap()).unwrap();
    let port = format!("\"port\":{}", address.port());
    assert!(signed.windows(port.len()).any(|window| window == port.as_bytes()), "{port}");
    assert_eq!(metric(&server, "sztp_connections_accepted_total{listener=\"legacy-device\"}"), accepted + 2);
    server.stop().await;
}

#[test]
fn a_list_that_is_none_is_named() {
    let site = Site::new();
    let written = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
    let with = |lists: &str| {
        let section = format!("[device-revocation]\nlists = {lists}\ndemand = 'required'\n[owner]");
        site.write("revocation.toml", written.replace("[owner]", &section).as_bytes());
        ServerConfig::load(&site.path("revocation.toml"))
    };
    site.write("maker.crl", &Factory::new("F").list(&[], 2090));
    let config = with("['maker.crl']").unwrap();
    assert_eq!(
        (
            config.onboarding.as_ref().unwrap().revocation.evidence.crls().len(),
            config.onboarding.as_ref().unwrap().revocation.demand
        ),
        (1, Demand::Required)
    );
    for wrong in ["server.pem", "image.bin"] {
        let error = with(&format!("['{wrong}']")).expect_err(wrong);
        assert!(matches!(error, ConfigError::RevocationList { .. }), "{error}");
        assert!(error.to_string().contains(wrong), "{error}");
    }
    assert!(matches!(with("['nowhere.crl']"), Err(ConfigError::File { .. })));
}
