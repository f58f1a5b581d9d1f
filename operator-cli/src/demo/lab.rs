//! Builds the demo's folder: manufacturer, owner, server and devices, as the files that real ones would have.
//!
//! Nothing here is special to the demo: the server is started from the `sztp.toml` and the devices from the
//! `device.toml` that are written, and both can be started again by hand afterwards.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
};

use authority::{ManufacturerParty, OwnerParty};
use bootstrap_server::{
    audit::Event,
    config::ServerConfig,
    domain::{DeviceId, Manufacturer, ManufacturerName, OnboardingProfile, ProfileName},
    store::{Batch, SqlStore, Store},
};
use pki::{certificate::Certificate, identity::SerialNumber, key::FileKey, time::Timestamp};

use super::{files, image::BootImage};
use crate::{
    commands::Failure,
    site::{self, Plan, Site},
};

const MAKER: &str = "Example Maker";
const MODEL: &str = "Demo BMC";

/// What is wrong with a device, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planted {
    /// Nothing: it must end up bootstrapped.
    Nothing,
    /// Its voucher pins another owner: the device must refuse.
    VoucherForAnotherOwner,
    /// Somebody made a certificate with the serial number of another device: the server must refuse.
    CopiedIdentity,
}

/// A device of the demo.
#[derive(Clone, Debug)]
pub(super) struct LabDevice {
    pub(super) name: String,
    pub(super) serial_number: SerialNumber,
    pub(super) planted: Planted,
    pub(super) config: PathBuf,
    pub(super) root: PathBuf,
}

/// Everything that was built.
pub(super) struct Lab {
    pub(super) folder: PathBuf,
    pub(super) server_config: PathBuf,
    pub(super) devices: Vec<LabDevice>,
    pub(super) image: BootImage,
    manufacturer: ManufacturerParty,
    pinned: Certificate,
    port: u16,
    now: Timestamp,
}

impl Lab {
    /// Builds the folder for `count` good devices and the two rogues. `rogue_server` is advertised before the real one.
    pub(super) async fn build(
        folder: &Path,
        count: u8,
        rogue_server: SocketAddr,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let manufacturer = ManufacturerParty::new(MAKER, now)?;
        let image = BootImage::make(&folder.join("images"), now)?;
        let ports = Ports::free()?;
        let site = Site::make(&plan(&image, &ports, rogue_server), now)?;
        let server = folder.join("server");
        site.found(&server).await?;
        files::folder(&folder.join("manufacturer"))?;
        files::chain(&folder.join("manufacturer/device-root.pem"), manufacturer.device_anchors())?;
        files::chain(&folder.join("manufacturer/voucher-root.pem"), manufacturer.voucher_anchors())?;
        let mut lab = Self {
            folder: folder.to_owned(),
            server_config: server.join(site::CONFIG),
            devices: Vec::new(),
            image,
            manufacturer,
            pinned: site.pinned().clone(),
            port: ports.server,
            now,
        };
        for index in 1..=count {
            lab.add_device(&format!("bmc-{index:02}"), &format!("DEMO-{index:04}"), Planted::Nothing, &ports)?;
        }
        lab.add_device("rogue-a", "DEMO-A666", Planted::VoucherForAnotherOwner, &ports)?;
        lab.add_device("rogue-b", "DEMO-0001", Planted::CopiedIdentity, &ports)?;
        Ok(lab)
    }

    fn add_device(&mut self, name: &str, serial: &str, planted: Planted, ports: &Ports) -> Result<(), Failure> {
        let serial_number = SerialNumber::new(serial).map_err(|error| Failure::Demo(error.to_string()))?;
        let number = u8::try_from(self.devices.len()).unwrap_or(u8::MAX).saturating_add(2);
        let address = Ipv4Addr::new(127, 0, 0, number);
        let (key, chain) = match planted {
            // The names are right in every letter, the keys are not the maker's.
            Planted::CopiedIdentity => {
                ManufacturerParty::new(MAKER, self.now)?.device(MODEL, &serial_number, self.now)?
            }
            Planted::Nothing | Planted::VoucherForAnotherOwner => {
                self.manufacturer.device(MODEL, &serial_number, self.now)?
            }
        };
        let folder = self.folder.join("devices").join(name);
        let config = write_device(&folder, &key, &chain, address, ports.dhcp)?;
        let root = folder.join("root");
        self.devices.push(LabDevice { name: name.to_owned(), serial_number, planted, config, root });
        Ok(())
    }

    /// Loads the server's configuration from the file that was written.
    pub(super) fn load_server(&self) -> Result<ServerConfig, Failure> {
        Ok(ServerConfig::load(&self.server_config)?)
    }

    /// Puts manufacturer, profile, devices and vouchers into the server's store, as an operator would.
    pub(super) async fn register(&self) -> Result<(), Failure> {
        let config = self.load_server()?;
        let store = SqlStore::open(&config.database, config.checkpoint_key).await?;
        let failed = |error: &dyn std::fmt::Display| Failure::Demo(error.to_string());
        let maker = ManufacturerName::new("example-maker").map_err(|error| failed(&error))?;
        let profile_name = ProfileName::new("bmc").map_err(|error| failed(&error))?;
        let profile =
            OnboardingProfile::from_toml(profile_name.clone(), &self.profile()).map_err(|error| failed(&error))?;
        let manufacturer = Manufacturer {
            voucher_anchors: self.manufacturer.voucher_anchors().to_vec(),
            ..Manufacturer::new(maker.clone(), self.manufacturer.device_anchors().to_vec())
        };
        store
            .commit(
                Batch::from(Event::ManufacturerAdded { manufacturer })
                    .and(Event::ProfileApplied { profile: Box::new(profile) }),
            )
            .await?;
        let somebody_else = OwnerParty::new("Somebody Else", &[], self.now)?;
        for device in &self.devices {
            let pinned = match device.planted {
                Planted::Nothing => Some(&self.pinned),
                Planted::VoucherForAnotherOwner => somebody_else.pinned(),
                // It has no place on the list: it claims that of another device.
                Planted::CopiedIdentity => continue,
            };
            let pinned = pinned.ok_or_else(|| Failure::Demo("an owner without a certificate".to_owned()))?;
            let voucher = self.manufacturer.voucher(&device.serial_number, pinned, self.now)?;
            let id = DeviceId { manufacturer: maker.clone(), serial_number: device.serial_number.clone() };
            let registered = Event::DeviceRegistered {
                device: id.clone(),
                profile: profile_name.clone(),
                particulars: Box::default(),
            };
            store.commit(Batch::from(registered).and(Event::VoucherStored { device: id, voucher })).await?;
        }
        store.close().await;
        Ok(())
    }

    /// What the devices are to become.
    fn profile(&self) -> String {
        let BootImage { os_name, os_version, sha256, .. } = &self.image;
        format!(
            r##"reporting-level = "verbose"
pre-configuration-script = """#!/bin/sh
echo "preparing $(uname -s)"
"""
post-configuration-script = """#!/bin/sh
echo "configuration is in place"
"""

[configuration]
handling = "merge"
content = '{{"hostname":"bmc","ntp":["ntp.example.net"],"ssh":{{"enabled":true}}}}'

[boot-image]
os-name = "{os_name}"
os-version = "{os_version}"
download-uris = ["https://127.0.0.1:{port}/images/{sha256}"]
sha256 = "{sha256}"
"##,
            port = self.port,
        )
    }
}

/// Loopback ports that were free a moment ago.
struct Ports {
    server: u16,
    operators: u16,
    dhcp: u16,
}

impl Ports {
    fn free() -> Result<Self, Failure> {
        // Both are held until both are known: two that are free one after the other may be one.
        let listeners = [0, 0].map(|port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        let [server, operators] = listeners;
        let (server, operators) = (server?, operators?);
        let dhcp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        Ok(Self { server: server.local_addr()?.port(), operators: operators.local_addr()?.port(), dhcp })
    }
}

/// The server's site: as `sztp init` makes it, with the image and a DHCP server.
fn plan(image: &BootImage, ports: &Ports, rogue_server: SocketAddr) -> Plan {
    let Ports { server, operators, dhcp } = ports;
    let loopback = "127.0.0.1".to_owned();
    Plan {
        organization: "Example Operator".to_owned(),
        device_listen: (Ipv4Addr::LOCALHOST, *server).into(),
        operator_listen: (Ipv4Addr::LOCALHOST, *operators).into(),
        certificate_names: vec![loopback.clone(), "localhost".to_owned()],
        device_names: vec![loopback],
        origin: "demo.example/sztp".to_owned(),
        database: site::SQLITE.to_owned(),
        images: vec![image.path.clone()],
        more: format!(
            r#"
# A DHCP server of its own. The first bootstrap server it names is a planted rogue: devices must pass it over.
[dhcp4]
server-identifier = "127.0.0.1"
listen = "127.0.0.1:{dhcp}"
client-port = "source"
give.bootstrap-uris = ["https://{rogue_server}", "https://127.0.0.1:{server}"]
"#
        ),
    }
}

fn write_device(
    folder: &Path,
    key: &FileKey,
    chain: &[Certificate],
    address: Ipv4Addr,
    dhcp: u16,
) -> Result<PathBuf, Failure> {
    files::folder(folder)?;
    files::key(&folder.join("idevid.key"), key)?;
    files::chain(&folder.join("idevid.pem"), chain)?;
    let document = format!(
        r#"# Start this device again with: sztp-device run --once --config device.toml --root root
idevid-certificate = "idevid.pem"
idevid-key = "idevid.key"
voucher-anchors = ["../../manufacturer/voucher-root.pem"]
image-keys = ["../../images/image-key.pub.pem"]
allow-targets = ["127.0.0.0/8"]
clock = "trusted"
hw-model = "Demo BMC"
os-name = "factory"
os-version = "0"
reboot = "continue"

[configuration]
file = "running-config.json"

[[sources]]
kind = "dhcp4"
address = "{address}"
server = "127.0.0.1:{dhcp}"
"#
    );
    let path = folder.join("device.toml");
    files::document(&path, document.as_bytes())?;
    Ok(path)
}
