//! What clients send, as captured on the wire; what a test does not look at is left out.

use std::net::Ipv4Addr;

use dhcp::v4::{
    Architecture, ClientArchitectures, HardwareAddress, MacAddress, MachineIdentifier, MaximumMessageSize, Message,
    MessageType, NetworkInterface, Operation, OptionCode, ParameterRequestList, PxeBootItem, PxeOptions, PxeServerKind,
    TransactionId, VendorClass,
};

pub(crate) const MAC: MacAddress = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x77]);
/// As UEFI sends it: the first three fields little-endian.
pub(crate) const UUID: [u8; 16] =
    [0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88, 0x77, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 1];

/// UEFI of a PC that boots by TFTP.
pub(crate) fn uefi() -> Message {
    let asked = &[
        1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97, 128, 129,
        130, 131, 132, 133, 134, 135,
    ];
    machine(discover("PXEClient:Arch:00007:UNDI:003000", Some(7), Some(1472), asked), Some([1, 3, 0]))
}

/// UEFI of a PC that boots by HTTP.
pub(crate) fn uefi_http() -> Message {
    let asked = &[1, 2, 3, 6, 12, 15, 17, 43, 54, 60, 67, 97, 235];
    machine(discover("HTTPClient:Arch:00016:UNDI:003000", Some(16), Some(1472), asked), Some([1, 3, 0]))
}

/// iPXE on UEFI: its user class has no length before it.
pub(crate) fn ipxe() -> Message {
    let asked = &[1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175, 203];
    let message = discover("PXEClient:Arch:00007:UNDI:003010", Some(7), Some(1472), asked);
    let mut message = machine(message, Some([1, 3, 10]));
    message.options.insert(OptionCode::USER_CLASS, *b"iPXE");
    message.options.insert(OptionCode::IPXE_OPTIONS, [0x21, 1, 1, 0xeb, 3, 1, 0, 0]);
    message
}

/// PXE of an x86 PC's BIOS that sends no identifier of its machine.
pub(crate) fn bios() -> Message {
    discover("PXEClient:Arch:00000:UNDI:002001", Some(0), None, &[1, 3, 43, 60, 66, 67])
}

/// U-Boot on a 64-bit ARM board.
pub(crate) fn u_boot() -> Message {
    let mut message = discover("U-Boot.armv8", Some(0x16), Some(576), &[1, 3, 6, 12, 17]);
    message.options.put(&NetworkInterface { kind: 1, major: 0, minor: 0 });
    message
}

/// The boot loader in the ROM of a Raspberry Pi 3 or 4.
pub(crate) fn raspberry_pi() -> Message {
    let asked = &[1, 3, 43, 60, 66, 67, 128, 129, 130, 131, 132, 133, 134, 135];
    machine(discover("PXEClient:Arch:00000:UNDI:002001", Some(0), None, asked), Some([1, 2, 1]))
}

/// A switch that installs its operating system with ONIE.
pub(crate) fn onie() -> Message {
    let mut message = discover(
        "onie_vendor:x86_64-acme_tor1-r0",
        None,
        None,
        &[1, 3, 6, 7, 12, 15, 42, 43, 54, 66, 67, 72, 114, 125],
    );
    message.options.insert(OptionCode::USER_CLASS, *b"\x14onie_dhcp_user_class");
    message
}

/// A system that is up.
pub(crate) fn system(vendor_class: &str, asked: &[u8]) -> Message {
    discover(vendor_class, None, None, asked)
}

/// A DHCPDISCOVER.
fn discover(vendor_class: &str, architecture: Option<u16>, size: Option<u16>, asked: &[u8]) -> Message {
    let mut message = Message::new(Operation::Request, HardwareAddress::ethernet(MAC));
    message.transaction = TransactionId(0x1234_5678);
    message.options.put(&MessageType::Discover);
    message.options.put(&ParameterRequestList(asked.iter().copied().filter_map(OptionCode::new).collect()));
    message.options.put(&VendorClass(vendor_class.into()));
    if let Some(number) = architecture {
        message.options.put(&ClientArchitectures(vec![Architecture(number)]));
    }
    if let Some(size) = size {
        message.options.put(&MaximumMessageSize::new(size));
    }
    message
}

fn machine(mut message: Message, interface: Option<[u8; 3]>) -> Message {
    if let Some([kind, major, minor]) = interface {
        message.options.put(&NetworkInterface { kind, major, minor });
    }
    message.options.put(&MachineIdentifier { kind: 0, bytes: UUID });
    message
}

/// The same client with its address, as it asks at port 4011 for this line of the menu.
pub(crate) fn chooses(mut message: Message, address: Ipv4Addr, item: Option<(u16, u16)>) -> Message {
    message.client_address = address;
    message.options.put(&MessageType::Request);
    if let Some((kind, layer)) = item {
        let boot_item = Some(PxeBootItem { kind: PxeServerKind(kind), layer });
        message.options.put(&PxeOptions { boot_item, ..PxeOptions::default() }.encode().unwrap());
    }
    message
}
