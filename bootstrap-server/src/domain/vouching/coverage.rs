//! How a device that is about to be delivered stands: will it be onboarded when somebody switches it on, and if not, what is
//! to be done? Pure.

use std::fmt;

use pki::{digest::Digest, identity::SerialNumber, time::Timestamp};
use verdict::ReasonCode;

use super::{Bound, Summary};
use crate::{
    domain::{DeviceId, ManufacturerName, Policies, State, Unregistered},
    store::Stock,
};

/// A device as a delivery list names it, and what is in stock under that name.
#[derive(Clone, Copy, Debug)]
pub struct Awaited<'a> {
    /// Its serial number, as it is written there.
    pub serial_number: &'a SerialNumber,
    /// Who made it, when that is said.
    pub manufacturer: Option<&'a ManufacturerName>,
    /// What is in stock under this very serial number.
    pub exact: &'a [Stock],
    /// What is in stock under other ways to write it ([`super::spellings`]); looked for only where `exact` has nothing.
    pub alike: &'a [Stock],
}

/// What a device is measured by.
pub struct Yardstick<'a> {
    /// The present.
    pub now: Timestamp,
    /// Until when its voucher must last.
    pub until: Timestamp,
    /// The owner's policies.
    pub policies: &'a Policies,
    /// Whether the owner's certificate chains to the certificate with this digest.
    pub pins_owner: &'a (dyn Fn(&Digest) -> bool + Send + Sync),
    /// Whether vouchers of this manufacturer can be fetched from it.
    pub renews: &'a (dyn Fn(&ManufacturerName) -> bool + Send + Sync),
}

impl fmt::Debug for Yardstick<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yardstick").field("now", &self.now).field("until", &self.until).finish_non_exhaustive()
    }
}

/// How a device stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Which device it is, when that can be told.
    pub device: Option<DeviceId>,
    /// What stands in its way, the worst first. Nothing: it is ready.
    pub problems: Vec<Problem>,
    /// Until when its best voucher lasts.
    pub expires_on: Option<Timestamp>,
}

/// Something that stands in a device's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing.
    pub reason: ReasonCode,
    /// What is so, for this device.
    pub detail: String,
    /// What to do: a command, or a sentence where no command does it.
    pub fix: String,
}

impl Problem {
    fn new(reason: ReasonCode, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), fix: fix.into() }
    }
}

/// Measures one device.
#[must_use]
pub fn measure(awaited: &Awaited<'_>, yardstick: &Yardstick<'_>) -> Coverage {
    let serial = awaited.serial_number;
    let of_maker =
        |stock: &&Stock| awaited.manufacturer.is_none_or(|manufacturer| *manufacturer == stock.device.manufacturer);
    let found: Vec<_> = awaited.exact.iter().filter(of_maker).collect();
    match found.as_slice() {
        [one] => of_stock(one, yardstick),
        [] => {
            let named = awaited
                .manufacturer
                .map(|manufacturer| DeviceId { manufacturer: manufacturer.clone(), serial_number: serial.clone() });
            let alike: Vec<_> = awaited.alike.iter().filter(of_maker).map(|stock| &stock.device).collect();
            let mut problems = Vec::new();
            if alike.is_empty() {
                problems.push(missing(named.as_ref(), serial, yardstick));
            } else {
                // RFC 8572 §5.4 (VCH-07): devices compare it octet by octet.
                let meant: Vec<_> = alike.iter().map(ToString::to_string).collect();
                let detail = format!("nothing is known of {serial}, but of {}", meant.join(", "));
                let fix = match alike.as_slice() {
                    [one] => format!("Write {} in the list.", one.serial_number),
                    _ => "Look at the device's label, and correct the list.".to_owned(),
                };
                problems.push(Problem::new(ReasonCode::SerialSpelledOtherwise, detail, fix));
            }
            if alike.is_empty() && !admits(yardstick, awaited.manufacturer) {
                problems.push(unregistered(awaited.manufacturer, serial));
            }
            Coverage { device: named, problems, expires_on: None }
        }
        several => {
            let makers: Vec<_> = several.iter().map(|stock| stock.device.manufacturer.as_str()).collect();
            let detail = format!("{serial} is a device of {}", makers.join(", and one of "));
            let fix = "Say which in the list's column manufacturer.";
            let problems = vec![Problem::new(ReasonCode::ManufacturerAmbiguous, detail, fix)];
            Coverage { device: None, problems, expires_on: None }
        }
    }
}

fn of_stock(stock: &Stock, yardstick: &Yardstick<'_>) -> Coverage {
    let id = &stock.device;
    let serial = &id.serial_number;
    let mut problems = Vec::new();
    let best = best(&stock.vouchers, yardstick);
    let another = || obtain(id, yardstick);
    match best {
        None if stock.vouchers.is_empty() => problems.push(missing(Some(id), serial, yardstick)),
        // VCH-15.
        None => {
            problems.push(Problem::new(ReasonCode::VoucherForOneRequest, "its only voucher holds a nonce", another()))
        }
        Some(voucher) => {
            if !pins_owner(voucher, yardstick) {
                problems.push(Problem::new(
                    ReasonCode::OwnerNotPinned,
                    "its voucher pins another owner",
                    format!("Have the manufacturer record you as its owner. Then: {}", another()),
                ));
            }
            if let Some(ends) = voucher.bound.expires_on() {
                if ends < yardstick.now {
                    let detail = format!("its voucher expired on {ends}");
                    problems.push(Problem::new(ReasonCode::VoucherExpired, detail, another()));
                } else if ends < yardstick.until {
                    let detail = format!("its voucher expires on {ends}, and it is to last until {}", yardstick.until);
                    problems.push(Problem::new(ReasonCode::VoucherEndsEarly, detail, another()));
                }
            }
        }
    }
    match &stock.listed {
        None if !admits(yardstick, Some(&id.manufacturer)) => {
            problems.push(unregistered(Some(&id.manufacturer), serial));
        }
        None => {}
        Some(listed) => problems.extend(of_state(id, listed.state, listed.profile.is_some())),
    }
    let expires_on = best.and_then(|voucher| voucher.bound.expires_on());
    Coverage { device: Some(id.clone()), problems, expires_on }
}

/// What the device's state says against it.
fn of_state(id: &DeviceId, state: State, has_profile: bool) -> Option<Problem> {
    let named = quoted(&id.to_string());
    match state {
        State::Retired => Some(Problem::new(
            ReasonCode::DeviceRetired,
            "it was taken out of service",
            format!("sztp device reprovision {named} --reason REASON"),
        )),
        State::Bootstrapped => Some(Problem::new(
            ReasonCode::DeviceOnboarded,
            "it was onboarded before",
            format!("sztp device reprovision {named} --reason REASON"),
        )),
        State::Held(reason) | State::Refused(reason) => {
            Some(Problem::new(reason, format!("it is {}", state.as_str()), format!("sztp explain {named}")))
        }
        _ if !has_profile => Some(Problem::new(
            ReasonCode::DeviceUnknown,
            "nobody has said what it is to become",
            format!("sztp device change {named} --profile PROFILE"),
        )),
        State::Registered
        | State::Vouched
        | State::Seen(_)
        | State::Redirected
        | State::Referred
        | State::Onboarding(_)
        | State::Failed(_) => None,
    }
}

/// The voucher that will serve longest: of this owner before those of others.
fn best<'a>(vouchers: &'a [Summary], yardstick: &Yardstick<'_>) -> Option<&'a Summary> {
    vouchers.iter().filter(|voucher| voucher.bound.nonce().is_none()).max_by_key(|voucher| {
        let ends = match voucher.bound {
            Bound::Until(ends) => ends,
            Bound::Never | Bound::Nonce(_) | Bound::Unknown => Timestamp::INFINITY,
        };
        (pins_owner(voucher, yardstick), ends)
    })
}

/// Of one that cannot be read here, the device is the judge.
fn pins_owner(voucher: &Summary, yardstick: &Yardstick<'_>) -> bool {
    voucher.pinned.as_ref().is_none_or(|pinned| (yardstick.pins_owner)(pinned))
}

fn admits(yardstick: &Yardstick<'_>, manufacturer: Option<&ManufacturerName>) -> bool {
    let admitting = |unregistered: &Unregistered| matches!(unregistered, Unregistered::AdmitWithVoucher { .. });
    manufacturer.is_some_and(|name| admitting(yardstick.policies.unregistered(name)))
}

fn missing(id: Option<&DeviceId>, serial: &SerialNumber, yardstick: &Yardstick<'_>) -> Problem {
    let fix = id.map_or_else(|| import(serial), |id| obtain(id, yardstick));
    Problem::new(ReasonCode::VoucherMissing, "there is no voucher for it", fix)
}

/// How to come by another voucher for a device.
fn obtain(id: &DeviceId, yardstick: &Yardstick<'_>) -> String {
    if (yardstick.renews)(&id.manufacturer) {
        format!("sztp voucher renew {}", quoted(&id.to_string()))
    } else {
        import(&id.serial_number)
    }
}

fn import(serial: &SerialNumber) -> String {
    format!("Ask the manufacturer for a voucher for {serial} that pins your CA. Then: sztp voucher import FILE")
}

fn unregistered(manufacturer: Option<&ManufacturerName>, serial: &SerialNumber) -> Problem {
    let maker = manufacturer.map_or("MANUFACTURER", |name| name.as_str());
    let fix = format!("sztp device add {} --profile PROFILE", quoted(&format!("{maker}/{serial}")));
    Problem::new(ReasonCode::DeviceNotRegistered, "it is not on the list of devices", fix)
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:@+=".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use conveyed_info::voucher::Nonce;

    use super::*;
    use crate::{domain::ProfileName, store::StockListed};

    const DAY: i64 = 86_400;

    fn now() -> Timestamp {
        Timestamp::from_unix(1_790_000_000)
    }

    fn voucher(bound: Bound, pinned: u8) -> Summary {
        Summary { sha256: Digest([0; 32]), created_on: Some(now()), bound, pinned: Some(Digest([pinned; 32])) }
    }

    fn ends(days: i64) -> Bound {
        Bound::Until(now().plus_seconds(days * DAY))
    }

    fn stock(maker: &str, vouchers: Vec<Summary>, state: Option<State>) -> Stock {
        let profile = Some(ProfileName::new("bmc").unwrap());
        Stock {
            device: DeviceId {
                manufacturer: ManufacturerName::new(maker).unwrap(),
                serial_number: SerialNumber::new("SN-1").unwrap(),
            },
            listed: state.map(|state| StockListed { state, profile }),
            vouchers,
        }
    }

    /// The owner's certificates are those with the digest 1; only the first maker renews.
    fn reasons(exact: &[Stock], alike: &[Stock], policies: &Policies) -> Vec<ReasonCode> {
        let serial_number = SerialNumber::new("SN-1").unwrap();
        let awaited = Awaited { serial_number: &serial_number, manufacturer: None, exact, alike };
        let yardstick = Yardstick {
            now: now(),
            until: now().plus_seconds(30 * DAY),
            policies,
            pins_owner: &|digest| digest.0 == [1; 32],
            renews: &|name| name.as_str() == "renewing",
        };
        let coverage = measure(&awaited, &yardstick);
        assert!(coverage.problems.iter().all(|it| !it.fix.is_empty() && !it.detail.is_empty()));
        coverage.problems.into_iter().map(|problem| problem.reason).collect()
    }

    #[test]
    fn each_thing_in_the_way_is_named_and_nothing_else() {
        use ReasonCode as R;
        let held = Policies::default();
        let nonced = Bound::Nonce(Nonce::for_voucher(vec![1; 16]).unwrap());
        let registered = Some(State::Vouched);
        for (vouchers, state, expected) in [
            (vec![voucher(Bound::Never, 1)], registered, vec![]),
            (vec![voucher(ends(31), 1)], registered, vec![]),
            (vec![voucher(ends(29), 1)], registered, vec![R::VoucherEndsEarly]),
            (vec![voucher(ends(-1), 1)], registered, vec![R::VoucherExpired]),
            (vec![voucher(Bound::Never, 2)], registered, vec![R::OwnerNotPinned]),
            (vec![voucher(ends(-1), 2)], registered, vec![R::OwnerNotPinned, R::VoucherExpired]),
            // The best of several counts.
            (vec![voucher(Bound::Never, 2), voucher(ends(31), 1), voucher(ends(1), 1)], registered, vec![]),
            (vec![voucher(nonced.clone(), 1)], registered, vec![R::VoucherForOneRequest]),
            (vec![voucher(nonced, 1), voucher(ends(40), 1)], registered, vec![]),
            (vec![], Some(State::Registered), vec![R::VoucherMissing]),
            (vec![voucher(Bound::Never, 1)], None, vec![R::DeviceNotRegistered]),
            (vec![voucher(Bound::Never, 1)], Some(State::Retired), vec![R::DeviceRetired]),
            (vec![voucher(Bound::Never, 1)], Some(State::Bootstrapped), vec![R::DeviceOnboarded]),
            (vec![voucher(Bound::Never, 1)], Some(State::Held(R::DeviceReturned)), vec![R::DeviceReturned]),
        ] {
            assert_eq!(reasons(&[stock("maker", vouchers.clone(), state)], &[], &held), expected, "{vouchers:?}");
        }
    }

    #[test]
    fn a_policy_that_admits_whoever_has_a_voucher_makes_unregistered_devices_ready() {
        let profile = ProfileName::new("bmc").unwrap();
        let unregistered = Unregistered::AdmitWithVoucher { profile };
        let admitting = Policies { unregistered, ..Policies::default() };
        let vouched = stock("maker", vec![voucher(Bound::Never, 1)], None);
        assert_eq!(reasons(&[vouched], &[], &admitting), []);
    }

    #[test]
    fn vch_07_a_serial_number_that_is_written_otherwise_is_suggested_and_not_taken() {
        let known = stock("maker", vec![voucher(Bound::Never, 1)], Some(State::Vouched));
        let found = reasons(&[], std::slice::from_ref(&known), &Policies::default());
        assert_eq!(found, [ReasonCode::SerialSpelledOtherwise]);
        let two = [known, stock("renewing", vec![voucher(Bound::Never, 1)], None)];
        assert_eq!(reasons(&two, &[], &Policies::default()), [ReasonCode::ManufacturerAmbiguous]);
        let nothing = reasons(&[], &[], &Policies::default());
        assert_eq!(nothing, [ReasonCode::VoucherMissing, ReasonCode::DeviceNotRegistered]);
    }

    #[test]
    fn a_fix_is_a_command_that_a_shell_takes_as_it_stands() {
        for (word, shell) in [("SN-1", "SN-1"), ("a b", "'a b'"), ("a'b", r"'a'\''b'"), ("$(x)", "'$(x)'")] {
            assert_eq!(quoted(word), shell);
        }
    }
}
