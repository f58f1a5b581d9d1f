//! The audit log as it grows: server-sent events, taken up again where they broke off.

use std::{collections::VecDeque, time::Duration};

use super::{Client, ClientError, answer::Answer, call::Call, sse::EventReader};
use crate::{AuditRecord, paths};

/// The first pause before connecting again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What comes out of an [`EventStream`].
#[derive(Debug)]
pub enum Heard {
    /// A record, in the log's order; none is left out and none comes twice.
    Record(AuditRecord),
    /// The connection broke. The next call connects again, after this pause.
    Interrupted {
        /// What happened.
        because: ClientError,
        /// How long it will wait.
        pause: Duration,
    },
}

/// Records of the log as they come.
pub struct EventStream<'a> {
    client: &'a Client,
    /// The position that the stream began behind.
    after: Option<u64>,
    /// The id of the last record that was handed out, or what the server said it began behind.
    last: Option<String>,
    /// The position of the newest record that came.
    newest: Option<u64>,
    connection: Option<(Answer<'a>, EventReader)>,
    /// Records with their ids.
    waiting: VecDeque<(String, AuditRecord)>,
    pause: Option<Duration>,
    failures: u32,
}

impl Client {
    /// The records behind `after`, and then those to come; without it, only those to come.
    ///
    /// # Errors
    /// [`ClientError`] when the stream cannot begin. What breaks later is told by [`EventStream::next`], which goes on.
    pub async fn events(&self, after: Option<u64>) -> Result<EventStream<'_>, ClientError> {
        let mut stream = EventStream {
            client: self,
            after,
            last: None,
            newest: after,
            connection: None,
            waiting: VecDeque::new(),
            pause: None,
            failures: 0,
        };
        stream.connection = Some(stream.open().await?);
        Ok(stream)
    }
}

impl<'a> EventStream<'a> {
    /// Waits for the next record or interruption. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when the server will not go on: after the token was revoked, or where the database was
    /// restored meanwhile, which begins a new log.
    pub async fn next(&mut self) -> Result<Heard, ClientError> {
        loop {
            if let Some((id, record)) = self.waiting.pop_front() {
                self.last = Some(id);
                return Ok(Heard::Record(record));
            }
            if let Some(pause) = self.pause {
                tokio::time::sleep(pause).await;
                self.pause = None;
            }
            if let Err(because) = self.advance().await {
                self.connection = None;
                if because.problem().is_some_and(|problem| problem.status < 500 && problem.status != 429) {
                    return Err(because);
                }
                let pause = pause(self.failures);
                self.failures = self.failures.saturating_add(1);
                self.pause = Some(pause);
                return Ok(Heard::Interrupted { because, pause });
            }
        }
    }

    /// Connects, or reads one piece.
    async fn advance(&mut self) -> Result<(), ClientError> {
        let Some((answer, reader)) = &mut self.connection else {
            self.connection = Some(self.open().await?);
            return Ok(());
        };
        let server = || self.client.server().clone();
        let piece = answer.piece().await?.ok_or_else(|| ClientError::CutShort { server: server() })?;
        let events = reader.read(&piece).map_err(|_| ClientError::CutShort { server: server() })?;
        for event in events {
            let record: AuditRecord = serde_json::from_str(&event.data).map_err(|source| ClientError::Unreadable {
                server: server(),
                path: paths::EVENTS.to_owned(),
                source,
            })?;
            // A server may repeat what it is not sure of having sent.
            if self.newest.is_none_or(|newest| record.leaf > newest) {
                self.newest = Some(record.leaf);
                self.waiting.push_back((event.id.unwrap_or_default(), record));
            }
        }
        // Where the stream begins is said before the first record: should it break until then, none is lost.
        if self.last.is_none() && self.waiting.is_empty() {
            self.last = reader.last_id().map(str::to_owned);
        }
        self.failures = 0;
        Ok(())
    }

    async fn open(&self) -> Result<(Answer<'a>, EventReader), ClientError> {
        let call = Call::get(paths::EVENTS.to_owned()).accept("text/event-stream");
        let call = match &self.last {
            Some(last) => call.behind(last)?,
            None => call.query("after", self.after.map(|after| after.to_string())),
        };
        Ok((self.client.send(call).await?, EventReader::default()))
    }
}

/// Doubles with each failure in a row, up to half a minute.
fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(LONGEST_PAUSE)
}

impl std::fmt::Debug for EventStream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream").field("last", &self.last).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_at_half_a_minute() {
        let pauses: Vec<_> = (0..8).map(|failures| pause(failures).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
