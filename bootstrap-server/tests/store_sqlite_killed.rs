//! SQLite, when the process that writes is killed.
//!
//! A program of its own: a child that is just being started holds, for a moment, the locks of every database that is open
//! around it, and the tests of the suite would find theirs taken.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(unused_macros, reason = "the suite itself runs in another program")]

mod store_suite;
mod support;

use bootstrap_server::store::Location;
use store_suite::Home;
use support::Site;

fn home() -> Home {
    let site = Site::new();
    let (location, another) = (Location::from(site.path("one.db")), Location::from(site.path("another.db")));
    Home::new(site, location, another, |_, statement| unreachable!("{statement}"))
}

#[test]
fn child_that_is_killed() {
    store_suite::commit_until_killed();
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    store_suite::what_was_acknowledged_survives_kill_9(&home(), "child_that_is_killed").await;
}
