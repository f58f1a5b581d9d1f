//! Where each resource is. Serial numbers and names in paths are percent-encoded.

/// What the server is and how it does.
pub const STATUS: &str = "/v1/status";
/// The owner's policies.
pub const POLICIES: &str = "/v1/policies";
/// Puts the policies in force that the configuration proposes.
pub const ACCEPT_POLICIES: &str = "/v1/policies/accept";
/// All devices.
pub const DEVICES: &str = "/v1/devices";
/// One device.
pub const DEVICE: &str = "/v1/devices/{manufacturer}/{serial-number}";
/// Lets a held or refused device through.
pub const APPROVE: &str = "/v1/devices/{manufacturer}/{serial-number}/approve";
/// Takes a device out of service.
pub const RETIRE: &str = "/v1/devices/{manufacturer}/{serial-number}/retire";
/// Lets a device begin again.
pub const REPROVISION: &str = "/v1/devices/{manufacturer}/{serial-number}/reprovision";
/// Says that somebody has looked at a device's alarm.
pub const CLEAR_ALARM: &str = "/v1/devices/{manufacturer}/{serial-number}/clear-alarm";
/// Forgets a device.
pub const ERASE: &str = "/v1/devices/{manufacturer}/{serial-number}/erase";
/// Makes a new activation code for a device.
pub const ACTIVATION_CODE: &str = "/v1/devices/{manufacturer}/{serial-number}/activation-code";
/// What a device reported.
pub const REPORTS: &str = "/v1/devices/{manufacturer}/{serial-number}/reports";
/// What happened to a device, what it waits for, and what to do.
pub const STORY: &str = "/v1/devices/{manufacturer}/{serial-number}/story";
/// Registers many devices.
pub const IMPORT: &str = "/v1/import/devices";
/// All manufacturers.
pub const MANUFACTURERS: &str = "/v1/manufacturers";
/// One manufacturer.
pub const MANUFACTURER: &str = "/v1/manufacturers/{manufacturer}";
/// A manufacturer's revocation lists.
pub const REVOCATION_LISTS: &str = "/v1/manufacturers/{manufacturer}/revocation-lists";
/// All profiles.
pub const PROFILES: &str = "/v1/profiles";
/// One profile.
pub const PROFILE: &str = "/v1/profiles/{profile}";
/// Vouchers.
pub const VOUCHERS: &str = "/v1/vouchers";
/// Stores many vouchers.
pub const IMPORT_VOUCHERS: &str = "/v1/import/vouchers";
/// Asks manufacturers for vouchers.
pub const RENEW_VOUCHERS: &str = "/v1/vouchers/renew";
/// Compares a delivery list with the vouchers in stock.
pub const COVERAGE: &str = "/v1/vouchers/coverage";
/// All production orders.
pub const PRODUCTION_ORDERS: &str = "/v1/factory/orders";
/// One production order.
pub const PRODUCTION_ORDER: &str = "/v1/factory/orders/{order}";
/// Ends a production order.
pub const CLOSE_PRODUCTION_ORDER: &str = "/v1/factory/orders/{order}/close";
/// The units of a production order.
pub const PRODUCTION_UNITS: &str = "/v1/factory/orders/{order}/units";
/// Allows one more certificate for a unit.
pub const REWORK: &str = "/v1/factory/orders/{order}/units/{serial-number}/rework";
/// Leases of the DHCP servers.
pub const DHCP_LEASES: &str = "/v1/dhcp/leases";
/// Ends a lease before its time.
pub const RELEASE_DHCP_LEASE: &str = "/v1/dhcp/leases/{address}/release";
/// Takes over the leases of another DHCP server.
pub const IMPORT_DHCP_LEASES: &str = "/v1/import/dhcp-leases";
/// All authorities.
pub const AUTHORITIES: &str = "/v1/authorities";
/// Certificates that were issued.
pub const CERTIFICATES: &str = "/v1/certificates";
/// One of them.
pub const CERTIFICATE: &str = "/v1/certificates/{authority}/{serial}";
/// Revokes one of them.
pub const REVOKE_CERTIFICATE: &str = "/v1/certificates/{authority}/{serial}/revoke";
/// Issues many certificates.
pub const IMPORT_CERTIFICATES: &str = "/v1/import/certificates";
/// What a DHCP client would be answered.
pub const EXPLAIN_DHCP: &str = "/v1/dhcp/explain";
/// All users.
pub const USERS: &str = "/v1/users";
/// One user.
pub const USER: &str = "/v1/users/{user}";
/// All tokens.
pub const TOKENS: &str = "/v1/tokens";
/// One token.
pub const TOKEN: &str = "/v1/tokens/{token}";
/// Records of the audit log.
pub const RECORDS: &str = "/v1/audit/records";
/// The latest signed checkpoint.
pub const CHECKPOINT: &str = "/v1/audit/checkpoint";
/// Records of the audit log as they come: server-sent events, whose ids are places in the log.
pub const EVENTS: &str = "/v1/events";
/// Takes a backup.
pub const BACKUP: &str = "/v1/backup";
/// Metrics for Prometheus.
pub const METRICS: &str = "/metrics";
/// The description of all this.
pub const OPENAPI: &str = "/v1/openapi.json";
/// Whether the process is alive.
pub const HEALTH: &str = "/healthz";
/// Whether the server can take requests: its database answers and it is not stopping.
pub const READY: &str = "/readyz";
