//! The suite that every database passes, on SQLite.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod store_suite;
mod support;

use bootstrap_server::store::Location;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use store_suite::Home;
use support::Site;

/// A folder with room for two files.
fn home() -> Home {
    let site = Site::new();
    let (location, another) = (Location::from(site.path("one.db")), Location::from(site.path("another.db")));
    Home::new(site, location, another, execute)
}

fn execute(location: &Location, statement: &str) {
    let options = SqliteConnectOptions::new().filename(location.file().unwrap());
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    let work = async move {
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    };
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || runtime().block_on(work)).join().unwrap();
}

suite!(home());
