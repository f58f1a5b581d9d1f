//! The identity associations of a message: what a client holds or wants, under one number each.

use std::net::Ipv6Addr;

use dhcp::v6::{
    DecodeError, IdentityAssociation, LeasedAddress, OptionCode, Options, Status, StatusCode, TemporaryAssociation,
    ValueTooLong,
};

use crate::note::Ignored;

/// What an association is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Addresses: `IA_NA`.
    Addresses,
    /// Temporary addresses: `IA_TA`. None are given here.
    Temporary,
    /// Prefixes: `IA_PD`. None are given here.
    Prefixes,
}

impl Kind {
    /// What a client hears that wants one where none is given (RFC 8415 §18.3.2).
    pub(super) const fn none_available(self) -> StatusCode {
        match self {
            Self::Addresses | Self::Temporary => StatusCode::NO_ADDRS_AVAIL,
            Self::Prefixes => StatusCode::NO_PREFIX_AVAIL,
        }
    }
}

/// One association as a client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Association {
    /// What it is for.
    pub(super) kind: Kind,
    /// The client's number for it.
    pub(super) iaid: u32,
    /// The addresses that the client holds or would like; none for prefixes.
    pub(super) addresses: Vec<Ipv6Addr>,
}

impl Association {
    /// The associations of a message, in order.
    pub(super) fn all(kind: &'static str, options: &Options) -> Result<Vec<Self>, Ignored> {
        let mut found: Vec<Self> = Vec::new();
        for (code, value) in options.iter() {
            let Some(association) = Self::read(code, value)? else { continue };
            if found.len() == MOST_ASSOCIATIONS {
                return Err(Ignored::Invalid { kind, fault: "holds more identity associations than anybody has" });
            }
            // RFC 8415 §12: a number stands for one association of its kind.
            if found.iter().any(|it| (it.kind, it.iaid) == (association.kind, association.iaid)) {
                return Err(Ignored::Invalid { kind, fault: "holds an identity association twice" });
            }
            found.push(association);
        }
        Ok(found)
    }

    fn read(code: OptionCode, value: &[u8]) -> Result<Option<Self>, DecodeError> {
        let (kind, iaid, options) = match code {
            OptionCode::IA_NA => {
                let read = IdentityAssociation::decode(value)?;
                (Kind::Addresses, read.iaid, read.options)
            }
            OptionCode::IA_TA => {
                let read = TemporaryAssociation::decode(value)?;
                (Kind::Temporary, read.iaid, read.options)
            }
            OptionCode::IA_PD => (Kind::Prefixes, IdentityAssociation::decode(value)?.iaid, Options::new()),
            _ => return Ok(None),
        };
        let addresses = options.all(OptionCode::IA_ADDRESS).filter_map(|value| LeasedAddress::decode(value).ok());
        let addresses = addresses.map(|leased| leased.address).take(MOST_ADDRESSES).collect();
        Ok(Some(Self { kind, iaid, addresses }))
    }
}

/// What becomes of one association.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The client has this address, and has to give up those.
    Given { address: Ipv6Addr, ended: Vec<Ipv6Addr> },
    /// The client has to give up these, and gets none.
    Ended(Vec<Ipv6Addr>),
    /// Nothing but this.
    Refused(StatusCode),
}

/// For how long an address is lent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    /// For new connections, in seconds.
    pub(super) preferred: u32,
    /// At all, in seconds.
    pub(super) valid: u32,
}

impl Lifetimes {
    /// When to ask this server again, and when any.
    const fn timers(self) -> (u32, u32) {
        // RFC 8415 §14.2, §21.4: half and four fifths of the shortest preferred lifetime; what never ends need not be renewed.
        match self.preferred {
            u32::MAX => (u32::MAX, u32::MAX),
            preferred => (preferred / 2, preferred.saturating_sub(preferred / 5)),
        }
    }
}

/// Puts the answer for one association into a reply.
pub(super) fn put(
    options: &mut Options,
    association: &Association,
    outcome: &Outcome,
    lifetimes: Lifetimes,
) -> Result<(), ValueTooLong> {
    let mut inner = Options::new();
    let address = |address, Lifetimes { preferred, valid }| LeasedAddress { address, preferred, valid }.encode();
    let (mut renewal, mut rebinding) = (0, 0);
    match outcome {
        Outcome::Given { address: given, ended } => {
            (renewal, rebinding) = lifetimes.timers();
            inner.add(OptionCode::IA_ADDRESS, address(*given, lifetimes))?;
            for ended in ended {
                inner.add(OptionCode::IA_ADDRESS, address(*ended, NO_MORE))?;
            }
        }
        Outcome::Ended(ended) => {
            for ended in ended {
                inner.add(OptionCode::IA_ADDRESS, address(*ended, NO_MORE))?;
            }
        }
        Outcome::Refused(code) => inner.put(&Status { code: *code, text: text(*code).to_owned() })?,
    }
    let iaid = association.iaid;
    let full = IdentityAssociation { iaid, renewal, rebinding, options: inner };
    match association.kind {
        Kind::Addresses => options.add(OptionCode::IA_NA, full.encode()),
        Kind::Prefixes => options.add(OptionCode::IA_PD, full.encode()),
        Kind::Temporary => {
            options.add(OptionCode::IA_TA, TemporaryAssociation { iaid, options: full.options }.encode())
        }
    }
}

/// What a person who looks at the client reads.
pub(super) const fn text(code: StatusCode) -> &'static str {
    match code {
        StatusCode::NO_ADDRS_AVAIL => "no address is free",
        StatusCode::NO_PREFIX_AVAIL => "no prefixes are given here",
        StatusCode::NO_BINDING => "nothing is on record",
        StatusCode::NOT_ON_LINK => "an address of another network",
        StatusCode::USE_MULTICAST => "send to ff02::1:2",
        _ => "",
    }
}

/// RFC 8415 §18.3.4: an address that must not be used any more.
const NO_MORE: Lifetimes = Lifetimes { preferred: 0, valid: 0 };
/// Most associations of one message.
const MOST_ASSOCIATIONS: usize = 16;
/// Most addresses of one association that are looked at.
const MOST_ADDRESSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn na(iaid: u32, addresses: &[Ipv6Addr]) -> Vec<u8> {
        let mut association = IdentityAssociation::new(iaid);
        for address in addresses {
            let leased = LeasedAddress { address: *address, preferred: 0, valid: 0 };
            association.options.add(OptionCode::IA_ADDRESS, leased.encode()).unwrap();
        }
        association.encode()
    }

    #[test]
    fn three_kinds_are_read_in_order() {
        let mut options = Options::new();
        options.add(OptionCode::IA_PD, na(1, &[])).unwrap();
        options.add(OptionCode::IA_NA, na(1, &[Ipv6Addr::LOCALHOST])).unwrap();
        options.add(OptionCode::IA_TA, [0, 0, 0, 1]).unwrap();
        let found = Association::all("Solicit", &options).unwrap();
        let kinds: Vec<_> = found.iter().map(|it| (it.kind, it.iaid, it.addresses.len())).collect();
        assert_eq!(kinds, [(Kind::Prefixes, 1, 0), (Kind::Addresses, 1, 1), (Kind::Temporary, 1, 0)]);
    }

    #[test]
    fn what_nobody_sends_is_bounded() {
        let mut options = Options::new();
        for iaid in 0..16 {
            options.add(OptionCode::IA_NA, na(iaid, &[Ipv6Addr::LOCALHOST; 9])).unwrap();
        }
        let found = Association::all("Solicit", &options).unwrap();
        assert!(found.len() == 16 && found.iter().all(|it| it.addresses.len() == 8));
        options.add(OptionCode::IA_NA, na(16, &[])).unwrap();
        assert!(matches!(Association::all("Solicit", &options), Err(Ignored::Invalid { .. })));

        let mut twice = Options::new();
        twice.add(OptionCode::IA_NA, na(1, &[])).unwrap();
        twice.add(OptionCode::IA_NA, na(1, &[])).unwrap();
        assert!(matches!(Association::all("Solicit", &twice), Err(Ignored::Invalid { .. })));
        let mut short = Options::new();
        short.add(OptionCode::IA_NA, [0; 11]).unwrap();
        assert!(matches!(Association::all("Solicit", &short), Err(Ignored::MalformedV6(_))));
    }

    #[test]
    fn timers_are_half_and_four_fifths_of_what_is_preferred() {
        assert_eq!(Lifetimes { preferred: 1000, valid: 4000 }.timers(), (500, 800));
        assert_eq!(Lifetimes { preferred: u32::MAX, valid: u32::MAX }.timers(), (u32::MAX, u32::MAX));
    }
}
