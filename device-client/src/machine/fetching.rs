//! Fetching what tells whether the owner certificate is revoked, where a voucher demands to know and nothing that came
//! along does (RFC 8572 §5.4; CLI-38, SEC-04).
//!
//! The places stand in certificates that validate to the one which an authentic voucher pins. They are asked one after the
//! other until the data verifies; when none is left, it stays refused.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
};

use conveyed_info::{
    BootstrappingData, Unverified,
    verify::{EvidenceLocation, Findings},
};
use pki::revocation::{Crl, Evidence, EvidenceError, OcspResponse};
use verdict::{ReasonCode, Refusal};

use super::{
    Action, Event, Fetch, State, Transition,
    data::{self, Giver},
    shared::{Shared, unexpected},
    verifying,
};
use crate::{Decision, Record, Server, http::HttpUri};

/// Most places that are asked for one owner certificate and those above it.
const MAX_PLACES: usize = 8;

/// Most addresses of one place.
const MAX_ADDRESSES: usize = 4;

/// Data that was refused for want of evidence, and where there may be some.
#[derive(Debug)]
struct Search {
    giver: Giver,
    data: Unverified<BootstrappingData>,
    refusal: Refusal,
    evidence: Evidence,
    places: VecDeque<EvidenceLocation>,
}

/// Waits for the addresses of a place, or for what it gives.
#[derive(Debug)]
pub(super) struct Fetching {
    search: Search,
    place: EvidenceLocation,
    port: u16,
}

/// Begins to ask `places`.
pub(super) fn begin(
    giver: Giver,
    data: Unverified<BootstrappingData>,
    refusal: Refusal,
    places: Vec<EvidenceLocation>,
    shared: &mut Shared,
) -> Transition {
    let places = places.into_iter().take(MAX_PLACES).collect();
    Search { giver, data, refusal, evidence: Evidence::new(), places }.next(shared)
}

impl Search {
    /// Asks the next place, or gives the data up.
    fn next(mut self, shared: &mut Shared) -> Transition {
        // SEC-09: whoever gave the data, fetching for it costs no more than the time that they have.
        while !shared.is_too_late_for(self.giver.origin()) {
            let Some(place) = self.places.pop_front() else { break };
            match target(&place) {
                Ok((server, port)) => return Fetching { search: self, place, port }.locate(server, shared),
                Err(refusal) => shared.record(Record::refused("revocation-sought", &refusal).about(self.giver.place())),
            }
        }
        // SEC-04: fail closed.
        data::refused(self.giver, self.refusal, shared)
    }

    /// Verifies once more, with what was fetched.
    fn try_again(mut self, shared: &mut Shared) -> Transition {
        let mut findings = Findings::default();
        let result = verifying::verify(self.data.clone(), self.giver.trust(), &self.evidence, shared, &mut findings);
        match result {
            Ok(verified) => data::verified(self.giver, verified, findings.voucher, shared),
            Err(refusal) if refusal.reason == ReasonCode::RevocationUnchecked => {
                self.refusal = refusal;
                self.next(shared)
            }
            Err(refusal) => data::refused(self.giver, refusal, shared),
        }
    }
}

/// Where a place is. Only plain HTTP: what is fetched is signed, and the status of a server's certificate would have to be
/// fetched first, and so on.
fn target(place: &EvidenceLocation) -> Result<(Server, u16), Refusal> {
    let uri = HttpUri::parse(place.uri()).filter(|uri| !uri.is_secure());
    let uri = uri.ok_or_else(|| {
        let detail = format!("{}: only plain http is fetched from", place.uri());
        Refusal::new(ReasonCode::RevocationUnchecked, detail)
    })?;
    Ok((Server::new(uri.host(), uri.port()), uri.port()))
}

impl Fetching {
    fn locate(self, server: Server, shared: &mut Shared) -> Transition {
        shared.note("revocation-sought", self.search.giver.place(), self.place.uri());
        match server.literal_address() {
            Some(address) => self.fetch(&[address], shared),
            None => Transition { state: State::Fetching(Box::new(self)), action: Action::Resolve(server) },
        }
    }

    fn fetch(self, addresses: &[IpAddr], shared: &mut Shared) -> Transition {
        // SEC-10: an owner's certificate is no reason to knock at this host's own services.
        let permitted = |address: &&IpAddr| shared.policy.allowed_targets.permits(**address);
        let addresses = addresses.iter().filter(permitted).take(MAX_ADDRESSES);
        let addresses: Vec<_> = addresses.map(|address| SocketAddr::new(*address, self.port)).collect();
        if addresses.is_empty() {
            let detail = format!("{} leads to no address that may be contacted", self.place.uri());
            return self.failed(Refusal::new(ReasonCode::RedirectTargetBlocked, detail), shared);
        }
        let action = Action::Fetch(Fetch { place: self.place.clone(), addresses });
        Transition { state: State::Fetching(Box::new(self)), action }
    }

    fn failed(self, refusal: Refusal, shared: &mut Shared) -> Transition {
        shared.record(Record::refused("revocation-fetched", &refusal).about(self.search.giver.place()));
        self.search.next(shared)
    }

    pub(super) fn on(mut self, event: Event, shared: &mut Shared) -> Transition {
        let body = match event {
            Event::Resolved(addresses) => return self.fetch(&addresses, shared),
            Event::Fetched(body) => body,
            Event::Failed(refusal) => return self.failed(refusal, shared),
            _ => return self.failed(unexpected("fetch"), shared),
        };
        let evidence = &mut self.search.evidence;
        let added = match &self.place {
            EvidenceLocation::RevocationList { .. } => Crl::from_file(&body).map(|list| evidence.add_crl(list)),
            EvidenceLocation::OcspResponder { .. } => {
                OcspResponse::from_der(&body).map(|response| evidence.add_ocsp_response(response))
            }
        };
        match added {
            Ok(()) => {
                let detail = format!("{} octets from {}", body.len(), self.place.uri());
                let record = Record::new("revocation-fetched", Decision::Noted, detail);
                shared.record(record.about(self.search.giver.place()));
                self.search.try_again(shared)
            }
            Err(error) => self.refuse_evidence(&error, shared),
        }
    }

    fn refuse_evidence(self, error: &EvidenceError, shared: &mut Shared) -> Transition {
        let detail = format!("{}: {error}", self.place.uri());
        self.failed(Refusal::new(ReasonCode::RevocationUnchecked, detail), shared)
    }
}
