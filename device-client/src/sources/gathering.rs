//! Asking on a link: send, send again after longer and longer pauses, and hear everybody who answers in time.

use std::{
    io,
    time::{Duration, Instant},
};

/// Pause before the second try, doubled each time. RFC 2131 §4.1 starts at four seconds and RFC 8415 §15 at one, for whole
/// networks that boot at once; a device that hears nothing goes on to its next source soon.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Most answers to one question. Each has at most 64 KiB.
const MAXIMUM: usize = 8;

/// Where questions go out and answers come in.
pub(super) trait Port {
    /// What is said there.
    type Message;

    /// Sends to whoever listens.
    fn send(&mut self, message: &Self::Message) -> io::Result<()>;

    /// Waits at most this long, which is never nothing, for a message; `None` for what is no message.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] or [`io::ErrorKind::TimedOut`] when nothing came.
    fn receive(&mut self, at_most: Duration) -> io::Result<Option<Self::Message>>;
}

/// How long to wait for a first answer, unless the configuration says otherwise.
pub(super) const fn silence() -> Duration {
    Duration::from_secs(8)
}

/// How long to wait for others after it, unless the configuration says otherwise.
pub(super) const fn others() -> Duration {
    Duration::from_secs(1)
}

/// How long to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// Until the first answer.
    pub(super) silence: Duration,
    /// From the first answer on: a server that is slower than another one is heard as well.
    pub(super) others: Duration,
}

/// Asks until somebody answers whom `is_answer` lets in, and hears the others for as long as patience lasts. Nobody's answer
/// is no error. `question` is told for how long nobody has answered.
pub(super) fn gather<P: Port>(
    port: &mut P,
    question: impl Fn(Duration) -> P::Message,
    patience: Patience,
    is_answer: impl Fn(&P::Message) -> bool,
) -> io::Result<Vec<P::Message>> {
    let mut answers = Vec::new();
    let begun = Instant::now();
    let mut end = begun + patience.silence;
    let (mut pause, mut again) = (FIRST_PAUSE, begun);
    loop {
        let now = Instant::now();
        if now >= end || answers.len() == MAXIMUM {
            return Ok(answers);
        }
        if answers.is_empty() && now >= again {
            port.send(&question(now.saturating_duration_since(begun)))?;
            again = now + pause;
            pause = pause.saturating_mul(2);
        }
        let until = if answers.is_empty() { again.min(end) } else { end };
        match port.receive(until.saturating_duration_since(now).max(Duration::from_millis(1))) {
            Ok(Some(message)) if is_answer(&message) => {
                if answers.is_empty() {
                    end = end.min(Instant::now() + patience.others);
                }
                answers.push(message);
            }
            Ok(_) => {}
            Err(error) if is_silence(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Nothing yet, or an earlier datagram found no server at that port: time will tell.
fn is_silence(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted | ConnectionRefused | HostUnreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says these things, each once, and then nothing.
    struct Script {
        sent: usize,
        said: std::vec::IntoIter<io::Result<Option<u8>>>,
    }

    impl Port for Script {
        type Message = u8;

        fn send(&mut self, _: &u8) -> io::Result<()> {
            self.sent += 1;
            Ok(())
        }

        fn receive(&mut self, at_most: Duration) -> io::Result<Option<u8>> {
            let silence = || {
                std::thread::sleep(at_most);
                Err(io::ErrorKind::WouldBlock.into())
            };
            self.said.next().unwrap_or_else(silence)
        }
    }

    fn ask(said: Vec<io::Result<Option<u8>>>) -> (io::Result<Vec<u8>>, usize) {
        let mut script = Script { sent: 0, said: said.into_iter() };
        let patience = Patience { silence: Duration::from_millis(1200), others: Duration::from_millis(20) };
        let answers = gather(&mut script, |_| 0, patience, |answer| *answer < 100);
        (answers, script.sent)
    }

    #[test]
    fn everybody_is_heard_who_answers_in_time() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let (answers, sent) =
            ask(vec![Err(refused()), Ok(None), Ok(Some(200)), Ok(Some(1)), Ok(Some(200)), Ok(Some(2))]);
        assert_eq!((answers.unwrap(), sent), (vec![1, 2], 1));
    }

    #[test]
    fn silence_ends_in_time_and_is_asked_again_meanwhile() {
        let begun = Instant::now();
        let (answers, sent) = ask(Vec::new());
        assert_eq!((answers.unwrap(), sent), (vec![], 2), "at once and after half a second");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_flood_is_bounded_and_an_error_ends_it() {
        let (answers, _) = ask((0..100).map(|number| Ok(Some(number))).collect());
        assert_eq!(answers.unwrap().len(), MAXIMUM);
        let (answers, _) = ask(vec![Err(io::ErrorKind::NotConnected.into())]);
        assert!(answers.is_err());
    }
}
