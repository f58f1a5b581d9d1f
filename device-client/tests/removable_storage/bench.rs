//! A device, its owner, and sticks to put between them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use conveyed_info::{
    BootstrappingData,
    discovery::{
        ArtifactKind,
        removable_storage::{DeviceFolder, Layout},
    },
    information::{BootImage, Configuration, ConfigurationHandling, Information, OnboardingInformation, Script},
    make::{self, Style},
    voucher::{Assertion, Freshness, Voucher},
};
use pki::{certificate::Certificate, digest::sha256, identity::SerialNumber, key::FileKey, time::Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    KeyUsagePurpose::{DigitalSignature, KeyCertSign},
};

pub(crate) const SERIAL: &str = "SN-1";
pub(crate) const IMAGE: &[u8] = b"an image";

/// A folder with everything the device needs, and those who sign for it.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    masa: (FileKey, Vec<Certificate>),
    owner: (FileKey, Vec<Certificate>),
    owner_ca: Certificate,
}

fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A signer below a CA: its key, and its chain.
fn signer(name: &str, ca: &CertifiedIssuer<'_, KeyPair>) -> (FileKey, Vec<Certificate>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![DigitalSignature];
    let pair = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&pair, ca).unwrap();
    let chain = [certificate.der(), ca.der()].map(|der| Certificate::from_der(der).unwrap());
    (FileKey::from_pkcs8_der(&pair.serialize_der()).unwrap(), chain.to_vec())
}

impl Bench {
    /// A device whose one source is removable storage, asked as `settings` say: lines of its table.
    pub(crate) fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        let (manufacturer, masa_ca, owner_ca) = (ca("manufacturer"), ca("masa ca"), ca("owner ca"));
        let device_key = KeyPair::generate().unwrap();
        let mut device = CertificateParams::new(Vec::new()).unwrap();
        device.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), SERIAL);
        write("idevid.pem", device.signed_by(&device_key, &manufacturer).unwrap().pem());
        write("idevid.key", device_key.serialize_pem());
        fs::set_permissions(folder.path().join("idevid.key"), fs::Permissions::from_mode(0o600)).unwrap();
        write("masa.pem", masa_ca.pem());
        write("running.json", "{}".to_owned());
        write(
            "device.toml",
            format!(
                "idevid-certificate = 'idevid.pem'\nidevid-key = 'idevid.key'\nvoucher-anchors = ['masa.pem']\n\
                 os-name = 'os'\nos-version = '1'\nreboot = 'continue'\n[configuration]\nfile = 'running.json'\n\
                 [[sources]]\nkind = 'removable-storage'\n{settings}\n"
            ),
        );
        let owner = signer("owner", &owner_ca);
        let owner_ca = Certificate::from_der(owner_ca.der()).unwrap();
        Self { masa: signer("masa", &masa_ca), owner, owner_ca, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All three artifacts.
    pub(crate) fn signed(&self, information: &Information) -> BootstrappingData {
        let now = Timestamp::from_system(SystemTime::now());
        let voucher = Voucher {
            created_on: Some(now.plus_seconds(-60)),
            freshness: Freshness::ExpiresOn { expires_on: now.plus_seconds(86_400), last_renewal_date: None },
            assertion: Assertion::Verified,
            serial_number: SerialNumber::new(SERIAL).unwrap(),
            idevid_issuer: None,
            pinned_domain_cert: self.owner_ca.clone(),
            domain_cert_revocation_checks: None,
        };
        let ((masa, masa_chain), (owner, owner_chain)) = (&self.masa, &self.owner);
        BootstrappingData::Signed {
            conveyed_information: make::signed_conveyed_information(information, Style::default(), owner, owner_chain)
                .unwrap(),
            owner_certificate: make::owner_certificate(owner_chain).unwrap(),
            ownership_voucher: make::ownership_voucher(&voucher, masa, masa_chain).unwrap(),
        }
    }

    /// One attempt of the compiled agent: its exit code, and its trace.
    pub(crate) fn run(&self) -> (Option<i32>, Vec<serde_json::Value>) {
        let output = self.agent().output().unwrap();
        let trace = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), trace.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn agent(&self) -> Command {
        let mut agent = Command::new(env!("CARGO_BIN_EXE_sztp-device"));
        agent.args(["run", "--once", "--trace", "-", "--root"]).arg(self.path("root"));
        agent.arg("--config").arg(self.path("device.toml"));
        agent
    }

    /// What the agent has for its configuration after that.
    pub(crate) fn configuration(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path("running.json")).unwrap()).unwrap()
    }
}

/// Where a layout has a device.
pub(crate) fn device_folder(layout: &Layout, serial_number: &str) -> DeviceFolder {
    layout.folder(&SerialNumber::new(serial_number).unwrap()).unwrap()
}

/// Writes the artifacts of a device, as an operator does.
pub(crate) fn write(stick: &Path, folder: &DeviceFolder, data: &BootstrappingData) {
    let mut files = Vec::new();
    match data {
        BootstrappingData::Unsigned(information) => {
            files.push((ArtifactKind::ConveyedInformation, information.der()));
        }
        BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } => {
            files.push((ArtifactKind::ConveyedInformation, conveyed_information.der()));
            files.push((ArtifactKind::OwnerCertificate, owner_certificate.der()));
            files.push((ArtifactKind::OwnershipVoucher, ownership_voucher.der()));
        }
    }
    for (kind, octets) in files {
        let path = stick.join(folder.write_path(kind).to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    }
}

pub(crate) fn unsigned(information: &Information) -> BootstrappingData {
    BootstrappingData::Unsigned(make::unsigned_conveyed_information(information, Style::default()).unwrap())
}

/// A script that writes `word` to a file beside the configuration, and a configuration that names the device.
pub(crate) fn plan(output: &Path, name: &str) -> OnboardingInformation {
    OnboardingInformation {
        boot_image: None,
        pre_configuration_script: Some(Script(
            format!("#!/bin/sh\necho {name} >> {}\n", output.display()).into_bytes(),
        )),
        configuration: Some(Configuration {
            handling: ConfigurationHandling::Merge,
            content: format!("{{\"hostname\":\"{name}\"}}").into_bytes(),
        }),
        post_configuration_script: None,
    }
}

/// The same with a boot image.
pub(crate) fn with_image(plan: OnboardingInformation, uri: &str) -> OnboardingInformation {
    let boot_image = BootImage {
        os_name: Some("os".into()),
        os_version: Some("2".into()),
        download_uris: vec![uri.to_owned()],
        sha256: Some(sha256(IMAGE)),
    };
    OnboardingInformation { boot_image: Some(boot_image), ..plan }
}

/// The members of one kind in a trace, in order.
pub(crate) fn all<'a>(trace: &'a [serde_json::Value], member: &str) -> Vec<&'a str> {
    trace.iter().filter_map(|record| record[member].as_str()).collect()
}
