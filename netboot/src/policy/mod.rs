//! What a DHCPv4 server gives to whom.
//!
//! [`Dhcp4Settings`] is what a person writes; [`Dhcp4Policy`] is what the server obeys. The second is made from the
//! first by checking it once, so no address outside its network, no double reservation and no bootstrap URI with a path
//! ever reaches a device.
//!
//! ```toml
//! server-identifier = "192.0.2.1"
//! interface = "eth1"
//! bootstrap-uris = ["https://sztp1.example.net:8443", "https://[2001:db8::1]"]
//!
//! [subnet]
//! network = "192.0.2.0/24"
//! router = "192.0.2.1"
//! pool = { first = "192.0.2.100", last = "192.0.2.199" }
//! reservations = [{ mac = "02:00:5e:10:00:01", address = "192.0.2.10" }]
//!
//! [boot]
//! next-server = "192.0.2.1"
//! boot-file = "boot.scr.uimg"
//! per-architecture = [{ architectures = [7, 16], boot-file = "https://boot.example.net/ipxe.efi" }]
//! ```

mod boot;
mod network;
mod settings;
mod subnet;

pub use boot::{ArchitectureBootSettings, BootFields, BootPolicy, BootSettings, BootText, BootTextInvalid};
pub use network::{Network, NetworkInvalid};
pub use settings::{ClientPort, Dhcp4Policy, Dhcp4Settings, PolicyError, Redirect, Sending};
pub use subnet::{Pool, Reservation, Subnet, SubnetError, SubnetSettings};
