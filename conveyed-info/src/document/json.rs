//! JSON values in which no object holds a member twice.
//!
//! Differs from a derived deserialiser in what the protocols demand: a member that stands twice is an error, and the
//! number of values is bounded, because each takes far more room in memory than on the wire.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{DocumentError, Encoding, MAX_MEMBERS, MAX_VALUES, quoted};

/// A JSON value in which no object holds a member twice.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Whether it is an object with nothing inside, but for empty lists.
    pub(super) fn is_hollow(&self) -> bool {
        let is_empty = |value: &Self| matches!(value, Self::Array(values) if values.is_empty());
        matches!(self, Self::Object(members) if members.iter().all(|(_, value)| is_empty(value)))
    }

    /// Reads a whole document. Nesting is bounded by the parser (128 levels).
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let left = Cell::new(MAX_VALUES);
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let read = Reader { left: &left }.deserialize(&mut deserializer);
        read.and_then(|value| deserializer.end().map(|()| value))
            .map_err(|error| DocumentError::Malformed { encoding: Encoding::Json, detail: error.to_string() })
    }
}

/// Reads one value and those inside it, as long as values are left.
#[derive(Clone, Copy)]
struct Reader<'a> {
    left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => return Err(D::Error::custom("too many values")),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
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
        while let Some(value) = access.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(self)?;
            if members.len() >= MAX_MEMBERS {
                return Err(A::Error::custom("an object with too many members"));
            }
            // RFC 7951 §4 with RFC 8259 §4: names within an object are unique.
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format_args!("the member {} stands twice", quoted(&name))));
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
        assert!(
            matches!(&error, DocumentError::Malformed { detail, .. } if detail.contains("b stands twice")),
            "{error}"
        );
    }

    #[test]
    fn what_follows_the_document_is_malformed_and_a_bom_stands_before_none() {
        for text in
            ["{} {}", "{}x", "\u{feff}{}", "", "{\"a\":1,}", "{\"a\":\"\\ud800\"}", "{\"a\":01}", "{\"a\":1e999}"]
        {
            assert!(matches!(Json::parse(text.as_bytes()), Err(DocumentError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn sec_20_the_number_of_values_is_bounded() {
        let values = |count: usize| format!("[{}1]", "1,".repeat(count - 2));
        Json::parse(values(MAX_VALUES).as_bytes()).unwrap();
        let error = Json::parse(values(MAX_VALUES + 1).as_bytes()).unwrap_err();
        assert!(error.to_string().contains("too many values"), "{error}");
        let members: String = (0..=MAX_MEMBERS).map(|n| format!("\"{n}\":1,")).collect();
        let error = Json::parse(format!("{{{members}\"a\":1}}").as_bytes()).unwrap_err();
        assert!(error.to_string().contains("too many members"), "{error}");
    }

    #[test]
    fn deep_nesting_is_refused_not_recursed() {
        let deep = "[".repeat(100_000);
        assert!(matches!(Json::parse(deep.as_bytes()), Err(DocumentError::Malformed { .. })));
    }
}
