//! Boot images, by content: `/images/<sha256>`.
//!
//! An image needs no protection in transit beyond the hash that the owner signed (RFC 8572 §6.3), so no certificate is
//! asked for: an installed boot loader may have none.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Extension,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE},
    },
    response::{IntoResponse, Response},
};
use pki::digest::Digest;
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt, AsyncSeekExt, ReadBuf, Take},
};
use tokio_util::io::ReaderStream;

use crate::{
    admission::{Place, Places, Shed, Source},
    domain::parse_sha256,
    restconf::{Problem, Service},
    tls::Connection,
};

/// Octets read and sent at a time.
const CHUNK: usize = 32 * 1024;

/// The images there are, and how many may be under way.
#[derive(Debug)]
pub(crate) struct Images {
    files: HashMap<Digest, PathBuf>,
    transfers: Places,
}

impl Images {
    pub(crate) fn new(files: impl IntoIterator<Item = (Digest, PathBuf)>, transfers: usize) -> Self {
        Self { files: files.into_iter().collect(), transfers: Places::new(transfers) }
    }
}

/// Sends an image, or what is left of it after the offset that a resumed download names.
pub(crate) async fn serve(
    State(service): State<Arc<Service>>,
    Extension(connection): Extension<Connection>,
    digest: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A path that is no text names no image.
    let Path(digest) = digest.map_err(|_| Problem::not_found())?;
    let path = parse_sha256(&digest).and_then(|digest| service.images.files.get(&digest));
    let path = path.ok_or_else(Problem::not_found)?;
    // Whoever reads slowly keeps its places for long: they are shared, or one who knows an image's name could have all.
    let place = service.images.transfers.enter(Source::of(connection.source));
    let place = place.map_err(|_| Problem::busy(Shed::Images))?;
    let mut file = File::open(path).await.map_err(|error| Problem::internal(&error))?;
    let length = file.metadata().await.map_err(|error| Problem::internal(&error))?.len();
    let first = resume_offset(&headers).unwrap_or(0);
    if first > 0 && first >= length {
        return Err(Problem::out_of_range(length));
    }
    file.seek(io::SeekFrom::Start(first)).await.map_err(|error| Problem::internal(&error))?;
    // A file that grows meanwhile must not make the body longer than was announced.
    let transfer = Transfer { octets: file.take(length - first), _place: place };
    let status = if first == 0 { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
    let mut response = (
        status,
        [(CONTENT_TYPE, "application/octet-stream"), (ACCEPT_RANGES, "bytes"), (CACHE_CONTROL, "no-transform")],
        Body::from_stream(ReaderStream::with_capacity(transfer, CHUNK)),
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

/// An image on its way. It counts until the last octet has left or the peer has gone.
struct Transfer {
    octets: Take<File>,
    _place: Place,
}

impl AsyncRead for Transfer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.octets).poll_read(context, buffer)
    }
}

/// RFC 9110 §14.2: `bytes=N-` is the one form that a resumed download uses; any other is answered with the whole.
fn resume_offset(headers: &HeaderMap) -> Option<u64> {
    headers.get(RANGE)?.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}
