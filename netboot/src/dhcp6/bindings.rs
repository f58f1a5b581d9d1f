//! The server's decisions, message by message (RFC 8415 §18.3).

use std::net::Ipv6Addr;

use dhcp::v6::{MessageType, RapidCommit, StatusCode};

use super::{
    association::{Association, Kind, Outcome},
    case::{Case, Decision},
    compose::{Parameters, Reply},
};
use crate::{
    lease::{Book, ClientKey, Lease, Lent, Standing},
    note::{Event, Ignored},
};

impl<'a> Case<'a> {
    pub(super) fn decide(&self, book: &mut Book<Ipv6Addr>) -> Result<Decision<'a>, Ignored> {
        match self.request.kind {
            MessageType::Solicit => self.solicit(book),
            MessageType::Request => self.request(book),
            MessageType::Confirm => self.confirm(),
            MessageType::Renew => self.extend(book, Unknown::Say),
            MessageType::Rebind => self.extend(book, Unknown::Silent),
            MessageType::Release => self.release(book),
            MessageType::Decline => self.decline(book),
            MessageType::InformationRequest => Ok(self.inform()),
            MessageType::Advertise | MessageType::Reply | MessageType::Reconfigure => Err(Ignored::NotFromClient),
        }
    }

    /// §18.3.1.
    fn solicit(&self, book: &mut Book<Ipv6Addr>) -> Result<Decision<'a>, Ignored> {
        let outcomes = self.assign(book)?;
        let rapid_commit = self.request.rapid_commit.filter(|_| self.policy.rapid_commit());
        if rapid_commit.is_some() && outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Given { .. })) {
            // Without a reply the client asks again, and gets another address.
            return Ok(self.grant(book, outcomes, rapid_commit, |_, _| None));
        }
        let mut events: Vec<_> = given(&outcomes).map(|address| Event::Offered(address.into())).collect();
        if events.is_empty() {
            events.push(self.nothing_given());
        }
        Ok(Decision::Say(self.full(MessageType::Advertise, outcomes), events))
    }

    /// §18.3.2.
    fn request(&self, book: &mut Book<Ipv6Addr>) -> Result<Decision<'a>, Ignored> {
        let outcomes = self.assign(book)?;
        Ok(self.grant(book, outcomes, None, |association, outcome| {
            Some(match outcome {
                Outcome::Given { .. } => Outcome::Refused(association.kind.none_available()),
                other => other.clone(),
            })
        }))
    }

    /// §18.3.3: whether the addresses fit the link, not who has them.
    fn confirm(&self) -> Result<Decision<'a>, Ignored> {
        // Where nothing is known of the link, nothing can be said.
        self.in_subnet()?;
        let mut addresses = self.request.associations.iter().flat_map(|it| it.addresses.iter().copied());
        let (status, event) = match addresses.clone().find(|address| !self.is_on_link(*address)) {
            Some(elsewhere) => (StatusCode::NOT_ON_LINK, Event::Refused(elsewhere.into())),
            None => {
                let first = addresses.next().unwrap_or(Ipv6Addr::UNSPECIFIED);
                (StatusCode::SUCCESS, Event::Informed(first.into()))
            }
        };
        Ok(Decision::Say(Reply::of_status(status, Vec::new()), vec![event]))
    }

    /// §18.3.4 and §18.3.5: more time, for what the client has on record, or says it has and nobody else has.
    fn extend(&self, book: &Book<Ipv6Addr>, unknown: Unknown) -> Result<Decision<'a>, Ignored> {
        self.in_subnet()?;
        let mut chosen = Vec::new();
        let mut outcomes = Vec::new();
        let mut known = false;
        for association in &self.request.associations {
            let outcome = self.extended(book, association, &chosen, unknown);
            known |= outcome.is_some();
            if let Some(Outcome::Given { address, .. }) = &outcome {
                chosen.push(*address);
            }
            outcomes.push((association, outcome.unwrap_or(Outcome::Refused(StatusCode::NO_BINDING))));
        }
        // §18.3.5: another server may have lent what the client asks about.
        if !known && unknown == Unknown::Silent {
            let first = self.request.associations.iter().find_map(|it| it.addresses.first());
            return Err(Ignored::NoRecord((*first.unwrap_or(&Ipv6Addr::UNSPECIFIED)).into()));
        }
        Ok(self.grant(book, outcomes, None, |association, outcome| {
            Some(match outcome {
                Outcome::Given { .. } if association.addresses.is_empty() => Outcome::Refused(StatusCode::NO_BINDING),
                Outcome::Given { .. } => Outcome::Ended(association.addresses.clone()),
                other => other.clone(),
            })
        }))
    }

    /// What an association gets that wants more time; `None` when nothing is known of it here.
    fn extended(
        &self,
        book: &Book<Ipv6Addr>,
        association: &Association,
        chosen: &[Ipv6Addr],
        unknown: Unknown,
    ) -> Option<Outcome> {
        if association.kind != Kind::Addresses {
            return None;
        }
        let (place, _) = self.subnet?;
        let key = self.key(association.iaid);
        let may_have = |address: &Ipv6Addr| {
            !chosen.contains(address) && book.may_have(place, &key, *address, self.now) == Lent::Yes
        };
        let recorded = || book.address_of(&key).filter(|it| book.lease(*it).is_some()).filter(may_have);
        let claimed = || association.addresses.iter().copied().find(may_have);
        let address = self.reserved(book, &key, chosen).or_else(recorded).or_else(claimed);
        let ended = |kept: Option<Ipv6Addr>| {
            association.addresses.iter().copied().filter(|address| Some(*address) != kept).collect::<Vec<_>>()
        };
        match address {
            Some(address) => Some(Outcome::Given { address, ended: ended(Some(address)) }),
            None if association.addresses.is_empty() => None,
            None if association.addresses.iter().any(|address| self.is_of_others(book, *address, unknown)) => None,
            None => Some(Outcome::Ended(ended(None))),
        }
    }

    /// Whether an address may be lent by another server: it is on the link but none that is given here, or, where the client asks all servers,
    /// of a network of which nothing is known here.
    fn is_of_others(&self, book: &Book<Ipv6Addr>, address: Ipv6Addr, unknown: Unknown) -> bool {
        let rules = self.policy.rules();
        let network_is_known = rules.subnets().iter().any(|subnet| subnet.network().contains(address));
        let elsewhere = !network_is_known && unknown == Unknown::Silent;
        elsewhere || (self.is_on_link(address) && !rules.gives(address.into()) && book.lease(address).is_none())
    }

    /// §18.3.7.
    fn release(&self, book: &Book<Ipv6Addr>) -> Result<Decision<'a>, Ignored> {
        self.give_up(book, |lease| self.ended(lease), |address| Event::Released(address.into()))
    }

    /// §18.3.8.
    fn decline(&self, book: &Book<Ipv6Addr>) -> Result<Decision<'a>, Ignored> {
        let conflict = |lease: &Lease| Lease {
            client: ClientKey::nobody(),
            mac: None,
            host_name: None,
            standing: Standing::Conflict,
            since: self.now,
            expires: self.now.plus(Book::<Ipv6Addr>::CONFLICT_SECONDS),
            ..*lease
        };
        self.give_up(book, conflict, |address| Event::Declined(address.into()))
    }

    /// What the client does not want any more, as far as it had it.
    fn give_up(
        &self,
        book: &Book<Ipv6Addr>,
        change: impl Fn(&Lease) -> Lease,
        event: impl Fn(Ipv6Addr) -> Event,
    ) -> Result<Decision<'a>, Ignored> {
        let (mut leases, mut events, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
        for association in &self.request.associations {
            let key = self.key(association.iaid);
            let ours = |address: &Ipv6Addr| {
                let lease = self.held(book, &key, *address).filter(|_| association.kind == Kind::Addresses)?;
                Some((change(lease), event(*address)))
            };
            let before = leases.len();
            for (lease, event) in association.addresses.iter().filter_map(ours) {
                leases.push(lease);
                events.push(event);
            }
            if leases.len() == before {
                outcomes.push((association, Outcome::Refused(StatusCode::NO_BINDING)));
            }
        }
        let reply = Reply::of_status(StatusCode::SUCCESS, outcomes);
        if leases.is_empty() {
            let first = self.request.associations.iter().find_map(|it| it.addresses.first());
            let unknown = Ignored::NoRecord((*first.unwrap_or(&Ipv6Addr::UNSPECIFIED)).into());
            return Ok(Decision::Say(reply, vec![Event::Denied(unknown)]));
        }
        Ok(Decision::Write { leases, reply, refusal: None, events })
    }

    /// §18.3.6.
    fn inform(&self) -> Decision<'a> {
        let event = Event::Informed((*self.datagram.source.ip()).into());
        Decision::Say(self.full(MessageType::Reply, Vec::new()), vec![event])
    }

    /// An address for each association that wants one.
    fn assign(&self, book: &mut Book<Ipv6Addr>) -> Result<Vec<(&'a Association, Outcome)>, Ignored> {
        let (place, subnet) = self.in_subnet()?;
        let known = self.answer.known().is_some();
        let mut chosen = Vec::new();
        let mut outcomes = Vec::new();
        for association in &self.request.associations {
            let key = self.key(association.iaid);
            // §18.3.2: the client moved since it solicited. What it would like when it solicits is no more than a wish.
            let chosen_elsewhere = |address: &Ipv6Addr| !self.is_on_link(*address);
            if self.request.kind == MessageType::Request && association.addresses.iter().any(chosen_elsewhere) {
                outcomes.push((association, Outcome::Refused(StatusCode::NOT_ON_LINK)));
                continue;
            }
            let address = match association.kind {
                Kind::Addresses => self.reserved(book, &key, &chosen).or_else(|| {
                    let wish = association.addresses.iter().copied().find(|it| subnet.network().contains(*it));
                    book.offer(place, &key, wish, known, self.now)
                }),
                // RFC 8415 §18.3.1, §18.3.2: those that are not given here are told so.
                Kind::Temporary | Kind::Prefixes => None,
            };
            chosen.extend(address);
            let outcome = match address {
                Some(address) => Outcome::Given { address, ended: Vec::new() },
                None => Outcome::Refused(association.kind.none_available()),
            };
            outcomes.push((association, outcome));
        }
        Ok(outcomes)
    }

    /// Writes what is given, and then says so; `otherwise` is what an association hears when another client has one of the addresses.
    fn grant(
        &self,
        book: &Book<Ipv6Addr>,
        outcomes: Vec<(&'a Association, Outcome)>,
        rapid_commit: Option<RapidCommit>,
        otherwise: impl Fn(&Association, &Outcome) -> Option<Outcome>,
    ) -> Decision<'a> {
        let mut leases = Vec::new();
        for (association, outcome) in &outcomes {
            if let Outcome::Given { address, .. } = outcome {
                leases.extend(self.lend(book, self.key(association.iaid), *address));
            }
        }
        let mut events: Vec<_> = given(&outcomes).map(|address| Event::Granted(address.into())).collect();
        let refused: Option<Vec<_>> = outcomes
            .iter()
            .map(|(association, outcome)| Some((*association, otherwise(association, outcome)?)))
            .collect();
        let ended = outcomes.iter().find_map(|(association, outcome)| match outcome {
            Outcome::Ended(_) | Outcome::Refused(StatusCode::NOT_ON_LINK) => association.addresses.first().copied(),
            _ => None,
        });
        let reply = Reply { rapid_commit, ..self.full(MessageType::Reply, outcomes) };
        if leases.is_empty() {
            events.push(match (ended, self.request.kind) {
                (Some(address), _) => Event::Refused(address.into()),
                (None, MessageType::Renew | MessageType::Rebind) => {
                    let first = self.request.associations.iter().find_map(|it| it.addresses.first());
                    Event::Denied(Ignored::NoRecord((*first.unwrap_or(&Ipv6Addr::UNSPECIFIED)).into()))
                }
                (None, _) => self.nothing_given(),
            });
            return Decision::Say(reply, events);
        }
        let refusal = refused
            .map(|outcomes| Reply { parameters: Parameters::LeftOut, ..self.full(MessageType::Reply, outcomes) });
        Decision::Write { leases, reply, refusal, events }
    }

    /// What the operator hears when a client got no address.
    fn nothing_given(&self) -> Event {
        let wanted = self.request.associations.iter().any(|it| it.kind == Kind::Addresses);
        if wanted {
            Event::Denied(Ignored::PoolExhausted)
        } else {
            Event::Informed((*self.datagram.source.ip()).into())
        }
    }

    const fn full(&self, kind: MessageType, outcomes: Vec<(&'a Association, Outcome)>) -> Reply<'a> {
        Reply { kind, status: None, outcomes, parameters: Parameters::Given, rapid_commit: None }
    }
}

/// What becomes of a request for more time of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unknown {
    /// The client believes that this server lent it, so it is told.
    Say,
    /// Another server may have lent it.
    Silent,
}

fn given<'o>(outcomes: &'o [(&Association, Outcome)]) -> impl Iterator<Item = Ipv6Addr> + 'o {
    outcomes.iter().filter_map(|(_, outcome)| match outcome {
        Outcome::Given { address, .. } => Some(*address),
        _ => None,
    })
}
