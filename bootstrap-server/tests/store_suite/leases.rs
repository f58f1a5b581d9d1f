//! Leases of DHCP: who gets an address is decided where all servers see it, and whoever follows misses nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use bootstrap_server::{
    audit, retention,
    store::{Import, LeaseFilter, Leases as _, Page, SqlStore, Store},
};
use netboot::{
    lease::{ClientKey, Lease, LeaseStore, Numbered, Standing, Version, Written},
    moment::Moment,
};

use super::{Home, exported, said};

const NOW: u64 = 1_780_000_000;

pub fn lease(address: impl Into<IpAddr>, client: u32, since: u64, seconds: u32) -> Lease {
    Lease {
        address: address.into(),
        client: ClientKey::v6(b"duid", client),
        mac: None,
        host_name: None,
        standing: Standing::Lent,
        since: Moment(since),
        expires: Moment(since).plus(seconds),
    }
}

pub fn v4(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + number)
}

async fn all(store: &SqlStore) -> Vec<Numbered> {
    let (mut all, mut seen) = (Vec::new(), Version(0));
    loop {
        let page = store.after(seen, 100).await.unwrap();
        let Some(last) = page.last() else { return all };
        assert!(page.first().unwrap().version > seen);
        assert!(page.is_sorted_by(|one, next| one.version < next.version));
        seen = last.version;
        all.extend(page);
    }
}

async fn leases(store: &SqlStore) -> Vec<Lease> {
    all(store).await.into_iter().map(|it| it.lease).collect()
}

pub async fn leases_come_back_as_they_were(home: &Home) {
    let store = home.open().await;
    let plain = lease(v4(1), 1, NOW, 600);
    let full = Lease {
        client: ClientKey::from((0..=255).collect::<Vec<u8>>()),
        mac: Some("02:00:5e:10:ff:01".parse().unwrap()),
        host_name: Some("r1'\"{[\\ü☃\u{1}".into()),
        expires: Moment(u64::MAX),
        ..lease(Ipv6Addr::from_bits(u128::MAX), 2, NOW, 0)
    };
    let conflict = Lease { client: ClientKey::nobody(), standing: Standing::Conflict, ..lease(v4(2), 0, NOW, 3600) };
    let written = [plain, full, conflict];
    assert_eq!(store.write(written.to_vec()).await.unwrap(), [Written::Yes, Written::Yes, Written::Yes]);
    store.close().await;
    let store = home.open().await;
    assert_eq!(leases(&store).await, written);
    assert_eq!(store.write(Vec::new()).await.unwrap(), []);
    // PostgreSQL's texts have no NUL; a client may send one.
    let nul = Lease { host_name: Some("a\0b".into()), ..lease(v4(3), 3, NOW, 600) };
    assert_eq!(store.write(vec![nul]).await.unwrap(), [Written::Yes]);
    assert_eq!(leases(&store).await.last().unwrap().host_name.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(store.checkpoint().await.unwrap(), None, "leases leave nothing in the log");
    store.close().await;
}

pub async fn leases_are_found_by_their_clients(home: &Home) {
    let store = home.open().await;
    let of_identifier = |identifier: &[u8], number: u32| Lease {
        client: ClientKey::of_identifier(identifier),
        ..lease(v4(number), 0, NOW, 600)
    };
    let six = |number: u16| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number);
    let all = [
        of_identifier(b"one", 1),
        of_identifier(b"other", 2),
        // In two associations of one DUID, and in one of another that begins the same.
        lease(six(1), 1, NOW, 600),
        lease(six(2), 2, NOW, 600),
        Lease { client: ClientKey::v6(b"duid2", 1), ..lease(six(3), 0, NOW, 600) },
    ];
    store.write(all.to_vec()).await.unwrap();
    let mut found = store.leases_of_clients(&[all[0].client.clone(), all[3].client.clone()]).await.unwrap();
    found.sort_by_key(|lease| lease.address);
    assert_eq!(found, [all[0].clone(), all[3].clone()]);
    assert_eq!(store.leases_of_clients(&[ClientKey::of_identifier(b"on")]).await.unwrap(), []);
    assert_eq!(store.leases_of_clients(&[]).await.unwrap(), []);
    let within = |first, last| Some((IpAddr::V6(six(first)), IpAddr::V6(six(last))));
    for (duid, within, expected) in [
        (b"duid".as_slice(), within(0, 9), &all[2..4]),
        (b"duid".as_slice(), within(2, 9), &all[3..4]),
        (b"duid2".as_slice(), within(0, 9), &all[4..]),
        (b"dui".as_slice(), within(0, 9), &[]),
    ] {
        let filter = LeaseFilter { duid: Some(duid.to_vec()), within, ..LeaseFilter::default() };
        let page = store.leases(&filter, Page { after: None, limit: 100 }).await.unwrap();
        assert_eq!(page, expected);
    }
    store.close().await;
}

pub async fn an_address_is_its_clients_until_the_lease_ends(home: &Home) {
    let store = home.open().await;
    let mine = lease(v4(1), 1, NOW, 600);
    store.write(vec![mine.clone()]).await.unwrap();
    // Others are told whose it is; what is beside it in the same transaction is written all the same.
    let outcomes = store.write(vec![lease(v4(1), 2, NOW + 599, 600), lease(v4(2), 2, NOW + 599, 600)]).await.unwrap();
    assert_eq!(outcomes, [Written::Taken(Box::new(mine.clone())), Written::Yes]);
    // Its client renews, and ends it before its time.
    let renewed = lease(v4(1), 1, NOW + 300, 600);
    let released = lease(v4(1), 1, NOW + 400, 0);
    assert_eq!(store.write(vec![renewed, released.clone()]).await.unwrap(), [Written::Yes, Written::Yes]);
    assert_eq!(leases(&store).await.iter().find(|it| it.address == v4(1)), Some(&released));
    let next = lease(v4(1), 3, NOW + 400, 600);
    assert_eq!(store.write(vec![next]).await.unwrap(), [Written::Yes]);
    // That somebody else uses it is true whoever has it.
    let conflict =
        Lease { client: ClientKey::nobody(), standing: Standing::Conflict, ..lease(v4(1), 0, NOW + 500, 3600) };
    assert_eq!(store.write(vec![conflict.clone()]).await.unwrap(), [Written::Yes]);
    let refused = store.write(vec![lease(v4(1), 3, NOW + 600, 600)]).await.unwrap();
    assert_eq!(refused, [Written::Taken(Box::new(conflict))]);
    assert_eq!(store.write(vec![lease(v4(1), 3, NOW + 4100, 600)]).await.unwrap(), [Written::Yes]);
    store.close().await;
}

/// Against the rule itself, as `netboot` says it.
pub async fn the_database_and_the_rule_agree_on_who_has_an_address(home: &Home) {
    let store = home.open().await;
    let mut model: BTreeMap<IpAddr, Lease> = BTreeMap::new();
    // xorshift: the same numbers each time.
    let mut state = 0x2545_f491_u32;
    let mut below = |limit: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % limit
    };
    let mut now = NOW;
    for _ in 0..60 {
        now += u64::from(below(30));
        let leases: Vec<_> = (0..=below(12))
            .map(|_| {
                let lease = lease(v4(below(5)), below(4), now, below(60));
                match below(10) {
                    0 => Lease { client: ClientKey::nobody(), standing: Standing::Conflict, ..lease },
                    _ => lease,
                }
            })
            .collect();
        let outcomes = store.write(leases.clone()).await.unwrap();
        for (lease, outcome) in leases.iter().zip(outcomes) {
            let gives_way = model.get(&lease.address).is_none_or(|record| record.gives_way_to(lease));
            assert_eq!(outcome == Written::Yes, gives_way, "{lease:?} over {:?}", model.get(&lease.address));
            if gives_way {
                model.insert(lease.address, lease.clone());
            }
        }
        let mut stored = leases_by_address(&store).await;
        assert_eq!(stored, model);
        stored.clear();
    }
    store.close().await;
}

async fn leases_by_address(store: &SqlStore) -> BTreeMap<IpAddr, Lease> {
    leases(store).await.into_iter().map(|it| (it.address, it)).collect()
}

/// Writers on all stores at once, and somebody who asks for what is new all the while: sees each address's last record.
pub async fn a_follower_misses_nothing(stores: &[Arc<SqlStore>]) {
    const CALLERS: u32 = 24;
    const EACH: u32 = 25;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = Arc::clone(&stores[usize::try_from(caller).unwrap() % stores.len()]);
            tokio::spawn(async move {
                let mut written = BTreeSet::new();
                for number in 0..EACH {
                    // An address of one's own, and one that everybody wants.
                    let own = lease(v4(caller * EACH + number), caller, NOW, 600);
                    let wanted = lease(v4(100_000 + number), caller, NOW, 600);
                    let outcomes = store.write(vec![own.clone(), wanted.clone()]).await.unwrap();
                    assert_eq!(outcomes[0], Written::Yes);
                    written.insert(own.address);
                    if outcomes[1] == Written::Yes {
                        written.insert(wanted.address);
                    }
                }
                written
            })
        })
        .collect();
    let follower = Arc::clone(stores.last().unwrap());
    let following = tokio::spawn(async move {
        let (mut seen, mut found) = (Version(0), BTreeMap::new());
        let expected = usize::try_from(CALLERS * EACH + EACH).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while found.len() < expected {
            let page = follower.after(seen, 7).await.unwrap();
            for one in page {
                assert!(one.version > seen);
                seen = one.version;
                assert!(found.insert(one.lease.address, one.lease.client).is_none(), "written once");
            }
            assert!(std::time::Instant::now() < deadline, "{} of {expected}: some were passed by", found.len());
        }
        found
    });
    let mut written = Vec::new();
    for caller in callers {
        written.extend(caller.await.unwrap());
    }
    let unique: BTreeSet<_> = written.iter().copied().collect();
    assert_eq!(unique.len(), written.len(), "nobody was told of an address that another was told of");
    let found = following.await.unwrap();
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), unique);
}

pub async fn whoever_follows_leases_misses_none(home: &Home) {
    let store = Arc::new(home.open().await);
    a_follower_misses_nothing(&[Arc::clone(&store)]).await;
    Arc::into_inner(store).unwrap().close().await;
}

pub async fn what_ended_long_ago_is_forgotten_in_steps(home: &Home) {
    let store = home.open().await;
    let old = (0..25).map(|number| lease(v4(number), number, NOW - 1000 + u64::from(number), 0));
    let running = (100..110).map(|number| lease(v4(number), number, NOW, 600));
    store.write(old.chain(running).collect()).await.unwrap();
    let newest = all(&store).await.last().unwrap().version;
    let before = Moment(NOW - 1000 + 20);
    assert_eq!(store.forget(before, 15).await.unwrap(), 15);
    assert_eq!(store.forget(before, 15).await.unwrap(), 5);
    assert_eq!(store.forget(before, 15).await.unwrap(), 0);
    assert_eq!(leases(&store).await.len(), 15);
    // The server does so as long as there are any: five that are left of those, none that was kept shorter.
    let keep = Duration::from_secs(500);
    assert_eq!(retention::ended(&store, keep, Moment(NOW + 499)).await.unwrap(), 5);
    assert_eq!(retention::ended(&store, keep, Moment(NOW + 499)).await.unwrap(), 0);
    assert_eq!(leases(&store).await.len(), 10);
    // Versions go on although nothing is left that has one.
    assert_eq!(store.forget(Moment(u64::MAX), 100).await.unwrap(), 10);
    store.write(vec![lease(v4(1), 1, NOW, 600)]).await.unwrap();
    assert!(all(&store).await[0].version > newest);
    store.close().await;
}

pub async fn leases_are_part_of_a_backup(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    store.write((0..300).map(|number| lease(v4(number), number, NOW, 600)).collect()).await.unwrap();
    let (rows, before) = (exported(&store).await, all(&store).await);
    store.close().await;
    let mut import = Import::begin(&home.another).await.unwrap();
    import.take(rows).await.unwrap();
    import.finish(&home.key, None, None).await.unwrap();
    let store = SqlStore::open(&home.another, Arc::clone(&home.key)).await.unwrap();
    assert_eq!(all(&store).await, before);
    store.write(vec![lease(v4(0), 0, NOW, 700)]).await.unwrap();
    assert!(all(&store).await.last().unwrap().version > before.last().unwrap().version);
    store.close().await;
}

pub async fn neither_leases_nor_batches_suffer_for_the_other(home: &Home) {
    let store = Arc::new(home.with(&["SN-1"]).await);
    (home.execute)(&home.location, "ALTER TABLE dhcp_lease RENAME TO away");
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let (refused, committed) =
                    tokio::join!(store.write(vec![lease(v4(number), number, NOW, 600)]), store.commit(said("x")));
                let refused = refused.unwrap_err().to_string();
                assert!(refused.contains("dhcp_lease"), "{refused}");
                committed.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    (home.execute)(&home.location, "ALTER TABLE away RENAME TO dhcp_lease");
    (home.execute)(&home.location, "ALTER TABLE progress_report RENAME TO away");
    for number in 0..5 {
        let leases = vec![lease(v4(number), number, NOW, 600)];
        let (written, refused) = tokio::join!(store.write(leases), store.commit(said("y")));
        assert_eq!(written.unwrap(), [Written::Yes]);
        refused.unwrap_err();
    }
    (home.execute)(&home.location, "ALTER TABLE away RENAME TO progress_report");
    store.commit(said("z")).await.unwrap();
    assert_eq!(audit::verify(store.as_ref(), home.key.verifier(), &[]).await.unwrap().leaves, 4 + 41);
    Arc::into_inner(store).unwrap().close().await;
    let reader = SqlStore::open_read_only(&home.location).await.unwrap();
    let refused = reader.write(vec![lease(v4(9), 9, NOW, 600)]).await.unwrap_err();
    assert!(refused.to_string().contains("reading only"), "{refused}");
    assert_eq!(leases(&reader).await.len(), 5);
    reader.close().await;
}
