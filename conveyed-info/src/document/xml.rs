//! XML elements, as far as YANG instance documents need them.
//!
//! There are no DTDs, no entities but the five predefined, no processing instructions, no attributes but namespace
//! declarations: each of them is refused, so nothing expands and nothing is fetched (SEC-20).

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use super::{DocumentError, Encoding, MAX_MEMBERS};

/// What every namespace of an IETF YANG module starts with; the module's name follows (RFC 7950 §5.3).
pub(super) const NAMESPACE: &str = "urn:ietf:params:xml:ns:yang:";

/// Deepest nesting of elements.
const MAX_DEPTH: usize = 32;

/// One element, its namespace resolved to the name of a module.
#[derive(Debug)]
pub(super) struct Element {
    module: String,
    local: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// A leaf, and the identity its text names, if it can be read as one.
    Text {
        text: String,
        identity: Option<(String, String)>,
    },
    Children(Vec<Element>),
}

impl Element {
    /// Whether this is the member `name` (bare, or `module:name`) of a container of `parent`.
    pub(super) fn is_named(&self, parent: &str, name: &str) -> bool {
        match name.split_once(':') {
            Some((module, local)) => self.module == module && self.local == local,
            None => self.module == parent && self.local == name,
        }
    }

    /// This element's name as RFC 7951 §4 writes it below a container of `parent`.
    pub(super) fn name_below(&self, parent: &str) -> String {
        if self.module == parent { self.local.clone() } else { format!("{}:{}", self.module, self.local) }
    }

    /// Module and children of a container; white space alone is an empty one.
    pub(super) fn into_children(self) -> Option<(String, Vec<Self>)> {
        match self.content {
            Content::Children(children) => Some((self.module, children)),
            Content::Text { text, .. } => is_blank(&text).then_some((self.module, Vec::new())),
        }
    }

    pub(super) fn into_text(self) -> Option<String> {
        match self.content {
            Content::Text { text, .. } => Some(text),
            Content::Children(_) => None,
        }
    }

    pub(super) fn into_identity(self) -> Option<(String, String)> {
        match self.content {
            Content::Text { identity, .. } => identity,
            Content::Children(_) => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Text { text, .. } if text.is_empty())
    }
}

/// Reads a whole document and gives its one element.
pub(super) fn parse(bytes: &[u8]) -> Result<Element, DocumentError> {
    let text = str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
    Parser { reader: Reader::from_str(text), scope: Scope::default() }.document()
}

fn malformed(detail: impl Into<String>) -> DocumentError {
    DocumentError::Malformed { encoding: Encoding::Xml, detail: detail.into() }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|character| matches!(character, ' ' | '\t' | '\n' | '\r'))
}

struct Parser<'a> {
    reader: Reader<&'a [u8]>,
    scope: Scope,
}

/// An element whose end has not come yet.
struct Open {
    module: String,
    local: String,
    /// How many bindings were in scope outside.
    outer: usize,
    text: String,
    children: Vec<Element>,
}

impl Parser<'_> {
    fn document(mut self) -> Result<Element, DocumentError> {
        let mut open: Vec<Open> = Vec::new();
        let mut root = None;
        let mut is_first = true;
        loop {
            let event = self.reader.read_event().map_err(|error| malformed(error.to_string()))?;
            let done = match event {
                Event::Start(start) => {
                    let element = self.open(&start, open.len(), root.is_some())?;
                    open.push(element);
                    None
                }
                Event::Empty(start) => Some(self.open(&start, open.len(), root.is_some())?),
                // The reader checks that the names of start and end agree.
                Event::End(_) => Some(open.pop().ok_or_else(|| malformed("an end without a start"))?),
                Event::Text(text) => {
                    add_text(&mut open, &text.xml10_content())?;
                    None
                }
                Event::CData(text) => {
                    if open.is_empty() {
                        return Err(malformed("text outside the document element"));
                    }
                    add_text(&mut open, &text.xml10_content())?;
                    None
                }
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref().map_err(|error| malformed(error.to_string()))? {
                        Some(character) => character,
                        None => {
                            predefined(&reference).ok_or_else(|| malformed("an entity that XML does not predefine"))?
                        }
                    };
                    if open.is_empty() {
                        return Err(malformed("text outside the document element"));
                    }
                    add_text(&mut open, character.encode_utf8(&mut [0; 4]))?;
                    None
                }
                Event::Comment(_) => None,
                Event::Decl(declaration) => {
                    if !is_first {
                        return Err(malformed("an XML declaration that is not at the start"));
                    }
                    let encoding = declaration.encoding().transpose().map_err(|error| malformed(error.to_string()))?;
                    if encoding
                        .is_some_and(|it| !it.eq_ignore_ascii_case("utf-8") && !it.eq_ignore_ascii_case("us-ascii"))
                    {
                        return Err(malformed("an encoding other than UTF-8"));
                    }
                    None
                }
                // SEC-20: what could expand or point elsewhere is not looked at.
                Event::DocType(_) => return Err(malformed("a document type declaration is not allowed")),
                Event::PI(_) => return Err(malformed("a processing instruction is not allowed")),
                Event::Eof => break,
            };
            is_first = false;
            if let Some(element) = done {
                let element = self.close(element)?;
                match open.last_mut() {
                    None => root = Some(element),
                    Some(parent) if parent.children.len() < MAX_MEMBERS => parent.children.push(element),
                    Some(_) => return Err(malformed("an element with too many children")),
                }
            }
        }
        match root {
            Some(element) if open.is_empty() => Ok(element),
            _ => Err(malformed("the document ends before its element does")),
        }
    }

    fn open(&mut self, start: &BytesStart<'_>, depth: usize, after_root: bool) -> Result<Open, DocumentError> {
        if after_root {
            return Err(malformed("a second document element"));
        }
        if depth >= MAX_DEPTH {
            return Err(malformed("elements nested too deeply"));
        }
        let outer = self.scope.0.len();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| malformed(error.to_string()))?;
            let key = attribute.key.as_ref();
            let prefix = match key.strip_prefix("xmlns:") {
                Some(prefix) => prefix,
                None if key == "xmlns" => "",
                None => return Err(malformed("an attribute that declares no namespace")),
            };
            let value =
                attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| malformed(error.to_string()))?;
            self.scope.bind(prefix, &value)?;
        }
        let name = start.name();
        let (prefix, local) = split_name(name.as_ref());
        let module = self.scope.module(prefix).ok_or_else(|| malformed("an element outside the namespaces of YANG"))?;
        Ok(Open {
            module: module.to_owned(),
            local: local.to_owned(),
            outer,
            text: String::new(),
            children: Vec::new(),
        })
    }

    fn close(&mut self, open: Open) -> Result<Element, DocumentError> {
        let content = if open.children.is_empty() {
            let (prefix, name) = split_name(&open.text);
            let identity = self.scope.module(prefix).map(|module| (module.to_owned(), name.to_owned()));
            Content::Text { text: open.text, identity }
        } else if is_blank(&open.text) {
            Content::Children(open.children)
        } else {
            return Err(malformed("text beside elements"));
        };
        self.scope.0.truncate(open.outer);
        Ok(Element { module: open.module, local: open.local, content })
    }
}

fn add_text(open: &mut [Open], text: &str) -> Result<(), DocumentError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if is_blank(text) => {}
        None => return Err(malformed("text outside the document element")),
    }
    Ok(())
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => return None,
    })
}

fn split_name(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

/// The namespace bindings in scope, innermost last.
#[derive(Default)]
struct Scope(Vec<(String, String)>);

impl Scope {
    /// Most bindings in scope at once.
    const MAX: usize = 64;

    fn bind(&mut self, prefix: &str, namespace: &str) -> Result<(), DocumentError> {
        if self.0.len() >= Self::MAX {
            return Err(malformed("too many namespace declarations"));
        }
        self.0.push((prefix.to_owned(), namespace.to_owned()));
        Ok(())
    }

    /// The module whose namespace `prefix` stands for.
    fn module(&self, prefix: &str) -> Option<&str> {
        let (_, namespace) = self.0.iter().rev().find(|(bound, _)| bound == prefix)?;
        namespace.strip_prefix(NAMESPACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_M: &str = r#"xmlns="urn:ietf:params:xml:ns:yang:m""#;

    fn refused(document: &str) -> String {
        match parse(document.as_bytes()) {
            Err(DocumentError::Malformed { detail, .. }) => detail,
            other => panic!("{document}: {other:?}"),
        }
    }

    #[test]
    fn sec_20_what_could_expand_is_refused() {
        let laughs = format!(r#"<!DOCTYPE a [<!ENTITY a "ha">]><a {IN_M}>&a;</a>"#);
        assert!(refused(&laughs).contains("document type"));
        assert!(refused(&format!("<a {IN_M}>&b;</a>")).contains("entity"));
        assert!(refused(&format!("<a {IN_M}><?php x?></a>")).contains("processing instruction"));
        assert!(refused(&format!(r#"<?xml version="1.0" encoding="utf-16"?><a {IN_M}/>"#)).contains("encoding"));
    }

    #[test]
    fn what_is_no_single_well_formed_element_is_refused() {
        for document in [
            String::new(),
            format!("<a {IN_M}>"),
            format!("<a {IN_M}></b>"),
            format!("<a {IN_M}/><a {IN_M}/>"),
            format!("<a {IN_M}/>x"),
            format!("x<a {IN_M}/>"),
            format!("<a {IN_M}>t<b/></a>"),
            format!("<a {IN_M} b=\"c\"/>"),
            format!("<a {IN_M} {IN_M}/>"),
            "<a/>".to_owned(),
            r#"<a xmlns="urn:other:m"/>"#.to_owned(),
            format!("<p:a {IN_M}/>"),
            format!("<a {IN_M}/><?xml version=\"1.0\"?>"),
        ] {
            refused(&document);
        }
    }

    #[test]
    fn size_is_bounded() {
        let deep = format!("<a {IN_M}>{}", "<a>".repeat(100_000));
        assert!(refused(&deep).contains("nested"));
        let wide = format!("<a {IN_M}>{}</a>", "<b/>".repeat(MAX_MEMBERS + 1));
        assert!(refused(&wide).contains("children"));
        let declarations: String = (0..100).map(|n| format!(r#" xmlns:p{n}="urn:x""#)).collect();
        assert!(refused(&format!("<a {IN_M}{declarations}/>")).contains("declarations"));
    }

    #[test]
    fn declaration_comments_cdata_and_prefixes_are_xml() {
        let document = r#"<?xml version="1.0" encoding="UTF-8"?>
            <!-- c --><p:a xmlns:p="urn:ietf:params:xml:ns:yang:m"><p:b><![CDATA[x<y]]></p:b></p:a>
            "#;
        let (module, children) = parse(document.as_bytes()).unwrap().into_children().unwrap();
        assert_eq!(module, "m");
        assert!(children[0].is_named("m", "b"));
        assert_eq!(children.into_iter().next().unwrap().into_text().unwrap(), "x<y");
    }
}
