//! What a person should know of a policy that is consistent and all the same will not do what they want.

use std::fmt;

use dhcp::v4::Architecture;

use super::{Class, Dhcp4Policy, Dhcp6Policy, Directory, Rules, USUAL_LEASE};
use crate::{
    client::{Client, PXE_CLIENT},
    lease::Address,
};

/// A policy's weakness in the field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Nexus switches refuse what is lent for less than an hour.
    NexusLease {
        /// The class that is for them.
        class: String,
        /// How long it may get an address for, in seconds.
        seconds: u32,
    },
    /// iPXE is told to boot iPXE, and does so without end.
    IpxeLoop {
        /// Where that is said.
        origin: String,
        /// What is booted.
        file: String,
    },
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NexusLease { class, seconds } => {
                write!(f, "class {class} is for Nexus switches, which refuse a lease of {seconds} seconds")
            }
            Self::IpxeLoop { origin, file } => {
                write!(f, "{origin} gives iPXE the boot file {file}, which is iPXE again")
            }
        }
    }
}

impl Advice {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NexusLease { class, .. } => format!("give class {class} lease-seconds = {NEXUS_LEASE} or more"),
            Self::IpxeLoop { origin, .. } => {
                format!("before {origin}, put a class with when = {{ user-class = [\"iPXE\"] }} that gives the script")
            }
        }
    }
}

impl Dhcp4Policy {
    /// What is not wrong and will not do what somebody wants.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        let rules = self.rules();
        let nexus = rules.classes().iter().filter_map(|class| nexus_lease(rules, class));
        nexus.chain(ipxe_loops(rules)).collect()
    }
}

impl Dhcp6Policy {
    /// What is not wrong and will not do what somebody wants.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        ipxe_loops(self.rules())
    }
}

fn nexus_lease<A: Address>(rules: &Rules<A>, class: &Class) -> Option<Advice> {
    let of_nexus = |text: String| NEXUS.iter().any(|word| text.to_ascii_uppercase().contains(word));
    if !class.when().vendor_classes().iter().any(|pattern| of_nexus(pattern.to_string())) {
        return None;
    }
    let everybody = rules.everybody().lease_seconds.unwrap_or(USUAL_LEASE);
    let subnets = rules.subnets().iter().map(|subnet| subnet.give().lease_seconds.unwrap_or(everybody));
    // What stands in the class goes before what stands in the subnet.
    let shortest = class.give().lease_seconds.or_else(|| subnets.min()).unwrap_or(everybody);
    let class = class.name().to_owned();
    (shortest < NEXUS_LEASE).then_some(Advice::NexusLease { class, seconds: shortest })
}

/// Where iPXE is told to boot iPXE, each place once.
fn ipxe_loops<A: Address>(rules: &Rules<A>) -> Vec<Advice> {
    let mut advice = Vec::new();
    for number in FIRMWARE {
        advice.extend(ipxe_loop(rules, Architecture(number)).filter(|found| !advice.contains(found)));
    }
    advice
}

/// What such firmware would boot once it is iPXE.
fn ipxe_loop<A: Address>(rules: &Rules<A>, architecture: Architecture) -> Option<Advice> {
    let client = Client {
        vendor_classes: vec![[PXE_CLIENT, format!(":Arch:{:05}:UNDI:003010", architecture.0).as_bytes()].concat()],
        user_classes: vec![b"iPXE".to_vec()],
        architectures: vec![architecture],
        ..Client::default()
    };
    let subnets = rules.subnets().iter().map(Some).chain([None]);
    subnets.into_iter().find_map(|subnet| {
        let directory = Directory::default();
        let answer = rules.answer(&client, subnet, &directory);
        let given = answer.boot_file().filter(|given| is_ipxe(given.value.as_str()))?;
        Some(Advice::IpxeLoop { origin: given.origin.to_string(), file: given.value.as_str().to_owned() })
    })
}

/// Whether a file is iPXE itself, as its makers name it, and no script of it.
fn is_ipxe(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name.as_str(), ""));
    let made = ["ipxe", "snponly", "snp", "undionly"].iter().any(|start| stem.starts_with(start));
    made && ["efi", "kpxe", "kkpxe", "kkkpxe", "pxe", "lkrn"].contains(&ending)
}

/// What the vendor class of a Nexus switch has in it, in capitals.
const NEXUS: [&str; 6] = ["NX-OS", "NEXUS", "N3K", "N5K", "N7K", "N9K"];
/// The shortest lease that they take, in seconds.
const NEXUS_LEASE: u32 = 3600;
/// Architectures that iPXE is made for: x86 BIOS, 32-bit and 64-bit UEFI, 64-bit UEFI as older firmware has it, ARM in 32 and 64 bits.
const FIRMWARE: [u16; 6] = [0, 6, 7, 9, 10, 11];

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(text: &str) -> Vec<String> {
        toml::from_str::<Dhcp4Policy>(text).unwrap().advice().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_lease_that_nexus_switches_refuse_is_told() {
        let class =
            |more: &str| format!("[[class]]\nname = 'poap'\nwhen = {{ vendor-class = ['Cisco N9K-*'] }}\n{more}\n");
        let subnet = "[[subnet]]\nnetwork = '192.0.2.0/24'\ngive = { lease-seconds = 600 }\n";
        assert_eq!(advice(&class("")), [""; 0]);
        for (text, seconds) in [
            (class("give = { lease-seconds = 3599 }"), 3599),
            (format!("[give]\nlease-seconds = 60\n{}", class("")), 60),
            (format!("{}{subnet}", class("")), 600),
        ] {
            let told = advice(&text);
            assert!(told[0].contains(&format!("class poap is for Nexus switches, which refuse a lease of {seconds}")));
        }
        assert_eq!(advice(&format!("{}{subnet}", class("give = { lease-seconds = 86400 }"))), [""; 0]);
        assert_eq!(
            advice("[[class]]\nname = 'x'\nwhen = { vendor-class = ['udhcp*'] }\ngive = { lease-seconds = 60 }"),
            [""; 0]
        );
    }

    #[test]
    fn net_07_ipxe_that_would_boot_ipxe_is_told() {
        let uefi =
            "[[class]]\nname = 'uefi'\nwhen = { architecture = [7, 9] }\ngive = { boot-file = 'boot/snponly.efi' }\n";
        let ipxe = "[[class]]\nname = 'ipxe'\nwhen = { user-class = ['iPXE'] }\ngive = { boot-file = 'http://b.example/menu.ipxe' }\n";
        let told = advice(uefi);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("class uefi gives iPXE the boot file boot/snponly.efi"), "{told:?}");
        assert_eq!(advice(&format!("{ipxe}{uefi}")), [""; 0]);
        assert_eq!(advice(&format!("{uefi}{ipxe}")).len(), 1, "the first class counts");
        assert_eq!(advice("[give]\nboot-file = 'undionly.kpxe'").len(), 1);
        assert_eq!(advice("[give]\nboot-file = 'grubx64.efi'"), [""; 0]);
    }

    #[test]
    fn net_09_of_ipv6_too() {
        let advice = |text: &str| toml::from_str::<Dhcp6Policy>(text).unwrap().advice();
        let told = advice("[give]\nboot-file = 'http://[2001:db8::1]/ipxe.efi'");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].remedy().contains("before everybody, put a class"), "{told:?}");
        assert_eq!(advice("[give]\nboot-file = 'http://[2001:db8::1]/grubx64.efi'"), []);
    }
}
