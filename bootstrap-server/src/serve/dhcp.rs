//! The DHCP servers beside the listeners: their sockets, what they know, and who hears of what they do.

use std::{net::IpAddr, sync::Arc};

use netboot::{
    io::{Dhcp4Server, RunningDhcpServer, Services},
    lease::Address,
    policy::{Rules, SharedDirectory},
};
use operator_api::ListenerStatus;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{ServeError, listeners::status};
use crate::{
    audit::OtherServer,
    dhcp::{DhcpDesk, DhcpPolicies, Keeper, Listening, write_down},
    metrics::Metrics,
    store::{SqlStore, Store},
};

/// DHCP servers with their sockets, not answering yet.
pub(super) struct Bound {
    v4: Option<Dhcp4Server>,
    desk: DhcpDesk,
    keeper: Keeper,
    heard: mpsc::Receiver<OtherServer>,
}

impl Bound {
    /// Binds the sockets, and reads what the owner knows of devices: whoever asks first must not pass for a stranger.
    pub(super) async fn bind(
        policies: DhcpPolicies,
        store: &Arc<SqlStore>,
        metrics: &Metrics,
    ) -> Result<Option<Self>, ServeError> {
        if policies.v4.is_none() {
            return Ok(None);
        }
        let networks = policies.v4.iter().flat_map(|policy| networks(policy.rules())).collect();
        let (listening, heard) = Listening::new(metrics.clone(), networks);
        let directory = SharedDirectory::default();
        let services = Services {
            leases: store.clone(),
            directory: directory.clone(),
            observer: Arc::new(listening.clone()),
            ..Services::in_memory()
        };
        let v4 = policies.v4.clone().map(|policy| Dhcp4Server::bind(policy, services)).transpose()?;
        let keeper = Keeper::filled(store.clone(), directory.clone()).await?;
        let desk = DhcpDesk::new(policies, directory, store.clone(), listening);
        Ok(Some(Self { v4, desk, keeper, heard }))
    }

    /// What each of them is.
    pub(super) fn statuses(&self) -> Vec<ListenerStatus> {
        let v4 = self.v4.as_ref().map(|server| status("dhcp4", server.local_address().into(), &[]));
        v4.into_iter().collect()
    }

    /// Begins to answer.
    pub(super) fn spawn(
        self,
        tasks: &mut JoinSet<&'static str>,
        store: Arc<dyn Store>,
        stopping: &watch::Receiver<()>,
    ) -> (Option<RunningDhcpServer>, DhcpDesk) {
        let Self { v4, desk, keeper, heard } = self;
        let until = stopping.clone();
        tasks.spawn(async move {
            keeper.run(until).await;
            "following of devices for DHCP"
        });
        let until = stopping.clone();
        tasks.spawn(async move {
            write_down(store, heard, until).await;
            "record of other DHCP servers"
        });
        (v4.map(Dhcp4Server::spawn), desk)
    }
}

fn networks<A: Address>(rules: &Rules<A>) -> impl Iterator<Item = (IpAddr, String)> {
    rules.subnets().iter().map(|subnet| ((*subnet.network().range().start()).into(), subnet.network().to_string()))
}
