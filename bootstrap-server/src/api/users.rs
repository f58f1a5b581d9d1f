//! Users: who may do what.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{ChangeQuery, NewUser, User as ShownUser, UserList, paths};

use super::{
    Api, answer,
    change::{KeptBody, Turn},
    fault::Fault,
    request::{NamePath, NoParameters, Nothing, Parameters, Submission},
    view,
};
use crate::{
    audit::Event,
    domain::{Role, User, UserName},
};

/// List users
#[utoipa::path(get, path = paths::USERS, tag = "users",
    responses((status = 200, description = "All users, by name.", body = UserList)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    let users = api.store.users().await?;
    Ok(answer::json(StatusCode::OK, &UserList { users: users.iter().map(view::user).collect() }))
}

/// Show a user
#[utoipa::path(get, path = paths::USER, tag = "users", params(("user" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The user.", body = ShownUser)))]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
    name: NamePath,
) -> Result<Response, Fault> {
    let name = name.of(UserName::new)?;
    let users = api.store.users().await?;
    let user = users.iter().find(|user| user.name == name);
    let user = user.ok_or_else(|| Fault::not_found().detail(format!("no user {name}")))?;
    Ok(answer::json(StatusCode::OK, &view::user(user)))
}

/// Add a user, or give one another role
#[utoipa::path(put, path = paths::USER, tag = "users", request_body = NewUser,
    params(ChangeQuery, ("user" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The user as it is now.", body = ShownUser),
        (status = 204, description = "It would be so.")))]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    name: NamePath,
    submission: Submission<NewUser>,
) -> Result<Response, Fault> {
    let name = name.of(UserName::new)?;
    let role = match submission.body.role {
        operator_api::Role::Viewer => Role::Viewer,
        operator_api::Role::Operator => Role::Operator,
        operator_api::Role::Admin => Role::Admin,
    };
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => return Ok(answer::kept(kept)),
    };
    let user = User { name, role };
    let shown = answer::written(&view::user(&user));
    let kept = KeptBody::whole(StatusCode::OK, shown.clone());
    let done = change.carry_out(&api, Event::UserChanged { user }.into(), kept).await?;
    Ok(done.answer(|| answer::octets(StatusCode::OK, shown)))
}

/// Remove a user, and with it its tokens
#[utoipa::path(delete, path = paths::USER, tag = "users",
    params(ChangeQuery, ("user" = String, Path, description = "Its name.")),
    responses((status = 204, description = "It is removed, or would be.")))]
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    name: NamePath,
    submission: Submission<Nothing>,
) -> Result<Response, Fault> {
    let user = name.of(UserName::new)?;
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(kept) => return Ok(answer::kept(kept)),
    };
    let kept = KeptBody::afresh(StatusCode::NO_CONTENT);
    // A user that the path names and that is not there is missing here, not in the body.
    if !api.store.users().await?.iter().any(|known| known.name == user) {
        return Err(Fault::not_found().detail(format!("no user {user}")));
    }
    change.carry_out(&api, Event::UserRemoved { user }.into(), kept).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
