//! Who gets what.
//!
//! What a person writes is checked once, when it is read; what the server obeys is made from it. So no address outside its network, no double
//! reservation and no bootstrap URI with a path ever reaches a device.
//!
//! What is given stands in tables named `give`: with a reservation, in the device's profile, in a class, in a subnet, for everybody. Each
//! thing is taken from the first of these, in this order, that says something about it; [`Answer`] tells from which. To say that it is not
//! to be given is to say something: `without = ["boot-file"]`.
//!
//! ```toml
//! interfaces = ["eth1"]
//!
//! [give]
//! bootstrap-uris = ["https://sztp1.example.net:8443", "https://[2001:db8::1]"]
//! next-server = "192.0.2.1"
//! boot-file = "boot.scr.uimg"
//!
//! [[class]]
//! name = "uefi-http"
//! when = { vendor-class = ["HTTPClient:*"], architecture = [16] }
//! give = { boot-file = "https://boot.example.net/ipxe.efi" }
//!
//! [[subnet]]
//! network = "192.0.2.0/24"
//! pools = [{ first = "192.0.2.100", last = "192.0.2.199" }]
//! reservations = [{ mac = "02:00:5e:10:00:01", address = "192.0.2.10" }]
//! give = { routers = ["192.0.2.1"], dns = ["192.0.2.53"] }
//! ```

mod advice;
mod answer;
mod class;
mod dhcp4;
mod dhcp6;
mod directory;
mod give;
mod network;
mod option;
mod pattern;
mod pxe;
mod rules;
mod subnet;
mod text;
mod when;
mod without;

pub use advice::Advice;
pub use answer::{Answer, Given, Origin};
pub use class::{Class, ClassSettings, Giving, GivingSettings};
pub use dhcp4::{ClientPort, Dhcp4Policy, Dhcp4PolicyError, Dhcp4Settings, Mode};
pub use dhcp6::{Dhcp6Policy, Dhcp6PolicyError, Dhcp6Settings};
pub use directory::{Directory, Known, ProfileGiving, RecognisedBy, SharedDirectory};
pub use give::{Give, GiveInvalid, GiveSettings, SHORTEST_LEASE, Sending, USUAL_LEASE};
pub use network::{Network, NetworkInvalid};
pub use option::{GivenOption, OptionInvalid, OptionSettings};
pub use pattern::{Pattern, PatternInvalid};
pub use pxe::{Pxe, PxeDiscoverySettings, PxeInvalid, PxeItem, PxeItemSettings, PxePromptSettings, PxeSettings};
pub use rules::{Arrival, Rules, RulesError, Strangers};
pub use subnet::{Because, Pool, Reservation, ReservationSettings, Subnet, SubnetError, SubnetSettings};
pub use text::{BootText, BootTextInvalid};
pub use when::{When, uuid_text};
pub use without::WithoutSettings;
