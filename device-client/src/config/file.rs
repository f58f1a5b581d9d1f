//! The configuration file as it is written: TOML, in which nothing unknown is let pass.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use conveyed_info::voucher::Assertion;
use pki::key::Locator;
use serde::{Deserialize, Deserializer, de::Error};

use super::{ClockTrust, Config, HttpPassword, Limits, RebootPlan, SourceConfig, WellKnown, seconds};
use crate::{
    Server,
    apply::configuration::ConfigurationPlug,
    identity::{CertificatePlace, IdentityPlaces},
    machine::{AddressRange, AllowedTargets, FinalReport},
    switch::SwitchPlace,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    #[serde(default = "on")]
    enabled: bool,
    idevid_certificate: Text<CertificatePlace>,
    idevid_key: Text<Locator>,
    idevid_key_passphrase_file: Option<PathBuf>,
    #[serde(default)]
    voucher_anchors: Vec<PathBuf>,
    #[serde(default)]
    image_keys: Vec<PathBuf>,
    #[serde(default)]
    well_known: Vec<WellKnownTable>,
    #[serde(default)]
    sources: Vec<SourceConfig>,
    #[serde(default)]
    clock: ClockWord,
    #[serde(default)]
    allow_targets: Vec<Text<AddressRange>>,
    hw_model: Option<String>,
    http_user: Option<String>,
    http_password_file: Option<PathBuf>,
    os_name: Option<String>,
    os_version: Option<String>,
    #[serde(default = "verified_only")]
    accepted_assertions: Vec<AssertionWord>,
    configuration: Option<PlugTable>,
    when_bootstrapped: Option<Vec<String>>,
    switch: Option<SwitchPlace>,
    #[serde(default = "on")]
    sign_final_report: bool,
    #[serde(default)]
    trust_anchors: Vec<PathBuf>,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    reboot: RebootValue,
    #[serde(default)]
    ssh_host_keys: Vec<PathBuf>,
}

const fn on() -> bool {
    true
}

fn verified_only() -> Vec<AssertionWord> {
    vec![AssertionWord::Verified]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WellKnownTable {
    address: String,
    #[serde(default = "https")]
    port: u16,
    #[serde(default)]
    anchors: Vec<PathBuf>,
}

const fn https() -> u16 {
    443
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ClockWord {
    #[default]
    Trusted,
    Untrusted,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AssertionWord {
    Verified,
    Logged,
    Proximity,
}

/// Exactly one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum PlugTable {
    File(PathBuf),
    Command(Vec<String>),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct LimitsTable {
    image_octets: Option<u64>,
    script_seconds: Option<u64>,
    exchange_seconds: Option<u64>,
    connect_seconds: Option<u64>,
    download_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RebootValue {
    Word(RebootWord),
    Command(Vec<String>),
}

impl Default for RebootValue {
    fn default() -> Self {
        Self::Word(RebootWord::Exit)
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RebootWord {
    Exit,
    Continue,
}

/// A value that is written as text.
struct Text<T>(T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Text).map_err(D::Error::custom)
    }
}

impl File {
    /// What the members cannot say each for itself.
    pub(super) fn checked(self) -> Result<Self, toml::de::Error> {
        if self.http_user.is_some() && self.http_password_file.is_none() {
            return Err(toml::de::Error::custom("http-user is of no use without http-password-file"));
        }
        Ok(self)
    }

    pub(super) fn resolve(self, base: &Path) -> Config {
        let path = |path: PathBuf| base.join(path);
        let paths = |list: Vec<PathBuf>| list.into_iter().map(path).collect::<Vec<_>>();
        let well_known = self.well_known.into_iter();
        let well_known = well_known
            .map(|table| WellKnown { server: Server::new(&table.address, table.port), anchors: paths(table.anchors) });
        Config {
            enabled: self.enabled,
            identity: IdentityPlaces {
                certificate: self.idevid_certificate.0.relative_to(base),
                key: self.idevid_key.0.relative_to(base),
                key_passphrase_file: self.idevid_key_passphrase_file.map(path),
            },
            voucher_anchors: paths(self.voucher_anchors),
            image_keys: paths(self.image_keys),
            well_known: well_known.collect(),
            sources: self.sources.into_iter().map(|source| source.relative_to(base)).collect(),
            clock: match self.clock {
                ClockWord::Trusted => ClockTrust::Trusted,
                ClockWord::Untrusted => ClockTrust::Untrusted,
            },
            allow_targets: AllowedTargets(self.allow_targets.into_iter().map(|text| text.0).collect()),
            hw_model: self.hw_model,
            http_password: self.http_password_file.map(|file| HttpPassword { user: self.http_user, file: path(file) }),
            os_name: self.os_name,
            os_version: self.os_version,
            accepted_assertions: self.accepted_assertions.into_iter().map(AssertionWord::resolve).collect(),
            configuration: self.configuration.map(|plug| match plug {
                PlugTable::File(file) => ConfigurationPlug::File(path(file)),
                PlugTable::Command(command) => ConfigurationPlug::Command(command),
            }),
            when_bootstrapped: self.when_bootstrapped,
            switch: self.switch.map(|place| SwitchPlace { file: path(place.file), ..place }),
            final_report: if self.sign_final_report { FinalReport::Signed } else { FinalReport::Plain },
            trust_anchors: paths(self.trust_anchors),
            limits: self.limits.resolve(),
            reboot: match self.reboot {
                RebootValue::Word(RebootWord::Exit) => RebootPlan::Exit,
                RebootValue::Word(RebootWord::Continue) => RebootPlan::Continue,
                RebootValue::Command(command) => RebootPlan::Command(command),
            },
            ssh_host_keys: paths(self.ssh_host_keys),
        }
    }
}

impl AssertionWord {
    const fn resolve(self) -> Assertion {
        match self {
            Self::Verified => Assertion::Verified,
            Self::Logged => Assertion::Logged,
            Self::Proximity => Assertion::Proximity,
        }
    }
}

impl LimitsTable {
    fn resolve(self) -> Limits {
        let default = Limits::default();
        let seconds = |given: Option<u64>, default| given.map_or(default, seconds);
        Limits {
            image_octets: self.image_octets.unwrap_or(default.image_octets),
            script: seconds(self.script_seconds, default.script),
            exchange: seconds(self.exchange_seconds, default.exchange),
            connect: seconds(self.connect_seconds, default.connect),
            download: seconds(self.download_seconds, default.download),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::ConfigError;

    const FULL: &str = r#"
        idevid-certificate = "idevid.pem"
        idevid-key = "/keys/idevid.key"
        voucher-anchors = ["masa.pem"]
        image-keys = ["image.pub"]
        clock = "untrusted"
        allow-targets = ["127.0.0.0/8", "::1"]
        hw-model = "m-1"
        http-user = "unit-1"
        http-password-file = "password"
        os-name = "os"
        os-version = "1.0"
        accepted-assertions = ["verified", "logged"]
        reboot = ["/sbin/reboot", "-f"]
        ssh-host-keys = ["/etc/ssh/ssh_host_ed25519_key.pub"]
        [[well-known]]
        address = "SZTP.example.net"
        anchors = ["anchor.pem"]
        [[sources]]
        kind = "dhcp4"
        address = "127.0.0.1"
        server = "127.0.0.1:6700"
        [[sources]]
        kind = "well-known"
        [configuration]
        file = "running.json"
        [limits]
        image-octets = 1024
        script-seconds = 7
    "#;

    #[test]
    fn no_duration_is_longer_than_a_day() {
        let text = FULL.replace("script-seconds = 7", "script-seconds = 9223372036854775807\nconnect-seconds = 86401");
        let text = text.replace("server = \"127.0.0.1:6700\"", "timeout-seconds = 4000000000000");
        let config = Config::parse(&text, Path::new("/")).unwrap();
        let day = Duration::from_secs(86_400);
        assert_eq!((config.limits.script, config.limits.connect), (day, day));
        let SourceConfig::Dhcp4(dhcp) = &config.sources[0] else { panic!() };
        assert_eq!(dhcp.timeout, day);
    }

    #[test]
    fn a_full_file_is_read() {
        let config = Config::parse(FULL, Path::new("/etc/sztp")).unwrap();
        assert!(config.enabled);
        assert_eq!(config.identity.certificate, CertificatePlace::File("/etc/sztp/idevid.pem".into()));
        assert_eq!(config.identity.key.file(), Some(Path::new("/keys/idevid.key")));
        assert_eq!(config.clock, ClockTrust::Untrusted);
        let password = HttpPassword { user: Some("unit-1".to_owned()), file: "/etc/sztp/password".into() };
        assert_eq!(config.http_password, Some(password));
        assert_eq!(config.well_known[0].server, Server::new("sztp.example.net", 443));
        assert_eq!(config.accepted_assertions, [Assertion::Verified, Assertion::Logged]);
        let SourceConfig::Dhcp4(dhcp) = &config.sources[0] else { panic!("{:?}", config.sources) };
        assert_eq!((dhcp.server.port(), dhcp.port), (6700, None));
        assert_eq!(config.sources[1], SourceConfig::WellKnown {});
        assert_eq!(config.configuration, Some(ConfigurationPlug::File("/etc/sztp/running.json".into())));
        assert_eq!((config.limits.image_octets, config.limits.script), (1024, Duration::from_secs(7)));
        assert_eq!(config.reboot, RebootPlan::Command(vec!["/sbin/reboot".into(), "-f".into()]));
    }

    #[test]
    fn dev_05_an_identity_may_be_in_a_tpm() {
        let text = FULL.replace("/keys/idevid.key", "tpm2:0x81020000").replace("idevid.pem", "tpm2-nv:0x01c90000");
        let text = format!("idevid-key-passphrase-file = 'pass'\n{text}");
        let identity = Config::parse(&text, Path::new("/etc/sztp")).unwrap().identity;
        let expected = ("tpm2:0x81020000".to_owned(), "tpm2-nv:0x01c90000".to_owned());
        assert_eq!((identity.key.to_string(), identity.certificate.to_string()), expected);
        assert_eq!(identity.key_passphrase_file.unwrap(), Path::new("/etc/sztp/pass"));
        for wrong in ["tpm2:0x80000000", "tpm2:", "tpm2:0x81020000?tpm=x"] {
            let text = FULL.replace("/keys/idevid.key", wrong);
            assert!(matches!(Config::parse(&text, Path::new("")), Err(ConfigError::Invalid { .. })), "{wrong}");
        }
        let text = FULL.replace("idevid.pem", "tpm2-nv:0x81020000");
        assert!(matches!(Config::parse(&text, Path::new("")), Err(ConfigError::Invalid { .. })));
    }

    #[test]
    fn dev_01_bootstrapping_is_on_unless_switched_off() {
        let minimal = "idevid-certificate = 'c'\nidevid-key = 'k'\n";
        assert!(Config::parse(minimal, Path::new("")).unwrap().enabled);
        let off = format!("enabled = false\n{minimal}");
        assert!(!Config::parse(&off, Path::new("")).unwrap().enabled);
    }

    #[test]
    fn nothing_unknown_or_wrong_is_let_pass() {
        for extra in [
            "idevid-cert = 'x'",
            "clock = 'maybe'",
            "http-user = 'unit-1'",
            "allow-targets = ['127.0.0.1/99']",
            "[[sources]]\nkind = 'carrier-pigeon'",
            "[[sources]]\nkind = 'dhcp4'\naddress = '127.0.0.1'\nservers = 'x'",
            "[configuration]\nfile = 'a'\ncommand = ['b']",
            "[limits]\nimages = 1",
            "reboot = 'never'",
        ] {
            let text = format!("idevid-certificate = 'c'\nidevid-key = 'k'\n{extra}\n");
            assert!(matches!(Config::parse(&text, Path::new("")), Err(ConfigError::Invalid { .. })), "{extra}");
        }
    }
}
