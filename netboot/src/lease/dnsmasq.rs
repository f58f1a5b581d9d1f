//! The file in which dnsmasq keeps its leases (`--dhcp-leasefile`), read and written.
//!
//! A line is a lease: when it ends in seconds since 1970 (0 is never), who has it, the address, the name or `*`, and the client's identifier
//! in hex or `*`. For IPv4 the second word is the hardware address, with its type in front unless it is Ethernet's (`06-…`). For IPv6 it is the
//! number of the identity association (RFC 8415 §21.4) and the identifier is the DUID. A line `duid …` gives the server's own.
//!
//! dnsmasq reads the file when it starts, and writes it anew with each change: stop it first, or what was imported is old at once.

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
};

use dhcp::v4::{HardwareType, MacAddress};
use thiserror::Error;

use super::{ClientKey, Lease, Standing};
use crate::moment::Moment;

/// The longest line that is read, in octets: far more than the longest that dnsmasq writes.
pub const LONGEST_LINE: usize = 4096;
/// The end of a lease that has none.
pub const NEVER: Moment = Moment(u64::MAX);

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing: it is empty.
    Nothing,
    /// The DUID by which the server is known to DHCPv6 clients.
    ServerDuid(Vec<u8>),
    /// A lease.
    Lease(Lease),
}

/// Whether what a file says of a client's lease is older news than what is on record of the same client.
///
/// The file tells when a lease ends and not when it began; when the file was written is the lease's `since`. A record that was made later
/// than that is newer, whatever it says. So is one that runs longer, and of two that end together the later one: a copy of the file may have
/// been written long after what it says was true.
#[must_use]
pub fn is_outdated(said: &Lease, record: &Lease) -> bool {
    if record.client != said.client {
        return false;
    }
    if record.expires == said.expires {
        // The same lease once more is no news either way.
        return record.address != said.address && record.since >= said.since;
    }
    record.since > said.since || record.expires > said.expires
}

/// Reads one line, with or without its end. What it says of a lease was so at `since`.
///
/// # Errors
/// [`OddLine`] for whatever dnsmasq does not write, and for what cannot be kept here.
pub fn read_line(line: &str, since: Moment) -> Result<Line, OddLine> {
    if line.len() > LONGEST_LINE {
        return Err(OddLine::TooLong);
    }
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    match words.as_slice() {
        [] => Ok(Line::Nothing),
        ["duid", duid] => octets(duid).map(Line::ServerDuid).ok_or(OddLine::Duid),
        [ends, who, address, name, identifier] => {
            let ends: u64 = ends.parse().map_err(|_| OddLine::Ends)?;
            let address: IpAddr = address.parse().map_err(|_| OddLine::Address)?;
            let (client, mac) = match address {
                IpAddr::V4(_) => client4(who, identifier)?,
                IpAddr::V6(_) => (client6(who, identifier)?, None),
            };
            Ok(Line::Lease(Lease {
                address,
                client,
                mac,
                host_name: (*name != "*").then(|| (*name).into()),
                standing: Standing::Lent,
                since,
                expires: if ends == 0 { NEVER } else { Moment(ends) },
            }))
        }
        words => Err(OddLine::Words(words.len())),
    }
}

/// RFC 2131 §4.2: the client identifier where there is one, else the hardware address.
fn client4(hardware: &str, identifier: &str) -> Result<(ClientKey, Option<MacAddress>), OddLine> {
    let (kind, address) = match hardware.split_once('-') {
        Some((kind, address)) => (octets(kind).and_then(|kind| <[u8; 1]>::try_from(kind).ok()), address),
        None => (Some([HardwareType::ETHERNET.0]), hardware),
    };
    let [kind] = kind.ok_or(OddLine::Hardware)?;
    let address = match address {
        "" => Vec::new(),
        address => octets(address).filter(|octets| octets.len() <= 16).ok_or(OddLine::Hardware)?,
    };
    let mac = address.as_slice().try_into().ok().filter(|_| kind == HardwareType::ETHERNET.0).map(MacAddress);
    let client = match identifier {
        "*" if address.is_empty() => return Err(OddLine::Nobody),
        "*" => ClientKey::of_hardware(HardwareType(kind), &address),
        identifier => ClientKey::of_identifier(&octets(identifier).ok_or(OddLine::Identifier)?),
    };
    Ok((client, mac))
}

fn client6(association: &str, duid: &str) -> Result<ClientKey, OddLine> {
    if association.starts_with('T') {
        return Err(OddLine::Temporary);
    }
    let association = association.parse().map_err(|_| OddLine::Association)?;
    match duid {
        "*" => Err(OddLine::Nobody),
        duid => Ok(ClientKey::v6(&octets(duid).ok_or(OddLine::Duid)?, association)),
    }
}

/// Octets in hex, with colons between them.
fn octets(text: &str) -> Option<Vec<u8>> {
    let pairs = text.split(':').map(|pair| {
        let pair = Some(pair).filter(|pair| pair.len() == 2 && pair.bytes().all(|it| it.is_ascii_hexdigit()))?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

/// A whole file, as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseFile {
    /// The server's DUID.
    pub server_duid: Option<Vec<u8>>,
    /// The leases, in the order of the file.
    pub leases: Vec<Lease>,
    /// Lines that are odd, by number from 1, the first [`LeaseFile::SHOWN`] of them.
    pub odd: Vec<(u64, OddLine)>,
    /// How many more there are.
    pub more_odd: u64,
}

impl LeaseFile {
    /// Most odd lines of which more than their number is kept.
    pub const SHOWN: usize = 100;

    /// Reads a file, whatever is odd in it left out.
    #[must_use]
    pub fn read(text: &str, since: Moment) -> Self {
        let mut file = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            match read_line(line, since) {
                Ok(Line::Nothing) => {}
                Ok(Line::ServerDuid(duid)) => file.server_duid = Some(duid),
                Ok(Line::Lease(lease)) => file.leases.push(lease),
                Err(odd) if file.odd.len() < Self::SHOWN => file.odd.push((number, odd)),
                Err(_) => file.more_odd = file.more_odd.saturating_add(1),
            }
        }
        file
    }

    /// The file's text: IPv4 first, then the server's DUID and IPv6, as dnsmasq writes it. Leases that the format cannot tell are left out;
    /// ask [`line_of`] why.
    #[must_use]
    pub fn text(&self) -> String {
        let of_family = |v4: bool| {
            let leases = self.leases.iter().filter(move |lease| lease.address.is_ipv4() == v4);
            leases.filter_map(|lease| line_of(lease).ok()).collect::<String>()
        };
        let (mut text, v6) = (of_family(true), of_family(false));
        if let Some(duid) = &self.server_duid {
            let _infallible = writeln!(text, "duid {}", Hex(duid));
        }
        text + &v6
    }
}

/// The line of one lease, with its end. A name that is not one word of a host's name is left out of it.
///
/// # Errors
/// [`NoLine`] for what dnsmasq has no line for.
pub fn line_of(lease: &Lease) -> Result<String, NoLine> {
    if lease.standing == Standing::Conflict {
        return Err(NoLine::Conflict);
    }
    let (address, client) = (lease.address, &lease.client);
    let ends = match lease.expires {
        NEVER => 0,
        // 0 would be never.
        Moment(ends) => ends.max(1),
    };
    let name = lease.host_name.as_deref().filter(|name| is_host_name(name)).unwrap_or("*");
    let (who, identifier) = match (address, client.hardware(), client.identifier(), client.association()) {
        (IpAddr::V4(_), Some((kind, octets)), ..) => (hardware(kind, octets), "*".to_owned()),
        (IpAddr::V4(_), None, Some(identifier), None) => {
            let mac = lease.mac.map_or_else(|| "00-".to_owned(), |mac| mac.to_string());
            (mac, Hex(identifier).to_string())
        }
        (IpAddr::V6(_), None, Some(duid), Some(association)) => (association.to_string(), Hex(duid).to_string()),
        _ => return Err(NoLine::Client),
    };
    Ok(format!("{ends} {who} {address} {name} {identifier}\n"))
}

fn hardware(kind: HardwareType, octets: &[u8]) -> String {
    if kind == HardwareType::ETHERNET && !octets.is_empty() {
        return Hex(octets).to_string();
    }
    format!("{:02x}-{}", kind.0, Hex(octets))
}

/// Whether a name is what hosts are called: anybody can say anything (RFC 1123 §2.1, with the underscore that many use).
fn is_host_name(name: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
    (1..=253).contains(&name.len()) && name.bytes().all(allowed)
}

/// Octets in hex, with colons between them.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02x}", if number == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// Why a line was not taken. Displays as what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OddLine {
    /// It is longer than [`LONGEST_LINE`].
    #[error("it is longer than {LONGEST_LINE} octets: is this dnsmasq's file?")]
    TooLong,
    /// It has not the words of a lease.
    #[error(
        "it has {0} words and not the five of a lease (end, MAC or IAID, address, name, identifier), nor is it \"duid …\": is it cut off?"
    )]
    Words(usize),
    /// The first word is no time.
    #[error("it does not begin with the seconds since 1970 at which the lease ends")]
    Ends,
    /// The third word is no address.
    #[error("its third word is no IPv4 or IPv6 address")]
    Address,
    /// The second word of an IPv4 lease is no hardware address.
    #[error("its second word is no hardware address such as 02:00:5e:10:00:01 or 06-02:00:5e:10:00:01")]
    Hardware,
    /// The second word of an IPv6 lease is no number.
    #[error("its second word is not the number of an identity association (IAID)")]
    Association,
    /// The last word of an IPv4 lease is no client identifier.
    #[error("its last word is no client identifier: hex with colons, or *")]
    Identifier,
    /// A DUID is none.
    #[error("its DUID is not hex with colons")]
    Duid,
    /// It names no client: neither hardware address nor identifier.
    #[error("it does not say whose the lease is: the client will ask for a new one")]
    Nobody,
    /// A temporary address (RFC 8415 §6.5).
    #[error("it is about a temporary address, and such are not lent here: the client will ask for another one")]
    Temporary,
}

/// Why there is no line for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoLine {
    /// The address is in use by a host that never asked for it.
    #[error("dnsmasq does not write down addresses in conflict")]
    Conflict,
    /// The client is not one of the address's family.
    #[error("the record does not say which client has the address")]
    Client,
}

#[cfg(test)]
#[path = "dnsmasq_tests.rs"]
mod tests;
