//! tinyproxy, as a proxy that a network demands.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test support")]

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A proxy that lets those through to one port who know a password.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    port: u16,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Proxy {
    /// Starts it in `folder`; it lets through to the port `allowed` who says `ada:secret`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(tinyproxy: &Path, folder: &Path, allowed: u16) -> Self {
        // It takes no port 0: one that was free a moment ago may be somebody else's, and then another is tried.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = folder.join(format!("{port}.conf"));
            let text = format!(
                "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nConnectPort {allowed}\nBasicAuth ada secret\nTimeout 30\n"
            );
            fs::write(&config, text).unwrap();
            let mut command = Command::new(tinyproxy);
            command.arg("-d").arg("-c").arg(&config);
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let mut proxy = Self { child, port };
            if proxy.listens() {
                return proxy;
            }
        }
        panic!("the proxy does not start");
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    fn listens(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && self.child.try_wait().unwrap().is_none() {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }
}
