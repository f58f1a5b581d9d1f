//! What becomes of a book when somebody sets the clock.
//!
//! The moments in a book are of several clocks. What this server offered or recorded since it started was dated by its own clock, which was
//! wrong, so it moves along: what was left of a lease is left of it. What other servers wrote, and this one before it was started again, was
//! dated by clocks of which nothing is known here, and stays.

use super::{Address, Before, Book, Dated, Entry, Lease, Moment, Standing};

impl Entry {
    /// Sets what this server dated. Says whether the store has something of it.
    fn clock_set(&mut self, by: i64) -> bool {
        let set = |lease: &mut Lease| (lease.since, lease.expires) = (lease.since.moved(by), lease.expires.moved(by));
        match self {
            Self::Recorded { dated: Dated::Elsewhere, .. } => return false,
            Self::Recorded { lease, dated: Dated::Here } => set(lease),
            Self::Offered { until, over, .. } => {
                *until = until.moved(by);
                match over {
                    Some(lease) => set(lease),
                    None => return false,
                }
            }
        }
        true
    }
}

impl<A> Before<A> {
    /// The clock was set by this many seconds: what is put back is dated by it as well.
    pub(crate) fn clock_set(&mut self, by: i64) {
        if let Some(entry) = &mut self.entry {
            entry.clock_set(by);
        }
    }
}

impl<A: Address> Book<A> {
    /// The clock was set by this many seconds, forwards or, where it is less than nothing, backwards: offers and records that this server
    /// dated since it started keep the seconds that are left of them. Gives how many records the store has with moments of the former clock;
    /// [`Self::to_write_again`] names them.
    pub fn clock_set(&mut self, by: i64) -> usize {
        for shelf in &mut self.shelves {
            for (address, entry) in &mut shelf.entries {
                if entry.clock_set(by) {
                    let moved = self.moved.entry(*address).or_default();
                    *moved = moved.saturating_add(by);
                }
            }
            let ends = |(address, entry): (&A, &Entry)| (entry.ends(), *address);
            let offered = |(_, entry): &(&A, &Entry)| matches!(entry, Entry::Offered { .. });
            shelf.offers = shelf.entries.iter().filter(offered).map(ends).collect();
            shelf.by_expiry = shelf.entries.iter().filter(|entry| !offered(entry)).map(ends).collect();
        }
        self.moved.len()
    }

    /// Whether there is anything for [`Self::to_write_again`].
    #[must_use]
    pub fn has_moved(&self) -> bool {
        !self.moved.is_empty()
    }

    /// At most `limit` records that the store has with moments of a former clock, as they are to be, without those of which a write is under
    /// way. Each is named until [`Self::durable`] says that the store has it.
    pub fn to_write_again(&mut self, limit: usize, is_under_way: impl Fn(A) -> bool) -> Vec<Lease> {
        let (mut found, mut over) = (Vec::new(), Vec::new());
        for (address, by) in &self.moved {
            if found.len() >= limit {
                break;
            }
            if is_under_way(*address) {
                continue;
            }
            match self.entry(*address).and_then(Entry::own) {
                Some(lease) if *by != 0 && (lease.standing == Standing::Lent || *by < 0) => found.push(lease.clone()),
                // The clock was set there and back, another server has the address now, or all of it is forgotten. And a conflict that was dated
                // by a clock that was behind: it seemed over to other servers, so one may have lent the address, and a record of a conflict is
                // written over any lease.
                Some(_) | None => over.push(*address),
            }
        }
        for address in over {
            self.moved.remove(&address);
        }
        found
    }

    /// The store has this record now, by this server's hand.
    pub fn durable(&mut self, lease: &Lease) {
        if self.moved.is_empty() {
            return;
        }
        let Some(address) = A::from_ip(lease.address) else { return };
        // Somebody may have set the clock while it was being written.
        match self.entry(address).and_then(Entry::own).map(|own| own.since.later_than(lease.since)) {
            None | Some(0) => self.moved.remove(&address),
            Some(by) => self.moved.insert(address, by),
        };
    }

    /// Whether the store's record is what this server wrote, by its clock as it was then or is now.
    pub(super) fn is_own(&self, lease: &Lease) -> bool {
        let Some(address) = A::from_ip(lease.address) else { return false };
        let Some(own) = self.entry(address).and_then(Entry::own) else { return false };
        let by = self.moved.get(&address).copied().unwrap_or_default();
        let then = |now: Moment| now.moved(by.saturating_neg());
        let dates = (lease.since, lease.expires);
        (dates == (own.since, own.expires) || dates == (then(own.since), then(own.expires)))
            && (&own.client, own.standing, own.mac, &own.host_name)
                == (&lease.client, lease.standing, lease.mac, &lease.host_name)
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
