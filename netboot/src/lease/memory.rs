//! Leases that end with the process: for laboratories and tests.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Lease, LeaseFuture, LeaseStore, Numbered, Version, Written};
use crate::moment::Moment;

/// A [`LeaseStore`] in memory. Servers of one process can share it.
#[derive(Debug, Default)]
pub struct MemoryLeases(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_address: BTreeMap<IpAddr, (Version, Lease)>,
    by_version: BTreeMap<Version, IpAddr>,
    last: Version,
}

impl MemoryLeases {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn write(&mut self, lease: Lease) -> Written {
        if let Some((version, before)) = self.by_address.get(&lease.address) {
            if !before.gives_way_to(&lease) {
                return Written::Taken(Box::new(before.clone()));
            }
            self.by_version.remove(version);
        }
        self.last = Version(self.last.0.saturating_add(1));
        self.by_version.insert(self.last, lease.address);
        self.by_address.insert(lease.address, (self.last, lease));
        Written::Yes
    }
}

impl LeaseStore for MemoryLeases {
    fn write(&self, leases: Vec<Lease>) -> LeaseFuture<'_, Vec<Written>> {
        let mut kept = self.kept();
        let written = leases.into_iter().map(|lease| kept.write(lease)).collect();
        Box::pin(std::future::ready(Ok(written)))
    }

    fn after(&self, seen: Version, limit: u32) -> LeaseFuture<'_, Vec<Numbered>> {
        let kept = self.kept();
        let above = kept.by_version.range(Version(seen.0.saturating_add(1))..);
        let page = above.take(usize::try_from(limit).unwrap_or(usize::MAX)).filter_map(|(version, address)| {
            let (_, lease) = kept.by_address.get(address)?;
            Some(Numbered { version: *version, lease: lease.clone() })
        });
        Box::pin(std::future::ready(Ok(page.collect())))
    }

    fn forget(&self, before: Moment, limit: u32) -> LeaseFuture<'_, u64> {
        let mut kept = self.kept();
        let ended = kept.by_address.iter().filter(|(_, (_, lease))| lease.expires < before);
        let ended: Vec<_> = ended.map(|(address, (version, _))| (*address, *version)).collect();
        let ended = ended.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut forgotten: u64 = 0;
        for (address, version) in ended {
            kept.by_address.remove(&address);
            kept.by_version.remove(&version);
            forgotten = forgotten.saturating_add(1);
        }
        Box::pin(std::future::ready(Ok(forgotten)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::{ClientKey, Standing};

    fn lease(who: u8, last: u8, since: u64) -> Lease {
        Lease {
            address: IpAddr::from([192, 0, 2, last]),
            client: ClientKey::from(vec![0, who]),
            mac: None,
            host_name: None,
            standing: Standing::Lent,
            since: Moment(since),
            expires: Moment(since.saturating_add(100)),
        }
    }

    #[tokio::test]
    async fn what_is_written_is_followed_once_at_its_newest_place() {
        let store = MemoryLeases::default();
        let written = store.write(vec![lease(1, 1, 0), lease(2, 2, 0), lease(2, 1, 50)]).await.unwrap();
        assert_eq!(written, [Written::Yes, Written::Yes, Written::Taken(Box::new(lease(1, 1, 0)))]);
        store.write(vec![lease(1, 1, 60)]).await.unwrap();
        let all = store.after(Version(0), 10).await.unwrap();
        assert_eq!(all.iter().map(|it| it.lease.address.to_string()).collect::<Vec<_>>(), ["192.0.2.2", "192.0.2.1"]);
        assert_eq!(store.after(all[1].version, 10).await.unwrap(), []);
        assert_eq!(store.forget(Moment(101), 10).await, Ok(1));
        assert_eq!(store.after(Version(0), 10).await.unwrap().len(), 1);
    }
}
