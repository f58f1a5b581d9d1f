//! Leases of the DHCP servers: what is lent, and ending a lease before its time.

pub(super) mod import;

use std::{net::IpAddr, sync::Arc};

use audit_log::UnixMillis;
use axum::{extract::State, http::StatusCode, response::Response};
use netboot::{
    lease::{Lease, LeaseStoreError, Standing, dnsmasq::NEVER},
    moment::Moment,
};
use operator_api::{Because, ChangeQuery, DhcpLease, DhcpLeasePage, DhcpLeaseQuery, paths};

use super::{
    Api, answer,
    change::{Done, KeptBody, Turn},
    clock,
    devices::page_size,
    fault::Fault,
    particulars,
    request::{NamePath, Parameters, Submission},
};
use crate::{
    audit::{Event, LeaseEvent},
    domain::ledger::hex,
    store::{Ended, LeaseFilter, Page},
};

impl From<LeaseStoreError> for Fault {
    fn from(error: LeaseStoreError) -> Self {
        Self::unavailable().detail(error.to_string())
    }
}

/// List leases
///
/// Of the DHCP servers that share this database, by address, narrowed by each parameter that is given. A lease that has ended is kept for
/// a while, so that a client that comes back finds the address that it had.
#[utoipa::path(get, path = paths::DHCP_LEASES, tag = "dhcp", params(DhcpLeaseQuery),
    responses((status = 200, description = "A page of leases.", body = DhcpLeasePage)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(query): Parameters<DhcpLeaseQuery>,
) -> Result<Response, Fault> {
    let limit = page_size(query.limit)?;
    let unusable = |_| Fault::query("after: takes the `next` of the page before");
    let after = query.after.as_deref().map(|after| after.parse().map_err(unusable)).transpose()?;
    let now = now();
    let mac = query.mac.as_deref().map(|mac| mac.parse().map_err(|error| Fault::query(format!("mac: {error}"))));
    let filter = LeaseFilter {
        mac: mac.transpose()?,
        duid: None,
        within: query.subnet.as_deref().map(subnet).transpose()?,
        at: query.expired.map(|expired| (now, if expired { Ended::Yes } else { Ended::No })),
    };
    let mut leases = api.leases.leases(&filter, Page { after, limit: limit.saturating_add(1) }).await?;
    // One more than was asked for tells whether there is another page.
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = leases.len() > most;
    leases.truncate(most);
    let next = leases.last().filter(|_| more).map(|last| last.address.to_string());
    let leases = leases.iter().map(|lease| shown(lease, now)).collect();
    let server_duid = api.dhcp.as_ref().and_then(|desk| desk.server_duid()).map(ToString::to_string);
    Ok(answer::json(StatusCode::OK, &DhcpLeasePage { leases, next, server_duid }))
}

/// End a lease before its time
///
/// The address may be given to anybody from now on. The client is not told and may go on using it until it wants to renew its lease: make
/// sure that it is gone.
#[utoipa::path(post, path = paths::RELEASE_DHCP_LEASE, tag = "dhcp", request_body = Because,
    params(ChangeQuery, ("address" = String, Path, description = "The address that was lent.")),
    responses((status = 200, description = "It has ended.", body = DhcpLease),
        (status = 204, description = "It would be ended.")))]
pub(super) async fn release(
    State(api): State<Arc<Api>>,
    name: NamePath,
    submission: Submission<Because>,
) -> Result<Response, Fault> {
    let address: IpAddr = name.of(|text| text.parse::<IpAddr>())?;
    let because = particulars::because(submission.body.reason)?;
    let nothing = || Fault::not_found().detail(format!("nothing is on record of {address}"));
    let lease = api.leases.leases_of(&[address]).await?.pop().ok_or_else(nothing)?;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(_) => return Ok(answer::json(StatusCode::OK, &shown(&lease, now()))),
    };
    let event = Event::Leases(LeaseEvent::Released { address, client: lease.client.clone(), because });
    // The record first: what was done is on record even if the server ends in between, and doing it again is harmless.
    match change.carry_out(&api, event.into(), KeptBody::afresh(StatusCode::OK)).await? {
        Done::Rehearsed => Ok(answer::empty(StatusCode::NO_CONTENT)),
        Done::Made => {
            let now = now();
            let ended = Lease { since: now, expires: lease.expires.min(now), ..lease };
            api.leases.write(vec![ended.clone()]).await?;
            Ok(answer::json(StatusCode::OK, &shown(&ended, now)))
        }
    }
}

fn now() -> Moment {
    Moment(clock::now().0 / 1000)
}

/// The first and the last address of a subnet.
fn subnet(text: &str) -> Result<(IpAddr, IpAddr), Fault> {
    let wanted = || Fault::query("subnet: takes a network such as 192.0.2.0/24 or 2001:db8::/64");
    let (address, length) = text.split_once('/').ok_or_else(wanted)?;
    let (address, length) = (address.parse().map_err(|_| wanted())?, length.parse::<u32>().map_err(|_| wanted())?);
    match address {
        IpAddr::V4(address) if length <= 32 => {
            let hosts = u32::MAX.checked_shr(length).unwrap_or_default();
            let bits = address.to_bits();
            Ok(((bits & !hosts).to_be_bytes().into(), (bits | hosts).to_be_bytes().into()))
        }
        IpAddr::V6(address) if length <= 128 => {
            let hosts = u128::MAX.checked_shr(length).unwrap_or_default();
            let bits = address.to_bits();
            Ok(((bits & !hosts).to_be_bytes().into(), (bits | hosts).to_be_bytes().into()))
        }
        _ => Err(wanted()),
    }
}

/// A lease as people see it at this moment.
fn shown(lease: &Lease, now: Moment) -> DhcpLease {
    let written = |moment: Moment| clock::written(UnixMillis(moment.0.saturating_mul(1000)));
    DhcpLease {
        address: lease.address.to_string(),
        standing: match lease.standing {
            _ if !lease.holds(now) => "ended",
            Standing::Lent => "lent",
            Standing::Conflict => "conflict",
        }
        .to_owned(),
        mac: lease.mac.map(|mac| mac.to_string()),
        identifier: lease.client.identifier().map(hex),
        iaid: lease.client.association(),
        host_name: lease.host_name.as_deref().map(str::to_owned),
        since: written(lease.since),
        expires: (lease.expires != NEVER).then(|| written(lease.expires)),
        client: lease.client.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_has_a_first_and_a_last_address() {
        let of = |text: &str| subnet(text).map(|(first, last)| format!("{first} {last}")).ok();
        assert_eq!(of("192.0.2.77/24").as_deref(), Some("192.0.2.0 192.0.2.255"));
        assert_eq!(of("0.0.0.0/0").as_deref(), Some("0.0.0.0 255.255.255.255"));
        assert_eq!(of("192.0.2.77/32").as_deref(), Some("192.0.2.77 192.0.2.77"));
        assert_eq!(of("2001:db8::/64").as_deref(), Some("2001:db8:: 2001:db8::ffff:ffff:ffff:ffff"));
        assert_eq!(of("::1/128").as_deref(), Some("::1 ::1"));
        for none in ["", "192.0.2.0", "192.0.2.0/33", "::/129", "x/8", "192.0.2.0/-1"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
