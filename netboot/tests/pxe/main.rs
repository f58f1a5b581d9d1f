//! A proxy beside a DHCP server that was not written here (dnsmasq), and firmware that puts their answers together: a scripted client, and
//! UEFI and iPXE in a virtual machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;
mod machine;
mod scripted;
