//! One device, its manufacturer and its owner, the same in every run: an input found yesterday means the same today.
//!
//! Keys are derived from small numbers when the program starts and signatures are deterministic (RFC 6979), so nothing
//! random is in any artifact.

use std::sync::LazyLock;

use authority::{CertificateAuthority, CertificateSerial, Kind, Masa, Profile, Subject, Validity, VoucherRequest};
use conveyed_info::{
    BootstrappingData,
    information::{
        BootImage, BootstrapServer, Configuration, ConfigurationHandling, Information, OnboardingInformation,
        RedirectInformation, Script, TrustAnchor,
    },
    make,
    voucher::Nonce,
};
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::EncodePrivateKey,
};
use pki::{
    algorithm::SignatureAlgorithm,
    certificate::Certificate,
    digest::Digest,
    identity::SerialNumber,
    key::{Entropy, FileKey, NoEntropy, PublicKey, SignError, Signer},
    time::Timestamp,
};

/// Everybody, and the artifacts they made.
pub struct World {
    /// What all clocks say.
    pub now: Timestamp,
    /// The device's.
    pub serial_number: SerialNumber,
    /// The device's certificate, and the CA above it.
    pub idevid: Vec<Certificate>,
    /// The root of the devices' CA.
    pub device_root: Certificate,
    /// What the MASA's signer chains to.
    pub voucher_root: Certificate,
    /// Issues vouchers.
    pub masa: Masa,
    /// Signs conveyed information.
    pub owner_key: FixedKey,
    /// The owner certificate and the root that vouchers pin.
    pub owner_chain: Vec<Certificate>,
    /// The nonce the device sent.
    pub nonce: Nonce,
    /// A redirect with trust anchors.
    pub redirect: Information,
    /// Onboarding information with every member.
    pub onboarding: Information,
}

/// The one world.
pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let now = Timestamp::from_unix(1_790_000_000);
        let root = |name, number| {
            CertificateAuthority::new_root(name, FixedKey::boxed(number), serial(number), now).expect("a root")
        };
        let serial_number = SerialNumber::new("SN-0001").expect("a serial number");

        let device_root = root("Device Root CA", 1);
        let devices = device_root
            .new_issuing_ca("Device CA", Box::new(FixedKey::device_ca()), serial(2), now)
            .expect("an issuing CA");
        let subject = Subject::device("Model 1", &serial_number);
        let idevid = issue(&devices, Kind::Idevid, &subject, &FixedKey::device(), now);

        let voucher_root = root("Voucher Root CA", 4);
        let signer = FixedKey::boxed(5);
        let certificate = issue(&voucher_root, Kind::VoucherSigner, &Subject::named("MASA"), &signer, now);
        let chain = vec![certificate, voucher_root.chain()[0].clone()];
        let masa = Masa::new(signer, chain).expect("a MASA");

        let owner_root = root("Owner Root CA", 6);
        let owner_key = FixedKey::new(7);
        let owner = issue(&owner_root, Kind::Owner, &Subject::named("Owner"), &owner_key, now);

        let tls_root = root("Server Root CA", 8);
        let tls = tls_root.new_issuing_ca("Server CA", FixedKey::boxed(9), serial(9), now).expect("an issuing CA");
        Self {
            now,
            serial_number,
            idevid: vec![idevid, devices.chain()[0].clone()],
            device_root: device_root.chain()[0].clone(),
            voucher_root: voucher_root.chain()[0].clone(),
            masa,
            owner_key,
            owner_chain: vec![owner, owner_root.chain()[0].clone()],
            nonce: Nonce::for_request(vec![0xa5; 16]).expect("a nonce"),
            redirect: redirect(tls.chain()),
            onboarding: onboarding(),
        }
    }

    /// Every certificate there is.
    pub fn certificates(&self) -> Vec<Certificate> {
        let mut all = [&self.idevid[..], self.masa.chain(), &self.owner_chain[..]].concat();
        all.push(self.device_root.clone());
        if let Information::Redirect(redirect) = &self.redirect {
            let anchors = redirect.servers().iter().filter_map(|server| server.trust_anchor.as_ref());
            all.extend(anchors.flat_map(|anchor| anchor.chain().to_vec()));
        }
        all
    }

    /// What a voucher may be asked to say.
    pub fn voucher_request(&self, validity: Validity) -> VoucherRequest {
        VoucherRequest {
            serial_number: self.serial_number.clone(),
            pinned_domain_cert: self.owner_chain[1].clone(),
            idevid: Some(self.idevid[0].clone()),
            validity,
        }
    }

    /// All three artifacts for `information`.
    pub fn signed(&self, information: &Information, validity: Validity) -> BootstrappingData {
        let chain = &self.owner_chain;
        BootstrappingData::Signed {
            conveyed_information: make::signed_conveyed_information(
                information,
                make::Style::default(),
                &self.owner_key,
                &chain[..1],
            )
            .expect("signed conveyed information"),
            owner_certificate: make::owner_certificate(chain).expect("an owner certificate"),
            ownership_voucher: self.masa.issue(&self.voucher_request(validity), self.now).expect("a voucher"),
        }
    }
}

fn serial(number: u8) -> CertificateSerial {
    // Different octets: a serial number that repeats one is taken for a broken source of randomness.
    CertificateSerial(std::array::from_fn(|place| number.wrapping_add(u8::try_from(place).expect("16 places"))))
}

fn issue(ca: &CertificateAuthority, kind: Kind, subject: &Subject, key: &FixedKey, now: Timestamp) -> Certificate {
    ca.issue(&Profile::of(kind), subject, key.public_key(), serial(key.number), now).expect("a certificate")
}

fn redirect(anchor: &[Certificate]) -> Information {
    let server = |address: &str, port, trust_anchor| BootstrapServer { address: address.into(), port, trust_anchor };
    let anchor = TrustAnchor::new(anchor).expect("a trust anchor");
    let servers = vec![
        server("bootstrap.example.com", 8443, Some(anchor)),
        server("192.0.2.7", 443, None),
        server("2001:db8::7", 443, None),
    ];
    RedirectInformation::new(servers).expect("a redirect").into()
}

fn onboarding() -> Information {
    let image = BootImage {
        os_name: Some("ExampleOS".into()),
        os_version: Some("17.2R1.6".into()),
        download_uris: vec!["https://images.example.com/a.itb".into(), "ftp://192.0.2.1/b".into()],
        sha256: Some(Digest([0xc3; 32])),
    };
    let configuration = Configuration { handling: ConfigurationHandling::Merge, content: b"<configuration/>".to_vec() };
    OnboardingInformation {
        boot_image: Some(image),
        pre_configuration_script: Some(Script(b"#!/bin/sh\n".to_vec())),
        configuration: Some(configuration),
        post_configuration_script: Some(Script(b"#!/bin/sh\nexit 99\n".to_vec())),
    }
    .into()
}

/// A P-256 key that follows from a number, and signs deterministically.
pub struct FixedKey {
    number: u8,
    pair: SigningKey,
    file: FileKey,
}

impl FixedKey {
    /// The device's own key.
    pub fn device() -> Self {
        Self::new(3)
    }

    /// The key of the CA that issues IDevIDs.
    pub fn device_ca() -> Self {
        Self::new(2)
    }

    /// The key of this number, which is not zero.
    pub fn new(number: u8) -> Self {
        let secret = SecretKey::from_slice(&[number; 32]).expect("a scalar below the order");
        let pkcs8 = secret.to_pkcs8_der().expect("PKCS#8");
        let file = FileKey::from_pkcs8_der(pkcs8.as_bytes()).expect("a key");
        Self { number, pair: secret.into(), file }
    }

    fn boxed(number: u8) -> Box<Self> {
        Box::new(Self::new(number))
    }

    /// The same key as a file would hold it.
    pub const fn file(&self) -> &FileKey {
        &self.file
    }
}

impl Signer for FixedKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha256
    }

    fn public_key(&self) -> &PublicKey {
        self.file.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature: Signature = self.pair.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// Entropy that is none: the octets 1, 2, 3 and so on.
#[derive(Default)]
pub struct Predictable(u8);

impl Entropy for Predictable {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoEntropy> {
        for octet in octets {
            self.0 = self.0.wrapping_add(1);
            *octet = self.0;
        }
        Ok(())
    }
}
