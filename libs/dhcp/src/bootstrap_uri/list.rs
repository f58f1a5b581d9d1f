//! The list of URIs as options 143 and 136 carry it (RFC 8572 §8.3, DHC-04).

use thiserror::Error;
use verdict::ReasonCode;

use super::{BootstrapServerUri, UriError};

/// One bootstrap server URI or more, in the order in which a device tries them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UriList(Vec<BootstrapServerUri>);

impl UriList {
    /// The most URIs a list holds. More than that fits into no DHCP message and would only cost a device time.
    pub const MAXIMUM: usize = 64;

    /// A list of these URIs.
    ///
    /// # Errors
    /// [`ListLengthInvalid`] when there is no URI, or more than [`Self::MAXIMUM`].
    pub fn new(uris: Vec<BootstrapServerUri>) -> Result<Self, ListLengthInvalid> {
        match uris.len() {
            1..=Self::MAXIMUM => Ok(Self(uris)),
            length => Err(ListLengthInvalid { length }),
        }
    }

    /// The URIs, in order; never empty.
    #[must_use]
    pub fn as_slice(&self) -> &[BootstrapServerUri] {
        &self.0
    }

    /// The list without its last URI; `None` when it has only one.
    #[must_use]
    pub fn without_last(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        (!rest.is_empty()).then(|| Self(rest.to_vec()))
    }

    /// The option's value. In DHCPv4 the message codec splits it when it is longer than 255 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut value = Vec::new();
        for uri in &self.0 {
            // A URI is at most 267 characters (scheme, 253 of name, port), so its length fits two bytes.
            frame(&uri.to_string(), &mut value);
        }
        value
    }

    /// Reads an option's value, all instances joined. Entries that are no bootstrap server URI are left out and told
    /// apart from the good ones; they never spoil those (DHC-09, DHC-16).
    ///
    /// # Errors
    /// [`NoUsableUri`] when nothing usable is left: the option counts as absent (RFC 8572 §8.1, §8.2).
    pub fn decode(value: &[u8]) -> Result<DecodedList, NoUsableUri> {
        Self::decode_framed(value, str::parse)
    }

    /// As [`Self::decode`], with another idea of what an entry's text may be.
    pub(super) fn decode_framed(
        value: &[u8],
        parse: impl Fn(&str) -> Result<BootstrapServerUri, UriError>,
    ) -> Result<DecodedList, NoUsableUri> {
        let mut uris = Vec::new();
        let mut ignored = Vec::new();
        let mut entries = Entries { rest: value };
        for (index, entry) in entries.by_ref().take(Self::MAXIMUM).enumerate() {
            match entry.and_then(|entry| parse_entry(entry, &parse)) {
                Ok(uri) => uris.push(uri),
                Err(because) => ignored.push(IgnoredEntry { index, because }),
            }
        }
        if !entries.rest.is_empty() {
            ignored.push(IgnoredEntry { index: Self::MAXIMUM, because: IgnoredBecause::BeyondMaximum });
        }
        match Self::new(uris) {
            Ok(uris) => Ok(DecodedList { uris, ignored }),
            // RFC 8572 §8.1: an option without a valid URI is discarded whole.
            Err(_) => Err(NoUsableUri { ignored }),
        }
    }
}

impl From<BootstrapServerUri> for UriList {
    fn from(uri: BootstrapServerUri) -> Self {
        Self(vec![uri])
    }
}

/// What a received option holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedList {
    /// The usable URIs, in the order received.
    pub uris: UriList,
    /// What was left out, in the order received.
    pub ignored: Vec<IgnoredEntry>,
}

/// An entry of a received list that is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IgnoredEntry {
    /// The entry's place in the list, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub because: IgnoredBecause,
}

/// Why an entry of a received list is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IgnoredBecause {
    /// The entry's length is zero.
    #[error("the entry is empty")]
    Empty,
    /// The entry is not UTF-8.
    #[error("the entry is not text")]
    NotText,
    /// The entry is text but no bootstrap server URI.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// The entry announces more bytes than the option holds; nothing after it can be read.
    #[error("the entry announces {announced} bytes, {available} are left")]
    Overrun {
        /// The entry's length field.
        announced: u16,
        /// Bytes left in the option.
        available: usize,
    },
    /// One byte is left at the end: half a length field.
    #[error("one byte is left at the end")]
    OddTail,
    /// This entry and everything after it exceed [`UriList::MAXIMUM`].
    #[error("the list has more than {} entries", UriList::MAXIMUM)]
    BeyondMaximum,
}

impl IgnoredBecause {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        ReasonCode::DhcpUriInvalid
    }
}

/// An option without a single usable URI: it is discarded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the option holds no usable bootstrap server URI ({} entries ignored)", ignored.len())]
pub struct NoUsableUri {
    /// Every entry, with what is wrong with it; empty when the option is empty.
    pub ignored: Vec<IgnoredEntry>,
}

impl NoUsableUri {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        ReasonCode::DhcpUriInvalid
    }
}

/// A list must have at least one URI and at most [`UriList::MAXIMUM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a list of bootstrap servers has 1 to {} URIs, not {length}", UriList::MAXIMUM)]
pub struct ListLengthInvalid {
    /// How many URIs were given.
    pub length: usize,
}

/// Walks the entries; ends after the first that overruns the value.
struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], IgnoredBecause>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = match self.rest {
            [] => return None,
            [_] => {
                self.rest = &[];
                return Some(Err(IgnoredBecause::OddTail));
            }
            [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        };
        let split = rest.split_at_checked(usize::from(length));
        let (entry, rest) = split
            .map_or((Err(IgnoredBecause::Overrun { announced: length, available: rest.len() }), &[][..]), |pair| {
                (Ok(pair.0), pair.1)
            });
        self.rest = rest;
        Some(entry)
    }
}

/// Writes one entry: its length in two bytes, then its text, which is shorter than 65,536 bytes.
pub(super) fn frame(text: &str, value: &mut Vec<u8>) {
    let [.., high, low] = text.len().to_be_bytes();
    value.extend([high, low]);
    value.extend(text.bytes());
}

fn parse_entry(
    entry: &[u8],
    parse: impl Fn(&str) -> Result<BootstrapServerUri, UriError>,
) -> Result<BootstrapServerUri, IgnoredBecause> {
    if entry.is_empty() {
        return Err(IgnoredBecause::Empty);
    }
    let text = str::from_utf8(entry).map_err(|_| IgnoredBecause::NotText)?;
    Ok(parse(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &[u8]) -> Vec<u8> {
        let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(text);
        bytes
    }

    fn causes(value: &[u8]) -> Vec<IgnoredBecause> {
        match UriList::decode(value) {
            Ok(decoded) => decoded.ignored.iter().map(|entry| entry.because).collect(),
            Err(discarded) => discarded.ignored.iter().map(|entry| entry.because).collect(),
        }
    }

    /// DHC-09: a mixed list works, a list of only bad entries is no option.
    #[test]
    fn dhc_09_bad_entries_are_skipped_and_reported() {
        let value = [entry(b"http://a.example"), entry(b"https://b.example"), entry(b"https://c.example/x")].concat();
        let decoded = UriList::decode(&value).unwrap();
        assert_eq!(decoded.uris.as_slice(), ["https://b.example".parse().unwrap()]);
        assert_eq!(
            decoded.ignored,
            [
                IgnoredEntry { index: 0, because: UriError::Scheme.into() },
                IgnoredEntry { index: 2, because: UriError::Path.into() },
            ]
        );
        assert!(UriList::decode(&entry(b"http://a.example")).is_err());
        assert_eq!(UriList::decode(&[]), Err(NoUsableUri { ignored: Vec::new() }));
    }

    /// DHC-16: every broken framing is survived, and good entries before it are kept.
    #[test]
    fn dhc_16_overrun_zero_length_and_odd_tail_are_safe() {
        let good = entry(b"https://a.example");
        let with = |tail: &[u8]| [&good, tail].concat();
        for (value, expected) in [
            (with(&[0, 0]), IgnoredBecause::Empty),
            (with(&[7]), IgnoredBecause::OddTail),
            (with(&[0xff, 0xff, b'h']), IgnoredBecause::Overrun { announced: 0xffff, available: 1 }),
            (with(&[0, 1, 0xff]), IgnoredBecause::NotText),
        ] {
            assert_eq!(causes(&value), [expected]);
            assert_eq!(UriList::decode(&value).unwrap().uris.as_slice().len(), 1);
        }
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let flood = [0; 4000];
        let causes = causes(&flood);
        assert_eq!(causes.len(), UriList::MAXIMUM + 1);
        assert_eq!(causes.last(), Some(&IgnoredBecause::BeyondMaximum));

        let uri: BootstrapServerUri = "https://a.example".parse().unwrap();
        assert_eq!(UriList::new(Vec::new()), Err(ListLengthInvalid { length: 0 }));
        assert_eq!(UriList::new(vec![uri.clone(); 65]), Err(ListLengthInvalid { length: 65 }));
        assert!(UriList::new(vec![uri; 64]).is_ok());
    }

    #[test]
    fn the_last_uri_goes_first_and_one_remains() {
        let uris = ["https://a.example", "https://b.example"].map(|text| text.parse().unwrap());
        let list = UriList::new(uris.to_vec()).unwrap();
        let shorter = list.without_last().unwrap();
        assert_eq!(shorter.as_slice(), &uris[..1]);
        assert_eq!(shorter.without_last(), None);
    }
}
