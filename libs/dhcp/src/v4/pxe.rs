//! What boot firmware wants in option 43: boot servers to ask and a menu to show (PXE specification 2.1, table 2-1 and §2.4).

use std::net::Ipv4Addr;

use thiserror::Error;

use super::{
    OptionError, VendorSpecific,
    option_code::{END, OptionCode, PAD},
    sub_options::{SubOptions, write},
};

/// How the firmware finds boot servers: the bits of `PXE_DISCOVERY_CONTROL`. None set means: ask in every way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PxeDiscovery(pub u8);

impl PxeDiscovery {
    /// Do not ask by broadcast.
    pub const NO_BROADCAST: Self = Self(0x01);
    /// Do not ask by multicast.
    pub const NO_MULTICAST: Self = Self(0x02);
    /// Take only servers of [`PxeOptions::boot_servers`].
    pub const LISTED_ONLY: Self = Self(0x04);
    /// Load the boot file that the offer names: no prompt, no menu, no asking.
    pub const BOOT_FILE_AT_ONCE: Self = Self(0x08);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of these bits are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The kind of a boot server: 0 is the machine's own disk ("local boot"), from 0x8000 on the site's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PxeServerKind(pub u16);

/// Servers of one kind, to be asked one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PxeBootServers {
    /// Their kind.
    pub kind: PxeServerKind,
    /// Their addresses, 62 at most; with none, any server of the kind may answer.
    pub addresses: Vec<Ipv4Addr>,
}

/// One line of the menu.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PxeMenuEntry {
    /// The servers it stands for.
    pub kind: PxeServerKind,
    /// What is shown.
    pub text: String,
}

/// What is shown before the menu.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PxePrompt {
    /// Seconds until the first entry is taken: 0 takes it at once, 255 waits for ever.
    pub timeout: u8,
    /// What is shown.
    pub text: String,
}

/// What the firmware chose, and a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PxeBootItem {
    /// The kind of server.
    pub kind: PxeServerKind,
    /// Which of its files, from 0; with bit 15 the credentials for it.
    pub layer: u16,
}

/// The options of PXE, as they stand in option 43 when option 60 is `PXEClient`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PxeOptions {
    /// How to find boot servers, tag 6.
    pub discovery: Option<PxeDiscovery>,
    /// The group by which to ask for them, tag 7.
    pub multicast: Option<Ipv4Addr>,
    /// Boot servers by kind, tag 8.
    pub boot_servers: Vec<PxeBootServers>,
    /// The menu, tag 9.
    pub menu: Vec<PxeMenuEntry>,
    /// What comes before the menu, tag 10.
    pub prompt: Option<PxePrompt>,
    /// What was chosen, tag 71.
    pub boot_item: Option<PxeBootItem>,
    /// Other tags, those of multicast TFTP for one, with their values. 0 and 255 are never among them.
    pub others: Vec<(u8, Vec<u8>)>,
}

impl PxeOptions {
    /// Reads the value of option 43. Padding may stand anywhere, and nothing is read behind tag 255.
    ///
    /// # Errors
    /// [`OptionError::Value`] when a tag's value is not as the specification has it. Other vendors' values are often refused
    /// too: nothing but option 60 says what this option holds.
    pub fn decode(value: &[u8]) -> Result<Self, OptionError> {
        Self::read(value).ok_or(OptionError::Value { code: OptionCode::VENDOR_SPECIFIC })
    }

    fn read(mut rest: &[u8]) -> Option<Self> {
        let mut options = Self::default();
        while let Some((tag, after)) = rest.split_first() {
            match *tag {
                PAD => rest = after,
                END => return Some(options),
                _ => {
                    let mut sub_options = SubOptions(rest);
                    let (tag, value) = sub_options.next()?;
                    options.take(tag, value)?;
                    rest = sub_options.0;
                }
            }
        }
        Some(options)
    }

    fn take(&mut self, tag: u8, value: &[u8]) -> Option<()> {
        match (tag, value) {
            (DISCOVERY, [bits]) => self.discovery = Some(PxeDiscovery(*bits)),
            (MULTICAST, _) => self.multicast = Some(Ipv4Addr::from_octets(value.try_into().ok()?)),
            (BOOT_SERVERS, _) => self.boot_servers.extend(boot_servers(value)?),
            (MENU, _) => self.menu.extend(menu(value)?),
            (PROMPT, [timeout, text @ ..]) => {
                self.prompt = Some(PxePrompt { timeout: *timeout, text: str::from_utf8(text).ok()?.to_owned() });
            }
            (BOOT_ITEM, [k1, k0, l1, l0]) => {
                let kind = PxeServerKind(u16::from_be_bytes([*k1, *k0]));
                self.boot_item = Some(PxeBootItem { kind, layer: u16::from_be_bytes([*l1, *l0]) });
            }
            (DISCOVERY | PROMPT | BOOT_ITEM, _) => return None,
            _ => self.others.push((tag, value.to_vec())),
        }
        Some(())
    }

    /// Option 43 with these options.
    ///
    /// # Errors
    /// [`PxeTooLong`] when what one tag holds exceeds 255 bytes, such as a menu of many words.
    pub fn encode(&self) -> Result<VendorSpecific, PxeTooLong> {
        let mut bytes = Vec::new();
        let mut tag = |tag: u8, value: Option<Vec<u8>>| {
            value.and_then(|value| write(tag, &value, &mut bytes)).ok_or(PxeTooLong { tag })
        };
        if let Some(PxeDiscovery(bits)) = self.discovery {
            tag(DISCOVERY, Some(vec![bits]))?;
        }
        if let Some(group) = self.multicast {
            tag(MULTICAST, Some(group.octets().to_vec()))?;
        }
        if !self.boot_servers.is_empty() {
            tag(BOOT_SERVERS, write_boot_servers(&self.boot_servers))?;
        }
        if !self.menu.is_empty() {
            tag(MENU, write_menu(&self.menu))?;
        }
        if let Some(PxePrompt { timeout, text }) = &self.prompt {
            tag(PROMPT, Some([&[*timeout], text.as_bytes()].concat()))?;
        }
        if let Some(PxeBootItem { kind, layer }) = self.boot_item {
            tag(BOOT_ITEM, Some([kind.0.to_be_bytes(), layer.to_be_bytes()].concat()))?;
        }
        for (other, value) in self.others.iter().filter(|(other, _)| !matches!(*other, PAD | END)) {
            tag(*other, Some(value.clone()))?;
        }
        bytes.push(END);
        Ok(VendorSpecific(bytes))
    }
}

/// What one tag is to hold exceeds the 255 bytes that its length can say. The fault is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("tag {tag} of PXE's options exceeds 255 bytes: use fewer or shorter entries")]
pub struct PxeTooLong {
    /// Which tag: 8 boot servers, 9 menu, 10 prompt.
    pub tag: u8,
}

fn boot_servers(mut rest: &[u8]) -> Option<Vec<PxeBootServers>> {
    let mut servers = Vec::new();
    while !rest.is_empty() {
        let ([k1, k0, count], after) = rest.split_first_chunk()?;
        let (addresses, after) = after.split_at_checked(usize::from(*count).checked_mul(4)?)?;
        let (addresses, _) = addresses.as_chunks();
        let addresses = addresses.iter().copied().map(Ipv4Addr::from_octets).collect();
        servers.push(PxeBootServers { kind: PxeServerKind(u16::from_be_bytes([*k1, *k0])), addresses });
        rest = after;
    }
    Some(servers)
}

fn write_boot_servers(servers: &[PxeBootServers]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for PxeBootServers { kind, addresses } in servers {
        bytes.extend(kind.0.to_be_bytes());
        bytes.push(u8::try_from(addresses.len()).ok()?);
        bytes.extend(addresses.iter().flat_map(Ipv4Addr::octets));
    }
    Some(bytes)
}

fn menu(mut rest: &[u8]) -> Option<Vec<PxeMenuEntry>> {
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let ([k1, k0, length], after) = rest.split_first_chunk()?;
        let (text, after) = after.split_at_checked(usize::from(*length))?;
        let text = str::from_utf8(text).ok()?.to_owned();
        entries.push(PxeMenuEntry { kind: PxeServerKind(u16::from_be_bytes([*k1, *k0])), text });
        rest = after;
    }
    Some(entries)
}

fn write_menu(entries: &[PxeMenuEntry]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for PxeMenuEntry { kind, text } in entries {
        bytes.extend(kind.0.to_be_bytes());
        bytes.push(u8::try_from(text.len()).ok()?);
        bytes.extend(text.as_bytes());
    }
    Some(bytes)
}

const DISCOVERY: u8 = 6;
const MULTICAST: u8 = 7;
const BOOT_SERVERS: u8 = 8;
const MENU: u8 = 9;
const PROMPT: u8 = 10;
const BOOT_ITEM: u8 = 71;

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> PxeOptions {
        let kind = PxeServerKind(0x8001);
        PxeOptions {
            discovery: Some(PxeDiscovery::NO_BROADCAST.and(PxeDiscovery::NO_MULTICAST)),
            multicast: Some(Ipv4Addr::new(224, 0, 1, 2)),
            boot_servers: vec![PxeBootServers { kind, addresses: vec![Ipv4Addr::new(192, 0, 2, 1)] }],
            menu: vec![PxeMenuEntry { kind, text: "Install".into() }],
            prompt: Some(PxePrompt { timeout: 5, text: "F8".into() }),
            boot_item: Some(PxeBootItem { kind, layer: 0 }),
            others: vec![(5, vec![1])],
        }
    }

    #[test]
    fn net_07_the_options_of_pxe_octet_by_octet() {
        let expected = [
            &[6, 1, 3, 7, 4, 224, 0, 1, 2][..],
            &[8, 7, 0x80, 0x01, 1, 192, 0, 2, 1],
            &[9, 10, 0x80, 0x01, 7],
            b"Install",
            &[10, 3, 5],
            b"F8",
            &[71, 4, 0x80, 0x01, 0, 0],
            &[5, 1, 1, 255],
        ];
        let value = options().encode().unwrap();
        assert_eq!(value.0, expected.concat());
        assert_eq!(PxeOptions::decode(&value.0), Ok(options()));
    }

    #[test]
    fn padding_is_skipped_and_the_end_is_the_end() {
        assert_eq!(PxeOptions::decode(&[]), Ok(PxeOptions::default()));
        let read = PxeOptions::decode(&[0, 6, 1, 8, 0, 255, 6, 1, 1]).unwrap();
        assert_eq!(read.discovery, Some(PxeDiscovery::BOOT_FILE_AT_ONCE));
        assert!(read.discovery.is_some_and(|it| it.has(PxeDiscovery(8)) && !it.has(PxeDiscovery(12))));
        assert_eq!(PxeOptions { others: vec![(0, vec![1]), (255, vec![])], ..read.clone() }.encode(), read.encode());
    }

    #[test]
    fn broken_values_are_refused() {
        for bad in [
            &[6, 2, 0, 0][..],
            &[6, 1],
            &[7, 3, 224, 0, 1],
            &[8, 3, 0, 1, 1],
            &[8, 2, 0, 1],
            &[9, 4, 0, 1, 2, b'a'],
            &[9, 4, 0, 1, 1, 0xff],
            &[10, 0],
            &[10, 2, 1, 0xff],
            &[71, 3, 0, 1, 0],
            &[60],
        ] {
            assert!(PxeOptions::decode(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_no_length_can_say_is_refused() {
        let kind = PxeServerKind(1);
        let menu = vec![PxeMenuEntry { kind, text: "x".repeat(100) }; 3];
        assert_eq!(PxeOptions { menu, ..PxeOptions::default() }.encode(), Err(PxeTooLong { tag: 9 }));
        let menu = vec![PxeMenuEntry { kind, text: "x".repeat(256) }];
        assert_eq!(PxeOptions { menu, ..PxeOptions::default() }.encode(), Err(PxeTooLong { tag: 9 }));
        let boot_servers = vec![PxeBootServers { kind, addresses: vec![Ipv4Addr::LOCALHOST; 64] }];
        assert_eq!(PxeOptions { boot_servers, ..PxeOptions::default() }.encode(), Err(PxeTooLong { tag: 8 }));
    }
}
