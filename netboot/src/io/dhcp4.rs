//! A DHCPv4 server on a UDP socket.

use std::{
    future::Future,
    io,
    net::{SocketAddr, SocketAddrV4},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::{net::UdpSocket, sync::oneshot, task::JoinHandle};
use tracing::{info, warn};

use super::Clock;
use crate::{
    dhcp4::{Action, Datagram, Dhcp4Machine, Event, Ignored, Note},
    policy::Dhcp4Policy,
};

/// A DHCPv4 server with its socket bound, not answering yet.
#[derive(Debug)]
pub struct Dhcp4Server {
    socket: UdpSocket,
    local_address: SocketAddrV4,
    machine: Dhcp4Machine,
}

impl Dhcp4Server {
    /// Binds the socket that the policy names. Port 67 and binding to an interface need privileges
    /// (`CAP_NET_BIND_SERVICE`, `CAP_NET_RAW`).
    ///
    /// # Errors
    /// [`ServerError`] naming the step that failed.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub fn bind(policy: Dhcp4Policy) -> Result<Self, ServerError> {
        let listen = policy.listen();
        let failed = |source| ServerError::Bind { listen, source };
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).map_err(failed)?;
        socket.set_reuse_address(true).map_err(failed)?;
        socket.set_broadcast(true).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        if let Some(interface) = policy.interface() {
            let named = |source| ServerError::Interface { interface: interface.to_owned(), source };
            socket.bind_device(Some(interface.as_bytes())).map_err(named)?;
        }
        socket.bind(&SocketAddr::from(listen).into()).map_err(failed)?;
        let local_address = socket.local_addr().map_err(failed)?.as_socket_ipv4().unwrap_or(listen);
        let socket = UdpSocket::from_std(socket.into()).map_err(failed)?;
        Ok(Self { socket, local_address, machine: Dhcp4Machine::new(policy) })
    }

    /// The address the socket is bound to, with the port the system chose where the policy says 0.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddrV4 {
        self.local_address
    }

    /// Answers requests until `shutdown` completes.
    ///
    /// # Errors
    /// [`ServerError::Receive`] when the socket stays unusable. A reply that cannot be sent is logged, not an error.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let clock = Clock::start();
        let mut buffer = vec![0; LARGEST_DATAGRAM];
        let mut failures: u32 = 0;
        tokio::pin!(shutdown);
        info!(address = %self.local_address, interface = self.machine.policy().interface(), "dhcp4 listening");
        loop {
            let received = tokio::select! {
                () = &mut shutdown => break,
                received = self.socket.recv_from(&mut buffer) => received,
            };
            match received {
                Ok((length, SocketAddr::V4(source))) => {
                    failures = 0;
                    let bytes = buffer.get(..length).unwrap_or_default();
                    let actions = self.machine.on_datagram(clock.now(), &Datagram { source, bytes });
                    self.perform(actions).await;
                }
                Ok((_, SocketAddr::V6(_))) => {}
                // An interface that goes down reports it here once; a socket that only fails must not spin.
                Err(error) if failures < TOLERATED_FAILURES => {
                    failures = failures.saturating_add(1);
                    warn!(%error, "dhcp4 receive failed");
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = tokio::time::sleep(pause(failures)) => {}
                    }
                }
                Err(source) => return Err(ServerError::Receive { source }),
            }
        }
        info!(address = %self.local_address, "dhcp4 stopped");
        Ok(())
    }

    /// Answers requests in a task of its own.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn spawn(self) -> RunningDhcp4Server {
        let local_address = self.local_address;
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(self.run(async move {
            // A dropped handle stops the server as a call does.
            let _gone = stopped.await;
        }));
        RunningDhcp4Server { local_address, stop, task: Some(task) }
    }

    async fn perform(&self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send { destination, bytes } => {
                    if let Err(error) = self.socket.send_to(&bytes, destination).await {
                        warn!(%destination, %error, "dhcp4 send failed");
                    }
                }
                Action::Note(note) => log(&note),
            }
        }
    }
}

/// A DHCPv4 server that answers requests. Dropping it stops the server; [`Self::shutdown`] also waits for it.
#[derive(Debug)]
pub struct RunningDhcp4Server {
    local_address: SocketAddrV4,
    stop: oneshot::Sender<()>,
    /// `None` once its end has been seen.
    task: Option<JoinHandle<Result<(), ServerError>>>,
}

impl RunningDhcp4Server {
    /// The address the socket is bound to.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddrV4 {
        self.local_address
    }

    /// Waits until the server stops although nobody told it to, and says why. Never ends once that has been said. Safe
    /// to drop and call again.
    pub async fn failed(&mut self) -> ServerError {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let ended = task.await;
        self.task = None;
        match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => ServerError::Task,
        }
    }

    /// Stops the server and waits until its socket is closed.
    ///
    /// # Errors
    /// What made the server stop before it was told to.
    pub async fn shutdown(self) -> Result<(), ServerError> {
        drop(self.stop);
        match self.task {
            Some(task) => task.await.map_err(|_| ServerError::Task)?,
            None => Ok(()),
        }
    }
}

/// The server cannot run. The environment's fault.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The socket cannot be made or bound.
    #[error("cannot listen on {listen}")]
    Bind {
        /// The address.
        listen: SocketAddrV4,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The socket cannot be confined to the interface.
    #[error("cannot serve the interface {interface}")]
    Interface {
        /// The interface's name.
        interface: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The socket receives no more.
    #[error("cannot receive")]
    Receive {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server's task panicked or was aborted.
    #[error("the server's task ended by itself")]
    Task,
}

fn log(note: &Note) {
    let client = note.client.map(|(hardware, _)| tracing::field::display(hardware));
    let transaction = note.client.map(|(_, transaction)| tracing::field::display(transaction));
    let address = note.event.address().map(tracing::field::display);
    let event = note.event.as_str();
    let source = note.source;
    match &note.event {
        Event::Ignored(because) => {
            let reason = because.reason().map(tracing::field::display);
            match because {
                // Every server on the segment hears this; it is no news.
                Ignored::OtherServer(_) => tracing::debug!(event, %source, client, transaction, %because, "dhcp4"),
                _ => warn!(event, %source, client, transaction, reason, %because, "dhcp4"),
            }
        }
        Event::Shortened { uris_left_out, options_left_out } => {
            warn!(event, %source, client, transaction, uris_left_out, ?options_left_out, "dhcp4");
        }
        _ => info!(event, %source, client, transaction, address, "dhcp4"),
    }
}

/// How long to wait after so many receive errors in a row: 20 ms, doubled each time, up to 1.28 s.
fn pause(failures: u32) -> Duration {
    Duration::from_millis(10 << failures.min(7))
}

/// The largest payload UDP carries.
const LARGEST_DATAGRAM: usize = 65_535;
/// How many receive errors in a row are survived.
const TOLERATED_FAILURES: u32 = 16;
