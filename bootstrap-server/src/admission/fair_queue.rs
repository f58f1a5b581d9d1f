//! A bounded queue that serves sites in turn, and in each its sources in turn, so that a long line delays only itself.

use std::collections::{HashMap, VecDeque};

use super::source::{Site, Source};

/// Who waits, in one line for each source.
#[derive(Debug)]
pub(crate) struct FairQueue<T> {
    capacity: usize,
    length: usize,
    lines: HashMap<Source, VecDeque<T>>,
    neighbours: HashMap<Neighbourhood, Neighbours>,
    /// Everywhere that somebody waits, once; the first is next.
    turns: VecDeque<Neighbourhood>,
}

/// Who shares a turn: the sources of an IPv6 site, of which one peer may have made up thousands. An IPv4 address has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Neighbourhood {
    Site(Site),
    Source(Source),
}

impl Neighbourhood {
    fn of(source: Source) -> Self {
        source.site().map_or(Self::Source(source), Self::Site)
    }
}

/// The sources of one neighbourhood.
#[derive(Debug, Default)]
struct Neighbours {
    /// How many wait in all their lines.
    length: usize,
    /// Every source with a line, once; the first is next.
    turns: VecDeque<Source>,
}

impl<T> FairQueue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, length: 0, lines: HashMap::new(), neighbours: HashMap::new(), turns: VecDeque::new() }
    }

    /// Lets one more wait. When the queue is full, the newest of the longest line of whoever has most goes, and is given
    /// back: that may be the one who has just come.
    pub(crate) fn push(&mut self, source: Source, item: T) -> Option<(Source, T)> {
        let mut displaced = None;
        if self.length >= self.capacity {
            match self.greediest(source) {
                Some(greedy) => displaced = self.take_newest(greedy),
                None => return Some((source, item)),
            }
        }
        let home = Neighbourhood::of(source);
        let neighbours = self.neighbours.entry(home).or_insert_with(|| {
            self.turns.push_back(home);
            Neighbours::default()
        });
        neighbours.length = neighbours.length.saturating_add(1);
        let line = self.lines.entry(source).or_insert_with(|| {
            neighbours.turns.push_back(source);
            VecDeque::new()
        });
        line.push_back(item);
        self.length = self.length.saturating_add(1);
        displaced
    }

    /// The one that waits longest of the source whose turn it is, among the sources that `may` have one.
    pub(crate) fn pop(&mut self, may: impl Fn(&Source) -> bool) -> Option<(Source, T)> {
        let has_one = |home: &Neighbourhood| self.neighbours.get(home).is_some_and(|it| it.turns.iter().any(&may));
        let turn = self.turns.iter().position(has_one)?;
        let home = self.turns.remove(turn)?;
        let neighbours = self.neighbours.get_mut(&home)?;
        let source = neighbours.turns.iter().position(&may).and_then(|turn| neighbours.turns.remove(turn))?;
        let line = self.lines.get_mut(&source)?;
        let item = line.pop_front()?;
        self.length = self.length.saturating_sub(1);
        neighbours.length = neighbours.length.saturating_sub(1);
        if line.is_empty() {
            self.lines.remove(&source);
        } else {
            neighbours.turns.push_back(source);
        }
        if neighbours.turns.is_empty() {
            self.neighbours.remove(&home);
        } else {
            self.turns.push_back(home);
        }
        Some((source, item))
    }

    /// Undoes the last [`FairQueue::pop`].
    pub(crate) fn put_back(&mut self, source: Source, item: T) {
        let home = Neighbourhood::of(source);
        self.turns.retain(|turn| *turn != home);
        self.turns.push_front(home);
        let neighbours = self.neighbours.entry(home).or_default();
        neighbours.turns.retain(|turn| *turn != source);
        neighbours.turns.push_front(source);
        neighbours.length = neighbours.length.saturating_add(1);
        self.lines.entry(source).or_default().push_front(item);
        self.length = self.length.saturating_add(1);
    }

    /// Whether the next one displaces another.
    pub(crate) const fn is_full(&self) -> bool {
        self.length >= self.capacity
    }

    /// Forgets those that have gone away.
    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.lines.retain(|_, line| {
            line.retain(&keep);
            !line.is_empty()
        });
        self.neighbours.retain(|_, neighbours| {
            neighbours.turns.retain(|source| self.lines.contains_key(source));
            neighbours.length =
                neighbours.turns.iter().filter_map(|source| self.lines.get(source)).map(VecDeque::len).sum();
            neighbours.length > 0
        });
        self.turns.retain(|home| self.neighbours.contains_key(home));
        self.length = self.lines.values().map(VecDeque::len).sum();
    }

    /// Whose newest has to go so that one more of `source` can wait, if anybody has so much more than it.
    fn greediest(&self, source: Source) -> Option<Source> {
        let home = Neighbourhood::of(source);
        let own = self.neighbours.get(&home).map_or(0, |neighbours| neighbours.length);
        let (length, largest) = self.neighbours.iter().map(|(home, it)| (it.length, *home)).max()?;
        let elsewhere = length > own.saturating_add(1);
        let line = |source: &Source| self.lines.get(source).map_or(0, VecDeque::len);
        let neighbours = self.neighbours.get(if elsewhere { &largest } else { &home })?;
        let (length, longest) = neighbours.turns.iter().map(|source| (line(source), *source)).max()?;
        (elsewhere || length > line(&source).saturating_add(1)).then_some(longest)
    }

    fn take_newest(&mut self, source: Source) -> Option<(Source, T)> {
        let home = Neighbourhood::of(source);
        let line = self.lines.get_mut(&source)?;
        let item = line.pop_back()?;
        self.length = self.length.saturating_sub(1);
        let neighbours = self.neighbours.get_mut(&home)?;
        neighbours.length = neighbours.length.saturating_sub(1);
        if line.is_empty() {
            self.lines.remove(&source);
            neighbours.turns.retain(|turn| *turn != source);
        }
        if neighbours.turns.is_empty() {
            self.neighbours.remove(&home);
            self.turns.retain(|turn| *turn != home);
        }
        Some((source, item))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn source(last: u8) -> Source {
        Source::of(IpAddr::from([192, 0, 2, last]))
    }

    fn order(queue: &mut FairQueue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop(|_| true).map(|(_, item)| item)).collect()
    }

    #[test]
    fn rcf_23_a_long_line_delays_only_itself() {
        let mut queue = FairQueue::new(100);
        (0..50).for_each(|item| assert!(queue.push(source(1), item).is_none()));
        assert!(queue.push(source(2), 1000).is_none());
        assert!(queue.push(source(3), 2000).is_none());
        assert!(queue.push(source(2), 1001).is_none());
        assert_eq!(order(&mut queue)[..7], [0, 1000, 2000, 1, 1001, 2, 3]);
        assert_eq!((queue.length, queue.lines.len(), queue.turns.len()), (0, 0, 0));
    }

    #[test]
    fn rcf_23_a_full_queue_has_room_for_who_waits_least() {
        let mut queue = FairQueue::new(10);
        (0..10).for_each(|item| assert!(queue.push(source(1), item).is_none()));
        // The greedy one finds it full; the newcomer takes the place of the last in the long line.
        assert_eq!(queue.push(source(1), 10), Some((source(1), 10)));
        assert_eq!(queue.push(source(2), 1000), Some((source(1), 9)));
        assert_eq!(queue.push(source(2), 1001), Some((source(1), 8)));
        assert_eq!(queue.length, 10);
        // It goes on until both wait alike, and no further.
        let displaced =
            (1002..1100).filter(|item| queue.push(source(2), *item).is_some_and(|(who, _)| who == source(1)));
        assert_eq!(displaced.count(), 3);
        assert_eq!(order(&mut queue), [0, 1000, 1, 1001, 2, 1002, 3, 1003, 4, 1004]);
    }

    #[test]
    fn a_source_that_may_not_is_passed_over_and_keeps_its_turn() {
        let mut queue = FairQueue::new(10);
        for (who, item) in [(1, 10), (2, 20), (2, 21)] {
            assert!(queue.push(source(who), item).is_none());
        }
        assert_eq!(queue.pop(|who| *who == source(2)).map(|(_, item)| item), Some(20));
        assert_eq!(queue.pop(|_| false).map(|(_, item)| item), None);
        assert_eq!(queue.pop(|_| true).map(|(_, item)| item), Some(10));
        queue.put_back(source(1), 10);
        assert_eq!(order(&mut queue), [10, 21]);
    }

    #[test]
    fn those_that_went_away_are_forgotten() {
        let mut queue = FairQueue::new(10);
        for (who, item) in [(1, 10), (2, 20), (2, 21), (3, 30)] {
            assert!(queue.push(source(who), item).is_none());
        }
        queue.retain(|item| item % 20 != 10);
        assert_eq!((queue.length, queue.lines.len(), queue.turns.len()), (2, 1, 1));
        assert_eq!(order(&mut queue), [20, 21]);
    }

    #[test]
    fn a_flood_of_sources_stays_within_the_capacity() {
        let mut queue = FairQueue::new(100);
        let kept = (0..100_000_u32).filter(|n| queue.push(Source::of(IpAddr::from(n.to_be_bytes())), *n).is_none());
        assert_eq!(kept.count(), 100);
        assert_eq!((queue.length, queue.lines.len(), queue.turns.len()), (100, 100, 100));
    }

    /// The source of this number in an IPv6 site.
    fn made_up(site: u16, number: u16) -> Source {
        Source::of(IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, site, number, 0, 0, 0, 1)))
    }

    #[test]
    fn rcf_23_a_site_that_makes_up_sources_has_one_turn_and_makes_room() {
        let mut queue = FairQueue::new(100);
        (0..100).for_each(|number| assert!(queue.push(made_up(7, number), u32::from(number)).is_none()));
        assert_eq!(queue.push(made_up(7, 100), 100), Some((made_up(7, 100), 100)), "it has as many as it may");
        assert!(queue.push(source(1), 1000).is_some_and(|(who, _)| who.site() == made_up(7, 0).site()));
        assert!(queue.push(made_up(8, 0), 2000).is_some_and(|(who, _)| who.site() == made_up(7, 0).site()));
        assert_eq!(queue.length, 100);
        let order = order(&mut queue);
        assert_eq!(order[1..3], [1000, 2000]);
        assert_eq!(order.len(), 100);
        assert_eq!((queue.length, queue.lines.len(), queue.neighbours.len(), queue.turns.len()), (0, 0, 0, 0));
    }

    #[test]
    fn rcf_23_within_a_site_sources_have_turns_of_their_own() {
        let mut queue = FairQueue::new(10);
        (0..9).for_each(|item| assert!(queue.push(made_up(7, 1), item).is_none()));
        assert!(queue.push(made_up(7, 2), 100).is_none());
        assert_eq!(queue.push(made_up(7, 3), 200), Some((made_up(7, 1), 8)));
        queue.retain(|item| *item != 1);
        let (who, item) = queue.pop(|_| true).unwrap();
        queue.put_back(who, item);
        assert_eq!(order(&mut queue), [0, 100, 200, 2, 3, 4, 5, 6, 7]);
        assert_eq!((queue.length, queue.lines.len(), queue.neighbours.len(), queue.turns.len()), (0, 0, 0, 0));
    }
}
