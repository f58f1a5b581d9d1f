//! What happens on one connection, and when that is no longer good enough.

use std::time::{Duration, Instant};

use super::Limits;

/// The account of one connection. Whoever reads, writes and answers tells it; whoever watches asks [`Activity::judge`].
#[derive(Debug)]
pub(crate) struct Activity {
    opened: Instant,
    /// When the last request ended, or the connection was opened.
    idle_since: Instant,
    /// Requests that have not ended.
    requests: usize,
    /// Of these, the ones whose answer is on its way.
    answering: usize,
    asked: bool,
    /// Octets of answers that the peer took since `taken_since`.
    taken: usize,
    taken_since: Instant,
    /// Since when the kernel takes no more octets, because the peer does not.
    blocked_since: Option<Instant>,
    /// Octets that the peer may still send before a request of its is answered.
    allowance: usize,
    /// Requests whose answer the peer did not wait for.
    aborted: usize,
}

/// What is to become of a connection now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Nothing, until then at least.
    Wait(Instant),
    /// No new requests; those under way may finish within this time.
    Finish(Ended, Duration),
    /// It ends now.
    Cut(Ended),
}

/// Why a connection is ended by this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ended {
    /// Its peer asked for nothing.
    NoRequest,
    /// Its peer asked for nothing more.
    Idle,
    /// It is as old as a connection may become.
    Age,
    /// Its peer does not read what it asked for.
    Stalled,
    /// Its peer's certificate does not hold any more.
    Distrusted,
    /// Its peer sends what is no request, or abandons what it asks for.
    Abuse,
}

impl Ended {
    /// In words, as metrics and logs have it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NoRequest => "no-request",
            Self::Idle => "idle",
            Self::Age => "age",
            Self::Stalled => "stalled",
            Self::Distrusted => "distrusted",
            Self::Abuse => "abuse",
        }
    }
}

impl Activity {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            opened: now,
            idle_since: now,
            requests: 0,
            answering: 0,
            asked: false,
            taken: 0,
            taken_since: now,
            blocked_since: None,
            allowance: ALLOWANCE,
            aborted: 0,
        }
    }

    /// Octets came. `Err` when the peer has sent more than any request needs: control frames, headers that never end,
    /// requests that are taken back.
    pub(crate) const fn received(&mut self, octets: usize) -> Result<(), Ended> {
        match self.allowance.checked_sub(octets) {
            Some(left) => {
                self.allowance = left;
                Ok(())
            }
            None => Err(Ended::Abuse),
        }
    }

    /// Octets went to the kernel.
    pub(crate) fn sent(&mut self, octets: usize) {
        self.blocked_since = None;
        // Who receives much acknowledges much, in HTTP/2.
        self.earn(octets / SENT_PER_ACKNOWLEDGED);
    }

    /// The kernel takes no octets.
    pub(crate) fn blocked(&mut self, now: Instant) {
        self.blocked_since.get_or_insert(now);
    }

    /// A request came whole, as far as its header goes.
    pub(crate) const fn requested(&mut self) {
        self.asked = true;
        self.requests = self.requests.saturating_add(1);
    }

    /// The answer to a request is ready to be sent.
    pub(crate) fn answering(&mut self, now: Instant) {
        if self.answering == 0 {
            self.taken = 0;
            self.taken_since = now;
        }
        self.answering = self.answering.saturating_add(1);
    }

    /// Octets of an answer were taken, as far as the peer's windows and the buffers in between allow.
    pub(crate) const fn took(&mut self, octets: usize) {
        self.taken = self.taken.saturating_add(octets);
    }

    /// A request ended.
    pub(crate) fn ended(&mut self, now: Instant, how: RequestEnd) {
        self.requests = self.requests.saturating_sub(1);
        self.idle_since = now;
        match how {
            RequestEnd::Answered => self.answering = self.answering.saturating_sub(1),
            RequestEnd::AbandonedWhileAnswering => {
                self.answering = self.answering.saturating_sub(1);
                self.aborted = self.aborted.saturating_add(1);
            }
            RequestEnd::Abandoned => self.aborted = self.aborted.saturating_add(1),
        }
        if how == RequestEnd::Answered {
            self.earn(EARNED);
        }
    }

    /// What is to be done at this moment.
    pub(crate) fn judge(&mut self, now: Instant, limits: &Limits) -> Judgement {
        if self.aborted > MAX_ABORTED {
            return Judgement::Cut(Ended::Abuse);
        }
        // A request may come, an answer begin or a write block at any moment, and its time runs from then on.
        let mut next = (self.opened + limits.connection).min(now + limits.header.min(limits.stall));
        if let Some(since) = self.blocked_since {
            let end = since + limits.stall;
            if now >= end {
                return Judgement::Cut(Ended::Stalled);
            }
            next = next.min(end);
        }
        if self.answering > 0 {
            if now >= self.taken_since + limits.stall {
                if self.taken < LEAST_TAKEN {
                    return Judgement::Cut(Ended::Stalled);
                }
                self.taken = 0;
                self.taken_since = now;
            }
            next = next.min(self.taken_since + limits.stall);
        }
        if self.requests == 0 {
            let end = self.idle_since + limits.header;
            if now >= end {
                return Judgement::Finish(if self.asked { Ended::Idle } else { Ended::NoRequest }, limits.header);
            }
            next = next.min(end);
        }
        if now >= self.opened + limits.connection {
            return Judgement::Finish(Ended::Age, limits.connection);
        }
        Judgement::Wait(next)
    }

    fn earn(&mut self, octets: usize) {
        self.allowance = self.allowance.saturating_add(octets).min(ALLOWANCE);
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestEnd {
    /// Its answer was taken whole.
    Answered,
    /// Its peer went away, or took it back, before there was an answer.
    Abandoned,
    /// The same, while the answer was on its way.
    AbandonedWhileAnswering,
}

/// Octets that a peer may send in advance: the requests that fit into a connection at once, twice over.
const ALLOWANCE: usize = 1024 * 1024;
/// Octets that an answered request earns: the largest there is, and its header.
const EARNED: usize = 128 * 1024;
/// A peer that acknowledges each frame of 16 KiB twice sends one octet for some 600.
const SENT_PER_ACKNOWLEDGED: usize = 64;
/// Octets of answers that a peer must take while [`Limits::stall`] passes.
const LEAST_TAKEN: usize = 16 * 1024;
/// Requests that one peer may abandon on one connection.
const MAX_ABORTED: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits { header: 10 * SECOND, stall: 30 * SECOND, connection: 600 * SECOND, ..Limits::default() }
    }

    /// What is said at this second, following each advice to wait until then.
    fn follow(activity: &mut Activity, start: Instant, until: u64) -> Option<(u64, Judgement)> {
        let mut now = start;
        while now <= start + Duration::from_secs(until) {
            match activity.judge(now, &limits()) {
                Judgement::Wait(next) => {
                    assert!(next > now, "it would spin");
                    now = next;
                }
                other => return Some(((now - start).as_secs(), other)),
            }
        }
        None
    }

    #[test]
    fn a_peer_that_asks_for_nothing_is_let_go() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        let end = Judgement::Finish(Ended::NoRequest, 10 * SECOND);
        assert_eq!(follow(&mut activity, start, 100), Some((10, end)));

        let mut activity = Activity::new(start);
        activity.requested();
        activity.answering(start + SECOND);
        activity.ended(start + 2 * SECOND, RequestEnd::Answered);
        let end = Judgement::Finish(Ended::Idle, 10 * SECOND);
        assert_eq!(follow(&mut activity, start, 100), Some((12, end)));
    }

    #[test]
    fn an_answer_that_stands_still_or_trickles_is_cut() {
        let start = Instant::now();
        for trickle in [0, 1, LEAST_TAKEN / 2] {
            let mut activity = Activity::new(start);
            activity.requested();
            activity.answering(start);
            activity.took(trickle);
            assert_eq!(follow(&mut activity, start, 100), Some((30, Judgement::Cut(Ended::Stalled))), "{trickle}");
        }
        // A reader that keeps its pace is left alone until the connection is too old.
        let mut activity = Activity::new(start);
        activity.requested();
        activity.answering(start);
        let mut now = start;
        let end = loop {
            activity.took(LEAST_TAKEN);
            match activity.judge(now, &limits()) {
                Judgement::Wait(next) => now = next,
                other => break other,
            }
        };
        assert_eq!((now - start, end), (600 * SECOND, Judgement::Finish(Ended::Age, 600 * SECOND)));
    }

    #[test]
    fn a_kernel_that_takes_nothing_is_waited_for_no_longer_than_that() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        activity.requested();
        activity.blocked(start + SECOND);
        activity.blocked(start + 20 * SECOND);
        assert_eq!(follow(&mut activity, start, 100), Some((31, Judgement::Cut(Ended::Stalled))));
        let mut activity = Activity::new(start);
        activity.requested();
        activity.blocked(start);
        activity.sent(1);
        assert_eq!(follow(&mut activity, start, 100), None);
    }

    #[test]
    fn octets_that_ask_for_nothing_run_out() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        // Pings: each is answered with as many octets.
        let pings = (0..1_000_000).take_while(|_| {
            activity.sent(17);
            activity.received(17).is_ok()
        });
        assert_eq!(pings.count(), ALLOWANCE / 17);
        // Requests earn what they cost.
        let mut activity = Activity::new(start);
        for _ in 0..1000 {
            activity.requested();
            activity.received(70 * 1024).unwrap();
            activity.answering(start);
            activity.ended(start, RequestEnd::Answered);
        }
        // A large image earns its acknowledgements: 26 octets for each 16 KiB.
        let mut activity = Activity::new(start);
        activity.requested();
        activity.answering(start);
        for _ in 0..1_000_000 {
            activity.sent(16 * 1024);
            activity.received(26).unwrap();
        }
    }

    #[test]
    fn requests_that_are_taken_back_end_the_connection() {
        let start = Instant::now();
        let mut activity = Activity::new(start);
        for _ in 0..MAX_ABORTED {
            activity.requested();
            activity.ended(start, RequestEnd::Abandoned);
        }
        assert!(matches!(activity.judge(start, &limits()), Judgement::Wait(_)));
        activity.requested();
        activity.answering(start);
        activity.ended(start, RequestEnd::AbandonedWhileAnswering);
        assert_eq!(activity.judge(start, &limits()), Judgement::Cut(Ended::Abuse));
    }
}
