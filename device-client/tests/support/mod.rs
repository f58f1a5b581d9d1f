//! What the tests on the wire share: a manufacturer, an owner, a DHCP server, bootstrap servers that do as they are told,
//! and the files of one device.

#![allow(dead_code, clippy::unwrap_used, reason = "support of several test programs, of which none uses everything")]

pub(crate) mod bench;
pub(crate) mod dhcp;
pub(crate) mod parties;
pub(crate) mod server;
