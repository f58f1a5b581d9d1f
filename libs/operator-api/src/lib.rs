//! What operators and a bootstrap server say to each other: JSON over HTTPS, on a listener of its own.
//!
//! Everything `sztp` does on a running server goes through these types. The server describes them, and the routes that
//! carry them, in an OpenAPI document made from this very code. Names are kebab-case; dates are RFC 3339 in UTC with
//! milliseconds; octets are base64 (RFC 4648 §4); digests are lower-case hex. Requests with unknown members are refused.
//!
//! | resource | methods | role |
//! |---|---|---|
//! | [`paths::STATUS`] | GET | viewer |
//! | [`paths::DEVICES`] | GET (pages, filters), POST | viewer, operator |
//! | [`paths::DEVICE`] | GET, PATCH | viewer, operator |
//! | [`paths::APPROVE`], [`paths::RETIRE`], [`paths::REPROVISION`], [`paths::CLEAR_ALARM`], [`paths::ACTIVATION_CODE`] | POST | operator |
//! | [`paths::REPORTS`], [`paths::STORY`] | GET | viewer |
//! | [`paths::IMPORT`] | POST, streamed both ways | operator |
//! | [`paths::MANUFACTURERS`], [`paths::MANUFACTURER`] | GET, PUT | viewer, admin |
//! | [`paths::REVOCATION_LISTS`] | PUT | admin |
//! | [`paths::PROFILES`] | GET, without what is in them | viewer |
//! | [`paths::PROFILE`] | GET, PUT, DELETE | operator |
//! | [`paths::VOUCHERS`] | GET (pages, filters), POST | viewer, operator |
//! | [`paths::IMPORT_VOUCHERS`] | POST, streamed both ways | operator |
//! | [`paths::RENEW_VOUCHERS`] | POST, streamed both ways | operator |
//! | [`paths::COVERAGE`] | POST, streamed both ways; changes nothing | viewer |
//! | [`paths::PRODUCTION_ORDERS`] | GET (pages), POST | viewer, operator |
//! | [`paths::PRODUCTION_ORDER`], [`paths::PRODUCTION_UNITS`] | GET | viewer |
//! | [`paths::CLOSE_PRODUCTION_ORDER`], [`paths::REWORK`] | POST | operator |
//! | [`paths::DHCP_LEASES`] | GET (pages, filters) | viewer |
//! | [`paths::RELEASE_DHCP_LEASE`] | POST | operator |
//! | [`paths::IMPORT_DHCP_LEASES`] | POST, streamed both ways | operator |
//! | [`paths::AUTHORITIES`] | GET | viewer |
//! | [`paths::CERTIFICATES`], [`paths::CERTIFICATE`] | GET (pages, filters), POST | viewer, operator |
//! | [`paths::REVOKE_CERTIFICATE`] | POST | operator |
//! | [`paths::IMPORT_CERTIFICATES`] | POST, streamed both ways | operator |
//! | [`paths::USERS`], [`paths::USER`] | GET, PUT, DELETE | admin |
//! | [`paths::TOKENS`], [`paths::TOKEN`] | GET, POST, DELETE | everybody their own, admin all |
//! | [`paths::RECORDS`], [`paths::CHECKPOINT`], [`paths::EVENTS`] | GET | viewer |
//! | [`paths::POLICIES`], [`paths::ACCEPT_POLICIES`] | GET, POST | viewer, admin |
//! | [`paths::EXPLAIN_DHCP`] | GET | viewer |
//! | [`paths::BACKUP`] | POST, streamed | admin |
//! | [`paths::METRICS`] | GET, OpenMetrics text | viewer |
//! | [`paths::OPENAPI`], [`paths::HEALTH`], [`paths::READY`] | GET | anybody |
//!
//! - **Pages**: `limit` (at most 1,000) and `after`, which is the `next` of the page before; no `next` means the end.
//! - **Versions**: every device has an `ETag`; a change with `If-Match` fails with 412 when somebody was faster.
//! - **Idempotency**: a POST or PATCH with `Idempotency-Key` that is sent again within a day gets the first answer again.
//! - **Rehearsal**: any change with `?dry-run=true` is judged and not made.
//! - **Errors**: [`Problem`] (RFC 9457), with a reason code and what to do.

mod audit;
mod certificates;
mod change;
#[cfg(feature = "client")]
pub mod client;
mod devices;
mod dhcp;
mod factory;
mod import;
mod leases;
mod manufacturers;
mod object;
mod operators;
pub mod paths;
mod policies;
mod problem;
mod profiles;
mod status;
mod vouchers;

pub use audit::{AuditRecord, AuditRecords, CheckpointNote, EventQuery, Notification, RecordQuery};
pub use certificates::{
    Authority, AuthorityList, AuthorityProfile, Certificate, CertificateOutcome, CertificatePage, CertificateQuery,
    CertificateUpdate, CertificatesDone, IssuedCertificate, NewCertificate, RevokeCertificate,
};
pub use change::ChangeQuery;
pub use devices::{
    Alarm, ApproveDevice, Because, Device, DeviceChange, DevicePage, DeviceQuery, Erased, IssuedActivationCode,
    NewDevice, Particulars, Proof, Report, ReportedCertificate, ReportedKey, Reports, Step, Story, Stuck, Waiting,
};
pub use dhcp::{
    DhcpAddress, DhcpBoot, DhcpBootstrap, DhcpDevice, DhcpExplanation, DhcpHindrance, DhcpItem, DhcpQuestion,
    DhcpSubnet,
};
pub use factory::{
    NewProductionOrder, NewProductionUnit, ProductionOrder, ProductionOrderPage, ProductionQuery, ProductionUnit,
    ProductionUnitPage,
};
pub use import::{
    DifferingMember, ImportDifference, ImportDone, ImportFault, ImportProgress, ImportQuery, ImportUpdate,
};
pub use leases::{
    DhcpLease, DhcpLeaseImportQuery, DhcpLeaseOutdated, DhcpLeasePage, DhcpLeaseQuery, DhcpLeaseTaken, DhcpLeaseUpdate,
    DhcpLeasesDone,
};
pub use manufacturers::{
    KnownCertificate, Manufacturer, ManufacturerList, NewManufacturer, NewRevocationLists, RevocationList,
    RevocationListList,
};
pub use operators::{IssuedToken, NewToken, NewUser, Role, Token, TokenList, User, UserList};
pub use policies::{AcceptPolicies, Policies, ProposedPolicies, spelled_duration};
pub use problem::Problem;
pub use profiles::{NewProfile, Profile, ProfileList, ProfileSummary};
pub use status::{Health, ListenerStatus, LogStatus, ServerAlarm, StateCount, Status, WebhookStatus};
pub use vouchers::{
    BroughtVoucher, CoverageDone, CoverageProblem, CoverageQuery, CoverageUpdate, CoveredDevice, NewVoucher,
    ProblemCount, StoredVoucher, Voucher, VoucherOutcome, VoucherPage, VoucherProgress, VoucherQuery, VoucherUpdate,
    VouchersDone,
};
