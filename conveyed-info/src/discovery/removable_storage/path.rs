//! Paths that cannot leave the stick (USB-08), and the URIs that name one (USB-07).

use std::fmt;

use verdict::ReasonCode;

use super::folder_name::percent_decoded;

/// A path within removable storage: components to be opened one after the other, from its root, without following
/// links. No component is empty, `.` or `..`, and none holds a separator, a colon or a control character.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MediaPath(Vec<String>);

impl MediaPath {
    /// Most components.
    pub const MAXIMUM_DEPTH: usize = 16;
    /// Most octets of one component, as FAT and every other file system has it.
    pub const MAXIMUM_COMPONENT: usize = 255;

    /// Components that were made here, from checked parts.
    pub(super) const fn of_checked(components: Vec<String>) -> Self {
        Self(components)
    }

    /// The path that a boot image's `download-uri` names on the same stick: `file:///images/os.itb`, or IOS XR's
    /// `file:///disk2:/images/os.itb`, where `disk2:` is the stick.
    ///
    /// ```
    /// use conveyed_info::discovery::removable_storage::{MediaPath, MediaUriError};
    ///
    /// assert_eq!(MediaPath::from_uri("file:///disk2:/images/os%201.itb")?.to_string(), "images/os 1.itb");
    /// assert_eq!(MediaPath::from_uri("file:///images/../../etc/shadow"), Err(MediaUriError::Component));
    /// assert_eq!(MediaPath::from_uri("https://example.net/os.itb"), Err(MediaUriError::Elsewhere));
    /// # Ok::<(), MediaUriError>(())
    /// ```
    ///
    /// # Errors
    /// [`MediaUriError::Elsewhere`] when the URI does not speak of a file at all; any other means that it must not be used.
    pub fn from_uri(uri: &str) -> Result<Self, MediaUriError> {
        const SCHEME: &str = "file:";
        let rest = match uri.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => return Err(MediaUriError::Elsewhere),
        };
        if rest.len() > MAXIMUM_URI {
            return Err(MediaUriError::TooLong);
        }
        // RFC 8089 §2: an empty authority; with one, the file would be another machine's.
        let path = rest.strip_prefix("///").ok_or(MediaUriError::Authority)?;
        if path.contains(['?', '#']) {
            return Err(MediaUriError::Component);
        }
        let mut components = path.split('/').peekable();
        if components.peek().is_some_and(|first| first.contains(':')) {
            let drive = components.next();
            if !drive.is_some_and(|drive| drive.eq_ignore_ascii_case(IOS_XR_STICK)) {
                return Err(MediaUriError::Drive);
            }
        }
        let components = components.map(component).collect::<Result<Vec<_>, _>>()?;
        match components.len() {
            0 => Err(MediaUriError::Component),
            1..=Self::MAXIMUM_DEPTH => Ok(Self(components)),
            _ => Err(MediaUriError::TooLong),
        }
    }

    /// The components, the outermost first; never empty.
    #[must_use]
    pub fn components(&self) -> &[String] {
        &self.0
    }
}

/// The components with slashes between them, none in front.
impl fmt::Display for MediaPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

fn component(text: &str) -> Result<String, MediaUriError> {
    let octets = percent_decoded(text).ok_or(MediaUriError::Component)?;
    let name = String::from_utf8(octets).map_err(|_| MediaUriError::Component)?;
    // Checked after decoding, or `%2e%2e` and `%2F` would pass.
    let leaves = matches!(name.as_str(), "" | "." | "..") || name.contains(['/', '\\', ':']);
    let is_odd = name.chars().any(char::is_control) || name.len() > MediaPath::MAXIMUM_COMPONENT;
    // FAT drops these at the end, so `.. ` would be `..`.
    if leaves || is_odd || name.ends_with(['.', ' ']) { Err(MediaUriError::Component) } else { Ok(name) }
}

/// A URI that names no file on the stick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MediaUriError {
    /// Not a `file:` URI: it leads somewhere else, which may be right.
    #[error("not a file: URI")]
    Elsewhere,
    /// The URI names a machine, or is not of the form `file:///…`.
    #[error("a file on removable storage is named file:///…, without a host")]
    Authority,
    /// The URI names storage other than the stick.
    #[error("only disk2: may stand for the removable storage")]
    Drive,
    /// A component is empty, `.` or `..`, holds a separator, a colon, a control character, a query or a broken escape,
    /// ends in a dot or a blank, or is longer than 255 octets.
    #[error("the path has a component that is not the plain name of a file or folder")]
    Component,
    /// The URI is too long or too deep.
    #[error("the path is longer than {MAXIMUM_URI} octets or deeper than {} folders", MediaPath::MAXIMUM_DEPTH)]
    TooLong,
}

impl MediaUriError {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        ReasonCode::RemovableStorageInvalid
    }
}

/// What IOS XR calls a stick.
const IOS_XR_STICK: &str = "disk2:";
/// Most octets of a URI after its scheme.
const MAXIMUM_URI: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usb_07_a_file_uri_is_a_path_on_the_stick() {
        for (uri, expected) in [
            ("file:///images/os.itb", "images/os.itb"),
            ("FILE:///os.itb", "os.itb"),
            ("file:///disk2:/images/ncs.iso", "images/ncs.iso"),
            ("file:///DISK2:/os.itb", "os.itb"),
            ("file:///a%20b/%C3%A4.itb", "a b/ä.itb"),
            ("file:///...itb", "...itb"),
        ] {
            assert_eq!(MediaPath::from_uri(uri).unwrap().to_string(), expected, "{uri}");
        }
    }

    /// USB-08: whatever would lead out of the stick is refused, in every disguise.
    #[test]
    fn usb_08_no_uri_leads_out_of_the_stick() {
        use MediaUriError::{Authority, Component, Drive, Elsewhere, TooLong};
        let deep = format!("file:///{}", "a/".repeat(16) + "a");
        let long = format!("file:///{}", "a".repeat(1030));
        for (uri, expected) in [
            ("", Elsewhere),
            ("https://example.net/os.itb", Elsewhere),
            ("images/os.itb", Elsewhere),
            ("filé:///a", Elsewhere),
            ("file:/etc/shadow", Authority),
            ("file://localhost/etc/shadow", Authority),
            ("file:etc", Authority),
            ("file:///harddisk:/os.itb", Drive),
            ("file:///C:/os.itb", Drive),
            ("file:///disk2:", Component),
            ("file:///disk2:/disk2:/os.itb", Component),
            ("file:///", Component),
            ("file:////etc/shadow", Component),
            ("file:///a//b", Component),
            ("file:///a/", Component),
            ("file:///../a", Component),
            ("file:///a/./b", Component),
            ("file:///a/%2e%2E/b", Component),
            ("file:///a/..%20/b", Component),
            ("file:///a%2Fb", Component),
            ("file:///a%5c..%5cb", Component),
            ("file:///a\\..\\b", Component),
            ("file:///a%00", Component),
            ("file:///a%3ab", Component),
            ("file:///a%2", Component),
            ("file:///a%ff", Component),
            ("file:///a?b", Component),
            (&deep, TooLong),
            (&long, TooLong),
        ] {
            assert_eq!(MediaPath::from_uri(uri), Err(expected), "{uri}");
        }
    }
}
