//! What every request passes before anything else looks at it: is there such an operation, who asks, and may they.

use std::{net::IpAddr, sync::Arc, time::Instant};

use audit_log::UnixMillis;
use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use pki::digest::Digest;
use verdict::{ReasonCode, Refusal};

use super::{
    Api,
    access::{Access, Asked, Gives, asked},
    clock,
    fault::Fault,
    secret::TokenSecret,
};
use crate::{
    domain::{Actor, Role, Token, TokenId, UserName},
    restconf::{Lent, is_worth_draining},
    store::{Store, StoreError},
    tls::Peer,
};

/// Whoever sent a request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The user.
    pub(super) user: UserName,
    /// What the user may do.
    pub(super) role: Role,
    /// By which token.
    pub(super) token: TokenId,
    /// From when on that token opens nothing.
    pub(super) expires: Option<UnixMillis>,
    /// By which it is found again.
    digest: Digest,
}

impl Caller {
    /// As the audit log names it.
    pub(super) fn actor(&self) -> Actor {
        Actor::User { user: self.user.clone(), token: self.token.clone() }
    }

    /// Whether the token still opens what takes this role. What lasts longer than a request asks again: a token may be
    /// revoked or run out meanwhile, and its user be removed or given another role.
    pub(super) async fn may_still(&self, store: &dyn Store, role: Role) -> Result<bool, StoreError> {
        let found = store.token(self.digest).await?;
        Ok(found.is_some_and(|(token, user)| !is_over(&token) && user.role >= role))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parts.extensions.get().cloned().ok_or_else(Fault::token_missing)
    }
}

/// Lets through what is in the table of operations and allowed to whoever asks.
pub(super) async fn guard(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    match admit(&api, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(fault) => fault.into_response(),
    }
}

async fn admit(api: &Api, request: &mut Request) -> Result<(), Fault> {
    let path = request.extensions().get::<MatchedPath>().ok_or_else(Fault::not_found)?;
    let operation = match asked(request.method(), path.as_str()) {
        Asked::For(operation) => operation,
        Asked::Only(methods) if methods.is_empty() => return Err(Fault::not_found()),
        Asked::Only(methods) => {
            let mut allow: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
            if allow.contains(&"GET") {
                allow.push("HEAD");
            }
            return Err(Fault::method_not_allowed(&allow.join(", ")));
        }
    };
    if let Access::Role(needs) = operation.access {
        let source = request.extensions().get::<Peer>().map(|peer| peer.source);
        let caller = authenticate(api, source, request.headers()).await?;
        if caller.role < needs {
            return Err(Fault::role_insufficient(caller.role, needs));
        }
        request.extensions_mut().insert(caller);
    }
    if accepts(request.headers(), operation.gives) {
        Ok(())
    } else {
        Err(Fault::not_acceptable(operation.gives.media_type()))
    }
}

/// Says who presents this token. Wrong ones are counted, and the audit log hears of them, summed.
async fn authenticate(api: &Api, source: Option<IpAddr>, headers: &HeaderMap) -> Result<Caller, Fault> {
    let outcome = identify(api, source, headers).await;
    if let (Some(source), Err(fault)) = (source, &outcome) {
        let reason = fault.reason();
        if matches!(
            reason,
            ReasonCode::TokenMissing
                | ReasonCode::TokenInvalid
                | ReasonCode::TokenExpired
                | ReasonCode::TooManyFailures
        ) {
            api.rejections.report(source, Refusal::new(reason, fault.detail_text()));
        }
    }
    outcome
}

async fn identify(api: &Api, source: Option<IpAddr>, headers: &HeaderMap) -> Result<Caller, Fault> {
    let presented = bearer(headers)?;
    let digest = TokenSecret::digest_of(presented);
    if source.is_some_and(|source| !api.gate.admits(Instant::now(), source, digest)) {
        return Err(Fault::too_many_failures());
    }
    // Whatever was presented is hashed and looked up by its digest: nothing compares secrets, and what does not look
    // like one takes as long as what does.
    let found = api.store.token(digest).await?;
    let wrong = |reason| {
        if let Some(source) = source {
            api.gate.failed(Instant::now(), source);
        }
        Fault::token_refused(reason)
    };
    let (token, user) = found.ok_or_else(|| wrong(ReasonCode::TokenInvalid))?;
    if is_over(&token) {
        return Err(wrong(ReasonCode::TokenExpired).detail(format!("token {} of {}", token.id, user.name)));
    }
    api.gate.passed(digest);
    Ok(Caller { user: user.name, role: user.role, token: token.id, expires: token.expires, digest })
}

/// Whether the token opens nothing any more.
pub(super) fn is_over(token: &Token) -> bool {
    token.expires.is_some_and(|expires| expires <= clock::now())
}

/// RFC 6750 §2.1: the one token of a request. Two could be read in two ways.
fn bearer(headers: &HeaderMap) -> Result<&str, Fault> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(Fault::token_missing)?;
    if values.next().is_some() {
        return Err(Fault::header("Authorization: there are two; send one"));
    }
    let value = value.to_str().map_err(|_| Fault::token_refused(ReasonCode::TokenInvalid))?;
    match value.split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") && !secret.trim().is_empty() => {
            Ok(secret.trim())
        }
        // Another scheme is no token: the challenge says which one there is.
        _ => Err(Fault::token_missing().detail("Authorization: takes the scheme Bearer and a secret")),
    }
}

/// RFC 9110 §12.5.1: whether the request takes what the operation gives. Errors are sent whatever it takes.
fn accepts(headers: &HeaderMap, gives: Gives) -> bool {
    let media_type = gives.media_type();
    let group = media_type.split('/').next().unwrap_or_default();
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    ranges.peek().is_none()
        || ranges.any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            // A weight of nothing means: anything but this.
            let unwanted = parts
                .filter_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
                .any(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0));
            let fits = name == media_type || name == "*/*" || name.strip_suffix("/*").is_some_and(|it| it == group);
            fits && !unwanted
        })
}

/// What every answer says, errors included: it is nobody's to keep, and it is what it says it is. An error that is known
/// before the body has come waits a little for it: a connection that ends in the middle takes the answer with it.
pub(super) async fn seal(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let (sent, body) = (parts.headers.clone(), Lent::new(body));
    let mut response = next.run(Request::from_parts(parts, body.to_body())).await;
    if is_worth_draining(&sent, &response) {
        body.drain().await;
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_token_comes_once_and_as_bearer() {
        let of = |values: &[&str]| {
            let headers = headers(header::AUTHORIZATION, values);
            bearer(&headers).map(str::to_owned).map_err(|fault| fault.reason())
        };
        assert_eq!(of(&["Bearer sztp_x"]), Ok("sztp_x".to_owned()));
        assert_eq!(of(&["bEARER  sztp_x "]), Ok("sztp_x".to_owned()));
        for none in [&[][..], &["Basic YTpi"], &["Bearer"], &["Bearer "], &[""]] {
            assert_eq!(of(none), Err(ReasonCode::TokenMissing), "{none:?}");
        }
        assert_eq!(of(&["Bearer a", "Bearer b"]), Err(ReasonCode::HeaderInvalid));
    }

    #[test]
    fn accept_is_honoured_with_ranges_and_weights() {
        let of = |values: &[&str]| accepts(&headers(header::ACCEPT, values), Gives::Json);
        for good in [&[][..], &["*/*"], &["application/*"], &["text/html, application/json;q=0.1"], &["", "*/*"]] {
            assert!(of(good), "{good:?}");
        }
        for bad in [&["text/html"][..], &["application/json;q=0"], &["application/jsonx"], &["text/*", "image/*"]] {
            assert!(!of(bad), "{bad:?}");
        }
    }
}
