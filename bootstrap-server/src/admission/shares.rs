//! Places that many share, so that nobody can take them all.
//!
//! There is no fixed share: a source may hold three times as many places as are free at that moment. Alone it gets three
//! quarters of all; of several greedy ones each gets the same, and some places stay free for whoever comes next. That
//! suits a data hall behind one address, which is greedy for good reason, and a flood, which is not.

use std::{collections::HashMap, hash::Hash};

/// So many times the free places may be held by one.
const GREED: usize = 3;

/// Places, and who holds how many. It remembers only those who hold one, so it is never larger than the places.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    places: usize,
    taken: usize,
    held: HashMap<K, usize>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// There is none at all.
    Full,
    /// Those that are free are not for one who holds so many.
    Greedy,
}

impl<K: Eq + Hash> Shares<K> {
    pub(crate) fn new(places: usize) -> Self {
        Self { places, taken: 0, held: HashMap::new() }
    }

    /// Whether `who` would get a place now.
    pub(crate) fn has_place_for(&self, who: &K) -> Result<(), NoPlace> {
        let free = self.places.saturating_sub(self.taken);
        match self.held.get(who) {
            _ if free == 0 => Err(NoPlace::Full),
            Some(held) if *held >= free.saturating_mul(GREED) => Err(NoPlace::Greedy),
            _ => Ok(()),
        }
    }

    /// Takes a place.
    pub(crate) fn enter(&mut self, who: K) -> Result<(), NoPlace> {
        self.has_place_for(&who)?;
        self.taken = self.taken.saturating_add(1);
        let held = self.held.entry(who).or_default();
        *held = held.saturating_add(1);
        Ok(())
    }

    /// Gives a place back that was taken.
    pub(crate) fn leave(&mut self, who: &K) {
        if let Some(held) = self.held.get_mut(who) {
            *held = held.saturating_sub(1);
            self.taken = self.taken.saturating_sub(1);
            if *held == 0 {
                self.held.remove(who);
            }
        }
    }

    /// Places taken.
    pub(crate) const fn taken(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill<K: Eq + Hash + Copy>(shares: &mut Shares<K>, who: K) -> usize {
        (0..10_000).take_while(|_| shares.enter(who).is_ok()).count()
    }

    #[test]
    fn rcf_23_one_alone_gets_three_quarters_and_leaves_room_for_the_next() {
        let mut shares = Shares::new(1000);
        assert_eq!(fill(&mut shares, "greedy"), 750);
        assert_eq!(shares.has_place_for(&"greedy"), Err(NoPlace::Greedy));
        // Many who want one place each still find it.
        for who in ["a", "b", "c", "d"] {
            assert_eq!(shares.enter(who), Ok(()), "{who}");
        }
        for who in ["a", "b", "c", "d"] {
            shares.leave(&who);
        }
        assert_eq!((shares.taken(), shares.held.len()), (750, 1));
    }

    #[test]
    fn two_that_are_greedy_end_with_the_same() {
        let mut shares = Shares::new(700);
        // They come and go; whoever leaves finds that the other has taken as much as it could.
        for _ in 0..2000 {
            while shares.enter("first").is_ok() {}
            while shares.enter("second").is_ok() {}
            shares.leave(&"first");
            shares.leave(&"second");
        }
        let (first, second) = (shares.held["first"], shares.held["second"]);
        assert!(first.abs_diff(second) <= 8 && first + second < 700, "{first} {second}");
    }

    #[test]
    fn a_single_place_can_be_taken() {
        let mut shares = Shares::new(1);
        assert_eq!(
            (shares.enter(1), shares.enter(1), shares.enter(2)),
            (Ok(()), Err(NoPlace::Full), Err(NoPlace::Full))
        );
        shares.leave(&1);
        assert_eq!(shares.enter(2), Ok(()));
    }

    #[test]
    fn a_flood_of_sources_is_never_remembered_beyond_the_places() {
        let mut shares = Shares::new(100);
        let entered = (0..100_000_u32).filter(|who| shares.enter(*who).is_ok()).count();
        assert_eq!((entered, shares.held.len()), (100, 100));
        (0..100_000).for_each(|who| shares.leave(&who));
        assert_eq!((shares.taken(), shares.held.len()), (0, 0));
    }
}
