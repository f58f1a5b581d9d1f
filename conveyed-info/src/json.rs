//! JSON documents of YANG modules (RFC 7951), read member by member.
//!
//! Differs from a derived deserialiser in what the protocols demand: a member that stands twice or that the module does
//! not define is an error that names its path (RFC 7950 §8.3), so that RESTCONF can answer with the right error-tag.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value in which no object holds a member twice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// Why a document is not an instance of its YANG module. The paths are member names joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Not JSON at all, or a member stands twice.
    #[error("not a JSON document: {detail}")]
    Malformed {
        /// What the parser said.
        detail: String,
    },
    /// A member that the module does not define at this place.
    #[error("{path} is not defined here")]
    UnknownMember {
        /// Where it stands.
        path: String,
    },
    /// A mandatory member is absent.
    #[error("{path} is missing")]
    MissingMember {
        /// Where it should stand.
        path: String,
    },
    /// A member whose value has the wrong type or breaks a rule of the module.
    #[error("{path} must be {expected}")]
    InvalidValue {
        /// Where it stands.
        path: String,
        /// What the module wants.
        expected: &'static str,
    },
    /// Two members that exclude one another.
    #[error("{path} excludes another member that is present")]
    Conflict {
        /// The member that is one too many.
        path: String,
    },
}

impl Json {
    /// Reads a whole document. Nesting is bounded by the parser (128 levels).
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        serde_json::from_slice(bytes).map_err(|error| DocumentError::Malformed { detail: error.to_string() })
    }

    /// Reads a document that is an object with the one member `name`, and gives that member's value.
    pub(crate) fn parse_container(bytes: &[u8], name: &'static str) -> Result<Members, DocumentError> {
        let mut top = Members::new("", Self::parse(bytes)?)?;
        let inner = top.required(name)?;
        top.finish()?;
        inner.members()
    }
}

/// The members of one object, taken out one by one. What is left over at the end was not defined.
#[derive(Debug)]
pub(crate) struct Members {
    path: String,
    left: Vec<(String, Json)>,
}

/// One value and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    path: String,
    value: Json,
}

impl Members {
    pub(crate) fn new(path: &str, value: Json) -> Result<Self, DocumentError> {
        Node { path: path.to_owned(), value }.members()
    }

    pub(crate) fn optional(&mut self, name: &str) -> Option<Node> {
        let index = self.left.iter().position(|(member, _)| member == name)?;
        let (_, value) = self.left.swap_remove(index);
        Some(Node { path: self.path_of(name), value })
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<Node, DocumentError> {
        self.optional(name).ok_or_else(|| DocumentError::MissingMember { path: self.path_of(name) })
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), DocumentError> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(DocumentError::UnknownMember { path: self.path_of(name) }),
        }
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }
}

impl Node {
    pub(crate) fn invalid(&self, expected: &'static str) -> DocumentError {
        DocumentError::InvalidValue { path: self.path.clone(), expected }
    }

    pub(crate) fn members(self) -> Result<Members, DocumentError> {
        match self.value {
            Json::Object(left) => Ok(Members { path: self.path, left }),
            _ => Err(self.invalid("an object")),
        }
    }

    /// A list or leaf-list of at most `limit` entries.
    pub(crate) fn entries(self, limit: usize) -> Result<Vec<Self>, DocumentError> {
        match self.value {
            Json::Array(values) if values.len() <= limit => {
                Ok(values.into_iter().map(|value| Self { path: self.path.clone(), value }).collect())
            }
            _ => Err(self.invalid("a list of bounded length")),
        }
    }

    pub(crate) fn text(self) -> Result<String, DocumentError> {
        match self.value {
            Json::String(text) => Ok(text),
            _ => Err(self.invalid("a string")),
        }
    }

    /// RFC 7951 §6.6: binary is standard base64 with padding; white space inside is dropped (RFC 7950 §9.8, RCF-26).
    pub(crate) fn binary(self) -> Result<Vec<u8>, DocumentError> {
        let expected = "base64 with padding";
        let Json::String(text) = &self.value else { return Err(self.invalid(expected)) };
        let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        STANDARD.decode(compact).map_err(|_| self.invalid(expected))
    }

    /// RFC 7951 §6.9: the type `empty` is `[null]`.
    pub(crate) fn empty(self) -> Result<(), DocumentError> {
        if self.value == Json::Array(vec![Json::Null]) { Ok(()) } else { Err(self.invalid("[null]")) }
    }

    pub(crate) fn boolean(self) -> Result<bool, DocumentError> {
        match self.value {
            Json::Bool(value) => Ok(value),
            _ => Err(self.invalid("true or false, without quotes")),
        }
    }

    pub(crate) fn port(self) -> Result<u16, DocumentError> {
        match &self.value {
            Json::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
            _ => None,
        }
        .ok_or_else(|| self.invalid("a port number"))
    }
}

/// Standard base64 with padding, as RFC 7951 §6.6 writes binary.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        serde_json::Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        /// Objects of these modules have a dozen members; a bound keeps the search for duplicates cheap.
        const MAX_MEMBERS: usize = 256;
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some((name, value)) = access.next_entry::<String, Json>()? {
            if members.len() >= MAX_MEMBERS {
                return Err(A::Error::custom("an object with too many members"));
            }
            // RFC 7951 §4 with RFC 8259 §4: names within an object are unique.
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format_args!("the member {name} stands twice")));
            }
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_twice_is_malformed() {
        let error = Json::parse(br#"{"a":{"b":1,"b":2}}"#).unwrap_err();
        assert!(matches!(&error, DocumentError::Malformed { detail } if detail.contains("b stands twice")), "{error}");
    }

    #[test]
    fn what_nobody_takes_is_unknown_and_has_a_path() {
        let mut top = Json::parse_container(br#"{"m:input":{"a":"x","c":{}}}"#, "m:input").unwrap();
        assert_eq!(top.required("a").unwrap().text().unwrap(), "x");
        assert_eq!(top.finish(), Err(DocumentError::UnknownMember { path: "m:input/c".into() }));
    }

    #[test]
    fn types_of_rfc_7951() {
        let node = |text: &str| Node { path: "n".into(), value: Json::parse(text.as_bytes()).unwrap() };
        assert_eq!(node("\"aGk=\"").binary().unwrap(), b"hi");
        assert_eq!(node("\"aG\\nk=\"").binary().unwrap(), b"hi");
        assert!(node("\"aGk\"").binary().is_err());
        assert!(node("[null]").empty().is_ok() && node("null").empty().is_err());
        assert!(node("\"true\"").boolean().is_err());
        assert_eq!(node("443").port().unwrap(), 443);
        assert!(node("65536").port().is_err() && node("\"443\"").port().is_err());
    }

    #[test]
    fn deep_nesting_is_refused_not_recursed() {
        let deep = "[".repeat(100_000);
        assert!(matches!(Json::parse(deep.as_bytes()), Err(DocumentError::Malformed { .. })));
    }
}
