//! Which client has which address, and until when; the same for IPv4 and IPv6.
//!
//! * [`Lease`] is what is kept, and what is written down: one for each address, so that what became of an address is one record.
//! * [`Book`] is what a server knows at this moment. It is asked for an address, and says what would have to be written.
//! * [`LeaseStore`] is where leases survive. A lease counts when it is durable: no client hears of it before. Servers that share a store
//!   decide in it who gets an address, and learn from it what others gave.
//!
//! [`dnsmasq`] reads and writes the file in which dnsmasq keeps them.
//!
//! An offer is in the book alone: it is worth nothing until the client takes it.

mod address;
mod book;
pub mod dnsmasq;
mod memory;
mod record;
mod store;

pub use address::Address;
pub use book::{Before, Book, Lent, Space};
pub use memory::MemoryLeases;
pub use record::{ClientKey, Lease, Standing};
pub use store::{LeaseFuture, LeaseStore, LeaseStoreError, Numbered, Version, Written};
