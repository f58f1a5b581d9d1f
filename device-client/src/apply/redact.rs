//! Leaving secrets out of what programs print, before it goes into a report (SEC-13).
//!
//! Nobody can know every secret by its looks. What is certain to be one is: private keys in PEM, what stands behind a word such
//! as `password`, and the password in a URL.

/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";

/// Words behind which a secret stands, also as the end of a longer word.
const WORDS: [&str; 8] = ["password", "passwd", "passphrase", "secret", "token", "api-key", "apikey", "community"];

/// The text without what looks like a secret.
#[must_use]
pub(super) fn redacted(text: &str) -> String {
    let mut lines = Vec::new();
    let mut in_key = false;
    for line in text.lines() {
        if is_mark(line, "-----BEGIN ") {
            in_key = true;
            lines.push(REDACTED.to_owned());
        } else if in_key {
            in_key = !is_mark(line, "-----END ");
        } else if is_mark(line, "-----END ") {
            // The beginning of the key was cut off: what came before belongs to it.
            lines = vec![REDACTED.to_owned()];
        } else {
            lines.push(without_url_password(&without_named_secret(line)));
        }
    }
    let end = if text.ends_with('\n') { "\n" } else { "" };
    lines.join("\n") + end
}

fn is_mark(line: &str, mark: &str) -> bool {
    line.contains(mark) && line.contains("PRIVATE KEY")
}

/// Redacts what follows `password:`, `password=`, `--password `, `"password": "` and the like.
fn without_named_secret(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let ends = WORDS.iter().filter_map(|word| lower.find(word).map(|at| at.saturating_add(word.len())));
    let Some(end) = ends.min() else { return line.to_owned() };
    let (before, after) = line.split_at_checked(end).unwrap_or((line, ""));
    let separators = |character: char| matches!(character, ':' | '=' | '"' | '\'' | ' ' | '\t');
    let value = after.trim_start_matches(separators);
    let is_named = value.len() < after.len();
    // A sentence that merely mentions a password has other words behind it.
    let is_assigned = after.chars().take_while(|it| separators(*it)).any(|it| matches!(it, ':' | '='));
    let is_option = before.contains("--");
    if value.is_empty() || !is_named || !(is_assigned || is_option) {
        return line.to_owned();
    }
    let kept = line.len().saturating_sub(value.len());
    format!("{}{REDACTED}", line.get(..kept).unwrap_or_default())
}

/// `https://user:password@host` without its password.
fn without_url_password(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let authority = after.find(['/', ' ', '"', '\'']).unwrap_or(after.len());
        let (authority, tail) = after.split_at_checked(authority).unwrap_or((after, ""));
        match authority.rsplit_once('@') {
            Some((user, host)) if user.contains(':') => {
                let name = user.split(':').next().unwrap_or_default();
                out.push_str(&format!("{name}:{REDACTED}@{host}"));
            }
            _ => out.push_str(authority),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sec_13_secrets_are_left_out_and_all_else_stays() {
        for (text, expected) in [
            ("password=hunter2", "password=[redacted]"),
            ("  \"Admin-Password\": \"hunter2\",", "  \"Admin-Password\": \"[redacted]"),
            ("useradd --password hunter2 bob", "useradd --password [redacted]"),
            ("TOKEN: abc def", "TOKEN: [redacted]"),
            ("the password is too short", "the password is too short"),
            ("no secret", "no secret"),
            ("get https://bob:hunter2@h/x?y now", "get https://bob:[redacted]@h/x?y now"),
            ("get https://h:443/x", "get https://h:443/x"),
            ("a\n-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\nb\n", "a\n[redacted]\nb\n"),
            ("MHc\nAAA\n-----END PRIVATE KEY-----\nb", "[redacted]\nb"),
            (
                "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
                "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
            ),
            ("line 4: unknown command", "line 4: unknown command"),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(password|secret|://|@|:|=|\"| |-----(BEGIN|END) PRIVATE KEY-----|\n|ä|[a-z]){0,40}") {
            drop(redacted(&text));
        }

        #[test]
        fn sec_13_what_is_assigned_to_a_password_never_shows(value in "[A-Z0-9]{8,20}") {
            let password = format!("x password={value}");
            let url = format!("ftp://u:{value}@h/");
            prop_assert!(!redacted(&password).contains(&value));
            prop_assert!(!redacted(&url).contains(&value));
        }
    }
}
