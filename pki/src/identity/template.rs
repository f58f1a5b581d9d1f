//! A serial number that is a part of some other text.
//!
//! The pattern language is as small as makers need it: text that must be there, `{serial}` once, and `{any}` for what differs and
//! does not matter. Matching costs at most the square of a short text's length.

use std::{fmt, str::FromStr};

use super::{Field, IdentityError, RuleInvalid, SerialNumber, text};
use crate::certificate::Certificate;

/// Where the text is, and what of it is the serial number: `CN=bmc-{serial}`.
///
/// `{serial}` stands for one or more characters without blanks, `{any}` for one or more characters; everything else stands
/// for itself, upper and lower case told apart. A text that can be read in two ways, with different serial numbers, is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    field: Field,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Piece {
    Text(String),
    Any,
    Serial,
}

const SERIAL: &str = "{serial}";
const ANY: &str = "{any}";

impl Template {
    /// Most `{any}` in a pattern.
    pub const MAX_ANY: usize = 2;

    /// The serial number that the certificate gives.
    pub(super) fn read(&self, certificate: &Certificate) -> Result<SerialNumber, IdentityError> {
        let mut found: Option<SerialNumber> = None;
        for value in self.field.values(certificate)? {
            let Some(serial) = self.find(&value)? else { continue };
            let serial = SerialNumber::of_certificate(serial)?;
            // Of two names that both fit, nobody can tell which one is the device's.
            if found.as_ref().is_some_and(|found| *found != serial) {
                return Err(IdentityError::SerialNumberAmbiguous);
            }
            found = Some(serial);
        }
        found.ok_or(IdentityError::SerialNumberForm)
    }

    /// The part of `value` that is the serial number; `None` when the pattern does not fit.
    fn find<'v>(&self, value: &'v str) -> Result<Option<&'v str>, IdentityError> {
        if value.chars().any(char::is_control) {
            return Err(IdentityError::SerialNumberUnusable);
        }
        if value.chars().any(text::is_deceptive) {
            return Err(IdentityError::SerialNumberDeceptive);
        }
        let mut found = None;
        fit(&self.pieces, value, None, &mut found)?;
        Ok(found)
    }
}

/// Lays `pieces` over all of `rest` in every way there is. `serial` is what was taken for the serial number before.
fn fit<'v>(
    pieces: &[Piece],
    rest: &'v str,
    serial: Option<&'v str>,
    found: &mut Option<&'v str>,
) -> Result<(), IdentityError> {
    let Some((piece, behind)) = pieces.split_first() else {
        return match (rest.is_empty(), serial) {
            (true, Some(serial)) if found.is_some_and(|found| found != serial) => Err(IdentityError::PatternAmbiguous),
            (true, Some(serial)) => {
                *found = Some(serial);
                Ok(())
            }
            _ => Ok(()),
        };
    };
    match piece {
        Piece::Text(text) => match rest.strip_prefix(text.as_str()) {
            Some(rest) => fit(behind, rest, serial, found),
            None => Ok(()),
        },
        Piece::Any | Piece::Serial => {
            for (start, character) in rest.char_indices() {
                if *piece == Piece::Serial && character.is_whitespace() {
                    break;
                }
                let end = start.saturating_add(character.len_utf8());
                let Some((taken, rest)) = rest.split_at_checked(end) else { break };
                // What is last takes all: other ends need not be tried.
                if behind.is_empty() && !rest.is_empty() {
                    continue;
                }
                fit(behind, rest, if *piece == Piece::Serial { Some(taken) } else { serial }, found)?;
            }
            Ok(())
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.field)?;
        self.pieces.iter().try_for_each(|piece| {
            f.write_str(match piece {
                Piece::Text(text) => text,
                Piece::Any => ANY,
                Piece::Serial => SERIAL,
            })
        })
    }
}

impl FromStr for Template {
    type Err = RuleInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (field, mut rest) = text.split_once('=').ok_or(RuleInvalid::Unknown)?;
        let field = field.parse()?;
        if rest.chars().any(|character| character.is_control() || text::is_deceptive(character)) {
            return Err(RuleInvalid::Characters);
        }
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let (piece, behind) = if let Some(behind) = rest.strip_prefix(SERIAL) {
                (Piece::Serial, behind)
            } else if let Some(behind) = rest.strip_prefix(ANY) {
                (Piece::Any, behind)
            } else {
                let end = rest.find('{').unwrap_or(rest.len());
                match rest.split_at_checked(end) {
                    Some((text, behind)) if !text.is_empty() && !text.contains('}') => {
                        (Piece::Text(text.to_owned()), behind)
                    }
                    _ => return Err(RuleInvalid::Brace),
                }
            };
            let is_text = |piece: &Piece| matches!(piece, Piece::Text(_));
            if pieces.last().is_some_and(|last| !is_text(last) && !is_text(&piece)) {
                return Err(RuleInvalid::Adjacent);
            }
            pieces.push(piece);
            rest = behind;
        }
        let count = |wanted: &Piece| pieces.iter().filter(|piece| *piece == wanted).count();
        match (count(&Piece::Serial), count(&Piece::Any)) {
            (1, 0..=Self::MAX_ANY) => Ok(Self { field, pieces }),
            (1, _) => Err(RuleInvalid::TooMany),
            _ => Err(RuleInvalid::Serial),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find<'v>(pattern: &str, value: &'v str) -> Result<Option<&'v str>, IdentityError> {
        format!("CN={pattern}").parse::<Template>().unwrap().find(value)
    }

    #[test]
    fn a_pattern_finds_the_serial_number_or_nothing() {
        for (pattern, value, serial) in [
            ("bmc-{serial}", "bmc-A17", Some("A17")),
            ("bmc-{serial}", "BMC-A17", None),
            ("bmc-{serial}", "bmc-", None),
            ("bmc-{serial}", "x-bmc-A17", None),
            ("{serial}.dev.example", "A-1.dev.example", Some("A-1")),
            ("{any}::{serial}", "Model X::77", Some("77")),
            ("{any}, SN {serial}, {any}", "X1, SN 77, rev 2", Some("77")),
            ("{serial}", "with a blank", None),
            ("{serial}", "Gerät", Some("Gerät")),
        ] {
            assert_eq!(find(pattern, value), Ok(serial), "{pattern} on {value}");
        }
    }

    #[test]
    fn a_text_that_can_be_read_in_two_ways_is_refused() {
        assert_eq!(find("{any}-{serial}", "X-1-2"), Err(IdentityError::PatternAmbiguous));
        // Two ways, one serial number.
        assert_eq!(find("{any}-{any}/{serial}", "a-b-c/7"), Ok(Some("7")));
        assert_eq!(find("{serial}", "a\0b"), Err(IdentityError::SerialNumberUnusable));
        assert_eq!(find("{any} {serial}", "\u{202e}a b"), Err(IdentityError::SerialNumberDeceptive));
    }

    #[test]
    fn the_worst_text_is_matched_in_no_time() {
        let text = "a".repeat(text::MAX_VALUE);
        let began = std::time::Instant::now();
        assert_eq!(find("{any}a{any}a{serial}b", &text), Ok(None));
        assert!(began.elapsed().as_secs() < 5);
    }

    proptest! {
        #[test]
        fn what_was_put_in_is_found(serial in "[A-Z0-9]{1,20}", model in "[a-z ]{1,20}") {
            let text = format!("{model}/{serial};x");
            prop_assert_eq!(find("{any}/{serial};x", &text), Ok(Some(serial.as_str())));
        }

        #[test]
        fn no_pattern_and_no_text_panics(pattern in "\\PC{0,40}", value in "\\PC{0,80}") {
            if let Ok(template) = format!("CN={pattern}").parse::<Template>() {
                let _fits = template.find(&value);
            }
        }
    }
}
