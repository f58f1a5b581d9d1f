//! Names of checks, read from a file.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// Longest name.
const MAX_OCTETS: usize = 64;

/// Names that are kept.
const MAX_NAMES: usize = 1024;

/// The same name for as long as the program runs, as the checks of a trace have theirs. Each is kept once; a file with more
/// names than there are checks gets `other` for the rest.
pub(super) fn lasting(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    if names.len() >= MAX_NAMES || name.len() > MAX_OCTETS {
        return "other";
    }
    let kept: &'static str = name.to_owned().leak();
    names.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_a_long_one_not_at_all() {
        let first = lasting("voucher-signature");
        assert!(std::ptr::eq(first, lasting(&String::from("voucher-signature"))));
        assert_eq!(lasting(&"x".repeat(65)), "other");
    }
}
