//! A bounded queue that serves sources in turn, so that a long line delays only itself.

use std::collections::{HashMap, VecDeque};

use super::Source;

/// Who waits, in one line for each source.
#[derive(Debug)]
pub(crate) struct FairQueue<T> {
    capacity: usize,
    length: usize,
    lines: HashMap<Source, VecDeque<T>>,
    /// Every source with a line, once; the first is next.
    turns: VecDeque<Source>,
}

impl<T> FairQueue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, length: 0, lines: HashMap::new(), turns: VecDeque::new() }
    }

    /// Lets one more wait. When the queue is full, the newest of the longest line goes, and is given back: that may be
    /// the one who has just come.
    pub(crate) fn push(&mut self, source: Source, item: T) -> Option<(Source, T)> {
        let mut displaced = None;
        if self.length >= self.capacity {
            let own = self.lines.get(&source).map_or(0, VecDeque::len);
            let longest = self.lines.iter().map(|(source, line)| (line.len(), *source)).max();
            match longest {
                Some((length, longest)) if length > own.saturating_add(1) => displaced = self.take_newest(longest),
                _ => return Some((source, item)),
            }
        }
        let line = self.lines.entry(source).or_insert_with(|| {
            self.turns.push_back(source);
            VecDeque::new()
        });
        line.push_back(item);
        self.length = self.length.saturating_add(1);
        displaced
    }

    /// The one that waits longest of the source whose turn it is, among the sources that `may` have one.
    pub(crate) fn pop(&mut self, may: impl Fn(&Source) -> bool) -> Option<(Source, T)> {
        let turn = self.turns.iter().position(may)?;
        let source = self.turns.remove(turn)?;
        let line = self.lines.get_mut(&source)?;
        let item = line.pop_front()?;
        self.length = self.length.saturating_sub(1);
        if line.is_empty() {
            self.lines.remove(&source);
        } else {
            self.turns.push_back(source);
        }
        Some((source, item))
    }

    /// Undoes the last [`FairQueue::pop`].
    pub(crate) fn put_back(&mut self, source: Source, item: T) {
        self.turns.retain(|turn| *turn != source);
        self.turns.push_front(source);
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
        self.turns.retain(|source| self.lines.contains_key(source));
        self.length = self.lines.values().map(VecDeque::len).sum();
    }

    fn take_newest(&mut self, source: Source) -> Option<(Source, T)> {
        let line = self.lines.get_mut(&source)?;
        let item = line.pop_back()?;
        self.length = self.length.saturating_sub(1);
        if line.is_empty() {
            self.lines.remove(&source);
            self.turns.retain(|turn| *turn != source);
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
}
