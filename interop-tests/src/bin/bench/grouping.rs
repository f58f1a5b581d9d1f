//! What is measured: a full signed grouping such as devices usually get, and everybody who had a part in it.

use authority::{ManufacturerParty, OwnerParty};
use conveyed_info::{
    BootstrappingData, Unverified, Verified,
    information::{BootImage, Information, OnboardingInformation, Script},
    make::{self, Style},
    verify::{self, Accepted, Context},
};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::FileKey,
    time::{Clock, Timestamp},
};

/// Signatures in a full signed grouping: on the voucher, on the MASA's certificate, on the owner's certificate, on the
/// conveyed information.
pub(crate) const SIGNATURES: u32 = 4;

pub(crate) struct Grouping {
    pub(crate) owner: OwnerParty,
    pub(crate) device: FileKey,
    pub(crate) idevid: Vec<Certificate>,
    pub(crate) information: Information,
    pub(crate) data: BootstrappingData,
    maker: ManufacturerParty,
    serial_number: SerialNumber,
    now: Timestamp,
}

impl Grouping {
    pub(crate) fn new() -> Self {
        let now = Timestamp::from_system(std::time::SystemTime::now());
        let serial_number = SerialNumber::new("BENCH-0001").unwrap();
        let maker = ManufacturerParty::new("Acme", now).unwrap();
        let owner = OwnerParty::new("Owner", &[], now).unwrap();
        let (device, idevid) = maker.device("bench", &serial_number, now).unwrap();
        let information = Information::from(plan());
        let style = Style::default();
        let data = BootstrappingData::Signed {
            conveyed_information: make::signed_conveyed_information(&information, style, &owner.key, &owner.chain[..1])
                .unwrap(),
            owner_certificate: make::owner_certificate(&owner.chain).unwrap(),
            ownership_voucher: maker.voucher(&serial_number, owner.pinned().unwrap(), now).unwrap(),
        };
        Self { owner, device, idevid, information, data, maker, serial_number, now }
    }

    /// What the device does with it.
    pub(crate) fn judge(&self) -> Verified<Accepted> {
        let clock = Clock::Trusted(self.now);
        let context = Context {
            idevid: self.idevid.first(),
            ..Context::new(self.maker.voucher_anchors(), &self.serial_number, clock)
        };
        verify::verify(Unverified::new(self.data.clone()), &context).unwrap()
    }
}

/// An image and two short scripts.
fn plan() -> OnboardingInformation {
    OnboardingInformation {
        boot_image: Some(BootImage {
            os_name: Some("AcmeOS".to_owned()),
            os_version: Some("2.1.0".to_owned()),
            download_uris: vec!["https://images.example.net/acmeos-2.1.0.itb".to_owned()],
            sha256: Some(pki::digest::sha256(b"image")),
        }),
        pre_configuration_script: Some(Script(vec![b'#'; 1024])),
        post_configuration_script: Some(Script(vec![b'#'; 1024])),
        ..OnboardingInformation::default()
    }
}
