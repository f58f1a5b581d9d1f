//! Classes of clients, and what they get.

use serde::Deserialize;

use super::{
    Known, RulesError, When,
    give::{Give, GiveInvalid, GiveSettings},
};
use crate::{client::Client, lease::Address};

/// A class as it stands in a configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClassSettings {
    /// What it is called in explanations.
    pub name: String,
    /// Who belongs to it.
    #[serde(default)]
    pub when: When,
    /// What its members get.
    #[serde(default)]
    pub give: GiveSettings,
}

/// A class of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    name: String,
    when: When,
    give: Give,
}

impl Class {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who belongs to it.
    #[must_use]
    pub const fn when(&self) -> &When {
        &self.when
    }

    /// What its members get.
    #[must_use]
    pub const fn give(&self) -> &Give {
        &self.give
    }

    /// Whether this client belongs to it.
    #[must_use]
    pub fn has(&self, client: &Client, known: Option<&Known>) -> bool {
        self.when.holds(client, known)
    }
}

impl ClassSettings {
    /// Checks what is written for servers of this family.
    ///
    /// # Errors
    /// [`GiveInvalid`].
    pub fn check<A: Address>(self) -> Result<Class, GiveInvalid> {
        Ok(Class { name: self.name, when: self.when, give: self.give.check::<A>()? })
    }
}

/// What is given in general and to classes, in the order in which they go before one another. A profile has such a list, and a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Giving {
    /// The classes; the first that says something goes before those behind it.
    pub classes: Vec<Class>,
    /// What everybody gets.
    pub give: Give,
}

/// [`Giving`] as it stands in a profile: the tables `dhcp4` and `dhcp6`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GivingSettings {
    /// The classes.
    #[serde(default, rename = "class")]
    pub classes: Vec<ClassSettings>,
    /// What everybody gets.
    #[serde(default)]
    pub give: GiveSettings,
}

impl GivingSettings {
    /// Checks what is written for servers of this family.
    ///
    /// # Errors
    /// [`RulesError`] that names the class.
    pub fn check<A: Address>(self) -> Result<Giving, RulesError> {
        let checked = |class: ClassSettings| {
            let name = class.name.clone();
            class.check::<A>().map_err(|because| RulesError::Class { name, because })
        };
        let classes = self.classes.into_iter().map(checked).collect::<Result<_, _>>()?;
        Ok(Giving { classes, give: self.give.check::<A>()? })
    }
}
