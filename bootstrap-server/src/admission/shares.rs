//! Places that many share, so that nobody can take them all.
//!
//! There is no fixed share: a source may hold three times as many places as are free at that moment. Alone it gets three
//! quarters of all; of several greedy ones each gets the same, and some places stay free for whoever comes next. That
//! suits a data hall behind one address, which is greedy for good reason, and a flood, which is not.
//!
//! A site with many sources may hold fifteen times as many as are free: enough for its other sources when one is greedy, and
//! never all of it, however many sources it makes up.

use std::{collections::HashMap, hash::Hash};

use super::source::{Site, Source};

/// So many times the free places may be held by one source.
const GREED: usize = 3;
/// So many times by all sources of one site.
const GREED_OF_SITES: usize = 15;

/// Places, and who holds how many. It remembers only those who hold one, so it is never larger than the places.
#[derive(Debug)]
pub(crate) struct Shares {
    places: usize,
    taken: usize,
    held: HashMap<Source, usize>,
    sites: HashMap<Site, usize>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// There is none at all.
    Full,
    /// Those that are free are not for one who holds so many.
    Greedy,
}

impl Shares {
    pub(crate) fn new(places: usize) -> Self {
        Self { places, taken: 0, held: HashMap::new(), sites: HashMap::new() }
    }

    /// Whether `who` would get a place now.
    pub(crate) fn has_place_for(&self, who: Source) -> Result<(), NoPlace> {
        let free = self.places.saturating_sub(self.taken);
        let is_greedy =
            |held: Option<&usize>, greed: usize| held.is_some_and(|held| *held >= free.saturating_mul(greed));
        let of_site = who.site().and_then(|site| self.sites.get(&site));
        if free == 0 {
            Err(NoPlace::Full)
        } else if is_greedy(self.held.get(&who), GREED) || is_greedy(of_site, GREED_OF_SITES) {
            Err(NoPlace::Greedy)
        } else {
            Ok(())
        }
    }

    /// Takes a place.
    pub(crate) fn enter(&mut self, who: Source) -> Result<(), NoPlace> {
        self.has_place_for(who)?;
        self.taken = self.taken.saturating_add(1);
        let held = self.held.entry(who).or_default();
        *held = held.saturating_add(1);
        if let Some(site) = who.site() {
            let held = self.sites.entry(site).or_default();
            *held = held.saturating_add(1);
        }
        Ok(())
    }

    /// Gives a place back that was taken.
    pub(crate) fn leave(&mut self, who: Source) {
        if less(&mut self.held, &who) {
            self.taken = self.taken.saturating_sub(1);
            if let Some(site) = who.site() {
                less(&mut self.sites, &site);
            }
        }
    }

    /// Places taken.
    pub(crate) const fn taken(&self) -> usize {
        self.taken
    }
}

/// One less is held; whoever holds nothing is forgotten. Says whether there was one to give back.
fn less<K: Eq + Hash>(held: &mut HashMap<K, usize>, who: &K) -> bool {
    let Some(number) = held.get_mut(who) else { return false };
    *number = number.saturating_sub(1);
    if *number == 0 {
        held.remove(who);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;

    /// The IPv4 source of this number.
    fn v4(number: u32) -> Source {
        Source::of(IpAddr::from(number.to_be_bytes()))
    }

    /// The source of this number in an IPv6 site.
    fn v6(site: u16, number: u16) -> Source {
        Source::of(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, site, number, 0, 0, 0, 1)))
    }

    fn fill(shares: &mut Shares, who: Source) -> usize {
        (0..10_000).take_while(|_| shares.enter(who).is_ok()).count()
    }

    #[test]
    fn rcf_23_one_alone_gets_three_quarters_and_leaves_room_for_the_next() {
        let mut shares = Shares::new(1000);
        assert_eq!(fill(&mut shares, v4(9)), 750);
        assert_eq!(shares.has_place_for(v4(9)), Err(NoPlace::Greedy));
        // Many who want one place each still find it.
        for who in [1, 2, 3, 4].map(v4) {
            assert_eq!(shares.enter(who), Ok(()), "{who:?}");
        }
        for who in [1, 2, 3, 4].map(v4) {
            shares.leave(who);
        }
        assert_eq!((shares.taken(), shares.held.len()), (750, 1));
    }

    #[test]
    fn two_that_are_greedy_end_with_the_same() {
        let mut shares = Shares::new(700);
        // They come and go; whoever leaves finds that the other has taken as much as it could.
        for _ in 0..2000 {
            while shares.enter(v4(1)).is_ok() {}
            while shares.enter(v4(2)).is_ok() {}
            shares.leave(v4(1));
            shares.leave(v4(2));
        }
        let (first, second) = (shares.held[&v4(1)], shares.held[&v4(2)]);
        assert!(first.abs_diff(second) <= 8 && first + second < 700, "{first} {second}");
    }

    #[test]
    fn a_single_place_can_be_taken() {
        let mut shares = Shares::new(1);
        assert_eq!(
            (shares.enter(v4(1)), shares.enter(v4(1)), shares.enter(v4(2))),
            (Ok(()), Err(NoPlace::Full), Err(NoPlace::Full))
        );
        shares.leave(v4(1));
        assert_eq!(shares.enter(v4(2)), Ok(()));
    }

    #[test]
    fn a_flood_of_sources_is_never_remembered_beyond_the_places() {
        let mut shares = Shares::new(100);
        let entered = (0..100_000_u32).filter(|who| shares.enter(v4(*who)).is_ok()).count();
        assert_eq!((entered, shares.held.len()), (100, 100));
        (0..100_000).for_each(|who| shares.leave(v4(who)));
        assert_eq!((shares.taken(), shares.held.len()), (0, 0));
    }

    #[test]
    fn rcf_23_a_site_that_makes_up_sources_never_has_every_place() {
        let mut shares = Shares::new(1600);
        let made_up = (0..u16::MAX).take_while(|number| shares.enter(v6(7, *number)).is_ok()).count();
        assert_eq!(made_up, 1500);
        assert_eq!(shares.has_place_for(v6(7, u16::MAX)), Err(NoPlace::Greedy));
        assert_eq!((fill(&mut shares, v6(8, 0)), fill(&mut shares, v4(1))), (75, 19));
        (0..1500).for_each(|number| shares.leave(v6(7, number)));
        assert_eq!((shares.taken(), shares.sites.len()), (94, 1));
    }

    #[test]
    fn rcf_23_one_greedy_source_leaves_room_for_the_others_of_its_site() {
        let mut shares = Shares::new(1600);
        assert_eq!(fill(&mut shares, v6(7, 0)), 1200);
        let others = (1..u16::MAX).take_while(|number| shares.enter(v6(7, *number)).is_ok()).count();
        assert_eq!(others, 300);
    }
}
