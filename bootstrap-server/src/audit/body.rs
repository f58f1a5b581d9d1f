//! What a leaf commits to. Members are part of the log's format: they are added to, never changed.

use pki::{certificate::Certificate, digest::sha256};
use serde_json::{Value, json};

use super::{Event, Fetched, OtherServer};
use crate::domain::{Actor, Departures, DeviceId, Manufacturer, ManufacturerTexts, Particulars, ProfileName};

impl Event {
    /// The body that the leaf commits to: one JSON object. `by` is whoever caused it, if that was a person.
    #[must_use]
    pub fn body(&self, by: Option<&Actor>) -> Vec<u8> {
        let about = |device: &DeviceId| json!({"manufacturer": device.manufacturer.as_str(), "serial-number": device.serial_number.as_str()});
        let mut body: Value = match self {
            Self::ServerStarted { listen } => {
                json!({"listen": listen, "version": env!("CARGO_PKG_VERSION")})
            }
            Self::ManufacturerAdded { manufacturer } => {
                json!({"manufacturer": manufacturer.name.as_str(), "anchors": digests(&manufacturer.anchors),
                       "voucher-anchors": digests(&manufacturer.voucher_anchors), "identity": about_identity(manufacturer)})
            }
            Self::RevocationListsStored { lists } => {
                let each = lists.lists().iter().map(|list| {
                    let period = list.period();
                    json!({"sha256": list.sha256().to_string(), "issuer": list.issuer().to_string(),
                           "this-update": period.this_update.to_string(),
                           "next-update": period.next_update.map(|at| at.to_string())})
                });
                json!({"manufacturer": lists.manufacturer().as_str(), "digest": lists.digest().to_string(),
                       "lists": each.collect::<Vec<_>>()})
            }
            Self::ProfileApplied { profile } => {
                json!({"profile": profile.name.as_str(),
                       "document": sha256(profile.document().as_bytes()).to_string()})
            }
            Self::DeviceRegistered { device, profile, particulars } => {
                json!({"device": about(device), "profile": profile.as_str(),
                       "particulars": about_particulars(particulars)})
            }
            Self::VoucherStored { device, voucher } => {
                json!({"device": about(device), "voucher": voucher.sha256().to_string()})
            }
            Self::VoucherFetched { device, source, outcome } => match outcome {
                Fetched::Voucher(digest) => {
                    json!({"device": about(device), "source": source, "voucher": digest.to_string()})
                }
                Fetched::Nothing(reason) => json!({"device": about(device), "source": source, "nothing": reason}),
            },
            Self::DeviceHeld { device, source, reason } => {
                json!({"device": about(device), "source": source, "reason": reason})
            }
            Self::Answered { device, source, certificate, answer, basis, departures } => {
                let body = json!({"device": about(device), "source": source,
                       "certificate": certificate.to_string(), "answer": answer.to_json(), "basis": basis.to_json()});
                with_departures(body, departures)
            }
            Self::ProgressReported { device, source, report, keys, message, departures } => {
                let keys = keys.iter().map(|key| json!({"kind": key.kind, "sha256": sha256(&key.data).to_string()}));
                let body = json!({"device": about(device), "source": source,
                       "progress-type": report.as_str(), "keys": keys.collect::<Vec<_>>(), "message": message});
                with_departures(body, departures)
            }
            Self::ConnectionsRefused { source, reason, detail, count } => {
                json!({"source": source, "reason": reason, "detail": detail,
                       "count": count})
            }
            Self::DeviceAdmitted { device, source, profile } => {
                json!({"device": about(device), "source": source,
                       "profile": profile.as_str()})
            }
            Self::DeviceRefused { device, source, reason } => {
                json!({"device": about(device), "source": source, "reason": reason})
            }
            Self::DeviceApproved { device, profile, because } => {
                json!({"device": about(device), "because": because,
                       "profile": profile.as_ref().map(ProfileName::as_str)})
            }
            Self::DeviceRetired { device, because } => {
                json!({"device": about(device), "because": because})
            }
            Self::DeviceReprovisioned { device, because } => {
                json!({"device": about(device), "because": because})
            }
            Self::DeviceChanged { device, profile, particulars } => {
                json!({"device": about(device),
                       "profile": profile.as_ref().map(ProfileName::as_str),
                       "particulars": about_particulars(particulars)})
            }
            Self::ActivationCodeSet { device, .. } => {
                json!({"device": about(device)})
            }
            Self::AlarmRaised { device, source, alarm } => {
                json!({"device": about(device), "source": source, "alarm": alarm})
            }
            Self::AlarmCleared { device, because } => {
                json!({"device": about(device), "because": because})
            }
            Self::DeviceReturned { device, source } => {
                json!({"device": about(device), "source": source})
            }
            Self::PoliciesApplied { policies, before } => {
                let mut body = json!({"policies": policies.to_json()});
                if let Some(before) = before {
                    body["before"] = before.to_json();
                }
                body
            }
            Self::PoliciesProposed { policies, before } => {
                json!({"policies": policies.to_json(), "before": before.to_json()})
            }
            Self::ProfileRemoved { profile } => json!({"profile": profile.as_str()}),
            Self::UserChanged { user } => {
                json!({"user": user.name.as_str(), "role": user.role.as_str()})
            }
            Self::UserRemoved { user } => json!({"user": user.as_str()}),
            Self::TokenCreated { token } => {
                json!({"token": token.id.as_str(), "user": token.user.as_str(),
                       "expires": token.expires.map(|at| at.0)})
            }
            Self::TokenRevoked { token } => json!({"token": token.as_str()}),
            Self::DeviceErased { device, because } => {
                json!({"device": about(device), "because": because})
            }
            Self::RecordsErased { erasure } => erasure.to_json(),
            Self::Ledger(event) => event.body(),
            Self::Masa(event) => event.body(),
            Self::LogKeysChanged { keys } => json!({"keys": keys}),
            Self::DhcpOtherServerSeen { other } => {
                let OtherServer { server, ip_version, interface, relay, client } = other.as_ref();
                json!({"server": server, "ip-version": ip_version, "interface": interface, "relay": relay,
                       "client": client})
            }
            Self::Factory(event) => event.body(),
            Self::Leases(event) => event.body(),
            Self::BackupBegun => json!({}),
            Self::BackupTaken { backup } => json!({"sha256": backup.to_string()}),
            Self::LogRestored { origin, checkpoint } => {
                json!({"origin": origin, "checkpoint": checkpoint})
            }
        };
        body["event"] = json!(self.name());
        if let Some(by) = by {
            body["by"] = match by {
                Actor::User { user, token } => json!({"user": user.as_str(), "token": token.as_str()}),
                Actor::Console => json!("console"),
            };
        }
        body.to_string().into_bytes()
    }
}

/// How the device showed who it is (SEC-21), and what departs from the default, if anything does.
fn with_departures(mut body: Value, departures: &Departures) -> Value {
    body["authentication"] = json!(departures.authentication.as_str());
    if *departures != Departures::default() {
        let leniencies: Vec<_> = departures.leniencies.iter().map(|it| it.as_str()).collect();
        body["departures"] = json!({"wire-profile": departures.wire_profile.as_str(),
                                    "authentication": departures.authentication.as_str(), "leniencies": leniencies});
    }
    body
}

/// What a manufacturer's certificates are like, and where it is asked for vouchers; certificates by their digests.
pub(crate) fn about_identity(manufacturer: &Manufacturer) -> Value {
    let ManufacturerTexts { serial_number_rules, critical_extensions, extended_key_usages, .. } =
        ManufacturerTexts::of(manufacturer);
    let mut about = json!({"serial-number-rules": serial_number_rules,
        "legacy-anchors": digests(&manufacturer.legacy_anchors),
        "intermediates": digests(manufacturer.identity.intermediates()),
        "critical-extensions": critical_extensions, "extended-key-usages": extended_key_usages});
    if let Some(masa) = &manufacturer.masa {
        about["masa-url"] = json!(masa.address.to_string());
        about["masa-anchors"] = json!(digests(&masa.anchors));
    }
    about
}

fn digests(certificates: &[Certificate]) -> Vec<String> {
    certificates.iter().map(|certificate| certificate.sha256().to_string()).collect()
}

fn about_particulars(particulars: &Particulars) -> Value {
    let Particulars { model, mac_addresses, uuid, host, slot, rack } = particulars;
    let mac_addresses: Vec<_> = mac_addresses.iter().map(ToString::to_string).collect();
    let mut about = json!({"model": model, "mac-addresses": mac_addresses, "host": host, "slot": slot, "rack": rack});
    if let Some(uuid) = uuid {
        about["uuid"] = json!(uuid.to_string());
    }
    about
}
