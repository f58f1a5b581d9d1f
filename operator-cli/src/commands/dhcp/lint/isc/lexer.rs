//! Words, texts and marks of a configuration of ISC dhcpd.

use std::{iter::Peekable, str::Chars};

use super::super::Unreadable;

/// A token and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) what: What,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A name, a number, an address.
    Word(String),
    /// What stood in quotes, octet by octet.
    Text(Vec<u8>),
    /// Anything else.
    Mark(char),
}

impl Token {
    /// Whether it is this word.
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(&self.what, What::Word(it) if it.eq_ignore_ascii_case(word))
    }

    /// Whether it is this mark.
    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.what == What::Mark(mark)
    }
}

/// The tokens of a text, without its comments.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Unreadable> {
    let mut tokens = Vec::new();
    let mut line = 1_usize;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => line = line.saturating_add(1),
            other if other.is_whitespace() => {}
            '#' => while characters.next_if(|it| *it != '\n').is_some() {},
            '"' => {
                let begun = line;
                let octets =
                    quoted(&mut characters, &mut line).ok_or(Unreadable { line: begun, why: "the text has no end" })?;
                tokens.push(Token { line: begun, what: What::Text(octets) });
            }
            first if is_word(first) => {
                let mut word = String::from(first);
                while let Some(next) = characters.next_if(|it| is_word(*it)) {
                    word.push(next);
                }
                tokens.push(Token { line, what: What::Word(word) });
            }
            mark => tokens.push(Token { line, what: What::Mark(mark) }),
        }
    }
    Ok(tokens)
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

/// The rest of a text in quotes: `\n` and the like, `\ooo` in octal, `\xhh`; `None` when it has no end.
fn quoted(characters: &mut Peekable<Chars<'_>>, line: &mut usize) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    loop {
        let meant = match characters.next()? {
            '"' => return Some(octets),
            '\\' => match characters.next()? {
                't' => '\t',
                'r' => '\r',
                'n' => '\n',
                'b' => '\u{8}',
                first @ '0'..='3' => {
                    octets.push(digits(String::from(first), 3, 8, characters));
                    continue;
                }
                'x' => {
                    octets.push(digits(String::new(), 2, 16, characters));
                    continue;
                }
                other => other,
            },
            other => other,
        };
        if meant == '\n' {
            *line = line.saturating_add(1);
        }
        octets.extend(meant.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// An octet of at most `count` digits, some of which were read.
fn digits(mut read: String, count: usize, radix: u32, characters: &mut Peekable<Chars<'_>>) -> u8 {
    while let Some(digit) = characters.next_if(|it| read.len() < count && it.is_digit(radix)) {
        read.push(digit);
    }
    u8::from_str_radix(&read, radix).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_texts_and_marks_are_told_apart_with_their_lines() {
        let tokens = tokens("option x-1\n  # no \"text\"\n 00:1D \"\\000\\x1da\\\"\" ;").unwrap();
        let what: Vec<_> = tokens.iter().map(|it| it.what.clone()).collect();
        let word = |word: &str| What::Word(word.to_owned());
        assert_eq!(
            what,
            [
                word("option"),
                word("x-1"),
                word("00"),
                What::Mark(':'),
                word("1D"),
                What::Text(b"\0\x1da\"".to_vec()),
                What::Mark(';'),
            ]
        );
        assert_eq!((tokens[1].line, tokens[2].line), (1, 3));
        assert!(tokens[0].is_word("OPTION") && tokens[3].is_mark(':'));
    }

    #[test]
    fn sec_20_a_text_without_an_end_is_told() {
        for text in ["\n\"a", "\n\"\\", "\n\"\\0"] {
            assert_eq!(tokens(text).unwrap_err().line, 2, "{text}");
        }
    }
}
