//! The octets that ISC dhcpd makes of an option's value, which follow from its type.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::lexer::{Token, What};

/// How an option is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Type {
    fields: Vec<Field>,
    is_array: bool,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    String,
    Text,
    Address,
    Address6,
    Integer(usize),
    Boolean,
    Unknown,
}

impl Type {
    /// Octets or a text.
    pub(super) fn string() -> Self {
        Self { fields: vec![Field::String], is_array: false, name: "string".to_owned() }
    }

    /// Whether it takes any octets.
    pub(super) fn is_string(&self) -> bool {
        !self.is_array && self.fields == [Field::String]
    }

    /// As it is written.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Reads what stands behind the number in a definition.
    pub(super) fn read(tokens: &[Token]) -> Self {
        let written = |token: &Token| match &token.what {
            What::Word(word) => word.to_ascii_lowercase(),
            What::Text(_) => String::new(),
            What::Mark(mark) => mark.to_string(),
        };
        let mut words: Vec<_> = tokens.iter().map(written).collect();
        if words.first().is_some_and(|word| word == "=") {
            words.remove(0);
        }
        let name = words.join(" ");
        let is_array = name.starts_with("array of ");
        let inner = name.strip_prefix("array of ").unwrap_or(&name).trim_matches(['{', '}', ' ']);
        let fields = inner.split(',').map(|field| match field.trim() {
            "string" => Field::String,
            "text" => Field::Text,
            "ip-address" => Field::Address,
            "ip6-address" => Field::Address6,
            "boolean" => Field::Boolean,
            "unsigned integer 8" | "signed integer 8" | "integer 8" => Field::Integer(1),
            "unsigned integer 16" | "signed integer 16" | "integer 16" => Field::Integer(2),
            "unsigned integer 32" | "signed integer 32" | "integer 32" => Field::Integer(4),
            _ => Field::Unknown,
        });
        Self { fields: fields.collect(), is_array, name }
    }

    /// What is sent; a sentence without a full stop when it cannot be told.
    pub(super) fn octets(&self, value: &[Token]) -> Result<Vec<u8>, String> {
        let mut rest = value;
        let mut octets = Vec::new();
        loop {
            for field in &self.fields {
                let (found, behind) = self.one(*field, rest)?;
                octets.extend(found);
                rest = behind;
            }
            match rest.split_first() {
                None => return Ok(octets),
                Some((comma, behind)) if self.is_array && comma.is_mark(',') => rest = behind,
                Some(_) => {
                    return Err(format!(
                        "more stands there than the type {} has room for; dhcpd does not start",
                        self.name
                    ));
                }
            }
        }
    }

    fn one<'a>(&self, field: Field, value: &'a [Token]) -> Result<(Vec<u8>, &'a [Token]), String> {
        let wrong = || format!("this is no {}; dhcpd does not start", self.name);
        if field == Field::String || field == Field::Text {
            if let Some((Token { what: What::Text(text), .. }, rest)) = value.split_first() {
                return Ok((text.clone(), rest));
            }
            return if field == Field::String { hexadecimal(value).ok_or_else(wrong) } else { Err(wrong()) };
        }
        let Some((Token { what: What::Word(word), .. }, rest)) = value.split_first() else { return Err(wrong()) };
        let octets = match field {
            Field::Address => {
                let address: Ipv4Addr =
                    word.parse().map_err(|_| format!("{word:?} is a name that dhcpd looks up when it starts"))?;
                address.octets().to_vec()
            }
            Field::Address6 => return address6(value).ok_or_else(wrong),
            Field::Integer(size) => {
                let number: i64 = word.parse().map_err(|_| wrong())?;
                let all = number.to_be_bytes();
                all.get(all.len().saturating_sub(size)..).unwrap_or_default().to_vec()
            }
            Field::Boolean => vec![u8::from(matches!(word.as_str(), "on" | "true"))],
            Field::String | Field::Text | Field::Unknown => {
                return Err(format!("what dhcpd makes of the type {} is not known here", self.name));
            }
        };
        Ok((octets, rest))
    }
}

/// Pairs of digits with colons between them.
fn hexadecimal(value: &[Token]) -> Option<(Vec<u8>, &[Token])> {
    let (mut octets, mut rest) = (Vec::new(), value);
    loop {
        let (Token { what: What::Word(word), .. }, behind) = rest.split_first()? else { return None };
        octets.push(u8::from_str_radix(word, 16).ok().filter(|_| word.len() <= 2)?);
        match behind.split_first() {
            Some((colon, behind)) if colon.is_mark(':') => rest = behind,
            _ => return Some((octets, behind)),
        }
    }
}

/// An IPv6 address, whose groups are words.
fn address6(value: &[Token]) -> Option<(Vec<u8>, &[Token])> {
    let is_part = |token: &Token| token.is_mark(':') || matches!(token.what, What::Word(_));
    let end = value.iter().position(|token| !is_part(token)).unwrap_or(value.len());
    let (address, rest) = value.split_at(end);
    let text: String = address
        .iter()
        .map(|token| match &token.what {
            What::Word(word) => word.clone(),
            _ => ":".to_owned(),
        })
        .collect();
    Some((text.parse::<Ipv6Addr>().ok()?.octets().to_vec(), rest))
}

/// What an expression gives, where it is made of octets, texts and `concat`.
pub(super) fn expression(value: &[Token]) -> Result<Vec<u8>, String> {
    match term(value, 0) {
        Some((octets, [])) => Ok(octets),
        _ => Err("what this expression gives is known only when it is evaluated".to_owned()),
    }
}

fn term(value: &[Token], depth: usize) -> Option<(Vec<u8>, &[Token])> {
    let (first, behind) = value.split_first()?;
    if let What::Text(text) = &first.what {
        return Some((text.clone(), behind));
    }
    if !first.is_word("concat") || depth >= MAXIMUM_DEPTH {
        return hexadecimal(value);
    }
    let (open, mut rest) = behind.split_first()?;
    let mut octets = Vec::new();
    loop {
        let (found, behind) = term(rest, depth.saturating_add(1))?;
        octets.extend(found);
        let (mark, behind) = behind.split_first()?;
        if mark.is_mark(')') && open.is_mark('(') {
            return Some((octets, behind));
        }
        rest = Some(behind).filter(|_| mark.is_mark(','))?;
    }
}

const MAXIMUM_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::{super::lexer::tokens, *};

    fn of(types: &str, value: &str) -> Result<Vec<u8>, String> {
        Type::read(&tokens(types).unwrap()).octets(&tokens(value).unwrap())
    }

    #[test]
    fn each_type_has_its_octets() {
        assert_eq!(of("= string", "0:1D:68"), Ok(vec![0, 0x1d, 0x68]));
        assert_eq!(of("= string", "\"\\000\\035h\""), Ok(vec![0, 0x1d, b'h']));
        assert_eq!(of("= text", "\"a\""), Ok(b"a".to_vec()));
        assert_eq!(of("= ip-address", "192.0.2.1"), Ok(vec![192, 0, 2, 1]));
        assert_eq!(of("= array of ip-address", "192.0.2.1, 192.0.2.2"), Ok(vec![192, 0, 2, 1, 192, 0, 2, 2]));
        assert_eq!(of("= ip6-address", "2001:db8::1").map(|octets| octets.len()), Ok(16));
        assert_eq!(of("= { unsigned integer 16, text }", "2 \"ab\""), Ok(b"\0\x02ab".to_vec()));
        assert_eq!(of("= array of unsigned integer 8", "0, 29"), Ok(vec![0, 29]));
        assert_eq!(of("= boolean", "on"), Ok(vec![1]));
    }

    #[test]
    fn what_dhcpd_does_not_take_or_what_is_not_known_is_told() {
        for (types, value) in [
            ("= text", "00:01"),
            ("= string", "https"),
            ("= ip-address", "a.example"),
            ("= string", "00:01, 02"),
            ("= domain-list", "\"a\""),
            ("= text", ""),
        ] {
            assert!(of(types, value).is_err(), "{types} {value}");
        }
        assert!(Type::read(&tokens("= string").unwrap()).is_string());
    }

    #[test]
    fn expressions_of_constants_are_evaluated() {
        let of = |text: &str| expression(&tokens(text).unwrap());
        assert_eq!(of("concat(00:1d, \"ht\", concat(70))"), Ok(b"\0\x1dhtp".to_vec()));
        assert_eq!(of("00:1d"), Ok(vec![0, 0x1d]));
        assert!(of("concat(00, option x)").is_err() && of("concat(").is_err() && of("").is_err());
        assert!(of(&"concat(".repeat(10_000)).is_err());
    }
}
