//! What to boot, beside the server that gives the addresses.
//!
//! Three parties ask. Firmware that looks for an address gets, at port 67, an offer without one: a proxyDHCP offer (PXE 2.1 §2.2, UEFI 2.10
//! §24.7). Firmware that has its address comes for the line of the menu that somebody chose, or because the offer named no file: to port
//! 4011, or by broadcast to port 67. And whoever has an address and asks for parameters alone, by DHCPINFORM, gets what a server would say.
//! Everybody else's messages are the other server's.

mod boot_server;
mod compose;

use dhcp::v4::{MessageType, OptionCode, PxeBootItem, PxeOptions};

pub use boot_server::BootServer;
pub(super) use compose::{boot_acknowledgement, boot_offer, put_menu};

use super::{compose::Reply, decide::Case, request::Request};
use crate::{
    note::{Event, Ignored, ServerName},
    policy::{Answer, BootText, Dhcp4Policy},
};

/// What a proxy says to a message at port 67.
pub(super) fn decide(case: &Case<'_>, policy: &Dhcp4Policy) -> Result<(Reply, Event), Ignored> {
    let request = case.request;
    match (request.kind, request.server()) {
        (MessageType::Discover, _) => offer(case),
        (MessageType::Inform, _) => case.inform(policy),
        // iPXE asks a proxy that offered no file at the port where it found it.
        (MessageType::Request, Some(server)) if server == case.server && is_firmware(request) => {
            acknowledge(case, policy)
        }
        (MessageType::Offer | MessageType::Ack | MessageType::Nak, _) => Err(Ignored::NotFromClient),
        (_, Some(other)) if other != case.server => Err(Ignored::OtherServer(ServerName::Address(other.into()))),
        (MessageType::Request | MessageType::Decline | MessageType::Release, _) => Err(Ignored::AddressAsked),
    }
}

/// What a boot server says to a message at port 4011.
fn decide_boot(case: &Case<'_>, policy: &Dhcp4Policy) -> Result<(Reply, Event), Ignored> {
    match case.request.kind {
        MessageType::Request | MessageType::Inform => acknowledge(case, policy),
        MessageType::Offer | MessageType::Ack | MessageType::Nak => Err(Ignored::NotFromClient),
        MessageType::Discover | MessageType::Decline | MessageType::Release => Err(Ignored::AddressAsked),
    }
}

/// Whether this is PXE firmware that has its address and looks for boot servers by broadcast: it names a line of the menu, and neither a
/// server nor an address that it wants.
pub(super) fn is_discovery(request: &Request) -> bool {
    let settled = request.server().is_none() && request.requested().is_none() && request.current().is_some();
    request.kind == MessageType::Request && settled && request.client.is_pxe() && chosen(request).is_some()
}

/// The answer to a DHCPDISCOVER (PXE 2.1 §2.2): nobody but firmware hears one.
fn offer(case: &Case<'_>) -> Result<(Reply, Event), Ignored> {
    let firmware = is_firmware(case.request);
    let menu = case.request.client.is_pxe() && has_menu(&case.answer);
    match (firmware, menu || case.answer.boot_file().is_some()) {
        (false, _) => Err(Ignored::NotFirmware),
        (true, false) => Err(Ignored::NothingToBoot),
        (true, true) => Ok((Reply::BootOffer, Event::BootOffered)),
    }
}

/// The answer to firmware that has its address. As with DHCPINFORM the sender says itself whom to answer.
pub(super) fn acknowledge(case: &Case<'_>, policy: &Dhcp4Policy) -> Result<(Reply, Event), Ignored> {
    if !is_firmware(case.request) {
        return Err(Ignored::NotFirmware);
    }
    let address = case.informed_address(policy)?;
    let numbered = *case.source.ip();
    if !numbered.is_unspecified() && numbered != address && case.request.relay().is_none() {
        return Err(Ignored::Elsewhere { address: address.into() });
    }
    let chosen = chosen(case.request);
    file(&case.answer, chosen).ok_or(Ignored::NothingToBoot)?;
    Ok((Reply::Boot(chosen), Event::BootServed(address.into())))
}

/// What firmware gets that chose this, or nothing in particular.
fn file<'p>(answer: &Answer<'p>, chosen: Option<PxeBootItem>) -> Option<&'p BootText> {
    let general = answer.boot_file().map(|given| given.value);
    match (answer.pxe().map(|given| given.value).filter(|pxe| !pxe.menu().is_empty()), chosen) {
        // PXE 2.1 §2.4: a boot server is silent about kinds that it does not serve.
        (Some(pxe), Some(chosen)) => pxe.file(chosen),
        (Some(pxe), None) => general.or_else(|| pxe.menu().iter().find_map(|item| item.files().first())),
        // Without a menu there is one file and no second layer of it.
        (None, Some(PxeBootItem { layer: 0, .. }) | None) => general,
        (None, Some(_)) => None,
    }
}

/// Whether there is anything in option 43 for it beside the advice to boot at once.
fn has_menu(answer: &Answer<'_>) -> bool {
    let menu = answer.pxe().is_some_and(|given| !given.value.menu().is_empty());
    menu || answer.options().contains_key(&OptionCode::VENDOR_SPECIFIC.number().into())
}

/// The line of the menu that the firmware names: tag 71 of option 43.
fn chosen(request: &Request) -> Option<PxeBootItem> {
    let value = request.message.options.bytes(OptionCode::VENDOR_SPECIFIC)?;
    PxeOptions::decode(value).ok()?.boot_item
}

fn is_firmware(request: &Request) -> bool {
    request.client.is_pxe() || request.client.is_http()
}
