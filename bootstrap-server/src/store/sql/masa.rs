//! A MASA's rows: written, and loaded for the plan. What is read is in [`read`].

mod read;

pub(in crate::store) use read::{
    all_lines, all_owners, claim, claims_of, deeds, issued_vouchers, made, made_page, owners_version, waiting,
};

use std::collections::BTreeMap;

use audit_log::LogIndex;
use authority::masa::{ClaimId, LineName, Owner, OwnerName, Ownership, ProductLine, Proposer};
use base64::{Engine, prelude::BASE64_STANDARD};
use conveyed_info::voucher::{DomainId, Freshness};
use sqlx::AnyConnection;

use super::{
    decode::digest,
    encode::{integer, millis},
    statement::select_each,
    table::Value,
    target::Dialect,
};
use crate::{
    domain::masa::{Claim, Index, MadeEntry, deed_json, line_json, owner_json},
    store::{
        StoreError,
        plan::{DeedRow, IssueRow, MasaNeeds},
    },
};

/// The rows of owners, each as it is in the end: no statement may write a row twice.
pub(super) fn owners(owners: &[(LogIndex, Owner)], log: i64) -> Result<Vec<Vec<Value>>, StoreError> {
    let latest: BTreeMap<_, _> = owners.iter().map(|(leaf, owner)| (&owner.name, (leaf, owner))).collect();
    let rows = latest.into_iter().map(|(name, (leaf, owner))| {
        Ok(vec![name.as_str().into(), log.into(), integer(leaf.0)?.into(), owner_json(owner).to_string().into()])
    });
    rows.collect()
}

/// The rows of lines.
pub(super) fn lines(lines: &[ProductLine]) -> Vec<Vec<Value>> {
    let latest: BTreeMap<_, _> = lines.iter().map(|line| (&line.name, line)).collect();
    latest.into_iter().map(|(name, line)| vec![name.as_str().into(), line_json(line).to_string().into()]).collect()
}

/// The rows of devices.
pub(super) fn devices(devices: &[MadeEntry]) -> Vec<Vec<Value>> {
    let latest: BTreeMap<_, _> = devices.iter().map(|entry| (&entry.device, &entry.ownership)).collect();
    let rows = latest.into_iter().map(|(device, ownership)| {
        let (word, owner, recipient, since) = match ownership {
            Ownership::Unsold => ("unsold", None, None, None),
            Ownership::Owned { by, since } => ("owned", Some(by), None, Some(since)),
            Ownership::Released { from, to, at } => ("released", Some(from), Some(to), Some(at)),
        };
        vec![
            device.serial_number.as_str().into(),
            device.line.as_str().into(),
            word.into(),
            owner.map(OwnerName::as_str).into(),
            recipient.map(OwnerName::as_str).into(),
            Value::Integer(since.map(|since| since.unix())),
        ]
    });
    rows.collect()
}

/// The row of a deed.
pub(super) fn deed(row: &DeedRow, log: i64) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        row.device.serial_number.as_str().into(),
        row.device.line.as_str().into(),
        log.into(),
        integer(row.leaf.0)?.into(),
        millis(row.at).into(),
        deed_json(&row.deed).to_string().into(),
    ])
}

/// The row of a voucher.
pub(super) fn voucher(row: &IssueRow, log: i64) -> Result<Vec<Value>, StoreError> {
    let (issue, voucher) = (&row.issue, &row.issue.voucher);
    let expires_on = match voucher.freshness {
        Freshness::ExpiresOn { expires_on, .. } => Some(expires_on.unix()),
        Freshness::Nonce(_) | Freshness::Unlimited => None,
    };
    Ok(vec![
        voucher.serial_number.as_str().into(),
        issue.artifact.sha256().0.as_slice().into(),
        issue.standing.line().map(LineName::as_str).into(),
        issue.claim().0.0.as_slice().into(),
        Value::Octets(issue.request.map(|request| request.0.to_vec())),
        issue.owner.as_ref().map(OwnerName::as_str).into(),
        Value::Integer(expires_on),
        DomainId::of(&voucher.pinned_domain_cert).octets().into(),
        Value::Text(voucher.nonce().map(|nonce| BASE64_STANDARD.encode(nonce.octets()))),
        voucher.assertion.as_str().into(),
        millis(row.at).into(),
        log.into(),
        integer(row.leaf.0)?.into(),
        issue.artifact.der().into(),
    ])
}

/// The rows of claims.
pub(super) fn claims(claims: &[Claim]) -> Vec<Vec<Value>> {
    let latest: BTreeMap<_, _> = claims.iter().map(|claim| (claim.id, claim)).collect();
    let rows = latest.into_values().map(|claim| {
        let (by, is_registrar) = match &claim.by {
            Proposer::Registrar(owner) => (owner.as_str(), 1_i64),
            Proposer::Person(person) => (person.as_str(), 0),
        };
        vec![
            claim.id.0.0.as_slice().into(),
            claim.serial_number.as_str().into(),
            claim.pinned.0.as_slice().into(),
            by.into(),
            is_registrar.into(),
            claim.at.unix().into(),
            claim.approval.as_ref().map(|approval| approval.by.as_str()).into(),
            Value::Integer(claim.approval.as_ref().map(|approval| approval.at.unix())),
        ]
    });
    rows.collect()
}

const OWNERS: &str = "SELECT masa_owner.name, masa_owner.document
    FROM wanted JOIN masa_owner ON masa_owner.name = wanted.name";
pub(super) const DEVICES: &str = "SELECT made_device.*
    FROM wanted JOIN made_device ON made_device.serial_number = wanted.serial_number";
const CLAIMS: &str = "SELECT voucher_claim.* FROM wanted JOIN voucher_claim ON voucher_claim.claim = wanted.claim";
const ANSWERED: &str = "SELECT issued_voucher.claim
    FROM wanted JOIN issued_voucher ON issued_voucher.serial_number = wanted.serial_number
                                   AND issued_voucher.claim = wanted.claim";

/// Loads what `needs` names.
pub(super) async fn needs(
    connection: &mut AnyConnection,
    dialect: Dialect,
    needs: &MasaNeeds,
) -> Result<Index, StoreError> {
    let mut index = Index::default();
    if needs.all_owners {
        let rows = sqlx::query("SELECT name, document FROM masa_owner").fetch_all(&mut *connection).await?;
        let owners = rows.iter().map(read::owner).collect::<Result<Vec<_>, _>>()?;
        index.owners = owners.into_iter().map(|owner| (owner.name.clone(), owner)).collect();
    } else {
        let keys = needs.owners.iter().map(|name| vec![name.as_str().into()]).collect();
        for row in select_each(connection, dialect, &["name"], OWNERS, keys).await? {
            let owner = read::owner(&row)?;
            index.owners.insert(owner.name.clone(), owner);
        }
    }
    if needs.all_lines {
        for row in sqlx::query("SELECT name, document FROM masa_line").fetch_all(&mut *connection).await? {
            let line = read::line(&row)?;
            index.lines.insert(line.name.clone(), line);
        }
    }
    let keys = needs.devices.iter().map(|serial| vec![serial.as_str().into()]).collect();
    for row in select_each(connection, dialect, &["serial_number"], DEVICES, keys).await? {
        let MadeEntry { device, ownership } = read::entry(&row)?;
        index.put(&device, ownership);
    }
    let keys = needs.claims.iter().map(|claim| vec![claim.0.0.as_slice().into()]).collect();
    for row in select_each(connection, dialect, &["claim"], CLAIMS, keys).await? {
        let claim = read::claim_in(&row)?;
        index.claims.insert(claim.id, claim);
    }
    let keys = needs.answered.iter().map(|(serial, claim)| vec![serial.as_str().into(), claim.0.0.as_slice().into()]);
    for row in select_each(connection, dialect, &["serial_number", "claim"], ANSWERED, keys.collect()).await? {
        index.answered.insert(ClaimId(digest(super::decode::value(&row, "claim")?)?));
    }
    Ok(index)
}
