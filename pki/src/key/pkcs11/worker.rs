//! Threads that wait for a token, so that nobody else has to.
//!
//! A library of a token's maker may take its time, or never come back. Each call is made on a thread of its own key; who asked
//! waits for the answer as long as it may take, and no longer. A thread that never comes back is lost with its session, and the
//! others of the key go on.
//!
//! Whoever lets go of a key waits until its sessions are closed. A program that ends takes the library's memory away from under
//! a thread that is still in it, and would end by a signal instead.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{
    error::Pkcs11Error,
    operation::Operation,
    session::{Connection, Facts},
};
use crate::key::Pkcs11Uri;

/// Threads of a key, each with a session of its own: tokens on a network answer several at once.
const THREADS: usize = 4;
/// Questions that wait for a thread.
const WAITING: usize = 256;
/// How often a question is put. Each thread of a key finds out for itself that its session has ended.
const ATTEMPTS: u8 = 4;
/// How long an answer may take, waiting included.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a key may take to be found.
const LIMIT_OPENING: Duration = Duration::from_secs(30);
/// How long the end of a key's sessions is waited for.
const LIMIT_CLOSING: Duration = Duration::from_secs(2);

struct Job {
    operation: Operation,
    /// After this nobody waits for the answer.
    until: Instant,
    answer: SyncSender<Result<Zeroizing<Vec<u8>>, Pkcs11Error>>,
}

/// The threads of one key.
pub(super) struct Worker {
    /// Nothing, once no more is asked.
    jobs: Option<SyncSender<Job>>,
    /// Says nothing, and ends with the last thread.
    ended: Mutex<Receiver<Infallible>>,
    limit: Duration,
}

impl Worker {
    /// Starts the threads and finds the key.
    pub(super) fn start(uri: &Pkcs11Uri) -> Result<(Self, Facts), Pkcs11Error> {
        let (jobs, queue) = mpsc::sync_channel(WAITING);
        let queue = Arc::new(Mutex::new(queue));
        let (say, opened) = mpsc::sync_channel(1);
        let (works, ended) = mpsc::sync_channel(0);
        let first = Thread { uri: uri.clone(), queue: Arc::clone(&queue), connection: None, _works: works.clone() };
        spawn(move || {
            let mut first = first;
            let facts = first.connection().and_then(|connection| connection.facts());
            if facts.is_err() {
                first.connection = None;
            }
            let failed = facts.is_err();
            if say.send(facts).is_ok() && !failed {
                first.work();
            }
        })?;
        let facts = match opened.recv_timeout(LIMIT_OPENING) {
            Ok(facts) => facts?,
            Err(_) => return Err(Pkcs11Error::TimedOut),
        };
        for _ in 1..THREADS {
            let queue = Arc::clone(&queue);
            let mut thread = Thread { uri: uri.clone(), queue, connection: None, _works: works.clone() };
            spawn(move || thread.work())?;
        }
        Ok((Self { jobs: Some(jobs), ended: Mutex::new(ended), limit: LIMIT }, facts))
    }

    /// Asks, and waits for the answer as long as it may take.
    pub(super) fn ask(&self, operation: Operation) -> Result<Zeroizing<Vec<u8>>, Pkcs11Error> {
        let (answer, answered) = mpsc::sync_channel(1);
        let job = Job { operation, until: Instant::now().checked_add(self.limit).unwrap_or_else(Instant::now), answer };
        let jobs = self.jobs.as_ref().ok_or(Pkcs11Error::TimedOut)?;
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Pkcs11Error::Busy,
            TrySendError::Disconnected(_) => Pkcs11Error::TimedOut,
        })?;
        answered.recv_timeout(self.limit).map_err(|error| match error {
            RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected => Pkcs11Error::TimedOut,
        })?
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        // A thread that hangs in the library is not waited for longer.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ended = ended.recv_timeout(LIMIT_CLOSING);
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Worker(..)")
    }
}

/// One of them.
struct Thread {
    uri: Pkcs11Uri,
    queue: Arc<Mutex<Receiver<Job>>>,
    connection: Option<Connection>,
    /// Dropped behind the connection.
    _works: SyncSender<Infallible>,
}

impl Thread {
    /// Answers until nobody can ask any more.
    fn work(&mut self) {
        loop {
            let job = self.queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            // Whoever asked has gone: what cannot be in time only delays those behind it.
            if Instant::now() < job.until {
                let answer = self.perform(&job.operation);
                drop(job.answer.send(answer));
            }
        }
    }

    /// Again in a new session when the old one is of no more use: after the token was reset, logged out or plugged in again.
    fn perform(&mut self, operation: &Operation) -> Result<Zeroizing<Vec<u8>>, Pkcs11Error> {
        let mut attempts = 1;
        loop {
            let answer = self.connection().and_then(|connection| connection.perform(operation));
            match answer {
                Err(error) if error.wants_new_session() && attempts < ATTEMPTS => {
                    attempts = attempts.saturating_add(1);
                    // After a library has begun anew, the number of a session of old may be that of somebody's new one: to
                    // close it would end that.
                    if let Some(Connection { session, .. }) = self.connection.take()
                        && !error.session_is_ours()
                    {
                        std::mem::forget(session);
                    }
                }
                answer => return answer,
            }
        }
    }

    fn connection(&mut self) -> Result<&Connection, Pkcs11Error> {
        match self.connection {
            Some(ref connection) => Ok(connection),
            None => Ok(self.connection.insert(Connection::open(&self.uri)?)),
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<(), Pkcs11Error> {
    let spawned = thread::Builder::new().name("pkcs11".to_owned()).spawn(work);
    spawned.map(drop).map_err(|_| Pkcs11Error::Busy)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn sign() -> Operation {
        Operation::Sign { algorithm: crate::algorithm::SignatureAlgorithm::EcdsaSha256, message: Vec::new() }
    }

    fn thread(queue: Receiver<Job>) -> Thread {
        // No such library: whoever is asked answers at once that there is none.
        let uri = "pkcs11:object=a?module-path=/none.so".parse().unwrap();
        Thread { uri, queue: Arc::new(Mutex::new(queue)), connection: None, _works: mpsc::sync_channel(0).0 }
    }

    #[test]
    fn nobody_waits_for_a_token_that_hangs() {
        let (jobs, queue) = mpsc::sync_channel(1);
        let (_works, ended) = mpsc::sync_channel(0);
        let worker = Worker { jobs: Some(jobs), ended: Mutex::new(ended), limit: Duration::from_millis(10) };
        assert!(matches!(worker.ask(sign()), Err(Pkcs11Error::TimedOut)));
        // The question still lies there: the next one finds no room.
        assert!(matches!(worker.ask(sign()), Err(Pkcs11Error::Busy)));
        drop(queue);
        assert!(matches!(worker.ask(sign()), Err(Pkcs11Error::TimedOut)));
    }

    #[test]
    fn whoever_lets_go_of_a_key_waits_for_its_threads() {
        let (jobs, queue) = mpsc::sync_channel::<Job>(1);
        let (works, ended) = mpsc::sync_channel(0);
        let closed = Arc::new(AtomicBool::new(false));
        let closes = Arc::clone(&closed);
        let thread = thread::spawn(move || {
            let works = works;
            assert!(queue.recv().is_err());
            closes.store(true, Ordering::SeqCst);
            drop(works);
        });
        drop(Worker { jobs: Some(jobs), ended: Mutex::new(ended), limit: LIMIT });
        assert!(closed.load(Ordering::SeqCst));
        thread.join().unwrap();
    }

    #[test]
    fn a_question_whose_asker_has_gone_is_not_put_to_the_token() {
        let (jobs, queue) = mpsc::sync_channel(2);
        let now = Instant::now();
        let asked = [now, now + Duration::from_secs(3600)].map(|until| {
            let (answer, answered) = mpsc::sync_channel(1);
            jobs.send(Job { operation: sign(), until, answer }).unwrap();
            answered
        });
        drop(jobs);
        thread(queue).work();
        let [gone, waiting] = asked;
        assert!(gone.recv().is_err());
        assert!(matches!(waiting.recv(), Ok(Err(Pkcs11Error::Module { .. }))));
    }
}
