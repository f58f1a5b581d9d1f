//! Leases of DHCP: one row for each address.
//!
//! They share the writer with everything else, and nothing more: each group of them is a transaction of its own, so that a lease that cannot
//! be written harms no batch, and no batch a lease. They leave no leaf in the log.

mod lending;
mod read;
mod row;
mod store;
mod waiting;
mod write;

pub(super) use waiting::Waiting;
