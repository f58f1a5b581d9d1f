//! What the fuzz targets share: a fixed world of parties, and how a target gets its first inputs.
//!
//! Each file in `src/bin` is one target: what it decodes, what must then be true, and its seeds. Nothing else lists it.
//! `cargo xtask fuzz` builds and runs them all.

pub mod agree;
pub mod der;
mod seeds;
pub mod shelf;
pub mod world;

pub use libfuzzer_sys::fuzz_target;
pub use seeds::{Seed, leave};

/// Makes this file a fuzz target: `target!(seeds, check)`.
///
/// `seeds` is a `fn() -> Vec<Seed>` that makes valid inputs; `check` is a `fn(&[u8])` that panics when something is
/// wrong.
#[macro_export]
macro_rules! target {
    ($seeds:path, $check:path) => {
        $crate::fuzz_target!(init: $crate::leave(env!("CARGO_BIN_NAME"), $seeds), |bytes: &[u8]| $check(bytes));
    };
}
