//! A hostile network. Whatever it does to the device, the device stays unharmed, says why in a reason code, and is
//! bootstrapped by the same process as soon as an honest server appears.
//!
//! Each case is a row of `cases!`; `docs/hostile-network.md` shows the same rows to people, and a test holds the two equal.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod artifacts;
mod documentation;
mod later;
mod owners;
mod transport;

#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use device_client::OutcomeState;
use support::{
    bench::{Bench, LARGEST_IMAGE, attempt},
    parties::onboarding,
    server::Server,
};
use verdict::ReasonCode;

/// What somebody does to a device, and how the device calls it.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) reason: ReasonCode,
}

/// Makes a test of each row, and the list of all rows. What stands last gives the URIs that DHCP names to the device.
macro_rules! cases {
    ($($name:ident: $what:literal => $reason:ident, $plays:expr;)*) => {
        /// The rows.
        pub(crate) const CASES: &[crate::Case] =
            &[$(crate::Case { what: $what, reason: verdict::ReasonCode::$reason },)*];

        mod played {
            use super::*;

            $(
                #[test]
                fn $name() {
                    crate::play(verdict::ReasonCode::$reason, $plays);
                }
            )*
        }
    };
}
pub(crate) use cases;

/// Plays a case, and then an honest server.
pub(crate) fn play(reason: ReasonCode, plays: impl FnOnce(&Bench) -> Vec<String>) {
    let bench = Bench::new();
    let uris = plays(&bench);
    bench.dhcp.names(&uris);
    let mut device = bench.device();
    let begun = Instant::now();
    let first = attempt(&mut device);
    let outcome = &first.outcome;
    assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
    // Where no server was named at all, the source says why.
    let said = first.records.iter().find_map(|record| record.reason);
    let found = outcome.passed_over.first().map_or(said, |it| Some(it.reason));
    assert_eq!(found, Some(reason), "{outcome:#?}\n{:#?}", first.records);
    assert!(
        matches!(outcome.state, OutcomeState::Refused | OutcomeState::Unreachable | OutcomeState::ApplyFailed),
        "{outcome:#?}"
    );
    assert!(first.records.iter().any(|it| it.reason == Some(reason) && it.remedy.is_some() && it.section.is_some()));
    assert_eq!(bench.traces_of_harm(), [""; 0]);
    assert!(bench.staged_octets() <= LARGEST_IMAGE);

    let honest = Server::honest(&bench.parties.tls, bench.parties.signed(onboarding()));
    bench.dhcp.names(&[honest.uri()]);
    let second = attempt(&mut device);
    assert_eq!(second.outcome.state, OutcomeState::Bootstrapped, "{:#?}", second.outcome);
    assert!(bench.is_configured());
    assert_eq!(bench.staged_octets(), 0, "what was half downloaded goes when it is not needed any more");
    assert_eq!(honest.log.reports(), [""; 0], "CLI-54: nobody knows who this is");
}
