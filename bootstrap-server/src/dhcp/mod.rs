//! What the DHCP servers beside this one need of it, and what they tell it.

mod desk;
mod heard;
mod known;
mod question;
mod relevant;
mod shown;

pub(crate) use desk::{DhcpDesk, DhcpPolicies};
pub use desk::{ExplainError, explain_configured};
pub(crate) use heard::{Listening, write_down};
pub(crate) use known::Keeper;
