//! The explanation of a file: a tree of layers, each with what is known about it and what is unusual.

use serde::{Serialize, Serializer, ser::SerializeMap};
use verdict::Trace;

use super::Remark;

/// One layer of a file: what it is, what stands in it, what is worth saying about it, and what lies inside.
#[derive(Debug, Serialize)]
pub(crate) struct Layer {
    /// What it is, kebab-case, for scripts.
    pub(crate) kind: &'static str,
    /// What it is, for people.
    pub(crate) title: String,
    /// What the whole is good for, where that can be told: the headline when this layer is the outermost.
    #[serde(skip)]
    pub(crate) gist: Option<String>,
    facts: Facts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<Remark>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inside: Vec<Self>,
}

/// Named values in the order in which they are shown.
#[derive(Debug, Default)]
struct Facts(Vec<(&'static str, Fact)>);

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Fact {
    /// One line of text.
    Text(String),
    /// A number.
    Number(u64),
    /// Several lines.
    List(Vec<String>),
    /// Content, shown only when asked for: all of its lines.
    Content(String),
}

impl Layer {
    /// A layer about which nothing is known yet.
    pub(crate) fn new(kind: &'static str, title: impl Into<String>) -> Self {
        let title = Trace::readable(&title.into());
        Self { kind, title, gist: None, facts: Facts::default(), remarks: Vec::new(), inside: Vec::new() }
    }

    /// Says what the whole is good for.
    pub(crate) fn gist(&mut self, gist: impl Into<String>) {
        self.gist = Some(Trace::readable(&gist.into()));
    }

    /// The headline.
    pub(crate) fn headline(&self) -> &str {
        self.gist.as_deref().unwrap_or(&self.title)
    }

    /// Adds a value. Text may be a stranger's: it cannot steer a terminal.
    pub(crate) fn fact(&mut self, name: &'static str, fact: impl Into<Fact>) {
        let fact = match fact.into() {
            Fact::Text(text) => Fact::Text(Trace::readable(&text)),
            Fact::List(lines) => Fact::List(lines.iter().map(|line| Trace::readable(line)).collect()),
            other => other,
        };
        self.facts.0.push((name, fact));
    }

    /// Adds a value that may be absent.
    pub(crate) fn fact_if(&mut self, name: &'static str, fact: Option<impl Into<Fact>>) {
        if let Some(fact) = fact {
            self.fact(name, fact);
        }
    }

    /// Adds something worth saying.
    pub(crate) fn remark(&mut self, remark: Remark) {
        self.remarks.push(remark);
    }

    /// Adds a layer inside this one.
    pub(crate) fn put(&mut self, layer: Self) {
        self.inside.push(layer);
    }

    /// The values, in order.
    pub(crate) fn facts(&self) -> &[(&'static str, Fact)] {
        &self.facts.0
    }

    /// What is worth saying about this layer alone.
    pub(crate) fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// The layers directly inside.
    pub(crate) fn inside(&self) -> &[Self] {
        &self.inside
    }

    /// Whether this layer or any inside it could not be read.
    pub(crate) fn is_broken(&self) -> bool {
        self.remarks.iter().any(Remark::is_broken) || self.inside.iter().any(Self::is_broken)
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, fact) in &self.0 {
            map.serialize_entry(name, fact)?;
        }
        map.end()
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Fact {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Fact {
    fn from(number: usize) -> Self {
        Self::Number(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl From<Vec<String>> for Fact {
    fn from(lines: Vec<String>) -> Self {
        Self::List(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_words_cannot_steer_a_terminal() {
        let mut layer = Layer::new("x", "a\u{1b}[2J");
        layer.fact("name", "b\u{202e}c\nd");
        layer.fact("names", vec!["\u{7}".to_owned()]);
        let shown = serde_json::to_value(&layer).unwrap();
        assert_eq!(shown["title"], "a\u{fffd}[2J");
        assert_eq!(shown["facts"]["name"], "b\u{fffd}c d");
        assert_eq!(shown["facts"]["names"][0], "\u{fffd}");
    }

    #[test]
    fn what_is_broken_inside_breaks_the_whole() {
        let mut outer = Layer::new("x", "x");
        let mut inner = Layer::new("y", "y");
        inner.remark(Remark::Ber);
        assert!(!inner.is_broken());
        inner.remark(Remark::Unreadable { what: "thing", why: "odd".to_owned() });
        outer.put(inner);
        assert!(outer.is_broken());
    }
}
