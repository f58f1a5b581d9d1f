//! What one client is given, and from where each thing comes.

use std::{collections::BTreeMap, fmt, net::Ipv4Addr};

use dhcp::bootstrap_uri::{FieldForm, UriList};

use super::{
    BootText, Known, Pxe, RecognisedBy, Reservation, Sending, Subnet,
    class::{Class, Giving},
    give::{Give, USUAL_LEASE},
};
use crate::{client::Client, lease::Address};

/// A device that the owner knows, and by what it was recognised.
type Recognised<'p> = (&'p Known, RecognisedBy);

/// Where something that is given stands in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin<'p> {
    /// With the reservation.
    Reservation,
    /// In a class of the device's profile.
    ProfileClass {
        /// The profile.
        profile: &'p str,
        /// The class.
        class: &'p str,
    },
    /// In the device's profile.
    Profile(&'p str),
    /// In a class.
    Class(&'p str),
    /// With the subnet.
    Subnet(String),
    /// With what everybody gets.
    Everybody,
    /// Nowhere: it follows from what else the site is.
    Site,
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reservation => f.write_str("reservation"),
            Self::ProfileClass { profile, class } => write!(f, "class {class} of profile {profile}"),
            Self::Profile(profile) => write!(f, "profile {profile}"),
            Self::Class(class) => write!(f, "class {class}"),
            Self::Subnet(network) => write!(f, "subnet {network}"),
            Self::Everybody => f.write_str("everybody"),
            Self::Site => f.write_str("the device listener"),
        }
    }
}

/// A thing that is given, and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<'a, 'p, T> {
    /// The thing.
    pub value: T,
    /// Where it stands.
    pub origin: &'a Origin<'p>,
}

/// What one client is given: everything that applies to it, the narrowest first.
#[derive(Debug)]
pub struct Answer<'p> {
    known: Option<Recognised<'p>>,
    layers: Vec<(Origin<'p>, &'p Give)>,
}

impl<'p> Answer<'p> {
    /// Puts together what applies: reservation, profile, classes, subnet, everybody.
    pub(super) fn new<A: Address>(
        client: &Client,
        (known, profile): (Option<Recognised<'p>>, Option<(&'p str, &'p Giving)>),
        (reservation, subnet): (Option<&'p Reservation<A>>, Option<&'p Subnet<A>>),
        (server, site): (&'p Giving, Option<&'p Give>),
    ) -> Self {
        let mut layers = Vec::new();
        let is_member = |class: &&Class| class.has(client, known.map(|(known, _)| known));
        layers.extend(reservation.map(|reservation| (Origin::Reservation, reservation.give())));
        if let Some((profile, giving)) = profile {
            for class in giving.classes.iter().filter(is_member) {
                layers.push((Origin::ProfileClass { profile, class: class.name() }, class.give()));
            }
            layers.push((Origin::Profile(profile), &giving.give));
        }
        for class in server.classes.iter().filter(is_member) {
            layers.push((Origin::Class(class.name()), class.give()));
        }
        layers.extend(subnet.map(|subnet| (Origin::Subnet(subnet.network().to_string()), subnet.give())));
        layers.push((Origin::Everybody, &server.give));
        layers.extend(site.map(|give| (Origin::Site, give)));
        Self { known, layers }
    }

    /// The device that asks, if the owner knows it, and by what it was recognised.
    #[must_use]
    pub const fn known(&self) -> Option<(&'p Known, RecognisedBy)> {
        self.known
    }

    /// What applies, the narrowest first.
    pub fn origins(&self) -> impl Iterator<Item = &Origin<'p>> {
        self.layers.iter().map(|(origin, _)| origin)
    }

    /// What each of them gives.
    pub(crate) fn layers(&self) -> impl Iterator<Item = (&Origin<'p>, &'p Give)> {
        self.layers.iter().map(|(origin, give)| (origin, *give))
    }

    /// What the narrowest place says that says anything of this key; nothing when a narrower one takes it away.
    fn first<T>(&self, key: &str, pick: impl Fn(&'p Give) -> Option<T>) -> Option<Given<'_, 'p, T>> {
        for (origin, give) in &self.layers {
            if let Some(value) = pick(give) {
                return Some(Given { value, origin });
            }
            if give.without.has_key(key) {
                return None;
            }
        }
        None
    }

    /// Where it is said that this client gets no answer at all.
    #[must_use]
    pub fn silence(&self) -> Option<&Origin<'p>> {
        self.first("answer", |give| give.answer).filter(|given| !given.value).map(|given| given.origin)
    }

    /// How long an address is lent, in seconds.
    #[must_use]
    pub fn lease_seconds(&self) -> u32 {
        self.first("lease-seconds", |give| give.lease_seconds).map_or(USUAL_LEASE, |given| given.value)
    }

    /// For how long of that an IPv6 address is used for new connections, in seconds; never longer.
    #[must_use]
    pub fn preferred_seconds(&self) -> u32 {
        let lease = self.lease_seconds();
        self.first("preferred-seconds", |give| give.preferred_seconds).map_or(lease, |given| given.value.min(lease))
    }

    /// The server to boot from.
    #[must_use]
    pub fn next_server(&self) -> Option<Given<'_, 'p, Ipv4Addr>> {
        self.first("next-server", |give| give.next_server)
    }

    /// That server's name.
    #[must_use]
    pub fn server_name(&self) -> Option<Given<'_, 'p, &'p BootText>> {
        self.first("server-name", |give| give.server_name.as_ref())
    }

    /// What to boot.
    #[must_use]
    pub fn boot_file(&self) -> Option<Given<'_, 'p, &'p BootText>> {
        self.first("boot-file", |give| give.boot_file.as_ref())
    }

    /// The boot menu, unless a narrower place says what to boot: whoever has booted iPXE from a menu is not shown that menu again.
    #[must_use]
    pub fn pxe(&self) -> Option<Given<'_, 'p, &'p Pxe>> {
        let speaks = |give: &Give| give.pxe.is_some() || give.boot_file.is_some() || give.without.has_key("pxe");
        let (origin, give) = self.layers.iter().find(|(_, give)| speaks(give))?;
        Some(Given { value: give.pxe.as_ref()?, origin })
    }

    /// Parameters of what is booted.
    #[must_use]
    pub fn boot_parameters(&self) -> Option<Given<'_, 'p, &'p [BootText]>> {
        self.first("boot-parameters", |give| give.boot_parameters.as_deref())
    }

    /// The bootstrap servers.
    #[must_use]
    pub fn uris(&self) -> Option<Given<'_, 'p, &'p UriList>> {
        self.first("bootstrap-uris", |give| give.uris.as_ref())
    }

    /// How they are written.
    #[must_use]
    pub fn form(&self) -> FieldForm {
        self.first("bootstrap-form", |give| give.form).map_or(FieldForm::Rfc8572, |given| given.value)
    }

    /// Whether the bootstrap servers go to a client that does not ask for them.
    #[must_use]
    pub fn bootstrap_sending(&self, usual: Sending) -> Sending {
        self.first("bootstrap-send", |give| give.bootstrap_send).map_or(usual, |given| given.value)
    }

    /// Every other option, by code.
    #[must_use]
    pub fn options(&self) -> BTreeMap<u16, (&'p [u8], Sending, &Origin<'p>)> {
        let mut options = BTreeMap::new();
        for (origin, give) in &self.layers {
            for (code, given) in &give.options {
                options.entry(*code).or_insert(Some((given.value.as_slice(), given.sending, origin)));
            }
            // Whatever is not there by now is there for nobody wider.
            for code in give.without.options() {
                options.entry(code).or_insert(None);
            }
        }
        options.into_iter().filter_map(|(code, given)| Some((code, given?))).collect()
    }
}
