//! A device with its files, its owner and its manufacturer, in a folder; and the network around it.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Output};

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher,
    cms::{self, ContentType, Draft},
    information::{Configuration, ConfigurationHandling, Information, OnboardingInformation},
    voucher::{Assertion, Freshness, Voucher},
};
use peers::{network, peer::Peer};
use pki::{certificate::Certificate, identity::SerialNumber, key::FileKey, time::Timestamp};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;

/// The device's serial number: DNS compares it without regard to case, the voucher does not.
pub(crate) const SERIAL: &str = "SN-42";

/// The device is 192.0.2.1 on `veth0`; the network is another host, `other`, at 192.0.2.53 and 192.0.2.2 on `veth1`.
const NETWORK: &str = "\
ip netns add other
ip link add veth0 type veth peer name veth1 netns other
ip address add 192.0.2.1/24 dev veth0
ip -n other address add 192.0.2.53/24 dev veth1
ip -n other address add 192.0.2.2/24 dev veth1
# The address of the link is there at once.
echo 0 > /proc/sys/net/ipv6/conf/veth0/accept_dad
for netns in '' '-n other'; do ip $netns link set lo up; done
ip link set veth0 up
ip -n other link set veth1 up
# Waits until a file holds a line with this word.
await() {
    for _ in $(seq 400); do
        if grep -qs -- \"$2\" \"$1\"; then return 0; fi
        sleep 0.05
    done
    echo \"no '$2' in $1:\" >&2
    cat \"$1\" >&2
    return 1
}
: > empty
mount --bind resolv.conf /etc/resolv.conf
";

/// What runs the agent once.
const RUN: &str = "\
code=0
timeout 60 \"$AGENT\" run --once --root root --config device.toml --trace trace >said 2>&1 || code=$?
echo $code > code
";

struct Party {
    certificate: Certificate,
    key: FileKey,
    params: CertificateParams,
}

impl Party {
    fn root(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = FileKey::generate_p256().unwrap();
        let certificate = params.self_signed(&pair(&key)).unwrap();
        Self { certificate: Certificate::from_der(certificate.der()).unwrap(), key, params }
    }

    fn issue(&self, attribute: DnType, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(attribute, name);
        let key = FileKey::generate_p256().unwrap();
        let certificate = params.signed_by(&pair(&key), &Issuer::new(self.params.clone(), pair(&self.key))).unwrap();
        Self { certificate: Certificate::from_der(certificate.der()).unwrap(), key, params }
    }
}

fn pair(key: &FileKey) -> KeyPair {
    KeyPair::try_from(key.pkcs8_der()).unwrap()
}

/// A device and those it has to do with.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    masa: Party,
    owner_ca: Party,
    owner: Party,
}

impl Site {
    /// A device in factory state, with this table of its configuration as its only source.
    pub(crate) fn new(source: &str) -> Self {
        let (masa, owner_ca) = (Party::root("masa"), Party::root("owner ca"));
        let owner = owner_ca.issue(DnType::CommonName, "owner");
        let device = Party::root("manufacturer").issue(DnType::CustomDnType(vec![2, 5, 4, 5]), SERIAL);
        let site = Self { folder: tempfile::tempdir().unwrap(), masa, owner_ca, owner };
        site.write("idevid.pem", &device.certificate.der());
        site.write("idevid.key", &device.key.pkcs8_der());
        fs::set_permissions(site.path("idevid.key"), fs::Permissions::from_mode(0o600)).unwrap();
        site.write("masa.pem", &site.masa.certificate.der());
        site.write("running.json", &"{}");
        site.write("resolv.conf", &"");
        site.write("device.toml", &format!(
            "idevid-certificate = 'idevid.pem'\nidevid-key = 'idevid.key'\nvoucher-anchors = ['masa.pem']\n\
             [configuration]\nfile = 'running.json'\n[limits]\nconnect-seconds = 2\n[[sources]]\nkind = 'dns'\n{source}\n"
        ));
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &dyn AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Sets the network up, goes through `before`, runs the agent, and goes through `after`.
    pub(crate) fn run(&self, unshare: &Peer, before: &str, after: &str) -> Run {
        let agent = format!("AGENT={}\n", env!("CARGO_BIN_EXE_sztp-device"));
        let script = [&agent, NETWORK, before, RUN, after].join("\n");
        let output = network::run(unshare, self.folder.path(), 100, &script);
        let code = self.read("code").trim().parse().ok();
        let lines = self.read("trace");
        let trace = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let run = Run { code, trace, output, said: self.read("said") };
        assert!(run.output.status.success() && run.code.is_some(), "{}", run.told());
        run
    }

    /// The configuration that the device has now.
    pub(crate) fn configuration(&self) -> Value {
        serde_json::from_str(&self.read("running.json")).unwrap()
    }

    /// Signed as a whole: conveyed information, owner certificate, voucher.
    pub(crate) fn signed(&self, information: &Information) -> BootstrappingData {
        let chain = std::slice::from_ref(&self.owner.certificate);
        let document = information.encode(Encoding::Json);
        let conveyed = Draft::sign(ContentType::ConveyedInfoJson, &document, &self.owner.key, chain).unwrap();
        let voucher = Voucher {
            created_on: Some(Timestamp::from_system(std::time::SystemTime::now()).plus_seconds(-3600)),
            freshness: Freshness::Unlimited,
            assertion: Assertion::Verified,
            serial_number: SerialNumber::new(SERIAL).unwrap(),
            idevid_issuer: None,
            pinned_domain_cert: self.owner_ca.certificate.clone(),
            domain_cert_revocation_checks: None,
        };
        let masa = std::slice::from_ref(&self.masa.certificate);
        let voucher = Draft::sign(ContentType::AnimaJsonVoucher, &voucher.to_json(), &self.masa.key, masa).unwrap();
        let bag = cms::certificates_only(&[self.owner.certificate.clone(), self.owner_ca.certificate.clone()]).unwrap();
        BootstrappingData::Signed {
            conveyed_information: ConveyedInformation::from_der(conveyed).unwrap(),
            owner_certificate: OwnerCertificate::from_der(bag).unwrap(),
            ownership_voucher: OwnershipVoucher::from_der(voucher).unwrap(),
        }
    }
}

/// Not signed at all.
pub(crate) fn unsigned(information: &Information) -> BootstrappingData {
    let artifact = cms::bare(ContentType::ConveyedInfoJson, &information.encode(Encoding::Json)).unwrap();
    BootstrappingData::Unsigned(ConveyedInformation::from_der(artifact).unwrap())
}

/// Onboarding information with a configuration of about this many octets.
pub(crate) fn onboarding(octets: usize) -> Information {
    let content = serde_json::json!({ "hostname": "leaf-1", "padding": "x".repeat(octets) }).to_string();
    let configuration = Configuration { handling: ConfigurationHandling::Merge, content: content.into_bytes() };
    Information::from(OnboardingInformation {
        boot_image: None,
        pre_configuration_script: None,
        configuration: Some(configuration),
        post_configuration_script: None,
    })
}

/// What came of a run.
pub(crate) struct Run {
    /// The agent's exit code.
    pub(crate) code: Option<i32>,
    /// Its decisions.
    pub(crate) trace: Vec<Value>,
    output: Output,
    said: String,
}

impl Run {
    /// Everything that was said, for a person who looks for what went wrong.
    pub(crate) fn told(&self) -> String {
        let [out, err] = [&self.output.stdout, &self.output.stderr].map(|it| String::from_utf8_lossy(it).into_owned());
        format!("exit code {:?}\n{}\n{out}\n{err}", self.code, self.said)
    }

    /// The places of all decisions of this kind, in order.
    pub(crate) fn places(&self, step: &str) -> Vec<&str> {
        self.all(step).filter_map(|line| line["place"].as_str()).collect()
    }

    /// The details of all decisions of this kind, in order.
    pub(crate) fn details(&self, step: &str) -> Vec<&str> {
        self.all(step).filter_map(|line| line["detail"].as_str()).collect()
    }

    /// The reasons of all refusals of this kind, in order.
    pub(crate) fn reasons(&self, step: &str) -> Vec<&str> {
        self.all(step).filter_map(|line| line["reason"].as_str()).collect()
    }

    fn all<'a>(&'a self, step: &str) -> impl Iterator<Item = &'a Value> {
        let step = step.to_owned();
        self.trace.iter().filter(move |line| line["step"] == *step)
    }
}
