//! The newest voucher that was accepted: what it rules out, and remembering it (SEC-03).
//!
//! Not trust, which nothing remembers: a later voucher for any owner counts as before. But a device that changed hands does
//! not go back to somebody who kept an old voucher, and time does not run backwards.

use conveyed_info::verify::{Accepted, VoucherFacts};
use verdict::{ReasonCode, Refusal, Trace};

use super::{
    Action, Event, State, Transition, Work,
    data::{self, Giver},
    shared::Shared,
};
use crate::Record;

const CHECK: &str = "voucher-succession";
const SECTION: &str = "RFC 8366 §5.3";

/// Whether `voucher` may follow the newest one that this device accepted, whenever that was.
pub(super) fn judge(voucher: VoucherFacts, newest: Option<VoucherFacts>, mut trace: Trace) -> Result<Trace, Refusal> {
    let Some(newest) = newest else { return Ok(trace) };
    if voucher.owner == newest.owner || voucher.created_on >= newest.created_on {
        trace.passed(CHECK, SECTION, &[]);
        return Ok(trace);
    }
    let date =
        |facts: VoucherFacts| facts.created_on.map_or_else(|| "nobody knows when".to_owned(), |it| it.to_string());
    let detail = format!(
        "it pins another owner than the newest voucher that this device accepted, and was created before it: {}, the newest {}",
        date(voucher),
        date(newest)
    );
    Err(trace.refused(CHECK, ReasonCode::VoucherSuperseded, &[], detail))
}

/// Whether `voucher` is to be remembered in place of the newest one.
pub(super) fn is_newer(voucher: VoucherFacts, newest: Option<VoucherFacts>) -> bool {
    voucher.created_on.is_some() && newest.is_none_or(|newest| voucher.created_on > newest.created_on)
}

/// Waits until the newest voucher is remembered.
#[derive(Debug)]
pub(super) struct RememberingVoucher {
    giver: Giver,
    accepted: Accepted,
    trace: Trace,
    voucher: VoucherFacts,
}

/// Remembers a voucher before anything follows from it.
pub(super) fn remember(giver: Giver, accepted: Accepted, trace: Trace, voucher: VoucherFacts) -> Transition {
    let state = RememberingVoucher { giver, accepted, trace, voucher };
    Transition {
        state: State::RememberingVoucher(Box::new(state)),
        action: Action::Work(Work::RememberVoucher(voucher)),
    }
}

impl RememberingVoucher {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        match event {
            Event::Done => shared.situation.newest_voucher = Some(self.voucher),
            // A bound that cannot be kept is no reason to refuse data that is in order.
            Event::Failed(refusal) => shared.record(Record::refused("voucher-remembered", &refusal)),
            _ => {}
        }
        data::accepted(self.giver, self.accepted, self.trace, shared)
    }
}

#[cfg(test)]
mod tests {
    use pki::time::Timestamp;
    use verdict::Digest;

    use super::*;

    fn facts(created_on: Option<i64>, owner: u8) -> VoucherFacts {
        VoucherFacts { created_on: created_on.map(Timestamp::from_unix), owner: Digest([owner; 32]) }
    }

    #[test]
    fn sec_03_an_owner_from_before_does_not_come_back_with_an_old_voucher() {
        let newest = Some(facts(Some(100), 1));
        for (voucher, counts) in [
            (facts(Some(99), 1), true),
            (facts(Some(101), 1), true),
            (facts(None, 1), true),
            (facts(Some(99), 2), false),
            (facts(None, 2), false),
            (facts(Some(100), 2), true),
            (facts(Some(101), 2), true),
        ] {
            let reason = judge(voucher, newest, Trace::new()).err().map(|refusal| refusal.reason);
            assert_eq!(reason, (!counts).then_some(ReasonCode::VoucherSuperseded), "{voucher:?}");
            assert!(judge(voucher, None, Trace::new()).is_ok());
        }
        assert!(is_newer(facts(Some(101), 1), newest) && is_newer(facts(Some(1), 1), None));
        assert!(!is_newer(facts(Some(100), 2), newest) && !is_newer(facts(None, 1), None));
    }
}
