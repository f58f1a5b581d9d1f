//! Where fresh vouchers come from: the MASA of a manufacturer, reached in whatever way.

use std::{future::Future, pin::Pin};

use conveyed_info::{OwnershipVoucher, voucher::Nonce};
use pki::certificate::Certificate;
use verdict::ReasonCode;

use crate::domain::{DeviceId, ManufacturerName};

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
    /// Whether vouchers for devices of this manufacturer can be asked for at all.
    fn serves(&self, manufacturer: &ManufacturerName) -> bool;

    /// Asks for a voucher. Whoever asks decides how long that may take, and ends it by dropping it.
    fn request<'a>(
        &'a self,
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
            Self::NoVoucher { .. } => ReasonCode::ArtifactMalformed,
        }
    }
}

/// Gives none: for owners whose manufacturers cannot be asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSource;

impl VoucherSource for NoSource {
    fn serves(&self, _: &ManufacturerName) -> bool {
        false
    }

    fn request<'a>(
        &'a self,
        _: &'a Wanted,
    ) -> Pin<Box<dyn Future<Output = Result<OwnershipVoucher, SourceFailed>> + Send + 'a>> {
        let detail = "this server knows no MASA".to_owned();
        Box::pin(std::future::ready(Err(SourceFailed::Unreachable { detail })))
    }
}
