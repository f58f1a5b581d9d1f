//! Boot images, by content: `/images/<sha256>`.
//!
//! An image needs no protection in transit beyond the hash that the owner signed (RFC 8572 §6.3), so no certificate is
//! asked for: an installed boot loader may have none.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE},
    },
    response::{IntoResponse, Response},
};
use pki::digest::Digest;
use tokio::{fs::File, io::AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::{
    domain::parse_sha256,
    restconf::{Problem, Service},
};

/// Octets read and sent at a time.
const CHUNK: usize = 64 * 1024;

/// The images there are.
#[derive(Debug, Default)]
pub(crate) struct Images {
    files: HashMap<Digest, PathBuf>,
}

impl Images {
    pub(crate) fn new(files: impl IntoIterator<Item = (Digest, PathBuf)>) -> Self {
        Self { files: files.into_iter().collect() }
    }
}

/// Sends an image, or what is left of it after the offset that a resumed download names.
pub(crate) async fn serve(
    State(service): State<Arc<Service>>,
    Path(digest): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = parse_sha256(&digest).and_then(|digest| service.images.files.get(&digest));
    let path = path.ok_or_else(Problem::not_found)?;
    let mut file = File::open(path).await.map_err(|error| Problem::internal(&error))?;
    let length = file.metadata().await.map_err(|error| Problem::internal(&error))?.len();
    let first = match resume_offset(&headers) {
        Some(offset) if offset < length => offset,
        _ => 0,
    };
    file.seek(std::io::SeekFrom::Start(first)).await.map_err(|error| Problem::internal(&error))?;
    let status = if first == 0 { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
    let mut response = (
        status,
        [(CONTENT_TYPE, "application/octet-stream"), (ACCEPT_RANGES, "bytes"), (CACHE_CONTROL, "no-transform")],
        Body::from_stream(ReaderStream::with_capacity(file, CHUNK)),
    )
        .into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, (length - first).into());
    if first > 0
        && let Ok(range) = format!("bytes {first}-{}/{length}", length - 1).parse()
    {
        headers.insert(CONTENT_RANGE, range);
    }
    Ok(response)
}

/// RFC 9110 §14.2: `bytes=N-` is the one form that a resumed download uses; any other is answered with the whole.
fn resume_offset(headers: &HeaderMap) -> Option<u64> {
    headers.get(RANGE)?.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}
