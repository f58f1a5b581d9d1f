//! Who a device is, from its IDevID certificate (IEEE 802.1AR §8; RFC 8995 §2.3.1).
//!
//! Makers write the serial number in different places. [`SerialNumberRule`] says where one of them does, [`IdentityRules`] is all that
//! must be known of a maker to judge its devices' certificates. Whatever can be read in two ways is refused: two devices must never
//! share a name, and one device must never have two.
//!
//! ```
//! use pki::identity::{IdentityRules, SerialNumberRule};
//!
//! let plain: SerialNumberRule = "attribute".parse()?;
//! assert_eq!(plain, SerialNumberRule::default());
//! let bmc: SerialNumberRule = "CN=bmc-{serial}".parse()?;
//! assert_eq!(bmc.to_string(), "CN=bmc-{serial}");
//! assert!("CN=bmc-{serial}-{serial}".parse::<SerialNumberRule>().is_err());
//! // Where both apply to a certificate, they must give the same serial number.
//! let rules = IdentityRules::default().with_serial_number_rules(vec![plain, bmc])?;
//! assert_eq!(rules.serial_number_rules().len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod field;
mod module_name;
mod rule;
mod rules;
mod serial_number;
mod template;
mod text;

pub use error::{IdentityError, RuleInvalid, RulesInvalid};
pub use field::Field;
pub use module_name::{ModuleName, ModuleSerial};
pub use rule::SerialNumberRule;
pub use rules::IdentityRules;
pub use serial_number::SerialNumber;
pub use template::Template;
