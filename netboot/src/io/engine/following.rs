//! What other servers wrote, page by page in the order of the store.
//!
//! A page may have been read before a record of this server was durable, and hold what that record was written over. So records of addresses
//! of which a write was under way since the page was asked for are passed over, and the page is asked for again from there: the next one has
//! what became of them.

use std::{collections::HashSet, future::Future, net::IpAddr, sync::Arc, time::Duration};

use tracing::warn;

use super::{Engine, Following, Machine};
use crate::lease::{Address, Lease, Numbered, Version};

/// How far the store was followed.
#[derive(Debug, Default)]
pub(super) struct Followed {
    seen: Version,
    /// While a page is being read: addresses of which a write ended since.
    meanwhile: Option<HashSet<IpAddr>>,
}

impl Followed {
    /// Writes of these addresses have ended.
    pub(super) fn ended(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.extend(addresses);
        }
    }
}

impl<M: Machine> Engine<M> {
    /// Learns what is on record. A store that cannot be read is asked again: without it, addresses would be given twice.
    pub(super) async fn load(&mut self, shutdown: &mut std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        loop {
            let page = tokio::select! {
                () = &mut *shutdown => return false,
                page = self.services.leases.after(self.followed.seen, PAGE) => page,
            };
            match page {
                Ok(page) if page.is_empty() => return true,
                Ok(page) => drop(self.take_over(page)),
                Err(error) => {
                    warn!(%error, "{} waits for its leases", M::PROTOCOL.as_str());
                    tokio::select! {
                        () = &mut *shutdown => return false,
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                    }
                }
            }
        }
    }

    /// Asks for what was written since.
    pub(super) fn follow(&mut self) -> Following {
        self.followed.meanwhile = Some(HashSet::new());
        let (leases, seen) = (Arc::clone(&self.services.leases), self.followed.seen);
        tokio::spawn(async move { leases.after(seen, PAGE).await })
    }

    /// Whether there is more to ask for at once.
    pub(super) fn followed(&mut self, outcome: Result<Vec<Numbered>, String>) -> bool {
        match outcome {
            Ok(page) => {
                let is_whole = page.len() >= PAGE_LENGTH;
                let done = self.take_over(page);
                is_whole && done >= PAGE_LENGTH / 2
            }
            Err(error) => {
                self.followed.meanwhile = None;
                warn!(error, "{} cannot follow its leases", M::PROTOCOL.as_str());
                false
            }
        }
    }

    /// Gives how many records need not be asked for again.
    fn take_over(&mut self, page: Vec<Numbered>) -> usize {
        let mut under_way = self.followed.meanwhile.take().unwrap_or_default();
        under_way.extend(self.records.under_way());
        let settled = |it: &&Numbered| !under_way.contains(&it.lease.address);
        let done = page.iter().take_while(settled).count();
        if let Some(last) = done.checked_sub(1).and_then(|last| page.get(last)) {
            self.followed.seen = last.version;
        }
        let of_family = |lease: &Lease| M::Address::from_ip(lease.address).is_some();
        let settled = page.into_iter().filter(|it| settled(&it)).map(|it| it.lease);
        self.machine.on_followed(settled.filter(of_family).collect());
        done
    }
}

/// How many records one page has when a server learns what others wrote.
const PAGE: u32 = 2_000;
const PAGE_LENGTH: usize = 2_000;
