//! Whether a device is to be served at all, and what it does: judged by the owner's rules, made durable before it is told.

use std::time::{Instant, SystemTime};

use audit_log::UnixMillis;
use verdict::{ReasonCode, Refusal};

use super::{Caller, Problem, Service, enrolment::Ungiven};
use crate::{
    admission::Shed,
    audit::Event,
    domain::{
        Dossier, Notice, State,
        alarm::{self, Call},
        decision::{Standing, standing},
    },
    store::{Batch, StoreError},
};

/// How often a device's standing is looked at again that others change at the same time. The device's own other requests,
/// an approval and a retirement make three.
const TRIES: usize = 4;

/// The dossier of a device that is to be served; the answer to one that is not. The first sight of a device is an
/// event; that it goes on asking is not.
pub(super) async fn admit(service: &Service, caller: &Caller, mut dossier: Dossier) -> Result<Dossier, Problem> {
    for _ in 0..TRIES {
        let (device, source) = (caller.device.clone(), caller.source);
        let (event, answer) = match possible(service, &dossier).await? {
            Standing::Serve => return Ok(dossier),
            Standing::Admit(profile) => (Event::DeviceAdmitted { device, source, profile }, None),
            Standing::Return => (Event::DeviceReturned { device, source }, None),
            Standing::Wait(reason) => return Err(Problem::nothing(reason)),
            Standing::TurnAway(reason) => return Err(turned_away(reason)),
            Standing::Hold(reason) => {
                if dossier.device.is_none() && overrun(service, caller) {
                    return Err(Problem::busy(Shed::Newcomers));
                }
                (Event::DeviceHeld { device, source, reason }, Some(Problem::nothing(reason)))
            }
            Standing::Refuse(reason) => {
                if dossier.device.is_none() && overrun(service, caller) {
                    return Err(Problem::flood());
                }
                (Event::DeviceRefused { device, source, reason }, Some(turned_away(reason)))
            }
        };
        match service.store.commit(Batch::from(event.clone())).await {
            Ok(_) => tracing::info!(device = %caller.device, %source, event = event.name(), "device stands elsewhere"),
            // Another request of this device, or a person who forgot it even, was faster: what is so now decides.
            Err(StoreError::Refused { .. } | StoreError::NoDevice(_)) => {
                dossier = service.store.dossier(&caller.device).await?;
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(answer) = answer {
            return Err(answer);
        }
        dossier = service.store.dossier(&caller.device).await?;
    }
    Err(Problem::busy(Shed::Contended))
}

/// How the device stands. The profile that a policy admits with may have been removed since: devices wait until somebody
/// sees to that.
async fn possible(service: &Service, dossier: &Dossier) -> Result<Standing, StoreError> {
    let standing = standing(dossier, now(), &service.policies.now());
    if let Standing::Admit(profile) = &standing
        && service.store.profile(profile).await?.is_none()
    {
        tracing::error!(device = %dossier.id, %profile, "nobody can be admitted: the policies name a profile that is not there");
        let waits = dossier.device.as_ref().is_some_and(|device| matches!(device.state, State::Held(_)));
        let reason = ReasonCode::DeviceUnknown;
        return Ok(if waits { Standing::Wait(reason) } else { Standing::Hold(reason) });
    }
    Ok(standing)
}

/// Makes durable what a device did, and the alarm it raises, within what one device may add in a day. What changes where a
/// device stands ([`admit`]) is not counted: it cannot do so without this.
pub(super) async fn commit(service: &Service, caller: &Caller, dossier: &Dossier, event: Event) -> Result<(), Problem> {
    commit_with(service, caller, dossier, None, event).await.map_err(Ungiven::into_problem)
}

/// As [`commit`], together with what an authority did for the device before.
pub(super) async fn commit_with(
    service: &Service,
    caller: &Caller,
    dossier: &Dossier,
    before: Option<Event>,
    event: Event,
) -> Result<(), Ungiven> {
    for event in before.iter().chain([&event]) {
        service.writes.take(Instant::now(), &caller.device, event).map_err(Problem::spent)?;
    }
    let call = Call { source: caller.source, certificate: caller.certificate };
    let alarm = dossier.device.as_ref().and_then(|device| alarm::raised_by(&event, device, call));
    let mut batch = match before {
        Some(before) => Batch::from(before).and(event),
        None => Batch::from(event),
    };
    if let Some(alarm) = alarm {
        tracing::warn!(device = %caller.device, source = %caller.source, %alarm, "alarm");
        batch = batch.and(Event::AlarmRaised { device: caller.device.clone(), source: caller.source, alarm });
    }
    match service.store.commit(batch).await {
        Ok(_) => Ok(()),
        // It was held, refused, retired or forgotten while it was being answered: it hears what it would hear now.
        Err(StoreError::Refused { .. } | StoreError::NoDevice(_)) => {
            let dossier = service.store.dossier(&caller.device).await?;
            match admit(service, caller, dossier).await {
                Ok(_) => Err(Problem::busy(Shed::Contended).into()),
                Err(problem) => Err(problem.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// RCF-22: authenticated, and not allowed. Nobody registered it: nothing is here for it (SRV-09).
fn turned_away(reason: ReasonCode) -> Problem {
    match reason {
        ReasonCode::DeviceRetired => Problem::denied(reason),
        reason => Problem::nothing(reason),
    }
}

/// Counts a device that nobody registered; tells whether there are too many for it to be taken note of.
fn overrun(service: &Service, caller: &Caller) -> bool {
    let manufacturer = &caller.device.manufacturer;
    // What a panicking thread left behind is still a count.
    let mut newcomers = service.newcomers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match newcomers.count(manufacturer, now(), service.policies.now().unregistered_per_hour) {
        Notice::Taken => false,
        Notice::Counted => {
            let detail = format!("unregistered devices of {manufacturer}, the last one {}", caller.device);
            service.rejections.report(caller.source, Refusal::new(ReasonCode::UnregisteredFlood, detail));
            true
        }
    }
}

/// A known device that is given nothing until somebody gives it a profile.
pub(super) fn unprofiled() -> Problem {
    Problem::nothing(ReasonCode::DeviceUnknown)
}

pub(super) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
