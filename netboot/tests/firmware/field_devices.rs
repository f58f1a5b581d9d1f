//! Devices of the field, each with the configuration that gives it what it wants. `docs/dhcp.md` shows the same rows with the replies.

use dhcp::{
    bootstrap_uri::FieldForm,
    v4::{
        MacAddress, Message, OptionCode, OptionValue, VendorData, VendorIdentifyingClass, VendorIdentifyingOptions,
        onie,
    },
};
use netboot::policy::Dhcp4Policy;

use crate::{
    clients,
    stage::{Stage, file, option},
};

/// A kind of device.
pub(crate) struct Device {
    pub(crate) name: &'static str,
    /// What is special about it, in a sentence or two.
    pub(crate) wants: &'static str,
    /// What the site writes for it.
    pub(crate) toml: &'static str,
    /// Its DHCPDISCOVER.
    pub(crate) discover: fn() -> Message,
    /// What must be in the offer: a code, or 0 for the boot file in the header, and octets.
    expected: &'static [(u8, &'static [u8])],
}

/// What everybody gets, before the devices' own.
pub(crate) const SITE: &str = r#"[give]
bootstrap-uris = ["https://sztp.example.net"]
bootstrap-send = "when-asked"

[[subnet]]
network = "192.0.2.0/24"
pools = [{ first = "192.0.2.100", last = "192.0.2.199" }]
"#;

pub(crate) const DEVICES: &[Device] = &[
    Device {
        name: "A device that does what RFC 8572 says",
        wants: "Cisco IOS-XE 17.18 is one: it drops plain text without a word, and a path doubles the URL.",
        toml: "",
        discover: || clients::system("ciscopnp", &[1, 3, 6, 143]),
        expected: &[(143, b"\x00\x18https://sztp.example.net")],
    },
    Device {
        name: "One URI and no list",
        wants: "Readers that take one URI alone, such as those made from the samples of the O-RAN M-plane.",
        toml: r#"[[class]]
name = "one-uri"
when = { mac = ["02:00:5e:00:01:*"] }
give = { bootstrap-form = "rfc8572-single" }
"#,
        discover: || at(1, clients::system("o-ran-ru", &[1, 3, 143])),
        expected: &[(143, b"\x00\x18https://sztp.example.net")],
    },
    Device {
        name: "A URI with the path of the RPC",
        wants: "Readers that post to the URI as it is.",
        toml: r#"[[class]]
name = "with-path"
when = { mac = ["02:00:5e:00:02:*"] }
give = { bootstrap-form = "rfc8572-path" }
"#,
        discover: || at(2, clients::system("dhcpcd", &[1, 3, 143])),
        expected: &[(
            143,
            b"\0\x62https://sztp.example.net:443/restconf/operations/ietf-sztp-bootstrap-server:get-bootstrapping-data",
        )],
    },
    Device {
        name: "The OPI agent",
        wants: "Plain text with the path of the RPC, and no length before it.",
        toml: r#"[[class]]
name = "opi"
when = { mac = ["02:00:5e:00:03:*"] }
give = { bootstrap-form = "text" }
"#,
        discover: || at(3, clients::system("dhclient", &[1, 3, 143])),
        expected: &[(
            143,
            b"https://sztp.example.net:443/restconf/operations/ietf-sztp-bootstrap-server:get-bootstrapping-data",
        )],
    },
    Device {
        name: "fl-sztp",
        wants: "Host and port as plain text.",
        toml: r#"[[class]]
name = "fl-sztp"
when = { mac = ["02:00:5e:00:04:*"] }
give = { bootstrap-form = "host-port" }
"#,
        discover: || at(4, clients::system("udhcp 1.36.1", &[1, 3, 143])),
        expected: &[(143, b"sztp.example.net:443")],
    },
    Device {
        name: "Huawei",
        wants: "A bare IPv4 address, which the maker's guides show. They do not say how it is written: try text first, then octets.",
        toml: r#"[[class]]
name = "huawei"
when = { mac = ["00:e0:fc:*"] }
give = { bootstrap-uris = ["https://192.0.2.5"], bootstrap-form = "ipv4-text" }
"#,
        discover: || of(MacAddress([0, 0xe0, 0xfc, 0, 0, 5]), clients::system("huawei", &[1, 3, 143])),
        expected: &[(143, b"192.0.2.5")],
    },
    Device {
        name: "Huawei, in octets",
        wants: "What a server makes of an option that is declared as an address.",
        toml: r#"[[class]]
name = "octets"
when = { mac = ["02:00:5e:00:05:*"] }
give = { bootstrap-uris = ["https://192.0.2.5"], bootstrap-form = "ipv4-octets" }
"#,
        discover: || at(5, clients::system("huawei", &[1, 3, 143])),
        expected: &[(143, &[192, 0, 2, 5])],
    },
    Device {
        name: "OpenConfig Bootz",
        wants: "Another protocol in the same option. Such devices are told by vendor class, here by the enterprise number in option 124.",
        toml: r#"[[class]]
name = "bootz"
when = { enterprise = [30065] }
give = { bootstrap-form = "bootz" }
"#,
        discover: || {
            let mut message = clients::system("dhcpcd", &[1, 3, 143]);
            message.options.put(&VendorIdentifyingClass(vec![VendorData::new(30_065, *b"switch").unwrap()]));
            message
        },
        expected: &[(143, b"\x00\x1cbootz://sztp.example.net:443")],
    },
    Device {
        name: "OpenConfig Bootz, as its own DHCP server sends it",
        wants: "The same without the length.",
        toml: r#"[[class]]
name = "bootz-text"
when = { mac = ["02:00:5e:00:06:*"] }
give = { bootstrap-form = "bootz-text" }
"#,
        discover: || at(6, clients::system("dhcpcd", &[1, 3, 143])),
        expected: &[(143, b"bootz://sztp.example.net:443")],
    },
    Device {
        name: "Cisco Nexus (POAP)",
        wants: "Refuses a lease of less than an hour; takes its script from options 66 and 67, and 150 where there are several servers.",
        toml: r#"[[class]]
name = "nexus"
when = { vendor-class = ["*N9K*", "*NX-OS*"] }
give = { lease-seconds = 86400, server-name = "192.0.2.2", boot-file = "poap.py", options = [{ code = 150, addresses = ["192.0.2.2"] }] }
"#,
        discover: || clients::system("Cisco N9K-C93180YC-FX", &[1, 3, 6, 15, 66, 67, 150]),
        expected: &[(51, &[0, 1, 0x51, 0x80]), (66, b"192.0.2.2"), (67, b"poap.py"), (150, &[192, 0, 2, 2])],
    },
    Device {
        name: "A switch with ONIE",
        wants: "Loads the installer from the URL of option 114, or of option 125 under ONIE's own enterprise number, 42623.",
        toml: r#"[[class]]
name = "onie"
when = { vendor-class = ["onie_vendor:*"] }
give = { options = [
    { code = 114, text = "http://192.0.2.2/onie-installer" },
    { code = 125, hex = "0000a67f 21 01 1f 687474703a2f2f3139322e302e322e322f6f6e69652d696e7374616c6c6572" },
] }
"#,
        discover: clients::onie,
        expected: &[
            (114, b"http://192.0.2.2/onie-installer"),
            (125, b"\0\0\xa6\x7f\x21\x01\x1fhttp://192.0.2.2/onie-installer"),
        ],
    },
    Device {
        name: "A Raspberry Pi 3 or 4",
        wants: "Says it is PXE firmware and looks for the words `Raspberry Pi Boot` in option 43; the server it takes from option 66 or `siaddr`. \
                Which files it wants it knows itself.",
        toml: r#"[[class]]
name = "raspberry-pi"
when = { mac = ["b8:27:eb:*", "dc:a6:32:*", "e4:5f:01:*"], vendor-class = ["PXEClient:Arch:00000:UNDI:002001"] }
give = { next-server = "192.0.2.2", server-name = "192.0.2.2", pxe = { menu = [{ item = 0, text = "Raspberry Pi Boot" }] } }
"#,
        discover: || of(MacAddress([0xb8, 0x27, 0xeb, 1, 2, 3]), clients::raspberry_pi()),
        expected: &[
            (43, b"\x06\x01\x03\x09\x14\x00\x00\x11Raspberry Pi Boot\xff"),
            (60, b"PXEClient"),
            (66, b"192.0.2.2"),
        ],
    },
    Device {
        name: "U-Boot on 64-bit ARM",
        wants: "Takes server and file from the header. Without a file of its own name it asks for `boot.scr.uimg`.",
        toml: r#"[[class]]
name = "u-boot"
when = { architecture = [22] }
give = { next-server = "192.0.2.2", boot-file = "boot.scr.uimg" }
"#,
        discover: clients::u_boot,
        expected: &[(0, b"boot.scr.uimg")],
    },
    Device {
        name: "A disk by iSCSI",
        wants: "The initiator in UEFI asks for the root path and says nothing of itself. iPXE boots from such a disk too where nobody names a boot \
                file for it: `without` takes away the one that a wider place names for everybody.",
        toml: r#"[[class]]
name = "iscsi"
when = { mac = ["02:00:5e:00:07:*"] }
give = { root-path = "iscsi:192.0.2.2::::iqn.2026-01.net.example:rack-7", without = ["boot-file", "next-server"] }
"#,
        discover: || {
            let mut message = at(7, clients::system("none", &[1, 3, 6, 17]));
            message.options.remove(OptionCode::VENDOR_CLASS);
            message
        },
        expected: &[(0, b""), (17, b"iscsi:192.0.2.2::::iqn.2026-01.net.example:rack-7")],
    },
    Device {
        name: "iPXE",
        wants: "Says `iPXE` as user class, without the length that RFC 3004 puts before it. Its class stands before that of the firmware that loads \
                it, or it is told to load itself again.",
        toml: r#"[[class]]
name = "ipxe"
when = { user-class = ["iPXE"] }
give = { boot-file = "http://192.0.2.2/boot.ipxe" }
"#,
        discover: clients::ipxe,
        expected: &[(0, b"http://192.0.2.2/boot.ipxe"), (175, b"")],
    },
    Device {
        name: "UEFI that boots by TFTP",
        wants: "",
        toml: r#"[[class]]
name = "uefi"
when = { vendor-class = ["PXEClient:*"], architecture = [7, 9] }
give = { next-server = "192.0.2.2", boot-file = "ipxe/snponly.efi" }
"#,
        discover: clients::uefi,
        expected: &[(0, b"ipxe/snponly.efi"), (67, b"ipxe/snponly.efi")],
    },
    Device {
        name: "UEFI that boots by HTTP",
        wants: "Takes a URL only from a server that answers with its class in option 60 (UEFI 2.10 §24.7); the server does that by itself.",
        toml: r#"[[class]]
name = "uefi-http"
when = { vendor-class = ["HTTPClient:*"], architecture = [16] }
give = { boot-file = "https://boot.example.net/grubx64.efi" }
"#,
        discover: clients::uefi_http,
        expected: &[(0, b"https://boot.example.net/grubx64.efi"), (60, b"HTTPClient")],
    },
    Device {
        name: "A Linux kernel with its root on NFS",
        wants: "Started with `ip=dhcp root=/dev/nfs`.",
        toml: r#"[[class]]
name = "nfs-root"
when = { vendor-class = ["Linux ipconfig*"] }
give = { root-path = "192.0.2.2:/srv/rack-7,vers=3" }
"#,
        discover: || clients::system("Linux ipconfig", &[1, 3, 5, 6, 12, 15, 17, 26, 40]),
        expected: &[(17, b"192.0.2.2:/srv/rack-7,vers=3")],
    },
];

/// The client with this hardware address.
fn of(mac: MacAddress, mut message: Message) -> Message {
    message.hardware = dhcp::v4::HardwareAddress::ethernet(mac);
    message
}

/// The same with an address for examples.
fn at(number: u8, message: Message) -> Message {
    of(MacAddress([2, 0, 0x5e, 0, number, 1]), message)
}

/// Everything that the page shows, as one configuration.
pub(crate) fn policy() -> String {
    let classes: Vec<_> = DEVICES.iter().map(|device| device.toml).collect();
    format!("conflict-check = false\n{SITE}\n{}", classes.concat())
}

/// DHC-15, NET-07, NET-08: each device gets what it wants from the one configuration, and none gets another's.
#[test]
fn dhc_15_net_08_each_device_gets_what_it_wants() {
    for device in DEVICES {
        let offer = Stage::new(&policy()).reply(&(device.discover)());
        for (code, value) in device.expected {
            let name = device.name;
            match code {
                0 => assert_eq!(file(&offer).as_bytes(), *value, "{name}: file"),
                _ => assert_eq!(option(&offer, *code), *value, "{name}: option {code}"),
            }
        }
    }
}

/// DHC-15: no form is left out, and the standard's is what a device gets that no class is for.
#[test]
fn dhc_15_every_form_has_its_device() {
    let used = |form: FieldForm| DEVICES.iter().any(|device| device.toml.contains(&format!("\"{}\"", form.as_str())));
    for form in FieldForm::ALL {
        assert!(used(form) || form == FieldForm::Rfc8572, "{}", form.as_str());
    }
    // Who does not ask for option 143 does not get it here; forms come with being asked for.
    assert_eq!(option(&Stage::new(&policy()).reply(&clients::system("dhcpcd", &[1, 3])), 143), b"");
}

#[test]
fn onie_finds_its_installer_under_its_own_number() {
    let offer = Stage::new(&policy()).reply(&clients::onie());
    let options = VendorIdentifyingOptions::decode(option(&offer, 125)).unwrap();
    let data: Vec<_> = options.of(onie::ENTERPRISE).collect();
    let url = (onie::INSTALLER_URL, &b"http://192.0.2.2/onie-installer"[..]);
    assert_eq!(data[0].sub_options().collect::<Vec<_>>(), [url]);
}

/// What the page shows has no known weakness.
#[test]
fn the_configuration_of_the_page_needs_no_advice() {
    let policy: Dhcp4Policy = toml::from_str(&policy()).unwrap();
    assert_eq!(policy.advice(), []);
}
