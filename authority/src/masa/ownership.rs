//! Whose a device is, and how that changes: by deeds, of which each says who did it.
//!
//! ```text
//!             Sold                Released              Accepted
//! Unsold ─────────────▶ Owned ─────────────▶ Released ─────────────▶ Owned, by the new one
//!                         ▲                     │
//!                         └──── Withdrawn ──────┘        Overridden: from anywhere, by the manufacturer, with a reason
//! ```
//!
//! A transfer takes both sides: the old owner releases to the new one by name, and the new one accepts. In between nobody gets
//! vouchers. Where the old owner is gone, the manufacturer overrides, and says why.

use pki::time::Timestamp;

use super::{approval::Person, domain::OwnerName};

/// Whose a device is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// It was made, and nobody bought it yet.
    #[default]
    Unsold,
    /// Somebody's.
    Owned {
        /// Whose.
        by: OwnerName,
        /// Since when.
        since: Timestamp,
    },
    /// On its way from one to another.
    Released {
        /// Who let it go.
        from: OwnerName,
        /// Who may accept it.
        to: OwnerName,
        /// When it was released.
        at: Timestamp,
    },
}

/// What changes whose a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deed {
    /// The manufacturer sold it.
    Sold {
        /// To whom.
        to: OwnerName,
    },
    /// The owner lets it go.
    Released {
        /// Who says so: the owner.
        by: OwnerName,
        /// Who may accept it.
        to: OwnerName,
    },
    /// The new owner takes it.
    Accepted {
        /// Who says so: the one to whom it was released.
        by: OwnerName,
    },
    /// The old owner keeps it after all.
    Withdrawn {
        /// Who says so: the one who released it.
        by: OwnerName,
    },
    /// The manufacturer decides, whatever the records say: the old owner is gone, or the records were wrong.
    Overridden {
        /// Whose it is from now on; `None` takes it back into stock.
        to: Option<OwnerName>,
        /// Who decided.
        by: Person,
        /// Why, in words.
        reason: String,
    },
}

impl Ownership {
    /// Longest reason, in octets.
    pub const MAX_REASON: usize = 1024;

    /// The owner on record who may get vouchers now.
    #[must_use]
    pub const fn owner(&self) -> Option<&OwnerName> {
        match self {
            Self::Owned { by, .. } => Some(by),
            Self::Unsold | Self::Released { .. } => None,
        }
    }

    /// Whose the device is after a deed.
    ///
    /// # Errors
    /// [`DeedError`] when whoever does it may not, or it cannot be done now.
    pub fn after(&self, deed: &Deed, at: Timestamp) -> Result<Self, DeedError> {
        match (self, deed) {
            (Self::Unsold, Deed::Sold { to }) => Ok(Self::Owned { by: to.clone(), since: at }),
            (Self::Owned { by: owner, .. } | Self::Released { from: owner, .. }, Deed::Sold { .. }) => {
                Err(DeedError::AlreadySold { owner: owner.clone() })
            }
            (Self::Owned { by: owner, .. }, Deed::Released { by, to }) => match () {
                () if owner != by => Err(DeedError::NotTheirs { who: by.clone(), owner: Some(owner.clone()) }),
                () if owner == to => Err(DeedError::ToOneself { owner: owner.clone() }),
                () => Ok(Self::Released { from: by.clone(), to: to.clone(), at }),
            },
            (Self::Released { to, .. }, Deed::Accepted { by }) if to == by => {
                Ok(Self::Owned { by: by.clone(), since: at })
            }
            (Self::Released { from, .. }, Deed::Withdrawn { by }) if from == by => {
                Ok(Self::Owned { by: by.clone(), since: at })
            }
            (Self::Released { from, to, .. }, Deed::Released { .. }) => {
                Err(DeedError::InTransfer { from: from.clone(), to: to.clone() })
            }
            (Self::Released { to, .. }, Deed::Accepted { by }) => {
                Err(DeedError::NotTheirs { who: by.clone(), owner: Some(to.clone()) })
            }
            (Self::Released { from, .. }, Deed::Withdrawn { by }) => {
                Err(DeedError::NotTheirs { who: by.clone(), owner: Some(from.clone()) })
            }
            (Self::Unsold, Deed::Released { by, .. }) => Err(DeedError::NotTheirs { who: by.clone(), owner: None }),
            (Self::Unsold | Self::Owned { .. }, Deed::Accepted { .. } | Deed::Withdrawn { .. }) => {
                Err(DeedError::NotReleased)
            }
            (_, Deed::Overridden { reason, .. }) if reason.trim().is_empty() || reason.len() > Self::MAX_REASON => {
                Err(DeedError::NoReason)
            }
            (_, Deed::Overridden { to: None, .. }) => Ok(Self::Unsold),
            (_, Deed::Overridden { to: Some(to), .. }) => Ok(Self::Owned { by: to.clone(), since: at }),
        }
    }
}

/// A deed, and when it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What.
    pub deed: Deed,
}

/// Everything that happened to the ownership of one device, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    records: Vec<Record>,
    now: Ownership,
}

impl History {
    /// Derives whose a device is from what was recorded.
    ///
    /// # Errors
    /// [`DeedError`] when one of the records cannot follow the ones before.
    pub fn of(records: impl IntoIterator<Item = Record>) -> Result<Self, DeedError> {
        records.into_iter().try_fold(Self::default(), Self::followed_by)
    }

    /// With one more record at its end.
    ///
    /// # Errors
    /// [`DeedError`], as [`Ownership::after`]; [`DeedError::OutOfOrder`] when it is older than the last one.
    pub fn followed_by(mut self, record: Record) -> Result<Self, DeedError> {
        if self.records.last().is_some_and(|last| last.at > record.at) {
            return Err(DeedError::OutOfOrder);
        }
        self.now = self.now.after(&record.deed, record.at)?;
        self.records.push(record);
        Ok(self)
    }

    /// Whose the device is.
    #[must_use]
    pub const fn now(&self) -> &Ownership {
        &self.now
    }

    /// What happened, oldest first.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }
}

/// A deed that is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeedError {
    /// Sold twice.
    #[error("the device belongs to {owner} already: transfer it, or override with a reason")]
    AlreadySold {
        /// Whose it is.
        owner: OwnerName,
    },
    /// Somebody disposes of what is not theirs.
    #[error("{who} cannot do this: {}", .owner.as_ref().map_or_else(|| "the device was never sold".to_owned(), |it| format!("only {it} can")))]
    NotTheirs {
        /// Who tried.
        who: OwnerName,
        /// Who could.
        owner: Option<OwnerName>,
    },
    /// Released to its own owner.
    #[error("{owner} owns the device already")]
    ToOneself {
        /// The owner.
        owner: OwnerName,
    },
    /// Released a second time.
    #[error("{from} released the device to {to}, who has not accepted yet: withdraw the release first")]
    InTransfer {
        /// Who released it.
        from: OwnerName,
        /// To whom.
        to: OwnerName,
    },
    /// Nothing to accept or to take back.
    #[error("nobody has released the device")]
    NotReleased,
    /// An override without a reason that can be kept.
    #[error("an override needs a reason of 1 to {} octets", Ownership::MAX_REASON)]
    NoReason,
    /// The records are not in the order of their times.
    #[error("a record is older than the one before it")]
    OutOfOrder,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> OwnerName {
        OwnerName::new(text).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn play(deeds: &[Deed]) -> Result<Ownership, DeedError> {
        let records = (0..).zip(deeds).map(|(second, deed)| Record { at: at(second), deed: deed.clone() });
        History::of(records).map(|history| history.now)
    }

    fn overridden(to: Option<&str>, reason: &str) -> Deed {
        Deed::Overridden { to: to.map(name), by: Person::new("clerk").unwrap(), reason: reason.to_owned() }
    }

    #[test]
    fn a_transfer_takes_both_sides() {
        let (a, b, c) = (name("a"), name("b"), name("c"));
        let sold = Deed::Sold { to: a.clone() };
        let released = Deed::Released { by: a.clone(), to: b.clone() };
        let accepted = Deed::Accepted { by: b.clone() };
        assert_eq!(play(&[]).unwrap(), Ownership::Unsold);
        assert_eq!(play(std::slice::from_ref(&sold)).unwrap().owner(), Some(&a));
        // In between it is nobody's.
        assert_eq!(play(&[sold.clone(), released.clone()]).unwrap().owner(), None);
        let full = [sold.clone(), released.clone(), accepted.clone()];
        assert_eq!(play(&full).unwrap(), Ownership::Owned { by: b.clone(), since: at(2) });
        let withdrawn = [sold.clone(), released.clone(), Deed::Withdrawn { by: a.clone() }];
        assert_eq!(play(&withdrawn).unwrap().owner(), Some(&a));

        for (deeds, refused) in [
            (vec![sold.clone(), sold.clone()], DeedError::AlreadySold { owner: a.clone() }),
            (vec![released.clone()], DeedError::NotTheirs { who: a.clone(), owner: None }),
            // Nobody else releases, accepts or takes back.
            (
                vec![sold.clone(), Deed::Released { by: b.clone(), to: c.clone() }],
                DeedError::NotTheirs { who: b.clone(), owner: Some(a.clone()) },
            ),
            (
                vec![sold.clone(), released.clone(), Deed::Accepted { by: c.clone() }],
                DeedError::NotTheirs { who: c.clone(), owner: Some(b.clone()) },
            ),
            (
                vec![sold.clone(), released.clone(), Deed::Withdrawn { by: b.clone() }],
                DeedError::NotTheirs { who: b.clone(), owner: Some(a.clone()) },
            ),
            (
                vec![sold.clone(), released.clone(), released.clone()],
                DeedError::InTransfer { from: a.clone(), to: b.clone() },
            ),
            (
                vec![sold.clone(), Deed::Released { by: a.clone(), to: a.clone() }],
                DeedError::ToOneself { owner: a.clone() },
            ),
            (vec![sold.clone(), accepted.clone()], DeedError::NotReleased),
            (vec![sold.clone(), overridden(Some("b"), "  ")], DeedError::NoReason),
            (vec![sold.clone(), overridden(Some("b"), &"x".repeat(1025))], DeedError::NoReason),
        ] {
            assert_eq!(play(&deeds), Err(refused), "{deeds:?}");
        }
    }

    #[test]
    fn the_manufacturer_overrides_from_anywhere_with_a_reason() {
        let (sold, released) = (Deed::Sold { to: name("a") }, Deed::Released { by: name("a"), to: name("b") });
        for before in [vec![], vec![sold.clone()], vec![sold, released]] {
            let mut deeds = before.clone();
            deeds.push(overridden(Some("c"), "a is insolvent; court order 7"));
            assert_eq!(play(&deeds).unwrap().owner(), Some(&name("c")));
            *deeds.last_mut().unwrap() = overridden(None, "sent back");
            assert_eq!(play(&deeds).unwrap(), Ownership::Unsold);
        }
    }

    #[test]
    fn a_history_is_in_order() {
        let sold = Record { at: at(5), deed: Deed::Sold { to: name("a") } };
        let earlier = Record { at: at(4), deed: Deed::Released { by: name("a"), to: name("b") } };
        let history = History::of([sold.clone()]).unwrap();
        assert_eq!(history.clone().followed_by(earlier), Err(DeedError::OutOfOrder));
        assert_eq!(history.records(), [sold]);
    }

    proptest! {
        /// Whatever is tried in whatever order: without the manufacturer's override, a device changes hands only after its
        /// owner's release to the one who accepts.
        #[test]
        fn nobody_loses_a_device_without_a_release(tried in proptest::collection::vec((0_u8..4, 0_u8..3, 0_u8..3), 0..40)) {
            let names = ["a", "b", "c"].map(name);
            let (mut ownership, mut released_by_owner) = (Ownership::Unsold, None);
            for (kind, who, to) in tried {
                let (by, to) = (names[usize::from(who)].clone(), names[usize::from(to)].clone());
                let deed = match kind {
                    0 => Deed::Sold { to },
                    1 => Deed::Released { by, to },
                    2 => Deed::Accepted { by },
                    _ => Deed::Withdrawn { by },
                };
                let Ok(next) = ownership.after(&deed, at(0)) else { continue };
                if let (Ownership::Owned { by: old, .. }, Deed::Released { by, to }) = (&ownership, &deed) {
                    prop_assert_eq!(old, by);
                    released_by_owner = Some((by.clone(), to.clone()));
                }
                if let (Ownership::Released { from, .. }, Some(new)) = (&ownership, next.owner()) {
                    let (old, agreed) = released_by_owner.clone().unwrap();
                    prop_assert_eq!(from, &old);
                    prop_assert!(*new == old || *new == agreed);
                }
                ownership = next;
            }
        }
    }
}
