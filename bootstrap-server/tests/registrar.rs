//! Fresh vouchers from a real MASA while a device waits (RFC 8572 §7.3; RFC 8995 §5.5): two servers, of a manufacturer and of an
//! owner, over TLS that both sides authenticate.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod support;

use authority::masa::{Domain, Owner};
use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::{
    RunningServer,
    audit::{Event, MasaEvent},
    domain::{Manufacturer, vouching::MasaService},
    store::{Batch, MasaRecords, Store},
};
use conveyed_info::{
    OwnershipVoucher, Unverified,
    profile::InputProfile,
    verify::{HolderContext, verify_voucher_as_holder},
    voucher::{Nonce, Voucher},
};
use pki::{revocation::Evidence, time::Clock};
use support::{
    DATA, Site, connect, connector, device_id, exchange,
    masa::{Party, masa_site, owner_name},
    now, post, serial,
};

/// The nonce that devices send here.
const NONCE: &str = r#"{"ietf-sztp-bootstrap-server:input":{"nonce":"AAECAwQFBgcICQoLDA0ODw=="}}"#;

/// An owner whose devices' manufacturer has a MASA.
struct World {
    /// What vouchers are signed under.
    masa: Party,
    maker: Site,
    maker_server: Option<RunningServer>,
    owner: Site,
    owner_server: RunningServer,
}

impl World {
    /// The manufacturer made SN-1, which it sold to this owner, and SN-2, which it sold to nobody. Of both the owner has a voucher
    /// without a nonce.
    async fn new(more: &str) -> Self {
        let (masa, registrar) = (Party::new("MASA", Vec::new()), Party::registrar("Owner"));
        let owner = Site::new();
        let domain = Domain {
            pinned: owner.owner.pinned().unwrap().clone(),
            above: Vec::new(),
            registrar_cas: vec![registrar.root.clone()],
        };
        let known = Owner { name: owner_name("us"), contact: String::new(), domains: vec![domain] };
        let known = MasaEvent::OwnerRecorded { owner: Box::new(known) };
        let maker = masa_site(&masa, more, vec![known], &[("SN-1", Some("us")), ("SN-2", None)]).await;
        let maker_server = maker.start(&[]).await;

        owner.write("registrar.key", registrar.key.to_pem().as_bytes());
        owner.write("registrar.pem", support::pem(&registrar.chain).as_bytes());
        owner.edit("[audit]", "[registrar]\ncertificate = 'registrar.pem'\nkey = 'registrar.key'\n[audit]");
        let store = owner.store().await;
        owner.register(&store, &["SN-1", "SN-2"]).await;
        let voucher_anchors = [owner.maker.voucher_anchors(), std::slice::from_ref(&masa.root)].concat();
        let at = maker_server.authority_address().unwrap();
        let manufacturer = Manufacturer {
            voucher_anchors,
            masa: Some(MasaService {
                address: format!("https://{at}").parse().unwrap(),
                anchors: maker.owner.tls_anchor().to_vec(),
            }),
            ..Manufacturer::new(device_id("x").manufacturer, owner.maker.device_anchors().to_vec())
        };
        store.commit(Batch::from(Event::ManufacturerAdded { manufacturer })).await.unwrap();
        store.close().await;
        let owner_server = bootstrap_server::start(owner.config()).await.unwrap();
        let maker_server = Some(maker_server);
        Self { masa, maker, maker_server, owner, owner_server }
    }

    /// The voucher that a device gets which sends this.
    async fn given(&self, device: &str, input: &str) -> (OwnershipVoucher, Voucher) {
        let (key, chain) = self.owner.device(device);
        let mut stream = connect(&self.owner_server, &connector(Some((&key, &chain)))).await.unwrap();
        let answer = exchange(&mut stream, &post(DATA, input)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let output = &answer.json()["ietf-sztp-bootstrap-server:output"];
        let octets = STANDARD.decode(output["ownership-voucher"].as_str().unwrap()).unwrap();
        let artifact = OwnershipVoucher::from_der(octets).unwrap();
        let anchors = [self.owner.maker.voucher_anchors(), std::slice::from_ref(&self.masa.root)].concat();
        // As the device itself will judge.
        let context = HolderContext {
            voucher_anchors: &anchors,
            serial_number: Some(&serial(device)),
            idevid: chain.first(),
            clock: Clock::Trusted(now()),
            decryption: None,
            profile: InputProfile::Strict,
            revocation: Evidence::none(),
        };
        let verified = verify_voucher_as_holder(Unverified::new(artifact.clone()), &context).unwrap();
        assert_eq!(verified.value().pinned_domain_cert, *self.owner.owner.pinned().unwrap());
        (artifact, verified.into_parts().0)
    }

    /// Both folders.
    async fn stop(self) -> (Site, Site) {
        if let Some(server) = self.maker_server {
            server.stop().await;
        }
        self.owner_server.stop().await;
        (self.maker, self.owner)
    }

    /// What the owner's log says of vouchers that were asked for.
    async fn fetched(&self) -> Vec<String> {
        let records = self.owner_server.store().records(audit_log::LogIndex(0), 1000).await.unwrap();
        let bodies = records.into_iter().map(|it| String::from_utf8(it.opening.unwrap().1).unwrap());
        bodies.filter(|body| body.contains("voucher-fetched")).collect()
    }
}

fn nonce() -> Nonce {
    Nonce::for_request((0..16).collect()).unwrap()
}

#[tokio::test]
async fn srv_07_mas_06_a_waiting_device_gets_a_voucher_that_its_maker_made_for_its_nonce() {
    let world = World::new("").await;
    let (artifact, voucher) = world.given("SN-1", NONCE).await;
    assert_eq!(voucher.nonce(), Some(&nonce()));
    // It asks again, as one that did not hear the answer: the same.
    assert_eq!(world.given("SN-1", NONCE).await.0, artifact);
    // Both logs know of it.
    let [record] = &world.fetched().await[..] else { panic!() };
    assert!(record.contains("SN-1") && record.contains(&artifact.sha256().to_string()), "{record}");
    let (maker, owner) = world.stop().await;
    let store = maker.store().await;
    let issued = store.issued_vouchers(&[serial("SN-1")]).await.unwrap();
    assert_eq!(issued.len(), 1);
    store.close().await;
    support::verify_log(&maker.path("sztp.toml")).await;
    support::verify_log(&owner.path("sztp.toml")).await;
}

#[tokio::test]
async fn srv_08_without_a_fresh_one_the_device_gets_what_is_in_stock_and_the_log_says_why() {
    let mut world = World::new("").await;
    // The maker has no record that it is ours.
    assert_eq!(world.given("SN-2", NONCE).await.1.nonce(), None);
    assert!(world.fetched().await[0].contains("masa-refused"));
    // Nobody is asked for a device that sends none.
    let stock = world.given("SN-1", r#"{"ietf-sztp-bootstrap-server:input":{"signed-data-preferred":[null]}}"#).await;
    assert_eq!((stock.1.nonce(), world.fetched().await.len()), (None, 1));
    // The maker is down.
    world.maker_server.take().unwrap().stop().await;
    assert_eq!(world.given("SN-1", NONCE).await.1.nonce(), None);
    assert!(world.fetched().await[1].contains("masa-unreachable"));
    world.stop().await;
}

#[tokio::test]
async fn mas_11_while_somebody_has_to_agree_the_device_does_not_wait() {
    let world = World::new("second-person = true").await;
    assert_eq!(world.given("SN-1", NONCE).await.1.nonce(), None);
    assert!(world.fetched().await[0].contains("masa-undecided"));
    world.stop().await;
}

#[tokio::test]
async fn a_masa_that_cannot_show_who_it_is_hears_of_no_device() {
    let world = World::new("").await;
    // Somebody else's anchors: whoever answers there is not the maker.
    let stranger = Site::new();
    let mut manufacturers = world.owner_server.store().manufacturers().await.unwrap();
    let mut manufacturer = manufacturers.remove(0);
    manufacturer.masa.as_mut().unwrap().anchors = stranger.owner.tls_anchor().to_vec();
    world.owner_server.store().commit(Batch::from(Event::ManufacturerAdded { manufacturer })).await.unwrap();
    assert_eq!(world.given("SN-1", NONCE).await.1.nonce(), None);
    assert!(world.fetched().await[0].contains("masa-unreachable"));
    let (maker, _owner) = world.stop().await;
    let store = maker.store().await;
    assert_eq!(store.issued_vouchers(&[serial("SN-1")]).await.unwrap().len(), 0);
    store.close().await;
}
