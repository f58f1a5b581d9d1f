//! The plan against a model that knows no layers: a copy of everything for each batch, thrown away when it fails.

use std::collections::{BTreeMap, BTreeSet};

use pki::{digest::Digest, identity::SerialNumber};
use proptest::prelude::*;
use verdict::ReasonCode;

use super::*;
use crate::{
    audit::{Answer, Basis, Event},
    domain::{
        Device, ManufacturerName, OnboardingProfile, ProfileName, Role, Token, TokenId, User, UserName,
        change::{self, ChangeRefused, VoucherStock},
    },
    store::KeptAnswer,
};

const DOCUMENT: &str = "post-configuration-script = 'x'";

fn device(number: u8) -> DeviceId {
    DeviceId {
        manufacturer: ManufacturerName::new(if number < 4 { "maker" } else { "stranger" }).unwrap(),
        serial_number: SerialNumber::new(format!("SN-{number}")).unwrap(),
    }
}

fn profile(number: u8) -> ProfileName {
    ProfileName::new(format!("profile-{number}")).unwrap()
}

fn user(number: u8) -> UserName {
    UserName::new(format!("user-{number}")).unwrap()
}

fn token(number: u8, owner: u8) -> Token {
    let id = TokenId::new(format!("token-{number}")).unwrap();
    Token { id, user: user(owner), digest: Digest([number; 32]), created: UnixMillis(0), expires: None }
}

fn event() -> impl Strategy<Value = Event> {
    let source = std::net::IpAddr::from([127, 0, 0, 1]);
    let document = |number| OnboardingProfile::from_toml(profile(number), DOCUMENT).unwrap();
    let because = String::new;
    prop_oneof![
        4 => (0..5_u8, 0..3_u8).prop_map(|(d, p)| Event::DeviceRegistered {
            device: device(d), profile: profile(p), particulars: Box::default() }),
        1 => (0..4_u8).prop_map(move |d| Event::DeviceHeld { device: device(d), source, reason: ReasonCode::DeviceUnknown }),
        1 => (0..4_u8, prop::option::of(0..3_u8)).prop_map(move |(d, p)| Event::DeviceApproved {
            device: device(d), profile: p.map(profile), because: because() }),
        1 => (0..4_u8).prop_map(move |d| Event::DeviceRetired { device: device(d), because: because() }),
        1 => (0..4_u8).prop_map(move |d| Event::DeviceErased { device: device(d), because: because() }),
        1 => (0..4_u8, prop::option::of(0..3_u8)).prop_map(|(d, p)| Event::DeviceChanged {
            device: device(d), profile: p.map(profile), particulars: Box::default() }),
        1 => (0..4_u8).prop_map(move |d| Event::Answered { device: device(d), source, certificate: Digest([1; 32]),
            answer: Answer::Onboarding { conveyed_information: Digest([2; 32]) }, basis: Basis::of(&document(0)), departures: crate::domain::Departures::default() }),
        4 => (0..3_u8).prop_map(move |p| Event::ProfileApplied { profile: Box::new(document(p)) }),
        2 => (0..3_u8).prop_map(|p| Event::ProfileRemoved { profile: profile(p) }),
        2 => (0..3_u8, any::<bool>()).prop_map(|(u, admin)| Event::UserChanged {
            user: User { name: user(u), role: if admin { Role::Admin } else { Role::Viewer } } }),
        2 => (0..3_u8).prop_map(|u| Event::UserRemoved { user: user(u) }),
        2 => (0..3_u8, 0..2_u8).prop_map(|(t, u)| Event::TokenCreated { token: token(t, u) }),
        1 => (0..3_u8).prop_map(|t| Event::TokenRevoked { token: token(t, 0).id }),
        1 => Just(Event::ServerStarted { listen: String::new() }),
    ]
}

fn batch() -> impl Strategy<Value = Batch> {
    let parts = (
        prop::collection::vec(event(), 1..4),
        prop::option::weighted(0.2, (0..4_u8, 0..30_u64)),
        prop::option::weighted(0.2, 0..3_u8),
    );
    parts.prop_map(|(events, expected, key)| {
        let mut events = events.into_iter();
        let mut batch = Batch::from(events.next().unwrap());
        for event in events {
            batch = batch.and(event);
        }
        if let Some((number, version)) = expected {
            batch = batch.expecting(device(number), LogIndex(version));
        }
        if let Some(key) = key {
            let answer = KeptAnswer { request: Digest([key; 32]), status: 200, body: Vec::new() };
            batch = batch.answering(user(0), key.to_string(), answer);
        }
        batch
    })
}

/// Everything, in the plainest form.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    leaves: u64,
    devices: BTreeMap<DeviceId, Device>,
    profiles: BTreeSet<ProfileName>,
    users: BTreeMap<UserName, Role>,
    tokens: BTreeMap<TokenId, UserName>,
    answers: BTreeSet<(UserName, String)>,
}

impl Model {
    fn commit(&mut self, batch: &Batch, now: UnixMillis) -> Outcome {
        let (mut next, first) = (self.clone(), LogIndex(self.leaves));
        if let Some((user, key, _)) = batch.answer()
            && !next.answers.insert((user.clone(), key.clone()))
        {
            return Err(StoreError::AnsweredBefore);
        }
        for (id, version) in batch.expectations() {
            let current = next.devices.get(id).ok_or_else(|| StoreError::NoDevice(id.clone()))?;
            if current.version != *version {
                return Err(StoreError::Changed(id.clone()));
            }
        }
        for event in batch.events() {
            next.apply(event, now)?;
            next.leaves += 1;
        }
        *self = next;
        Ok(first)
    }

    fn apply(&mut self, event: &Event, now: UnixMillis) -> Result<(), StoreError> {
        if let Some(id) = event.device() {
            if id.manufacturer.as_str() != "maker" {
                return Err(StoreError::NoManufacturer(id.manufacturer.to_string()));
            }
            let before = self.devices.get(id).cloned();
            let position = LogIndex(self.leaves);
            let after = change::after(before.clone(), VoucherStock::Missing, event, now, position);
            let after = after.map_err(|refused| match refused {
                ChangeRefused::AlreadyListed => StoreError::DeviceExists(id.clone()),
                ChangeRefused::NotListed => StoreError::NoDevice(id.clone()),
                refused => StoreError::Refused { device: id.clone(), refused },
            })?;
            if after.is_none() {
                self.devices.remove(id);
            }
            if after != before
                && let Some(device) = after
            {
                if let Some(name) = device.profile.as_ref().filter(|name| !self.profiles.contains(*name)) {
                    return Err(StoreError::NoProfile(name.to_string()));
                }
                self.devices.insert(id.clone(), device);
            }
        }
        match event {
            Event::ProfileApplied { profile } => {
                self.profiles.insert(profile.name.clone());
            }
            Event::ProfileRemoved { profile } => {
                let devices = self.devices.values().filter(|it| it.profile.as_ref() == Some(profile)).count();
                if !self.profiles.contains(profile) {
                    return Err(StoreError::NoProfile(profile.to_string()));
                }
                if devices > 0 {
                    let devices = u64::try_from(devices).unwrap();
                    return Err(StoreError::ProfileInUse { profile: profile.to_string(), devices });
                }
                self.profiles.remove(profile);
            }
            Event::UserChanged { user } => {
                let before = self.users.clone();
                self.users.insert(user.name.clone(), user.role);
                self.has_an_admin_if(&before, &user.name)?;
            }
            Event::UserRemoved { user } => {
                let before = self.users.clone();
                if self.users.remove(user).is_none() {
                    return Err(StoreError::NoUser(user.to_string()));
                }
                self.has_an_admin_if(&before, user)?;
                self.tokens.retain(|_, owner| owner != user);
            }
            Event::TokenCreated { token } => {
                if !self.users.contains_key(&token.user) {
                    return Err(StoreError::NoUser(token.user.to_string()));
                }
                self.tokens.insert(token.id.clone(), token.user.clone());
            }
            Event::TokenRevoked { token } => {
                self.tokens.remove(token).ok_or_else(|| StoreError::NoToken(token.to_string()))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Fails when there was an admin before, and there is none now.
    fn has_an_admin_if(&self, before: &BTreeMap<UserName, Role>, changed: &UserName) -> Result<(), StoreError> {
        let has = |users: &BTreeMap<UserName, Role>| users.values().any(|role| *role == Role::Admin);
        if has(before) && !has(&self.users) { Err(StoreError::LastAdmin(changed.to_string())) } else { Ok(()) }
    }

    /// What a database with this content would load.
    fn load(&self, needs: &Needs) -> Loaded {
        let devices = needs.devices.iter().map(|id| {
            let (device, voucher) = (self.devices.get(id).cloned(), VoucherStock::Missing);
            (id.clone(), KnownDevice { device, voucher })
        });
        let count = |name: &ProfileName| self.devices.values().filter(|it| it.profile.as_ref() == Some(name)).count();
        let leaving = needs.leaving.iter().map(|name| (name.clone(), u64::try_from(count(name)).unwrap()));
        let answers = needs.answers.intersection(&self.answers).cloned().collect();
        Loaded { devices: devices.collect(), with_profile: leaving.collect(), answers, ..Loaded::default() }
    }

    fn directory(&self) -> Directory {
        let manufacturers = BTreeSet::from([ManufacturerName::new("maker").unwrap()]);
        let (profiles, users, tokens) = (self.profiles.clone(), self.users.clone(), self.tokens.clone());
        Directory { manufacturers, profiles, users, tokens }
    }
}

proptest! {
    #[test]
    fn a_group_does_what_its_batches_do_one_after_the_other(
        groups in prop::collection::vec(prop::collection::vec(batch(), 1..12), 1..6)
    ) {
        // Twice the same story: told by the model, and by plans of what the model holds before each group.
        let mut model = Model::default();
        for (now, group) in (1_u64..).map(UnixMillis).zip(&groups) {
            let batches: Vec<&Batch> = group.iter().collect();
            let (mut directory, loaded) = (model.directory(), model.load(&Needs::of(&batches)));
            let situation = Situation { directory: &directory, loaded: &loaded, size: TreeSize(model.leaves), now };
            let Plan { outcomes, changes } = plan(&situation, &batches, || Ok(Salt::new([0; Salt::LEN])));
            let mut planned = model.clone();
            let expected: Vec<_> = group.iter().map(|batch| model.commit(batch, now)).collect();
            prop_assert_eq!(&outcomes, &expected);

            prop_assert_eq!(changes.leaves.len(), usize::try_from(model.leaves - planned.leaves).unwrap());
            for row in &changes.events {
                prop_assert!((planned.leaves..model.leaves).contains(&row.position.0));
            }
            directory.follow(&changes);
            prop_assert_eq!(&directory, &model.directory());
            for (id, device) in changes.devices {
                match device {
                    Some(device) => drop(planned.devices.insert(id, device)),
                    None => drop(planned.devices.remove(&id)),
                }
            }
            prop_assert_eq!(&planned.devices, &model.devices);
            planned.answers.extend(changes.answers.into_keys());
            prop_assert_eq!(&planned.answers, &model.answers);
        }
    }
}

#[test]
fn a_proof_never_makes_a_device_older() {
    let proof = |at| Proof { at: UnixMillis(at), source: [127, 0, 0, 1].into(), certificate: Digest([1; 32]) };
    let mut record = Device::new(device(1), crate::domain::State::Registered, UnixMillis(0), LogIndex(7));
    record.proof = Some(proof(5));
    let known = KnownDevice { device: Some(record), voucher: VoucherStock::Missing };
    let loaded = Loaded { devices: BTreeMap::from([(device(1), known)]), ..Loaded::default() };
    let mut changes = Changes::default();
    let now = UnixMillis(10);
    note_proofs(&mut changes, &loaded, &[(device(1), proof(4)), (device(2), proof(9))], now);
    assert!(changes.devices.is_empty(), "it is older, or of nobody on the list");
    note_proofs(&mut changes, &loaded, &[(device(1), proof(6))], now);
    let noted = changes.devices[&device(1)].as_ref().unwrap();
    assert_eq!(noted.proof, Some(proof(6)));
    assert_eq!(noted.version, LogIndex(7), "nobody decided anything");
    // A clock that was ahead does not hide where the device calls from for as long as it was ahead.
    note_proofs(&mut changes, &loaded, &[(device(1), proof(99))], now);
    note_proofs(&mut changes, &loaded, &[(device(1), proof(8))], now);
    assert_eq!(changes.devices[&device(1)].as_ref().unwrap().proof, Some(proof(8)));
    changes.devices.insert(device(1), None);
    note_proofs(&mut changes, &loaded, &[(device(1), proof(7))], now);
    assert_eq!(changes.devices[&device(1)], None, "it was forgotten by the same group");
}
