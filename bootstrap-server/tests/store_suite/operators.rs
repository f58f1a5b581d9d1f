//! Users, tokens, profiles, and answers that are kept.

use audit_log::UnixMillis;
use bootstrap_server::{
    audit::Event,
    domain::{Actor, Particulars, Role, Token, TokenId, User, UserName},
    store::{Batch, KeptAnswer, Store, StoreError},
};
use pki::digest::{Digest, sha256};

use super::{Home, registered, said};
use crate::support::{device_id, profile};

fn user(name: &str, role: Role) -> User {
    User { name: UserName::new(name).unwrap(), role }
}

fn token(id: &str, owner: &str) -> Token {
    Token {
        id: TokenId::new(id).unwrap(),
        user: UserName::new(owner).unwrap(),
        digest: sha256(id.as_bytes()),
        created: UnixMillis(1),
        expires: Some(UnixMillis(2)),
    }
}

pub async fn users_come_and_go_with_their_tokens(home: &Home) {
    let store = home.open().await;
    let (ann, bob) = (user("ann", Role::Admin), user("bob", Role::Viewer));
    let early = store.commit(Event::TokenCreated { token: token("t1", "ann") }.into()).await;
    assert_eq!(early, Err(StoreError::NoUser("ann".to_owned())));
    let both = Batch::from(Event::UserChanged { user: ann.clone() }).and(Event::UserChanged { user: bob.clone() });
    store.commit(both.by(Actor::Console)).await.unwrap();
    for id in ["t1", "t2"] {
        store.commit(Event::TokenCreated { token: token(id, "ann") }.into()).await.unwrap();
    }
    store.commit(Event::TokenCreated { token: token("t3", "bob") }.into()).await.unwrap();
    assert_eq!(store.users().await.unwrap(), [ann.clone(), bob.clone()]);
    assert_eq!(store.tokens().await.unwrap(), [token("t1", "ann"), token("t2", "ann"), token("t3", "bob")]);

    let revoke = || Batch::from(Event::TokenRevoked { token: token("t2", "ann").id });
    store.commit(revoke()).await.unwrap();
    assert_eq!(store.commit(revoke()).await, Err(StoreError::NoToken("t2".to_owned())));
    let last = Err(StoreError::LastAdmin("ann".to_owned()));
    assert_eq!(store.commit(Event::UserRemoved { user: ann.name.clone() }.into()).await, last);
    assert_eq!(store.commit(Event::UserChanged { user: user("ann", Role::Viewer) }.into()).await, last);
    // Two that go at once: one of them stays.
    let eve = user("eve", Role::Admin);
    store.commit(Event::UserChanged { user: eve.clone() }.into()).await.unwrap();
    let gone = |user: &User| Batch::from(Event::UserRemoved { user: user.name.clone() });
    assert!(matches!(
        tokio::join!(store.commit(gone(&ann)), store.commit(gone(&eve))),
        (Ok(_), Err(StoreError::LastAdmin(_))) | (Err(StoreError::LastAdmin(_)), Ok(_))
    ));
    let bob = user("bob", Role::Admin);
    store.commit(Event::UserChanged { user: bob.clone() }.into()).await.unwrap();
    let (one, other) = tokio::join!(store.commit(gone(&ann)), store.commit(gone(&eve)));
    assert!(one.is_ok() != other.is_ok(), "the one that stayed");
    assert_eq!(store.users().await.unwrap(), [bob]);
    assert_eq!(store.tokens().await.unwrap(), [token("t3", "bob")]);
    store.close().await;
}

pub async fn a_token_is_found_by_its_digest(home: &Home) {
    let store = home.open().await;
    let ann = user("ann", Role::Operator);
    let made = Batch::from(Event::UserChanged { user: ann.clone() });
    store.commit(made.and(Event::TokenCreated { token: token("t1", "ann") })).await.unwrap();
    let found = store.token(sha256(b"t1")).await.unwrap();
    assert_eq!(found, Some((token("t1", "ann"), ann)));
    assert_eq!(store.token(sha256(b"t2")).await.unwrap(), None);
    store.close().await;
}

pub async fn a_profile_goes_when_nobody_has_it(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let remove = || Batch::from(Event::ProfileRemoved { profile: profile().name });
    let used = |devices| Err(StoreError::ProfileInUse { profile: "bmc".to_owned(), devices });
    assert_eq!(store.commit(remove()).await, used(1));
    // Those that come onto the list in the same batch count too.
    let half = Batch::from(registered("SN-2", Particulars::default()));
    assert_eq!(store.commit(half.and(Event::ProfileRemoved { profile: profile().name })).await, used(2));
    store.close().await;

    // A second profile that nobody has.
    let store = home.open().await;
    let other = bootstrap_server::domain::ProfileName::new("other").unwrap();
    let document = "post-configuration-script = 'x'\n";
    let spare = bootstrap_server::domain::OnboardingProfile::from_toml(other.clone(), document).unwrap();
    store.commit(Event::ProfileApplied { profile: Box::new(spare) }.into()).await.unwrap();
    assert_eq!(store.profiles().await.unwrap().len(), 2);
    store.commit(Event::ProfileRemoved { profile: other.clone() }.into()).await.unwrap();
    assert_eq!(store.profiles().await.unwrap(), [profile()]);
    let gone = store.commit(Event::ProfileRemoved { profile: other }.into()).await;
    assert_eq!(gone, Err(StoreError::NoProfile("other".to_owned())));
    store.close().await;
}

fn answer(status: u16) -> KeptAnswer {
    KeptAnswer { request: Digest([3; 32]), status, body: b"{}".to_vec() }
}

pub async fn an_answer_is_kept_with_its_change(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let ann = UserName::new("ann").unwrap();
    let batch = |status| said("x").answering(ann.clone(), "key-1".to_owned(), answer(status));
    // Two at once: one of them was first.
    let (one, other) = tokio::join!(store.commit(batch(200)), store.commit(batch(201)));
    let kept = store.kept_answer(&ann, "key-1").await.unwrap().unwrap();
    match (one, other) {
        (Ok(_), Err(StoreError::AnsweredBefore)) => assert_eq!(kept, answer(200)),
        (Err(StoreError::AnsweredBefore), Ok(_)) => assert_eq!(kept, answer(201)),
        both => panic!("{both:?}"),
    }
    assert_eq!(store.reports(&device_id("SN-1")).await.unwrap().len(), 1);
    // The same change a second time, while the answer to the first is on its way.
    let registers = |seen| {
        let batch = Batch::from(registered("SN-2", Particulars::default()));
        batch.expecting(device_id("SN-1"), seen).answering(ann.clone(), "key-3".to_owned(), answer(201))
    };
    let seen = store.dossier(&device_id("SN-1")).await.unwrap().device.unwrap().version;
    let (one, other) = tokio::join!(store.commit(registers(seen)), store.commit(registers(seen)));
    assert!(matches!(
        (&one, &other),
        (Ok(_), Err(StoreError::AnsweredBefore)) | (Err(StoreError::AnsweredBefore), Ok(_))
    ));
    assert_eq!(store.commit(registers(seen)).await, Err(StoreError::AnsweredBefore));
    assert_eq!(store.kept_answer(&ann, "key-2").await.unwrap(), None);
    assert_eq!(store.kept_answer(&UserName::new("bob").unwrap(), "key-1").await.unwrap(), None);
    store.close().await;
}

pub async fn answers_are_kept_for_a_day(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let ann = UserName::new("ann").unwrap();
    let batch = |status| said("x").answering(ann.clone(), "key".to_owned(), answer(status));
    store.commit(batch(200)).await.unwrap();
    store.close().await;
    (home.execute)(&home.location, "UPDATE kept_answer SET at = at - 86401000");
    let store = home.open().await;
    assert_eq!(store.kept_answer(&ann, "key").await.unwrap(), None);
    store.commit(batch(201)).await.unwrap();
    assert_eq!(store.kept_answer(&ann, "key").await.unwrap(), Some(answer(201)));
    store.close().await;
}
