//! JSON as Kea takes it: with comments of three kinds, files included, and lines that are remembered. Pieces of a document are
//! read like whole ones, and a comma too many or too few does not matter: Kea itself says what it does not like.

use serde_json::{Map, Value};

use super::super::Unreadable;

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    Text(String),
    /// A number, `true`, `false` or `null`.
    Word(String),
    /// `<?include "…"?>`.
    Include(String),
}

impl Node {
    /// A member of an object.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let Kind::Object(members) = &self.kind else { return None };
        members.iter().find(|(it, _)| it == name).map(|(_, value)| value)
    }

    /// What a member says, a text or a word.
    pub(super) fn says(&self, name: &str) -> Option<&str> {
        match &self.member(name)?.kind {
            Kind::Text(text) | Kind::Word(text) => Some(text),
            _ => None,
        }
    }

    /// The same without lines.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Object(members) => Value::Object(
                members.iter().map(|(name, value)| (name.clone(), value.to_value())).collect::<Map<_, _>>(),
            ),
            Kind::Array(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Kind::Text(text) | Kind::Include(text) => Value::from(text.as_str()),
            Kind::Word(word) => serde_json::from_str(word).unwrap_or_else(|_| Value::from(word.as_str())),
        }
    }
}

/// Reads a document, or a piece of one: the values in it, those of loose members in an object of their own.
pub(super) fn read(text: &str) -> Result<Node, Unreadable> {
    let mut reader = Reader { rest: text, line: 1 };
    let (mut items, mut members) = (Vec::new(), Vec::new());
    while let Some(item) = reader.item(0)? {
        match item {
            Item::Value(value) => items.push(value),
            Item::Member(name, value) => members.push((name, value)),
            Item::End(_) => return Err(reader.fault("a bracket closes that was not opened")),
        }
    }
    if !members.is_empty() {
        items.push(Node { line: 1, kind: Kind::Object(members) });
    }
    Ok(Node { line: 1, kind: Kind::Array(items) })
}

enum Item {
    Value(Node),
    Member(String, Node),
    End(char),
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    fn fault(&self, why: &'static str) -> Unreadable {
        Unreadable { line: self.line, why }
    }

    fn advance(&mut self, octets: usize) {
        let (gone, rest) = self.rest.split_at_checked(octets).unwrap_or((self.rest, ""));
        self.line = self.line.saturating_add(gone.bytes().filter(|octet| *octet == b'\n').count());
        self.rest = rest;
    }

    /// Passes over blanks, commas and comments.
    fn skip(&mut self) -> Result<(), Unreadable> {
        loop {
            let blank =
                self.rest.len().saturating_sub(self.rest.trim_start_matches([' ', '\t', '\r', '\n', ',']).len());
            self.advance(blank);
            if self.rest.starts_with('#') || self.rest.starts_with("//") {
                self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                let end = self.rest.find("*/").ok_or_else(|| self.fault("the comment has no end"))?;
                self.advance(end.saturating_add(2));
            } else {
                return Ok(());
            }
        }
    }

    /// What comes next; `None` at the end of the text.
    fn item(&mut self, depth: usize) -> Result<Option<Item>, Unreadable> {
        self.skip()?;
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let line = self.line;
        if matches!(first, '}' | ']') {
            self.advance(1);
            return Ok(Some(Item::End(first)));
        }
        let value = self.value(first, depth)?;
        let Kind::Text(name) = &value.kind else { return Ok(Some(Item::Value(value))) };
        self.skip()?;
        if !self.rest.starts_with(':') {
            return Ok(Some(Item::Value(value)));
        }
        self.advance(1);
        self.skip()?;
        let first = self.rest.chars().next().ok_or_else(|| self.fault("a value is missing"))?;
        let of = self.value(first, depth)?;
        Ok(Some(Item::Member(name.clone(), Node { line, kind: of.kind })))
    }

    fn value(&mut self, first: char, depth: usize) -> Result<Node, Unreadable> {
        let line = self.line;
        let kind = match first {
            '{' | '[' => self.group(first, depth)?,
            '"' => Kind::Text(self.text()?),
            '<' => {
                let end = self.rest.find("?>").ok_or_else(|| self.fault("the inclusion has no end"))?;
                let name = self.rest.get(..end).and_then(|it| it.split('"').nth(1)).unwrap_or_default().to_owned();
                self.advance(end.saturating_add(2));
                Kind::Include(name)
            }
            _ => {
                let is_end =
                    |it: char| it.is_whitespace() || matches!(it, ',' | '}' | ']' | '{' | '[' | ':' | '"' | '#');
                let mut behind = self.rest.char_indices().skip(1);
                let end = behind.find(|(_, it)| is_end(*it)).map_or(self.rest.len(), |(at, _)| at);
                let word = self.rest.get(..end).unwrap_or_default().to_owned();
                self.advance(end);
                Kind::Word(word)
            }
        };
        Ok(Node { line, kind })
    }

    fn group(&mut self, first: char, depth: usize) -> Result<Kind, Unreadable> {
        if depth >= MAXIMUM_DEPTH {
            return Err(self.fault("the brackets are nested too deeply"));
        }
        self.advance(1);
        let (mut items, mut members) = (Vec::new(), Vec::new());
        loop {
            match self.item(depth.saturating_add(1))?.ok_or_else(|| self.fault("a bracket is not closed"))? {
                Item::Value(value) => items.push(value),
                Item::Member(name, value) => members.push((name, value)),
                Item::End('}') if first == '{' => {
                    // What an object includes stands beside its members.
                    let included = items.into_iter().map(|item| (String::new(), item));
                    return Ok(Kind::Object(members.into_iter().chain(included).collect()));
                }
                Item::End(']') if first == '[' => return Ok(Kind::Array(items)),
                Item::End(_) => return Err(self.fault("a bracket is closed by another kind")),
            }
        }
    }

    /// A text in quotes, with the escapes of RFC 8259 §7.
    fn text(&mut self) -> Result<String, Unreadable> {
        let mut escaped = false;
        let is_end = |(_, it): &(usize, char)| {
            let ends = *it == '"' && !escaped;
            escaped = *it == '\\' && !escaped;
            ends
        };
        let end = self.rest.char_indices().skip(1).find(is_end).map(|(at, _)| at.saturating_add(1));
        let whole = end.and_then(|end| self.rest.get(..end)).ok_or_else(|| self.fault("the text has no end"))?;
        let text =
            serde_json::from_str(whole).map_err(|_| self.fault("the text has an escape that JSON does not know"))?;
        self.advance(whole.len());
        Ok(text)
    }
}

const MAXIMUM_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_inclusions_and_pieces_are_read_and_lines_are_kept() {
        let text = "// one\n# two\n{ /* three\n */ \"a\": [1, true, <?include \"x.json\"?>, ], \"b\": \"q\\\"\\u0041\" }\n\"c\": -2";
        let document = read(text).unwrap();
        assert_eq!(document.to_value().to_string(), r#"[{"a":[1,true,"x.json"],"b":"q\"A"},{"c":-2}]"#);
        let Kind::Array(items) = &document.kind else { panic!() };
        assert_eq!((items[0].line, items[0].member("b").unwrap().line), (3, 4));
        assert_eq!((items[0].says("b"), items[1].says("c")), (Some("q\"A"), Some("-2")));
    }

    #[test]
    fn sec_20_what_is_no_document_is_told_by_line() {
        for (text, line) in [
            ("{\n\"a\": [}", 2),
            ("{", 1),
            ("\n]", 2),
            ("\n\"a", 2),
            ("/*", 1),
            ("\"a\":", 1),
            ("<?x", 1),
            ("\"\\q\"", 1),
        ] {
            assert_eq!(read(text).unwrap_err().line, line, "{text}");
        }
        assert!(read(&"[".repeat(100_000)).unwrap_err().why.contains("deeply"));
    }

    #[test]
    fn sec_20_every_beginning_of_a_document_ends() {
        let text = "// c\n{ \"é\": [1, {\"b\": \"\\u0041\"}, <?include \"x\"?>] /* d */ , : \"e\" }";
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let _either = read(&text[..end]);
        }
        assert!(read(":::,é").is_ok());
    }
}
