//! Where bootstrapping data is looked for (RFC 8572 §4).

pub mod dhcp4;
pub mod well_known;
