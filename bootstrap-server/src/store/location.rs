//! Where a database is.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A file for SQLite, or the address of a PostgreSQL database.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// An SQLite file.
    File(PathBuf),
    /// `postgres://[user[:password]@]host[:port]/database[?sslmode=…]`. Passwords are better kept in `~/.pgpass`.
    Postgres(String),
}

impl Location {
    /// Reads what a configuration says: an address, or a path relative to `folder`.
    #[must_use]
    pub fn parse(text: &str, folder: &Path) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.to_owned())
        } else {
            Self::File(folder.join(text))
        }
    }

    /// Which kind of database it is: `sqlite` or `postgresql`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }

    /// The file, when it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Self> for Location {
    fn from(location: &Self) -> Self {
        location.clone()
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl fmt::Display for Location {
    /// Shows no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(url) => {
                // What stands before the last @ of the authority may hold a password, and so may the parameters.
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let rest = rest.split(['?', '#']).next().unwrap_or_default();
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                write!(f, "{scheme}://{place}")
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_and_an_address_is_not() {
        let folder = Path::new("/etc/sztp");
        assert_eq!(Location::parse("db", folder), Location::File("/etc/sztp/db".into()));
        let url = "postgres://sztp@db.example/sztp";
        assert_eq!(Location::parse(url, folder), Location::Postgres(url.to_owned()));
        assert_eq!(
            (Location::parse("db", folder).kind(), Location::parse(url, folder).kind()),
            ("sqlite", "postgresql")
        );
    }

    #[test]
    fn no_password_is_shown() {
        let url = "postgresql://sztp:se@cret@db.example:5432/sztp?password=secret&sslmode=require";
        let location = Location::parse(url, Path::new(""));
        assert_eq!(location.to_string(), "postgresql://db.example:5432/sztp");
        assert!(!format!("{location:?}").contains("cret"));
    }
}
