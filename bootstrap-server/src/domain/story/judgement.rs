//! Whether a device would accept what it would be served: the same `verify` that runs on devices (RFC 8572 §5.3, §5.4).

use conveyed_info::{
    BootstrappingData, Unverified,
    verify::{Context, Source, verify},
};
use pki::time::Clock;
use verdict::{ReasonCode, Refusal, Trace};

use crate::domain::{DeviceId, Manufacturer};

/// What would be served.
#[derive(Clone, Debug)]
pub enum Offer {
    /// To a device that has no reason to trust the server, and says `signed-data-preferred`.
    ToStranger(BootstrappingData),
    /// To a device that has authenticated the server.
    ToTrusting(BootstrappingData),
    /// The way to other servers, to whoever asks.
    Referral(BootstrappingData),
    /// Nothing, and why.
    Nothing(ReasonCode),
}

/// What a device would make of an offer.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// It would act on it.
    Accepted(Trace),
    /// It would refuse it.
    Refused(Refusal),
    /// There is nothing to judge.
    Nothing(ReasonCode),
    /// It is signed, and the anchors that vouchers of this manufacturer are signed under are not known here.
    Unjudged,
}

/// Judges `offer` as the device would, with an unbroken memory of nothing: it sends no nonce, and the anchors in its firmware
/// are those the manufacturer has here.
#[must_use]
pub fn judge(offer: &Offer, manufacturer: Option<&Manufacturer>, device: &DeviceId, clock: Clock) -> Judgement {
    let (data, source) = match offer {
        Offer::ToStranger(data) | Offer::Referral(data) => (data, Source::Untrusted),
        Offer::ToTrusting(data) => (data, Source::TrustedServer),
        Offer::Nothing(reason) => return Judgement::Nothing(*reason),
    };
    let anchors = manufacturer.map(|it| it.voucher_anchors.as_slice()).unwrap_or_default();
    if anchors.is_empty() && matches!(data, BootstrappingData::Signed { .. }) {
        return Judgement::Unjudged;
    }
    let context = Context { source, ..Context::new(anchors, &device.serial_number, clock) };
    match verify(Unverified::new(data.clone()), &context) {
        Ok(verified) => Judgement::Accepted(verified.into_parts().1),
        Err(refusal) => Judgement::Refused(refusal),
    }
}

impl Judgement {
    /// The offer and what comes of it, in one sentence.
    pub(super) fn sentence(&self, offer: &Offer) -> String {
        let what = match offer {
            Offer::ToStranger(_) => "A device that cannot trust this server yet would get a redirect to it",
            Offer::ToTrusting(_) => "A device that has authenticated this server would get its onboarding information",
            Offer::Referral(_) => "A device would be sent to other servers",
            Offer::Nothing(_) => "It would get nothing",
        };
        match self {
            Self::Accepted(_) => format!("{what}, and accept it."),
            Self::Refused(refusal) => {
                format!("{what}, and refuse it: {} ({}).", refusal.reason.summary(), refusal.detail)
            }
            Self::Nothing(reason) => format!("{what}: {}.", reason.summary()),
            Self::Unjudged => format!(
                "{what}; whether it accepts that cannot be judged here, for the manufacturer's voucher anchors are unknown."
            ),
        }
    }
}
