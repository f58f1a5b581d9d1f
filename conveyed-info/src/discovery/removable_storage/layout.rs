//! Where a device's artifacts lie on a stick.

use std::{fmt, str::FromStr};

use pki::identity::SerialNumber;

use super::{
    MediaPath,
    folder_name::{folder_name, is_reserved, stands_for_itself},
};
use crate::discovery::ArtifactKind;

/// A convention for the names of folders and files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// `<maker>/<serial number>/`, the serial number as [`folder_name`] writes it. The default has the tag `sztp`.
    Rfc8572 {
        /// The top folder.
        maker: MakerTag,
    },
    /// `EN9/<serial number>/bootstrapping-data/`, where IOS XR looks (9 is Cisco's enterprise number).
    IosXr,
}

impl Layout {
    /// The folder of one device in this layout.
    ///
    /// # Errors
    /// [`SerialNumberNotExpressible`] where the layout has no escapes and the serial number needs one.
    pub fn folder(&self, serial_number: &SerialNumber) -> Result<DeviceFolder, SerialNumberNotExpressible> {
        let components = match self {
            Self::Rfc8572 { maker } => vec![maker.as_str().to_owned(), folder_name(serial_number)],
            Self::IosXr => {
                let name = serial_number.as_str();
                // Only such names are the same on every file system, and no other's but for their case.
                if is_reserved(name) || !name.bytes().all(stands_for_itself) {
                    return Err(SerialNumberNotExpressible);
                }
                vec!["EN9".to_owned(), name.to_owned(), "bootstrapping-data".to_owned()]
            }
        };
        Ok(DeviceFolder(components))
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::Rfc8572 { maker: MakerTag::default() }
    }
}

/// The folders in which a device looks, in this order: those of every layout that can name it.
#[must_use]
pub fn candidates(layouts: &[Layout], serial_number: &SerialNumber) -> Vec<DeviceFolder> {
    let mut folders: Vec<DeviceFolder> = Vec::new();
    for folder in layouts.iter().filter_map(|layout| layout.folder(serial_number).ok()) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// The folder with the artifacts of one device, within a stick.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceFolder(Vec<String>);

impl DeviceFolder {
    /// The folder's path.
    #[must_use]
    pub fn path(&self) -> MediaPath {
        MediaPath::of_checked(self.0.clone())
    }

    /// Where an artifact is written (USB-03).
    #[must_use]
    pub fn write_path(&self, kind: ArtifactKind) -> MediaPath {
        self.file(file_name(kind))
    }

    /// Where an artifact is looked for, in this order. RFC 8572 §4.1 has two names for a voucher.
    #[must_use]
    pub fn read_paths(&self, kind: ArtifactKind) -> Vec<MediaPath> {
        let other = (kind == ArtifactKind::OwnershipVoucher).then(|| self.file("ownership-voucher.cms"));
        std::iter::once(self.write_path(kind)).chain(other).collect()
    }

    fn file(&self, name: &str) -> MediaPath {
        MediaPath::of_checked(self.0.iter().map(String::as_str).chain([name]).map(str::to_owned).collect())
    }
}

/// The file of an artifact, after the examples of RFC 8572 §4.1; `vcj` is a voucher in CMS with JSON (RFC 8366 §9.4).
pub(super) const fn file_name(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::ConveyedInformation => "conveyed-information.cms",
        ArtifactKind::OwnerCertificate => "owner-certificate.cms",
        ArtifactKind::OwnershipVoucher => "ownership-voucher.vcj",
    }
}

/// The layout has no name for a device with this serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this layout takes serial numbers of upper-case letters, digits, `-` and `_` only")]
pub struct SerialNumberNotExpressible;

/// The top folder of a manufacturer, which keeps sticks of several makers apart (USB-06).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MakerTag(String);

impl MakerTag {
    /// Most characters of a tag.
    pub const MAXIMUM: usize = 32;

    /// The tag as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for MakerTag {
    fn default() -> Self {
        Self("sztp".to_owned())
    }
}

impl fmt::Display for MakerTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MakerTag {
    type Err = MakerTagInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_legal = (1..=Self::MAXIMUM).contains(&text.len())
            && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
            && !is_reserved(text);
        is_legal.then(|| Self(text.to_owned())).ok_or(MakerTagInvalid)
    }
}

/// The text cannot be the name of a top folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a maker's tag has 1 to {} letters, digits, `-` and `_`, and is no name that systems reserve",
    MakerTag::MAXIMUM
)]
pub struct MakerTagInvalid;

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(text: &str) -> SerialNumber {
        SerialNumber::new(text).unwrap()
    }

    fn paths(layout: &Layout, serial_number: &str) -> Vec<String> {
        let folder = layout.folder(&serial(serial_number)).unwrap();
        ArtifactKind::ALL.into_iter().map(|kind| folder.write_path(kind).to_string()).collect()
    }

    /// USB-03, USB-06: both layouts, to the letter.
    #[test]
    fn usb_03_the_names_of_both_layouts() {
        assert_eq!(
            paths(&Layout::default(), "SN-0001"),
            [
                "sztp/SN-0001/conveyed-information.cms",
                "sztp/SN-0001/owner-certificate.cms",
                "sztp/SN-0001/ownership-voucher.vcj",
            ]
        );
        assert_eq!(
            paths(&Layout::IosXr, "FOC1234X0AB"),
            [
                "EN9/FOC1234X0AB/bootstrapping-data/conveyed-information.cms",
                "EN9/FOC1234X0AB/bootstrapping-data/owner-certificate.cms",
                "EN9/FOC1234X0AB/bootstrapping-data/ownership-voucher.vcj",
            ]
        );
        let maker = Layout::Rfc8572 { maker: "acme".parse().unwrap() };
        assert_eq!(paths(&maker, "a/b")[0], "acme/%61%2F%62/conveyed-information.cms");
    }

    #[test]
    fn usb_03_a_voucher_has_two_names_to_be_read_by() {
        let folder = Layout::default().folder(&serial("SN-1")).unwrap();
        let names = |kind| folder.read_paths(kind).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            names(ArtifactKind::OwnershipVoucher),
            ["sztp/SN-1/ownership-voucher.vcj", "sztp/SN-1/ownership-voucher.cms"]
        );
        assert_eq!(names(ArtifactKind::OwnerCertificate), ["sztp/SN-1/owner-certificate.cms"]);
        assert_eq!(folder.path().to_string(), "sztp/SN-1");
    }

    /// USB-05: each device has its own folder, in each layout that can name it.
    #[test]
    fn usb_05_devices_share_a_stick() {
        let layouts = [Layout::default(), Layout::IosXr, Layout::default()];
        let folders =
            |text| candidates(&layouts, &serial(text)).iter().map(|it| it.path().to_string()).collect::<Vec<_>>();
        assert_eq!(folders("SN1"), ["sztp/SN1", "EN9/SN1/bootstrapping-data"]);
        assert_eq!(folders("SN2"), ["sztp/SN2", "EN9/SN2/bootstrapping-data"]);
        for only_ours in ["sn1", "SN.1", "..", "CON", "SN 1"] {
            assert_eq!(folders(only_ours).len(), 1, "{only_ours}");
            assert_eq!(Layout::IosXr.folder(&serial(only_ours)), Err(SerialNumberNotExpressible));
        }
    }

    #[test]
    fn usb_06_a_makers_tag_is_one_plain_folder() {
        for good in ["sztp", "EN9", "acme_2-x", &"x".repeat(32)] {
            assert_eq!(good.parse::<MakerTag>().unwrap().to_string(), good);
        }
        for bad in ["", "..", "a/b", "a\\b", "a.b", "a b", "con", "Lpt1", "ä", &"x".repeat(33)] {
            assert_eq!(bad.parse::<MakerTag>(), Err(MakerTagInvalid), "{bad:?}");
        }
    }
}
