//! XML elements, as far as YANG instance documents need them.
//!
//! There are no DTDs, no entities but the five predefined and no processing instructions: each of them is refused, so
//! nothing expands and nothing is fetched (SEC-20). What the reader beneath lets pass though XML 1.0 forbids it is checked
//! in [`super::well_formed`].

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use super::{
    Attributes, DocumentError, MAX_MEMBERS, MAX_VALUES,
    element::{Content, Element, is_blank},
    namespaces::{Scope, is_ncname, split_name},
    well_formed::{check_declaration, check_tag, is_character, malformed, referenced},
};

/// Deepest nesting of elements.
const MAX_DEPTH: usize = 32;

/// Reads a whole document and gives its one element.
pub(super) fn parse(bytes: &[u8], attributes: Attributes) -> Result<Element, DocumentError> {
    let text = str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
    if !text.chars().all(is_character) {
        return Err(malformed("a character that XML does not allow"));
    }
    // XML 1.0 §4.3.3: the reader passes over one byte order mark.
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    Parser { reader, scope: Scope::default(), attributes, left: MAX_VALUES }.document()
}

struct Parser<'a> {
    reader: Reader<&'a [u8]>,
    scope: Scope,
    attributes: Attributes,
    /// How many more elements may come.
    left: usize,
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
                    // XML 1.0 §2.4.
                    if text.contains("]]>") {
                        return Err(malformed("the end of a CDATA section that was not begun"));
                    }
                    add_text(&mut open, &text.xml10_content())?;
                    None
                }
                Event::CData(text) => {
                    add_markup(&mut open, &text.xml10_content())?;
                    None
                }
                Event::GeneralRef(reference) => {
                    add_markup(&mut open, referenced(&reference)?.encode_utf8(&mut [0; 4]))?;
                    None
                }
                Event::Comment(_) => None,
                Event::Decl(declaration) => {
                    if !is_first {
                        return Err(malformed("an XML declaration that is not at the start"));
                    }
                    check_declaration(&declaration)?;
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
        self.left = self.left.checked_sub(1).ok_or_else(|| malformed("too many elements"))?;
        let outer = self.scope.open();
        self.declare(start)?;
        let name = start.name();
        let (prefix, local) = split_name(name.as_ref()).ok_or_else(|| malformed("an element without a proper name"))?;
        let module = self.scope.module(prefix).ok_or_else(|| malformed("a prefix that is not declared"))?;
        Ok(Open { module, local: local.to_owned(), outer, text: String::new(), children: Vec::new() })
    }

    /// Takes an element's namespace declarations.
    fn declare(&mut self, start: &BytesStart<'_>) -> Result<(), DocumentError> {
        /// The check for duplicates compares every two attributes.
        const MAX_ATTRIBUTES: usize = 64;
        check_tag(start)?;
        for (index, attribute) in start.attributes().enumerate() {
            if index >= MAX_ATTRIBUTES {
                return Err(malformed("too many attributes"));
            }
            let attribute = attribute.map_err(|error| malformed(error.to_string()))?;
            let value =
                attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| malformed(error.to_string()))?;
            if !value.chars().all(is_character) {
                return Err(malformed("a character that XML does not allow"));
            }
            let key = attribute.key.as_ref();
            match key.strip_prefix("xmlns:") {
                Some(prefix) if is_ncname(prefix) => self.scope.bind(prefix, &value).map_err(malformed)?,
                None if key == "xmlns" => self.scope.bind("", &value).map_err(malformed)?,
                None if split_name(key).is_some() && self.attributes == Attributes::Ignored => {}
                None if split_name(key).is_some() => {
                    return Err(malformed("an attribute that declares no namespace"));
                }
                _ => return Err(malformed("an attribute without a proper name")),
            }
        }
        Ok(())
    }

    fn close(&mut self, open: Open) -> Result<Element, DocumentError> {
        let content = if open.children.is_empty() {
            let identity = split_name(&open.text)
                .and_then(|(prefix, name)| self.scope.module(prefix).map(|module| (module, name.to_owned())));
            Content::Text { text: open.text, identity }
        } else if is_blank(&open.text) {
            Content::Children(open.children)
        } else {
            return Err(malformed("text beside elements"));
        };
        self.scope.close(open.outer);
        Ok(Element::new(open.module, open.local, content))
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

/// Adds what may stand inside the document element only, even if it comes to nothing.
fn add_markup(open: &mut [Open], text: &str) -> Result<(), DocumentError> {
    if open.is_empty() {
        return Err(malformed("text outside the document element"));
    }
    add_text(open, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_M: &str = r#"xmlns="urn:ietf:params:xml:ns:yang:m""#;

    fn refused(document: &str) -> String {
        match parse(document.as_bytes(), Attributes::Refused) {
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
            format!("<p:a {IN_M}/>"),
            format!("<a {IN_M}><p:b xmlns:p=\"urn:p\"/><p:b/></a>"),
            format!("<a {IN_M}/><?xml version=\"1.0\"?>"),
            format!(" <?xml version=\"1.0\"?><a {IN_M}/>"),
            format!("<?xml version=\"1.1\"?><a {IN_M}/>"),
            format!("<?xml encoding=\"utf-8\"?><a {IN_M}/>"),
            format!("<?xml?><a {IN_M}/>"),
            format!("<?xml encoding='utf-8' version='1.0'?><a {IN_M}/>"),
            format!("<?xml version='1.0' version='1.0'?><a {IN_M}/>"),
            format!("<?xml version='1.0' Encoding='utf-16'?><a {IN_M}/>"),
            format!("<?xml version='1.0' \"encoding='utf-16'?><a {IN_M}/>"),
            format!("<?xml version='1.0'encoding='utf-8'?><a {IN_M}/>"),
            format!("<?xml version='1.0' standalone='maybe'?><a {IN_M}/>"),
            format!("<?xml version='1.0' encoding?><a {IN_M}/>"),
            format!("<?xml version='1.0' ??><a {IN_M}/>"),
            format!("<a {IN_M}/>&#32;"),
            format!("<![CDATA[ ]]><a {IN_M}/>"),
            format!("\u{feff}\u{feff}<a {IN_M}/>"),
        ] {
            refused(&document);
        }
    }

    #[test]
    fn what_the_reader_lets_pass_and_xml_forbids_is_refused() {
        for inner in [
            "<b>&#0;</b>",
            "<b>&#xb;</b>",
            "<b>&#xfffe;</b>",
            "<b>&#xd800;</b>",
            "<b>&#+65;</b>",
            "<b>\u{1}</b>",
            "<b>\u{ffff}</b>",
            "<!-- \u{2} -->",
            "<!-- a -- b -->",
            "<b>]]></b>",
            "<b>a & b</b>",
            "<b>&amp</b>",
            "<1b/>",
            "<b$/>",
            "<p:b:c xmlns:p=\"urn:p\"/>",
            "<b:/>",
            "< b/>",
            "<b></ b>",
            "<b xmlns:1=\"urn:p\"/>",
            "<b xmlns:p=\"urn:p\"xmlns:q=\"urn:q\"/>",
            "<b xmlns:p=\"<\"/>",
            "<b xmlns:p=urn/>",
            "<b xmlns:p/>",
            "<b xmlns:p=\"\"/>",
            "<b xmlns:p=\"&#1;\"/>",
            "<b xmlns:p=\"urn:p\" xmlns:p=\"urn:q\"/>",
            "<b xmlns:xmlns=\"urn:p\"/>",
            "<b xmlns:xml=\"urn:p\"/>",
            "<b xmlns:p=\"urn:p\" p:c=\"\"/>",
            "<b xmlns:p=\"&e;\"/>",
            "<b",
            "<b></b",
            "<b></B>",
            "<![CDATA[x]]",
            "<!-- x",
        ] {
            refused(&format!("<a {IN_M}>{inner}</a>"));
        }
    }

    #[test]
    fn a_default_namespace_can_be_taken_back_and_a_prefix_bound_again() {
        let document = format!(
            r#"<p:a xmlns:p="urn:ietf:params:xml:ns:yang:m" {IN_M}>
                <p:b/><b/><b xmlns=""/><p:b xmlns:p="urn:ietf:params:xml:ns:yang:n"/><b xmlns="m"/></p:a>"#
        );
        let (module, children) = parse(document.as_bytes(), Attributes::Refused).unwrap().into_children().unwrap();
        let names: Vec<_> = children.iter().map(|child| child.name_below(&module)).collect();
        assert_eq!(names, ["b", "b", "{}b", "n:b", "{m}b"]);
    }

    #[test]
    fn other_attributes_are_passed_over_only_where_they_may_be() {
        let document = format!("<a {IN_M} xml:lang=\"en\" b='c'/>");
        assert!(refused(&document).contains("attribute"));
        parse(document.as_bytes(), Attributes::Ignored).unwrap();
        let many: String = (0..100).map(|n| format!(" b{n}=''")).collect();
        parse(format!("<a {IN_M}{many}/>").as_bytes(), Attributes::Ignored).unwrap_err();
    }

    #[test]
    fn size_is_bounded() {
        let deep = format!("<a {IN_M}>{}", "<a>".repeat(100_000));
        assert!(refused(&deep).contains("nested"));
        let wide = format!("<a {IN_M}>{}</a>", "<b/>".repeat(MAX_MEMBERS + 1));
        assert!(refused(&wide).contains("children"));
        let declarations: String = (0..100).map(|n| format!(r#" xmlns:p{n}="urn:x""#)).collect();
        refused(&format!("<a {IN_M}{declarations}/>"));
        let nested: String = (0..20).map(|_| format!("<b>{}</b>", "<c/>".repeat(250))).collect();
        assert!(refused(&format!("<a {IN_M}>{nested}</a>")).contains("too many elements"));
    }

    #[test]
    fn declaration_comments_cdata_and_prefixes_are_xml() {
        let document = "\u{feff}<?xml version='1.0' encoding='UTF-8' standalone='yes'?>
            <!-- c --><p:a xmlns:p = 'urn:ietf:params:xml:ns:yang:m' ><p:b><![CDATA[x<]]>y&#x20;<!-- z --></p:b ></p:a>
            ";
        let (module, children) = parse(document.as_bytes(), Attributes::Refused).unwrap().into_children().unwrap();
        assert_eq!(module, "m");
        assert!(children[0].is_named("m", "b"));
        assert_eq!(children.into_iter().next().unwrap().into_text().unwrap(), "x<y ");
    }
}
