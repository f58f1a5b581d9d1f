//! Which of a device's vouchers is served. Pure.

use std::cmp::Reverse;

use conveyed_info::{
    OwnershipVoucher,
    voucher::{Nonce, Voucher},
};
use pki::{
    certificate::Certificate,
    path::{self, Policy, Purpose},
    time::{Clock, Timestamp},
};

use super::{Bound, Summary, contents};

/// What is served of what a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// This voucher.
    Serve(&'a OwnershipVoucher),
    /// None: each holds a nonce, and not the one that was sent (SRV-08).
    NonceMismatch,
    /// None: there is none.
    Nothing,
}

/// Chooses among `vouchers`, the last stored first, for a device that sent `nonce` or none.
///
/// A voucher that holds a nonce is for the request that held it, and goes before all others there (RFC 8366 §5.3; SRV-07,
/// SRV-08). Of the others, those that have not expired go before those that have, those that pin this owner before those that
/// pin somebody else, newer before older ones, and at last those that were stored later. When nothing better is there, an
/// expired one is given all the same: a device without a clock does not judge dates (RFC 8572 §9.1).
#[must_use]
pub fn choose<'a>(
    vouchers: &'a [OwnershipVoucher],
    nonce: Option<&Nonce>,
    owner: &[Certificate],
    now: Timestamp,
) -> Choice<'a> {
    match vouchers {
        [] => Choice::Nothing,
        [one] if super::answers(one, nonce) => Choice::Serve(one),
        [_] => Choice::NonceMismatch,
        several => {
            let answering = several.iter().filter(|voucher| super::answers(voucher, nonce));
            // The first of the best: the order is that of storing.
            let best = answering.min_by_key(|voucher| rank(voucher, owner, now));
            best.map_or(Choice::NonceMismatch, Choice::Serve)
        }
    }
}

/// Lower is better.
fn rank(artifact: &OwnershipVoucher, owner: &[Certificate], now: Timestamp) -> impl Ord + use<> {
    let summary = Summary::of(artifact);
    let nonceless = summary.bound.nonce().is_none();
    let expired = summary.bound.expires_on().is_some_and(|moment| moment < now);
    let foreign = contents(artifact).is_some_and(|voucher| !pins(&voucher, owner, now));
    (nonceless, expired, foreign, summary.bound == Bound::Unknown, Reverse(summary.created_on))
}

/// Whether the owner's chain leads to what a voucher pins (RFC 8572 §5.4 step 2a).
#[must_use]
pub fn pins(voucher: &Voucher, owner: &[Certificate], now: Timestamp) -> bool {
    let Some((own, intermediates)) = owner.split_first() else { return true };
    let anchors = std::slice::from_ref(&voucher.pinned_domain_cert);
    path::validate(own, intermediates, anchors, &Policy::new(Clock::Trusted(now), Purpose::Signing)).is_ok()
}

#[cfg(test)]
mod tests {
    use authority::{ManufacturerParty, OwnerParty, Validity, VoucherRequest};
    use pki::identity::SerialNumber;

    use super::*;

    const DAY: i64 = 86_400;

    fn now() -> Timestamp {
        Timestamp::from_unix(1_790_000_000)
    }

    struct Makers {
        maker: ManufacturerParty,
        owner: OwnerParty,
    }

    impl Makers {
        fn new() -> Self {
            let maker = ManufacturerParty::new("Maker", now().plus_seconds(-400 * DAY)).unwrap();
            Self { maker, owner: OwnerParty::new("Owner", &[], now()).unwrap() }
        }

        /// A voucher made this many days from now.
        fn voucher(&self, pinned: &OwnerParty, validity: Validity, days: i64) -> OwnershipVoucher {
            let pinned_domain_cert = pinned.pinned().unwrap().clone();
            let serial_number = SerialNumber::new("SN-1").unwrap();
            let request = VoucherRequest { serial_number, pinned_domain_cert, idevid: None, validity };
            self.maker.masa().issue(&request, now().plus_seconds(days * DAY)).unwrap()
        }

        fn choose<'a>(&self, vouchers: &'a [OwnershipVoucher], nonce: Option<&Nonce>) -> Choice<'a> {
            choose(vouchers, nonce, &self.owner.chain, now())
        }
    }

    fn until(days: i64) -> Validity {
        Validity::Until(Some(now().plus_seconds(days * DAY)))
    }

    #[test]
    fn vch_21_the_newest_valid_voucher_is_served_in_whatever_order_they_came() {
        let all = Makers::new();
        let (old, new) = (all.voucher(&all.owner, until(10), -5), all.voucher(&all.owner, until(20), -1));
        let expired = all.voucher(&all.owner, until(-1), -2);
        let late = all.voucher(&all.owner, Validity::Unlimited, -9);
        for order in [[&old, &new, &expired, &late], [&late, &expired, &new, &old], [&expired, &late, &old, &new]] {
            let order = order.map(Clone::clone);
            assert_eq!(all.choose(&order, None), Choice::Serve(&new));
        }
        // A clock that cannot be believed is the device's matter: an expired voucher is better than none.
        assert_eq!(all.choose(std::slice::from_ref(&expired), None), Choice::Serve(&expired));
        assert_eq!(all.choose(&[expired, old.clone()], None), Choice::Serve(&old));
        assert_eq!(all.choose(&[], None), Choice::Nothing);
    }

    #[test]
    fn a_voucher_that_pins_a_former_owner_is_served_last() {
        let all = Makers::new();
        let former = OwnerParty::new("Former owner", &[], now()).unwrap();
        let (foreign, own) = (all.voucher(&former, until(90), -1), all.voucher(&all.owner, until(9), -8));
        assert_eq!(all.choose(&[foreign.clone(), own.clone()], None), Choice::Serve(&own));
        assert_eq!(all.choose(std::slice::from_ref(&foreign), None), Choice::Serve(&foreign));
    }

    #[test]
    fn srv_08_a_nonced_voucher_answers_its_request_and_no_other() {
        let all = Makers::new();
        let nonce = |octet| Nonce::for_request(vec![octet; 16]).unwrap();
        let nonced = all.voucher(&all.owner, Validity::Nonce(nonce(1)), -3);
        let plain = all.voucher(&all.owner, until(9), -1);
        let both = [plain.clone(), nonced.clone()];
        assert_eq!(all.choose(&both, Some(&nonce(1))), Choice::Serve(&nonced));
        assert_eq!(all.choose(&both, Some(&nonce(2))), Choice::Serve(&plain));
        assert_eq!(all.choose(&both, None), Choice::Serve(&plain));
        let others = [nonced, all.voucher(&all.owner, Validity::Nonce(nonce(3)), -1)];
        assert_eq!(all.choose(&others, Some(&nonce(2))), Choice::NonceMismatch);
        assert_eq!(all.choose(&others[..1], None), Choice::NonceMismatch);
    }
}
