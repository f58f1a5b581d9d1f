//! A PostgreSQL that goes away while leases are written: what a client was told holds, and nobody is told the same address.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "dhcp_postgres_lost/clients.rs"]
mod clients;
#[path = "dhcp_postgres_lost/proxy.rs"]
mod proxy;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddrV4},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use bootstrap_server::store::Location;
use clients::{Client, Clients, Reply};
use dhcp::v4::MacAddress;
use interop_tests::{
    lab::program,
    postgres::{Cluster, name},
    site::Site,
    skip,
};
use proxy::Proxy;

/// How long the leases of these servers last, in seconds: none ends while a test runs.
const LEASE: u64 = 3600;

/// `sztp serve` with DHCPv4 alone. Servers of one site share its key, as servers of one database must.
struct Server {
    child: Child,
    log: PathBuf,
    address: SocketAddrV4,
    _said: BufReader<ChildStdout>,
}

impl Server {
    fn start(site: &Site, database: &str, address: Ipv4Addr, pool: [Ipv4Addr; 2]) -> Self {
        let [first, last] = pool;
        let config = format!(
            "database = '{database}'\n\
             [dhcp4]\nserver-identifier = '{address}'\nlisten = '{address}:0'\nclient-port = 'source'\nconflict-check = false\n\
             [dhcp4.give]\nlease-seconds = {LEASE}\n\
             [[dhcp4.subnet]]\nnetwork = '127.0.0.0/8'\npools = [{{ first = '{first}', last = '{last}' }}]\n\
             [audit]\norigin = 'test.example/log'\nkey = 'audit.key'\n"
        );
        let (file, log) = (format!("{address}.toml"), site.path(&format!("{address}.log")));
        site.write(&file, config.as_bytes());
        let mut command = Command::new(program("sztp"));
        command.args(["serve", "--config"]).arg(site.path(&file)).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().and_then(|address| address.parse().ok());
        let server = |address| Self { child, log, address, _said: said };
        match address {
            Some(address) => server(address),
            None => panic!("no DHCP server: {line:?} {}", server(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).said()),
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What is on record: who has each address, and until when.
fn on_record(cluster: &Cluster, database: &str) -> BTreeMap<Ipv4Addr, (MacAddress, u64)> {
    let rows = cluster.ask(database, "SELECT encode(address, 'hex'), mac, expires FROM dhcp_lease").unwrap();
    let rows = rows.lines().map(|row| {
        let columns: Vec<_> = row.split('|').collect();
        let [address, mac, expires] = columns.as_slice() else { panic!("{row}") };
        let number = u32::from_str_radix(address.strip_prefix("04").unwrap(), 16).unwrap();
        (Ipv4Addr::from_bits(number), (mac.parse().unwrap(), expires.parse().unwrap()))
    });
    rows.collect()
}

fn cut_connections(cluster: &Cluster, database: &str) -> usize {
    let statement = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()"
    );
    cluster.ask(database, &statement).unwrap().lines().filter(|line| *line == "t").count()
}

/// Waits until so many more were acknowledged.
fn until_more(clients: &Clients, more: usize) -> Duration {
    let (before, since) = (clients.acknowledged(), Instant::now());
    while clients.acknowledged() < before + more {
        clients.check();
        assert!(since.elapsed() < Duration::from_secs(60), "leases are not given any more");
        std::thread::sleep(Duration::from_millis(5));
    }
    since.elapsed()
}

/// Two servers on one database; clients at both; more of them than would fit in the pool twice.
#[test]
fn nothing_acknowledged_is_lost_with_the_connection_or_with_postgresql() {
    let mut cluster = match Cluster::start(&[]) {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let location = cluster.database();
    let (database, url) = (name(&location), url(&location));
    let pool = [Ipv4Addr::new(127, 20, 0, 0), Ipv4Addr::new(127, 20, 3, 231)];
    let site = Site::new();
    let servers = [1, 2].map(|host| Server::start(&site, &url, Ipv4Addr::new(127, 0, 0, host), pool));
    let clients = Arc::new(Clients::default());
    let callers: Vec<_> = (0..8_u8)
        .map(|caller| {
            let (clients, server) = (Arc::clone(&clients), servers[usize::from(caller % 2)].address);
            std::thread::spawn(move || clients.keep_asking(caller, 100, server))
        })
        .collect();

    until_more(&clients, 100);
    for _ in 0..10 {
        assert!(cut_connections(&cluster, &database) > 0);
        let took = until_more(&clients, 100);
        assert!(took < Duration::from_secs(10), "service takes {took:?} to resume after lost connections");
    }
    for round in 0..2 {
        cluster.crash().unwrap();
        // It stays away for as long as clients wait for an answer: some ask in vain.
        std::thread::sleep(Duration::from_millis(700));
        cluster.run(&[]).unwrap_or_else(|error| panic!("round {round}: {error}"));
        let took = until_more(&clients, 100);
        println!("resumed {took:?} after PostgreSQL was back");
        assert!(took < Duration::from_secs(10), "service takes {took:?} to resume after PostgreSQL");
    }
    clients.enough();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    clients.check();

    let records = on_record(&cluster, &database);
    let held = clients.held();
    assert!(held.len() > 100, "{}", held.len());
    for (address, (mac, promised)) in &held {
        let (owner, expires) =
            records.get(address).unwrap_or_else(|| panic!("{address} was lent, and is not on record"));
        assert_eq!(owner, mac, "{address}");
        // Both count whole seconds, and neither began with one.
        assert!(
            *expires + 1 >= promised + LEASE,
            "{address}: {expires} is on record, {promised} + {LEASE} was promised"
        );
    }
    let said: Vec<_> = servers.iter().map(Server::said).collect();
    assert!(said.iter().any(|said| said.contains("dhcp-lease-not-kept")), "{said:?}");
    println!("{} acknowledged, {} clients", clients.acknowledged(), held.len());
}

fn url(location: &Location) -> String {
    let Location::Postgres(url) = location else { panic!("a PostgreSQL was asked for") };
    url.clone()
}

/// The hard case: the record is durable, and the word of it never comes. The client is not answered, nobody else gets the address, and the
/// client gets it when it asks again.
#[test]
fn a_commit_of_unknown_outcome_gives_no_address_twice() {
    let cluster = match Cluster::shared() {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let location = cluster.database();
    let database = name(&location);
    let proxy = Proxy::start(&location);
    // One address, so that whoever else asks could get that one alone.
    let only = Ipv4Addr::new(127, 21, 0, 9);
    let site = Site::new();
    let server = Server::start(&site, &proxy.url(&location), Ipv4Addr::LOCALHOST, [only, only]);
    let [mine, other] =
        [[2, 0, 0x5e, 0x10, 9, 1], [2, 0, 0x5e, 0x10, 9, 2]].map(|mac| Client::new(mac, server.address));

    assert_eq!(mine.discover(), Reply::Offered(only), "{}", server.said());
    // The answer is kept back the first time, and again when the server tries once more.
    proxy.swallow(2);
    assert_eq!(mine.request(only), Reply::Nothing);
    assert_eq!(proxy.swallowed(), 2);
    let log = server.said();
    assert!(log.contains("dhcp-lease-not-kept"), "{log}");
    assert_eq!(on_record(cluster, &database).get(&only).map(|(mac, _)| *mac), Some(mine.mac()), "it came through");
    assert!(!matches!(other.discover(), Reply::Offered(_)), "it is somebody's");
    assert!(!matches!(other.request(only), Reply::Acknowledged(_)), "it is somebody's");
    assert_eq!(mine.request(only), Reply::Acknowledged(only));

    // And where the first attempt alone is in doubt, nobody notices.
    proxy.swallow(1);
    assert_eq!(mine.renew(only), Reply::Acknowledged(only));
    assert_eq!(proxy.swallowed(), 3);
}
