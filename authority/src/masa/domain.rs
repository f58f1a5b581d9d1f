//! Owners as the manufacturer knows them, and the certificates that speak for them.

use std::{collections::BTreeMap, fmt};

use pki::{certificate::Certificate, digest::Digest};

/// What the manufacturer calls an owner. Never shown to devices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerName(String);

impl OwnerName {
    /// Longest name, in octets.
    pub const MAX: usize = 128;

    /// Takes a name.
    ///
    /// # Errors
    /// [`OwnerNameError`] when it is empty, longer than [`OwnerName::MAX`], begins or ends with a blank, or holds control
    /// characters.
    pub fn new(text: impl Into<String>) -> Result<Self, OwnerNameError> {
        let text = text.into();
        let fits = !text.is_empty() && text.len() <= Self::MAX && text.trim() == text;
        if fits && !text.chars().any(char::is_control) { Ok(Self(text)) } else { Err(OwnerNameError) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot be an owner's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an owner's name has 1 to {} octets, no blanks around it and no control characters", OwnerName::MAX)]
pub struct OwnerNameError;

/// Somebody whom the manufacturer sells to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The name.
    pub name: OwnerName,
    /// Whom to write to.
    pub contact: String,
    /// The domains, one at least; the first is what vouchers pin when nobody says which.
    pub domains: Vec<Domain>,
}

/// One domain of an owner: what vouchers pin, and whose word counts when vouchers are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// What the owner certificate of RFC 8572 §3.2 chains to.
    pub pinned: Certificate,
    /// What the registrars of this domain chain to. With none, that is the pinned certificate.
    pub registrar_cas: Vec<Certificate>,
}

impl Domain {
    /// What registrars of this domain chain to.
    #[must_use]
    pub fn registrar_anchors(&self) -> &[Certificate] {
        if self.registrar_cas.is_empty() { std::slice::from_ref(&self.pinned) } else { &self.registrar_cas }
    }
}

impl Owner {
    /// Whether a voucher that pins this certificate pins this owner.
    #[must_use]
    pub fn is_pinned_by(&self, pinned: &Certificate) -> bool {
        self.domains.iter().any(|domain| domain.pinned == *pinned)
    }
}

/// All owners that a MASA knows, to be found by the certificates that speak for them.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    owners: Vec<Owner>,
    anchors: Vec<Certificate>,
    /// From an anchor to the owner's and the domain's place.
    by_anchor: BTreeMap<Digest, (usize, usize)>,
}

impl Owners {
    /// Takes the owners.
    ///
    /// # Errors
    /// [`OwnersError`]: a certificate that would speak for two domains speaks for none, an owner without domain cannot own,
    /// and no two owners have one name.
    pub fn new(owners: Vec<Owner>) -> Result<Self, OwnersError> {
        let (mut anchors, mut by_anchor, mut names) = (Vec::new(), BTreeMap::new(), std::collections::BTreeSet::new());
        for (index, owner) in owners.iter().enumerate() {
            if !names.insert(&owner.name) {
                return Err(OwnersError::NameTwice { name: owner.name.clone() });
            }
            if owner.domains.is_empty() {
                return Err(OwnersError::NoDomain { name: owner.name.clone() });
            }
            for (place, domain) in owner.domains.iter().enumerate() {
                for anchor in domain.registrar_anchors() {
                    if let Some((other, _)) = by_anchor.insert(anchor.sha256(), (index, place)) {
                        let other = owners.get(other).map_or_else(|| owner.name.clone(), |it| it.name.clone());
                        let subject = anchor.subject_text();
                        return Err(OwnersError::AnchorTwice { subject, one: other, other: owner.name.clone() });
                    }
                    anchors.push(anchor.clone());
                }
            }
        }
        Ok(Self { owners, anchors, by_anchor })
    }

    /// What registrars chain to, for [`conveyed_info::verify::RegistrarContext`].
    #[must_use]
    pub fn registrar_anchors(&self) -> &[Certificate] {
        &self.anchors
    }

    /// The owner, and the domain, for whom registrars under this anchor speak.
    #[must_use]
    pub fn by_anchor(&self, anchor: &Certificate) -> Option<(&Owner, &Domain)> {
        let (index, place) = self.by_anchor.get(&anchor.sha256())?;
        let owner = self.owners.get(*index)?;
        Some((owner, owner.domains.get(*place)?))
    }

    /// The owner of this name.
    #[must_use]
    pub fn by_name(&self, name: &OwnerName) -> Option<&Owner> {
        self.owners.iter().find(|owner| owner.name == *name)
    }
}

/// Owners that cannot be told apart, or that vouchers could not name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnersError {
    /// Two owners of one name.
    #[error("two owners are called {name}")]
    NameTwice {
        /// The name.
        name: OwnerName,
    },
    /// An owner without any certificate.
    #[error("{name} has no domain certificate: vouchers would have nothing to pin")]
    NoDomain {
        /// The owner.
        name: OwnerName,
    },
    /// One certificate under which registrars of two domains would speak.
    #[error("{subject} would speak for a domain of {one} and for one of {other}")]
    AnchorTwice {
        /// The certificate's subject.
        subject: String,
        /// The first.
        one: OwnerName,
        /// The second, or the same once more.
        other: OwnerName,
    },
}

#[cfg(test)]
mod tests {
    use pki::time::Timestamp;

    use super::*;
    use crate::OwnerParty;

    fn root(name: &str) -> Certificate {
        OwnerParty::new(name, &[], Timestamp::from_unix(1_790_000_000)).unwrap().pinned().unwrap().clone()
    }

    fn owner(name: &str, domains: Vec<Domain>) -> Owner {
        Owner { name: OwnerName::new(name).unwrap(), contact: String::new(), domains }
    }

    #[test]
    fn a_certificate_speaks_for_one_domain() {
        let [one, two, registrars] = ["One", "Two", "Registrars"].map(root);
        let domain = |pinned: &Certificate, cas: &[&Certificate]| Domain {
            pinned: pinned.clone(),
            registrar_cas: cas.iter().map(|it| (*it).clone()).collect(),
        };
        let owners =
            Owners::new(vec![owner("one", vec![domain(&one, &[])]), owner("two", vec![domain(&two, &[&registrars])])])
                .unwrap();
        assert_eq!(owners.registrar_anchors(), [one.clone(), registrars.clone()]);
        let (found, pinned) = owners.by_anchor(&registrars).unwrap();
        assert_eq!((found.name.as_str(), &pinned.pinned), ("two", &two));
        // What is pinned does not ask for vouchers where registrars are under a CA of their own.
        assert!(owners.by_anchor(&two).is_none());
        assert!(owners.by_name(&OwnerName::new("one").unwrap()).unwrap().is_pinned_by(&one));

        for (list, fits) in [
            (vec![owner("a", vec![domain(&one, &[])]), owner("b", vec![domain(&two, &[&one])])], false),
            (vec![owner("a", vec![domain(&one, &[]), domain(&two, &[&one])])], false),
            (vec![owner("a", vec![domain(&one, &[])]), owner("a", vec![domain(&two, &[])])], false),
            (vec![owner("a", Vec::new())], false),
            // One pinned certificate in two owners' records is odd, and does no harm: registrars are told apart.
            (vec![owner("a", vec![domain(&one, &[&two])]), owner("b", vec![domain(&one, &[&registrars])])], true),
        ] {
            assert_eq!(Owners::new(list).is_ok(), fits);
        }
    }

    #[test]
    fn names_of_owners_can_be_shown() {
        for bad in ["", " a", "a\n", "a\u{1b}b", &"x".repeat(129)] {
            assert_eq!(OwnerName::new(bad), Err(OwnerNameError), "{bad:?}");
        }
        assert_eq!(OwnerName::new("Müller & Söhne").unwrap().to_string(), "Müller & Söhne");
    }
}
