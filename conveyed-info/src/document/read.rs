//! Reading a document member by member, whatever its encoding.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Attributes, DocumentError, Encoding, MAX_DOCUMENT, element::Element, is_yang_character, json::Json,
    namespaces::split_name, quoted, xml,
};

/// The members of one container, taken out one by one. What is left over at the end was not defined.
#[derive(Debug)]
pub(crate) struct Members {
    path: String,
    left: Left,
}

#[derive(Debug)]
enum Left {
    Json(Vec<(String, Json)>),
    /// The children of an element whose module is `module`.
    Xml {
        module: String,
        children: Vec<Element>,
    },
}

/// One value and where it stands. In XML, a leaf-list or list is all the sibling elements of one name.
#[derive(Debug)]
pub(crate) struct Node {
    path: String,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Json(Json),
    Xml(Vec<Element>),
}

impl Members {
    /// The top of a document: in JSON its members, in XML the one document element, as `module:name`.
    pub(crate) fn of_document(bytes: &[u8], encoding: Encoding) -> Result<Self, DocumentError> {
        Self::of_document_with(bytes, encoding, Attributes::Refused)
    }

    /// The same, when XML attributes may be passed over.
    pub(crate) fn of_document_with(
        bytes: &[u8],
        encoding: Encoding,
        attributes: Attributes,
    ) -> Result<Self, DocumentError> {
        if bytes.len() > MAX_DOCUMENT {
            let detail = format!("longer than {MAX_DOCUMENT} octets");
            return Err(DocumentError::Malformed { encoding, detail });
        }
        match encoding {
            Encoding::Json => match Json::parse(bytes)? {
                Json::Object(members) => Ok(Self { path: String::new(), left: Left::Json(members) }),
                _ => Err(DocumentError::Malformed { encoding, detail: "no object at the top".to_owned() }),
            },
            Encoding::Xml => {
                let left = Left::Xml { module: String::new(), children: vec![xml::parse(bytes, attributes)?] };
                Ok(Self { path: String::new(), left })
            }
        }
    }

    /// The members of the container `name`, which must be all that the document holds.
    pub(crate) fn of_container(bytes: &[u8], encoding: Encoding, name: &'static str) -> Result<Self, DocumentError> {
        let mut top = Self::of_document(bytes, encoding)?;
        let inner = top.optional(name);
        let missing = DocumentError::MissingMember { path: top.path_of(name) };
        // What stands in its place says more than what is absent: a wrong prefix, above all.
        top.finish()?;
        inner.ok_or(missing)?.members()
    }

    /// The members of the document element where that is called `local`, in whatever namespace; otherwise these. JSON has
    /// no document element.
    pub(crate) fn below(self, local: &str) -> Result<Self, DocumentError> {
        match self.left {
            Left::Xml { children, .. } if matches!(children.as_slice(), [one] if one.local() == local) => {
                Node { path: self.path, value: Value::Xml(children) }.members()
            }
            left => Ok(Self { path: self.path, left }),
        }
    }

    /// Takes the member `name`, if it is there.
    pub(crate) fn optional(&mut self, name: &str) -> Option<Node> {
        let path = self.path_of(name);
        let value = match &mut self.left {
            Left::Json(members) => {
                let index = members.iter().position(|(member, _)| member == name)?;
                Value::Json(members.remove(index).1)
            }
            Left::Xml { module, children } => {
                let taken: Vec<_> = children.extract_if(.., |child| child.is_named(module, name)).collect();
                if taken.is_empty() {
                    return None;
                }
                Value::Xml(taken)
            }
        };
        Some(Node { path, value })
    }

    /// Takes the member `name`, which is mandatory.
    pub(crate) fn required(&mut self, name: &str) -> Result<Node, DocumentError> {
        self.optional(name).ok_or_else(|| DocumentError::MissingMember { path: self.path_of(name) })
    }

    /// Takes the member `name` if it holds nothing: a container of nothing, or of empty lists only.
    pub(crate) fn take_hollow(&mut self, name: &str) -> bool {
        let is_hollow = match &self.left {
            Left::Json(members) => members.iter().any(|(member, value)| member == name && value.is_hollow()),
            Left::Xml { module, children } => {
                let mut named = children.iter().filter(|child| child.is_named(module, name)).peekable();
                named.peek().is_some() && named.all(Element::is_hollow)
            }
        };
        is_hollow && self.optional(name).is_some()
    }

    /// The names of what nobody took, as they may be shown.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        let names: Vec<_> = match &self.left {
            Left::Json(members) => members.iter().map(|(name, _)| quoted(name)).collect(),
            Left::Xml { module, children } => children.iter().map(|child| quoted(&child.name_below(module))).collect(),
        };
        names.into_iter()
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), DocumentError> {
        match self.names().next() {
            None => Ok(()),
            Some(name) => Err(DocumentError::UnknownMember { path: self.path_of(&name) }),
        }
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }
}

impl Node {
    /// The error that this value is not what the module wants.
    pub(crate) fn invalid(&self, expected: &'static str) -> DocumentError {
        DocumentError::InvalidValue { path: self.path.clone(), expected }
    }

    /// The members of a container, or of one entry of a list.
    pub(crate) fn members(self) -> Result<Members, DocumentError> {
        let invalid = self.invalid("an object");
        let left = match self.value {
            Value::Json(Json::Object(left)) => Left::Json(left),
            Value::Json(_) => return Err(invalid),
            Value::Xml(elements) => {
                let (module, children) = single(elements).and_then(Element::into_children).ok_or(invalid)?;
                Left::Xml { module, children }
            }
        };
        Ok(Members { path: self.path, left })
    }

    /// A list or leaf-list of at most `limit` entries.
    pub(crate) fn entries(self, limit: usize) -> Result<Vec<Self>, DocumentError> {
        let invalid = self.invalid("a list of bounded length");
        let path = self.path;
        let entry = |value| Self { path: path.clone(), value };
        let entries: Vec<_> = match self.value {
            Value::Json(Json::Array(values)) => values.into_iter().map(|it| entry(Value::Json(it))).collect(),
            Value::Json(_) => return Err(invalid),
            Value::Xml(elements) => elements.into_iter().map(|it| entry(Value::Xml(vec![it]))).collect(),
        };
        if entries.len() <= limit { Ok(entries) } else { Err(invalid) }
    }

    /// A YANG string (RFC 7950 §9.4).
    pub(crate) fn text(self) -> Result<String, DocumentError> {
        let invalid = self.invalid("a string without control characters");
        self.characters().filter(|text| text.chars().all(is_yang_character)).ok_or(invalid)
    }

    /// What stands where a string is expected, whatever its characters.
    fn characters(self) -> Option<String> {
        match self.value {
            Value::Json(Json::String(text)) => Some(text),
            Value::Json(_) => None,
            Value::Xml(elements) => single(elements).and_then(Element::into_text),
        }
    }

    /// RFC 7951 §6.6: binary is standard base64 with padding; white space inside is dropped (RFC 7950 §9.8, RCF-26).
    pub(crate) fn binary(self) -> Result<Vec<u8>, DocumentError> {
        let invalid = self.invalid("base64 with padding");
        let Some(mut text) = self.characters() else { return Err(invalid) };
        // Other characters that no string may hold are no base64 either.
        text.retain(|character| !matches!(character, ' ' | '\t' | '\n' | '\r'));
        STANDARD.decode(text).map_err(|_| invalid)
    }

    /// The type `empty`: `[null]` in JSON (RFC 7951 §6.9), an element without content in XML (RFC 7950 §9.11).
    pub(crate) fn empty(self) -> Result<(), DocumentError> {
        let is_empty = match &self.value {
            Value::Json(json) => *json == Json::Array(vec![Json::Null]),
            Value::Xml(elements) => matches!(elements.as_slice(), [element] if element.is_empty()),
        };
        if is_empty { Ok(()) } else { Err(self.invalid("empty: [null] in JSON, no content in XML")) }
    }

    /// The text of a JSON string.
    pub(crate) fn quoted(&self) -> Option<&str> {
        match &self.value {
            Value::Json(Json::String(text)) => Some(text),
            _ => None,
        }
    }

    /// RFC 7951 §6.3; in XML the words `true` and `false` (RFC 7950 §9.5).
    pub(crate) fn boolean(self) -> Result<bool, DocumentError> {
        let invalid = self.invalid("true or false, without quotes");
        match self.value {
            Value::Json(Json::Bool(value)) => Ok(value),
            Value::Json(_) => Err(invalid),
            Value::Xml(elements) => match single(elements).and_then(Element::into_text).as_deref() {
                Some("true") => Ok(true),
                Some("false") => Ok(false),
                _ => Err(invalid),
            },
        }
    }

    /// `inet:port-number`. RFC 7951 §6.1: a number in JSON, however it is written (`443`, `443.0`, `4.43e2`); RFC 7950
    /// §9.2.1: digits in XML, after a sign or not.
    pub(crate) fn port(self) -> Result<u16, DocumentError> {
        let invalid = self.invalid("a port number");
        let port = match self.value {
            Value::Json(Json::Number(number)) => whole(&number),
            Value::Json(_) => None,
            Value::Xml(elements) => {
                single(elements).and_then(Element::into_text).and_then(|text| text.parse::<i64>().ok())
            }
        };
        port.and_then(|port| u16::try_from(port).ok()).ok_or(invalid)
    }

    /// The module and the name of an identity. In JSON the prefix may be missing only where the leaf's own module defines
    /// the identity (RFC 7951 §6.8): that module, where there is one, is `default`. In XML the prefix is resolved
    /// (RFC 7950 §9.10.3).
    pub(crate) fn identity(self, default: Option<&str>) -> Result<(String, String), DocumentError> {
        let invalid = self.invalid("the name of an identity, with its module");
        let identity = match self.value {
            Value::Json(Json::String(text)) => match (split_name(&text), default) {
                (Some(("", name)), Some(module)) => Some((module.to_owned(), name.to_owned())),
                (Some(("", _)) | None, _) => None,
                (Some((module, name)), _) => Some((module.to_owned(), name.to_owned())),
            },
            Value::Json(_) => None,
            Value::Xml(elements) => single(elements).and_then(Element::into_identity),
        };
        identity.ok_or(invalid)
    }
}

/// The value of a number that is whole and small enough to be held exactly.
fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let value = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 1e15)?;
        format!("{value:.0}").parse().ok()
    })
}

fn single(mut elements: Vec<Element>) -> Option<Element> {
    let element = elements.pop()?;
    elements.is_empty().then_some(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Node {
        Node { path: "n".into(), value: Value::Json(Json::parse(text.as_bytes()).unwrap()) }
    }

    fn xml(inner: &str) -> Node {
        let document =
            format!(r#"<c xmlns="urn:ietf:params:xml:ns:yang:m" xmlns:p="urn:ietf:params:xml:ns:yang:q">{inner}</c>"#);
        let mut members = Members::of_container(document.as_bytes(), Encoding::Xml, "m:c").unwrap();
        members.required("n").unwrap()
    }

    #[test]
    fn what_nobody_takes_is_unknown_and_has_a_path() {
        for (document, encoding) in [
            (&br#"{"m:input":{"a":"x","c":{}}}"#[..], Encoding::Json),
            (br#"<input xmlns="urn:ietf:params:xml:ns:yang:m"><a>x</a><c/></input>"#, Encoding::Xml),
        ] {
            let mut top = Members::of_container(document, encoding, "m:input").unwrap();
            assert_eq!(top.required("a").unwrap().text().unwrap(), "x");
            assert_eq!(top.finish(), Err(DocumentError::UnknownMember { path: "m:input/c".into() }));
        }
    }

    #[test]
    fn what_a_peer_called_a_member_is_not_repeated_at_length_or_raw() {
        let document = format!(r#"{{"m:input":{{"\u001b[2J{}":1}}}}"#, "x".repeat(10_000));
        let top = Members::of_container(document.as_bytes(), Encoding::Json, "m:input").unwrap();
        let error = top.finish().unwrap_err().to_string();
        assert!(error.len() < 120 && !error.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn sec_20_long_documents_are_not_read_at_all() {
        for (encoding, opening, closing) in
            [(Encoding::Json, "{", "}"), (Encoding::Xml, "<a xmlns='urn:ietf:params:xml:ns:yang:m'>", "</a>")]
        {
            let document = |length: usize| {
                let blank = " ".repeat(length - opening.len() - closing.len());
                Members::of_document(format!("{opening}{blank}{closing}").as_bytes(), encoding)
            };
            document(MAX_DOCUMENT).unwrap();
            assert!(matches!(document(MAX_DOCUMENT + 1), Err(DocumentError::Malformed { .. })));
        }
    }

    #[test]
    fn an_augmenting_module_shows_in_the_name() {
        let document =
            br#"<i xmlns="urn:ietf:params:xml:ns:yang:m"><x xmlns="urn:ietf:params:xml:ns:yang:o">1</x></i>"#;
        let mut members = Members::of_container(document, Encoding::Xml, "m:i").unwrap();
        assert!(members.optional("x").is_none());
        assert_eq!(members.required("o:x").unwrap().text().unwrap(), "1");
        members.finish().unwrap();
    }

    #[test]
    fn types_of_rfc_7951() {
        assert_eq!(json("\"aGk=\"").binary().unwrap(), b"hi");
        assert_eq!(json("\"aG\\nk=\"").binary().unwrap(), b"hi");
        assert!(json("\"aGk\"").binary().is_err());
        assert!(json("[null]").empty().is_ok() && json("null").empty().is_err());
        assert!(json("\"true\"").boolean().is_err());
        assert_eq!(json("443").port().unwrap(), 443);
        for same in ["443.0", "4.43e2", "44300e-2"] {
            assert_eq!(json(same).port().unwrap(), 443, "{same}");
        }
        for none in ["443.5", "-1", "-443.0", "1e300", "true"] {
            assert!(json(none).port().is_err(), "{none}");
        }
        assert!(json("65536").port().is_err() && json("\"443\"").port().is_err());
        assert!(json("\"\\u001b[2J\"").text().is_err());
        assert_eq!(json("\"q:a\"").identity(None).unwrap(), ("q".into(), "a".into()));
        assert_eq!(json("\"a\"").identity(Some("m")).unwrap(), ("m".into(), "a".into()));
        assert!(json("\"a\"").identity(None).is_err() && json("1").identity(Some("m")).is_err());
    }

    #[test]
    fn types_of_rfc_7950() {
        assert_eq!(xml("<n> aG\n k= </n>").binary().unwrap(), b"hi");
        assert!(xml("<n/>").empty().is_ok() && xml("<n></n>").empty().is_ok());
        assert!(xml("<n>x</n>").empty().is_err() && xml("<n/><n/>").empty().is_err());
        assert!(xml("<n>true</n>").boolean().unwrap() && xml("<n>1</n>").boolean().is_err());
        assert_eq!(xml("<n>443</n>").port().unwrap(), 443);
        assert_eq!((xml("<n>+443</n>").port().unwrap(), xml("<n>0443</n>").port().unwrap()), (443, 443));
        for none in ["", "-1", "65536", "443.0", "0x1bb", "4 43", "99999999999999999999"] {
            assert!(xml(&format!("<n>{none}</n>")).port().is_err(), "{none}");
        }
        assert_eq!(xml("<n>a&lt;b&#38;c</n>").text().unwrap(), "a<b&c");
        assert_eq!(xml("<n/>").text().unwrap(), "");
        assert!(xml("<n>a</n><n>b</n>").text().is_err() && xml("<n><o/></n>").text().is_err());
        assert_eq!(xml("<n>p:a</n>").identity(None).unwrap(), ("q".into(), "a".into()));
        assert_eq!(xml("<n>a</n>").identity(None).unwrap(), ("m".into(), "a".into()));
        assert!(xml("<n>z:a</n>").identity(Some("m")).is_err());
        assert_eq!(xml("<n>1</n><n>2</n>").entries(2).unwrap().len(), 2);
        assert!(xml("<n>1</n><n>2</n>").entries(1).is_err());
    }
}
