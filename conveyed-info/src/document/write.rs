//! Writing a document in either encoding.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Encoding, is_yang_character, namespaces::NAMESPACE};

/// A container with its members, in the order of the module, in which they are written: RFC 7950 §7.14.4 wants it of the
/// XML of operations. Names are bare, or `module:name` where the module is another than the container's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Container(Vec<(&'static str, Out)>);

/// A value to be written.
#[derive(Clone, Debug)]
pub(crate) enum Out {
    /// A string, or the name of an enum value.
    Text(String),
    /// A number of up to 32 bits, which JSON writes as a number (RFC 7951 §6.1).
    Number(u32),
    /// A boolean.
    Boolean(bool),
    /// The type `empty`.
    Empty,
    /// Octets, written as base64.
    Binary(Vec<u8>),
    /// An identity: its module and its name. The module is always written: some peers insist.
    Identity(&'static str, String),
    /// An instance identifier of one step or more, made by [`Container::put_path`].
    Path(Vec<Step>),
    /// A container inside.
    Container(Container),
    /// The entries of a list or leaf-list.
    List(Vec<Self>),
}

/// One step of an instance identifier.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    module: String,
    name: String,
}

impl Container {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a member.
    pub(crate) fn put(&mut self, name: &'static str, value: Out) {
        self.0.push((name, value));
    }

    /// Adds a member that is a string.
    pub(crate) fn put_text(&mut self, name: &'static str, text: &str) {
        self.put(name, Out::Text(text.to_owned()));
    }

    /// Adds a member that is binary.
    pub(crate) fn put_binary(&mut self, name: &'static str, octets: &[u8]) {
        self.put(name, Out::Binary(octets.to_vec()));
    }

    /// Adds a member that is an instance identifier. `path` has the names of members joined by `/`, as
    /// [`super::DocumentError`] shows where something stands; where it does not begin with one, nothing is added.
    pub(crate) fn put_path(&mut self, name: &'static str, path: &str) {
        let steps = steps(path);
        if !steps.is_empty() {
            self.put(name, Out::Path(steps));
        }
    }

    /// The document that holds this container, named `module:name`, and nothing else.
    pub(crate) fn into_document(self, name: &'static str, encoding: Encoding) -> Vec<u8> {
        Out::Container(self).into_document(name, encoding)
    }
}

impl Out {
    /// The document that holds this value, named `module:name`, and nothing else.
    pub(crate) fn into_document(self, name: &'static str, encoding: Encoding) -> Vec<u8> {
        let mut text = String::new();
        match encoding {
            Encoding::Json => write_object(&mut text, &[(name, self)]),
            Encoding::Xml => write_element(&mut text, "", name, &self),
        }
        text.into_bytes()
    }
}

fn write_object(to: &mut String, members: &[(&'static str, Out)]) {
    to.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            to.push(',');
        }
        write_string(to, name);
        to.push(':');
        write_value(to, value);
    }
    to.push('}');
}

/// Writes one value as RFC 7951 §6 has it.
fn write_value(to: &mut String, value: &Out) {
    match value {
        Out::Text(text) => write_string(to, &writable(text)),
        Out::Number(number) => to.push_str(&number.to_string()),
        Out::Boolean(value) => to.push_str(if *value { "true" } else { "false" }),
        Out::Empty => to.push_str("[null]"),
        Out::Binary(octets) => write_string(to, &STANDARD.encode(octets)),
        Out::Identity(module, name) => write_string(to, &format!("{module}:{name}")),
        Out::Path(steps) => write_string(to, &json_path(steps)),
        Out::Container(Container(members)) => write_object(to, members),
        Out::List(entries) => {
            to.push('[');
            for (index, entry) in entries.iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                write_value(to, entry);
            }
            to.push(']');
        }
    }
}

/// A JSON string, with its quotation marks; `None` when a YANG string cannot hold this text (RFC 7950 §9.4).
pub(crate) fn json_string(text: &str) -> Option<String> {
    text.chars().all(is_yang_character).then(|| Value::from(text).to_string())
}

fn write_string(to: &mut String, text: &str) {
    to.push_str(&Value::from(text).to_string());
}

/// Writes one element, or as many as a list has entries, below a container of the module `parent`.
fn write_element(to: &mut String, parent: &str, name: &str, value: &Out) {
    if let Out::List(entries) = value {
        for entry in entries {
            write_element(to, parent, name, entry);
        }
        return;
    }
    let (module, local) = name.split_once(':').unwrap_or((parent, name));
    to.push('<');
    to.push_str(local);
    if module != parent {
        declare(to, "xmlns", module);
    }
    match value {
        Out::Identity(module, _) => declare(to, "xmlns:i", module),
        Out::Path(steps) => {
            for (index, Step { module, .. }) in steps.iter().enumerate() {
                if first_of(steps, module) == index {
                    declare(to, &format!("xmlns:p{index}"), module);
                }
            }
        }
        _ => {}
    }
    to.push('>');
    match value {
        Out::Text(text) => write_text(to, &writable(text)),
        Out::Number(number) => to.push_str(&number.to_string()),
        Out::Boolean(value) => to.push_str(if *value { "true" } else { "false" }),
        Out::Empty | Out::List(_) => {}
        Out::Binary(octets) => STANDARD.encode_string(octets, to),
        Out::Identity(_, name) => {
            to.push_str("i:");
            to.push_str(name);
        }
        // RFC 7950 §9.13.2: every step has a prefix.
        Out::Path(steps) => {
            for Step { module, name } in steps {
                to.push_str(&format!("/p{}:{name}", first_of(steps, module)));
            }
        }
        Out::Container(Container(members)) => {
            for (name, value) in members {
                write_element(to, module, name, value);
            }
        }
    }
    to.push_str("</");
    to.push_str(local);
    to.push('>');
}

/// The steps of a path, each with its module, as far as they are names that a module can define: what a peer invented
/// ends the path at the member that held it.
fn steps(path: &str) -> Vec<Step> {
    let mut module = "";
    path.split('/')
        .map_while(|step| {
            let (named, name) = step.split_once(':').unwrap_or((module, step));
            module = named;
            (is_identifier(named) && is_identifier(name))
                .then(|| Step { module: named.to_owned(), name: name.to_owned() })
        })
        .collect()
}

/// RFC 7951 §6.11: a step has its module where that is another than before, and nowhere else.
fn json_path(steps: &[Step]) -> String {
    let mut path = String::new();
    let mut parent = "";
    for Step { module, name } in steps {
        path.push('/');
        if module != parent {
            path.push_str(module);
            path.push(':');
        }
        path.push_str(name);
        parent = module;
    }
    path
}

/// RFC 7950 §6.2.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && text.len() <= 64
}

fn first_of(steps: &[Step], module: &str) -> usize {
    steps.iter().position(|step| step.module == module).unwrap_or_default()
}

fn declare(to: &mut String, attribute: &str, module: &str) {
    to.push(' ');
    to.push_str(attribute);
    to.push_str("=\"");
    to.push_str(NAMESPACE);
    to.push_str(module);
    to.push('"');
}

fn write_text(to: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '&' => to.push_str("&amp;"),
            // XML 1.0 §2.11: a bare one would come back as a line feed.
            '\r' => to.push_str("&#13;"),
            other => to.push(other),
        }
    }
}

/// A text may quote a script's output; what no YANG string may hold is replaced.
fn writable(text: &str) -> String {
    text.chars().map(|it| if is_yang_character(it) { it } else { char::REPLACEMENT_CHARACTER }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Container {
        let mut inner = Container::new();
        inner.put("id", Out::Identity("q", "a".into()));
        let mut container = Container::new();
        container.put_text("t", "a<b>&\r\u{1b}");
        container.put("l", Out::List(vec![Out::Number(1), Out::Boolean(true)]));
        container.put("e", Out::Empty);
        container.put("o:c", Out::Container(inner));
        container.put_binary("b", b"hi");
        container
    }

    #[test]
    fn a_path_ends_where_it_stops_being_one() {
        for (path, json, xml) in [
            ("m:input/a", "/m:input/a", r#" xmlns:p0="urn:ietf:params:xml:ns:yang:m">/p0:input/p0:a"#),
            (
                "m:input/o:a/b/m:c",
                "/m:input/o:a/b/m:c",
                concat!(
                    r#" xmlns:p0="urn:ietf:params:xml:ns:yang:m" xmlns:p1="urn:ietf:params:xml:ns:yang:o">"#,
                    "/p0:input/p1:a/p1:b/p0:c"
                ),
            ),
            ("m:input/a b", "/m:input", r#" xmlns:p0="urn:ietf:params:xml:ns:yang:m">/p0:input"#),
            ("m:input/{urn:x}a/b", "/m:input", r#" xmlns:p0="urn:ietf:params:xml:ns:yang:m">/p0:input"#),
            ("m:input/m:a", "/m:input/a", r#" xmlns:p0="urn:ietf:params:xml:ns:yang:m">/p0:input/p0:a"#),
        ] {
            let mut container = Container::new();
            container.put_path("p", path);
            let written = container.clone().into_document("r:c", Encoding::Json);
            assert_eq!(String::from_utf8(written).unwrap(), format!(r#"{{"r:c":{{"p":"{json}"}}}}"#));
            let written = String::from_utf8(container.into_document("r:c", Encoding::Xml)).unwrap();
            assert!(written.contains(&format!("<p{xml}</p>")), "{written}");
        }
        for none in ["", "input", "/", "{urn:x}a"] {
            let mut container = Container::new();
            container.put_path("p", none);
            assert_eq!(container.into_document("r:c", Encoding::Json), br#"{"r:c":{}}"#, "{none}");
        }
    }

    #[test]
    fn json() {
        let document = example().into_document("m:top", Encoding::Json);
        let text = r#"{"m:top":{"t":"a<b>&\r�","l":[1,true],"e":[null],"o:c":{"id":"q:a"},"b":"aGk="}}"#;
        assert_eq!(String::from_utf8(document).unwrap(), text);
    }

    #[test]
    fn xml() {
        let document = example().into_document("m:top", Encoding::Xml);
        let text = concat!(
            r#"<top xmlns="urn:ietf:params:xml:ns:yang:m"><t>a&lt;b&gt;&amp;&#13;�</t><l>1</l><l>true</l><e></e>"#,
            r#"<c xmlns="urn:ietf:params:xml:ns:yang:o"><id xmlns:i="urn:ietf:params:xml:ns:yang:q">i:a</id></c>"#,
            "<b>aGk=</b></top>"
        );
        assert_eq!(String::from_utf8(document).unwrap(), text);
    }
}
