//! Backups, taken while the server runs.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::stream;
use operator_api::paths;
use pki::time::Timestamp;

use super::{
    Api,
    fault::Fault,
    guard::Caller,
    request::{NoParameters, Parameters},
};
use crate::backup::{TakeError, Taking};

/// Take a backup
///
/// Everything that is stored, as it is at one moment, in the form that `sztp restore` takes. Its last line comes when it
/// stands in the audit log that it was taken; without that line it is none.
#[utoipa::path(post, path = paths::BACKUP, tag = "backup",
    responses((status = 200, description = "The backup.", content_type = "application/octet-stream",
        body = inline(String))))]
pub(super) async fn backup(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
    caller: Caller,
) -> Result<Response, Fault> {
    // It keeps a reader of the database for as long as it is read.
    let place = Arc::clone(&api.backups).try_acquire_owned().map_err(|_| Fault::streams_exhausted())?;
    let now = Timestamp::from_system(std::time::SystemTime::now());
    let taking = Taking::begin(Arc::clone(&api.store), Arc::clone(&api.checkpoint_key), caller.actor(), now).await?;
    let pieces = stream::try_unfold((taking, place), |(mut taking, place)| async move {
        match taking.piece().await {
            Ok(piece) => Ok(piece.map(|octets| (octets, (taking, place)))),
            Err(error) => {
                // The reader sees that the connection ends without the last line.
                tracing::error!(%error, "a backup broke off");
                Err(error)
            }
        }
    });
    let mut response = Response::new(Body::from_stream(pieces));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

impl From<TakeError> for Fault {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Store(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}
