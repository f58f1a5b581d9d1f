//! Server-sent events, as octets come in (WHATWG HTML §9.2.6). Pure.

/// Longest line and longest event, in octets. Records of the log are far shorter.
const LIMIT: usize = 1024 * 1024;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerSentEvent {
    /// The last `id` that was said.
    pub(super) id: Option<String>,
    pub(super) data: String,
}

/// Puts events together from pieces that end anywhere.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    line: Vec<u8>,
    after_return: bool,
    event: ServerSentEvent,
    last_id: Option<String>,
}

/// A line or an event has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endless;

impl EventReader {
    /// Takes the next piece, and gives the events that end in it.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<Vec<ServerSentEvent>, Endless> {
        let mut events = Vec::new();
        for &octet in piece {
            // Lines end in LF, CR or CRLF.
            let is_second_half = std::mem::replace(&mut self.after_return, octet == b'\r') && octet == b'\n';
            match octet {
                _ if is_second_half => {}
                b'\r' | b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.line(&String::from_utf8_lossy(&line))?);
                }
                _ if self.line.len() >= LIMIT => return Err(Endless),
                _ => self.line.push(octet),
            }
        }
        Ok(events)
    }

    /// The id that holds from the last blank line on, whether an event ended there or not.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    fn line(&mut self, line: &str) -> Result<Option<ServerSentEvent>, Endless> {
        if line.is_empty() {
            let data = std::mem::take(&mut self.event.data);
            self.last_id.clone_from(&self.event.id);
            // An event without data is none; its id holds all the same.
            return Ok((!data.is_empty()).then(|| ServerSentEvent { id: self.event.id.clone(), data }));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.event.data.len() + value.len() >= LIMIT {
                    return Err(Endless);
                }
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments keep the connection alive; the name of the event stands in the record too.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": hello\n\nid: 7\nevent: answered\ndata: {\"a\":\ndata: 1}\n\nid:8\ndata:x\r\n\r\ndata: y\r\rdata: half";

    fn expected() -> Vec<ServerSentEvent> {
        let event = |id: &str, data: &str| ServerSentEvent { id: Some(id.to_owned()), data: data.to_owned() };
        vec![event("7", "{\"a\":\n1}"), event("8", "x"), event("8", "y")]
    }

    #[test]
    fn events_are_the_same_wherever_the_pieces_end() {
        for size in 1..STREAM.len() {
            let mut reader = EventReader::default();
            let pieces = STREAM.as_bytes().chunks(size);
            let events: Vec<_> = pieces.flat_map(|piece| reader.read(piece).unwrap()).collect();
            assert_eq!(events, expected(), "pieces of {size}");
        }
    }

    #[test]
    fn what_has_no_end_is_refused_instead_of_kept() {
        assert_eq!(EventReader::default().read(&vec![b'x'; LIMIT + 1]), Err(Endless));
        let mut reader = EventReader::default();
        let line = format!("data: {}\n", "x".repeat(LIMIT / 2));
        let last = (0..3).map(|_| reader.read(line.as_bytes())).find(Result::is_err);
        assert_eq!(last, Some(Err(Endless)));
    }
}
