//! The text of a checkpoint: C2SP tlog-checkpoint, "Note text".

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{error::CheckpointMalformed, key::KeyName};
use crate::tree::{RootHash, TreeHead, TreeSize};

/// Which log a checkpoint is of: the first line, a non-empty line of text. Ours is always the name of the log's key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

impl Origin {
    /// Checks an origin that differs from the key's name, as some public logs have one.
    ///
    /// ```
    /// # use audit_log::Origin;
    /// assert!(Origin::new("go.sum database tree").is_some());
    /// assert!(Origin::new("two\nlines").is_none());
    /// ```
    #[must_use]
    pub fn new(origin: impl Into<String>) -> Option<Self> {
        let origin = origin.into();
        (!origin.is_empty() && !origin.contains(|character: char| character < ' ')).then_some(Self(origin))
    }

    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&KeyName> for Origin {
    /// C2SP tlog-checkpoint, "Signatures": key name and origin SHOULD match.
    fn from(name: &KeyName) -> Self {
        Self(name.as_str().to_owned())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Origin, tree head and extension lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) origin: Origin,
    pub(super) head: TreeHead,
    /// Opaque. Read because others may write them, never written here: no log monitor can check them.
    pub(super) extensions: Vec<String>,
}

impl Body {
    /// Reads the text of a note whose characters were checked before.
    pub(super) fn parse(text: &str) -> Result<Self, CheckpointMalformed> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointMalformed::Lines)?;
        // All lines, extension lines too, MUST be non-empty.
        if lines.split('\n').any(str::is_empty) {
            return Err(CheckpointMalformed::Lines);
        }
        let mut lines = lines.split('\n');
        let mut line = || lines.next().ok_or(CheckpointMalformed::Lines);
        let origin = Origin::new(line()?).ok_or(CheckpointMalformed::Lines)?;
        let size = tree_size(line()?).ok_or(CheckpointMalformed::TreeSize)?;
        let root = root_hash(line()?).ok_or(CheckpointMalformed::RootHash)?;
        Ok(Self { origin, head: TreeHead { size, root }, extensions: lines.map(str::to_owned).collect() })
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TreeHead { size, root } = self.head;
        write!(f, "{}\n{size}\n{}\n", self.origin, STANDARD.encode(root.0))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// ASCII decimal with no leading zeros, and `0` for the empty tree. `u64::from_str` alone would accept `+1` and `007`.
fn tree_size(line: &str) -> Option<TreeSize> {
    let size = line.parse::<u64>().ok()?;
    (size.to_string() == line).then_some(TreeSize(size))
}

fn root_hash(line: &str) -> Option<RootHash> {
    // 32 bytes are 44 characters: a longer line need not be decoded to be refused.
    let decoded = if line.len() == 44 { STANDARD.decode(line).ok()? } else { return None };
    decoded.try_into().ok().map(RootHash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    #[test]
    fn the_example_of_the_specification_is_read_and_written_back() {
        let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n");
        let body = Body::parse(&text).unwrap();
        assert_eq!(body.origin.as_str(), "example.com/behind-the-sofa");
        assert_eq!(body.head.size, TreeSize(20_852_163));
        assert!(body.head.root.to_string().starts_with("0ac5186a91863e8e"));
        assert_eq!(body.to_string(), text);
    }

    #[test]
    fn extension_lines_are_kept_in_order() {
        let text = format!("origin\n1\n{ROOT}\nfirst extension\nsecond\n");
        let body = Body::parse(&text).unwrap();
        assert_eq!(body.extensions, ["first extension", "second"]);
        assert_eq!(body.to_string(), text);
    }

    #[test]
    fn the_size_is_canonical_decimal() {
        for good in ["0", "1", "10", "18446744073709551615"] {
            assert!(Body::parse(&format!("o\n{good}\n{ROOT}\n")).is_ok(), "{good}");
        }
        for bad in ["00", "01", "+1", "-1", "1 ", " 1", "1e3", "0x1", "18446744073709551616", "١"] {
            let refused = Body::parse(&format!("o\n{bad}\n{ROOT}\n"));
            assert_eq!(refused, Err(CheckpointMalformed::TreeSize), "{bad}");
        }
    }

    #[test]
    fn the_root_is_canonical_base64_of_32_bytes() {
        let short = ROOT.replace("2I=", "2");
        let trailing_bits = ROOT.replace("2I=", "2J=");
        let url_alphabet = ROOT.replace("m/X", "m_X");
        let longer = format!("{ROOT}AAAA");
        for bad in ["AAAA", &short, &trailing_bits, &url_alphabet, &longer, &ROOT.replace("2I=", "2IA")] {
            let refused = Body::parse(&format!("o\n1\n{bad}\n"));
            assert_eq!(refused, Err(CheckpointMalformed::RootHash), "{bad}");
        }
    }

    #[test]
    fn a_body_is_three_or_more_lines_none_empty() {
        let too_few = ["", "\n", "o\n", "o\n1\n"].map(str::to_owned);
        let empty_line = [format!("\n1\n{ROOT}\n"), format!("o\n1\n{ROOT}\n\n"), format!("o\n1\n{ROOT}\n\nx\n")];
        let unended = [format!("o\n1\n{ROOT}")];
        for bad in too_few.iter().chain(&empty_line).chain(&unended) {
            assert_eq!(Body::parse(bad), Err(CheckpointMalformed::Lines), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn parsing_undoes_display(origin in "\\PC{1,30}", size: u64, root: [u8; 32], extensions in prop::collection::vec("\\PC{1,9}", 0..4)) {
            let head = TreeHead { size: TreeSize(size), root: RootHash(root) };
            let body = Body { origin: Origin::new(origin).unwrap(), head, extensions };
            prop_assert_eq!(Body::parse(&body.to_string()), Ok(body));
        }

        #[test]
        fn any_text_is_read_back_alike_or_refused(text in "[a\n01+=]{0,9}\n[0-9]{0,22}\n[A-Za-z0-9+/=]{40,46}\n[a\n]{0,4}") {
            if let Ok(body) = Body::parse(&text) {
                prop_assert_eq!(body.to_string(), text);
            }
        }
    }
}
