//! JSON: an array of objects, or one object a line. Objects are found by their braces and read one by one, so that a bad one
//! does not hide the next.

use std::marker::PhantomData;

use super::{Fault, Record};

fn object<R: Record>(line: u64, octets: &[u8]) -> Result<R::Row, Fault> {
    match serde_json::from_slice::<R>(octets) {
        Ok(draft) => draft.check(line),
        Err(error) => {
            // Where in the object it is does not help without the object; serde's text ends with it.
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            Err(Fault::row(line, verdict::Trace::readable(text)))
        }
    }
}

/// One object a line.
#[derive(Debug)]
pub(super) struct Lines<R> {
    text: Vec<u8>,
    line: u64,
    read: PhantomData<fn() -> R>,
}

impl<R> Default for Lines<R> {
    fn default() -> Self {
        Self { text: Vec::new(), line: 1, read: PhantomData }
    }
}

impl<R: Record> Lines<R> {
    pub(super) fn feed(&mut self, octets: &[u8]) -> Vec<Result<R::Row, Fault>> {
        let mut rows = Vec::new();
        let mut rest = octets;
        while let Some(end) = rest.iter().position(|octet| *octet == b'\n') {
            let (text, after) = rest.split_at(end);
            self.extend(text);
            rows.extend(self.end());
            self.line = self.line.saturating_add(1);
            rest = after.get(1..).unwrap_or_default();
        }
        self.extend(rest);
        rows
    }

    pub(super) fn finish(&mut self) -> Vec<Result<R::Row, Fault>> {
        self.end().into_iter().collect()
    }

    /// Keeps one octet more than a row may have: enough to know that it is too long.
    fn extend(&mut self, octets: &[u8]) {
        let room = (R::MAX_ROW + 1).saturating_sub(self.text.len());
        self.text.extend_from_slice(octets.get(..room).unwrap_or(octets));
    }

    fn end(&mut self) -> Option<Result<R::Row, Fault>> {
        let text = std::mem::take(&mut self.text);
        if text.len() > R::MAX_ROW {
            return Some(Err(Fault::row(self.line, format!("a row has at most {} octets", R::MAX_ROW))));
        }
        (!text.trim_ascii().is_empty()).then(|| object::<R>(self.line, text.trim_ascii()))
    }
}

/// An array of objects.
#[derive(Debug)]
pub(super) struct Array<R> {
    at: At,
    text: Vec<u8>,
    depth: usize,
    line: u64,
    began: u64,
    /// Objects that have come to their end.
    count: u64,
    read: PhantomData<fn() -> R>,
}

/// Where in the array the next octet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the array.
    Start,
    /// Behind its bracket: an object, or its end.
    First,
    /// Behind a comma: an object.
    Object,
    /// Inside an object, outside of texts.
    Inside,
    /// Inside a text.
    Text,
    /// Behind a backslash in a text.
    Escaped,
    /// Behind an object: a comma, or the end.
    Comma,
    /// Behind the array.
    End,
}

impl<R> Default for Array<R> {
    fn default() -> Self {
        Self { at: At::Start, text: Vec::new(), depth: 0, line: 1, began: 1, count: 0, read: PhantomData }
    }
}

impl<R: Record> Array<R> {
    pub(super) fn feed(&mut self, octets: &[u8]) -> Vec<Result<R::Row, Fault>> {
        let mut rows = Vec::new();
        for octet in octets {
            match self.take(*octet) {
                Ok(row) => rows.extend(row),
                Err(why) => {
                    rows.push(Err(Fault::unreadable(self.line, why)));
                    break;
                }
            }
            if *octet == b'\n' {
                self.line = self.line.saturating_add(1);
            }
        }
        rows
    }

    pub(super) fn finish(&mut self) -> Vec<Result<R::Row, Fault>> {
        match self.at {
            At::End => Vec::new(),
            At::Start => vec![Err(Fault::unreadable(self.line, "an array is expected, which begins with ["))],
            At::First | At::Object | At::Inside | At::Text | At::Escaped | At::Comma => {
                vec![Err(Fault::unreadable(self.line, "the file ends inside the array: it was cut off"))]
            }
        }
    }

    fn take(&mut self, octet: u8) -> Result<Option<Result<R::Row, Fault>>, String> {
        let blank = octet.is_ascii_whitespace();
        match (self.at, octet) {
            (At::Start | At::First | At::Object | At::Comma | At::End, _) if blank => return Ok(None),
            (At::Start, b'[') => self.at = At::First,
            (At::Start, _) => return Err("an array is expected, which begins with [".to_owned()),
            (At::First | At::Object, b'{') => {
                (self.at, self.depth, self.began) = (At::Inside, 1, self.line);
                self.text.push(octet);
            }
            (At::First, b']') => self.at = At::End,
            (At::First | At::Object, _) => return Err("an object is expected, which begins with {".to_owned()),
            (At::Comma, b',') => self.at = At::Object,
            (At::Comma, b']') => self.at = At::End,
            (At::Comma, _) => return Err("a comma or ] is expected after an object".to_owned()),
            (At::End, _) => return Err("there is something after the array".to_owned()),
            (At::Inside | At::Text | At::Escaped, octet) => return self.inside(octet),
        }
        Ok(None)
    }

    fn inside(&mut self, octet: u8) -> Result<Option<Result<R::Row, Fault>>, String> {
        if self.text.len() >= R::MAX_ROW {
            return Err(format!("an object has at most {} octets; is one not closed?", R::MAX_ROW));
        }
        self.text.push(octet);
        match (self.at, octet) {
            (At::Text, b'\\') => self.at = At::Escaped,
            // A brace inside a text is none: the quotes around it are octets of this branch.
            (At::Text, b'"') => self.at = At::Inside,
            (At::Escaped, _) | (At::Inside, b'"') => self.at = At::Text,
            _ => {}
        }
        if self.at != At::Inside {
            return Ok(None);
        }
        match octet {
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth > 0 {
            return Ok(None);
        }
        self.at = At::Comma;
        self.count = self.count.saturating_add(1);
        let read = object::<R>(self.began, &std::mem::take(&mut self.text));
        // Many programs write all of an array on one line.
        Ok(Some(read.map_err(|fault| Fault { detail: format!("object {}: {}", self.count, fault.detail), ..fault })))
    }
}
