//! Owners, product lines and deeds as JSON: as they are kept, and as they stand in the log.

use authority::masa::{Deed, DeviceClock, Domain, LineName, Owner, OwnerName, Person, ProductLine, SerialNumbers};
use pki::certificate::Certificate;
use serde_json::{Value, json};

use crate::domain::ledger::{from_hex, hex};

/// The owner's contact and certificates.
pub(crate) fn owner_json(owner: &Owner) -> Value {
    let pem = |all: &[Certificate]| all.iter().map(Certificate::to_pem).collect::<String>();
    let domains = owner.domains.iter().map(|domain| {
        json!({"pinned": domain.pinned.to_pem(), "above": pem(&domain.above), "registrar-cas": pem(&domain.registrar_cas)})
    });
    json!({"contact": owner.contact, "domains": domains.collect::<Vec<_>>()})
}

/// Reads what [`owner_json`] writes.
pub(crate) fn read_owner(name: OwnerName, document: &str) -> Option<Owner> {
    let document: Value = serde_json::from_str(document).ok()?;
    let domains = document.get("domains")?.as_array()?.iter().map(|domain| {
        let chain = |member: &str| match domain.get(member)?.as_str()? {
            "" => Some(Vec::new()),
            pem => Certificate::chain_from_pem(pem.as_bytes()).ok(),
        };
        let pinned = chain("pinned")?.into_iter().next()?;
        Some(Domain { pinned, above: chain("above")?, registrar_cas: chain("registrar-cas")? })
    });
    let contact = document.get("contact")?.as_str()?.to_owned();
    Some(Owner { name, contact, domains: domains.collect::<Option<_>>()? })
}

/// What is special about the devices of a line.
pub(crate) fn line_json(line: &ProductLine) -> Value {
    let clock = match line.clock {
        DeviceClock::Kept => "kept",
        DeviceClock::Absent => "absent",
    };
    json!({"clock": clock, "idevid-issuer": line.serial_numbers.idevid_issuer().map(hex)})
}

/// Reads what [`line_json`] writes.
pub(crate) fn read_line(name: LineName, document: &str) -> Option<ProductLine> {
    let document: Value = serde_json::from_str(document).ok()?;
    let clock = match document.get("clock")?.as_str()? {
        "kept" => DeviceClock::Kept,
        "absent" => DeviceClock::Absent,
        _ => return None,
    };
    let serial_numbers = match document.get("idevid-issuer")? {
        Value::Null => SerialNumbers::Unique,
        issuer => SerialNumbers::Shared { idevid_issuer: from_hex(issuer.as_str()?)? },
    };
    Some(ProductLine { name, clock, serial_numbers })
}

/// What was done, and by whom.
pub(crate) fn deed_json(deed: &Deed) -> Value {
    match deed {
        Deed::Sold { to } => json!({"deed": "sold", "to": to.as_str()}),
        Deed::Released { by, to } => json!({"deed": "released", "by": by.as_str(), "to": to.as_str()}),
        Deed::Accepted { by } => json!({"deed": "accepted", "by": by.as_str()}),
        Deed::Withdrawn { by } => json!({"deed": "withdrawn", "by": by.as_str()}),
        Deed::Overridden { to, by, reason } => json!({
            "deed": "overridden", "to": to.as_ref().map(OwnerName::as_str), "by": by.as_str(), "because": reason,
        }),
        _ => Value::Null,
    }
}

/// Reads what [`deed_json`] writes.
pub(crate) fn read_deed(deed: &Value) -> Option<Deed> {
    let owner = |member: &str| OwnerName::new(deed.get(member)?.as_str()?).ok();
    Some(match deed.get("deed")?.as_str()? {
        "sold" => Deed::Sold { to: owner("to")? },
        "released" => Deed::Released { by: owner("by")?, to: owner("to")? },
        "accepted" => Deed::Accepted { by: owner("by")? },
        "withdrawn" => Deed::Withdrawn { by: owner("by")? },
        "overridden" => Deed::Overridden {
            to: if deed.get("to")?.is_null() { None } else { Some(owner("to")?) },
            by: Person::new(deed.get("by")?.as_str()?).ok()?,
            reason: deed.get("because")?.as_str()?.to_owned(),
        },
        _ => return None,
    })
}
