//! What a transfer of ownership leaves behind: vouchers that pin the old owner, and until when they will be believed.

use conveyed_info::voucher::Freshness;
use pki::{identity::SerialNumber, time::Timestamp};

use super::domain::OwnerName;

/// A voucher that was issued, as it is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedVoucher {
    /// For which device.
    pub serial_number: SerialNumber,
    /// Whom it pins.
    pub owner: OwnerName,
    /// When it was issued.
    pub created_on: Timestamp,
    /// How it is bound in time.
    pub freshness: Freshness,
}

/// A voucher that a device still believes, although it pins somebody who is not the owner any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive<'a> {
    /// The voucher.
    pub voucher: &'a IssuedVoucher,
    /// For how long.
    pub until: Until,
}

/// Until when a voucher is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// By a device that repeats the nonce: in practice not after its next restart.
    NonceOnly,
    /// Until this moment. It is not renewed.
    Date(Timestamp),
    /// For ever, and nothing calls it back: only a device that has accepted a newer voucher refuses it.
    Forever,
}

/// Of the vouchers of one device, those that pin somebody else than `owner` and are alive, longest-lived first. There is no
/// way to revoke a voucher (RFC 8366 §6.1): a new owner should know of these, and wait or reset the device's trust.
#[must_use]
pub fn still_alive<'a>(issued: &'a [IssuedVoucher], owner: Option<&OwnerName>, now: Timestamp) -> Vec<Alive<'a>> {
    let others = issued.iter().filter(|voucher| Some(&voucher.owner) != owner);
    let mut alive: Vec<_> = others
        .filter_map(|voucher| {
            let until = match voucher.freshness {
                Freshness::Nonce(_) => Until::NonceOnly,
                Freshness::ExpiresOn { expires_on, .. } if expires_on <= now => return None,
                Freshness::ExpiresOn { expires_on, .. } => Until::Date(expires_on),
                Freshness::Unlimited => Until::Forever,
            };
            Some(Alive { voucher, until })
        })
        .collect();
    alive.sort_by_key(|it| std::cmp::Reverse(it.until));
    alive
}

#[cfg(test)]
mod tests {
    use conveyed_info::voucher::Nonce;

    use super::*;

    #[test]
    fn vch_21_what_still_pins_the_old_owner_is_known_with_its_end() {
        let now = Timestamp::from_unix(1_790_000_000);
        let issued = |owner: &str, freshness: Freshness| IssuedVoucher {
            serial_number: SerialNumber::new("SN-1").unwrap(),
            owner: OwnerName::new(owner).unwrap(),
            created_on: now.plus_seconds(-100),
            freshness,
        };
        let until = |seconds| Freshness::ExpiresOn { expires_on: now.plus_seconds(seconds), last_renewal_date: None };
        let all = [
            issued("old", Freshness::Nonce(Nonce::for_request(vec![1; 16]).unwrap())),
            issued("old", until(10)),
            issued("old", until(0)),
            issued("old", Freshness::Unlimited),
            issued("older", until(20)),
            issued("new", Freshness::Unlimited),
        ];
        let new = OwnerName::new("new").unwrap();
        let ends = |owner| still_alive(&all, owner, now).into_iter().map(|it| it.until).collect::<Vec<_>>();
        let [long, short] = [20, 10].map(|seconds| Until::Date(now.plus_seconds(seconds)));
        assert_eq!(ends(Some(&new)), [Until::Forever, long, short, Until::NonceOnly]);
        // Taken back into stock: nobody's voucher counts.
        assert_eq!(ends(None).len(), 5);
    }
}
