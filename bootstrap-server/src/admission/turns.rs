//! Turns at what is dear and what a stranger can ask for: TLS handshakes, and the checking of activation codes.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::oneshot;

use super::{
    Source,
    bucket::{Bucket, Rate},
    fair_queue::FairQueue,
    shares::Shares,
};

/// Where those wait who ask for one kind of it, source by source.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    places: Shares,
    pace: Option<(Rate, Bucket)>,
    waiting: FairQueue<oneshot::Sender<Turn>>,
    /// Whether somebody will look again when the pace allows the next one.
    expected: bool,
}

/// The line is too long: come back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineTooLong;

impl Turns {
    /// `at_once` may be under way; of those that wait, the newest of the longest line go when there are more than
    /// `waiting`.
    pub(crate) fn new(at_once: usize, waiting: usize, per_second: Option<NonZeroU32>) -> Self {
        let pace = per_second.map(|per_second| {
            let per_second = per_second.get();
            (Rate::new(per_second, per_second), Bucket::full(Instant::now()))
        });
        Self(Arc::new(Mutex::new(State {
            places: Shares::new(at_once),
            pace,
            waiting: FairQueue::new(waiting),
            expected: false,
        })))
    }

    /// Waits for a turn, which lasts until what is given back is dropped. To stop waiting, drop the future.
    pub(crate) async fn turn(&self, source: Source) -> Result<Turn, LineTooLong> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.state();
            if state.waiting.is_full() {
                state.waiting.retain(|waiting| !waiting.is_closed());
            }
            // Whoever is displaced learns it from the end of its channel.
            drop(state.waiting.push(source, sender));
        }
        self.go_on();
        receiver.await.map_err(|_| LineTooLong)
    }

    /// Lets in as many as there are places for.
    fn go_on(&self) {
        loop {
            let next = self.state().next(Instant::now());
            match next {
                Next::Turn(source, waiting) => {
                    // One that stopped waiting gives its turn back at once.
                    drop(waiting.send(Turn { turns: self.clone(), source }));
                }
                Next::NotBefore(at) => {
                    let turns = self.clone();
                    drop(tokio::spawn(async move {
                        tokio::time::sleep_until(at.into()).await;
                        turns.state().expected = false;
                        turns.go_on();
                    }));
                    return;
                }
                Next::Nobody => return,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Next {
    Turn(Source, oneshot::Sender<Turn>),
    NotBefore(Instant),
    Nobody,
}

impl State {
    fn next(&mut self, now: Instant) -> Next {
        if self.expected {
            return Next::Nobody;
        }
        while let Some((source, waiting)) = self.waiting.pop(|source| self.places.has_place_for(*source).is_ok()) {
            if waiting.is_closed() {
                continue;
            }
            if let Some((rate, bucket)) = &mut self.pace
                && let Err(wait) = bucket.take(now, *rate)
            {
                self.waiting.put_back(source, waiting);
                self.expected = true;
                return Next::NotBefore(now + wait);
            }
            if self.places.enter(source).is_ok() {
                return Next::Turn(source, waiting);
            }
        }
        Next::Nobody
    }
}

/// What is under way, and counted.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    source: Source,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.state().places.leave(self.source);
        self.turns.go_on();
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Duration};

    use super::*;

    fn source(last: u8) -> Source {
        Source::of(IpAddr::from([192, 0, 2, last]))
    }

    /// Begins to wait, and tells its name when its turn comes.
    async fn wait(turns: &Turns, who: u8, name: u32, order: &Arc<Mutex<Vec<u32>>>) -> tokio::task::JoinHandle<()> {
        let (line, order) = (turns.clone(), Arc::clone(order));
        let task = tokio::spawn(async move {
            let turn = line.turn(source(who)).await;
            order.lock().unwrap().push(if turn.is_ok() { name } else { u32::MAX });
        });
        tokio::task::yield_now().await;
        task
    }

    #[tokio::test]
    async fn rcf_23_a_flood_from_one_source_delays_another_by_one_turn() {
        let turns = Turns::new(1, 100, None);
        let order = Arc::default();
        let first = turns.turn(source(9)).await.unwrap();
        let mut tasks = Vec::new();
        for name in 0..50 {
            tasks.push(wait(&turns, 1, name, &order).await);
        }
        tasks.push(wait(&turns, 2, 1000, &order).await);
        assert!(order.lock().unwrap().is_empty());
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        assert_eq!((order[..3].to_vec(), order.len()), (vec![0, 1000, 1], 51));
    }

    #[tokio::test]
    async fn one_who_stops_waiting_costs_nobody_a_turn() {
        let turns = Turns::new(1, 2, None);
        let order = Arc::default();
        let first = turns.turn(source(9)).await.unwrap();
        for name in 0..2 {
            let task = wait(&turns, 1, name, &order).await;
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
        // The line was full of those who are gone.
        let stays = wait(&turns, 1, 7, &order).await;
        drop(first);
        stays.await.unwrap();
        assert_eq!(*order.lock().unwrap(), [7]);
        assert_eq!(turns.state().places.taken(), 0);
    }

    #[tokio::test]
    async fn rcf_23_of_a_line_that_is_too_long_the_newest_of_the_greediest_goes() {
        let turns = Turns::new(1, 4, None);
        let order = Arc::default();
        let first = turns.turn(source(9)).await.unwrap();
        let mut greedy = Vec::new();
        for name in 0..4 {
            greedy.push(wait(&turns, 1, name, &order).await);
        }
        assert_eq!(turns.turn(source(1)).await.err(), Some(LineTooLong));
        let modest = wait(&turns, 2, 1000, &order).await;
        greedy.pop().unwrap().await.unwrap();
        assert_eq!(*order.lock().unwrap(), [u32::MAX]);
        drop(first);
        for task in greedy {
            task.await.unwrap();
        }
        modest.await.unwrap();
        assert_eq!(*order.lock().unwrap(), [u32::MAX, 0, 1000, 1, 2]);
    }

    #[test]
    fn rcf_23_handshakes_begin_at_the_rate_that_is_set() {
        let turns = Turns::new(1000, 1000, NonZeroU32::new(10));
        let mut state = turns.state();
        let start = Instant::now() + Duration::from_secs(1);
        let mut receivers = Vec::new();
        for _ in 0..30 {
            let (sender, receiver) = oneshot::channel();
            receivers.push(receiver);
            assert!(state.waiting.push(source(1), sender).is_none());
        }
        // Ten at once, twenty more at ten a second.
        let (mut now, mut turns) = (start, 0);
        while turns < 30 {
            match state.next(now) {
                Next::Turn(..) => turns += 1,
                Next::NotBefore(then) => {
                    assert!(matches!(state.next(then), Next::Nobody), "somebody is to look again already");
                    state.expected = false;
                    now = then;
                }
                Next::Nobody => panic!("{turns} of 30 had their turn"),
            }
        }
        assert_eq!((now - start).as_millis(), 2000);
    }
}
