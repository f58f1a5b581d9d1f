//! Messages of DHCPv4 and DHCPv6, and the bootstrap server URIs that RFC 8572 §8 carries in them.
//!
//! The crate is pure: bytes go in and values come out, no socket, no clock. Both the device and the DHCP server use it,
//! so whatever arrives from the network meets the same parser on either side.
//!
//! * [`v4`]: the message of RFC 2131 §2 and its options, joined and split after RFC 3396.
//! * [`v6`]: the message of RFC 8415 §8 and its options, as far as a device needs them.
//! * [`domain_names`]: the lists in which DHCP names the domains of a network.
//! * [`bootstrap_uri`]: the value of option 143 (DHCPv4) and option 136 (DHCPv6), RFC 8572 §8.3, and the other forms of
//!   it that are in the field.
//!
//! | reading | stops at |
//! |---|---|
//! | a message, its options | the octets that are there; every length is checked against them |
//! | options of DHCPv6 in one message | [256](v6::Options::MAXIMUM) |
//! | domain names in one option | [16](domain_names::MAXIMUM) |
//! | URIs in one option | [64](bootstrap_uri::UriList::MAXIMUM) |
//! | an option in a form that is plain text | 1 KiB |
//!
//! A message whose framing is broken is refused as a whole. An entry of a list that is no bootstrap server URI never spoils
//! another: it is left out and told apart, and a list with nothing usable counts as absent (RFC 8572 §8.1, §8.2).
//!
//! # Why not an existing codec
//!
//! The crate `dhcproto` was tried first. One packet with a hardware address length above 16 makes its accessor panic,
//! which on a device built with `panic = "abort"` would let any host on the segment stop the bootstrapping. It also
//! leaves the magic cookie unchecked, does not follow option overload and keeps only the first client architecture;
//! and it would bring 72 crates to a device where flash is scarce. It stays as a development dependency: the tests
//! hold our codec against it in both directions.

#![warn(clippy::indexing_slicing)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod bootstrap_uri;
pub mod domain_names;
mod hex;
pub mod v4;
pub mod v6;
