//! The nouns of the owner's side, and the rules that need no I/O.

pub mod alarm;
pub mod change;
pub mod decision;
mod deed;
mod device;
mod elsewhere;
pub mod factory;
pub mod identification;
mod identifiers;
pub mod ledger;
mod lifecycle;
mod manufacturer;
pub mod masa;
mod newcomers;
mod operators;
mod policy;
mod policy_change;
mod profile;
pub mod replay;
mod reported;
mod revocation_lists;
pub mod story;
mod toml_fault;
mod transition;
pub mod vouching;
pub mod waiting;
mod wire_profile;

pub use deed::Deed;
pub use device::{Alarm, Device, Dossier, Particulars, Proof};
pub use elsewhere::RedirectInvalid;
pub use identifiers::{
    AuthorityName, CertificateProfile, DeviceId, MacAddress, MacAddressInvalid, ManufacturerName, NameInvalid,
    ProfileName, TokenId, UserName, Uuid, UuidInvalid, VariantName,
};
pub use lifecycle::State;
pub use manufacturer::{Manufacturer, ManufacturerInvalid, ManufacturerTexts};
pub use newcomers::{Newcomers, Notice};
pub use operators::{Actor, Role, RoleUnknown, Token, User};
pub use policy::{Deadlines, DurationInvalid, Patience, Policies, Responsible, Unregistered, parse_duration};
pub(crate) use profile::parse_sha256;
pub use profile::{
    Condition, Delivered, Encryption, Ldevid, LdevidDemand, OnboardingProfile, Part, ProfileInvalid, Selection,
    Variant, filled,
};
pub use reported::{Reported, ReportedCertificate, TRUST_ANCHOR_CERT};
pub use revocation_lists::{ListsInvalid, RevocationLists};
pub use toml_fault::TomlFault;
pub use wire_profile::{ActivationCode, Authentication, Departures, WireProfile, WireProfileUnknown};
