//! What the DHCP servers beside this one need of it, and what they tell it.

mod known;

pub(crate) use known::Keeper;
