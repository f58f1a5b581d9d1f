//! The DHCP servers beside the listeners: their sockets, what they know, and who hears of what they do.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use netboot::{
    io::{Dhcp4Server, Dhcp6Server, HostTime, RunningDhcpServer, ServerError, Services},
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
    v6: Option<Dhcp6Server>,
    desk: DhcpDesk,
    keeper: Keeper,
    heard: mpsc::Receiver<OtherServer>,
}

impl Bound {
    /// Binds the sockets, and reads what the owner knows of devices: whoever asks first must not pass for a stranger.
    /// `kept` is how long the record of a lease that ended is kept.
    pub(super) async fn bind(
        policies: DhcpPolicies,
        kept: Duration,
        (store, metrics): (&Arc<SqlStore>, &Metrics),
    ) -> Result<Option<Self>, ServeError> {
        if policies.v4.is_none() && policies.v6.is_none() {
            return Ok(None);
        }
        let v4 = policies.v4.iter().flat_map(|policy| networks(policy.rules()));
        let v6 = policies.v6.iter().flat_map(|policy| networks(policy.rules()));
        let networks = v4.chain(v6).collect();
        let (listening, heard) = Listening::new(metrics.clone(), networks);
        let directory = SharedDirectory::default();
        let services = Services {
            leases: store.clone(),
            directory: directory.clone(),
            observer: Arc::new(listening.clone()),
            keep_seconds: u32::try_from(kept.as_secs()).unwrap_or(u32::MAX),
            time: Arc::new(HostTime),
        };
        let v4 = policies.v4.clone().map(|policy| Dhcp4Server::bind(*policy, services.clone())).transpose()?;
        let v6 = policies.v6.clone().map(|policy| Dhcp6Server::bind(*policy, services)).transpose()?;
        let keeper = Keeper::filled(store.clone(), directory.clone()).await?;
        let server_duid = v6.as_ref().map(|server| server.duid().clone());
        let desk = DhcpDesk::new(policies, directory, store.clone(), listening, server_duid);
        Ok(Some(Self { v4, v6, desk, keeper, heard }))
    }

    /// What each of them is.
    pub(super) fn statuses(&self) -> Vec<ListenerStatus> {
        let v4 = self.v4.as_ref().map(|server| status("dhcp4", server.local_address().into(), &[]));
        let v6 = self.v6.as_ref().map(|server| status("dhcp6", server.local_address().into(), &[]));
        v4.into_iter().chain(v6).collect()
    }

    /// Begins to answer.
    pub(super) fn spawn(
        self,
        tasks: &mut JoinSet<&'static str>,
        store: Arc<dyn Store>,
        stopping: &watch::Receiver<()>,
    ) -> (Running, DhcpDesk) {
        let Self { v4, v6, desk, keeper, heard } = self;
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
        (Running { v4: v4.map(Dhcp4Server::spawn), v6: v6.map(Dhcp6Server::spawn) }, desk)
    }
}

/// DHCP servers that answer.
#[derive(Debug, Default)]
pub(super) struct Running {
    v4: Option<RunningDhcpServer>,
    v6: Option<RunningDhcpServer>,
}

impl Running {
    /// Where the DHCPv4 server listens.
    pub(super) fn v4_address(&self) -> Option<SocketAddr> {
        self.v4.as_ref().map(RunningDhcpServer::local_address)
    }

    /// Where the DHCPv6 server listens.
    pub(super) fn v6_address(&self) -> Option<SocketAddr> {
        self.v6.as_ref().map(RunningDhcpServer::local_address)
    }

    /// Waits until one of them stops although nobody told it to, and says why.
    pub(super) async fn failed(&mut self) -> ServerError {
        tokio::select! {
            error = of(&mut self.v4) => error,
            error = of(&mut self.v6) => error,
        }
    }

    /// Stops them.
    pub(super) async fn shutdown(self) {
        for server in [self.v4, self.v6].into_iter().flatten() {
            if let Err(error) = server.shutdown().await {
                tracing::error!(%error, "a DHCP server had stopped");
            }
        }
    }
}

async fn of(server: &mut Option<RunningDhcpServer>) -> ServerError {
    match server {
        Some(server) => server.failed().await,
        None => std::future::pending().await,
    }
}

fn networks<A: Address>(rules: &Rules<A>) -> impl Iterator<Item = (IpAddr, String)> {
    rules.subnets().iter().map(|subnet| ((*subnet.network().range().start()).into(), subnet.network().to_string()))
}
