//! Replies that tell firmware what to boot (PXE 2.1 table 2-1).

use dhcp::v4::{Message, MessageType, OptionCode, PxeBootItem, PxeOptions, ServerIdentifier, VendorClass};

use super::file;
use crate::{
    client::PXE_CLIENT,
    dhcp4::{
        compose::{Composed, Material, echo, fit, header, put_boot_file, put_option, put_server},
        request::Request,
    },
    note::Ignored,
    policy::Pxe,
};

/// An offer without an address.
pub(in crate::dhcp4) fn boot_offer(request: &Request, material: Material<'_, '_>) -> Result<Composed, Ignored> {
    let answer = material.answer;
    let mut message = begin(request, MessageType::Offer, material);
    put_boot_options(&mut message, request, material);
    if let Some(given) = answer.boot_file() {
        put_boot_file(&mut message, given.value, request);
    }
    if request.client.is_pxe() && !put_menu(&mut message, request, material) {
        // What somebody wrote down as option 43 counts; else firmware is not to look any further.
        if message.options.bytes(OptionCode::VENDOR_SPECIFIC).is_none() {
            put_pxe(&mut message, &Pxe::without_menu().options(material.server));
        }
        message.options.put(&VendorClass(PXE_CLIENT.to_vec()));
    }
    finish(message, request)
}

/// The answer to firmware that has its address, and chose a line of the menu or none.
pub(in crate::dhcp4) fn boot_acknowledgement(
    request: &Request,
    chosen: Option<PxeBootItem>,
    material: Material<'_, '_>,
) -> Result<Composed, Ignored> {
    let mut message = begin(request, MessageType::Ack, material);
    message.client_address = request.message.client_address;
    put_boot_options(&mut message, request, material);
    // Option 43 is about the offer; here it says what was chosen.
    message.options.remove(OptionCode::VENDOR_SPECIFIC);
    if let Some(file) = file(material.answer, chosen) {
        put_boot_file(&mut message, file, request);
    }
    if request.client.is_pxe() {
        message.options.put(&VendorClass(PXE_CLIENT.to_vec()));
        if chosen.is_some() {
            put_pxe(&mut message, &PxeOptions { boot_item: chosen, ..PxeOptions::default() });
        }
    }
    finish(message, request)
}

/// Puts the boot menu, if this client has one, and what makes firmware look at it. Returns whether it does.
pub(in crate::dhcp4) fn put_menu(message: &mut Message, request: &Request, material: Material<'_, '_>) -> bool {
    let Some(pxe) = material.answer.pxe().filter(|_| request.client.is_pxe()) else { return false };
    put_pxe(message, &pxe.value.options(material.server));
    message.options.put(&VendorClass(PXE_CLIENT.to_vec()));
    true
}

fn begin(request: &Request, kind: MessageType, material: Material<'_, '_>) -> Message {
    let mut message = header(request);
    message.options.put(&kind);
    message.options.put(&ServerIdentifier(material.server));
    message
}

/// Puts the server to boot from, and of what is configured only what has to do with booting: an address and all that goes with it comes from
/// the other server.
fn put_boot_options(message: &mut Message, request: &Request, material: Material<'_, '_>) {
    for (code, (value, sending, _)) in material.answer.options() {
        if BOOT_OPTIONS.iter().any(|range| range.contains(&code)) {
            put_option(message, (code, value, sending), request);
        }
    }
    put_server(message, material.answer, request);
    // PXE 2.1 table 2-1: firmware loads from where siaddr points; a boot server that says nothing means itself.
    if request.client.is_pxe() && message.next_server.is_unspecified() {
        message.next_server = material.server;
    }
}

fn put_pxe(message: &mut Message, options: &PxeOptions) {
    // A policy holds no menu that cannot be sent.
    if let Ok(value) = options.encode() {
        message.options.put(&value);
    }
}

fn finish(mut message: Message, request: &Request) -> Result<Composed, Ignored> {
    echo(&mut message, request);
    fit(message, None, request)
}

/// What firmware takes from a proxy beside server and file: root path, option 43, PXE's and loaders' own (128 to 135), TFTP servers, iPXE's
/// (175, 203) and PXELINUX's (RFC 5071).
const BOOT_OPTIONS: [std::ops::RangeInclusive<u16>; 7] =
    [17..=17, 43..=43, 128..=135, 150..=150, 175..=175, 203..=203, 208..=211];
