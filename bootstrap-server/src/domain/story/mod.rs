//! The story of one device: what happened, what it waits for, who must act, what it would be told if it asked now, and whether
//! a device would accept that. Pure; shown alike by the operator API and by `sztp explain SERIAL`.

mod judgement;
mod steps;

pub use judgement::{Judgement, Offer, judge};
pub use steps::Step;

use audit_log::UnixMillis;
use pki::time::{Clock, Timestamp};
use verdict::{ReasonCode, Trace};

use super::{
    Dossier, Manufacturer, Policies, Responsible, State,
    decision::{Standing, served_until, standing},
    waiting::{self, Stuck, Waiting},
};
use crate::store::StoredRecord;

/// What a story is told from.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What is known about the device.
    pub dossier: &'a Dossier,
    /// Who made it, where that is known here.
    pub manufacturer: Option<&'a Manufacturer>,
    /// The records of the log about it, oldest first.
    pub records: &'a [StoredRecord],
    /// The owner's rules.
    pub policies: &'a Policies,
    /// What would be served to it now, in the order in which it would ask: with and then without a reason to trust us.
    pub offers: &'a [Offer],
    /// The server's clock.
    pub now: UnixMillis,
}

/// The story.
#[derive(Clone, Debug)]
pub struct Story {
    /// What happened, oldest first.
    pub steps: Vec<Step>,
    /// What it waits for, unless it is at an end.
    pub waiting: Option<Waiting>,
    /// What is wrong, when it has waited too long.
    pub stuck: Option<Stuck>,
    /// How it stands.
    pub standing: Standing,
    /// What it would be told if it asked now, in one sentence.
    pub next_answer: String,
    /// Why nobody would get far with that, if so: the server's reason, or that for which a device would refuse.
    pub obstacle: Option<ReasonCode>,
    /// Who has to act now, if anybody.
    pub responsible: Option<Responsible>,
    /// What to do, if anything.
    pub remedy: Option<&'static str>,
    /// Every check that a device would make on what would be served.
    pub trace: Trace,
    /// The clocks that decide, where dates do.
    pub clocks: Option<String>,
}

/// Tells it.
#[must_use]
pub fn tell(case: &Case<'_>) -> Story {
    let Case { dossier, policies, now, .. } = *case;
    let patience = dossier.profile.as_ref().map(|profile| profile.patience).unwrap_or_default();
    let deadlines = policies.deadlines.with(patience);
    let device = dossier.device.as_ref();
    let waiting = device.and_then(|device| waiting::waiting(device, deadlines));
    let stuck = device.and_then(|device| waiting::stuck(device, now, deadlines));
    let standing = standing(dossier, now, policies);
    let (next_answer, obstacle, trace) = next(case, &standing);
    // What is wrong with the answer is wrong whatever the deadlines say; then what is late; then what is odd.
    let alarm = device.and_then(|device| device.alarm).map(|alarm| alarm.reason);
    let reason = obstacle.or_else(|| stuck.map(|stuck| stuck.reason)).or(alarm);
    let responsible = match (obstacle, stuck) {
        (Some(_), _) => Some(Responsible::Operator),
        (None, Some(stuck)) => Some(stuck.responsible),
        (None, None) => waiting.map(|waiting| waiting.responsible),
    };
    Story {
        steps: steps::of(case.records),
        waiting,
        stuck,
        standing,
        next_answer,
        obstacle,
        responsible,
        remedy: reason.map(ReasonCode::remedy),
        trace,
        clocks: waiting.map(|waiting| clocks(now, waiting)),
    }
}

/// What a device would be told, and what would come of it.
fn next(case: &Case<'_>, standing: &Standing) -> (String, Option<ReasonCode>, Trace) {
    let told = |text: &str, reason: ReasonCode| (format!("{text}: {}.", reason.summary()), Some(reason), Trace::new());
    match standing {
        Standing::Hold(reason) => told("It would be held for a person", *reason),
        Standing::Wait(reason) => told("It would be told to wait for a person", *reason),
        Standing::Refuse(reason) | Standing::TurnAway(reason) => told("It would be turned away", *reason),
        Standing::Admit(_) | Standing::Return => offered(case),
        Standing::Serve => {
            let (text, obstacle, trace) = offered(case);
            // RFC 8572 §9.10: what is so now is another story soon, and nothing happens in between that would be told.
            match served_until(case.dossier, case.policies) {
                None => (text, obstacle, trace),
                Some(until) => {
                    let until = timestamp(until);
                    let text = format!(
                        "It is bootstrapped and needs nothing. Should it ask again before {until}, that counts as the \
                         attempt that bootstrapped it: {text} After that it would be held for a person."
                    );
                    (text, obstacle, trace)
                }
            }
        }
    }
}

fn offered(case: &Case<'_>) -> (String, Option<ReasonCode>, Trace) {
    let clock = Clock::Trusted(timestamp(case.now));
    let (mut text, mut trace) = (Vec::new(), Trace::new());
    for offer in case.offers {
        let judgement = judge(offer, case.manufacturer, &case.dossier.id, clock);
        text.push(judgement.sentence(offer));
        match judgement {
            Judgement::Accepted(checks) => trace.extend(checks),
            Judgement::Refused(refusal) => {
                trace.extend(refusal.trace);
                return (text.join(" "), Some(refusal.reason), trace);
            }
            Judgement::Nothing(reason) => return (text.join(" "), Some(reason), trace),
            Judgement::Unjudged => {}
        }
    }
    (text.join(" "), None, trace)
}

/// Both clocks that a deadline depends on: the one that wrote, and the one that reads.
fn clocks(now: UnixMillis, waiting: Waiting) -> String {
    let [since, until, now] = [waiting.since, waiting.until, now].map(timestamp);
    format!("recorded {since}, in order until {until}, the server's clock says {now}")
}

fn timestamp(at: UnixMillis) -> Timestamp {
    Timestamp::from_unix(i64::try_from(at.0 / 1000).unwrap_or(i64::MAX))
}

/// How a device stands, in one sentence for people.
#[must_use]
pub fn state_sentence(state: State) -> String {
    match state {
        State::Registered => "It is on the list and has no voucher.".to_owned(),
        State::Vouched => "It is on the list, its voucher is there, and it has not begun.".to_owned(),
        State::Held(reason) => format!("It waits for a person: {}.", reason.summary()),
        State::Seen(reason) => format!("It asked and was given nothing: {}.", reason.summary()),
        State::Redirected => "It was sent to a server that it can authenticate.".to_owned(),
        State::Referred => "It was sent to other servers, as its profile has it.".to_owned(),
        State::Onboarding(None) => "It has its onboarding information and has not reported yet.".to_owned(),
        State::Onboarding(Some(report)) => format!("It is being onboarded; it reported {report} last."),
        State::Bootstrapped => "It is bootstrapped.".to_owned(),
        State::Failed(report) => format!("Its onboarding failed; it reported {report}."),
        State::Refused(reason) => format!("It is turned away: {}.", reason.summary()),
        State::Retired => "It is retired.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use audit_log::{Leaf, LogIndex, Salt};
    use authority::{ManufacturerParty, OwnerParty};
    use conveyed_info::{
        information::{BootstrapServer, Information, RedirectInformation, TrustAnchor},
        make::Style,
    };
    use pki::identity::SerialNumber;

    use super::*;
    use crate::{
        Owner,
        audit::Event,
        domain::{Device, DeviceId, ManufacturerName, OnboardingProfile, Particulars, ProfileName},
        owner::Audience,
    };

    struct World {
        maker: ManufacturerParty,
        owner: OwnerParty,
        manufacturer: Manufacturer,
        dossier: Dossier,
        now: UnixMillis,
    }

    fn world() -> World {
        let time = Timestamp::from_system(std::time::SystemTime::now());
        let now = UnixMillis(u64::try_from(time.unix()).unwrap() * 1000);
        let maker = ManufacturerParty::new("Maker", time).unwrap();
        let owner = OwnerParty::new("Owner", &["127.0.0.1".to_owned()], time).unwrap();
        let manufacturer = Manufacturer {
            voucher_anchors: maker.voucher_anchors().to_vec(),
            ..Manufacturer::new(ManufacturerName::new("maker").unwrap(), maker.device_anchors().to_vec())
        };
        let serial_number = SerialNumber::new("SN-1").unwrap();
        let id = DeviceId { manufacturer: manufacturer.name.clone(), serial_number };
        let profile = "post-configuration-script = 'x'\n";
        let dossier = Dossier {
            device: Some(Device::new(id.clone(), State::Vouched, now, LogIndex(0))),
            vouchers: vec![maker.voucher(&id.serial_number, owner.pinned().unwrap(), time).unwrap()],
            profile: Some(Arc::new(OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), profile).unwrap())),
            id,
        };
        World { maker, owner, manufacturer, dossier, now }
    }

    /// What a server with this key would serve to a device that has no reason to trust it, and then to one that has.
    fn offers(world: &World) -> [Offer; 2] {
        let key = pki::key::FileKey::from_pem(world.owner.key.to_pem().as_bytes()).unwrap();
        let owner = Owner::new(Box::new(key), world.owner.chain.clone()).unwrap();
        let here = BootstrapServer {
            address: "127.0.0.1".to_owned(),
            port: 443,
            trust_anchor: Some(TrustAnchor::new(world.owner.tls_anchor()).unwrap()),
        };
        let redirect = Information::Redirect(RedirectInformation::new(vec![here]).unwrap());
        let onboarding = Information::Onboarding(world.dossier.profile.as_ref().unwrap().information.clone());
        let voucher = world.dossier.vouchers[0].clone();
        let signed = |information: &Information| {
            owner.signed(information, Style::default(), Audience::Class, voucher.clone()).unwrap()
        };
        [Offer::ToStranger(signed(&redirect)), Offer::ToTrusting(signed(&onboarding))]
    }

    fn record(position: u64, event: &Event) -> StoredRecord {
        let (salt, body) = (Salt::new([0; 32]), event.body(None));
        let leaf = Leaf::commit_to(UnixMillis(position), event.kind(), &salt, &body).encode().to_vec();
        StoredRecord {
            log: crate::store::LogNumber(0),
            position: LogIndex(position),
            leaf,
            opening: Some((salt, body)),
            damage: None,
        }
    }

    fn story(world: &World, offers: &[Offer], later: u64) -> Story {
        let (policies, device) = (Policies::default(), world.dossier.id.clone());
        let profile = ProfileName::new("bmc").unwrap();
        let particulars = Box::new(Particulars::default());
        let records = [
            record(3, &Event::DeviceRegistered { device: device.clone(), profile, particulars }),
            record(5, &Event::VoucherStored { device, voucher: world.dossier.vouchers[0].clone() }),
        ];
        tell(&Case {
            dossier: &world.dossier,
            manufacturer: Some(&world.manufacturer),
            records: &records,
            policies: &policies,
            offers,
            now: UnixMillis(world.now.0 + later),
        })
    }

    #[test]
    fn a_device_that_has_only_to_be_switched_on() {
        let world = world();
        let story = story(&world, &offers(&world), 0);
        assert_eq!(story.obstacle, None, "{}", story.next_answer);
        assert!(
            story.next_answer.contains("redirect") && story.next_answer.contains("accept"),
            "{}",
            story.next_answer
        );
        assert!(story.trace.checks().iter().any(|check| check.check == "owner-certificate-path"));
        assert_eq!((story.responsible, story.remedy, story.stuck), (Some(Responsible::Device), None, None));
        assert_eq!(
            story.steps.iter().map(|step| step.event.as_str()).collect::<Vec<_>>(),
            ["device-registered", "voucher-stored"]
        );
        assert!(story.steps[0].summary.contains("bmc"), "{}", story.steps[0].summary);
        assert!(story.clocks.unwrap().contains("server's clock"));
    }

    #[test]
    fn what_a_device_would_refuse_is_told_before_it_asks() {
        let mut world = world();
        // The voucher pins somebody else.
        let stranger = OwnerParty::new("Stranger", &["127.0.0.1".to_owned()], timestamp(world.now)).unwrap();
        let serial = world.dossier.id.serial_number.clone();
        world.dossier.vouchers =
            vec![world.maker.voucher(&serial, stranger.pinned().unwrap(), timestamp(world.now)).unwrap()];
        let story = story(&world, &offers(&world), 0);
        assert_eq!(story.obstacle, Some(ReasonCode::OwnerNotPinned));
        assert_eq!(story.responsible, Some(Responsible::Operator));
        assert_eq!(story.remedy, Some(ReasonCode::OwnerNotPinned.remedy()));
        assert!(story.next_answer.contains("refuse"), "{}", story.next_answer);
    }

    #[test]
    fn what_cannot_be_judged_is_said() {
        let mut world = world();
        world.manufacturer.voucher_anchors.clear();
        let story = story(&world, &offers(&world), 0);
        assert_eq!(story.obstacle, None);
        assert!(story.next_answer.contains("cannot be judged"), "{}", story.next_answer);
    }

    #[test]
    fn what_a_bootstrapped_device_would_be_told_is_what_would_happen_now() {
        let mut world = world();
        let offers = offers(&world);
        let device = world.dossier.device.as_mut().unwrap();
        (device.state, device.attempt_since) = (State::Bootstrapped, Some(world.now));
        let four_hours = 4 * 3_600_000;
        let within = story(&world, &offers, four_hours - 1);
        assert_eq!((&within.standing, within.obstacle), (&Standing::Serve, None));
        let until = timestamp(UnixMillis(world.now.0 + four_hours)).to_string();
        for said in ["needs nothing", until.as_str(), "redirect", "would be held"] {
            assert!(within.next_answer.contains(said), "{said}: {}", within.next_answer);
        }
        let after = story(&world, &offers, four_hours + 1);
        assert_eq!(after.obstacle, Some(ReasonCode::DeviceReturned));
        assert!(after.next_answer.starts_with("It would be held for a person"), "{}", after.next_answer);
        assert!(!after.next_answer.contains("redirect"), "{}", after.next_answer);
        world.dossier.device.as_mut().unwrap().state = State::Onboarding(None);
        assert!(!story(&world, &offers, 0).next_answer.contains("held"));
    }

    #[test]
    fn a_device_that_waits_too_long_or_for_a_person() {
        let mut world = world();
        let offers = offers(&world);
        let late = story(&world, &offers, 31 * 86_400_000);
        assert_eq!(late.stuck.map(|stuck| stuck.reason), Some(ReasonCode::NeverSeen));
        assert_eq!(late.remedy, Some(ReasonCode::NeverSeen.remedy()));
        world.dossier.device.as_mut().unwrap().state = State::Held(ReasonCode::DeviceReturned);
        let held = story(&world, &offers, 0);
        assert_eq!((held.obstacle, held.responsible), (Some(ReasonCode::DeviceReturned), Some(Responsible::Operator)));
        assert!(held.next_answer.starts_with("It would be told to wait for a person: A bootstrapped device"));
        let nothing = [Offer::Nothing(ReasonCode::SignedDataUnavailable)];
        world.dossier.device.as_mut().unwrap().state = State::Registered;
        assert_eq!(story(&world, &nothing, 0).obstacle, Some(ReasonCode::SignedDataUnavailable));
    }
}
