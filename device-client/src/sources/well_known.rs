//! The factory's list of bootstrap servers (RFC 8572 §4.4, §5.1).

use crate::{
    config::WellKnown,
    machine::{Discovery, Origin},
};

/// The list as a source gives it. Whether a server of it is trusted, its certificate decides (CLI-07).
#[must_use]
pub fn discover(list: &[WellKnown]) -> Discovery {
    Discovery::of_servers(list.iter().map(|it| it.server.clone()).collect(), Origin::Factory)
}
