//! Something between a server and its PostgreSQL that lets leases through, and keeps the word of it back.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use bootstrap_server::store::Location;

/// What stands in a message that writes leases, and in no other.
const LEASE: &[u8] = b"\"lent\"";

#[derive(Default)]
struct Orders {
    swallow: AtomicUsize,
    swallowed: AtomicUsize,
}

/// It lives as long as the test.
pub(crate) struct Proxy {
    address: SocketAddrV4,
    orders: Arc<Orders>,
}

impl Proxy {
    pub(crate) fn start(location: &Location) -> Self {
        let Location::Postgres(url) = location else { panic!("a PostgreSQL was asked for") };
        let folder = url.split("host=").nth(1).unwrap().split('&').next().unwrap();
        let socket = format!("{folder}/.s.PGSQL.5432");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else { unreachable!() };
        let orders = Arc::new(Orders::default());
        let shared = Arc::clone(&orders);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let (far, orders) = (UnixStream::connect(&socket).unwrap(), Arc::clone(&shared));
                thread::spawn(move || pass(near, far, &orders));
            }
        });
        Self { address, orders }
    }

    /// The same database through this.
    pub(crate) fn url(&self, location: &Location) -> String {
        let name = interop_tests::postgres::name(location);
        format!("postgres://postgres@{}/{name}?sslmode=disable", self.address)
    }

    /// Keeps the next so many answers about leases back, and cuts the connection instead.
    pub(crate) fn swallow(&self, times: usize) {
        self.orders.swallow.store(times, Ordering::SeqCst);
    }

    /// How many were kept back so far.
    pub(crate) fn swallowed(&self) -> usize {
        self.orders.swallowed.load(Ordering::SeqCst)
    }
}

fn pass(mut near: TcpStream, mut far: UnixStream, orders: &Arc<Orders>) {
    // Whether what comes back is kept back.
    let deaf = Arc::new(Mutex::new(false));
    let (mut back, mut towards, its) = (far.try_clone().unwrap(), near.try_clone().unwrap(), Arc::clone(&deaf));
    let its_orders = Arc::clone(orders);
    let answers = thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = back.read(&mut buffer) {
            if *its.lock().unwrap() {
                // PostgreSQL answers once the transaction is durable.
                its_orders.swallowed.fetch_add(1, Ordering::SeqCst);
                break;
            }
            if towards.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _gone = (towards.shutdown(Shutdown::Both), back.shutdown(Shutdown::Both));
    });
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = near.read(&mut buffer) {
        let message = &buffer[..length];
        if message.windows(LEASE.len()).any(|window| window == LEASE) {
            let one_less = |left: usize| left.checked_sub(1);
            *deaf.lock().unwrap() = orders.swallow.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        }
        if far.write_all(message).is_err() {
            break;
        }
    }
    let _gone = far.shutdown(Shutdown::Both);
    answers.join().unwrap();
}
