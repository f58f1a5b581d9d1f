//! Everything that decides who gets what, in one place for both IP versions.

use std::net::{IpAddr, Ipv4Addr};

use dhcp::bootstrap_uri::{FieldForm, FormUnsuited, UriList};
use thiserror::Error;

use super::{
    Answer, Class, Directory, Give, Origin, ProfileGiving, Subnet, SubnetError, SubnetSettings,
    class::{ClassSettings, Giving, GivingSettings},
    give::{GiveInvalid, GiveSettings},
};
use crate::{
    client::Client,
    lease::{Address, Book},
};

/// What is given to whom.
#[derive(Clone, Debug)]
pub struct Rules<A> {
    subnets: Vec<Subnet<A>>,
    giving: Giving,
    strangers: Strangers,
    /// What holds where nothing that is written says anything.
    site: Option<Give>,
}

/// What becomes of clients that are not on the owner's list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strangers {
    /// They are served like everybody.
    #[default]
    Serve,
    /// They get no answer.
    Ignore,
}

/// From where a request came: what says in which subnet its client is.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a, A> {
    /// The interface's name.
    pub interface: &'a str,
    /// The interface's own addresses.
    pub addresses: &'a [A],
}

impl<A: Address> Rules<A> {
    /// Checks what is written.
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn new(
        subnets: Vec<SubnetSettings<A>>,
        classes: Vec<ClassSettings>,
        give: GiveSettings,
        strangers: Strangers,
    ) -> Result<Self, RulesError> {
        let subnets: Vec<Subnet<A>> = subnets.into_iter().map(Subnet::try_from).collect::<Result<_, _>>()?;
        for (place, one) in subnets.iter().enumerate() {
            for other in subnets.iter().skip(place.saturating_add(1)) {
                let (range, second) = (one.network().range(), other.network().range());
                if range.contains(second.start()) || second.contains(range.start()) {
                    let [one, other] = [one, other].map(|it| it.network().to_string());
                    return Err(RulesError::SubnetsOverlap { one, other });
                }
            }
        }
        Ok(Self { subnets, giving: GivingSettings { classes, give }.check::<A>()?, strangers, site: None })
    }

    /// The same, with these bootstrap servers for everybody where `bootstrap-uris` are not given to everybody: those of the site itself.
    ///
    /// # Errors
    /// [`FormUnsuited`] when the form that everybody gets cannot say it.
    pub fn with_bootstrap_servers(mut self, uris: UriList) -> Result<Self, FormUnsuited> {
        if self.giving.give.uris.is_none() {
            self.giving.give.form.unwrap_or(FieldForm::Rfc8572).encode(&uris)?;
            self.site = Some(Give { uris: Some(uris), ..Give::default() });
        }
        Ok(self)
    }

    /// The subnets.
    #[must_use]
    pub fn subnets(&self) -> &[Subnet<A>] {
        &self.subnets
    }

    /// An empty book for them.
    #[must_use]
    pub fn book(&self) -> Book<A> {
        Book::new(self.subnets.iter().map(Subnet::space).collect())
    }

    /// The subnet of a client: that of the relay agent where there is one, else that of the interface. `selected` is what a relay agent says
    /// of the client's network where its own address does not (RFC 3527, RFC 3011), and goes before.
    #[must_use]
    pub fn subnet_of(
        &self,
        client: &Client,
        selected: Option<A>,
        arrival: &Arrival<'_, A>,
    ) -> Option<(usize, &Subnet<A>)> {
        let place = match selected.map(Into::into).or(client.relay) {
            Some(relay) => self.subnets.iter().position(|subnet| subnet.is_behind(relay)),
            None => self.subnets.iter().position(|subnet| subnet.is_on(arrival.interface, arrival.addresses)),
        }?;
        self.subnets.get(place).map(|subnet| (place, subnet))
    }

    /// What this client is given in this subnet, and why.
    #[must_use]
    pub fn answer<'p>(
        &'p self,
        client: &Client,
        subnet: Option<&'p Subnet<A>>,
        directory: &'p Directory,
    ) -> Answer<'p> {
        let known = directory.recognise(client);
        let profile = known.and_then(|(known, _)| known.profile());
        let giving = |giving: &'p ProfileGiving| if A::WIDTH == Ipv4Addr::WIDTH { &giving.v4 } else { &giving.v6 };
        let profile = profile.and_then(|name| Some((name, giving(directory.profile(name)?))));
        let reservation = subnet.and_then(|subnet| subnet.reserved_for(client));
        Answer::new(client, (known, profile), (reservation, subnet), (&self.giving, self.site.as_ref()))
    }

    /// Every place that gives something, the narrowest kinds first.
    pub(super) fn places(&self) -> impl Iterator<Item = (Origin<'_>, &Give)> {
        let reservations = self.subnets.iter().flat_map(Subnet::reservations);
        let subnet = |subnet: &Subnet<A>| Origin::Subnet(subnet.network().to_string());
        let reserved = reservations.map(|it| (Origin::Reservation, it.give()));
        let classes = self.giving.classes.iter().map(|class| (Origin::Class(class.name()), class.give()));
        let subnets = self.subnets.iter().map(move |it| (subnet(it), it.give()));
        reserved.chain(classes).chain(subnets).chain([(Origin::Everybody, &self.giving.give)])
    }

    /// The classes, in the order in which they go before one another.
    pub(super) fn classes(&self) -> &[Class] {
        &self.giving.classes
    }

    /// What everybody gets.
    pub(super) const fn everybody(&self) -> &Give {
        &self.giving.give
    }

    /// Whether a client that the owner does not know is passed over.
    #[must_use]
    pub fn ignores_strangers(&self) -> bool {
        self.strangers == Strangers::Ignore
    }

    /// Whether some client may get the address.
    #[must_use]
    pub fn gives(&self, address: IpAddr) -> bool {
        A::from_ip(address).is_some_and(|address| self.subnets.iter().any(|subnet| subnet.gives(address)))
    }
}

/// Rules that contradict themselves. The configuration must be corrected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RulesError {
    /// Two subnets have an address in common.
    #[error("the subnets {one} and {other} overlap")]
    SubnetsOverlap {
        /// One.
        one: String,
        /// The other.
        other: String,
    },
    /// The addresses of a subnet are inconsistent.
    #[error(transparent)]
    Subnet(#[from] SubnetError),
    /// What a class gets is inconsistent.
    #[error("class {name}: {because}")]
    Class {
        /// Which class.
        name: String,
        /// Why.
        #[source]
        because: GiveInvalid,
    },
    /// What everybody gets is inconsistent.
    #[error("give: {0}")]
    Give(#[from] GiveInvalid),
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
