//! What a client boots: server, server name and boot file, by architecture (NET-07, NET-08).

use std::net::Ipv4Addr;

use dhcp::v4::Architecture;
use serde::Deserialize;
use thiserror::Error;

/// What to boot, as it stands in a configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BootSettings {
    /// The server to boot from, the header's `siaddr`.
    #[serde(default)]
    pub next_server: Option<Ipv4Addr>,
    /// That server's name, `sname` and option 66.
    #[serde(default)]
    pub server_name: Option<BootText>,
    /// The file or URL to boot, `file` and option 67.
    #[serde(default)]
    pub boot_file: Option<BootText>,
    /// Exceptions by architecture; the first that names one of the client's architectures counts.
    #[serde(default)]
    pub per_architecture: Vec<ArchitectureBootSettings>,
}

/// What certain architectures boot instead; what is absent is taken from the general settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ArchitectureBootSettings {
    /// The architectures, by the numbers of option 93 (RFC 4578 §2.1).
    pub architectures: Vec<u16>,
    /// The server to boot from.
    #[serde(default)]
    pub next_server: Option<Ipv4Addr>,
    /// That server's name.
    #[serde(default)]
    pub server_name: Option<BootText>,
    /// The file or URL to boot.
    #[serde(default)]
    pub boot_file: Option<BootText>,
}

/// A server name or boot file: 1 to 255 bytes without NUL, so that it fits one option.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BootText(String);

impl BootText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BootText {
    type Error = BootTextInvalid;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let valid = (1..=255).contains(&text.len()) && !text.contains('\0');
        if valid { Ok(Self(text)) } else { Err(BootTextInvalid { length: text.len() }) }
    }
}

/// The text cannot be sent as server name or boot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a server name or boot file has 1 to 255 bytes and no NUL; this one has {length} bytes")]
pub struct BootTextInvalid {
    /// Bytes in the text.
    pub length: usize,
}

/// What one client boots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootFields {
    /// The server to boot from.
    pub next_server: Option<Ipv4Addr>,
    /// That server's name.
    pub server_name: Option<BootText>,
    /// The file or URL to boot.
    pub boot_file: Option<BootText>,
}

/// What every client boots.
#[derive(Clone, Debug, Default)]
pub struct BootPolicy {
    general: BootFields,
    exceptions: Vec<(Vec<Architecture>, BootFields)>,
}

impl BootPolicy {
    /// What a client of these architectures boots, given in its order of preference; none when it did not say.
    #[must_use]
    pub fn for_architectures(&self, client: &[Architecture]) -> BootFields {
        let matching =
            self.exceptions.iter().find(|(architectures, _)| client.iter().any(|it| architectures.contains(it)));
        let special = matching.map(|(_, fields)| fields.clone()).unwrap_or_default();
        BootFields {
            next_server: special.next_server.or(self.general.next_server),
            server_name: special.server_name.or_else(|| self.general.server_name.clone()),
            boot_file: special.boot_file.or_else(|| self.general.boot_file.clone()),
        }
    }
}

impl From<BootSettings> for BootPolicy {
    fn from(settings: BootSettings) -> Self {
        let BootSettings { next_server, server_name, boot_file, per_architecture } = settings;
        let exception = |it: ArchitectureBootSettings| {
            let fields =
                BootFields { next_server: it.next_server, server_name: it.server_name, boot_file: it.boot_file };
            (it.architectures.into_iter().map(Architecture).collect(), fields)
        };
        Self {
            general: BootFields { next_server, server_name, boot_file },
            exceptions: per_architecture.into_iter().map(exception).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matching_architecture_counts_and_gaps_are_filled() {
        let settings: BootSettings = toml::from_str(
            "next-server = '192.0.2.1'\nboot-file = 'general'\n\
             [[per-architecture]]\narchitectures = [7, 9]\nboot-file = 'uefi'\n\
             [[per-architecture]]\narchitectures = [7]\nboot-file = 'never'\n\
             [[per-architecture]]\narchitectures = [22]\nnext-server = '192.0.2.2'",
        )
        .unwrap();
        let policy = BootPolicy::from(settings);
        let boot = |architectures: &[u16]| {
            let client: Vec<_> = architectures.iter().copied().map(Architecture).collect();
            let fields = policy.for_architectures(&client);
            (fields.boot_file.unwrap().as_str().to_owned(), fields.next_server.unwrap().octets()[3])
        };
        assert_eq!(boot(&[]), ("general".into(), 1));
        assert_eq!(boot(&[7]), ("uefi".into(), 1));
        assert_eq!(boot(&[22]), ("general".into(), 2));
        assert_eq!(boot(&[99, 9]), ("uefi".into(), 1));
    }

    #[test]
    fn text_that_fits_no_option_is_refused() {
        assert!(BootText::try_from("x".repeat(255)).is_ok());
        for bad in [String::new(), "x".repeat(256), "a\0b".to_owned()] {
            assert!(BootText::try_from(bad).is_err());
        }
    }
}
