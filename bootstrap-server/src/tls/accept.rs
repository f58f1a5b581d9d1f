//! The accept loop: our own, so that caps, deadlines and the peer's certificate are ours too. Every listener has this one.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::admission::{Places, Source};

/// What a listener does with those who come.
pub(crate) trait Reception {
    /// Says that a source has its share of the places. The connection ends after this.
    fn turn_away(&self, stream: &TcpStream, source: IpAddr);

    /// Serves one connection to its end, which comes soon after the server is told to stop.
    fn serve(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + Send + 'static;
}

/// Accepts until `stop` changes, then lets connections end.
///
/// While every place is taken nothing is accepted: whoever comes then waits in the kernel, in the order in which they came.
/// Reset, they would only come back sooner, and each time pay for what it leads to.
pub(crate) async fn accept(
    socket: TcpListener,
    places: Places,
    reception: impl Reception,
    mut stop: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stop.changed() => break,
        };
        while connections.try_join_next().is_some() {}
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, or the peer was gone at once: neither may stop the loop or make it spin.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let place = tokio::select! {
            place = places.wait(Source::of(peer.ip())) => place,
            _ = stop.changed() => break,
        };
        let Ok(place) = place else {
            reception.turn_away(&stream, peer.ip());
            continue;
        };
        let serving = reception.serve(stream, peer);
        connections.spawn(async move {
            serving.await;
            drop(place);
        });
    }
    drop(socket);
    while connections.join_next().await.is_some() {}
}
