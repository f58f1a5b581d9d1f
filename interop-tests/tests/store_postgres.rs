//! The suite that every database passes, on PostgreSQL; and what only a server of its own can do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../../bootstrap-server/tests/store_suite/mod.rs"]
mod store_suite;

use bootstrap_server::store::Location;
use interop_tests::{
    postgres::{Cluster, name},
    site as support,
};
use store_suite::Home;
use support::Site;

fn home(cluster: &Cluster) -> Home {
    Home::new(Site::new(), cluster.database(), cluster.database(), execute)
}

fn execute(location: &Location, statement: &str) {
    Cluster::shared().unwrap().ask(&name(location), statement).unwrap();
}

suite!(match Cluster::shared() {
    Ok(cluster) => home(cluster),
    Err(missing) => interop_tests::skip!(missing),
});
