//! What only PostgreSQL can have wrong: settings that lose what it acknowledged, and the way to it.

use super::Finding;
use crate::store::Location;

/// What the server of the database says about durability: settings and their values, as they hold for us.
pub(super) fn judge_settings(settings: &[(&'static str, String)]) -> Vec<Finding> {
    settings.iter().map(|(setting, value)| judge_setting(setting, value)).collect()
}

fn judge_setting(setting: &str, value: &str) -> Finding {
    const CHECK: &str = "database-settings";
    let what = format!("{setting} = {value}");
    if value != "off" {
        return Finding::ok(CHECK, what);
    }
    let fix = |then: &str| format!("psql URL -c 'ALTER SYSTEM SET {setting} = on'; {then}");
    match setting {
        "full_page_writes" => Finding::warning(
            CHECK,
            what,
            "A power cut in the middle of a page leaves it torn, unless the file system never writes in place (ZFS, Btrfs).",
            fix("psql URL -c 'SELECT pg_reload_conf()'"),
        ),
        "synchronous_commit" => Finding::failed(
            CHECK,
            what,
            "What devices were told stands on no disk yet, and a power cut takes it back. The server does not start with it.",
            format!(
                "{}; look for it also in ALTER ROLE, ALTER DATABASE and the options of the URL",
                fix("psql URL -c 'SELECT pg_reload_conf()'")
            ),
        ),
        _ => Finding::failed(
            CHECK,
            what,
            "A power cut may destroy the whole database. The server does not start with it.",
            fix("restart PostgreSQL"),
        ),
    }
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "there is no other database to be on the way to"))]
enum Protection {
    /// It never leaves this machine.
    Local,
    /// It is encrypted, and the name is that of the certificate.
    Whole,
    /// It is encrypted; who is at the other end is not known for certain.
    Unauthenticated,
    /// It may be in the clear.
    Optional,
}

/// Whether others on the way to the database can read or change what goes there.
pub(super) fn judge_way(location: &Location) -> Option<Finding> {
    const CHECK: &str = "database-tls";
    let protection = protection(location)?;
    let fix = "In `database` of sztp.toml: …?sslmode=verify-full&sslrootcert=ca.pem";
    Some(match protection {
        Protection::Local => Finding::ok(CHECK, "the database is on this machine"),
        Protection::Whole => Finding::ok(CHECK, "sslmode = verify-full"),
        Protection::Unauthenticated => Finding::warning(
            CHECK,
            format!("{location}: sslmode does not ask for the server's name"),
            "Whoever is on the way can pass for the database: give devices other answers, and admit devices of its own.",
            fix,
        ),
        Protection::Optional => Finding::failed(
            CHECK,
            format!("{location}: sslmode lets the connection be in the clear"),
            "Whoever is on the way reads the password and the devices' configurations, and can change what is stored.",
            fix,
        ),
    })
}

#[cfg(feature = "postgres")]
fn protection(location: &Location) -> Option<Protection> {
    use std::net::IpAddr;

    use sqlx::postgres::{PgConnectOptions, PgSslMode};

    let Location::Postgres(url) = location else { return None };
    let options: PgConnectOptions = url.parse().ok()?;
    let host = options.get_host().trim_matches(['[', ']']);
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if options.get_socket().is_some() || host.starts_with('/') || host == "localhost" || is_loopback {
        return Some(Protection::Local);
    }
    Some(match options.get_ssl_mode() {
        PgSslMode::VerifyFull => Protection::Whole,
        PgSslMode::Require | PgSslMode::VerifyCa => Protection::Unauthenticated,
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => Protection::Optional,
    })
}

#[cfg(not(feature = "postgres"))]
fn protection(_: &Location) -> Option<Protection> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loses_acknowledged_changes_is_a_failure_with_its_fix() {
        let judged = |setting, value: &str| judge_settings(&[(setting, value.to_owned())]).remove(0);
        for (setting, value) in [("fsync", "on"), ("synchronous_commit", "remote_apply"), ("full_page_writes", "on")] {
            assert_eq!(judged(setting, value).outcome.as_str(), "ok");
        }
        for (setting, outcome) in
            [("fsync", "failed"), ("synchronous_commit", "failed"), ("full_page_writes", "warning")]
        {
            let finding = judged(setting, "off");
            assert_eq!((finding.outcome.as_str(), finding.what), (outcome, format!("{setting} = off")));
            let fix = &finding.outcome.advice().unwrap().fix;
            assert!(fix.contains(&format!("ALTER SYSTEM SET {setting} = on")), "{fix}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_database_elsewhere_is_reached_encrypted_and_by_name() {
        let judged =
            |url: &str| judge_way(&Location::parse(url, std::path::Path::new("/"))).map(|it| it.outcome.as_str());
        for local in [
            "postgres://u@localhost/d",
            "postgres://u@127.0.0.1:5433/d",
            "postgres://u@[::1]/d",
            "postgres:///d?host=/var/run/postgresql&user=u",
        ] {
            assert_eq!(judged(local), Some("ok"), "{local}");
        }
        for (mode, outcome) in [
            ("", "failed"),
            ("?sslmode=disable", "failed"),
            ("?sslmode=prefer", "failed"),
            ("?sslmode=require", "warning"),
            ("?sslmode=verify-ca", "warning"),
            ("?sslmode=verify-full", "ok"),
        ] {
            assert_eq!(judged(&format!("postgres://u:secret@db.example/d{mode}")), Some(outcome), "{mode}");
        }
        assert_eq!(judged("sztp.sqlite3"), None);
        let shown = judge_way(&Location::Postgres("postgres://u:secret@db.example/d".to_owned())).unwrap();
        assert!(!format!("{shown:?}").contains("secret"));
    }
}
