//! Splits the words after a command into flags and the values that follow each.

use crate::fault::Usage;

/// One flag as written, with the values that followed it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flag<'a> {
    /// The flag with its dashes.
    pub(crate) name: &'a str,
    /// What stood between it and the next flag.
    pub(crate) values: Vec<&'a str>,
}

impl<'a> Flag<'a> {
    /// The single value of a flag that takes exactly one.
    pub(crate) fn single(&self, flag: &'static str) -> Result<&'a str, Usage> {
        match *self.values.as_slice() {
            [] => Err(Usage::MissingValue { flag }),
            [value] => Ok(value),
            [_, extra, ..] => Err(Usage::Unexpected { word: extra.to_owned() }),
        }
    }

    /// The values of a flag that takes one or more.
    pub(crate) fn several(&self, flag: &'static str) -> Result<impl Iterator<Item = String>, Usage> {
        if self.values.is_empty() {
            return Err(Usage::MissingValue { flag });
        }
        Ok(self.values.iter().map(|value| (*value).to_owned()))
    }

    /// Nothing, for a flag that takes no value.
    pub(crate) fn none(&self) -> Result<(), Usage> {
        self.values.first().map_or(Ok(()), |word| Err(Usage::Unexpected { word: (*word).to_owned() }))
    }
}

/// The flags in `words`, in order. `--flag value` and `--flag=value` mean the same.
pub(crate) fn flags(words: &[String]) -> Result<Vec<Flag<'_>>, Usage> {
    let mut found: Vec<Flag<'_>> = Vec::new();
    for word in words {
        if word.starts_with("--") {
            let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            found.push(Flag { name, values: value.into_iter().collect() });
        } else {
            let flag = found.last_mut().ok_or_else(|| Usage::Unexpected { word: word.clone() })?;
            flag.values.push(word);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn values_belong_to_the_flag_before_them() {
        let words = words("--only a b --json=out --no-skips");
        let flags = flags(&words).unwrap();
        assert_eq!(flags[0], Flag { name: "--only", values: vec!["a", "b"] });
        assert_eq!(flags[1].single("--json"), Ok("out"));
        assert_eq!(flags[2].none(), Ok(()));
    }

    #[test]
    fn a_value_without_a_flag_and_a_flag_without_a_value_are_refused() {
        assert_eq!(flags(&words("stray")), Err(Usage::Unexpected { word: "stray".to_owned() }));
        let empty = Flag { name: "--only", values: vec![] };
        assert_eq!(empty.several("--only").err(), Some(Usage::MissingValue { flag: "--only" }));
        let two = Flag { name: "--json", values: vec!["a", "b"] };
        assert_eq!(two.single("--json"), Err(Usage::Unexpected { word: "b".to_owned() }));
    }
}
