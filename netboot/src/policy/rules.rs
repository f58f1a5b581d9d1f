//! Everything that decides who gets what, in one place for both IP versions.

use std::net::{IpAddr, Ipv4Addr};

use thiserror::Error;

use super::{
    Answer, Directory, ProfileGiving, Subnet, SubnetError, SubnetSettings,
    class::{ClassSettings, Giving},
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
        let checked = |class: ClassSettings| {
            let name = class.name.clone();
            class.check::<A>().map_err(|because| RulesError::Class { name, because })
        };
        let classes = classes.into_iter().map(checked).collect::<Result<_, _>>()?;
        Ok(Self { subnets, giving: Giving { classes, give: give.check::<A>()? }, strangers })
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
        Answer::new(client, (known, profile), (reservation, subnet), &self.giving)
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
