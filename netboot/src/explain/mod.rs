//! What a client would be answered, and why.
//!
//! The answer is not computed a second time: a request is made up from what is known of the client, the machine of its IP version takes it
//! with a book of its own, and what would be sent is read back. So an explanation cannot say anything else than the server does. Nothing is
//! sent, and nothing is lent.

mod hindrance;
mod said;

use std::net::IpAddr;

use dhcp::v4::{Architecture, MacAddress};
use verdict::ReasonCode;

use crate::{
    action::{Action, Outgoing},
    client::Client,
    lease::{Address, Lease},
    moment::Moment,
    note::Note,
    policy::{Answer, Known, RecognisedBy, Subnet, uuid_text},
};
pub(crate) use said::{Names, Said, said};

/// A client, as far as somebody asks about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Its hardware address.
    pub mac: Option<MacAddress>,
    /// Its UUID.
    pub uuid: Option<[u8; 16]>,
    /// Option 61, or its DUID.
    pub identifier: Option<Vec<u8>>,
    /// Option 60, or a text of option 16.
    pub vendor_class: Option<Vec<u8>>,
    /// The enterprise number beside it: of option 124, or of option 16.
    pub enterprise: Option<u32>,
    /// Options 77 and 15.
    pub user_class: Option<Vec<u8>>,
    /// Options 93 and 61.
    pub architectures: Vec<Architecture>,
    /// The relay agent next to it.
    pub relay: Option<IpAddr>,
    /// What the relay agent calls the port it is on.
    pub circuit_id: Option<Vec<u8>>,
    /// What the relay agent calls itself.
    pub remote_id: Option<Vec<u8>>,
    /// What the relay agent calls the subscriber.
    pub subscriber_id: Option<Vec<u8>>,
    /// The name it gives itself.
    pub host_name: Option<String>,
    /// An address of the network that it is in, where no relay agent says so.
    pub subnet: Option<IpAddr>,
    /// Options that it asks for. When there is none it says nothing of what it wants, as much of the boot firmware does.
    pub asks: Vec<u16>,
}

/// What the server knows at this moment beside its policy.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// The time.
    pub now: Moment,
    /// What is on record of the client and of the addresses it may get. Records of others do no harm.
    pub leases: &'a [Lease],
    /// The server's own addresses, on all interfaces.
    pub addresses: &'a [IpAddr],
}

/// What a client would be answered, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The device on the owner's list, if it is one.
    pub device: Option<Device>,
    /// The network that it is in.
    pub subnet: Option<Network>,
    /// The address that it would get.
    pub address: Option<Given>,
    /// What says anything about it, the narrowest first: reservation, profile, classes, subnet, everybody.
    pub applies: Vec<String>,
    /// The type of the message that it would get; `None` when it gets none.
    pub message: Option<String>,
    /// What is in that message, header fields first.
    pub items: Vec<Item>,
    /// What it would boot.
    pub boots: Option<Boots>,
    /// The bootstrap servers that it would learn of.
    pub bootstrap: Option<Bootstrap>,
    /// What it would get if it asked for it.
    pub when_asked: Vec<Item>,
    /// What a wider place says and a narrower one says otherwise.
    pub overridden: Vec<Item>,
    /// What a wider place says and a narrower one takes away; that one is where it comes `from`.
    pub taken_away: Vec<Item>,
    /// What keeps it from being answered, or answered as a whole.
    pub hindrances: Vec<Hindrance>,
}

/// A device on the owner's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Manufacturer and serial number.
    pub name: String,
    /// By what it was recognised.
    pub recognised_by: &'static str,
    /// What it is to become.
    pub profile: Option<String>,
    /// The maker's name for its kind.
    pub model: Option<String>,
    /// The name it is to have.
    pub host_name: Option<String>,
}

/// A network that a client is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The network.
    pub network: String,
    /// Why this one.
    pub because: String,
}

/// An address that a client would get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The address.
    pub address: IpAddr,
    /// From where it comes.
    pub from: AddressFrom,
    /// When the lease ends that it has, if it has one.
    pub until: Option<Moment>,
}

/// From where an address comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFrom {
    /// It is kept for this client.
    Reserved,
    /// The client has it, or had it last.
    Lease,
    /// A pool: likely this one; whoever else asks meanwhile may change that.
    Pool,
}

impl AddressFrom {
    /// As it stands in explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Lease => "lease",
            Self::Pool => "pool",
        }
    }
}

/// Something that a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The option's number; none for a field of the header and for what is no option.
    pub code: Option<u16>,
    /// What it is called.
    pub name: String,
    /// What it says, in words.
    pub value: String,
    /// Where that stands, or who makes it.
    pub from: String,
}

/// What a client would boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boots {
    /// What asks: boot firmware of the PXE kind, of the HTTP kind, or neither as far as is known.
    pub client: &'static str,
    /// The file or URL.
    pub file: String,
    /// The server, where the file is no URL.
    pub server: Option<String>,
    /// Where the file stands.
    pub from: String,
}

/// The bootstrap servers that a client would learn of (RFC 8572 §8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// Their URIs, in order of preference.
    pub uris: Vec<String>,
    /// How they are written.
    pub form: &'static str,
    /// What that is.
    pub form_explained: &'static str,
    /// Where they stand.
    pub from: String,
}

/// What keeps a client from something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindrance {
    /// What.
    pub what: String,
    /// The reason code, where there is one.
    pub reason: Option<ReasonCode>,
    /// What to do about it.
    pub remedy: String,
}

impl Explanation {
    /// What holds whatever comes of the request: who it is and what applies to it.
    pub(crate) fn of(answer: &Answer<'_>, names: Names) -> (Self, Vec<Said>) {
        let device = answer.known().map(|(known, by)| Device::of(known, by));
        let all = said(answer, names);
        let overridden = all.iter().filter(|said| !said.counts && said.taken_by.is_none()).map(Said::item).collect();
        let taken_away = all.iter().filter_map(Said::taken).collect();
        let applies = answer.origins().map(ToString::to_string).collect();
        (Self { device, applies, overridden, taken_away, ..Self::default() }, all)
    }
}

impl Explanation {
    /// What the client boots. `server` is where the file is, unless that is a URL.
    pub(crate) fn tell_boot(&mut self, answer: &Answer<'_>, client: &Client, server: Option<String>) {
        self.boots = answer.boot_file().map(|file| {
            let text = file.value.as_str().to_owned();
            let server = server.filter(|_| !text.contains("://"));
            Boots { client: kind_of(client), server, file: text, from: file.origin.to_string() }
        });
    }

    /// What the client learns of bootstrap servers, by the option of this number if it was sent.
    pub(crate) fn tell_bootstrap(&mut self, answer: &Answer<'_>, (code, was_sent): (u16, bool), names: Names) {
        let Some(uris) = answer.uris() else {
            let remedy = match self.taken_away.iter().find(|it| it.name == "bootstrap-uris") {
                Some(taken) => {
                    format!("if it is to learn of any, remove `bootstrap-uris` from `without` in: {}", taken.from)
                }
                None => "say `bootstrap-uris` in what everybody gets, or in a narrower place".to_owned(),
            };
            return self.hinder("it learns of no bootstrap server by DHCP".to_owned(), &remedy);
        };
        let form = answer.form();
        if let Err(unsuited) = form.encode(uris.value) {
            return self.hinder(
                format!("it learns of no bootstrap server: {unsuited}"),
                "say `bootstrap-uris` that the form can express beside it, or another `bootstrap-form`",
            );
        }
        let list: Vec<_> = uris.value.as_slice().iter().map(ToString::to_string).collect();
        if was_sent {
            let from = uris.origin.to_string();
            let (form, form_explained) = (form.as_str(), form.explanation());
            self.bootstrap = Some(Bootstrap { uris: list, form, form_explained, from });
        } else {
            let (name, value, from) = (names.of(code), list.join(" "), uris.origin.to_string());
            self.when_asked.push(Item { code: Some(code), name, value, from });
        }
    }

    pub(crate) fn hinder(&mut self, what: String, remedy: &str) {
        self.hindrances.push(Hindrance { what, reason: None, remedy: remedy.to_owned() });
    }
}

/// Where the thing of this name stands that counts.
pub(crate) fn origin_of(said: &[Said], name: &str) -> String {
    let found = said.iter().find(|said| said.counts && said.name == name);
    found.map_or_else(|| "the server".to_owned(), |said| said.from.clone())
}

/// Where the option of this number stands that counts.
pub(crate) fn origin_of_option(said: &[Said], code: u16) -> Option<String> {
    said.iter().find(|said| said.counts && said.code == Some(code)).map(|said| said.from.clone())
}

/// Of a list of networks, the one that the client is taken to be in where no relay agent says so, and why.
pub(crate) fn assumed<'p, A: Address>(
    subnets: &'p [Subnet<A>],
    question: &Question,
) -> Option<(&'p Subnet<A>, &'static str)> {
    if let Some(wanted) = question.subnet {
        let wanted = A::from_ip(wanted)?;
        let found = subnets.iter().find(|it| it.network().contains(wanted))?;
        return Some((found, "the question says so"));
    }
    match subnets {
        [only] if question.relay.is_none() => Some((only, "there is no other")),
        _ => None,
    }
}

/// Why it is this network.
pub(crate) fn because(question: &Question, assumed: Option<&'static str>) -> String {
    match question.relay {
        Some(relay) => format!("the relay agent {relay} is in it, or belongs to it"),
        None => assumed.unwrap_or("the interface has an address in it").to_owned(),
    }
}

/// What would be sent at last, and what would be told.
pub(crate) fn outcome<A>(action: Action<A>) -> (Option<Outgoing>, Vec<Note>) {
    match action {
        Action::Send(reply) => (Some(reply), Vec::new()),
        // Once it was found free.
        Action::Probe(probe) => (probe.reply, probe.notes),
        // Once it is durable.
        Action::Write(pending) => (pending.reply, pending.notes),
        Action::Note(note) => (None, vec![note]),
    }
}

impl Device {
    fn of(known: &Known, by: RecognisedBy) -> Self {
        Self {
            name: known.name().to_owned(),
            recognised_by: by.as_str(),
            profile: known.profile().map(str::to_owned),
            model: known.model().map(str::to_owned),
            host_name: known.host_name().map(str::to_owned),
        }
    }
}

/// What kind of firmware asks.
pub(crate) fn kind_of(client: &Client) -> &'static str {
    match (client.is_http(), client.is_pxe()) {
        (true, _) => "HTTP boot firmware",
        (_, true) => "PXE firmware",
        _ => "a client that is no boot firmware by what it says",
    }
}

/// The client as people write it, for what is no device on the list.
#[must_use]
pub fn name_of(question: &Question) -> String {
    let mac = question.mac.map(|mac| mac.to_string());
    mac.or_else(|| question.uuid.as_ref().map(uuid_text)).unwrap_or_else(|| "this client".to_owned())
}
