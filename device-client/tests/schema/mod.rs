//! The part of JSON Schema 2020-12 that `specs/trace.schema.json` uses; what it does not know fails, so that nothing in the
//! schema goes unchecked. Only `description`, `title`, `examples` and the like say nothing about a value.

use serde_json::Value;

/// The schema of one line of a decision trace.
pub(crate) fn of_traces() -> Value {
    serde_json::from_str(include_str!("../../../specs/trace.schema.json")).unwrap()
}

/// Fails unless `value` is as the schema has it.
pub(crate) fn check(schema: &Value, value: &Value) {
    let judged = judge(schema, schema, value);
    assert_eq!(judged, Ok(()), "{value:#}");
}

/// Why `value` is not as `schema`, a part of `whole`, has it.
pub(crate) fn judge(whole: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    for (keyword, rule) in schema.as_object().ok_or("a schema is an object")? {
        let holds = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" | "examples" => true,
            "$ref" => {
                let pointer = rule.as_str().and_then(|it| it.strip_prefix('#')).ok_or("a reference within")?;
                return judge(whole, whole.pointer(pointer).ok_or_else(|| format!("no {pointer}"))?, value);
            }
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                other => return Err(format!("type {other}")),
            },
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "pattern" => matches(rule.as_str().unwrap(), value.as_str().unwrap_or_default())?,
            "minLength" => value.as_str().map_or(0, |it| it.chars().count()) >= usize_of(rule),
            "maxLength" => value.as_str().map_or(0, |it| it.chars().count()) <= usize_of(rule),
            "minItems" => value.as_array().map_or(0, Vec::len) >= usize_of(rule),
            "required" => rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    value
                        .get(name)
                        .map_or(Ok(()), |value| judge(whole, schema, value).map_err(|why| format!("{name}: {why}")))?;
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(rule, false);
                let known = schema["properties"].as_object().unwrap();
                value.as_object().is_none_or(|members| members.keys().all(|name| known.contains_key(name)))
            }
            "items" => {
                value.as_array().into_iter().flatten().try_for_each(|value| judge(whole, rule, value))?;
                true
            }
            "oneOf" => rule.as_array().unwrap().iter().filter(|rule| judge(whole, rule, value).is_ok()).count() == 1,
            "allOf" => {
                rule.as_array().unwrap().iter().try_for_each(|rule| judge(whole, rule, value))?;
                true
            }
            "if" => match schema.get(if judge(whole, rule, value).is_ok() { "then" } else { "else" }) {
                Some(rule) => judge(whole, rule, value).map(|()| true)?,
                None => true,
            },
            "then" | "else" => true,
            "not" => judge(whole, rule, value).is_err(),
            other => return Err(format!("the keyword {other} is not known here")),
        };
        if !holds {
            return Err(format!("{keyword} {rule} does not hold for {value}"));
        }
    }
    Ok(())
}

fn usize_of(rule: &Value) -> usize {
    usize::try_from(rule.as_u64().unwrap()).unwrap()
}

/// The patterns of the schema, one by one: a regular expression engine would be another program to believe.
fn matches(pattern: &str, text: &str) -> Result<bool, String> {
    let kebab = |text: &str| {
        let is_word = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
        text.starts_with(|it: char| it.is_ascii_lowercase()) && text.split('-').all(is_word)
    };
    match pattern {
        "^[a-z][a-z0-9]*(-[a-z0-9]+)*$" => Ok(kebab(text)),
        "^[0-9a-f]{64}$" => Ok(text.len() == 64 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))),
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$" => {
            let shape: String = text.chars().map(|it| if it.is_ascii_digit() { '0' } else { it }).collect();
            Ok(shape == "0000-00-00T00:00:00Z")
        }
        "^\\P{Cc}*$" => Ok(!text.contains(char::is_control)),
        other => Err(format!("the pattern {other} is not known here")),
    }
}
