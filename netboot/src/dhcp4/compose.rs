//! The server's replies: their fields and options (RFC 2131 §4.3, table 3), fitted to what the client accepts.

use std::net::Ipv4Addr;

use dhcp::{
    bootstrap_uri::{FieldForm, UriList},
    v4::{
        BootFileName, FixedField, Flags, HostName, LeaseTime, Message, MessageType, Operation, OptionCode, PxeBootItem,
        RebindingTime, RenewalTime, ServerIdentifier, SubnetMask, TftpServerName, VendorClass,
    },
};

use super::{proxy, request::Request};
use crate::{
    client::HTTP_CLIENT,
    note::{Event, Ignored},
    policy::{Answer, BootText, Sending},
};

/// What a request is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// DHCPOFFER of this address.
    Offer(Ipv4Addr),
    /// DHCPACK that lends this address.
    Grant(Ipv4Addr),
    /// DHCPNAK.
    Refuse,
    /// DHCPACK without address.
    Inform,
    /// DHCPOFFER without address, of what to boot.
    BootOffer,
    /// DHCPACK without address, of what to boot for this line of the menu.
    Boot(Option<PxeBootItem>),
}

/// A reply as bytes, and what had to be left out of it.
pub(super) struct Composed {
    pub(super) bytes: Vec<u8>,
    pub(super) shortened: Option<Event>,
}

/// What a reply is made from beside the request.
#[derive(Clone, Copy)]
pub(super) struct Material<'a, 'p> {
    /// The address by which the client knows this server.
    pub(super) server: Ipv4Addr,
    /// The mask of the client's network, if it is known.
    pub(super) mask: Option<Ipv4Addr>,
    /// What the client is given.
    pub(super) answer: &'a Answer<'p>,
}

/// Writes the reply.
pub(super) fn compose(request: &Request, reply: Reply, material: Material<'_, '_>) -> Result<Composed, Ignored> {
    let mut message = header(request);
    message.options.put(&match reply {
        Reply::Offer(_) => MessageType::Offer,
        Reply::Grant(_) | Reply::Inform => MessageType::Ack,
        Reply::Refuse => MessageType::Nak,
        Reply::BootOffer => return proxy::boot_offer(request, material),
        Reply::Boot(chosen) => return proxy::boot_acknowledgement(request, chosen, material),
    });
    message.options.put(&ServerIdentifier(material.server));
    let mut uris = None;
    match reply {
        Reply::Offer(address) | Reply::Grant(address) => {
            message.your_address = address;
            put_lease(&mut message, material.answer.lease_seconds());
            uris = put_parameters(&mut message, material, request);
        }
        // RFC 2131 §4.3.5: neither yiaddr nor lease time.
        Reply::Inform => uris = put_parameters(&mut message, material, request),
        // RFC 2131 §4.3.2: a relay agent must broadcast it, the client may not have an address.
        Reply::Refuse if request.relay().is_some() => message.flags = Flags::BROADCAST,
        Reply::Refuse | Reply::BootOffer | Reply::Boot(_) => {}
    }
    if matches!(reply, Reply::Grant(_) | Reply::Inform) {
        message.client_address = request.message.client_address;
    }
    // RFC 4039 §3.1: an ACK that follows a DISCOVER at once says so.
    if matches!(reply, Reply::Grant(_)) && request.kind == MessageType::Discover {
        message.options.insert(OptionCode::RAPID_COMMIT, Vec::new());
    }
    echo(&mut message, request);
    fit(message, uris, request)
}

/// Gives back what a client wants to see again.
pub(super) fn echo(message: &mut Message, request: &Request) {
    let mut give_back = |code| {
        if let Some(value) = request.message.options.bytes(code) {
            message.options.insert(code, value);
        }
    };
    // PXE 2.1 table 2-1: so that firmware knows the answer for its own.
    if request.client.is_pxe() || request.client.is_http() {
        give_back(OptionCode::MACHINE_IDENTIFIER);
    }
    // RFC 6842 §3: the client identifier comes back; RFC 3011 §3: so does the subnet selection; RFC 3046 §2.2: and the relay agent's
    // option, at the end.
    give_back(OptionCode::CLIENT_IDENTIFIER);
    give_back(OptionCode::SUBNET_SELECTION);
    give_back(OptionCode::RELAY_AGENT_INFORMATION);
}

pub(super) fn header(request: &Request) -> Message {
    let mut message = Message::new(Operation::Reply, request.message.hardware);
    message.transaction = request.message.transaction;
    message.flags = request.message.flags;
    message.relay = request.message.relay;
    message
}

fn put_lease(message: &mut Message, lease: u32) {
    message.options.put(&LeaseTime(lease));
    // RFC 2131 §4.4.5: T1 is half of the lease, T2 seven eighths.
    message.options.put(&RenewalTime(lease / 2));
    message.options.put(&RebindingTime(lease.saturating_sub(lease / 8)));
}

/// Puts everything but address and lease, and returns the bootstrap URIs that went in, where they can be shortened.
fn put_parameters(message: &mut Message, material: Material<'_, '_>, request: &Request) -> Option<UriList> {
    let answer = material.answer;
    if let Some(mask) = material.mask {
        message.options.put(&SubnetMask(mask));
    }
    for (code, (value, sending, _)) in answer.options() {
        put_option(message, (code, value, sending), request);
    }
    let host_name = answer.known().and_then(|(known, _)| known.host_name());
    if let Some(name) = host_name.filter(|_| request.asks_for(OptionCode::HOST_NAME)) {
        message.options.put(&HostName(name.into()));
    }
    put_server(message, answer, request);
    if let Some(given) = answer.boot_file() {
        put_boot_file(message, given.value, request);
    }
    proxy::put_menu(message, request, material);
    // RFC 8572 §8.1 (DHC-02). No boot firmware asks for it, hence the policy.
    let uris = answer.uris()?.value;
    let sending = answer.bootstrap_sending(Sending::Always);
    // A class whose form cannot say what a wider list says gets nothing, rather than something else.
    let value = answer.form().encode(uris).ok().filter(|_| sends(sending, OptionCode::SZTP_REDIRECT, request))?;
    message.options.insert(OptionCode::SZTP_REDIRECT, value);
    (answer.form() == FieldForm::Rfc8572).then(|| uris.clone())
}

/// Puts an option that the configuration has.
pub(super) fn put_option(message: &mut Message, (code, value, sending): (u16, &[u8], Sending), request: &Request) {
    let code = u8::try_from(code).ok().and_then(OptionCode::new);
    if let Some(code) = code.filter(|code| sends(sending, *code, request)) {
        message.options.insert(code, value);
    }
}

fn sends(sending: Sending, code: OptionCode, request: &Request) -> bool {
    match sending {
        Sending::Always => true,
        Sending::WhenAsked => request.asks_for(code),
        Sending::Unless => request.accepts(code),
    }
}

/// The server to boot from: its name in the header where it fits and as an option for clients that ask (NET-08).
pub(super) fn put_server(message: &mut Message, answer: &Answer<'_>, request: &Request) {
    message.next_server = answer.next_server().map_or(Ipv4Addr::UNSPECIFIED, |given| given.value);
    if let Some(name) = answer.server_name().map(|given| BootText::as_str(given.value)) {
        let field = FixedField::new(name);
        if field.is_none() || request.asks_for(OptionCode::TFTP_SERVER_NAME) {
            message.options.put(&TftpServerName(name.into()));
        }
        message.server_name = field.unwrap_or_default();
    }
}

/// What to boot, likewise.
pub(super) fn put_boot_file(message: &mut Message, file: &BootText, request: &Request) {
    let field = FixedField::new(file.as_str());
    if field.is_none() || request.asks_for(OptionCode::BOOT_FILE_NAME) {
        message.options.put(&BootFileName(file.as_str().into()));
    }
    message.boot_file = field.unwrap_or_default();
    // UEFI 2.10 §24.7: HTTP boot firmware takes a URL only from a server that names its class.
    if request.client.is_http() && message.options.bytes(OptionCode::VENDOR_CLASS).is_none() {
        message.options.put(&VendorClass(HTTP_CLIENT.to_vec()));
    }
}

/// Leaves out, least important first, what the client's limit does not allow: bootstrap URIs from the end of the list
/// but for the first, options that repeat a header field, what was configured from the highest number down, and option 143 at last. Never
/// part of a value.
pub(super) fn fit(mut message: Message, mut uris: Option<UriList>, request: &Request) -> Result<Composed, Ignored> {
    let mut uris_left_out: usize = 0;
    let mut options_left_out = Vec::new();
    loop {
        if let Ok(bytes) = message.encode_within(request.size()) {
            let whole = uris_left_out == 0 && options_left_out.is_empty();
            let shortened = (!whole).then_some(Event::Shortened { uris_left_out, options_left_out });
            return Ok(Composed { bytes, shortened });
        }
        if let Some(shorter) = uris.as_ref().and_then(UriList::without_last) {
            message.options.insert(OptionCode::SZTP_REDIRECT, shorter.encode());
            uris = Some(shorter);
            uris_left_out = uris_left_out.saturating_add(1);
        } else {
            let dispensable = dispensable(&message).ok_or(Ignored::ReplyTooLong)?;
            message.options.remove(dispensable);
            options_left_out.push(dispensable.number().into());
        }
    }
}

/// The least important option that is still in the message.
fn dispensable(message: &Message) -> Option<OptionCode> {
    let repeated = [
        (OptionCode::TFTP_SERVER_NAME, !message.server_name.is_empty()),
        (OptionCode::BOOT_FILE_NAME, !message.boot_file.is_empty()),
    ];
    let present =
        |(code, allowed): (OptionCode, bool)| (allowed && message.options.bytes(code).is_some()).then_some(code);
    let highest = || {
        let codes = message.options.iter().map(|(code, _)| code);
        codes.filter(|code| !NEEDED.contains(code) && *code != OptionCode::SZTP_REDIRECT).max()
    };
    let redirect = || present((OptionCode::SZTP_REDIRECT, true));
    repeated.into_iter().find_map(present).or_else(highest).or_else(redirect)
}

/// What a reply is nothing without.
const NEEDED: &[OptionCode] = &[
    OptionCode::SUBNET_MASK,
    OptionCode::ROUTERS,
    OptionCode::LEASE_TIME,
    OptionCode::MESSAGE_TYPE,
    OptionCode::SERVER_IDENTIFIER,
    OptionCode::RENEWAL_TIME,
    OptionCode::REBINDING_TIME,
    OptionCode::VENDOR_CLASS,
    OptionCode::CLIENT_IDENTIFIER,
    OptionCode::BOOT_FILE_NAME,
    OptionCode::MACHINE_IDENTIFIER,
    OptionCode::RAPID_COMMIT,
    OptionCode::RELAY_AGENT_INFORMATION,
    OptionCode::SUBNET_SELECTION,
];
