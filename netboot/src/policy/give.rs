//! What somebody gets: options, what to boot, bootstrap servers, how long an address is lent.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use dhcp::{
    bootstrap_uri::{BootstrapServerUri, FieldForm, FormUnsuited, ListLengthInvalid, UriList},
    v6::{BootFileUrl, BootFileUrlError},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

use super::{
    BootText,
    option::{self, GivenOption, OptionInvalid, OptionSettings},
    pxe::{Pxe, PxeInvalid, PxeSettings},
    without::{Without, WithoutSettings},
};
use crate::lease::Address;

/// What is given, as it stands in a configuration file: to everybody, in a subnet, to a class, to a profile, with a reservation. What a
/// narrower place leaves out is taken from a wider one, unless it says that it is not to be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GiveSettings {
    /// Whether there is an answer at all; `false` leaves the client to other servers.
    #[serde(default)]
    pub answer: Option<bool>,
    /// How long an address is lent, in seconds; 3600 where nothing is said: Nexus switches take no less.
    #[serde(default)]
    pub lease_seconds: Option<u32>,
    /// For how long of that an address is used for new connections, in seconds (IPv6; RFC 4862 §5.5.4). Where nothing is said, for all of it.
    #[serde(default)]
    pub preferred_seconds: Option<u32>,
    /// Routers (IPv4; in IPv6 routers announce themselves).
    #[serde(default)]
    pub routers: Vec<IpAddr>,
    /// Domain name servers, in order of preference.
    #[serde(default)]
    pub dns: Vec<IpAddr>,
    /// The domain name (IPv4, option 15).
    #[serde(default)]
    pub domain: Option<BootText>,
    /// Domains to search, option 119 or 24.
    #[serde(default)]
    pub domain_search: Vec<String>,
    /// Time servers, option 42 or 31.
    #[serde(default)]
    pub ntp: Vec<IpAddr>,
    /// The root file system: `iscsi:…` or an NFS path (IPv4, option 17).
    #[serde(default)]
    pub root_path: Option<BootText>,
    /// The server to boot from, the header's `siaddr` (IPv4).
    #[serde(default)]
    pub next_server: Option<Ipv4Addr>,
    /// That server's name, `sname` and option 66 (IPv4).
    #[serde(default)]
    pub server_name: Option<BootText>,
    /// What to boot: a file or a URL in IPv4 (`file` and option 67), a URL in IPv6 (option 59).
    #[serde(default)]
    pub boot_file: Option<BootText>,
    /// The boot menu of PXE firmware (IPv4, option 43).
    #[serde(default)]
    pub pxe: Option<PxeSettings>,
    /// Parameters for what is booted (IPv6, option 60).
    #[serde(default)]
    pub boot_parameters: Vec<BootText>,
    /// The bootstrap servers that option 143 or 136 names, in order of preference.
    #[serde(default, deserialize_with = "uris")]
    pub bootstrap_uris: Vec<BootstrapServerUri>,
    /// How they are written, where a device does not take what RFC 8572 §8.3 says.
    #[serde(default, deserialize_with = "form")]
    pub bootstrap_form: Option<FieldForm>,
    /// Whether they go to clients that do not ask. In IPv4 they do unless this says `when-asked`: no boot firmware asks. In IPv6 they do
    /// only when this says `always` (RFC 8572 §8.2).
    #[serde(default)]
    pub bootstrap_send: Option<Sending>,
    /// Any other option, by number.
    #[serde(default)]
    pub options: Vec<OptionSettings>,
    /// What wider places give and this one does not: keys such as `boot-file`, and options by number.
    #[serde(default)]
    pub without: Vec<WithoutSettings>,
}

/// Whom an option is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sending {
    /// Every client.
    Always,
    /// Clients that ask for it: option 55 or 6.
    WhenAsked,
    /// Clients that ask for it, and those that do not say what they want at all.
    #[serde(skip)]
    Unless,
}

impl Sending {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::WhenAsked => "when-asked",
            Self::Unless => "unless-unwanted",
        }
    }
}

/// What is given, found consistent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Give {
    pub(crate) answer: Option<bool>,
    pub(crate) lease_seconds: Option<u32>,
    pub(crate) preferred_seconds: Option<u32>,
    pub(crate) next_server: Option<Ipv4Addr>,
    pub(crate) server_name: Option<BootText>,
    pub(crate) boot_file: Option<BootText>,
    pub(crate) pxe: Option<Pxe>,
    pub(crate) boot_parameters: Option<Vec<BootText>>,
    pub(crate) uris: Option<UriList>,
    pub(crate) form: Option<FieldForm>,
    pub(crate) bootstrap_send: Option<Sending>,
    pub(crate) options: BTreeMap<u16, GivenOption>,
    pub(crate) without: Without,
}

impl GiveSettings {
    /// Checks what is written for servers of this family.
    ///
    /// # Errors
    /// [`GiveInvalid`].
    pub fn check<A: Address>(self) -> Result<Give, GiveInvalid> {
        let v4 = A::WIDTH == Ipv4Addr::WIDTH;
        let only_v4 = [
            ("routers", !self.routers.is_empty()),
            ("domain", self.domain.is_some()),
            ("root-path", self.root_path.is_some()),
            ("next-server", self.next_server.is_some()),
            ("server-name", self.server_name.is_some()),
            ("pxe", self.pxe.is_some()),
        ];
        let only_v6 = [
            ("boot-parameters", !self.boot_parameters.is_empty()),
            ("preferred-seconds", self.preferred_seconds.is_some()),
        ];
        let strange = if v4 { only_v6.as_slice() } else { only_v4.as_slice() };
        if let Some((key, _)) = strange.iter().find(|(_, there)| *there) {
            return Err(GiveInvalid::OtherFamily { key });
        }
        if self.lease_seconds.is_some_and(|seconds| seconds < SHORTEST_LEASE) {
            return Err(GiveInvalid::LeaseTooShort);
        }
        if self.preferred_seconds.is_some_and(|seconds| seconds < SHORTEST_LEASE) {
            return Err(GiveInvalid::PreferredTooShort);
        }
        // RFC 5970 §3.1 (NET-09): a URL without NUL, with IPv6 addresses in brackets.
        if let Some(url) = self.boot_file.as_ref().filter(|_| !v4) {
            let _checked: BootFileUrl = url.as_str().parse()?;
        }
        let mut options = BTreeMap::new();
        let usual = if v4 { Sending::Unless } else { Sending::WhenAsked };
        let (dns, search, ntp) = if v4 { (6, 119, 42) } else { (23, 24, 31) };
        for (code, list) in [(3, &self.routers), (dns, &self.dns), (ntp, &self.ntp)] {
            if !list.is_empty() {
                let value = option::addresses::<A>(code, list)?;
                options.insert(code, GivenOption { value, sending: usual });
            }
        }
        for (code, text) in [(15, &self.domain), (17, &self.root_path)] {
            if let Some(text) = text {
                options.insert(code, GivenOption { value: text.as_str().into(), sending: usual });
            }
        }
        if !self.domain_search.is_empty() {
            let value = option::domains(search, &self.domain_search)?;
            options.insert(search, GivenOption { value, sending: usual });
        }
        for setting in self.options {
            let (code, given) = setting.check::<A>()?;
            if options.insert(code, given).is_some() {
                return Err(GiveInvalid::Twice { code });
            }
        }
        // The menu is option 43.
        if self.pxe.is_some() && options.contains_key(&43) {
            return Err(GiveInvalid::Twice { code: 43 });
        }
        let without = Without::check::<A>(&self.without)?;
        let both = [
            ("lease-seconds", self.lease_seconds.is_some()),
            ("preferred-seconds", self.preferred_seconds.is_some()),
            ("next-server", self.next_server.is_some()),
            ("server-name", self.server_name.is_some()),
            ("boot-file", self.boot_file.is_some()),
            ("pxe", self.pxe.is_some()),
            ("boot-parameters", !self.boot_parameters.is_empty()),
            ("bootstrap-uris", !self.bootstrap_uris.is_empty()),
            ("bootstrap-form", self.bootstrap_form.is_some()),
            ("bootstrap-send", self.bootstrap_send.is_some()),
        ];
        if let Some((key, _)) = both.into_iter().find(|(key, there)| *there && without.has_key(key)) {
            return Err(GiveInvalid::GivenAndTaken { key });
        }
        if let Some(code) = options.keys().copied().find(|code| without.has_option(*code)) {
            return Err(GiveInvalid::OptionGivenAndTaken { code });
        }
        let uris = match self.bootstrap_uris {
            uris if uris.is_empty() => None,
            uris => Some(UriList::new(uris)?),
        };
        if let (Some(form), Some(uris)) = (self.bootstrap_form, &uris) {
            form.encode(uris)?;
        }
        Ok(Give {
            answer: self.answer,
            lease_seconds: self.lease_seconds,
            preferred_seconds: self.preferred_seconds,
            next_server: self.next_server,
            server_name: self.server_name,
            boot_file: self.boot_file,
            pxe: self.pxe.map(Pxe::try_from).transpose()?,
            boot_parameters: Some(self.boot_parameters).filter(|list| !list.is_empty()),
            uris,
            form: self.bootstrap_form,
            bootstrap_send: self.bootstrap_send,
            options,
            without,
        })
    }
}

/// What is given contradicts itself. The configuration must be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GiveInvalid {
    /// A key that the other IP version has.
    #[error("{key} belongs to the other IP version")]
    OtherFamily {
        /// Which.
        key: &'static str,
    },
    /// Clients would renew without end.
    #[error("lease-seconds must be at least {SHORTEST_LEASE}")]
    LeaseTooShort,
    /// Clients would renew without end.
    #[error("preferred-seconds must be at least {SHORTEST_LEASE}")]
    PreferredTooShort,
    /// What IPv6 clients are to boot is no URL.
    #[error("boot-file: {0}")]
    BootFile(#[from] BootFileUrlError),
    /// An option that has two values.
    #[error("option {code} has two values")]
    Twice {
        /// Which.
        code: u16,
    },
    /// A key that is both given and taken away.
    #[error("{key} is given and taken away in one place: leave one of the two out")]
    GivenAndTaken {
        /// Which.
        key: &'static str,
    },
    /// An option that is both given and taken away.
    #[error("option {code} is given and taken away in one place: leave one of the two out")]
    OptionGivenAndTaken {
        /// Which.
        code: u16,
    },
    /// An option cannot be sent.
    #[error(transparent)]
    Option(#[from] OptionInvalid),
    /// A boot menu cannot be sent.
    #[error("pxe: {0}")]
    Pxe(#[from] PxeInvalid),
    /// Too many bootstrap servers.
    #[error("bootstrap-uris: {0}")]
    BootstrapUris(#[from] ListLengthInvalid),
    /// The form cannot say what the list says.
    #[error("bootstrap-form: {0}")]
    BootstrapForm(#[from] FormUnsuited),
}

/// The shortest lease, in seconds.
pub const SHORTEST_LEASE: u32 = 10;
/// How long an address is lent where nothing is said, in seconds.
pub const USUAL_LEASE: u32 = 3600;

fn uris<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<BootstrapServerUri>, D::Error> {
    // RFC 8572 §8.3 (DHC-05): a server refuses to be configured with anything else.
    let parse = |text: String| text.parse().map_err(|error| D::Error::custom(format_args!("{text}: {error}")));
    Vec::<String>::deserialize(deserializer)?.into_iter().map(parse).collect()
}

fn form<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FieldForm>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn settings(text: &str) -> GiveSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn keys_become_options_of_the_family() {
        let text = "dns = ['2001:db8::53']\ndomain-search = ['example.net']\nboot-file = 'https://b.example/x'";
        let give = settings(text).check::<Ipv6Addr>().unwrap();
        assert_eq!(give.options.keys().copied().collect::<Vec<_>>(), [23, 24]);
        let text =
            "routers = ['192.0.2.1']\ndns = ['192.0.2.53']\nroot-path = 'iscsi:192.0.2.1::::iqn'\nntp = ['192.0.2.1']";
        let give = settings(text).check::<Ipv4Addr>().unwrap();
        assert_eq!(give.options.keys().copied().collect::<Vec<_>>(), [3, 6, 17, 42]);
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        for (text, wrong) in [
            ("pxe = {}\noptions = [{ code = 43, hex = '00' }]", "option 43 has two values"),
            ("pxe = { menu = [{ item = 9, text = 'x' }] }", "pxe: item 9 is reserved"),
            ("boot-parameters = ['x']", "boot-parameters belongs to the other IP version"),
            ("lease-seconds = 9", "lease-seconds must be at least 10"),
            ("dns = ['::1']", "option 6: an address of the other IP version"),
            ("dns = ['192.0.2.1']\noptions = [{ code = 6, hex = '00' }]", "option 6 has two values"),
            ("bootstrap-uris = ['https://a.example']\nbootstrap-form = 'ipv4-text'", "IPv4 address only"),
        ] {
            let error = settings(text).check::<Ipv4Addr>().unwrap_err().to_string();
            assert!(error.contains(wrong), "{text}: {error}");
        }
        for (text, wrong) in [
            ("next-server = '192.0.2.1'", "next-server belongs to the other IP version"),
            ("preferred-seconds = 9", "preferred-seconds must be at least 10"),
            ("options = [{ code = 59, text = 'x' }]", "key of its own"),
        ] {
            let error = settings(text).check::<Ipv6Addr>().unwrap_err().to_string();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }

    #[test]
    fn net_09_a_boot_file_of_ipv6_is_a_url_with_brackets_and_without_nul() {
        assert!(settings("boot-file = 'tftp://[2001:db8::1]/x.efi'").check::<Ipv6Addr>().is_ok());
        for bad in ["tftp://2001:db8::1/x.efi", "x.efi", "http://a.example/a b"] {
            let checked = settings(&format!("boot-file = '{bad}'")).check::<Ipv6Addr>();
            assert!(matches!(checked, Err(GiveInvalid::BootFile(_))), "{bad}");
        }
        assert!(toml::from_str::<GiveSettings>("boot-file = \"http://a.example/x\\u0000\"").is_err());
        assert!(settings("boot-file = 'x.efi'").check::<Ipv4Addr>().is_ok());
    }

    /// DHC-05: the server refuses to be configured with another scheme or with a path.
    #[test]
    fn dhc_05_invalid_uris_and_unknown_keys_are_refused_by_name() {
        for (text, expected) in [
            ("bootstrap-uris = ['http://a.example']", "does not begin with https://"),
            ("bootstrap-uris = ['https://a.example/']", "path"),
            ("bootstrap-url = 'https://a.example'", "unknown field"),
            ("boot-fiel = 'x'", "unknown field"),
            ("bootstrap-form = 'rfc'", "not a form"),
        ] {
            let error = toml::from_str::<GiveSettings>(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
