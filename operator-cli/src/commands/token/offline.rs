//! `sztp token create --offline`: for when nobody has a token any more. Whoever may read the server's keys and write its
//! database may do this; the audit log says that it was done so.

use std::{sync::Arc, time::SystemTime};

use audit_log::UnixMillis;
use bootstrap_server::{
    api::TokenSecret,
    audit::Event,
    config::ServerConfig,
    domain::{Actor, Role, Token, TokenId, UserName},
    store::{Batch, SqlStore, Store, StoreError},
};
use operator_api::{IssuedToken, client::Intent};
use pki::{
    key::{SystemEntropy, random},
    time::Timestamp,
};

use super::{CreateArgs, Failure};
use crate::{
    output,
    site::{FIRST_USER, SiteError},
};

/// Makes the token in the database itself, or says why it could not be. `None` after a rehearsal.
pub(super) async fn create(args: &CreateArgs) -> Result<Option<IssuedToken>, Failure> {
    let config = ServerConfig::load(args.change.server.config())?;
    let opened = SqlStore::open(&config.database, Arc::clone(&config.checkpoint_key)).await;
    let store = opened.inspect_err(|error| {
        if *error == StoreError::InUse {
            output::error("Stop the server first: it has the database to itself. Then start it again.");
        }
    })?;
    let made = create_in(&store, args).await;
    store.close().await;
    made
}

async fn create_in(store: &SqlStore, args: &CreateArgs) -> Result<Option<IssuedToken>, Failure> {
    let name = args.user.as_deref().unwrap_or(FIRST_USER);
    let users = store.users().await?;
    let Some(user) = users.iter().find(|user| user.name.as_str() == name) else {
        let admins = users.iter().filter(|user| user.role == Role::Admin).map(|user| user.name.as_str());
        let admins = admins.collect::<Vec<_>>().join(", ");
        return Err(Failure::NotFound(format!(
            "there is no user {name}; --user names one, and these are admins: {admins}"
        )));
    };
    let secret = TokenSecret::generate(&mut SystemEntropy).map_err(SiteError::from)?;
    let token = token(&user.name, args.days, &secret)?;
    let shown = IssuedToken { token: described(&token), secret: secret.reveal().to_owned() };
    let others = store.tokens().await?.into_iter().filter(|it| args.revoke_others && it.user == user.name);
    let mut events: Vec<_> = others.map(|it| Event::TokenRevoked { token: it.id }).collect();
    let made = Event::TokenCreated { token };
    let batch = match events.pop() {
        Some(first) => events.into_iter().fold(Batch::from(first), Batch::and).and(made),
        None => made.into(),
    };
    // That it was done here, by nobody's token, stands in the audit log.
    let batch = batch.by(Actor::Console);
    match args.change.intent() {
        Intent::Rehearse => store.rehearse(batch).await.map(|()| None),
        Intent::Make => store.commit(batch).await.map(|_| Some(shown)),
    }
    .map_err(Failure::from)
}

fn token(user: &UserName, days: Option<u32>, secret: &TokenSecret) -> Result<Token, Failure> {
    let tag: String = random::<8>().map_err(SiteError::Key)?.iter().map(|it| format!("{it:02x}")).collect();
    let now = Timestamp::from_system(SystemTime::now());
    let millis = |at: i64| UnixMillis(u64::try_from(at).unwrap_or_default().saturating_mul(1000));
    let ends = |days: u32| millis(now.unix().saturating_add(i64::from(days).saturating_mul(86_400)));
    Ok(Token {
        id: TokenId::new(format!("offline-{tag}")).map_err(SiteError::from)?,
        user: user.clone(),
        digest: secret.digest(),
        created: millis(now.unix()),
        expires: days.map(ends),
    })
}

fn described(token: &Token) -> operator_api::Token {
    let written = |at: UnixMillis| Timestamp::from_unix(i64::try_from(at.0 / 1000).unwrap_or(i64::MAX)).to_string();
    operator_api::Token {
        id: token.id.to_string(),
        user: token.user.to_string(),
        created: written(token.created),
        expires: token.expires.map(written),
    }
}
