//! Where fresh vouchers come from: the MASA of a manufacturer, reached in whatever way.

use std::{future::Future, pin::Pin};

use conveyed_info::{OwnershipVoucher, voucher::Nonce};
use pki::certificate::Certificate;
use verdict::ReasonCode;

use super::MasaService;
use crate::domain::DeviceId;

/// A voucher that is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The device that it is to be for.
    pub device: DeviceId,
    /// The nonce that it is to hold; `None` for one that others than a single request can use.
    pub nonce: Option<Nonce>,
    /// The device's IDevID certificate, where it is known: what its manufacturer knows it by.
    pub idevid: Option<Certificate>,
}

/// Gives vouchers. What it gives is verified like what anybody brings.
pub trait VoucherSource: Send + Sync {
    /// Asks the manufacturer's MASA for a voucher. Whoever asks decides how long that may take, and ends it by dropping it.
    fn request<'a>(
        &'a self,
        masa: &'a MasaService,
        wanted: &'a Wanted,
    ) -> Pin<Box<dyn Future<Output = Result<OwnershipVoucher, SourceFailed>> + Send + 'a>>;
}

/// There is no voucher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceFailed {
    /// Nobody answered.
    #[error("cannot be reached: {detail}")]
    Unreachable {
        /// Why.
        detail: String,
    },
    /// The manufacturer says no.
    #[error("answered {status}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said, cut to a line.
        detail: String,
    },
    /// Somebody at the manufacturer has to agree first (RFC 8995 §5.6; MAS-11).
    #[error("somebody there has to agree first; ask again after {seconds} s")]
    Later {
        /// After how many seconds it wants to be asked again.
        seconds: u32,
    },
    /// What it gave is no voucher.
    #[error("gave something that is no voucher: {detail}")]
    NoVoucher {
        /// What is wrong with it.
        detail: String,
    },
}

impl SourceFailed {
    /// The reason code.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Unreachable { .. } => ReasonCode::MasaUnreachable,
            Self::Refused { .. } => ReasonCode::MasaRefused,
            Self::Later { .. } => ReasonCode::MasaUndecided,
            Self::NoVoucher { .. } => ReasonCode::ArtifactMalformed,
        }
    }
}
