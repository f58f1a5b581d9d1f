//! A device derived again from the audit log: what the store holds about it must be what its events made of it.

use std::net::IpAddr;

use audit_log::LogIndex;
use conveyed_info::rpc::ProgressType;
use pki::digest::{Digest, sha256};
use serde_json::Value;
use verdict::ReasonCode;

use super::{
    Deed, Device, DeviceId, Particulars, ProfileName,
    change::{ChangeRefused, VoucherStock, after_deed},
    parse_sha256,
};
use crate::{audit::Answer, store::StoredRecord};

/// Derives the record of `id` from the records of the log that are about it, oldest first and all of them. `None` when the
/// device is on no list. What the log does not hold is left out: activation codes, and proofs of identity that led to
/// no answer.
///
/// # Errors
/// [`ReplayError`] names the first leaf from which no state can be derived.
pub fn derive(id: &DeviceId, records: &[StoredRecord]) -> Result<Option<Device>, ReplayError> {
    let (mut device, mut voucher) = (None, VoucherStock::Missing);
    for record in records {
        let position = record.position;
        let unreadable = || ReplayError::Unreadable { position };
        let leaf = record.leaf().ok_or_else(unreadable)?;
        let (_, body) = record.opening.as_ref().ok_or(ReplayError::Erased { position })?;
        let Some(deed) = deed_of(body).ok_or_else(unreadable)? else { continue };
        match deed {
            // It takes whatever there was, of which the records may be gone already.
            Deed::Erased => (device, voucher) = (None, VoucherStock::Missing),
            deed => {
                if deed == Deed::VoucherStored {
                    voucher = VoucherStock::Stored;
                }
                device = after_deed(device, id, voucher, deed, leaf.time(), position)
                    .map_err(|refused| ReplayError::Impossible { position, refused })?;
            }
        }
    }
    Ok(device)
}

/// What the event of this body did to its device: `Some(None)` when it did nothing to any, `None` when it cannot be read.
pub(crate) fn deed_of(body: &[u8]) -> Option<Option<Deed>> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let text = |member: &str| json.get(member).and_then(Value::as_str);
    let reason = |member: &str| text(member)?.parse::<ReasonCode>().ok();
    let profile = || text("profile").and_then(|name| ProfileName::new(name).ok());
    Some(Some(match text("event")? {
        "device-registered" => Deed::Registered { profile: profile()?, particulars: particulars(&json)? },
        "device-admitted" => Deed::Admitted { profile: profile()? },
        "voucher-stored" => Deed::VoucherStored,
        "device-held" => Deed::Held(reason("reason")?),
        "device-refused" => Deed::Refused(reason("reason")?),
        "answered" => Deed::Answered {
            answer: answer(json.get("answer")?)?,
            source: text("source")?.parse::<IpAddr>().ok()?,
            certificate: parse_sha256(text("certificate")?)?,
            body: sha256(body),
        },
        "progress-reported" => Deed::Reported(text("progress-type")?.parse::<ProgressType>().ok()?),
        "device-approved" => Deed::Approved(profile()),
        "device-retired" => Deed::Retired,
        "device-reprovisioned" => Deed::Reprovisioned,
        "device-returned" => Deed::Returned,
        "device-changed" => Deed::Changed { profile: profile(), particulars: particulars(&json)? },
        "activation-code-set" => Deed::ActivationCodeSet(None),
        "alarm-raised" => Deed::AlarmRaised(reason("alarm")?),
        "alarm-cleared" => Deed::AlarmCleared,
        "device-erased" => Deed::Erased,
        _ => return Some(None),
    }))
}

fn answer(json: &Value) -> Option<Answer> {
    let text = |member: &str| json.get(member).and_then(Value::as_str);
    let digest = |member: &str| -> Option<Digest> { parse_sha256(text(member)?) };
    match (digest("redirect"), digest("referral"), digest("onboarding"), text("nothing")) {
        (Some(conveyed_information), None, None, None) => Some(Answer::Redirect { conveyed_information }),
        (None, Some(conveyed_information), None, None) => Some(Answer::Referral { conveyed_information }),
        (None, None, Some(conveyed_information), None) => Some(Answer::Onboarding { conveyed_information }),
        (None, None, None, Some(reason)) => Some(Answer::Nothing { reason: reason.parse().ok()? }),
        _ => None,
    }
}

fn particulars(json: &Value) -> Option<Particulars> {
    let json = json.get("particulars")?;
    let text = |member: &str| json.get(member).and_then(Value::as_str).map(str::to_owned);
    // Before schema 6 nobody wrote one down.
    let uuid = match json.get("uuid") {
        Some(uuid) => Some(uuid.as_str()?.parse().ok()?),
        None => None,
    };
    let macs = json.get("mac-addresses")?.as_array()?.iter().map(|mac| mac.as_str()?.parse().ok());
    Some(Particulars {
        model: text("model"),
        mac_addresses: macs.collect::<Option<_>>()?,
        uuid,
        host: text("host"),
        slot: text("slot"),
        rack: text("rack"),
    })
}

/// No state can be derived from the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Salt and body of a leaf were erased.
    #[error("leaf {position} was erased: what came of it cannot be derived any more")]
    Erased {
        /// Which leaf.
        position: LogIndex,
    },
    /// A leaf or its body is of a form that this server never wrote.
    #[error("leaf {position} cannot be read: it was written by a newer server, or damaged; run `sztp audit verify`")]
    Unreadable {
        /// Which leaf.
        position: LogIndex,
    },
    /// The event is not possible after those before it.
    #[error("leaf {position} is not possible after those before it ({refused}); is one of them missing?")]
    Impossible {
        /// Which leaf.
        position: LogIndex,
        /// Why.
        refused: ChangeRefused,
    },
}

#[cfg(test)]
mod tests {
    use audit_log::{Leaf, Salt, UnixMillis};
    use conveyed_info::OwnershipVoucher;
    use pki::identity::SerialNumber;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        audit::{Basis, Event, ReportedKey},
        domain::{Departures, Encryption, ManufacturerName, State, change},
    };

    fn id() -> DeviceId {
        let manufacturer = ManufacturerName::new("maker").unwrap();
        DeviceId { manufacturer, serial_number: SerialNumber::new("SN-1").unwrap() }
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let (device, because) = (id(), "why".to_owned());
        let (bmc, source) = (ProfileName::new("bmc").unwrap(), IpAddr::from([192, 0, 2, 1]));
        let some_particulars = Box::new(Particulars {
            model: Some("M".to_owned()),
            mac_addresses: vec!["00:00:5e:00:53:01".parse().unwrap()],
            uuid: Some("123e4567-e89b-12d3-a456-426614174000".parse().unwrap()),
            rack: Some("r1".to_owned()),
            ..Particulars::default()
        });
        let (conveyed_information, certificate) = (sha256(b"information"), sha256(b"certificate"));
        let basis =
            Basis { profile: bmc.clone(), document: sha256(b"document"), variant: None, encryption: Encryption::None };
        let departures = Departures::default();
        let answered = |answer| {
            let (basis, departures) = (basis.clone(), departures.clone());
            Event::Answered { device: id(), source, certificate, answer, basis, departures }
        };
        let held = |reason| Event::DeviceHeld { device: id(), source, reason };
        let refused = |reason| Event::DeviceRefused { device: id(), source, reason };
        let alarm = |alarm| Event::AlarmRaised { device: id(), source, alarm };
        let reported = proptest::sample::select(ProgressType::ALL.to_vec()).prop_map(move |report| {
            let keys = vec![ReportedKey { kind: "ssh-ed25519".to_owned(), data: vec![1] }];
            let message = Some("m".to_owned());
            Event::ProgressReported { device: id(), source, report, keys, message, departures: Departures::default() }
        });
        let others = proptest::sample::select(vec![
            Event::DeviceRegistered {
                device: device.clone(),
                profile: bmc.clone(),
                particulars: some_particulars.clone(),
            },
            Event::DeviceAdmitted { device: device.clone(), source, profile: bmc.clone() },
            Event::VoucherStored { device: device.clone(), voucher: OwnershipVoucher::from_der([1]).unwrap() },
            held(ReasonCode::DeviceUnknown),
            held(ReasonCode::DeviceReturned),
            refused(ReasonCode::DeviceNotAdmitted),
            refused(ReasonCode::DeviceRetired),
            Event::DeviceApproved { device: device.clone(), profile: Some(bmc.clone()), because: because.clone() },
            Event::DeviceApproved { device: device.clone(), profile: None, because: because.clone() },
            Event::DeviceRetired { device: device.clone(), because: because.clone() },
            Event::DeviceReprovisioned { device: device.clone(), because: because.clone() },
            Event::DeviceReturned { device: device.clone(), source },
            Event::DeviceChanged { device: device.clone(), profile: Some(bmc), particulars: some_particulars },
            Event::DeviceChanged { device: device.clone(), profile: None, particulars: Box::default() },
            alarm(ReasonCode::SourceChanged),
            alarm(ReasonCode::CertificateChanged),
            Event::AlarmCleared { device, because },
        ]);
        let answers = proptest::sample::select(vec![
            answered(Answer::Redirect { conveyed_information }),
            answered(Answer::Referral { conveyed_information }),
            answered(Answer::Onboarding { conveyed_information }),
            answered(Answer::Nothing { reason: ReasonCode::SignedDataUnavailable }),
        ]);
        prop_oneof![3 => reported, 4 => others, 3 => answers]
    }

    /// SEC-21: members were added to answers; those recorded before say what they said.
    #[test]
    fn answers_recorded_before_they_named_their_basis_are_read() {
        let [information, certificate] = ["ab".repeat(32), "cd".repeat(32)];
        let body = format!(
            r#"{{"answer":{{"onboarding":"{information}"}},"certificate":"{certificate}","device":{{"manufacturer":"maker",
                "serial-number":"SN-1"}},"event":"answered","source":"192.0.2.1"}}"#
        );
        let Some(Some(Deed::Answered { answer, .. })) = deed_of(body.as_bytes()) else { panic!("{body}") };
        assert_eq!(answer.conveyed_information(), Some(Digest([0xab; 32])));
    }

    struct Stored {
        device: Option<Device>,
        records: Vec<StoredRecord>,
        taken: Vec<(Event, Option<Device>)>,
    }

    /// What a store does with the events, and which of them it takes.
    fn store(events: &[Event]) -> Stored {
        let (mut device, mut voucher, mut records, mut taken) = (None, VoucherStock::Missing, Vec::new(), Vec::new());
        for (number, event) in (0_u64..).zip(events) {
            let (at, position) = (UnixMillis(number * 1000), LogIndex(number));
            if matches!(event, Event::VoucherStored { .. }) {
                voucher = VoucherStock::Stored;
            }
            let Ok(after) = change::after(device.clone(), voucher, event, at, position) else { continue };
            device = after;
            let (salt, body) = (Salt::new([0; 32]), event.body(None));
            let leaf = Leaf::commit_to(at, event.kind(), &salt, &body).encode().to_vec();
            records.push(StoredRecord {
                log: crate::store::LogNumber(0),
                position,
                leaf,
                opening: Some((salt, body)),
                damage: None,
            });
            taken.push((event.clone(), device.clone()));
        }
        Stored { device, records, taken }
    }

    proptest! {
        #[test]
        fn srv_17_a_device_derived_again_from_the_log_is_the_stored_one(
            events in proptest::collection::vec(any_event(), 0..60)
        ) {
            let stored = store(&events);
            prop_assert_eq!(derive(&id(), &stored.records).unwrap(), stored.device);
        }

        #[test]
        fn no_sequence_of_events_breaks_what_a_state_promises(
            events in proptest::collection::vec(any_event(), 0..60)
        ) {
            let taken = store(&events).taken;
            let (mut retired, mut onboarding_given) = (false, false);
            for (event, device) in taken {
                let Some(device) = device else { continue };
                match event {
                    Event::DeviceReprovisioned { .. } => (retired, onboarding_given) = (false, false),
                    Event::DeviceRetired { .. } => retired = true,
                    Event::DeviceApproved { .. } | Event::DeviceReturned { .. } => onboarding_given = false,
                    Event::Answered { answer: Answer::Onboarding { .. }, .. } => onboarding_given = true,
                    _ => {}
                }
                prop_assert_eq!(device.state == State::Retired, retired, "retired until reprovisioned");
                let given = matches!(
                    device.state,
                    State::Bootstrapped | State::Failed(_) | State::Onboarding(_) | State::Held(ReasonCode::DeviceReturned)
                );
                prop_assert!(!given || onboarding_given, "{:?} without onboarding information", device.state);
                prop_assert!(!given || device.attempt_since.is_some());
                let undecided = matches!(device.state, State::Held(_) | State::Refused(_) | State::Retired);
                prop_assert!(device.profile.is_some() || undecided, "{:?} without a profile", device.state);
            }
        }
    }

    #[test]
    fn a_log_with_a_gap_says_so() {
        let particulars = Box::default();
        let profile = ProfileName::new("bmc").unwrap();
        let registered = Event::DeviceRegistered { device: id(), profile, particulars };
        let retired = Event::DeviceRetired { device: id(), because: "sold".to_owned() };
        let mut records = store(&[registered, retired]).records;
        let second = records.remove(1);
        let position = LogIndex(1);
        let refused = ChangeRefused::NotListed;
        assert_eq!(derive(&id(), std::slice::from_ref(&second)), Err(ReplayError::Impossible { position, refused }));
        let erased = StoredRecord { opening: None, ..second };
        assert_eq!(derive(&id(), &[records.remove(0), erased]), Err(ReplayError::Erased { position }));
    }
}
