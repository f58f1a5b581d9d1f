//! The server's replies: their fields and options (RFC 2131 §4.3, table 3), fitted to what the client accepts.

use std::net::Ipv4Addr;

use dhcp::{
    bootstrap_uri::UriList,
    v4::{
        BootFileName, DomainNameServers, FixedField, Flags, LeaseTime, Message, MessageType, Operation, OptionCode,
        RebindingTime, RenewalTime, Routers, ServerIdentifier, SubnetMask, TftpServerName, VendorClass,
    },
};

use super::{
    Event, Ignored,
    request::{HTTP_CLIENT, HttpBoot, Request},
};
use crate::policy::{BootText, Dhcp4Policy, Sending, Subnet};

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
}

/// A reply as bytes, and what had to be left out of it.
pub(super) struct Composed {
    pub(super) bytes: Vec<u8>,
    pub(super) shortened: Option<Event>,
}

/// Writes the reply.
pub(super) fn compose(policy: &Dhcp4Policy, request: &Request, reply: Reply) -> Result<Composed, Ignored> {
    let mut message = header(request);
    message.options.put(&match reply {
        Reply::Offer(_) => MessageType::Offer,
        Reply::Grant(_) | Reply::Inform => MessageType::Ack,
        Reply::Refuse => MessageType::Nak,
    });
    message.options.put(&ServerIdentifier(policy.server_identifier()));
    let mut uris = None;
    match reply {
        Reply::Offer(address) | Reply::Grant(address) => {
            message.your_address = address;
            if let Some(subnet) = policy.subnet() {
                put_lease(&mut message, subnet);
            }
            uris = put_parameters(&mut message, policy, request);
        }
        // RFC 2131 §4.3.5: neither yiaddr nor lease time.
        Reply::Inform => uris = put_parameters(&mut message, policy, request),
        // RFC 2131 §4.3.2: a relay agent must broadcast it, the client may not have an address.
        Reply::Refuse if request.relay().is_some() => message.flags = Flags::BROADCAST,
        Reply::Refuse => {}
    }
    if matches!(reply, Reply::Grant(_) | Reply::Inform) {
        message.client_address = request.message.client_address;
    }
    // RFC 6842 §3: the client identifier comes back; RFC 3046 §2.2: so does the relay agent's option, at the end.
    for code in [OptionCode::CLIENT_IDENTIFIER, OptionCode::RELAY_AGENT_INFORMATION] {
        if let Some(value) = request.message.options.bytes(code) {
            message.options.insert(code, value);
        }
    }
    fit(message, uris, request)
}

fn header(request: &Request) -> Message {
    let mut message = Message::new(Operation::Reply, request.message.hardware);
    message.transaction = request.message.transaction;
    message.flags = request.message.flags;
    message.relay = request.message.relay;
    message
}

fn put_lease(message: &mut Message, subnet: &Subnet) {
    let lease = subnet.lease_seconds();
    message.options.put(&LeaseTime(lease));
    // RFC 2131 §4.4.5: T1 is half of the lease, T2 seven eighths.
    message.options.put(&RenewalTime(lease / 2));
    message.options.put(&RebindingTime(lease.saturating_sub(lease / 8)));
}

/// Puts everything but address and lease, and returns the bootstrap URIs that went in.
fn put_parameters(message: &mut Message, policy: &Dhcp4Policy, request: &Request) -> Option<UriList> {
    if let Some(subnet) = policy.subnet() {
        message.options.put(&SubnetMask(subnet.network().mask()));
        if let Some(router) = subnet.router().filter(|_| request.accepts(OptionCode::ROUTERS)) {
            message.options.put(&Routers(vec![router]));
        }
        if !subnet.dns().is_empty() && request.accepts(OptionCode::DOMAIN_NAME_SERVERS) {
            message.options.put(&DomainNameServers(subnet.dns().to_vec()));
        }
    }
    put_boot(message, policy, request);
    // RFC 8572 §8.1 (DHC-02). No boot firmware asks for it, hence the policy.
    let redirect = policy.redirect()?;
    let send = redirect.sending == Sending::Always || request.asks_for(OptionCode::SZTP_REDIRECT);
    send.then(|| {
        message.options.insert(OptionCode::SZTP_REDIRECT, redirect.uris.encode());
        redirect.uris.clone()
    })
}

/// Server and boot file, in the header where they fit and as options for clients that ask (NET-08).
fn put_boot(message: &mut Message, policy: &Dhcp4Policy, request: &Request) {
    let boot = policy.boot().for_architectures(&request.architectures);
    message.next_server = boot.next_server.unwrap_or(Ipv4Addr::UNSPECIFIED);
    if let Some(name) = boot.server_name.as_ref().map(BootText::as_str) {
        let field = FixedField::new(name);
        if field.is_none() || request.asks_for(OptionCode::TFTP_SERVER_NAME) {
            message.options.put(&TftpServerName(name.into()));
        }
        message.server_name = field.unwrap_or_default();
    }
    if let Some(file) = boot.boot_file.as_ref().map(BootText::as_str) {
        let field = FixedField::new(file);
        if field.is_none() || request.asks_for(OptionCode::BOOT_FILE_NAME) {
            message.options.put(&BootFileName(file.into()));
        }
        message.boot_file = field.unwrap_or_default();
        // UEFI 2.10 §24.7: HTTP boot firmware takes a URL only from a server that names its class.
        if request.http_boot == HttpBoot::Yes {
            message.options.put(&VendorClass(HTTP_CLIENT.to_vec()));
        }
    }
}

/// Leaves out, least important first, what the client's limit does not allow: bootstrap URIs from the end of the list
/// but for the first, options that repeat a header field, name servers, and option 143 at last. Never part of a value.
fn fit(mut message: Message, mut uris: Option<UriList>, request: &Request) -> Result<Composed, Ignored> {
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
            options_left_out.push(dispensable);
        }
    }
}

/// The least important option that is still in the message.
fn dispensable(message: &Message) -> Option<OptionCode> {
    let candidates = [
        (OptionCode::TFTP_SERVER_NAME, !message.server_name.is_empty()),
        (OptionCode::BOOT_FILE_NAME, !message.boot_file.is_empty()),
        (OptionCode::DOMAIN_NAME_SERVERS, true),
        (OptionCode::SZTP_REDIRECT, true),
    ];
    let present =
        |(code, allowed): (OptionCode, bool)| (allowed && message.options.bytes(code).is_some()).then_some(code);
    candidates.into_iter().find_map(present)
}
