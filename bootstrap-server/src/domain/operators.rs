//! The people and programs on the owner's side, and what they may do.

use std::{fmt, str::FromStr};

use audit_log::UnixMillis;
use pki::digest::Digest;

use super::{TokenId, UserName};

/// What somebody may do. Each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Look.
    Viewer,
    /// Register, approve, retire and change devices, profiles and vouchers.
    Operator,
    /// Manage users, manufacturers and backups.
    Admin,
}

impl Role {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = RoleUnknown;

    fn from_str(text: &str) -> Result<Self, RoleUnknown> {
        [Self::Viewer, Self::Operator, Self::Admin].into_iter().find(|role| role.as_str() == text).ok_or(RoleUnknown)
    }
}

/// The text is not the name of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is viewer, operator or admin")]
pub struct RoleUnknown;

/// A person or program that may use the operator API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: UserName,
    /// What it may do.
    pub role: Role,
}

/// A token, without its secret: of that, only a digest is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its public name.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserName,
    /// SHA-256 of the secret, which is random and long enough that no slow hash is needed.
    pub digest: Digest,
    /// When it was made.
    pub created: UnixMillis,
    /// From when on it no longer opens anything.
    pub expires: Option<UnixMillis>,
}

/// Who caused a change. Stands in the body of every event that a person or a program of theirs caused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user of the operator API, by one of its tokens.
    User {
        /// Who.
        user: UserName,
        /// By which token.
        token: TokenId,
    },
    /// Somebody who works on the server's files, such as `sztp init` or `sztp restore`.
    Console,
}
