//! Where what DHCP would answer is asked for.

use std::{net::IpAddr, sync::Arc};

use dhcp::v6::Duid;
use netboot::{
    dhcp4, dhcp6,
    explain::{Explanation, Present, Question},
    io::Interfaces,
    lease::{Address, Lease, LeaseStoreError},
    moment::Moment,
    policy::{Dhcp4Policy, Dhcp6Policy, Directory, Rules, SharedDirectory},
};
use operator_api::{DhcpExplanation, DhcpQuestion};
use tokio::sync::Semaphore;

use super::{
    heard::Listening,
    question::checked,
    relevant::{Reading, explained},
    shown::{Basis, explanation},
};
use crate::{api, store::Leases};

/// What the DHCP servers obey.
#[derive(Clone, Debug, Default)]
pub(crate) struct DhcpPolicies {
    pub(crate) v4: Option<Box<Dhcp4Policy>>,
    pub(crate) v6: Option<Box<Dhcp6Policy>>,
}

impl DhcpPolicies {
    /// The IP version that is asked about: the one that is named, or else one that is served.
    fn version(&self, asked: Option<u8>) -> Result<u8, ExplainError> {
        let serves = |version: u8| if version == 4 { self.v4.is_some() } else { self.v6.is_some() };
        match asked {
            None => [4, 6].into_iter().find(|version| serves(*version)).ok_or(ExplainError::NoServer),
            Some(version @ (4 | 6)) if serves(version) => Ok(version),
            Some(version @ (4 | 6)) => Err(ExplainError::NoSuchServer { version }),
            Some(_) => Err(ExplainError::Question { member: "ip-version", because: "takes 4 or 6".to_owned() }),
        }
    }

    /// The first and the last address of a network, and whether some of its addresses are kept for devices that the owner knows.
    fn space(&self, version: u8, network: &str) -> Option<((IpAddr, IpAddr), bool)> {
        fn of<A: Address>(rules: &Rules<A>, network: &str) -> Option<((IpAddr, IpAddr), bool)> {
            let subnet = rules.subnets().iter().find(|subnet| subnet.network().to_string() == network)?;
            let space = subnet.space();
            let (first, last) = space.subnet.into_inner();
            Some(((first.into(), last.into()), space.for_known > 0))
        }
        match version {
            4 => of(self.v4.as_ref()?.rules(), network),
            _ => of(self.v6.as_ref()?.rules(), network),
        }
    }

    fn explain(&self, version: u8, directory: &Directory, question: &Question, present: &Present<'_>) -> Explanation {
        match (version, &self.v4, &self.v6) {
            (4, Some(policy), _) => dhcp4::explain(policy, directory, question, present),
            (6, _, Some(policy)) => dhcp6::explain(policy, directory, question, present),
            _ => Explanation::default(),
        }
    }
}

/// Explains what the DHCP servers of this one would answer.
pub(crate) struct DhcpDesk {
    policies: DhcpPolicies,
    directory: SharedDirectory,
    leases: Arc<dyn Leases>,
    listening: Listening,
    /// By what DHCPv6 clients know the server.
    server_duid: Option<Duid>,
    /// Where a pool is nearly full, all of its leases are read for an explanation: for one at a time.
    turn: Semaphore,
}

impl DhcpDesk {
    pub(crate) fn new(
        policies: DhcpPolicies,
        directory: SharedDirectory,
        leases: Arc<dyn Leases>,
        listening: Listening,
        server_duid: Option<Duid>,
    ) -> Self {
        Self { policies, directory, leases, listening, server_duid, turn: Semaphore::new(1) }
    }

    /// How many devices DHCP recognises.
    pub(crate) fn known(&self) -> usize {
        self.directory.read().len()
    }

    /// By what DHCPv6 clients know the server, if there is one.
    pub(crate) const fn server_duid(&self) -> Option<&Duid> {
        self.server_duid.as_ref()
    }

    /// Whether another DHCP server was seen lately.
    pub(crate) fn sees_others(&self) -> bool {
        self.listening.sees_others()
    }

    /// What a client would be answered now.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub(crate) async fn explain(&self, asked: &DhcpQuestion) -> Result<DhcpExplanation, ExplainError> {
        let version = self.policies.version(asked.ip_version)?;
        let question = checked(asked)?;
        let addresses = own_addresses();
        let now = Moment(api::now().0 / 1000);
        let explain = |leases: &[Lease]| {
            let directory = self.directory.read();
            self.policies.explain(version, &directory, &question, &Present { now, leases, addresses: &addresses })
        };
        // Once without leases, to know of which network they matter.
        let bare = explain(&[]);
        let space = bare.subnet.as_ref().and_then(|subnet| self.policies.space(version, &subnet.network));
        let answer = match space {
            None => bare,
            Some((within, kept_for_known)) => {
                let reading = if kept_for_known && bare.device.is_none() { Reading::Whole } else { Reading::Relevant };
                // It is never closed.
                let _turn = self.turn.acquire().await;
                let said = explained(self.leases.as_ref(), within, &question, reading, explain).await;
                said.map_err(LeaseStoreError::from)?
            }
        };
        Ok(explanation(version, Basis::Server, answer))
    }
}

/// What a client would be answered by a configuration alone: without devices, profiles and leases.
///
/// # Errors
/// [`ExplainError`].
pub fn explain_configured(
    (v4, v6): (Option<Dhcp4Policy>, Option<Dhcp6Policy>),
    asked: &DhcpQuestion,
) -> Result<DhcpExplanation, ExplainError> {
    let policies = DhcpPolicies { v4: v4.map(Box::new), v6: v6.map(Box::new) };
    let version = policies.version(asked.ip_version)?;
    let question = checked(asked)?;
    let present = Present { now: Moment(api::now().0 / 1000), leases: &[], addresses: &[] };
    let said = policies.explain(version, &Directory::default(), &question, &present);
    Ok(explanation(version, Basis::Configuration, said))
}

/// The addresses of this host. Without them an explanation says less.
fn own_addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = Interfaces::read() else { return Vec::new() };
    let v4 = interfaces.iter().flat_map(|it| it.ipv4.iter().map(|it| IpAddr::V4(it.address)));
    let v6 = interfaces.iter().flat_map(|it| it.ipv6.iter().map(|it| IpAddr::V6(it.address)));
    v4.chain(v6).collect()
}

/// What DHCP would answer cannot be said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// There is no DHCP server.
    #[error("this server answers no DHCP: there is neither [dhcp4] nor [dhcp6] in sztp.toml")]
    NoServer,
    /// There is none of that IP version.
    #[error("this server answers no DHCP of IPv{version}: there is no [dhcp{version}] in sztp.toml")]
    NoSuchServer {
        /// The IP version.
        version: u8,
    },
    /// The question cannot be understood.
    #[error("{member}: {because}")]
    Question {
        /// What is wrong.
        member: &'static str,
        /// Why.
        because: String,
    },
    /// The leases cannot be read.
    #[error(transparent)]
    Leases(#[from] LeaseStoreError),
}
