//! The boot menu of PXE: which lines it has, who answers for each, and how firmware finds them (PXE 2.1 table 2-1, option 43).

use std::net::Ipv4Addr;

use dhcp::v4::{
    PxeBootItem, PxeBootServers, PxeDiscovery, PxeMenuEntry, PxeOptions, PxePrompt, PxeServerKind, PxeTooLong,
};
use serde::Deserialize;
use thiserror::Error;

use super::BootText;

/// What PXE firmware shows before it boots, as it stands in a configuration file. Without a menu it loads the boot file at once.
///
/// ```toml
/// [give.pxe]
/// prompt = { text = "Press F8 for the menu", seconds = 5 }
/// menu = [
///     { item = 0, text = "Boot from disk" },
///     { item = 32768, text = "Install", boot-file = "install.efi" },
///     { item = 32769, text = "Rescue", servers = ["192.0.2.7"] },
/// ]
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PxeSettings {
    /// The lines, the one to take unasked first.
    #[serde(default)]
    pub menu: Vec<PxeItemSettings>,
    /// What is shown before the menu. Without it firmware takes the first line at once.
    #[serde(default)]
    pub prompt: Option<PxePromptSettings>,
    /// How firmware may look for the servers of a line.
    #[serde(default)]
    pub discovery: PxeDiscoverySettings,
}

/// One line of a [`PxeSettings::menu`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PxeItemSettings {
    /// The kind of boot server: 0 boots from the machine's own disk, 1 to 8 are products that the specification names, 32768 to 65534 are the
    /// site's own.
    pub item: u16,
    /// What is shown: 1 to 255 printable ASCII characters.
    pub text: String,
    /// What this server answers for the line at port 4011.
    #[serde(default)]
    pub boot_file: Option<BootText>,
    /// What it answers when firmware goes on to layer 1, 2 and so on of what it boots.
    #[serde(default)]
    pub layer_files: Vec<BootText>,
    /// The boot servers that answer for the line; without any, this one where there is a boot file, else whoever answers.
    #[serde(default)]
    pub servers: Vec<Ipv4Addr>,
}

/// What is shown before the menu.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PxePromptSettings {
    /// What is shown: 1 to 254 printable ASCII characters.
    pub text: String,
    /// How many seconds it stays until the first line is taken: 0 takes that at once, 255 waits for ever.
    pub seconds: u8,
}

/// How firmware may look for boot servers.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PxeDiscoverySettings {
    /// By broadcast. Default `false`: it asks the servers of the line, one after the other.
    #[serde(default)]
    pub broadcast: bool,
    /// By multicast to this group. This server is in none.
    #[serde(default)]
    pub multicast: Option<Ipv4Addr>,
    /// Whether it takes answers only from servers that the menu names. Default `false`: UEFI holds `siaddr` against the menu, so that this
    /// would exclude files that are elsewhere.
    #[serde(default)]
    pub listed_only: bool,
}

/// A boot menu, found consistent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pxe {
    discovery: PxeDiscovery,
    multicast: Option<Ipv4Addr>,
    menu: Vec<PxeItem>,
    prompt: Option<PxePrompt>,
}

/// One line of a menu, found consistent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PxeItem {
    kind: PxeServerKind,
    text: String,
    /// By layer.
    files: Vec<BootText>,
    servers: Vec<Ipv4Addr>,
}

impl PxeItem {
    /// Its kind of boot server.
    #[must_use]
    pub const fn kind(&self) -> PxeServerKind {
        self.kind
    }

    /// What is shown.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What this server answers for it, by layer; nothing where others answer.
    #[must_use]
    pub fn files(&self) -> &[BootText] {
        &self.files
    }

    /// The servers that are written down for it.
    #[must_use]
    pub fn servers(&self) -> &[Ipv4Addr] {
        &self.servers
    }
}

impl Pxe {
    /// The lines.
    #[must_use]
    pub fn menu(&self) -> &[PxeItem] {
        &self.menu
    }

    /// What is shown before the menu.
    #[must_use]
    pub const fn prompt(&self) -> Option<&PxePrompt> {
        self.prompt.as_ref()
    }

    /// Whether firmware may come to port 4011 of this server for a line.
    #[must_use]
    pub fn is_answered_here(&self) -> bool {
        self.menu.iter().any(|item| !item.files.is_empty())
    }

    /// What this server answers for a line and layer; `None` when that is others' business.
    #[must_use]
    pub fn file(&self, chosen: PxeBootItem) -> Option<&BootText> {
        // Bit 15 of the layer asks for the credentials of the file (PXE 2.1 table 2-1, tag 71), of which there are none here: no file is numbered
        // so high.
        let item = self.menu.iter().find(|item| item.kind == chosen.kind)?;
        item.files.get(usize::from(chosen.layer))
    }

    /// What goes into option 43 of an offer. `own` is the address at which firmware finds this server.
    #[must_use]
    pub fn options(&self, own: Ipv4Addr) -> PxeOptions {
        let asked = self.menu.iter().filter(|item| item.kind != LOCAL);
        let boot_servers = asked.map(|item| PxeBootServers {
            kind: item.kind,
            addresses: if item.servers.is_empty() && !item.files.is_empty() { vec![own] } else { item.servers.clone() },
        });
        let entry = |item: &PxeItem| PxeMenuEntry { kind: item.kind, text: item.text.clone() };
        PxeOptions {
            discovery: Some(self.discovery),
            multicast: self.multicast,
            boot_servers: boot_servers.collect(),
            menu: self.menu.iter().map(entry).collect(),
            prompt: self.prompt.clone(),
            ..PxeOptions::default()
        }
    }

    /// Option 43 where there is no menu: load the boot file of the offer (PXE 2.1 table 2-1, bit 3 of tag 6).
    #[must_use]
    pub fn without_menu() -> Self {
        Self { discovery: PxeDiscovery::BOOT_FILE_AT_ONCE, multicast: None, menu: Vec::new(), prompt: None }
    }
}

impl TryFrom<PxeSettings> for Pxe {
    type Error = PxeInvalid;

    fn try_from(settings: PxeSettings) -> Result<Self, Self::Error> {
        let PxeDiscoverySettings { broadcast, multicast, listed_only } = settings.discovery;
        if multicast.is_some_and(|group| !group.is_multicast()) {
            return Err(PxeInvalid::NoGroup);
        }
        if settings.menu.is_empty() {
            return if settings.prompt.is_none() { Ok(Self::without_menu()) } else { Err(PxeInvalid::PromptAlone) };
        }
        let prompt = settings.prompt.map(|PxePromptSettings { text, seconds }| {
            // Tag 10 holds the seconds beside the text.
            let shown = is_shown(&text) && text.len() < LONGEST;
            shown.then_some(PxePrompt { timeout: seconds, text }).ok_or(PxeInvalid::Text)
        });
        let mut menu: Vec<PxeItem> = Vec::new();
        for item in settings.menu {
            let number = item.item;
            if menu.iter().any(|other| other.kind == PxeServerKind(number)) {
                return Err(PxeInvalid::Twice { item: number });
            }
            let item = item.check()?;
            if item.kind != LOCAL && item.is_nowhere() && !broadcast && multicast.is_none() {
                return Err(PxeInvalid::Nowhere { item: number });
            }
            menu.push(item);
        }
        let bits = [
            (PxeDiscovery::NO_BROADCAST, !broadcast),
            (PxeDiscovery::NO_MULTICAST, multicast.is_none()),
            (PxeDiscovery::LISTED_ONLY, listed_only),
        ];
        let set = bits.into_iter().filter(|(_, set)| *set).map(|(bit, _)| bit);
        let discovery = set.fold(PxeDiscovery::default(), PxeDiscovery::and);
        let pxe = Self { discovery, multicast, menu, prompt: prompt.transpose()? };
        // Firmware does not join option 43 from several instances, as RFC 3396 would have it.
        let length = pxe.options(Ipv4Addr::UNSPECIFIED).encode()?.0.len();
        if length > LONGEST { Err(PxeInvalid::TooLong { length }) } else { Ok(pxe) }
    }
}

impl PxeItemSettings {
    fn check(self) -> Result<PxeItem, PxeInvalid> {
        let item = self.item;
        // PXE 2.1 table 2-1, tag 8: which kinds of boot servers there are.
        if matches!(item, 9..=32_767 | 65_535) {
            return Err(PxeInvalid::Reserved { item });
        }
        let asks = self.boot_file.is_some() || !self.layer_files.is_empty() || !self.servers.is_empty();
        if item == LOCAL.0 && asks {
            return Err(PxeInvalid::Local);
        }
        if self.boot_file.is_none() && !self.layer_files.is_empty() {
            return Err(PxeInvalid::Layers { item });
        }
        if !is_shown(&self.text) {
            return Err(PxeInvalid::Text);
        }
        let is_host = |it: &Ipv4Addr| !(it.is_unspecified() || it.is_broadcast() || it.is_multicast());
        if !self.servers.iter().all(is_host) {
            return Err(PxeInvalid::Server { item });
        }
        let files = self.boot_file.into_iter().chain(self.layer_files).collect();
        Ok(PxeItem { kind: PxeServerKind(item), text: self.text, files, servers: self.servers })
    }
}

impl PxeItem {
    /// Whether nobody is known who answers for it.
    const fn is_nowhere(&self) -> bool {
        self.files.is_empty() && self.servers.is_empty()
    }
}

fn is_shown(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|octet| matches!(octet, b' '..=b'~'))
}

/// A boot menu that cannot be sent. The configuration must be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PxeInvalid {
    /// A kind that the specification keeps for itself.
    #[error("item {item} is reserved: take one from 32768 to 65534, or 0 for the machine's own disk")]
    Reserved {
        /// Which.
        item: u16,
    },
    /// Two lines of one kind.
    #[error("item {item} stands in the menu twice: each line needs a number of its own")]
    Twice {
        /// Which.
        item: u16,
    },
    /// A line for the machine's own disk with something to ask for.
    #[error("item 0 boots from the machine's own disk: it has no boot-file, layer-files or servers")]
    Local,
    /// Layers without their first.
    #[error("item {item} has layer-files and no boot-file, which is layer 0")]
    Layers {
        /// Which.
        item: u16,
    },
    /// Nobody to ask.
    #[error("item {item} needs a boot-file or servers, or discovery by broadcast or multicast")]
    Nowhere {
        /// Which.
        item: u16,
    },
    /// A server's address is none.
    #[error("item {item}: servers are addresses of single hosts")]
    Server {
        /// Which.
        item: u16,
    },
    /// A text that firmware cannot show.
    #[error("texts have 1 to 255 printable ASCII characters, the prompt's at most 254")]
    Text,
    /// A prompt for nothing.
    #[error("a prompt needs a menu")]
    PromptAlone,
    /// Discovery by multicast to something else.
    #[error("discovery: multicast is an address from 224.0.0.0 to 239.255.255.255")]
    NoGroup,
    /// A list exceeds what its length can say.
    #[error(transparent)]
    Tag(#[from] PxeTooLong),
    /// Everything together exceeds one option.
    #[error("the menu takes {length} bytes of option 43, which holds 255: use fewer or shorter lines")]
    TooLong {
        /// Bytes.
        length: usize,
    },
}

/// The machine's own disk.
const LOCAL: PxeServerKind = PxeServerKind(0);
/// What an option or a tag can hold, in bytes.
const LONGEST: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

    fn pxe(text: &str) -> Result<Pxe, PxeInvalid> {
        Pxe::try_from(toml::from_str::<PxeSettings>(text).unwrap())
    }

    /// The example of [`PxeSettings`].
    fn example() -> Pxe {
        let text: String = include_str!("pxe.rs")
            .lines()
            .skip_while(|line| *line != "/// [give.pxe]")
            .skip(1)
            .take_while(|line| *line != "/// ```")
            .map(|line| format!("{}\n", line.trim_start_matches("///").trim_start()))
            .collect();
        pxe(&text).unwrap()
    }

    /// NET-07: PXE 2.1 table 2-1, octet by octet.
    #[test]
    fn net_07_a_menu_becomes_option_43() {
        let expected = [
            &[6, 1, 3][..],
            &[8, 14, 0x80, 0, 1, 192, 0, 2, 2, 0x80, 1, 1, 192, 0, 2, 7],
            &[9, 36, 0, 0, 14],
            b"Boot from disk",
            &[0x80, 0, 7],
            b"Install",
            &[0x80, 1, 6],
            b"Rescue",
            &[10, 22, 5],
            b"Press F8 for the menu",
            &[255],
        ];
        assert_eq!(example().options(OWN).encode().unwrap().0, expected.concat());
        assert_eq!(pxe("").unwrap().options(OWN).encode().unwrap().0, [6, 1, 8, 255]);
        let wide = "menu = [{ item = 1, text = 'x' }]\n\
                    discovery = { broadcast = true, multicast = '224.0.1.2', listed-only = true }";
        assert_eq!(
            pxe(wide).unwrap().options(OWN).encode().unwrap().0,
            [&[6, 1, 4, 7, 4, 224, 0, 1, 2, 8, 3, 0, 1, 0][..], &[9, 4, 0, 1, 1, b'x', 255]].concat()
        );
    }

    #[test]
    fn a_line_has_a_file_for_each_layer_it_names() {
        let pxe = pxe("menu = [{ item = 32768, text = 'x', boot-file = 'a', layer-files = ['b'] }]").unwrap();
        let file = |kind, layer| pxe.file(PxeBootItem { kind: PxeServerKind(kind), layer }).map(BootText::as_str);
        assert_eq!([file(32_768, 0), file(32_768, 1)], [Some("a"), Some("b")]);
        assert_eq!([file(32_768, 2), file(32_768, 0x8000), file(1, 0)], [None; 3]);
        assert!(pxe.is_answered_here() && example().is_answered_here() && !Pxe::without_menu().is_answered_here());
    }

    #[test]
    fn what_firmware_cannot_use_is_refused_by_name() {
        let line = |more: &str| format!("menu = [{{ text = 'x', {more} }}]");
        for (text, wrong) in [
            (line("item = 9, boot-file = 'a'"), PxeInvalid::Reserved { item: 9 }),
            (line("item = 32767, boot-file = 'a'"), PxeInvalid::Reserved { item: 32_767 }),
            (line("item = 65535, boot-file = 'a'"), PxeInvalid::Reserved { item: 65_535 }),
            (line("item = 0, boot-file = 'a'"), PxeInvalid::Local),
            (line("item = 8, layer-files = ['a']"), PxeInvalid::Layers { item: 8 }),
            (line("item = 8"), PxeInvalid::Nowhere { item: 8 }),
            (line("item = 8, servers = ['0.0.0.0']"), PxeInvalid::Server { item: 8 }),
            ("menu = [{ item = 0, text = 'x' }, { item = 0, text = 'y' }]".into(), PxeInvalid::Twice { item: 0 }),
            ("menu = [{ item = 0, text = '' }]".into(), PxeInvalid::Text),
            ("menu = [{ item = 0, text = 'ä' }]".into(), PxeInvalid::Text),
            ("prompt = { text = 'x', seconds = 1 }".into(), PxeInvalid::PromptAlone),
            ("discovery = { multicast = '192.0.2.1' }".into(), PxeInvalid::NoGroup),
        ] {
            assert_eq!(pxe(&text), Err(wrong), "{text}");
        }
        let long = |length| format!("menu = [{{ item = 0, text = '{}' }}]", "x".repeat(length));
        // Tag 6 takes 3 bytes, the end 1, tag 9 has 2 of its own and 3 for the line.
        assert!(pxe(&long(246)).is_ok());
        assert_eq!(pxe(&long(247)), Err(PxeInvalid::TooLong { length: 256 }));
        assert_eq!(pxe(&long(253)), Err(PxeInvalid::Tag(PxeTooLong { tag: 9 })));
        assert_eq!(pxe(&long(256)), Err(PxeInvalid::Text));
        let prompt = |length| {
            format!("menu = [{{ item = 0, text = 'x' }}]\nprompt = {{ text = '{}', seconds = 1 }}", "x".repeat(length))
        };
        assert_eq!(pxe(&prompt(255)), Err(PxeInvalid::Text));
        assert!(toml::from_str::<PxeSettings>("menus = []").is_err());
    }
}
