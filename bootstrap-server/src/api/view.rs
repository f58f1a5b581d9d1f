//! Records of the store, as the API shows them.

use base64::{Engine, engine::general_purpose::STANDARD};
use operator_api as shown;

use super::{Api, clock, fault::Fault, place};
use crate::{
    audit::ReportedKey,
    domain::{Device, DeviceId, Dossier, Particulars, Reported, Role, Token, User, waiting},
    store::{Store, StoredRecord},
};

/// A device with what goes with it.
pub(super) async fn device(api: &Api, id: &DeviceId) -> Result<shown::Device, Fault> {
    let dossier = api.store.dossier(id).await?;
    let log = api.log.of(api.store.as_ref()).await?;
    of_dossier(api, log, &dossier).ok_or_else(|| Fault::not_found().detail(format!("no device {id}")))
}

/// The device of a dossier, if there is one. Its version is one in the log of this name.
pub(super) fn of_dossier(api: &Api, log: &str, dossier: &Dossier) -> Option<shown::Device> {
    let device = dossier.device.as_ref()?;
    let Device { id, profile, state, since, proof, alarm, version, .. } = device;
    Some(shown::Device {
        manufacturer: id.manufacturer.to_string(),
        serial_number: id.serial_number.to_string(),
        profile: profile.as_ref().map(ToString::to_string),
        particulars: particulars(&device.particulars),
        state: state.as_str().to_owned(),
        detail: state.detail().map(str::to_owned),
        since: clock::written(*since),
        vouched: !dossier.vouchers.is_empty(),
        waiting: awaited(api, dossier, device),
        proof: proof.map(|proof| shown::Proof {
            at: clock::written(proof.at),
            source: proof.source.to_string(),
            certificate: proof.certificate.to_string(),
        }),
        alarm: alarm.map(|alarm| shown::Alarm {
            reason: alarm.reason.to_string(),
            at: clock::written(alarm.at),
            remedy: alarm.reason.remedy().to_owned(),
        }),
        version: place::written(log, *version),
    })
}

fn awaited(api: &Api, dossier: &Dossier, device: &Device) -> Option<shown::Waiting> {
    let patience = dossier.profile.as_ref().map(|profile| profile.patience).unwrap_or_default();
    let deadlines = api.policies.now().deadlines.with(patience);
    let waits = waiting::waiting(device, deadlines)?;
    let stuck = waiting::stuck(device, clock::now(), deadlines);
    Some(shown::Waiting {
        responsible: stuck.map_or(waits.responsible, |stuck| stuck.responsible).as_str().to_owned(),
        deadline: clock::written(waits.until),
        stuck: stuck.map(|stuck| shown::Stuck {
            reason: stuck.reason.to_string(),
            summary: stuck.reason.summary().to_owned(),
            remedy: stuck.reason.remedy().to_owned(),
        }),
    })
}

pub(super) fn particulars(of: &Particulars) -> shown::Particulars {
    let Particulars { model, mac_addresses, uuid, host, slot, rack } = of.clone();
    let mac_addresses = mac_addresses.iter().map(ToString::to_string).collect();
    shown::Particulars { model, mac_addresses, uuid: uuid.map(|it| it.to_string()), host, slot, rack }
}

/// A key or chain, and what people tell it by.
pub(crate) fn reported_key(key: &ReportedKey) -> shown::ReportedKey {
    let (fingerprint, chain) = match Reported::of(key) {
        Reported::HostKey { fingerprint } => (Some(fingerprint), Vec::new()),
        Reported::Chain(chain) => (None, chain),
        Reported::Opaque => (None, Vec::new()),
    };
    let certificates = chain.into_iter().map(|certificate| shown::ReportedCertificate {
        subject: certificate.subject,
        issuer: certificate.issuer,
        sha256: certificate.sha256.to_string(),
        not_after: certificate.not_after.to_string(),
    });
    let (kind, data) = (key.kind.clone(), STANDARD.encode(&key.data));
    shown::ReportedKey { kind, data, fingerprint, certificates: certificates.collect() }
}

pub(super) const fn role(of: Role) -> shown::Role {
    match of {
        Role::Viewer => shown::Role::Viewer,
        Role::Operator => shown::Role::Operator,
        Role::Admin => shown::Role::Admin,
    }
}

pub(super) fn user(of: &User) -> shown::User {
    shown::User { name: of.name.to_string(), role: role(of.role) }
}

pub(super) fn token(of: &Token) -> shown::Token {
    shown::Token {
        id: of.id.to_string(),
        user: of.user.to_string(),
        created: clock::written(of.created),
        expires: of.expires.map(clock::written),
    }
}

/// A record of the log. One whose leaf cannot be read is passed over here; `sztp audit verify` is who complains of it.
pub(crate) fn record(of: &StoredRecord) -> Option<shown::AuditRecord> {
    let leaf = of.leaf()?;
    let body = of.opening.as_ref().and_then(|(_, body)| serde_json::from_slice(body).ok());
    Some(shown::AuditRecord { leaf: of.position.0, at: clock::written(leaf.time()), kind: leaf.kind().0, body })
}

/// Every device of this serial number, whoever made it.
pub(super) async fn dossiers(store: &dyn Store, ids: &[DeviceId]) -> Result<Vec<Dossier>, Fault> {
    let mut dossiers = Vec::with_capacity(ids.len());
    for id in ids {
        dossiers.push(store.dossier(id).await?);
    }
    Ok(dossiers)
}
