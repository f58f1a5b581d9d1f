//! Bootstrapping data on removable storage (RFC 8572 §4.1): which files, under which names, and what they make.
//!
//! RFC 8572 leaves the file system and the names to the manufacturer, and wants names that are the maker's own and let
//! several devices share one stick (USB-05, USB-06). Each artifact is one file with the DER structure (USB-03). Two
//! layouts are known:
//!
//! ```text
//! sztp/SN-0001/conveyed-information.cms                     Layout::Rfc8572, the maker's tag on top
//!             /owner-certificate.cms
//!             /ownership-voucher.vcj
//! EN9/FOC1234X0AB/bootstrapping-data/…                      Layout::IosXr, the same three names
//! ```
//!
//! Everything here is a path within the stick, component by component, without a way out of it. Who opens the files must
//! not follow symbolic links, mount nothing writable or executable, and read no more than [`MAXIMUM_FILE`] octets
//! (USB-08).
//!
//! ```
//! use conveyed_info::discovery::{ArtifactKind, removable_storage::{Layout, MAXIMUM_FILE, bootstrapping_data, candidates}};
//! use pki::identity::SerialNumber;
//!
//! # let stick = |path: &str| (path == "sztp/SN-0001/conveyed-information.cms").then(|| vec![0x30, 0x00]);
//! let folders = candidates(&[Layout::default(), Layout::IosXr], &SerialNumber::new("SN-0001")?);
//! let mut files = Vec::new();
//! for kind in ArtifactKind::ALL {
//!     for path in folders[0].read_paths(kind) {
//!         files.extend(stick(&path.to_string()).map(|bytes| (kind, bytes)));
//!     }
//! }
//! let unverified = bootstrapping_data(files)?;
//! # let _ = (unverified, MAXIMUM_FILE);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod data;
mod folder_name;
mod layout;
mod path;

pub use data::{MAXIMUM_FILE, StorageError, bootstrapping_data};
pub use folder_name::{FolderNameInvalid, folder_name, serial_number};
pub use layout::{DeviceFolder, Layout, MakerTag, MakerTagInvalid, SerialNumberNotExpressible, candidates};
pub use path::{MediaPath, MediaUriError};
