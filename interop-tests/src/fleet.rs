//! Many devices, each with a key, a certificate and a voucher of its own: made in parallel, kept in one file.
//!
//! What simulates devices runs in a process of its own, so that the server's figures are the server's: the file is how
//! they get there. It holds private keys and lives in a temporary folder.

#![allow(missing_debug_implementations, clippy::unwrap_used, clippy::panic, reason = "test support")]
#![allow(clippy::missing_panics_doc, clippy::must_use_candidate, reason = "test support")]

use std::{
    fs::OpenOptions,
    io::{BufWriter, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
    thread,
};

use bootstrap_server::{
    audit::Event,
    domain::OnboardingProfile,
    store::{Batch, Store},
};
use conveyed_info::OwnershipVoucher;
use pki::{certificate::Certificate, key::FileKey};

use crate::site::{Site, device_id, now, serial};

/// Registrations in one batch.
const BATCH: usize = 500;

/// What one device is made of.
pub struct Member {
    /// Its serial number.
    pub serial_number: String,
    /// The key of its IDevID.
    pub key: Arc<FileKey>,
    /// Its IDevID, and the intermediates above it.
    pub chain: Vec<Certificate>,
    /// What makes it believe its owner.
    pub voucher: OwnershipVoucher,
}

/// Devices of one manufacturer and one owner.
pub struct Fleet {
    /// The devices.
    pub members: Vec<Member>,
    /// What their vouchers chain to.
    pub voucher_anchors: Vec<Certificate>,
}

impl Fleet {
    /// Makes this many devices, on all cores.
    pub fn make(site: &Site, count: usize) -> Self {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let share = count.div_ceil(workers);
        let members = thread::scope(|scope| {
            let parts: Vec<_> = (0..workers)
                .map(|worker| {
                    let numbers = (worker * share).min(count)..((worker + 1) * share).min(count);
                    scope.spawn(move || numbers.map(|number| member(site, number)).collect::<Vec<_>>())
                })
                .collect();
            parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
        });
        Self { members, voucher_anchors: site.maker.voucher_anchors().to_vec() }
    }

    /// Puts the manufacturer, the profile and every device with its voucher on the server's list.
    pub async fn register(&self, site: &Site, store: &dyn Store, profile: &OnboardingProfile) {
        site.register(store, &[]).await;
        store.commit(Batch::from(Event::ProfileApplied { profile: Box::new(profile.clone()) })).await.unwrap();
        for part in self.members.chunks(BATCH) {
            let mut events = part.iter().flat_map(|member| {
                let device = device_id(&member.serial_number);
                let registered = Event::DeviceRegistered {
                    device: device.clone(),
                    profile: profile.name.clone(),
                    particulars: Box::default(),
                };
                [registered, Event::VoucherStored { device, voucher: member.voucher.clone() }]
            });
            let first = Batch::from(events.next().unwrap());
            store.commit(events.fold(first, Batch::and)).await.unwrap();
        }
    }

    /// Writes the devices to a file that only its owner may read.
    pub fn write(&self, path: &Path) {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
        let mut file = BufWriter::new(file);
        put_chain(&mut file, &self.voucher_anchors);
        for member in &self.members {
            put(&mut file, member.serial_number.as_bytes());
            put(&mut file, member.key.pkcs8_der());
            put_chain(&mut file, &member.chain);
            put(&mut file, member.voucher.der());
        }
        file.flush().unwrap();
    }

    /// Reads what [`Fleet::write`] wrote.
    pub fn read(path: &Path) -> Self {
        let octets = std::fs::read(path).unwrap();
        let mut rest = octets.as_slice();
        let voucher_anchors = take_chain(&mut rest);
        let mut members = Vec::new();
        while !rest.is_empty() {
            members.push(Member {
                serial_number: String::from_utf8(take(&mut rest)).unwrap(),
                key: Arc::new(FileKey::from_pkcs8_der(&take(&mut rest)).unwrap()),
                chain: take_chain(&mut rest),
                voucher: OwnershipVoucher::from_der(take(&mut rest)).unwrap(),
            });
        }
        Self { members, voucher_anchors }
    }
}

/// The address that a device has on the loopback network: each its own, so that a server that counts per source sees as many
/// sources as it would in a rack.
pub fn address(number: usize) -> SocketAddr {
    let host = u32::try_from(number).unwrap() + 1;
    assert!(host < 1 << 16, "more devices than addresses");
    let network = Ipv4Addr::new(127, 18, 0, 0).to_bits();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(network | host)), 0)
}

fn member(site: &Site, number: usize) -> Member {
    let serial_number = format!("FLEET-{number:06}");
    let (key, chain) = site.device(&serial_number);
    let voucher = site.maker.voucher(&serial(&serial_number), site.owner.pinned().unwrap(), now()).unwrap();
    Member { serial_number, key, chain, voucher }
}

fn put(file: &mut impl Write, octets: &[u8]) {
    file.write_all(&u32::try_from(octets.len()).unwrap().to_be_bytes()).unwrap();
    file.write_all(octets).unwrap();
}

fn put_chain(file: &mut impl Write, chain: &[Certificate]) {
    put(file, chain.iter().map(Certificate::to_pem).collect::<String>().as_bytes());
}

fn take(rest: &mut &[u8]) -> Vec<u8> {
    let mut length = [0; 4];
    rest.read_exact(&mut length).unwrap();
    let mut octets = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    rest.read_exact(&mut octets).unwrap();
    octets
}

fn take_chain(rest: &mut &[u8]) -> Vec<Certificate> {
    Certificate::chain_from_pem(&take(rest)).unwrap()
}
