//! Bootstrap server URIs and the list of them that DHCP carries (RFC 8572 §8.3).
//!
//! The value of DHCPv4 option 143 and of DHCPv6 option 136 is the same: each URI preceded by its length in two bytes,
//! big-endian, with neither count nor terminator. A URI names a server and nothing else: `https://host[:port]`.
//!
//! ```
//! use dhcp::bootstrap_uri::{BootstrapServerUri, UriList};
//!
//! let uri: BootstrapServerUri = "https://sztp.example.net:8443".parse()?;
//! let value = UriList::from(uri.clone()).encode();
//! assert_eq!(value[..2], [0, 29]);
//! assert_eq!(UriList::decode(&value)?.uris.as_slice(), [uri]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Not everybody does so. [`FieldForm`] names the other forms that devices and servers use, each written on demand and
//! read only where [`AcceptedForms`] holds it; [`recognise`] says of any value what it is.

mod accept;
mod form;
mod host;
mod list;
mod uri;

pub use accept::{AcceptedForms, Discarded, FormRead, recognise};
pub use form::{FieldForm, FieldFormUnknown, FormUnsuited};
pub use host::{DnsName, Host, HostError};
pub use list::{DecodedList, IgnoredBecause, IgnoredEntry, ListLengthInvalid, NoUsableUri, UriList};
pub use uri::{BootstrapServerUri, UriError};
