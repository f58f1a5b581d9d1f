//! What Linux offers and no safe crate does. This is the only crate of the project in which `unsafe` may stand.
//!
//! Whatever can be bytes is bytes here: addresses, ancillary data, headers and netlink messages are written and read by safe
//! code that is tested without a kernel. Left are four calls, each in a block of its own that says why it is sound.
//!
//! * [`datagram`]: many UDP datagrams with one call, each with the interface and the address it came in by.
//! * [`packet`]: a UDP datagram to an Ethernet address, for somebody who has no IP address yet; [`udp`] writes its headers.
//! * [`option`]: socket options that the standard library and `socket2` do not know.
//! * [`netlink`]: interfaces, addresses and neighbours, asked of the kernel.

#![warn(clippy::indexing_slicing)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod address;
mod control;
pub mod datagram;
pub mod netlink;
pub mod option;
pub mod packet;
pub mod udp;
