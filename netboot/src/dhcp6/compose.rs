//! The server's replies (RFC 8415 §18.3.9, §18.3.10), fitted to what every host can take.

use dhcp::{
    bootstrap_uri::{FieldForm, UriList},
    v6::{
        BootFileParameters, ClassFraming, ClientIdentifier, Duid, InfMaxRt, InformationRefreshTime, Message,
        MessageType, OptionCode, Options, Preference, RapidCommit, ServerIdentifier, SolMaxRt, Status, StatusCode,
        ValueTooLong, VendorClass,
    },
};

use super::{
    association::{self, Association, Lifetimes, Outcome},
    request::Request,
};
use crate::{
    client::HTTP_CLIENT,
    note::{Event, Ignored},
    policy::{Answer, BootText, Dhcp6Policy, Sending},
};

/// What a request is answered with.
#[derive(Clone, Debug)]
pub(super) struct Reply<'a> {
    /// Advertise or Reply.
    pub(super) kind: MessageType,
    /// How it went as a whole, where that has to be said.
    pub(super) status: Option<StatusCode>,
    /// What became of the associations.
    pub(super) outcomes: Vec<(&'a Association, Outcome)>,
    /// Whether it also says everything else that the client is given.
    pub(super) parameters: Parameters,
    /// There when two messages were enough.
    pub(super) rapid_commit: Option<RapidCommit>,
}

/// Whether a reply says what the client is given beside addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameters {
    /// It does.
    Given,
    /// It only says how it went.
    LeftOut,
}

impl<'a> Reply<'a> {
    /// A Reply that says how it went and nothing else (RFC 8415 §18.3.3, §18.3.7, §18.3.8).
    pub(super) const fn of_status(status: StatusCode, outcomes: Vec<(&'a Association, Outcome)>) -> Self {
        let parameters = Parameters::LeftOut;
        Self { kind: MessageType::Reply, status: Some(status), outcomes, parameters, rapid_commit: None }
    }
}

/// What a reply is made from beside the request.
#[derive(Clone, Copy)]
pub(super) struct Material<'a, 'p> {
    pub(super) policy: &'a Dhcp6Policy,
    /// This server's DUID.
    pub(super) server: &'a Duid,
    /// What the client is given.
    pub(super) answer: &'a Answer<'p>,
}

/// A reply as bytes, and what had to be left out of it.
pub(super) struct Composed {
    pub(super) bytes: Vec<u8>,
    pub(super) shortened: Option<Event>,
}

/// Writes the reply.
pub(super) fn compose(request: &Request, reply: &Reply<'_>, material: Material<'_, '_>) -> Result<Composed, Ignored> {
    let mut message = Message::new(reply.kind, request.transaction());
    put_head(&mut message.options, request, reply, material).map_err(|_: ValueTooLong| Ignored::ReplyTooLong)?;
    let uris = match reply.parameters {
        Parameters::Given => {
            put_parameters(&mut message, request, material).map_err(|_: ValueTooLong| Ignored::ReplyTooLong)?
        }
        Parameters::LeftOut => None,
    };
    fit(message, uris, request)
}

/// Puts what the exchange itself needs.
fn put_head(
    options: &mut Options,
    request: &Request,
    reply: &Reply<'_>,
    material: Material<'_, '_>,
) -> Result<(), ValueTooLong> {
    let Material { policy, server, answer } = material;
    // RFC 8415 §18.3.9, §18.3.10: the client's identifier as it came, and the server's.
    if let Some(duid) = &request.duid {
        options.put(&ClientIdentifier(duid.clone()))?;
    }
    options.put(&ServerIdentifier(server.clone()))?;
    if reply.kind == MessageType::Advertise && policy.preference() > 0 {
        options.put(&Preference(policy.preference()))?;
    }
    if let Some(rapid_commit) = reply.rapid_commit {
        options.put(&rapid_commit)?;
    }
    if let Some(code) = reply.status {
        options.put(&Status { code, text: association::text(code).to_owned() })?;
    }
    let lifetimes = Lifetimes { preferred: answer.preferred_seconds(), valid: answer.lease_seconds() };
    for (association, outcome) in &reply.outcomes {
        association::put(options, association, outcome, lifetimes)?;
    }
    Ok(())
}

/// Puts what the client is given beside addresses, and returns the bootstrap URIs that went in, where they can be shortened.
fn put_parameters(
    message: &mut Message,
    request: &Request,
    material: Material<'_, '_>,
) -> Result<Option<UriList>, ValueTooLong> {
    let Material { policy, answer, .. } = material;
    // RFC 8415 §18.3: what the client asks for and no more, unless the owner says so (DHC-08).
    let sends = |sending, code| sending == Sending::Always || request.asks_for(code);
    for (code, (value, sending, _)) in answer.options() {
        let code = OptionCode(code);
        let allowed = may_boot(message, request) || !OptionCode::BOOT.contains(&code);
        if allowed && sends(sending, code) {
            message.options.insert(code, value)?;
        }
    }
    // RFC 8415 §21.24, §21.25, §21.23.
    if let Some(seconds) = policy.sol_max_rt().filter(|_| request.asks_for(OptionCode::SOL_MAX_RT)) {
        message.options.put(&SolMaxRt(seconds))?;
    }
    if let Some(seconds) = policy.inf_max_rt().filter(|_| request.asks_for(OptionCode::INF_MAX_RT)) {
        message.options.put(&InfMaxRt(seconds))?;
    }
    let informs = request.kind == MessageType::InformationRequest;
    if informs && request.asks_for(OptionCode::INFORMATION_REFRESH_TIME) {
        message.options.put(&InformationRefreshTime(answer.lease_seconds().max(SHORTEST_REFRESH)))?;
    }
    if may_boot(message, request) {
        put_boot(&mut message.options, request, answer)?;
    }
    // RFC 8572 §8.2 (DHC-03, DHC-08).
    let sending = answer.bootstrap_sending(Sending::WhenAsked);
    let Some(uris) = answer.uris().filter(|_| sends(sending, OptionCode::SZTP_REDIRECT)) else { return Ok(None) };
    // A class whose form cannot say what a wider list says gets nothing, rather than something else.
    let Ok(value) = answer.form().encode(uris.value) else { return Ok(None) };
    // RFC 8572 §8.2 (DHC-12): once.
    message.options.insert(OptionCode::SZTP_REDIRECT, value)?;
    Ok((answer.form() == FieldForm::Rfc8572).then(|| uris.value.clone()))
}

/// Whether the options of RFC 5970 may stand in this answer to this question (NET-10).
const fn may_boot(message: &Message, request: &Request) -> bool {
    // RFC 5970 §4.
    message.kind.may_carry_boot_options() && request.kind.may_request_boot_options()
}

/// Puts what is to be booted, for clients that ask (NET-09).
fn put_boot(options: &mut Options, request: &Request, answer: &Answer<'_>) -> Result<(), ValueTooLong> {
    // RFC 5970 §3.1: the URL was checked when the policy was loaded.
    let url = answer.boot_file().filter(|_| request.asks_for(OptionCode::BOOT_FILE_URL));
    if let Some(url) = url {
        options.insert(OptionCode::BOOT_FILE_URL, url.value.as_str())?;
        // UEFI 2.10 §24.7: HTTP boot firmware takes a URL only from a server that names its class.
        if let Some(enterprise) = request.http_enterprise()
            && !options.contains(OptionCode::VENDOR_CLASS)
        {
            let framing = ClassFraming::Rfc8415;
            options.put(&VendorClass { enterprise, classes: vec![HTTP_CLIENT.to_vec()], framing })?;
        }
    }
    let parameters = answer.boot_parameters().filter(|_| request.asks_for(OptionCode::BOOT_FILE_PARAMETERS));
    if let Some(parameters) = parameters {
        let texts = parameters.value.iter().map(|text: &BootText| text.as_str().to_owned());
        options.put(&BootFileParameters(texts.collect()))?;
    }
    Ok(())
}

/// Leaves out, least important first, what would make the datagram longer than every host can take: bootstrap URIs from the end of the list but
/// for the first, what was configured from the highest number down, what to boot, and option 136 at last. Never part of a value.
fn fit(mut message: Message, mut uris: Option<UriList>, request: &Request) -> Result<Composed, Ignored> {
    let mut uris_left_out: usize = 0;
    let mut options_left_out = Vec::new();
    loop {
        let answer = request.received.answer(message.clone());
        if let Some(bytes) = answer.ok().map(|answer| answer.encode()).filter(|bytes| bytes.len() <= LONGEST_DATAGRAM) {
            let whole = uris_left_out == 0 && options_left_out.is_empty();
            let shortened = (!whole).then_some(Event::Shortened { uris_left_out, options_left_out });
            return Ok(Composed { bytes, shortened });
        }
        if let Some(shorter) = uris.as_ref().and_then(UriList::without_last) {
            let replaced = message.options.insert(OptionCode::SZTP_REDIRECT, shorter.encode());
            replaced.map_err(|_| Ignored::ReplyTooLong)?;
            uris = Some(shorter);
            uris_left_out = uris_left_out.saturating_add(1);
        } else {
            let dispensable = dispensable(&message.options).ok_or(Ignored::ReplyTooLong)?;
            message.options.remove(dispensable);
            options_left_out.push(dispensable.0);
        }
    }
}

/// The least important option that is still there.
fn dispensable(options: &Options) -> Option<OptionCode> {
    let codes = || options.iter().map(|(code, _)| code).filter(|code| !NEEDED.contains(code));
    let last = [OptionCode::VENDOR_CLASS, OptionCode::BOOT_FILE_URL, OptionCode::SZTP_REDIRECT];
    codes().filter(|code| !last.contains(code)).max().or_else(|| last.into_iter().find(|code| options.contains(*code)))
}

/// What a reply is nothing without.
const NEEDED: &[OptionCode] = &[
    OptionCode::CLIENT_IDENTIFIER,
    OptionCode::SERVER_IDENTIFIER,
    OptionCode::IA_NA,
    OptionCode::IA_TA,
    OptionCode::IA_PD,
    OptionCode::PREFERENCE,
    OptionCode::STATUS_CODE,
    OptionCode::RAPID_COMMIT,
];
/// RFC 8200 §5: every host puts packets of 1500 bytes together again; 40 are the header's and 8 UDP's.
pub(super) const LONGEST_DATAGRAM: usize = 1452;
/// `IRT_MINIMUM`, RFC 8415 §7.6.
const SHORTEST_REFRESH: u32 = 600;
