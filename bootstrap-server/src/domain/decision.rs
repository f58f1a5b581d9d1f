//! What a device that asks is to be told, before anything is signed or encoded. Pure: the dossier and the time decide.

use audit_log::UnixMillis;
use verdict::ReasonCode;

use super::{Device, Dossier, Policies, ProfileName, State, Unregistered};

/// How a device stands with its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is to be served what its profile says.
    Serve,
    /// It is to be taken in with this profile, and then served.
    Admit(ProfileName),
    /// It is to wait for a person from now on.
    Hold(ReasonCode),
    /// It is waiting already.
    Wait(ReasonCode),
    /// It is turned away.
    Refuse(ReasonCode),
}

/// How the device of `dossier` stands at `now`.
#[must_use]
pub fn standing(dossier: &Dossier, now: UnixMillis, policies: &Policies) -> Standing {
    let Some(device) = &dossier.device else {
        return match (&policies.unregistered, &dossier.voucher) {
            (Unregistered::Refuse, _) => Standing::Refuse(ReasonCode::DeviceNotAdmitted),
            (Unregistered::AdmitWithVoucher { profile }, Some(_)) => Standing::Admit(profile.clone()),
            (Unregistered::Hold | Unregistered::AdmitWithVoucher { .. }, _) => {
                Standing::Hold(ReasonCode::DeviceUnknown)
            }
        };
    };
    match device.state {
        State::Retired => Standing::Refuse(ReasonCode::DeviceRetired),
        State::Refused(reason) => Standing::Refuse(reason),
        State::Held(reason) => Standing::Wait(reason),
        State::Bootstrapped if !may_return(device, dossier, now, policies) => {
            Standing::Hold(ReasonCode::DeviceReturned)
        }
        _ => Standing::Serve,
    }
}

/// A bootstrapped device in factory state is either stolen goods, or one that is allowed to be there.
fn may_return(device: &Device, dossier: &Dossier, now: UnixMillis, policies: &Policies) -> bool {
    let stateless = dossier.profile.as_ref().is_some_and(|profile| profile.stateless);
    let deadline = u64::try_from(policies.deadlines.attempt.as_millis()).unwrap_or(u64::MAX);
    stateless || device.attempt_since.is_some_and(|began| now.0.saturating_sub(began.0) <= deadline)
}
