//! Tokens. Everybody has their own; admins have everybody's.

use std::sync::Arc;

use audit_log::UnixMillis;
use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{ChangeQuery, IssuedToken, NewToken, TokenList, paths};
use pki::key::{Entropy, SystemEntropy};

use super::{
    Api, TokenSecret, answer,
    change::{KeptBody, Turn},
    clock,
    fault::Fault,
    guard::{Caller, is_over},
    request::{NamePath, NoParameters, Nothing, Parameters, Submission},
    view,
};
use crate::{
    audit::Event,
    domain::{Role, Token, TokenId, UserName},
    store::{Batch, MAX_TOKENS},
};

/// Longest life of a token that has one, in days: ten years.
const MAX_DAYS: u32 = 3660;

/// List tokens
///
/// One's own; an admin sees everybody's. Secrets are shown once, when a token is made.
#[utoipa::path(get, path = paths::TOKENS, tag = "tokens",
    responses((status = 200, description = "The tokens, by user and age.", body = TokenList)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    let tokens = api.store.tokens().await?;
    let seen = tokens.iter().filter(|token| may_see(&caller, &token.user));
    Ok(answer::json(StatusCode::OK, &TokenList { tokens: seen.map(view::token).collect() }))
}

/// Make a token
///
/// For oneself; an admin makes them for anybody. It is valid for no longer than the token that makes it, and for as long as
/// that unless days are given. One user has at most 64; where those are reached, expired ones make room. The secret is in this answer and nowhere else: whoever sends the same
/// request again, with the same idempotency key, is told that it was carried out, and not the secret.
#[utoipa::path(post, path = paths::TOKENS, tag = "tokens", params(ChangeQuery), request_body = NewToken,
    responses((status = 201, description = "The token and its secret.", body = IssuedToken),
        (status = 204, description = "It would be made.")))]
pub(super) async fn create(State(api): State<Arc<Api>>, submission: Submission<NewToken>) -> Result<Response, Fault> {
    let NewToken { user, days } = submission.body;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => {
            let id = String::from_utf8_lossy(&kept.body).into_owned();
            return Err(Fault::secret_shown_before(format!("token {id}")));
        }
    };
    let user = user.map(UserName::new).transpose().map_err(|error| Fault::body(format!("user: {error}")))?;
    let user = user.unwrap_or_else(|| change.caller.user.clone());
    if !may_see(&change.caller, &user) {
        return Err(Fault::role_insufficient(change.caller.role, Role::Admin));
    }
    if days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
        return Err(Fault::body(format!("days: takes 1 to {MAX_DAYS}")));
    }
    let created = clock::now();
    let wanted = days.map(|days| UnixMillis(created.0.saturating_add(u64::from(days).saturating_mul(DAY))));
    let expires = lifetime(change.caller.expires, wanted)?;
    let secret = TokenSecret::generate(&mut SystemEntropy).map_err(|error| Fault::internal(&error))?;
    let token = Token { id: new_id()?, user, digest: secret.digest(), created, expires };
    let kept = KeptBody::whole(StatusCode::CREATED, token.id.as_str().as_bytes().to_vec());
    let shown = IssuedToken { token: view::token(&token), secret: secret.reveal().to_owned() };
    let done = change.carry_out(&api, with_room(&api.store.tokens().await?, token), kept).await?;
    Ok(done.answer(|| answer::json(StatusCode::CREATED, &shown)))
}

/// Revoke a token
///
/// One's own; an admin revokes anybody's. It opens nothing from now on.
#[utoipa::path(delete, path = paths::TOKEN, tag = "tokens",
    params(ChangeQuery, ("token" = String, Path, description = "Its public name.")),
    responses((status = 204, description = "It is revoked, or would be.")))]
pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    name: NamePath,
    submission: Submission<Nothing>,
) -> Result<Response, Fault> {
    let id = name.of(TokenId::new)?;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => return Ok(answer::kept(kept)),
    };
    // Whose token it is, is nobody else's business: one that may not be seen is not there.
    let tokens = api.store.tokens().await?;
    let known = tokens.iter().any(|token| token.id == id && may_see(&change.caller, &token.user));
    if !known {
        return Err(Fault::not_found().detail(format!("no token {id}")));
    }
    let kept = KeptBody::afresh(StatusCode::NO_CONTENT);
    change.carry_out(&api, Event::TokenRevoked { token: id }.into(), kept).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Until when a token is valid that is made with one that is valid until `maker`, and is to be until `wanted`.
fn lifetime(maker: Option<UnixMillis>, wanted: Option<UnixMillis>) -> Result<Option<UnixMillis>, Fault> {
    match (maker, wanted) {
        (Some(maker), Some(wanted)) if wanted > maker => {
            Err(Fault::token_outlives_maker(format!("yours opens nothing from {} on", clock::written(maker))))
        }
        (maker, wanted) => Ok(wanted.or(maker)),
    }
}

/// What makes a token. Where its user has as many as one may have, those that have expired go, which is on record too.
fn with_room(all: &[Token], token: Token) -> Batch {
    let theirs: Vec<_> = all.iter().filter(|it| it.user == token.user).collect();
    let revoked = |token: &Token| Event::TokenRevoked { token: token.id.clone() };
    let mut room: Vec<_> = match theirs.len() >= MAX_TOKENS {
        true => theirs.into_iter().filter(|it| is_over(it)).map(revoked).collect(),
        false => Vec::new(),
    };
    let made = Event::TokenCreated { token };
    match room.pop() {
        Some(first) => room.into_iter().fold(Batch::from(first), Batch::and).and(made),
        None => made.into(),
    }
}

fn may_see(caller: &Caller, owner: &UserName) -> bool {
    caller.role == Role::Admin || caller.user == *owner
}

/// A name that nobody has to choose: 64 random bits.
fn new_id() -> Result<TokenId, Fault> {
    let mut octets = [0; 8];
    SystemEntropy.fill(&mut octets).map_err(|error| Fault::internal(&error))?;
    TokenId::new(format!("t-{:016x}", u64::from_be_bytes(octets))).map_err(|error| Fault::internal(&error))
}

/// In milliseconds.
const DAY: u64 = 86_400_000;
