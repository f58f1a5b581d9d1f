//! The MASA: the manufacturer's service that says who owns a device (RFC 8366; RFC 8995 §5.5; RFC 8572 §1.2).
//!
//! A voucher comes about in one of three ways, and all end at [`Masa`](crate::Masa), which has the key:
//!
//! | who asks | way |
//! |---|---|
//! | a registrar, over the network | [`conveyed_info::verify::verify_voucher_request`] → [`judge`] → [`Decision`] → [`Masa::sign`](crate::Masa::sign) |
//! | a person with a key at hand | [`VoucherRequest`](crate::VoucherRequest) → [`Masa::issue`](crate::Masa::issue) |
//! | a person, for a whole delivery | [`Press`] |
//!
//! [`judge`] is pure: it gets what is on record ([`Owners`], [`KnownDevice`]), a [`MasaPolicy`] and the time, and what comes of it
//! is a [`Grant`], the only thing that
//! [`Masa::sign`](crate::Masa::sign) takes. Who owns a device changes by [`Deed`]s alone, and their list is
//! its history.

mod approval;
mod device;
mod domain;
pub(crate) mod issue;
mod judge;
mod ownership;
mod policy;
mod press;
mod refusal;
mod renewal;
mod transfer;

pub use approval::{Approval, ApprovalError, ClaimId, Grant, Person, PersonError, Proposal, Proposer};
pub use device::{DeviceClock, KnownDevice, LineName, LineNameError, ProductLine, SerialNumbers};
pub use domain::{Domain, Owner, OwnerName, OwnerNameError, Owners, OwnersError};
pub use judge::{Authentication, Decision, Known, judge, may_read_log};
pub use ownership::{Deed, DeedError, History, Ownership, Record};
pub use policy::{Approvals, Bound, Claims, Clockless, MasaPolicy, Nonceless};
pub use press::{Press, Pressed};
pub use refusal::{ClaimRefusal, accepts_vouchers, is_voucher_request};
pub use renewal::{RenewalError, renew};
pub use transfer::{Alive, IssuedVoucher, Until, still_alive};
