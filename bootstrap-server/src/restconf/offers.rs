//! What a device would be served if it asked now, for people who want to know before it does.

use conveyed_info::{Encoding, information::RedirectInformation, rpc::BootstrappingRequest};
use verdict::ReasonCode;

use super::{
    Service,
    get_bootstrapping_data::{Withheld, choose},
};
use crate::domain::{Dossier, story::Offer};

/// In the order in which it would ask: with, and then without a reason to trust this server.
pub(crate) fn offers(service: &Service, home: &RedirectInformation, dossier: &Dossier) -> Vec<Offer> {
    let Some(profile) = &dossier.profile else { return vec![Offer::Nothing(ReasonCode::DeviceUnknown)] };
    let offer = |signed_data_preferred, of: fn(_) -> Offer| {
        let request = BootstrappingRequest { signed_data_preferred, ..BootstrappingRequest::default() };
        match choose(service, home, &request, (dossier, profile), None, Encoding::Json) {
            Ok(chosen) => of(chosen.body.data),
            Err(Withheld::Nothing(reason)) => Offer::Nothing(reason),
            Err(Withheld::Failed(_)) => Offer::Nothing(ReasonCode::ServerFailed),
        }
    };
    if profile.redirect.is_some() {
        return vec![offer(true, Offer::Referral)];
    }
    vec![offer(true, Offer::ToStranger), offer(false, Offer::ToTrusting)]
}
