//! What a supervisor is told: sd_notify(3), one datagram for each thing that happens.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

/// Where to report to. Without a supervisor that asks for it, nothing is sent.
pub(crate) struct Supervisor {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// Looks into the environment: `NOTIFY_SOCKET` and `WATCHDOG_USEC`.
    pub(crate) fn find() -> Result<Self, io::Error> {
        let socket = match env::var_os("NOTIFY_SOCKET").filter(|it| !it.is_empty()) {
            Some(name) => Some((UnixDatagram::unbound()?, address(&name)?)),
            None => None,
        };
        let micros = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
        // The variable may be meant for a process that started this one.
        let ours =
            env::var("WATCHDOG_PID").map_or(Ok(true), |pid| pid.parse().map(|pid: u32| pid == std::process::id()));
        let watchdog = micros.filter(|micros| *micros > 0 && ours == Ok(true)).map(Duration::from_micros);
        Ok(Self { socket, watchdog })
    }

    /// The server answers.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The server finishes what is under way.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Returns when it is time for a sign of life, after having given it; never when none is asked for.
    pub(crate) async fn alive(&self) {
        match self.watchdog {
            // Half of the time, as sd_watchdog_enabled(3) recommends.
            Some(limit) => tokio::time::sleep(limit.checked_div(2).unwrap_or(limit)).await,
            None => std::future::pending().await,
        }
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, what: &str) {
        if let Some((socket, address)) = &self.socket {
            // A supervisor that is gone cannot be told so.
            let _gone = socket.send_to_addr(what.as_bytes(), address);
        }
    }
}

/// A path, or a name without a file when it begins with `@`.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().split_first() {
        Some((b'@', rest)) => SocketAddr::from_abstract_name(rest),
        _ => SocketAddr::from_pathname(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_names_are_understood() {
        assert_eq!(address(OsStr::new("@sztp/notify")).unwrap().as_abstract_name(), Some(&b"sztp/notify"[..]));
        let path = "/run/systemd/notify";
        assert_eq!(address(OsStr::new(path)).unwrap().as_pathname(), Some(std::path::Path::new(path)));
    }
}
