//! An answer that is too long to be held in memory.

use bytes::Bytes;

use super::{ClientError, answer::Answer};

/// Octets that come one piece after the other. Whether they are complete, only their content can tell.
pub struct Download<'a>(Answer<'a>);

impl<'a> Download<'a> {
    pub(super) const fn new(answer: Answer<'a>) -> Self {
        Self(answer)
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`ClientError`] when the connection breaks.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.0.piece().await
    }
}

impl std::fmt::Debug for Download<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").finish_non_exhaustive()
    }
}
