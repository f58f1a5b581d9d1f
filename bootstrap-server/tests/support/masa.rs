//! Manufacturers that issue vouchers, and owners who ask for them.

use authority::masa::{Deed, DeviceClock, Domain, LineName, Owner, OwnerName, ProductLine, SerialNumbers};
use bootstrap_server::{
    audit::{Event, MasaEvent},
    domain::masa::MadeDevice,
    store::Store,
};
use conveyed_info::{make::voucher_request, voucher::VoucherRequestDocument};
use pki::{certificate::Certificate, key::FileKey};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose as Usage, IsCa, Issuer, KeyPair,
    KeyUsagePurpose::{DigitalSignature, KeyCertSign},
};

use super::{Site, pem, serial};

/// An owner's domain, and a registrar of it.
pub struct Party {
    pub root: Certificate,
    pub key: FileKey,
    pub chain: Vec<Certificate>,
}

impl Party {
    pub fn new(name: &str, usages: Vec<Usage>) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyCertSign];
        let (pair, own_pair) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = Certificate::from_der(params.self_signed(&pair).unwrap().der()).unwrap();
        let mut own = CertificateParams::default();
        own.distinguished_name.push(DnType::CommonName, format!("{name} registrar"));
        own.key_usages = vec![DigitalSignature];
        own.extended_key_usages = usages;
        own.use_authority_key_identifier_extension = true;
        let made = own.signed_by(&own_pair, &Issuer::from_params(&params, &pair)).unwrap();
        let key = FileKey::from_pkcs8_der(&own_pair.serialize_der()).unwrap();
        Self { chain: vec![Certificate::from_der(made.der()).unwrap(), root.clone()], key, root }
    }

    pub fn registrar(name: &str) -> Self {
        Self::new(name, vec![Usage::ClientAuth, Usage::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 28])])
    }

    pub fn sign(&self, document: &VoucherRequestDocument) -> Vec<u8> {
        voucher_request(document, &self.key, &self.chain).unwrap().der().to_vec()
    }

    pub fn owner(&self, name: &str) -> MasaEvent {
        let domains = vec![Domain { pinned: self.root.clone(), above: Vec::new(), registrar_cas: Vec::new() }];
        let owner = Owner { name: owner_name(name), contact: String::new(), domains };
        MasaEvent::OwnerRecorded { owner: Box::new(owner) }
    }
}

pub fn owner_name(text: &str) -> OwnerName {
    OwnerName::new(text).unwrap()
}

pub fn made(text: &str) -> MadeDevice {
    MadeDevice { serial_number: serial(text), line: LineName::new("Model").unwrap() }
}

/// The site of a manufacturer whose MASA signs as `masa`, with `more` in its section. It knows these owners, made these devices, and
/// sold each to whom is named beside it.
pub async fn masa_site(
    masa: &Party,
    more: &str,
    owners: Vec<MasaEvent>,
    made_and_sold: &[(&str, Option<&str>)],
) -> Site {
    let site = Site::new();
    site.write("masa.key", masa.key.to_pem().as_bytes());
    site.write("masa.pem", pem(&masa.chain).as_bytes());
    let text = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
    let sections = format!(
        "[masa]\ncertificate = 'masa.pem'\nkey = 'masa.key'\n{more}\n\
         [authority-listener]\nlisten = '127.0.0.1:0'\ncertificate = 'server.pem'\nkey = 'server.key'\n"
    );
    site.write("sztp.toml", format!("{text}{sections}").as_bytes());
    let line = ProductLine {
        name: LineName::new("Model").unwrap(),
        clock: DeviceClock::Kept,
        serial_numbers: SerialNumbers::Unique,
    };
    let mut events = owners;
    events.push(MasaEvent::LineRecorded { line: Box::new(line) });
    for (device, owner) in made_and_sold {
        events.push(MasaEvent::DeviceMade { device: made(device) });
        events.extend(
            owner.map(|to| MasaEvent::OwnershipChanged {
                device: made(device),
                deed: Deed::Sold { to: owner_name(to) },
            }),
        );
    }
    let store = site.store().await;
    for event in events {
        store.commit(Event::Masa(event).into()).await.unwrap();
    }
    store.close().await;
    site
}
